"""Attention, convolutions, pooling and their like against PyTorch: first weights, outputs, gradients,
refusals.
"""

import numpy as np
import pytest

import minigrad
from minigrad import nn, ops

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning")

SMALL = {"d_model": 12, "nhead": 4, "dim_feedforward": 16}
ROWS = {"num_encoder_layers": 2, "num_decoder_layers": 2}
CHANNELS = {"in_channels": 4, "out_channels": 6}
BORDERS = ("Zero", "Reflection", "Replication", "Circular")
#: (layer, settings, shapes of its inputs)
LAYERS = [
    ("MultiheadAttention", {"embed_dim": 12, "num_heads": 4}, [(5, 3, 12), (4, 3, 12), (4, 3, 12)]),
    (
        "MultiheadAttention",
        {"embed_dim": 12, "num_heads": 3, "kdim": 5, "vdim": 7},
        [(5, 12), (4, 5), (4, 7)],
    ),
    (
        "MultiheadAttention",
        {"embed_dim": 12, "num_heads": 4, "add_bias_kv": True, "add_zero_attn": True, "batch_first": True},
        [(3, 5, 12), (3, 4, 12), (3, 4, 12)],
    ),
    ("MultiheadAttention", {"embed_dim": 12, "num_heads": 4, "bias": False}, [(5, 3, 12)] * 3),
    ("TransformerEncoderLayer", {**SMALL, "dropout": 0.25}, [(5, 3, 12)]),
    ("TransformerEncoderLayer", {**SMALL, "norm_first": True, "activation": "gelu"}, [(5, 12)]),
    ("TransformerDecoderLayer", {**SMALL, "batch_first": True, "bias": False}, [(3, 5, 12), (3, 4, 12)]),
    ("TransformerDecoderLayer", {**SMALL, "norm_first": True}, [(5, 3, 12), (4, 3, 12)]),
    ("Transformer", {**SMALL, **ROWS, "dropout": 0.25}, [(5, 3, 12), (4, 3, 12)]),
    ("Conv1d", {**CHANNELS, "kernel_size": 3, "stride": 2, "padding": 1}, [(2, 4, 9)]),
    ("Conv1d", {**CHANNELS, "kernel_size": 4, "padding": "same", "padding_mode": "circular"}, [(2, 4, 9)]),
    (
        "Conv2d",
        {**CHANNELS, "kernel_size": (3, 2), "padding": (2, 1), "padding_mode": "reflect"},
        [(2, 4, 5, 6)],
    ),
    ("Conv2d", {**CHANNELS, "kernel_size": 3, "dilation": (1, 2), "groups": 2, "bias": False}, [(4, 5, 6)]),
    (
        "Conv2d",
        {**CHANNELS, "kernel_size": 3, "padding": "valid", "padding_mode": "replicate"},
        [(2, 4, 5, 6)],
    ),
    ("Conv3d", {**CHANNELS, "kernel_size": 2, "stride": (1, 2, 1)}, [(2, 4, 3, 4, 5)]),
    ("ConvTranspose1d", {**CHANNELS, "kernel_size": 3, "stride": 3, "output_padding": 2}, [(2, 4, 5)]),
    (
        "ConvTranspose2d",
        {**CHANNELS, "kernel_size": 3, "stride": 2, "groups": 2, "padding": 1},
        [(2, 4, 3, 5)],
    ),
    ("ConvTranspose3d", {**CHANNELS, "kernel_size": 2, "dilation": 2, "output_padding": 1}, [(4, 2, 3, 3)]),
    ("Unfold", {"kernel_size": 2, "padding": 1, "stride": (2, 1)}, [(2, 3, 4, 5)]),
    ("Fold", {"output_size": (4, 5), "kernel_size": (2, 3)}, [(2, 12, 9)]),
    *((f"{kind}Pad{n}d", {"padding": 2}, [(2, 3, 4, 5, 3)[: n + 2]]) for kind in BORDERS for n in (1, 2, 3)),
    ("ConstantPad2d", {"padding": (1, 2, 0, -1), "value": 1.5}, [(2, 3, 4, 5)]),
    *(
        (f"MaxPool{n}d", {"kernel_size": 3, "stride": 2, "padding": 1}, [(2, 3, 7, 6, 5)[: n + 2]])
        for n in (1, 2, 3)
    ),
    *(
        (f"AvgPool{n}d", {"kernel_size": 3, "ceil_mode": True, "padding": 1}, [(2, 7, 6, 5, 8)[: n + 1]])
        for n in (1, 2, 3)
    ),
    *(
        (f"Adaptive{kind}Pool{n}d", {"output_size": 3}, [(2, 3, 7, 6, 5)[: n + 2]])
        for kind in ("Max", "Avg")
        for n in (1, 2, 3)
    ),
    ("MaxPool2d", {"kernel_size": 2, "dilation": 2, "return_indices": True}, [(2, 3, 5, 6)]),
    ("AdaptiveMaxPool2d", {"output_size": (1, 1), "return_indices": True}, [(3, 5, 6)]),
    ("AvgPool2d", {"kernel_size": (2, 3), "count_include_pad": False, "padding": 1}, [(2, 3, 5, 6)]),
    *((f"LPPool{n}d", {"norm_type": 3, "kernel_size": 2}, [(2, 3, 4, 5, 6)[: n + 2]]) for n in (1, 2, 3)),
    ("FractionalMaxPool2d", {"kernel_size": 2, "output_ratio": 0.6}, [(2, 3, 7, 8)]),
    ("FractionalMaxPool3d", {"kernel_size": 2, "output_size": 3, "return_indices": True}, [(2, 3, 5, 7, 8)]),
    ("Upsample", {"scale_factor": 1.7, "mode": "bicubic", "align_corners": False}, [(2, 3, 5, 4)]),
    ("Upsample", {"size": (3, 9), "mode": "bilinear"}, [(2, 3, 5, 4)]),
    ("Upsample", {"scale_factor": (2.0, 1.5, 0.5), "mode": "trilinear"}, [(1, 2, 3, 4, 5)]),
    ("UpsamplingNearest2d", {"scale_factor": 1.6}, [(2, 3, 5, 4)]),
    ("UpsamplingBilinear2d", {"size": 7}, [(2, 3, 5, 4)]),
    ("PixelShuffle", {"upscale_factor": 2}, [(2, 8, 3, 4)]),
    ("PixelUnshuffle", {"downscale_factor": 2}, [(2, 3, 4, 6)]),
    ("ChannelShuffle", {"groups": 2}, [(2, 6, 3, 4)]),
    ("LocalResponseNorm", {"size": 3}, [(2, 6, 3, 4)]),
    ("SyncBatchNorm", {"num_features": 4, "momentum": None}, [(5, 4, 2)]),
]


def layer_id(case) -> str:
    name, settings, _ = case
    return name + "".join(f"-{k}={v}" for k, v in settings.items() if k not in SMALL | CHANNELS)


def pair(name: str, settings: dict, seed: int = 3):
    """The layer in both frameworks, each made after the same seed."""
    torch.manual_seed(seed)
    minigrad.manual_seed(seed)
    return getattr(torch.nn, name)(**settings), getattr(nn, name)(**settings)


def leaves(arrays):
    """Leaves of both frameworks with these values."""
    return (
        [torch.from_numpy(a.copy()).requires_grad_() for a in arrays],
        [ops.from_numpy(a.copy()).requires_grad_() for a in arrays],
    )


def tensors_of(result) -> list:
    return list(result) if isinstance(result, tuple) else [result]


def assert_same(ours, theirs, tolerance: float) -> None:
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def assert_agree(call, theirs, ours, arrays, rng, tolerance: float) -> None:
    """Outputs, and gradients of random weights of the floating ones;
    `call(framework's callable, tensors)`.
    """
    inputs = leaves(arrays)
    results = [
        [t for t in tensors_of(call(f, x)) if t is not None]
        for f, x in zip((theirs, ours), inputs, strict=True)
    ]
    for expected, got in zip(*results, strict=True):
        assert_same(got, expected, tolerance)
    floating = [i for i, t in enumerate(results[0]) if t.requires_grad]
    assert floating == [i for i, t in enumerate(results[1]) if t.requires_grad]
    weights = [rng.standard_normal(results[0][i].shape).astype(arrays[0].dtype) for i in floating]
    for wrap, outs in ((torch.from_numpy, results[0]), (ops.from_numpy, results[1])):
        sum((outs[i] * wrap(w)).sum() for i, w in zip(floating, weights, strict=True)).backward()
    for expected, got in zip(*inputs, strict=True):
        assert_same(got.grad, expected.grad, tolerance)


@pytest.mark.parametrize("case", LAYERS, ids=layer_id)
def test_layers_start_print_and_compute_alike(case):
    name, settings, shapes = case
    theirs, ours = pair(name, settings)
    assert torch.rand(1).item() == minigrad.rand(1).item()  # both generators have come as far
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for expected, got in zip(theirs.parameters(), ours.parameters(), strict=True):
        np.testing.assert_array_equal(got.detach().numpy(), expected.detach().numpy())
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype(np.float32) for s in shapes]
    torch.manual_seed(5)
    minigrad.manual_seed(5)
    assert_agree(lambda f, x: f(*x), theirs, ours, arrays, rng, 2e-5)
    for (label, expected), got in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        assert (got.grad is None) == (expected.grad is None), label
        if got.grad is not None:
            assert_same(got.grad, expected.grad, 5e-5)


#: (lazy layer, settings, shape of its input)
LAZY = [
    ("LazyLinear", {"out_features": 3}, (2, 5)),
    ("LazyConv1d", {"out_channels": 4, "kernel_size": 3, "groups": 2}, (2, 6, 7)),
    ("LazyConv2d", {"out_channels": 4, "kernel_size": 3, "padding": 1}, (2, 3, 5, 6)),
    ("LazyConvTranspose2d", {"out_channels": 4, "kernel_size": 3, "stride": 2}, (2, 3, 4, 4)),
    ("LazyBatchNorm1d", {}, (4, 3)),
    ("LazyInstanceNorm1d", {}, (2, 3, 5)),
]


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
@pytest.mark.parametrize("case", LAZY, ids=lambda case: case[0])
def test_lazy_layers(case):
    name, settings, shape = case
    theirs, ours = pair(name, settings)
    assert repr(ours) == repr(theirs)
    rng = np.random.default_rng(1)
    torch.manual_seed(4)
    minigrad.manual_seed(4)
    assert_agree(lambda f, x: f(*x), theirs, ours, [rng.standard_normal(shape).astype(np.float32)], rng, 2e-5)
    assert repr(ours) == repr(theirs)
    for expected, got in zip(theirs.state_dict().values(), ours.state_dict().values(), strict=True):
        np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-5)


# ---- attention ---------------------------------------------------------------------------------------------
#: name -> (arguments besides query, key and value, made by either framework)
ATTENTION = {
    "scaled": lambda f: {"scale": 0.3},
    "causal": lambda f: {"is_causal": True},
    "choice": lambda f: {"attn_mask": f.from_numpy(np.random.default_rng(1).random((2, 1, 5, 6)) < 0.5)},
    "terms": lambda f: {"attn_mask": f.from_numpy(np.random.default_rng(1).standard_normal((5, 6)))},
    "dropout": lambda f: {"dropout_p": 0.4},
}


@pytest.mark.parametrize("name", ATTENTION)
def test_scaled_dot_product_attention(name):
    rng = np.random.default_rng(2)
    arrays = [rng.standard_normal(s) for s in ((2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 7))]

    def call(framework, x):
        framework.manual_seed(6)
        return framework.nn.functional.scaled_dot_product_attention(*x, **ATTENTION[name](framework))

    assert_agree(call, torch, minigrad, arrays, rng, 1e-10)


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("kind", ["none", "choice", "terms"])
@pytest.mark.parametrize("padded", [False, True])
def test_masks_of_multi_head_attention(kind, padded, need_weights):
    rng = np.random.default_rng(4)
    hidden = rng.random((3 * 4, 5, 6)) < 0.3
    padding = np.zeros((3, 6), bool)
    padding[1, 4:] = True
    terms = np.where(hidden, -np.inf, rng.standard_normal(hidden.shape)).astype(np.float32)
    padding_terms = np.where(padding, -np.inf, 0).astype(np.float32)
    mask, keys = {"none": (None, padding), "choice": (hidden, padding), "terms": (terms, padding_terms)}[kind]

    def call(layer, x):
        wrap = (torch if isinstance(layer, torch.nn.Module) else minigrad).from_numpy
        given = {
            "attn_mask": None if mask is None else wrap(mask),
            "key_padding_mask": wrap(keys) if padded else None,
        }
        return layer(*x, need_weights=need_weights, average_attn_weights=False, **given)

    theirs, ours = pair("MultiheadAttention", {"embed_dim": 12, "num_heads": 4})
    arrays = [rng.standard_normal(s).astype(np.float32) for s in ((5, 3, 12), (6, 3, 12), (6, 3, 12))]
    assert_agree(call, theirs, ours, arrays, rng, 2e-5)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize(
    "change", ["none", "norm", "norm_first", "odd", "silu", "holes", "train", "nested off"]
)
def test_padded_positions_of_an_encoder_in_evaluation(change):
    """PyTorch leaves zeros there where it computes with nested tensors, and only there."""
    rng = np.random.default_rng(13)
    x = rng.standard_normal((3, 5, 12)).astype(np.float32)
    padding = np.arange(5) >= np.array([[5], [3], [1]])
    if change == "holes":
        padding[1] = [False, True, False, False, True]

    def call(f):
        f.manual_seed(3)
        heads, activation = 3 if change == "odd" else 4, f.nn.functional.silu if change == "silu" else "relu"
        layer = f.nn.TransformerEncoderLayer(
            12, heads, 16, 0.0, activation, batch_first=True, norm_first=change == "norm_first"
        )
        norm = f.nn.LayerNorm(12) if change == "norm" else None
        model = f.nn.TransformerEncoder(layer, 2, norm, enable_nested_tensor=change != "nested off")
        with f.no_grad():
            return model.train(change == "train")(f.from_numpy(x), src_key_padding_mask=f.from_numpy(padding))

    assert_same(call(minigrad), call(torch), 2e-5)


# ---- losses with weights of their own ----------------------------------------------------------------------
LINEAR = {"in_features": 6, "num_classes": 5}
CHUNKED = {"batch_chunk_size": 3}
#: (loss, settings, shape of its targets)
CLASSIFIERS = [
    (
        "AdaptiveLogSoftmaxWithLoss",
        {"in_features": 6, "n_classes": 12, "cutoffs": [3, 6], "div_value": 1.5},
        (7,),
    ),
    (
        "AdaptiveLogSoftmaxWithLoss",
        {"in_features": 6, "n_classes": 12, "cutoffs": [4], "div_value": 2, "head_bias": True},
        (7,),
    ),
    ("LinearCrossEntropyLoss", LINEAR, (7,)),
    ("LinearCrossEntropyLoss", {**LINEAR, "bias": True, "label_smoothing": 0.2, "reduction": "sum"}, (7,)),
    (
        "LinearCrossEntropyLoss",
        {**LINEAR, "out_features": (2, 3), "bias": True, "ignore_index": 2},
        (7, 2, 3),
    ),
    ("LinearCrossEntropyLoss", {**LINEAR, "bias": True, "reduction": "none", "options": CHUNKED}, (7,)),
    ("LinearCrossEntropyLoss", {**LINEAR, "ignore_index": 1, "options": {}}, (7,)),
]


@pytest.mark.parametrize("case", CLASSIFIERS, ids=lambda case: f"{case[0]}-{list(case[1].values())[2:]}")
def test_losses_with_weights_of_their_own(case):
    name, settings, shape = case
    rng = np.random.default_rng(12)
    classes = settings.get("n_classes", settings.get("num_classes"))
    target = rng.integers(0, classes, shape)

    def make(framework):
        framework.manual_seed(3)
        given = dict(settings)
        if "options" in given:
            given["options"] = framework.nn.LinearCrossEntropyOptions(**given["options"])
        return getattr(framework.nn, name)(**given)

    theirs, ours = make(torch), make(minigrad)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())

    def call(layer, x):
        wrap = (torch if isinstance(layer, torch.nn.Module) else minigrad).from_numpy
        return layer(x[0], wrap(target))

    arrays = [rng.standard_normal((7, 6)).astype(np.float32)]
    assert_agree(call, theirs, ours, arrays, rng, 2e-5)
    for (label, expected), got in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        assert (got.grad is None) == (expected.grad is None), label
        if got.grad is not None:
            assert_same(got.grad, expected.grad, 5e-5)
    if "Adaptive" in name:
        x = ops.from_numpy(arrays[0])
        assert_same(ours.log_prob(x), theirs.log_prob(torch.from_numpy(arrays[0])), 2e-5)
        np.testing.assert_array_equal(ours.predict(x), theirs.predict(torch.from_numpy(arrays[0])))


# ---- losses of sequences -----------------------------------------------------------------------------------
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("blank", [0, 3])
def test_ctc_loss(reduction, blank):
    rng = np.random.default_rng(8)
    scores = rng.standard_normal((9, 3, 5))
    labels = rng.integers(0, 4, (3, 4))
    labels[labels >= blank] += 1

    def call(framework, x):
        loss = framework.nn.CTCLoss(blank, reduction, zero_infinity=True)
        return loss(x[0].log_softmax(-1), framework.from_numpy(labels), (9, 8, 3), (4, 2, 4))

    assert_agree(call, torch, minigrad, [scores], rng, 1e-9)


# ---- sampling ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(3, 8), (9, 2)])
def test_antialiased_interpolation(mode, size):
    rng = np.random.default_rng(9)

    def call(framework, x):
        return framework.nn.functional.interpolate(x[0], size, mode=mode, antialias=True)

    assert_agree(call, torch, minigrad, [rng.standard_normal((2, 3, 7, 6))], rng, 1e-9)


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("aligned", [False, True])
def test_sampling_by_an_affine_map(mode, padding_mode, aligned):
    rng = np.random.default_rng(10)

    def call(framework, x):
        F = framework.nn.functional
        grid = F.affine_grid(x[1], (2, 3, 4, 5), aligned)
        return F.grid_sample(x[0], grid, mode, padding_mode, aligned)

    arrays = [rng.standard_normal((2, 3, 6, 5)), np.eye(2, 3) + 0.4 * rng.standard_normal((2, 2, 3))]
    assert_agree(call, torch, minigrad, arrays, rng, 1e-9)

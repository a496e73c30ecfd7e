"""Every layer against PyTorch's, from the same seed: how it prints, its weights, outputs, gradients and
buffers.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import minigrad  # noqa: E402
import minigrad.nn  # noqa: E402

F, TF = minigrad.nn.functional, torch.nn.functional
RNG = np.random.default_rng(7)


def floats(*shape, low=None, high=None):
    array = RNG.standard_normal(shape) if low is None else RNG.uniform(low, high, shape)
    return array.astype(np.float32)


def integers(high, *shape):
    return np.asarray(RNG.integers(0, high, shape))


class Fixed(np.ndarray):
    """An array that is not to be differentiated."""


def ours(value):
    return minigrad.tensor(np.asarray(value)) if isinstance(value, np.ndarray) else value


def theirs(value):
    return torch.tensor(np.asarray(value)) if isinstance(value, np.ndarray) else value


def leaves(arrays, convert):
    """The arrays as tensors; those of floats require grad."""
    tensors = [convert(a) for a in arrays]
    for array, tensor in zip(arrays, tensors, strict=True):
        if type(array) is np.ndarray and array.dtype.kind == "f":
            tensor.requires_grad_()
    return tensors


def close(mine, reference, what=""):
    assert mine.dtype == np.dtype(str(reference.dtype).removeprefix("torch.")) or str(mine.dtype) == str(
        reference.dtype
    )
    np.testing.assert_allclose(
        mine.detach().numpy(),
        reference.detach().numpy(),
        rtol=2e-4,
        atol=2e-5,
        err_msg=str(what),
        equal_nan=True,
    )


def case(name, *args, inputs, **kwargs):
    return pytest.param(name, args, kwargs, inputs, id=f"{name}-{args}-{kwargs}"[:70])


X = floats(4, 6) * 2
IMAGE = floats(3, 4, 5, 6)
ACTIVATIONS = [
    ("CELU", (1.5,), {}),
    ("ELU", (0.7,), {}),
    ("GELU", (), {}),
    ("GELU", ("tanh",), {}),
    ("GLU", (), {}),
    ("GLU", (0,), {}),
    ("Hardshrink", (), {}),
    ("Hardsigmoid", (), {}),
    ("Hardswish", (), {}),
    ("Hardtanh", (), {}),
    ("Hardtanh", (-0.5, 2.0), {}),
    ("LeakyReLU", (0.2,), {}),
    ("LogSigmoid", (), {}),
    ("LogSoftmax", (1,), {}),
    ("Mish", (), {}),
    ("PReLU", (), {}),
    ("PReLU", (6,), {}),
    ("ReLU", (), {}),
    ("ReLU6", (), {}),
    ("RReLU", (), {}),
    ("SELU", (), {}),
    ("SiLU", (), {}),
    ("Sigmoid", (), {}),
    ("Softmax", (0,), {}),
    ("Softmin", (-1,), {}),
    ("Softplus", (2.0, 1.0), {}),
    ("Softshrink", (0.3,), {}),
    ("Softsign", (), {}),
    ("Tanh", (), {}),
    ("Tanhshrink", (), {}),
    ("Threshold", (0.1, -2.0), {}),
]

LAYERS = [
    *[case(name, *args, inputs=[X], **kwargs) for name, args, kwargs in ACTIVATIONS],
    case("Softmax2d", inputs=[IMAGE]),
    case("Identity", 3, what="ever", inputs=[X]),
    case("Linear", 6, 3, inputs=[X]),
    case("Linear", 6, 3, bias=False, inputs=[floats(2, 3, 6)]),
    case("Linear", 6, 3, inputs=[floats(6)]),
    case("Linear", 6, 3, inputs=[floats(0, 6)]),
    case("Bilinear", 6, 2, 3, inputs=[X, floats(4, 2)]),
    case("Bilinear", 6, 2, 3, bias=False, inputs=[floats(2, 5, 6), floats(2, 5, 2)]),
    case("Embedding", 10, 3, inputs=[integers(10, 4, 5)]),
    case("Embedding", 10, 3, padding_idx=-2, inputs=[integers(10, 30)]),
    case("Embedding", 10, 3, max_norm=1.0, norm_type=1.0, inputs=[integers(10, 4, 5)]),
    case("Embedding", 10, 3, scale_grad_by_freq=True, padding_idx=1, inputs=[integers(10, 40)]),
    case("EmbeddingBag", 10, 3, inputs=[integers(10, 4, 5)]),
    case("EmbeddingBag", 10, 3, mode="sum", padding_idx=2, inputs=[integers(10, 4, 5)]),
    case("EmbeddingBag", 10, 3, mode="max", inputs=[integers(10, 9), np.array([0, 3, 3, 7])]),
    case("EmbeddingBag", 10, 3, mode="mean", padding_idx=1, inputs=[integers(10, 9), np.array([0, 3, 3, 7])]),
    case(
        "EmbeddingBag",
        10,
        3,
        mode="sum",
        max_norm=1.0,
        inputs=[integers(10, 9), np.array([0, 3, 3, 7]), floats(9)],
    ),
    case("Dropout", inputs=[floats(20, 30)]),
    case("Dropout", 0.2, inputs=[floats(7)]),
    case("Dropout", 1.0, inputs=[X]),
    case("Dropout", 0.0, inputs=[X]),
    case("Dropout1d", inputs=[floats(4, 5, 6)]),
    case("Dropout1d", inputs=[floats(5, 6)]),
    case("Dropout2d", 0.3, inputs=[IMAGE]),
    case("Dropout3d", inputs=[floats(4, 2, 3, 2, 2)]),
    case("AlphaDropout", 0.3, inputs=[X]),
    case("FeatureAlphaDropout", inputs=[IMAGE]),
    case("LayerNorm", 6, inputs=[X]),
    case("LayerNorm", (5, 6), bias=False, inputs=[IMAGE]),
    case("LayerNorm", (5, 6), elementwise_affine=False, inputs=[IMAGE]),
    case("RMSNorm", 6, inputs=[X]),
    case("RMSNorm", (5, 6), eps=1e-3, elementwise_affine=False, inputs=[IMAGE]),
    case("GroupNorm", 2, 4, inputs=[IMAGE]),
    case("GroupNorm", 1, 4, affine=False, inputs=[IMAGE]),
    case("GroupNorm", 4, 4, bias=False, inputs=[IMAGE]),
    case("BatchNorm1d", 6, inputs=[X]),
    case("BatchNorm1d", 4, momentum=None, inputs=[floats(3, 4, 5)]),
    case("BatchNorm1d", 6, affine=False, track_running_stats=False, inputs=[X]),
    case("BatchNorm2d", 4, momentum=0.3, bias=False, inputs=[IMAGE]),
    case("BatchNorm3d", 2, inputs=[floats(2, 2, 3, 2, 2)]),
    case("InstanceNorm1d", 4, inputs=[floats(3, 4, 5)]),
    case("InstanceNorm1d", 4, affine=True, inputs=[floats(4, 5)]),
    case("InstanceNorm2d", 4, affine=True, track_running_stats=True, inputs=[IMAGE]),
    case("InstanceNorm3d", 2, inputs=[floats(2, 2, 3, 2, 2)]),
    case("Flatten", inputs=[IMAGE]),
    case("Flatten", 0, 1, inputs=[IMAGE]),
    case("Unflatten", 1, (2, -1), inputs=[X]),
    case("CosineSimilarity", inputs=[X, floats(4, 6)]),
    case("CosineSimilarity", dim=0, eps=1e-3, inputs=[X, floats(1, 6)]),
    case("PairwiseDistance", inputs=[X, floats(4, 6)]),
    case("PairwiseDistance", 1.0, keepdim=True, inputs=[X, floats(4, 6)]),
]


def signs(*shape):
    return np.asarray(RNG.integers(0, 2, shape) * 2 - 1).astype(np.float32).view(Fixed)


def probabilities(*shape):
    p = RNG.random(shape) + 0.05
    return (p / p.sum(1 if len(shape) > 1 else 0, keepdims=True)).astype(np.float32)


def multilabel(rows, classes):
    return np.stack(
        [
            np.where(np.arange(classes) < RNG.integers(0, classes + 1), RNG.permutation(classes), -1)
            for _ in range(rows)
        ]
    )


IGNORED = np.array([1, -100, 0, 2])
WEIGHT = floats(3, low=0.5, high=2.0)
_LOSSES = [
    ("MSELoss", {}, [floats(4, 6), floats(4, 6)]),
    ("L1Loss", {}, [floats(4, 6), floats(4, 6)]),
    ("SmoothL1Loss", {"beta": 0.5}, [floats(4, 6), floats(4, 6)]),
    ("SmoothL1Loss", {"beta": 0.0}, [floats(4, 6), floats(4, 6)]),
    ("HuberLoss", {"delta": 0.7}, [floats(4, 6), floats(4, 6)]),
    ("CrossEntropyLoss", {}, [floats(4, 3), integers(3, 4)]),
    ("CrossEntropyLoss", {}, [floats(3), integers(3)]),
    ("CrossEntropyLoss", {}, [floats(2, 3, 4, 5), integers(3, 2, 4, 5)]),
    ("CrossEntropyLoss", {"label_smoothing": 0.2}, [floats(2, 3, 4), integers(3, 2, 4)]),
    ("CrossEntropyLoss", {"weight": WEIGHT}, [floats(4, 3), integers(3, 4)]),
    (
        "CrossEntropyLoss",
        {"weight": WEIGHT, "label_smoothing": 0.1, "ignore_index": 1},
        [floats(5, 3), integers(3, 5)],
    ),
    ("CrossEntropyLoss", {}, [floats(4, 3), IGNORED]),
    ("CrossEntropyLoss", {"label_smoothing": 0.3}, [floats(4, 3), IGNORED]),
    ("CrossEntropyLoss", {}, [floats(4, 3), np.full(4, -100)]),
    ("CrossEntropyLoss", {"ignore_index": 0}, [floats(4, 3), integers(3, 4)]),
    ("CrossEntropyLoss", {}, [floats(4, 3), probabilities(4, 3)]),
    (
        "CrossEntropyLoss",
        {"label_smoothing": 0.2, "weight": WEIGHT},
        [floats(2, 3, 5), probabilities(2, 3, 5)],
    ),
    ("NLLLoss", {}, [floats(4, 3), integers(3, 4)]),
    ("NLLLoss", {"weight": WEIGHT}, [floats(4, 3), IGNORED]),
    ("NLLLoss", {}, [floats(2, 3, 4), integers(3, 2, 4)]),
    ("NLLLoss", {}, [floats(3), integers(3)]),
    ("BCELoss", {}, [floats(4, 6, low=0.0, high=1.0), floats(4, 6, low=0.0, high=1.0)]),
    (
        "BCELoss",
        {"weight": floats(6, low=0.5, high=2)},
        [np.array([[0, 1, 0, 1, 0.5, 0.2]], "f"), np.array([[0, 1, 1, 0, 0.5, 1]], "f")],
    ),
    ("BCEWithLogitsLoss", {}, [floats(4, 3) * 30, floats(4, 3, low=0.0, high=1.0)]),
    ("BCEWithLogitsLoss", {"pos_weight": WEIGHT}, [floats(4, 3), floats(4, 3, low=0.0, high=1.0)]),
    (
        "BCEWithLogitsLoss",
        {"pos_weight": WEIGHT, "weight": floats(4, 3, low=0.5, high=2)},
        [floats(4, 3), floats(4, 3, low=0.0, high=1.0)],
    ),
    (
        "KLDivLoss",
        {},
        [
            np.log(probabilities(4, 3)),
            np.array([[0.2, 0.3, 0.5], [0, 0, 1], [0, 0.5, 0.5], [1, 0, 0]], "f").view(Fixed),
        ],
    ),
    ("KLDivLoss", {"log_target": True}, [np.log(probabilities(4, 3)), np.log(probabilities(4, 3))]),
    ("PoissonNLLLoss", {}, [floats(4, 3), floats(4, 3, low=0.0, high=4.0)]),
    (
        "PoissonNLLLoss",
        {"log_input": False, "full": True},
        [floats(4, 3, low=0.1, high=2.0), floats(4, 3, low=0.0, high=4.0)],
    ),
    ("GaussianNLLLoss", {}, [floats(4, 3), floats(4, 3), floats(4, 3, low=0.1, high=2.0)]),
    (
        "GaussianNLLLoss",
        {"full": True},
        [floats(4, 3), floats(4, 3), floats(4, low=0.0, high=2e-6).view(Fixed)],
    ),
    ("MarginRankingLoss", {"margin": 0.3}, [floats(5), floats(5), signs(5)]),
    ("HingeEmbeddingLoss", {"margin": 0.8}, [floats(4, 3), signs(4, 3)]),
    ("SoftMarginLoss", {}, [floats(4, 3), signs(4, 3)]),
    ("MultiMarginLoss", {}, [floats(4, 3), integers(3, 4)]),
    ("MultiMarginLoss", {"p": 2, "margin": 0.4, "weight": WEIGHT}, [floats(4, 3), integers(3, 4)]),
    ("MultiMarginLoss", {}, [floats(3), integers(3)]),
    ("MultiLabelMarginLoss", {}, [floats(4, 5), multilabel(4, 5)]),
    ("MultiLabelMarginLoss", {}, [floats(5), multilabel(1, 5)[0]]),
    ("MultiLabelSoftMarginLoss", {"weight": WEIGHT}, [floats(4, 3), (signs(4, 3) + 1) / 2]),
    ("CosineEmbeddingLoss", {"margin": 0.1}, [floats(4, 3), floats(4, 3), signs(4)]),
    ("CosineEmbeddingLoss", {}, [floats(3), floats(3), signs()]),
    ("TripletMarginLoss", {"swap": True, "p": 3.0}, [floats(4, 3), floats(4, 3), floats(4, 3)]),
    ("TripletMarginWithDistanceLoss", {"margin": 0.5}, [floats(4, 3), floats(4, 3), floats(4, 3)]),
]
REDUCTIONS = ("none", "mean", "sum")
LOSSES = [
    case(name, inputs=inputs, reduction=r, **kwargs) for name, kwargs, inputs in _LOSSES for r in REDUCTIONS
]
LOSSES.append(case("KLDivLoss", inputs=[floats(4, 3), probabilities(4, 3)], reduction="batchmean"))


def build(name, args, kwargs):
    """The same layer of both, from the same seed."""
    minigrad.manual_seed(11)
    mine = getattr(minigrad.nn, name)(*args, **{k: ours(v) for k, v in kwargs.items()})
    torch.manual_seed(11)
    return mine, getattr(torch.nn, name)(*args, **{k: theirs(v) for k, v in kwargs.items()})


def same_state(mine, reference, rtol=2e-4):
    assert list(mine.state_dict()) == list(reference.state_dict())
    for (name, value), other in zip(mine.state_dict().items(), reference.state_dict().values(), strict=True):
        np.testing.assert_allclose(value.numpy(), other.numpy(), rtol=rtol, atol=rtol / 10, err_msg=name)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "args", "kwargs", "inputs"), LAYERS + LOSSES)
def test_layer(name, args, kwargs, inputs, training):
    mine, reference = build(name, args, kwargs)
    assert repr(mine) == repr(reference)
    same_state(mine, reference, rtol=2e-6 if "Embedding" in name else 0)  # normal values to rounding
    if "Norm" in name:  # so that scale, shift and moments are not ones and zeros
        for p, q in zip(mine.state_dict().values(), reference.state_dict().values(), strict=True):
            if p.is_floating_point():
                p.uniform_(0.5, 2.0)
                q.copy_(torch.tensor(p.numpy()))
    mine.train(training)
    reference.train(training)
    xs, ys = leaves(inputs, ours), leaves(inputs, theirs)
    minigrad.manual_seed(12)
    torch.manual_seed(12)
    out, expected = mine(*xs), reference(*ys)
    close(out, expected, "output")
    cotangent = RNG.standard_normal(expected.shape).astype(np.float32)
    if expected.requires_grad:
        out.backward(minigrad.tensor(cotangent))
        expected.backward(torch.tensor(cotangent))
    compare_gradients(xs, ys)
    compare_gradients(list(mine.parameters()), list(reference.parameters()))
    same_state(mine, reference)


def compare_gradients(mine, reference):
    for i, (x, y) in enumerate(zip(mine, reference, strict=True)):
        assert (x.grad is None) == (y.grad is None), i
        if y.grad is not None:
            close(x.grad, y.grad, f"gradient {i}")


#: where PyTorch's own second derivative is not written, or the function has none worth comparing
NO_SECOND = {"Hardsigmoid", "Embedding", "EmbeddingBag", "MultiMarginLoss", "MultiLabelMarginLoss"}


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize(
    ("name", "args", "kwargs", "inputs"), [p for p in LAYERS + LOSSES if p.values[0] not in NO_SECOND]
)
def test_second_derivative(name, args, kwargs, inputs):
    """The gradient of a weighed sum of the gradients, for inputs and parameters alike."""
    mine, reference = build(name, args, kwargs)
    found = []
    for module, convert, lib in ((mine, ours, minigrad), (reference, theirs, torch)):
        lib.manual_seed(3)
        xs = leaves(inputs, convert)
        out = module(*xs)
        leaves_of = [t for t in (*xs, *module.parameters()) if t.requires_grad]
        weigh = [np.cos(np.arange(t.numel())).reshape(tuple(t.shape)).astype(np.float32) for t in leaves_of]
        cotangent = convert(np.sin(np.arange(out.numel())).reshape(tuple(out.shape)).astype(np.float32))
        if not out.requires_grad:
            return
        first = lib.autograd.grad(out, leaves_of, cotangent, create_graph=True, allow_unused=True)
        total = sum(
            (g * convert(w)).sum()
            for g, w in zip(first, weigh, strict=True)
            if g is not None and g.requires_grad
        )
        if not hasattr(total, "requires_grad"):
            found.append(None)
            continue
        found.append(lib.autograd.grad(total, leaves_of, allow_unused=True))
    if found[1] is None or found[0] is None:  # no second derivative: none, or zeros
        for gradients in found:
            assert all(g is None or not g.numpy(force=True).any() for g in gradients or ())
        return
    for x, y in zip(*found, strict=True):
        zero = np.zeros(1, np.float32)
        np.testing.assert_allclose(
            zero if x is None else x.detach().numpy(),
            zero if y is None else y.detach().numpy(force=True),
            rtol=2e-3,
            atol=2e-4,
        )


INITS = [
    ("uniform_", (-2.0, 3.0)),
    ("normal_", (1.0, 0.5)),
    ("constant_", (3.0,)),
    ("eye_", ()),
    ("trunc_normal_", (0.0, 1.0, -0.5, 2.0)),
    ("trunc_normal_", (0.0, 1.0, 1.8, 2.2)),
    ("xavier_uniform_", (2.0,)),
    ("xavier_normal_", ()),
    ("kaiming_uniform_", (0.3,)),
    ("kaiming_normal_", (0, "fan_out", "relu")),
    ("orthogonal_", (2.0,)),
    ("sparse_", (0.3,)),
]


@pytest.mark.parametrize("shape", [(5, 7), (7, 5), (30, 20)])
@pytest.mark.parametrize(("name", "settings"), INITS)
def test_init_draws_as_pytorch_does(name, settings, shape):
    found = []
    for lib in (minigrad, torch):
        lib.manual_seed(9)
        weight = lib.nn.Parameter(lib.full(shape, 0.5))
        getattr(lib.nn.init, name)(weight, *settings)
        found.append((weight.detach().numpy(), lib.rand(1).item()))  # no more and no fewer numbers are drawn
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-4, atol=2e-6)
    assert found[0][1] == found[1][1]


def test_hooks_see_what_pytorch_shows():
    seen = []
    for lib in (minigrad, torch):
        lib.manual_seed(2)
        net = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.Tanh(), lib.nn.Linear(4, 2))
        shown = []
        for number, module in enumerate([net, *net]):

            def look(kind, number=number, shown=shown):
                return lambda m, *values: shown.append((kind, number, *map(flat, values)))

            module.register_forward_pre_hook(look("pre"))
            module.register_forward_hook(look("forward"))
            module.register_full_backward_pre_hook(look("backward pre"))
            module.register_full_backward_hook(look("backward"))
        x = lib.randn(5, 3).requires_grad_()
        net(x).square().sum().backward()
        seen.append(shown)
    assert [event[:2] for event in seen[0]] == [event[:2] for event in seen[1]]
    for mine, reference in zip(*seen, strict=True):
        for values, others in zip(mine[2:], reference[2:], strict=True):
            np.testing.assert_allclose(values, others, rtol=1e-4, atol=1e-6)


def flat(values):
    """The elements of a tensor or of a tuple of them."""
    values = values if isinstance(values, tuple) else (values,)
    return np.concatenate([v.detach().numpy().reshape(-1) for v in values])

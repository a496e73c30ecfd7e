"""Exported graphs, run by onnxruntime: the same outputs as here, also at other sizes; what cannot be is
refused.
"""

import sys
from importlib import import_module

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.nn import functional as F

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from minigrad.onnx import export, exporting  # noqa: E402
from minigrad.onnx.listening import flat  # noqa: E402
from minigrad.onnx.sizes import Size, VariesError, size_of  # noqa: E402
from minigrad.onnx.translating import TABLE  # noqa: E402

onnxruntime.set_default_logger_severity(3)
used: set[str] = set()  # lines of the table that some test below has gone through


@pytest.fixture(autouse=True)
def _seeded(monkeypatch):
    minigrad.manual_seed(0)
    for name, translate in list(TABLE.items()):
        monkeypatch.setitem(TABLE, name, noting(name, translate))


def noting(name, translate):
    def noted(graph, /, **arguments):
        used.add(name)
        return translate(graph, **arguments)

    return noted


def check(model, *args, axes=None, others=(), tolerance=1e-5, **options):
    """Export the model with these arguments, run the graph on them and on others, and compare."""
    if isinstance(model, nn.Module):
        model.eval()
    program = export(model, args, dynamic_axes=axes, **options)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    for given in (args, *others):
        feed = {i.name: t.numpy() for i, t in zip(session.get_inputs(), flat(list(given)), strict=False)}
        with minigrad.no_grad():
            wanted = flat([model(*given)])
        for got, want in zip(session.run(None, feed), wanted, strict=True):
            assert got.dtype == want.numpy().dtype
            assert got.shape == tuple(want.shape)
            np.testing.assert_allclose(got, want.numpy(), rtol=tolerance, atol=tolerance)
    return program


def randn(*shape):
    return minigrad.randn(*shape)


# ---- element by element --------------------------------------------------------------------------
ANY = """neg abs sgn sign exp exp2 expm1 sin cos tan atan sinh cosh tanh asinh sigmoid relu erf square floor
ceil trunc frac round""".split()
ABOVE_1 = "reciprocal sqrt rsqrt log log2 log10 log1p acosh".split()
BELOW_1 = "asin acos atanh".split()


def after(inner, outer):
    return lambda x: outer(inner(x))


UNARY = {
    **{name: getattr(minigrad, name) for name in ANY},
    **{name: after(lambda x: x.abs() + 1, getattr(minigrad, name)) for name in ABOVE_1},
    **{name: after(lambda x: x.tanh() * 0.9, getattr(minigrad, name)) for name in BELOW_1},
    **{
        name: getattr(F, name)
        for name in """leaky_relu elu selu celu softplus logsigmoid gelu silu mish softsign tanhshrink
        hardtanh relu6 hardsigmoid hardswish hardshrink softshrink""".split()
    },
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "softplus_beta": lambda x: F.softplus(x, 3, 1),
    "threshold": lambda x: F.threshold(x, 0.1, -2.0),
    "prelu": lambda x: F.prelu(x, minigrad.tensor([0.3])),
    "glu": F.glu,
    "clamp": lambda x: x.clamp(-0.5, 0.5) + x.clamp(max=0.2) + x.clamp(min=0.1),
    "numbers": lambda x: 2 - x / 3 + 1 / (x * x + 1) - 2 * x,
    "powers": lambda x: x**2 + x**3 + 2**x + (x.abs() + 0.1) ** 0.5 + x.abs() ** x,
    "rounding division": lambda x: (
        x // 0.3 + x % 0.7 + minigrad.fmod(x, 0.4) + minigrad.div(x, 0.3, rounding_mode="trunc")
    ),
    "detached": lambda x: x.detach() + x.clone().contiguous() * x.data,
    "finite": lambda x: minigrad.nan_to_num(x / (x > 0).float()) + (x / (x > 0).float()).isfinite(),
    "facts": lambda x: (x / x.floor()).isnan() | (1 / x.trunc()).isinf(),
    "in place": lambda x: nn.ReLU(inplace=True)(x * 2).add_(1).mul_(x),
}


@pytest.mark.parametrize("function", UNARY.values(), ids=UNARY.keys())
def test_elementwise(function):
    check(function, randn(3, 4), axes={"x": [0]}, others=[(randn(6, 4),)], input_names=["x"])


PAIRS = {
    "arithmetic": lambda x, y: x + y * x - y / (x * x + 1) + minigrad.maximum(x, y) - minigrad.minimum(x, y),
    "comparisons": lambda x, y: (x > y, x >= y, x < y, x <= y, x == y, x != y, x > 0.1, y <= 1),
    "truth": lambda x, y: (
        (x > 0) & (y > 0),
        (x > 0) | (y > 0),
        (x > 0) ^ (y > 0),
        ~(x > 0),
        (x > 0).logical_and(y),
    ),
    "truth of numbers": lambda x, y: x.logical_or(y),
    "truth of one": lambda x, y: x.floor().logical_xor(y.floor().logical_not()),
    "where": lambda x, y: (
        minigrad.where(x > y, x, y) + x.masked_fill(y > 0, -9.0) + minigrad.where(x > 0, 1.0, y)
    ),
    "logaddexp": minigrad.logaddexp,
    "dtypes": lambda x, y: x.long() + y + (x > 0) * 2 + x.int() / 2 + y.double(),
}


@pytest.mark.parametrize("function", PAIRS.values(), ids=PAIRS.keys())
def test_pairs(function):
    check(function, randn(3, 4), randn(4))


def test_integers():
    def whole(x, y):
        return (
            x // y,
            x % y,
            x + 2,
            x * y,
            x.float() / y,
            -x,
            x & y,
            x | y,
            x ^ y,
            ~x,
            x.sum(),
            x.bool(),
            x.floor(),
            x > 2.5,
        )

    check(whole, minigrad.tensor([7, -7, 4, -1]), minigrad.tensor([2, 3, -3, 5]))


# ---- shapes, parts, reductions -------------------------------------------------------------------
MOVES = {
    "reshape": lambda x: x.reshape(x.shape[0], -1) @ minigrad.ones(12, 2),
    "reshape by sizes": lambda x: x.view(x.size(0) * x.size(1), 4).reshape(x.size(0), x.size(1), 2, 2),
    "flatten": lambda x: x.flatten(1).unsqueeze(1).squeeze(1).unflatten(1, (3, 4)),
    "transpose": lambda x: x.transpose(0, 1).permute(2, 0, 1).mT.flip(0),
    "expand": lambda x: (
        x[:, :1].expand(-1, 5, -1)
        + x.new_zeros(x.shape[0], 1, 1)
        + x.new_full((1, 5, x.shape[0]), 2.0)[:, :, :1]
    ),
    "repeat": lambda x: x.repeat(1, 2, 1).repeat(2, 1, 1, 1),
    "integers beside a tensor": lambda x: (
        x[1, minigrad.tensor([0, 2, 2])] + x[:2, minigrad.tensor([1, 0, 0]), 2].sum()
    ),
    "slices": lambda x: (x[:, 1:], x[..., -1], x[:, ::2, 1:3], x[0], x[:, None, 1], x[:, -2:, None], x[:-1]),
    "index": lambda x: (
        x[:, minigrad.tensor([2, 0])],
        x[:, 1, minigrad.tensor([0, 0, 3])[:2].long().sum()],
        x.index_select(2, minigrad.tensor([1, 1])),
    ),
    "index of indices": lambda x: (
        x[:, x.argmax(1)[0]],
        x[0, 1][x.argmax(2)],
        x[-1, :, x.sum().long() * 0 - 1],
    ),
    "narrowed": lambda x: F.pad(x, (-1, -1)).select(1, -1),
    "written": lambda x: written(x * 1),
    "narrow": lambda x: x.narrow(1, 1, 2).select(1, 0),
    "gather": lambda x: minigrad.gather(x, 1, (x > 0).long()[:, :2]),
    "split": lambda x: (*x.split(2, dim=1), *x.chunk(2, dim=2), *x.unbind(1)),
    "cat": lambda x: (minigrad.cat([x, x * 2], 1), minigrad.stack([x, x], 0), minigrad.cat([x, x], 0)),
    "triangles": lambda x: minigrad.tril(x) + minigrad.triu(x, 1),
    "causal mask": lambda x: x.new_ones(x.shape[0], x.shape[0]).triu(1).bool(),
    "pad": lambda x: (F.pad(x, (1, 2)), F.pad(x, (1, 0, 0, 2), value=3.0), F.pad(x, (-1, 0))),
    "pad around": lambda x: (F.pad(x, (1, 2), mode="reflect"), F.pad(x, (1, 2), mode="replicate")),
    "positions": lambda x: x + minigrad.arange(x.shape[0])[:, None, None],
    "sums": lambda x: (
        x.sum(1),
        x.sum(),
        x.mean((1, 2)),
        x.mean(-1, keepdim=True),
        x.prod(1),
        (x > 0).sum(1),
    ),
    "extremes": lambda x: (
        x.max(),
        x.amax((0, 1)),
        x.min(1, keepdim=True),
        x.max(dim=2),
        x.amin(1),
        minigrad.max(x, -x),
        minigrad.min(x, -x),
        x.min(),
    ),
    "places": lambda x: (x.argmax(1), x.argmin(2, keepdim=True), x.argmax()),
    "norms": lambda x: (
        x.norm(dim=1),
        x.norm(p=1, dim=2),
        F.normalize(x, dim=1),
        x.logsumexp(2),
        minigrad.linalg.vector_norm(x, dim=2),
    ),
    "spread": lambda x: (x.var(1), x.std(2, unbiased=False), x.var((1, 2), keepdim=True)),
    "cumsum": lambda x: x.cumsum(1),
    "sorting": lambda x: (
        *x.topk(2, dim=1),
        *x.sort(dim=2, descending=True),
        *x.topk(2, dim=2, largest=False),
    ),
    "softmax": lambda x: (x.softmax(1), x.log_softmax(-1), F.softmin(x, 2)),
    "products": lambda x: (
        x @ x.mT,
        x @ minigrad.ones(4),
        minigrad.bmm(x, x.transpose(1, 2)),
        x.matmul(minigrad.eye(4)),
    ),
    "einsum": lambda x: minigrad.einsum("bij,bkj->bik", x, x * 2),
    "one_hot": lambda x: F.one_hot(x.argmax(2), 4),
}


@pytest.mark.parametrize("name", MOVES)
def test_moves_and_reductions(name):
    check(MOVES[name], randn(2, 3, 4), axes={"x": {0: "n"}}, others=[(randn(5, 3, 4),)], input_names=["x"])


def test_nothing_is_dynamic_unless_asked_for():
    proto = check(MOVES["reshape"], randn(2, 3, 4)).model_proto
    assert [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim] == [2, 3, 4]


# ---- layers --------------------------------------------------------------------------------------
class Positions(nn.Module):
    """A Transformer for text, with learned positions and a causal mask made to measure."""

    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(11, 8), nn.Embedding(20, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(8, 11)

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        x = self.tokens(x) + self.places(minigrad.arange(x.shape[1]))
        return self.out(self.encoder(x, mask=mask))


class Cells(nn.Module):
    """Cells in a loop over the steps of the input."""

    def __init__(self):
        super().__init__()
        self.lstm, self.gru, self.rnn = nn.LSTMCell(3, 4), nn.GRUCell(4, 5), nn.RNNCell(5, 2)

    def forward(self, x):
        state, h, k = None, None, None
        for step in x.unbind(1):
            state = self.lstm(step, state)
            h = self.gru(state[0], h)
            k = self.rnn(h, k)
        return k, state


class Attended(nn.Module):
    """Multi-head attention with a mask of padding."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x, padding):
        return self.attention(x, x, x, key_padding_mask=padding)


def whole(layer, *shape):
    return layer, (randn(*shape),), {0}


def tokens(*shape):
    return minigrad.randint(0, 11, shape)


LAYERS = {
    "linear": lambda: whole(nn.Linear(3, 4), 2, 3),
    "linear of sequences": lambda: (nn.Linear(3, 4, bias=False), (randn(2, 5, 3),), {0, 1}),
    "embedding": lambda: (nn.Embedding(11, 4, padding_idx=0), (tokens(2, 3),), {0, 1}),
    **{
        f"{cls.__name__} {options}": lambda cls=cls, options=options: (
            cls(3, 5, **options),
            (randn(2, 4, 3),),
            {0, 1},
        )
        for cls in (nn.RNN, nn.LSTM, nn.GRU)
        for options in ({}, {"num_layers": 2, "bidirectional": True, "batch_first": True}, {"bias": False})
    },
    "relu RNN": lambda: (nn.RNN(3, 5, nonlinearity="relu"), (randn(2, 4, 3),), {0, 1}),
    "LSTM with a state": lambda: (nn.LSTM(3, 5), (randn(2, 4, 3), (randn(1, 4, 5), randn(1, 4, 5))), set()),
    "GRU with a state": lambda: (nn.GRU(3, 5, 2), (randn(2, 4, 3), randn(2, 4, 5)), set()),
    "unbatched LSTM": lambda: (nn.LSTM(3, 5), (randn(6, 3),), {0}),
    "cells": lambda: whole(Cells(), 2, 3, 3),
    "transformer": lambda: (Positions(), (tokens(2, 5),), {0, 1}),
    "encoder and decoder": lambda: (
        nn.Transformer(8, 2, 1, 1, 16, batch_first=True),
        (randn(2, 5, 8), randn(2, 3, 8)),
        set(),
    ),
    "attention with padding": lambda: (
        Attended(),
        (randn(2, 3, 8), minigrad.tensor([[False] * 3, [False, True, True]])),
        set(),
    ),
    "conv1d": lambda: (nn.Conv1d(3, 4, 3, padding=1, stride=2), (randn(2, 3, 9),), {0, 2}),
    "conv2d": lambda: (
        nn.Conv2d(4, 6, (3, 2), padding="same", dilation=2, groups=2),
        (randn(2, 4, 7, 8),),
        {0},
    ),
    "conv3d": lambda: whole(nn.Conv3d(1, 2, 2, bias=False), 2, 1, 3, 4, 5),
    "conv without a batch": lambda: (nn.Conv1d(3, 4, 3), (randn(3, 9),), set()),
    "conv_transpose": lambda: whole(nn.ConvTranspose2d(3, 4, 3, 2, 1, output_padding=1), 2, 3, 4, 5),
    "pools": lambda: whole(
        nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2, padding=1, count_include_pad=False)), 2, 3, 9, 9
    ),
    "pools that overhang": lambda: whole(
        nn.Sequential(nn.MaxPool1d(2, ceil_mode=True), nn.AvgPool1d(2)), 2, 3, 9
    ),
    "adaptive pools": lambda: whole(
        nn.Sequential(nn.AdaptiveMaxPool2d(6), nn.AdaptiveAvgPool2d((3, 4)), nn.AdaptiveAvgPool2d(1)),
        2,
        3,
        12,
        12,
    ),
    "adaptive maximum": lambda: whole(nn.AdaptiveMaxPool1d(1), 2, 3, 7),
    "upsample": lambda: whole(nn.Upsample(scale_factor=2, mode="bilinear"), 2, 3, 4, 5),
    "norms": lambda: whole(
        nn.Sequential(nn.LayerNorm(6), nn.LayerNorm((4, 6), elementwise_affine=False)), 2, 4, 6
    ),
    "batch norm": lambda: whole(nn.Sequential(nn.BatchNorm1d(4), nn.BatchNorm1d(4, affine=False)), 2, 4, 6),
    "group norm": lambda: whole(
        nn.Sequential(nn.GroupNorm(2, 4), nn.InstanceNorm1d(4, affine=True)), 2, 4, 6
    ),
    "instance norm": lambda: whole(nn.InstanceNorm2d(4, track_running_stats=True), 2, 4, 6, 3),
    "rms norm": lambda: whole(nn.RMSNorm(6), 2, 4, 6),
    "dropout": lambda: whole(nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2), nn.AlphaDropout()), 2, 3),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    model, args, axes = LAYERS[name]()
    for parameter in model.parameters():
        if parameter.dim() == 1:  # norms begin with 1 and 0, which hide their use
            nn.init.normal_(parameter)
    for name, buffer in model.named_buffers():
        if buffer.dim() and "mask" not in name:
            buffer.copy_(minigrad.rand(buffer.shape) + 0.5)
    dynamic = {"x": {axis: f"axis{axis}" for axis in axes}} if axes else None
    larger = [tuple(wider(t, axes) for t in args)] if axes else []
    names = ["x"] if axes else None
    check(model, *args, axes=dynamic, others=larger, input_names=names, tolerance=2e-5)


def wider(tensor, axes):
    """A tensor of other values, larger along the axes."""
    shape = [n + (4 if axis in axes else 0) for axis, n in enumerate(tensor.shape)]
    return randn(*shape) if tensor.is_floating_point() else tokens(*shape)


ATTENTION = {
    "plain": {},
    "causal": {"is_causal": True},
    "scaled": {"scale": 0.3},
    "boolean mask": {"attn_mask": minigrad.tensor([[True, False, True], [False, False, False]])},
    "added mask": {"attn_mask": minigrad.tensor([[0.0, 1.0, -np.inf], [-np.inf] * 3])},
}


@pytest.mark.parametrize("options", ATTENTION.values(), ids=ATTENTION.keys())
def test_attention(options):
    """A query that sees nothing gives zeros, here and there."""
    check(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **options),
        randn(2, 2, 4),
        randn(2, 3, 4),
        randn(2, 3, 5),
        axes={"q": {0: "n"}, "k": {0: "n"}, "v": {0: "n"}},
        others=[(randn(5, 2, 4), randn(5, 3, 4), randn(5, 3, 5))],
    )


@pytest.mark.parametrize("opset", exporting.OPSETS)
def test_every_opset(opset):
    program = check(LAYERS["transformer"]()[0], tokens(2, 5), opset_version=opset)
    assert program.model_proto.opset_import[0].version == opset


# ---- names, files, arguments ---------------------------------------------------------------------
def test_names_and_axes():
    model = nn.GRU(3, 5, batch_first=True)
    program = export(
        model,
        (randn(2, 4, 3),),
        input_names=["sequence"],
        output_names=["states", "last"],
        dynamic_axes={"sequence": {0: "batch", 1: "time"}, "states": {0: "N"}, "last": [1]},
    )
    graph = program.model_proto.graph
    shapes = {
        v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in (*graph.input, *graph.output)
    }
    assert shapes == {
        "sequence": ["batch", "time", 3],
        "states": ["N", "time", 5],
        "last": [1, "last_dynamic_axes_1", 5],
    }
    assert repr(program) == f"ONNXProgram(sequence -> states, last, {len(graph.node)} nodes)"
    linear = export(nn.Linear(3, 4), (randn(2, 3),)).model_proto.graph
    assert {i.name for i in linear.initializer} == {"weight", "bias"}
    assert [i.name for i in linear.input] == ["input"]


def test_keywords_and_structures():
    def model(x, pair, *, scale=1.0, other=None):
        return {"sum": x + pair[0] * pair[1] * scale, "list": [other, x]}["sum"] + other

    arguments = (randn(2), (randn(2), randn(2)))
    program = export(model, arguments, kwargs={"other": randn(2), "scale": 3.0})
    assert [i.name for i in program.model_proto.graph.input] == ["x", "pair_0", "pair_1", "other"]


def test_the_file_appears_whole(tmp_path):
    path = tmp_path / "model.onnx"
    program = export(nn.Linear(3, 4), (randn(2, 3),), path)
    assert path.read_bytes() == program.model_proto.SerializeToString()
    before = path.read_bytes()
    with pytest.raises(NotImplementedError, match="erfinv has no translation"):
        export(lambda x: x.erfinv(), (randn(2),), path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def refused_cases():
    packing, projected, moving = nn.LSTM(3, 4), nn.LSTM(3, 4, proj_size=2), nn.BatchNorm1d(3)
    pack = nn.utils.rnn.pack_padded_sequence
    return {
        "no translation": (lambda x: minigrad.lgamma(x).sum(), "lgamma has no translation"),
        "an array on the way": (
            lambda x: x + minigrad.tensor(x.numpy().sum()),
            r"no \.numpy\(\), \.item\(\)",
        ),
        "a number on the way": (lambda x: x * x.sum().item(), "mul: an argument changes with the inputs"),
        "random": (lambda x: x + minigrad.rand(3), "or at random"),
        "training": (nn.Dropout(0.5).train(), r"masked: it is in training mode; call model\.eval"),
        "batch norm in training": (
            moving,
            r"batch_norm: .* call model.eval\(\) first",
        ),
        "course": (
            lambda x: x * 2 if x[0, 0] > 0 else x.exp() + 1,
            "course depends on|different number of ops",
        ),
        "packed": (
            lambda x: packing(pack(x[:, None], [4]))[0].data,
            "a packed sequence .* pass the padded tensor",
        ),
        "projection": (lambda x: projected(x)[0], "lstm: ONNX's LSTM has no projection"),
        "mask as index": (lambda x: x[x > 0], "__getitem__: a mask as an index .* use where"),
        "slices between": (
            lambda x: x[None][0, :, (x[0] > 0).long()],
            "slices between a tensor and an integer",
        ),
        "places of a pool": (lambda x: F.max_pool1d(x, 2, return_indices=True)[1], "return_indices"),
        "decimals": (lambda x: x.round(decimals=2), "decimals=2"),
        "through a view": (lambda x: written_through_a_view(x * 2), "written to in place through another"),
        "norm of power 3": (lambda x: x.norm(p=3, dim=1), "norms of power 1 and 2, not 3"),
        "weights from inputs": (lambda x: weighted_by(x), "weight must not depend on the inputs"),
    }


def written(x):
    """x with parts of it replaced."""
    x = x[0] * 2
    x[1] = 7.0
    x[:, ::2] = x[:, 1::2]
    x[0, 3] = x.sum()
    return x.masked_fill_(x > 3, -1.0)


def written_through_a_view(x):
    x[0].add_(1)
    return x


def weighted_by(x):
    return minigrad.func.functional_call(NARROW, {"weight_ih_l0": x[:1].expand(4, 3) * 1.0}, (x,))[0]


NARROW = nn.LSTM(3, 1)


@pytest.mark.parametrize("name", refused_cases())
def test_what_cannot_be_expressed_is_refused_by_name(name):
    model, message = refused_cases()[name]
    x = randn(4, 3)
    x[0, 0] = 1.0
    before = sys.getprofile()
    with pytest.raises(NotImplementedError, match=message) as caught:
        export(model, (x,))
    assert str(caught.value).startswith("onnx.export: ")
    assert sys.getprofile() is before


def test_an_axis_that_is_looped_over_cannot_vary():
    export(Cells(), (randn(2, 3, 3),))
    with pytest.raises(NotImplementedError, match="an axis that is looped over fixed"):
        export(Cells(), (randn(2, 3, 3),), dynamic_axes={"x": [1]})


def test_arguments_that_cannot_be_met():
    x = randn(2, 3)
    model = nn.Linear(3, 4)
    with pytest.raises(ValueError, match="opset_version 9 is not one of 18 to 23"):
        export(model, (x,), opset_version=9)
    with pytest.raises(ValueError, match=r"input_names .* do not fit 1 inputs"):
        export(model, (x,), input_names=["a", "b"])
    with pytest.raises(ValueError, match=r"output_names .* more than the 1 outputs"):
        export(model, (x,), output_names=["a", "b"])
    with pytest.raises(ValueError, match=r"dynamic_axes name .'y'."):
        export(model, (x,), dynamic_axes={"y": [0]})
    with pytest.raises(ValueError, match="has no axis 5"):
        export(model, (x,), dynamic_axes={"input": [5]})
    with pytest.raises(ValueError, match="'n' has sizes 2 and 3"):
        export(model, (x,), dynamic_axes={"input": {0: "n", 1: "n"}})
    for options in (
        {"dynamo": False},
        {"external_data": True},
        {"dynamic_shapes": {"x": {0: "n"}}},
        {"verify": True},
    ):
        with pytest.raises(NotImplementedError, match=next(iter(options))):
            export(model, (x,), **options)
    with pytest.raises(TypeError, match="unexpected keyword argument 'optset'"):
        export(model, (x,), optset=18)


def test_without_the_package_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install minigrad-rnn\[onnx\]"):
        export(nn.Linear(2, 2), (randn(1, 2),))


# ---- the parts -----------------------------------------------------------------------------------
def test_formulas_of_sizes():
    axes = {"n": (2, 4, 9), "t": (3, 6, 14)}
    assert size_of((5, 5, 5), axes) == 5
    assert size_of((2, 4, 9), axes) == Size((2, 4, 9), ("n",))
    assert size_of((13, 25, 57), axes) == Size((13, 25, 57), ("t",), 4, 1)
    assert size_of((6, 24, 126), axes) == Size((6, 24, 126), ("n", "t"))
    with pytest.raises(VariesError, match="the sizes"):
        size_of((1, 2, 4), {"n": (2, 4, 9)})


@pytest.mark.parametrize("name", TABLE)
def test_every_line_of_the_table_names_what_there_is(name):
    """A line for a function that is no longer called so would never be used."""
    parts = name.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        try:
            found = import_module(".".join(["minigrad", *parts[:depth]]))
        except ModuleNotFoundError:
            continue
        for part in parts[depth:]:
            found = found.__dict__.get(part, found.__dict__.get(f"_{part}"))
        assert callable(getattr(found, "fget", found)), name
        return


def test_every_line_of_the_table_is_used_above():
    """Run with the whole file: each translation has been compared with what runs here."""
    if len(used) > 100:
        assert " ".join(sorted(TABLE.keys() - used)) == ""

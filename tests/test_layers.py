"""Layers and functions: each against a plain form, its gradients against differences, and what it refuses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.ops import activation, elementwise, embedding, error_function, linear, loss, normalization, sums
from tests.gradients import array_of, check, leaf, tensor

RNG = np.random.default_rng(3)
X = np.array([[-4.1, -2.2, -0.8, -0.3], [0.2, 0.6, 1.7, 4.4]])
erf = np.vectorize(math.erf)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def phi(x):
    return (1 + erf(x / math.sqrt(2))) / 2


# ---- activations ---------------------------------------------------------------------------------
ACTIVATIONS = [
    ("relu", (), lambda x: np.where(x > 0, x, 0)),
    ("leaky_relu", (0.2,), lambda x: np.where(x > 0, x, 0.2 * x)),
    ("relu6", (), lambda x: np.clip(x, 0, 6)),
    ("hardtanh", (-0.5, 2.0), lambda x: np.clip(x, -0.5, 2)),
    ("hardsigmoid", (), lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("hardswish", (), lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ("hardshrink", (0.5,), lambda x: np.where(abs(x) > 0.5, x, 0)),
    ("softshrink", (0.5,), lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0)),
    ("threshold", (0.5, -3.0), lambda x: np.where(x > 0.5, x, -3)),
    ("threshold", (0.5, 0), lambda x: np.where(x > 0.5, x, 0)),
    ("elu", (1.5,), lambda x: np.where(x > 0, x, 1.5 * (np.exp(x) - 1))),
    ("celu", (1.5,), lambda x: np.where(x > 0, x, 1.5 * (np.exp(x / 1.5) - 1))),
    ("selu", (), lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1))),
    ("sigmoid", (), sigmoid),
    ("logsigmoid", (), lambda x: np.log(sigmoid(x))),
    ("tanh", (), np.tanh),
    ("tanhshrink", (), lambda x: x - np.tanh(x)),
    ("softsign", (), lambda x: x / (1 + abs(x))),
    ("softplus", (2.0, 5.0), lambda x: np.where(2 * x > 5, x, np.log(1 + np.exp(2 * x)) / 2)),
    ("gelu", (), lambda x: x * phi(x)),
    ("silu", (), lambda x: x * sigmoid(x)),
    ("mish", (), lambda x: x * np.tanh(np.log(1 + np.exp(x)))),
    ("glu", (), lambda x: x[:, :2] * sigmoid(x[:, 2:])),
    ("glu", (0,), lambda x: x[:1] * sigmoid(x[1:])),
    ("softmax", (0,), lambda x: np.exp(x) / np.exp(x).sum(0)),
    ("softmin", (1,), lambda x: np.exp(-x) / np.exp(-x).sum(1, keepdims=True)),
    ("log_softmax", (1,), lambda x: x - np.log(np.exp(x).sum(1, keepdims=True))),
]


@pytest.mark.parametrize(("name", "settings", "plain"), ACTIVATIONS)
def test_activation(name, settings, plain):
    function = getattr(F, name)
    np.testing.assert_allclose(array_of(function(tensor(X), *settings)), plain(X), rtol=1e-9, atol=1e-12)
    check(lambda x: function(x, *settings), [X], RNG)
    single = array_of(function(tensor(X.astype(np.float32)), *settings))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, plain(X), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["logsigmoid", "softplus", "silu", "mish", "gelu", "elu", "tanhshrink"])
def test_activation_of_one_number(name):
    """NumPy makes scalars of 0-d arrays, also on the way back."""
    check(getattr(F, name), [np.array(0.7)], RNG)


def test_gelu_by_tanh_is_near_gelu():
    x = tensor(X)
    exact, near = F.gelu(x), F.gelu(x, approximate="tanh")
    np.testing.assert_allclose(array_of(near), array_of(exact), atol=1e-3)
    assert (near != exact).any()
    check(lambda x: F.gelu(x, approximate="tanh"), [X], RNG)


@pytest.mark.parametrize("slopes", [[0.3], [0.3, -0.2, 0.1, 2.0]])
def test_prelu(slopes):
    slopes = np.array(slopes)
    np.testing.assert_allclose(array_of(F.prelu(tensor(X), tensor(slopes))), np.where(X > 0, X, slopes * X))
    check(F.prelu, [X, slopes], RNG)


INPLACE = [
    "relu",
    "leaky_relu",
    "relu6",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "elu",
    "celu",
    "selu",
    "silu",
    "mish",
]


@pytest.mark.parametrize("name", INPLACE)
def test_in_place_forms(name):
    function, x = getattr(F, name), leaf(X)
    held = x * 2
    same = function(held, inplace=True)
    assert same is held
    cotangent = tensor(RNG.standard_normal(X.shape))
    (g,) = minigrad.autograd.grad(same, x, cotangent)
    apart = function(x * 2)
    (expected,) = minigrad.autograd.grad(apart, x, cotangent)
    np.testing.assert_array_equal(array_of(same), array_of(apart))
    np.testing.assert_allclose(array_of(g), array_of(expected))
    assert "inplace=True" in repr(nn.ReLU(inplace=True))


def test_random_slopes():
    minigrad.manual_seed(0)
    x = tensor(RNG.standard_normal((100, 3)))
    slopes = array_of(F.rrelu(x, 0.1, 0.4, training=True) / x)
    left = array_of(x) <= 0
    assert (slopes[~left] == 1).all()
    assert ((slopes[left] >= 0.1) & (slopes[left] <= 0.4)).all()
    assert len(np.unique(slopes[left])) > 50
    np.testing.assert_allclose(array_of(F.rrelu(x, 0.1, 0.4)), array_of(F.leaky_relu(x, 0.25)))


def test_gumbel_softmax():
    minigrad.manual_seed(0)
    logits = leaf(np.log([0.2, 0.3, 0.5]) * np.ones((3000, 1)))
    hard = F.gumbel_softmax(logits, tau=0.5, hard=True)
    assert set(np.unique(array_of(hard).round(12))) == {0.0, 1.0}
    np.testing.assert_allclose(array_of(hard).mean(0), [0.2, 0.3, 0.5], atol=0.03)
    soft = F.gumbel_softmax(logits, tau=0.5)
    np.testing.assert_allclose(array_of(soft).sum(1), 1)
    hard[0, 0].backward()
    assert logits.grad[0].abs().sum() > 0


def test_a_dimension_left_out_is_warned_of():
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        out = nn.Softmax()(tensor(X))
    np.testing.assert_allclose(array_of(out).sum(1), 1)


# ---- fast and plain ------------------------------------------------------------------------------
@given(st.integers(0, 2**32), st.sampled_from(["float32", "float64"]), st.booleans())
def test_choosing_is_where(seed, dtype, flipped):
    """Large arrays are chosen from by masks of bits: also nan, infinities and both zeros, bit by bit."""
    rng = np.random.default_rng(seed)
    x, y = (rng.choice([1.5, -2.0, 0.0, -0.0, np.nan, np.inf], (70, 80)).astype(dtype) for _ in range(2))
    condition = rng.random((70, 80)) < rng.random()
    for other in (y, 0.0, 3, y[0], np.float32(2)):
        args = (other, x) if flipped else (x, other)
        fast, plain = elementwise.choose(condition, *args), np.where(condition, *args)
        assert fast.dtype == plain.dtype
        np.testing.assert_array_equal(fast, plain)
        if other is y:
            np.testing.assert_array_equal(np.signbit(fast), np.signbit(plain))


@pytest.mark.parametrize("shape", [(), (3,), (80, 90)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_relu_stops_any_gradient(shape, dtype):
    values = RNG.choice([-2.0, 0.0, 3.0, np.nan, np.inf, -np.inf], shape).astype(dtype)
    g = RNG.choice([-1.5, 0.0, np.nan, np.inf, -np.inf], shape).astype(dtype)
    x = tensor(values).requires_grad_()
    (found,) = minigrad.autograd.grad(F.relu(x), x, tensor(g))
    np.testing.assert_array_equal(array_of(found), np.where(values <= 0, 0, g))


def test_erf_of_singles():
    x = np.concatenate([np.linspace(-7, 7, 20001), np.logspace(-30, 0, 2001), [np.inf, -np.inf]]).astype("f")
    found, exact = elementwise.erf(x), erf(x.astype("d"))
    assert (abs(found - exact) <= 4 * np.spacing(abs(exact).astype("f"))).all()
    assert np.isnan(elementwise.erf(np.array([np.nan], "f")))


SHAPES_AND_AXES = [((4,), (0,)), ((3, 5), (0,)), ((3, 5), (1,)), ((3, 5), (0, 1)), ((2, 3, 4), (1, 2))]
SHAPES_AND_AXES += [
    ((2, 3, 4), (0, 2)),
    ((2, 3, 4, 5), (0, 2, 3)),
    ((2, 3, 4, 5), (3,)),
    ((0, 3), (0,)),
    ((2, 3, 4), (0,)),
    ((3, 63), (1,)),
    ((3, 64), (1,)),
    ((3, 2, 32), (1, 2)),
    ((3, 0), (1,)),
]


@pytest.mark.parametrize(("shape", "axes"), SHAPES_AND_AXES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_sums_by_products(shape, axes, dtype):
    x, y = (RNG.standard_normal(shape).astype(dtype) for _ in range(2))
    rtol = 1e-2 if dtype == "float16" else 1e-5
    for found, plain in (
        (sums.sums(x, axes), x.sum(axes, keepdims=True)),
        (sums.inner_sums(x, y, axes), (x * y).sum(axes, keepdims=True)),
    ):
        assert found.dtype == plain.dtype
        np.testing.assert_allclose(found, plain, rtol=rtol, atol=rtol)


def gradients_of(results, leaves, cotangent, create_graph):
    return minigrad.autograd.grad(results, leaves, cotangent, create_graph=create_graph, allow_unused=True)


def fast_and_twin(fused, leaves, *settings):
    """Value and gradients of a fused op and of its twin, for one random cotangent."""
    fast, twin = fused(*leaves, *settings), fused.twin(*leaves, *settings)
    np.testing.assert_allclose(array_of(fast), array_of(twin), rtol=1e-9, atol=1e-12)
    cotangent = tensor(RNG.standard_normal(fast.shape))
    wanted = [t for t in leaves if t is not None]
    pairs = zip(
        gradients_of(fast, wanted, cotangent, False),
        gradients_of(twin, wanted, cotangent, False),
        strict=True,
    )
    for a, b in pairs:
        np.testing.assert_allclose(array_of(a), array_of(b), rtol=1e-8, atol=1e-10)


AFFINE = pytest.mark.parametrize("affine", [(True, True), (True, False), (False, True), (False, False)])
SMALL = pytest.mark.parametrize("small", [0, 2**14])  # elements up to which the fewest calls are best
SPREADS = pytest.mark.parametrize(("size", "mean"), [(3, 1), (0.5, 40)])  # 40: squares would cancel


BLOCKS = pytest.mark.parametrize("block", [10, 2**17])
ROWS = [((3, 5), 1), ((2, 3, 5), 2), ((2, 3, 5), 1), ((1, 7), 1), ((5, 2), 1), ((4, 511), 1), ((2, 512), 1)]


@AFFINE
@SPREADS
@BLOCKS
@pytest.mark.parametrize(("shape", "count"), ROWS)
@SMALL
def test_fused_layer_norm_is_its_twin(monkeypatch, shape, count, size, mean, affine, block, small):
    monkeypatch.setattr(normalization, "BLOCK", block)
    monkeypatch.setattr(normalization, "SMALL", small)
    x = leaf(RNG.standard_normal(shape) * size + mean)
    weight, bias = (leaf(RNG.standard_normal(shape[-count:])) if on else None for on in affine)
    fast_and_twin(normalization.normalize_rows, [x, weight, bias], count, 1e-5)


CHANNELS = [(5, 4), (3, 4, 5), (2, 4, 3, 2), (3, 4, 511), (2, 4, 512), (1, 4, 3), (1, 8), (2, 4, 1, 1)]
KINDS = {"batch": lambda n, c: (1, c), "group": lambda n, c: (n, 2), "one group": lambda n, c: (n, 1)}
KINDS["instance"] = lambda n, c: (n, c)


@AFFINE
@SPREADS
@BLOCKS
@pytest.mark.parametrize("shape", CHANNELS)
@pytest.mark.parametrize("kind", KINDS)
@SMALL
def test_fused_norm_of_channels_is_its_twin(monkeypatch, shape, kind, size, mean, affine, block, small):
    monkeypatch.setattr(normalization, "BLOCK", block)
    monkeypatch.setattr(normalization, "SMALL_COLUMNS", small)
    x = RNG.standard_normal(shape) * size + mean
    rows, groups = KINDS[kind](*shape[:2])
    found = normalization.channel_moments(x, rows, groups)
    grouped, axes = x.reshape(shape[0], groups, -1), (0, 2) if rows == 1 else (2,)
    np.testing.assert_allclose(found[0], grouped.mean(axes).reshape(rows, groups))
    np.testing.assert_allclose(found[1], grouped.var(axes).reshape(rows, groups), atol=1e-12)
    leaves = [leaf(x), *(leaf(RNG.standard_normal(shape[1])) if on else None for on in affine)]
    rstd = 1 / np.sqrt(found[1] + 1e-5)
    if x.size == rows * groups:
        return  # one value has no variance
    fast_and_twin(normalization.normalize_channels, leaves, found[0], rstd, 1e-5)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", [(0, 4, 3), (3, 4, 0), (2, 4, 1), (1, 4, 2)])
def test_norms_of_few_values(shape, groups):
    x = leaf(RNG.standard_normal(shape))
    out = F.group_norm(x, groups, leaf(np.ones(4)))
    out.backward(tensor(RNG.standard_normal(shape)))
    assert out.shape == x.grad.shape == shape


def test_norms_without_channels():
    x = leaf(np.zeros((3, 0, 5)))
    for out in (F.batch_norm(x, None, None, training=True), F.instance_norm(x)):
        (g,) = minigrad.autograd.grad(out, [x], minigrad.zeros(3, 0, 5, dtype=minigrad.float64))
        assert g.shape == (3, 0, 5)


@pytest.mark.parametrize("norm", ["layer", "group", "batch"])
@pytest.mark.parametrize("small", [0, 2**17])
def test_norms_of_what_is_not_contiguous_and_twice_differentiated(monkeypatch, norm, small):
    monkeypatch.setattr(normalization, "SMALL", small)
    monkeypatch.setattr(normalization, "SMALL_COLUMNS", small)
    weight, bias = RNG.standard_normal((2, 4))
    if norm == "layer":
        check(
            lambda x, w, b: F.layer_norm(x.mT, (4,), w, b), [RNG.standard_normal((4, 3)), weight, bias], RNG
        )
    elif norm == "group":
        x = RNG.standard_normal((3, 4, 2))
        check(lambda x, w, b: F.group_norm(x.transpose(0, 2), 2, w, b), [x, weight, bias], RNG)
    else:
        x = RNG.standard_normal((4, 3))
        check(lambda x, w, b: F.batch_norm(x.mT, None, None, w, b, training=True), [x, weight, bias], RNG)


def test_the_gradient_of_a_norm_need_not_be_copied():
    x, g = RNG.standard_normal((2, 200, 3, 100))
    rows, channels = normalization.normalize_rows, normalization.normalize_channels
    for op, settings in (rows, (1, 1e-5)), (channels, (*np.ones((2, 1, 3)), 1e-5)):
        wanted = (True, False, False)
        saved = op.forward(wanted, x, None, None, *settings)[1]
        assert op.backward(saved, g, wanted, True)[0].base is None


@pytest.mark.parametrize(("dtype", "most", "usual"), [(np.float32, 3, 0.6), (np.float64, 4, 0.2)])
def test_erf_is_as_exact_as_its_dtype(dtype, most, usual):
    x = np.concatenate([np.linspace(-7, 7, 100_001), np.logspace(-30, 1, 1001)]).astype(dtype)
    exact = np.array([math.erf(v) for v in x.tolist()])
    wrong = abs(error_function.erf_of(x).astype(np.float64) - exact) / np.spacing(abs(exact).astype(dtype))
    assert wrong.max() <= most
    assert wrong.mean() <= usual
    special = error_function.erf_of(np.array([-np.inf, -300, 0.0, 1e30, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(special, [-1, -1, 0, 1, 1, np.nan])
    assert error_function.erf_of(np.array(0.5, dtype)).shape == ()


@pytest.mark.parametrize("name", ["gelu", "silu"])
@pytest.mark.parametrize("shape", [(), (0,), (1, 3), (4,), (5,), (3, 4), (7, 5)])
def test_slopes_found_with_values_are_their_twins(monkeypatch, name, shape):
    monkeypatch.setattr(error_function, "BLOCK", 4)
    function, x = getattr(F, name), RNG.standard_normal(shape) * 2
    fast_and_twin(getattr(activation, f"_{name}"), [leaf(x)])
    np.testing.assert_allclose(array_of(function(tensor(x))), array_of(function(leaf(x))), rtol=1e-12)
    check(function, [x], RNG)


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_slopes_of_what_is_not_contiguous(name):
    function, x = getattr(F, name), RNG.standard_normal((4, 3, 2))
    check(lambda x: function(x.transpose(0, 2)), [x], RNG)
    check(lambda x: function(x[::2].expand(3, 2, 3, 2)), [x], RNG)


@pytest.mark.parametrize("name", ["gelu", "silu"])
@pytest.mark.parametrize("dtype", [minigrad.float16, minigrad.float32, minigrad.int64])
def test_slopes_in_other_dtypes(name, dtype):
    function, exact = getattr(F, name), leaf(np.array([-4.0, -1.0, 0.0, 2.0, 5.0]))
    x = exact.detach().to(dtype).requires_grad_(dtype.is_floating_point)
    out, wanted = function(x), function(exact)
    assert out.dtype == (dtype if dtype.is_floating_point else minigrad.float32)
    np.testing.assert_allclose(array_of(out), array_of(wanted), rtol=2e-3, atol=1e-6)
    if dtype.is_floating_point:
        (g,), (exact_g,) = (minigrad.autograd.grad(o.sum(), [t]) for o, t in ((out, x), (wanted, exact)))
        assert g.dtype == dtype
        np.testing.assert_allclose(array_of(g), array_of(exact_g), rtol=2e-3, atol=1e-4)


def test_slopes_are_used_up_only_by_the_last_walk():
    x = leaf(RNG.standard_normal(5))
    out = F.gelu(x)
    first, again = (minigrad.autograd.grad(out.sum(), x, retain_graph=True)[0] for _ in range(2))
    np.testing.assert_array_equal(array_of(first), array_of(again))


@pytest.mark.parametrize("scale", [1, 30, 1000])
@pytest.mark.parametrize(
    ("shape", "dim"), [((4, 5), 1), ((4, 5), 0), ((2, 3, 4), 1), ((2, 3, 4), 2), ((5,), 0)]
)
def test_softmax_of_any_size(shape, dim, scale):
    x = RNG.standard_normal(shape) * scale
    shifted = np.exp(x - x.max(dim, keepdims=True))
    np.testing.assert_allclose(array_of(F.softmax(tensor(x), dim)), shifted / shifted.sum(dim, keepdims=True))
    logp = x - x.max(dim, keepdims=True) - np.log(shifted.sum(dim, keepdims=True))
    np.testing.assert_allclose(array_of(F.log_softmax(tensor(x), dim)), logp, atol=1e-12)
    very_low = tensor(np.full((2, 3), -800.0))
    np.testing.assert_allclose(array_of(F.softmax(very_low, 1)), 1 / 3)
    check(lambda t: F.softmax(t, dim), [x / scale], RNG)
    check(lambda t: F.log_softmax(t, dim), [x / scale], RNG)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("odd", [200.0, -200.0, 2000.0, -2000.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("whole_row", [True, False])
def test_softmax_of_one_row_out_of_range(dtype, odd, whole_row):
    """One row that exp cannot take as it is changes no other."""
    x = RNG.standard_normal((5, 70)).astype(dtype)
    x[2, slice(None) if whole_row else 3] = odd
    exact = x.astype(np.float64)
    with np.errstate(invalid="ignore"):
        shifted = exact - exact.max(1, keepdims=True)
        soft = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    close = {"rtol": 2e-3, "atol": 2e-3} if dtype == "float16" else {"rtol": 3e-6, "atol": 3e-6}
    np.testing.assert_allclose(array_of(F.softmax(tensor(x), 1)), soft, **close)
    np.testing.assert_allclose(array_of(F.log_softmax(tensor(x), 1)), logs, **close)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("summed", [True, False])
@pytest.mark.parametrize("places", [(6,), (3, 5)])
@pytest.mark.parametrize("scale", [1, 20])
def test_fused_cross_entropy_is_its_twin(places, scale, smoothing, summed):
    x = RNG.standard_normal((places[0], 4, *places[1:])) * scale
    target, weights = RNG.integers(0, 4, places), RNG.random(places)
    fused = loss.cross_entropy
    a, b = leaf(x), leaf(x)
    fast = fused(a, target, weights, smoothing, summed)
    twin = fused.twin(b, tensor(target), tensor(weights), smoothing, summed)
    np.testing.assert_allclose(array_of(fast), array_of(twin), rtol=1e-12)
    cotangent = tensor(RNG.standard_normal(fast.shape))
    fast.backward(cotangent)
    twin.backward(cotangent)
    np.testing.assert_allclose(array_of(a.grad), array_of(b.grad), rtol=1e-9, atol=1e-12)


@given(
    rows=st.sampled_from([1, 3, 40, 300, 70_000]),
    count=st.integers(1, 200),
    width=st.sampled_from([0, 1, 3, 20]),
    skew=st.sampled_from([1, 2, 30]),
    one_by_one=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_gradient_rows_are_added_up(rows, count, width, skew, one_by_one, seed):
    rng = np.random.default_rng(seed)
    index = (rng.random(count) ** skew * rows).astype(rng.choice([np.int32, np.int64]))
    g = rng.standard_normal((count, width))
    plain = np.zeros((rows, width))
    np.add.at(plain, index, g)
    g = g if rng.random() < 0.5 else np.asfortranarray(g)
    with pytest.MonkeyPatch.context() as patch:
        if not one_by_one:
            patch.setattr(embedding, "FEW", 0)
            patch.setattr(embedding, "NARROW", 0)
        found = embedding.add_rows(g, (rows, width), index, None)
        padded = embedding.add_rows(g, (rows, width), index, 0)
    np.testing.assert_allclose(found, plain, atol=1e-12)
    np.testing.assert_allclose(padded[1:], plain[1:], atol=1e-12)
    assert not padded[0].any()


# ---- linear --------------------------------------------------------------------------------------
@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5), (0, 5)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear(shape, with_bias):
    x, W, b = RNG.standard_normal(shape), RNG.standard_normal((4, 5)), RNG.standard_normal(4)
    arrays = [x, W, b] if with_bias else [x, W]
    np.testing.assert_allclose(array_of(F.linear(*map(tensor, arrays))), x @ W.T + (b if with_bias else 0))
    check(F.linear, arrays, RNG)


def test_linear_of_a_transposed_view_and_a_vector_of_weights():
    x, w = RNG.standard_normal((5, 3)), RNG.standard_normal(5)
    check(lambda x, W: F.linear(x.T, W), [x, RNG.standard_normal((4, 5))], RNG)
    np.testing.assert_allclose(array_of(F.linear(tensor(x.T), tensor(w), tensor(2.0))), x.T @ w + 2)


def test_linear_sees_what_was_written_in_place():
    x, W = leaf(RNG.standard_normal((2, 3))), leaf(RNG.standard_normal((4, 3)))
    out = F.linear(x, W)
    with minigrad.no_grad():
        W.mul_(2)
    with pytest.raises(RuntimeError, match=r"linear: .*modified by an inplace operation: W \(4, 3\)"):
        out.sum().backward()


def test_linear_on_arrays_is_its_own_gradient():
    g, W = RNG.standard_normal((2, 4)), RNG.standard_normal((4, 3))
    np.testing.assert_allclose(linear.linear(g, W.T), g @ W)


def test_bilinear():
    x1, x2 = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 3, 5))
    W, b = RNG.standard_normal((6, 4, 5)), RNG.standard_normal(6)
    plain = np.einsum("abi,kij,abj->abk", x1, W, x2) + b
    np.testing.assert_allclose(array_of(F.bilinear(*map(tensor, (x1, x2, W, b)))), plain)
    check(F.bilinear, [x1, x2, W, b], RNG)


# ---- tables --------------------------------------------------------------------------------------
def test_embedding():
    index = np.array([[1, 4, 1], [0, 1, 4]])
    table = RNG.standard_normal((5, 3))
    np.testing.assert_array_equal(array_of(F.embedding(tensor(index), tensor(table))), table[index])
    check(lambda W: F.embedding(tensor(index), W), [table], RNG)
    W = leaf(table)
    F.embedding(tensor(index), W, padding_idx=-4).sum().backward()
    assert W.grad[:, 0].tolist() == [1, 0, 0, 0, 2]
    W.grad = None
    F.embedding(tensor(index), W, scale_grad_by_freq=True).sum().backward()
    assert W.grad[:, 0].tolist() == [1, 1, 0, 0, 1]


def test_embedding_with_padding_can_be_differentiated_twice():
    index = tensor(np.array([1, 2, 1]))
    W = leaf(RNG.standard_normal((4, 2)))
    out = (F.embedding(index, W, padding_idx=2) ** 3).sum()
    (g,) = minigrad.autograd.grad(out, W, create_graph=True)
    (second,) = minigrad.autograd.grad(g.sum(), W)
    expected = 6 * array_of(W) * np.array([[0], [2], [0], [0]])
    np.testing.assert_allclose(array_of(second), expected)


def test_rows_are_shortened_in_place():
    W = leaf(np.array([[3.0, 4.0], [0.3, 0.4], [30.0, 40.0]]))
    out = F.embedding(tensor(np.array([0, 1])), W, max_norm=1.0)
    np.testing.assert_allclose(array_of(out), [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(array_of(W)[2], [30, 40])


def test_embedding_layers():
    table = RNG.standard_normal((4, 2))
    frozen = nn.Embedding.from_pretrained(tensor(table))
    assert not frozen.weight.requires_grad
    assert nn.Embedding.from_pretrained(tensor(table), freeze=False, padding_idx=1).weight.requires_grad
    assert not nn.Embedding(4, 2, padding_idx=1).weight[1].any()
    assert not nn.EmbeddingBag.from_pretrained(tensor(table), mode="sum").weight.requires_grad
    settings = {"max_norm": 1.0, "norm_type": 1.0, "scale_grad_by_freq": True}
    printed = "max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True"
    assert repr(nn.Embedding(4, 2, 0, **settings)) == f"Embedding(4, 2, padding_idx=0, {printed})"
    assert repr(nn.EmbeddingBag(4, 2, padding_idx=0, **settings)) == (
        f"EmbeddingBag(4, 2, {printed}, mode='mean', padding_idx=0)"
    )


BAGS = {"sum": np.sum, "mean": np.mean, "max": np.max}


@pytest.mark.parametrize("mode", BAGS)
def test_bags(mode):
    table, index = RNG.standard_normal((6, 3)), np.array([5, 2, 2, 0, 3])
    bags, offsets = [[5, 2], [], [2, 0, 3]], np.array([0, 2, 2])
    plain = np.array([BAGS[mode](table[bag], 0) if bag else np.zeros(3) for bag in bags])

    def bagged(W, **settings):
        return F.embedding_bag(tensor(index), W, tensor(offsets), mode=mode, **settings)

    np.testing.assert_allclose(array_of(bagged(tensor(table))), plain)
    check(bagged, [table], RNG)
    closed = F.embedding_bag(
        tensor(index), tensor(table), tensor(np.array([0, 2, 2, 5])), mode=mode, include_last_offset=True
    )
    np.testing.assert_allclose(array_of(closed), plain)
    rows = F.embedding_bag(tensor(index[:4].reshape(2, 2)), tensor(table), mode=mode, padding_idx=2)
    np.testing.assert_allclose(array_of(rows), [table[5], table[0]])


def test_weighted_bags():
    table, index, w = RNG.standard_normal((6, 3)), np.array([[5, 2], [2, 0]]), RNG.standard_normal((2, 2))
    out = F.embedding_bag(tensor(index), tensor(table), mode="sum", per_sample_weights=tensor(w))
    np.testing.assert_allclose(array_of(out), (table[index] * w[..., None]).sum(1))
    check(lambda W, w: F.embedding_bag(tensor(index), W, mode="sum", per_sample_weights=w), [table, w], RNG)


def test_one_hot():
    index = tensor(np.array([[0, 2], [1, 1]]))
    np.testing.assert_array_equal(array_of(F.one_hot(index)), np.eye(3, dtype=int)[[[0, 2], [1, 1]]])
    assert F.one_hot(index, 5).shape == (2, 2, 5)
    assert F.one_hot(index).dtype is minigrad.int64


# ---- normalisation -------------------------------------------------------------------------------
def normalised(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


IMAGE = RNG.standard_normal((3, 4, 2, 2)) * 2 + 1
W4, B4 = RNG.standard_normal(4), RNG.standard_normal(4)
NORMS = [
    (lambda x, w, b: F.layer_norm(x, (4,), w, b), (0, 2, 3, 1), (-1,), True),
    (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (0, 1, 2, 3), (0, 2, 3), False),
    (lambda x, w, b: F.instance_norm(x, None, None, w, b), (0, 1, 2, 3), (2, 3), False),
    (lambda x, w, b: F.group_norm(x, 4, w, b), (0, 1, 2, 3), (2, 3), False),
]


@pytest.mark.parametrize(("function", "order", "axes", "last"), NORMS)
def test_norms(function, order, axes, last):
    x = IMAGE.transpose(order)
    w, b = (t if last else t.reshape(4, 1, 1) for t in (W4, B4))
    np.testing.assert_allclose(array_of(function(*map(tensor, (x, W4, B4)))), normalised(x, axes) * w + b)
    check(function, [x, W4, B4], RNG)


def test_rms_norm():
    x, w = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((3, 4))
    plain = x / np.sqrt((x * x).mean((1, 2), keepdims=True) + 1e-3) * w
    np.testing.assert_allclose(array_of(F.rms_norm(tensor(x), (3, 4), tensor(w), 1e-3)), plain)
    check(lambda x, w: F.rms_norm(x, (3, 4), w, 1e-3), [x, w], RNG)


def test_group_norm_of_groups():
    plain = normalised(IMAGE.reshape(3, 2, -1), (2,)).reshape(IMAGE.shape)
    np.testing.assert_allclose(array_of(F.group_norm(tensor(IMAGE), 2)), plain)


@pytest.mark.parametrize("shape", [(1, 6), (1, 6, 1), (1, 6, 5), (4, 6), (2, 6, 3), (1, 6, 2, 2)])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_group_norm_of_few_samples(shape, groups):
    """One sample of two dimensions looks like a batch of columns, and is none."""
    x = RNG.permutation(math.prod(shape)).reshape(shape) * 0.7  # two values that are close make a steep slope
    w, b = RNG.standard_normal((2, 6))
    each = (1, 6, *(1,) * (len(shape) - 2))
    plain = normalised(x.reshape(shape[0], groups, -1), (2,)).reshape(shape)
    plain = plain * w.reshape(each) + b.reshape(each)
    found = F.group_norm(tensor(x), groups, tensor(w), tensor(b))
    np.testing.assert_allclose(array_of(found), plain, atol=1e-12)
    check(lambda x, w, b: F.group_norm(x, groups, w, b), [x, w, b], RNG)


def test_running_moments():
    layer = nn.BatchNorm2d(4, momentum=0.25, dtype=minigrad.float64)
    x = tensor(IMAGE)
    layer(x)
    np.testing.assert_allclose(array_of(layer.running_mean), 0.25 * IMAGE.mean((0, 2, 3)))
    np.testing.assert_allclose(array_of(layer.running_var), 0.75 + 0.25 * IMAGE.var((0, 2, 3), ddof=1))
    assert layer.num_batches_tracked == 1
    layer.eval()
    scale = np.sqrt(array_of(layer.running_var) + 1e-5)
    plain = (IMAGE - array_of(layer.running_mean)[:, None, None]) / scale[:, None, None]
    np.testing.assert_allclose(array_of(layer(x)), plain)
    assert layer.num_batches_tracked == 1
    check(lambda x: layer(x), [IMAGE], RNG)


def test_a_mean_over_all_batches():
    layer = nn.BatchNorm1d(3, momentum=None, dtype=minigrad.float64)
    batches = [RNG.standard_normal((5, 3)) for _ in range(4)]
    for batch in batches:
        layer(tensor(batch))
    np.testing.assert_allclose(array_of(layer.running_mean), np.mean(batches, (0, 1)))
    layer.reset_running_stats()
    assert not layer.running_mean.any()
    layer.reset_parameters()
    assert (layer.weight == 1).all()


def test_state_saved_before_batches_were_counted():
    layer = nn.BatchNorm1d(2)
    state = layer.state_dict()
    del state["num_batches_tracked"], state._metadata[""]["version"]
    layer.load_state_dict(state)


# ---- dropout -------------------------------------------------------------------------------------
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean(p):
    minigrad.manual_seed(1)
    x = minigrad.ones(200, 100).requires_grad_()
    out = F.dropout(x, p)
    kept = array_of(out) != 0
    assert abs(kept.mean() - (1 - p)) < 0.02
    np.testing.assert_allclose(array_of(out)[kept], 1 / (1 - p), rtol=1e-6)
    cotangent = RNG.standard_normal((200, 100)).astype("f")
    out.backward(tensor(cotangent))
    np.testing.assert_allclose(array_of(x.grad), cotangent * array_of(out))


def test_dropout_when_not_training_or_without_effect():
    x = tensor(X)
    layer = nn.Dropout(0.3)
    assert layer.eval()(x) is x
    assert F.dropout(x, 0.0) is x
    assert not F.dropout(x, 1.0).any()
    assert "p=0.3, inplace=False" in repr(layer)
    same = x.clone()
    assert F.dropout(same, 0.5, inplace=True) is same


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(nn.Dropout1d, (8, 9, 5)), (nn.Dropout2d, (8, 9, 5, 2)), (nn.Dropout3d, (8, 9, 5, 2, 2))],
)
def test_channels_are_dropped_whole(layer, shape):
    out = array_of(layer(0.4)(minigrad.ones(*shape)))
    flat = out.reshape(72, -1)
    assert (flat == flat[:, :1]).all()
    assert 0 < (flat[:, 0] == 0).sum() < 72


def test_alpha_dropout_keeps_the_moments():
    minigrad.manual_seed(2)
    out = array_of(nn.AlphaDropout(0.3)(minigrad.randn(300, 300)))
    assert abs(out.mean()) < 0.02
    assert abs(out.std() - 1) < 0.02
    features = array_of(nn.FeatureAlphaDropout(0.3)(minigrad.randn(40, 30, 20)))
    assert len(np.unique(features.round(4)[:, :, 0])) < 40 * 30


# ---- shapes and distances ------------------------------------------------------------------------
def test_shapes():
    x = minigrad.ones(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12)
    assert nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.Unflatten(2, (2, -1))(x).shape == (2, 3, 2, 2)
    assert nn.Identity(1, a=2)(x) is x


DISTANCES = [
    ("pairwise_distance", (2.0, 0.1), lambda a, b: np.sqrt(((a - b + 0.1) ** 2).sum(-1))),
    ("pairwise_distance", (1.0, 0.1, True), lambda a, b: abs(a - b + 0.1).sum(-1, keepdims=True)),
    (
        "cosine_similarity",
        (1,),
        lambda a, b: (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1)),
    ),
]


@pytest.mark.parametrize(("name", "settings", "plain"), DISTANCES)
def test_distances(name, settings, plain):
    a, b = RNG.standard_normal((2, 4, 3))
    function = getattr(F, name)
    np.testing.assert_allclose(array_of(function(tensor(a), tensor(b), *settings)), plain(a, b))
    check(lambda a, b: function(a, b, *settings), [a, b], RNG)


def test_normalize_and_pdist():
    x = RNG.standard_normal((4, 3))
    np.testing.assert_allclose(array_of(F.normalize(tensor(x))), x / np.sqrt((x * x).sum(1, keepdims=True)))
    assert not F.normalize(minigrad.zeros(2, 2)).any()
    plain = [np.sqrt(((x[i] - x[j]) ** 2).sum()) for i in range(4) for j in range(i + 1, 4)]
    np.testing.assert_allclose(array_of(F.pdist(tensor(x))), plain)
    check(F.pdist, [x], RNG)


# ---- what is refused -----------------------------------------------------------------------------
def f(*shape):
    return minigrad.ones(*shape)


def i(*values):
    return minigrad.tensor(list(values))


REFUSED = [
    (lambda: nn.Linear(4, 3)(f(8, 5)), RuntimeError, r"input \(8, 5\) has 5 features, 4 wanted"),
    (lambda: nn.Linear(4, 3)(f(8, 4).double()), RuntimeError, "same dtype"),
    (lambda: F.linear(f(2, 3), f(4, 3), f(3)), RuntimeError, "bias .* needs 4 elements"),
    (lambda: F.bilinear(f(2, 3), f(2, 4), f(5, 3, 5)), RuntimeError, "need 3 and 5 features"),
    (lambda: nn.Bilinear(0, 2, 3), ValueError, "in1_features must be > 0"),
    (lambda: nn.Embedding(4, 2)(i(4)), IndexError, r"4 is not one of the 4 rows 0 \.\. 3"),
    (lambda: nn.Embedding(4, 2)(i(-1)), IndexError, "-1 is not one"),
    (lambda: nn.Embedding(4, 2)(f(1)), RuntimeError, r"use \.long\(\)"),
    (lambda: nn.Embedding(4, 2, padding_idx=4), AssertionError, "Padding_idx"),
    (lambda: nn.Embedding(4, 2, sparse=True), NotImplementedError, "sparse gradients are not here"),
    (lambda: nn.Embedding.from_pretrained(f(3)), AssertionError, "2-dimensional"),
    (lambda: F.embedding(i(1), f(3)), RuntimeError, "must be 2-D"),
    (lambda: F.embedding_bag(i(1), f(3, 2)), ValueError, "offsets has to be a 1D"),
    (lambda: F.embedding_bag(i([1]), f(3, 2), i(0)), ValueError, "offsets has to be None"),
    (lambda: F.embedding_bag(i(1), f(3, 2), i(1)), ValueError, r"offsets\[0\] has to be 0"),
    (lambda: F.embedding_bag(i(1), f(3, 2), i(0, 5)), ValueError, "can not be greater"),
    (lambda: F.embedding_bag(i([1]), f(3, 2), mode="min"), ValueError, "sum, mean or max"),
    (
        lambda: F.embedding_bag(i([1]), f(3, 2), per_sample_weights=f(1, 1)),
        NotImplementedError,
        "only supported for mode='sum'",
    ),
    (lambda: F.one_hot(f(2)), RuntimeError, "LongTensor"),
    (lambda: F.one_hot(i(-1)), RuntimeError, "non-negative"),
    (lambda: F.one_hot(i(3), 2), RuntimeError, "3 is not below 2"),
    (lambda: F.glu(f(2, 3)), RuntimeError, "Halving dimension must be even"),
    (lambda: F.softshrink(f(2), -1), RuntimeError, "lambda must be greater"),
    (lambda: F.prelu(f(2, 3), f(2)), RuntimeError, "the weight needs 1 or 3 elements"),
    (lambda: F.gelu(f(2), approximate="x"), RuntimeError, "'none' or 'tanh', not 'x'"),
    (lambda: F.hardtanh(f(2), 1, -1), ValueError, "min_val cannot be greater"),
    (lambda: nn.Hardtanh(1, -1), AssertionError, "max_val must be larger"),
    (lambda: F.celu(f(2), 0), RuntimeError, "alpha cannot be 0"),
    (lambda: F.rrelu(f(2), 0.5, 0.1), RuntimeError, "Lower bound"),
    (lambda: nn.Softmax2d()(f(2)), ValueError, "3D or 4D"),
    (lambda: nn.Dropout(1.5), ValueError, "between 0 and 1, but got 1.5"),
    (lambda: F.dropout(f(2), -0.1), ValueError, "between 0 and 1"),
    (lambda: F.dropout1d(f(2), 0.1), RuntimeError, "2D or 3D input"),
    (lambda: nn.LayerNorm(4)(f(2, 3)), RuntimeError, r"expected input with shape \[\*, 4\]"),
    (lambda: F.layer_norm(f(2, 3), (3,), f(2)), RuntimeError, "same shape as normalized_shape"),
    (lambda: nn.GroupNorm(3, 4), ValueError, "divisible by num_groups"),
    (lambda: F.group_norm(f(2, 4), 3), RuntimeError, "divisible by num_groups"),
    (lambda: nn.BatchNorm1d(3)(f(1, 3)), ValueError, "more than 1 value per channel"),
    (lambda: nn.BatchNorm1d(3)(f(2, 4)), RuntimeError, "should contain 4 elements not 3"),
    (lambda: nn.BatchNorm2d(3)(f(2, 3)), ValueError, "expected 4D input"),
    (lambda: F.batch_norm(f(2, 3), None, None), RuntimeError, "running_mean and running_var to be defined"),
    (lambda: F.batch_norm(f(2, 3), None, None, training=True, eps=0), ValueError, "eps must be positive"),
    (lambda: nn.InstanceNorm1d(3)(f(2, 3, 1)), ValueError, "more than 1 spatial element"),
    (lambda: nn.InstanceNorm1d(3, affine=True)(f(2, 4, 5)), ValueError, r"match num_features \(3\)"),
    (lambda: nn.Unflatten(1, 3), TypeError, "tuple of ints"),
    (lambda: nn.Unflatten("name", (1, 2)), NotImplementedError, "named dimensions"),
    (lambda: F.pdist(f(2)), RuntimeError, "only supports 2D"),
]


@pytest.mark.parametrize(("act", "kind", "words"), REFUSED)
def test_what_is_refused(act, kind, words):
    with pytest.raises(kind, match=words):
        act()


def test_what_is_warned_of():
    with pytest.warns(UserWarning, match="does not match num_features"):
        nn.InstanceNorm1d(3)(minigrad.randn(2, 4, 5))
    with pytest.warns(UserWarning, match="3D input to dropout2d"):
        F.dropout2d(f(2, 3, 4))
    with pytest.warns(FutureWarning, match="min_value"):
        assert nn.Hardtanh(min_value=-2).min_val == -2


# ---- first values --------------------------------------------------------------------------------
INITS = [
    ("uniform_", (-2, 3), lambda w: w.min() >= -2 and w.max() <= 3),
    ("normal_", (1.0, 0.1), lambda w: abs(w.mean() - 1) < 0.02),
    ("constant_", (3.0,), lambda w: (w == 3).all()),
    ("ones_", (), lambda w: (w == 1).all()),
    ("zeros_", (), lambda w: not w.any()),
    ("eye_", (), lambda w: (w == np.eye(40, 60)).all()),
    ("xavier_uniform_", (2.0,), lambda w: abs(w.std() - 2 * np.sqrt(2 / 100)) < 0.02),
    ("xavier_normal_", (), lambda w: abs(w.std() - np.sqrt(2 / 100)) < 0.01),
    ("kaiming_uniform_", (0, "fan_in", "relu"), lambda w: abs(w.std() - np.sqrt(2 / 60)) < 0.01),
    ("kaiming_normal_", (0, "fan_out", "relu"), lambda w: abs(w.std() - np.sqrt(2 / 40)) < 0.01),
    ("trunc_normal_", (0, 1, -0.5, 2), lambda w: w.min() >= -0.5 and w.max() <= 2),
    ("trunc_normal_", (0, 1, 1.9, 2.2), lambda w: w.min() >= 1.9 and w.max() <= 2.2),
    ("orthogonal_", (3.0,), lambda w: np.allclose(w @ w.T, 9 * np.eye(40), atol=1e-4)),
    ("sparse_", (0.3,), lambda w: ((w == 0).sum(0) == 12).all()),
]


@pytest.mark.parametrize(("name", "settings", "holds"), INITS)
def test_init(name, settings, holds):
    minigrad.manual_seed(4)
    weight = nn.Parameter(minigrad.full((40, 60), np.nan))
    assert getattr(nn.init, name)(weight, *settings) is weight
    assert weight.requires_grad
    assert holds(array_of(weight))


def test_dirac_hands_channels_on():
    weight = array_of(nn.init.dirac_(minigrad.full((4, 2, 3), np.nan), groups=2))
    plain = np.zeros((4, 2, 3))
    plain[[0, 1, 2, 3], [0, 1, 0, 1], 1] = 1
    np.testing.assert_array_equal(weight, plain)


GAINS = [("linear", None, 1), ("conv2d", None, 1), ("tanh", None, 5 / 3), ("relu", None, math.sqrt(2))]
GAINS += [("leaky_relu", None, math.sqrt(2 / 1.0001)), ("leaky_relu", 1, 1), ("selu", None, 0.75)]


@pytest.mark.parametrize(("nonlinearity", "param", "gain"), GAINS)
def test_gains(nonlinearity, param, gain):
    assert nn.init.calculate_gain(nonlinearity, param) == gain


BAD_INITS = [
    (lambda: nn.init.calculate_gain("gelu"), ValueError, "Unsupported nonlinearity gelu; use"),
    (lambda: nn.init.calculate_gain("leaky_relu", True), ValueError, "not a valid number"),
    (lambda: nn.init.xavier_normal_(f(3)), ValueError, "fewer than 2 dimensions"),
    (lambda: nn.init.kaiming_normal_(f(3, 3), mode="fan"), ValueError, "Mode fan not supported"),
    (lambda: nn.init.eye_(f(3)), ValueError, "2 dimensions"),
    (lambda: nn.init.sparse_(f(3), 0.1), ValueError, "2 dimensions"),
    (lambda: nn.init.dirac_(f(3, 3)), ValueError, "3, 4, or 5"),
    (lambda: nn.init.dirac_(f(3, 3, 3), 2), ValueError, "divisible by groups"),
    (lambda: nn.init.orthogonal_(f(3)), ValueError, "2 or more"),
]


@pytest.mark.parametrize(("act", "kind", "words"), BAD_INITS)
def test_what_init_refuses(act, kind, words):
    with pytest.raises(kind, match=words):
        act()


def test_what_init_warns_of():
    with pytest.warns(UserWarning, match="no-op"):
        nn.init.kaiming_uniform_(f(0, 3))
    with pytest.warns(UserWarning, match="2 std"):
        nn.init.trunc_normal_(f(2, 2), mean=6, a=2, b=3)
    with pytest.warns(FutureWarning, match="in favor of `nn.init.normal_`"):
        nn.init.normal(f(2, 2))
    assert nn.init.orthogonal_(f(0, 3)).shape == (0, 3)


# ---- clipping ------------------------------------------------------------------------------------
def with_gradients():
    parameters = [
        nn.Parameter(minigrad.ones(2, 2)),
        nn.Parameter(minigrad.ones(3)),
        nn.Parameter(minigrad.ones(1)),
    ]
    for p in parameters[:2]:
        p.grad = minigrad.tensor(RNG.standard_normal(tuple(p.shape)).astype("f"))
    return parameters, np.concatenate([array_of(p.grad).ravel() for p in parameters[:2]])


@pytest.mark.parametrize("p", [2.0, 1.0, 3.0, math.inf])
def test_clip_grad_norm(p):
    parameters, g = with_gradients()
    norm = np.abs(g).max() if p == math.inf else (np.abs(g) ** p).sum() ** (1 / p)
    held = parameters[0].grad
    total = nn.utils.clip_grad_norm_(parameters, 0.5, p)
    np.testing.assert_allclose(total.item(), norm, rtol=1e-5)
    clipped = np.concatenate([array_of(p.grad).ravel() for p in parameters[:2]])
    np.testing.assert_allclose(clipped, g * 0.5 / norm, rtol=1e-5)
    assert parameters[0].grad is held
    assert held._version == 1
    nn.utils.clip_grad_norm_(parameters, 100.0, p)
    np.testing.assert_allclose(np.concatenate([array_of(p.grad).ravel() for p in parameters[:2]]), clipped)


def test_clipping_of_one_tensor_none_and_what_is_not_finite():
    (p, *_), _ = with_gradients()
    nn.utils.clip_grad_value_(p, 0.1)
    assert p.grad.abs().max() <= 0.1
    assert nn.utils.clip_grad_norm_(p, 1.0).item() > 0
    assert nn.utils.get_total_norm([]).item() == 0
    with pytest.warns(UserWarning, match="empty generator"):
        nn.utils.clip_grad_norm_((q for q in ()), 1.0)
    p.grad[0, 0] = math.inf
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)


def test_parameters_as_a_vector():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    vector = nn.utils.parameters_to_vector(net.parameters())
    assert vector.shape == (13,)
    vector.sum().backward()
    assert (net[0].weight.grad == 1).all()
    nn.utils.vector_to_parameters(minigrad.arange(13.0), net.parameters())
    assert net[1].bias.item() == 12
    assert net[0].weight.requires_grad
    with pytest.raises(TypeError, match="expected torch"):
        nn.utils.vector_to_parameters([1.0], net.parameters())

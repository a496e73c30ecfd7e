"""Pooling: the fast code against plain loops over windows, and gradients against finite differences."""

import itertools
import math

import numpy as np
import pytest

import minigrad.nn.functional as F
from minigrad import nn
from minigrad.ops import pooling as core
from minigrad.ops.resampling import Taps, resample
from tests.gradients import array_of, check, leaf, tensor

#: (shape of the input, kernel_size, stride, padding, dilation, ceil_mode)
CASES = {
    "1d": ((2, 3, 7), 2, None, 0, 1, False),
    "1d overlapping": ((2, 3, 7), (3,), 1, 1, 1, False),
    "1d ceil": ((2, 2, 8), 3, 2, 1, 1, True),
    "1d ceil, no window begins in the padding": ((1, 1, 5), 2, 2, 1, 1, True),
    "2d": ((2, 2, 4, 6), 2, None, 0, 1, False),
    "2d uneven": ((2, 2, 5, 6), (3, 2), (1, 3), (1, 0), 1, False),
    "2d ceil": ((1, 3, 5, 7), 3, 2, (0, 1), 1, True),
    "3d": ((2, 1, 4, 3, 5), (2, 3, 2), (2, 1, 2), (0, 1, 1), 1, False),
    "no samples": ((0, 2, 4, 4), 2, None, 0, 1, False),
}
DILATED = {
    "1d dilated": ((2, 2, 9), 3, 1, 2, 2, False),
    "2d dilated": ((2, 2, 7, 8), (2, 3), (2, 1), 1, (3, 2), True),
}


@pytest.fixture(params=["whole", "cut"])
def part(request, monkeypatch):
    """Whether all channels are worked on at once, or one at a time."""
    if request.param == "cut":
        monkeypatch.setattr(core, "PART", 1)


def each(value, ndim: int) -> tuple:
    return (value,) * ndim if isinstance(value, int) else tuple(value) * (ndim if len(value) == 1 else 1)


def windows(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> list[range]:
    """Which places each window of one axis covers; some may lie outside of it."""
    count = (math.ceil if ceil_mode else math.floor)(
        (size + 2 * padding - dilation * (kernel - 1) - 1) / stride
    ) + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    return [
        range(s, s + dilation * (kernel - 1) + 1, dilation)
        for s in range(-padding, count * stride - padding, stride)
    ]


def over_windows(x, axes, f):
    """f of the elements under each window, {place: vector of values (N, C)}, put together."""
    out = np.zeros((*x.shape[:2], *map(len, axes)))
    for place in itertools.product(*(range(len(a)) for a in axes)):
        covered = itertools.product(*(a[p] for a, p in zip(axes, place, strict=True)))
        found = {
            at: x[(slice(None), slice(None), *at)]
            for at in covered
            if all(0 <= p < n for p, n in zip(at, x.shape[2:], strict=True))
        }
        out[(slice(None), slice(None), *place)] = f(found, place)
    return out


def example(name: str):
    shape, *settings = (CASES | DILATED)[name]
    ndim = len(shape) - 2
    x = np.random.default_rng(0).permutation(math.prod(shape)).reshape(shape) / 7.0
    kernel, stride, padding, dilation = (
        each(s if s is not None else settings[0], ndim) for s in settings[:4]
    )
    axes = [
        windows(*one, settings[4]) for one in zip(shape[2:], kernel, stride, padding, dilation, strict=True)
    ]
    return x, settings, axes


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("name", CASES | DILATED)
def test_the_largest_and_their_places(name):
    x, settings, axes = example(name)
    pool = getattr(F, f"max_pool{x.ndim - 2}d")
    values, places = pool(tensor(x), *settings, return_indices=True)
    np.testing.assert_array_equal(
        array_of(values), over_windows(x, axes, lambda v, _: np.max([*v.values()], 0))
    )
    flat = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    picked = np.take_along_axis(flat, array_of(places).reshape(*x.shape[:2], math.prod(places.shape[2:])), 2)
    np.testing.assert_array_equal(picked.reshape(places.shape), array_of(values))
    np.testing.assert_array_equal(array_of(pool(tensor(x), *settings)), array_of(values))
    check(lambda x: pool(x, *settings), [x], np.random.default_rng(1))


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("counts_padding", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_means(name, counts_padding):
    x, (kernel, stride, padding, _, ceil_mode), axes = example(name)
    ndim = x.ndim - 2
    bounds = zip(x.shape[2:], each(padding, ndim), strict=True)
    limits = [range(-p, n + p) if counts_padding else range(n) for n, p in bounds]

    def mean(found, place):
        counted = [sum(at in limit for at in a[p]) for a, p, limit in zip(axes, place, limits, strict=True)]
        return sum(found.values()) / math.prod(counted)

    settings = (kernel, stride, padding, ceil_mode, counts_padding)
    pool = getattr(F, f"avg_pool{ndim}d")
    np.testing.assert_allclose(array_of(pool(tensor(x), *settings)), over_windows(x, axes, mean))
    check(lambda x: pool(x, *settings), [x], np.random.default_rng(1))


def test_the_divisor_can_be_given():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    sums = F.avg_pool2d(tensor(x), 2, divisor_override=1)
    np.testing.assert_array_equal(array_of(sums), 4 * array_of(F.avg_pool2d(tensor(x), 2)))


def test_fast_code_is_its_composition():
    x, _, _ = example("2d uneven")
    found = []
    for f in (core.max_pool, core.max_pool.twin):
        source = leaf(x)
        axes = (core.sliding(5, 3, 1, 1, 1), core.sliding(2, 2, 3))
        values, places = f(source, axes, ((1, 1), (0, 0)), True)
        (values * tensor(np.random.default_rng(2).standard_normal(values.shape))).sum().backward()
        found.append([array_of(t) for t in (values, places, source.grad)])
    for fast, composed in zip(*found, strict=True):
        np.testing.assert_array_equal(fast, composed)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64, np.int8])
def test_dtypes(dtype):
    x = np.random.default_rng(3).permutation(60).reshape(2, 1, 5, 6).astype(dtype)
    values, places = F.max_pool2d(tensor(x), 3, 2, 1, return_indices=True)
    assert array_of(values).dtype == dtype
    assert array_of(places).dtype == np.int64
    wide = F.max_pool2d(tensor(x.astype(np.float64)), 3, 2, 1)
    np.testing.assert_array_equal(array_of(values), array_of(wide))


def test_the_first_of_equals_is_taken():
    x = np.array([[[[0, 5, 5, 1], [5, 0, 5, 1]]]], np.float64)
    _, places = F.max_pool2d(tensor(x), 2, return_indices=True)
    np.testing.assert_array_equal(array_of(places), [[[[1, 2]]]])


def test_nan_wins():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    x[0, 0, 0, 0] = np.nan
    values, places = F.max_pool2d(tensor(x), 2, return_indices=True)
    np.testing.assert_array_equal(array_of(values)[0, 0], [[np.nan, 7], [13, 15]])
    assert array_of(places)[0, 0, 0, 0] == 0


def test_padding_is_never_the_largest():
    x = np.full((1, 1, 3, 3), -np.inf)
    values, places = F.max_pool2d(tensor(x), 2, 1, 1, return_indices=True)
    assert (array_of(values) == -np.inf).all()
    np.testing.assert_array_equal(array_of(places)[0, 0, 0], [0, 0, 1, 2])


# ---- even parts --------------------------------------------------------------------------------------------
#: (shape of the input, output_size)
ADAPTIVE = [
    ((2, 3, 7), 3),
    ((2, 3, 6), 3),
    ((2, 2, 5), 1),
    ((2, 2, 3), 5),
    ((2, 2, 5, 6), (3, None)),
    ((1, 2, 4, 6), 1),
]
ADAPTIVE += [((1, 2, 5, 4, 3), (2, 2, 3))]


def even_parts(size: int, count: int) -> list[range]:
    return [range(i * size // count, math.ceil((i + 1) * size / count)) for i in range(count)]


@pytest.mark.parametrize("case", ADAPTIVE, ids=str)
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_adaptive(kind, case):
    shape, output = case
    ndim = len(shape) - 2
    x = np.random.default_rng(4).permutation(math.prod(shape)).reshape(shape) / 7.0
    counts = (
        (output,) * ndim
        if isinstance(output, int)
        else [n if o is None else o for n, o in zip(shape[2:], output, strict=True)]
    )
    axes = [even_parts(*one) for one in zip(shape[2:], counts, strict=True)]
    pool = getattr(F, f"adaptive_{kind}_pool{ndim}d")
    of = {"avg": np.mean, "max": np.max}[kind]
    expected = over_windows(x, axes, lambda v, _: of([*v.values()], 0))
    np.testing.assert_allclose(array_of(pool(tensor(x), output)), expected)
    check(lambda x: pool(x, output), [x], np.random.default_rng(5))
    if kind == "max":
        values, places = pool(tensor(x), output, True)
        flat = x.reshape(*shape[:2], -1)
        picked = np.take_along_axis(flat, array_of(places).reshape(*shape[:2], -1), 2)
        np.testing.assert_array_equal(picked.reshape(values.shape), array_of(values))


# ---- and back ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["1d", "2d", "3d"])
def test_unpooling_puts_the_largest_back(name):
    shape = CASES[name][0]
    ndim = len(shape) - 2
    x = np.random.default_rng(6).standard_normal(shape)
    values, places = getattr(F, f"max_pool{ndim}d")(tensor(x), 2, return_indices=True)
    unpool = getattr(F, f"max_unpool{ndim}d")
    out = array_of(unpool(values, places, 2, output_size=shape[2:]))
    assert out.shape == shape
    assert np.count_nonzero(out) == values.numel()
    np.testing.assert_array_equal(out[out != 0], x[out != 0])
    check(lambda v: unpool(v, places, 2, output_size=shape), [array_of(values)], np.random.default_rng(7))


@pytest.mark.parametrize("norm", [1, 2, 3.0, math.inf])
def test_p_norms(norm):
    x = np.abs(np.random.default_rng(8).standard_normal((2, 2, 4, 6))) + 0.5
    out = F.lp_pool2d(tensor(x), norm, (2, 3))
    blocks = x.reshape(2, 2, 2, 2, 2, 3).transpose(0, 1, 2, 4, 3, 5).reshape(2, 2, 2, 2, 6)
    np.testing.assert_allclose(array_of(out), np.linalg.norm(blocks, norm, -1))
    check(lambda x: F.lp_pool2d(x, norm, (2, 3)), [x], np.random.default_rng(9))


def test_sampling_along_an_axis_and_its_transpose():
    rng = np.random.default_rng(10)
    places, weights = rng.integers(0, 5, (7, 3)), rng.standard_normal((7, 3))
    taps = Taps(places, weights, 5)
    matrix = np.zeros((7, 5))
    np.add.at(matrix, (np.arange(7)[:, None], places), weights)
    x = rng.standard_normal((2, 5, 3))
    np.testing.assert_allclose(array_of(resample(tensor(x), 1, taps)), np.einsum("oi,nic->noc", matrix, x))
    g = rng.standard_normal((2, 7, 3))
    np.testing.assert_allclose(resample(g, 1, taps.transposed()), np.einsum("oi,noc->nic", matrix, g))
    check(lambda x: resample(x, 1, taps), [x], rng)


def test_fractional_windows_cover_the_ends():
    x = np.random.default_rng(11).permutation(2 * 49).reshape(1, 2, 7, 7) / 7.0
    values, places = F.fractional_max_pool2d(tensor(x), 2, output_size=4, return_indices=True)
    assert values.shape == (1, 2, 4, 4)
    picked = np.take_along_axis(x.reshape(1, 2, 49), array_of(places).reshape(1, 2, 16), 2)
    np.testing.assert_array_equal(picked.reshape(values.shape), array_of(values))
    assert (array_of(values)[..., -1, -1] == x[..., -2:, -2:].max((-1, -2))).all()
    samples = tensor(np.array([[[0.3, 0.8], [0.1, 0.5]]]))
    check(
        lambda x: F.fractional_max_pool2d(x, 2, output_ratio=0.6, _random_samples=samples),
        [x],
        np.random.default_rng(12),
    )


# ---- refusals ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda x: F.max_pool1d(x, 9), RuntimeError, "Output size is too small"),
        (lambda x: F.max_pool1d(x, 2, 0), RuntimeError, "stride should be greater than zero"),
        (lambda x: F.max_pool1d(x, 0), RuntimeError, "kernel_size should be greater than zero"),
        (lambda x: F.max_pool1d(x, 2, padding=2), RuntimeError, "at most half of effective kernel size"),
        (lambda x: F.max_pool1d(x, (2, 2)), RuntimeError, "list of 1 values"),
        (lambda x: F.max_pool2d(x[0], 2), RuntimeError, "3D .unbatched. or 4D .batched. input to max_pool2d"),
        (lambda x: F.max_pool1d(x[:, :0], 2), RuntimeError, "positive length"),
        (lambda x: F.avg_pool2d(x, 2, divisor_override=0), RuntimeError, "divisor must be not zero"),
        (lambda x: F.adaptive_avg_pool1d(x, -1), RuntimeError, "greater than or equal to 0"),
        (lambda x: F.adaptive_avg_pool2d(x, (1, 2, 3)), RuntimeError, "must have 2 elements"),
        (lambda x: F.adaptive_max_pool1d(x[..., :0], 2), RuntimeError, "non-zero size"),
        (lambda x: F.max_unpool1d(x, x, 2), RuntimeError, "type int64"),
        (lambda x: F.max_unpool1d(x, (x * 0).long()[:1], 2), RuntimeError, "shape of indices"),
        (lambda x: F.max_unpool1d(x, (x * 0).long() + 99, 2), RuntimeError, "invalid max index"),
        (lambda x: F.max_unpool1d(x, (x * 0).long(), 2, output_size=[20]), ValueError, "must be between"),
        (lambda x: F.max_unpool1d(x, (x * 0).long(), 2, output_size=[8, 8]), ValueError, "1 or 3 elements"),
        (lambda x: F.fractional_max_pool2d(x, 2), ValueError, "either an output_size or an output_ratio"),
        (lambda x: F.fractional_max_pool2d(x, 3, (2, 7)), RuntimeError, "too large for input"),
    ],
)
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=words):
        call(tensor(np.random.default_rng(13).standard_normal((2, 3, 7))))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "either an output size, or a pooling ratio"),
        ({"output_size": 2, "output_ratio": 0.5}, "only one of"),
        ({"output_ratio": 1.5}, "between 0 and 1"),
    ],
)
def test_settings_that_cannot_be(settings, words):
    with pytest.raises(ValueError, match=words):
        nn.FractionalMaxPool2d(2, **settings)

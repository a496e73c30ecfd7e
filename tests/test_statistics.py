"""Counting, order, quantiles, running forms, rarer elementwise functions: beside NumPy's, and gradients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.autograd import gradcheck, gradgradcheck


def drawn(*shape, seed=0, grad=False):
    return mg.tensor(np.random.default_rng(seed).standard_normal(shape)).requires_grad_(grad)


def counts(seed, *shape, below=4):
    return mg.tensor(np.random.default_rng(seed).integers(0, below, shape))


SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_unique_gives_back_the_input(seed):
    x = counts(seed, 3, 5)
    values, inverse, how_often = x.unique(return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(values[inverse], x)
    np.testing.assert_array_equal(how_often, np.unique(x.numpy(), return_counts=True)[1])
    rows, places = x.unique(dim=0, return_inverse=True)
    np.testing.assert_array_equal(rows[places], x)


@given(SEEDS)
def test_consecutive_runs_give_back_the_input(seed):
    x = counts(seed, 12, below=2)
    values, inverse, how_often = mg.unique_consecutive(x, return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(values[inverse], x)
    np.testing.assert_array_equal(values.repeat_interleave(how_often), x)
    assert (values[1:] != values[:-1]).all()


@given(SEEDS)
def test_counts_in_bins(seed):
    x = counts(seed, 20)
    np.testing.assert_array_equal(x.bincount(minlength=6), np.bincount(x.numpy(), minlength=6))
    weights = drawn(20, seed=seed)
    np.testing.assert_allclose(x.bincount(weights), np.bincount(x.numpy(), weights.numpy()))
    y = drawn(20, seed=seed)
    np.testing.assert_array_equal(y.histc(5, -1, 1), np.histogram(y.numpy(), 5, (-1, 1))[0])
    hist, edges = mg.histogram(y, 4)
    np.testing.assert_array_equal(hist, np.histogram(y.numpy(), edges.numpy())[0])


@given(SEEDS)
def test_places_in_sorted_order(seed):
    rows, values = drawn(3, 6, seed=seed).sort().values, drawn(3, 4, seed=seed + 1)
    for right in (False, True):
        found = mg.searchsorted(rows, values, right=right)
        for r, v, f in zip(rows.numpy(), values.numpy(), found.numpy(), strict=True):
            np.testing.assert_array_equal(f, np.searchsorted(r, v, "right" if right else "left"))
    expected = np.searchsorted(rows[0].numpy(), values.numpy())
    np.testing.assert_array_equal(mg.bucketize(values, rows[0]), expected)


@given(SEEDS)
def test_quantiles_are_numpys(seed):
    x, q = drawn(4, 5, seed=seed), mg.tensor([0.0, 0.3, 0.5, 1.0], dtype=mg.float64)
    for way in ("linear", "lower", "higher", "nearest", "midpoint"):
        found = x.quantile(q, 1, interpolation=way)
        np.testing.assert_allclose(found, np.quantile(x.numpy(), q.numpy(), axis=1, method=way))
    x[0, 1] = np.nan
    np.testing.assert_allclose(x.nanquantile(q, 1), np.nanquantile(x.numpy(), q.numpy(), axis=1))
    assert x.quantile(0.5).isnan()
    np.testing.assert_allclose(x.nansum(1), np.nansum(x.numpy(), 1))
    np.testing.assert_allclose(x.nanmean(), np.nanmean(x.numpy()))


@given(SEEDS)
def test_most_frequent_value(seed):
    x = counts(seed, 3, 7)
    values, places = x.mode(1)
    np.testing.assert_array_equal(x.gather(1, places[:, None])[:, 0], values)
    for row, value in zip(x.numpy(), values.numpy(), strict=True):
        assert np.bincount(row).argmax() == value


def test_covariances_are_numpys():
    x, weights = drawn(3, 6), mg.tensor([1, 2, 1, 3, 1, 1])
    np.testing.assert_allclose(x.cov(), np.cov(x.numpy()))
    expected = np.cov(x.numpy(), ddof=0, fweights=weights.numpy())
    np.testing.assert_allclose(x.cov(correction=0, fweights=weights), expected)
    np.testing.assert_allclose(x.corrcoef(), np.corrcoef(x.numpy()))
    assert x[0].cov().shape == ()


@given(SEEDS)
def test_running_extremes_know_their_places(seed):
    x = counts(seed, 3, 6).double()
    for function, extreme in ((mg.cummax, np.maximum), (mg.cummin, np.minimum)):
        values, places = function(x, 1)
        np.testing.assert_array_equal(values, extreme.accumulate(x.numpy(), 1))
        np.testing.assert_array_equal(x.gather(1, places), values)


def test_differences_and_areas():
    y, x = drawn(3, 6), drawn(6, seed=1).sort().values
    np.testing.assert_allclose(y.diff(2, 0), np.diff(y.numpy(), 2, 0))
    np.testing.assert_allclose(mg.trapezoid(y, x), np.trapezoid(y.numpy(), x.numpy()))
    np.testing.assert_allclose(mg.cumulative_trapezoid(y, dx=0.5)[:, -1], mg.trapezoid(y, dx=0.5))
    for order in (1, 2):
        for found, axis in zip(mg.gradient(y, edge_order=order), (0, 1), strict=True):
            np.testing.assert_allclose(found, np.gradient(y.numpy(), axis=axis, edge_order=order))
    (found,) = mg.gradient(y, spacing=(x,), dim=1)
    np.testing.assert_allclose(found, np.gradient(y.numpy(), x.numpy(), axis=1))


DIFFERENTIABLE = {
    "quantile": lambda x, y: x.quantile(0.3, 1),
    "nanmean": lambda x, y: x.nanmean(1),
    "cov": lambda x, y: x.cov(),
    "corrcoef": lambda x, y: x.corrcoef(),
    "cummax": lambda x, y: x.cummax(1).values,
    "logcumsumexp": lambda x, y: x.logcumsumexp(1),
    "diff": lambda x, y: x.diff(),
    "gradient": lambda x, y: tuple(mg.gradient(x)),
    "trapezoid": mg.trapezoid,
    "fmax": mg.fmax,
    "fmin": mg.fmin,
    "hypot": mg.hypot,
    "logaddexp": mg.logaddexp,
    "logaddexp2": mg.logaddexp2,
    "copysign": lambda x, y: mg.copysign(x, y.detach()),
    "ldexp": mg.ldexp,
    "deg2rad": lambda x, y: mg.deg2rad(x),
    "kron": mg.kron,
    "cdist": mg.cdist,
    "cdist, 1": lambda x, y: mg.cdist(x, y, 1),
    "dist": lambda x, y: mg.dist(x, y, 3),
    "renorm": lambda x, y: mg.renorm(x, 2, 0, 0.5),
    "block_diag": mg.block_diag,
    "take": lambda x, y: x.take(mg.tensor([0, 3, 3])),
    "put": lambda x, y: x.put(mg.tensor([1, 3]), y.reshape(-1)[:2]),
    "vander": lambda x, y: mg.vander(x[0], 3),
    "addr": lambda x, y: mg.addr(x, y[:, 0], x[0]),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients(name):
    x, y = drawn(3, 4, grad=True), drawn(3, 4, seed=1, grad=True)
    assert gradcheck(DIFFERENTIABLE[name], (x, y))
    assert gradgradcheck(DIFFERENTIABLE[name], (x, y))


def test_choices_of_elements():
    x = mg.tensor([1, 2, 3])
    assert mg.combinations(x).tolist() == [[1, 2], [1, 3], [2, 3]]
    assert mg.cartesian_prod(x[:2], x[1:]).tolist() == [[1, 2], [1, 3], [2, 2], [2, 3]]
    assert mg.isin(x, mg.tensor([2, 9])).tolist() == [False, True, False]
    assert mg.argwhere(x > 1).tolist() == [[1], [2]]
    assert [p.tolist() for p in mg.unravel_index(mg.tensor([4, 1]), (2, 3))] == [[1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mg.tensor([-1, 2]).bincount(), "non-negative"),
        (lambda: drawn(3).quantile(2.0), "range"),
        (lambda: drawn(3).quantile(0.5, interpolation="odd"), "interpolation"),
        (lambda: drawn(2, 3, 4).cov(), "two or fewer"),
        (lambda: drawn(3).histc(0), "bins"),
        (lambda: mg.tensor(1.0).diff(), "one-dimensional"),
        (lambda: mg.cdist(drawn(2, 3), drawn(2, 4)), "columns"),
    ],
)
def test_refusals_say_why(call, words):
    with pytest.raises(RuntimeError, match=words):
        call()

"""What stands behind sums and linear maps: products in the place of np.sum, and of BLAS's slowest kernel."""

from itertools import combinations

import numpy as np
import pytest

import minigrad
from minigrad.ops import blas, sums

RNG = np.random.default_rng(7)
SHAPES = [(), (1,), (7,), (8, 16), (3, 0), (0, 3), (5, 1500), (2, 3, 4), (2, 0, 3), (4, 3, 2, 5)]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_over_any_dimensions(shape, order, keepdims, dtype):
    x = np.asarray(RNG.standard_normal(shape), dtype, order)
    some = [axes for count in range(x.ndim + 1) for axes in combinations(range(x.ndim), count)]
    for axis in (None, *some, *(axes[::-1] for axes in some)):
        found, expected = sums.total_over(x, axis, keepdims), x.astype("float64").sum(axis, keepdims=keepdims)
        assert (found.shape, found.dtype) == (expected.shape, dtype)
        tolerance = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-10}[dtype]
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * 10)


@pytest.mark.parametrize("count", [1, 1024, 1025, 8192, 8193, 100_003, 2_000_000])
def test_a_long_sum_is_as_exact_as_numpys(count):
    x = (RNG.random(count) + 1).astype(np.float32)
    exact = x.astype(np.float64).sum()
    assert abs(sums.total(x) - exact) <= 4 * abs(x.sum() - exact) + 4e-7 * exact
    np.testing.assert_allclose(sums.total(x[::2]), x[::2].astype(np.float64).sum(), rtol=2e-6)


def test_sums_of_what_is_not_finite():
    x = np.ones((3, 4), np.float32)
    x[0, 1], x[1, 2] = np.inf, np.nan
    np.testing.assert_array_equal(sums.total_over(x, (0,), False), x.sum(0))
    np.testing.assert_array_equal(sums.total_over(x, (1,), False), x.sum(1))
    assert np.isnan(sums.total(x))


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("rows", [1, 8, 32, 64, 65])
def test_rows_times_rows(rows, small, monkeypatch):
    monkeypatch.setattr(blas, "has_small_kernels", lambda: small)
    for order in "CF":
        x = np.asarray(RNG.standard_normal((rows, 64)), np.float32, order)
        W = np.asarray(RNG.standard_normal((128, 64)), np.float32, order)
        found = blas.times_transposed(x, W)
        np.testing.assert_allclose(found, x.astype(np.float64) @ W.T, rtol=1e-4, atol=1e-4)
        assert found.flags.c_contiguous


def test_relu_hands_gradients_of_nan_on():
    x = minigrad.tensor([-1.0, 0.0, 2.0, float("nan")]).requires_grad_()
    x.relu().backward(minigrad.tensor([1.0, 2.0, 3.0, 4.0]))
    assert x.grad.tolist() == [0, 0, 3, 4]


@pytest.mark.parametrize("dtype", [minigrad.uint8, minigrad.int16, minigrad.int32])
def test_a_sum_of_all_has_the_integer_dtype_that_was_asked_for(dtype):
    x = minigrad.tensor([True, False, True])
    assert x.sum(dtype=dtype).dtype is dtype
    assert x.sum(0, dtype=dtype).dtype is dtype


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape and 0 not in shape])
def test_the_largest_is_found_by_its_place(shape, order, dtype):
    x = np.asarray(RNG.standard_normal(shape), dtype, order)
    x.flat[0] = np.nan
    for axis in range(x.ndim):
        np.testing.assert_array_equal(sums.largest(x, axis), x.max(axis, keepdims=True))

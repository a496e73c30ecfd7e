"""Ops that reduce dimensions or run along one: sums, products, extremes, norms, cumulative forms.

A primitive takes `axis` as a tuple of non-negative ints (None: all) and `keepdims`. Below each stands
PyTorch's function with `dim` and `keepdim`. In a formula `spread(g, axis, ...)` puts the reduced dimensions
back as size 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..backend import as_array, module_of
from ..engine import primitive, stored, untracked
from .elementwise import abs, exp, mul, power_of, select, sgn, sign
from .promotion import arithmetic, floating, in_dtype_of, to_dtype
from .shaping import axes_of, axis_of, concat, flip_axes, reshape_to, take_part
from .spelling import numpy_names
from .sums import FEW, total, total_over

if TYPE_CHECKING:
    from ..tensor import Tensor


def spread(g, axis, keepdims, shape):
    """The gradient of a reduction with its reduced dimensions back as size 1, so that it broadcasts."""
    if keepdims:
        return g
    reduced = range(len(shape)) if axis is None else axis
    return reshape_to(g, tuple(1 if i in reduced else n for i, n in enumerate(shape)))


def _count(shape, axis) -> int:
    """How many elements a reduction takes together."""
    return math.prod(shape if axis is None else [shape[a] for a in axis])


def _total_dtype(t: Tensor, dtype) -> Tensor:
    """Integers and booleans are summed and multiplied as int64, unless a dtype is asked for."""
    if dtype is not None:
        return to_dtype(t, dtypes.as_dtype(dtype))
    return to_dtype(t, dtypes.int64) if t.array.dtype.kind in "biu" else t


# ---- sums and means ------------------------------------------------------------------------------
class _AsTotals:
    """How one tensor comes to the dtype its sum has: integers and booleans are added up as int64."""

    kinds, usual = "fc", np.dtype(np.float32)

    def __call__(self, t: Tensor) -> list[Tensor]:
        return [to_dtype(t, dtypes.int64)]


_of_all = primitive(promote=_AsTotals(), holomorphic=False, x=lambda g, x_shape: repeat_to(g, x_shape))
sum_of_all = _of_all(total)


@primitive(x=lambda g, x_shape, axis, keepdims: repeat_to(spread(g, axis, keepdims, x_shape), x_shape))
def sum_over(x, axis, keepdims):
    return total_over(x, axis, keepdims)


@primitive(x=lambda g: g)  # the engine sums it down
def repeat_to(x, shape):
    """x broadcast to a shape; in memory of its own where that is small, as it is made in a fraction of the
    time.
    """
    xp = module_of(x)
    if math.prod(shape) > FEW:
        return xp.broadcast_to(x, shape)
    out = xp.empty(shape, x.dtype)
    out[...] = x
    return out


def _own_integers(x):
    """The dtype in which integers are totalled: their own, for NumPy widens them unasked."""
    return x.dtype if x.dtype.kind in "iu" else None


@primitive(
    promote=floating,
    x=lambda g, x_shape, axis, keepdims: repeat_to(
        spread(g / _count(x_shape, axis), axis, keepdims, x_shape), x_shape
    ),
)
def mean_over(x, axis, keepdims):
    count = x.size if axis is None else _count(x.shape, axis)
    return total_over(x, axis, keepdims) / (count or math.nan)


def sum(input, dim=None, keepdim=False, *, dtype=None, out=None, axis=None, keepdims=None):
    """The sum over `dim` (an int, a tuple, or None for all); integers and booleans give int64.

    Here and below `axis` and `keepdims`, NumPy's names for `dim` and `keepdim`, are taken too, as PyTorch
    does.
    """
    if dim is axis is dtype is None and not keepdim and not keepdims:
        return sum_of_all(input, out=out)
    dim, keepdim = dim if axis is None else axis, keepdim if keepdims is None else bool(keepdims)
    if dtype is not None or input.array.dtype.kind not in "fc":
        input = _total_dtype(input, dtype)
    return sum_over(input, None if dim is None else axes_of("sum", input, dim), keepdim, out=out)


def mean(input, dim=None, keepdim=False, *, dtype=None, out=None, axis=None, keepdims=None):
    """The mean over `dim`; refuses integers, as their mean has no obvious dtype."""
    dim, keepdim = dim if axis is None else axis, keepdim if keepdims is None else bool(keepdims)
    if dtype is not None:
        input = to_dtype(input, dtypes.as_dtype(dtype))
    if input.array.dtype.kind not in "fc":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex "
            f"dtype. Got: {input.dtype}; use .float() first, or pass dtype="
        )
    return mean_over(input, None if dim is None else axes_of("mean", input, dim), keepdim, out=out)


@primitive(
    promote=floating,
    holomorphic=False,
    x=lambda g, x, axis, keepdims, correction: (
        spread(g, axis, keepdims, x.shape)
        * (x - mean_over(x, axis, True))
        * (2 / free if (free := _count(x.shape, axis) - correction) > 0 else math.nan)
    ),
)
def var_over(x, axis, keepdims, correction):
    deviation = np.abs(x - x.mean(axis, keepdims=True))
    total = (deviation * deviation).sum(axis, keepdims=keepdims)
    free = _count(x.shape, axis) - correction
    return total / x.real.dtype.type(max(free, 0))


def _correction(unbiased, correction) -> float:
    """PyTorch's two spellings: `unbiased` (bool) and `correction` (default 1, Bessel's)."""
    if unbiased is not None:
        return int(unbiased)
    return 1 if correction is None else correction


@numpy_names
def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None, out=None):
    """The variance over `dim`, divided by N - correction."""
    if isinstance(dim, bool):  # var(input, unbiased)
        dim, unbiased = None, dim
    axis = None if dim is None else axes_of("var", input, dim)
    return var_over(_must_float("var", input), axis, keepdim, _correction(unbiased, correction), out=out)


@primitive(x=lambda g, out: select(out == 0, 0, g / (2 * select(out == 0, 1, out))))
def safe_sqrt(x):
    """A square root whose gradient at 0 is 0: the slope of a norm or deviation is not defined there."""
    return np.sqrt(x)


@numpy_names
def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None, out=None):
    """The standard deviation over `dim`; constants have gradient 0."""
    axes_of("std", input, None if isinstance(dim, bool) else dim)
    return safe_sqrt(var(input, dim, unbiased, keepdim, correction=correction), out=out)


@numpy_names
def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The variance and the mean over `dim`."""
    over = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, over, keepdim)


@numpy_names
def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The standard deviation and the mean over `dim`."""
    over = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, over, keepdim)


def _must_float(name: str, t: Tensor) -> Tensor:
    if t.array.dtype.kind not in "fc":
        raise RuntimeError(
            f"{name}: only floating point and complex tensors are supported, got {t.dtype}; use .float()"
        )
    return t


# ---- products ------------------------------------------------------------------------------------
@primitive(
    promote=arithmetic,
    x=lambda g, x, axis, keepdims: spread(g, axis, keepdims, x.shape) * _product_of_others(x, axis),
)
def prod_over(x, axis, keepdims):
    return x.prod(axis, _own_integers(x), keepdims=keepdims)


def _product_of_others(x, axis):
    """For each element the product of all the others, exact where some are zero: what stands before, times
    after.
    """
    if axis is None:
        return reshape_to(_product_of_others(reshape_to(x, (math.prod(x.shape),)), (0,)), x.shape)
    (a,) = axis
    before = cumprod_along(_shifted(x, a), a)
    after = flip_axes(cumprod_along(_shifted(flip_axes(x, (a,)), a), a), (a,))
    return before * after


def _shifted(x, a):
    """One, then all but the last element, along axis a."""
    from_one = [slice(None)] * len(x.shape)
    from_one[a] = slice(0, max(x.shape[a] - 1, 0))
    first = list(x.shape)
    first[a] = min(1, x.shape[a])
    return concat_ones(x[tuple(from_one)], a, first[a])


@primitive(x=lambda g, axis, count: g[(slice(None),) * axis + (slice(count, None),)])
def concat_ones(x, axis, count):
    """x with `count` ones before it along an axis."""
    shape = x.shape[:axis] + (count,) + x.shape[axis + 1 :]
    return np.concatenate([np.ones_like(x, shape=shape), x], axis)


@numpy_names
def prod(input, dim=None, keepdim=False, *, dtype=None, out=None):
    """The product over `dim` (one int, or None for all); the gradient is exact where elements are zero."""
    axis = None if dim is None else axes_of("prod", input, int(dim))
    return prod_over(_total_dtype(input, dtype), axis, keepdim, out=out)


# ---- extremes ------------------------------------------------------------------------------------
def to_ties(g, x, out, axis, keepdims):
    """The gradient of an extreme, shared evenly among the elements that equal it."""
    chosen = x == spread(out, axis, keepdims, x.shape)
    ties = in_dtype_of(sum_over(chosen, axis, True), g)
    return select(chosen, spread(g, axis, keepdims, x.shape) / ties, 0)


@primitive(x=lambda g, x, out, axis, keepdims: to_ties(g, x, out, axis, keepdims))
def max_over(x, axis, keepdims):
    return x.max(axis, keepdims=keepdims)


@primitive(x=lambda g, x, out, axis, keepdims: to_ties(g, x, out, axis, keepdims))
def min_over(x, axis, keepdims):
    return x.min(axis, keepdims=keepdims)


# ---- truth ---------------------------------------------------------------------------------------
def _truth(name: str, over, input, dim, keepdim, out):
    result = untracked(as_array(over(input.array, axes_of(name, input, dim), keepdims=keepdim), input.array))
    if input.array.dtype == np.uint8:  # PyTorch keeps uint8 here
        result.array = result.array.astype(np.uint8)
    return stored(result, out)


@numpy_names
def all(input, dim=None, keepdim=False, *, out=None):
    """Whether all elements over `dim` are true."""
    return _truth("all", np.all, input, dim, keepdim, out)


@numpy_names
def any(input, dim=None, keepdim=False, *, out=None):
    """Whether any element over `dim` is true."""
    return _truth("any", np.any, input, dim, keepdim, out)


@numpy_names
def count_nonzero(input, dim=None):
    """How many elements over `dim` are not zero, int64."""
    return untracked(
        as_array(np.count_nonzero(input.array, axes_of("count_nonzero", input, dim)), input.array).astype(
            np.int64
        )
    )


# ---- log-sum-exp and norms -----------------------------------------------------------------------
@primitive(
    promote=floating,
    x=lambda g, x, out, axis, keepdims: (
        spread(g, axis, keepdims, x.shape) * exp(x - _finite(spread(out, axis, keepdims, x.shape)))
    ),
)
def logsumexp_over(x, axis, keepdims):
    """log(sum(exp(x))), shifted by the largest element: exp never overflows."""
    top = x.max(axis, keepdims=True) if x.size else np.zeros_like(x.sum(axis, keepdims=True))
    top = np.where(np.isfinite(top), top, 0)
    total = np.log(np.exp(x - top).sum(axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis)


def _finite(x):
    """x, with infinities replaced by 0: where every element was -inf, its share of the gradient is 0."""
    return select(abs(x) == math.inf, 0, x)


@numpy_names
def logsumexp(input, dim, keepdim=False, *, out=None):
    """log(sum(exp(x))) over `dim`, without overflow."""
    return logsumexp_over(input, axes_of("logsumexp", input, dim), keepdim, out=out)


@primitive(
    promote=floating,
    holomorphic=False,
    x=lambda g, x, out, power, axis, keepdims: _power_norm_gradient(
        spread(g, axis, keepdims, x.shape), x, spread(out, axis, keepdims, x.shape), power
    ),
)
def power_norm_over(x, power, axis, keepdims):
    """(sum |x|^p)^(1/p)."""
    return (np.abs(x) ** power).sum(axis, keepdims=keepdims) ** (1 / power)


def _power_norm_gradient(g, x, out, power):
    """sgn(x) (|x| / norm)^(p-1), and 0 where x or the norm is."""
    size = power_of(select(x == 0, 1, abs(x)), power - 1)
    scale = g / power_of(select(out == 0, 1, out), power - 1)
    return sgn(x) * (size * scale)  # which is 0 where x is


def vector_norm(input, ord=2, dim=None, keepdim=False, *, dtype=None, out=None):
    """(sum |x|^ord)^(1/ord) over `dim`; ord inf, -inf and 0 (the count of non-zeros) too. Gradient 0 at 0."""
    x = (
        to_dtype(_must_float("norm", input), dtypes.as_dtype(dtype))
        if dtype is not None
        else _must_float("norm", input)
    )
    axis = axes_of("norm", x, dim)
    if ord == 2:
        squares = mul(x, x) if x.array.dtype.kind == "f" else power_of(abs(x), 2)
        total = safe_sqrt(sum_over(squares, axis, keepdim))
    elif ord in (math.inf, -math.inf):
        total = (max_over if ord > 0 else min_over)(abs(x), axis, keepdim)
    elif ord == 0:
        total = sum_over(sign(abs(x)), axis, keepdim)
    elif ord == 1:
        total = sum_over(abs(x), axis, keepdim)
    else:
        total = power_norm_over(x, float(ord), axis, keepdim)
    return stored(total, out)


# ---- cumulative ----------------------------------------------------------------------------------
@primitive(x=lambda g, axis: flip_axes(cumsum_along(flip_axes(g, (axis,)), axis), (axis,)))
def cumsum_along(x, axis):
    return np.cumsum(x, axis, _own_integers(x))


@primitive(promote=arithmetic, x=lambda g, x, axis: _cumprod_gradient(g, x, axis))
def cumprod_along(x, axis):
    return np.cumprod(x, axis, _own_integers(x))


def _cumprod_gradient(g, x, axis):
    """For each i the sum over j >= i of g_j * prod of x up to j without x_i;
    exact where elements are zero.
    """
    size = x.shape[axis]
    total = []
    for i in range(size):
        lead = (slice(None),) * axis
        before = prod_over(take_part(x, (*lead, slice(0, i))), (axis,), True)
        after = take_part(x, (*lead, slice(i + 1, None)))
        products = cumprod_along(concat_ones(after, axis, 1), axis)
        total.append(sum_over(mul(take_part(g, (*lead, slice(i, None))), products), (axis,), True) * before)
    return concat(total, axis) if total else g * 1


@numpy_names
def cumsum(input, dim: int, *, dtype=None, out=None):
    """The running sum along a dimension; integers give int64."""
    input = _total_dtype(input, dtype)
    axis = axis_of("cumsum", input, dim)
    return cumsum_along(input, axis, out=out) if input.array.ndim else mul(input, 1, out=out)


@numpy_names
def cumprod(input, dim: int, *, dtype=None, out=None):
    """The running product along a dimension; integers give int64."""
    input = _total_dtype(input, dtype)
    axis = axis_of("cumprod", input, dim)
    return cumprod_along(input, axis, out=out) if input.array.ndim else mul(input, 1, out=out)

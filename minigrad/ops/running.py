"""Along a dimension, step by step: running extremes, differences, and areas under curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .. import return_types
from ..backend import beside
from ..engine import Value, primitive, stored, untracked
from .elementwise import add, div, exp, log, mul, select, sub
from .indexing import gather
from .promotion import floating
from .reduction import cumsum, sum
from .shaping import axis_of, cat, copy, flip_axes, reshape_to, take_part
from .spelling import numpy_names

if TYPE_CHECKING:
    from ..tensor import Tensor


def _running(name: str, result, extreme, input, dim: int, out):
    """(values, indices) of the extreme so far; of equals the last, and nan stays."""
    axis = axis_of(name, input, dim)
    if input.array.ndim == 0:
        return stored(result(reshape_to(input, ()), untracked(beside(input.array, 0, np.int64))), out)
    array = np.moveaxis(input.array, axis, 0)
    values = extreme.accumulate(array, axis=0)
    numbers = beside(array, np.arange(len(array), dtype=np.int64).reshape(-1, *[1] * (array.ndim - 1)))
    hits = (array == values) | (array != array)
    places = np.moveaxis(np.maximum.accumulate(np.where(hits, numbers, 0), axis=0), 0, axis)
    return stored(result(gather(input, axis, untracked(places)), untracked(places)), out)


@numpy_names
def cummax(input, dim: int, *, out=None) -> return_types.cummax:
    """The largest element so far along a dimension, and its place."""
    return _running("cummax", return_types.cummax, np.maximum, input, dim, out)


@numpy_names
def cummin(input, dim: int, *, out=None) -> return_types.cummin:
    """The smallest element so far along a dimension, and its place."""
    return _running("cummin", return_types.cummin, np.minimum, input, dim, out)


@primitive(promote=floating, x=lambda g, x, out, axis: _spread_back(g, x, out, axis))
def running_logsumexp(x, axis):
    """log(exp(x_0) + ... + exp(x_i)), shifted so that exp never overflows."""
    return np.logaddexp.accumulate(x.astype(np.float64, copy=False), axis).astype(x.dtype, copy=False)


def _spread_back(g, x, out, axis):
    """exp(x_j) times the sum over i >= j of g_i exp(-out_i), in logarithms, for each sign of g."""

    def part(g):
        logarithms = select(g > 0, log(select(g > 0, g, 1)), -math.inf) - select(out == -math.inf, 0, out)
        return exp(flip_axes(running_logsumexp(flip_axes(logarithms, (axis,)), axis), (axis,)) + x)

    return part(g) - part(-g)


def logcumsumexp(input, dim: int, *, out=None) -> Tensor:
    """The logarithm of the running sum of exponentials along a dimension."""
    axis = axis_of("logcumsumexp", input, dim)
    if input.array.ndim == 0:
        return stored(copy(input), out)
    return running_logsumexp(input, axis, out=out)


# ---- differences -----------------------------------------------------------------------------------------
@numpy_names
def diff(input, n: int = 1, dim: int = -1, prepend=None, append=None, *, out=None) -> Tensor:
    """The differences of neighbours along a dimension, n times over."""
    if input.array.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    axis = axis_of("diff", input, dim)
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if n == 0:
        return stored(copy(input), out)
    parts = [p for p in (prepend, input, append) if p is not None]
    total = cat(parts, axis) if len(parts) > 1 else input
    lead = (slice(None),) * axis
    for _ in range(min(n, total.array.shape[axis])):
        later, earlier = take_part(total, (*lead, slice(1, None))), take_part(total, (*lead, slice(0, -1)))
        total = later ^ earlier if total.array.dtype.kind == "b" else sub(later, earlier)
    return stored(total, out)


def gradient(input, *, spacing=1, dim=None, edge_order: int = 1) -> list[Tensor]:
    """The slope along each dimension: central differences, one-sided at the ends.

    The differences at the ends are of second order with edge_order=2.
    `spacing` is one distance, or one per dimension, or the coordinates along each dimension as tensors.
    """
    if edge_order not in (1, 2):
        raise RuntimeError(f"gradient only supports edge_order=1 and edge_order=2, got {edge_order}")
    dims = range(input.array.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    axes = [axis_of("gradient", input, d) for d in dims]
    if len(set(axes)) < len(axes):
        raise RuntimeError(f"gradient: a dim appears multiple times in the list of dims {list(dims)}")
    spacing = 1 if spacing is None else spacing
    spacings = list(spacing) if isinstance(spacing, (list, tuple)) else [spacing] * len(axes)
    if len(spacings) != len(axes):
        raise RuntimeError(f"gradient: spacing has {len(spacings)} entries for {len(axes)} dimensions")
    return [_slope(input, axis, s, edge_order) for axis, s in zip(axes, spacings, strict=True)]


def _slope(input, axis: int, spacing, edge_order: int) -> Tensor:
    size = input.array.shape[axis]
    if size <= edge_order:
        raise RuntimeError(f"gradient expected each dimension size to be at least edge_order+1, got {size}")
    lead = (slice(None),) * axis
    shape = [-1 if i == axis else 1 for i in range(input.array.ndim)]

    def at(start, stop):
        return take_part(input, (*lead, slice(start, stop)))

    if isinstance(spacing, Value) and spacing.array.ndim:
        steps = np.diff(spacing.array)
    else:
        steps = np.full(size - 1, spacing.item() if isinstance(spacing, Value) else spacing, np.float64)
    kind = input.array.dtype if input.array.dtype.kind in "fc" else np.dtype(np.float32)

    def weight(numbers):
        return untracked(np.asarray(numbers).astype(kind).reshape(shape))

    a, b = steps[:-1], steps[1:]
    inner = add(
        add(mul(at(0, -2), weight(-b / (a * (a + b)))), mul(at(1, -1), weight((b - a) / (a * b)))),
        mul(at(2, None), weight(a / (b * (a + b)))),
    )
    first, last = _ends(at, steps, weight, edge_order)
    return cat([first, inner, last], axis)


def _ends(at, steps, weight, edge_order: int) -> tuple:
    """One-sided differences at both ends."""
    if edge_order == 1:
        return div(sub(at(1, 2), at(0, 1)), weight(steps[:1])), div(
            sub(at(-1, None), at(-2, -1)), weight(steps[-1:])
        )
    a, b = steps[:1], steps[1:2]
    first = [-(2 * a + b) / (a * (a + b)), (a + b) / (a * b), -a / (b * (a + b))]
    d, c = steps[-1:], steps[-2:-1]
    last = [d / (c * (c + d)), -(c + d) / (c * d), (2 * d + c) / (d * (c + d))]
    ends = (slice(0, 1), slice(1, 2), slice(2, 3)), (slice(-3, -2), slice(-2, -1), slice(-1, None))
    total = []
    for weights, places in zip((first, last), ends, strict=True):
        parts = [mul(at(p.start, p.stop), weight(w)) for w, p in zip(weights, places, strict=True)]
        total.append(add(add(parts[0], parts[1]), parts[2]))
    return tuple(total)


# ---- areas under curves ----------------------------------------------------------------------------------
def _strips(y, x, dx, dim: int) -> Tensor:
    """The area of each strip between neighbours."""
    axis = axis_of("trapezoid", y, dim)
    lead = (slice(None),) * axis
    heights = add(take_part(y, (*lead, slice(1, None))), take_part(y, (*lead, slice(0, -1))))
    if x is None:
        return mul(heights, dx / 2)
    if x.array.ndim == 1 and y.array.ndim > 1:
        x = reshape_to(x, tuple(-1 if i == axis else 1 for i in range(y.array.ndim)))
    widths = diff(x, dim=axis - y.array.ndim)
    return div(mul(heights, widths), 2)


def trapezoid(y, x=None, *, dx=None, dim: int = -1) -> Tensor:
    """The area under a curve by the trapezoidal rule, at places x or at equal distances dx."""
    return sum(_strips(y, x, _one_of(x, dx), dim), dim)


trapz = trapezoid


def cumulative_trapezoid(y, x=None, *, dx=None, dim: int = -1) -> Tensor:
    """The area under a curve up to each place but the first."""
    return cumsum(_strips(y, x, _one_of(x, dx), dim), dim)


def _one_of(x, dx):
    if x is not None and dx is not None:
        raise RuntimeError("trapezoid: give x or dx, not both")
    return 1 if dx is None else dx

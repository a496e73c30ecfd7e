"""Ops whose result is a tensor with some elements replaced or added to: scatter, index_add, index_put,
masked_scatter.

Two primitives do it all, `replace_part` and `add_part`, which take any index that NumPy takes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend import beside
from ..backend import scatter_add as add_at
from ..engine import Value, primitive, stored, untracked
from .elementwise import mul, select
from .indexing import check_bounds, index_array, mask_array, place_along, plain_index, zero_part
from .promotion import in_dtype_of, to_dtype
from .shaping import axis_of, common_shape, copy, expand_to, reshape_to, take_part
from .variants import divide

if TYPE_CHECKING:
    from ..tensor import Tensor


@primitive(x=lambda g, index: zero_part(g, index), value=lambda g, index: take_part(g, index))
def replace_part(x, value, index):
    """A copy of x with the value at an index."""
    out = x.copy()
    out[index] = value
    return out


@primitive(x=lambda g: g, value=lambda g, index: take_part(g, index))
def add_part(x, value, index):
    """A copy of x with the value added at an index; equal places add up."""
    out = x.copy()
    add_at(out, index, value)
    return out


def _value_like(input, value) -> Any:
    """A number as a tensor of the input's dtype."""
    if isinstance(value, Value):
        return value
    return untracked(beside(input.array, np.asarray(value).astype(input.array.dtype)))


def _same_dtype(name: str, input, other, argument: str) -> None:
    if input.array.dtype != other.array.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to {argument}.dtype, got {input.dtype} and "
            f"{other.dtype}; convert {argument} with .to(self.dtype)"
        )


# ---- scatter: one place per element of an index along a dimension --------------------------------
def _scattered(name: str, input, dim: int, index, src):
    """The input, the part of the source that is used, and where it goes; all with one dimension at least."""
    axis = axis_of(name, input, dim)
    places = index_array(name, index)
    shape = input.array.shape
    if not isinstance(src, Value):
        src = expand_to(_value_like(input, src), places.shape)
    _same_dtype(name, input, src, "src")
    if not places.size:
        return None
    if not shape or not places.ndim or not src.array.ndim:
        input, places = (reshape_to(input, (1,)) if not shape else input), np.atleast_1d(places)
        src = reshape_to(src, (1,)) if not src.array.ndim else src
    if not places.ndim == src.array.ndim == input.array.ndim:
        raise RuntimeError(
            f"{name}: Index tensor must have the same number of dimensions as self and src tensor: "
            f"self {tuple(shape)}, index {tuple(index.array.shape)}, src {tuple(src.array.shape)}"
        )
    for d, (n, m, s) in enumerate(zip(places.shape, input.array.shape, src.array.shape)):
        if n > s or (n > m and d != axis):
            raise RuntimeError(
                f"{name}: Expected index {list(places.shape)} to be no larger than self {list(shape)} apart "
                f"from dimension {axis}, and no larger than src {list(src.array.shape)}"
            )
    check_bounds(name, places, input.array.shape[axis])
    return input, take_part(src, tuple(slice(0, n) for n in places.shape)), place_along(places, axis)


def scatter(
    input, dim: int, index: Tensor, src=None, *, value=None, reduce: str | None = None, out=None
) -> Tensor:
    """A copy of the input with src (a tensor or a number) written where `index` says, along a dimension."""
    src = value if src is None else src
    if reduce is not None:
        modes = {"add": "sum", "multiply": "prod"}
        if reduce not in modes:
            raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce}")
        src = expand_to(_value_like(input, src), index.array.shape) if not isinstance(src, Value) else src
        return scatter_reduce(input, dim, index, src, modes[reduce])
    found = _scattered("scatter", input, dim, index, src)
    result = copy(input) if found is None else reshape_to(replace_part(*found), input.array.shape)
    return stored(result, out)


def scatter_add(input, dim: int, index: Tensor, src: Tensor, *, out=None) -> Tensor:
    """A copy of the input with src added where `index` says, along a dimension; equal places add up."""
    found = _scattered("scatter_add", input, dim, index, src)
    result = copy(input) if found is None else reshape_to(add_part(*found), input.array.shape)
    return stored(result, out)


# ---- index_...: whole slices along a dimension ---------------------------------------------------
def _slices(name: str, input, dim: int, index, source) -> tuple:
    """The input with one dimension at least, the source in a shape that fits, and the index tuple."""
    axis = axis_of(name, input, dim)
    places = index_array(name, index)
    if places.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector, got {places.ndim} dimensions")
    places = places.reshape(-1)
    shape = input.array.shape or (1,)
    size = shape[axis]
    check_bounds(name, np.where(places < 0, places + size, places), size)
    wanted = shape[:axis] + (places.size,) + shape[axis + 1 :]
    if isinstance(source, Value):
        _same_dtype(name, input, source, "source")
        if source.array.size != math.prod(wanted) or (source.array.ndim and source.array.shape != wanted):
            raise RuntimeError(
                f"{name}(): Source/destination tensor must have same slice shapes: source "
                f"{tuple(source.array.shape)} against {wanted}"
            )
        source = reshape_to(source, wanted)
    return reshape_to(input, shape), source, (slice(None),) * axis + (places,)


def index_add(input, dim: int, index: Tensor, source: Tensor, *, alpha=1, out=None) -> Tensor:
    """A copy of the input with the slices of source, times alpha, added at the places of a dimension."""
    x, source, places = _slices("index_add", input, dim, index, source)
    result = reshape_to(add_part(x, source if alpha == 1 else mul(source, alpha), places), input.array.shape)
    return stored(result, out)


def index_copy(input, dim: int, index: Tensor, source: Tensor, *, out=None) -> Tensor:
    """A copy of the input with the slices of source written at the places of a dimension."""
    x, source, places = _slices("index_copy", input, dim, index, source)
    result = reshape_to(replace_part(x, source, places), input.array.shape)
    return stored(result, out)


def index_fill(input, dim: int, index: Tensor, value) -> Tensor:
    """A copy of the input with one value written at the places of a dimension."""
    if isinstance(value, Value) and value.array.ndim:
        raise RuntimeError(
            f"index_fill only supports a 0-dimensional value tensor, but got {value.array.ndim} dimensions"
        )
    value = to_dtype(_value_like(input, value), input.dtype)
    x, _, places = _slices("index_fill", input, dim, index, None)
    places = (*places[:-1], np.unique(places[-1] % x.array.shape[len(places) - 1]))
    return reshape_to(replace_part(x, value, places), input.array.shape)


def index_put(input, indices, values, accumulate: bool = False) -> Tensor:
    """A copy of the input with values written (or added) at `input[indices]`; an index may be a mask, or
    None.
    """
    places = tuple(slice(None) if i is None else i for i in plain_index(tuple(indices), input.array))
    _same_dtype("index_put", input, values, "values")
    return (add_part if accumulate else replace_part)(input, values, places)


# ---- masks and slices ----------------------------------------------------------------------------
def masked_scatter(input, mask: Tensor, source: Tensor) -> Tensor:
    """A copy of the input with the elements of source, in order, where the mask is True."""
    shape = common_shape("masked_scatter", input.array.shape, mask.array.shape)
    held = np.broadcast_to(mask_array("masked_scatter", mask), shape)
    _same_dtype("masked_scatter", input, source, "source")
    count = int(held.sum())
    if source.array.size < count:
        raise RuntimeError(
            f"masked_scatter: Number of elements of source {source.array.size} < number of "
            f"ones in mask {count}"
        )
    flat = take_part(reshape_to(source, (source.array.size,)), slice(0, count))
    return replace_part(expand_to(input, shape), flat, held)


def select_scatter(input, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of the input with src at one index of a dimension."""
    axis = axis_of("select_scatter", input, dim)
    return _with_part("select_scatter", input, src, (slice(None),) * axis + (int(index),))


def slice_scatter(input, src: Tensor, dim: int = 0, start=None, end=None, step: int = 1) -> Tensor:
    """A copy of the input with src at a slice of a dimension."""
    axis = axis_of("slice_scatter", input, dim)
    return _with_part("slice_scatter", input, src, (slice(None),) * axis + (slice(start, end, step),))


def _with_part(name: str, input, src, index) -> Tensor:
    wanted = input.array[index].shape
    if src.array.shape != wanted:
        raise RuntimeError(f"{name}: expected src to have size {tuple(wanted)}, got {tuple(src.array.shape)}")
    return replace_part(input, to_dtype(src, input.dtype), index)


def diagonal_scatter(input, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of the input with src on a diagonal of two dimensions."""
    a, b = axis_of("diagonal_scatter", input, dim1), axis_of("diagonal_scatter", input, dim2)
    numbers = np.arange(input.array.size).reshape(input.array.shape).diagonal(offset, a, b)
    if src.array.shape != numbers.shape:
        raise RuntimeError(
            f"diagonal_scatter: expected src to have size {numbers.shape}, got {tuple(src.array.shape)}"
        )
    flat = replace_part(reshape_to(input, (input.array.size,)), src, beside(input.array, numbers))
    return reshape_to(flat, input.array.shape)


# ---- scatter with a reduction --------------------------------------------------------------------
def scatter_reduce(
    input, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy of the input with src combined where `index` says: 'sum', 'prod', 'mean', 'amax' or 'amin'.

    With include_self=False the elements that are written to start anew.
    """
    found = _scattered("scatter_reduce", input, dim, index, src)
    if found is None:
        return copy(input)
    return reshape_to(reduce_into(reduce, include_self, *found), input.array.shape)


def index_reduce(
    input, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True, out=None
) -> Tensor:
    """A copy of the input with slices of source combined at the places of a dimension:
    'prod', 'mean', 'amax', 'amin'.
    """
    found = _slices("index_reduce", input, dim, index, source)
    result = reshape_to(reduce_into(reduce, include_self, *found), input.array.shape)
    return stored(result, out)


@primitive(
    x=lambda g, x, value, out, index: g * (x == out) / _ties(g, x, value, out, index),
    value=lambda g, x, value, out, index: (
        take_part(g / _ties(g, x, value, out, index), index) * (value == take_part(out, index))
    ),
)
def extreme_part(x, value, index, larger):
    """A copy of x with, at an index, the largest (or smallest) of what is there and the values."""
    out = x.copy()
    (np.maximum if larger else np.minimum).at(out, index, value)
    return out


def _ties(g, x, value, out, index):
    """How many elements equal each result, in the dtype of its gradient, which they share."""
    return in_dtype_of(add_part((x == out) * 1, (value == take_part(out, index)) * 1, index), g)


@primitive(
    x=lambda g, x, value, index: g * multiply_part(x * 0 + 1, value, index),
    value=lambda g, x, value, index: take_part(g, index) * _product_of_others(x, value, index),
)
def multiply_part(x, value, index):
    """A copy of x with the value multiplied in at an index; equal places multiply."""
    out = x.copy()
    np.multiply.at(out, index, value)
    return out


def _product_of_others(x, value, index):
    """For each value the product of all else at its place, exact where some are zero."""
    zero = value == 0
    nonzero = select(zero, 1, value)
    zeros_there = take_part(add_part((x != x) * 1, zero * 1, index), index)
    others = take_part(multiply_part(x, nonzero, index), index) / nonzero
    return select(zeros_there - zero * 1 == 0, others, 0)


def _neutral(reduce: str, dtype: np.dtype):
    """What a reduction starts from."""
    if reduce not in ("amax", "amin"):
        return 1 if reduce == "prod" else 0
    if dtype.kind in "fb":
        low, high = (-math.inf, math.inf) if dtype.kind == "f" else (False, True)
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return low if reduce == "amax" else high


def reduce_into(reduce: str, include_self: bool, x: Tensor, value: Tensor, index) -> Tensor:
    """A copy of x with values combined into it at an index."""
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if not include_self:
        x = replace_part(x, _value_like(x, _neutral(reduce, x.array.dtype)), index)
    if reduce == "prod":
        return multiply_part(x, value, index)
    if reduce in ("amax", "amin"):
        return extreme_part(x, value, index, reduce == "amax")
    total = add_part(x, value, index)
    if reduce == "sum":
        return total
    return divide(
        total,
        _counts(x, value, include_self, index),
        rounding_mode=None if x.array.dtype.kind in "fc" else "floor",
    )


def _counts(x: Tensor, value: Tensor, include_self: bool, index) -> Tensor:
    """How many numbers each mean is over, in the dtype of x."""
    counts = np.ones_like(x.array)
    if not include_self:
        counts[index] = 0
    add_at(counts, index, np.ones_like(value.array))
    return untracked(counts)

"""Ops that order elements or find extremes with their places: sort, topk, median, max and min along a
dimension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import return_types
from ..backend import beside
from ..engine import Value, primitive, stored, untracked
from .elementwise import maximum, minimum
from .indexing import gather_along
from .reduction import max_over, min_over, to_ties
from .shaping import axes_of, axis_of, reshape_to
from .spelling import numpy_names

if TYPE_CHECKING:
    from ..tensor import Tensor


def _at_places(input: Tensor, places, axis: int) -> Tensor:
    """The elements at given places along an axis; their gradient flows back to just these."""
    return gather_along(input, places, axis)


def _picked(result, input: Tensor, places, axis: int, keepdim: bool):
    """(values, indices) of one place per row, with or without the dimension."""
    if input.array.ndim == 0:
        return result(reshape_to(input, ()), untracked(beside(input.array, 0, np.int64)))
    rows = np.expand_dims(places, axis)
    values, indices = _at_places(input, rows, axis), untracked(rows.astype(np.int64))
    if keepdim:
        return result(values, indices)
    shape = input.array.shape[:axis] + input.array.shape[axis + 1 :]
    return result(reshape_to(values, shape), reshape_to(indices, shape))


def _extreme(name, result, over, of_two, find, input, dim, keepdim, out):
    """max and min: of all elements, along a dimension with places, or of two tensors."""
    if isinstance(dim, Value):
        return of_two(input, dim, out=out)
    if input.array.size == 0 and (dim is None or input.array.shape[dim] == 0):
        raise (RuntimeError if dim is None else IndexError)(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0, "
            "with a size above 0 there"
        )
    if dim is None:
        return over(input, None, False, out=out)
    axis = axis_of(name, input, dim)
    return stored(_picked(result, input, find(input.array, axis), axis, keepdim), out)


def _first_nan_or(find):
    """argmax and argmin as PyTorch has them; NumPy's already stop at the first nan."""
    return lambda array, axis: find(array.reshape(1) if array.ndim == 0 else array, axis)


def max(input, dim=None, keepdim=False, *, out=None, other=None, axis=None):
    """The largest element; with `dim` also its place, the first where several are equal;
    or of two tensors.
    """
    return _extreme(
        "max",
        return_types.max,
        max_over,
        maximum,
        _first_nan_or(np.argmax),
        input,
        _first(dim, other, axis),
        keepdim,
        out,
    )


def min(input, dim=None, keepdim=False, *, out=None, other=None, axis=None):
    """The smallest element; with `dim` also its place, the first where several are equal;
    or of two tensors.
    """
    return _extreme(
        "min",
        return_types.min,
        min_over,
        minimum,
        _first_nan_or(np.argmin),
        input,
        _first(dim, other, axis),
        keepdim,
        out,
    )


def _first(*spellings):
    """The one that was given among several names for one argument."""
    return next((s for s in spellings if s is not None), None)


def _arg(name: str, find, input, dim, keepdim) -> Tensor:
    if input.array.size == 0 and (dim is None or input.array.shape[dim] == 0):
        raise IndexError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
            "Specify the reduction dim with the 'dim' argument."
        )
    if dim is None:
        place = beside(input.array, find(input.array, None), np.int64)
        return untracked(place.reshape((1,) * input.array.ndim) if keepdim else place)
    if input.array.ndim == 0:
        axis_of(name, input, dim)
        return untracked(beside(input.array, 0, np.int64))
    axis = axis_of(name, input, dim)
    places = beside(input.array, find(input.array, axis), np.int64)
    return untracked(np.expand_dims(places, axis) if keepdim else places)


def argmax(input, dim=None, keepdim=False, *, out=None, axis=None) -> Tensor:
    """The place of the largest element, in the flattened tensor or along `dim`; the first where several are
    equal.
    """
    return stored(_arg("argmax", np.argmax, input, _first(dim, axis), keepdim), out)


def argmin(input, dim=None, keepdim=False, *, out=None, axis=None) -> Tensor:
    """The place of the smallest element, in the flattened tensor or along `dim`; the first where several are
    equal.
    """
    return stored(_arg("argmin", np.argmin, input, _first(dim, axis), keepdim), out)


@numpy_names
def amax(input, dim=(), keepdim=False, *, out=None) -> Tensor:
    """The largest element over `dim`; ties share the gradient evenly."""
    return max_over(input, axes_of("amax", input, dim), keepdim, out=out)


@numpy_names
def amin(input, dim=(), keepdim=False, *, out=None) -> Tensor:
    """The smallest element over `dim`; ties share the gradient evenly."""
    return min_over(input, axes_of("amin", input, dim), keepdim, out=out)


def _order(array, axis: int, descending: bool, stable: bool = True):
    """The places in sorted order along an axis; stable, nan counts as the largest."""
    if array.ndim == 0:
        return beside(array, 0, np.int64)
    if not descending:
        return np.argsort(array, axis, kind="stable")
    flipped = np.flip(array, axis)
    last = array.shape[axis] - 1
    return np.flip(last - np.argsort(flipped, axis, kind="stable"), axis)


@numpy_names
def sort(input, dim: int = -1, descending: bool = False, stable: bool = False, *, out=None):
    """(values, indices) in rising or falling order along a dimension; always stable."""
    axis = axis_of("sort", input, dim)
    order = _order(input.array, axis, descending)
    if input.array.ndim == 0:
        return stored(return_types.sort(reshape_to(input, ()), untracked(order)), out)
    return stored(return_types.sort(_at_places(input, order, axis), untracked(order.astype(np.int64))), out)


@numpy_names
def argsort(input, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The places that put a dimension in order."""
    axis_of("argsort", input, dim)
    return sort(input, dim, descending).indices


@numpy_names
def topk(input, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *, out=None):
    """The k largest (or smallest) elements along a dimension, in order, and their places."""
    axis = axis_of("topk", input, dim)
    size = input.array.shape[axis] if input.array.ndim else 1
    if not 0 <= k <= size:
        raise RuntimeError(
            f"selected index k out of range: topk: k {k} against {size} elements along dimension {dim}"
        )
    if input.array.ndim == 0:
        return stored(
            return_types.topk(reshape_to(input, ()), untracked(beside(input.array, 0, np.int64))), out
        )
    order = _order(input.array, axis, largest)[(slice(None),) * axis + (slice(k),)]
    return stored(return_types.topk(_at_places(input, order, axis), untracked(order.astype(np.int64))), out)


@numpy_names
def kthvalue(input, k: int, dim: int = -1, keepdim: bool = False, *, out=None):
    """The k-th smallest element along a dimension, counted from 1, and its place."""
    axis = axis_of("kthvalue", input, dim)
    if not 1 <= k <= (input.array.shape[axis] if input.array.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}: {k}")
    places = _order(input.array, axis, False)
    places = places.take(k - 1, axis) if places.ndim else places
    return stored(_picked(return_types.kthvalue, input, places, axis, keepdim), out)


@numpy_names
def median(input, dim=None, keepdim: bool = False, *, out=None):
    """The lower of the two middle elements where their number is even; with `dim` also its place;
    nan if any is.
    """
    if dim is None:
        return _median_of_all(input, out=out)
    axis = axis_of("median", input, dim)
    array = input.array
    order = _order(array, axis, False)
    if array.ndim == 0:
        return stored(_picked(return_types.median, input, order, axis, keepdim), out)
    middle = order.take((array.shape[axis] - 1) // 2, axis)
    nans = np.isnan(array) if array.dtype.kind == "f" else np.zeros_like(array, bool)
    places = np.where(nans.any(axis), nans.argmax(axis), middle)
    return stored(_picked(return_types.median, input, places, axis, keepdim), out)


@primitive(x=lambda g, x, out: to_ties(g, x, out, None, False))
def _median_of_all(x):
    """The lower median of all elements; ties share the gradient."""
    if x.dtype.kind == "f" and np.isnan(x).any():
        return x.dtype.type(np.nan)
    return np.sort(x, None)[(x.size - 1) // 2] if x.size else x.dtype.type(np.nan)

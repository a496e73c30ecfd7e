"""Sums of arrays over dimensions, as products: BLAS adds up several times faster than np.sum.

And rows times numbers, a number per row or per column, without NumPy's detour.
"""

from __future__ import annotations

import math

import numpy as np

LONG_ROW = 512  # elements


class LongRows:
    """A context in which NumPy broadcasts along rows of so many elements in place.

    It copies what it broadcasts to buffers of 8,192 elements, to have loops of that length whatever the rows:
    for long rows that is half of the time. The size of the buffers is the thread's own setting.
    """

    def __init__(self, length: int) -> None:
        self.long = length >= LONG_ROW

    def __enter__(self) -> None:
        if self.long:
            self.usual = np.setbufsize(LONG_ROW)

    def __exit__(self, *error) -> None:
        if self.long:
            np.setbufsize(self.usual)


def sums(x, axes: tuple[int, ...]):
    """x.sum(axes, keepdims=True)."""
    shape = tuple([1 if a in axes else n for a, n in enumerate(x.shape)])
    if x.dtype.char not in "fd":
        return x.sum(axes, keepdims=True)
    if _is_inside(axes, x.ndim):
        x = _around(x, *axes)
        return np.matmul(_ones(x.shape[1], x)[None], x).reshape(shape)
    lead, last = _split(axes, x.ndim)
    if last:
        x = _rows(x, last)
        x = x.dot(_ones(x.shape[1], x))
    return _over_first(x, shape) if lead else x.reshape(shape)


def inner_sums(x, y, axes: tuple[int, ...]):
    """(x * y).sum(axes, keepdims=True), without the array of products where that can be."""
    shape = tuple([1 if a in axes else n for a, n in enumerate(x.shape)])
    lead, last = _split(axes, x.ndim)
    if x.dtype.char not in "fd" or not isinstance(x, np.ndarray):
        return (x * y).sum(axes, keepdims=True)
    if _is_inside(axes, x.ndim):
        return np.einsum("ijk,ijk->ik", _around(x, *axes), _around(y, *axes)).reshape(shape)
    if not last:
        return np.einsum("ij,ij->j", _columns(x), _columns(y)).reshape(shape)
    products = np.vecdot(_rows(x, last), _rows(y, last))
    return _over_first(products, shape) if lead else products.reshape(shape)


def _split(axes: tuple[int, ...], ndim: int) -> tuple[bool, int]:
    """Whether the first dimension is summed besides, and how many of the last ones are."""
    last = 0
    while last < len(axes) and ndim - 1 - last in axes:
        last += 1
    return last < len(axes), last


def _is_inside(axes: tuple[int, ...], ndim: int) -> bool:
    """Whether one dimension is summed that is neither the first nor the last."""
    return len(axes) == 1 and 0 < axes[0] < ndim - 1


def _around(x, axis: int):
    """x with the dimensions before an axis as one, and those after it."""
    return x.reshape(math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :]))


def _rows(x, last: int):
    """x with its last dimensions as one, and all others as one."""
    return x.reshape(math.prod(x.shape[: x.ndim - last]), math.prod(x.shape[x.ndim - last :]))


def _columns(x):
    """x with all dimensions after the first as one."""
    return x.reshape(len(x), math.prod(x.shape[1:]))


def _over_first(x, shape):
    """What is left to be summed is the first dimension; `shape` has ones there."""
    count = x.size // max(math.prod(shape), 1)
    return _ones(count, x).dot(x.reshape(count, math.prod(shape))).reshape(shape)


def _ones(count: int, like):
    return np.ones_like(like, shape=count)


# ---- sums of exponentials ------------------------------------------------------------------------
LARGEST = {"f": (60, 1e-20), "d": (600, 1e-200)}  # of an exponent, about 88 and 709; and the least of a sum
CLOSE = 8


def exponentials(x, axis: int) -> tuple:
    """exp(x) and its sums along an axis; both over exp of the largest, where exp(x) itself goes too far."""
    limit, least = LARGEST.get(x.dtype.char, (0, 0)) if isinstance(x, np.ndarray) else (0, 0)
    if x.max() < limit:
        out = np.exp(x)
        total = sums(out, (axis,))
        if total.min() > least:
            return out, total
    out = x - x.max(axis, keepdims=True)
    np.exp(out, out=out)
    return out, sums(out, (axis,))


def peaks(x, axis: int):
    """What to take from x so that exponentials along an axis can be summed: near the largest, along it.

    The largest of all serves where no row's largest is far below it, which costs no precision and is found
    several times faster; a row's mean, a product with ones, is below its largest.
    """
    if axis == x.ndim - 1 and x.ndim > 1 and x.dtype.char in "fd" and isinstance(x, np.ndarray) and x.size:
        top = x.max()
        if (sums(x, (axis,)).min() / x.shape[axis]) > top - CLOSE:
            return top
    return x.max(axis, keepdims=True)

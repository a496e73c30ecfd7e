"""Sums of arrays over dimensions, as products: BLAS adds up several times faster than np.sum.

And rows times numbers, a number per row or per column, without NumPy's detour.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy import ndarray

FEW = 1024  # so many elements a product adds up as exactly as np.sum, in less than half the time
FLOAT32 = np.dtype(np.float32)  # the usual dtype, for which some ones are kept


def total(x):
    """x.sum(). What is long is cut into stretches, as np.sum does too: float32 could not hold it
    otherwise.
    """
    count = x.size
    if x.dtype is not FLOAT32 or x.__class__ is not ndarray:
        return x.sum(dtype=x.dtype if x.dtype.kind in "iu" else None)  # NumPy widens integers unasked
    if count <= FEW:
        return x.ravel().dot(_few_ones(count))
    if count < 8 * FEW or not x.flags.c_contiguous:
        return x.sum()
    flat, whole = x.reshape(-1), count - count % FEW
    rest = flat[whole:].dot(_few_ones(count - whole))
    return flat[:whole].reshape(-1, FEW).dot(_few_ones(FEW)).sum() + rest


def total_over(x, axis, keepdims):
    """x.sum(axis, keepdims=keepdims) for an axis as ops have it; integers keep their dtype."""
    if axis is None and not keepdims:
        return total(x)
    if axis is None or x.dtype.kind != "f":
        return x.sum(axis, x.dtype if x.dtype.kind in "iu" else None, None, keepdims)
    if len(axis) != 1:
        return _over_several(x, axis, keepdims)
    shape, (a,) = x.shape, axis
    last = len(shape) - 1
    if last == 1 and not keepdims and (a == 0 or shape[1] <= FEW):  # rows are added in order, as np.sum does
        return x.dot(_ones(shape[1], x)) if a else _ones(shape[0], x).dot(x)
    if a not in (0, last) or (a == last and shape[a] > FEW) or not x.size or not x.flags.c_contiguous:
        return x.sum(a, None, None, keepdims)
    one = (1,) * keepdims
    if a == 0:
        return _ones(shape[0], x).dot(x.reshape(shape[0], -1)).reshape(one + shape[1:])
    return x.reshape(-1, shape[a]).dot(_ones(shape[a], x)).reshape(shape[:-1] + one)


def _over_several(x, axes: tuple[int, ...], keepdims: bool):
    """x.sum(axes): over the last dimensions, and the first, by products, where these are not too long."""
    lead, last = _split(axes, x.ndim)
    rest = [n for a, n in enumerate(x.shape) if a not in axes]
    longest = max(len(x) if lead else 1, math.prod(x.shape[x.ndim - last :]))
    summed = 0 < len(axes) == last + lead and (not lead or 0 in axes)
    if not (summed and x.size and longest <= FEW and x.dtype.char in "fd" and x.flags.c_contiguous):
        return x.sum(axes, None, None, keepdims)
    found = sums(x, axes)
    return found if keepdims else found.reshape(rest)


LONG_ROW = 512  # elements
SHORT_ROW = 64  # below it a call of a product's inner loop per row costs more than an array of the products


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
    x, y = _rows(x, last), _rows(y, last)
    products = np.vecdot(x, y) if x.shape[1] >= SHORT_ROW else (x * y).dot(_ones(x.shape[1], x))
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
    """As many ones as an array on the device, and of the dtype, of another."""
    if count <= FEW and like.dtype is FLOAT32 and like.__class__ is ndarray:
        return _few_ones(count)
    return np.ones_like(like, shape=count)


@functools.cache
def _few_ones(count: int):
    return np.ones(count, FLOAT32)


# ---- sums of exponentials ------------------------------------------------------------------------
RANGE = {"f": (1e-20, 1e26), "d": (1e-200, 1e260)}  # of sums whose terms exp can have without a shift
CLOSE = 8


def exponentials(x, axis: int) -> tuple:
    """exp(x) and its sums along an axis; both over exp of the largest, where exp(x) itself goes too far."""
    if x.dtype.char in RANGE and x.size and isinstance(x, np.ndarray):
        out = np.exp(x)
        total = sums(out, (axis,))
        least, most = RANGE[x.dtype.char]
        if least < total.min() and total.max() < most:
            return out, total
    out = x - largest(x, axis)
    np.exp(out, out=out)
    return out, sums(out, (axis,))


def peaks(x, axis: int):
    """What to take from x so that exponentials along an axis can be summed: near the largest, along it.

    The largest of all serves where no row's largest is far below it, which costs no precision and is found
    several times faster; a row's mean, a product with ones, is below its largest.
    """
    if axis == x.ndim - 1 and x.size > 4 * FEW and x.dtype.char in "fd" and x.__class__ is ndarray:
        top = x.max()
        if (sums(x, (axis,)).min() / x.shape[axis]) > top - CLOSE:
            return top
    return largest(x, axis)


def log_sums(x, axis: int) -> tuple:
    """z, exp(z), its sums along an axis, their logarithms; z is x, shifted where sums may overflow or vanish.

    Where the logarithms lie within `CLOSE`, x keeps as many digits as x - max(x) would.
    """
    if x.__class__ is ndarray and x.dtype.char in "fd" and x.size and top(x) < CLOSE:
        found = _summed(x, axis)
        if top(-found[-1]) < CLOSE:
            return found
    with LongRows(x.shape[-1]):
        return _summed(x - peaks(x, axis), axis)


def _summed(z, axis: int) -> tuple:
    out = np.exp(z)
    total = total_over(out, (1,), False) if axis == 1 and z.ndim == 2 else sums(out, (axis,)).squeeze(axis)
    return z, out, total, np.log(total)


def top(x):
    """The largest element of x, which is not empty: x.max() takes half a microsecond more."""
    return x.take(x.argmax())


def all_below(numbers, limit: int) -> bool:
    """Whether whole numbers, not none, all lie in 0 .. limit - 1: as unsigned ones negatives are large."""
    return int(top(numbers.view(_UNSIGNED[numbers.itemsize]))) < limit


_UNSIGNED = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}


def largest(x, axis: int):
    """x.max(axis, keepdims=True). In short rows NumPy finds the place of the largest several times sooner."""
    if axis != x.ndim - 1 or x.dtype.char not in "fd" or x.__class__ is not ndarray or not x.size:
        return x.max(axis, keepdims=True)
    rows = x.reshape(-1, x.shape[-1])
    places = rows.argmax(1) + starts_of_rows(*rows.shape)
    return rows.take(places).reshape(*x.shape[:-1], 1)


@functools.lru_cache(64)
def starts_of_rows(count: int, size: int):
    """Where rows of a size start among their elements."""
    return np.arange(count) * size

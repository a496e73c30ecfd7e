"""Naive forms of ops in NumPy, for the table: as slow as they are plain."""

import numpy as np


def over(f):
    """A NumPy reduction with `dim` and `keepdim`; a 0-d array counts as having one dimension."""
    return lambda x, d=None, keepdim=False: f(x, axis=None if x.ndim == 0 else d, keepdims=keepdim)


def along(f):
    """A NumPy function along an axis, for 0-d arrays too."""
    return lambda x, d, *rest: f(x, d, *rest) if x.ndim else f(x.reshape(1), 0, *rest).reshape(())


def chosen(value, place):
    """max or min along a dimension with the place."""
    return lambda x, d, keepdim: (over(value)(x, d, keepdim), over(place)(x, d, keepdim))


def squeezed(x, d=None):
    dims = range(x.ndim) if d is None else np.atleast_1d(d) % max(x.ndim, 1)
    return x.reshape([n for i, n in enumerate(x.shape) if n != 1 or i not in dims])


def parts_of(x, sizes, axis):
    """Consecutive parts of the given sizes."""
    ends = np.cumsum(sizes)
    return tuple(x.take(range(end - size, end), axis) for size, end in zip(sizes, ends, strict=True))


def split_evenly(x, size, axis):
    n = x.shape[axis]
    return parts_of(x, [min(size, n - i) for i in range(0, max(n, 1), size)], axis)


def softmax(x, axis):
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


def p_norm(x, p, d, keepdim):
    return over(np.sum)(np.abs(x) ** p, d, keepdim) ** (1 / p)


def in_order(x, axis, descending):
    order = np.argsort(-x.astype(float) if descending else x, axis, kind="stable")
    return np.take_along_axis(x, order, axis), order


def first_few(x, k, axis, descending):
    return [a.take(range(k), axis) for a in in_order(x, axis, descending)]


def kth(x, k, axis, keepdim):
    values, order = (a.take([k - 1], axis) for a in in_order(x, axis, False))
    return (values, order) if keepdim else (values.squeeze(axis), order.squeeze(axis))


def gathered(x, axis, places):
    """out[i][j] = x[places[i][j]][j] for axis 0, one element after the other."""
    out = np.empty(places.shape, x.dtype)
    for at in np.ndindex(*places.shape):
        source = list(at)
        if x.ndim:
            source[axis] = places[at]
        out[at] = x[tuple(source)]
    return out


def with_part(x, v, where):
    """x with a value at an index."""
    out = x.copy()
    out[where] = v
    return out


def assign(m, x, v, where):
    """`with_part` in a library."""
    out = x.clone()
    out[where] = v
    return out


def far_from_whole(x, y):
    """Whether no quotient is near an integer, where remainders jump."""
    if not x.size or not y.size:
        return True
    quotient = x / y
    return bool((np.abs(quotient - np.round(quotient)) > 0.01).all())


# ---- writing by index ----------------------------------------------------------------------------
def scattered(x, v, index):
    """x with x[index[i, j], j] = v[i, j]."""
    out = x.copy()
    for (i, j), row in np.ndenumerate(index):
        out[row, j] = v[i, j]
    return out


def scattered_and_reduced(x, v, index, how):
    """x with, at each place, the reduction of its own value and of all that are sent there."""
    reduce = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}[how]
    out = x.copy()
    for row, column in np.ndindex(*x.shape):
        sent = [v[i, column] for i in range(index.shape[0]) if index[i, column] == row]
        out[row, column] = reduce([x[row, column], *sent])
    return out


def with_rows(x, v, rows, combine):
    """x with each of the rows combined with one of v."""
    out = x.copy()
    for row, value in zip(rows, v, strict=True):
        out[row] = combine(out[row], value)
    return out


def masked_scatter(x, v, mask):
    """x with the first elements of v where the mask is True."""
    out = x.copy()
    out[mask] = v.reshape(-1)[: mask.sum()]
    return out


def as_windows(x, axis, size, step):
    """All windows of a size at every step along an axis, as the last dimension."""
    starts = range(0, x.shape[axis] - size + 1, step)
    return np.stack([np.moveaxis(x.take(range(a, a + size), axis), axis, -1) for a in starts], axis)

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

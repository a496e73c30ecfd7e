"""Normalisation: subtract the mean, divide by the standard deviation, scale and shift.

Two ops: over the last dimensions (layer norm), whose weight and bias run along what is averaged, and over
channels (batch, group and instance norm), whose weight and bias do not. With y the normalised x, r one over
the standard deviation and d = g * weight, both have dx = r (d - mean(d) - y mean(d y)).

Each element is touched as seldom as can be: y = r x - r mean is never kept, but put into the formulas, and
the means come from products with ones. That would cancel where a mean is far from 0 by its own deviation, so
there x is centred first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..fused import Fused
from .elementwise import add, mul, rsqrt, square, sub
from .reduction import mean_over
from .shaping import reshape_to
from .sums import LongRows, inner_sums, sums

BLOCK = 2**17  # elements at a time: a few arrays of these stay in a processor's cache
SMALL = 2**14  # elements in rows up to which the calls cost more than the work, so the fewest calls are best
SMALL_COLUMNS = 2**17  # and in columns, which broadcast better
FAR = 4  # squares of a mean above this many variances: the mean is far from 0


def blocks(x) -> Iterator[slice]:
    """Some rows of x (M, n) at a time; all of a device array."""
    step = max(1, BLOCK // max(1, x.shape[1])) if isinstance(x, np.ndarray) else max(1, len(x))
    return (slice(i, min(i + step, len(x))) for i in range(0, len(x), step))


def room_for_block(x):
    """A buffer for one of x's blocks, and then the next: fresh memory costs more than the work on it."""
    return np.empty_like(x[next(blocks(x), slice(0))], order="C")


def single(a):
    """Half precision is computed in single."""
    return a.astype(np.float32) if a is not None and a.dtype == np.float16 else a


def _standardized(x, axes: tuple[int, ...], eps: float):
    """Mean 0 and variance 1 over axes, in the operations users call."""
    centred = sub(x, mean_over(x, axes, True))
    return mul(centred, rsqrt(add(mean_over(square(centred), axes, True), eps)))


def _scaled(x, weight, bias):
    """x * weight + bias, as far as these are given, in the operations users call."""
    x = x if weight is None else mul(x, weight)
    return x if bias is None else add(x, bias)


# ---- over the last dimensions --------------------------------------------------------------------
def _moments_of_rows(x, average, eps: float) -> tuple:
    """The mean of x (M, n), one over its standard deviation, (M,), and whether a mean is far from 0."""
    mean = x.dot(average)
    squares = mean * mean
    variance = np.vecdot(x, x)
    variance /= x.shape[1]
    variance -= squares
    far = np.count_nonzero(squares > FAR * variance) > 0
    if far:
        centred = x - mean[:, None]
        variance = np.vecdot(centred, centred) / x.shape[1]
    variance += eps
    return mean, 1 / np.sqrt(variance), far


def _near(x, mean, average, far: bool) -> tuple:
    """x (M, n) and its mean (M,); if one is far from 0, x centred, and what is left of the mean."""
    if not far:
        return x, mean
    x = x - mean[:, None]
    return x, x.dot(average)


def _as_rows(x, weight, bias, count: int) -> tuple:
    """x (M, n), weight (n,), and bias (n,): ones and zeros without any. The last `count` dimensions are n."""
    n = math.prod(x.shape[x.ndim - count :])
    x = single(x).reshape(math.prod(x.shape[: x.ndim - count]), n)
    weight = np.ones_like(x, shape=n) if weight is None else single(weight).reshape(n)
    bias = np.zeros_like(x, shape=n) if bias is None else single(bias).reshape(n)
    return x, weight, bias


def _normalize_rows(wanted, given, weight, bias, count, eps):
    x, w, b = _as_rows(given, weight, bias, count)
    n = x.shape[1]
    if 0 < x.size <= SMALL:
        y, rstd = _standard_rows(x, eps)
        out = y * w
        out += b
        return out.reshape(given.shape).astype(given.dtype, copy=False), (
            given,
            weight,
            bias,
            count,
            (y, rstd),
        )
    average, across = np.full_like(x, 1 / max(n, 1), shape=n), np.zeros_like(x, shape=(3, n))
    across[0], across[1] = b, w
    out, room = np.empty_like(x, shape=given.shape), room_for_block(x)
    down = np.ones_like(x, shape=(len(room), 3))
    kept = []
    for rows in blocks(x):
        part, y = x[rows], out.reshape(x.shape)[rows]
        mean, rstd, far = _moments_of_rows(part, average, eps)
        kept.append((mean, rstd, far))
        part, mean = _near(part, mean, average, far)
        # x (rstd w + 1 0) + (1 b - mean rstd w): columns times rows by BLAS, for NumPy broadcasts at half the
        # speed; two of each, for one column times one row takes BLAS twice as long
        columns = down[: len(y)]
        columns[:, 1] = rstd
        slope = np.matmul(columns[:, 1:], across[1:], out=room[: len(y)])
        slope *= part
        np.multiply(mean, -rstd, out=columns[:, 1])
        np.matmul(columns[:, :2], across[:2], out=y)
        y += slope
    return out.astype(given.dtype, copy=False), (given, weight, bias, count, kept)


def _standard_rows(x, eps: float) -> tuple:
    """Rows of x (M, n), few enough to be kept, with mean 0 and variance 1, and 1 / the standard deviation."""
    average = np.full_like(x, 1 / x.shape[1], shape=x.shape[1])
    y = x - x.dot(average)[:, None]
    variance = (y * y).dot(average)
    variance += eps
    rstd = 1 / np.sqrt(variance)[:, None]
    y *= rstd
    return y, rstd


def _small_rows_backward(g, w, y, rstd) -> tuple:
    """The gradients of x, weight and bias, where the normalised rows y (M, n) were kept."""
    products, ones = g * y, np.ones_like(g, shape=len(g))
    w_average = w / len(w)
    dx = g * w
    dx -= g.dot(w_average)[:, None]
    dx -= y * products.dot(w_average)[:, None]
    dx *= rstd
    return dx, ones.dot(products), ones.dot(g)


def _rows_backward(saved, g, wanted, last):
    given, weight, bias, count, kept = saved
    x, w, _ = _as_rows(given, weight, bias, count)
    g = single(g).reshape(x.shape)
    if 0 < x.size <= SMALL:
        found = _small_rows_backward(g, w, *kept)
    else:
        found = _blocks_backward(x, g, w, kept, given.shape)
    grads = (None if a is None else _like(a, d) for a, d in zip((given, weight, bias), found))
    return *grads, None, None


def _like(a, d):
    """A gradient d of a's shape and dtype; itself where it has them: a view would be copied to become
    `.grad`.
    """
    d = d if d.shape == a.shape else d.reshape(a.shape)
    return d.astype(a.dtype, copy=False)


def _blocks_backward(x, g, w, kept, shape) -> tuple:
    """The gradients of x (of that shape in the end), weight and bias, a block of rows at a time."""
    n = x.shape[1]
    average, w_average = np.full_like(x, 1 / max(n, 1), shape=n), w / max(n, 1)
    out, room = np.empty_like(x, shape=shape), room_for_block(x)
    dx = out.reshape(x.shape)
    lines, down = np.ones_like(x, shape=(2, len(room))), np.ones_like(x, shape=(len(room), 2))
    across = np.stack([w, np.zeros_like(w)])  # as in the forward pass
    by_x, by_one = np.zeros_like(w), np.zeros_like(w, shape=(2, n))
    with LongRows(n):
        for rows, (mean, rstd, far) in zip(blocks(x), kept):
            part, mean = _near(x[rows], mean, average, far)
            d, found = g[rows], dx[rows]
            shift = np.multiply(mean, rstd, out=lines[0, : len(d)])
            products = np.multiply(d, part, out=room[: len(d)])
            by_x += rstd.dot(products)
            by_one += lines[:, : len(d)].dot(d)
            level = d.dot(w_average)
            along = rstd * products.dot(w_average)
            along -= shift * level
            down[: len(d), 0] = rstd
            np.matmul(down[: len(d)], across, out=found)
            found *= d
            found -= np.multiply(part, (rstd * rstd * along)[:, None], out=products)
            shift *= along
            shift -= level
            shift *= rstd
            found += shift[:, None]
    return out, by_x - by_one[0], by_one[1]


def _rows_composed(x, weight, bias, count, eps):
    """The same in the operations users call."""
    ndim = len(x.shape)
    return _scaled(_standardized(x, tuple(range(ndim - count, ndim)), eps), weight, bias)


def _what_does_not_fit(x, weight, bias, *settings) -> str:
    shapes = ", ".join(f"{n} {a.shape}" for n, a in (("weight", weight), ("bias", bias)) if a is not None)
    return f"input {x.shape} does not fit {shapes}"


#: x (*, shape), weight and bias (shape) or None, how many dimensions the shape has, eps
normalize_rows = Fused(_normalize_rows, _rows_backward, _rows_composed, _what_does_not_fit)


# ---- over channels -------------------------------------------------------------------------------
# Of x (N, C, ...) a table holds a number per channel: (1, C) in batch norm, (N, G) with G groups of channels
# in group norm, (N, C) in instance norm.
def _flat(x):
    """x (N, C, ...) as (N, C, S)."""
    return single(x).reshape(*x.shape[:2], math.prod(x.shape[2:]))


def _summed(rows: int) -> tuple[int, ...]:
    """The dimensions of (N, C, S) that are averaged in a table of so many rows."""
    return (0, 2) if rows == 1 else (2,)


def _totals(x, y, rows: int):
    """A table (rows, C) of the sums of x (N, C, S), or of x times y."""
    if x.shape[2] == 1:
        x, y = x[..., 0], y if y is None else y[..., 0]
        if rows > 1:
            return x if y is None else x * y
        return sums(x, (0,)) if y is None else inner_sums(x, y, (0,))
    axes = _summed(rows)
    return (sums(x, axes) if y is None else inner_sums(x, y, axes))[..., 0]


def _pooled(table, groups: int):
    """The sums (rows, G) over the channels of each group of a table (rows, C)."""
    rows, channels = table.shape
    if channels == groups:
        return table
    return sums(table.reshape(rows, groups, channels // groups), (2,))[..., 0]


def _per_channel(table, channels: int):
    """A table (rows, G) as (rows, C)."""
    return table if table.shape[1] == channels else table.repeat(channels // table.shape[1], 1)


def _has_few_columns(x, rows: int, groups: int) -> bool:
    """Whether tables (rows, groups) are of columns of x (N, C), and x so small that the fewest calls are
    best.
    """
    columns = x.ndim == 2 and (rows, groups) == (1, x.shape[1])
    return columns and 0 < x.size <= SMALL_COLUMNS and x.dtype.char in "fd"


def channel_moments(x, rows: int, groups: int) -> tuple:
    """Tables (rows, groups) of the mean and the biased variance of x (N, C, ...)."""
    if _has_few_columns(x, rows, groups):
        average = np.full_like(x, 1 / len(x), shape=(1, len(x)))
        mean = average.dot(x)
        y = x - mean
        return mean, average.dot(np.square(y, out=y))
    x = _flat(x)
    count = max(x.size // max(rows * groups, 1), 1)
    mean = _pooled(_totals(x, None, rows), groups) / count
    variance = _pooled(_totals(x, x, rows), groups) / count - mean * mean
    if (mean * mean > FAR * variance).any():
        x = x - _per_channel(mean, x.shape[1])[..., None]
        variance = _pooled(_totals(x, x, rows), groups) / count
    return mean, variance


def _centred(x, mean, rstd) -> tuple:
    """x (N, C, S) and its means; if one is far from 0, x centred, and zeros."""
    if (mean * mean * rstd * rstd > FAR).any():
        return x - _per_channel(mean, x.shape[1])[..., None], np.zeros_like(mean)
    return x, mean


def _combined(tables: list, arrays: list, groups: int, shape: tuple[int, ...]):
    """The sum of tables times arrays (N, C, S), the last table by itself, in a shape.

    Tables are (1 or N, C), or (N, groups): then a number runs along all channels of a group.
    """
    batch, channels, size = arrays[0].shape
    if size == 1:
        rows, width, tables = batch, channels, [_per_channel(t, channels) for t in tables]
    else:
        rows, width, several = batch * groups, channels // max(groups, 1) * size, max(groups, 1)
        tables = [t if len(t) == batch else t.repeat(batch, 0) for t in tables]
        tables = [t.reshape(rows, t.shape[1] // several) for t in tables]
    arrays = [a.reshape(rows, width) for a in arrays]
    out = np.empty_like(arrays[0], shape=shape)
    flat, room = out.reshape(arrays[0].shape), room_for_block(arrays[0])
    for here in blocks(flat):
        found, products = flat[here], room[: len(flat[here])]
        *factors, terms = [t if len(t) < rows else t[here] for t in tables]
        _broadcast(np.multiply, arrays[0][here], factors[0], found)
        for a, factor in zip(arrays[1:], factors[1:]):
            found += _broadcast(np.multiply, a[here], factor, products)
        _broadcast(np.add, found, terms, found)
    return out


def _broadcast(operation, x, table, out):
    """An operation on x (M, n) and a table (1 or M, k), of which each number is for n / k columns."""
    lines = x, table, out
    if table.shape[1] != x.shape[1]:
        lines = tuple(a.reshape(table.size, -1) for a in lines)
    with LongRows(lines[0].shape[1]):
        operation(lines[0], lines[1], out=lines[2])
    return out


def _normalize_channels(wanted, given, weight, bias, mean, rstd, eps):
    groups, channels = mean.shape[1], given.shape[1]
    if _has_few_columns(given, len(mean), groups):
        y = given - mean
        y *= rstd
        out = y.copy() if weight is None else y * weight
        if bias is not None:
            out += bias
        return out.astype(given.dtype, copy=False), (given, weight, bias, y, rstd, None)
    x, near = _centred(_flat(given), mean, rstd)
    scale = rstd if weight is None else _per_channel(rstd, channels) * single(weight)
    shift = -_per_channel(near, scale.shape[1]) * scale
    shift = shift if bias is None else single(bias) + _per_channel(shift, channels)
    out = _combined([scale, shift], [x], groups, given.shape)
    return out.astype(given.dtype, copy=False), (given, weight, bias, mean, rstd, groups)


def _columns_backward(g, weight, y, rstd, wanted) -> tuple:
    """The gradients of x, weight and bias, where the normalised columns y (N, C) were kept."""
    ones = np.ones_like(g, shape=len(g))
    along, level = ones.dot(g * y), ones.dot(g)
    if not wanted[0]:
        return None, along, level
    dx = g - level / len(g)
    dx -= y * (along / len(g))
    dx *= rstd if weight is None else rstd * weight
    return dx, along, level


def _tables_backward(g, given, weight, mean, rstd, groups, wanted) -> tuple:
    """The gradients of x, weight and bias, where tables of x's moments were kept."""
    x, mean = _centred(_flat(given), mean, rstd)
    g, channels = _flat(g), x.shape[1]
    rows = len(mean)
    g_sums = _totals(g, None, rows)
    gy_sums = _totals(g, x, rows) - _per_channel(mean, channels) * g_sums
    gy_sums *= _per_channel(rstd, channels)
    found = sums(gy_sums, (0,))[0], sums(g_sums, (0,))[0]
    if not wanted[0]:
        return None, *found
    factors = np.ones_like(rstd, shape=channels) if weight is None else single(weight)
    count = x.size // max(rows * groups, 1)
    level, along = (_pooled(table * factors, groups) / count for table in (g_sums, gy_sums))
    scale = rstd if weight is None else _per_channel(rstd, channels) * factors
    tables = [scale, -rstd * rstd * along, rstd * (rstd * mean * along - level)]
    return _combined(tables, [g, x], groups, given.shape), *found


def _channels_backward(saved, g, wanted, last):
    given, weight, bias, kept, rstd, groups = saved
    if groups is None:
        found = _columns_backward(g, weight, kept, rstd, wanted)
    else:
        found = _tables_backward(g, given, weight, kept, rstd, groups, wanted)
    pairs = zip((given, weight, bias), found)
    grads = (None if a is None or d is None else d.astype(a.dtype, copy=False) for a, d in pairs)
    return *grads, None, None, None


def _channels_composed(x, weight, bias, mean, rstd, eps):
    """The same in the operations users call; the moments are found anew, as functions of x."""
    shape = tuple(x.shape)
    rows, groups = tuple(mean.shape)
    grouped = reshape_to(x, (shape[0], groups, math.prod(shape[1:]) // groups))
    out = reshape_to(_standardized(grouped, _summed(rows), eps), shape)
    across = (shape[1],) + (1,) * (len(shape) - 2)
    return _scaled(out, *(None if t is None else reshape_to(t, across) for t in (weight, bias)))


#: x (N, C, ...), weight and bias (C,) or None, tables of mean and 1 / standard deviation, eps
normalize_channels = Fused(_normalize_channels, _channels_backward, _channels_composed, _what_does_not_fit)


def normalize_groups(x, weight, bias, rows: int, groups: int, eps: float) -> tuple:
    """x (N, C, ...) normalised by its own moments in tables (rows, groups), and these: mean and variance."""
    mean, variance = channel_moments(x.array, rows, groups)
    return normalize_channels(x, weight, bias, mean, 1 / np.sqrt(variance + eps), eps), mean, variance

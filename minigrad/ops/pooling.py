"""Pooling: the largest element, or the sum, under each of many windows, over any number of dimensions.

Both work one axis at a time, the last first, and on a few channels at a time, so that what they make on the
way stays in the cache. The gradient of the largest goes to its place in the input; the gradient of a sum goes
to all it came from. In shapes: x (N, C, *input) gives (N, C, *output).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..backend import as_places, module_of, scatter_add, zeros_beside
from ..engine import primitive, untracked
from ..fused import Fused
from .padding import inside, padded

PART = 2**16  # elements of x worked on at a time


class Windows(NamedTuple):
    """The windows along one axis. `parts[i]` takes element i of every window from the (padded) axis."""

    parts: tuple  # slices, or arrays of places
    places: np.ndarray  # (windows, elements): where the elements lie in the axis before padding
    apart: bool  # whether no two windows share an element


def sliding(count: int, size: int, stride: int, dilation: int = 1, before: int = 0) -> Windows:
    """`count` windows of a size, one every `stride`; the axis has `before` elements of padding in front."""
    span = stride * (count - 1) + 1
    parts = tuple(slice(i * dilation, i * dilation + span, stride) for i in range(size))
    places = np.arange(count)[:, None] * stride + np.arange(size) * dilation - before
    return Windows(parts, places, stride > (size - 1) * dilation)


def adaptive(count: int, size: int) -> Windows:
    """`count` windows that cover an axis of a size evenly; short ones name their last element again."""
    if size % count == 0:
        return sliding(count, size // count, size // count)
    starts, ends = adaptive_bounds(count, size)
    places = np.minimum(starts[:, None] + np.arange(max(ends - starts)), ends[:, None] - 1)
    return Windows(tuple(places.T), places, False)


def adaptive_bounds(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where `count` windows begin and end that cover an axis of a size evenly."""
    numbers = np.arange(count)
    return numbers * size // count, -(-(numbers + 1) * size // count)


def on_device(parts: tuple, like) -> tuple:
    """The parts of windows, with arrays of places on the device of the array that they index."""
    return tuple(p if isinstance(p, slice) else module_of(like).asarray(p) for p in parts)


def in_parts(f, x, *shapes):
    """f, which takes and gives arrays (channels, ...), applied to a few channels of x (N, C, ...) at a time.

    `shapes` are (shape, dtype) of each result without N and C.
    """
    flat = x.reshape(math.prod(x.shape[:2]), *x.shape[2:])
    outs = [np.empty_like(x, shape=(len(flat), *shape), dtype=dtype) for shape, dtype in shapes]
    step = max(PART // max(math.prod(x.shape[2:]), 1), 1)
    for first in range(0, len(flat), step):
        for out, made in zip(outs, f(flat[first : first + step])):
            out[first : first + step] = made
    return tuple(out.reshape(*x.shape[:2], *out.shape[1:]) for out in outs)


# ---- the largest -------------------------------------------------------------------------------------------
def lowest(dtype):
    """What no element is smaller than."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def largest(x, axes, codes):
    """The largest element of every window, and a code of its place in the window, row by row; codes may be
    None.

    x (channels, *padded input). Along each axis the first of equals wins, and a nan always does.
    """
    unit = 1
    holds_nan = x.dtype.kind == "f" and bool(np.isnan(x.max(initial=lowest(x.dtype))))
    for axis in range(len(axes), 0, -1):
        parts = on_device(axes[axis - 1].parts, x)
        x, codes = largest_along(x, codes, axis, parts, unit, holds_nan)
        unit *= len(parts)
    return x, codes


def largest_along(x, codes, axis, parts, unit, holds_nan):
    lead = (slice(None),) * axis
    best: Any = x[(*lead, parts[0])].copy()
    found: Any = None if codes is None else codes[(*lead, parts[0])].copy()
    for i, part in enumerate(parts[1:], 1):
        other = x[(*lead, part)]
        if codes is not None:
            won = other > best
            if holds_nan:
                won |= other != other
            code = codes[(*lead, part)] + codes.dtype.type(i * unit)
            np.multiply(code, won, out=code)
            np.maximum(found, code, out=found)  # codes of later elements are larger
        np.maximum(best, other, out=best)
    return best, found


def find_largest(x, axes, pads, with_places: bool) -> tuple:
    """The largest of every window of x (N, C, *input), and, if asked for, where it lies in the flattened
    input.
    """
    low, output = lowest(x.dtype), tuple(len(a.places) for a in axes)
    code = np.min_scalar_type(math.prod(len(a.parts) for a in axes) - 1)

    def values_and_codes(part):
        part = padded(part, pads, low)
        codes = np.zeros_like(part, dtype=code) if with_places else None
        return largest(part, axes, codes)

    if not with_places:
        return (
            *in_parts(lambda part: values_and_codes(part)[:1], x, (output, x.dtype)),
            module_of(x).empty(0, np.int64),
        )
    values, codes = in_parts(values_and_codes, x, (output, x.dtype), (output, code))
    places = places_of(codes, axes, x.shape[2:])
    if any(map(any, pads)):
        places = np.where(values == low, module_of(x).asarray(first_places(axes, x.shape[2:])), places)
    return values, places


def places_of(codes, axes, sizes):
    """Codes (N, C, *output) of places in windows as places in the flattened input."""
    xp = module_of(codes)
    counts = [len(a.parts) for a in axes]
    within = np.unravel_index(np.arange(math.prod(counts)), counts)
    places = xp.zeros((), np.int64)
    for axis, (windows, coordinate) in enumerate(zip(axes, within)):
        table = xp.asarray(windows.places[:, coordinate] * math.prod(sizes[axis + 1 :]))
        number = xp.arange(len(windows.places)).reshape(-1, *(1,) * (len(axes) - axis - 1))
        places = places + table[number, codes]
    return places


def first_places(axes, sizes):
    """The first place of every window that is no padding: the largest where all elements are -inf."""
    places = np.zeros((), np.int64)
    for axis, windows in enumerate(axes):
        first = np.where(windows.places < 0, sizes[axis], windows.places).min(1) * math.prod(
            sizes[axis + 1 :]
        )
        places = places + first.reshape(-1, *(1,) * (len(axes) - axis - 1))
    return places


def channels(x):
    """x (N, C, ...) as a matrix with a row for each channel."""
    return x.reshape(math.prod(x.shape[:2]), math.prod(x.shape[2:]))


@primitive(arity=0, x=lambda g, x_shape, places: put_places(g, places, x_shape, False))
def take_places(x, places):
    """The elements of x (N, C, *input) at places (N, C, *output) of its flattened input."""
    return np.take_along_axis(channels(x), channels(places), 1).reshape(places.shape)


@primitive(arity=0, g=lambda u, places: take_places(u, places))
def put_places(g, places, shape, apart):
    """Zeros (N, C, *input) with g (N, C, *output) added at places of the flattened input; `apart` if none
    comes twice.
    """
    xp, count = module_of(g), math.prod(shape)
    starts = xp.arange(0, count, max(math.prod(shape[2:]), 1))
    index, flat = (channels(places) + starts[:, None]).reshape(-1), g.reshape(-1)
    if not apart and g.dtype.kind == "f" and flat.size:
        return xp.bincount(as_places(index), flat, count).astype(g.dtype, copy=False).reshape(shape)
    out = zeros_beside(flat, count)
    if apart:
        out[index] = flat
    else:
        scatter_add(out, index, flat)
    return out.reshape(shape)


def _max_pool(wanted, x, axes, pads, with_places):
    values, places = find_largest(x, axes, pads, with_places or wanted[0])
    return (values, places), (x.shape, places, all(a.apart for a in axes))


def _backward(saved, g, wanted, last):
    shape, places, apart = saved
    return put_places(g[0], places, shape, apart), None, None, None


def _composed(x, axes, pads, with_places):
    places = find_largest(x.array, axes, pads, True)[1]
    return take_places(x, places), untracked(places)


max_pool = Fused(_max_pool, _backward, _composed)


# ---- sums and means ----------------------------------------------------------------------------------------
@primitive(x=lambda g, x_shape, axes, pads, divisor: spread_windows(g, x_shape, axes, pads, divisor))
def average_windows(x, axes, pads, divisor):
    """The sum of every window of x (N, C, *input), divided by a number, or by one for each window."""

    def averages(part):
        part = padded(part, pads)
        for axis in range(len(axes), 0, -1):
            lead = (slice(None),) * axis
            first, *others = axes[axis - 1].parts
            total = part[(*lead, first)].copy()
            for other in others:
                total += part[(*lead, other)]
            part = total
        return (part / divisor,)  # of integers the fraction is dropped

    (out,) = in_parts(averages, x, (tuple(len(a.places) for a in axes), x.dtype))
    return out


@primitive(g=lambda u, axes, pads, divisor: average_windows(u, axes, pads, divisor))
def spread_windows(g, shape, axes, pads, divisor):
    """The gradient of `average_windows`: each g, divided, added to all elements of its window."""
    sizes = [n + sum(p) for n, p in zip(shape[2:], pads)]

    def spread(part):
        part = part / divisor
        for axis, (windows, size) in enumerate(zip(axes, sizes), 1):
            lead = (slice(None),) * axis
            wider = zeros_beside(part, (*part.shape[:axis], size, *part.shape[axis + 1 :]))
            for place in windows.parts:
                target = wider[(*lead, place)]
                if windows.apart:
                    target[...] = part
                else:
                    target += part
            part = wider
        return (part[inside(pads, shape[2:])],)

    return in_parts(spread, g, (tuple(shape[2:]), g.dtype))[0]

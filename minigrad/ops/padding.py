"""Borders around a tensor: of a constant, or of the tensor's own elements, mirrored, repeated or wrapped
around.

A border of elements is put on one axis after the other; its gradient is added where the elements came from.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..engine import primitive
from .convolution import inside, padded
from .shaping import take_part


@primitive(x=lambda g, x_shape, pads: take_part(g, inside(pads, x_shape[len(x_shape) - len(pads) :])))
def surround(x, pads, value):
    """x with a border of a value around its last dimensions: `pads` has (before, after) for each."""
    return padded(x, pads, value)


def borders(mode: str, size: int, before: int, after: int) -> Iterator[tuple[slice, slice]]:
    """(place in the result, where its elements come from) of both borders, along an axis of a size."""
    last = size + before
    source = {
        "reflect": (
            slice(before, 0, -1),
            slice(size - 2, size - 2 - after if size > after + 1 else None, -1),
        ),
        "replicate": (slice(0, 1), slice(size - 1, size)),
        "circular": (slice(size - before, size), slice(0, after)),
    }[mode]
    for place, found in zip((slice(0, before), slice(last, last + after)), source):
        if place.stop > place.start:
            yield place, found


def _along(axis: int, part: slice) -> tuple:
    return (slice(None),) * axis + (part,)


@primitive(x=lambda g, axis, before, after, mode: fold_back(g, axis, before, after, mode))
def extend(x, axis, before, after, mode):
    """x with `before` and `after` elements more along an axis, taken from x as the mode says."""
    size = x.shape[axis]
    out = np.empty_like(x, shape=(*x.shape[:axis], before + size + after, *x.shape[axis + 1 :]))
    out[_along(axis, slice(before, before + size))] = x
    for place, source in borders(mode, size, before, after):
        out[_along(axis, place)] = x[_along(axis, source)]
    return out


@primitive(g=lambda u, axis, before, after, mode: extend(u, axis, before, after, mode))
def fold_back(g, axis, before, after, mode):
    """The gradient of `extend`: the borders of g added to where their elements came from."""
    size = g.shape[axis] - before - after
    out = g[_along(axis, slice(before, before + size))].copy()
    for place, source in borders(mode, size, before, after):
        border = g[_along(axis, place)]
        target = out[_along(axis, source)]
        target += border.sum(axis, keepdims=True) if mode == "replicate" else border
    return out

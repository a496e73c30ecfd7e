"""Borders around a tensor: of a constant, or of the tensor's own elements, mirrored, repeated or wrapped
around.

A border of elements is put on one axis after the other; its gradient is added where the elements came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..engine import primitive
from .shaping import take_part

if TYPE_CHECKING:
    from ..tensor import Tensor


# ---- of a value --------------------------------------------------------------------------------------------
def padded(x, pads, value=0):
    """x with a border around its last dimensions; x itself where there is none."""
    if not any(map(any, pads)):
        return x
    lead = x.ndim - len(pads)
    sizes = tuple(n + sum(p) for n, p in zip(x.shape[lead:], pads))
    out = np.empty_like(x, shape=x.shape[:lead] + sizes, order="C")
    out[inside(pads, x.shape[lead:])] = x
    for axis, (n, (before, after)) in enumerate(zip(sizes, pads), lead):
        out[_along(axis, slice(before))] = value
        out[_along(axis, slice(n - after, n))] = value
    return out


def inside(pads, sizes) -> tuple:
    """The index of what a border encloses."""
    return (..., *(slice(before, before + n) for (before, _), n in zip(pads, sizes)))


@primitive(x=lambda g, x_shape, pads: take_part(g, inside(pads, x_shape[len(x_shape) - len(pads) :])))
def surround(x, pads, value):
    """x with a border of a value around its last dimensions: `pads` has (before, after) for each."""
    found = padded(x, pads, value)
    return found.copy() if found is x else found


def pairs_of(input, pad) -> list[tuple[int, int]]:
    """(before, after) of the last dimensions, in their order, from PyTorch's list, which begins with the
    last.
    """
    pads = [int(n) for n in pad]
    if len(pads) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, got {pads}")
    if len(pads) > 2 * input.array.ndim:
        raise RuntimeError(
            "pad: Padding length should be less than or equal to two times the input dimension, "
            f"but got padding length {len(pads)} and input of dimension {input.array.ndim}"
        )
    return [*zip(pads[-2::-2], pads[::-2])]


def cut(input, pairs) -> Tensor:
    """The input without the elements that negative numbers of `pairs` cut off."""
    if all(min(pair) >= 0 for pair in pairs):
        return input
    sizes = input.array.shape[input.array.ndim - len(pairs) :]
    ends = [(max(-before, 0), n - max(-after, 0)) for (before, after), n in zip(pairs, sizes)]
    if any(stop < start for start, stop in ends):
        raise RuntimeError(f"pad: {pairs} cut more off than there is in shape {tuple(input.array.shape)}")
    return take_part(input, (..., *(slice(start, stop) for start, stop in ends)))


def constant_pad_nd(input, pad, value=0) -> Tensor:
    """The input with a border of a value; `pad` has (before, after) for the last dimension, and so on to the
    first.
    """
    pairs = pairs_of(input, pad)
    return cut(surround(input, [(max(before, 0), max(after, 0)) for before, after in pairs], value), pairs)


# ---- of the tensor's own elements --------------------------------------------------------------------------
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

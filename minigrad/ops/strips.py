"""Convolution of small images: windows that overlap in memory, for the three ops of `convolution`.

Strips have the rows of the padded input outermost, and windows are copied along the other dimensions only:
(groups, rows, C / groups, *kernel[1:], n, *output[1:]). The rows that a window covers are then one stretch of
memory, which is the matrix of all windows at that height: (kernel[0] * C / groups * kernel[1:], n *
output[1:]). So kernel[0] times less is copied than in `convolution`, and the products at all heights are one
call of `matmul`, each small enough for BLAS to read it where it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .recurrent.products import SMALL_KERNELS, SMALL_PRODUCT
from .recurrent.workspace import is_host

PART = 2**17  # elements of a strip at a time
NARROWEST, FEWEST = 16, 4  # columns and rows of a product that is worth it
NARROWEST_SUM = 64  # columns for the weight's gradient, which are what is added up there
LARGEST_SUM = 2**18  # elements of the weight's gradients at all heights, which are added up afterwards


def samples_at_a_time(x, shape: tuple[int, ...], output: tuple[int, ...], how) -> int:
    """How many samples of x (N, C, *input) to take, for weights of a shape; 0 where strips do not pay."""
    fit = is_host(x) and x.dtype.char in "fd" and SMALL_KERNELS
    if not fit or len(output) < 2 or how.dilation[0] > 1 or shape[2] == 1:
        return 0
    inner, width = math.prod(shape[1:]), math.prod(output[1:])
    rows = x.shape[2] + sum(how.pads[0])
    columns = min(
        SMALL_PRODUCT // max(inner * shape[0] // how.groups, 1),
        PART // max(rows * how.groups * inner // shape[2], 1),
    )
    most = min(columns // max(width, 1), len(x))
    if most * width < NARROWEST or shape[0] // how.groups < FEWEST:
        return 0
    return -(-len(x) // -(-len(x) // most))  # in equal parts


def seen(place: int, size: int, places: int, stride: int, before: int) -> tuple[slice, slice]:
    """Where a window's element at a place (from its start) meets the input rather than a border.

    The windows among so many, and the elements of the input, of a size, with `before` zeros in front.
    """
    first = max(-((place - before) // stride), 0)
    last = min((size - 1 + before - place) // stride + 1, places)
    start = first * stride + place - before
    return slice(first, max(last, first)), slice(start, start + max(last - first, 0) * stride, stride)


def strips_of(x, kernel, how, output, samples: int) -> Iterator[tuple]:
    """Some samples at a time: which, and their windows (groups, heights, inner, columns), a view."""
    groups, (before, after), rows = how.groups, how.pads[0], x.shape[2]
    each, heights = x.shape[1] // groups, rows + before + after
    x = x.reshape(len(x), groups, each, *x.shape[2:]).transpose(1, 3, 2, 0, *range(4, x.ndim + 1))
    along = [*zip(how.dilation, x.shape[3:], output, how.stride, how.pads)][1:]
    meeting = []
    for place in np.ndindex(*kernel[1:]):
        pairs = [seen(p * d, n, m, s, pads[0]) for p, (d, n, m, s, pads) in zip(place, along)]
        there = (..., *place, slice(None), *(windows for windows, _ in pairs))
        meeting.append((there, (..., *(elements for _, elements in pairs))))
    room = np.zeros((0,))
    for start in range(0, x.shape[3], samples):
        part = x[:, :, :, start : start + samples]
        shape = (groups, heights, each, *kernel[1:], part.shape[3], *output[1:])
        room = room if room.shape == shape else np.zeros(shape, x.dtype)  # the borders stay zeros
        inner = room[:, before : before + rows]
        for there, here in meeting:
            inner[there] = part[here]
        yield slice(start, start + samples), windows_of(room, kernel[0], output[0], how.stride[0])


def windows_of(strips, height: int, heights: int, stride: int):
    """Strips as the matrices (groups, heights, inner, columns) of all windows at each height, a view."""
    groups = len(strips)
    columns = math.prod(strips.shape[len(strips.shape) // 2 + 1 :])
    along_groups, along_rows = strips.strides[:2]
    row = columns * strips.itemsize
    shape = (groups, heights, height * (along_rows // row), columns)
    return as_strided(strips, shape, (along_groups, stride * along_rows, row, strips.itemsize))


def by_height(g, groups: int):
    """A view of g (n, O, *output) as (groups, heights, O / groups, n, *output[1:])."""
    n, outputs, height, *rest = g.shape
    g = g.reshape(n, groups, outputs // groups, height, *rest)
    return g.transpose(1, 3, 2, 0, *range(4, g.ndim))


def as_matrices(w, groups: int):
    """w (O, C / groups, *kernel) as (groups, 1, O / groups, kernel[0] * C / groups * kernel[1:])."""
    return w.swapaxes(1, 2).reshape(groups, 1, len(w) // groups, -1)


def conv(x, w, b, how, output, samples: int):
    """x (N, C, *input) with w (O, C / groups, *kernel) and b (O,) or None: (N, O, *output)."""
    out = np.empty((len(x), len(w), *output), x.dtype)
    matrices = as_matrices(w, how.groups)
    for where, windows in strips_of(x, w.shape[2:], how, output, samples):
        found = np.matmul(matrices, windows)
        if b is not None:
            found += b.reshape(how.groups, 1, -1, 1)
        part = by_height(out[where], how.groups)
        part[...] = found.reshape(part.shape)
    return out


def sums_pay(shape: tuple[int, ...], output: tuple[int, ...], samples: int) -> bool:
    """Whether the weight's gradients at each height are long sums, and few enough to be added up."""
    return samples * math.prod(output[1:]) >= NARROWEST_SUM and output[0] * math.prod(shape) <= LARGEST_SUM


def conv_to_weight(g, x, shape, how, samples: int):
    """The gradient of <g, conv(x, w)> by w (O, C / groups, *kernel)."""
    total = np.zeros((), x.dtype)
    for where, windows in strips_of(x, shape[2:], how, g.shape[2:], samples):
        part = np.moveaxis(
            by_height(g[where], how.groups), 2, -1
        )  # rows times rows would take a third longer
        part = part.reshape(*part.shape[:2], -1, part.shape[-1])
        total = total + np.matmul(windows, part).sum(1)
    outputs, channels, height, *rest = shape
    w = total.reshape(how.groups, height, channels, *rest, outputs // how.groups)
    return np.moveaxis(w, (-1, 2), (1, 2)).reshape(shape)

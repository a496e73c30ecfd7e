"""Convolution over any number of dimensions, as three ops that are each other's gradients.

The number <g, conv(x, w)> is linear in x, in w and in g. So are its three derivatives: `conv` by g,
`conv_to_input` by x (which is the transposed convolution too) and `conv_to_weight` by w; and the gradients of
each are the other two.

In shapes: x (N, C, *input), w (O, C / groups, *kernel), g (N, O, *output). All three slide a window over the
padded input and make one matrix product of it: w as (O, C * kernel) times the windows as (C * kernel, N *
output). The windows are copied for a few samples or rows at a time, no more than stays in a core's cache.
Where images are small, `strips` does the same with a third of the copies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..backend import module_of, zeros_beside
from ..engine import primitive
from . import strips
from .padding import inside, padded
from .recurrent.products import SMALL_KERNELS, SMALL_PRODUCT, one_thread
from .reduction import sum_over
from .shaping import take_part

PART = 2**19  # elements of windows copied at a time
FEWEST = 128  # columns of a small product that is worth a call
BLOCK = 32  # rows and columns, of which small products are quick at multiples
NARROWEST = BLOCK if one_thread() else FEWEST  # columns of a block; several threads share out what is large
COLUMNS = 256  # but as many columns as a matrix product needs to be quick
FEWEST_PLACES = 8  # in a sample, for which products of its own are worth it
WORTH_TURNING = 32  # elements of a window for which rows times rows take longer than to turn one of them


class Sliding(NamedTuple):
    """How a window slides, one entry per dimension; `pads` has zeros (before, after)."""

    stride: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1

    def spread(self, kernel: tuple[int, ...]) -> tuple[int, ...]:
        """How far a window reaches."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, kernel))

    def output(self, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[int, ...]:
        """In how many places a window fits."""
        reach = self.spread(kernel)
        return tuple((n + sum(p) - r) // s + 1 for n, p, r, s in zip(sizes, self.pads, reach, self.stride))


# ---- windows -----------------------------------------------------------------------------------------------
def windows_of(x, kernel, how, output):
    """A view of x (N, C, *padded) as (C, *kernel, N, *output): the windows at every place."""
    along_n, along_c, *along = x.strides
    within = [d * a for d, a in zip(how.dilation, along)]
    between = [s * a for s, a in zip(how.stride, along)]
    shape, strides = (x.shape[1], *kernel, len(x), *output), (along_c, *within, along_n, *between)
    return module_of(x).lib.stride_tricks.as_strided(x, shape, strides)


def parts(windows, groups: int, apart: bool = False) -> Iterator[tuple]:
    """Some samples and rows of windows (C, *kernel, N, *output) at a time.

    Yields the index of these in `by_group`, the part of the windows, and room for it as matrices, (groups,
    C / groups * kernel, n * places), or one for each sample `apart`, (n, groups, ..., places).
    They share one buffer, which stays in the cache.
    """
    ndim = windows.ndim // 2 - 1
    height, (samples, rows, *rest) = math.prod(windows.shape[: ndim + 1]), windows.shape[ndim + 1 :]
    width = math.prod(rest)
    row = max(height * width, 1)
    room = max(PART, COLUMNS * height)
    some_samples = max(room // max(row * rows, 1), 1)
    some_rows = rows if row * rows <= room else max(room // row, 1)
    buffer = np.empty_like(windows, shape=min(some_samples, samples) * min(some_rows, rows) * row)
    for n in range(0, samples, some_samples):
        for r in range(0, rows, some_rows):
            end = min(r + some_rows, rows)
            part = windows[(..., slice(n, n + some_samples), slice(r, end), *(slice(None),) * (ndim - 1))]
            part = np.moveaxis(part, ndim + 1, 0) if apart else part
            lead = part.shape[:1] if apart else ()
            matrices = buffer[: part.size].reshape(*lead, groups, height // groups, -1)
            yield (slice(n, n + some_samples), ..., slice(r * width, end * width)), part, matrices


def columns_of(windows, groups: int, apart: bool = False) -> Iterator[tuple]:
    """As `parts`, with the windows copied into the matrices."""
    for where, part, matrices in parts(windows, groups, apart):
        matrices.reshape(part.shape)[...] = part
        yield where, matrices


def as_matrices(w, groups: int):
    """w (O, C / groups, *kernel) as (groups, O / groups, C / groups * kernel)."""
    return w.reshape(groups, len(w) // groups, -1)


def by_group(g, groups: int):
    """g (N, O, *output) as (N, groups, O / groups, places)."""
    return g.reshape(len(g), groups, g.shape[1] // groups, math.prod(g.shape[2:]))


def beside(part):
    """Samples (n, groups, O / groups, places) beside each other: (groups, O / groups, n * places)."""
    return part.transpose(1, 2, 0, 3).reshape(*part.shape[1:3], -1)


def below(part):
    """Samples (n, groups, O / groups, places) below each other: (groups, n * places, O / groups)."""
    return part.transpose(1, 0, 3, 2).reshape(part.shape[1], -1, part.shape[2])


def flipped(w, groups: int):
    """w (O, C / groups, *kernel) as the weights (C, O / groups, *kernel) of the way back, for stride 1."""
    outputs, channels, *kernel = w.shape
    w = w.reshape(groups, outputs // groups, channels, *kernel).swapaxes(1, 2)
    w = w.reshape(groups * channels, outputs // groups, *kernel)
    return np.flip(w, tuple(range(2, w.ndim)))


def pads_back(sizes, g_sizes, kernel, how) -> tuple[tuple[int, int], ...]:
    """The zeros around g with which a convolution by `flipped` weights gives the input's gradient."""
    reach = [n - 1 for n in how.spread(kernel)]
    before = [r - p for r, (p, _) in zip(reach, how.pads)]
    return tuple((b, n - m + r - b) for b, n, m, r in zip(before, sizes, g_sizes, reach))


def worth_flipping(g, w, shape: tuple[int, ...], around) -> bool:
    """Whether the input's gradient, of a shape, is found as a convolution of g rather than by adding up."""
    if max(around.stride) > 1 or min(map(min, around.pads)) < 0:
        return False
    back = (shape[1], len(w) // around.groups, *w.shape[2:])
    return len(w) <= 2 * shape[1] or strips.samples_at_a_time(g, back, shape[2:], around) > 0


def worth_wrapping(w, g, how, spill: int) -> bool:
    """Whether to let windows run over the end of a row into the next, with zeros for g in those places.

    Then all rows of a sample are one stretch of memory, which is added to several times as quickly; but the
    matrix product grows.
    """
    return w.ndim > 3 and how.stride[-1] == 1 and spill * len(w) < 25 * how.groups * g.shape[-1]


def in_columns(w, columns: int) -> Iterator[slice]:
    """Columns of x and y to take at a time in sums w = x y^T: as many as make a small product, or all."""
    width = SMALL_PRODUCT // max(w.shape[-2] * w.shape[-1], 1)
    width = width if SMALL_KERNELS and width >= FEWEST else max(columns, 1)
    return (slice(n, n + width) for n in range(0, columns, width))


def product(x, y, out=None):
    """The matrix product, in blocks that are small products where BLAS has kernels for these.

    matmul is slow where it is but an outer product.
    """
    if x.shape[-1] == 1:
        return np.multiply(x, y, out=out)
    (rows, inner), columns = x.shape[-2:], y.shape[-1]
    out = np.empty_like(y, shape=(*y.shape[:-2], rows, columns)) if out is None else out
    height, width = block_of(rows, inner, columns)
    whole = columns // width * width
    if whole:
        some = x.reshape(*x.shape[:-2], 1, rows // height, height, inner)
        np.matmul(some, in_blocks(y, whole, inner, width), out=in_blocks(out, whole, height, width))
    if whole < columns:
        np.matmul(x, y[..., whole:], out=out[..., whole:])
    return out


def block_of(rows: int, inner: int, columns: int) -> tuple[int, int]:
    """The size of blocks of a product (rows, inner) @ (inner, columns): small products, or all."""
    if not SMALL_KERNELS or rows * inner * columns <= SMALL_PRODUCT:
        return rows, columns or 1
    high = rows * inner * 2 * BLOCK > SMALL_PRODUCT and rows % BLOCK == 0
    height = BLOCK if high else rows
    most = SMALL_PRODUCT // (height * inner)
    width = most // (2 * BLOCK) * 2 * BLOCK or most // BLOCK * BLOCK
    return (height, width) if width >= NARROWEST else (rows, columns)


def in_blocks(y, whole: int, height: int, width: int):
    """A view of the first columns of y (..., rows, columns) as (..., columns, rows, height, width)."""
    *lead, rows, _ = y.shape
    y = y[..., :whole].reshape(*lead, rows // height, height, whole // width, width)
    return np.moveaxis(y, -2, -4)


def add_by_place(windows, found, kernel) -> None:
    """windows += found, one place of the kernel at a time: within it no element comes twice."""
    for place in np.ndindex(*kernel):
        target = windows[(slice(None), *place)]
        target += found[(slice(None), *place)]


# ---- the three derivatives ---------------------------------------------------------------------------------
def _what_does_not_fit(x, w, *settings) -> str:
    return f"input {x.shape} and weight {w.shape} do not fit"


@primitive(
    explain=_what_does_not_fit,
    x=lambda g, w, x_shape, how: conv_to_input(g, w, x_shape, how),
    w=lambda g, x, w_shape, how: conv_to_weight(g, x, w_shape, how),
    b=lambda g: sum_over(g, (0, *range(2, len(g.shape))), False),
)
def conv(x, w, b, how):
    """x (N, C, *input) with w (O, C / groups, *kernel) and b (O,) or None: (N, O, *output)."""
    output = how.output(x.shape[2:], w.shape[2:])
    if samples := strips.samples_at_a_time(x, w.shape, output, how):
        return strips.conv(x, w, b, how, output, samples)
    windows = windows_of(padded(x, how.pads), w.shape[2:], how, output)
    out = np.empty_like(x, shape=(len(x), len(w), *output), order="C")
    results, matrices = by_group(out, how.groups), as_matrices(w, how.groups)
    apart = results.shape[-1] >= FEWEST_PLACES
    for where, columns in columns_of(windows, how.groups, apart):
        found = results[where]
        if apart:
            product(matrices, columns, found)
        else:
            found.transpose(1, 2, 0, 3)[...] = product(matrices, columns).reshape(
                *found.shape[1:3], len(found), -1
            )
        if b is not None:
            found += b.reshape(how.groups, -1, 1)
    return out


def first(x, shape):
    """x cut to a shape: where output_padding adds a stride or more, windows fit in places that g has not."""
    return x if x.shape == shape else take_part(x, tuple(slice(n) for n in shape))


@primitive(
    explain=_what_does_not_fit,
    g=lambda u, g_shape, w, how: first(conv(u, w, None, how), g_shape),
    w=lambda u, g, w_shape, how: conv_to_weight(g, u, w_shape, how),
)
def conv_to_input(g, w, shape, how):
    """The gradient of <g, conv(x, w)> by x (N, C, *input): every window gets its g times w added."""
    around = how._replace(pads=pads_back(shape[2:], g.shape[2:], w.shape[2:], how))
    if worth_flipping(g, w, shape, around):
        return conv(g, flipped(w, how.groups), None, around)
    sizes = tuple(n + sum(p) for n, p in zip(shape[2:], how.pads))
    spill = how.dilation[-1] * (w.shape[-1] - 1)
    if worth_wrapping(w, g, how, spill):
        g = padded(g, (*((0, 0),) * (w.ndim - 3), (0, sizes[-1] - g.shape[-1])))
    count = math.prod(shape[:2]) * math.prod(sizes)
    x = zeros_beside(g, count + spill)[:count].reshape(*shape[:2], *sizes)
    windows = windows_of(x, w.shape[2:], how, g.shape[2:])
    matrices = as_matrices(w, how.groups).swapaxes(1, 2)
    g = by_group(g, how.groups)
    for where, part, found in parts(windows, how.groups):
        found = product(matrices, beside(g[where]), found)
        add_by_place(part, found.reshape(part.shape), w.shape[2:])
    return x[inside(how.pads, shape[2:])]


@primitive(
    explain=_what_does_not_fit,
    g=lambda v, g_shape, x, how: first(conv(x, v, None, how), g_shape),
    x=lambda v, g, x_shape, how: conv_to_input(g, v, x_shape, how),
)
def conv_to_weight(g, x, shape, how):
    """The gradient of <g, conv(x, w)> by w (O, C / groups, *kernel): products of g with what windows held."""
    samples = strips.samples_at_a_time(x, shape, g.shape[2:], how)
    if samples and strips.sums_pay(shape, g.shape[2:], samples):
        return strips.conv_to_weight(g, x, shape, how, samples)
    windows = windows_of(padded(x, how.pads), shape[2:], how, g.shape[2:])
    w = zeros_beside(x, (how.groups, math.prod(shape[1:]), shape[0] // how.groups))
    g = by_group(g, how.groups)
    for where, columns in columns_of(windows, how.groups):
        outputs = below(g[where]) if w.shape[1] >= WORTH_TURNING else beside(g[where]).swapaxes(1, 2)
        for part in in_columns(w, columns.shape[-1]):
            w += np.matmul(columns[..., part], outputs[:, part])  # this way round it is a third quicker
    return w.swapaxes(1, 2).reshape(shape)


# ---- windows by themselves ---------------------------------------------------------------------------------
@primitive(x=lambda g, x_shape, kernel, how: add_windows(g, x_shape, kernel, how))
def take_windows(x, kernel, how):
    """x (N, C, *input) as (N, C, *kernel, *output)."""
    found = windows_of(padded(x, how.pads), kernel, how, how.output(x.shape[2:], kernel))
    return np.moveaxis(found, x.ndim - 1, 0).copy()


@primitive(g=lambda u, kernel, how: take_windows(u, kernel, how))
def add_windows(g, shape, kernel, how):
    """Zeros (N, C, *input) with windows (N, C, *kernel, *output) added where they came from."""
    x = zeros_beside(g, (*shape[:2], *(n + sum(p) for n, p in zip(shape[2:], how.pads))))
    windows = windows_of(x, kernel, how, g.shape[2 + len(kernel) :])
    add_by_place(windows, np.moveaxis(g, 0, len(kernel) + 1), kernel)
    return x[inside(how.pads, shape[2:])]

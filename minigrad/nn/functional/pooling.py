"""Pooling over one, two and three dimensions: largest elements, means, p-norms; and the way back from the
largest.

In shapes, `input` and `output` stand for one size per dimension; a single number counts for all of them.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from ... import ops
from ...engine import untracked
from ...ops import pooling as core
from ...ops.resampling import Taps, resample
from ...tensor import Tensor
from .convolution import batched, sizes_for


# ---- windows -----------------------------------------------------------------------------------------------
def _output_size(size: int, reach: int, stride: int, pad: int, ceil_mode: bool) -> int:
    """How many windows there are; with `ceil_mode` also one that reaches beyond the end, if it begins before
    it.
    """
    room = size + 2 * pad - reach
    count = -(-room // stride) + 1 if ceil_mode else room // stride + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + pad else count


def _sliding(
    name: str, input: Tensor, kernel, stride, padding, dilation, ceil_mode: bool, ndim: int
) -> tuple:
    """The windows along each axis, and the padding (before, after) that they need."""
    kernel = sizes_for(name, "kernel_size", kernel, ndim)
    stride = kernel if stride is None or stride in ([], ()) else sizes_for(name, "stride", stride, ndim)
    padding, dilation = sizes_for(name, "padding", padding, ndim), sizes_for(name, "dilation", dilation, ndim)
    if 0 in input.shape[1:]:
        raise RuntimeError(
            f"{name}: Expected input's non-batch dimensions to have positive length, but input has a shape "
            f"of {tuple(input.shape)}"
        )
    given = {"kernel_size": kernel, "stride": stride, "dilation": dilation}
    for argument, sizes in given.items():
        if min(sizes) <= 0:
            raise RuntimeError(f"{name}: {argument} should be greater than zero, but got {sizes}")
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel))
    if any(not 0 <= 2 * p <= r for p, r in zip(padding, reach)):
        raise RuntimeError(
            f"{name}: pad should be non-negative and at most half of effective kernel size, but got "
            f"pad={padding}, kernel_size={kernel} and dilation={dilation}"
        )
    sizes = input.array.shape[input.array.ndim - ndim :]
    windows = zip(sizes, reach, stride, padding)
    output = tuple(_output_size(n, r, s, p, ceil_mode) for n, r, s, p in windows)
    if min(output) < 1:
        raise RuntimeError(
            f"{name}: Given input size: {tuple(input.shape)}. Calculated output size: {output}. Output size "
            "is too small"
        )
    axes = tuple(map(core.sliding, output, kernel, stride, dilation, padding))
    after = [(o - 1) * s + r - n - p for o, s, r, n, p in zip(output, stride, reach, sizes, padding)]
    return axes, tuple((p, max(a, 0)) for p, a in zip(padding, after))


# ---- the largest -------------------------------------------------------------------------------------------
def _largest_of_all(input: Tensor) -> tuple[Tensor, Tensor]:
    """The largest element of each channel of (N, C, *input), and its place: (N, C, 1, ...)."""
    shape = (*input.shape[:2], *(1,) * (input.dim() - 2))
    places = input.array.reshape(*shape[:2], -1).argmax(-1).reshape(shape)
    return core.take_places(input, places), untracked(places)


def as_asked(found: tuple[Tensor, Tensor], came_batched: bool, return_indices: bool):
    """Values and places, or values alone; without N where the input came without."""
    values, places = found if came_batched else (t.squeeze(0) for t in found)
    return (values, places) if return_indices else values


def _max_pool(ndim, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    name = f"max_pool{ndim}d"
    input, came_batched = batched(name, input, ndim)
    axes, pads = _sliding(name, input, kernel_size, stride, padding, dilation, ceil_mode, ndim)
    return as_asked(core.max_pool(input, axes, pads, return_indices), came_batched, return_indices)


def max_pool1d(
    input: Tensor,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode: bool = False,
    return_indices: bool = False,
):
    """The largest element under a sliding window: (N, C, L) gives (N, C, output).

    With `return_indices` also where it lies in the flattened input; the first, where several are equal.
    `stride` is the window's size if None. With `ceil_mode` a last window may reach beyond the end.
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode: bool = False,
    return_indices: bool = False,
):
    """`max_pool1d` over two dimensions: (N, C, H, W) gives (N, C, *output)."""
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode: bool = False,
    return_indices: bool = False,
):
    """`max_pool1d` over three dimensions: (N, C, D, H, W) gives (N, C, *output)."""
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _adaptive_sizes(name: str, input: Tensor, output_size, ndim: int) -> tuple[int, ...]:
    """The sizes asked for; None keeps a size."""
    wanted = (
        (output_size,) * ndim if output_size is None or isinstance(output_size, int) else tuple(output_size)
    )
    if len(wanted) != ndim:
        raise RuntimeError(f"{name}: internal error: output_size must have {ndim} elements, got {wanted}")
    sizes = tuple(n if w is None else int(w) for n, w in zip(input.shape[-ndim:], wanted))
    if min(sizes) < 0:
        raise RuntimeError(f"{name}: elements of output_size must be greater than or equal to 0, got {sizes}")
    if 0 in input.shape[-ndim:]:
        raise RuntimeError(
            f"{name}: Expected input to have non-zero size for non-batch dimensions, but input has sizes "
            f"{list(input.shape)}"
        )
    return sizes


def _adaptive_max_pool(ndim: int, input: Tensor, output_size, return_indices: bool):
    name = f"adaptive_max_pool{ndim}d"
    input, came_batched = batched(name, input, ndim)
    sizes = _adaptive_sizes(name, input, output_size, ndim)
    if set(sizes) == {1}:
        found = _largest_of_all(input)
    else:
        axes = tuple(map(core.adaptive, sizes, input.shape[2:]))
        found = core.max_pool(input, axes, ((0, 0),) * ndim, return_indices)
    return as_asked(found, came_batched, return_indices)


def adaptive_max_pool1d(input: Tensor, output_size, return_indices: bool = False):
    """The largest element of each of `output_size` even parts: (N, C, L) gives (N, C, output)."""
    return _adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size, return_indices: bool = False):
    """`adaptive_max_pool1d` over two dimensions; a None in `output_size` keeps that dimension's size."""
    return _adaptive_max_pool(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size, return_indices: bool = False):
    """`adaptive_max_pool1d` over three dimensions; a None in `output_size` keeps that dimension's size."""
    return _adaptive_max_pool(3, input, output_size, return_indices)


max_pool1d_with_indices = partial(max_pool1d, return_indices=True)
max_pool2d_with_indices = partial(max_pool2d, return_indices=True)
max_pool3d_with_indices = partial(max_pool3d, return_indices=True)
adaptive_max_pool1d_with_indices = partial(adaptive_max_pool1d, return_indices=True)
adaptive_max_pool2d_with_indices = partial(adaptive_max_pool2d, return_indices=True)
adaptive_max_pool3d_with_indices = partial(adaptive_max_pool3d, return_indices=True)


# ---- back from the largest ---------------------------------------------------------------------------------
def _unpooled_sizes(input: Tensor, kernel, stride, padding, output_size, ndim: int) -> tuple[int, ...]:
    window = zip(input.shape[-ndim:], kernel, stride, padding)
    usual = tuple((n - 1) * s + k - 2 * p for n, k, s, p in window)
    if output_size is None:
        return usual
    wanted = tuple(output_size)[2:] if len(output_size) == ndim + 2 else tuple(output_size)
    if len(wanted) != ndim:
        raise ValueError(
            f"output_size should be a sequence containing {ndim} or {ndim + 2} elements, but it has a "
            f"length of '{len(output_size)}'"
        )
    for axis, (n, m, s) in enumerate(zip(wanted, usual, stride)):
        if not m - s < n < m + s:
            raise ValueError(
                f'invalid output_size "{wanted}" (dim {axis} must be between {m - s} and {m + s})'
            )
    return wanted


def _max_unpool(
    ndim: int, input: Tensor, indices: Tensor, kernel_size, stride, padding, output_size
) -> Tensor:
    name = f"max_unpool{ndim}d"
    kernel = sizes_for(name, "kernel_size", kernel_size, ndim)
    stride = kernel if stride is None else sizes_for(name, "stride", stride, ndim)
    padding = sizes_for(name, "padding", padding, ndim)
    sizes = _unpooled_sizes(input, kernel, stride, padding, output_size, ndim)
    if min(sizes) < 0:
        raise ValueError(f"{name}: output_size must contain non-negative spatial dimensions, but got {sizes}")
    if indices.array.dtype != np.int64:
        raise RuntimeError(f"{name}: elements in indices should be type int64 but got: {indices.dtype}")
    if tuple(indices.shape) != tuple(input.shape):
        raise RuntimeError(
            f"{name}: Expected shape of indices to be same as that of the input tensor "
            f"({tuple(input.shape)}), but got indices tensor with shape: {tuple(indices.shape)}"
        )
    input, came_batched = batched(name, input, ndim)
    places = indices.array.reshape(input.shape)
    if places.size and not 0 <= int(places.min()) <= int(places.max()) < math.prod(sizes):
        raise RuntimeError(
            f"{name}: Found an invalid max index: {int(places.max())} (output volumes are of size {sizes})"
        )
    out = core.put_places(input, places, (*input.shape[:2], *sizes), True)
    return out if came_batched else out.squeeze(0)


def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size, stride=None, padding=0, output_size=None
) -> Tensor:
    """Zeros with the input (N, C, L) put where `max_pool1d` with `return_indices` found it."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size, stride=None, padding=0, output_size=None
) -> Tensor:
    """Zeros with the input (N, C, H, W) put where `max_pool2d` with `return_indices` found it."""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size, stride=None, padding=0, output_size=None
) -> Tensor:
    """Zeros with the input (N, C, D, H, W) put where `max_pool3d` with `return_indices` found it."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


# ---- means -------------------------------------------------------------------------------------------------
def _counts(axes, sizes, padding, with_padding: bool):
    """How many elements each window counts: those before the end, of the padding or of the input."""
    counts = np.ones(())
    for windows, size, pad in zip(axes, sizes, padding):
        first = 0 if not with_padding else -pad
        last = size + pad if with_padding else size
        along = ((windows.places >= first) & (windows.places < last)).sum(1)
        counts = counts[..., None] * along
    return int(counts.flat[0]) if (counts == counts.flat[0]).all() else counts


def _avg_pool(ndim, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    name = f"avg_pool{ndim}d"
    input, came_batched = batched(name, input, ndim)
    axes, pads = _sliding(name, input, kernel_size, stride, padding, 1, ceil_mode, ndim)
    if divisor_override == 0:
        raise RuntimeError(f"{name}: divisor must be not zero")
    divisor = divisor_override
    if divisor is None:
        before = sizes_for(name, "padding", padding, ndim)
        divisor = _counts(axes, input.shape[2:], before, count_include_pad)
        divisor = divisor if isinstance(divisor, int) else input.new_tensor(divisor).array
    out = core.average_windows(input, axes, pads, divisor)
    return out if came_batched else out.squeeze(0)


def avg_pool1d(
    input: Tensor,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean under a sliding window: (N, C, L) gives (N, C, output). Zeros of the padding may count, or
    not.
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """`avg_pool1d` over two dimensions; `divisor_override` divides the sums in place of the number of
    elements.
    """
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """`avg_pool1d` over three dimensions; `divisor_override` divides the sums in place of the number of
    elements.
    """
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def means_of_parts(count: int, size: int) -> Taps:
    """The mean of each of `count` even parts of an axis."""
    starts, ends = core.adaptive_bounds(count, size)
    places = starts[:, None] + np.arange(max(ends - starts))
    weights = (places < ends[:, None]) / (ends - starts)[:, None]
    return Taps(np.minimum(places, size - 1), weights, size)


def _adaptive_avg_pool(ndim: int, input: Tensor, output_size) -> Tensor:
    name = f"adaptive_avg_pool{ndim}d"
    input, came_batched = batched(name, input, ndim)
    sizes = _adaptive_sizes(name, input, output_size, ndim)
    if 0 in sizes:
        out = input.new_zeros((*input.shape[:2], *sizes))
    elif set(sizes) == {1}:
        out = ops.mean(input, tuple(range(2, ndim + 2)), keepdim=True)
    elif all(n % m == 0 for n, m in zip(input.shape[2:], sizes)):
        axes = tuple(map(core.adaptive, sizes, input.shape[2:]))
        divisor = math.prod(len(a.parts) for a in axes)
        out = core.average_windows(input, axes, ((0, 0),) * ndim, divisor)
    else:
        out = input
        for axis, (count, size) in enumerate(zip(sizes, input.shape[2:]), 2):
            out = resample(out, axis, means_of_parts(count, size))
    return out if came_batched else out.squeeze(0)


def adaptive_avg_pool1d(input: Tensor, output_size) -> Tensor:
    """The mean of each of `output_size` even parts: (N, C, L) gives (N, C, output)."""
    return _adaptive_avg_pool(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size) -> Tensor:
    """`adaptive_avg_pool1d` over two dimensions; a None in `output_size` keeps that dimension's size."""
    return _adaptive_avg_pool(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size) -> Tensor:
    """`adaptive_avg_pool1d` over three dimensions; a None in `output_size` keeps that dimension's size."""
    return _adaptive_avg_pool(3, input, output_size)


# ---- p-norms -----------------------------------------------------------------------------------------------
def _lp_pool(ndim: int, input: Tensor, norm_type, kernel_size, stride, ceil_mode: bool) -> Tensor:
    kernel = sizes_for(f"lp_pool{ndim}d", "kernel_size", kernel_size, ndim)
    if math.isinf(norm_type):
        sign = math.copysign(1, norm_type)
        return _max_pool(ndim, sign * input.abs(), kernel, stride, 0, 1, ceil_mode, False) * sign
    powers = ops.pow(input, norm_type)
    means = _avg_pool(ndim, powers, kernel, stride, 0, ceil_mode, True, None)
    return ops.pow(ops.sign(means) * ops.relu(ops.abs(means)) * math.prod(kernel), 1.0 / norm_type)


def lp_pool1d(input: Tensor, norm_type, kernel_size, stride=None, ceil_mode: bool = False) -> Tensor:
    """(sum of x^p)^(1 / p) under a sliding window: (N, C, L) gives (N, C, output)."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Tensor, norm_type, kernel_size, stride=None, ceil_mode: bool = False) -> Tensor:
    """`lp_pool1d` over two dimensions."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Tensor, norm_type, kernel_size, stride=None, ceil_mode: bool = False) -> Tensor:
    """`lp_pool1d` over three dimensions."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)

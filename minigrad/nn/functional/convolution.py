"""Convolutions over one, two and three dimensions, transposed ones, and windows laid out in rows (unfold,
fold).

In shapes, `input`, `kernel` and `output` stand for one size per dimension; a single number counts for all of
them.
"""

from __future__ import annotations

import math

from ... import ops
from ...ops import convolution as core
from ...ops.convolution import Sliding
from ...tensor import Tensor


# ---- arguments -----------------------------------------------------------------------------------
def sizes_for(name: str, argument: str, value, ndim: int) -> tuple[int, ...]:
    """A number, or one per dimension, as one per dimension."""
    sizes = (value,) if isinstance(value, int) else tuple(int(v) for v in value)
    if len(sizes) not in (1, ndim):
        raise RuntimeError(
            f"{name}: expected {argument} to be a single integer value or a list of {ndim} values to match "
            f"the dimensions, but got {argument}={list(sizes)}"
        )
    return sizes * ndim if len(sizes) == 1 else sizes


def batched(name: str, input: Tensor, ndim: int) -> tuple[Tensor, bool]:
    """The input (N, C, *input), and whether it came so, or as (C, *input)."""
    if input.dim() not in (ndim + 1, ndim + 2):
        raise RuntimeError(
            f"Expected {ndim + 1}D (unbatched) or {ndim + 2}D (batched) input to {name}, but got input of "
            f"size: {list(input.shape)}"
        )
    came_batched = input.dim() == ndim + 2
    return (input if came_batched else input.unsqueeze(0)), came_batched


def _steps(name: str, stride, dilation, ndim: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    stride, dilation = sizes_for(name, "stride", stride, ndim), sizes_for(name, "dilation", dilation, ndim)
    if min(stride) <= 0:
        raise RuntimeError(f"{name}: non-positive stride is not supported, got {list(stride)}")
    if min(dilation) <= 0:
        raise RuntimeError(f"{name}: dilation should be greater than zero, but got {list(dilation)}")
    return stride, dilation


def _pads(name: str, padding, stride, dilation, kernel) -> tuple[tuple[int, int], ...]:
    """Zeros before and after in each dimension; "same" puts the odd one after."""
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise RuntimeError(f"{name}: Invalid padding string: {padding!r}; use 'same', 'valid' or numbers")
        if padding == "valid":
            return ((0, 0),) * len(kernel)
        if max(stride) > 1:
            raise RuntimeError(f"{name}: padding='same' is not supported for strided convolutions")
        totals = [d * (k - 1) for d, k in zip(dilation, kernel)]
        return tuple((total // 2, total - total // 2) for total in totals)
    sizes = sizes_for(name, "padding", padding, len(kernel))
    if min(sizes) < 0:
        raise RuntimeError(f"{name}: negative padding is not supported, got {list(sizes)}")
    return tuple((n, n) for n in sizes)


def _check_weight(name: str, input: Tensor, weight: Tensor, bias, groups: int, transposed: bool) -> None:
    shape, given = list(weight.shape), list(input.shape)
    if len(shape) != len(given):
        raise RuntimeError(f"{name}: expected {len(given)}-dimensional weight for input {given}, got {shape}")
    if groups <= 0:
        raise RuntimeError(f"{name}: non-positive groups is not supported, got {groups}")
    if shape[0] % groups:
        raise RuntimeError(
            f"{name}: Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size {shape} instead"
        )
    channels = shape[0] if transposed else shape[1] * groups
    if given[1] != channels:
        told = "transposed=1" if transposed else f"groups={groups}"
        raise RuntimeError(
            f"{name}: Given {told}, weight of size {shape}, expected input{given} to have {channels} "
            f"channels, but got {given[1]} channels instead"
        )
    outputs = shape[1] * groups if transposed else shape[0]
    if bias is not None and tuple(bias.shape) != (outputs,):
        raise RuntimeError(
            f"{name}: Given weight of size {shape}, expected bias to be 1-dimensional with {outputs} "
            f"elements, but got bias of size {list(bias.shape)} instead"
        )
    found = [t.dtype for t in (input, weight, bias) if t is not None]
    if len(set(found)) > 1:
        told = ", ".join(map(str, found))
        raise RuntimeError(f"{name}: input, weight and bias should have the same dtype, but have {told}")


# ---- convolution ---------------------------------------------------------------------------------
def _conv(ndim: int, input, weight, bias, stride, padding, dilation, groups) -> Tensor:
    name = f"conv{ndim}d"
    input, came_batched = batched(name, input, ndim)
    _check_weight(name, input, weight, bias, groups, False)
    kernel = tuple(weight.shape[2:])
    stride, dilation = _steps(name, stride, dilation, ndim)
    how = Sliding(stride, _pads(name, padding, stride, dilation, kernel), dilation, groups)
    sizes = tuple(n + sum(p) for n, p in zip(input.shape[2:], how.pads))
    if any(n < r for n, r in zip(sizes, how.spread(kernel))):
        raise RuntimeError(
            f"{name}: Calculated padded input size per channel: {sizes}. Kernel size: {how.spread(kernel)}. "
            "Kernel size can't be greater than actual input size"
        )
    out = core.conv(input, weight, bias, how)
    return out if came_batched else out.squeeze(0)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride=1,
    padding=0,
    dilation=1,
    groups: int = 1,
) -> Tensor:
    """Sums of products under a sliding window: (N, C, L) with weight (O, C / groups, kernel) gives (N, O,
    output).

    `padding` is numbers of zeros on either side, "valid" (none), or "same" (as many as keep the length).
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride=1,
    padding=0,
    dilation=1,
    groups: int = 1,
) -> Tensor:
    """`conv1d` over two dimensions: (N, C, H, W), weight (O, C / groups, *kernel) give (N, O, *output)."""
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride=1,
    padding=0,
    dilation=1,
    groups: int = 1,
) -> Tensor:
    """`conv1d` over three dimensions: (N, C, D, H, W) with weight (O, C / groups, *kernel) gives (N, O,
    *output).
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """`conv1d` of (T, N, C) with weight (kernel, C, O): (output, N, O)."""
    out = conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad)
    return out.permute(2, 0, 1)


# ---- transposed convolution ----------------------------------------------------------------------
def _conv_transpose(ndim: int, input, weight, bias, stride, padding, extra, groups, dilation) -> Tensor:
    name = f"conv_transpose{ndim}d"
    input, came_batched = batched(name, input, ndim)
    _check_weight(name, input, weight, bias, groups, True)
    kernel = tuple(weight.shape[2:])
    stride, dilation = _steps(name, stride, dilation, ndim)
    how = Sliding(stride, _pads(name, padding, stride, dilation, kernel), dilation, groups)
    extra = sizes_for(name, "output_padding", extra, ndim)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation)) or min(extra) < 0:
        raise RuntimeError(
            f"{name}: output padding must be smaller than either stride or dilation, "
            f"but got output_padding {extra}, stride {stride}, dilation {dilation}"
        )
    reach = zip(input.shape[2:], stride, how.pads, how.spread(kernel), extra)
    sizes = tuple((n - 1) * s - sum(p) + r + e for n, s, p, r, e in reach)
    if min(sizes) <= 0:
        raise RuntimeError(
            f"{name}: Given input size per channel: {tuple(input.shape[2:])}. Calculated output size per "
            f"channel: {sizes}. Output size is too small"
        )
    shape = (input.shape[0], weight.shape[1] * groups, *sizes)
    out = core.conv_to_input(input, weight, shape, how)
    if bias is not None:
        out = ops.add(out, bias.reshape(-1, *(1,) * ndim))
    return out if came_batched else out.squeeze(0)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride=1,
    padding=0,
    output_padding=0,
    groups: int = 1,
    dilation=1,
) -> Tensor:
    """The gradient of `conv1d` by its input: (N, C, L) with weight (C, O / groups, kernel) gives (N, O,
    output).

    The output has (L - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding places.
    """
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride=1,
    padding=0,
    output_padding=0,
    groups: int = 1,
    dilation=1,
) -> Tensor:
    """`conv_transpose1d` over two dimensions: (N, C, H, W) gives (N, O, *output)."""
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride=1,
    padding=0,
    output_padding=0,
    groups: int = 1,
    dilation=1,
) -> Tensor:
    """`conv_transpose1d` over three dimensions: (N, C, D, H, W) gives (N, O, *output)."""
    return _conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


# ---- windows -------------------------------------------------------------------------------------
def _window(name: str, kernel, dilation, padding, stride) -> tuple[tuple[int, ...], Sliding]:
    given = {"kernel_size": kernel, "dilation": dilation, "padding": padding, "stride": stride}
    kernel, dilation, padding, stride = (sizes_for(name, a, v, 2) for a, v in given.items())
    for argument, sizes, least in (
        ("kernel_size", kernel, 1),
        ("dilation", dilation, 1),
        ("padding", padding, 0),
        ("stride", stride, 1),
    ):
        if min(sizes) < least:
            raise RuntimeError(f"{name}: {argument} should be at least {least}, but got {argument}={sizes}")
    return kernel, Sliding(stride, tuple((p, p) for p in padding), dilation)


def unfold(input: Tensor, kernel_size, dilation=1, padding=0, stride=1) -> Tensor:
    """The windows of (N, C, H, W), one per column: (N, C * kernel, places)."""
    kernel, how = _window("unfold", kernel_size, dilation, padding, stride)
    input, came_batched = batched("unfold", input, 2)
    output = how.output(tuple(input.shape[2:]), kernel)
    if min(output) < 1:
        raise RuntimeError(
            f"unfold: input {tuple(input.shape)} with padding {padding} has no room for a window of "
            f"{how.spread(kernel)}"
        )
    windows = core.take_windows(input, kernel, how)
    out = windows.reshape(input.shape[0], input.shape[1] * math.prod(kernel), math.prod(output))
    return out if came_batched else out.squeeze(0)


def fold(input: Tensor, output_size, kernel_size, dilation=1, padding=0, stride=1) -> Tensor:
    """Columns (N, C * kernel, places) added up where `unfold` took them from: (N, C, *output_size)."""
    kernel, how = _window("fold", kernel_size, dilation, padding, stride)
    sizes = sizes_for("fold", "output_size", output_size, 2)
    if input.dim() not in (2, 3):
        raise RuntimeError(f"fold: expected 2D or 3D input, but got input of size {list(input.shape)}")
    columns = input if input.dim() == 3 else input.unsqueeze(0)
    batch, height, places = columns.shape
    output = how.output(sizes, kernel)
    if height % math.prod(kernel) or min(output) < 1 or places != math.prod(output):
        raise RuntimeError(
            f"fold: input {tuple(input.shape)} does not fit output_size {sizes} and kernel_size {kernel}: "
            f"dimension 1 must be divisible by {math.prod(kernel)}, and dimension 2 be the "
            f"{math.prod(output)} places of the window"
        )
    channels = height // math.prod(kernel)
    windows = columns.reshape(batch, channels, *kernel, *output)
    out = core.add_windows(windows, (batch, channels, *sizes), kernel, how)
    return out if input.dim() == 3 else out.squeeze(0)

"""Convolution layers over one, two and three dimensions, and transposed ones.

What changes with the number of dimensions is `ndim` alone. Weights and biases start uniform on
+-1 / sqrt(fan in), as a linear layer's do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ... import ops
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module

_MODES = ("zeros", "reflect", "replicate", "circular")
_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


class _ConvNd(Module):
    """Settings, weight and bias of a convolution, transposed or not."""

    ndim: int
    transposed = False
    padding: Any  # one number per dimension, or "valid" or "same"

    def _per_dimension(self, value) -> tuple[int, ...]:
        return (value,) * self.ndim if isinstance(value, int) else tuple(value)

    def _set(
        self, channels: tuple[int, int], window: tuple, extra, groups: int, bias: bool, mode: str, place
    ) -> None:
        self.in_channels, self.out_channels = channels
        kernel, stride, padding, dilation = window
        self.kernel_size = self._per_dimension(kernel)
        self.stride = self._per_dimension(stride)
        self.padding: Any = padding if isinstance(padding, str) else self._per_dimension(padding)
        self.dilation = self._per_dimension(dilation)
        self.output_padding = self._per_dimension(extra)
        self.groups = groups
        self.padding_mode = mode
        self._check()
        outer, inner = channels if self.transposed else channels[::-1]
        self.weight = Parameter(ops.empty(outer, inner // groups, *self.kernel_size, **place))
        self.register_parameter("bias", Parameter(ops.empty(self.out_channels, **place)) if bias else None)
        self.reset_parameters()

    def _check(self) -> None:
        if self.groups <= 0:
            raise ValueError(f"groups must be a positive integer, got {self.groups}")
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise ValueError(
                    f"{name} ({getattr(self, name)}) must be divisible by groups ({self.groups})"
                )
        if isinstance(self.padding, str) and self.padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {self.padding!r}, should be one of 'same', 'valid'")
        if self.padding == "same" and max(self.stride) > 1:
            raise ValueError("padding='same' is not supported for strided convolutions")
        if self.padding_mode not in _MODES:
            raise ValueError(
                f"padding_mode must be one of {', '.join(_MODES)}, but got padding_mode='{self.padding_mode}'"
            )

    def reset_parameters(self) -> None:
        """Draw weight, then bias, anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # is uniform on +-1 / sqrt(fan_in)
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        usual = {
            "padding": (0,) * self.ndim,
            "dilation": (1,) * self.ndim,
            "output_padding": (0,) * self.ndim,
            "groups": 1,
        }
        told = [f"{self.in_channels}, {self.out_channels}"]
        told += [f"kernel_size={self.kernel_size}, stride={self.stride}"]
        told += [
            f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value
        ]
        told += ["bias=False"] if self.bias is None else []
        told += [f"padding_mode={self.padding_mode}"] if self.padding_mode != "zeros" else []
        return ", ".join(told)


# ---- convolution ---------------------------------------------------------------------------------
class _Conv(_ConvNd):
    """weight (out_channels, in_channels / groups, *kernel_size), bias (out_channels,).

    `padding` is numbers, "valid" or "same"; with a `padding_mode` other than "zeros" the border is of the
    input's own elements, as `functional.pad` makes it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        window = (kernel_size, stride, padding, dilation)
        place = {"device": device, "dtype": dtype}
        self._set((in_channels, out_channels), window, 0, groups, bias, padding_mode, place)

    def _border(self) -> list[int]:
        """The padding as `functional.pad` takes it."""
        if self.padding == "valid":
            return [0, 0] * self.ndim
        totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
        pairs = [(total // 2, total - total // 2) for total in totals]
        if not isinstance(self.padding, str):
            pairs = [(n, n) for n in self.padding]
        return [n for pair in reversed(pairs) for n in pair]

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        conv = _CONV[self.ndim]
        if self.padding_mode == "zeros":
            return conv(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        input = F.pad(input, self._border(), self.padding_mode)
        return conv(input, weight, bias, self.stride, 0, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    """Convolution of (N, C, L), or (C, L), to (N, O, output); see `functional.conv1d`."""

    ndim = 1


class Conv2d(_Conv):
    """Convolution of (N, C, H, W), or (C, H, W), to (N, O, *output); see `functional.conv2d`."""

    ndim = 2


class Conv3d(_Conv):
    """Convolution of (N, C, D, H, W), or (C, D, H, W), to (N, O, *output); see `functional.conv3d`."""

    ndim = 3


# ---- transposed convolution ----------------------------------------------------------------------
class _ConvTransposeNd(_ConvNd):
    """weight (in_channels, out_channels / groups, *kernel_size), bias (out_channels,)."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups: int = 1,
        bias: bool = True,
        dilation=1,
        padding_mode: str = "zeros",
        device=None,
        dtype=None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__()
        window = (kernel_size, stride, padding, dilation)
        place = {"device": device, "dtype": dtype}
        self._set((in_channels, out_channels), window, output_padding, groups, bias, padding_mode, place)

    def _extra_for(self, input: Tensor, output_size: Sequence[int] | None) -> tuple[int, ...]:
        """The output_padding with which the output has the size that is asked for."""
        if output_size is None:
            return self.output_padding
        lead = input.dim() - self.ndim
        wanted = tuple(output_size)[lead:] if len(output_size) == input.dim() else tuple(output_size)
        if len(wanted) != self.ndim:
            raise ValueError(
                f"{type(self).__name__}: for {input.dim()}D input, output_size must have {self.ndim} or "
                f"{lead + self.ndim} elements (got {len(output_size)})"
            )
        window = zip(input.shape[lead:], self.stride, self.padding, self.dilation, self.kernel_size)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in window]
        extra = tuple(n - m for n, m in zip(wanted, least))
        if any(not 0 <= e < s for e, s in zip(extra, self.stride)):
            most = [m + s - 1 for m, s in zip(least, self.stride)]
            raise ValueError(
                f"requested an output size of {list(wanted)}, but valid sizes range from {least} to {most} "
                f"(for an input of {list(input.shape[lead:])})"
            )
        return extra

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return _CONV_TRANSPOSE[self.ndim](
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self._extra_for(input, output_size),
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution of (N, C, L), or (C, L); see `functional.conv_transpose1d`."""

    ndim = 1


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution of (N, C, H, W), or (C, H, W); see `functional.conv_transpose2d`."""

    ndim = 2


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution of (N, C, D, H, W), or (C, D, H, W); see `functional.conv_transpose3d`."""

    ndim = 3

"""Pooling layers; what each computes is said in `functional`. Inputs are (N, C, *input), or (C, *input).

What changes with the number of dimensions is `ndim`, and with it the function of `functional` that is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...tensor import Tensor
from .. import functional as F
from .module import Module


class _Pool(Module):
    """`told` are the settings that are printed."""

    told: tuple[str, ...] = ("kernel_size", "stride", "padding")

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.told)


def _per_dimension(value, ndim: int) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * ndim


# ---- the largest -------------------------------------------------------------------------------------------
class _MaxPoolNd(_Pool):
    told = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    pool: Any

    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        dilation=1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor):
        return type(self).pool(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )


class MaxPool1d(_MaxPoolNd):
    """The largest element under a sliding window: (N, C, L) gives (N, C, output)."""

    pool = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPoolNd):
    """The largest element under a sliding window: (N, C, H, W) gives (N, C, *output)."""

    pool = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPoolNd):
    """The largest element under a sliding window: (N, C, D, H, W) gives (N, C, *output)."""

    pool = staticmethod(F.max_pool3d)


class _AdaptiveMaxPoolNd(_Pool):
    told = ("output_size",)
    pool: Any

    def __init__(self, output_size, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor):
        return type(self).pool(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The largest element of each of `output_size` even parts: (N, C, L) gives (N, C, output_size)."""

    pool = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The largest element of each of even parts: (N, C, H, W) gives (N, C, *output_size)."""

    pool = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The largest element of each of even parts: (N, C, D, H, W) gives (N, C, *output_size)."""

    pool = staticmethod(F.adaptive_max_pool3d)


class _MaxUnpoolNd(_Pool):
    ndim: int
    pool: Any

    def __init__(self, kernel_size, stride=None, padding=0) -> None:
        super().__init__()
        self.kernel_size = _per_dimension(kernel_size, self.ndim)
        self.stride = _per_dimension(kernel_size if stride is None else stride, self.ndim)
        self.padding = _per_dimension(padding, self.ndim)

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return type(self).pool(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpoolNd):
    """Zeros with the input put where `MaxPool1d` with `return_indices` found it."""

    ndim, pool = 1, staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpoolNd):
    """Zeros with the input put where `MaxPool2d` with `return_indices` found it."""

    ndim, pool = 2, staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpoolNd):
    """Zeros with the input put where `MaxPool3d` with `return_indices` found it."""

    ndim, pool = 3, staticmethod(F.max_unpool3d)


class _FractionalMaxPool(Module):
    ndim: int
    pool: Any

    def __init__(
        self,
        kernel_size,
        output_size=None,
        output_ratio=None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        self.kernel_size = _per_dimension(kernel_size, self.ndim)
        if min(self.kernel_size) <= 0:
            raise ValueError(f"kernel_size must be greater than 0, but got {kernel_size}")
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else _per_dimension(output_size, self.ndim)
        self.output_ratio = None if output_ratio is None else _per_dimension(output_ratio, self.ndim)
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor):
        return type(self).pool(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest under windows whose places are drawn at random (Graham, 2014): (N, C, H, W)."""

    ndim, pool = 2, staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPool):
    """The largest under windows whose places are drawn at random (Graham, 2014): (N, C, D, H, W)."""

    ndim, pool = 3, staticmethod(F.fractional_max_pool3d)


# ---- means and p-norms -------------------------------------------------------------------------------------
class AvgPool1d(_Pool):
    """The mean under a sliding window: (N, C, L) gives (N, C, output)."""

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode: bool = False, count_include_pad: bool = True
    ) -> None:
        super().__init__()
        self.kernel_size = _per_dimension(kernel_size, 1)
        self.stride = _per_dimension(kernel_size if stride is None else stride, 1)
        self.padding = _per_dimension(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )


class _AvgPoolNd(_Pool):
    pool: Any

    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return type(self).pool(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool2d(_AvgPoolNd):
    """The mean under a sliding window: (N, C, H, W) gives (N, C, *output)."""

    pool = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPoolNd):
    """The mean under a sliding window: (N, C, D, H, W) gives (N, C, *output)."""

    pool = staticmethod(F.avg_pool3d)


class _AdaptiveAvgPoolNd(_Pool):
    told = ("output_size",)
    pool: Any

    def __init__(self, output_size) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return type(self).pool(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """The mean of each of `output_size` even parts: (N, C, L) gives (N, C, output_size)."""

    pool = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """The mean of each of even parts: (N, C, H, W) gives (N, C, *output_size)."""

    pool = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """The mean of each of even parts: (N, C, D, H, W) gives (N, C, *output_size)."""

    pool = staticmethod(F.adaptive_avg_pool3d)


class _LPPoolNd(_Pool):
    told = ("norm_type", "kernel_size", "stride", "ceil_mode")
    pool: Any

    def __init__(self, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return type(self).pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPoolNd):
    """(sum of x^p)^(1 / p) under a sliding window: (N, C, L) gives (N, C, output)."""

    pool = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPoolNd):
    """(sum of x^p)^(1 / p) under a sliding window: (N, C, H, W) gives (N, C, *output)."""

    pool = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPoolNd):
    """(sum of x^p)^(1 / p) under a sliding window: (N, C, D, H, W) gives (N, C, *output)."""

    pool = staticmethod(F.lp_pool3d)

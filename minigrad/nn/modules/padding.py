"""Borders as layers: constant, mirrored, repeated, wrapped around; for one to three dimensions.

`padding` is one number for all sides, or (before, after) for the last dimension, the one before it, and so
on.
"""

from __future__ import annotations

from ...tensor import Tensor
from .. import functional as F
from .module import Module


class _Pad(Module):
    """A border in the last `ndim` dimensions."""

    ndim: int
    mode: str

    def __init__(self, padding) -> None:
        super().__init__()
        self.padding = (padding,) * (2 * self.ndim) if isinstance(padding, int) else tuple(padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return str(self.padding)


# ---- constant ------------------------------------------------------------------------------------
class _ConstantPadNd(_Pad):
    mode = "constant"

    def __init__(self, padding, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """A border of a value around the last dimension."""

    ndim = 1


class ConstantPad2d(_ConstantPadNd):
    """A border of a value around the last two dimensions."""

    ndim = 2


class ConstantPad3d(_ConstantPadNd):
    """A border of a value around the last three dimensions."""

    ndim = 3


class ZeroPad1d(ConstantPad1d):
    """A border of zeros around the last dimension."""

    def __init__(self, padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return str(self.padding)


class ZeroPad2d(ConstantPad2d):
    """A border of zeros around the last two dimensions."""

    def __init__(self, padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return str(self.padding)


class ZeroPad3d(ConstantPad3d):
    """A border of zeros around the last three dimensions."""

    def __init__(self, padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return str(self.padding)


# ---- of the input's own elements -----------------------------------------------------------------
class ReflectionPad1d(_Pad):
    """(N, C, L) or (C, L) with a border as seen in a mirror."""

    ndim, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """(N, C, H, W) or (C, H, W) with a border as seen in a mirror."""

    ndim, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """(N, C, D, H, W) or (C, D, H, W) with a border as seen in a mirror."""

    ndim, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """(N, C, L) or (C, L) with a border of the nearest elements."""

    ndim, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """(N, C, H, W) or (C, H, W) with a border of the nearest elements."""

    ndim, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """(N, C, D, H, W) or (C, D, H, W) with a border of the nearest elements."""

    ndim, mode = 3, "replicate"


class _CircularPadNd(_Pad):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (self.ndim + 1, self.ndim + 2):
            raise ValueError(
                f"expected {self.ndim + 1}D or {self.ndim + 2}D input (got {input.dim()}D input)"
            )
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    """(N, C, L) or (C, L) with a border of the elements at the other end."""

    ndim = 1


class CircularPad2d(_CircularPadNd):
    """(N, C, H, W) or (C, H, W) with a border of the elements at the other end."""

    ndim = 2


class CircularPad3d(_CircularPadNd):
    """(N, C, D, H, W) or (C, D, H, W) with a border of the elements at the other end."""

    ndim = 3

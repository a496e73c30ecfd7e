"""What converts a module: to another dtype, onto another device."""

from __future__ import annotations

from typing import Any

from ... import dtypes
from ...backend import device as device_class
from ...tensor import Tensor
from .registry import typename


class Convertible:
    """What makes a class's instances convert their parameters and buffers; `Module` is one."""

    _apply: Any  # (function) puts function(tensor) in the place of every parameter and buffer

    def to(self, *args, **kwargs):
        """Move to a device, convert floating parameters and buffers to a dtype, or both; returns self.

        to(device), to(dtype), to(device, dtype), to(tensor); `non_blocking` and
        `memory_format` change nothing here.
        """
        device, dtype = _parse_to(*args, **kwargs)
        if dtype is not None and dtype.category < dtypes.FLOAT:
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )
        return self._apply(lambda t: t.to(device, dtype if t.array.dtype.kind in "fc" else None))

    def type(self, dst_type):
        """Convert all parameters and buffers to a dtype; returns self."""
        return self._apply(lambda t: t.type(dst_type))

    def _to_float(self, dtype):
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self):
        """Convert floating parameters and buffers to float32; returns self."""
        return self._to_float(dtypes.float32)

    def double(self):
        """Convert floating parameters and buffers to float64; returns self."""
        return self._to_float(dtypes.float64)

    def half(self):
        """Convert floating parameters and buffers to float16; returns self."""
        return self._to_float(dtypes.float16)

    def bfloat16(self):
        """Refused: NumPy has no bfloat16."""
        raise NotImplementedError(
            f"{type(self).__name__}.bfloat16(): NumPy has no bfloat16; use half() or float()"
        )

    def cpu(self):
        """Move to the CPU; returns self."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device=None):
        """Move to the GPU; returns self."""
        where = device_class("cuda" if device is None else device)
        return self._apply(lambda t: t.to(where))

    def to_empty(self, *, device, recurse: bool = True):
        """Move to a device, where the values are to be written anew (here they are kept); returns self."""
        return self._apply(lambda t: t.to(device), recurse=recurse)

    def share_memory(self):
        """Nothing to do: arrays are shared between threads as they are; returns self."""
        return self

    def _refuse(self, device: str):
        raise NotImplementedError(
            f"{type(self).__name__}.{device}(): the devices here are cpu() and cuda(); use one of them"
        )

    def ipu(self, device=None):
        """Refused: there is no such device here."""
        self._refuse("ipu")

    def xpu(self, device=None):
        """Refused: there is no such device here."""
        self._refuse("xpu")

    def mtia(self, device=None):
        """Refused: there is no such device here."""
        self._refuse("mtia")


def _parse_to(*args, **kwargs) -> tuple[device_class | None, dtypes.dtype | None]:
    """The device and dtype among the arguments of `to`."""
    unknown = set(kwargs) - {"device", "dtype", "tensor", "non_blocking", "copy", "memory_format"}
    if unknown:
        raise TypeError(
            f"to() received an invalid keyword argument {min(unknown)!r}; it takes device, dtype, tensor"
        )
    given = [*args, *(v for k, v in kwargs.items() if k in ("device", "dtype", "tensor") and v is not None)]
    device = dtype = None
    for value in given:
        if isinstance(value, Tensor):
            device, dtype = value.device, value.dtype
        elif isinstance(value, dtypes.dtype):
            dtype = value
        elif isinstance(value, (str, int, device_class)) and not isinstance(value, bool):
            device = device_class(value)
        elif value is not None and not isinstance(value, bool):
            raise TypeError(
                f"to() received an invalid argument of type {typename(value)}; it takes a device or dtype"
            )
    return device, dtype

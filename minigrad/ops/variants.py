"""PyTorch's spellings of the elementwise ops that take more than the mathematics needs: alpha, rounding
modes, bounds, numbers as exponents; and conversions between dtypes and devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..backend import as_device, beside, device, device_of, to_device
from ..engine import Value, fresh_history, is_recording, primitive, refresh, stored, untracked
from ..inplace import check_writable, take_over
from .elementwise import (
    add,
    clamp_between,
    div,
    floor_divide,
    mul,
    power,
    power_of,
    round_to,
    select,
    sub,
    trunc,
)
from .promotion import to_dtype
from .shaping import common_shape, expand_to

if TYPE_CHECKING:
    from ..tensor import Tensor


def scaled_add(input, other, *, alpha=1, out=None) -> Tensor:
    """input + alpha * other."""
    return add(input, other if alpha == 1 else _times(alpha, other, input), out=out)


def _times(alpha, other, input):
    """alpha times the other of two, a tensor or a number."""
    if isinstance(alpha, float) and dtypes.result_type(input, other).category < dtypes.FLOAT:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    return mul(other, alpha) if isinstance(other, Value) else other * alpha


def scaled_sub(input, other, *, alpha=1, out=None) -> Tensor:
    """input - alpha * other."""
    if _is_boolean(input) and _is_boolean(other):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported; use ^ or logical_xor()"
        )
    return sub(input, other if alpha == 1 else _times(alpha, other, input), out=out)


def _is_boolean(x) -> bool:
    return isinstance(x, Value) and x.array.dtype.kind == "b"


def divide(input, other, *, rounding_mode: str | None = None, out=None) -> Tensor:
    """input / other, rounded down ('floor') or towards zero ('trunc') where a mode is given."""
    if rounding_mode is None:
        return div(input, other, out=out)
    if rounding_mode == "floor":
        return floor_divide(input, other, out=out)
    if rounding_mode != "trunc":
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    quotient = trunc(div(input, other))
    return stored(to_dtype(quotient, dtypes.result_type(input, other)), out)


def pow(input, exponent, *, out=None) -> Tensor:
    """input to the power of exponent; either may be a number."""
    if isinstance(input, Value) and isinstance(exponent, (int, float)) and not isinstance(exponent, bool):
        kind = input.array.dtype.kind
        if kind == "f" or (kind in "iu" and isinstance(exponent, int)):
            if exponent < 0 and kind in "iu":
                raise RuntimeError("Integers to negative integer powers are not allowed; use .float() first")
            return power_of(input, exponent, out=out)
    return power(input, exponent, out=out)


def clamp(input, min=None, max=None, *, out=None) -> Tensor:
    """The input limited to [min, max]; bounds are numbers or tensors, and either may be None."""
    if min is None and max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Value) or isinstance(max, Value):
        common_shape("clamp", *[t.array.shape for t in (input, min, max) if isinstance(t, Value)])
        limited = input if min is None else _no_further(input, min, lambda x, bound: x < bound)
        limited = limited if max is None else _no_further(limited, max, lambda x, bound: x > bound)
        return stored(limited, out)
    target = dtypes.result_type(input, *[b for b in (min, max) if b is not None])
    return clamp_between(to_dtype(input, target), min, max, out=out)


def _no_further(input, bound, beyond) -> Tensor:
    """The input, and the bound where the input is beyond it or the bound is nan; the gradient passes at the
    bound.
    """
    bound = (
        bound
        if isinstance(bound, Value)
        else untracked(beside(input.array, bound, dtypes.result_type(input, bound).numpy))
    )
    return select(beyond(input, bound) | (bound != bound), bound, input)


def round(input, *, decimals: int = 0, out=None) -> Tensor:
    """Rounded to a number of decimals, halves to even."""
    return round_to(input, decimals, out=out)


# ---- dtype and device ----------------------------------------------------------------------------
@primitive(x=lambda g, where, source: transfer_to(g, source, where))
def transfer_to(x, where, source):
    """x on device `where`; its gradient goes back to `source`."""
    return to_device(x, where)


def transfer(t: Tensor, where: device) -> Tensor:
    """The tensor on another device."""
    return transfer_to(t, where, device_of(t.array))


def parse_to(*args, dtype=None, device=None, non_blocking=False, copy=False, memory_format=None, other=None):
    """What `.to` was asked for, in any of its three spellings: (dtype or None, device or None, copy)."""
    rest = list(args)
    if rest and isinstance(rest[0], Value):
        other = rest.pop(0)
    elif rest and not _is_dtype(rest[0]):
        device = rest.pop(0)
        if rest and (rest[0] is None or _is_dtype(rest[0])):
            dtype = rest.pop(0)
    elif rest:
        dtype = rest.pop(0)
    if other is not None:
        dtype, device = other.dtype, other.device
    if len(rest) > 1:
        copy = rest[1]
    return (
        None if dtype is None else dtypes.as_dtype(dtype),
        None if device is None else as_device(device),
        copy,
    )


def _is_dtype(value) -> bool:
    return isinstance(value, (dtypes.dtype, type, np.dtype))


def copy_into(target: Tensor, source, non_blocking: bool = False) -> Tensor:
    """Write a number or tensor into a tensor,
    converted to its dtype and device and broadcast to its shape.
    """
    if not isinstance(source, Value):
        source = untracked(beside(target.array, np.asarray(source).astype(target.array.dtype)))
    source = to_dtype(source.to(target.device), target.dtype)
    if source.array.shape != target.array.shape:
        source = expand_to(source, target.array.shape)
    return overwrite(target, source)


def overwrite(target: Tensor, source: Tensor) -> Tensor:
    """The target with the source's values and history."""
    check_writable(target)
    if target.base is not None:
        refresh(target)
    if is_recording() and source.tracked:
        source = fresh_history(source)
    take_over(target, source, "copy_")
    return target


def legacy_tensor(*args, dtype: dtypes.dtype | None = None) -> Tensor:
    """PyTorch's old constructor: sizes give an unset tensor, data a copy,
    in the given or the default dtype.
    """
    target = (dtype or dtypes.get_default_dtype()).numpy
    if len(args) == 1 and isinstance(args[0], Value):
        return untracked(args[0].array.astype(target))
    if len(args) == 1 and not isinstance(args[0], int):
        data = args[0]
        if isinstance(data, tuple) and type(data).__name__ == "Size":
            return untracked(np.zeros(data, target))
        if isinstance(data, (list, tuple)):
            data = [v.array if isinstance(v, Value) else v for v in data]
        return untracked(np.array(data).astype(target))
    return untracked(np.zeros([int(n) for n in args], target))

"""PyTorch's functions that are a line of other ops: addcmul, lerp, isclose, nan_to_num and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..backend import as_array, beside
from ..engine import Value, primitive, stored, untracked
from .elementwise import add, conj, div, eq, mul, power, select, sub
from .promotion import to_dtype
from .shaping import common_shape
from .variants import clamp, scaled_sub

if TYPE_CHECKING:
    from ..tensor import Tensor


def rsub(input, other, *, alpha=1) -> Tensor:
    """other - alpha * input."""
    _must_be_tensor("rsub", input)
    return scaled_sub(other if isinstance(other, Value) else as_other(input, other), input, alpha=alpha)


def _must_be_tensor(name: str, value) -> None:
    if not isinstance(value, Value):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(value).__name__}")


def as_other(input, number) -> Tensor:
    """A number as a 0-d tensor beside the input."""
    return untracked(beside(input.array, number, dtypes.result_type(input, number).numpy))


def addcmul(input, tensor1, tensor2, *, value=1, out=None) -> Tensor:
    """input + value * tensor1 * tensor2."""
    product = mul(tensor1, tensor2)
    return add(input, product if value == 1 else mul(product, value), out=out)


def addcdiv(input, tensor1, tensor2, *, value=1, out=None) -> Tensor:
    """input + value * tensor1 / tensor2."""
    if all(isinstance(t, Value) and t.array.dtype.kind in "biu" for t in (tensor1, tensor2)):
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported; convert with .float() first"
        )
    quotient = div(tensor1, tensor2)
    return add(input, quotient if value == 1 else mul(quotient, value), out=out)


def lerp(input, end, weight, *, out=None) -> Tensor:
    """input + weight * (end - input), from the input at weight 0 to the end at weight 1."""
    for name, other in (("end", end), ("weight", weight)):
        if isinstance(other, Value) and other.array.dtype != input.array.dtype:
            raise RuntimeError(f"lerp: expected dtype {input.dtype} for `{name}` but got dtype {other.dtype}")
    if input.array.dtype.kind not in "fc":
        raise RuntimeError(
            f"lerp: only floating point tensors can be interpolated, got {input.dtype}; use .float()"
        )
    return add(input, mul(sub(end, input), weight), out=out)


def float_power(input, exponent, *, out=None) -> Tensor:
    """input to the power of exponent, computed in float64 (complex128)."""
    if not isinstance(exponent, Value):
        _must_be_tensor("float_power", input)
    wide = (
        dtypes.complex128
        if dtypes.result_type(input, exponent).category == dtypes.COMPLEX
        else dtypes.float64
    )
    like = input if isinstance(input, Value) else exponent
    base, exponent = (
        to_dtype(v, wide) if isinstance(v, Value) else untracked(beside(like.array, v, wide.numpy))
        for v in (input, exponent)
    )
    return power(base, exponent, out=out)


def clamp_min(input, min, *, out=None) -> Tensor:
    """The input, or `min` where that is larger."""
    _must_be_tensor("clamp_min", input)
    return clamp(input, min, None, out=out)


def clamp_max(input, max, *, out=None) -> Tensor:
    """The input, or `max` where that is smaller."""
    _must_be_tensor("clamp_max", input)
    return clamp(input, None, max, out=out)


@primitive(x=lambda g, x: select(abs(x) < np.inf, g, 0))
def finite_numbers(x, nan, posinf, neginf):
    return np.nan_to_num(x, copy=True, nan=nan, posinf=posinf, neginf=neginf)


def nan_to_num(
    input, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None, *, out=None
) -> Tensor:
    """The input with nan replaced, and infinities by the dtype's largest and smallest numbers or by those
    given.
    """
    return finite_numbers(input, 0.0 if nan is None else nan, posinf, neginf, out=out)


def isclose(input, other, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Where |input - other| <= atol + rtol * |other|."""
    if input.array.dtype != other.array.dtype:
        raise RuntimeError(f"isclose: {input.dtype} did not match {other.dtype}; convert one with .to(dtype)")
    if rtol < 0 or atol < 0:
        raise RuntimeError(
            f"isclose: rtol and atol must be greater than or equal to zero, but got {rtol} and {atol}"
        )
    common_shape("isclose", input.array.shape, other.array.shape)
    x, y = input.array, other.array
    if x.dtype.kind == "b":
        return eq(input, other)
    if x.dtype.kind not in "fc":
        x, y = x.astype(np.float64), y.astype(np.float64)
    close = (x == y) | (np.isfinite(y) & (np.abs(x - y) <= atol + np.abs(rtol * y)))
    return untracked(as_array(close | (np.isnan(x) & np.isnan(y)) if equal_nan else close, input.array))


def allclose(input, other, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether |input - other| <= atol + rtol * |other| everywhere."""
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all())


def equal(input, other) -> bool:
    """Whether two tensors have the same shape and the same elements."""
    return input.array.shape == other.array.shape and bool((input.array == other.array).all())


def vdot(input, other, *, out=None) -> Tensor:
    """The inner product of two vectors, the first conjugated."""
    return stored(conj(input).dot(other), out)

"""Rarer elementwise functions, mostly of two tensors."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes, return_types
from ..engine import primitive, stored, untracked
from .elementwise import is_complex_number, mul, select, sigmoid, sign
from .promotion import arithmetic, floating, to_dtype
from .variants import pow

if TYPE_CHECKING:
    from ..tensor import Tensor

_two = partial(primitive, promote=arithmetic, numbers="neither")


# ---- of two ----------------------------------------------------------------------------------------------


@_two(
    x=lambda g, x, y: select((x >= y) | (y != y), g, 0), y=lambda g, x, y: select((x >= y) | (y != y), 0, g)
)
def fmax(x, y):
    """The larger, or the one that is not nan."""
    return np.fmax(x, y)


@_two(
    x=lambda g, x, y: select((x <= y) | (y != y), g, 0), y=lambda g, x, y: select((x <= y) | (y != y), 0, g)
)
def fmin(x, y):
    """The smaller, or the one that is not nan."""
    return np.fmin(x, y)


@_two(x=lambda g, x, out: g * (x / out), y=lambda g, y, out: g * (y / out))
def hypot(x, y):
    """sqrt(x^2 + y^2), without overflow on the way."""
    return np.hypot(x, y)


@_two(x=lambda g, x, y: g * sigmoid(x - y), y=lambda g, x, y: g * sigmoid(y - x))
def logaddexp(x, y):
    """log(exp(x) + exp(y)), without overflow on the way."""
    return np.logaddexp(x, y)


@_two(
    x=lambda g, x, y: g * sigmoid((x - y) * math.log(2)),
    y=lambda g, x, y: g * sigmoid((y - x) * math.log(2)),
)
def logaddexp2(x, y):
    """log2(2^x + 2^y), without overflow on the way."""
    return np.logaddexp2(x, y)


@primitive(
    promote=floating,
    x=lambda g, x, out: g * sign(x) * sign(out),
    y=lambda g: g * 0,
)
def copysign(x, y):
    """|x| with the sign of y."""
    return np.copysign(x, y)


@_two(arity=2)
def heaviside(x, y):
    """0 below zero, 1 above, y at zero."""
    return np.heaviside(x, y).astype(x.dtype, copy=False)


@_two(x=lambda g, x, y: select(x == y, 0, g), y=lambda g: g * 0)
def nextafter(x, y):
    """The next number the dtype has from x towards y."""
    if x.dtype.kind != "f":
        raise TypeError(f"it is of floating-point numbers, not of {x.dtype}")
    return np.nextafter(x, y)


@_two(arity=2)
def gcd(x, y):
    """The greatest common divisor."""
    return np.gcd(x, y)


@_two(arity=2)
def lcm(x, y):
    """The least common multiple."""
    return np.abs(np.lcm(x, y))


def ldexp(input, other, *, out=None) -> Tensor:
    """input * 2^other."""
    kind = dtypes.get_default_dtype() if other.array.dtype.kind in "biu" else other.dtype
    return mul(input, pow(2.0, to_dtype(other, kind)), out=out)


def frexp(input, *, out=None) -> return_types.frexp:
    """(mantissa, exponent) with input = mantissa * 2^exponent and the mantissa from 0.5 to 1."""
    if input.array.dtype.kind != "f":
        raise RuntimeError(f"torch.frexp() only supports floating-point dtypes, got {input.dtype}")
    _, exponent = np.frexp(input.array)
    scale = untracked(np.asarray(np.exp2(-exponent.astype(input.array.dtype)), input.array.dtype))
    return stored(return_types.frexp(mul(input, scale), untracked(np.asarray(exponent, np.int32))), out)


# ---- of one ----------------------------------------------------------------------------------------------
@primitive(promote=floating, x=lambda g: g * (math.pi / 180))
def deg2rad(x):
    """Degrees as radians."""
    return x * x.dtype.type(math.pi / 180)


@primitive(promote=floating, x=lambda g: g * (180 / math.pi))
def rad2deg(x):
    """Radians as degrees."""
    return x * x.dtype.type(180 / math.pi)


def positive(input) -> Tensor:
    """The tensor itself."""
    if input.array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@primitive(promote=floating, holomorphic=False, x=lambda g, x: _angle_gradient(g, x))
def angle(x):
    """The angle of complex numbers, in radians; of real ones 0 or pi."""
    return np.where(np.isnan(x), x, np.angle(x)).astype(x.dtype) if x.dtype.kind == "f" else np.angle(x)


def _angle_gradient(g, x):
    if not is_complex_number(x):
        return g * 0
    size = select(x == 0, 1, x.real * x.real + x.imag * x.imag)
    return g * 1j * x / size


@primitive(arity=1)
def signbit(x):
    """Where the sign is negative, also of -0."""
    return np.signbit(x) if x.dtype.kind == "f" else x < 0


@primitive(arity=1)
def isposinf(x):
    """Where it is +inf."""
    return x == np.inf


@primitive(arity=1)
def isneginf(x):
    """Where it is -inf."""
    return x == -np.inf


@primitive(arity=1)
def isreal(x):
    """Where the imaginary part is 0."""
    return np.isreal(x)

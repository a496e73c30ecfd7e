"""Activation functions: each is its NumPy function and, above it, its gradient formula.

The common ones (sigmoid, tanh, relu, leaky_relu, elu, softplus, logsigmoid) are in `elementwise.py`, softmax
in `softmax.py`. Formulas are written with the operations users call, so they run on arrays and on Tensors.
"""

from __future__ import annotations

import math

import numpy as np

from ..engine import primitive
from ..fused import Fused
from .elementwise import abs, choose, clamp_between, erf, exp, mul, select, sigmoid, softplus, tanh
from .error_function import in_parts
from .promotion import floating

_SQRT_HALF, _NORMAL = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)
_SQRT_TWO_OVER_PI = math.sqrt(2 / math.pi)


# ---- slopes that have most of their work in common with the values -------------------------------
def _with_slope(name: str, fill, twin) -> Fused:
    """An op of an array by `fill(x, out, slope)` for a part of it; slope is None where no gradient is wanted.

    Slopes are kept, at once, as most of their work is the values' too.
    """

    def forward(wanted, x):
        single = x.astype(np.float32) if x.dtype == np.float16 else x
        found = in_parts(fill, single, 1 + wanted[0])
        values, *slopes = [a.astype(x.dtype, copy=False) for a in found]
        return values, slopes

    def backward(slopes, g, wanted, last):
        (slope,) = slopes
        return (np.multiply(g, slope, out=slope if last else None),)

    forward.__name__ = name
    return Fused(forward, backward, twin)


def _fill_gelu(x, out, slope=None) -> None:
    out[...] = erf(x * _SQRT_HALF)
    out += 1
    out *= 0.5
    if slope is not None:  # Phi(x) + x phi(x), with phi the normal density
        np.multiply(x, x, out=slope)
        slope *= -0.5
        np.exp(slope, out=slope)
        slope *= _NORMAL
        slope *= x
        slope += out
    out *= x


def _fill_silu(x, out, slope=None) -> None:
    half = x * 0.5
    np.tanh(half, out=out)
    if slope is not None:  # (1 + t + x (1 - t^2) / 2) / 2, with t = tanh(x / 2)
        np.multiply(out, out, out=slope)
        np.subtract(1, slope, out=slope)
        slope *= half
        slope += out
        slope += 1
        slope *= 0.5
    out *= half
    out += half


_gelu = _with_slope("gelu", _fill_gelu, lambda x: x * (erf(x * _SQRT_HALF) * 0.5 + 0.5))
_silu = _with_slope("silu", _fill_silu, lambda x: x * sigmoid(x))


def gelu(x):
    """x Phi(x), with Phi the normal distribution function (Hendrycks and Gimpel, 2016)."""
    return _gelu(*floating(x))


def silu(x):
    """x sigmoid(x), also called swish."""
    return _silu(*floating(x))


# ---- smooth --------------------------------------------------------------------------------------
@primitive(promote=floating, x=lambda g, x: g * _gelu_tanh_slope(x))
def gelu_tanh(x):
    """gelu with Phi approximated by a tanh."""
    return 0.5 * x * (1 + np.tanh(_SQRT_TWO_OVER_PI * (x + 0.044715 * (x * x * x))))


def _gelu_tanh_slope(x):
    t = tanh(_SQRT_TWO_OVER_PI * (x + 0.044715 * (x * x * x)))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * (_SQRT_TWO_OVER_PI * (1 + (3 * 0.044715) * (x * x)))


@primitive(promote=floating, x=lambda g, x: g * _mish_slope(x, tanh(softplus(x, 1, 20))))
def mish(x):
    """x tanh(softplus(x)) (Misra, 2019)."""
    return x * np.tanh(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def _mish_slope(x, t):
    return t + x * (1 - t * t) * sigmoid(x)


@primitive(promote=floating, x=lambda g, x: g / ((1 + abs(x)) * (1 + abs(x))))
def softsign(x):
    """x / (1 + |x|)."""
    return x / (1 + np.abs(x))


@primitive(promote=floating, x=lambda g, x: g * tanh(x) * tanh(x))
def tanhshrink(x):
    """x - tanh(x)."""
    return x - np.tanh(x)


@primitive(promote=floating, x=lambda g, x, alpha: g * exp(clamp_between(x, None, 0) / alpha))
def celu(x, alpha):
    """x where x > 0, alpha (exp(x / alpha) - 1) elsewhere."""
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)


# ---- piecewise linear ----------------------------------------------------------------------------
@primitive(x=lambda g, x, low, high: select((x > low) & (x < high), g, 0))
def hardtanh(x, low, high):
    """x limited to [low, high]; other than clamp's the gradient does not pass at the bounds."""
    return np.clip(x, low, high).astype(x.dtype, copy=False)


@primitive(promote=floating, x=lambda g, x: select((x > -3) & (x < 3), g * (1 / 6), 0))
def hardsigmoid(x):
    """x / 6 + 1/2, limited to [0, 1]."""
    return np.clip(x + 3, 0, 6) / 6


@primitive(promote=floating, x=lambda g, x: select(x <= -3, 0, select(x < 3, g * (x / 3 + 0.5), g)))
def hardswish(x):
    """x hardsigmoid(x)."""
    return x * np.clip(x + 3, 0, 6) / 6


@primitive(x=lambda g, out: select(out == 0, 0, g))
def hardshrink(x, bound):
    """x outside [-bound, bound], 0 inside."""
    return choose(np.abs(x) > bound, x, 0)


@primitive(x=lambda g, x, bound: select(abs(x) <= bound, 0, g))
def softshrink(x, bound):
    """x moved towards 0 by `bound`, and 0 where it would pass it."""
    return x - np.clip(x, -bound, bound)


@primitive(x=lambda g, x, threshold: select(x > threshold, g, 0))
def threshold(x, threshold, value):
    """x where it is above the threshold, `value` elsewhere."""
    return choose(x > threshold, x, np.full_like(x, value) if value else 0)


@primitive(
    x=lambda g, x, slope: select(x > 0, g, mul(g, slope)),
    slope=lambda g, x: select(x > 0, 0, mul(g, x)),
)
def prelu(x, slope):
    """x where x > 0, slope * x elsewhere; the slope broadcasts."""
    return choose(x > 0, x, slope * x)

"""Normalisation over given dimensions: subtract the mean, divide by the standard deviation, scale and shift.

Layer, batch, group and instance norm are this one op over different dimensions; RMS norm is the same without mean.
"""

from __future__ import annotations

import numpy as np

from ..fused import Fused
from .elementwise import add, mul, rsqrt, square, sub
from .reduction import mean_over


def moments(x, axes: tuple[int, ...]) -> tuple:
    """Mean and biased variance of x over the axes, which stay as size 1."""
    mean = x.mean(axes, keepdims=True)
    deviation = x - mean
    return mean, np.square(deviation, out=deviation).mean(axes, keepdims=True)


def _normalization(wanted, x, weight, bias, mean, rstd, axes, eps):
    scaled = x - mean
    scaled *= rstd
    out = scaled.copy() if weight is None else scaled * weight
    if bias is not None:
        out += bias
    return out, (scaled, weight, rstd, axes)


def _backward(saved, g, wanted, last):
    """dx = rstd (d - mean(d) - y mean(d y)) with y the normalised x and d its gradient g * weight."""
    y, weight, rstd, axes = saved
    d_weight = g * y if wanted[1] else None
    if not wanted[0]:
        return None, d_weight, g
    d = g.copy() if weight is None else g * weight
    along = (d * y).mean(axes, keepdims=True)
    d -= d.mean(axes, keepdims=True)
    d -= y * along
    d *= rstd
    return d, d_weight, g


def _composed(x, weight, bias, mean, rstd, axes, eps):
    """The same in the operations users call; mean and rstd are found anew, as functions of x."""
    centred = sub(x, mean_over(x, axes, True))
    out = mul(centred, rsqrt(add(mean_over(square(centred), axes, True), eps)))
    out = out if weight is None else mul(out, weight)
    return out if bias is None else add(out, bias)


def _what_does_not_fit(x, weight, bias, *settings) -> str:
    shapes = ", ".join(f"{n} {a.shape}" for n, a in (("weight", weight), ("bias", bias)) if a is not None)
    return f"input {x.shape} does not fit {shapes}"


normalize_over = Fused(_normalization, _backward, _composed, _what_does_not_fit)


def normalize(x, weight, bias, axes: tuple[int, ...], eps: float):
    """(x - mean) / sqrt(variance + eps) * weight + bias over the axes; weight and bias broadcast, or are None."""
    mean, variance = moments(x.array, axes)
    return normalize_over(x, weight, bias, mean, 1 / np.sqrt(variance + eps), axes, eps)

"""Normalisation over given dimensions: subtract the mean, divide by the standard deviation, scale and shift.

Layer, batch, group and instance norm are this one op over different dimensions; RMS norm is the same without
mean.
"""

from __future__ import annotations

import math

import numpy as np

from ..fused import Fused
from .elementwise import add, mul, rsqrt, square, sub
from .reduction import mean_over
from .sums import inner_sums, sums


def moments(x, axes: tuple[int, ...]) -> tuple:
    """Mean and biased variance of x over axes (the last ones, perhaps the first), which stay as size 1."""
    count = math.prod([x.shape[a] for a in axes])
    mean = sums(x, axes) / max(count, 1)
    deviation = x - mean
    return mean, inner_sums(deviation, deviation, axes) / max(count, 1)


def _normalization(wanted, x, weight, bias, mean, rstd, axes, eps):
    """x, weight and bias broadcast; mean and rstd are x's own over the axes."""
    y = x - mean
    y *= rstd
    out = y.copy() if weight is None else y * weight
    if bias is not None:
        out += bias
    return out, (y, weight, rstd, axes)


def _backward(saved, g, wanted, last):
    """dx = rstd (d - mean(d) - y mean(d y)), with y the normalised x and d its gradient, g * weight."""
    y, weight, rstd, axes = saved
    d_weight = None if not wanted[1] else _summed_like(weight, g, y)
    d_bias = g if wanted[2] else None
    if not wanted[0]:
        return None, d_weight, d_bias
    count = math.prod([y.shape[a] for a in axes])
    d = g.copy() if weight is None else g * weight
    along, mean = inner_sums(d, y, axes) / count, sums(d, axes) / count
    d -= np.multiply(y, along, out=y if last else None)
    d -= mean
    d *= rstd
    return d, d_weight, d_bias


def _summed_like(weight, g, y):
    """The gradient of weight, whose own dimensions are the last ones or, behind a 1, the second."""
    lead = g.ndim - weight.ndim
    axes = tuple([a for a in range(g.ndim) if a < lead or weight.shape[a - lead] != g.shape[a]])
    trailing = axes == tuple(range(g.ndim - len(axes), g.ndim))
    plain = axes and (axes == (0,) or trailing or (axes[0] == 0 and axes[1:] == tuple(range(2, g.ndim))))
    return inner_sums(g, y, axes).reshape(weight.shape) if plain else g * y


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
    """(x - mean) / sqrt(variance + eps) * weight + bias over axes; weight and bias broadcast, or are None."""
    mean, variance = moments(x.array, axes)
    return normalize_over(x, weight, bias, mean, 1 / np.sqrt(variance + eps), axes, eps)

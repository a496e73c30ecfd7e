"""Gamma, Dirichlet, Poisson and binomial values, drawn by rejection: how many numbers of the stream one
takes is only known when it is accepted, so they are drawn one after the other, as PyTorch draws them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .. import random as streams
from ..backend import beside, to_numpy
from ..engine import Value, primitive
from .implicit import beta_slope, gamma_slope
from .promotion import floating
from .reduction import sum_over

if TYPE_CHECKING:
    from ..tensor import Tensor

THIRD, SQUEEZE = float(np.float32(1 / 3)), float(np.float32(0.0331))  # PyTorch's constants are float32


def _drawn(draw: Callable, generator, dtype, *parameters) -> np.ndarray:
    """draw(*one element of each parameter, uniform, normal) for all elements of parameters of one shape."""
    stream = streams.default_generator if generator is None else generator
    columns = [np.ravel(p).tolist() for p in parameters]
    with stream.singly() as sources:
        values = [draw(*row, *sources) for row in zip(*columns, strict=True)]
    return np.array(values, dtype).reshape(np.shape(parameters[0]))


def _checked(name: str, **parameters: Value) -> None:
    """Refuse what is not floating-point, and what is negative."""
    for which, p in parameters.items():
        if p.array.dtype.kind != "f":
            raise RuntimeError(
                f"{name}: {which} must be a floating-point tensor, but is {p.dtype}; use .float()"
            )
        if (p.array < 0).any():
            raise RuntimeError(f"{name}: {which} must not be negative, but has {float(p.array.min())}")


# ---- gamma -----------------------------------------------------------------------------------------------
def _one_gamma(inverse: float, boosted: bool, d: float, uniform: Callable, normal: Callable) -> float:
    """A value for the shape alpha >= 1 that is d + 1/3, by Marsaglia and Tsang, "A simple method for
    generating gamma variables" (2000); for a shape below 1, the value of alpha + 1 times u**(1 /
    alpha).
    """
    if math.isinf(inverse):
        return 0.0
    scale = (1 - uniform()) ** inverse if boosted else 1.0
    c = 1 / math.sqrt(9 * d)
    while True:
        x = normal()
        y = 1 + c * x
        if y <= 0:
            continue
        v, u, square = y * y * y, 1 - uniform(), x * x
        if u < 1 - SQUEEZE * square * square or math.log(u) < square / 2 + d * (1 - v + math.log(v)):
            return scale * d * v


def _gammas(alpha: np.ndarray, generator, dtype) -> np.ndarray:
    boosted = alpha < 1
    inverse = (1 / alpha).astype(alpha.dtype)
    d = np.where(boosted, alpha + 1, alpha) - alpha.dtype.type(THIRD)
    return _drawn(_one_gamma, generator, dtype, inverse, boosted, d).clip(np.finfo(dtype).tiny)


@primitive(promote=floating, alpha=lambda g, alpha, out: g * gamma_slope(out, alpha))
def _standard_gamma_of(alpha, generator):
    return beside(alpha, _gammas(to_numpy(alpha), generator, alpha.dtype))


def standard_gamma(alpha: Tensor, generator=None) -> Tensor:
    """Values from the gamma distributions of shapes alpha and rate 1; the gradient is exact, where
    PyTorch's is an approximation good to about 1e-3.
    """
    _checked("_standard_gamma", alpha=alpha)
    return _standard_gamma_of(alpha, generator)


# ---- Dirichlet -------------------------------------------------------------------------------------------
def _moved_within_simplex(g, alpha, out):
    """Gradient through implicit reparameterisation: x_i moves with alpha_i as its own marginal, which is
    a beta distribution, does; the others keep their proportions.
    """
    slope = beta_slope(out, alpha, sum_over(alpha, (-1,), True) - alpha)
    return slope / (1 - out) * (g - sum_over(out * g, (-1,), True))


@primitive(promote=floating, alpha=_moved_within_simplex)
def _dirichlet_of(alpha, generator):
    dtype = alpha.dtype
    values = _gammas(to_numpy(alpha).astype(np.float64), generator, np.float64)
    values /= values.sum(-1, keepdims=True)
    below_one = np.nextafter(dtype.type(1), dtype.type(0))
    return beside(alpha, values.astype(dtype).clip(np.finfo(dtype).tiny, below_one))


def sample_dirichlet(alpha: Tensor, generator=None) -> Tensor:
    """Points (..., K) on the simplex from the Dirichlet distributions with concentrations alpha (..., K)."""
    _checked("_sample_dirichlet", concentration=alpha)
    return _dirichlet_of(alpha, generator)


# ---- Poisson ---------------------------------------------------------------------------------------------
def _one_poisson(rate: float, uniform: Callable, normal: Callable) -> float:
    if rate >= 10:
        return _by_poisson_box(rate, uniform)
    least, product, count = math.exp(-rate), 1.0, -1
    while rate > 0 and product > least:
        product *= uniform()
        count += 1
    return max(count, 0)


def _by_poisson_box(rate: float, uniform: Callable) -> float:
    """Hormann, "The transformed rejection method for generating Poisson random variables" (1993), PTRS."""
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    accept, scale = 0.9277 - 3.6224 / (b - 2), math.log(1.1239 + 1.1328 / (b - 3.4))
    while True:
        u, v = uniform() - 0.5, uniform()
        margin = 0.5 - abs(u)
        k = math.floor((2 * a / margin + b) * u + rate + 0.43) if margin else -1
        if margin >= 0.07 and v <= accept:
            return k
        if k < 0 or (margin < 0.013 and v > margin) or v == 0:
            continue
        if math.log(v) + scale - math.log(a / (margin * margin) + b) <= (
            k * math.log(rate) - rate - math.lgamma(k + 1)
        ):
            return k


@primitive(promote=floating, rate=lambda g: g * 0)
def _poisson_of(rate, generator):
    return beside(rate, _drawn(_one_poisson, generator, rate.dtype, to_numpy(rate)))


def poisson(input: Tensor, generator=None) -> Tensor:
    """Counts from the Poisson distributions with the rates given, in the rates' dtype."""
    _checked("poisson", rate=input)
    return _poisson_of(input, generator)


# ---- binomial --------------------------------------------------------------------------------------------
def _one_binomial(count: float, p: float, uniform: Callable, normal: Callable) -> float:
    if count <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return count
    if p > 0.5:
        return count - _one_binomial(count, 1 - p, uniform, normal)
    return (_by_binomial_box if count * p >= 10 else _by_waiting)(count, p, uniform)


def _by_waiting(count: float, p: float, uniform: Callable) -> float:
    """How many waiting times for a success fit into `count` tries."""
    successes, tries, rate = -1, 0.0, math.log1p(-p)
    while tries <= count:
        u = uniform()
        tries += math.ceil(math.log(u) / rate) if u else math.inf
        successes += 1
    return successes


def _by_binomial_box(n: float, p: float, uniform: Callable) -> float:
    """Hormann, "The generation of binomial random variates" (1993), BTRS; f(k) / f(mode) by lgamma."""
    deviation, odds = math.sqrt(n * p * (1 - p)), p / (1 - p)
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    accept, alpha = 0.92 - 4.2 / b, (2.83 + 5.1 / b) * deviation
    mode = math.floor((n + 1) * p)
    top = math.lgamma(mode + 1) + math.lgamma(n - mode + 1)
    while True:
        u, v = uniform() - 0.5, uniform()
        margin = 0.5 - abs(u)
        k = math.floor((2 * a / margin + b) * u + n * p + 0.5) if margin else -1
        if k < 0 or k > n:
            continue
        if margin >= 0.07 and v <= accept:
            return k
        ratio = top - math.lgamma(k + 1) - math.lgamma(n - k + 1) + (k - mode) * math.log(odds)
        if v == 0 or math.log(v * alpha / (a / (margin * margin) + b)) <= ratio:
            return k


@primitive(promote=floating, numbers="neither", count=lambda g: g * 0, p=lambda g: g * 0)
def _binomial_of(count, p, generator):
    rows = np.broadcast_arrays(to_numpy(count), to_numpy(p))
    return beside(p, _drawn(_one_binomial, generator, p.dtype, *rows))


def binomial(count: Tensor, prob: Tensor, generator=None) -> Tensor:
    """How many of `count` tries succeed, each with probability `prob`, in prob's dtype."""
    _checked("binomial", count=count, prob=prob)
    return _binomial_of(count, prob, generator)

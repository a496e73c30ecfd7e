"""Special functions: those NumPy lacks come from SciPy, which is asked for by name where it is missing.

Their gradients are known in closed form, often in terms of the next function of the same family.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..engine import primitive
from .elementwise import cos, exp, log, log1p, select, sign, sin, special_of
from .promotion import floating
from .variants import clamp

if TYPE_CHECKING:
    from ..tensor import Tensor

_one = partial(primitive, promote=floating)
_two = partial(primitive, promote=floating, numbers="either")
TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


# ---- error functions -----------------------------------------------------------------------------
@_one(x=lambda g, x: g * (-TWO_OVER_ROOT_PI * exp(-x * x)))
def erfc(x):
    """1 - erf(x), exact where erf is close to 1."""
    return special_of("erfc", x)


@_one(x=lambda g, out: g * (exp(out * out) / TWO_OVER_ROOT_PI))
def erfinv(x):
    """The x whose erf is given."""
    return special_of("erfinv", x)


@_one(x=lambda g, x, out: g * (2 * x * out - TWO_OVER_ROOT_PI))
def erfcx(x):
    """exp(x^2) erfc(x)."""
    return special_of("erfcx", x)


@_one(x=lambda g, x: g * (exp(-x * x / 2) / math.sqrt(2 * math.pi)))
def ndtr(x):
    """The area under the normal density left of x."""
    return special_of("ndtr", x)


@_one(x=lambda g, out: g * (exp(out * out / 2) * math.sqrt(2 * math.pi)))
def ndtri(x):
    """The x left of which the area under the normal density is given."""
    return special_of("ndtri", x)


@_one(x=lambda g, x: g * (math.sqrt(2 / math.pi) / erfcx(-x / math.sqrt(2))))
def log_ndtr(x):
    """log(ndtr(x)), exact far to the left."""
    return special_of("log_ndtr", x)


# ---- gamma functions -----------------------------------------------------------------------------
@_one(x=lambda g, x: g * digamma(x))
def lgamma(x):
    """The logarithm of |gamma(x)|."""
    return special_of("gammaln", x)


@_one(x=lambda g, x: g * polygamma_of(x, 1))
def digamma(x):
    """The derivative of lgamma."""
    return np.where(x == 0, np.copysign(np.inf, -x), special_of("psi", x)).astype(x.dtype)


@_one(x=lambda g, x, order: g * polygamma_of(x, order + 1))
def polygamma_of(x, order):
    """The `order`-th derivative of digamma."""
    return special_of("polygamma", x, order, first=True).astype(x.dtype)


def polygamma(n: int, input, *, out=None) -> Tensor:
    """The n-th derivative of digamma."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return digamma(input, out=out) if n == 0 else polygamma_of(input, n, out=out)


def mvlgamma(input, p: int, *, out=None) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p."""
    if p < 1 or (input.array <= (p - 1) / 2).any():
        raise RuntimeError(f"mvlgamma: p must be 1 or more and all elements greater than (p-1)/2, got p={p}")
    total = lgamma(input) + p * (p - 1) / 4 * math.log(math.pi)
    for j in range(1, p):
        total = total + lgamma(input - j / 2)
    return total if out is None else out.copy_(total)


def not_differentiable(name: str, argument: str):
    """What a gradient that is not known says."""
    raise NotImplementedError(f"{name}: the derivative by {argument!r} is not implemented; detach() it")


def _gamma_density(a, x):
    """The derivative of the lower incomplete gamma function by x."""
    return exp((a - 1) * log(x) - x - lgamma(a))


@primitive(
    promote=floating,
    numbers="neither",
    a=lambda g: not_differentiable("igamma", "a"),
    x=lambda g, a, x: g * _gamma_density(a, x),
)
def igamma(a, x):
    """The lower incomplete gamma function of a and x, regularized; differentiable by x."""
    return special_of("gammainc", a, x)


@primitive(
    promote=floating,
    numbers="neither",
    a=lambda g: not_differentiable("igammac", "a"),
    x=lambda g, a, x: -g * _gamma_density(a, x),
)
def igammac(a, x):
    """The upper incomplete gamma function of a and x, regularized; differentiable by x."""
    return special_of("gammaincc", a, x)


@_two(x=lambda g: not_differentiable("zeta", "x"), y=lambda g, x, y: -g * x * zeta(x + 1, y))
def zeta(x, y):
    """The Hurwitz zeta function, differentiable by its second argument."""
    return special_of("zeta", x, y)


# ---- Bessel functions ----------------------------------------------------------------------------
@_one(x=lambda g, x: g * i1(x))
def i0(x):
    """The modified Bessel function of order 0."""
    return special_of("i0", x)


@_one(x=lambda g, x, out: g * (i1e(x) - sign(x) * out))
def i0e(x):
    """exp(-|x|) i0(x)."""
    return special_of("i0e", x)


@_one(x=lambda g, x, out: g * (i0(x) - _over(out, x)))
def i1(x):
    """The modified Bessel function of order 1."""
    return special_of("i1", x)


@_one(x=lambda g, x, out: g * (i0e(x) - out * sign(x) - _over(out, x)))
def i1e(x):
    """exp(-|x|) i1(x)."""
    return special_of("i1e", x)


def _over(out, x):
    """i1(x) / x, which tends to a half."""
    return select(x == 0, 0.5, out / select(x == 0, 1, x))


# ---- made of logarithms and sines ----------------------------------------------------------------
@_one(x=lambda g, x: g * (-log(x) - 1))
def entr(x):
    """-x log(x), and 0 at 0."""
    safe = np.where(x > 0, x, 1)
    return np.where(x > 0, -safe * np.log(safe), np.where(x == 0, 0, np.where(x < 0, -np.inf, x))).astype(
        x.dtype
    )


@_two(
    x=lambda g, x, y: g * log(select((x == 0) & (y <= 0), 1, y)),
    y=lambda g, x, y: g * x / y,
)
def xlogy(x, y):
    """x log(y), and 0 where x is 0."""
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log(np.where(x == 0, 1, y))).astype(
        x.dtype
    ) + np.where(np.isnan(y), y, 0)


@_two(
    x=lambda g, x, y: g * log1p(select((x == 0) & (y <= -1), 0, y)),
    y=lambda g, x, y: g * x / (y + 1),
)
def xlog1py(x, y):
    """x log(1 + y), and 0 where x is 0."""
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log1p(np.where(x == 0, 0, y))).astype(
        x.dtype
    ) + np.where(np.isnan(y), y, 0)


@_one(x=lambda g, x: g / (x * (1 - x)))
def log_odds(x):
    return np.log(x / (1 - x))


def logit(input, eps: float | None = None, *, out=None) -> Tensor:
    """log(x / (1 - x)), of x limited to [eps, 1 - eps] where eps is given."""
    return log_odds(input if eps is None else clamp(input, eps, 1 - eps), out=out)


@_one(x=lambda g, x: g * _sinc_slope(x))
def sinc(x):
    """sin(pi x) / (pi x), and 1 at 0."""
    return np.sinc(x)


def _sinc_slope(x):
    safe = select(x == 0, 1, x)
    angle = safe * math.pi
    return select(x == 0, 0, (angle * cos(angle) - sin(angle)) / (angle * safe))


def multigammaln(input, p: int, *, out=None) -> Tensor:
    """`mvlgamma`."""
    return mvlgamma(input, p, out=out)

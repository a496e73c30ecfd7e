"""How samples move with their distribution's shape: implicit reparameterisation.

A sample x of a distribution with distribution function F(x; a) and density f has u = F(x; a) for a fixed
uniform u; so dx/da = -(dF/da) / f(x) (Figurnov, Mohamed and Mnih, "Implicit reparameterization
gradients", 2018). For the gamma and beta distributions dF/da is an integral from x down or up, whose
integrand has one sign on one of the two sides: on that side nothing cancels, and a quadrature on the half
line is exact to rounding. (Where the shape is small and x too, a step of F's recurrence from a to a + 1
comes first, and keeps the integrand smooth.)
"""

from __future__ import annotations

import math

import numpy as np

from ..engine import primitive
from .promotion import floating
from .special import digamma, not_differentiable

STEP = 1 / 16
NODES = np.arange(-4.25, 3.25, STEP)
#: Takahasi and Mori, "Double exponential formulas for numerical integration" (1974): u = exp(pi/2 sinh t)
PLACES = np.exp(math.pi / 2 * np.sinh(NODES))
WEIGHTS = STEP * math.pi / 2 * np.cosh(NODES) * PLACES


def _half_line(integrand, scale):
    """The integral of integrand(u) over u > 0, elementwise; `scale` is where it falls off."""
    total = 0.0
    for place, weight in zip(PLACES.tolist(), WEIGHTS.tolist(), strict=True):
        total = total + weight * integrand(scale * place)
    return total * scale


@primitive(
    promote=floating,
    numbers="neither",
    x=lambda g: not_differentiable("_standard_gamma's gradient", "x"),
    a=lambda g: not_differentiable("_standard_gamma's gradient", "alpha"),
)
def gamma_slope(x, a):
    """dx/da of a value x of the gamma distribution with shape a and rate 1."""
    dtype, x, a = x.dtype, x.astype(np.float64), a.astype(np.float64)
    beyond = np.log(x) - digamma(a + 1)  # above 0: the side above x has one sign
    up = beyond > 0
    sign = np.where(up, 1.0, -1.0)
    order = np.where(up, a, a + 1)
    offset = np.where(up, beyond + 1 / a, -beyond)
    scale = 1 / (np.abs(order - x) + np.sqrt(x))
    part = x * _half_line(lambda u: (offset + u) * np.exp(sign * order * u - x * np.expm1(sign * u)), scale)
    return np.where(up, part, x / a * (part - beyond)).astype(dtype)


@primitive(
    promote=floating,
    numbers="neither",
    x=lambda g: not_differentiable("_sample_dirichlet's gradient", "x"),
    a=lambda g: not_differentiable("_sample_dirichlet's gradient", "alpha"),
    b=lambda g: not_differentiable("_sample_dirichlet's gradient", "alpha"),
)
def beta_slope(x, a, b):
    """dx/da of a value x of the beta distribution with shapes a and b.

    The integral runs over u, the distance from x in log(x / (1 - x)).
    """
    dtype, (x, a, b) = x.dtype, (v.astype(np.float64) for v in np.broadcast_arrays(x, a, b))
    n, rest = a + b, 1 - x
    beyond = np.log(x) - digamma(a + 1) + digamma(n)
    up = (beyond > 0) | ((beyond + 1 / a > 0) & (x > 0.1))
    return np.where(up, _above(x, rest, a, b, beyond), _below(x, rest, a, b, beyond)).astype(dtype)


def _above(x, rest, a, b, beyond):
    n = a + b

    def integrand(u):
        r = -np.log1p(rest * np.expm1(-u))  # log(t / x)
        return (beyond + 1 / a + r) * np.exp(n * r - b * u)

    return x * rest * _half_line(integrand, 1 / (np.abs(a - n * x) + np.sqrt(n * x * rest)))


def _below(x, rest, a, b, beyond):
    n = a + b

    def integrand(u):
        q = np.log1p(x * np.expm1(-u))  # -u - log(t / x)
        return (n * (u + q - beyond) - 1) * np.exp(-(a + 1) * u - (n + 1) * q)

    scale = 1 / (np.abs(a + 1 - (n + 1) * x) + np.sqrt((n + 1) * x * rest))
    return x * rest / a * (x * _half_line(integrand, scale) - beyond)

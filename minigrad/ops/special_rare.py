"""Bessel functions and orthogonal polynomials, by SciPy; like PyTorch's they have no gradient."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..engine import primitive
from .elementwise import special_of
from .promotion import floating


def _of_one(name: str, compute: Callable | str, told: str) -> Callable:
    """An op of one tensor: SciPy's function of a name, or a function of arrays."""

    def forward(x):
        return special_of(compute, x) if isinstance(compute, str) else compute(x)

    forward.__name__, forward.__doc__ = name, told
    return primitive(promote=floating, arity=1)(forward)


airy_ai = _of_one("airy_ai", "airy", "The Airy function Ai.")
bessel_j0 = _of_one("bessel_j0", "j0", "The Bessel function of the first kind of order 0.")
bessel_j1 = _of_one("bessel_j1", "j1", "The Bessel function of the first kind of order 1.")
bessel_y0 = _of_one("bessel_y0", "y0", "The Bessel function of the second kind of order 0.")
bessel_y1 = _of_one("bessel_y1", "y1", "The Bessel function of the second kind of order 1.")
modified_bessel_i0 = _of_one("modified_bessel_i0", "i0", "The modified Bessel function I of order 0.")
modified_bessel_i1 = _of_one("modified_bessel_i1", "i1", "The modified Bessel function I of order 1.")
modified_bessel_k0 = _of_one("modified_bessel_k0", "k0", "The modified Bessel function K of order 0.")
modified_bessel_k1 = _of_one("modified_bessel_k1", "k1", "The modified Bessel function K of order 1.")
scaled_modified_bessel_k0 = _of_one("scaled_modified_bessel_k0", "k0e", "exp(x) times K of order 0.")
scaled_modified_bessel_k1 = _of_one("scaled_modified_bessel_k1", "k1e", "exp(x) times K of order 1.")
spherical_bessel_j0 = _of_one("spherical_bessel_j0", lambda x: np.sinc(x / math.pi), "sin(x) / x.")


def _polynomial(name: str, values: Callable, told: str) -> Callable:
    """An op of x and a degree n, which is cut to a whole number; 0 where that is negative."""

    def forward(x, n):
        degree = np.trunc(n).astype(np.int64)
        return np.where(degree < 0, 0, values(x, np.maximum(degree, 0))).astype(x.dtype)

    forward.__name__, forward.__doc__ = name, told
    return primitive(promote=floating, arity=2, numbers="either")(forward)


def _by_scipy(name: str) -> Callable:
    return lambda x, n: special_of(name, x, n, first=True)


def _third_kind(x, n):
    return _second_kind(x, n) - np.where(n > 0, _second_kind(x, np.maximum(n - 1, 0)), 0)


def _fourth_kind(x, n):
    return _second_kind(x, n) + np.where(n > 0, _second_kind(x, np.maximum(n - 1, 0)), 0)


def _shifted(values: Callable) -> Callable:
    """The polynomial from 0 to 1 in place of -1 to 1."""
    return lambda x, n: values(2 * x - 1, n)


_first_kind, _second_kind = _by_scipy("eval_chebyt"), _by_scipy("eval_chebyu")
_CHEBYSHEV = {"t": _first_kind, "u": _second_kind, "v": _third_kind, "w": _fourth_kind}


def _chebyshev(kind: str) -> Callable:
    told = f"Chebyshev's polynomial {kind.upper()} of degree n."
    return _polynomial(f"chebyshev_polynomial_{kind}", _CHEBYSHEV[kind], told)


def _shifted_chebyshev(kind: str) -> Callable:
    told = f"Chebyshev's polynomial {kind.upper()} of degree n at 2x - 1."
    return _polynomial(f"shifted_chebyshev_polynomial_{kind}", _shifted(_CHEBYSHEV[kind]), told)


chebyshev_polynomial_t, chebyshev_polynomial_u = _chebyshev("t"), _chebyshev("u")
chebyshev_polynomial_v, chebyshev_polynomial_w = _chebyshev("v"), _chebyshev("w")
shifted_chebyshev_polynomial_t, shifted_chebyshev_polynomial_u = map(_shifted_chebyshev, "tu")
shifted_chebyshev_polynomial_v, shifted_chebyshev_polynomial_w = map(_shifted_chebyshev, "vw")
hermite_polynomial_h = _polynomial(
    "hermite_polynomial_h", _by_scipy("eval_hermite"), "Hermite's polynomial H of degree n, of physics."
)
hermite_polynomial_he = _polynomial(
    "hermite_polynomial_he", _by_scipy("eval_hermitenorm"), "Hermite's polynomial He of degree n."
)
laguerre_polynomial_l = _polynomial(
    "laguerre_polynomial_l", _by_scipy("eval_laguerre"), "Laguerre's polynomial of degree n."
)
legendre_polynomial_p = _polynomial(
    "legendre_polynomial_p", _by_scipy("eval_legendre"), "Legendre's polynomial of degree n."
)

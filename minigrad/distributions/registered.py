"""Which function computes the Kullback-Leibler divergence of which two kinds of distribution."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from ..tensor import Tensor
from .distribution import Distribution

_formulas: dict[tuple[type, type], Callable] = {}


def register_kl(type_p: type, type_q: type) -> Callable:
    """Decorator: a function of (p, q) that gives KL(p, q), for these kinds and those derived from them."""
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"register_kl: expected a subclass of Distribution, but got {kind!r}")

    def keep(function: Callable) -> Callable:
        _formulas[type_p, type_q] = function
        return function

    return keep


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p, q), the mean of log(p(x) / q(x)) under p, one number per distribution.

    NotImplementedError where no function is registered for the two kinds, or for what they derive from.
    """
    return _formula_for(type(p), type(q))(p, q)


def _formula_for(kind_p: type, kind_q: type) -> Callable:
    """The function for the nearest kinds; where it is not the nearest for p and q alike, a warning says
    so.
    """
    near_p, near_q = ({c: i for i, c in enumerate(kind.__mro__)} for kind in (kind_p, kind_q))
    known = [(near_p[a], near_q[b], a, b) for a, b in _formulas if a in near_p and b in near_q]
    if not known:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {kind_p.__name__} and q type {kind_q.__name__}; "
            "register one with register_kl"
        )
    by_p, by_q = min(known, key=lambda k: k[:2]), min(known, key=lambda k: k[1::-1])
    if _formulas[by_p[2:]] is not _formulas[by_q[2:]]:
        warnings.warn(
            f"Ambiguous kl_divergence({kind_p.__name__}, {kind_q.__name__}). Please register_kl("
            f"{by_p[2].__name__}, {by_q[3].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _formulas[by_p[2:]]

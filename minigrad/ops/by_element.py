"""Special functions of one number, in plain Python: what there is of them where SciPy is missing."""

from __future__ import annotations

import math

#: Stirling's series of digamma: B_2k / 2k for k = 1, 2, ...
STIRLING = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)


def digamma(x: float) -> float:
    """The derivative of log(gamma(x)): by reflection to x > 0, by recurrence to x > 10, there Stirling's
    series.
    """
    if x <= 0:
        return math.nan if x == math.floor(x) else digamma(1 - x) - math.pi / math.tan(math.pi * x)
    below = 0.0
    while x < 10:
        below += 1 / x
        x += 1
    powers = sum(share * x ** (-2 * k) for k, share in enumerate(STIRLING, 1))
    return math.log(x) - 0.5 / x - powers - below


def lgamma(x: float) -> float:
    """The logarithm of |gamma(x)|, infinite at its poles."""
    return math.inf if x <= 0 and x == math.floor(x) else math.lgamma(x)


#: by SciPy's names
BY_ELEMENT = {"erfc": math.erfc, "gammaln": lgamma, "psi": digamma}

"""Student's t distribution."""

from __future__ import annotations

import math

from ..ops import digamma, lgamma, log, log1p, rsqrt, where
from ..tensor import Tensor
from . import constraints
from .chi2 import Chi2
from .distribution import Distribution
from .utils import broadcast_all, standard_normal


class StudentT(Distribution):
    """loc + scale * x / sqrt(y / df) for a standard normal x and a chi-squared y with `df` degrees of
    freedom.
    """

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _made_of = {"df": 0, "loc": 0, "scale": 0, "_chi2": 0}

    def __init__(self, df, loc=0.0, scale=1.0, validate_args: bool | None = None):
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df, validate_args=validate_args)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return where(self.df <= 1, math.nan, self.loc)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        above = where(self.df > 2, self.df, math.inf)  # so that the branch not taken has no division by 0
        finite = self.scale.square() / (1 - 2 / above)
        return where(self.df > 2, finite, where(self.df > 1, math.inf, math.nan).type_as(finite))

    def rsample(self, sample_shape=()) -> Tensor:
        """Normal values, then chi-squared ones."""
        x = standard_normal(self._extended_shape(sample_shape), self.df)
        return self.loc + self.scale * (x * rsqrt(self._chi2.rsample(sample_shape) / self.df))

    def _log_prob(self, value: Tensor) -> Tensor:
        n, y = self.df, (value - self.loc) / self.scale
        log_scale = log(self.scale) + 0.5 * (log(n) + math.log(math.pi)) + lgamma(0.5 * n)
        return lgamma(0.5 * (n + 1)) - log_scale - 0.5 * (n + 1) * log1p(y.square() / n)

    def entropy(self) -> Tensor:
        """(n + 1) / 2 (digamma((n + 1) / 2) - digamma(n / 2)) + log(scale sqrt(n) B(n / 2, 1 / 2)), n =
        df.
        """
        n, half = self.df, 0.5 * (self.df + 1)
        log_beta = lgamma(0.5 * n) + math.lgamma(0.5) - lgamma(half)
        return log(self.scale) + half * (digamma(half) - digamma(0.5 * n)) + 0.5 * log(n) + log_beta

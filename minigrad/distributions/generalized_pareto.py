"""The generalized Pareto distribution."""

from __future__ import annotations

import math

from ..ops import expm1, log, log1p, rand, where
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all


class GeneralizedPareto(Distribution):
    """Distribution function 1 - (1 + c z)^(-1/c), z = (x - loc) / scale >= 0, c the `concentration`: what
    is left of a distribution beyond a high threshold. Exponential for c = 0, uniform for c = -1.
    """

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    _made_of = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(self, loc, scale, concentration, validate_args=None):
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        """From loc on, for c < 0 up to loc - scale / c."""
        c = self.concentration
        return constraints.interval(self.loc, where(c < 0, self.loc - self.scale / c, math.inf))

    @property
    def mean(self) -> Tensor:
        c = self.concentration
        return where(c < 1, self.loc + self.scale / (1 - where(c < 1, c, 0.5)), math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        c = where(self.concentration < 0.5, self.concentration, 0.25)
        finite = self.scale.square() / ((1 - c).square() * (1 - 2 * c))
        return where(self.concentration < 0.5, finite, math.nan)

    def _by_concentration(self, of, limit: Tensor) -> Tensor:
        """of(c), and its limit where c is 0 up to rounding."""
        zero = self.concentration.abs() <= 1e-8
        return where(zero, limit, of(where(zero, 1.0, self.concentration)))

    def rsample(self, sample_shape=()) -> Tensor:
        """The inverse of the distribution function at uniform values."""
        shape = self._extended_shape(sample_shape)
        return self.icdf(rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def _log_prob(self, value: Tensor) -> Tensor:
        z = (value - self.loc) / self.scale
        return -log(self.scale) - self._by_concentration(lambda c: (1 / c + 1) * log1p(c * z), z)

    def log_survival_function(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of a larger value."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        return -self._by_concentration(lambda c: log1p(c * z) / c, z)

    def log_cdf(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of a value that is not larger."""
        return log(self.cdf(value))

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a value that is not larger."""
        return -expm1(self.log_survival_function(value))

    def icdf(self, value: Tensor) -> Tensor:
        """The value that has the given probability below it."""
        left = log1p(-value)
        return self.loc + self.scale * self._by_concentration(lambda c: expm1(-c * left) / c, -left)

    def entropy(self) -> Tensor:
        """log(scale) + c + 1."""
        return log(self.scale) + self.concentration + 1

"""What the half-normal and the half-Cauchy distribution share."""

from __future__ import annotations

import math

from ..ops import where, zeros_like
from ..tensor import Tensor
from . import constraints
from .transformed_distribution import TransformedDistribution


class Half(TransformedDistribution):
    """|x| of an x that is symmetric around 0, with the `scale` of x."""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative

    @property
    def scale(self) -> Tensor:
        """The scale of the whole distribution."""
        return self.base_dist.scale

    @property
    def mode(self) -> Tensor:
        return zeros_like(self.scale)

    def _log_prob(self, value: Tensor) -> Tensor:
        return where(value >= 0, self.base_dist._log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        """What the whole has between -value and value."""
        if self._validate_args:
            self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Tensor) -> Tensor:
        """The value that has the given probability below it."""
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        """The whole's, less log(2)."""
        return self.base_dist.entropy() - math.log(2)

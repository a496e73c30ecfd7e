"""The Kumaraswamy distribution."""

from __future__ import annotations

import math

from ..ops import digamma, exp, full_like, lgamma, log, where
from ..tensor import Tensor
from . import constraints
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform
from .uniform import Uniform
from .utils import broadcast_all, euler_constant


class Kumaraswamy(TransformedDistribution):
    """Distribution function 1 - (1 - x^a)^b in [0, 1], a, b = concentration1, concentration0: close to a
    beta's.
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    _made_of = {"concentration1": 0, "concentration0": 0, "base_dist": 0}

    def __init__(self, concentration1, concentration0, validate_args: bool | None = None):
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        zero = full_like(self.concentration0.detach(), 0)
        steps = [
            PowerTransform(self.concentration0.reciprocal()),
            AffineTransform(1.0, -1.0),
            PowerTransform(self.concentration1.reciprocal()),
        ]
        super().__init__(Uniform(zero, zero + 1, validate_args=validate_args), steps, validate_args)

    def _moment(self, n: int) -> Tensor:
        """The mean of x^n."""
        b, order = self.concentration0, 1 + n / self.concentration1
        return b * exp(lgamma(order) + lgamma(b) - lgamma(order + b))

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        highest = exp((log((a - 1).clamp(min=0)) - log((a * b - 1).clamp(min=0))) / a)
        return where((a < 1) | (b < 1), math.nan, highest)

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self._moment(1).square()

    def entropy(self) -> Tensor:
        """1 - 1/b + (1 - 1/a) (digamma(b + 1) + Euler's constant) - log(a b)."""
        a, b = self.concentration1, self.concentration0
        return 1 - 1 / b + (1 - 1 / a) * (digamma(b + 1) + euler_constant) - log(a) - log(b)

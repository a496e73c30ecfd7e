"""The negative binomial distribution."""

from __future__ import annotations

from ..autograd.grad_mode import no_grad
from ..ops import exp, floor, lgamma, logsigmoid, where
from ..ops.rejection import poisson
from ..tensor import Tensor
from . import constraints
from .gamma import Gamma
from .of_probability import OfCount
from .utils import lazy_property


class NegativeBinomial(OfCount):
    """How many tries succeed, each with probability p, before `total_count` have failed."""

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    @property
    def mean(self) -> Tensor:
        return self.total_count * exp(self.logits)

    @property
    def mode(self) -> Tensor:
        return floor(((self.total_count - 1) * exp(self.logits)).clamp(min=0))

    @property
    def variance(self) -> Tensor:
        return self.mean / (1 - self.probs)

    @lazy_property
    def _gamma(self) -> Gamma:
        return Gamma(self.total_count, exp(-self.logits), validate_args=False)

    def sample(self, sample_shape=()) -> Tensor:
        """Poisson counts whose rates are gamma values."""
        with no_grad():
            return poisson(self._gamma.sample(sample_shape))

    def _log_prob(self, value: Tensor) -> Tensor:
        n = self.total_count
        weight = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        choices = -lgamma(n + value) + lgamma(1 + value) + lgamma(n)
        return weight - where(n + value == 0, 0.0, choices)

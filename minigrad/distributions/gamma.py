"""The gamma distribution."""

from __future__ import annotations

from .. import dtypes
from ..ops import as_tensor, digamma, igamma, lgamma, log, xlogy
from ..ops.rejection import standard_gamma
from ..tensor import Tensor
from . import constraints
from .exp_family import ExponentialFamily
from .utils import broadcast_all


class Gamma(ExponentialFamily):
    """Density rate^a x^(a - 1) exp(-rate x) / gamma(a) for x > 0, a the `concentration`.

    `rsample` draws one value after the other from PyTorch's stream; its gradient is exact.
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _made_of = {"concentration": 0, "rate": 0}

    def __init__(self, concentration, rate, validate_args: bool | None = None):
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate.square()

    def rsample(self, sample_shape=()) -> Tensor:
        """Values of rate 1 over the rate, kept above 0."""
        value = standard_gamma(self.concentration.expand(self._extended_shape(sample_shape))) / self.rate
        kept = value.array  # past the graph: what a small value is raised to has the value's gradient
        kept[...] = kept.clip(dtypes.finfo(value.dtype).tiny)
        return value

    def log_prob(self, value) -> Tensor:
        """The logarithm of the density; a number will do as value, too."""
        return super().log_prob(as_tensor(value, dtype=self.rate.dtype, device=self.rate.device))

    def _log_prob(self, value: Tensor) -> Tensor:
        a, rate = self.concentration, self.rate
        return xlogy(a, rate) + xlogy(a - 1, value) - rate * value - lgamma(a)

    def _cdf(self, value: Tensor) -> Tensor:
        return igamma(self.concentration, self.rate * value)

    def entropy(self) -> Tensor:
        """a - log(rate) + log(gamma(a)) + (1 - a) digamma(a)."""
        a = self.concentration
        return a - log(self.rate) + lgamma(a) + (1 - a) * digamma(a)

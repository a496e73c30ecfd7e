"""A Bernoulli distribution made smooth."""

from __future__ import annotations

from ..ops import as_tensor, exp, log, log1p, rand
from ..tensor import Tensor
from . import constraints
from .of_probability import OfProbability
from .transformed_distribution import TransformedDistribution
from .transforms import SigmoidTransform
from .utils import broadcast_all, clamp_probs


class LogitRelaxedBernoulli(OfProbability):
    """The log odds of a `RelaxedBernoulli`: (logits + logistic noise) / temperature."""

    support = constraints.real
    has_rsample = True
    _made_of = OfProbability._made_of

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None):
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)

    def rsample(self, sample_shape=()) -> Tensor:
        """(logits + log(u / (1 - u))) / temperature for uniform u."""
        shape = self._extended_shape(sample_shape)
        probs = clamp_probs(self.probs.expand(shape))
        u = clamp_probs(rand(shape, dtype=probs.dtype, device=probs.device))
        return (log(u) - log1p(-u) + log(probs) - log1p(-probs)) / self.temperature

    def _log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, value)
        diff = logits - value * self.temperature
        return log(as_tensor(self.temperature, dtype=logits.dtype)) + diff - 2 * log1p(exp(diff))


class RelaxedBernoulli(TransformedDistribution):
    """Values in (0, 1) that tend to 0 and 1 as the temperature falls, with a gradient. Maddison, Mnih and
    Teh, "The concrete distribution" (2016); Jang, Gu and Poole, "Categorical reparameterization with
    Gumbel-softmax" (2016).
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    _made_of = TransformedDistribution._made_of

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None):
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(), validate_args)

    @property
    def temperature(self):
        """How soft the values are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The log odds."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self.base_dist.probs

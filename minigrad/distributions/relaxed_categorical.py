"""A categorical distribution made smooth."""

from __future__ import annotations

import math

from ..ops import as_tensor, log, log_softmax, rand
from ..tensor import Size, Tensor
from . import constraints
from .categorical import Categorical
from .distribution import Distribution
from .transformed_distribution import TransformedDistribution
from .transforms import ExpTransform
from .utils import broadcast_all, clamp_probs


class ExpRelaxedCategorical(Distribution):
    """The logarithm of a `RelaxedOneHotCategorical`: log_softmax((logits + Gumbel noise) / temperature)."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True
    _made_of = {"_categorical": 0}

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None):
        self._categorical, self.temperature = Categorical(probs, logits), temperature
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    @property
    def param_shape(self) -> Size:
        """The shape (..., K) of what it was given by."""
        return self._categorical.param_shape

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities (..., K)."""
        return self._categorical.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities (..., K)."""
        return self._categorical.probs

    def rsample(self, sample_shape=()) -> Tensor:
        """log_softmax((logits + Gumbel noise) / temperature)."""
        noise = rand(self._extended_shape(sample_shape), dtype=self.logits.dtype, device=self.logits.device)
        return log_softmax((self.logits - log(-log(clamp_probs(noise)))) / self.temperature, -1)

    def _log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, value)
        size = self._categorical._num_events
        log_scale = math.lgamma(size) + (size - 1) * log(as_tensor(self.temperature, dtype=logits.dtype))
        return log_softmax(logits - value * self.temperature, -1).sum(-1) + log_scale


class RelaxedOneHotCategorical(TransformedDistribution):
    """Points on the simplex (K,) that tend to its corners as the temperature falls, with a gradient.
    Maddison, Mnih and Teh, "The concrete distribution" (2016).
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    _made_of = TransformedDistribution._made_of

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None):
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args)

    @property
    def temperature(self):
        """How soft the values are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities (..., K)."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities (..., K)."""
        return self.base_dist.probs

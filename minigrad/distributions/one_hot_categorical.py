"""The categorical distribution in one-hot vectors."""

from __future__ import annotations

from ..ops import eye
from ..tensor import Size, Tensor
from . import constraints
from .categorical import Categorical
from .distribution import Distribution


class OneHotCategorical(Distribution):
    """A vector (K,) of zeros with a single one, at a place that is drawn as `Categorical` draws it."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    has_enumerate_support = True
    _made_of = {"_categorical": 0}

    def __init__(self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args=None):
        self._categorical = Categorical(probs, logits, validate_args=validate_args)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    @property
    def _param(self) -> Tensor:
        return self._categorical._param

    @property
    def param_shape(self) -> Size:
        """The shape (..., K) of what it was given by."""
        return self._param.shape

    @property
    def probs(self) -> Tensor:
        """The probabilities (..., K)."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """Their logarithms (..., K)."""
        return self._categorical.logits

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return self._one_hot(self._categorical.mode)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def _one_hot(self, index: Tensor) -> Tensor:
        zeros = self.probs.new_zeros(*index.shape, self._categorical._num_events)
        return zeros.scatter(-1, index.unsqueeze(-1), 1)

    def sample(self, sample_shape=()) -> Tensor:
        """One-hot vectors, as floating-point numbers."""
        return self._one_hot(self._categorical.sample(sample_shape)).detach()

    def _log_prob(self, value: Tensor) -> Tensor:
        return self._categorical._log_prob(value.max(-1)[1])

    def entropy(self) -> Tensor:
        """The categorical's."""
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All K one-hot vectors."""
        n = self.event_shape[0]
        values = eye(n, dtype=self._param.dtype, device=self._param.device)
        values = values.view(n, *[1] * len(self.batch_shape), n)
        return values.expand(n, *self.batch_shape, n) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """One-hot values whose gradient is that of the probabilities (Bengio et al., "Estimating or propagating
    gradients through stochastic neurons for conditional computation", 2013).
    """

    has_rsample = True

    def rsample(self, sample_shape=()) -> Tensor:
        """One-hot vectors, with the probabilities' gradient."""
        samples = self.sample(sample_shape)
        return samples + (self.probs - self.probs.detach())

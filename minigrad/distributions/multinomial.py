"""The multinomial distribution."""

from __future__ import annotations

from ..ops import exp, lgamma, ones_like, where
from ..tensor import Size, Tensor
from . import constraints
from .binomial import Binomial
from .categorical import Categorical
from .distribution import Distribution
from .utils import broadcast_all


class Multinomial(Distribution):
    """Counts (K,) of what `total_count` draws of a `Categorical` gave; all have the same total count.

    As in PyTorch, `log_prob` takes the total from the counts it is given.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _made_of = {"_categorical": 0}

    def __init__(self, total_count: int = 1, probs=None, logits=None, validate_args: bool | None = None):
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs, logits)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        """Counts of at most total_count together."""
        return constraints.multinomial(self.total_count)

    @property
    def param_shape(self) -> Size:
        """The shape (..., K) of what it was given by."""
        return self._categorical.param_shape

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
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=()) -> Tensor:
        """Counts, as floating-point numbers."""
        drawn = self._categorical.sample(Size((self.total_count, *sample_shape))).movedim(0, -1)
        counts = drawn.new_zeros(self._extended_shape(sample_shape))
        return counts.scatter_add(-1, drawn, ones_like(drawn)).type_as(self.probs)

    def _log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, value)
        powers = where(value == 0, 0.0, logits) * value
        return lgamma(value.sum(-1) + 1) - lgamma(value + 1).sum(-1) + powers.sum(-1)

    def entropy(self) -> Tensor:
        """n times the categorical's, less log(n!), and the mean of the sum of log(k_i!)."""
        n = self.total_count
        each = Binomial(n, self.probs, validate_args=False)
        counts = each.enumerate_support(False)[1:]
        mean = (exp(each._log_prob(counts)) * lgamma(counts + 1)).sum(0).sum(-1)
        return n * self._categorical.entropy() - lgamma(self.probs.new_tensor(n + 1.0)) + mean

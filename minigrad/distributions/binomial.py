"""The binomial distribution."""

from __future__ import annotations

from ..autograd.grad_mode import no_grad
from ..ops import exp, floor, lgamma, minimum
from ..ops.loss import binary_cross_entropy_with_logits
from ..ops.rejection import binomial
from ..tensor import Tensor
from . import constraints
from .of_probability import OfCount


class Binomial(OfCount):
    """How many of `total_count` tries succeed, each with probability p."""

    arg_constraints = {"total_count": constraints.nonnegative_integer, **OfCount.arg_constraints}
    has_enumerate_support = True
    _made_of = OfCount._made_of

    def __init__(self, total_count=1, probs=None, logits=None, validate_args: bool | None = None):
        super().__init__(total_count, probs, logits, validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        """0 .. total_count."""
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return minimum(floor((self.total_count + 1) * self.probs), self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=()) -> Tensor:
        """Counts, as floating-point numbers."""
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def _log_prob(self, value: Tensor) -> Tensor:
        n = self.total_count
        choices = lgamma(n + 1) - lgamma(value + 1) - lgamma(n - value + 1)
        # n log(1 - p) = -n softplus(logits), which is the cross-entropy with the answer 0
        return (
            choices + value * self.logits - n * binary_cross_entropy_with_logits(self.logits, self.logits * 0)
        )

    def entropy(self) -> Tensor:
        """The sum over all values; all total counts must be equal."""
        self._count_of("entropy")
        log_prob = self._log_prob(self.enumerate_support(False))
        return -(exp(log_prob) * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 .. total_count; all total counts must be equal."""
        return self._enumerated(1 + self._count_of("enumerate_support"), self._param, expand)

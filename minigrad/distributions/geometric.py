"""The geometric distribution."""

from __future__ import annotations

from .. import dtypes
from ..autograd.grad_mode import no_grad
from ..ops import empty, floor, log, log1p, xlog1py, zeros_like
from ..ops.loss import binary_cross_entropy_with_logits
from ..tensor import Tensor
from . import constraints
from .distribution import refuse_outside
from .of_probability import OfProbability
from .utils import broadcast_all


class Geometric(OfProbability):
    """Probability (1 - p)^k p of k = 0, 1, ... failures before the first success."""

    support = constraints.nonnegative_integer

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self._given == "probs":
            refuse_outside(
                "parameter probs", self.probs, self, "satisfy the constraint", constraints.positive
            )

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape=()) -> Tensor:
        """Numbers of failures, as floating-point numbers."""
        with no_grad():
            noise = empty(
                self._extended_shape(sample_shape), dtype=self.probs.dtype, device=self.probs.device
            )
            noise.uniform_(dtypes.finfo(self.probs.dtype).tiny, 1)
            return floor(log(noise) / log1p(-self.probs))

    def _log_prob(self, value: Tensor) -> Tensor:
        value, probs = broadcast_all(value, self.probs)
        return xlog1py(value, -probs) + log(probs)

    def entropy(self) -> Tensor:
        """A Bernoulli's entropy for each of the 1 / p tries."""
        return binary_cross_entropy_with_logits(self.logits, self.probs) / self.probs

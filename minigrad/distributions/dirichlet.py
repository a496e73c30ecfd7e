"""The Dirichlet distribution."""

from __future__ import annotations

from ..ops import digamma, lgamma, where, xlogy
from ..ops.rejection import sample_dirichlet
from ..tensor import Tensor
from . import constraints
from .exp_family import ExponentialFamily


class Dirichlet(ExponentialFamily):
    """Points x (..., K) with positive coordinates that sum to 1; density proportional to prod x_i^(a_i -
    1), a (..., K) the `concentration`.
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _made_of = {"concentration": 1}

    def __init__(self, concentration: Tensor, validate_args: bool | None = None):
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Tensor:
        above = (self.concentration - 1).clamp(min=0)
        highest = above / above.sum(-1, True)
        corner = above.new_zeros(above.shape).scatter(-1, self.concentration.argmax(-1, True), 1)
        return where((self.concentration < 1).all(-1, True), corner, highest)

    @property
    def variance(self) -> Tensor:
        a, total = self.concentration, self.concentration.sum(-1, True)
        return a * (total - a) / (total.square() * (total + 1))

    def rsample(self, sample_shape=()) -> Tensor:
        """Gamma values over their sum; the gradient moves each coordinate as its own marginal."""
        return sample_dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def _log_prob(self, value: Tensor) -> Tensor:
        a = self.concentration
        return xlogy(a - 1, value).sum(-1) + lgamma(a.sum(-1)) - lgamma(a).sum(-1)

    def entropy(self) -> Tensor:
        """log B(a) + (sum a - K) digamma(sum a) - sum (a_i - 1) digamma(a_i)."""
        a, total = self.concentration, self.concentration.sum(-1)
        log_beta = lgamma(a).sum(-1) - lgamma(total)
        return log_beta + (total - a.shape[-1]) * digamma(total) - ((a - 1) * digamma(a)).sum(-1)

"""The continuous Bernoulli distribution."""

from __future__ import annotations

from ..ops import exp, expm1, log, log1p, rand, sinh, where
from ..tensor import Tensor
from . import constraints
from .exp_family import ExponentialFamily
from .of_probability import OfProbability
from .utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs


class ContinuousBernoulli(OfProbability, ExponentialFamily):
    """Density proportional to p^x (1 - p)^(1 - x) for x in [0, 1], which is to exp(l x), l the log odds
    of p.

    Series take the place of the formulas where p lies within `lims`, around 1/2. Loaiza-Ganem and
    Cunningham, "The continuous Bernoulli: fixing a pervasive error in variational autoencoders" (2019).
    """

    support = constraints.unit_interval
    has_rsample = True
    _made_of = OfProbability._made_of

    def __init__(self, probs=None, logits=None, lims=(0.499, 0.501), validate_args: bool | None = None):
        if probs is not None and validate_args is None:  # as PyTorch: unless told to, it does not refuse
            probs = clamp_probs(*broadcast_all(probs))
        super().__init__(probs, logits, validate_args)
        if probs is not None:
            self.probs = clamp_probs(self.probs)
        self._lims = lims

    @lazy_property
    def probs(self) -> Tensor:
        """The probability p of the Bernoulli distribution, one rounding error away from 0 and 1."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _by_odds(self, of, series: Tensor) -> Tensor:
        """of(l), and a series where p is close to 1/2."""
        near = (self.probs > self._lims[0]) & (self.probs <= self._lims[1])
        return where(near, series, of(where(near, 1.0, self.logits)))

    def _log_normalizer_of_density(self) -> Tensor:
        """log of the integral of exp(l x), (exp(l) - 1) / l = exp(l / 2) sinh(l / 2) / (l / 2)."""
        square = self.logits.square()
        series = square * (1 / 24 - square / 2880)
        return self.logits / 2 + self._by_odds(lambda x: log(2 * sinh(x / 2) / x), series)

    @property
    def mean(self) -> Tensor:
        x = self.logits
        return self._by_odds(lambda x: -1 / expm1(-x) - 1 / x, 0.5 + x * (1 / 12 - x.square() / 720))

    @property
    def variance(self) -> Tensor:
        return self._by_odds(
            lambda x: x.pow(-2) - 0.25 * sinh(x / 2).pow(-2), 1 / 12 - self.logits.square() / 240
        )

    def rsample(self, sample_shape=()) -> Tensor:
        """The inverse of the distribution function at uniform values."""
        shape = self._extended_shape(sample_shape)
        return self.icdf(rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def _log_prob(self, value: Tensor) -> Tensor:
        return self.logits * value - self._log_normalizer_of_density()

    def _cdf(self, value: Tensor) -> Tensor:
        return self._by_odds(lambda x: expm1(x * value) / expm1(x), value).clamp(0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        """The value that has the given probability below it."""
        return self._by_odds(lambda x: log1p(value * expm1(x)) / x, value)

    def entropy(self) -> Tensor:
        """log((exp(l) - 1) / l) - l mean."""
        return self._log_normalizer_of_density() - self.logits * self.mean

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        (x,) = natural_params
        return log((exp(x) - 1) / x)

    @property
    def _mean_carrier_measure(self) -> float:
        return 0.0

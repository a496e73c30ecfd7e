"""Mixtures of distributions of one family."""

from __future__ import annotations

from typing import Any

from ..autograd.grad_mode import no_grad
from ..ops import log_softmax, logsumexp
from ..tensor import Tensor
from . import constraints
from .categorical import Categorical
from .distribution import Distribution


class MixtureSameFamily(Distribution):
    """A value of one of K distributions, which is drawn by a `Categorical`.

    The K distributions are the last batch axis of `component_distribution`: batch (..., K), then the event.
    """

    arg_constraints: dict[str, Any] = {}
    _made_of = {"_mixture_distribution": 0, "_component_distribution": 1}

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ):
        for name, given, kind in (
            ("Mixture", mixture_distribution, Categorical),
            ("Component", component_distribution, Distribution),
        ):
            if not isinstance(given, kind):
                raise ValueError(
                    f"The {name} distribution needs to be an instance of {kind.__name__}, but is {given!r}"
                )
        shape, components = mixture_distribution.batch_shape, component_distribution.batch_shape
        if any(i not in (1, j) and j != 1 for i, j in zip(shape[::-1], components[-2::-1], strict=False)):
            raise ValueError(
                f"`mixture_distribution.batch_shape` ({shape}) is not compatible with "
                f"`component_distribution.batch_shape` ({components[:-1]})"
            )
        if mixture_distribution._num_events != components[-1]:
            raise ValueError(
                f"`mixture_distribution component` ({mixture_distribution._num_events}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({components[-1]})"
            )
        self._mixture_distribution, self._component_distribution = (
            mixture_distribution,
            component_distribution,
        )
        super().__init__(components[:-1], component_distribution.event_shape, validate_args)

    @constraints.dependent_property
    def support(self):
        """The components'."""
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """Which component, and how often."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """What is mixed, (..., K)."""
        return self._component_distribution

    @property
    def _axis(self) -> int:
        """The components' axis of a value of theirs."""
        return -1 - len(self.event_shape)

    def _averaged(self, of_components: Tensor) -> Tensor:
        probs = self._mixture_distribution.probs
        return (probs.reshape(*probs.shape, *[1] * len(self.event_shape)) * of_components).sum(self._axis)

    @property
    def mean(self) -> Tensor:
        return self._averaged(self._component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        away = self._component_distribution.mean - self.mean.unsqueeze(self._axis)
        return self._averaged(self._component_distribution.variance + away.square())

    def _cdf(self, value: Tensor) -> Tensor:
        return self._averaged(self._component_distribution.cdf(value.unsqueeze(self._axis)))

    def _log_prob(self, value: Tensor) -> Tensor:
        each = self._component_distribution.log_prob(value.unsqueeze(self._axis))
        return logsumexp(each + log_softmax(self._mixture_distribution.logits, -1), -1)

    def sample(self, sample_shape=()) -> Tensor:
        """First which component, then a value of every component, of which that one's is taken."""
        with no_grad():
            which = self._mixture_distribution.sample(sample_shape)
            values = self._component_distribution.sample(sample_shape)
            which = which.expand(values.shape[: values.dim() + self._axis])
            index = which.reshape(*which.shape, *[1] * -self._axis)
            index = index.expand(*which.shape, 1, *self.event_shape)
            return values.gather(values.dim() + self._axis, index).squeeze(self._axis)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"

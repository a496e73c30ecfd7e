"""Exponential families: densities exp(t(x) . natural - log_normalizer(natural)), with an entropy by
derivatives.
"""

from __future__ import annotations

from typing import Any

from ..gradients import grad
from ..tensor import Tensor
from .distribution import Distribution
from .utils import sum_rightmost


class ExponentialFamily(Distribution):
    """Base of the exponential families; one of its own defines `_natural_params`, `_log_normalizer` of
    these, and `_mean_carrier_measure`.

    Nielsen and Nock, "Entropies and cross-entropies of exponential families" (2010). Those of this
    package have their entropies as formulas.
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError(f"{type(self).__name__} does not define _natural_params")

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define _log_normalizer")

    @property
    def _mean_carrier_measure(self) -> float:
        raise NotImplementedError(f"{type(self).__name__} does not define _mean_carrier_measure")

    def _mean_statistics(self) -> tuple[list, Tensor, Any]:
        """The natural parameters, the log normalizer, and its slopes, which are the means of the
        statistics.
        """
        natural = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*natural)
        return natural, normalizer, grad(normalizer.sum(), natural, create_graph=True)

    def entropy(self) -> Tensor:
        """log_normalizer - natural . its gradient - the mean of the carrier measure's logarithm."""
        carried = self._mean_carrier_measure
        natural, normalizer, slopes = self._mean_statistics()
        inner = [p * slope for p, slope in zip(natural, slopes, strict=True)]
        return normalizer - carried - sum(sum_rightmost(i, i.dim() - len(self._batch_shape)) for i in inner)

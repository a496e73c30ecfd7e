"""The Laplace distribution."""

from __future__ import annotations

import math

from .. import dtypes
from ..ops import abs, empty, expm1, log, log1p, sign
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all


class Laplace(Distribution):
    """Density exp(-|x - loc| / scale) / (2 scale)."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _made_of = {"loc": 0, "scale": 0}

    def __init__(self, loc, scale, validate_args: bool | None = None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale.square()

    @property
    def stddev(self) -> Tensor:
        return math.sqrt(2) * self.scale

    def rsample(self, sample_shape=()) -> Tensor:
        """The inverse of the distribution function at uniform values in (-1, 1)."""
        drawn = empty(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        u = drawn.uniform_(dtypes.finfo(self.loc.dtype).eps - 1, 1)
        return self.loc - self.scale * sign(u) * log1p(-abs(u))

    def _log_prob(self, value: Tensor) -> Tensor:
        return -log(2 * self.scale) - abs(value - self.loc) / self.scale

    def _cdf(self, value: Tensor) -> Tensor:
        away = value - self.loc
        return 0.5 - 0.5 * sign(away) * expm1(-abs(away) / self.scale)

    def icdf(self, value: Tensor) -> Tensor:
        """The value that has the given probability below it."""
        away = value - 0.5
        return self.loc - self.scale * sign(away) * log1p(-2 * abs(away))

    def entropy(self) -> Tensor:
        """log(2 e scale)."""
        return 1 + log(2 * self.scale)

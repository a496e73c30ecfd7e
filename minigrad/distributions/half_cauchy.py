"""The half-Cauchy distribution."""

from __future__ import annotations

import math

from ..tensor import Tensor
from .cauchy import Cauchy
from .half import Half
from .transforms import AbsTransform


class HalfCauchy(Half):
    """|x| of a Cauchy x around 0; it has no finite mean."""

    _made_of = Half._made_of

    def __init__(self, scale, validate_args: bool | None = None):
        super().__init__(Cauchy(0, scale, validate_args=False), AbsTransform(), validate_args)

    @property
    def mean(self) -> Tensor:
        return self._filled(math.inf, self.scale)

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

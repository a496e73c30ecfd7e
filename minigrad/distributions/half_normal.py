"""The half-normal distribution."""

from __future__ import annotations

import math

from ..tensor import Tensor
from .half import Half
from .normal import Normal
from .transforms import AbsTransform


class HalfNormal(Half):
    """|x| of a normal x with mean 0 and standard deviation `scale`."""

    _made_of = Half._made_of

    def __init__(self, scale, validate_args: bool | None = None):
        super().__init__(Normal(0, scale, validate_args=False), AbsTransform(), validate_args)

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (1 - 2 / math.pi)

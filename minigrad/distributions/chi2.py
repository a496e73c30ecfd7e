"""The chi-squared distribution."""

from __future__ import annotations

from ..tensor import Tensor
from . import constraints
from .gamma import Gamma
from .utils import broadcast_all


class Chi2(Gamma):
    """The sum of `df` squared standard normals: gamma with concentration df / 2 and rate 1 / 2."""

    arg_constraints = {"df": constraints.positive}
    _made_of = Gamma._made_of

    def __init__(self, df, validate_args: bool | None = None):
        (half,) = broadcast_all(0.5 * df)
        super().__init__(half, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Tensor:
        """Degrees of freedom."""
        return self.concentration * 2

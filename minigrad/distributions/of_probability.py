"""What distributions have in common that are given by a probability or by its log odds."""

from __future__ import annotations

from ..tensor import Size, Tensor
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all, lazy_property, logits_to_probs, one_of, probs_to_logits


class OfProbability(Distribution):
    """Base of those given by `probs` or by `logits`, the log odds: the other is computed when it is asked
    for.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    _made_of = {"probs": 0, "logits": 0}

    def __init__(self, probs=None, logits=None, validate_args: bool | None = None):
        self._given = one_of(probs=probs, logits=logits)
        (param,) = broadcast_all(probs if logits is None else logits)
        setattr(self, self._given, param)
        super().__init__(param.shape, validate_args=validate_args)

    @property
    def _param(self) -> Tensor:
        return vars(self)[self._given]

    @property
    def param_shape(self) -> Size:
        """The shape of what it was given by."""
        return self._param.shape

    @lazy_property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The probability p."""
        return logits_to_probs(self.logits, is_binary=True)


class OfCount(OfProbability):
    """Base of those that have a `total_count` besides."""

    _made_of = {"total_count": 0, **OfProbability._made_of}

    def __init__(self, total_count, probs=None, logits=None, validate_args: bool | None = None):
        name = one_of(probs=probs, logits=logits)
        count, param = broadcast_all(total_count, probs if logits is None else logits)
        self.total_count = count.type_as(param)
        super().__init__(**{name: param}, validate_args=validate_args)

    def _count_of(self, what: str) -> int:
        """The one number of tries; refused where there are several."""
        count = int(self.total_count.max())
        if self.total_count.min() != count:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{what}`.")
        return count

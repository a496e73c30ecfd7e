"""Distributions of transformed values."""

from __future__ import annotations

from functools import reduce
from typing import Any

from ..autograd.grad_mode import no_grad
from ..tensor import Size, Tensor
from . import constraints
from .distribution import Distribution
from .independent import Independent
from .transforms import ComposeTransform, Transform
from .utils import sum_rightmost


class TransformedDistribution(Distribution):
    """The distribution of t_n(... t_1(x)) for x of a base distribution, by the change of variables."""

    arg_constraints: dict[str, Any] = {}
    _made_of = {"base_dist": 0}
    base_dist: Any

    def __init__(self, base_distribution: Distribution, transforms, validate_args: bool | None = None):
        self.transforms = [transforms] if isinstance(transforms, Transform) else transforms
        if not (isinstance(self.transforms, list) and all(isinstance(t, Transform) for t in self.transforms)):
            raise ValueError(f"transforms must be a Transform or a list of Transforms, but was {transforms}")
        whole = ComposeTransform(self.transforms)
        base_shape = base_distribution.batch_shape + base_distribution.event_shape
        base_axes, (domain, codomain) = len(base_distribution.event_shape), (whole.domain, whole.codomain)
        if len(base_shape) < domain.event_dim:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {domain.event_dim}, "
                f"but got {base_shape}."
            )
        shape = Size(whole.forward_shape(base_shape))
        wide = Size(whole.inverse_shape(shape))
        if wide != base_shape:  # a transform's own parameters have more axes
            base_distribution = base_distribution.expand(wide[: len(wide) - base_axes])
        if domain.event_dim > base_axes:
            base_distribution = Independent(base_distribution, domain.event_dim - base_axes)
        self.base_dist = base_distribution
        cut = len(shape) - max(codomain.event_dim, base_axes + codomain.event_dim - domain.event_dim)
        super().__init__(shape[:cut], shape[cut:], validate_args)

    def _expanded(self, name: str, axes: int, batch_shape: Size):
        if name != "base_dist":
            return super()._expanded(name, axes, batch_shape)
        shape = ComposeTransform(self.transforms).inverse_shape(batch_shape + self.event_shape)
        return self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])

    @constraints.dependent_property(is_discrete=False)
    def support(self):
        """What the last transform gives."""
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        more = len(self.event_shape) - support.event_dim
        return constraints.independent(support, more) if more > 0 else support

    @property
    def has_rsample(self) -> bool:
        """As the base."""
        return self.base_dist.has_rsample

    def _transformed(self, x: Tensor) -> Tensor:
        return reduce(lambda value, transform: transform(value), self.transforms, x)

    def sample(self, sample_shape=()) -> Tensor:
        """Transformed values of the base, without a gradient."""
        with no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=()) -> Tensor:
        """Transformed values of the base, with their gradient."""
        return self._transformed(self.base_dist.rsample(sample_shape))

    def _log_prob(self, value: Tensor) -> Tensor:
        axes, total, y = len(self.event_shape), 0.0, value
        for t in reversed(self.transforms):
            x = t.inv(y)
            axes += t.domain.event_dim - t.codomain.event_dim
            total = total - sum_rightmost(t.log_abs_det_jacobian(x, y), axes - t.domain.event_dim)
            y = x
        return total + sum_rightmost(self.base_dist.log_prob(y), axes - len(self.base_dist.event_shape))

    def _turned(self, probability: Tensor) -> Tensor:
        """The probability from the other side, if the transforms fall."""
        sign = ComposeTransform(self.transforms).sign
        return probability if isinstance(sign, int) and sign == 1 else sign * (probability - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        """The base's at the value before the transforms."""
        for t in reversed(self.transforms):
            value = t.inv(value)
        return self._turned(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        """The base's, transformed."""
        return self._transformed(self.base_dist.icdf(self._turned(value)))

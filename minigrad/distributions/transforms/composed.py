"""Transforms made of others: one after the other, over more axes, or each on its part of a tensor."""

from __future__ import annotations

import math
from functools import reduce
from operator import add
from typing import Any

from ...ops import cat, stack, zeros_like
from ...tensor import Size, Tensor
from .. import constraints
from ..utils import sum_rightmost
from .transform import Transform, enough_axes


class ComposeTransform(Transform):
    """Several transforms, one after the other."""

    def __init__(self, parts: list[Transform], cache_size: int = 0):
        super().__init__(cache_size)
        self.parts = [part.with_cache(cache_size) for part in parts] if cache_size else parts

    def _settings(self) -> tuple:
        return (self.parts,)

    def __eq__(self, other) -> bool:
        return isinstance(other, ComposeTransform) and self.parts == other.parts

    __hash__ = object.__hash__

    def _widest(self, parts, before: str, after: str):
        """The constraint on one side, over as many axes as any of the parts makes an event of."""
        end = getattr(parts[0], before)
        axes = getattr(parts[-1], after).event_dim
        for part in reversed(parts):
            here = getattr(part, before).event_dim
            axes = max(axes + here - getattr(part, after).event_dim, here)
        return constraints.independent(end, axes - end.event_dim) if axes > end.event_dim else end

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        """The first part's."""
        return self._widest(self.parts, "domain", "codomain") if self.parts else constraints.real

    @constraints.dependent_property(is_discrete=False)
    def codomain(self):
        """The last part's."""
        return self._widest(self.parts[::-1], "codomain", "domain") if self.parts else constraints.real

    @property
    def bijective(self) -> bool:
        """Whether all parts are."""
        return all(part.bijective for part in self.parts)

    @property
    def sign(self) -> Any:
        """The product of the parts'."""
        return math.prod(part.sign for part in self.parts)

    @property
    def inv(self) -> Transform:
        """The parts' inverses, the last first."""
        if self._inv is None:
            self._inv = ComposeTransform([part.inv for part in reversed(self.parts)])
            self._inv._inv = self
        return self._inv

    def __call__(self, x: Tensor) -> Tensor:
        return reduce(lambda value, part: part(value), self.parts, x)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The sum of the parts'."""
        if not self.parts:
            return zeros_like(x)
        values = [x]
        for part in self.parts[:-1]:
            values.append(part(values[-1]))
        terms, axes = [], self.domain.event_dim
        for part, before, after in zip(self.parts, values, [*values[1:], y], strict=True):
            term = part.log_abs_det_jacobian(before, after)
            terms.append(sum_rightmost(term, axes - part.domain.event_dim))
            axes += part.codomain.event_dim - part.domain.event_dim
        return reduce(add, terms)

    def forward_shape(self, shape):
        """Through all parts."""
        return reduce(lambda known, part: part.forward_shape(known), self.parts, shape)

    def inverse_shape(self, shape):
        """Back through all parts."""
        return reduce(lambda known, part: part.inverse_shape(known), reversed(self.parts), shape)

    def __repr__(self) -> str:
        return "ComposeTransform(\n    " + ",\n    ".join(map(repr, self.parts)) + "\n)"


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """A transform whose last `reinterpreted_batch_ndims` batch axes count as part of the event."""

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0):
        super().__init__(cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    def _settings(self) -> tuple:
        return self.base_transform, self.reinterpreted_batch_ndims

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        """The base's, over more axes."""
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self):
        """The base's, over more axes."""
        return constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def bijective(self) -> bool:
        """As the base."""
        return self.base_transform.bijective

    @property
    def sign(self) -> Any:
        """As the base."""
        return self.base_transform.sign

    def _call(self, x: Tensor) -> Tensor:
        enough_axes(x.shape, self.domain.event_dim)
        return self.base_transform(x)

    def _inverse(self, y: Tensor) -> Tensor:
        enough_axes(y.shape, self.codomain.event_dim)
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The base's, summed over the axes of the event."""
        return sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_transform!r}, {self.reinterpreted_batch_ndims})"

    def forward_shape(self, shape):
        """The base's."""
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape):
        """The base's."""
        return self.base_transform.inverse_shape(shape)


class ReshapeTransform(Transform):
    """Events of one shape as events of another."""

    bijective = True

    def __init__(self, in_shape, out_shape, cache_size: int = 0):
        super().__init__(cache_size)
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError("in_shape, out_shape have different numbers of elements")

    def _settings(self) -> tuple:
        return self.in_shape, self.out_shape

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        """Real numbers."""
        return constraints.independent(constraints.real, len(self.in_shape))

    @constraints.dependent_property(is_discrete=False)
    def codomain(self):
        """Real numbers."""
        return constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """0."""
        return x.new_zeros(x.shape[: x.dim() - len(self.in_shape)])

    def forward_shape(self, shape):
        """With `out_shape` at the end."""
        return _with_end(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape):
        """With `in_shape` at the end."""
        return _with_end(shape, self.out_shape, self.in_shape)


def _with_end(shape, end: Size, new: Size) -> Size:
    enough_axes(shape, len(end))
    cut = len(shape) - len(end)
    if tuple(shape[cut:]) != tuple(end):
        raise ValueError(f"Shape mismatch: expected {end} but got {Size(shape[cut:])}")
    return Size(shape[:cut]) + new


class CatTransform(Transform):
    """One transform for each of several stretches along `dim`."""

    _cut, _join = staticmethod(lambda x, dim, lengths: x.split(lengths, dim)), staticmethod(cat)

    def __init__(self, tseq, dim: int = 0, lengths=None, cache_size: int = 0):
        super().__init__(cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(
                f"{type(self).__name__}: {len(self.lengths)} lengths for {len(tseq)} transforms"
            )
        self.dim = dim

    def _settings(self) -> tuple:
        return self.transforms, self.dim, self.lengths

    @property
    def event_dim(self) -> int:
        """That of the part with the largest events."""
        return max(t.event_dim for t in self.transforms)

    @property
    def length(self) -> int:
        """How much of `dim` the parts take."""
        return sum(self.lengths)

    def _each(self, *tensors: Tensor):
        """Each transform with its part of the tensors."""
        return zip(self.transforms, *[self._cut(t, self.dim, self.lengths) for t in tensors], strict=True)

    def _call(self, x: Tensor) -> Tensor:
        return self._join([t(part) for t, part in self._each(x)], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        return self._join([t.inv(part) for t, part in self._each(y)], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Each part's, summed where `dim` is an axis of the event."""
        terms = [
            sum_rightmost(t.log_abs_det_jacobian(a, b), self.event_dim - t.event_dim)
            for t, a, b in self._each(x, y)
        ]
        dim = (self.dim if self.dim < 0 else self.dim - x.dim()) + self.event_dim
        return self._join(terms, dim) if dim < 0 else reduce(add, terms)

    @property
    def bijective(self) -> bool:
        """Whether all parts are."""
        return all(t.bijective for t in self.transforms)

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        """Each part's."""
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self):
        """Each part's."""
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(CatTransform):
    """One transform for each index along `dim`."""

    _cut, _join = staticmethod(lambda x, dim, lengths: x.unbind(dim)), staticmethod(stack)

    def __init__(self, tseq, dim: int = 0, cache_size: int = 0):
        super().__init__(tseq, dim, None, cache_size)

    def _settings(self) -> tuple:
        return self.transforms, self.dim

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        """Each part's."""
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self):
        """Each part's."""
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

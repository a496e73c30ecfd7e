"""What all transforms share: a function, its inverse, and how it stretches volume."""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from .. import constraints


class Transform:
    """Base of all: `transform(x)` gives y, `transform.inv(y)` gives x, `log_abs_det_jacobian(x, y)` the
    logarithm of |dy/dx|, one number per event.

    One of its own defines `domain`, `codomain`, `_call`, and if it can `_inverse` and
    `log_abs_det_jacobian`. With `cache_size=1` the inverse of the y it gave last is the very x it came
    from.
    """

    bijective: Any = False
    domain: Any
    codomain: Any

    def __init__(self, cache_size: int = 0):
        if cache_size not in (0, 1):
            raise ValueError(f"cache_size must be 0 or 1, but is {cache_size}")
        self._cache_size = cache_size
        self._cached: tuple = (None, None)
        self._inv: Transform | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_inv": None, "_cached": (None, None)}

    @property
    def event_dim(self) -> int:
        """The number of axes of an event, where it is the same on both sides."""
        if self.domain.event_dim != self.codomain.event_dim:
            raise ValueError("Please use either .domain.event_dim or .codomain.event_dim")
        return self.domain.event_dim

    @property
    def inv(self) -> Transform:
        """The inverse, whose inverse is this one."""
        if self._inv is None:
            self._inv = InverseTransform(self)
        return self._inv

    @property
    def sign(self) -> Any:
        """1 where it rises and -1 where it falls, for functions of single numbers."""
        raise NotImplementedError(f"{type(self).__name__} does not say whether it rises")

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same transform with another cache size."""
        if self._cache_size == cache_size:
            return self
        cls: Any = type(self)
        if cls.__init__ is not Transform.__init__ and cls._settings is Transform._settings:
            raise NotImplementedError(f"{cls.__name__} does not define with_cache")
        return cls(*self._settings(), cache_size=cache_size)

    def _settings(self) -> tuple:
        """What its constructor takes besides the cache size."""
        return ()

    def __call__(self, x: Tensor) -> Tensor:
        """y for x."""
        if self._cache_size == 0:
            return self._call(x)
        if x is not self._cached[0]:
            self._cached = x, self._call(x)
        return self._cached[1]

    def _inv_call(self, y: Tensor) -> Tensor:
        if self._cache_size == 0:
            return self._inverse(y)
        if y is not self._cached[1]:
            self._cached = self._inverse(y), y
        return self._cached[0]

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define _call")

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """log |dy/dx|."""
        raise NotImplementedError(f"{type(self).__name__} has no log_abs_det_jacobian")

    def __repr__(self) -> str:
        return type(self).__name__ + "()"

    def forward_shape(self, shape):
        """The shape of y for x of a shape."""
        return shape

    def inverse_shape(self, shape):
        """The shape of x for y of a shape."""
        return shape


class ByValue(Transform):
    """A transform that equals another of its class with the same settings."""

    def __eq__(self, other) -> bool:
        return type(self) is type(other) and all(map(_same, self._settings(), other._settings()))

    __hash__ = object.__hash__


def _same(a, b) -> bool:
    equal = a == b
    return bool(equal.all()) if isinstance(equal, Tensor) else equal


def enough_axes(shape, axes: int) -> None:
    if len(shape) < axes:
        raise ValueError(f"Too few dimensions on input: {len(shape)}, where an event has {axes}")


class InverseTransform(Transform):
    def __init__(self, transform: Transform):
        super().__init__(transform._cache_size)
        self._inv: Transform = transform

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        """What the transform gives."""
        return self._inv.codomain

    @constraints.dependent_property(is_discrete=False)
    def codomain(self):
        """What the transform takes."""
        return self._inv.domain

    @property
    def bijective(self) -> bool:
        """As the transform."""
        return self._inv.bijective

    @property
    def sign(self) -> Any:
        """As the transform."""
        return self._inv.sign

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The inverse of the transform with another cache size."""
        return self._inv.with_cache(cache_size).inv

    def __eq__(self, other) -> bool:
        return isinstance(other, InverseTransform) and self._inv == other._inv

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._inv!r})"

    def __call__(self, x: Tensor) -> Tensor:
        return self._inv._inv_call(x)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The transform's, negated."""
        return -self._inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape):
        """The transform's inverse shape."""
        return self._inv.inverse_shape(shape)

    def inverse_shape(self, shape):
        """The transform's forward shape."""
        return self._inv.forward_shape(shape)

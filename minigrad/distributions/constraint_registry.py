"""From a constraint to a transform of all real numbers into its region."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from . import constraints as c
from .transforms import (
    AffineTransform,
    CatTransform,
    ComposeTransform,
    CorrCholeskyTransform,
    ExpTransform,
    IndependentTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    SigmoidTransform,
    SoftmaxTransform,
    StackTransform,
    StickBreakingTransform,
    Transform,
    identity_transform,
)


class ConstraintRegistry:
    """Functions that make a transform for a constraint, by the constraint's class."""

    def __init__(self) -> None:
        self._registry: dict[type, Callable] = {}

    def register(self, constraint, factory: Callable | None = None):
        """Let `factory(constraint)` make the transforms for a class of constraints; a decorator without
        it.
        """
        if factory is None:
            return partial(self.register, constraint)
        kind = type(constraint) if isinstance(constraint, c.Constraint) else constraint
        if not isinstance(kind, type) or not issubclass(kind, c.Constraint):
            raise TypeError(
                f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}"
            )
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint) -> Transform:
        """A transform from all real numbers to where the constraint holds."""
        if type(constraint) not in self._registry:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return self._registry[type(constraint)](constraint)


biject_to = ConstraintRegistry()  # bijections, for methods that need densities
transform_to = ConstraintRegistry()  # simpler ones that may map many to one, for optimization


def _above(constraint) -> Transform:
    return ComposeTransform([ExpTransform(), AffineTransform(constraint.lower_bound, 1)])


def _below(constraint) -> Transform:
    return ComposeTransform([ExpTransform(), AffineTransform(constraint.upper_bound, -1)])


def _between(constraint) -> Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, int | float) and isinstance(high, int | float) and (low, high) == (0, 1):
        return SigmoidTransform()
    return ComposeTransform([SigmoidTransform(), AffineTransform(low, high - low)])


def _positive(constraint) -> Transform:
    """Of `positive` and `nonnegative`, and of those like them with another bound."""
    plain = isinstance(constraint.lower_bound, int | float) and constraint.lower_bound == 0
    return ExpTransform() if plain else _above(constraint)


for _registry in (biject_to, transform_to):
    _registry.register(c.real, lambda constraint: identity_transform)
    _registry.register(c.greater_than, _positive)
    _registry.register(c.greater_than_eq, _positive)
    _registry.register(c.less_than, _below)
    _registry.register(c.interval, _between)
    _registry.register(c.half_open_interval, _between)
    _registry.register(c.corr_cholesky, lambda constraint: CorrCholeskyTransform())
    _registry.register(
        c.independent,
        lambda k, to=_registry: IndependentTransform(to(k.base_constraint), k.reinterpreted_batch_ndims),
    )
    _registry.register(
        c.cat, lambda k, to=_registry: CatTransform([to(part) for part in k.cseq], k.dim, k.lengths)
    )
    _registry.register(c.stack, lambda k, to=_registry: StackTransform([to(part) for part in k.cseq], k.dim))

biject_to.register(c.simplex, lambda constraint: StickBreakingTransform())
transform_to.register(c.simplex, lambda constraint: SoftmaxTransform())
transform_to.register(c.lower_cholesky, lambda constraint: LowerCholeskyTransform())
transform_to.register(c.positive_definite, lambda constraint: PositiveDefiniteTransform())
transform_to.register(c.positive_semidefinite, lambda constraint: PositiveDefiniteTransform())

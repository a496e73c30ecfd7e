"""Where a parameter or a value may lie: `constraint.check(value)` says it for each event."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..linalg import eigvalsh
from ..ops import cat as joined
from ..ops import full, isclose
from ..ops import stack as stacked
from ..tensor import Tensor


class Constraint:
    """A region; `event_dim` is the number of last axes that make one event, `is_discrete` whether it has
    gaps.
    """

    is_discrete: Any = False
    event_dim: Any = 0

    def check(self, value: Tensor) -> Tensor:
        """Whether each event lies in the region: a boolean tensor without the axes of an event."""
        raise NotImplementedError(f"{type(self).__name__} does not define check()")

    def __repr__(self) -> str:
        settings = [f"{name}={value}" for name, value in vars(self).items() if not name.startswith("_")]
        return f"{type(self).__name__.lstrip('_')}({', '.join(settings)})"


# ---- regions that depend on other parameters -------------------------------------------------------------
class _Dependent(Constraint):
    """A region that is only known when a distribution's parameters are."""

    def __init__(self, *, is_discrete=NotImplemented, event_dim=NotImplemented):
        self._known = {"is_discrete": is_discrete, "event_dim": event_dim}

    def _static(self, name: str):
        if self._known[name] is NotImplemented:
            raise NotImplementedError(f".{name} cannot be determined statically")
        return self._known[name]

    @property
    def is_discrete(self) -> bool:
        """Whether it has gaps, where that is known."""
        return self._static("is_discrete")

    @property
    def event_dim(self) -> int:
        """The number of axes of an event, where that is known."""
        return self._static("event_dim")

    def __call__(self, **known):
        return _Dependent(**{**self._known, **known})

    def check(self, value: Tensor) -> Tensor:
        """Refuses: the parameters are not known here."""
        raise ValueError("Cannot determine validity of dependent constraint")


class dependent_property(property, _Dependent):
    """A property that gives a distribution's constraint; on the class it stands for one that is not known."""

    def __init__(self, fn=None, *, is_discrete=NotImplemented, event_dim=NotImplemented):
        property.__init__(self, fn)
        self._known = {"is_discrete": is_discrete, "event_dim": event_dim}

    def __call__(self, fn):  # type: ignore[override]
        return dependent_property(fn, **self._known)


def is_dependent(constraint) -> bool:
    """Whether a constraint depends on parameters that it does not know."""
    return isinstance(constraint, _Dependent)


class _WithBase(Constraint):
    base_constraint: Constraint

    @property
    def is_discrete(self) -> bool:
        """Whether it has gaps, as its base."""
        return self.base_constraint.is_discrete


class _IndependentConstraint(_WithBase):
    """Holds where the base holds for all of the last `reinterpreted_batch_ndims` axes of its batch."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int):
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    @property
    def event_dim(self) -> int:
        """The base's, and those that are reinterpreted."""
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        """Whether all parts of an event lie in the base's region."""
        result = self.base_constraint.check(value)
        if result.dim() < self.reinterpreted_batch_ndims:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        return result.reshape(*result.shape[: result.dim() - self.reinterpreted_batch_ndims], -1).all(-1)


class MixtureSameFamilyConstraint(_WithBase):
    """A mixture's support: where all of its components have theirs."""

    def __init__(self, base_constraint: Constraint):
        self.base_constraint = base_constraint

    @property
    def event_dim(self) -> int:
        """The components'."""
        return self.base_constraint.event_dim

    def check(self, value: Tensor) -> Tensor:
        """Whether a value lies in every component's support."""
        kept = value.dim() - self.event_dim
        result = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        return result.reshape(*result.shape[:kept], -1).all(-1)


# ---- numbers ---------------------------------------------------------------------------------------------
class _Boolean(Constraint):
    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        """0 or 1."""
        return (value == 0) | (value == 1)


class _Real(Constraint):
    def check(self, value: Tensor) -> Tensor:
        """Anything but NaN."""
        return value == value


class _Bounded(Constraint):
    def __init__(self, lower_bound, upper_bound):
        self.lower_bound, self.upper_bound = lower_bound, upper_bound


class _Interval(_Bounded):
    def check(self, value: Tensor) -> Tensor:
        """Between the bounds, or on one."""
        return (self.lower_bound <= value) & (value <= self.upper_bound)


class _HalfOpenInterval(_Bounded):
    def check(self, value: Tensor) -> Tensor:
        """Between the bounds, or on the lower."""
        return (self.lower_bound <= value) & (value < self.upper_bound)


class _IntegerInterval(_Interval):
    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        """An integer between the bounds, or on one."""
        return super().check(value) & (value % 1 == 0)


class _Above(Constraint):
    def __init__(self, lower_bound):
        self.lower_bound = lower_bound


class _GreaterThan(_Above):
    def check(self, value: Tensor) -> Tensor:
        """Greater than the bound."""
        return self.lower_bound < value


class _GreaterThanEq(_Above):
    def check(self, value: Tensor) -> Tensor:
        """Not less than the bound."""
        return self.lower_bound <= value


class _IntegerGreaterThan(_GreaterThanEq):
    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        """An integer, not less than the bound."""
        return super().check(value) & (value % 1 == 0)


class _LessThan(Constraint):
    def __init__(self, upper_bound):
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Less than the bound."""
        return value < self.upper_bound


# ---- vectors ---------------------------------------------------------------------------------------------
class _OneHot(Constraint):
    is_discrete, event_dim = True, 1

    def check(self, value: Tensor) -> Tensor:
        """A single one among zeros."""
        return boolean.check(value).all(-1) & (value.sum(-1) == 1)


class _Simplex(Constraint):
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Not negative, with a sum of 1 up to 1e-6."""
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class _Multinomial(Constraint):
    is_discrete, event_dim = True, 1

    def __init__(self, upper_bound):
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Counts whose sum is not above the bound; PyTorch, too, asks for no more."""
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


# ---- matrices --------------------------------------------------------------------------------------------
class _OfMatrices(Constraint):
    event_dim = 2


class _LowerTriangular(_OfMatrices):
    def check(self, value: Tensor) -> Tensor:
        """Zero above the diagonal."""
        return (value.tril() == value).all(-1).all(-1)


class _LowerCholesky(_LowerTriangular):
    def check(self, value: Tensor) -> Tensor:
        """Lower triangular, with a positive diagonal."""
        return super().check(value) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class _CorrCholesky(_LowerCholesky):
    def check(self, value: Tensor) -> Tensor:
        """A Cholesky factor whose rows have length 1."""
        tolerance = dtypes.finfo(value.dtype).eps * value.shape[-1] * 10
        length = value.detach().square().sum(-1).sqrt()
        return super().check(value) & ((length - 1).abs() <= tolerance).all(-1)


class _Square(_OfMatrices):
    def check(self, value: Tensor) -> Tensor:
        """As many rows as columns."""
        return full(value.shape[:-2], value.shape[-2] == value.shape[-1], device=value.device)


class _Symmetric(_Square):
    def check(self, value: Tensor) -> Tensor:
        """Equal to its transpose up to 1e-6."""
        square = super().check(value)
        return isclose(value, value.mT, atol=1e-6).all(-2).all(-1) if square.all() else square


class _PositiveSemidefinite(_Symmetric):
    def check(self, value: Tensor) -> Tensor:
        """Symmetric, without negative eigenvalues."""
        symmetric = super().check(value)
        return (eigvalsh(value.detach()) >= 0).all(-1) if symmetric.all() else symmetric


class _PositiveDefinite(_Symmetric):
    def check(self, value: Tensor) -> Tensor:
        """Symmetric, with positive eigenvalues."""
        symmetric = super().check(value)
        return (eigvalsh(value.detach()) > 0).all(-1) if symmetric.all() else symmetric


# ---- one constraint per part of a tensor -----------------------------------------------------------------
class _Cat(Constraint):
    """One constraint for each of several stretches along `dim`."""

    def __init__(self, cseq, dim: int = 0, lengths=None):
        self.cseq, self.dim = list(cseq), dim
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.cseq):
            raise AssertionError(
                f"constraints.cat: {len(self.lengths)} lengths for {len(self.cseq)} constraints"
            )

    @property
    def is_discrete(self) -> bool:
        """Whether any part has gaps."""
        return any(c.is_discrete for c in self.cseq)

    @property
    def event_dim(self) -> int:
        """That of the part with the largest events."""
        return max(c.event_dim for c in self.cseq)

    def check(self, value: Tensor) -> Tensor:
        """Each stretch by its own constraint."""
        parts = value.split(self.lengths, self.dim)
        return joined([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], self.dim)


class _Stack(_Cat):
    """One constraint for each index along `dim`."""

    def __init__(self, cseq, dim: int = 0):
        super().__init__(cseq, dim)

    @property
    def event_dim(self) -> int:
        """That of the part with the largest events, and `dim` itself if it is among their axes."""
        most = max(c.event_dim for c in self.cseq)
        return most + 1 if self.dim + most < 0 else most

    def check(self, value: Tensor) -> Tensor:
        """Each index by its own constraint."""
        parts = value.unbind(self.dim)
        return stacked([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], self.dim)


dependent = _Dependent()
independent = _IndependentConstraint
boolean = _Boolean()
one_hot = _OneHot()
nonnegative_integer = _IntegerGreaterThan(0)
positive_integer = _IntegerGreaterThan(1)
integer_interval = _IntegerInterval
real = _Real()
real_vector = independent(real, 1)
positive = _GreaterThan(0.0)
nonnegative = _GreaterThanEq(0.0)
greater_than = _GreaterThan
greater_than_eq = _GreaterThanEq
less_than = _LessThan
multinomial = _Multinomial
unit_interval = _Interval(0.0, 1.0)
interval = _Interval
half_open_interval = _HalfOpenInterval
simplex = _Simplex()
lower_triangular = _LowerTriangular()
lower_cholesky = _LowerCholesky()
corr_cholesky = _CorrCholesky()
square = _Square()
symmetric = _Symmetric()
positive_semidefinite = _PositiveSemidefinite()
positive_definite = _PositiveDefinite()
cat = _Cat
stack = _Stack

"""What all distributions share: shapes, checks of parameters and values, and the names of what can be asked.

A distribution of its own needs `arg_constraints`, `support`, and what it can answer of `mean`, `variance`,
`rsample` (or `sample`) and `log_prob`. Those of this package write the formulas of `log_prob` and `cdf` as
`_log_prob` and `_cdf`, which see values that were checked.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..autograd.grad_mode import no_grad
from ..ops import arange, exp
from ..tensor import Size, Tensor
from . import constraints
from .utils import lazy_property


class Distribution:
    """Base of all distributions. `batch_shape` says how many there are, `event_shape` what a value of one
    looks like; a sample has shape (*sample_shape, *batch_shape, *event_shape).
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args = __debug__
    #: the tensors and distributions it is made of, each with how many of its axes stand behind the batch's
    _made_of: dict[str, int] = {}

    def __init__(self, batch_shape=(), event_shape=(), validate_args: bool | None = None):
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions made from now on check their parameters and values."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: the value must be True or False, but is {value!r}")
        Distribution._validate_args = value

    def expand(self, batch_shape, _instance=None):
        """The same distributions, repeated to a larger batch shape without copying."""
        maker = next(c for c in type(self).__mro__ if "_made_of" in vars(c))
        new = self._get_checked_instance(maker, _instance)
        vars(new).update(vars(self))
        new._batch_shape = Size(batch_shape)
        for name, axes in self._made_of.items():
            if name in vars(self):
                vars(new)[name] = self._expanded(name, axes, new._batch_shape)
        return new

    def _expanded(self, name: str, axes: int, batch_shape: Size):
        """One of its parts for a larger batch."""
        part = vars(self)[name]
        if isinstance(part, Distribution):
            return part.expand(batch_shape + part.batch_shape[len(part.batch_shape) - axes :])
        return part.expand(batch_shape + part.shape[part.dim() - axes :])

    # ---- what can be asked -----------------------------------------------------------------------
    @property
    def batch_shape(self) -> Size:
        """How many distributions there are."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one value of one distribution."""
        return self._event_shape

    @property
    def arg_constraints(self) -> dict[str, Any]:
        """Where each parameter may lie."""
        raise NotImplementedError(f"{type(self).__name__} does not define arg_constraints")

    @property
    def support(self) -> Any:
        """Where its values lie."""
        raise NotImplementedError(f"{type(self).__name__} does not define support")

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError(f"{type(self).__name__} does not implement mean")

    @property
    def mode(self) -> Tensor:
        """The value with the highest density."""
        raise NotImplementedError(f"{type(self).__name__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError(f"{type(self).__name__} does not implement variance")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape=()) -> Tensor:
        """Values (*sample_shape, *batch_shape, *event_shape), without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=()) -> Tensor:
        """Values (*sample_shape, *batch_shape, *event_shape) through which gradients reach the parameters."""
        raise NotImplementedError(
            f"{type(self).__name__} does not implement rsample; sample() has no gradient"
        )

    def sample_n(self, n: int) -> Tensor:
        """`sample((n,))`, PyTorch's older spelling."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning, stacklevel=2
        )
        return self.sample(Size((n,)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability of discrete values; one number per event."""
        if self._validate_args:
            self._validate_sample(value)
        return self._log_prob(value)

    def _log_prob(self, value: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not implement log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a value that is not larger."""
        if self._validate_args:
            self._validate_sample(value)
        return self._cdf(value)

    def _cdf(self, value: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not implement cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The value that has the given probability below it."""
        raise NotImplementedError(f"{type(self).__name__} does not implement icdf")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of discrete distributions along a new first axis, as (number of values,
        *batch_shape), with ones for the batch's sizes if `expand` is False.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement enumerate_support")

    def entropy(self) -> Tensor:
        """The entropy in nats, one number per distribution."""
        raise NotImplementedError(f"{type(self).__name__} does not implement entropy")

    def perplexity(self) -> Tensor:
        """exp(entropy): how many equally likely values would be as uncertain."""
        return exp(self.entropy())

    def __repr__(self) -> str:
        shown = [name for name in self.arg_constraints if name in vars(self)]
        values = [(name, vars(self)[name]) for name in shown]
        parts = [f"{name}: {v if v.numel() == 1 else v.size()}" for name, v in values]
        return f"{type(self).__name__}({', '.join(parts)})"

    # ---- checks ----------------------------------------------------------------------------------
    def _check_parameters(self) -> None:
        try:
            bounds = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or "
                "initialize the distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        for name, constraint in bounds.items():
            lazy = name not in vars(self) and isinstance(getattr(type(self), name, None), lazy_property)
            if lazy or constraints.is_dependent(constraint):
                continue
            value = getattr(self, name)
            refuse_outside(f"parameter {name}", value, self, "satisfy the constraint", constraint)

    def _validate_sample(self, value: Tensor) -> None:
        """Refuse a value of another shape, and one outside the support."""
        if not isinstance(value, Tensor):
            raise ValueError(
                f"{type(self).__name__}: the value must be a Tensor, but is {type(value).__name__}; "
                "wrap it: minigrad.tensor(...)"
            )
        shape, wanted = value.shape, self._batch_shape + self._event_shape
        if shape[len(shape) - len(self._event_shape) :] != self._event_shape:
            raise ValueError(
                f"{type(self).__name__}: The right-most size of value must match event_shape: "
                f"{shape} vs {self._event_shape}."
            )
        if any(i not in (1, j) and j != 1 for i, j in zip(shape[::-1], wanted[::-1], strict=False)):
            raise ValueError(
                f"{type(self).__name__}: Value is not broadcastable with batch_shape+event_shape: "
                f"{shape} vs {wanted}."
            )
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=4,
            )
            return
        refuse_outside("value argument", value, self, "lie within the support", support)

    # ---- for subclasses --------------------------------------------------------------------------
    def _extended_shape(self, sample_shape=()) -> Size:
        """The shape of a sample."""
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def _filled(self, number: float, like: Tensor) -> Tensor:
        """One number for each event."""
        return like.new_full(self._extended_shape(), number)

    def _enumerated(self, count: int, like: Tensor, expand: bool, dtype=None) -> Tensor:
        """0 .. count-1, as `enumerate_support` gives them."""
        values = arange(count, dtype=dtype or like.dtype, device=like.device)
        values = values.view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values

    def _get_checked_instance(self, cls: Any, _instance=None):
        """A new instance for `expand` to fill; refused where a subclass of `cls` has parameters of its
        own.
        """
        if _instance is None and (cls is Distribution or type(self).__init__ is not cls.__init__):
            raise NotImplementedError(
                f"{type(self).__name__}: a distribution with an __init__ of its own must also define expand()"
            )
        return self.__new__(type(self)) if _instance is None else _instance


def refuse_outside(what: str, value: Tensor, where: Distribution, must: str, constraint) -> None:
    """ValueError with the first event that a constraint does not hold for."""
    holds = np.asarray(constraint.check(value).cpu())
    if holds.all():
        return
    place = tuple(np.argwhere(~holds)[0].tolist()) if holds.shape == value.shape[: holds.ndim] else ()
    raise ValueError(
        f"Expected {what} (Tensor of shape {tuple(value.shape)}) of distribution {where!r} to "
        f"{must} {constraint!r}, but found invalid values: {value[place].tolist()} at {place}; "
        "correct them, or pass validate_args=False"
    )

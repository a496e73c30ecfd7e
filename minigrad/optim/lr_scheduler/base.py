"""LRScheduler: sets the learning rate of each parameter group anew at every `step()`.

A scheduler computes the next rate from the present one (`_next`), not from the first, so that several can act
on one optimizer and their factors multiply. Its own first step happens when it is made: the first rate is set
at once.
"""

from __future__ import annotations

import warnings
from typing import Any

from ...tensor import Tensor
from ..optimizer import Group, Optimizer

LATE_STEP = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first value of the learning rate "
    "schedule is skipped. Call them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`."
)
EPOCH_ARGUMENT = (
    "The epoch parameter in `scheduler.step()` is deprecated; call `scheduler.step()` once per epoch instead."
)


def value_of(value):
    """A Python number, also where a group holds its rate as a tensor."""
    return value.item() if isinstance(value, Tensor) else value


def present(optimizer: Optimizer, key: str) -> list:
    """What the groups hold under a key; tensors as copies."""
    return [
        group[key].clone() if isinstance(group[key], Tensor) else group[key]
        for group in optimizer.param_groups
    ]


def assign(group: Group, key: str, value) -> None:
    """Set an option of a group; a tensor keeps its identity."""
    if isinstance(group[key], Tensor):
        group[key].array[...] = value_of(value)
        group[key].version[0] += 1
    else:
        group[key] = value


def per_group(name: str, optimizer: Optimizer, value) -> list:
    """One value per group: the given ones, or the given one for all."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, "
            f"param_groups has {groups}."
        )
    return list(value)


def check_optimizer(optimizer) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


class LRScheduler:
    """Base of all schedulers; one of your own overrides `get_lr()`.

    `last_epoch` counts the steps, from -1; to resume, give the count, and groups that hold their
    "initial_lr".
    """

    _get_lr_called_within_step = False
    _is_initial = False
    _at: Any = (
        None  # _at(base_lr): the rate at `last_epoch` without what came before, where there is such a formula
    )

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", value_of(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming a "
                    f"scheduler with last_epoch={last_epoch}: load the optimizer's state first, or leave "
                    "last_epoch at -1"
                )
        self.base_lrs = present(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        """The step that is part of making a scheduler."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def step(self, epoch: int | None = None) -> None:
        """Set the next learning rates; call it after `optimizer.step()`."""
        if self._step_count == 1 and not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(LATE_STEP, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_ARGUMENT, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if epoch is not None and self._at is not None:
            self._set([self._at(value_of(base_lr)) for base_lr in self.base_lrs])
        else:
            self._set(self._lr_within_step())

    def _lr_within_step(self) -> list:
        self._get_lr_called_within_step = True
        try:
            return self.get_lr()
        finally:
            self._get_lr_called_within_step = False

    def _set(self, rates: list) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            assign(group, "lr", lr)
        self._last_lr = present(self.optimizer, "lr")

    def get_last_lr(self) -> list:
        """The learning rates of the groups, as this scheduler last set them."""
        return self._last_lr

    def get_lr(self) -> list:
        """The next learning rates of the groups. To read the present ones call `get_last_lr()`."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=2,
            )
        groups = zip(self.optimizer.param_groups, self.base_lrs, strict=True)
        return [self._next(value_of(group["lr"]), value_of(base_lr)) for group, base_lr in groups]

    def _next(self, lr: float, base_lr: float) -> float:
        """A group's next rate, from its present and its first one."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def state_dict(self) -> dict[str, Any]:
        """All that the scheduler is, but for its optimizer, which has a state dict of its own."""
        return {key: value for key, value in vars(self).items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict()` gave."""
        vars(self).update(state_dict)

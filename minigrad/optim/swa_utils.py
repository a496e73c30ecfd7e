"""Averages of weights: a model that follows another's average, and the learning rate that goes with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain

import numpy as np

from ..engine import recording_mode, untracked
from ..nn.modules.batchnorm import _BatchNorm
from ..nn.modules.module import Module
from ..tensor import Tensor
from .lr_scheduler.base import LRScheduler, per_group
from .optimizer import Optimizer


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """avg_fn for an exponential average: decay * average + (1 - decay) * current."""
    _check_decay(decay)

    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> Callable:
    """avg_fn for the plain mean of all models so far."""

    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (int(num_averaged) + 1)

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """multi_avg_fn for an exponential average; as `get_ema_avg_fn`, on lists and in place."""
    _check_decay(decay)

    def ema_update(ema_param_list: list, current_param_list: list, num_averaged) -> None:
        _move_towards(ema_param_list, current_param_list, 1 - decay)

    return ema_update


def get_swa_multi_avg_fn() -> Callable:
    """multi_avg_fn for the plain mean; as `get_swa_avg_fn`, on lists and in place."""

    def swa_update(averaged_param_list: list, current_param_list: list, num_averaged) -> None:
        _move_towards(averaged_param_list, current_param_list, 1 / (int(num_averaged) + 1))

    return swa_update


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def _move_towards(averages: list, currents: list, share: float) -> None:
    for average, current in zip(averages, currents, strict=True):
        average.array[...] = average.array + share * (current.array - average.array)
        average.version[0] += 1


class AveragedModel(Module):
    """A copy of `model` whose parameters become the average of those it is shown by
    `update_parameters(model)`.

    The average is `avg_fn(average, current, number so far)`, or `multi_avg_fn` on the lists of both, in
    place; the plain mean if neither is given. Buffers are averaged with `use_buffers`, else copied. Izmailov
    et al., "Averaging weights leads to wider optima and better generalization" (2018).
    """

    def __init__(
        self,
        model: Module,
        device=None,
        avg_fn: Callable | None = None,
        multi_avg_fn: Callable | None = None,
        use_buffers: bool = False,
    ):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", untracked(np.asarray(0)))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args, **kwargs):
        """What the averaged model computes."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the model's present parameters into the average; the first call copies them."""
        with recording_mode(False):
            averages, currents = (_averaged_part(m, self.use_buffers) for m in (self.module, model))
            currents = [c.to(a.device) for a, c in zip(averages, currents, strict=True)]
            if int(self.n_averaged) == 0:
                _copy(averages, currents)
            elif self.avg_fn is not None:
                _copy(
                    averages,
                    [self.avg_fn(a, c, self.n_averaged) for a, c in zip(averages, currents, strict=True)],
                )
            else:
                self._average_by_kind(averages, currents)
            if not self.use_buffers:
                _copy(list(self.module.buffers()), list(model.buffers()))
        self.n_averaged.array[...] += 1

    def _average_by_kind(self, averages: list, currents: list) -> None:
        """Call multi_avg_fn once for the tensors of each dtype and device."""
        average = self.multi_avg_fn or get_swa_multi_avg_fn()
        kinds: dict[tuple, list[int]] = {}
        for i, tensor in enumerate(averages):
            kinds.setdefault((tensor.dtype, tensor.device), []).append(i)
        for places in kinds.values():
            average([averages[i] for i in places], [currents[i] for i in places], self.n_averaged)


def _averaged_part(model: Module, use_buffers: bool) -> list:
    tensors = chain(model.parameters(), model.buffers()) if use_buffers else model.parameters()
    return [t.detach() for t in tensors]


def _copy(targets: list, sources: list) -> None:
    for target, source in zip(targets, sources, strict=True):
        target.array[...] = source.to(target.device).array
        target.version[0] += 1


def update_bn(loader: Iterable, model: Module, device=None) -> None:
    """Compute the running statistics of all batch-norm layers anew, from one pass over the data.

    Averaged weights have not been through training with the statistics they hold. `loader` yields batches, or
    tuples whose first entry is one.
    """
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not layers:
        return
    was_training, momenta = model.training, [layer.momentum for layer in layers]
    model.train()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over all batches
    try:
        with recording_mode(False):
            for batch in loader:
                batch = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(batch if device is None else batch.to(device))
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.train(was_training)


def _line(share: float) -> float:
    return share


def _cosine(share: float) -> float:
    return (1 - math.cos(math.pi * share)) / 2


ANNEAL = {"cos": _cosine, "linear": _line}


class SWALR(LRScheduler):
    """From each group's rate to `swa_lr` within `anneal_epochs`, along a cosine or ("linear") a line."""

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ):
        if anneal_strategy not in ANNEAL:
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        for group, rate in zip(optimizer.param_groups, per_group("swa_lr", optimizer, swa_lr), strict=True):
            group["swa_lr"] = rate
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        """The next learning rates of the groups."""
        step, length = self._step_count - 1, max(1, self.anneal_epochs)
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = (ANNEAL[self._anneal_strategy](max(0, min(1, s / length))) for s in (step - 1, step))
        return [
            self._between(group["lr"], group["swa_lr"], before, now) for group in self.optimizer.param_groups
        ]

    def _between(self, lr: float, swa_lr: float, before: float, now: float) -> float:
        """From the rate that was `before` of the way to `swa_lr`, the rate that is `now` of the way."""
        start = swa_lr if before == 1 else (lr - before * swa_lr) / (1 - before)
        return swa_lr * now + start * (1 - now)

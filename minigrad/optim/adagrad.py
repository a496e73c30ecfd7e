"""Adagrad: the gradient divided by the size of all gradients so far."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..backend import module_of
from ..engine import untracked
from .elementwise import ElementwiseOptimizer
from .optimizer import Group, ParamsT, check_lr, require


class Adagrad(ElementwiseOptimizer):
    """p -= lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps), with s += g**2.

    s starts from `initial_accumulator_value`, which as in PyTorch is one for all groups. `weight_decay`
    adds weight_decay * p to g; `maximize` climbs. Duchi, Hazan and Singer, "Adaptive subgradient methods
    for online learning and stochastic optimization" (2011). `foreach` and `fused` are hints that change
    nothing here.
    """

    def __init__(
        self,
        params: ParamsT,
        lr=1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        check_lr(lr)
        require(lr_decay >= 0, "lr_decay value", lr_decay)
        require(weight_decay >= 0, "weight_decay value", weight_decay)
        require(initial_accumulator_value >= 0, "initial_accumulator_value value", initial_accumulator_value)
        require(eps >= 0, "epsilon value", eps)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p] = self._first_state(p.array)

    def _first_state(self, array) -> dict:
        """What PyTorch's Adagrad holds before its first step, unlike the others."""
        start = self.defaults["initial_accumulator_value"] * (1 + 1j if array.dtype.kind == "c" else 1)
        step = np.zeros((), dtypes.get_default_dtype().numpy)
        return {
            "step": untracked(step),
            "sum": untracked(module_of(array).full(array.shape, start, array.dtype)),
        }

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("sum",)

    def _initial(self, name: str, group: Group) -> float:
        return self.defaults["initial_accumulator_value"] if name == "sum" else 0.0

    def _numbers(self, group: Group, step: float) -> tuple[tuple, tuple]:
        return (float(group["lr"]) / (1 + step * group["lr_decay"]), group["eps"]), (step + 1,)

    @staticmethod
    def _rule(numbers: tuple, p, g, state: tuple, work: tuple) -> None:
        rate, eps = numbers
        (s,) = state
        d = work[0]
        s += np.multiply(g, g, d)
        np.sqrt(s, d)
        d += eps
        np.divide(g, d, d)
        d *= rate

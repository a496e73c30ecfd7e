"""Adadelta: steps as large as recent steps were, without a learning rate to choose."""

from __future__ import annotations

import numpy as np

from .elementwise import ElementwiseOptimizer, average_square
from .optimizer import Group, ParamsT, check_lr, require


class Adadelta(ElementwiseOptimizer):
    """p -= lr * d, with d = sqrt(u + eps) / sqrt(v + eps) * g, and u and v running averages of d**2 and g**2.

    Both forget at the rate `rho`: v = rho * v + (1 - rho) * g**2. `weight_decay` adds weight_decay * p to g;
    `maximize` climbs. Zeiler, "ADADELTA: an adaptive learning rate method" (2012). `foreach` is a hint that
    changes nothing here.
    """

    def __init__(
        self,
        params: ParamsT,
        lr=1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_lr(lr)
        require(0 <= rho <= 1, "rho value", rho)
        require(eps >= 0, "epsilon value", eps)
        require(weight_decay >= 0, "weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    def _numbers(self, group: Group, step: float) -> tuple[tuple, tuple]:
        return (float(group["lr"]), group["rho"], group["eps"]), (step + 1,)

    @staticmethod
    def _rule(numbers: tuple, p, g, state: tuple, work: tuple) -> None:
        lr, rho, eps = numbers
        v, u = state
        d, t, _ = work
        average_square(v, g, rho, t)
        np.sqrt(np.add(v, eps, t), t)
        np.sqrt(np.add(u, eps, d), d)
        d /= t
        d *= g
        average_square(u, d, rho, t)
        d *= lr

"""Adamax: Adam with the largest recent gradient in place of the average square."""

from __future__ import annotations

import numpy as np

from .elementwise import ElementwiseOptimizer, move_towards
from .optimizer import Group, ParamsT, check_betas, check_lr, require


class Adamax(ElementwiseOptimizer):
    """p -= lr / (1 - beta1**step) * m / u, m a running average of g, u = max(beta2 * u, abs(g) + eps).

    `weight_decay` adds weight_decay * p to g; `maximize` climbs. Kingma and Ba, "Adam: a method for
    stochastic optimization" (2014), section 7.1. `foreach` is a hint that changes nothing here.
    """

    def __init__(
        self,
        params: ParamsT,
        lr=2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        check_lr(lr)
        require(eps >= 0, "epsilon value", eps)
        check_betas(betas)
        require(weight_decay >= 0, "weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")

    def _numbers(self, group: Group, step: float) -> tuple[tuple, tuple]:
        step += 1
        beta1, beta2 = map(float, group["betas"])
        return (beta1, beta2, group["eps"], float(group["lr"]) / (1 - beta1**step)), (step,)

    @staticmethod
    def _rule(numbers: tuple, p, g, state: tuple, work: tuple) -> None:
        beta1, beta2, eps, rate = numbers
        m, u = state
        d = work[0]
        move_towards(m, g, 1 - beta1, d)
        np.abs(g, d)
        d += eps
        u *= beta2
        np.maximum(u, d, out=u)
        np.divide(m, u, d)
        d *= rate

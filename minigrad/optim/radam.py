"""RAdam: Adam that waits with its scaling until there is enough to scale by."""

from __future__ import annotations

import math

import numpy as np

from .elementwise import ElementwiseOptimizer, average_square, move_towards
from .optimizer import Group, ParamsT, check_betas, check_lr, require


class RAdam(ElementwiseOptimizer):
    """p -= lr * m / c1 * r * sqrt(c2) / (sqrt(v) + eps); m, v, c as in Adam; at first p -= lr * m / c1.

    r corrects for how little v is known: with rho_inf = 2 / (1 - beta2) - 1 and rho = rho_inf - 2 * step *
    beta2**step / c2, r**2 = (rho - 4)(rho - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho), once rho > 5.
    `weight_decay` adds weight_decay * p to g, or, with `decoupled_weight_decay`, takes lr * weight_decay * p
    from p; `maximize` climbs. Liu et al., "On the variance of the adaptive learning rate and beyond" (2019).
    `foreach` is a hint that changes nothing here.
    """

    def __init__(
        self,
        params: ParamsT,
        lr=1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _numbers(self, group: Group, step: float) -> tuple[tuple, tuple]:
        step += 1
        lr, (beta1, beta2) = float(group["lr"]), map(float, group["betas"])
        c1, c2 = 1 - beta1**step, 1 - beta2**step
        most = 2 / (1 - beta2) - 1
        rho = most - 2 * step * beta2**step / c2
        rate = lr / c1
        if rho > 5:
            rate *= math.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) * math.sqrt(c2)
        return (beta1, beta2, group["eps"], rate, rho > 5), (step,)

    @staticmethod
    def _rule(numbers: tuple, p, g, state: tuple, work: tuple) -> None:
        beta1, beta2, eps, rate, scaled = numbers
        m, v = state
        d = work[0]
        move_towards(m, g, 1 - beta1, d)
        average_square(v, g, beta2, d)
        if scaled:
            np.sqrt(v, d)
            d += eps
            np.divide(m, d, d)
            d *= rate
        else:
            np.multiply(m, rate, d)

"""NAdam: Adam that looks ahead as Nesterov's momentum does."""

from __future__ import annotations

import math

import numpy as np

from .elementwise import ElementwiseOptimizer, average_square, move_towards
from .layout import scalar_dtype
from .optimizer import Group, ParamsT, check_betas, check_lr, require


class NAdam(ElementwiseOptimizer):
    """p -= lr * (a * g + b * m) / (sqrt(v / c2) + eps): Adam, weighted between g and the next m.

    mu_t = beta1 * (1 - 0.5 * 0.96**(t * momentum_decay)) is the momentum of step t, and P_t the product of
    all until then: a = (1 - mu_t) / (1 - P_t), b = mu_(t+1) / (1 - P_(t+1)); c2 = 1 - beta2**t.
    `weight_decay` adds weight_decay * p to g, or, with `decoupled_weight_decay`, takes lr * weight_decay * p
    from p; `maximize` climbs. Dozat, "Incorporating Nesterov momentum into Adam" (2016). `foreach` is a hint
    that changes nothing here.
    """

    scalars = ("step", "mu_product")

    def __init__(
        self,
        params: ParamsT,
        lr=2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        require(momentum_decay >= 0, "momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _initial(self, name: str, group: Group) -> float:
        return 1.0 if name == "mu_product" else 0.0

    def _numbers(self, group: Group, step: float, mu_product: float) -> tuple[tuple, tuple]:
        step += 1
        lr, (beta1, beta2), decay = float(group["lr"]), map(float, group["betas"]), group["momentum_decay"]
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (t * decay)) for t in (step, step + 1))
        mu_product = float(scalar_dtype()(mu_product * mu))  # rounded before it is used, as in PyTorch
        root = math.sqrt(1 - beta2**step)
        share = (1 - mu) / (1 - mu_product)
        ahead = mu_next / (1 - mu_product * mu_next)
        return (beta1, beta2, ahead / share, group["eps"] * root, lr * share * root), (step, mu_product)

    @staticmethod
    def _rule(numbers: tuple, p, g, state: tuple, work: tuple) -> None:
        beta1, beta2, ahead, eps, rate = numbers
        m, v = state
        d, t, _ = work
        move_towards(m, g, 1 - beta1, d)
        average_square(v, g, beta2, d)
        np.sqrt(v, t)
        t += eps
        np.multiply(m, ahead, d)
        d += g
        d /= t
        d *= rate

"""Adam: steps scaled by running averages of the gradient and of its square."""

from __future__ import annotations

import math

import numpy as np

from ..tensor import Tensor
from .elementwise import ElementwiseOptimizer, average_square, move_towards
from .optimizer import Group, ParamsT, check_betas, check_lr, require


class Adam(ElementwiseOptimizer):
    """p -= lr * (m / c1) / (sqrt(v / c2) + eps), with running averages m, v of g, g**2; c = 1 - beta**step.

    The corrections c undo that m and v start from zero. `amsgrad` divides by the largest v so far (Reddi et
    al., "On the convergence of Adam and beyond", 2018). `weight_decay` adds weight_decay * p to g, or, with
    `decoupled_weight_decay`, takes lr * weight_decay * p from p; `maximize` climbs. Kingma and Ba, "Adam: a
    method for stochastic optimization" (2014). `foreach` and `fused` are hints that change nothing here.
    """

    def __init__(
        self,
        params: ParamsT,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):
        check_lr(lr)
        require(eps >= 0, "epsilon value", eps)
        check_betas(betas)
        require(weight_decay >= 0, "weight_decay value", weight_decay)
        if any(isinstance(beta, Tensor) for beta in betas) and not all(
            isinstance(beta, Tensor) for beta in betas
        ):
            raise ValueError("betas must be either both floats or both Tensors")
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def _numbers(self, group: Group, step: float) -> tuple[tuple, tuple]:
        step += 1
        beta1, beta2 = map(float, group["betas"])
        root = math.sqrt(1 - beta2**step)  # sqrt(v / c2) + eps is (sqrt(v) + eps * root) / root
        rate = float(group["lr"]) * root / (1 - beta1**step)
        return (beta1, beta2, group["eps"] * root, rate), (step,)

    @staticmethod
    def _rule(numbers: tuple, p, g, state: tuple, work: tuple) -> None:
        beta1, beta2, eps, rate = numbers
        m, v, *largest = state
        d = work[0]
        move_towards(m, g, 1 - beta1, d)
        average_square(v, g, beta2, d)
        np.sqrt(np.maximum(largest[0], v, out=largest[0]) if largest else v, d)
        d += eps
        np.divide(m, d, d)
        d *= rate

"""ASGD: gradient descent that also keeps the average of where it has been."""

from __future__ import annotations

import numpy as np

from .elementwise import ElementwiseOptimizer
from .optimizer import Group, ParamsT, check_lr, require


class ASGD(ElementwiseOptimizer):
    """p -= eta * (g + lambd * p), and the average ax += mu * (p - ax).

    eta = lr / (1 + lambd * lr * step)**alpha falls slowly; mu is 1 until step `t0`, from where on the average
    counts. The average is in `state[p]["ax"]`. `weight_decay` adds weight_decay * p to g; `maximize` climbs.
    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992). `foreach` is a hint
    that changes nothing here.
    """

    scalars = ("step", "eta", "mu")
    reads_parameter = True

    def __init__(
        self,
        params: ParamsT,
        lr=1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        check_lr(lr)
        require(weight_decay >= 0, "weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("ax",)

    def _initial(self, name: str, group: Group) -> float:
        return {"eta": float(group["lr"]), "mu": 1.0}.get(name, 0.0)

    def _numbers(self, group: Group, step: float, eta: float, mu: float) -> tuple[tuple, tuple]:
        step += 1
        lr, lambd = float(group["lr"]), group["lambd"]
        next_eta = lr / (1 + lambd * lr * step) ** group["alpha"]
        return (eta, lambd * eta, mu), (step, next_eta, 1 / max(1, step - group["t0"]))

    @staticmethod
    def _rule(numbers: tuple, p, g, state: tuple, work: tuple) -> None:
        eta, decay, mu = numbers
        (ax,) = state
        d, t, _ = work
        np.multiply(p, decay, d)
        d += np.multiply(g, eta, t)
        np.subtract(p, d, t)
        if mu == 1:
            ax[...] = t
        else:
            t -= ax
            t *= mu
            ax += t

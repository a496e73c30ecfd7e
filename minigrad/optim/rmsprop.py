"""RMSprop: the gradient divided by a running average of its size."""

from __future__ import annotations

import numpy as np

from .elementwise import ElementwiseOptimizer, average_square, move_towards
from .optimizer import Group, ParamsT, check_lr, require


class RMSprop(ElementwiseOptimizer):
    """p -= lr * g / (sqrt(v) + eps), with v = alpha * v + (1 - alpha) * g**2.

    `centered` takes the square of the average gradient from v, which leaves its variance; `momentum` collects
    the scaled gradients, b = momentum * b + g / (sqrt(v) + eps), and p -= lr * b. `weight_decay` adds
    weight_decay * p to g; `maximize` climbs. Hinton's lecture "Overview of mini-batch gradient descent"
    (2012); centered: Graves, "Generating sequences with recurrent neural networks" (2013). `foreach` is a
    hint that changes nothing here.
    """

    def __init__(
        self,
        params: ParamsT,
        lr=1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_lr(lr)
        require(eps >= 0, "epsilon value", eps)
        require(momentum >= 0, "momentum value", momentum)
        require(weight_decay >= 0, "weight_decay value", weight_decay)
        require(alpha >= 0, "alpha value", alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        momentum = ("momentum_buffer",) if group["momentum"] > 0 else ()
        return ("square_avg", *momentum, *(("grad_avg",) if group["centered"] else ()))

    def _numbers(self, group: Group, step: float) -> tuple[tuple, tuple]:
        lr, momentum, alpha = float(group["lr"]), group["momentum"], group["alpha"]
        return (lr, alpha, group["eps"], momentum, group["centered"]), (step + 1,)

    @staticmethod
    def _rule(numbers: tuple, p, g, state: tuple, work: tuple) -> None:
        lr, alpha, eps, momentum, centered = numbers
        v, d = state[0], work[0]
        average_square(v, g, alpha, d)
        if centered:
            mean = state[-1]
            move_towards(mean, g, 1 - alpha, d)
            np.multiply(mean, mean, d)
            np.subtract(v, d, d)
        np.sqrt(d if centered else v, d)
        d += eps
        np.divide(g, d, d)
        if momentum > 0:
            b = state[1]
            b *= momentum
            b += d
            np.multiply(b, lr, d)
        else:
            d *= lr

"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

import numpy as np

from .elementwise import ElementwiseOptimizer
from .optimizer import Group, ParamsT, check_lr, require


class SGD(ElementwiseOptimizer):
    """p -= lr * b, where b = momentum * b + (1 - dampening) * g remembers; b = g at the first step.

    With `nesterov` the step looks ahead: p -= lr * (g + momentum * b). `weight_decay` adds weight_decay * p
    to g; `maximize` climbs. Sutskever et al., "On the importance of initialization and momentum in deep
    learning" (2013), with PyTorch's difference: the learning rate multiplies b and not g, so it acts at once
    when it is changed. `foreach` and `fused` are hints that change nothing here.
    """

    scalars = ("_started",)

    def __init__(
        self,
        params: ParamsT,
        lr=1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        check_lr(lr)
        require(momentum >= 0, "momentum value", momentum)
        require(weight_decay >= 0, "weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def _numbers(self, group: Group, started: float = 1.0) -> tuple[tuple, tuple]:
        share = 1 - group["dampening"] if started else 1.0
        return (float(group["lr"]), group["momentum"], share, group["nesterov"]), (1.0,)

    @staticmethod
    def _rule(numbers: tuple, p, g, state: tuple, work: tuple) -> None:
        lr, momentum, share, nesterov = numbers
        d = work[0]
        if state:
            (b,) = state
            b *= momentum
            b += g if share == 1 else np.multiply(g, share, d)
            g = np.add(g, np.multiply(b, momentum, d), d) if nesterov else b
        np.multiply(g, lr, d)

"""Rprop: steps that grow while the gradient keeps its sign, whatever its size."""

from __future__ import annotations

import numpy as np

from .elementwise import ElementwiseOptimizer
from .optimizer import Group, ParamsT, check_lr


class Rprop(ElementwiseOptimizer):
    """p -= sign(g) * s; s grows by etas[1] where g keeps its sign, and shrinks by etas[0] where it turns.

    s starts from lr and stays within `step_sizes`. Where the sign turned, this step is left out and the next
    counts as the first. `maximize` climbs. Meant for whole batches: Riedmiller and Braun, "A direct adaptive
    method for faster backpropagation learning: the RPROP algorithm" (1993). `foreach` is a hint that changes
    nothing here.
    """

    def __init__(
        self,
        params: ParamsT,
        lr=1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("prev", "step_size")

    def _initial(self, name: str, group: Group) -> float:
        return float(group["lr"]) if name == "step_size" else 0.0

    def _decay(self, group: Group) -> tuple[float, float]:
        return 0.0, 0.0

    def _numbers(self, group: Group, step: float) -> tuple[tuple, tuple]:
        return (*group["etas"], *group["step_sizes"]), (step + 1,)

    @staticmethod
    def _rule(numbers: tuple, p, g, state: tuple, work: tuple) -> None:
        shrink, grow, least, most = numbers
        prev, step_size = state
        d, agreement, _ = work
        np.multiply(g, prev, agreement)
        turned = agreement < 0
        d[...] = 1
        np.copyto(d, grow, where=agreement > 0)
        np.copyto(d, shrink, where=turned)
        step_size *= d
        np.maximum(step_size, least, out=step_size)
        np.minimum(step_size, most, out=step_size)
        prev[...] = g
        np.copyto(prev, 0, where=turned)
        np.sign(prev, d)
        d *= step_size

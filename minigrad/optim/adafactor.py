"""Adafactor: Adam's scaling with a memory of rows and columns only."""

from __future__ import annotations

import math

import numpy as np

from ..backend import module_of
from .optimizer import ParamsT, check_one_element
from .tensorwise import TensorwiseOptimizer, first_step


class Adafactor(TensorwiseOptimizer):
    """p -= a * u / max(1, rms(u) / d), u = g / sqrt(v), a = max(eps2, rms(p)) * min(lr, 1 / sqrt(step)).

    v is a running average of g**2 with the share step**beta2_decay for the newest; of a matrix (..., M,
    N) only the averages r (..., M, 1) of its rows and c (..., 1, N) of its columns are kept, and v = r c
    / mean(r). eps = (eps1, eps2) keeps v and the step from vanishing; eps1 is the dtype's if None.
    `weight_decay` takes lr * weight_decay * p from p; `maximize` climbs. Shazeer and Stern, "Adafactor:
    adaptive learning rates with sublinear memory cost" (2018). `foreach` is a hint that changes nothing
    here.
    """

    def __init__(
        self,
        params: ParamsT,
        lr=1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ):
        check_one_element(lr)
        for what, fits, value in (
            ("Learning rate should be >= 0", lr >= 0, lr),
            ("beta2_decay should be <= 0", beta2_decay <= 0, beta2_decay),
            ("epsilon1 should be >= 0", eps[0] is None or eps[0] >= 0, eps[0]),
            ("epsilon2 should be >= 0", eps[1] >= 0, eps[1]),
            ("Clipping threshold d should be >= 1", d >= 1, d),
            ("weight_decay should be >= 0", weight_decay >= 0, weight_decay),
        ):
            if not fits:
                raise ValueError(f"{what} but is: {value}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _moved(self, group, p, g, state):
        xp, lr, (eps1, eps2) = module_of(p), float(group["lr"]), group["eps"]
        eps1 = float(np.finfo(p.dtype).eps) if eps1 is None else eps1
        g = -g if group["maximize"] else g
        step = state.get("step", first_step()) + 1
        share = float(step) ** group["beta2_decay"]
        rate = max(eps2, _rms(p)) * min(lr, 1 / math.sqrt(step))
        square, new = g * g, {"step": step}
        if g.ndim > 1:
            for key, axis in (("row_var", -1), ("col_var", -2)):
                new[key] = _towards(state.get(key), square.mean(axis, keepdims=True), share)
            v = new["row_var"] * new["col_var"]
            v /= xp.maximum(new["row_var"].mean(-2, keepdims=True), eps1)
        else:
            v = new["variance"] = _towards(state.get("variance"), square, share)
        u = g / xp.sqrt(xp.maximum(v, eps1 * eps1))
        rate /= max(1.0, _rms(u) / group["d"])
        return p * (1 - lr * group["weight_decay"]) - rate * u, new


def _rms(array) -> float:
    """The root of the mean square."""
    return math.sqrt(float((array * array).mean())) if array.size else 0.0


def _towards(mean, x, share: float):
    """The running average after x; it starts from 0."""
    return share * x if mean is None else mean + share * (x - mean)

"""Muon: momentum for matrices, with all directions made equally long."""

from __future__ import annotations

import math

import numpy as np

from ..backend import module_of
from .optimizer import Group, ParamsT, check_one_element
from .tensorwise import TensorwiseOptimizer

ADJUSTMENTS = {
    None: lambda rows, columns: math.sqrt(max(1, rows / columns)),
    "original": lambda rows, columns: math.sqrt(max(1, rows / columns)),
    "match_rms_adamw": lambda rows, columns: 0.2 * math.sqrt(max(rows, columns)),
}


class Muon(TensorwiseOptimizer):
    """p -= lr * adjusted * O(b), b a running average of g that keeps `momentum` of itself, for matrices
    only.

    O(b) = U V^T of b = U S V^T, roughly: `ns_steps` Newton-Schulz iterations with `ns_coefficients` push
    the singular values towards 1. With `nesterov` b is looked at as if g came once more. `adjust_lr_fn`
    "original" (also None) multiplies lr by sqrt(max(1, rows / columns)), "match_rms_adamw" by 0.2
    sqrt(max(rows, columns)), so that learning rates found with AdamW fit. `weight_decay` takes lr *
    weight_decay * p from p. Other parameters of a model need another optimizer. Jordan, "Muon: an
    optimizer for hidden layers in neural networks" (2024); Liu et al., "Muon is scalable for LLM
    training" (2025).
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ):
        check_one_element(lr)
        for what, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not value >= 0:
                raise ValueError(f"{what} should be >= 0 but is: {value}")
        if adjust_lr_fn not in ADJUSTMENTS:
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)

    def _check_group(self, group: Group) -> None:
        for p in group["params"]:
            if p.array.ndim != 2:
                raise ValueError(
                    "Muon only supports 2D parameters whereas we found a parameter with size: "
                    f"{tuple(p.shape)}; give it to another optimizer, such as AdamW"
                )

    def _moved(self, group, p, g, state):
        lr, momentum = float(group["lr"]), group["momentum"]
        before = state.get("momentum_buffer")
        b = (1 - momentum) * g if before is None else before + (1 - momentum) * (g - before)
        ahead = g + momentum * (b - g) if group["nesterov"] else b
        direction = orthogonalised(ahead, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rate = lr * ADJUSTMENTS[group["adjust_lr_fn"]](*p.shape)
        return p * (1 - lr * group["weight_decay"]) - rate * direction.astype(p.dtype), {"momentum_buffer": b}


def orthogonalised(x, coefficients, steps: int, eps: float):
    """x (M, N) with singular values near 1: x <- a x + (b x x^T + c (x x^T)^2) x, `steps` times.

    As PyTorch does, each result is rounded to bfloat16: the iteration converges no further than that anyway.
    """
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = x.shape[0] > x.shape[1]
    x = _bfloat16(x.T if tall else x)
    length = _bfloat16(module_of(x).sqrt((x * x).sum(keepdims=True)))
    x = _bfloat16(x / length.clip(eps))
    for _ in range(steps):
        gram = _bfloat16(x @ x.T)
        x = _bfloat16(a * x + _bfloat16(b * gram + c * (gram @ gram)) @ x)
    return x.T if tall else x


def _bfloat16(x):
    """Rounded to the nearest number with 8 bits, as float32."""
    bits = module_of(x).ascontiguousarray(x, np.float32).view(np.uint32)
    nearest = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (nearest & np.uint32(0xFFFF0000)).view(np.float32)

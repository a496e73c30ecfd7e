"""Optimizer steps alone, given gradients: many small parameters, a mixture, large ones."""

from __future__ import annotations

from collections.abc import Iterator

from .harness import Comparison, compare

SIZES = {
    "4 small": ([128 * 64, 128, 10 * 128, 10], 0.8),
    "40 small": ([64 * 64, 64] * 20, 0.8),
    "20, up to 250,000": ([round(10 * 1.704**i) for i in range(20)], 1.0),
    "10 of 250,000": ([250_000] * 10, None),
    "1 of 6,000,000": ([6_000_000], None),
}
OPTIMIZERS = {
    "SGD": {"lr": 1e-3},
    "SGD, momentum": {"lr": 1e-3, "momentum": 0.9},
    "Adam": {},
    "AdamW": {},
    "RMSprop": {},
    "Adagrad": {},
}


def step_of(lib, name: str, sizes: list[int], settings: dict):
    """The step of an optimizer over parameters of these sizes."""
    lib.manual_seed(0)
    params = [lib.randn(n).requires_grad_() for n in sizes]
    for p in params:
        p.grad = lib.randn(p.numel())
    return getattr(lib.optim, name.split(",")[0])(params, **settings).step


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    for title, (sizes, bound) in SIZES.items():
        for name, settings in OPTIMIZERS.items():
            ours, theirs = (step_of(lib, name, sizes, settings) for lib in (minigrad, torch))
            yield compare(f"{name}: {title}", ours, theirs, bound, seconds)

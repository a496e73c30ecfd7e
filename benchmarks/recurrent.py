"""Recurrent layers, training: forward, and backward to the weights, for a batch of sequences."""

from __future__ import annotations

from collections.abc import Iterator

from .harness import Comparison, compare

BOUNDS = {"LSTM": 2.0, "GRU": 1.0, "RNN": 1.0}
SHAPES = [(50, 32, 32, 64)]


def training_step(lib, kind: str, shape: tuple[int, int, int, int]):
    """Forward and backward of one layer over x (T, N, I), with H hidden units."""
    steps, batch, features, hidden = shape
    lib.manual_seed(0)
    layer = getattr(lib.nn, kind)(features, hidden)
    x, weights = lib.randn(steps, batch, features), lib.randn(steps, batch, hidden)

    def step():
        layer.zero_grad()
        loss = (layer(x)[0] * weights).sum()
        loss.backward()
        return loss

    return step


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    for kind, bound in BOUNDS.items():
        for shape in SHAPES:
            ours, theirs = (training_step(lib, kind, shape) for lib in (minigrad, torch))
            first, second = ours().item(), theirs().item()
            if abs(first - second) > 1e-2 * (1 + abs(second)):
                raise RuntimeError(f"{kind} {shape}: results differ, {first} against {second}")
            yield compare(f"{kind}, T N I H = {shape}, forward and backward", ours, theirs, bound, seconds)

"""Recurrent layers over a grid of shapes, training and inference: asked for by name, for it takes minutes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .harness import Comparison, compare
from .recurrent import training_step

KINDS = ("LSTM", "GRU", "RNN")
BATCHES, STEPS, HIDDEN = (1, 8, 32, 128), (10, 50, 200), (16, 64, 128, 256, 512)
LARGEST = 200 * 32 * 256 * 256  # T N H H: what lies above takes longer than it teaches


def shapes() -> Iterator[tuple[int, int, int, int]]:
    """(T, N, I, H) with half as many inputs as hidden units."""
    for hidden, batch, steps in product(HIDDEN, BATCHES, STEPS):
        if steps * batch * hidden * hidden <= LARGEST:
            yield steps, batch, hidden // 2, hidden


def inference(lib, kind: str, shape: tuple[int, int, int, int]):
    """The output of one layer over x (T, N, I), without gradients."""
    steps, batch, features, hidden = shape
    layer, x = getattr(lib.nn, kind)(features, hidden), lib.randn(steps, batch, features)

    def run():
        with lib.no_grad():
            return layer(x)

    return run


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    for kind, (name, make) in product(KINDS, (("training", training_step), ("inference", inference))):
        for shape in shapes():
            ours, theirs = make(minigrad, kind, shape), make(torch, kind, shape)
            yield compare(f"{kind} {name}, T N I H = {shape}", ours, theirs, None, seconds)

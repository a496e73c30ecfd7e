"""Recurrent layers over a grid of shapes, training and inference: asked for by name, for it takes minutes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .harness import Comparison
from .recurrent import KINDS, Setting, lines

BATCHES, STEPS, HIDDEN = (1, 8, 32, 128), (10, 50, 200), (16, 64, 128, 256, 512)
LARGEST = 200 * 32 * 256 * 256  # T N H H: what lies above takes longer than it teaches


def shapes() -> Iterator[tuple[int, int, int, int]]:
    """(T, N, I, H) with half as many inputs as hidden units."""
    for hidden, batch, steps in product(HIDDEN, BATCHES, STEPS):
        if steps * batch * hidden * hidden <= LARGEST:
            yield steps, batch, hidden // 2, hidden


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    for kind, shape in product(KINDS, shapes()):
        yield from lines(Setting(kind, shape), str(shape), (minigrad, torch), seconds)

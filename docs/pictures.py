"""The pictures in the documents, drawn anew whenever these are built."""

from __future__ import annotations

from pathlib import Path

import minigrad as torch
from minigrad import nn, viz


def draw(folder: Path) -> None:
    """Draw each picture into a file of the folder."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.exp(a)
    viz.graph((b * b).sum(), names={"a": a}, gradients=True).save(folder / "graph.svg")
    viz.gradient_through_time(gradients_by_step()).save(folder / "through_time.svg")


def gradients_by_step() -> dict[str, list[float]]:
    """The gradient of the last output with respect to each of 40 inputs, for the layers as they are
    initialised.
    """
    found = {}
    for kind in (nn.RNN, nn.GRU, nn.LSTM):
        x = torch.randn(40, 1, 4, requires_grad=True)
        outputs, _ = kind(4, 16)(x)
        found[kind.__name__] = viz.gradient_by_step(outputs[-1].sum(), x)
    return found

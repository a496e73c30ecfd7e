"""The pictures in the documents, drawn anew whenever these are built."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import minigrad as torch
from minigrad import nn, viz


def draw(folder: Path) -> None:
    """Draw each picture into a file of the folder."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    for name, picture in pictures():
        picture.save(folder / f"{name}.svg")


def pictures() -> Iterator[tuple[str, viz.Picture]]:
    """Each picture with its name."""
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.exp(a)
    yield "graph", viz.graph((b * b).sum(), names={"a": a}, gradients=True)
    yield "through_time", viz.gradient_through_time(gradients_by_step())
    names, loss = network()
    yield "network", viz.graph(loss, names=names, gradients=True)
    yield "folded", folded()
    lstm = nn.LSTM(4, 16)
    lstm(torch.randn(40, 1, 4))[0][-1].sum().backward()
    yield "flow", viz.gradient_flow(lstm)
    forget = viz.gates(lstm, torch.randn(19, 4))["forget"]
    yield "gates", viz.heatmap(forget.T, columns=list("the quick brown fox"), title="forget gates")


def network() -> tuple[dict, torch.Tensor]:
    """The parameters of a small network by name, and its loss."""
    layers = {"first": nn.Linear(3, 4), "second": nn.Linear(4, 4), "last": nn.Linear(4, 2)}
    h = torch.tanh(layers["first"](torch.randn(8, 3)))
    scores = layers["last"](h + torch.relu(layers["second"](h)))
    loss = nn.functional.cross_entropy(scores, torch.randint(0, 2, (8,)))
    return dict(nn.ModuleDict(layers).named_parameters()), loss


def folded() -> viz.Picture:
    """A Transformer of three layers, folded by module."""
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0)
    model = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    with viz.trace(model) as traced:
        loss = model(torch.randn(5, 2, 16)).square().mean()
    return viz.graph(loss, traced, limit=30)


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

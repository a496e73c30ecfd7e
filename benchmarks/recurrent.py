"""RNN, LSTM and GRU, training and inference: one layer over several shapes, then deep, both ways, packed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple

from .functions import side_by_side, through
from .harness import Comparison

KINDS = ("LSTM", "GRU", "RNN")
SHAPES = [
    (50, 32, 32, 64),
    (200, 1, 8, 16),
    (100, 1, 64, 128),
    (1000, 8, 16, 32),
    (35, 20, 200, 200),
    (50, 64, 128, 256),
    (25, 128, 256, 512),
]
#: bounds of a line in training and in inference, by kind
BOUNDS = {"LSTM": (1.9, None), "GRU": (1.0, 1.0), "RNN": (1.0, 1.0)}


class Setting(NamedTuple):
    """A layer over x (T, N, I) with H hidden units, and what else it is told."""

    kind: str
    shape: tuple[int, int, int, int]
    options: dict[str, Any] | None = None
    packed: bool = False
    into_x: bool = False  # whether the gradient goes on to x, as to a layer below


def layer_and_input(lib, setting: Setting) -> tuple[Any, Any]:
    """The layer and its input; the lengths of a packed batch are spread evenly from T / 4 to T."""
    steps, batch, features, hidden = setting.shape
    lib.manual_seed(0)
    layer = getattr(lib.nn, setting.kind)(features, hidden, **(setting.options or {}))
    x = lib.randn(steps, batch, features).requires_grad_(setting.into_x)
    if not setting.packed:
        return layer, x
    lengths = [steps - 3 * steps * n // (4 * batch) for n in range(batch)]
    return layer, lib.nn.utils.rnn.pack_padded_sequence(x, lengths)


def output_of(layer, x) -> Any:
    """The output of every step, of a packed batch without its padding."""
    out = layer(x)[0]
    return out if hasattr(out, "requires_grad") else out.data


def training(lib, setting: Setting) -> Callable:
    """Forward and backward to the weights, for a random cotangent: (output, *gradients)."""
    layer, x = layer_and_input(lib, setting)
    wanted = [*layer.parameters(), *([x] if setting.into_x else [])]
    weights = lib.randn(tuple(output_of(layer, x).shape))
    return through(lambda: output_of(layer, x), wanted, weights)


def inference(lib, setting: Setting) -> Callable:
    """The output, without gradients."""
    layer, x = layer_and_input(lib, setting)

    def step():
        with lib.no_grad():
            return (output_of(layer, x),)

    return step


MODES = {"training": training, "inference": inference}


def lines(setting: Setting, name: str, libs: tuple, seconds: float) -> Iterator[Comparison]:
    """A setting in training and in inference."""
    for (mode, make), bound in zip(MODES.items(), BOUNDS[setting.kind], strict=True):
        title = f"{setting.kind} {mode}, {name}"
        yield side_by_side(title, lambda lib, m=make: m(lib, setting), libs, bound, seconds)


VARIANTS: dict[str, dict[str, Any]] = {
    "2 layers": {"options": {"num_layers": 2}},
    "2 layers, both directions": {"options": {"num_layers": 2, "bidirectional": True}},
    "packed": {"packed": True},
    "packed, both directions": {"packed": True, "options": {"bidirectional": True}},
    "with the gradient to x": {"into_x": True},
}


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    libs = minigrad, torch
    for kind, shape in product(KINDS, SHAPES):
        yield from lines(Setting(kind, shape), str(shape), libs, seconds)
    for kind, (name, told) in product(KINDS, VARIANTS.items()):
        yield from lines(Setting(kind, (50, 32, 64, 128))._replace(**told), name, libs, seconds)

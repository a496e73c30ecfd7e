"""Recurrence in scripts: a step by a cell, a cell in a loop, a cell written by hand, a language model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .functions import side_by_side, through
from .harness import Comparison


def cell_loop(lib, kind: str, steps: int, batch: int, features: int, hidden: int) -> Callable:
    """`LSTMCell`, `GRUCell` or `RNNCell` along x (T, N, I), and the gradients of its weights."""
    lib.manual_seed(0)
    cell = getattr(lib.nn, kind)(features, hidden)
    x, weights = lib.randn(steps, batch, features), lib.randn(batch, hidden)

    def last():
        state = None
        for t in range(steps):
            state = cell(x[t], state)
        return state[0] if isinstance(state, tuple) else state

    return through(last, list(cell.parameters()), weights)


def by_hand(lib, steps: int, batch: int, features: int, hidden: int) -> Callable:
    """An LSTM of single ops, as tutorials write it."""
    lib.manual_seed(0)
    w = [(lib.randn(n, 4 * hidden) / 8).requires_grad_() for n in (features, hidden)]
    b = lib.zeros(4 * hidden).requires_grad_()
    x, weights = lib.randn(steps, batch, features), lib.randn(batch, hidden)

    def last():
        h = c = lib.zeros(batch, hidden)
        for t in range(steps):
            i, f, g, o = (x[t] @ w[0] + h @ w[1] + b).chunk(4, 1)
            c = lib.sigmoid(f) * c + lib.sigmoid(i) * lib.tanh(g)
            h = lib.sigmoid(o) * lib.tanh(c)
        return h

    return through(last, [*w, b], weights)


def generation(lib, kind: str, features: int, hidden: int) -> Callable:
    """One step of one sequence through a layer, its state handed on: text coming out."""
    lib.manual_seed(0)
    layer, x = getattr(lib.nn, kind)(features, hidden), lib.randn(1, 1, features)

    def step():
        with lib.no_grad():
            out, state = layer(x)
            out, state = layer(out[..., :features], state)
        return (out,)

    return step


def language_model(lib, steps: int, batch: int, vocabulary: int, width: int) -> Callable:
    """A training step: embedding, two layers of LSTM, dropout, projection, cross-entropy, clipping, Adam."""
    lib.manual_seed(0)
    nn = lib.nn
    embedding, project = nn.Embedding(vocabulary, width), nn.Linear(width, vocabulary)
    lstm, drop = nn.LSTM(width, width, 2), nn.Dropout(0.2)
    parameters = [p for m in (embedding, lstm, project) for p in m.parameters()]
    optimizer, criterion = lib.optim.Adam(parameters, lr=1e-6), nn.CrossEntropyLoss()
    tokens = lib.randint(0, vocabulary, (steps + 1, batch))

    def step():
        optimizer.zero_grad()
        out, _ = lstm(drop(embedding(tokens[:-1])))
        loss = criterion(project(drop(out)).view(-1, vocabulary), tokens[1:].view(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return (loss,)

    return step


LINES = {
    "LSTMCell loop, (20, 1, 32, 64)": (cell_loop, ("LSTMCell", 20, 1, 32, 64), 1.0),
    "LSTMCell loop, (20, 32, 64, 128)": (cell_loop, ("LSTMCell", 20, 32, 64, 128), 1.0),
    "LSTMCell loop, (20, 64, 256, 256)": (cell_loop, ("LSTMCell", 20, 64, 256, 256), 1.1),
    "GRUCell loop, (20, 1, 32, 64)": (cell_loop, ("GRUCell", 20, 1, 32, 64), 1.0),
    "GRUCell loop, (20, 32, 64, 128)": (cell_loop, ("GRUCell", 20, 32, 64, 128), 1.0),
    "RNNCell loop, (20, 32, 64, 128)": (cell_loop, ("RNNCell", 20, 32, 64, 128), 1.0),
    "LSTM by hand, (20, 1, 32, 64)": (by_hand, (20, 1, 32, 64), 1.0),
    "LSTM by hand, (20, 32, 64, 128)": (by_hand, (20, 32, 64, 128), 1.0),
    "LSTM, two single steps, 64 to 128": (generation, ("LSTM", 64, 128), 1.6),
    "GRU, two single steps, 64 to 128": (generation, ("GRU", 64, 128), 1.0),
    "language model, 35 x 20, 1000 words, 128": (language_model, (35, 20, 1000, 128), 1.0),
    "language model, 35 x 20, 10,000 words, 200": (language_model, (35, 20, 10_000, 200), 1.0),
}


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    for name, (make, settings, bound) in LINES.items():
        yield side_by_side(
            name, lambda lib, m=make, s=settings: m(lib, *s), (minigrad, torch), bound, seconds
        )

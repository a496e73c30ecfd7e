"""Claim: an RNN trains faster than a GRU, and that faster than an LSTM. By how much, and is it worth it?

    python examples/claim_cost.py          about a minute

Three layers of the same size, the same in parameters, and what each makes of the same seconds of training on
Shakespeare's Hamlet.
"""

import argparse
import math
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

from shared import print_columns, save_picture

import minigrad as torch
from minigrad import nn, viz
from minigrad.datasets import hamlet
from minigrad.ops import recurrent

STEPS, BATCH, HIDDEN = 50, 32, 128
LAYERS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


class Writer(nn.Module):
    """Letters (T, N) to scores for the next letter (T, N, letters)."""

    def __init__(self, kind: str, letters: int, hidden: int):
        super().__init__()
        self.embedding = nn.Embedding(letters, 32)
        self.layer = LAYERS[kind](32, hidden)
        self.scores = nn.Linear(hidden, letters)

    def forward(self, text):
        return self.scores(self.layer(self.embedding(text))[0])


def step_of(model: Writer, optimizer, text, letters: int) -> float:
    """One training step on a random batch; returns the loss in bits per letter."""
    starts = torch.randint(0, len(text) - STEPS - 1, (BATCH,))
    windows = torch.stack([text[s : s + STEPS + 1] for s in starts.tolist()], 1)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(windows[:-1]).reshape(-1, letters), windows[1:].reshape(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item() / math.log(2)


def bits_held_out(model: Writer, text, letters: int) -> float:
    """The mean cross-entropy on text that was not trained on, in bits per letter."""
    with torch.no_grad():
        windows = text[: len(text) // 100 * 100].reshape(-1, 100).T
        scores = model(windows[:-1])
        return nn.functional.cross_entropy(
            scores.reshape(-1, letters), windows[1:].reshape(-1)
        ).item() / math.log(2)


def ops_per_step(kind: str) -> int:
    """How many operations a step of the layer takes when it is written in operations that users call."""
    cell = {"RNN": recurrent.rnn_cell, "GRU": recurrent.gru_cell, "LSTM": recurrent.lstm_cell}[kind]
    weights = [torch.randn(GATES[kind] * 4, 4), torch.randn(GATES[kind] * 4, 4)]
    biases = [torch.randn(GATES[kind] * 4) for _ in range(2)]
    state = [torch.randn(1, 4, requires_grad=True) for _ in range(2 if kind == "LSTM" else 1)]
    new = cell(torch.randn(1, 4), *state, *weights, *biases)
    last = new[0] if isinstance(new, tuple) else new
    told = viz.explain(last.sum(), limit=0).splitlines()[0]
    return int(told.split(" has ")[1].split()[0]) - 1  # without the sum


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="of training for each layer")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for the picture")
    args = parser.parse_args()
    print(f"seed {args.seed}")

    play = hamlet()
    numbers = {letter: i for i, letter in enumerate(sorted(set(play)))}
    text = torch.tensor([numbers[letter] for letter in play])
    train, test = text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]

    rows, curves = [], {}
    for kind in LAYERS:
        torch.manual_seed(args.seed)
        model = Writer(kind, len(numbers), HIDDEN)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
        times, losses = [], []
        begin = time.perf_counter()
        while time.perf_counter() - begin < args.seconds:
            start = time.perf_counter()
            losses.append(step_of(model, optimizer, train, len(numbers)))
            times.append(time.perf_counter() - start)
        curves[kind] = [sum(part) / len(part) for part in in_parts(losses, 30)]
        parameters = sum(p.numel() for p in model.layer.parameters())
        bits = bits_held_out(model, test, len(numbers))
        rows.append(
            [
                kind,
                f"{parameters:,}",
                ops_per_step(kind),
                f"{median(times) * 1000:.1f}",
                len(times),
                f"{bits:.2f}",
            ]
        )
    print_columns(
        f"{HIDDEN} units, {STEPS} steps of {BATCH} texts; {args.seconds:g} seconds of training each",
        ["layer", "parameters", "ops a step", "ms a batch", "batches", "bits a letter"],
        rows,
    )
    print("(letters guessed by their frequency: 4.81; by the four letters before, counted: 2.42 bits)")
    points = [(i + 1) * args.seconds / 30 for i in range(30)]
    picture = viz.curves(curves, "training loss, bits a letter", "seconds", x=points)
    save_picture(args.runs, "claim_cost", picture)


def in_parts(values: list[float], count: int) -> list[list[float]]:
    """The values in so many parts of about the same length, in order."""
    edges = [round(i * len(values) / count) for i in range(count + 1)]
    return [values[a : max(b, a + 1)] or values[-1:] for a, b in pairwise(edges)]


if __name__ == "__main__":
    main()

"""Claim: an RNN remembers 8 or 10 steps, an LSTM or GRU hundreds. Where is the limit, really?

    python examples/claim_memory.py          about a minute and a half

The first of a sequence of symbols is to be named after k more, all of them noise. Each layer gets the same
training for each k. Guessing names one in eight.
"""

import argparse
import time
from pathlib import Path

from claim_gradients import orthogonal, remembering
from shared import print_columns, save_picture

import minigrad as torch
from minigrad import nn, viz

SYMBOLS, HIDDEN, BATCH = 8, 64, 32


class Recaller(nn.Module):
    """Symbols (T, N) to scores for the first of them (N, 8): the layer's last output, and a linear layer."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer
        self.scores = nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, symbols):
        outputs, _ = self.layer(nn.functional.one_hot(symbols, SYMBOLS).float())
        return self.scores(outputs[-1])


LAYERS = {
    "RNN": lambda: nn.RNN(SYMBOLS, HIDDEN),
    "RNN, orthogonal": lambda: orthogonal(nn.RNN, SYMBOLS),
    "GRU": lambda: nn.GRU(SYMBOLS, HIDDEN),
    "LSTM": lambda: nn.LSTM(SYMBOLS, HIDDEN),
    "LSTM, forget bias 3": lambda: remembering(nn.LSTM, 3.0, SYMBOLS),
}


def accuracy_after_training(make, gap: int, batches: int, seed: int) -> float:
    """Train on fresh sequences with `gap` symbols of noise; the share of 1,000 more that is named rightly."""
    torch.manual_seed(seed)
    model = Recaller(make())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(batches):
        symbols = torch.randint(0, SYMBOLS, (gap + 1, BATCH))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(symbols), symbols[0])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if loss.item() < 0.01:
            break  # learned
    with torch.no_grad():
        symbols = torch.randint(0, SYMBOLS, (gap + 1, 1000))
        return (model(symbols).argmax(1) == symbols[0]).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--gaps", type=int, nargs="+", default=[5, 10, 20, 40, 80, 160], help="steps of noise"
    )
    parser.add_argument("--batches", type=int, default=400, help="training for each gap, in batches of 32")
    parser.add_argument("--seed", type=int, default=0, help="of weights and symbols")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for the picture")
    args = parser.parse_args()
    print(f"seed {args.seed}")

    found: dict[str, list[float]] = {}
    for name, make in LAYERS.items():
        start = time.perf_counter()
        found[name] = [accuracy_after_training(make, gap, args.batches, args.seed) for gap in args.gaps]
        print(f"{name}: {time.perf_counter() - start:.0f} s")
    print_columns(
        f"symbols recalled after so many steps, {args.batches} batches of training each; guessing: 12 %",
        ["layer", *map(str, args.gaps)],
        [[name, *(f"{share:.0%}" for share in shares)] for name, shares in found.items()],
    )
    title = "share of symbols recalled"
    levels = {"guessing": 1 / SYMBOLS}
    picture = viz.curves(found, title, "steps of noise", x=args.gaps, levels=levels)
    save_picture(args.runs, "claim_memory", picture)


if __name__ == "__main__":
    main()

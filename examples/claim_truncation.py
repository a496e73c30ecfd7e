"""Claim: back-propagation through time may be cut off after some steps. What does that cost, and what does it
save?

    python examples/claim_truncation.py          about a minute

A stream of random symbols; at every step the symbol seen `--delay` steps ago is to be named. The stream is
read in pieces: the state goes on from one to the next, gradients do not. Pieces shorter than the delay never
see a cause and its effect together.
"""

import argparse
import time
import tracemalloc
from pathlib import Path

from shared import print_columns, save_picture

import minigrad as torch
from minigrad import nn, viz

SYMBOLS, HIDDEN, BATCH = 4, 64, 16


class Echo(nn.Module):
    """Symbols (T, N) and a state to scores (T, N, 4) and the next state."""

    def __init__(self):
        super().__init__()
        self.layer = nn.GRU(SYMBOLS, HIDDEN)
        self.scores = nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, symbols, state):
        outputs, state = self.layer(nn.functional.one_hot(symbols, SYMBOLS).float(), state)
        return self.scores(outputs), state


def train(piece: int, steps: int, delay: int, seed: int) -> tuple[float, float, float]:
    """Read a stream of so many steps in pieces; returns (share of symbols named rightly at the end, seconds
    per 1,000 steps, largest memory of a training step in kB).
    """
    torch.manual_seed(seed)
    model = Echo()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    stream = torch.randint(0, SYMBOLS, (steps + delay, BATCH))
    state, rights, peak = None, [], 0
    begin = time.perf_counter()
    for start in range(delay, steps + delay - piece + 1, piece):
        symbols, wanted = stream[start : start + piece], stream[start - delay : start - delay + piece]
        measured = start == delay + 2 * piece
        if measured:
            tracemalloc.start()
        optimizer.zero_grad()
        scores, state = model(symbols, state)
        loss = nn.functional.cross_entropy(scores.reshape(-1, SYMBOLS), wanted.reshape(-1))
        loss.backward()
        optimizer.step()
        state = state.detach()  # here the gradient is cut off
        if measured:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        rights.append((scores.argmax(2) == wanted).float().mean().item())
    seconds = time.perf_counter() - begin
    last = rights[-max(1, len(rights) // 10) :]
    return sum(last) / len(last), seconds / steps * 1000, peak / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--delay", type=int, default=6, help="how many steps ago the wanted symbol was seen")
    parser.add_argument(
        "--pieces", type=int, nargs="+", default=[3, 6, 9, 12, 24, 48, 192], help="steps in a piece"
    )
    parser.add_argument("--steps", type=int, default=24_000, help="length of the stream")
    parser.add_argument("--seed", type=int, default=0, help="of weights and symbols")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for the picture")
    args = parser.parse_args()
    print(f"seed {args.seed}")

    found = {piece: train(piece, args.steps, args.delay, args.seed) for piece in args.pieces}
    print_columns(
        f"symbols seen {args.delay} steps ago, after {args.steps:,} steps of a stream; guessing: 25 %",
        ["steps in a piece", "right", "s per 1,000 steps", "kB at most"],
        [[piece, f"{share:.0%}", f"{s:.2f}", f"{kb:,.0f}"] for piece, (share, s, kb) in found.items()],
    )
    shares = {"named rightly": [share for share, _, _ in found.values()]}
    title = f"share of symbols of {args.delay} steps ago"
    picture = viz.curves(shares, title, "steps in a piece", x=list(found), levels={"guessing": 0.25})
    save_picture(args.runs, "claim_truncation", picture)


if __name__ == "__main__":
    main()

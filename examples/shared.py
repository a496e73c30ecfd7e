"""What both examples need and neither is about: options, progress, checkpoints, a table of scores."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from minigrad import serialization


def option_parser(
    description: str, learning_rate: float | None = None, epochs: int | None = None
) -> argparse.ArgumentParser:
    """The command line both examples share; what is None here, the chosen series decides."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--model", choices=["rnn", "lstm", "gru"], default="lstm", help="the recurrent layer")
    parser.add_argument("--epochs", type=int, default=epochs, help="times through the training data")
    parser.add_argument("--lr", type=float, default=learning_rate, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and dropout")
    parser.add_argument("--device", default="cpu", help="'cpu', or 'cuda' where CuPy and a GPU are there")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="folder for the checkpoint and the picture"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in that folder")
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options given, checked; the folder for results is made."""
    chosen = parser.parse_args()
    if chosen.epochs is not None and chosen.epochs < 1:
        parser.error(f"--epochs {chosen.epochs}: at least 1 is needed")
    chosen.runs.mkdir(parents=True, exist_ok=True)
    return chosen


def progress(items: Sequence, label: str) -> Iterator:
    """The items, with tqdm's bar where it is installed, else a plain line that counts them."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _counted(items, label)
    return iter(tqdm(items, label, leave=False, disable=None))  # no bar where stderr is no terminal


def _counted(items: Sequence, label: str) -> Iterator:
    shown = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        if sys.stderr.isatty() and (time.monotonic() - shown > 0.2 or number == len(items)):
            end = "\r" if number < len(items) else "\r" + " " * 60 + "\r"
            print(f"{label}: {number}/{len(items)}", end=end, file=sys.stderr, flush=True)
            shown = time.monotonic()


def one_cycle(done: float) -> float:
    """The learning rate, as a share of the highest, when a share of the training is done: up at first, then
    down to 0.

    The "one cycle" of Smith and Topin (Super-convergence, 2018), without the cycle of momentum.
    """
    if done < 0.3:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * done / 0.3)) / 2
    return (1 + math.cos(math.pi * min(1.0, (done - 0.3) / 0.7))) / 2


def save_checkpoint(path: Path, epoch: int, history: dict, **parts) -> None:
    """Everything that decides how training goes on: the parts' state dicts, the random stream, the curves so
    far.
    """
    serialization.save_checkpoint(path, extra={"epoch": epoch, "history": history}, **parts)


def load_checkpoint(path: Path, **parts) -> tuple[int, dict]:
    """Put the saved states back into the parts; returns the number of finished epochs, and the curves."""
    if not path.exists():
        raise SystemExit(f"--resume: there is no checkpoint {path}; run once without --resume")
    extra = serialization.load_checkpoint(path, **parts)
    return extra["epoch"], extra["history"]


def print_columns(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table with a heading: the first column to the left, the others to the right."""
    lines = [list(map(str, line)) for line in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\n{title}")
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        print("  " + "  ".join([line[0].ljust(widths[0]), *cells[1:]]))


def print_table(title: str, rows: Iterable[tuple[str, str]]) -> None:
    """Two columns, what and how well."""
    rows = list(rows)
    width = max(len(name) for name, _ in rows)
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<{width}}  {value:>10}")

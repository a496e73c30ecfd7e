"""What the examples need and none is about: options, progress, checkpoints, a table of scores."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from minigrad import nn, optim
from minigrad.serialization import load_checkpoint, save_checkpoint
from minigrad.viz import Picture

RECURRENT = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}  # by the names that --model takes


def option_parser(
    page: str, learning_rate: float | None = None, epochs: int | None = None
) -> argparse.ArgumentParser:
    """The command line the examples share; what is None here, the chosen series decides.

    `page` is the docstring of the example: its first line says what it is about, its indented lines are
    commands to try.
    """
    head, *lines = page.splitlines()
    commands = "\n".join(line for line in lines if line.startswith("    "))
    parser = argparse.ArgumentParser(
        description=head,
        epilog=f"examples:\n{commands}\n\nCtrl-C stops; --resume goes on after the last finished epoch.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    standard = "what suits the series" if epochs is None else "%(default)s"
    add = parser.add_argument
    add("--model", choices=list(RECURRENT), default="lstm", help="the recurrent layer (%(default)s)")
    add("--epochs", type=int, default=epochs, help=f"times through the training data ({standard})")
    add(
        "--lr",
        type=float,
        default=learning_rate,
        help=f"the highest learning rate; it rises to that and falls to 0 ({standard})",
    )
    add(
        "--seed",
        type=int,
        default=0,
        help="of weights, order and dropout: the same, the same scores (%(default)s)",
    )
    add("--device", default="cpu", help="cpu, or cuda where CuPy and a GPU are there (%(default)s)")
    add("--runs", type=Path, default=Path("runs"), help="folder for checkpoint and picture (%(default)s)")
    add(
        "--resume",
        action="store_true",
        help="go on from the checkpoint in that folder, as if nothing had happened",
    )
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


def one_cycle(optimizer: optim.Optimizer, steps: int) -> optim.lr_scheduler.LambdaLR:
    """A schedule for so many steps: up to the optimizer's learning rate, then down to 0."""
    return optim.lr_scheduler.LambdaLR(optimizer, lambda step: share_of_rate(step / steps))


def share_of_rate(done: float) -> float:
    """The learning rate, as a share of the highest, when a share of the training is done: up at first, then
    down to 0.

    The "one cycle" of Smith and Topin (Super-convergence, 2018), without the cycle of momentum.
    """
    if done < 0.3:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * done / 0.3)) / 2
    return (1 + math.cos(math.pi * min(1.0, (done - 0.3) / 0.7))) / 2


class Checkpoint:
    """A file with everything that decides how training goes on, saved after each epoch.

    `with` it, Ctrl-C stops with a word on where that file is and how to go on: what is lost is the running
    epoch.
    """

    def __init__(self, args: argparse.Namespace, task: str, **parts) -> None:
        self.path = args.runs / f"{task}-{args.model}.pt"
        self.picture = self.path.with_suffix(".svg")
        self.resume, self.parts, self.finished = args.resume, parts, 0

    def begin(self, *curves: str) -> tuple[int, dict[str, list[float]]]:
        """The number of finished epochs, and the curves so far; with --resume, those of the file."""
        if not self.resume:
            return 0, {name: [] for name in curves}
        if not self.path.exists():
            raise SystemExit(f"--resume: there is no checkpoint {self.path}; run once without --resume")
        extra = load_checkpoint(self.path, **self.parts)
        self.finished = extra["epoch"]
        return self.finished, extra["history"]

    def save(self, epochs: int, history: dict) -> None:
        """Save the parts' states, the random stream, the number of finished epochs, and the curves so far."""
        save_checkpoint(self.path, extra={"epoch": epochs, "history": history}, **self.parts)
        self.finished = epochs

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind, error, trace) -> None:
        if kind is KeyboardInterrupt:
            print(f"\nstopped in epoch {self.finished + 1}. {self._how_to_go_on()}", file=sys.stderr)
            raise SystemExit(130) from None  # as a shell knows it of Ctrl-C

    def __str__(self) -> str:
        return f"the training curve: {self.picture.resolve()}\nthe trained model: {self.path.resolve()}"

    def _how_to_go_on(self) -> str:
        if not self.finished:
            return "Nothing is saved before the first epoch is finished."
        options = [option for option in sys.argv if option != "--resume"]
        return (
            f"Finished epochs: {self.finished}, saved in {self.path.resolve()}; lost is the running epoch "
            f"alone. Go on with\n  python {shlex.join([*options, '--resume'])}"
        )


def save_picture(folder: Path, name: str, picture: Picture) -> None:
    """Save a picture into a folder, which is made if it is not there, and say where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.svg"
    picture.save(path)
    print(f"\nthe picture is in {path.resolve()}")


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

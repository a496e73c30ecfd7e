"""`python -m benchmarks [group ...]`: a table of minigrad's times beside PyTorch's.

As it stands a run takes at most about two minutes: every group gets its share of them, and says how many of
its lines it had no time for. `--full` runs all lines, and longer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from . import report, turns
from .harness import HEADER, Comparison, geometric_mean, of_pairs

#: what PyTorch does too, one line after another
GROUPS = (
    "overhead",
    "mlp",
    "optimizers",
    "loader",
    "recurrent",
    "recurrent_steps",
    "layers",
    "losses",
    "norms",
)
#: what is measured in processes of its own, or beside itself
ALONE = ("growth", "memory", "import_time")
#: what is run when it is named
NAMED = ("recurrent_grid", "peers")
MINUTES = 1.75  # which a last line may exceed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    known = (*GROUPS, *ALONE, *NAMED)
    parser.add_argument(
        "groups", nargs="*", choices=[[], *known], help="which; without, all but the last two"
    )
    parser.add_argument("--full", action="store_true", help="every line, and 1.5 seconds for each")
    parser.add_argument("--seconds", type=float, help="for a line")
    parser.add_argument("--threads", type=int, default=1, help="more than one: a process for each library")
    parser.add_argument("--out", type=Path, help="a folder for results.json and ratios.png")
    options = parser.parse_args()

    import torch

    import minigrad

    torch.set_num_threads(options.threads)
    names = options.groups or [*GROUPS, *([] if options.threads > 1 else ALONE)]
    end = None if options.full else time.perf_counter() + MINUTES * 60
    seconds = options.seconds or (1.5 if options.full else 0.2)
    about = {"minigrad": minigrad.__version__, "torch": torch.__version__, "threads": options.threads}
    print(", ".join(f"{key} {value}" for key, value in about.items()) + "; microseconds per call")
    print(HEADER)
    groups: dict[str, list[Comparison]] = {}
    for place, name in enumerate(names):
        lines = lines_of(name, (torch, minigrad), options.threads, seconds)
        share = None if end is None else (end - time.perf_counter()) / (len(names) - place)
        groups[name] = list(shown(name, lines, share))
    above = [c.name for lines in groups.values() for c in lines if c.bound and c.ratio > c.bound]
    print("all within their bounds" if not above else f"above their bounds: {'; '.join(above)}")
    if options.out is not None:
        print(report.write(options.out, about, {name: lines for name, lines in groups.items() if lines}))
    return 0


def lines_of(name: str, libraries: tuple, threads: int, seconds: float) -> Iterator[Comparison]:
    """The lines of a group, in this process, or, with several threads, in two that take turns."""
    if threads == 1 or name in ALONE:
        yield from import_module(f"{__package__}.{name}").run(*libraries, seconds)
        return
    for title, bound, pairs in turns.pairs_of(name, ("minigrad", "torch"), threads, seconds):
        yield of_pairs(title, pairs, bound)


def shown(name: str, lines: Iterator[Comparison], share: float | None) -> Iterator[Comparison]:
    """Print a group's lines as they come, for its share of the time, and their mean."""
    start = time.perf_counter()
    done: list[Comparison] = []
    for line in lines:
        print(line.row(), flush=True)
        done.append(line)
        yield line
        if share is not None and time.perf_counter() - start > share:
            print(f"{name}: stopped here, as its share of the time is over; --full goes on")
            break
    if done:
        print(f"{name + ': geometric mean of the ratios':48} {'':25} {geometric_mean(done):6.2f}")


if __name__ == "__main__":
    raise SystemExit(main())

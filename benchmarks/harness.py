"""How two pieces of code are compared: short blocks of each in turn, and the ratio of each pair.

A machine's speed drifts over seconds, so a ratio is taken between neighbours in time; what is reported is the
median of the ratios with their quartiles. With one thread, blocks take turns in one process and are timed by
the processor's clock, which does not count what other processes do. With more, each library has a process of
its own (`turns.py`), for the waiting threads of one would spoil the other's times, and the wall clock counts.
"""

from __future__ import annotations

import os

# One thread, before NumPy loads its BLAS, unless it was told otherwise.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import math  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterable  # noqa: E402
from dataclasses import dataclass  # noqa: E402

from . import turns  # noqa: E402

BLOCK = 0.02  # seconds of each library at a time: what its caches lack after the other's turn is soon back
FEWEST = 5  # pairs


@dataclass
class Comparison:
    """One line of the table: what minigrad and what the other takes, and the quartiles of ours / theirs.

    Times are in microseconds per call where `unit` does not say otherwise.
    """

    name: str
    ours: float
    theirs: float
    low: float
    ratio: float
    high: float
    bound: float | None = None
    unit: str = "us"

    def row(self) -> str:
        bound = (
            "" if self.bound is None else f"{self.bound:6.2f} {'ok' if self.ratio <= self.bound else 'ABOVE'}"
        )
        unit = "" if self.unit == "us" else self.unit
        return (
            f"{self.name:48} {self.ours:10.2f} {self.theirs:10.2f} {unit:3} {self.ratio:6.2f} "
            f"[{self.low:.2f}, {self.high:.2f}] {bound}"
        )


HEADER = f"{'':48} {'minigrad':>10} {'torch':>10} {'':3} {'ratio':>6} [quartiles]    bound"


def of_pairs(
    name: str, pairs: Iterable[tuple[float, float]], bound: float | None = None, unit: str = "us"
) -> Comparison:
    """The line for pairs (ours, theirs), each measured shortly after the other."""
    pairs = list(pairs)
    low, ratio, high = statistics.quantiles([a / b for a, b in pairs], n=4)
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Comparison(name, ours, theirs, low, ratio, high, bound, unit)


def block_time(function: Callable[[], object], calls: int, clock: Callable[[], float]) -> float:
    """Seconds per call, over a block of calls."""
    start = clock()
    for _ in range(calls):
        function()
    return (clock() - start) / calls


def calls_in(function: Callable[[], object], seconds: float) -> int:
    """How often the function can be called in a time, found out after a few calls to warm up."""
    warm = [block_time(function, 1, time.perf_counter) for _ in range(3)]
    if warm[-1] < seconds:
        warm.append(block_time(function, 10, time.perf_counter))
    return max(1, int(seconds / max(warm[-1], 1e-7)))


def compare(
    name: str,
    ours: Callable,
    theirs: Callable,
    bound: float | None = None,
    seconds: float = 1.0,
    wall: bool = False,
) -> Comparison:
    """Alternate short blocks of each for about `seconds`, and report the median of the paired ratios.

    `wall` asks for the wall clock: where processes are started, whose work this one's clock does not see.
    """
    if turns.serving:
        turns.serve(name, ours, bound, seconds)
        return Comparison(name, math.nan, math.nan, math.nan, math.nan, math.nan)
    # as many of each: the first call of a block finds the other's data in the cache
    calls = max(calls_in(ours, BLOCK), calls_in(theirs, BLOCK))
    clock = time.perf_counter if wall else time.process_time
    pairs = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(pairs) < FEWEST:
        pairs.append((block_time(ours, calls, clock) * 1e6, block_time(theirs, calls, clock) * 1e6))
    return of_pairs(name, pairs, bound)


def geometric_mean(comparisons: list[Comparison]) -> float:
    """The geometric mean of the ratios."""
    return statistics.geometric_mean(c.ratio for c in comparisons)

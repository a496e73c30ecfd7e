"""How two pieces of code are compared: short blocks of each in turn, in one process, and the ratio of each
pair.

A machine's speed drifts over seconds, so a ratio is taken between neighbours in time; what is reported is the
median of the ratios with their quartiles.
"""

from __future__ import annotations

import os

# One thread, before NumPy loads its BLAS: spinning pools of two libraries spoil each other's times.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402


@dataclass
class Comparison:
    """One line of the table: times in microseconds per call, and the ratio ours / theirs."""

    name: str
    ours: float
    theirs: float
    low: float
    ratio: float
    high: float
    bound: float | None = None

    def row(self) -> str:
        bound = (
            "" if self.bound is None else f"{self.bound:6.2f} {'ok' if self.ratio <= self.bound else 'ABOVE'}"
        )
        return (
            f"{self.name:44} {self.ours:10.2f} {self.theirs:10.2f} {self.ratio:7.2f} "
            f"[{self.low:.2f}, {self.high:.2f}] {bound}"
        )


HEADER = f"{'':44} {'minigrad':>10} {'torch':>10} {'ratio':>7} [quartiles]    bound"


def block_time(function: Callable[[], object], calls: int) -> float:
    """Seconds per call, over a block of calls."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def compare(
    name: str, ours: Callable, theirs: Callable, bound: float | None = None, seconds: float = 1.0
) -> Comparison:
    """Alternate blocks of about 10 ms of each for `seconds`, and report the median of the paired ratios."""
    for warm in (ours, theirs):
        for _ in range(3):
            warm()
    calls_ours, calls_theirs = (max(1, int(0.01 / max(block_time(f, 3), 1e-7))) for f in (ours, theirs))
    pairs = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(pairs) < 5:
        pairs.append((block_time(ours, calls_ours), block_time(theirs, calls_theirs)))
    ratios = [a / b for a, b in pairs]
    low, ratio, high = statistics.quantiles(ratios, n=4)
    times = [statistics.median(t) * 1e6 for t in zip(*pairs, strict=True)]
    return Comparison(name, *times, low, ratio, high, bound)


def geometric_mean(comparisons: list[Comparison]) -> float:
    """The geometric mean of the ratios."""
    return statistics.geometric_mean(c.ratio for c in comparisons)

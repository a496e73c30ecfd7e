"""Whether the time per op, or per time step, grows with their number: minigrad beside itself.

In a process of its own, for with PyTorch there Python's garbage collector has many more objects to look at,
which it does the more often the more objects a graph has.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from .harness import FEWEST, Comparison, of_pairs

OPS = (100, 1_000, 10_000, 100_000)
STEPS = (10, 100, 1_000)
BOUND = 1.5


def chain(lib, count: int) -> Callable:
    """Forward and backward of a chain of additions of (8, 16)."""
    x, y = lib.rand(8, 16).requires_grad_(), lib.rand(8, 16)

    def step():
        z = x
        for _ in range(count):
            z = z + y
        z.sum().backward()

    return step


def sequence(lib, count: int) -> Callable:
    """Forward and backward of an LSTM over x (T, 8, 32) with 32 hidden units."""
    layer, x = lib.nn.LSTM(32, 32), lib.randn(count, 8, 32)
    return lambda: layer(x)[0].sum().backward()


def by_hand(lib, count: int) -> Callable:
    """The same with a cell, step by step."""
    cell, x = lib.nn.LSTMCell(32, 32), lib.randn(count, 8, 32)

    def step():
        state = None
        for now in x:
            state = cell(now, state)
        state[0].sum().backward()

    return step


def per_item(step: Callable, items: int, at_least: int) -> float:
    """Microseconds per op or time step, over so many items at least."""
    gc.collect()
    calls = max(1, at_least // items)
    start = time.process_time()
    for _ in range(calls):
        step()
    return (time.process_time() - start) / calls / items * 1e6


LINES: list[tuple[str, Callable, tuple[int, ...]]] = [
    ("per op of a chain of {:,}, beside {:,}", chain, OPS),
    ("per time step of an LSTM over {:,}, beside {:,}", sequence, STEPS),
    ("per time step of an LSTMCell over {:,}, beside {:,}", by_hand, STEPS),
]


def measured() -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """(name, pairs) of each line."""
    import minigrad

    for name, make, (first, *others) in LINES:
        small = make(minigrad, first)
        for count in others:
            large = make(minigrad, count)
            pairs = [(per_item(large, count, count), per_item(small, first, 2_000)) for _ in range(FEWEST)]
            yield name.format(count, first), pairs


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    with subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True) as measuring:
        assert measuring.stdout is not None
        try:
            for line in measuring.stdout:
                name, pairs = json.loads(line)
                yield of_pairs(name, pairs, BOUND)
        finally:
            measuring.kill()  # where no more is asked for, or it has ended


if __name__ == "__main__":
    for line in measured():
        print(json.dumps(line), flush=True)

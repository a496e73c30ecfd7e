"""Two processes that take turns: with several threads, those of one library that wait slow the other.

Each process runs a group of benchmarks with its own library in both places. At every line it says the line's
name and waits to be told to time a block, or to go on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

BLOCK = 0.03  # seconds timed, after as many untimed, in which threads of the other process go to sleep
FEWEST = 5  # pairs

serving = False  # whether this process is one of the two


def serve(name: str, function: Callable[[], object], bound: float | None, seconds: float) -> None:
    """In a process that takes turns: time blocks of the function as long as the other side asks."""
    _tell({"name": name, "bound": bound, "seconds": seconds})
    while sys.stdin.readline().strip() == "block":
        _for(function, BLOCK)
        _tell(_for(function, BLOCK))


def _for(function: Callable[[], object], seconds: float) -> float:
    """Call the function for a time; seconds per call."""
    start = time.perf_counter()
    calls = 0
    while calls == 0 or time.perf_counter() - start < seconds:
        function()
        calls += 1
    return (time.perf_counter() - start) / calls


def _tell(what: Any) -> None:
    print(json.dumps(what), file=sys.__stdout__, flush=True)


# ---- the side that asks --------------------------------------------------------------------------
def pairs_of(group: str, libraries: tuple[str, str], threads: int, seconds: float) -> Iterator[tuple]:
    """(name, bound, pairs of microseconds per call) for each line of a group."""
    sides = [_started(group, library, threads, seconds) for library in libraries]
    try:
        while True:
            line, _ = map(_answer, sides)  # both at the same line
            if line is None:
                return
            yield line["name"], line["bound"], _pairs(sides, line["seconds"])
            for side in sides:
                _ask(side, "next")
    finally:
        for side in sides:
            side.terminate()
            side.wait()


def _pairs(sides: list, seconds: float) -> list[tuple[float, ...]]:
    pairs: list[tuple[float, ...]] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(pairs) < FEWEST:
        times = []
        for side in sides:
            _ask(side, "block")
            times.append(_answer(side) * 1e6)
        pairs.append(tuple(times))
    return pairs


def _started(group: str, library: str, threads: int, seconds: float) -> subprocess.Popen:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(threads))
    command = [sys.executable, "-m", __name__, group, library, str(seconds)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)


def _ask(side: subprocess.Popen, what: str) -> None:
    assert side.stdin is not None
    print(what, file=side.stdin, flush=True)


def _answer(side: subprocess.Popen) -> Any:
    assert side.stdout is not None
    line = side.stdout.readline()
    if not line:
        raise RuntimeError("a process that takes turns has ended; what it said is above")
    return json.loads(line)


def main() -> None:
    """Run a group, with one library in both places, at the pace that the other side sets."""
    group, library, seconds = sys.argv[1:]
    import_module(f"{__package__}.turns").serving = True  # type: ignore[attr-defined]  # not `__main__`'s own
    lib = import_module(library)
    for _ in import_module(f"{__package__}.{group}").run(lib, lib, float(seconds)):
        pass
    _tell(None)


if __name__ == "__main__":
    main()

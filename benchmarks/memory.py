"""Memory that training steps take, in a fresh process for each library: at the highest, and what stays.

`python -m benchmarks.memory minigrad "MLP 1000-2000-1000-10"` prints both in MiB for one case, and the
milliseconds of the quickest step.
"""

from __future__ import annotations

import gc
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from .harness import Comparison, of_pairs

PAIRS = 2
STEPS = 5


def mlp(lib) -> Callable:
    """A step of a network 1000-2000-1000-10 on 512 rows, with Adam."""
    nn = lib.nn
    model = nn.Sequential(
        nn.Linear(1000, 2000), nn.ReLU(), nn.Linear(2000, 1000), nn.ReLU(), nn.Linear(1000, 10)
    )
    return _training(lib, model, lib.randn(512, 1000), lib.randint(0, 10, (512,)))


def lstm(lib, steps: int = 100, batch: int = 64, inputs: int = 128, hidden: int = 256) -> Callable:
    """Forward and backward of an LSTM at (T, N, I, H)."""
    layer, x = lib.nn.LSTM(inputs, hidden), lib.randn(steps, batch, inputs)
    return lambda: layer(x)[0].sum().backward()


def large_lstm(lib) -> Callable:
    return lstm(lib, 200, 128, 256, 512)


PIECES, STEPS_OF_A_PIECE = 8, 100


def _pieces(lib) -> tuple:
    """An LSTM, and pieces of a sequence at (T, N, I, H) = (800, 32, 64, 128)."""
    return lib.nn.LSTM(64, 128), lib.randn(PIECES * STEPS_OF_A_PIECE, 32, 64).split(STEPS_OF_A_PIECE)


def whole(lib) -> Callable:
    """Forward and backward over all pieces at once, the state handed on."""
    layer, pieces = _pieces(lib)
    return lambda: _through(layer, pieces)


def checkpointed(lib) -> Callable:
    """The same with only the states between pieces kept, and each piece computed again on the way back."""
    layer, pieces = _pieces(lib)
    checkpoint = import_module(f"{lib.__name__}.utils.checkpoint").checkpoint

    def again(*given):
        return checkpoint(layer, *given, use_reentrant=False)

    return lambda: _through(again, pieces)


def _through(layer: Callable, pieces) -> None:
    """Forward over pieces, the sum of all outputs, and backward."""
    total, state = 0.0, None
    for piece in pieces:
        y, state = layer(piece, state)
        total = total + y.sum()
    total.backward()


def truncated(lib) -> Callable:
    """Forward and backward piece by piece, the state handed on without its gradient."""
    layer, pieces = _pieces(lib)

    def step():
        state = None
        for piece in pieces:
            y, state = layer(piece, state)
            y.sum().backward()
            state = tuple(s.detach() for s in state)

    return step


def chain(lib) -> Callable:
    """200 elementwise ops on 1 MiB each."""
    x = lib.randn(512, 512).requires_grad_()

    def step():
        x.grad = None
        z = x
        for _ in range(100):
            z = (z * 0.5).tanh()
        z.sum().backward()

    return step


def _training(lib, model, x, y) -> Callable:
    optimizer, criterion = lib.optim.Adam(model.parameters()), lib.nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()

    return step


CASES = {
    "MLP 1000-2000-1000-10": mlp,
    "LSTM (100, 64, 128, 256)": lstm,
    "chain of 200 on 1 MiB": chain,
    "LSTM (800, 32, 64, 128), 8 pieces": whole,
    "the same, each in checkpoint": checkpointed,
    "the same, truncated": truncated,
    "LSTM (200, 128, 256, 512)": large_lstm,  # last, for it takes longest
}
BOUNDS = {"LSTM (200, 128, 256, 512), at the highest": 0.65}


def held() -> float:
    """MiB that lie in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def highest() -> float:
    """MiB that this process has held at most; what getrusage says counts the process that started it, too."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1024


def measure(library: str, case: str) -> tuple[float, float, float]:
    """MiB at the highest of some steps, and held afterwards, over what was held before the first; and the
    milliseconds of the quickest.
    """
    lib = import_module(library)
    step = CASES[case](lib)
    before, times = held(), []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    most = highest() - before
    gc.collect()
    return most, held() - before, min(times)


def in_a_process(library: str, case: str) -> list[float]:
    command = [sys.executable, "-m", __name__, library, case]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [max(float(word), 0.1) for word in done.stdout.split()]


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    if not Path("/proc/self/statm").exists():
        print("memory: only where the system has /proc")
        return
    for case in CASES:
        runs = [[in_a_process(library, case) for library in ("minigrad", "torch")] for _ in range(PAIRS)]
        for place, (what, unit) in enumerate(
            (("at the highest", "MiB"), ("afterwards", "MiB"), ("time", "ms"))
        ):
            name = f"{case}, {what}"
            yield of_pairs(name, [(a[place], b[place]) for a, b in runs], BOUNDS.get(name), unit)


if __name__ == "__main__":
    print(*measure(*sys.argv[1:]))

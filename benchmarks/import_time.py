"""How long `import minigrad` takes in fresh processes, beside NumPy, which it needs, and PyTorch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

from .harness import Comparison, of_pairs

PAIRS = 5


def milliseconds(module: str) -> float:
    """For one import, on the processor's clock."""
    code = f"import time; start = time.process_time(); import {module}; print(time.process_time() - start)"
    compiled = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=compiled)
    return float(done.stdout) * 1e3


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    for other, bound in (("numpy", 1.5), ("torch", 0.5)):
        milliseconds("minigrad"), milliseconds(other)  # compiled, and in the file cache
        pairs = [(milliseconds("minigrad"), milliseconds(other)) for _ in range(PAIRS)]
        yield of_pairs(f"import minigrad, beside import {other}", pairs, bound, "ms")

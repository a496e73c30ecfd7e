"""The OpenBLAS inside NumPy's wheels: how many threads it uses, asked and told through its own functions.

Other BLAS libraries, and a NumPy that a system built, have their environment variables alone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_SPELLINGS = ("scipy_openblas_{}64_", "openblas_{}64_", "scipy_openblas_{}", "openblas_{}")


def threads() -> int | None:
    """How many threads matrix products use; None where NumPy does not bring its OpenBLAS along."""
    return next((function() for function in _named("get_num_threads")), None)


def use_threads(count: int) -> None:
    """Ask for this many threads from now on; nothing happens where there is no such library."""
    for function in _named("set_num_threads"):
        function(count)


def _named(name: str) -> Iterator:
    """The library's function of this name, once for each copy of the library."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")):
            library = ctypes.CDLL(str(path))
            found = [s.format(name) for s in _SPELLINGS if hasattr(library, s.format(name))]
            yield from (getattr(library, spelled) for spelled in found[:1])

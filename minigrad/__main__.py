"""`python -m minigrad`: what is here - versions, BLAS and its threads, GPU, extras, data - and what to try.

A report of a problem is best begun with what this prints.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from . import backend, cuda, datasets, openblas
from .datasets.fetching import home
from .ops.blas import has_small_kernels
from .version import __version__, pytorch

#: by extra, the package to import, what pip knows it as, and what it is for
EXTRAS = {
    "cupy": ("cupy", "cupy-cuda12x", "tensors on a GPU"),
    "special": ("scipy", "scipy", "special functions beyond those of common layers"),
    "onnx": ("onnx", "onnx", "models as ONNX files"),
    "images": ("PIL", "pillow", "reading pictures"),
    "progress": ("tqdm", "tqdm", "bars while the examples train"),
    "plots": ("matplotlib", "matplotlib", "plots of your own; viz draws without it"),
}
DATA = {
    "surnames": "names with their language",
    "spellings": "names in two scripts",
    "hamlet": "letters of a play",
    "sunspots": "years of sunspots",
    "co2": "weeks of CO2 on Mauna Loa",
}
#: the variables that BLAS libraries read when they are loaded
THREADS = (
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def sections() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The report: titles, and under each of them lines of what and how."""
    yield "versions", list(_versions())
    yield "where tensors can be", [("cpu", "NumPy"), ("cuda", _gpu())]
    yield "threads of matrix products", list(_threads())
    yield "extras", [(name, _extra(name, *facts)) for name, facts in EXTRAS.items()]
    yield "data in the box, from minigrad.datasets", [(f"{n}()", _data(n)) for n in DATA]
    yield "downloads are kept in", [("folder", _cache(home()))]
    yield "try", [("next", _next())]


def _versions() -> Iterator[tuple[str, str]]:
    yield "minigrad", f"{__version__}, in {Path(__file__).parent}; names and numbers of PyTorch {pytorch}"
    yield "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield "NumPy", np.__version__
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    yield "BLAS", f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
    yield "AVX-512", "yes: small products read their operands in place" if has_small_kernels() else "no"


def _gpu() -> str:
    """The GPU's name, or the sentence that `device("cuda")` would be refused with."""
    try:
        backend.as_device("cuda")
    except RuntimeError as reason:
        return f"no: {reason}"
    return f"CuPy {version_of('cupy-cuda12x')}, {cuda.get_device_name()}"


def _threads() -> Iterator[tuple[str, str]]:
    found = [f"{name}={os.environ[name]}" for name in THREADS if name in os.environ]
    yield (
        "variables",
        ", ".join(found) or "none is set: BLAS decides; OMP_NUM_THREADS must be set before Python starts",
    )
    try:
        count = openblas.threads()
    except OSError as reason:
        count = None
        yield "refused", str(reason)
    yield "in use", f"{count or 'not known of this BLAS'}, of {os.cpu_count()} processors"


def _extra(name: str, module: str, distribution: str, purpose: str) -> str:
    if find_spec(module) is None:
        return f"not here: {purpose}; pip install minigrad-rnn[{name}]"
    return f"{module} {version_of(distribution)}, {purpose}"


def version_of(distribution: str) -> str:
    """The version that pip knows, or a word that says it knows none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(version unknown)"


def _data(name: str) -> str:
    data = getattr(datasets, name)()
    return f"{len(getattr(data, 'values', data)):,} {DATA[name]}"


def _cache(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} (not there yet; MINIGRAD_HOME names another)"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f"{folder} ({size / 2**20:.1f} MiB; MINIGRAD_HOME names another)"


def _next() -> str:
    """A command that works here: an example where the sources are, else one line."""
    if (EXAMPLES / "forecast.py").exists():
        return f"python {os.path.relpath(EXAMPLES / 'forecast.py')}"
    line = "x = torch.ones(3, requires_grad=True); (x * x).sum().backward(); print(x.grad)"
    return f'python -c "import minigrad as torch; {line}"'


def report() -> str:
    """All sections as text, in columns."""
    lines = []
    for title, rows in sections():
        lines += ["", title, *(f"  {what:<12}{how}" for what, how in rows)]
    return "\n".join(lines[1:])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m minigrad", description=__doc__.split("\n\n")[0])
    parser.parse_args()
    print(report())


if __name__ == "__main__":
    main()

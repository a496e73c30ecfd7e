"""The page that runs minigrad in a browser: its wheel, and where the page finds that and Pyodide.

`PYODIDE_URL`, when the documents are built, is an address or a folder that holds a Pyodide with NumPy; a
folder is copied beside the page, which then needs no other server.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

from hatchling.build import build_wheel

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "_static" / "try"
PYODIDE = "https://cdn.jsdelivr.net/pyodide/v0.27.7/full/"
#: what of a Pyodide the page loads
PARTS = "pyodide.js pyodide.mjs pyodide.asm.* pyodide-lock.json python_stdlib.zip numpy-*".split()


def prepare(folder: Path, pyodide: str = "") -> None:
    """Put the wheel and `settings.json` beside the page in `folder`, and `pyodide` too if it is a folder."""
    for old in folder.glob("*.whl"):
        old.unlink()
    with contextlib.chdir(ROOT):
        wheel = build_wheel(str(folder))
    source = pyodide or PYODIDE
    if Path(source).is_dir():
        copy(Path(source), folder / "pyodide")
        source = "pyodide/"
    settings = {"pyodide": source if source.endswith("/") else f"{source}/", "wheel": wheel}
    (folder / "settings.json").write_text(json.dumps(settings) + "\n", encoding="utf-8")


def copy(source: Path, target: Path) -> None:
    """The parts of a Pyodide that the page loads."""
    target.mkdir(exist_ok=True)
    for pattern in PARTS:
        found = list(source.glob(pattern))
        if not found:
            raise FileNotFoundError(f"{source} has no {pattern}: it is no Pyodide with NumPy")
        for path in found:
            shutil.copyfile(path, target / path.name)

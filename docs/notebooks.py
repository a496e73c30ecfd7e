"""Runs a notebook without Jupyter: the cells in order, what they print, and what their last lines are.

`write_page` makes a page of it for these documents, with its pictures.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Ran(NamedTuple):
    """A cell: "markdown" or "code", its text, what it printed, and the value of its last line (or None)."""

    kind: str
    text: str
    printed: str
    value: Any


def run(path: Path, names: dict[str, Any] | None = None) -> Iterator[Ran]:
    """Each cell of a notebook, run in one namespace, `names`."""
    names = {} if names is None else names
    names["__name__"] = "__main__"
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"], 1):
        text = "".join(cell["source"])
        printed, value = (
            _run(text, f"{path.name}[{number}]", names) if cell["cell_type"] == "code" else ("", None)
        )
        yield Ran(cell["cell_type"], text, printed, value)


def _run(text: str, place: str, names: dict) -> tuple[str, Any]:
    body = ast.parse(text, place).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(ast.Module(body, []), place, "exec"), names)
        value = eval(compile(ast.Expression(last.value), place, "eval"), names) if last else None
    return printed.getvalue(), value


def write_page(notebook: Path, folder: Path) -> None:
    """Write the notebook as it runs, a page of Markdown and a file for each picture, into the folder."""
    folder.mkdir(exist_ok=True)
    parts = []
    with contextlib.chdir(folder):  # what it saves stays there
        for number, cell in enumerate(run(notebook)):
            parts += [cell.text] if cell.kind == "markdown" else _shown(cell, f"{notebook.stem}-{number}.svg")
    parts.append(f"This page is a notebook: {{download}}`{notebook.name} <../{notebook.name}>`.")
    (folder / f"{notebook.stem}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _shown(cell: Ran, picture: str) -> Iterator[str]:
    """A cell's code, what it printed, and its value: a picture as a file of this name, else as text."""
    yield f"```python\n{cell.text}\n```"
    drawn = hasattr(cell.value, "_repr_svg_")
    lines = cell.printed + (repr(cell.value) if cell.value is not None and not drawn else "")
    if lines:
        yield f"```text\n{lines.rstrip()}\n```"
    if drawn:
        cell.value.save(picture)
        yield f"![{cell.value.title}]({picture})"

"""The API reference, written from the package itself: a page per namespace, a section per file, a name once.

Docstrings are plain text with `code`; `as_restructured_text` makes them what Sphinx reads.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from minigrad.engine import Primitive
from minigrad.viz.formulas import formula_of

#: the namespaces, as a reader meets them
NAMESPACES = """minigrad minigrad.autograd minigrad.nn minigrad.nn.functional minigrad.nn.init
minigrad.nn.utils minigrad.nn.utils.rnn minigrad.optim minigrad.optim.lr_scheduler minigrad.optim.swa_utils
minigrad.utils.data minigrad.utils.checkpoint minigrad.sequences minigrad.serialization
minigrad.datasets minigrad.viz minigrad.func minigrad.linalg minigrad.special minigrad.fft
minigrad.distributions minigrad.onnx minigrad.hub""".split()


def write_pages(folder: Path) -> None:
    """Write `<namespace>.md` for each namespace, and an index of them."""
    folder.mkdir(exist_ok=True)
    for name in NAMESPACES:
        (folder / f"{name}.md").write_text(page(name), encoding="utf-8")
    entries = "\n".join(NAMESPACES)
    (folder / "index.md").write_text(
        "# API reference\n\nWhat each name does and what shapes it takes. Where PyTorch has the name, "
        f"PyTorch's own documentation holds too.\n\n```{{toctree}}\n:maxdepth: 1\n\n{entries}\n```\n",
        encoding="utf-8",
    )


def page(namespace: str) -> str:
    """The page of a namespace: a section per file that something public is defined in."""
    module = importlib.import_module(namespace)
    parts = [
        f"# {namespace}",
        first_sentence(module),
        f"```{{eval-rst}}\n.. currentmodule:: {namespace}\n```",
    ]
    for home, names in by_file(namespace).items():
        parts.append(f"## {home.rpartition('.')[2].strip('_')}")
        parts.append(first_sentence(importlib.import_module(home)) if home != namespace else "")
        directives = "\n".join(directive(namespace, name, getattr(module, name)) for name in names)
        parts.append(f"```{{eval-rst}}\n{directives}\n```")
    return "\n\n".join(part for part in parts if part) + "\n"


def by_file(namespace: str) -> dict[str, list[str]]:
    """The names a namespace's page has, by the module that defines them."""
    found: dict[str, list[str]] = defaultdict(list)
    for value, (owner, name) in places().items():
        if owner == namespace:
            found[value.__module__].append(name)
    return {home: sorted(names) for home, names in sorted(found.items())}


@cache
def places() -> dict:
    """Where each public function and class stands: in the namespace nearest to its file, else the first."""
    found: dict = {}
    for namespace in NAMESPACES:
        for name, value in public(importlib.import_module(namespace)):
            before = found.get(value)
            if before is None or nearness(namespace, value) > nearness(before[0], value):
                found[value] = (namespace, name)
    return found


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Our functions and classes in a namespace, with their names; of several names the first."""
    for name in sorted(n for n in dir(module) if not n.startswith("_")):
        value = getattr(module, name)
        home = getattr(value, "__module__", None) or ""
        if home.startswith("minigrad.") and (inspect.isclass(value) or inspect.isroutine(value)):
            yield name, value


def nearness(namespace: str, value) -> int:
    """How many parts of its file's name the namespace has; 0 if it is another branch of the tree."""
    home = value.__module__
    return namespace.count(".") + 1 if f"{home}.".startswith(f"{namespace}.") else 0


def directive(namespace: str, name: str, value) -> str:
    """What makes Sphinx document one name."""
    if not inspect.isclass(value):
        return f".. autofunction:: {namespace}.{name}"
    return f".. autoclass:: {namespace}.{name}\n   :members:\n"


def first_sentence(module: ModuleType) -> str:
    """The first paragraph of a module's docstring."""
    return " ".join((module.__doc__ or "").split("\n\n")[0].split())


def as_restructured_text(app, what, name, value, options, lines: list[str]) -> None:
    """Indented lines are shown as they stand; stars and bars outside `code` mean themselves; an op shows its
    formulas.
    """
    if isinstance(getattr(value, "op", None), Primitive):
        lines += ["", *formulas(value.op)]
    out: list[str] = []
    inside = False
    for line in lines:
        indented = line.startswith("    ")
        if indented and not inside and (not out or not out[-1].strip()):
            out += ["::", ""]
            inside = True
        elif line.strip() and not indented:
            if inside and out[-1].strip():
                out.append("")
            inside = False
        out.append(line if inside else escaped(line))
    lines[:] = [*out, ""]


def formulas(op: Primitive) -> Iterator[str]:
    """The gradient formulas of an op, as its source has them."""
    for place, argument in enumerate(op.differentiable):
        yield from (f"Gradient of {argument}: `{formula_of(op, place).words}`", "")


def escaped(line: str) -> str:
    """The line with stars, bars and trailing underscores escaped, but not inside backticks."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(p if p.startswith("`") else re.sub(r"([*|]|_\b)", r"\\\1", p) for p in parts)

"""What a module lists its members in, how it prints itself, and how its errors begin."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of member: what makes a value one when it is assigned, and what may later take its place."""

    noun: str
    names: str  # the module's attribute that lists the members' names
    assigned: type
    replacement: type
    wanted: str


class Registry(MutableMapping):
    """A module's members of one kind, by name: a view of its attributes, which may be written through."""

    def __init__(self, attributes: dict, names: dict):
        self.attributes, self.names = attributes, names

    def __getitem__(self, name: str):
        if name not in self.names:
            raise KeyError(name)
        return self.attributes[name]

    def __setitem__(self, name: str, value) -> None:
        self.names[name] = None
        self.attributes[name] = value

    def __delitem__(self, name: str) -> None:
        del self.names[name], self.attributes[name]

    def __iter__(self):
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return repr(dict(self))


def typename(value) -> str:
    """The type of a value as errors print it: `int`, `package.Class`."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def parenthesised(name: str, extra: str, children: list[str]) -> str:
    """Name(settings) on one line, or Name( settings and children, one a line, indented )."""
    lines = (extra.split("\n") if extra else []) + children
    if not children and len(lines) <= 1:
        return f"{name}({extra})"
    return name + "(\n  " + "\n  ".join(lines) + "\n)"


def headed(error: Exception, module, ours: bool) -> Exception:
    """The error, headed by the layer it arose in, if that is one of minigrad's own (`ours`).

    Whoever passes it on outside finds it marked, and leaves it as it is.
    """
    if getattr(error, "_in_layer", False):
        return error
    error._in_layer = True  # type: ignore[attr-defined]
    if ours and len(error.args) == 1:
        layer = type(module).__name__ if module._module_names else repr(module)
        error.args = (f"{layer}: {error.args[0]}",)
    return error

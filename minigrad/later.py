"""Names of a package that are loaded when they are first used (PEP 562), so that importing the package stays
quick.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module


def loader(package: str, places: Mapping[str, tuple[str, str | None]]):
    """A package's `__getattr__` and `__dir__`; `places` has for each name its submodule, and what of it
    (None: itself).
    """

    def load(name: str):
        if name in places:
            submodule, member = places[name]
            module = import_module(f".{submodule}", package)
            found = module if member is None else getattr(module, member)
        else:
            found, why = left_out(f"{package}.{name}".partition(".")[2])
            if found is None:
                message = f"module '{package}' has no attribute '{name}'"
                raise AttributeError(
                    f"{message}: {why}" if why else message, name=name, obj=sys.modules[package]
                )
        setattr(sys.modules[package], name, found)  # also where a submodule has the name of what is in it
        return found

    def names() -> list[str]:
        return sorted([*vars(sys.modules[package]), *places])

    return load, names


def left_out(path: str) -> tuple:
    """What stands for a name of PyTorch's that is left out on purpose (or None), or why there is nothing."""
    if path.rpartition(".")[2].startswith("_"):
        return None, None
    table = import_module(".left_out", __package__)
    return table.NAMES.get(path), table.SUBMODULES.get(path)


class Method:
    """A method that is loaded when it is first used: a function of one of the package's modules."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __get__(self, instance, owner):
        function = getattr(import_module(self.module, __package__), self.name)
        return function if instance is None else function.__get__(instance)

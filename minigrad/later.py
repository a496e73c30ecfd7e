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
        if name not in places:
            message = f"module '{package}' has no attribute '{name}'"
            raise AttributeError(message, name=name, obj=sys.modules[package])
        submodule, member = places[name]
        module = import_module(f".{submodule}", package)
        found = module if member is None else getattr(module, member)
        setattr(sys.modules[package], name, found)  # also where a submodule has the name of what is in it
        return found

    def names() -> list[str]:
        return sorted([*vars(sys.modules[package]), *places])

    return load, names


class Method:
    """A method that is loaded when it is first used: a function of one of the package's modules."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __get__(self, instance, owner):
        function = getattr(import_module(self.module, __package__), self.name)
        return function if instance is None else function.__get__(instance)

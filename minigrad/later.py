"""Names of a package that are loaded when they are first used (PEP 562), so that importing the package stays
quick.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module


def loader(
    package: str, places: Mapping[str, tuple[str, str | None]], left_out: Mapping[str, str] | None = None
):
    """A package's `__getattr__` and `__dir__`; `places` has for each name its submodule, and what of it
    (None: itself), `left_out` for each name of PyTorch's that is not here the reason.
    """

    def load(name: str):
        if name not in places:
            message = f"module '{package}' has no attribute '{name}'"
            if left_out and name in left_out:
                message = f"{package}.{name} is left out: {left_out[name]}"
            raise AttributeError(message, name=name, obj=sys.modules[package])
        submodule, member = places[name]
        module = import_module(f".{submodule}", package)
        found = module if member is None else getattr(module, member)
        setattr(sys.modules[package], name, found)  # also where a submodule has the name of what is in it
        return found

    def names() -> list[str]:
        return sorted([*vars(sys.modules[package]), *places])

    return load, names

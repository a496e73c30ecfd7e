"""What weight norm, spectral norm and pruning share in their older form: a weight that is computed anew from
other parameters before every forward pass, by a hook.
"""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from ..modules.module import Module
from ..parameter import is_lazy


class Recomputed:
    """A forward pre-hook that computes `module.name`; subclasses say how, and how to undo it."""

    name: str

    def compute_weight(self, module: Module) -> Tensor:
        """The weight, from the parameters that stand in for it."""
        raise NotImplementedError

    def remove(self, module: Module) -> None:
        """Make the weight an ordinary parameter again, with its present value."""
        raise NotImplementedError

    def __call__(self, module: Module, inputs) -> None:
        setattr(module, self.name, self.compute_weight(module))


def refuse_lazy(what: str, weight) -> None:
    """A weight of unknown shape cannot be computed from others."""
    if is_lazy(weight):
        raise ValueError(
            f"The module passed to `{what}` can't have uninitialized parameters. Make sure to run the dummy "
            "forward first"
        )


def hooks_of(module: Module, kind: Any, name: str | None = None) -> dict:
    """The hooks of a kind on a module, those on one weight or all, by their number."""
    found: dict[int, Any] = {id: hook.function for id, hook in module._forward_pre_hooks.items()}
    return {id: f for id, f in found.items() if isinstance(f, kind) and (name is None or f.name == name)}


def refuse_second(what: str, module: Module, kind: type, name: str) -> None:
    """One hook of a kind on a weight is enough."""
    if hooks_of(module, kind, name):
        raise RuntimeError(f"Cannot register two {what} hooks on the same parameter {name}")


def take_off(what: str, module: Module, kind: type, name: str) -> Module:
    """Remove the hook on a weight, which becomes an ordinary parameter; returns the module."""
    for id, hook in hooks_of(module, kind, name).items():
        hook.remove(module)
        del module._forward_pre_hooks[id]
        return module
    raise ValueError(f"{what} of '{name}' not found in {module}")

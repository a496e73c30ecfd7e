"""Optimizers whose rule looks at a parameter as a whole, at its rows, its norm or its singular values.

`Adafactor` and `Muon` are made of this; where every element goes by itself, `elementwise.py` is quicker.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import untracked
from ..tensor import Tensor
from .layout import scalar_dtype
from .optimizer import Group, Optimizer, evaluated, with_gradient


class TensorwiseOptimizer(Optimizer):
    """An optimizer that computes a parameter's next value at a time; a subclass has `_moved`.

    Parameters must be real.
    """

    def _moved(self, group: Group, p, g, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The next value of the array p with gradient g, and the next state, arrays and numbers by name;
        none of what is given may be written to. The state is empty at first.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define its rule")

    def step(self, closure=None):
        """Update the parameters that have a gradient; returns the loss of `closure`, if one is given.

        What can fail is done before the first write: an error leaves parameters and state as they were.
        """
        loss = evaluated(closure)
        moved: dict[int, tuple] = {}
        for number, group in enumerate(self.param_groups):
            for p, array, g in zip(*with_gradient(self, number, group), strict=True):
                self._check(p)
                _, known, state = moved.get(id(p)) or (p, array, self._arrays(p))
                moved[id(p)] = (p, *self._moved(group, known, g, state))
        for p, array, state in moved.values():
            p.array[...] = array
            p.version[0] += 1
            self._keep(p, state)
        return loss

    def _check(self, p: Tensor) -> None:
        name = type(self).__name__
        if p.array.dtype.kind == "c":
            raise RuntimeError(f"{name} does not support complex parameters")
        if not getattr(p.array.flags, "writeable", True):
            raise RuntimeError(f"{name}: a parameter of shape {tuple(p.array.shape)} is read-only memory")

    def _arrays(self, p: Tensor) -> dict[str, Any]:
        entry = self.state.get(p) or {}
        return {key: value.array if isinstance(value, Tensor) else value for key, value in entry.items()}

    def _keep(self, p: Tensor, state: dict[str, Any]) -> None:
        """Write the state, into the tensors that hold it already."""
        entry = self.state[p]
        for key, value in state.items():
            if isinstance(entry.get(key), Tensor):
                entry[key].array[...] = value
                entry[key].version[0] += 1
            else:
                entry[key] = untracked(np.asarray(value) if np.isscalar(value) else value)


def first_step():
    """The count of steps before the first one."""
    return np.zeros((), scalar_dtype())

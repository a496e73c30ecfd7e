"""PyTorch's `autograd.graph`: the functions behind tensors, and hooks on several gradients at once."""

from __future__ import annotations

import threading
from collections import namedtuple
from collections.abc import Callable, Sequence

from ..engine import Value
from ..graph import GradFn as Node
from ..graph import gradient_edge
from ..hooks import RemovableHandle
from .saved_tensors import (
    allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks,
    save_on_cpu,
    saved_tensors_hooks,
)

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]

GradientEdge = namedtuple("GradientEdge", ["node", "output_nr"])
GradientEdge.__doc__ = (
    "Where a tensor's gradient flows to: a function, and which of its results the tensor is."
)


def get_gradient_edge(tensor) -> GradientEdge:
    """Where a tensor's gradient flows to."""
    return GradientEdge(*gradient_edge(tensor))


class set_multithreading_enabled:
    """Whether a backward pass may use threads of its own: it never does here, so that nothing changes."""

    def __init__(self, mode: bool):
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error) -> None:
        pass


def increment_version(tensor) -> None:
    """Say that a tensor (or each of several) was written to, where no operation has told."""
    for t in (tensor,) if isinstance(tensor, Value) else tensor:
        t.version[0] += 1


class _Arrivals:
    """Gradients of several tensors, gathered until each has arrived."""

    def __init__(self, count: int, fn: Callable):
        self.count, self.fn, self.lock = count, fn, threading.Lock()
        self.grads: dict[int, object] = {}

    def add(self, place: int, g) -> None:
        with self.lock:
            self.grads[place] = g
            if len(self.grads) < self.count:
                return
            arrived, self.grads = [self.grads[i] for i in range(self.count)], {}
        self.fn(arrived)


def register_multi_grad_hook(tensors: Sequence, fn: Callable, *, mode: str = "all") -> RemovableHandle:
    """`fn(grads)` runs when all tensors' gradients have arrived; with mode 'any', `fn(grad)` at each first
    one.

    All of the tensors must take part in the backward pass: PyTorch gives None for those that do not.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    arrivals = _Arrivals(len(tensors), fn)

    def hook_of(place: int) -> Callable:
        return (lambda g: arrivals.add(place, g)) if mode == "all" else (lambda g: fn(g))

    handles = [t.register_hook(hook_of(i)) for i, t in enumerate(tensors)]
    return _Together(handles)


class _Together(RemovableHandle):
    """A handle that removes several hooks."""

    def __init__(self, handles: list[RemovableHandle]):
        super().__init__({})
        self.handles = handles

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

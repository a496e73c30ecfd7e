"""Hooks on tensors: functions that see a gradient as it passes, and handles that remove them."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from contextvars import ContextVar

from .engine import RETAIN, current

_number = itertools.count()


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away; as a context it is there until the
    end.
    """

    def __init__(self, hooks: dict, extra_dict=None):
        self.id = next(_number)
        self._hooks = hooks
        self._others = (
            [] if extra_dict is None else extra_dict if isinstance(extra_dict, list) else [extra_dict]
        )

    def remove(self) -> None:
        for hooks in (self._hooks, *self._others):
            hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error) -> None:
        self.remove()


def add_hook(hooks: dict, hook: Callable) -> RemovableHandle:
    """Put a hook into a dict of hooks, under the number of the handle that removes it."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if RETAIN in hooks:  # what is kept is what the others made of it
        hooks[RETAIN] = hooks.pop(RETAIN)
    return handle


class TensorHooks:
    """What a tensor keeps in its slot `hooks`: functions by number, run before and after a leaf's `.grad` is
    added to; and whether a tensor that is no leaf has one.
    """

    __slots__ = ("after", "before", "retains_grad")

    def __init__(self) -> None:
        self.before: dict[int, Callable] = {}
        self.after: dict[int, Callable] = {}
        self.retains_grad = False


def hooks_of(t) -> TensorHooks:
    """The tensor's hooks, to which more are to be added."""
    if t.hooks is None:
        t.hooks = TensorHooks()
    return t.hooks


def register_hook(t, hook: Callable) -> RemovableHandle:
    """`hook(gradient)` runs when the tensor's gradient is complete, and may return another in its place."""
    if not current(t).tracked:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if t.node is not None:
        t.node.hooks = t.node.hooks if t.node.hooks is not None else {}
        return add_hook(t.node.hooks, hook)
    return add_hook(hooks_of(t).before, hook)


def register_after_hook(t, hook: Callable) -> RemovableHandle:
    """`hook(tensor)` runs after a leaf's `.grad` has been added to."""
    if not current(t).tracked or t.node is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    return add_hook(hooks_of(t).after, hook)


def retain_grad(t) -> None:
    """Keep the gradient of a tensor that is no leaf in its `.grad`."""
    if not current(t).tracked:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if t.node is None or t.retains_grad:
        return
    weak = weakref.ref(t)  # the node must not hold the tensor, which holds the node

    def keep(g):
        tensor = weak()
        if tensor is not None:
            held = tensor.held_grad
            written.set((*written.get(), (tensor, held)))
            tensor.held_grad = g.clone() if held is None else held + g

    t.node.hooks = {**(t.node.hooks or {}), RETAIN: keep}
    hooks_of(t).retains_grad = True


#: the tensors whose `.grad` the walk under way has written, each with its `.grad` before
written: ContextVar[tuple] = ContextVar("written", default=())


def take_back() -> None:
    """The walk has failed: the gradients that it kept on its way are what they were."""
    for tensor, before in reversed(written.get()):
        tensor.held_grad = before

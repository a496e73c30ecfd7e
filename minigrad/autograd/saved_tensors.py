"""Hooks on what operations keep for the backward pass: to pack it when it is kept, and unpack it when it is
used.

While any thread is in such a context, new Nodes are of a class whose `kept` packs what is set and unpacks
what is read; while none is, nothing of this is there. What the recurrent layers keep in workspaces of their
own stays as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ..backend import to_device
from ..engine import Node, SeveralOutputs, Value, nodes_are, untracked
from .grad_mode import no_grad

#: this thread's hooks, the innermost last, each a pair (pack, unpack); None while a hook runs
active: ContextVar[tuple | None] = ContextVar("saved_tensors_hooks", default=())
disabled: ContextVar[str | None] = ContextVar("saved_tensors_hooks_disabled", default=None)
_lock = threading.Lock()
_contexts = 0  # how many are entered, in all threads
_kept_slot: Any = vars(Node)["kept"]
_versions_slot: Any = vars(Node)["versions"]


# ---- packing -------------------------------------------------------------------------------------
class Packed:
    """What a pack hook made of an array, and the hook that makes a tensor of it again."""

    __slots__ = ("unpack", "value")

    def __init__(self, array, hooks: tuple[Callable, Callable]):
        pack, self.unpack = hooks
        self.value = _undisturbed(pack, untracked(array))

    def array(self):
        """The array again."""
        t = _undisturbed(self.unpack, self.value)
        if not isinstance(t, Value):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(t).__name__}"
            )
        return t.array


def _undisturbed(hook: Callable, value):
    """hook(value), whose own operations are neither recorded nor packed."""
    token = active.set(None)
    try:
        with no_grad():
            return hook(value)
    finally:
        active.reset(token)


def packed(value, hooks: tuple):
    """The value, or values in tuples and lists, with arrays packed."""
    if type(value) in (tuple, list):
        return type(value)(packed(v, hooks) for v in value)
    return Packed(value, hooks) if getattr(value, "ndim", 0) else value  # 0-d: a number beside a tensor, too


def unpacked(value):
    """What `packed` made, with arrays again."""
    if type(value) in (tuple, list):
        return type(value)(unpacked(v) for v in value)
    return value.array() if isinstance(value, Packed) else value


class _Packs:
    """A Node that packs what it keeps, where its thread has hooks."""

    __slots__ = ()

    @property
    def kept(self):
        return unpacked(_kept_slot.__get__(self))

    @kept.setter
    def kept(self, value) -> None:
        hooks = active.get()
        _kept_slot.__set__(self, packed(value, hooks[-1]) if hooks and value else value)

    @property
    def versions(self):
        """What the cells held when the values were kept; a packed value may be written to at any time."""
        versions = _versions_slot.__get__(self)
        if _holds_packed(_kept_slot.__get__(self)):
            return tuple([v for cell in versions[::2] for v in (cell, cell[0])])
        return versions

    @versions.setter
    def versions(self, value) -> None:
        _versions_slot.__set__(self, value)


def _holds_packed(value) -> bool:
    if type(value) in (tuple, list):
        return any(map(_holds_packed, value))
    return isinstance(value, Packed)


class PackingNode(_Packs, Node):
    """A Node with one result."""

    __slots__ = ()


class PackingSeveralOutputs(_Packs, SeveralOutputs):
    """A Node with several results."""

    __slots__ = ()


# ---- contexts ------------------------------------------------------------------------------------
class saved_tensors_hooks:
    """Context in which `pack_hook(tensor)` is called on each tensor an op keeps for the backward pass, and
    `unpack_hook` on what that gave where the tensor is needed.

    Nested, the innermost counts. Unlike in PyTorch 0-d tensors are kept as they are.
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]):
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self):
        if disabled.get() is not None:
            raise RuntimeError(disabled.get())
        _count(1)
        active.set((*(active.get() or ()), (self.pack_hook, self.unpack_hook)))

    def __exit__(self, *error) -> None:
        active.set((active.get() or ())[:-1])
        _count(-1)


def _count(change: int) -> None:
    """New Nodes pack as long as any thread is in a context."""
    global _contexts
    with _lock:
        _contexts += change
        nodes_are(*((PackingNode, PackingSeveralOutputs) if _contexts else (Node, SeveralOutputs)))


class save_on_cpu(saved_tensors_hooks):
    """Context in which what ops keep is held in host memory, and goes back to its device when it is used."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        if pin_memory:
            raise NotImplementedError("save_on_cpu: memory is not pinned here; leave pin_memory=False")
        super().__init__(
            lambda t: (t.device, t.cpu() if t.is_cuda else t.clone()),
            lambda pair: untracked(to_device(pair[1].array, pair[0])),
        )


class allow_mutation_on_saved_tensors(saved_tensors_hooks):
    """Context in which tensors that ops have kept may be written to in place: a copy of each is kept.

    PyTorch copies only those that are written to.
    """

    def __init__(self) -> None:
        super().__init__(lambda t: t.clone(), lambda t: t)


class disable_saved_tensors_hooks:
    """Context in which `saved_tensors_hooks` is an error with this message."""

    def __init__(self, error_message: str):
        self.error_message = error_message

    def __enter__(self) -> None:
        self._token = disabled.set(self.error_message)

    def __exit__(self, *error) -> None:
        disabled.reset(self._token)

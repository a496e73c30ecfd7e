"""Tensors that a module registers when they are assigned to it: parameters, and buffers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import untracked
from ..ops import empty
from ..tensor import Tensor


def _over(cls: type, data: Tensor, requires_grad: bool):
    """A leaf of class `cls` that shares the memory, and the version cell, of a tensor."""
    if not isinstance(data, Tensor):
        raise TypeError(
            f"{cls.__name__}: data must be a Tensor, not {type(data).__name__}; wrap it: tensor(...)"
        )
    if requires_grad and data.array.dtype.kind not in "fc":
        raise RuntimeError(
            f"Only Tensors of floating point and complex dtype can require gradients; this {cls.__name__} "
            f"has {data.dtype}; convert it with .float(), or pass requires_grad=False"
        )
    leaf: Any = object.__new__(cls)
    leaf.array, leaf.tracked, leaf.version = data.array, requires_grad, data.version
    leaf.node = leaf.base = leaf.held_grad = leaf.hooks = None
    return leaf


def _nothing() -> Tensor:
    return untracked(np.empty(0, np.float32))


class Parameter(Tensor):
    """A tensor that is trained: assigned to a module, it is one of `module.parameters()`."""

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True):
        return _over(cls, _nothing() if data is None else data, requires_grad)

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True):
        pass  # __new__ has done it

    def __repr__(self) -> str:  # type: ignore[override]  # as in PyTorch, without tensor_contents
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(untracked(self.array.copy()), self.requires_grad)
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return _rebuilt, (type(self), self.array, self.requires_grad)


def _rebuilt(cls: type, array, requires_grad: bool):
    return _over(cls, untracked(array), requires_grad)


class Buffer(Tensor):
    """A tensor that belongs to a module's state and is not trained, such as a running mean.

    With `persistent=False` it is left out of the state dict.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True):
        data = _nothing() if data is None else data
        buffer = _over(cls, data, getattr(data, "requires_grad", False))
        buffer.persistent = persistent
        return buffer

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True):
        pass  # __new__ has done it

    def __deepcopy__(self, memo: dict) -> Buffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(untracked(self.array.copy()), persistent=self.persistent)
        return memo[id(self)]


# ---- of a shape not yet known ------------------------------------------------------------------------------
def _open(cls: type, requires_grad: bool, device, dtype):
    """A tensor of class `cls` without elements, which holds the device and dtype for later."""
    return _over(cls, empty(0, device=device, dtype=dtype), requires_grad)


class Uninitialized:
    """What parameters and buffers of unknown shape share: no shape, and a way to get one."""

    cls_to_become: type = Tensor

    def materialize(self, shape, device=None, dtype=None) -> None:
        """Become an ordinary parameter or buffer of this shape, with memory that is not set."""
        found: Any = self
        found.data = empty(
            *shape, device=found.device if device is None else device, dtype=dtype or found.dtype
        )
        found.__class__ = self.cls_to_become

    @property
    def shape(self):
        """Raises: there is none yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer; call `forward` with an input "
            "first, or load a state_dict"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(Uninitialized, Parameter):  # type: ignore[misc]  # `shape` may not be asked for
    """A parameter whose shape the first input tells; see `LazyModuleMixin`."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device=None, dtype=None):
        return _open(cls, requires_grad, device, dtype)

    def __init__(self, requires_grad: bool = True, device=None, dtype=None):
        pass  # __new__ has done it

    def __deepcopy__(self, memo: dict):
        return memo.setdefault(id(self), type(self)(self.requires_grad, self.device, self.dtype))

    def __reduce_ex__(self, protocol):
        return type(self), (self.requires_grad, None, self.dtype)


class UninitializedBuffer(Uninitialized, Tensor):  # type: ignore[misc]
    """A buffer whose shape the first input tells; see `LazyModuleMixin`."""

    def __new__(cls, requires_grad: bool = False, device=None, dtype=None):
        return _open(cls, requires_grad, device, dtype)

    def __init__(self, requires_grad: bool = False, device=None, dtype=None):
        pass  # __new__ has done it

    def __deepcopy__(self, memo: dict):
        return memo.setdefault(id(self), type(self)(self.requires_grad, self.device, self.dtype))

    def __reduce_ex__(self, protocol):
        return type(self), (self.requires_grad, None, self.dtype)


def is_lazy(param) -> bool:
    """Whether a parameter or buffer has no shape yet."""
    return isinstance(param, Uninitialized)

"""PyTorch's old tensor types, such as `FloatTensor`: constructors, and names for `isinstance`."""

from __future__ import annotations

from typing import Any

from .ops import legacy_tensor
from .ops.memory import TYPE_NAMES
from .tensor import Tensor


class TensorType(type):
    """A class without instances of its own: those of Tensor with its dtype count as such."""

    dtype: Any
    type_name: str

    def __call__(cls, *args):
        return legacy_tensor(*args, dtype=cls.dtype)

    def __instancecheck__(cls, instance) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype

    def __repr__(cls) -> str:
        return f"<class '{cls.type_name}'>"


def _type(name: str) -> TensorType:
    return TensorType(f"{name}Tensor", (), {"dtype": TYPE_NAMES[name], "type_name": f"torch.{name}Tensor"})


HalfTensor = _type("Half")
FloatTensor = _type("Float")
DoubleTensor = _type("Double")
ByteTensor = _type("Byte")
CharTensor = _type("Char")
ShortTensor = _type("Short")
IntTensor = _type("Int")
LongTensor = _type("Long")
BoolTensor = _type("Bool")

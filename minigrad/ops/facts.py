"""Functions that tell something about a tensor, or about what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine import Value

if TYPE_CHECKING:
    from ..tensor import Tensor


def is_tensor(obj) -> bool:
    """Whether an object is a Tensor."""
    return isinstance(obj, Value)


def is_storage(obj) -> bool:
    """Whether an object is a storage: no object is, as tensors hold arrays here."""
    return False


def numel(input) -> int:
    """The number of elements."""
    return input.array.size


def is_floating_point(input) -> bool:
    """Whether the dtype is a floating-point one."""
    return input.array.dtype.kind == "f"


def is_signed(input) -> bool:
    """Whether the dtype holds negative numbers."""
    return input.is_signed()


def is_nonzero(input) -> bool:
    """Whether the only element is not zero."""
    return input.is_nonzero()


def is_same_size(input, other) -> bool:
    """Whether two tensors have the same shape."""
    return input.array.shape == other.array.shape


def is_inference(input) -> bool:
    """False: tensors made in inference mode are plain tensors here."""
    return False


def is_conj(input) -> bool:
    """False: conjugation is done at once here."""
    return False


def is_neg(input) -> bool:
    """False: negation is done at once here."""
    return False


def resolve_conj(input) -> Tensor:
    """The tensor itself: conjugation is done at once here."""
    return input


def resolve_neg(input) -> Tensor:
    """The tensor itself: negation is done at once here."""
    return input


def get_device(input) -> int:
    """The number of a tensor's GPU; -1 on the CPU."""
    return input.get_device()

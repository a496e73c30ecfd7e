"""The functions by which a .pt file describes its tensors, under the names PyTorch gives them.

Every argument comes from the file, so each is checked, in Python's unbounded integers, before memory is
viewed.
"""

from __future__ import annotations

from collections import OrderedDict
from math import prod

from .. import dtypes
from .errors import UnpicklingError
from .storage import UNTYPED, Storage, strided
from .tensors import Parameter, Tensor, from_array

MAX_DIMENSIONS = 64
#: With stride 0 a tensor may have more elements than its storage; beyond this many bytes that does harm.
MAX_EXPANDED_BYTES = 2**30
#: Lazily conjugated tensors are copied when loaded: at most this many times their storage.
MAX_COPIES = 16


def _rebuild_tensor(storage, storage_offset, size, stride) -> Tensor:
    return _rebuild_tensor_v2(storage, storage_offset, size, stride, False, None)


def _rebuild_tensor_v2(
    storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None
) -> Tensor:
    """A tensor as a view of `storage`; offset, sizes and strides count elements."""
    if type(storage) is not Storage:
        raise UnpicklingError("a tensor is built on something that is no storage")
    array = _view(storage, storage.array, storage_offset, size, stride, metadata)
    return _finish(array, requires_grad, backward_hooks)


def _rebuild_tensor_v3(
    storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None
) -> Tensor:
    """As v2, on untyped memory: for the dtypes that never had a storage class of their own."""
    if type(storage) is not Storage or storage.type is not UNTYPED or type(dtype) is not dtypes.dtype:
        raise UnpicklingError("a tensor of version 3 needs untyped storage and a dtype")
    whole = storage.array.size // dtype.itemsize * dtype.itemsize
    memory = storage.array[:whole].view(dtype.numpy)
    return _finish(
        _view(storage, memory, storage_offset, size, stride, metadata), requires_grad, backward_hooks
    )


def _rebuild_parameter(data, requires_grad, backward_hooks) -> Tensor:
    return _rebuild_parameter_with_state(data, requires_grad, backward_hooks, None)


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state) -> Tensor:
    if not isinstance(data, Tensor):
        raise UnpicklingError("a parameter is built on something that is no tensor")
    return _with_attributes(_finish(data.array, requires_grad, backward_hooks, is_parameter=True), state)


def _rebuild_from_type_v2(func, type_, args, state) -> Tensor:
    """A tensor with attributes of its own: only plain tensors and parameters, never other classes."""
    known = any(func is f for f in (_rebuild_tensor_v2, _rebuild_tensor_v3))
    if not known or not any(type_ is t for t in (Tensor, Parameter)):
        raise UnpicklingError("a tensor subclass cannot be rebuilt here; save it as a plain tensor")
    return _with_attributes(func(*args), state)


def _view(storage: Storage, memory, offset, size, stride, metadata):
    """A checked view of a storage's flat memory; PyTorch's lazy flags `conj` and `neg` are carried out."""
    if len(size) != len(stride) or len(size) > MAX_DIMENSIONS:
        raise UnpicklingError(f"a tensor has {len(size)} sizes and {len(stride)} strides")
    if any(type(n) is not int or not 0 <= n < 2**63 for n in (offset, *size, *stride)):
        raise UnpicklingError("a tensor's offset, sizes and strides must be whole numbers from 0")
    count, room = prod(size), memory.size
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if count and last >= room:
        raise UnpicklingError(
            f"a tensor of sizes {tuple(size)} reaches beyond its storage of {room} elements"
        )
    if prod(n for n in size if n) * memory.itemsize > max(memory.nbytes, MAX_EXPANDED_BYTES):
        raise UnpicklingError(
            f"a tensor of sizes {tuple(size)} repeats its storage; save it without expand()"
        )
    if not count:
        return memory[:0].reshape(size)
    steps = tuple(step if n > 1 else 1 for n, step in zip(size, stride, strict=True))
    return _resolved(storage, strided(memory, offset, size, steps), metadata)


def _resolved(storage: Storage, array, metadata):
    flags = {} if metadata is None else metadata
    if type(flags) is not dict or any(
        k not in ("conj", "neg") or type(v) is not bool for k, v in flags.items()
    ):
        raise UnpicklingError("a tensor has flags other than 'conj' and 'neg'")
    if not any(flags.values()):
        return array
    storage.copied += array.nbytes
    if storage.copied > MAX_COPIES * storage.nbytes():
        raise UnpicklingError("too many tensors are lazy conjugates of one storage; save them resolved")
    array = array.conj() if flags.get("conj") else array
    return -array if flags.get("neg") else array


def _finish(array, requires_grad, backward_hooks, is_parameter: bool = False) -> Tensor:
    if type(requires_grad) is not bool or (requires_grad and array.dtype.kind not in "fc"):
        raise UnpicklingError(
            f"a tensor of {array.dtype} has requires_grad of {type(requires_grad).__name__}"
        )
    if type(backward_hooks) not in (OrderedDict, dict, type(None)) or backward_hooks:
        raise UnpicklingError("a tensor carries backward hooks, which are code; remove them before saving")
    return from_array(array, requires_grad, is_parameter)


def _with_attributes(tensor: Tensor, state) -> Tensor:
    """Attributes that a user has set on the tensor; none may take the place of a method or slot."""
    attributes = {} if state is None else state
    if type(attributes) is not dict or any(type(k) is not str or hasattr(Tensor, k) for k in attributes):
        raise UnpicklingError("a tensor's attributes are no dict, or would hide its methods")
    tensor.__dict__.update(attributes)
    return tensor

"""What concerns a tensor's memory: addresses, strides, changes of shape in place, legacy type names."""

from __future__ import annotations

import math
import mmap
from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..backend import beside, device_of, module_of
from ..engine import Value, is_recording, primitive, refresh, untracked
from ..inplace import check_writable
from ..layouts import strided_only
from .creation import zeros
from .shaping import put_back, reshape_to, sizes_of
from .updates import replace_part

if TYPE_CHECKING:
    from ..tensor import Tensor


# ---- addresses -----------------------------------------------------------------------------------
def address_of(t: Tensor) -> int:
    """Where the first element lies in memory; 0 for an empty tensor."""
    if not t.array.size:
        return 0
    return t.array.ctypes.data if isinstance(t.array, np.ndarray) else t.array.data.ptr


def offset_of(t: Tensor) -> int:
    """How many elements of the memory a tensor is a view of come before its first."""
    owner = t
    while owner.base is not None:
        owner = owner.base
    return (address_of(t) - address_of(owner)) // t.array.itemsize if t.array.size else 0


def from_dlpack(ext_tensor, *, device=None, copy: bool | None = None) -> Tensor:
    """A tensor that shares the memory of another library's, or of a capsule, through DLPack."""
    if isinstance(ext_tensor, Value):
        if ext_tensor.tracked:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        made = ext_tensor.detach()
    elif isinstance(ext_tensor, np.ndarray):
        made = untracked(ext_tensor)  # NumPy before 2.1 hands out its own arrays read-only
    elif type(ext_tensor).__name__ == "PyCapsule":
        made = untracked(np.from_dlpack(HostCapsule(ext_tensor)))
    elif hasattr(ext_tensor, "__dlpack__"):
        made = untracked(np.from_dlpack(ext_tensor))
    else:
        raise RuntimeError(f"from_dlpack: a {type(ext_tensor).__name__} has no __dlpack__ and is no capsule")
    made = made if device is None else made.to(device)
    return made.clone() if copy else made


class HostCapsule:
    """A DLPack capsule with memory of the host, as NumPy takes it."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack__(self, **request):
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def to_dlpack(tensor: Tensor):
    """The tensor as a DLPack capsule, which shares its memory."""
    return tensor.__dlpack__()


# ---- in-place changes of shape -------------------------------------------------------------------
def reshape_in_place(target: Tensor, op, *settings) -> Tensor:
    """The target as a view `op` would make of it: the same memory and history, in another shape."""
    if target.base is not None:
        refresh(target)
    check_writable(target)
    before = untracked(target.array)
    before.tracked, before.node = target.tracked, target.node
    after = op(before, *settings)
    target.array = after.array
    if after.tracked and is_recording():
        target.tracked, target.node = True, after.node
    if target.base is not None and target.recipe is not None:
        view, static = target.recipe
        target.recipe = (lambda base, *_: op(view(base, *static), *settings)), ()
    return target


def resize(target: Tensor, *sizes) -> Tensor:
    """Another shape for a tensor outside any graph, keeping its first elements; new ones are zeros."""
    sizes = sizes_of(sizes)
    if target.tracked:
        raise RuntimeError("cannot resize variables that require grad; use reshape() or a new tensor")
    count = math.prod(sizes)
    held = target.array.reshape(-1)
    if count > held.size:
        held = module_of(held).concatenate([held, np.zeros_like(held, shape=count - held.size)])
    target.array = held[:count].reshape(sizes)
    return target


def resized_as(target: Tensor, template: Tensor) -> Tensor:
    """`resize` to another tensor's shape."""
    return resize(target, template.array.shape)


def share_memory_of(target: Tensor, source, storage_offset, size, stride) -> Tensor:
    """`set_`: the target takes over the memory of another tensor, or becomes empty."""
    if not (storage_offset is None and size is None and stride is None):
        raise NotImplementedError(
            "set_: storage_offset, size and stride are not here; pass a tensor that is such a view"
        )
    target.array = target.array.reshape(-1)[:0] if source is None else source.array
    return target


def move_to_shared(target: Tensor) -> Tensor:
    """`share_memory_`: the elements moved to memory that processes forked from this one share."""
    if target.array.size and not is_shared(target):
        shared = np.frombuffer(mmap.mmap(-1, target.array.nbytes), target.array.dtype).reshape(
            target.array.shape
        )
        shared[...] = target.array
        target.array = shared
    return target


def is_shared(t: Tensor) -> bool:
    """Whether a tensor's memory is one that forked processes share."""
    owner = t.array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return isinstance(getattr(owner, "obj", owner), mmap.mmap)  # NumPy holds it through a memoryview


def apply_in_place(target: Tensor, function, *partners: Tensor) -> Tensor:
    """Each element replaced by what a Python function gives for it and its partners; outside the graph."""
    if target.tracked and is_recording():
        raise TypeError("can't call apply_() or map_() on a tensor that requires grad; use tensor.detach()")
    parts = [np.broadcast_to(p.array, target.array.shape).reshape(-1).tolist() for p in partners]
    values = [function(*v) for v in zip(target.array.reshape(-1).tolist(), *parts)]
    target.array[...] = np.asarray(values, target.array.dtype).reshape(target.array.shape)
    target.version[0] += 1
    return target


# ---- strides -------------------------------------------------------------------------------------
def as_strided(input, size, stride, storage_offset: int | None = None) -> Tensor:
    """A view of the input's memory with sizes and strides given in elements; it may not leave that memory."""
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError(
            f"as_strided: mismatch in length of strides and shape, {len(stride)} against {len(size)}"
        )
    if not input.array.flags.c_contiguous:
        raise NotImplementedError(
            "as_strided: only contiguous tensors are supported; call .contiguous() first"
        )
    offset = 0 if storage_offset is None else storage_offset - offset_of(input)
    places = offset + sum_of_strides(size, stride)
    if places.size and (places.min() < 0 or places.max() >= input.array.size):
        raise RuntimeError(
            f"as_strided: sizes {list(size)}, strides {list(stride)} and offset {offset} reach outside the "
            f"tensor's {input.array.size} elements"
        )
    return strided_view(input, size, stride, offset)


def sum_of_strides(size: tuple[int, ...], stride: tuple[int, ...]) -> np.ndarray:
    """The place in memory of each element, from 0."""
    places = np.zeros((1,) * len(size), np.int64)
    for axis, (n, s) in enumerate(zip(size, stride)):
        places = places + (np.arange(n) * s).reshape([-1 if a == axis else 1 for a in range(len(size))])
    return places.reshape(size)


@primitive(
    views=True, x=lambda g, x_shape, size, stride, offset: put_strided(g, x_shape, size, stride, offset)
)
def strided_view(x, size, stride, offset):
    flat = x.reshape(-1)[offset:]
    as_view = module_of(x).lib.stride_tricks.as_strided
    return as_view(flat, size, tuple(s * x.itemsize for s in stride))


def put_strided(g, shape, size, stride, offset):
    """The inverse movement of `strided_view`: elements that several places show get the sum."""
    array = g.array if isinstance(g, Value) else g
    places = beside(array, (offset + sum_of_strides(size, stride)).reshape(-1))
    flat = put_back(reshape_to(g, (places.size,)), (math.prod(shape),), places)
    return reshape_to(flat, shape)


def as_strided_scatter(input, src, size, stride, storage_offset: int | None = None) -> Tensor:
    """A copy of the input with src where `as_strided` would look."""
    if tuple(src.array.shape) != tuple(size):
        raise RuntimeError(
            f"as_strided_scatter: expected src to have size {tuple(size)}, got {tuple(src.array.shape)}"
        )
    as_strided(input, size, stride, storage_offset)  # refuses what it refuses
    offset = 0 if storage_offset is None else storage_offset - offset_of(input)
    places = offset + sum_of_strides(tuple(size), tuple(stride))
    flat = replace_part(reshape_to(input, (input.array.size,)), src, places)
    return reshape_to(flat, input.array.shape)


def empty_strided(
    size, stride, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
) -> Tensor:
    """Values that are not set (zeros here), with strides given in elements."""
    strided_only("empty_strided", layout)
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError(
            f"empty_strided: dimensionality of sizes ({len(size)}) must match dimensionality of strides "
            f"({len(stride)})"
        )
    last = sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if all(size) else -1
    t = as_strided(zeros(last + 1, dtype=dtype, device=device), size, stride).detach()
    return t.requires_grad_() if requires_grad else t


def empty_permuted(
    size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
) -> Tensor:
    """Values that are not set (zeros here), whose dimensions lie in memory in the given order."""
    strided_only("empty_permuted", layout)
    order = list(physical_layout)
    if sorted(order) != list(range(len(size))):
        raise RuntimeError(
            f"empty_permuted: physical_layout {order} must name each of the {len(size)} dimensions once"
        )
    t = zeros([size[d] for d in order], dtype=dtype, device=device)
    t = untracked(t.array.transpose([order.index(d) for d in range(len(size))]))
    return t.requires_grad_() if requires_grad else t


# ---- diagonals in place --------------------------------------------------------------------------
def fill_diagonal(target: Tensor, value, wrap: bool = False) -> Tensor:
    """The main diagonal set to a number; with `wrap` a tall matrix begins anew after a gap of one row."""
    shape = target.array.shape
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise RuntimeError(
            f"fill_diagonal_: needs a matrix, or all dimensions of one size; got {tuple(shape)}"
        )
    mask = np.zeros(shape, bool)
    np.fill_diagonal(mask, True, wrap=wrap)
    return target.masked_fill_(untracked(mask), value)


# ---- legacy type names ---------------------------------------------------------------------------
TYPE_NAMES = {
    "Half": dtypes.float16,
    "Float": dtypes.float32,
    "Double": dtypes.float64,
    "Byte": dtypes.uint8,
    "Char": dtypes.int8,
    "Short": dtypes.int16,
    "Int": dtypes.int32,
    "Long": dtypes.int64,
    "Bool": dtypes.bool_,
    "ComplexFloat": dtypes.complex64,
    "ComplexDouble": dtypes.complex128,
}
NAMES_OF_TYPES = {d: name for name, d in TYPE_NAMES.items()}


def type_name(t: Tensor) -> str:
    """PyTorch's old name of a tensor's dtype and device, such as 'torch.FloatTensor'."""
    where = "torch.cuda." if device_of(t.array).type == "cuda" else "torch."
    return f"{where}{NAMES_OF_TYPES[dtypes.of(t.array.dtype)]}Tensor"


def dtype_of_type(kind):
    """The dtype meant by a dtype, an old type name such as 'torch.LongTensor', or a class such as
    `LongTensor`.
    """
    name = kind if isinstance(kind, str) else getattr(kind, "type_name", None)
    if name is None:
        return kind
    short = name.removeprefix("torch.").removeprefix("cuda.").removesuffix("Tensor")
    if short not in TYPE_NAMES:
        raise ValueError(f"invalid type: {name!r}; use one such as 'torch.FloatTensor', or a dtype")
    return TYPE_NAMES[short]

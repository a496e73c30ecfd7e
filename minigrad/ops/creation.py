"""Tensors from data, from nothing, and from other tensors' shapes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..backend import as_device, device_of, get_default_device, module_for, to_device
from ..engine import Value, untracked
from ..layouts import strided_only
from .shaping import sizes_of

if TYPE_CHECKING:
    from ..tensor import Tensor


def _made(array, dtype, device, requires_grad: bool = False) -> Tensor:
    """A leaf over an array that is this tensor's own."""
    if dtype is not None:
        array = array.astype(dtypes.as_dtype(dtype).numpy, copy=False)
    if device is not None and device_of(array).type != as_device(device).type:
        array = to_device(array, as_device(device))
    t = untracked(array)
    return t.requires_grad_() if requires_grad else t


# ---- from data -----------------------------------------------------------------------------------
def tensor(data, *, dtype=None, device=None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """A new tensor with a copy of the data: numbers, nested lists, arrays, or tensors.

    Python floats get the default dtype, ints int64; NumPy arrays keep their dtype.
    """
    return _made(_array_from(data, dtype).copy(), dtype, _place_for(data, device), requires_grad)


def _place_for(data, device):
    """The device asked for; without one, data that is on a device stays there, other data goes to the
    default.
    """
    if device is None and not isinstance(data, (Value, np.ndarray)) and not hasattr(data, "device"):
        return get_default_device()
    return device


def _array_from(data, dtype):
    """The data as an array of the dtype that `tensor` gives it; shared where it is an array already."""
    if isinstance(data, Value):
        return data.array
    if hasattr(data, "get") and hasattr(data, "device"):  # a CuPy array
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return np.asarray(data, dtypes.of(data.dtype).numpy)
    wanted = dtypes.as_dtype(dtype) if dtype is not None else None
    nested = _plain(data)
    try:
        array = np.array(nested)
    except ValueError as error:
        raise ValueError(f"tensor(): expected sequences of equal length at every depth: {error}") from None
    if array.dtype == object and isinstance(_first_leaf(nested), int):
        raise ValueError("tensor(): Overflow when unpacking long: an int is too large for int64")
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"new(): invalid data type '{type(_first_leaf(nested)).__name__}'; "
            "a tensor holds numbers and booleans"
        )
    if wanted is not None and wanted.category == dtypes.INTEGER and array.dtype != wanted.numpy:
        _check_range(array, wanted)
    return array.astype((wanted or dtypes.infer(_typed(nested, array))).numpy)


def _check_range(array, wanted) -> None:
    """Refuse numbers that an integer dtype cannot hold; unsigned ones take negatives that large, too."""
    limits = np.iinfo(wanted.numpy)
    if not ((array.real >= min(limits.min, -limits.max)) & (array.real <= limits.max)).all():
        raise RuntimeError(f"tensor(): value cannot be converted to type {wanted.name} without overflow")


_NUMBERS = {bool, int, float, complex}


def _plain(data):
    """Nested lists with the tensors and arrays in them made plain."""
    if isinstance(data, (list, tuple)):
        return list(data) if _NUMBERS.issuperset(map(type, data)) else [_plain(item) for item in data]
    if isinstance(data, Value):
        if data.array.ndim and data.array.size != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars; use stack for more"
            )
        return data.array.reshape(())[()] if data.array.ndim else data.array[()]
    if isinstance(data, range):
        return list(data)
    if (
        hasattr(data, "__array__")
        or isinstance(data, (bool, int, float, complex, str, bytes))
        or data is None
    ):
        return data
    return list(data) if hasattr(data, "__len__") and hasattr(data, "__getitem__") else data


def _typed(nested, array):
    """The nested data, or, for big homogeneous lists, one number of NumPy's own finding."""
    return array.reshape(-1)[0].item() if array.size else nested


def _first_leaf(nested):
    while isinstance(nested, list) and nested:
        nested = nested[0]
    return nested


def as_tensor(data, dtype=None, device=None) -> Tensor:
    """The data as a tensor, sharing memory where dtype and device allow it; a tensor stays itself."""
    if isinstance(data, Value):
        return data.to(device=device, dtype=dtype)
    return _made(_array_from(data, dtype), dtype, _place_for(data, device))


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad: bool = False) -> Tensor:
    """`as_tensor`, with a say about copying."""
    t = tensor(obj, dtype=dtype, device=device) if copy else as_tensor(obj, dtype, device)
    return t.requires_grad_() if requires_grad else t


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares the array's memory."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.of(ndarray.dtype)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError("from_numpy: negative strides are not supported; pass array.copy()")
    return untracked(ndarray)


def frombuffer(buffer, *, dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A vector over the memory of a bytes-like object."""
    return _made(
        np.frombuffer(buffer, dtypes.as_dtype(dtype).numpy, count, offset), None, None, requires_grad
    )


# ---- from nothing --------------------------------------------------------------------------------
def _filled(value, sizes, dtype, device, requires_grad, layout=None) -> Tensor:
    strided_only("creation", layout)
    if any(n < 0 for n in sizes):
        raise RuntimeError(f"Trying to create tensor with negative dimension in {sizes}")
    where = as_device(device)
    array = module_for(where).full(sizes, value, dtypes.as_dtype(dtype or dtypes.get_default_dtype()).numpy)
    return _made(array, None, None, requires_grad)


def zeros(
    *sizes, size=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, out=None
) -> Tensor:
    """A tensor of zeros."""
    return _stored(_filled(0, sizes_of(sizes, size), dtype, device, requires_grad, layout), out)


def ones(
    *sizes, size=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, out=None
) -> Tensor:
    """A tensor of ones."""
    return _stored(_filled(1, sizes_of(sizes, size), dtype, device, requires_grad, layout), out)


def empty(
    *sizes,
    size=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    memory_format=None,
    out=None,
):
    """A tensor whose values are not set; here they are zeros, so that nothing depends on chance."""
    return _stored(_filled(0, sizes_of(sizes, size), dtype, device, requires_grad, layout), out)


def full(size, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, out=None) -> Tensor:
    """A tensor filled with one value, whose type decides the dtype."""
    if isinstance(fill_value, Value):
        fill_value = fill_value.item()
    dtype = dtypes.infer(fill_value) if dtype is None else dtype
    return _stored(_filled(fill_value, sizes_of((size,)), dtype, device, requires_grad, layout), out)


def _stored(result: Tensor, out):
    return result if out is None else out.copy_(result)


def arange(
    start, end=None, step=1, *, dtype=None, layout=None, device=None, requires_grad=False, out=None
) -> Tensor:
    """start, start + step, ... below end; int64 if all three are ints."""
    strided_only("arange", layout)
    if end is None:
        start, end = 0, start
    start, end, step = (v.item() if isinstance(v, Value) else v for v in (start, end, step))
    if step == 0:
        raise RuntimeError("arange: step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is None:
        whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
        dtype = dtypes.int64 if whole else dtypes.get_default_dtype()
    target = dtypes.as_dtype(dtype)
    if target.category == dtypes.INTEGER:
        start, end, step = (int(v) for v in (start, end, step))
    xp = module_for(as_device(device))
    count = math.ceil((end - start) / step)
    array = (xp.arange(count) * step + start).astype(target.numpy)
    return _stored(_made(array, None, None, requires_grad), out)


def linspace(
    start, end, steps: int, *, dtype=None, layout=None, device=None, requires_grad=False, out=None
) -> Tensor:
    """`steps` values at equal distances, both ends included."""
    strided_only("linspace", layout)
    start, end = (v.item() if isinstance(v, Value) else v for v in (start, end))
    if isinstance(steps, (float, complex)):
        raise TypeError(f"linspace: steps must be an int, not {type(steps).__name__} {steps}")
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    given = dtypes.infer([start, end])
    target = dtypes.as_dtype(dtype or (given if given.is_complex else dtypes.get_default_dtype()))
    if target.category < dtypes.FLOAT:
        start, end = int(start), int(end)
    wide = np.complex128 if target.is_complex else np.float64
    number = module_for(as_device(device)).arange(steps)
    step = wide(end - start) / max(steps - 1, 1)  # from either end to the middle, as PyTorch counts
    array = np.where(number < steps / 2, start + step * number, end - step * (steps - 1 - number)).astype(
        target.numpy
    )
    return _stored(_made(array, None, None, requires_grad), out)


def logspace(start, end, steps: int, base: float = 10.0, **settings) -> Tensor:
    """base to the powers of `linspace`."""
    dtype = dtypes.as_dtype(settings.pop("dtype", None) or dtypes.get_default_dtype())
    out = settings.pop("out", None)
    if dtype.category < dtypes.FLOAT:  # PyTorch cuts off the exponents, too
        start, end = int(start), int(end)
    exponents = linspace(start, end, steps, dtype=dtypes.float64, **settings)
    return _stored(_made(base**exponents.array, dtype, None), out)


def eye(
    n: int, m: int | None = None, *, dtype=None, layout=None, device=None, requires_grad=False, out=None
) -> Tensor:
    """Ones on the diagonal, zeros elsewhere, (n, m)."""
    strided_only("eye", layout)
    xp = module_for(as_device(device))
    array = xp.eye(n, n if m is None else m, dtype=dtypes.as_dtype(dtype or dtypes.get_default_dtype()).numpy)
    return _stored(_made(array, None, None, requires_grad), out)


def scalar_tensor(value, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """A 0-d tensor; of the default dtype unless another is given."""
    return _filled(value, (), dtype, device, requires_grad)


def complex_of(real: Tensor, imag: Tensor, *, out=None) -> Tensor:
    """real + i imag."""
    return _stored(
        real + imag * untracked(np.asarray(1j, np.result_type(real.array.dtype, np.complex64))), out
    )


# ---- like another --------------------------------------------------------------------------------
def _like(value, t: Tensor, dtype, device, requires_grad, size=None) -> Tensor:
    array = np.full_like(
        t.array, value, shape=size, dtype=None if dtype is None else dtypes.as_dtype(dtype).numpy
    )
    return _made(array, None, device, requires_grad)


def zeros_like(
    input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None
) -> Tensor:
    """Zeros in the shape, dtype and device of another tensor."""
    strided_only("zeros_like", layout)
    return _like(0, input, dtype, device, requires_grad)


def ones_like(
    input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None
) -> Tensor:
    """Ones in the shape, dtype and device of another tensor."""
    strided_only("ones_like", layout)
    return _like(1, input, dtype, device, requires_grad)


def empty_like(
    input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None
) -> Tensor:
    """Values that are not set (zeros here) in the shape, dtype and device of another tensor."""
    strided_only("empty_like", layout)
    return _like(0, input, dtype, device, requires_grad)


def full_like(
    input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None
) -> Tensor:
    """One value in the shape, dtype and device of another tensor."""
    strided_only("full_like", layout)
    return _like(fill_value, input, dtype, device, requires_grad)


# ---- grids and triangles -------------------------------------------------------------------------
def meshgrid(*tensors, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Coordinate grids from vectors; indexing 'ij' (rows first, the default) or 'xy'."""
    vectors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    vectors = list(vectors)
    swap = indexing == "xy" and len(vectors) > 1
    if swap:
        vectors[0], vectors[1] = vectors[1], vectors[0]
    if any(v.array.ndim > 1 for v in vectors):
        shapes = [tuple(v.array.shape) for v in vectors]
        raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensors, got shapes {shapes}")
    if len({v.array.dtype for v in vectors}) > 1:
        raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    sizes = [v.array.size for v in vectors]
    grids = [
        v.reshape([-1 if i == a else 1 for i in range(len(sizes))]).expand(sizes)
        for a, v in enumerate(vectors)
    ]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype=dtypes.int64, device=None, layout=None
) -> Tensor:
    """(2, K): rows and columns of the lower triangle of a (row, col) matrix."""
    strided_only("tril_indices", layout)
    return _made(np.stack(np.nonzero(np.tri(row, col, offset, dtype=bool))), dtype, device)


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype=dtypes.int64, device=None, layout=None
) -> Tensor:
    """(2, K): rows and columns of the upper triangle of a (row, col) matrix."""
    strided_only("triu_indices", layout)
    return _made(np.stack(np.nonzero(~np.tri(row, col, offset - 1, dtype=bool))), dtype, device)

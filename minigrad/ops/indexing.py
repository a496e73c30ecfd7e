"""Ops that pick elements by index or mask: `x[...]`, `x[...] = y`, gather, scatter, select, fill, triangles.

The engine of all is `take_part` and `put_back` of `shaping`; along one dimension, `gather` and `scatter_add`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..backend import beside, module_of, scatter_add, zeros_beside
from ..engine import Value, is_recording, primitive, refresh, stored, untracked
from ..inplace import adopt, check_history_can_be_kept, check_versions_can_move, check_writable
from .elementwise import select as choose
from .promotion import same_dtype
from .shaping import axis_of, common_shape, copy, expand_to, reshape_to, take_part
from .spelling import numpy_names

if TYPE_CHECKING:
    from ..tensor import Tensor


# ---- x[...] --------------------------------------------------------------------------------------
def plain_index(index, array):
    """An index as NumPy takes it: tensors and lists in it become arrays, copied, as they may change later."""
    if index.__class__ is int or (index.__class__ is slice and index.step is None):
        return index
    if index.__class__ is tuple:
        return tuple([_plain_part(p, array) for p in index])
    if isinstance(index, list) and any(isinstance(p, IN_TUPLES) or p is None or p is ... for p in index):
        return tuple([_plain_part(p, array) for p in index])  # a list of indices stands for their tuple
    return _plain_part(index, array)


IN_TUPLES = (Value, list, tuple, range, slice)


def _plain_part(part, array):
    if part.__class__ is slice:
        step = part.step
        if step is not None and step.__index__() <= 0:
            raise ValueError("step must be greater than zero; use flip() for the reverse order")
        return part  # whatever has __index__, a tensor of one integer too, NumPy takes
    if part.__class__ is int or part is None or part is Ellipsis:
        return part
    if isinstance(part, Value):
        places = part.array
        if places.dtype.kind not in "iub":
            raise IndexError(
                f"tensors used as indices must be long, int, byte or bool tensors, got {part.dtype}"
            )
        if places.ndim == 0 and places.dtype.kind != "b" and places.dtype != np.uint8:
            return int(places)
        return beside(array, places.astype(bool if places.dtype == np.uint8 else places.dtype))
    if isinstance(part, (bool, np.bool_)):
        return beside(array, part)
    if isinstance(part, (list, range)):
        places = np.asarray([int(p.item()) if isinstance(p, Value) else p for p in part])
        return beside(array, places, np.int64 if places.size == 0 else None)
    if hasattr(part, "__index__") and not isinstance(part, np.ndarray):
        return part.__index__()
    if isinstance(part, str):
        raise TypeError(f"a tensor has no element under a name, such as {part!r}; use a number")
    if isinstance(part, np.ndarray) and part.dtype.kind in "iub":
        return beside(array, part)
    raise IndexError(
        "only integers, slices, None, Ellipsis, and integer or boolean tensors are valid indices, "
        f"got {part!r}"
    )


def getitem(input, index) -> Tensor:
    """x[index]: a view for ints, slices, None and Ellipsis; a copy for integer and boolean tensors."""
    return take_part(input, plain_index(index, input.array))


@primitive(x=lambda g, index: zero_part(g, index), value=lambda g, index: take_part(g, index))
def assign_part(x, value, index):
    """Writes the value into x itself at an index: for `setitem`, which sees to versions and views."""
    x[index] = value
    return x


@primitive(x=lambda g, index: zero_part(g, index))
def zero_part(x, index):
    """x with zeros at an index."""
    out = x.copy()
    out[index] = 0
    return out


def setitem(target, index, value) -> None:
    """x[index] = value, with a gradient to the value and to what is left of x."""
    index = plain_index(index, target.array)
    if not isinstance(value, Value):
        if not isinstance(value, (bool, int, float, complex, np.generic)):
            kind = type(value).__module__.removeprefix("builtins") + "." + type(value).__name__
            raise TypeError(f"can't assign a {kind.lstrip('.')} to a tensor; make it one by torch.tensor")
        value = untracked(beside(target.array, np.asarray(value).astype(target.array.dtype)))
    if target.base is not None:
        refresh(target)
    check_writable(target)
    check_versions_can_move(target, target)
    tracked = is_recording() and (target.tracked or value.tracked)
    if value.array.ndim > target.array.ndim:
        value = reshape_to(value, _without_leading_ones(value.array.shape, target.array.ndim))
    if tracked:
        check_history_can_be_kept(target)
        with_history = assign_part(target, value, index)
        target.version[0] += 1
        adopt(target, with_history)
        return
    try:
        target.array[index] = value.array
    except ValueError as error:
        raise RuntimeError(
            f"setitem: value of shape {tuple(value.array.shape)} does not fit: {error}"
        ) from None
    target.version[0] += 1
    if target.base is not None:
        target.seen = target.version[0]


def _without_leading_ones(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    while len(shape) > ndim and shape[0] == 1:
        shape = shape[1:]
    return shape


# ---- along one dimension -------------------------------------------------------------------------
def place_along(index, axis: int) -> tuple:
    """The index tuple that names, for each element of `index`, its own place with `index` along the axis."""
    xp = module_of(index)
    grids = [
        n.reshape([-1 if i == a else 1 for i in range(index.ndim)])
        for a, n in enumerate(map(xp.arange, index.shape))
    ]
    grids[axis] = index
    return tuple(grids)


@primitive(x=lambda g, x_shape, index, axis: scatter_sum(g, x_shape, index, axis))
def gather_along(x, index, axis):
    """out[i][j] = x[index[i][j]][j] for axis 0, and so on."""
    return x[place_along(index, axis)]


@primitive(x=lambda g, index, axis: gather_along(g, index, axis))
def scatter_sum(x, shape, index, axis):
    """Zeros of a shape with x added where `index` says, along an axis: the inverse of `gather_along`."""
    out = zeros_beside(x, shape)
    scatter_add(out, place_along(index, axis), x)
    return out


def index_array(name: str, index: Tensor) -> np.ndarray:
    if not isinstance(index, Value) or index.array.dtype.kind not in "iu":
        got = index.dtype if isinstance(index, Value) else type(index).__name__
        raise RuntimeError(f"{name}(): Expected dtype int64 for index, got {got}; use index.long()")
    return index.array.copy()


def check_bounds(name: str, index, size: int) -> None:
    if index.size and (int(index.min()) < 0 or int(index.max()) >= size):
        bad = int(index.min()) if int(index.min()) < 0 else int(index.max())
        kind = RuntimeError if name.startswith(("gather", "scatter")) else IndexError  # as in PyTorch
        raise kind(f"{name}(): index {bad} is out of bounds for dimension with size {size}")


@numpy_names
def gather(input, dim: int, index: Tensor, *, sparse_grad: bool = False, out=None) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0: one pick per element of `index`."""
    places = index_array("gather", index)
    if places.ndim != input.array.ndim and places.size and input.array.ndim and places.ndim:
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as input tensor: index "
            f"{tuple(places.shape)}, input {tuple(input.array.shape)}"
        )
    axis = axis_of("gather", input, dim)
    same_dtype("gather", out, input)
    if not places.size:
        return take_part(reshape_to(input, (input.array.size,)), places.astype(np.int64), out=out)
    if input.array.ndim == 0:
        check_bounds("gather", places, 1)
        return reshape_to(input, places.shape, out=out)
    places = np.atleast_1d(places) if places.ndim < input.array.ndim else places
    if any(n > m for a, (n, m) in enumerate(zip(places.shape, input.array.shape)) if a != axis):
        raise RuntimeError(
            f"gather: Size does not match at some dimension: expected index {tuple(places.shape)} to be no "
            f"larger than self {tuple(input.array.shape)} apart from dimension {axis}"
        )
    check_bounds("gather", places, input.array.shape[axis])
    return gather_along(input, places, axis, out=out)


@numpy_names
def index_select(input, dim: int, index: Tensor, *, out=None) -> Tensor:
    """The parts at the given places of a dimension, in that order."""
    places = index_array("index_select", index)
    if places.ndim > 1:
        raise IndexError(f"index_select(): Index is supposed to be a vector, got {places.ndim} dimensions")
    axis = axis_of("index_select", input, dim)
    if input.array.ndim == 0:
        return copy(input, out=out)
    check_bounds("index_select", places, input.array.shape[axis])
    return take_part(input, (slice(None),) * axis + (places.reshape(-1),), out=out)


@numpy_names
def take_along_dim(input, indices: Tensor, dim: int | None = None, *, out=None) -> Tensor:
    """`gather` whose index is broadcast against the input; without `dim` both are flattened."""
    if dim is None:
        return gather(
            reshape_to(input, (input.array.size,)), 0, reshape_to(indices, (indices.array.size,)), out=out
        )
    axis = axis_of("take_along_dim", input, dim)
    free = [s[:axis] + (1,) + s[axis + 1 :] for s in (input.array.shape, indices.array.shape)]
    shape = common_shape("take_along_dim", *free)
    wide = expand_to(input, shape[:axis] + (input.array.shape[axis],) + shape[axis + 1 :])
    places = expand_to(indices, shape[:axis] + (indices.array.shape[axis],) + shape[axis + 1 :]).array
    size = input.array.shape[axis]
    return gather(wide, axis, untracked(np.where(places < 0, places + size, places)), out=out)


# ---- masks ---------------------------------------------------------------------------------------
def mask_array(name: str, mask) -> np.ndarray:
    if not isinstance(mask, Value) or mask.array.dtype.kind != "b":
        got = mask.dtype if isinstance(mask, Value) else type(mask).__name__
        raise RuntimeError(
            f"{name} only supports boolean masks, but got mask with dtype {got}; use mask.bool()"
        )
    return mask.array.copy()


def masked_fill(input, mask: Tensor, value) -> Tensor:
    """`value` where the mask is True, the input elsewhere."""
    held = untracked(mask_array("masked_fill", mask))
    if isinstance(value, Value):
        if value.array.ndim:
            raise RuntimeError(
                "masked_fill only supports a 0-dimensional value tensor, "
                f"but got {value.array.ndim} dimensions"
            )
        _check_fits("masked_fill", value.item(), input)
    else:
        _check_fits("masked_fill", value, input)
        value = untracked(beside(input.array, np.asarray(value).astype(input.array.dtype)))
    return choose(held, value if value.array.dtype == input.array.dtype else value.to(input.dtype), input)


def _check_fits(name: str, value, t) -> None:
    """Refuse a number that the tensor's dtype cannot hold; fractions are cut off."""
    dtype = t.array.dtype
    limits = np.iinfo(dtype) if dtype.kind in "iu" else None
    if isinstance(value, complex) and dtype.kind != "c":
        fits = value.imag == 0
    else:
        fits = limits is None or limits.min <= value <= limits.max  # nan is not
    if not fits:
        raise RuntimeError(f"{name}: value {value} cannot be converted to type {t.dtype} without overflow")


def masked_select(input, mask: Tensor, *, out=None) -> Tensor:
    """The elements where the mask is True, as a vector."""
    shape = common_shape("masked_select", input.array.shape, mask.array.shape)
    held = np.broadcast_to(mask_array("masked_select", mask), shape)
    return take_part(expand_to(input, shape), held, out=out)


def where(condition, input=None, other=None, *, out=None):
    """`input` where the condition holds, `other` elsewhere; with the condition alone,
    `nonzero(as_tuple=True)`.
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    target = dtypes.result_type(input, other).numpy
    x, y = (
        v if isinstance(v, Value) else untracked(beside(condition.array, np.asarray(v).astype(target)))
        for v in (input, other)
    )
    if condition.array.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    return choose(condition, x, y, out=out)


def nonzero(input, *, out=None, as_tuple: bool = False):
    """The places of the non-zero elements: (K, ndim) int64, or a tuple with a vector per dimension."""
    where = np.nonzero(input.array.reshape(1) if input.array.ndim == 0 else input.array)
    found = [places.astype(np.int64, copy=False) for places in where]
    if as_tuple:
        return tuple(untracked(f) for f in found)
    if input.array.ndim == 0:
        return stored(untracked(np.zeros_like(found[0], shape=(len(found[0]), 0))), out)
    return stored(untracked(np.stack(found, 1)), out)

"""Ops that move elements without changing them: reshape, permute, expand, slice, join, split, flip, repeat.

Those marked `views=True` share memory with their input where NumPy does. Every gradient is the inverse
movement.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..backend import module_of, scatter_add, zeros_beside
from ..engine import Value, primitive, untracked, view_of
from ..fused import variadic
from ..size import Size
from .promotion import arithmetic
from .spelling import numpy_names

if TYPE_CHECKING:
    from ..tensor import Tensor


# ---- dimensions ----------------------------------------------------------------------------------
def axis_of(name: str, t, dim: int) -> int:
    """A dimension as a non-negative int; negative ones count from the end."""
    ndim = t.array.ndim
    limit = max(ndim, 1)
    if not -limit <= dim < limit:
        raise IndexError(
            f"{name}: Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], "
            f"but got {dim})"
        )
    return int(dim) % limit


def axes_of(name: str, t, dim) -> tuple[int, ...] | None:
    """One dimension or several as a tuple of non-negative ints; None, and an empty tuple, mean all."""
    if dim is None:
        return None
    if dim.__class__ is int and 0 <= dim < t.array.ndim:
        return (dim,)
    if not isinstance(dim, (tuple, list)):
        axis = axis_of(name, t, dim)
        return (axis,) if t.array.ndim else None
    axes = tuple(axis_of(name, t, d) for d in dim)
    if len(set(axes)) != len(axes):
        raise RuntimeError(f"{name}: dim {tuple(dim)} appears multiple times in the list of dims")
    return axes if axes and t.array.ndim else None


def _whole(n) -> int:
    if not hasattr(n, "__index__"):
        raise TypeError(f"sizes must be ints, not {type(n).__name__}: {n!r}")
    return n.__index__()


def sizes_of(sizes: tuple, named=None) -> tuple[int, ...]:
    """Sizes given as f(2, 3), as f((2, 3)), or by name as f(size=(2, 3))."""
    if named is not None:
        sizes = (named,)
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    for n in sizes:
        if type(n) is not int:
            return tuple([_whole(n) for n in sizes])
    return sizes


# ---- shape ---------------------------------------------------------------------------------------
def _why_not(x, shape) -> str:
    """Why an array cannot take a shape."""
    known = math.prod(n for n in shape if n != -1)
    if shape.count(-1) > 1:
        return f"only one dimension can be inferred, {list(shape)} has {shape.count(-1)} of -1"
    if min(shape, default=0) < -1:
        return f"invalid shape dimension in {list(shape)}; sizes are 0 or more, and one may be -1"
    if -1 in shape and known == 0:
        return f"cannot reshape into {list(shape)}: the size of -1 is ambiguous beside a 0"
    return f"shape '{list(shape)}' is invalid for input of size {x.size} and shape {list(x.shape)}"


@primitive(views=True, explain=_why_not, x=lambda g, x_shape: reshape_to(g, x_shape))
def reshape_to(x, shape):
    return x.reshape(shape)


def reshape(input, *sizes, shape=None) -> Tensor:
    """The same elements in another shape, of which one size may be -1; a view where strides allow it."""
    return reshape_to(input, sizes if len(sizes) > 1 else sizes_of(sizes, shape))


def view(input, *sizes, size=None, dtype=None) -> Tensor:
    """The same memory in another shape, or, with a dtype, as other elements; refuses where it would have to
    copy.
    """
    if dtype is not None or (len(sizes) == 1 and isinstance(sizes[0], dtypes.dtype)):
        return view_as_dtype(input, dtype or sizes[0])
    t = reshape_to(input, sizes if len(sizes) > 1 else sizes_of(sizes, size))
    if t.base is None and t.array.size:
        raise RuntimeError(
            f"view size {list(t.array.shape)} is not compatible with input tensor's size "
            f"{list(input.array.shape)} and stride (at least one dimension spans across two contiguous "
            "subspaces). Use .reshape(...) instead."
        )
    return t


def view_as_dtype(input, dtype) -> Tensor:
    """The same memory read as elements of another dtype."""
    try:
        t = untracked(input.array.view(dtype.numpy))
    except ValueError as error:
        raise RuntimeError(f"view: {tuple(input.array.shape)} {input.dtype} as {dtype}: {error}") from None
    t.version = input.version
    return t


@primitive(views=True, x=lambda g, axes: permute_to(g, _inverse(axes)))
def permute_to(x, axes):
    """The dimensions in another order, or (None) in reverse."""
    return x.transpose(axes)


def _inverse(axes: tuple[int, ...] | None) -> tuple[int, ...] | None:
    return axes and tuple(sorted(range(len(axes)), key=axes.__getitem__))


def permute(input, *axes, dims=None) -> Tensor:
    """The dimensions in another order."""
    dims = sizes_of(axes, dims)
    axes = tuple(axis_of("permute", input, d) for d in dims)
    if sorted(axes) != list(range(input.array.ndim)):
        raise RuntimeError(f"permute: dims {dims} must name each of the {input.array.ndim} dimensions once")
    return permute_to(input, axes)


def transpose(input, dim0: int, dim1: int) -> Tensor:
    """Two dimensions swapped."""
    a, b = axis_of("transpose", input, dim0), axis_of("transpose", input, dim1)
    axes = list(range(input.array.ndim))
    if axes:
        axes[a], axes[b] = b, a
    return permute_to(input, tuple(axes))


def movedim(input, source, destination) -> Tensor:
    """Dimensions `source` moved to `destination`; the others keep their order."""
    sources, targets = ([d] if isinstance(d, int) else list(d) for d in (source, destination))
    if len(sources) != len(targets):
        raise RuntimeError(f"movedim: {len(sources)} source dims against {len(targets)} destination dims")
    moved = {axis_of("movedim", input, d): axis_of("movedim", input, s) for s, d in zip(sources, targets)}
    if len(moved) != len(sources) or len(set(moved.values())) != len(sources):
        raise RuntimeError(f"movedim: repeated dim in source {sources} or destination {targets}")
    rest = iter(a for a in range(input.array.ndim) if a not in moved.values())
    return permute_to(input, tuple(moved[i] if i in moved else next(rest) for i in range(input.array.ndim)))


def t(input) -> Tensor:
    """The transpose of a matrix; a vector or scalar is its own."""
    if input.array.ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {input.array.ndim}D; use .mT"
        )
    return permute_to(input, None)


def squeeze(input, dim=None, *, axis=None) -> Tensor:
    """Without its dimensions of size 1, or without those among `dim` that have size 1."""
    dim = dim if axis is None else axis
    shape = input.array.shape
    axes = range(len(shape)) if dim is None else axes_of("squeeze", input, dim) or ()
    return reshape_to(input, tuple(n for i, n in enumerate(shape) if n != 1 or i not in axes))


def unsqueeze(input, dim: int | None = None, *, axis=None) -> Tensor:
    """With a dimension of size 1 put in at `dim`."""
    dim = dim if axis is None else axis
    if dim is None:
        raise TypeError("unsqueeze() missing 1 required argument: dim, the place of the new dimension")
    shape = list(input.shape)
    if not -len(shape) - 1 <= dim <= len(shape):
        raise IndexError(
            "unsqueeze: Dimension out of range (expected to be in "
            f"range of [{-len(shape) - 1}, {len(shape)}], but got {dim})"
        )
    shape.insert(dim % (len(shape) + 1), 1)
    return reshape_to(input, tuple(shape))


def flatten(input, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dimensions start_dim .. end_dim as one."""
    if input.array.ndim == 0:
        return reshape_to(input, (1,))
    start, end = axis_of("flatten", input, start_dim), axis_of("flatten", input, end_dim)
    if start > end:
        raise RuntimeError(
            f"flatten() has invalid args: start_dim {start_dim} cannot come after end_dim {end_dim}"
        )
    shape = input.array.shape
    return reshape_to(input, shape[:start] + (math.prod(shape[start : end + 1]),) + shape[end + 1 :])


@numpy_names
def unflatten(input, dim: int, sizes: Sequence[int]) -> Tensor:
    """Dimension `dim` as several of the given sizes, of which one may be -1."""
    axis = axis_of("unflatten", input, dim)
    shape, sizes = input.array.shape, tuple(sizes)
    if -1 in sizes:
        known = math.prod(n for n in sizes if n != -1)
        sizes = tuple(shape[axis] // max(known, 1) if n == -1 else n for n in sizes)
    if math.prod(sizes) != shape[axis]:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size "
            f"of dim {dim} ({shape[axis]})"
        )
    return reshape_to(input, shape[:axis] + sizes + shape[axis + 1 :])


# ---- broadcasting --------------------------------------------------------------------------------
@primitive(views=True, x=lambda g: g)  # the engine sums it down
def expand_to(x, shape):
    return module_of(x).broadcast_to(x, shape)


def expand(input, *sizes, size=None, implicit=False) -> Tensor:
    """Dimensions of size 1 repeated without copying; -1 keeps a size."""
    sizes, shape = sizes_of(sizes, size), input.array.shape
    lead = len(sizes) - len(shape)
    if lead < 0:
        raise RuntimeError(
            f"expand: sizes {sizes} must not be fewer than the {len(shape)} dimensions of the tensor"
        )
    wanted = tuple(shape[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(sizes))
    if any(n < 0 for n in wanted) or any(m not in (1, n) for m, n in zip(shape, wanted[lead:])):
        raise RuntimeError(
            f"expand: the tensor's shape {shape} does not fit the sizes {sizes}; only 1 can be expanded"
        )
    return expand_to(input, wanted)


def broadcast_shapes(*shapes) -> Size:
    """The shape that tensors of these shapes broadcast to."""
    return Size(common_shape("broadcast_shapes", *[(s,) if isinstance(s, int) else tuple(s) for s in shapes]))


def common_shape(name: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that these broadcast to, or the sentence in which the function `name` refuses them."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " and ".join(map(str, shapes))
        raise RuntimeError(f"{name}: shapes {listed} cannot be broadcast to a single shape") from None


def broadcast_tensors(*tensors) -> tuple[Tensor, ...]:
    """The tensors, each expanded to the shape they have in common."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    shape = common_shape("broadcast_tensors", *[t.array.shape for t in tensors])
    return tuple(expand_to(t, shape) for t in tensors)


# ---- parts ---------------------------------------------------------------------------------------
@primitive(views=True, x=lambda g, x_shape, index: put_back(g, x_shape, index))
def take_part(x, index):
    """x[index] for slices, ints, None, Ellipsis, masks and integer arrays, as NumPy has them."""
    part = x[index]
    if part.__class__ is x.__class__:
        return part
    return x[(*index, ...) if type(index) is tuple else (index, ...)]  # one element: a 0-d view, not a number


@primitive(x=lambda g, index: take_part(g, index))
def put_back(x, shape, index):
    """Zeros of a shape with x added at an index: the inverse movement of `take_part`."""
    out = zeros_beside(x, shape)
    if _only_slices(index):
        out[index] = x
    else:
        scatter_add(out, index, x)
    return out


def _only_slices(index) -> bool:
    """Whether no element can be named twice: no integer array in the index."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        p is None or p is Ellipsis or isinstance(p, (slice, int)) or p.dtype.kind == "b" for p in parts
    )


@numpy_names
def narrow(input, dim: int, start: int, length: int) -> Tensor:
    """`length` elements from `start` along a dimension."""
    axis = axis_of("narrow", input, dim)
    size = input.array.shape[axis]
    if isinstance(start, Value) and (start.array.ndim or start.array.dtype.kind not in "iu"):
        raise RuntimeError(f"narrow: start must be an 0-dim integral Tensor or an int, got {start!r}")
    start = int(start)
    if not -size <= start <= size or length < 0 or start % (size + 1 if start >= 0 else size) + length > size:
        raise RuntimeError(f"narrow: start ({start}) + length ({length}) exceeds dimension size ({size})")
    start = start + size if start < 0 else start
    return take_part(input, (slice(None),) * axis + (slice(start, start + length),))


@numpy_names
def select_at(input, dim: int, index: int) -> Tensor:
    """The part at one index of a dimension, which is removed."""
    if input.array.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis = axis_of("select", input, dim)
    size = input.array.shape[axis]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size "
            f"{list(input.array.shape)} at dimension {axis}"
        )
    return take_part(input, (slice(None),) * axis + (int(index),))


@primitive(views=True, x=lambda g, axes: flip_axes(g, axes))
def flip_view(x, axes):
    return np.flip(x, axes)


def flip_axes(x, axes):
    return flip_view(x, axes)


def flip(input, *axes, dims=None) -> Tensor:
    """A copy with the order of elements reversed along the given dimensions."""
    dims = sizes_of(axes, dims)
    axes = tuple(axis_of("flip", input, d) for d in dims)
    if len(set(axes)) != len(axes):
        raise RuntimeError(f"flip: dim appears multiple times in the list of dims {dims}")
    return copy(flip_axes(input, axes) if axes else input)


@primitive(x=lambda g: g)
def copy(x):
    return x.copy()


@primitive(x=lambda g, shifts, axes: roll_axes(g, tuple(-s for s in shifts), axes))
def roll_axes(x, shifts, axes):
    return np.roll(x, shifts, axes)


# ---- joining and splitting -----------------------------------------------------------------------
def _parts_along(g, shapes, axis):
    """g cut into parts with the sizes that were joined along an axis."""
    bounds = np.cumsum([0] + [s[axis] for s in shapes])
    lead = (slice(None),) * axis
    return [take_part(g, (*lead, slice(int(a), int(b)))) for a, b in itertools.pairwise(bounds)]


@variadic(_parts_along, promote=arithmetic)
def concat(tensors, axis):
    return np.concatenate(tensors, axis)


@variadic(lambda g, shapes, axis: unstack_to(g, axis), promote=arithmetic)
def stack_on(tensors, axis):
    return np.stack(tensors, axis)


@primitive(arity=0, holomorphic=False, x=lambda g, axis: stack_on(g, axis))
def unstack_to(x, axis):
    """The parts of x at each index of an axis, as a tuple."""
    return tuple(x[(slice(None),) * axis + (i,)] for i in range(x.shape[axis]))


@primitive(arity=0, holomorphic=False, x=lambda g, axis: concat(g, axis))
def split_to(x, sizes, axis):
    """Parts of the given sizes along an axis, as a tuple."""
    bounds = np.cumsum([0, *sizes]).tolist()
    return tuple(x[(slice(None),) * axis + (slice(a, b),)] for a, b in itertools.pairwise(bounds))


def _as_views(parts: tuple[Tensor, ...], of: Tensor, indices) -> tuple[Tensor, ...]:
    """Make the parts views of the tensor they were cut from, each by its index."""
    for part, index in zip(parts, indices):
        view_of(part, of, take_part, (index,))
    return parts


def _list_of(name: str, tensors) -> list[Tensor]:
    """The list of tensors to be joined; a sentence where it is none."""
    if isinstance(tensors, Value):
        raise TypeError(
            f"{name}(): argument 'tensors' must be tuple of Tensors, not Tensor; write {name}([a, b])"
        )
    tensors = list(tensors)
    if not tensors:
        raise (ValueError if name == "cat" else RuntimeError)(f"{name} expects a non-empty TensorList")
    for i, item in enumerate(tensors):
        if not isinstance(item, Value):
            raise TypeError(
                f"{name}(): expected Tensor as element {i} in argument 0, but got {type(item).__name__}"
            )
    return tensors


def cat(tensors, dim: int = 0, *, out=None, axis=None) -> Tensor:
    """The tensors joined along an existing dimension; the other sizes must agree.

    Empty vectors are skipped.
    """
    dim = dim if axis is None else axis
    tensors = _list_of("cat", tensors)
    real = [t for t in tensors if t.array.shape != (0,)] or tensors
    axis = axis_of("cat", real[0], dim)
    if real[0].array.ndim == 0:
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated; use stack")
    first = real[0].array.shape
    for i, t in enumerate(real):
        shape = t.array.shape
        if len(shape) != len(first) or any(m != n for a, (m, n) in enumerate(zip(shape, first)) if a != axis):
            raise RuntimeError(
                f"cat: Sizes of tensors must match except in dimension {axis}: "
                f"{tuple(first)} against {tuple(shape)} for tensor number {i} in the list"
            )
    return concat(real, axis, out=out)


def stack(tensors, dim: int = 0, *, out=None, axis=None) -> Tensor:
    """The tensors, all of one shape, joined along a new dimension."""
    dim = dim if axis is None else axis
    tensors = _list_of("stack", tensors)
    shapes = [t.array.shape for t in tensors]
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise RuntimeError(
                "stack expects each tensor to be equal size, "
                f"but got {list(shapes[0])} at entry 0 and {list(shape)} at entry {i}"
            )
    ndim = len(shapes[0]) + 1
    if not -ndim <= dim < ndim:
        raise IndexError(
            f"stack: Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})"
        )
    return stack_on(tensors, dim % ndim, out=out)


def split(tensor, split_size_or_sections, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts along a dimension:
    of one size (the last may be smaller), or of given sizes.
    """
    axis = axis_of("split", tensor, dim)
    size = tensor.array.shape[axis]
    if isinstance(split_size_or_sections, int):
        step = split_size_or_sections
        if step < 0 or (step == 0 and size):
            raise RuntimeError(f"split: split_size must be positive, got {step}")
        sizes = [min(step, size - i) for i in range(0, size, step or 1)] or [0]
    else:
        sizes = [int(n) for n in split_size_or_sections]
        if math.fsum(sizes) != size or min(sizes, default=0) < 0:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at "
                f"dimension {axis}), but got split_sizes={sizes}"
            )
    bounds = np.cumsum([0, *sizes]).tolist()
    lead = (slice(None),) * axis
    return _as_views(
        split_to(tensor, tuple(sizes), axis),
        tensor,
        [(*lead, slice(a, b)) for a, b in itertools.pairwise(bounds)],
    )


@numpy_names
def chunk(input, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size along a dimension; the last may be smaller."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input.array.shape[axis_of("chunk", input, dim)]
    return split(input, max(-(-size // chunks), 1), dim) if size else split(input, [0] * chunks, dim)


@numpy_names
def unbind(input, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the parts at each index of a dimension, which is removed."""
    axis = axis_of("unbind", input, dim)
    if input.array.ndim == 0:
        raise RuntimeError("unbind: a 0-d tensor has no dimension to remove")
    lead = (slice(None),) * axis
    if input.array.shape[axis] == 0:
        return ()
    return _as_views(unstack_to(input, axis), input, [(*lead, i) for i in range(input.array.shape[axis])])

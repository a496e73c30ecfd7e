"""Ops that arrange elements anew, made of `shaping`: repeats, windows, diagonals, triangles, joins and
splits.

First the few with a movement of their own, then PyTorch's many names for what `shaping` can do already.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..backend import as_places, beside, module_of, to_numpy, zeros_beside
from ..engine import Value, primitive, stored, untracked
from ..walk import sum_to
from .elementwise import conj
from .indexing import index_select
from .promotion import to_dtype
from .shaping import (
    axis_of,
    broadcast_shapes,
    cat,
    copy,
    expand,
    expand_to,
    flip,
    movedim,
    reshape,
    reshape_to,
    roll_axes,
    sizes_of,
    split,
    take_part,
    transpose,
    view,
)
from .spelling import numpy_names

if TYPE_CHECKING:
    from ..tensor import Tensor


# ---- repeats -----------------------------------------------------------------------------------------------
def repeat(input, *counts, repeats=None) -> Tensor:
    """The tensor side by side with itself, `repeats` times along each dimension."""
    repeats, shape = sizes_of(counts, repeats), input.array.shape
    lead = len(repeats) - len(shape)
    if lead < 0:
        raise RuntimeError(
            f"repeat: Number of dimensions of repeat dims {repeats} can not be smaller than number of "
            f"dimensions of tensor {tuple(shape)}"
        )
    if any(n < 0 for n in repeats):
        raise RuntimeError(f"repeat: negative repeats in {repeats}; each must be 0 or more")
    shape = (1,) * lead + shape
    split_up = reshape_to(input, tuple(n for size in shape for n in (1, size)))
    wide = expand_to(split_up, tuple(n for pair in zip(repeats, shape) for n in pair))
    return copy(reshape_to(wide, tuple(r * n for r, n in zip(repeats, shape))))


def tile(input, *counts, dims=None) -> Tensor:
    """`repeat`, with ones put before `dims` where there are fewer than the tensor has dimensions."""
    dims = sizes_of(counts, dims)
    return repeat(input, (1,) * (input.array.ndim - len(dims)) + dims)


@numpy_names
def repeat_interleave(
    input, repeats=None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element (or slice along `dim`) `repeats` times in a row; with one argument, the places such a row
    takes.
    """
    if repeats is None:
        places = np.repeat(np.arange(input.array.size), as_places(to_numpy(input.array)))
        return untracked(beside(input.array, places, np.int64))
    if dim is None:
        input, dim = reshape_to(input, (input.array.size,)), 0
    axis = axis_of("repeat_interleave", input, dim)
    if input.array.ndim == 0:
        input = reshape_to(input, (1,))
    size = input.array.shape[axis]
    counts = np.asarray(to_numpy(repeats.array) if isinstance(repeats, Value) else repeats).reshape(-1)
    if counts.dtype.kind not in "iu":
        raise RuntimeError(f"repeat_interleave: repeats must be integers, got {counts.dtype}")
    if counts.size not in (1, size):
        raise RuntimeError(
            f"repeat_interleave: repeats has {counts.size} elements, the dimension {size}; they must agree"
        )
    if (counts < 0).any():
        raise RuntimeError("repeat_interleave: repeats can not be negative")
    places = np.repeat(np.arange(size), as_places(np.broadcast_to(counts, (size,))))
    if output_size is not None and output_size != places.size:
        raise RuntimeError(
            f"repeat_interleave: output_size is {output_size}, but the result has {places.size}"
        )
    return index_select(input, axis, untracked(beside(input.array, places)))


def roll(input, shifts, dims=None) -> Tensor:
    """The elements moved along dimensions, those that leave coming in at the other end."""
    shifts = sizes_of((shifts,))
    if dims is None or dims == ():
        if len(shifts) != 1:
            raise RuntimeError(f"roll: shifts and dimensions must align; shifts {shifts}, dims {dims}")
        flat = roll_axes(reshape_to(input, (input.array.size,)), shifts, (0,))
        return reshape_to(flat, input.array.shape)
    axes = tuple(axis_of("roll", input, d) for d in sizes_of((dims,)))
    if input.array.ndim == 0:
        raise IndexError(f"roll: Dimension specified as {axes[0]} but tensor has no dimensions")
    if len(axes) != len(shifts):
        raise RuntimeError(f"roll: shifts and dimensions must align; shifts {shifts}, dims {dims}")
    return roll_axes(input, shifts, axes)


# ---- windows -----------------------------------------------------------------------------------------------
@primitive(views=True, x=lambda g, x_shape, axis, size, step: add_windows(g, x_shape, axis, size, step))
def windows(x, axis, size, step):
    """Windows of a size at every `step` along an axis; the places within a window are the last dimension."""
    found = module_of(x).lib.stride_tricks.sliding_window_view(x, size, axis, writeable=True)
    return found[(slice(None),) * axis + (slice(None, None, step),)]


@primitive(x=lambda g, axis, size, step: windows(g, axis, size, step))
def add_windows(x, shape, axis, size, step):
    """Zeros of a shape with windows added where they came from: the inverse movement of `windows`."""
    out = zeros_beside(x, shape)
    span = x.shape[axis] * step
    for k in range(size):
        part = out[(slice(None),) * axis + (slice(k, k + span, step),)]
        part += x[..., k]
    return out


def unfold(input, dimension: int, size: int, step: int) -> Tensor:
    """A view of all windows of `size` elements at every `step` along a dimension, as a last dimension."""
    axis = axis_of("unfold", input, dimension)
    length = input.array.shape[axis] if input.array.ndim else 1
    if step <= 0:
        raise RuntimeError(f"unfold: step is {step} but must be > 0")
    if not 0 <= size <= length:
        raise RuntimeError(
            f"unfold: maximum size for tensor at dimension {dimension} is {length} but size is {size}"
        )
    if input.array.ndim == 0:
        return take_part(reshape_to(input, (1,)), slice(0, size))
    return windows(input, axis, size, step)


# ---- diagonals and triangles -------------------------------------------------------------------------------
@primitive(views=True, x=lambda g, x_shape, offset, a, b: put_diagonal(g, x_shape, offset, a, b))
def diagonal_of(x, offset, a, b):
    found = x.diagonal(offset, a, b)
    found.flags.writeable = x.flags.writeable
    return found


@primitive(x=lambda g, offset, a, b: diagonal_of(g, offset, a, b))
def put_diagonal(x, shape, offset, a, b):
    """Zeros of a shape with x on a diagonal of axes a and b: the inverse movement of `diagonal_of`."""
    out = zeros_beside(x, shape)
    diagonal = out.diagonal(offset, a, b)
    diagonal.flags.writeable = True
    diagonal[...] = x
    return out


def diagonal(input, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of a diagonal of two dimensions, as the last dimension."""
    a, b = axis_of("diagonal", input, dim1), axis_of("diagonal", input, dim2)
    if input.array.ndim < 2 or a == b:
        raise RuntimeError(
            f"diagonal dimensions cannot be identical {dim1}, {dim2}, "
            f"in a tensor of {input.array.ndim} dimensions"
        )
    return diagonal_of(input, offset, a, b)


def diag_embed(input, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices in dimensions dim1 and dim2 whose diagonals are the last dimension of the input;
    zeros elsewhere.
    """
    ndim = input.array.ndim + 1
    for d in (dim1, dim2):
        if not -ndim <= d < ndim:
            raise IndexError(
                f"diag_embed: Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], "
                f"but got {d})"
            )
    a, b = dim1 % ndim, dim2 % ndim
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    side = input.array.shape[-1] + abs(offset)
    shape = list(input.array.shape[:-1])
    for d in sorted((a, b)):
        shape.insert(d, side)
    return put_diagonal(input, tuple(shape), offset, a, b)


def diag(input, diagonal: int = 0, *, out=None) -> Tensor:
    """The matrix with a vector as its diagonal, or the diagonal of a matrix as a vector."""
    if input.array.ndim not in (1, 2):
        raise RuntimeError(
            f"diag(): Supports 1D or 2D tensors. Got {input.array.ndim}D; use diagonal() or diag_embed()"
        )
    if input.array.ndim == 1:
        result = diag_embed(input, diagonal)
    else:
        rows, columns = input.array.shape
        if not -rows <= diagonal <= columns:
            raise RuntimeError(f"diag(): diagonal {diagonal} is outside a matrix of shape {(rows, columns)}")
        result = copy(diagonal_of(input, diagonal, 0, 1))
    return stored(result, out)


def diagflat(input, offset: int = 0) -> Tensor:
    """The matrix whose diagonal holds all elements of the input."""
    return diag_embed(reshape_to(input, (input.array.size,)), offset)


def trace(input) -> Tensor:
    """The sum of a matrix's diagonal."""
    if input.array.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.array.ndim}")
    return diagonal_of(input, 0, 0, 1).sum()


@primitive(x=lambda g, diagonal: lower_triangle(g, diagonal))
def lower_triangle(x, diagonal):
    return np.tril(x, diagonal)


@primitive(x=lambda g, diagonal: upper_triangle(g, diagonal))
def upper_triangle(x, diagonal):
    return np.triu(x, diagonal)


def tril(input, diagonal: int = 0, *, out=None) -> Tensor:
    """The matrix (or batch of them) with zeros above a diagonal."""
    _must_be_matrix("tril", input)
    return lower_triangle(input, diagonal, out=out)


def triu(input, diagonal: int = 0, *, out=None) -> Tensor:
    """The matrix (or batch of them) with zeros below a diagonal."""
    _must_be_matrix("triu", input)
    return upper_triangle(input, diagonal, out=out)


def _must_be_matrix(name: str, t) -> None:
    if t.array.ndim < 2:
        raise RuntimeError(
            f"{name}: input tensor must have at least 2 dimensions, got shape {tuple(t.array.shape)}"
        )


# ---- other names for movements -----------------------------------------------------------------------------
moveaxis = movedim
swapaxes = swapdims = transpose


def ravel(input) -> Tensor:
    """All elements in one dimension."""
    return reshape_to(input, (input.array.size,))


def broadcast_to(input, size) -> Tensor:
    """A view expanded to a shape."""
    return expand(input, size)


def expand_as(input, other) -> Tensor:
    """A view expanded to another tensor's shape."""
    return expand(input, other.array.shape)


def view_as(input, other) -> Tensor:
    """A view in another tensor's shape."""
    return view(input, other.array.shape)


def reshape_as(input, other) -> Tensor:
    """`reshape` to another tensor's shape."""
    return reshape(input, other.array.shape)


def adjoint(input) -> Tensor:
    """The last two dimensions swapped, complex numbers conjugated."""
    return conj(transpose(input, -2, -1))


def matrix_adjoint(input) -> Value:
    """`adjoint` of a matrix, or a number: what `.H` gives."""
    if input.array.ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {input.array.ndim}-D tensor; use .mH"
        )
    return adjoint(input) if input.array.ndim else conj(input)


def fliplr(input) -> Tensor:
    """Columns in reverse order."""
    if input.array.ndim < 2:
        raise RuntimeError("fliplr: Input must be >= 2-d.")
    return flip(input, 1)


def flipud(input) -> Tensor:
    """Rows in reverse order."""
    if input.array.ndim < 1:
        raise RuntimeError("flipud: Input must be >= 1-d.")
    return flip(input, 0)


def rot90(input, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """A plane of two dimensions turned by k quarters, from the first towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"rot90: expected total rotation dims == 2, but got dims = {len(dims)}")
    a, b = (axis_of("rot90", input, d) for d in dims)
    if a == b:
        raise RuntimeError(
            f"rot90: expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    turned = {
        0: lambda x: copy(x),
        1: lambda x: transpose(flip(x, b), a, b),
        2: lambda x: flip(x, a, b),
        3: lambda x: flip(transpose(x, a, b), b),
    }
    return turned[k % 4](input)


# ---- joins and splits along a fixed dimension --------------------------------------------------------------
concatenate = cat
split_with_sizes = unsafe_split_with_sizes = unsafe_split = split


def _of_at_least(ndim: int, t) -> Tensor:
    shape = t.array.shape
    ways = {
        1: (1,) + shape,
        2: (1,) * (2 - len(shape)) + shape,
        3: {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}.get(len(shape)),
    }
    return t if len(shape) >= ndim else reshape_to(t, ways[ndim])


def _each_of_at_least(ndim: int, tensors):
    if len(tensors) == 1 and isinstance(tensors[0], Value):
        return _of_at_least(ndim, tensors[0])
    tensors = tensors[0] if len(tensors) == 1 else tensors
    return tuple(_of_at_least(ndim, t) for t in tensors)


def atleast_1d(*tensors):
    """Each tensor with one dimension or more."""
    return _each_of_at_least(1, tensors)


def atleast_2d(*tensors):
    """Each tensor with two dimensions or more; a vector becomes a row."""
    return _each_of_at_least(2, tensors)


def atleast_3d(*tensors):
    """Each tensor with three dimensions or more; a matrix gets a last dimension of size 1."""
    return _each_of_at_least(3, tensors)


def hstack(tensors, *, out=None) -> Tensor:
    """Vectors joined end to end, others along dimension 1."""
    tensors = [_of_at_least(1, t) for t in tensors]
    return cat(tensors, 0 if not tensors or tensors[0].array.ndim == 1 else 1, out=out)


def vstack(tensors, *, out=None) -> Tensor:
    """Joined along dimension 0, vectors as rows."""
    return cat([_of_at_least(2, t) for t in tensors], 0, out=out)


row_stack = vstack


def dstack(tensors, *, out=None) -> Tensor:
    """Joined along dimension 2."""
    return cat([_of_at_least(3, t) for t in tensors], 2, out=out)


def column_stack(tensors, *, out=None) -> Tensor:
    """Joined along dimension 1, vectors as columns."""
    return cat([reshape_to(t, (t.array.size, 1)) if t.array.ndim < 2 else t for t in tensors], 1, out=out)


@numpy_names
def tensor_split(input, indices_or_sections, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts along a dimension: a number of almost equal parts, or parts cut at given places."""
    axis = axis_of("tensor_split", input, dim)
    if input.array.ndim == 0:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    size = input.array.shape[axis]
    if isinstance(indices_or_sections, Value):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {indices_or_sections}")
        bounds = [
            i * (size // indices_or_sections) + min(i, size % indices_or_sections)
            for i in range(indices_or_sections + 1)
        ]
    else:
        bounds = [0, *indices_or_sections, size]
    lead = (slice(None),) * axis
    return tuple(take_part(input, (*lead, slice(a, b))) for a, b in itertools.pairwise(bounds))


def _split_along(name: str, needed: int, dim: int, input, indices_or_sections):
    if input.array.ndim < needed:
        raise RuntimeError(
            f"{name} requires a tensor with at least {needed} dimension, "
            f"but got a tensor with {input.array.ndim} dimensions!"
        )
    size = input.array.shape[dim]
    if isinstance(indices_or_sections, int) and (indices_or_sections <= 0 or size % indices_or_sections):
        raise RuntimeError(
            f"{name} attempted to split along dimension {dim}, "
            f"but the size {size} is not divisible by {indices_or_sections}"
        )
    return tensor_split(input, indices_or_sections, dim)


def hsplit(input, indices_or_sections):
    """Views of equal parts along dimension 1 (0 for a vector), or of parts cut at given places."""
    return _split_along("hsplit", 1, 0 if input.array.ndim == 1 else 1, input, indices_or_sections)


def vsplit(input, indices_or_sections):
    """Views of equal parts along dimension 0, or of parts cut at given places."""
    return _split_along("vsplit", 2, 0, input, indices_or_sections)


def dsplit(input, indices_or_sections):
    """Views of equal parts along dimension 2, or of parts cut at given places."""
    return _split_along("dsplit", 3, 2, input, indices_or_sections)


def sum_to_size(input, *size) -> Tensor:
    """Summed down to a shape that broadcasts to the input's: the gradient of broadcasting."""
    size, shape = sizes_of(size), input.array.shape
    if len(size) > len(shape) or broadcast_shapes(size, shape) != shape:
        raise RuntimeError(f"size {{{list(size)}}} is not expandable to size {{{list(shape)}}}.")
    if size == shape:
        return input
    return sum_to(to_dtype(input, dtypes.int64) if input.array.dtype.kind == "b" else input, size)

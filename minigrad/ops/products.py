"""Rarer functions of several tensors: Kronecker products, block diagonals, distances, combinations."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from ..backend import beside
from ..engine import Value, is_recording, stored, untracked
from ..inplace import write
from .arranging import ravel
from .creation import meshgrid
from .elementwise import add, mul, power_of, select, sub
from .indexing import check_bounds, index_array
from .matrices import norm
from .reduction import vector_norm
from .shaping import axis_of, reshape_to, stack, take_part, unsqueeze
from .updates import add_part, replace_part
from .variants import copy_into

if TYPE_CHECKING:
    from ..tensor import Tensor


def addr(input, vec1, vec2, *, beta=1, alpha=1, out=None) -> Tensor:
    """beta * input + alpha * the outer product of two vectors."""
    if vec1.array.ndim != 1 or vec2.array.ndim != 1:
        raise RuntimeError(
            f"addr: Expected 1-D argument vec1 and vec2, got {vec1.array.ndim}-D and {vec2.array.ndim}-D"
        )
    product = mul(reshape_to(vec1, (vec1.array.size, 1)), vec2)
    if product.array.dtype.kind == "b":
        alpha, beta = bool(alpha), bool(beta)
    elif product.array.dtype.kind in "iu" and not (isinstance(alpha, int) and isinstance(beta, int)):
        raise RuntimeError(
            "addr: For integral input tensors, argument alpha and beta must not be floating point numbers."
        )
    product = product if alpha == 1 else mul(product, alpha)
    if beta == 0:
        return add(product, mul(input.new_zeros(()), 0), out=out)
    if product.array.dtype.kind == "b":
        return stored(input | product, out)
    return add(input if beta == 1 else mul(input, beta), product, out=out)


def kron(input, other, *, out=None) -> Tensor:
    """The Kronecker product: each element of the input times the whole of the other."""
    ndim = max(input.array.ndim, other.array.ndim)
    a, b = ((1,) * (ndim - t.array.ndim) + t.array.shape for t in (input, other))
    left = reshape_to(input, tuple(n for size in a for n in (size, 1)))
    right = reshape_to(other, tuple(n for size in b for n in (1, size)))
    return reshape_to(mul(left, right), tuple(m * n for m, n in zip(a, b, strict=True)), out=out)


def block_diag(*tensors) -> Tensor:
    """A matrix with the given ones along its diagonal and zeros elsewhere."""
    if any(t.array.ndim > 2 for t in tensors):
        raise RuntimeError("torch.block_diag: Input tensors must have 2 or fewer dimensions")
    blocks = [t if t.array.ndim == 2 else reshape_to(t, (1, t.array.size)) for t in tensors]
    kind = np.result_type(*[b.array.dtype for b in blocks])
    shape = tuple(sum(b.array.shape[i] for b in blocks) for i in (0, 1))
    total, row, column = untracked(np.zeros(shape, kind)), 0, 0
    for block in blocks:
        rows, columns = block.array.shape
        total = replace_part(
            total, block.to(total.dtype), (slice(row, row + rows), slice(column, column + columns))
        )
        row, column = row + rows, column + columns
    return total


def cartesian_prod(*tensors) -> Tensor:
    """All combinations of one element from each vector, as rows."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([ravel(grid) for grid in meshgrid(*tensors, indexing="ij")], 1)


def combinations(input, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a vector, as rows."""
    if input.array.ndim != 1 or r < 0:
        raise RuntimeError(
            f"combinations: expected a 1D vector and a non-negative r, got {input.array.ndim}D and r={r}"
        )
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(choose(range(input.array.size), r)), np.int64).reshape(-1, r)
    if r == 0:
        return take_part(input, slice(0, 0))
    return take_part(input, places)


def vander(x, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of each element of a vector, as rows: falling, or rising."""
    if x.array.ndim != 1:
        raise RuntimeError(f"x must be a one-dimensional tensor, got {x.array.ndim} dimensions")
    count = x.array.size if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    kind = x if x.array.dtype.kind in "fc" else x.long()
    powers = range(count) if increasing else reversed(range(count))
    columns = [kind * 0 + 1 if p == 0 else power_of(kind, p) for p in powers]
    return stack(columns, 1) if columns else reshape_to(take_part(kind, slice(0, 0)), (x.array.size, 0))


# ---- distances -------------------------------------------------------------------------------------------
def dist(input, other, p=2) -> Tensor:
    """The p-norm of the difference."""
    return norm(sub(input, other), p)


def cdist(x1, x2, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """The p-norm distances between all pairs of rows: (..., P, M) and (..., R, M) give (..., P, R)."""
    if x1.array.ndim < 2 or x2.array.ndim < 2 or x1.array.shape[-1] != x2.array.shape[-1]:
        raise RuntimeError(
            "cdist: X1 and X2 must be at least 2D with the same number of columns, got "
            f"{tuple(x1.array.shape)} and {tuple(x2.array.shape)}"
        )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    return vector_norm(sub(unsqueeze(x1, -2), unsqueeze(x2, -3)), p, -1)


def renorm(input, p, dim: int, maxnorm, *, out=None) -> Tensor:
    """The slices along a dimension scaled down to a p-norm of at most maxnorm."""
    if input.array.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.array.ndim} dimensions")
    if p <= 0 or maxnorm < 0:
        raise RuntimeError(f"renorm: p must be positive and maxnorm not negative, got {p} and {maxnorm}")
    axis = axis_of("renorm", input, dim)
    sizes = vector_norm(input, p, tuple(i for i in range(input.array.ndim) if i != axis), True)
    scale = select(sizes > maxnorm, maxnorm / (sizes + 1e-7), 1)
    return mul(input, scale, out=out)


# ---- by number -------------------------------------------------------------------------------------------
def take(input, index, *, out=None) -> Tensor:
    """The elements with the given numbers in the flattened input."""
    places = index_array("take", index)
    size = input.array.size
    places = np.where(places < 0, places + size, places)
    check_bounds("take", places, size)
    return take_part(reshape_to(input, (size,)), places, out=out)


def put(input, index, source, accumulate: bool = False) -> Tensor:
    """A copy of the input with the elements of source written (or added) at the given numbers."""
    places = index_array("put_", index)
    size = input.array.size
    places = np.where(places < 0, places + size, places).reshape(-1)
    check_bounds("put_", places, size)
    if source.array.dtype != input.array.dtype or source.array.size != places.size:
        raise RuntimeError(
            "put_(): self and source must have the same dtype, and source as many elements as index, got "
            f"{input.dtype}, {source.dtype}, {source.array.size} and {places.size}"
        )
    write = add_part if accumulate else replace_part
    flat = write(reshape_to(input, (size,)), reshape_to(source, (places.size,)), places)
    return reshape_to(flat, input.array.shape)


def fill(input, value) -> Tensor:
    """A tensor like the input with one value, a number or 0-d tensor, in every place."""
    if isinstance(value, Value) and value.array.ndim:
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value.array.ndim} dimensions."
        )
    value = (
        value.to(input.dtype)
        if isinstance(value, Value)
        else untracked(beside(input.array, np.asarray(value).astype(input.array.dtype)))
    )
    return replace_part(input, value, ...)


def fill_in_place(target: Tensor, value) -> Tensor:
    """Fill with one value, a number or 0-d tensor; no gradient flows to what was there."""
    if target.tracked and is_recording():
        return write(target, fill, value)
    return copy_into(target, fill(target, value))

"""Matrix products and what is made of them: matmul, addmm, outer, einsum, tensordot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..engine import Value, primitive
from .elementwise import add, mul
from .reduction import sum_over
from .shaping import axis_of, permute_to, reshape_to

if TYPE_CHECKING:
    from ..tensor import Tensor


def _inner_sizes_must_agree(x, y):
    if x.dtype != y.dtype:
        return (
            "expected both to have the same dtype, "
            f"but got {x.dtype} and {y.dtype}; convert one with .to(dtype)"
        )
    rows = y.shape[-2] if y.ndim > 1 else y.shape[0] if y.ndim else 0
    hint = "; did you mean y.T?" if y.ndim == 2 and x.ndim and x.shape[-1] == y.shape[1] else ""
    if not x.ndim or not y.ndim:
        return f"both arguments need at least one dimension, got x {x.shape} and y {y.shape}"
    return f"x {x.shape} and y {y.shape} do not fit: {x.shape[-1]} columns against {rows} rows{hint}"


class SameDtype:
    """The promotion of matrix products: there is none, and mixing dtypes is refused, as PyTorch does."""

    kinds = "fiub"

    def __call__(self, x, y):
        if x.array.dtype == y.array.dtype:
            return x, y
        raise RuntimeError(f"matmul: {_inner_sizes_must_agree(x.array, y.array)}")

    def operand(self, name, value, beside):
        raise TypeError(f"{name}(): argument must be Tensor, not {type(value).__name__}")


@primitive(
    promote=SameDtype(),
    explain=_inner_sizes_must_agree,
    x=lambda g, y: _matmul(g, y.mT),
    y=lambda g, x: _matmul(x.mT, g),
)
def _matmul(x, y):
    """The matrix product of x (..., n, k) and y (..., k, m), batch dimensions broadcast."""
    return (
        x.dot(y) if x.ndim == 2 == y.ndim else np.matmul(x, y)
    )  # the same product; dot costs half of matmul's overhead


def matmul(input, other, *, out=None) -> Tensor:
    """The matrix product: (..., n, k) with (..., k, m) gives (..., n, m); a vector counts as a row or column.

    Vectors are made matrices and the added dimension is taken away again, so one primitive serves all shapes.
    """
    if not (isinstance(input, Value) and isinstance(other, Value)):
        return _matmul(input, other)
    x_ndim, y_ndim = input.array.ndim, other.array.ndim
    if x_ndim > 1 < y_ndim:
        return _matmul(input, other, out=out)
    if not x_ndim or not y_ndim or input.array.shape[-1] != other.array.shape[-2 if y_ndim > 1 else 0]:
        raise RuntimeError(f"matmul: {_inner_sizes_must_agree(input.array, other.array)}")
    x = input if x_ndim > 1 else reshape_to(input, (1, *input.array.shape))
    y = other if y_ndim > 1 else reshape_to(other, (*other.array.shape, 1))
    result = _matmul(x, y)
    shape = result.array.shape
    shape = shape[:-1] if y_ndim == 1 else shape
    shape = shape if x_ndim > 1 else shape[:-2] + shape[-1:] if y_ndim > 1 else shape[:-1]
    return reshape_to(result, shape, out=out)


def _expect(name: str, **ndims: tuple[Tensor, int]) -> None:
    """Refuse arguments that do not have the number of dimensions the function is for."""
    for argument, (tensor, ndim) in ndims.items():
        if tensor.array.ndim != ndim:
            shape = tuple(tensor.array.shape)
            raise RuntimeError(
                f"{name}: {argument} must be a {ndim}-D tensor, got shape {shape}; matmul takes any"
            )


def mm(input, mat2, *, out=None) -> Tensor:
    """The product of two matrices, (n, k) and (k, m)."""
    _expect("mm", self=(input, 2), mat2=(mat2, 2))
    return matmul(input, mat2, out=out)


def bmm(input, mat2, *, out=None) -> Tensor:
    """The products of two batches of matrices, (b, n, k) and (b, k, m)."""
    _expect("bmm", batch1=(input, 3), batch2=(mat2, 3))
    if input.array.shape[0] != mat2.array.shape[0]:
        raise RuntimeError(f"bmm: batch sizes differ: {input.array.shape[0]} against {mat2.array.shape[0]}")
    return matmul(input, mat2, out=out)


def mv(input, vec, *, out=None) -> Tensor:
    """The product of a matrix (n, m) and a vector (m,)."""
    _expect("mv", self=(input, 2), vec=(vec, 1))
    return matmul(input, vec, out=out)


def dot(input, tensor, *, out=None) -> Tensor:
    """The inner product of two vectors."""
    _expect("dot", self=(input, 1), tensor=(tensor, 1))
    if input.array.shape != tensor.array.shape:
        raise RuntimeError(
            f"dot: vectors must have the same size, got {input.array.size} and {tensor.array.size}"
        )
    return matmul(input, tensor, out=out)


def _scaled_sum(input, beta, total, alpha, out) -> Tensor:
    """beta * input + alpha * total; a beta of 0 ignores the input, even where it is nan."""
    if total.array.dtype.kind in "iu":  # numbers do not make integers float here
        beta, alpha = int(beta), int(alpha)
    total = total if alpha == 1 else mul(total, alpha)
    if beta == 0:
        return add(total, mul(input.new_zeros(()), 0), out=out)
    return add(input if beta == 1 else mul(input, beta), total, out=out)


def addmm(input, mat1, mat2, *, beta=1, alpha=1, out=None) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2), for matrices."""
    return _scaled_sum(input, beta, mm(mat1, mat2), alpha, out)


def addmv(input, mat, vec, *, beta=1, alpha=1, out=None) -> Tensor:
    """beta * input + alpha * (mat @ vec)."""
    return _scaled_sum(input, beta, mv(mat, vec), alpha, out)


def baddbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None) -> Tensor:
    """beta * input + alpha * (batch1 @ batch2), for batches of matrices."""
    return _scaled_sum(input, beta, bmm(batch1, batch2), alpha, out)


def addbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None) -> Tensor:
    """beta * input + alpha * the sum over the batch of batch1 @ batch2."""
    return _scaled_sum(input, beta, bmm(batch1, batch2).sum(0, dtype=batch1.dtype), alpha, out)


def outer(input, vec2, *, out=None) -> Tensor:
    """The products of all pairs of elements of two vectors, (n,) and (m,), as (n, m)."""
    _expect("outer", self=(input, 1), vec2=(vec2, 1))
    return mul(reshape_to(input, (input.array.size, 1)), vec2, out=out)


def inner(input, other, *, out=None) -> Tensor:
    """Sums of products over the last dimension of both."""
    if not input.array.ndim or not other.array.ndim:
        return mul(input, other, out=out)
    return tensordot(input, other, dims=([-1], [-1]), out=out)


def tensordot(a, b, dims=2, *, out=None) -> Tensor:
    """Sums of products over pairs of dimensions: the last `dims` of a with the first of b, or two lists."""
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        over_a: Sequence[int] = range(a.array.ndim - dims, a.array.ndim)
        over_b: Sequence[int] = range(dims)
    else:
        over_a, over_b = ([d] if isinstance(d, int) else list(d) for d in dims)
    axes_a = [axis_of("tensordot", a, d) for d in over_a]
    axes_b = [axis_of("tensordot", b, d) for d in over_b]
    if len(axes_a) == len(axes_b):  # against a size of 1 the other is summed
        wide_a = tuple(i for i, j in zip(axes_a, axes_b) if b.array.shape[j] == 1 != a.array.shape[i])
        wide_b = tuple(j for i, j in zip(axes_a, axes_b) if a.array.shape[i] == 1 != b.array.shape[j])
        a = sum_over(a, wide_a, True) if wide_a else a
        b = sum_over(b, wide_b, True) if wide_b else b
    a_shape, b_shape = a.array.shape, b.array.shape
    if len(axes_a) != len(axes_b) or any(a_shape[i] != b_shape[j] for i, j in zip(axes_a, axes_b)):
        raise RuntimeError(
            "tensordot: contracted dimensions need to match, "
            f"got {a_shape} over {axes_a} and {b_shape} over {axes_b}"
        )
    free_a = [i for i in range(a.array.ndim) if i not in axes_a]
    free_b = [i for i in range(b.array.ndim) if i not in axes_b]
    count = int(np.prod([a_shape[i] for i in axes_a]))
    left = reshape_to(permute_to(a, (*free_a, *axes_a)), (int(np.prod([a_shape[i] for i in free_a])), count))
    right = reshape_to(permute_to(b, (*axes_b, *free_b)), (count, int(np.prod([b_shape[i] for i in free_b]))))
    shape = tuple(a_shape[i] for i in free_a) + tuple(b_shape[i] for i in free_b)
    return reshape_to(matmul(left, right), shape, out=out)

"""Norms of matrices, their powers, and products of several: what `linalg` has beside decompositions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes, return_types
from ..engine import Value, stored, untracked
from .decompositions import inv, must_be_matrix, must_be_square, pinv, solve, svdvals
from .elementwise import abs, add, conj, mul, power_of, sub
from .linalg import matmul
from .promotion import to_dtype
from .reduction import max_over, min_over, sum, vector_norm
from .shaping import axis_of, broadcast_tensors, movedim, reshape_to, select_at, stack, take_part, unsqueeze
from .spelling import numpy_names

if TYPE_CHECKING:
    from ..tensor import Tensor


def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim: bool = False, *, dtype=None, out=None) -> Tensor:
    """A norm of matrices: 'fro', 'nuc', inf and -inf (of row sums), 1 and -1 (of column sums),
    2 and -2 (singular values).
    """
    rows, columns = (axis_of("linalg.matrix_norm", A, d) for d in dim)
    if A.array.ndim < 2 or rows == columns:
        raise RuntimeError(
            f"linalg.matrix_norm: dim {tuple(dim)} must be two different dimensions of {tuple(A.array.shape)}"
        )
    A = A if dtype is None else to_dtype(A, dtypes.as_dtype(dtype))
    if A.array.dtype.kind not in "fc":
        raise RuntimeError(
            f"linalg.matrix_norm: Expected a floating point or complex tensor as input. Got {A.dtype}"
        )
    if ord == "fro":
        return vector_norm(A, 2, (rows, columns), keepdim, out=out)
    if ord in ("nuc", 2, -2):
        values = svdvals(movedim(A, (rows, columns), (-2, -1)))
        last = (values.array.ndim - 1,)
        total = sum(values, -1) if ord == "nuc" else (max_over if ord == 2 else min_over)(values, last, False)
        for d in sorted((rows, columns)) if keepdim else ():
            total = unsqueeze(total, d)
        return total if out is None else out.copy_(total)
    if ord not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(
            f"linalg.matrix_norm: Order {ord} not supported; use 'fro', 'nuc', inf, 1 or 2, "
            "or a negative of these"
        )
    summed, kept = (rows, columns) if ord in (1, -1) else (columns, rows)
    sums = sum(abs(A), summed, True)
    total = (max_over if ord > 0 else min_over)(sums, (kept,), True)
    total = total if keepdim else _without(total, (rows, columns))
    return total if out is None else out.copy_(total)


def _without(t, axes: tuple[int, ...]) -> Tensor:
    """The tensor without dimensions of size 1."""
    return reshape_to(t, tuple(n for i, n in enumerate(t.array.shape) if i not in axes))


def linalg_norm(A, ord=None, dim=None, keepdim: bool = False, *, out=None, dtype=None) -> Tensor:
    """A vector norm over one dimension, a matrix norm over two, or, without `ord`, the 2-norm of all elements
    in `dim`.
    """
    if isinstance(dim, int):
        dim = (dim,)
    if dim is None and ord is not None:
        if A.array.ndim not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
                f"Got {A.array.ndim}D."
            )
        dim = tuple(range(A.array.ndim))
    if ord is None or len(dim) == 1:
        if isinstance(ord, str):
            raise RuntimeError(
                f"linalg.norm: ord {ord!r} is a norm of matrices; dim {dim} names one dimension"
            )
        return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype, out=out)
    if len(dim) != 2:
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}")
    return matrix_norm(A, ord, dim, keepdim, dtype=dtype, out=out)


def matrix_power(A, n: int, *, out=None) -> Tensor:
    """The matrix multiplied n times with itself; its inverse for a negative n."""
    must_be_square("linalg.matrix_power", A)
    if n < 0:
        A, n = inv(A), -n
    power = untracked(np.broadcast_to(np.eye(A.array.shape[-1], dtype=A.array.dtype), A.array.shape).copy())
    if n == 0:
        return stored(add(power, mul(A, 0)), out)  # part of the graph, as in PyTorch
    while n:
        power = matmul(power, A) if n & 1 else power
        A, n = matmul(A, A) if n > 1 else A, n >> 1
    return power if out is None else out.copy_(power)


def matrix_rank(A, tol=None, hermitian: bool = False, *, atol=None, rtol=None, out=None) -> Tensor:
    """How many singular values are above a limit: rtol times the largest, or atol."""
    must_be_matrix("linalg.matrix_rank", A)
    values = np.abs(np.linalg.eigvalsh(A.array)) if hermitian else np.linalg.svd(A.array, compute_uv=False)
    absolute = _per_matrix(tol if tol is not None else atol)
    relative = _per_matrix(rtol)
    if relative is None:
        relative = 0 if absolute is not None else max(A.array.shape[-2:]) * np.finfo(A.array.dtype).eps
    top = values.max(-1, keepdims=True, initial=0)
    limit = np.maximum(0 if absolute is None else absolute, relative * top)
    return untracked(np.asarray((values > limit).sum(-1)))


def _per_matrix(limit):
    """A number, or one for each of a batch of matrices, beside singular values."""
    return limit.array[..., None] if isinstance(limit, Value) else limit


def cond(A, p=None, *, out=None) -> Tensor:
    """The condition number: the norm of a matrix times that of its inverse."""
    if p in (None, 2, -2):
        values = svdvals(A)
        first, last = select_at(values, -1, 0), select_at(values, -1, -1)
        return last / first if p == -2 else first / last
    return mul(matrix_norm(A, p), matrix_norm(inv(A), p))


def multi_dot(tensors: Sequence, *, out=None) -> Tensor:
    """The product of two or more matrices; the first and last may be vectors."""
    tensors = list(tensors)
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    product = tensors[0]
    for t in tensors[1:]:
        product = matmul(product, t)
    return product if out is None else out.copy_(product)


def vecdot(x, y, *, dim: int = -1, out=None) -> Tensor:
    """Sums of products along a dimension, the first vectors conjugated."""
    return sum(mul(conj(x), y), dim, out=out)


def cross(input, other, *, dim: int = -1, out=None) -> Tensor:
    """The cross product of vectors of 3 elements along a dimension."""
    axis = axis_of("linalg.cross", input, dim)
    shapes = input.array.shape, other.array.shape
    if len(shapes[0]) != len(shapes[1]):
        raise RuntimeError(f"linalg.cross: inputs must have the same number of dimensions, got {shapes}")
    if shapes[0][axis] != 3 or shapes[1][axis] != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3, got shapes {shapes}")
    x, y = broadcast_tensors(input, other)
    a, b = ([select_at(t, axis, i) for i in range(3)] for t in (x, y))
    parts = [sub(mul(a[i], b[j]), mul(a[j], b[i])) for i, j in ((1, 2), (2, 0), (0, 1))]
    return stack(parts, axis, out=out)


@numpy_names
def norm(input, p="fro", dim=None, keepdim: bool = False, out=None, dtype=None) -> Tensor:
    """The p-norm over `dim`; 'fro' is the 2-norm of all elements, 'nuc' the sum of singular values."""
    if p == "nuc":
        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype, out=out)
    p = 2 if p in ("fro", None) else p
    if not isinstance(p, (int, float)):
        raise RuntimeError(f"norm: p={p!r} is none of the norms; use a number, 'fro' or 'nuc'")
    return vector_norm(input, p, dim, keepdim, dtype=dtype, out=out)


def tensorinv(A, ind: int = 2, *, out=None) -> Tensor:
    """The inverse of the map `tensordot` makes of A, whose first `ind` dimensions are its rows."""
    shape = A.array.shape
    rows, columns = shape[:ind], shape[ind:]
    if ind <= 0 or math.prod(rows) != math.prod(columns):
        raise RuntimeError(
            "linalg.tensorinv: expected self to satisfy prod(shape[ind:]) == prod(shape[:ind]), got "
            f"{tuple(shape)} and ind={ind}"
        )
    return reshape_to(inv(reshape_to(A, (math.prod(rows), math.prod(columns)))), (*columns, *rows), out=out)


def tensorsolve(A, B, dims=None, *, out=None) -> Tensor:
    """The X with tensordot(A, X) = B."""
    if dims is not None:
        A = movedim(A, tuple(dims), tuple(range(A.array.ndim - len(dims), A.array.ndim)))
    shape = A.array.shape[B.array.ndim :]
    size = math.prod(shape)
    if size != B.array.size:
        raise RuntimeError(
            "linalg.tensorsolve: Expected self to satisfy the requirement prod(self.shape[other.ndim:]) "
            f"== prod(self.shape[:other.ndim]), got {size} and {B.array.size}"
        )
    return reshape_to(solve(reshape_to(A, (size, size)), reshape_to(B, (size,))), shape, out=out)


def lstsq(A, B, rcond=None, *, driver: str | None = None) -> return_types.linalg_lstsq:
    """(solution, residuals, rank, singular values):
    the X with the smallest |A X - B|, by the pseudoinverse.
    """
    rows, columns = A.array.shape[-2:]
    vectors = B.array.ndim == A.array.ndim - 1
    right = unsqueeze(B, -1) if vectors else B
    solution = matmul(pinv(A, rtol=rcond), right)
    distances = abs(sub(matmul(A, solution), right))
    residuals = sum(mul(distances, distances), -2)
    rank = untracked(np.zeros(0, np.int64)) if driver == "gels" else matrix_rank(A)
    if rows <= columns or driver in (None, "gelsy") or (rank.array < columns).any():
        residuals = take_part(reshape_to(residuals, (residuals.array.size,)), (slice(0, 0),))
    empty = untracked(np.zeros(0, A.array.real.dtype))
    values = svdvals(A.detach()) if driver in ("gelss", "gelsd") else empty
    return return_types.linalg_lstsq(
        reshape_to(solution, solution.array.shape[:-1]) if vectors else solution, residuals, rank, values
    )


def linalg_vander(x, N: int | None = None) -> Tensor:
    """The powers 0 .. N-1 of each element, as a last dimension."""
    count = x.array.shape[-1] if N is None and x.array.ndim else N
    if count is None or count <= 1:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, got {count}")
    base = x if x.array.dtype.kind in "fc" else to_dtype(x, dtypes.int64)
    powers = stack([power_of(base, k) if k else add(mul(base, 0), 1) for k in range(count)], -1)
    return powers if x.array.ndim else unsqueeze(powers, 0)

"""Matrices as products of simpler ones: LU with row exchanges, and Householder reflections.

An LU is made by Gaussian elimination on whole batches, a step per column. Only that of a square whose rows
are in order has a gradient formula; what is left of a tall or wide matrix follows by solving triangular
equations, whose gradients are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import return_types
from ..backend import module_of
from ..engine import primitive, untracked
from .arranging import adjoint, lower_triangle, upper_triangle
from .decompositions import (
    LinAlgError,
    dagger,
    inverse_of,
    must_be_matrix,
    must_be_square,
    on_diagonal,
    solve_triangular,
)
from .elementwise import add, conj, mul, sub
from .indexing import take_along_dim
from .linalg import matmul
from .promotion import floating
from .shaping import cat, take_part, unsqueeze
from .special import not_differentiable

if TYPE_CHECKING:
    from ..tensor import Tensor


# ---- elimination, on arrays ----------------------------------------------------------------------
def _eliminated(x, pivot: bool):
    """(packed L and U, pivots): L below the diagonal, U above, and which row each step exchanged with its
    own.
    """
    x, rows = x.copy(), _rows_of(x)
    size = min(x.shape[-2:])
    pivots = rows[..., :size].copy()
    for k in range(size):
        if pivot:
            pivots[..., k] = k + _magnitude(x[..., k:, k]).argmax(-1)
            order = _exchanged(rows, pivots[..., k : k + 1], k)
            x = np.take_along_axis(x, order[..., None], -2)
        top = x[..., k, k, None]
        x[..., k + 1 :, k] /= np.where(top == 0, 1, top)
        x[..., k + 1 :, k + 1 :] -= x[..., k + 1 :, k, None] * x[..., k, None, k + 1 :]
    return x, pivots


def _rows_of(x):
    """The numbers of each matrix's rows."""
    return np.broadcast_to(module_of(x).arange(x.shape[-2]), x.shape[:-1])


def _magnitude(x):
    """By what LAPACK picks a pivot."""
    return np.abs(x.real) + np.abs(x.imag) if x.dtype.kind == "c" else np.abs(x)


def _exchanged(order, pivots, first: int = 0):
    """An order of rows after steps that exchange row `first`, `first` + 1, ... with those named."""
    places = module_of(order).arange(order.shape[-1])
    for k in range(pivots.shape[-1]):
        own, other = first + k, pivots[..., k, None]
        exchange = np.where(places == own, other, np.where(places == other, own, places))
        order = np.take_along_axis(order, exchange, -1)
    return order


def _order_of(pivots, x):
    """Which row of the matrix stands in each row of L U, from pivots counted from 1."""
    return _exchanged(_rows_of(x), pivots - 1)


def _nothing(like) -> Tensor:
    """An empty tensor."""
    return untracked(module_of(like.array).zeros(0, like.array.dtype))


def _ones(like, rows: int, columns: int) -> Tensor:
    """A matrix with ones on its diagonal."""
    return untracked(module_of(like.array).eye(rows, columns, dtype=like.array.dtype))


# ---- LU ------------------------------------------------------------------------------------------
@primitive(promote=floating, holomorphic=False, x=lambda g, out: _square_gradient(g, out))
def square_lu(x):
    """L and U, packed, of a square matrix whose rows are in order."""
    return _eliminated(x, False)[0]


def _square_gradient(g, packed):
    """de Hoog, Anderssen and Lukas, "Differentiation of matrix functionals using triangular factorization",
    2011.
    """
    L, U = _unit_lower(packed), upper_triangle(packed, 0)
    inner = lower_triangle(dagger(L) @ g, -1) + upper_triangle(g @ dagger(U), 0)
    return dagger(inverse_of(L)) @ inner @ dagger(inverse_of(U))


def _unit_lower(x):
    return lower_triangle(x, -1) + on_diagonal(x.diagonal(0, -2, -1) * 0 + 1)


def _factored(name: str, A, pivot: bool) -> tuple:
    """(packed L and U, pivots counted from 1), the first with its place in the graph."""
    must_be_matrix(name, A)
    packed, pivots = _eliminated(A.array, pivot)
    pivots = (pivots + 1).astype(np.int32)
    if not A.tracked:
        return untracked(packed), untracked(pivots)
    rows, columns = A.array.shape[-2:]
    A, size = _rows_in(A, _order_of(pivots, A.array)), min(rows, columns)
    square = square_lu(take_part(A, (..., slice(0, size), slice(0, size))))
    if rows > size:
        below = take_part(A, (..., slice(size, None), slice(None)))
        square = cat([square, solve_triangular(square, below, upper=True, left=False)], -2)
    elif columns > size:
        beside = take_part(A, (..., slice(size, None)))
        square = cat([square, solve_triangular(square, beside, upper=False, unitriangular=True)], -1)
    return square, untracked(pivots)


def _zero_pivots(packed):
    """For each matrix the number of its first zero on U's diagonal, 0 if there is none."""
    zero = np.diagonal(packed.array, 0, -2, -1) == 0
    return untracked(np.where(zero.any(-1), zero.argmax(-1) + 1 if zero.shape[-1] else 0, 0).astype(np.int32))


def lu_factor_ex(A, *, pivot: bool = True, check_errors: bool = False, out=None):
    """(LU, pivots, info): L and U in one matrix, and in `info` the first zero on U's diagonal, 0 for none."""
    packed, pivots = _factored("linalg.lu_factor", A, pivot)
    info = _zero_pivots(packed)
    if check_errors and info.array.any():
        first = int(info.array[info.array > 0].min())
        raise LinAlgError(
            f"linalg.lu_factor: U[{first},{first}] is zero and using it on lu_solve would result in a "
            "division by zero; use linalg.lu_factor_ex"
        )
    return _written(return_types.linalg_lu_factor_ex(packed, pivots, info), out)


def lu_factor(A, *, pivot: bool = True, out=None):
    """(LU, pivots): L, whose diagonal of ones is left out, and U in one matrix, for `lu_solve` and
    `lu_unpack`.
    """
    found = lu_factor_ex(A, pivot=pivot, check_errors=True)
    return _written(return_types.linalg_lu_factor(found[:2]), out)


def lu(A, *, pivot: bool = True, out=None):
    """A = P L U with rows exchanged by P, ones on the diagonal of L, and an upper triangular U."""
    packed, pivots = _factored("linalg.lu", A, pivot)
    P, L, U = lu_unpack(packed, pivots)
    P = P if pivot else _nothing(packed)
    return _written(return_types.linalg_lu(P, L, U), out)


def lu_of(input, pivot: bool = True, get_infos: bool = False, out=None):
    """(LU, pivots) or, with `get_infos`, (LU, pivots, info): PyTorch's older name for `linalg.lu_factor`."""
    found = lu_factor_ex(input, pivot=pivot)
    return _written(found if get_infos else tuple(found[:2]), out)


def lu_unpack(LU_data, LU_pivots, unpack_data: bool = True, unpack_pivots: bool = True, *, out=None):
    """(P, L, U) of what `lu_factor` gives; empty tensors for those not asked for."""
    must_be_matrix("lu_unpack", LU_data)
    if unpack_pivots and LU_pivots.array.dtype != np.int32:
        raise RuntimeError(
            f"lu_unpack: LU_pivots is expected to be of dtype torch.int32, not {LU_pivots.dtype}, "
            "as linalg.lu_factor gives it"
        )
    rows, columns = LU_data.array.shape[-2:]
    size = min(rows, columns)
    P = L = U = _nothing(LU_data)
    if unpack_pivots:
        order = _order_of(LU_pivots.array, LU_data.array)
        P = untracked((order[..., None, :] == _rows_of(LU_data.array)[..., None]).astype(P.array.dtype))
    if unpack_data:
        L = add(lower_triangle(take_part(LU_data, (..., slice(0, size))), -1), _ones(LU_data, rows, size))
        U = upper_triangle(take_part(LU_data, (..., slice(0, size), slice(None))), 0)
    return _written(return_types.lu_unpack(P, L, U), out)


def lu_solve(LU, pivots, B, *, left: bool = True, adjoint: bool = False, out=None) -> Tensor:
    """The X with A X = B, or X A = B with left=False, from the LU of A, or of its adjoint."""
    must_be_square("linalg.lu_solve", LU)
    if not left:
        return _written(_dagger_of(lu_solve(LU, pivots, _dagger_of(B), adjoint=not adjoint)), out)
    order = _order_of(pivots.array, LU.array)
    if not adjoint:
        Y = solve_triangular(LU, _rows_in(B, order), upper=False, unitriangular=True)
        return solve_triangular(LU, Y, upper=True, out=out)
    Y = solve_triangular(_dagger_of(LU), B, upper=False)
    Y = solve_triangular(_dagger_of(LU), Y, upper=True, unitriangular=True)
    return _written(_rows_in(Y, order.argsort(-1)), out)


_dagger_of = adjoint  # whose name is an argument's in `lu_solve`


def _rows_in(X, order) -> Tensor:
    """Matrices with their rows in an order."""
    return take_along_dim(X, untracked(order[..., None]), -2)


def lu_solve_of(b, LU_data, LU_pivots, *, out=None) -> Tensor:
    """The X with A X = b, from the LU of A: `torch.lu_solve`."""
    return lu_solve(LU_data, LU_pivots, b, out=out)


def _written(found, out):
    """The results, or `out` with them in it."""
    if out is None:
        return found
    if not isinstance(found, tuple):
        return out.copy_(found)
    for target, source in zip(out, found, strict=True):
        target.copy_(source)
    return out


# ---- reflections ---------------------------------------------------------------------------------
@primitive(arity=0, promote=floating, holomorphic=False, x=lambda g: not_differentiable("geqrf", "input"))
def reflections_of(x):
    packed, tau = np.linalg.qr(x, mode="raw")
    return packed.swapaxes(-2, -1), tau


def geqrf(input, *, out=None):
    """(a, tau): a QR decomposition as LAPACK keeps it, R above the diagonal and reflections below."""
    must_be_matrix("geqrf", input)
    return _written(return_types.geqrf(reflections_of(input)), out)


def _reflected(vectors, tau, X, turned: bool) -> Tensor:
    """H_1 H_2 ... H_k X, or its factors' adjoints in turn if `turned`, with H = I - tau v v^H."""
    rows, count = vectors.array.shape[-2], tau.array.shape[-1]
    v = take_part(vectors, (..., slice(0, count)))
    v = add(lower_triangle(v, -1), _ones(vectors, rows, count))
    for i in range(count) if turned else reversed(range(count)):
        column = take_part(v, (..., slice(i, i + 1)))
        weight = unsqueeze(take_part(conj(tau) if turned else tau, (..., slice(i, i + 1))), -1)
        X = sub(X, mul(weight, matmul(column, matmul(adjoint(column), X))))
    return X


def householder_product(A, tau, *, out=None) -> Tensor:
    """The first columns of a product of reflections, kept as `geqrf` keeps them: the Q of a QR."""
    _check_reflections("linalg.householder_product", A, tau)
    rows, columns = A.array.shape[-2:]
    if not tau.array.shape[-1] <= columns <= rows:
        raise RuntimeError(
            f"linalg.householder_product: input {tuple(A.array.shape)} must have no fewer rows than columns, "
            f"nor fewer columns than tau {tuple(tau.array.shape)} has elements"
        )
    start = add(mul(A, 0), _ones(A, rows, columns))  # part of the graph also where there is no reflection
    return _written(_reflected(A, tau, start, False), out)


def ormqr(input, tau, other, left: bool = True, transpose: bool = False, *, out=None) -> Tensor:
    """Q other, or other Q with left=False, with the whole Q of reflections that `geqrf` gives, or its
    adjoint.
    """
    _check_reflections("ormqr", input, tau)
    if other.array.shape[-2 if left else -1] != input.array.shape[-2]:
        raise RuntimeError(
            f"ormqr: other.shape[{-2 if left else -1}] must be equal to input.shape[-2], got "
            f"{tuple(other.array.shape)} and {tuple(input.array.shape)}"
        )
    if left:
        return _written(_reflected(input, tau, other, transpose), out)
    return _written(adjoint(_reflected(input, tau, adjoint(other), not transpose)), out)


def _check_reflections(name: str, A, tau) -> None:
    must_be_matrix(name, A)
    rows, columns = A.array.shape[-2:]
    if tau.array.shape[:-1] != A.array.shape[:-2] or tau.array.shape[-1] > min(rows, columns):
        raise RuntimeError(
            f"{name}: tau {tuple(tau.array.shape)} must have at most one element per row and column of each "
            f"matrix of the input {tuple(A.array.shape)}"
        )
    if tau.array.dtype != A.array.dtype:
        raise RuntimeError(f"{name}: tau dtype {tau.dtype} does not match input dtype {A.dtype}")

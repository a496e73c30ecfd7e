"""Inverses, determinants and decompositions of matrices (..., n, m), by NumPy's LAPACK.

Their gradients are matrix formulas in the op's own results; `adjoint` is the conjugate transpose. Where a
result is fixed only up to a sign or phase (singular vectors), the gradient is that of a loss that does not
depend on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from .. import return_types
from ..engine import primitive, untracked
from .arranging import adjoint, lower_triangle, upper_triangle
from .elementwise import select, sgn
from .linalg import matmul
from .promotion import floating
from .shaping import cat, concat, reshape_to, take_part

if TYPE_CHECKING:
    from ..tensor import Tensor


class LinAlgError(RuntimeError):
    """A matrix has no inverse, or no decomposition of the kind asked for."""


def must_be_matrix(name: str, A) -> None:
    """Refuse what is not a floating-point matrix or a batch of them."""
    shape = tuple(A.array.shape)
    if len(shape) < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions, got shape {shape}")
    if A.array.dtype.kind not in "fc":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {A.dtype}; use .float()"
        )


def must_be_square(name: str, A) -> None:
    """Refuse what is not a square floating-point matrix or a batch of them."""
    must_be_matrix(name, A)
    rows, columns = A.array.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {rows} by {columns} matrices"
        )


def _solved(name: str, compute, *arrays):
    """What NumPy's LAPACK computes; a sentence where it cannot."""
    try:
        return compute(*arrays)
    except np.linalg.LinAlgError as error:
        raise LinAlgError(f"{name}: {error}") from None


# ---- on arrays and Tensors alike: formulas are run on both ---------------------------------------
def dagger(x):
    """The conjugate transpose."""
    return x.mT.conj()


def on_diagonal(x):
    """Matrices with the vectors x on their diagonals."""
    return x[..., None] * np.eye(x.shape[-1], dtype=bool)


def _differences(x):
    """x_j - x_i in row i and column j, with ones where that is on the diagonal."""
    return x[..., None, :] - x[..., :, None] + np.eye(x.shape[-1], dtype=bool)


def _off_diagonal(x):
    return x * ~np.eye(x.shape[-1], dtype=bool)


# ---- inverses, determinants, equations -----------------------------------------------------------
@primitive(promote=floating, x=lambda g, out: -(out.mT @ g @ out.mT))
def inverse_of(x):
    return _solved("linalg.inv", np.linalg.inv, x)


def inv(A, *, out=None) -> Tensor:
    """The inverse."""
    must_be_square("linalg.inv", A)
    return inverse_of(A, out=out)


@primitive(promote=floating, x=lambda g, x, out: (g * out)[..., None, None] * inverse_of(x).mT)
def determinant_of(x):
    return np.linalg.det(x)


def det(A, *, out=None) -> Tensor:
    """The determinant; its gradient is of matrices that have an inverse."""
    must_be_square("linalg.det", A)
    return determinant_of(A, out=out)


@primitive(promote=floating, holomorphic=False, x=lambda g, x: g[..., None, None] * dagger(inverse_of(x)))
def log_absolute_determinant(x):
    return np.linalg.slogdet(x)[1]


def slogdet(A) -> return_types.linalg_slogdet:
    """The sign of the determinant, and the logarithm of its absolute value."""
    must_be_square("linalg.slogdet", A)
    sign = determinant_sign(A) if A.array.dtype.kind == "f" else sgn(determinant_of(A))
    return return_types.linalg_slogdet(sign, log_absolute_determinant(A))


@primitive(x=lambda g, x: g[..., None, None] * (x * 0))
def determinant_sign(x):
    return np.linalg.slogdet(x)[0]


def logdet(A) -> Tensor:
    """The logarithm of the determinant; nan where that is negative."""
    must_be_square("logdet", A)
    sign, logarithm = slogdet(A)
    return select(sign < 0, np.nan, logarithm)


@primitive(
    promote=floating,
    numbers="neither",
    A=lambda g, A, out: -(solution_of(A.mT, g) @ out.mT),
    B=lambda g, A: solution_of(A.mT, g),
)
def solution_of(A, B):
    """The X with A X = B."""
    return _solved("linalg.solve", np.linalg.solve, A, B)


def solve(A, B, *, left: bool = True, out=None) -> Tensor:
    """The X with A X = B, or X A = B with left=False; B has matrices or, with one dimension less, vectors."""
    must_be_square("linalg.solve", A)
    if not left:
        return adjoint(solve(adjoint(A), adjoint(B)))
    vectors = B.array.ndim == 1 or (B.array.ndim == A.array.ndim - 1 and B.array.shape == A.array.shape[:-1])
    if A.array.shape[-1] != B.array.shape[-1 if vectors else -2]:
        raise RuntimeError(
            "linalg.solve: Incompatible shapes of A and B for the equation AX = B: "
            f"{tuple(A.array.shape)} and {tuple(B.array.shape)}"
        )
    if not vectors:
        return solution_of(A, B, out=out)
    columns = solution_of(A, reshape_to(B, (*B.array.shape, 1)))
    return reshape_to(columns, columns.array.shape[:-1], out=out)


def solve_triangular(
    A, B, *, upper: bool, left: bool = True, unitriangular: bool = False, out=None
) -> Tensor:
    """`solve` with the upper or lower triangle of A, whose diagonal counts as ones if `unitriangular`."""
    must_be_square("linalg.solve_triangular", A)
    half = upper_triangle if upper else lower_triangle
    if unitriangular:
        A = half(A, 1 if upper else -1) + untracked(np.eye(A.array.shape[-1], dtype=A.array.dtype))
    else:
        A = half(A, 0)
    return solve(A, B, left=left, out=out)


@primitive(promote=floating, holomorphic=False, x=lambda g, x, out: _pseudoinverse_gradient(g, x, out))
def pseudoinverse_of(x, rcond, hermitian):
    return np.linalg.pinv(x, rcond, hermitian)


def _pseudoinverse_gradient(g, A, P):
    """Golub and Pereyra, 1973, equation 4.12."""
    K = dagger(g) @ P
    back = K @ dagger(P)
    return -dagger(P @ K) + back - (A @ P) @ back + (dagger(P) @ P) @ (dagger(g) - K @ A)


def pinv(A, rcond=None, hermitian: bool = False, *, atol=None, rtol=None, out=None) -> Tensor:
    """The pseudoinverse (Moore-Penrose); singular values below rtol times the largest count as zero."""
    must_be_matrix("linalg.pinv", A)
    if atol is not None:
        raise NotImplementedError(
            "linalg.pinv: atol is not here; pass rtol, relative to the largest singular value"
        )
    rcond = rtol if rcond is None else rcond
    if rcond is None:
        rcond = max(A.array.shape[-2:]) * float(np.finfo(A.array.dtype).eps)
    return pseudoinverse_of(A, rcond, hermitian, out=out)


# ---- decompositions ------------------------------------------------------------------------------
@primitive(promote=floating, holomorphic=False, x=lambda g, out: _cholesky_gradient(g, out))
def cholesky_factor(x):
    return _solved("linalg.cholesky", np.linalg.cholesky, x)


def _cholesky_gradient(g, L):
    """Murray, "Differentiation of the Cholesky decomposition", 2016."""
    inverse = inverse_of(L)
    inner = lower_triangle(dagger(L) @ g, 0)
    inner = inner - 0.5 * on_diagonal(inner.diagonal(0, -2, -1))
    found = dagger(inverse) @ inner @ inverse
    return 0.5 * (found + dagger(found))


def cholesky(A, *, upper: bool = False, out=None) -> Tensor:
    """The lower triangular L with A = L L^H, or its adjoint if `upper`; A must be positive definite."""
    must_be_square("linalg.cholesky", A)
    L = cholesky_factor(A)
    L = adjoint(L) if upper else L
    return L if out is None else out.copy_(L)


@primitive(arity=0, promote=floating, holomorphic=False, x=lambda g, out: _qr_gradient(*g, *out))
def qr_of(x):
    return tuple(np.linalg.qr(x))


def _qr_gradient(gQ, gR, Q, R):
    """Walter and Lehmann, 2010, for matrices with at least as many rows as columns."""
    M = upper_triangle(gR @ dagger(R) - dagger(Q) @ gQ, 0)
    M = M + dagger(M) - on_diagonal(M.diagonal(0, -2, -1).conj())
    return (gQ + Q @ M) @ dagger(inverse_of(R))


def qr(A, mode: Literal["reduced", "complete", "r"] = "reduced", *, out=None) -> return_types.linalg_qr:
    """A = Q R with orthonormal columns in Q and an upper triangular R; the gradient is for mode 'reduced'."""
    must_be_matrix("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"linalg.qr: received unrecognized mode '{mode}' but expected one of 'reduced', 'r', "
            "or 'complete'"
        )
    if mode != "reduced":
        if A.tracked:
            raise RuntimeError(f"linalg.qr: mode '{mode}' has no gradient; use mode 'reduced'")
        found = np.linalg.qr(A.array, mode)
        Q, R = (np.zeros(0, A.array.dtype), found) if mode == "r" else found
        return return_types.linalg_qr(untracked(np.asarray(Q)), untracked(np.asarray(R)))
    rows, columns = A.array.shape[-2:]
    if rows >= columns:
        return return_types.linalg_qr(*qr_of(A))
    Q, R = qr_of(take_part(A, (..., slice(0, rows))))
    rest = matmul(adjoint(Q), take_part(A, (..., slice(rows, None))))
    return return_types.linalg_qr(Q, cat([R, rest], -1))


@primitive(arity=0, promote=floating, holomorphic=False, x=lambda g, out: _eigh_gradient(*g, *out))
def eigh_of(x, side):
    return tuple(_solved("linalg.eigh", lambda x: np.linalg.eigh(x, side), x))


def _eigh_gradient(gw, gV, w, V):
    """Giles, "Collected matrix derivative results", 2008, section 3.1."""
    inner = _off_diagonal(dagger(V) @ gV) / _differences(w)
    return V @ (inner + on_diagonal(gw)) @ dagger(V)


def eigh(A, UPLO: str = "L", *, out=None) -> return_types.linalg_eigh:
    """Eigenvalues, rising, and eigenvectors, as columns, of a Hermitian matrix of which one half is read."""
    must_be_square("linalg.eigh", A)
    return return_types.linalg_eigh(*eigh_of(A, UPLO))


@primitive(
    promote=floating, holomorphic=False, x=lambda g, x, side: _eigenvalues_gradient(g, eigh_of(x, side)[1])
)
def eigenvalues_of(x, side):
    return _solved("linalg.eigvalsh", lambda x: np.linalg.eigvalsh(x, side), x)


def _eigenvalues_gradient(g, V):
    return (V * g[..., None, :]) @ dagger(V)


def eigvalsh(A, UPLO: str = "L", *, out=None) -> Tensor:
    """The eigenvalues, rising, of a Hermitian matrix of which one half is read."""
    must_be_square("linalg.eigvalsh", A)
    return eigenvalues_of(A, UPLO, out=out)


@primitive(
    arity=0, promote=floating, holomorphic=False, x=lambda g, x, out: _real_as(x, _eig_gradient(*g, *out))
)
def eig_of(x):
    kind = np.result_type(x.dtype, np.complex64)
    return tuple(part.astype(kind) for part in _solved("linalg.eig", np.linalg.eig, x))


def _real_as(x, found):
    """The gradient of a real matrix through complex results."""
    return found if x.dtype == found.dtype else found.real


def _eig_gradient(gw, gV, w, V):
    """Giles, 2008, section 3.1, for eigenvectors of length 1."""
    inner = dagger(V) @ gV
    inner = inner - (dagger(V) @ V) * inner.diagonal(0, -2, -1).real[..., None, :]
    inner = _off_diagonal(inner) / _differences(w).conj() + on_diagonal(gw)
    return inverse_of(dagger(V)) @ inner @ dagger(V)


def eig(A, *, out=None) -> return_types.linalg_eig:
    """Eigenvalues and eigenvectors, as columns of length 1, of any square matrix; complex."""
    must_be_square("linalg.eig", A)
    return return_types.linalg_eig(*eig_of(A))


def eigvals(A, *, out=None) -> Tensor:
    """The eigenvalues of any square matrix; complex."""
    return eig(A)[0]


@primitive(arity=0, promote=floating, holomorphic=False, x=lambda g, out: _svd_gradient(*g, *out))
def svd_of(x):
    return tuple(_solved("linalg.svd", lambda x: np.linalg.svd(x, full_matrices=False), x))


def _svd_gradient(gU, gS, gVh, U, S, Vh):
    """Wan and Zhang, "Automatic differentiation for complex valued SVD", 2019."""
    rows, size, columns = U.shape[-2], S.shape[-1], Vh.shape[-1]
    E = _differences(S * S)
    u, v = dagger(U) @ gU, Vh @ dagger(gVh)
    J, K = _off_diagonal(u - dagger(u)) / E, _off_diagonal(v - dagger(v)) / E
    across = S[..., None, :]
    inner = J * across + S[..., :, None] * K + on_diagonal(gS)
    if U.dtype != S.dtype:  # complex: the phases that U and V share
        inner = inner + on_diagonal((u.diagonal(0, -2, -1) - u.diagonal(0, -2, -1).conj()) / (2 * S))
    found = U @ inner @ Vh
    if rows > size:
        found = found + (gU - U @ u) / across @ Vh
    if columns > size:
        found = found + U / across @ (gVh - dagger(v) @ Vh)
    return found


def svd(A, full_matrices: bool = True, *, driver=None, out=None) -> return_types.linalg_svd:
    """A = U diag(S) Vh with falling singular values S; the gradient is for full_matrices=False."""
    must_be_matrix("linalg.svd", A)
    if not full_matrices or A.array.shape[-1] == A.array.shape[-2]:
        return return_types.linalg_svd(*svd_of(A))
    U, S, Vh = svd_of(A)
    wide = np.linalg.svd(A.array)  # what it has besides spans the rest of the space, and gets no gradient
    size = S.array.shape[-1]
    rest = untracked(wide[0][..., size:]), untracked(wide[2][..., size:, :])
    return return_types.linalg_svd(cat([U, rest[0]], -1), S, cat([Vh, rest[1]], -2))


@primitive(promote=floating, holomorphic=False, x=lambda g, x: _values_gradient(g, *svd_of(x)))
def singular_values_of(x):
    return _solved("linalg.svdvals", lambda x: np.linalg.svd(x, compute_uv=False), x)


def _values_gradient(g, U, S, Vh):
    return (U * g[..., None, :]) @ Vh


def svdvals(A, *, driver=None, out=None) -> Tensor:
    """The singular values, falling."""
    must_be_matrix("linalg.svdvals", A)
    return singular_values_of(A, out=out)


# ---- PyTorch's older names, with their own settings ----------------------------------------------


def svd_thin(input, some: bool = True, compute_uv: bool = True, *, out=None) -> return_types.svd:
    """A = U diag(S) V^H, with V rather than its adjoint: `torch.svd`."""
    if not compute_uv:
        rows, columns = input.array.shape[-2:]
        empty = [
            untracked(np.zeros((*input.array.shape[:-2], n, n), input.array.dtype)) for n in (rows, columns)
        ]
        return return_types.svd(empty[0], svdvals(input), empty[1])
    U, S, Vh = svd(input, full_matrices=not some)
    return return_types.svd(U, S, adjoint(Vh))


def qr_thin(input, some: bool = True, *, out=None) -> return_types.qr:
    """`linalg.qr` in mode 'reduced', or 'complete' with some=False: `torch.qr`."""
    return return_types.qr(*qr(input, "reduced" if some else "complete"))


def cholesky_of(input, upper: bool = False, *, out=None) -> Tensor:
    """`linalg.cholesky`, whose `upper` may be given by position: `torch.cholesky`."""
    return cholesky(input, upper=upper, out=out)


# ---- with information rather than errors, and by factors -------------------------------------------------


def _nothing_wrong(A) -> Tensor:
    return untracked(np.zeros(A.array.shape[:-2], np.int32))


def inv_ex(A, *, check_errors: bool = False, out=None) -> return_types.linalg_inv_ex:
    """(inverse, info): `inv`, which raises here where PyTorch would tell of a failure in `info`."""
    return return_types.linalg_inv_ex(inv(A), _nothing_wrong(A))


def solve_ex(
    A, B, *, left: bool = True, check_errors: bool = False, out=None
) -> return_types.linalg_solve_ex:
    """(result, info): `solve`, which raises here where PyTorch would tell of a failure in `info`."""
    return return_types.linalg_solve_ex(solve(A, B, left=left), _nothing_wrong(A))


def cholesky_ex(
    A, *, upper: bool = False, check_errors: bool = False, out=None
) -> return_types.linalg_cholesky_ex:
    """(L, info): `cholesky`, which raises here where PyTorch would tell of a failure in `info`."""
    return return_types.linalg_cholesky_ex(cholesky(A, upper=upper), _nothing_wrong(A))


@primitive(
    promote=floating,
    holomorphic=False,
    numbers="neither",
    B=lambda g, L: solved_by_factor(g, L),
    L=lambda g, L, out: _solved_by_factor_gradient(solved_by_factor(g, L), L, out),
)
def solved_by_factor(B, L):
    L = np.tril(L)
    return np.linalg.solve(dagger(L), np.linalg.solve(L, B))


def _solved_by_factor_gradient(g, L, X):
    """As for a whole L, like PyTorch: what lies above its diagonal is not read."""
    return -(g @ dagger(X) + X @ dagger(g)) @ L


def cholesky_solve(B, L, upper: bool = False, *, out=None) -> Tensor:
    """The X with A X = B, from the Cholesky factor of A."""
    must_be_square("cholesky_solve", L)
    return solved_by_factor(B, adjoint(L) if upper else L, out=out)


def cholesky_inverse(L, upper: bool = False, *, out=None) -> Tensor:
    """The inverse of A, from its Cholesky factor."""
    return cholesky_solve(
        untracked(np.broadcast_to(np.eye(L.array.shape[-1], dtype=L.array.dtype), L.array.shape).copy()),
        L,
        upper,
        out=out,
    )


def triangular_solve(
    b, A, upper: bool = True, transpose: bool = False, unitriangular: bool = False, *, out=None
):
    """(X, A) with A X = b for a triangular A: PyTorch's older name for `solve_triangular`."""
    coefficient = A.mT if transpose else A
    found = solve_triangular(coefficient, b, upper=upper != transpose, unitriangular=unitriangular)
    return return_types.triangular_solve(found, A.clone())


@primitive(promote=floating, x=lambda g, x: _exponential_gradient(g, x))
def matrix_exp(x):
    """The exponential of square matrices, by SciPy."""
    try:
        from scipy.linalg import expm
    except ImportError:
        raise RuntimeError("matrix_exp: needs SciPy: pip install minigrad-rnn[special]") from None
    return expm(x).astype(x.dtype, copy=False) if x.size else x.copy()


def _exponential_gradient(g, x):
    """The upper right block of the exponential of [[x^T, g], [0, x^T]] (Mathias, 1996)."""
    size = x.shape[-1]
    blocks = cat_of([cat_of([x.mT, g], -1), cat_of([x * 0, x.mT], -1)], -2)
    return matrix_exp(blocks)[..., :size, size:]


def cat_of(parts: list, axis: int):
    """Parts joined, whether they are arrays or Tensors."""
    return concat(parts, axis % len(parts[0].shape))

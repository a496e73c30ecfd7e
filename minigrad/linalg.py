"""PyTorch's `linalg`: norms, decompositions and products of matrices."""

from .ops import matmul, vector_norm
from .ops.arranging import diagonal
from .ops.decompositions import (
    LinAlgError,
    cholesky,
    det,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    inv,
    pinv,
    qr,
    slogdet,
    solve,
    solve_triangular,
    svd,
    svdvals,
)
from .ops.matrices import (
    cond,
    cross,
    matrix_norm,
    matrix_power,
    matrix_rank,
    multi_dot,
    vecdot,
)
from .ops.matrices import (
    linalg_norm as norm,
)

__all__ = [
    "LinAlgError",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "vecdot",
    "vector_norm",
]

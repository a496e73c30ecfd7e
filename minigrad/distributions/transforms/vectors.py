"""Transforms of vectors and matrices."""

from __future__ import annotations

import math

from ... import dtypes
from ...linalg import cholesky
from ...ops import atanh, cat, exp, eye, log, logsigmoid, ones_like, sigmoid, softmax, tanh
from ...tensor import Size, Tensor
from .. import constraints
from ..utils import tril_matrix_to_vec, vec_to_tril_matrix
from .elementwise import TanhTransform, clipped
from .transform import ByValue, Transform, enough_axes


def _before(x: Tensor) -> Tensor:
    """Along the last axis, a one and all but the last."""
    return cat([ones_like(x[..., :1]), x[..., :-1]], -1)


class SoftmaxTransform(ByValue):
    """y = softmax(x): many x give one y, and the inverse is the one with the y's logarithms."""

    domain, codomain = constraints.real_vector, constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return softmax(x, -1)

    def _inverse(self, y: Tensor) -> Tensor:
        return log(y)

    def forward_shape(self, shape):
        """The same."""
        enough_axes(shape, 1)
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(ByValue):
    """From vectors (K-1,) to the simplex (K,): each number says how much of what is left of a stick is
    broken off.
    """

    domain, codomain, bijective = constraints.real_vector, constraints.simplex, True

    def _shifted(self, x: Tensor) -> Tensor:
        """Less log(number of pieces to come): zeros give equal pieces."""
        return x - log(x.shape[-1] + 1 - ones_like(x).cumsum(-1))

    def _call(self, x: Tensor) -> Tensor:
        share = clipped(sigmoid(self._shifted(x)))
        one = ones_like(share[..., :1])
        return cat([share, one], -1) * cat([one, (1 - share).cumprod(-1)], -1)

    def _inverse(self, y: Tensor) -> Tensor:
        pieces = y[..., :-1]
        left = (1 - pieces.cumsum(-1)).clamp(min=dtypes.finfo(y.dtype).tiny)
        return log(pieces) - log(left) + log(y.shape[-1] - ones_like(pieces).cumsum(-1))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The sum of log(1 - share) + log(piece)."""
        return (logsigmoid(-self._shifted(x)) + log(y[..., :-1])).sum(-1)

    def forward_shape(self, shape):
        """One more."""
        enough_axes(shape, 1)
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape):
        """One less."""
        enough_axes(shape, 1)
        return Size((*shape[:-1], shape[-1] - 1))


class LowerCholeskyTransform(ByValue):
    """From matrices to lower triangular ones with a positive diagonal, by exp of the diagonal."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + exp(x.diagonal(dim1=-2, dim2=-1)).diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + log(y.diagonal(dim1=-2, dim2=-1)).diag_embed()


class PositiveDefiniteTransform(ByValue):
    """From matrices to positive definite ones, L L^T with L of `LowerCholeskyTransform`."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        lower = LowerCholeskyTransform()(x)
        return lower @ lower.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().inv(cholesky(y))


class CorrCholeskyTransform(Transform):
    """From vectors (D (D-1) / 2,) to Cholesky factors (D, D) of correlation matrices.

    tanh of the numbers fills the lower triangle row by row; in each row, stick-breaking of their squares
    makes the length 1. The Jacobian is that of the elements below the diagonal. Lewandowski, Kurowicka
    and Joe, "Generating random correlation matrices based on vines and extended onion method" (2009).
    """

    domain, codomain, bijective = constraints.real_vector, constraints.corr_cholesky, True

    def _call(self, x: Tensor) -> Tensor:
        eps = dtypes.finfo(x.dtype).eps
        r = vec_to_tril_matrix(tanh(x).clamp(eps - 1, 1 - eps), diag=-1)
        left = (1 - r.square()).sqrt().cumprod(-1)
        return (r + eye(r.shape[-1], dtype=r.dtype, device=r.device)) * _before(left)

    def _inverse(self, y: Tensor) -> Tensor:
        left = _before(1 - y.square().cumsum(-1))
        return atanh(tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt())

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """That of stick-breaking and that of tanh."""
        left = tril_matrix_to_vec(1 - y.square().cumsum(-1), diag=-2)
        return 0.5 * log(left).sum(-1) + TanhTransform().log_abs_det_jacobian(x, y).sum(-1)

    def forward_shape(self, shape):
        """(..., D (D-1) / 2) to (..., D, D)."""
        enough_axes(shape, 1)
        size = round(math.sqrt(0.25 + 2 * shape[-1]) + 0.5)
        if size * (size - 1) // 2 != shape[-1]:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return Size((*shape[:-1], size, size))

    def inverse_shape(self, shape):
        """(..., D, D) to (..., D (D-1) / 2)."""
        enough_axes(shape, 2)
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return Size((*shape[:-2], shape[-1] * (shape[-1] - 1) // 2))

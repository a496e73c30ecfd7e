"""The multivariate normal distribution with few directions of its own."""

from __future__ import annotations

import math

from ..linalg import cholesky, inv
from ..ops import broadcast_shapes, eye, log
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution
from .utils import lazy_property, standard_normal


class LowRankMultivariateNormal(Distribution):
    """Vectors (K,) with covariance W W^T + diag(d), W (..., K, R) the `cov_factor` and d (..., K) the
    `cov_diag`.

    `log_prob` and `entropy` work with matrices of R rows, by Woodbury's identity.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _made_of = {
        "loc": 1,
        "cov_diag": 1,
        "cov_factor": 2,
        **dict.fromkeys(("scale_tril", "covariance_matrix", "precision_matrix"), 2),
    }

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None):
        for name, given, axes in (("loc", loc, 1), ("cov_factor", cov_factor, 2), ("cov_diag", cov_diag, 1)):
            if given.dim() < axes:
                raise ValueError(f"{name} must have at least {axes} dimensions, but has {given.dim()}")
        size = loc.shape[-1]
        if cov_factor.shape[-2] != size:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {size} x m")
        if cov_diag.shape[-1] != size:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {size}")
        try:
            batch_shape = broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                f"cov_diag {cov_diag.shape}"
            ) from None
        self.loc, self.cov_diag = loc.expand(*batch_shape, -1), cov_diag.expand(*batch_shape, -1)
        self.cov_factor = cov_factor.expand(*batch_shape, -1, -1)
        super().__init__(batch_shape, loc.shape[-1:], validate_args)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The covariance's Cholesky factor (..., K, K)."""
        return cholesky(self.covariance_matrix)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """W W^T + diag(d) (..., K, K)."""
        return self.cov_factor @ self.cov_factor.mT + self.cov_diag.diag_embed()

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The covariance's inverse (..., K, K)."""
        across = inv(self._capacitance()) @ self._scaled_factor()
        return self.cov_diag.reciprocal().diag_embed() - across.mT @ across

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.cov_factor.square().sum(-1) + self.cov_diag

    def rsample(self, sample_shape=()) -> Tensor:
        """loc + W noise + sqrt(d) noise."""
        shape = self._extended_shape(sample_shape)
        few = standard_normal((*shape[:-1], self.cov_factor.shape[-1]), self.loc)
        each = standard_normal(shape, self.loc)
        return self.loc + (self.cov_factor @ few.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * each

    def _scaled_factor(self) -> Tensor:
        """W^T diag(1 / d) (..., R, K)."""
        return self.cov_factor.mT / self.cov_diag.unsqueeze(-2)

    def _capacitance(self) -> Tensor:
        """The Cholesky factor of 1 + W^T diag(1 / d) W (..., R, R)."""
        inner = self._scaled_factor() @ self.cov_factor
        return cholesky(inner + eye(inner.shape[-1], dtype=inner.dtype, device=inner.device))

    def _half_log_det(self) -> Tensor:
        return self._capacitance().diagonal(dim1=-2, dim2=-1).log().sum(-1) + 0.5 * log(self.cov_diag).sum(-1)

    def _whitening(self) -> Tensor:
        return inv(self.scale_tril)

    def _log_prob(self, value: Tensor) -> Tensor:
        away = value - self.loc
        across = inv(self._capacitance()) @ self._scaled_factor() @ away.unsqueeze(-1)
        distance = (away.square() / self.cov_diag).sum(-1) - across.squeeze(-1).square().sum(-1)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - self._half_log_det()

    def entropy(self) -> Tensor:
        """K / 2 log(2 pi e) + log(det) / 2 of the covariance."""
        return 0.5 * self._event_shape[0] * (1 + math.log(2 * math.pi)) + self._half_log_det()

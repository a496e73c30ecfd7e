"""The multivariate normal distribution."""

from __future__ import annotations

import math

from ..linalg import cholesky, inv
from ..ops import broadcast_shapes, flip
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution
from .utils import lazy_property, one_of, standard_normal

MATRICES = ("covariance_matrix", "precision_matrix", "scale_tril")


class MultivariateNormal(Distribution):
    """Vectors (K,) around `loc` (..., K): `loc` + L times K standard normals, L (..., K, K) the `scale_tril`.

    Given by one of `covariance_matrix` = L L^T, `precision_matrix`, its inverse, and `scale_tril`, which is
    lower triangular; the others are computed when asked for.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _made_of = {"loc": 1, **dict.fromkeys(MATRICES, 2)}

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = dict(zip(MATRICES, (covariance_matrix, precision_matrix, scale_tril), strict=True))
        name = one_of(**given)
        matrix: Tensor = given[name]  # type: ignore[assignment]
        if matrix.dim() < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch_shape = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.loc = loc.expand(*batch_shape, -1)
        setattr(self, name, matrix.expand(*batch_shape, -1, -1))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower triangular L (..., K, K)."""
        if "covariance_matrix" in vars(self):
            return cholesky(self.covariance_matrix)
        # turned about both ways, P = U U^T with U upper triangular, so L = U^-T is lower triangular
        upper = flip(cholesky(flip(self.precision_matrix, (-2, -1))), (-2, -1))
        return inv(upper).mT.tril()

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """L L^T (..., K, K)."""
        return self.scale_tril @ self.scale_tril.mT

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance matrix (..., K, K)."""
        return self._whitening().mT @ self._whitening()

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.scale_tril.square().sum(-1)

    def rsample(self, sample_shape=()) -> Tensor:
        """loc + L noise."""
        noise = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + (self.scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def _whitening(self) -> Tensor:
        """L^-1 (..., K, K): what makes a value's coordinates independent and standard."""
        return inv(self.scale_tril.tril())

    def _half_log_det(self) -> Tensor:
        return self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def _log_prob(self, value: Tensor) -> Tensor:
        standard = (self._whitening() @ (value - self.loc).unsqueeze(-1)).squeeze(-1)
        size = self._event_shape[0]
        return -0.5 * (size * math.log(2 * math.pi) + standard.square().sum(-1)) - self._half_log_det()

    def entropy(self) -> Tensor:
        """K / 2 log(2 pi e) + log(det(L))."""
        return 0.5 * self._event_shape[0] * (1 + math.log(2 * math.pi)) + self._half_log_det()

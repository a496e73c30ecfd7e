"""Weights that stay orthogonal, of spectral norm 1, or whose lengths and directions are trained apart."""

from __future__ import annotations

from collections.abc import Callable

from ... import ops
from ...autograd.grad_mode import no_grad
from ...backend import module_of
from ...dtypes import finfo
from ...engine import untracked
from ...tensor import Tensor
from ..functional.distance import normalize
from ..functional.weights import as_matrix, divided_by_sigma, norm_except_dim, singular_vectors
from ..functional.weights import weight_norm as normed
from ..modules.module import Module
from .by_hook import output_dim, random_direction
from .parametrize import register_parametrization


def _weight_of(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


# ---- length and direction ----------------------------------------------------------------------------------
class _WeightNorm(Module):
    """g v / |v|; the other way, |w| and w."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return normed(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train a weight's lengths, along `dim` (None: of all of it), and its directions apart, as
    `parametrizations.weight.original0` and `original1`; returns the module (Salimans and Kingma, 2016).

    A state dict of the older form, with `weight_g` and `weight_v`, is read too.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def read_older_form(module, state_dict, prefix, *rest) -> None:
        older = [f"{prefix}{name}{part}" for part in ("_g", "_v")]
        if all(key in state_dict for key in older):
            for i, key in enumerate(older):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module.register_load_state_dict_pre_hook(read_older_form)
    return module


# ---- spectral norm -----------------------------------------------------------------------------------------
class _SpectralNorm(Module):
    """The weight divided by its largest singular value, whose vectors are approached by power steps."""

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.dim()
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % ndim
        self.eps = eps
        self.n_power_iterations = n_power_iterations
        if ndim > 1:  # a vector is divided by its length
            rows, columns = as_matrix(weight, self.dim).shape
            self.register_buffer("_u", random_direction(weight, rows, eps))
            self.register_buffer("_v", random_direction(weight, columns, eps))
            self._approach(as_matrix(weight, self.dim), 15)

    def _approach(self, matrix: Tensor, steps: int) -> None:
        singular_vectors(matrix, self._u, self._v, steps, self.eps, v_first=False)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._approach(matrix, self.n_power_iterations)
        return divided_by_sigma(weight, matrix, self._u, self._v)

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value; returns the module (Miyato et al., 2018).

    In training each use of the weight makes `n_power_iterations` steps towards that value.
    """
    weight, dim = _weight_of(module, name), output_dim(module, dim)
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


# ---- orthogonal matrices -----------------------------------------------------------------------------------
def _square_skew(X: Tensor) -> Tensor:
    """The skew-Hermitian (N, N) matrix of the lower part of X (N, K)."""
    X = X.tril()
    n, k = X.shape[-2:]
    if n != k:
        X = ops.cat([X, X.new_zeros(*X.shape[:-1], n - k)], -1)
    return X - X.mH


def _exponential(X: Tensor) -> Tensor:
    """exp(A), A being skew."""
    return ops.matrix_exp(_square_skew(X))[..., : X.shape[-1]]


def _cayley(X: Tensor) -> Tensor:
    """(I - A / 2)^-1 (I + A / 2), A being skew."""
    A = _square_skew(X)
    eye = ops.eye(A.shape[-1], dtype=A.dtype, device=A.device)
    return ops.solve(eye - 0.5 * A, eye + 0.5 * A)[..., : X.shape[-1]]


def _householder(X: Tensor) -> Tensor:
    """The product of the reflections by the columns below X's diagonal, each with 1 on top, times the signs
    there.
    """
    n, k = X.shape[-2:]
    eye = ops.eye(n, k, dtype=X.dtype, device=X.device)
    below = X.tril(-1)
    lengths = 1 + (below * below).sum(-2)
    vectors = (below + eye).unsqueeze(-1)
    Q = eye
    for i in reversed(range(k)):
        v = vectors[..., i, :]
        Q = Q - (2 / lengths[..., i, None, None]) * v @ (v.mT @ Q)
    signs = X.diagonal(dim1=-2, dim2=-1).detach().trunc()
    return Q * signs.unsqueeze(-2)


_MAPS: dict[str, Callable[[Tensor], Tensor]] = {
    "matrix_exp": _exponential,
    "cayley": _cayley,
    "householder": _householder,
}


class _Orthogonal(Module):
    """A matrix with orthonormal columns (rows, if it has fewer) from one without conditions, by a map.

    With a `base`, the map's result turns that matrix, which holds where the training began (Lezcano-Casado,
    2019).
    """

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        wide = X.shape[-2] < X.shape[-1]
        Q = _MAPS[self.orthogonal_map](X.mT if wide else X)
        if hasattr(self, "base"):
            Q = self.base @ Q
        return Q.mT if wide else Q

    def right_inverse(self, Q: Tensor) -> Tensor:
        """What the map makes Q of; a Q that is not orthogonal is made so."""
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                f"{Q.shape}."
            )
        wide = Q.shape[-2] < Q.shape[-1]
        with no_grad():
            tall = Q.mT if wide else Q
            if not hasattr(self, "base"):
                found = self._reflectors(tall)
                return found.mT if wide else found
            self.base = _completed(tall)
            identity = ops.zeros_like(Q)
            identity.diagonal(dim1=-2, dim2=-1).fill_(-1)  # householder(-I) = I, and so are the others
            return identity

    def _reflectors(self, Q: Tensor) -> Tensor:
        """What `_householder` makes Q of: LAPACK's reflectors, with signs that make it Q and not -Q."""
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        raw, tau = module_of(Q.array).linalg.qr(Q.array, mode="raw")
        A = untracked(raw.swapaxes(-1, -2).copy())
        diagonal = A.diagonal(dim1=-2, dim2=-1)
        diagonal.copy_(ops.sign(diagonal) * ops.where(untracked(tau) == 0, -1.0, 1.0))
        return A


def _completed(Q: Tensor) -> Tensor:
    """An orthogonal (N, N) matrix that begins with Q (N, K), made orthogonal if it is not."""
    n, k = Q.shape[-2:]
    if n != k:
        more = ops.randn(*Q.shape[:-1], n - k, dtype=Q.dtype, device=Q.device)
        return _orthogonalised(ops.cat([Q, more], -1))
    eye = ops.eye(k, dtype=Q.dtype, device=Q.device)
    near = ops.allclose(Q.mH @ Q, eye, atol=10 * n * finfo(Q.dtype).eps)
    return Q.clone() if near else _orthogonalised(Q)


def _orthogonalised(A: Tensor) -> Tensor:
    """The Q of A = Q R, R having a positive diagonal."""
    Q, R = ops.qr(A)
    return Q * ops.sgn(R.diagonal(dim1=-2, dim2=-1)).unsqueeze(-2)


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keep a weight (..., M, N) orthogonal: orthonormal columns, or rows where there are fewer; returns the
    module.

    It is computed from a matrix without conditions, by "matrix_exp" (needs SciPy), "cayley" or "householder";
    None takes the first for square and complex matrices, the last for others. `use_trivialization` holds the
    first value in a buffer `base` that is turned from there (Lezcano-Casado, 2019).
    """
    weight = _weight_of(module, name)
    if weight.dim() < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions."
        )
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in _MAPS:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)

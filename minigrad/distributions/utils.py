"""What distributions share: parameters brought to one shape, and the ways between probabilities and
logits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..autograd.grad_mode import enable_grad
from ..ops import arange, broadcast_tensors, empty, log, log1p, sigmoid, softmax, tensor
from ..ops import softplus as linear_above
from ..tensor import Tensor

euler_constant = 0.57721566490153286060


def broadcast_all(*values) -> tuple:
    """Tensors and numbers as tensors of one shape; a number takes the dtype and device of the first
    tensor.
    """
    if not all(isinstance(v, (Tensor, int, float)) for v in values):
        kinds = ", ".join(type(v).__name__ for v in values)
        raise ValueError(f"broadcast_all: the arguments must be tensors or numbers, but are {kinds}")
    first = next((v for v in values if isinstance(v, Tensor)), None)
    where = (
        {"dtype": dtypes.get_default_dtype()}
        if first is None
        else {"dtype": first.dtype, "device": first.device}
    )
    return tuple(broadcast_tensors(*[v if isinstance(v, Tensor) else tensor(v, **where) for v in values]))


def one_of(**given) -> str:
    """The name of the one argument that was given; ValueError where it is not exactly one."""
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        wanted = " or ".join(f"`{name}`" for name in given)
        raise ValueError(f"Either {wanted} must be specified, but not both; found {len(names)} of them")
    return names[0]


def standard_normal(shape, like: Tensor) -> Tensor:
    """Values from N(0, 1) in the dtype and on the device of another tensor."""
    return empty(shape, dtype=like.dtype, device=like.device).normal_()


def sum_rightmost(value, axes: int):
    """The sum over the last `axes` axes."""
    return value.sum(tuple(range(-axes, 0))) if axes else value


def softplus(x):
    """log(1 + exp(x))."""
    return linear_above(x, 1, 20)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities from log odds (`is_binary`), or from logarithms of weights along the last axis."""
    return sigmoid(logits) if is_binary else softmax(logits, -1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept one rounding error away from 0 and 1, so that their logarithms are finite."""
    eps = dtypes.finfo(probs.dtype).eps
    return probs.clamp(eps, 1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Log odds of probabilities (`is_binary`), or their logarithms."""
    probs = clamp_probs(probs)
    return log(probs) - log1p(-probs) if is_binary else log(probs)


class lazy_property:
    """A property that is computed at its first use, with gradients recorded, and then kept."""

    def __init__(self, wrapped: Callable):
        self.wrapped, self.__doc__ = wrapped, wrapped.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None):
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.name, value)
        return value


def _lower(n: int, diag: int, like: Tensor):
    """Which elements of an n x n matrix are on and below a diagonal."""
    number = arange(n, device=like.device)
    return number < number.view(-1, 1) + (diag + 1)


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The elements (..., K) of matrices (..., D, D) on and below a diagonal, row by row."""
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _lower(n, diag, mat)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Matrices (..., D, D) with the elements (..., K) on and below a diagonal, row by row, and zeros
    above.
    """
    n = next((n for n in range(1, 2 * vec.shape[-1] + abs(diag) + 2) if _count(n, diag) >= vec.shape[-1]), 0)
    if _count(n, diag) != vec.shape[-1]:
        raise ValueError(
            f"The size of last dimension is {vec.shape[-1]} which cannot be expressed as the lower "
            "triangular part of a square D x D matrix."
        )
    matrices = vec.new_zeros(*vec.shape[:-1], n, n)
    matrices[..., _lower(n, diag, vec)] = vec
    return matrices


def _count(n: int, diag: int) -> int:
    """How many elements an n x n matrix has on and below a diagonal."""
    return sum(min(max(row + 1 + diag, 0), n) for row in range(n))

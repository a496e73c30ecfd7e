"""Weights as length and direction, and what the largest singular value of a weight is found by."""

from __future__ import annotations

from ... import ops
from ...autograd.grad_mode import no_grad
from ...tensor import Tensor
from .distance import normalize


def norm_except_dim(v: Tensor, pow: float = 2, dim: int = 0) -> Tensor:
    """The norms of a tensor's slices along `dim`, as a tensor 1 long elsewhere; -1: the norm of all of it."""
    if dim == -1:
        return ops.norm(v, pow)
    shape = [1] * v.dim()
    shape[dim] = -1
    return ops.norm(as_matrix(v, dim), pow, 1).reshape(shape)


def weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """g v / |v|, slice by slice along `dim` (Salimans and Kingma, 2016)."""
    return v * (g / norm_except_dim(v, 2, dim))


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """A weight as a matrix whose rows are its slices along `dim`."""
    return (ops.movedim(weight, dim, 0) if dim else weight).reshape(weight.shape[dim], -1)


def singular_vectors(matrix: Tensor, u: Tensor, v: Tensor, steps: int, eps: float, v_first: bool) -> None:
    """Move u and v, in place, towards the vectors of the largest singular value, by power steps."""
    with no_grad():
        for _ in range(steps):
            for to_v in (v_first, not v_first):
                found = matrix.mT @ u if to_v else matrix @ v
                (v if to_v else u).copy_(normalize(found, dim=0, eps=eps))


def divided_by_sigma(weight: Tensor, matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """weight / (u^T matrix v): its largest singular value becomes about 1 (Miyato et al., 2018).

    u and v are copied, so that they may move on before the backward pass.
    """
    return weight / ops.dot(u.clone(), matrix @ v.clone())

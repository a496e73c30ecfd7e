"""Distances, angles, and vectors of length one."""

from __future__ import annotations

from ... import ops
from ...tensor import Tensor


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps over the last dimension: (..., D) gives (...)."""
    return ops.norm(x1 - x2 + eps, p, -1, keepdim)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (|x1| |x2|) along a dimension, with lengths held above eps."""
    x1, x2 = ops.broadcast_tensors(x1, x2)
    return (x1 / _length(x1, dim, eps) * (x2 / _length(x2, dim, eps))).sum(dim)


def _length(x: Tensor, dim: int, eps: float) -> Tensor:
    """|x| along a dimension, kept as size 1; below eps it is eps, a constant."""
    length = ops.norm(x, 2, dim, keepdim=True)
    return ops.where(length > eps, length, eps)


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """x / max(|x|_p, eps) along a dimension."""
    return ops.div(input, ops.clamp(ops.norm(input, p, dim, keepdim=True), eps), out=out)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norms of the differences of all pairs of rows, (N, D) gives (N (N - 1) / 2,)."""
    if input.dim() != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.dim()}D")
    rows, columns = ops.triu_indices(len(input), len(input), 1)
    return ops.norm(input[rows] - input[columns], p, 1)

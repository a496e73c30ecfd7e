"""Cross-entropy of a linear map's outputs, in pieces: the logits (N, C) of a whole batch are never held.

Only the logarithm of each row's sum is kept; the backward pass makes each piece's logits again.
"""

from __future__ import annotations

import numpy as np

from ..backend import module_of
from ..fused import Fused
from .linear import linear
from .loss import _composed


def _pieces(count: int, rows: int) -> list[slice]:
    return [slice(start, start + rows) for start in range(0, count, rows)]


def _logits(x, w, b):
    return x @ w.T if b is None else x @ w.T + b


def _linear_cross_entropy(wanted, x, w, b, target, weights, rows):
    """-log softmax(x w^T + b) at target (N,), times weights (N,): x (N, I), w (C, I), b (C,) give (N,)."""
    xp = module_of(x)
    total, losses = xp.empty(len(x), x.dtype), xp.empty(len(x), x.dtype)
    for piece in _pieces(len(x), rows):
        z = _logits(x[piece], w, b)
        top = z.max(1, keepdims=True)
        total[piece] = np.log(np.exp(z - top).sum(1)) + top[:, 0]
        losses[piece] = total[piece] - z[xp.arange(len(z)), target[piece]]
    return losses * weights, (x, w, b, target, weights, rows, total)


def _backward(saved, g, wanted, last):
    """dz = g (softmax(z) - target), piece by piece; dx = dz w, dw = dz^T x, db = sum of dz."""
    x, w, b, target, weights, rows, total = saved
    xp, g = module_of(x), g * weights
    dx, dw = np.empty_like(x), np.zeros_like(w)
    db = None if b is None else np.zeros_like(b)
    for piece in _pieces(len(x), rows):
        dz = np.exp(_logits(x[piece], w, b) - total[piece, None]) * g[piece, None]
        dz[xp.arange(len(dz)), target[piece]] -= g[piece]
        dx[piece] = dz @ w
        dw += dz.T @ x[piece]
        if db is not None:
            db += dz.sum(0)
    return dx, dw, db, None, None, None


def _whole(x, w, b, target, weights, rows):
    """The same in the operations users call, all rows at once."""
    return _composed(linear(x, w, b), target, weights, 0.0, False)


linear_cross_entropy = Fused(_linear_cross_entropy, _backward, _whole)

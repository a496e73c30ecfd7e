"""Scaled dot-product attention as one op: softmax(scale q k^T + mask) v (Vaswani et al., 2017).

The scores of all heads are too many for a cache, so they are computed part by part: some heads at a time,
and, where position i sees no further than i, some rows at a time against the columns they can see. Softmax's
division is done on the output, (..., L, E), not on the weights, (..., L, S). `_composed` is the same in the
operations users call.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..backend import module_of
from ..fused import Fused
from .elementwise import add, mul, select
from .linalg import matmul
from .shaping import permute_to
from .softmax import softmax_along

PART = 2**18  # scores computed at a time: about what a core's own cache holds
ROWS = 128  # of a causal part


def _flip(x):
    return x.swapaxes(-1, -2)


def batches(lead: tuple[int, ...], size: int) -> Iterator[tuple]:
    """Indices that cut the leading dimensions into parts of about PART scores, `size` belonging to each
    element.
    """
    inner = math.prod(lead[1:]) * size
    if not lead or lead[0] * inner <= PART:
        yield ()
    elif inner >= PART:
        yield from ((i, *rest) for i in range(lead[0]) for rest in batches(lead[1:], size))
    else:
        step = PART // inner
        yield from ((slice(i, i + step),) for i in range(0, lead[0], step))


def _rows_at_once(rows: int, causal: bool) -> int:
    return ROWS if causal and rows > 2 * ROWS else max(rows, 1)


def parts(lead: tuple[int, ...], rows: int, columns: int, causal: bool) -> Iterator[tuple]:
    """(index of rows, index of columns) of each part of the scores, for q and for k and v."""
    step = _rows_at_once(rows, causal)
    for index in batches(lead, step * columns):
        for first in range(0, rows, step):
            seen = min(first + step, columns) if causal else columns
            yield (
                (*index, ..., slice(first, first + step), slice(None)),
                (*index, ..., slice(seen), slice(None)),
            )


def _bound(q, k, terms) -> float:
    """What no score exceeds, nor falls below unless it is -inf: |q_i . k_j| <= |q_i| |k_j|."""
    squares = [np.einsum("...i,...i->...", x, x).max() if x.size else 0.0 for x in (q, k)]
    largest = 0.0 if terms is None or not terms.size else np.abs(np.where(np.isneginf(terms), 0, terms)).max()
    return math.sqrt(float(squares[0])) * math.sqrt(float(squares[1])) + float(largest)


def _exponentials(q, k, mask, corner, first: int, shifted: bool):
    """exp(q k^T + mask), shifted row by row where exp might overflow.

    In a causal part, whose first row is `first`, the `corner` hides the columns that follow.
    """
    e = np.matmul(q, _flip(k))
    if mask is not None:
        e += mask
    if corner is not None:
        last = e[..., first:]
        last += corner[: last.shape[-2], : last.shape[-1]]
    if shifted:
        top = e.max(-1, keepdims=True)
        e -= np.where(np.isneginf(top), 0, top)
    return np.exp(e, out=e)


def _hidden_corner(size: int, like):
    """-inf right of the diagonal, else 0."""
    return np.triu(np.full_like(like, -np.inf, shape=(size, size)), 1)


def _attention(wanted, q, k, v, mask, noise, scale, causal):
    q = q * q.dtype.type(scale)
    lead, rows, columns = q.shape[:-2], q.shape[-2], k.shape[-2]
    if mask is not None and mask.dtype.kind == "b":
        mask = np.where(mask, q.dtype.type(0), q.dtype.type(-np.inf))
    limit = math.log(np.finfo(q.dtype).max) / 3  # no row's sum, nor its reciprocal, leaves the dtype's range
    shifted = not _bound(q, k, mask) < limit
    mask = None if mask is None else np.broadcast_to(mask, (*lead, rows, columns))
    corner = _hidden_corner(_rows_at_once(rows, causal), q) if causal else None
    # in q's order of memory, so that heads cut from (L, N, E) come back as (L, N, E) without a copy
    out = np.empty_like(q, shape=(*lead, rows, v.shape[-1]))
    scaling = np.empty_like(q, shape=(*lead, rows, 1))
    ones = np.ones_like(k, shape=(columns, 1))
    kept = []
    for here, there in parts(lead, rows, columns, causal):
        index = (*here[:-1], there[-2])
        hidden = None if mask is None else mask[index]
        e = _exponentials(q[here], k[there], hidden, corner, here[-2].start, shifted)
        total = np.matmul(e, ones[there[-2]])  # half the time of e.sum(-1)
        scaling[here] = np.where(total == 0, 0, 1 / total)
        if True in wanted:
            kept.append(e)
        o = np.matmul(e if noise is None else e * noise[index], v[there], out=out[here])
        o *= scaling[here]
    return out, (q, k, v, noise, out, scaling, scale, causal, kept)


def _backward(saved, g, wanted, last):
    """For w = e scaling: dv = w^T g, ds = w (g v^T - g . out), dq = scale ds k, dk = scale ds^T q."""
    q, k, v, noise, out, scaling, scale, causal, kept = saved
    along = np.einsum("...i,...i->...", g, out)[..., None] * scaling
    g = g * scaling
    dq, dk, dv = np.empty_like(q), np.zeros_like(k), np.zeros_like(v)
    d_mask = np.zeros_like(q, shape=(*q.shape[:-1], k.shape[-2])) if wanted[3] else None
    for e, (here, there) in zip(kept, parts(q.shape[:-2], q.shape[-2], k.shape[-2], causal)):
        index = (*here[:-1], there[-2])
        d = np.matmul(g[here], _flip(v[there]))
        if noise is not None:
            d *= noise[index]
        d -= along[here]
        d *= e
        if d_mask is not None:
            d_mask[index] = d
        np.matmul(d, k[there], out=dq[here])
        dk[there] += np.matmul(_flip(d), q[here])
        dv[there] += np.matmul(_flip(e if noise is None else e * noise[index]), g[here])
    dq *= q.dtype.type(scale)
    return dq, dk, dv, d_mask, None, None, None


def _composed(q, k, v, mask, noise, scale, causal):
    scores = matmul(mul(q, scale), transposed(k))
    if causal:
        scores = select(_seen(scores.array), scores, -np.inf)
    if mask is not None:
        is_choice = mask.array.dtype.kind == "b"
        scores = select(mask, scores, -np.inf) if is_choice else add(scores, mask)
    weights = safe_softmax(scores)
    return matmul(weights if noise is None else mul(weights, noise), v)


def _seen(scores):
    """Which columns (L, S) the rows of causal scores see."""
    return module_of(scores).tri(*scores.shape[-2:]) > 0


def transposed(x):
    """The last two dimensions swapped."""
    ndim = x.array.ndim
    return permute_to(x, (*range(ndim - 2), ndim - 1, ndim - 2))


def safe_softmax(scores):
    """Softmax over the last dimension, with zeros where all scores are -inf."""
    seen = ~np.isneginf(scores.array).all(-1, keepdims=True)
    return select(seen, softmax_along(select(seen, scores, 0.0), scores.array.ndim - 1), 0.0)


def _what_does_not_fit(q, k, v, mask, *settings) -> str:
    shapes = f"query {q.shape}, key {k.shape}, value {v.shape}" + (
        "" if mask is None else f", mask {mask.shape}"
    )
    return f"{shapes} do not fit: (..., L, E), (..., S, E), (..., S, Ev) and (..., L, S) are wanted"


attention = Fused(_attention, _backward, _composed, _what_does_not_fit)

"""The affine map of a linear layer, x W^T + b, as one op: most of what a small network computes.

Its gradients are affine maps again: dx = g W = linear(g, W^T), dW = g^T x = linear(g^T, x^T), db = the column
sums of g. `linear` makes its node by hand, as the closures of `engine.py` do, for its overhead is what a
small layer costs.
"""

from __future__ import annotations

import math

from .. import engine  # for what it has at the time: `NewNode` and `tick` may be others for a while
from ..engine import Primitive, Value, edge_of, explained, is_recording, new, refresh, untracked
from .blas import times_transposed
from .elementwise import add
from .linalg import matmul
from .reduction import sum_over
from .shaping import reshape_to


def rows(x):
    """x (..., n) as a matrix (rows, n)."""
    return x if x.ndim == 2 else reshape_to(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def affine(x, W, b):
    """x (..., I) W^T + b for W (O, I) and b (O,) or None, on arrays."""
    if x.dtype is not W.dtype or (b is not None and b.dtype is not W.dtype):
        _refuse_dtypes(x, W, b)
    out = times_transposed(rows(x), W)
    if b is not None:
        out += b
    return out if x.ndim == 2 else out.reshape(x.shape[:-1] + out.shape[-1:])


def _refuse_dtypes(x, W, b) -> None:
    dtypes = {a.dtype for a in (x, W, b) if a is not None}
    if len(dtypes) > 1:
        raise ValueError("several dtypes")


def _what_does_not_fit(x, W, b) -> str:
    dtypes = [str(a.dtype) for a in (x, W, b) if a is not None]
    if len(set(dtypes)) > 1:
        return (
            f"input, weight and bias must have the same dtype, but have {', '.join(dtypes)}; use .to(dtype)"
        )
    if not x.ndim or x.shape[-1] != W.shape[1]:
        features = x.shape[-1] if x.ndim else "no"
        return f"input {x.shape} has {features} features, {W.shape[1]} wanted by weight {W.shape}"
    return f"bias {b.shape} does not fit weight {W.shape}: it needs {W.shape[0]} elements"


OP = Primitive(
    affine,
    {
        "x": lambda g, W: linear(g, W.T),
        "W": lambda g, x: linear(rows(g).T, rows(x).T),
        "b": lambda g: sum_over(rows(g), (0,), False),
    },
    explain=_what_does_not_fit,
)
OP.name = "linear"


def linear(input, weight, bias=None):
    """x W^T + b: input (..., in_features), weight (out_features, in_features), bias (out_features,) or None.

    A weight (in_features,) gives an output without the last dimension.
    """
    if not isinstance(input, Value):
        return affine(input, weight, bias)
    x, W = input.array, weight.array
    if W.ndim != 2:
        return _by_a_vector(input, weight, bias)
    for t in (input, weight) if bias is None else (input, weight, bias):
        if t.base is not None:
            refresh(t)
    b = None if bias is None else bias.array
    try:
        made = untracked(affine(x, W, b))
    except Exception as error:
        raise explained(OP, error, x, W, b) from None
    if is_recording() and (input.tracked or weight.tracked or (bias is not None and bias.tracked)):
        node = new(engine.NewNode)
        node.time, node.op, node.hooks, node.shape = engine.tick(), OP, None, made.array.shape
        node.edges = (edge_of(input), edge_of(weight), None if bias is None else edge_of(bias))
        node.kept = (x, W)
        node.versions = (input.version, input.version[0], weight.version, weight.version[0])
        made.tracked, made.node = True, node
    return made


def _by_a_vector(input, weight, bias):
    out = matmul(input, weight)
    return out if bias is None else add(out, bias)

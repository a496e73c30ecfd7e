"""Softmax and its logarithm along one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..engine import primitive, stored
from .elementwise import exp
from .promotion import floating, to_dtype
from .reduction import sum_over
from .shaping import axis_of

if TYPE_CHECKING:
    from ..tensor import Tensor


@primitive(promote=floating, x=lambda g, out, axis: out * (g - sum_over(g * out, (axis,), True)))
def softmax_along(x, axis):
    """exp(x) / sum(exp(x)), shifted by the largest element: exp never overflows."""
    out = x - x.max(axis, keepdims=True)
    np.exp(out, out=out)
    out /= out.sum(axis, keepdims=True)
    return out


@primitive(promote=floating, x=lambda g, out, axis: g - exp(out) * sum_over(g, (axis,), True))
def log_softmax_along(x, axis):
    """x - logsumexp(x)."""
    out = x - x.max(axis, keepdims=True)
    out -= np.log(np.exp(out).sum(axis, keepdims=True))
    return out


def _along(primitive_along, name, input, dim, dtype, out):
    if dim is None:
        dim = 0 if input.array.ndim in (0, 1, 3) else 1  # PyTorch's implicit choice
    if dtype is not None:
        input = to_dtype(input, dtypes.as_dtype(dtype))
    axis = axis_of(name, input, dim)
    if input.array.size == 0:
        return stored(input * 1, out)
    if input.array.ndim == 0:
        return stored(primitive_along(input.reshape(1), 0).reshape(()), out)
    return primitive_along(input, axis, out=out)


def softmax(input, dim=None, *, dtype=None, out=None, axis=None) -> Tensor:
    """exp(x) / sum(exp(x)) along a dimension: positive, and summing to 1."""
    return _along(softmax_along, "softmax", input, dim if axis is None else axis, dtype, out)


def log_softmax(input, dim=None, *, dtype=None, out=None, axis=None) -> Tensor:
    """The logarithm of softmax, computed as x - logsumexp(x)."""
    return _along(log_softmax_along, "log_softmax", input, dim if axis is None else axis, dtype, out)

"""Softmax and its logarithm along one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..engine import primitive, stored
from .elementwise import exp
from .promotion import floating, to_dtype
from .shaping import axis_of, expand_to
from .sums import LongRows, exponentials, inner_sums, log_sums, sums

if TYPE_CHECKING:
    from ..tensor import Tensor


@primitive(x=lambda g, x_shape: expand_to(g, x_shape))
def totals(x, axis):
    """The sums along an axis, which stays as size 1."""
    return sums(x, (axis,))


@primitive(x=lambda g, y: g * y, y=lambda g, x: g * x)
def inner_totals(x, y, axis):
    """The sums of x * y along an axis, which stays as size 1."""
    return inner_sums(x, y, (axis,))


# ---- softmax -------------------------------------------------------------------------------------
@primitive(promote=floating, x=lambda g, out, axis: through_softmax(g, out, axis))
def softmax_along(x, axis):
    """exp(x) / sum(exp(x)), shifted by the largest element where exp might overflow."""
    out, total = exponentials(x, axis)
    with LongRows(x.shape[-1]):
        out /= total
    return out


@primitive(
    g=lambda u, y, axis: through_softmax(u, y, axis),
    y=lambda u, g, y, axis: u * (g - inner_totals(g, y, axis)) - g * inner_totals(u, y, axis),
)
def through_softmax(g, y, axis):
    """y (g - sum(g y)): the gradient of softmax, whose result is y."""
    with LongRows(y.shape[-1]):
        out = g - inner_sums(g, y, (axis,))
    out *= y
    return out


# ---- its logarithm -------------------------------------------------------------------------------
@primitive(promote=floating, x=lambda g, out, axis: through_log_softmax(g, out, axis))
def log_softmax_along(x, axis):
    """x - logsumexp(x)."""
    z, *_, logs = log_sums(x, axis)
    with LongRows(x.shape[-1]):
        return np.subtract(z, np.expand_dims(logs, axis), out=None if z is x else z)


@primitive(
    g=lambda u, y, axis: u - inner_totals(u, exp(y), axis),
    y=lambda u, g, y, axis: -u * exp(y) * totals(g, axis),
)
def through_log_softmax(g, y, axis):
    """g - exp(y) sum(g): the gradient of log_softmax, whose result is y."""
    out = np.exp(y)
    with LongRows(y.shape[-1]):
        out *= sums(g, (axis,))
    return np.subtract(g, out, out=out)


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

"""What losses are made of: each is its NumPy function and, above it, its gradient formulas.

Reduction to a mean or a sum is `nn.functional`'s. `cross_entropy` is fused: log-softmax, the pick of the
target's class and the reduction in one op, whose backward pass is the softmax minus the target.
"""

from __future__ import annotations

import numpy as np

from ..backend import as_places, module_of, zeros_beside
from ..engine import primitive
from ..fused import Fused
from .elementwise import choose, clamp_between, log, sigmoid, sign
from .promotion import arithmetic, floating
from .softmax import log_softmax_along
from .sums import LongRows, all_below, log_sums, starts_of_rows
from .sums import total as sum_of


# ---- distances, element by element ---------------------------------------------------------------
@primitive(
    promote=arithmetic,
    x=lambda g, x, y: through_square(g, x, y),
    y=lambda g, x, y: through_square(g, y, x),
)
def squared_error(x, y):
    """(x - y)^2."""
    difference = x - y
    return difference * difference


@primitive(
    g=lambda u, x, y: through_square(u, x, y),
    x=lambda u, g: 2 * (u * g),
    y=lambda u, g: -2 * (u * g),
)
def through_square(g, x, y):
    """g times 2 (x - y), the gradient of `squared_error` by x, in one array."""
    out = x - y
    out += out
    out *= g
    return out


@primitive(promote=arithmetic, x=lambda g, x, y: g * sign(x - y), y=lambda g, x, y: g * sign(y - x))
def absolute_error(x, y):
    """|x - y|."""
    return np.abs(x - y)


@primitive(x=lambda g, x, delta: g * clamp_between(x, -delta, delta))
def huber(x, delta):
    """x^2 / 2 up to |x| = delta, and its tangent from there (Huber, 1964)."""
    size = np.abs(x)
    return choose(size < delta, 0.5 * x * x, delta * (size - 0.5 * delta))


# ---- probabilities -------------------------------------------------------------------------------
@primitive(
    promote=floating,
    x=lambda g, x, y: g * (x - y) / clamp_between(x * (1 - x), 1e-12, None),
    y=lambda g, x: g * (log(1 - x) - log(x)),
)
def binary_cross_entropy(x, y):
    """-(y log x + (1 - y) log(1 - x)) for probabilities x; logarithms are held above -100."""
    return -(y * np.maximum(np.log(x), -100) + (1 - y) * np.maximum(np.log1p(-x), -100))


@primitive(promote=floating, x=lambda g, x, y: g * (sigmoid(x) - y), y=lambda g, x: -g * x)
def binary_cross_entropy_with_logits(x, y):
    """The same for logits x: max(x, 0) - x y + log(1 + exp(-|x|)), which never overflows."""
    return np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))


# ---- classes -------------------------------------------------------------------------------------
# Classes are along the second dimension: x is (M, C) with target (M,), or (N, C, S) with target (N, S).
def _places(x_shape, target):
    """Where the target's classes are in x of a shape, its elements counted row by row, in target's shape."""
    classes, *rest = x_shape[1:]
    if not rest:
        return as_places(_starts(target, classes) + target)
    starts = _starts(target, classes * rest[0])[:, None] + module_of(target).arange(rest[0])
    return as_places(np.multiply(target, rest[0], dtype=starts.dtype) + starts)  # bytes would overflow


def _starts(target, size: int):
    """Where the samples start, so many as in target, among the elements of x, of which each has `size`."""
    count = len(target)
    if isinstance(target, np.ndarray):
        return starts_of_rows(count, size)
    return module_of(target).arange(count) * size


@primitive(x=lambda g, x_shape, target: place_class(g, x_shape, target))
def pick_class(x, target):
    """x at the class of each place of target, in its shape."""
    return x.take(_places(x.shape, target))


@primitive(x=lambda g, target: pick_class(g, target))
def place_class(x, shape, target):
    """x, one number for each place of target, at its class in zeros of a shape."""
    out = zeros_beside(x, shape)
    out.reshape(-1)[_places(shape, target)] = x
    return out


def all_are_classes(target, classes: int) -> bool:
    """Whether there are class numbers, all of them 0 .. classes - 1."""
    return bool(target.size) and all_below(target, classes)


def check_classes(name: str, target, classes: int, ignore_index: int | None, kind=IndexError) -> None:
    """Refuse class numbers that are neither 0 .. classes - 1 nor `ignore_index`."""
    outside = (target < 0) | (target >= classes)
    bad = target[outside if ignore_index is None else outside & (target != ignore_index)]
    if bad.size:
        raise kind(f"{name}: Target {int(bad[0])} is out of bounds for {classes} classes 0 .. {classes - 1}")


def _cross_entropy(wanted, x, target, weights, smoothing, summed):
    """-log softmax(x) at the targets, times weights like them or a number; smoothing spreads some."""
    z, exponentials, total, logs = log_sums(x if x.flags.c_contiguous else x.copy(), 1)
    places = _places(x.shape, target)
    likely = z.take(places)
    if smoothing:
        likely = (1 - smoothing) * likely + smoothing * z.mean(1)
    losses = logs - likely
    saved = exponentials, total, places, weights, smoothing
    if not summed:
        return losses * weights, saved
    return sum_of(losses) * weights if isinstance(weights, float) else sum_of(losses * weights), saved


def _backward(saved, g, wanted, last):
    """weights (softmax(x) - target), a target being 1 - smoothing in its class plus smoothing / C in all."""
    exponentials, total, places, weights, smoothing = saved
    g = g * weights
    with LongRows(exponentials.shape[-1]):
        dx = np.multiply(exponentials, (g / total)[:, None], out=exponentials if last else None)
    if smoothing:
        spread = g * (smoothing / dx.shape[1])
        dx -= spread[:, None] if np.ndim(spread) else spread
    dx.reshape(-1)[places] -= g * (1 - smoothing) if smoothing else g
    return dx, None, None, None, None


def _composed(x, target, weights, smoothing, summed):
    """The same in the operations users call."""
    logp = log_softmax_along(x, 1)
    likely = pick_class(logp, target.array)
    if smoothing:
        likely = likely * (1 - smoothing) + logp.mean(1) * smoothing
    losses = -likely * weights
    return losses.sum() if summed else losses


cross_entropy = Fused(_cross_entropy, _backward, _composed)

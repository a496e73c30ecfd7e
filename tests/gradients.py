"""Numeric gradients, which every formula must agree with, at first order and at any higher one.

`check(f, arrays, rng)` weighs the results of `f` by random cotangents and goes a little way in a random
direction: the slope, by central differences in float64, must be the inner product of the gradient with that
direction. To check second order, the gradient is taken for a function itself, of arguments and cotangents.
"""

import os

import numpy as np

import minigrad
from minigrad import backend
from minigrad.engine import untracked

DEVICE = minigrad.device(os.environ.get("MINIGRAD_TEST_DEVICE", "cpu"))

#: central differences of fourth order: f'(0) = sum of weight * f(place * STEP) / STEP, up to STEP ** 4
STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
STEP = 1e-4
TOLERANCE = 1e-6


def tensor(array):
    """A tensor over an array (on the CPU it shares the memory), on the device that is being tested."""
    return untracked(backend.to_device(np.asarray(array), DEVICE))


def leaf(array):
    """A tensor that gradients flow to."""
    return tensor(array).requires_grad_()


def array_of(t) -> np.ndarray:
    """The values of a tensor, in host memory."""
    return backend.to_numpy(t.detach().array)


def listed(results) -> tuple:
    """One result or several, as a tuple."""
    return tuple(results) if isinstance(results, (tuple, list)) else (results,)


def check(f, arrays, rng, order: int = 2) -> None:
    """Hold the gradients of `f` (tensors to one or several) against central differences, up to an order."""
    leaves = [leaf(a) for a in arrays]
    results = [r for r in listed(f(*leaves)) if r.requires_grad]
    assert results, "no result requires grad"
    cotangents = [rng.standard_normal(r.shape) for r in results]
    directions = [rng.standard_normal(np.shape(a)) for a in arrays]
    gradients = minigrad.autograd.grad(
        results, leaves, [tensor(c) for c in cotangents], allow_unused=True, materialize_grads=True
    )
    terms = [array_of(g) * d for g, d in zip(gradients, directions, strict=True)]
    told = sum(t.sum() for t in terms)
    slope, height = numeric_slope(
        f, arrays, directions, cotangents, [r.requires_grad for r in listed(f(*leaves))]
    )
    margin = TOLERANCE * sum(np.abs(t).sum() for t in terms) + 1e-10 * (1 + height)
    assert abs(told - slope) <= margin, (
        f"gradient: {told} by the formulas, {slope} by differences: off by {abs(told - slope):.1e}"
    )
    if order > 1:
        check(gradient_of(f, len(arrays)), [*arrays, *cotangents], rng, order - 1)


def numeric_slope(f, arrays, directions, cotangents, wanted) -> tuple[float, float]:
    """The slope of the weighted results of `f` along a direction, and how large the weighted results are."""

    def weighted(place: float) -> float:
        moved = [tensor(a + place * STEP * d) for a, d in zip(arrays, directions, strict=True)]
        results = [array_of(r) for r, w in zip(listed(f(*moved)), wanted, strict=True) if w]
        return sum((r * c).sum() for r, c in zip(results, cotangents, strict=True))

    heights = [weighted(place) for place, _ in STENCIL]
    return sum(w * h for (_, w), h in zip(STENCIL, heights, strict=True)) / STEP, max(map(abs, heights))


def gradient_of(f, count: int):
    """The gradient of `f` by its `count` arguments, as a function of these and of the cotangents."""

    def gradient(*values):
        record = any(v.requires_grad for v in values)
        arguments = [v if v.requires_grad else v.detach().requires_grad_() for v in values[:count]]
        results = [r for r in listed(f(*arguments)) if r.requires_grad]
        return minigrad.autograd.grad(
            results,
            arguments,
            list(values[count:]),
            create_graph=record,
            allow_unused=True,
            materialize_grads=True,
        )

    return gradient

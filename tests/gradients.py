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
    recorded = listed(f(*leaves))
    wanted = [i for i, r in enumerate(recorded) if r.requires_grad]
    assert wanted, "no result requires grad"
    results = [recorded[i] for i in wanted]
    cotangents = [rng.standard_normal(r.shape) for r in results]
    directions = [rng.standard_normal(np.shape(a)) for a in arrays]
    gradients = minigrad.autograd.grad(
        results, leaves, [tensor(c) for c in cotangents], allow_unused=True, materialize_grads=True
    )
    for g, a in zip(gradients, arrays, strict=True):
        assert g.shape == np.shape(a), f"a gradient of shape {tuple(g.shape)} for shape {np.shape(a)}"

    def moved(place: float) -> list[np.ndarray]:
        """The results some way along the directions, without a graph."""
        at = [tensor(a + place * STEP * d) for a, d in zip(arrays, directions, strict=True)]
        values = listed(f(*at))
        return [array_of(values[i]) for i in wanted]

    for with_graph, without in zip(results, moved(0), strict=True):
        np.testing.assert_allclose(array_of(with_graph), without, rtol=1e-12, atol=1e-12, strict=True)
    heights = [
        sum((r * c).sum() for r, c in zip(moved(place), cotangents, strict=True)) for place, _ in STENCIL
    ]
    slope = sum(weight * height for (_, weight), height in zip(STENCIL, heights, strict=True)) / STEP
    terms = [array_of(g) * d for g, d in zip(gradients, directions, strict=True)]
    told = sum(t.sum() for t in terms)
    margin = TOLERANCE * sum(np.abs(t).sum() for t in terms) + 1e-10 * (1 + max(map(abs, heights)))
    assert abs(told - slope) <= margin, (
        f"gradient: {told} by the formulas, {slope} by differences: off by {abs(told - slope):.1e}"
    )
    if order > 1:
        check(gradient_of(f, len(arrays)), [*arrays, *cotangents], rng, order - 1)


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

"""Other frameworks that differentiate NumPy-like code, where they are installed, in PyTorch's column.

A training step of the same network, input (32, 64), 128 hidden units, 10 classes, plain gradient descent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .harness import Comparison, compare
from .mlp import training_step

RATE = 1e-3


def data() -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Weights and biases, input and one-hot classes."""
    rng = np.random.default_rng(0)
    shapes = [(64, 128), (128,), (128, 10), (10,)]
    weights = [rng.standard_normal(shape).astype(np.float32) / 8 for shape in shapes]
    classes = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 32)]
    return weights, rng.standard_normal((32, 64)).astype(np.float32), classes


def loss_with(np_like) -> Callable:
    """Cross-entropy of the network, in the functions of a module that looks like NumPy."""

    def loss(weights, x, y):
        w1, b1, w2, b2 = weights
        scores = np_like.maximum(x @ w1 + b1, 0) @ w2 + b2
        shifted = scores - np_like.max(scores, axis=1, keepdims=True)
        return (
            -np_like.sum(
                y * (shifted - np_like.log(np_like.sum(np_like.exp(shifted), axis=1, keepdims=True)))
            )
            / 32
        )

    return loss


def of_jax() -> Callable:
    import jax

    weights, x, y = data()
    loss = loss_with(jax.numpy)

    @jax.jit
    def update(weights):
        return [w - RATE * g for w, g in zip(weights, jax.grad(loss)(weights, x, y), strict=True)]

    held = [weights]

    def step():
        held[0] = jax.block_until_ready(update(held[0]))

    return step


def of_autograd() -> Callable:
    import autograd

    weights, x, y = data()
    gradient = autograd.grad(loss_with(autograd.numpy))

    def step():
        for w, g in zip(weights, gradient(weights, x, y), strict=True):
            w -= RATE * g

    return step


def of_mygrad() -> Callable:
    import mygrad

    weights, x, y = data()
    tensors = [mygrad.tensor(w) for w in weights]
    loss = loss_with(mygrad)

    def step():
        loss(tensors, x, y).backward()
        for t in tensors:
            t.data -= RATE * t.grad

    return step


PEERS = {"jax, compiled": of_jax, "autograd": of_autograd, "MyGrad": of_mygrad}


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    ours = training_step(minigrad, "SGD", lr=RATE)
    for name, make in PEERS.items():
        try:
            theirs = make()
        except ImportError as error:
            print(f"{name}: left out, for {error.name} is not installed")
            continue
        yield compare(f"MLP 32x64-128-10, step with SGD, beside {name}", ours, theirs, None, seconds)

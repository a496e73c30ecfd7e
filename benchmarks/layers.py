"""Attention, convolutions and pooling, training: forward, and backward to inputs and weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .harness import Comparison, compare

#: name, function of F and tensors, shapes of the tensors, bound
FUNCTIONS: list[tuple[str, Callable, list[tuple[int, ...]], float]] = [
    (
        "attention, 32 x 4 heads, 32 x 16",
        lambda F, *x: F.scaled_dot_product_attention(*x),
        [(32, 4, 32, 16)] * 3,
        1.2,
    ),
    (
        "attention, 8 x 8 heads, 128 x 64",
        lambda F, *x: F.scaled_dot_product_attention(*x),
        [(8, 8, 128, 64)] * 3,
        1.2,
    ),
    (
        "causal attention, 1 x 8 heads, 1024 x 64",
        lambda F, *x: F.scaled_dot_product_attention(*x, is_causal=True),
        [(1, 8, 1024, 64)] * 3,
        1.1,
    ),
    (
        "conv1d, (32, 64, 50), 64 x 3",
        lambda F, *x: F.conv1d(*x, padding=1),
        [(32, 64, 50), (64, 64, 3), (64,)],
        1.3,
    ),
    (
        "conv1d, (16, 128, 200), 128 x 5",
        lambda F, *x: F.conv1d(*x),
        [(16, 128, 200), (128, 128, 5), (128,)],
        1.2,
    ),
    (
        "conv2d, (64, 8, 8, 8), 16 x 3 x 3",
        lambda F, *x: F.conv2d(*x, padding=1),
        [(64, 8, 8, 8), (16, 8, 3, 3)],
        2.5,
    ),
    (
        "conv2d, (32, 16, 14, 14), 32 x 3 x 3",
        lambda F, *x: F.conv2d(*x),
        [(32, 16, 14, 14), (32, 16, 3, 3)],
        2.0,
    ),
    (
        "conv2d, (16, 32, 32, 32), 64 x 3 x 3",
        lambda F, *x: F.conv2d(*x),
        [(16, 32, 32, 32), (64, 32, 3, 3)],
        1.6,
    ),
    (
        "conv2d, (8, 64, 56, 56), 64 x 3 x 3",
        lambda F, *x: F.conv2d(*x),
        [(8, 64, 56, 56), (64, 64, 3, 3)],
        1.7,
    ),
    ("max_pool2d, (32, 16, 28, 28), 2", lambda F, x: F.max_pool2d(x, 2), [(32, 16, 28, 28)], 1.0),
    ("max_pool2d, (16, 64, 56, 56), 3, 2, 1", lambda F, x: F.max_pool2d(x, 3, 2, 1), [(16, 64, 56, 56)], 1.2),
    ("max_pool1d, (32, 64, 100), 2", lambda F, x: F.max_pool1d(x, 2), [(32, 64, 100)], 1.2),
    ("avg_pool2d, (32, 16, 28, 28), 2", lambda F, x: F.avg_pool2d(x, 2), [(32, 16, 28, 28)], 1.0),
    (
        "adaptive_avg_pool2d, (16, 64, 16, 16), 1",
        lambda F, x: F.adaptive_avg_pool2d(x, 1),
        [(16, 64, 16, 16)],
        1.5,
    ),
]
SETTINGS = {"dropout": 0.0, "batch_first": True}


def of_function(lib, function: Callable, shapes: list[tuple[int, ...]]) -> Callable:
    """Forward, and the gradients of all tensors for a random cotangent."""
    lib.manual_seed(0)
    tensors = [lib.randn(*shape).requires_grad_() for shape in shapes]
    weights = lib.randn(*function(lib.nn.functional, *tensors).shape)

    def step():
        out = function(lib.nn.functional, *tensors)
        return out, lib.autograd.grad(out, tensors, weights)

    return step


def of_encoder(lib, width: int, heads: int, length: int, batch: int) -> Callable:
    """Forward and backward of an encoder layer over (batch, length, width)."""
    lib.manual_seed(0)
    layer = lib.nn.TransformerEncoderLayer(width, heads, 4 * width, **SETTINGS)
    x = lib.randn(batch, length, width)
    weights = lib.randn(batch, length, width)

    def step():
        layer.zero_grad()
        out = layer(x)
        (out * weights).sum().backward()
        return out, [p.grad for p in layer.parameters()]

    return step


def of_ctc(lib, length: int, batch: int, classes: int, labels: int) -> Callable:
    """Forward and backward of the loss of sequences with unaligned labels."""
    lib.manual_seed(0)
    scores = lib.randn(length, batch, classes).requires_grad_()
    targets = lib.randint(1, classes, (batch, labels))
    lengths = (length,) * batch, (labels,) * batch

    def step():
        loss = lib.nn.functional.ctc_loss(scores.log_softmax(2), targets, *lengths)
        return loss, lib.autograd.grad(loss, [scores])

    return step


def cases() -> Iterator[tuple[str, Callable, float]]:
    """(name, what makes a step for a library, bound) of each line."""
    for name, function, shapes, bound in FUNCTIONS:
        yield name, lambda lib, f=function, s=shapes: of_function(lib, f, s), bound
    for width, heads, length, batch in ((64, 4, 50, 32), (256, 8, 128, 8)):
        name = f"TransformerEncoderLayer({width}, {heads}), {batch} x {length}"
        settings = (width, heads, length, batch)
        yield name, lambda lib, s=settings: of_encoder(lib, *s), 1.2
    yield "ctc_loss, T N C S = (100, 32, 28, 20)", lambda lib: of_ctc(lib, 100, 32, 28, 20), 2.2


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    for name, make, bound in cases():
        ours, theirs = make(minigrad), make(torch)
        for mine, other in zip(flat(ours()), flat(theirs()), strict=True):
            if abs(mine - other).max() > 1e-3 * (1 + abs(other).max()):
                raise RuntimeError(f"{name}: results differ")
        yield compare(name, ours, theirs, bound, seconds)


def flat(results) -> list:
    """The result and its gradients, as arrays."""
    out, gradients = results
    return [t.detach().numpy() for t in (out, *gradients)]

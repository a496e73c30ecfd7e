"""Attention, convolutions and pooling, training: forward, and backward to inputs and weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .functions import Case, run_cases, side_by_side, through
from .harness import Comparison


def attention(F, *x):
    return F.scaled_dot_product_attention(*x)


def conv1d(F, *x):
    return F.conv1d(*x, padding=x[1].shape[-1] // 2)


def conv2d(F, *x):
    return F.conv2d(*x, padding=1)


CASES = [
    Case("attention, 32 x 4 heads, 32 x 16", attention, [(32, 4, 32, 16)] * 3, 1.1),
    Case("attention, 8 x 8 heads, 128 x 64", attention, [(8, 8, 128, 64)] * 3, 1.1),
    Case(
        "causal attention, 1 x 8 heads, 1024 x 64",
        lambda F, *x: F.scaled_dot_product_attention(*x, is_causal=True),
        [(1, 8, 1024, 64)] * 3,
        1.1,
    ),
    Case("conv1d, (32, 16, 50), 32 x 3", conv1d, [(32, 16, 50), (32, 16, 3), (32,)], 1.1),
    Case("conv1d, (32, 64, 50), 64 x 3", conv1d, [(32, 64, 50), (64, 64, 3), (64,)], 1.1),
    Case("conv1d, (32, 1, 400), 16 x 9", conv1d, [(32, 1, 400), (16, 1, 9), (16,)], 1.1),
    Case("conv1d, (8, 64, 1000), 64 x 7", conv1d, [(8, 64, 1000), (64, 64, 7), (64,)], 1.1),
    Case("conv1d, (16, 128, 200), 128 x 5", conv1d, [(16, 128, 200), (128, 128, 5), (128,)], 1.1),
    Case("conv2d, (32, 1, 28, 28), 16 x 3 x 3", conv2d, [(32, 1, 28, 28), (16, 1, 3, 3)], 1.6),
    Case("conv2d, (64, 8, 8, 8), 16 x 3 x 3", conv2d, [(64, 8, 8, 8), (16, 8, 3, 3)], 1.6),
    Case("conv2d, (32, 16, 14, 14), 32 x 3 x 3", conv2d, [(32, 16, 14, 14), (32, 16, 3, 3)], 1.6),
    Case("conv2d, (16, 32, 32, 32), 64 x 3 x 3", conv2d, [(16, 32, 32, 32), (64, 32, 3, 3)], 1.6),
    Case("conv2d, (8, 64, 56, 56), 64 x 3 x 3", conv2d, [(8, 64, 56, 56), (64, 64, 3, 3)], 1.6),
    Case(
        "conv2d, (8, 64, 28, 28), 128 x 1 x 1",
        lambda F, *x: F.conv2d(*x),
        [(8, 64, 28, 28), (128, 64, 1, 1)],
        1.6,
    ),
    Case(
        "conv2d, (4, 3, 112, 112), 64 x 7 x 7, 2",
        lambda F, *x: F.conv2d(*x, stride=2, padding=3),
        [(4, 3, 112, 112), (64, 3, 7, 7)],
        1.6,
    ),
    Case("max_pool2d, (32, 16, 28, 28), 2", lambda F, x: F.max_pool2d(x, 2), [(32, 16, 28, 28)], 1.6),
    Case(
        "max_pool2d, (16, 64, 56, 56), 3, 2, 1",
        lambda F, x: F.max_pool2d(x, 3, 2, 1),
        [(16, 64, 56, 56)],
        1.6,
    ),
    Case("max_pool1d, (32, 64, 100), 2", lambda F, x: F.max_pool1d(x, 2), [(32, 64, 100)], 1.6),
    Case("avg_pool2d, (32, 16, 28, 28), 2", lambda F, x: F.avg_pool2d(x, 2), [(32, 16, 28, 28)], 1.6),
    Case(
        "avg_pool2d, (8, 64, 28, 28), 3, 1, 1", lambda F, x: F.avg_pool2d(x, 3, 1, 1), [(8, 64, 28, 28)], 1.6
    ),
    Case(
        "adaptive_avg_pool2d, (16, 64, 16, 16), 1",
        lambda F, x: F.adaptive_avg_pool2d(x, 1),
        [(16, 64, 16, 16)],
        1.6,
    ),
]
SETTINGS = {"dropout": 0.0, "batch_first": True}


def of_encoder(lib, width: int, heads: int, length: int, batch: int) -> Callable:
    """Forward and backward of an encoder layer over (batch, length, width)."""
    lib.manual_seed(0)
    layer = lib.nn.TransformerEncoderLayer(width, heads, 4 * width, **SETTINGS)
    x = lib.randn(batch, length, width)
    weights = lib.randn(batch, length, width)

    return through(lambda: layer(x), list(layer.parameters()), weights)


def of_ctc(lib, length: int, batch: int, classes: int, labels: int) -> Callable:
    """Forward and backward of the loss of sequences with unaligned labels."""
    lib.manual_seed(0)
    scores = lib.randn(length, batch, classes).requires_grad_()
    targets = lib.randint(1, classes, (batch, labels))
    lengths = (length,) * batch, (labels,) * batch

    def loss():
        return lib.nn.functional.ctc_loss(scores.log_softmax(2), targets, *lengths)

    return through(loss, [scores], lib.tensor(1.0))


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    libs = minigrad, torch
    yield from run_cases(CASES, libs, seconds)
    for width, heads, length, batch in ((64, 4, 50, 32), (256, 8, 128, 8)):
        name = f"TransformerEncoderLayer({width}, {heads}), {batch} x {length}"
        settings = (width, heads, length, batch)
        yield side_by_side(name, lambda lib, s=settings: of_encoder(lib, *s), libs, 1.1, seconds)
    name = "ctc_loss, T N C S = (100, 32, 28, 20)"
    yield side_by_side(name, lambda lib: of_ctc(lib, 100, 32, 28, 20), libs, 1.1, seconds)

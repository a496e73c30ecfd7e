"""Losses, embeddings, dropout, softmax and activations, training: forward and backward."""

from __future__ import annotations

from collections.abc import Iterator

from .functions import Case, run_cases
from .harness import Comparison


def cross_entropy(F, *tensors):
    return F.cross_entropy(*tensors)


def embedding(F, table, index):
    return F.embedding(index, table)


def dropout(F, x):
    return F.dropout(x, 0.5)


CASES = [
    Case("cross_entropy, 32 x 10", cross_entropy, [(32, 10), (32,)], 0.9, 10),
    Case("cross_entropy, 256 x 1000", cross_entropy, [(256, 1000), (256,)], 0.9, 1000),
    Case("cross_entropy, 1120 x 10,000", cross_entropy, [(1120, 10_000), (1120,)], 0.9, 10_000),
    Case("cross_entropy, 16 x 21 x 32 x 32", cross_entropy, [(16, 21, 32, 32), (16, 32, 32)], 0.9, 21),
    Case("embedding, 100 x 16, 32 x 20", embedding, [(100, 16), (32, 20)], 0.9, 100),
    Case("embedding, 10,000 x 128, 35 x 32", embedding, [(10_000, 128), (35, 32)], 0.9, 10_000),
    Case("embedding, 50,000 x 256, 64 x 128", embedding, [(50_000, 256), (64, 128)], 0.9, 50_000),
    Case("dropout, 32 x 64", dropout, [(32, 64)], 0.9),
    Case("dropout, 35 x 32 x 256", dropout, [(35, 32, 256)], 0.9),
    Case("dropout, 64 x 128 x 1024", dropout, [(64, 128, 1024)], 0.9),
    Case("softmax, 32 x 10", lambda F, x: F.softmax(x, 1), [(32, 10)], 0.9),
    Case("softmax, 1024 x 64", lambda F, x: F.softmax(x, 1), [(1024, 64)], 0.9),
    Case("softmax, 256 x 1000", lambda F, x: F.softmax(x, 1), [(256, 1000)], 0.9),
    Case("softmax, 32 x 10 x 400, middle", lambda F, x: F.softmax(x, 1), [(32, 10, 400)], 0.9),
    Case("log_softmax, 256 x 1000", lambda F, x: F.log_softmax(x, 1), [(256, 1000)], 0.9),
    Case("mse_loss, 32 x 10", lambda F, x, y: F.mse_loss(x, y), [(32, 10)] * 2, 0.9),
    Case("mse_loss, 256 x 1000", lambda F, x, y: F.mse_loss(x, y), [(256, 1000)] * 2, None),
    Case("l1_loss, 256 x 1000", lambda F, x, y: F.l1_loss(x, y), [(256, 1000)] * 2, None),
    Case(
        "binary logits, 256 x 100",
        lambda F, x: F.binary_cross_entropy_with_logits(x, x * 0 + 0.5),
        [(256, 100)],
        None,
    ),
    Case("relu, 256 x 1000", lambda F, x: F.relu(x), [(256, 1000)], None),
    Case("gelu, 32 x 64", lambda F, x: F.gelu(x), [(32, 64)], None),
    Case("gelu, 256 x 1000", lambda F, x: F.gelu(x), [(256, 1000)], None),
    Case("gelu tanh, 256 x 1000", lambda F, x: F.gelu(x, approximate="tanh"), [(256, 1000)], None),
    Case("silu, 256 x 1000", lambda F, x: F.silu(x), [(256, 1000)], None),
    Case("sigmoid, 256 x 1000", lambda F, x: F.sigmoid(x), [(256, 1000)], None),
    Case("tanh, 256 x 1000", lambda F, x: F.tanh(x), [(256, 1000)], None),
]


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    yield from run_cases(CASES, (minigrad, torch), seconds)

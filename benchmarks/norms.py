"""Layer, batch, group, instance and RMS norm, training: forward and backward."""

from __future__ import annotations

from collections.abc import Iterator

from .functions import Case, run_cases
from .harness import Comparison

BOUND = 1.6


def layer_norm(F, x, weight, bias):
    return F.layer_norm(x, weight.shape, weight, bias)


def batch_norm(F, x, weight, bias):
    return F.batch_norm(x, None, None, weight, bias, training=True)


def group_norm(F, x, weight, bias):
    return F.group_norm(x, 8, weight, bias)


def of(function, *shape: int) -> Case:
    """A case over x of this shape; weight and bias run along the channels, for layer norm the last axis."""
    size = shape[-1] if function is layer_norm else shape[1]
    name = f"{function.__name__}, {' x '.join(map(str, shape))}"
    return Case(name, function, [shape, (size,), (size,)], BOUND)


CASES = [
    of(layer_norm, 32, 64),
    of(layer_norm, 32, 50, 64),
    of(layer_norm, 64, 35, 256),
    of(layer_norm, 8, 128, 768),
    of(layer_norm, 64, 512, 512),
    of(batch_norm, 64, 128),
    of(batch_norm, 256, 1024),
    of(batch_norm, 32, 64, 100),
    of(batch_norm, 32, 16, 28, 28),
    of(batch_norm, 8, 64, 56, 56),
    of(group_norm, 32, 64, 14, 14),
    of(group_norm, 8, 64, 56, 56),
    Case("instance_norm, 8 x 64 x 56 x 56", lambda F, x: F.instance_norm(x), [(8, 64, 56, 56)], BOUND),
    Case("rms_norm, 64 x 35 x 256", lambda F, x, w: F.rms_norm(x, (256,), w), [(64, 35, 256), (256,)], BOUND),
]


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    yield from run_cases(CASES, (minigrad, torch), seconds)

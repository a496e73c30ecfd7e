"""Dropout: zeros and scales drawn from the generator, which the gradient passes as the values did."""

from __future__ import annotations

import math

from ..backend import device_of, to_device
from ..engine import primitive
from ..random import Generator

_SELU_ALPHA = 1.7580993408473766  # minus the value that selu approaches far to the left


@primitive(x=lambda g, noise: masked(g, noise))
def masked(x, noise):
    """x times fixed factors, of its shape or broadcast."""
    return x * noise


@primitive(x=lambda g, scale, shift: masked(g, scale))
def masked_and_shifted(x, scale, shift):
    """x times fixed factors plus fixed terms."""
    return x * scale + shift


def keep_noise(x, shape: tuple[int, ...], p: float, generator: Generator):
    """Ones with probability 1 - p, else zeros, on x's device and in its dtype."""
    return to_device(generator.bernoulli(shape, 1 - p), device_of(x)).astype(x.dtype)


def keep_elements(x, p: float, generator: Generator):
    """`keep_noise` of x's own shape, drawn in the order in which x lies in memory, as PyTorch does."""
    order = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    drawn = keep_noise(x, tuple(x.shape[axis] for axis in order), p, generator)
    return drawn.transpose([order.index(axis) for axis in range(x.ndim)])


def feature_shape(x) -> tuple[int, ...]:
    """One element per sample and channel: (N, C, 1, ...)."""
    return x.shape[:2] + (1,) * (x.ndim - 2)


def alpha_noise(x, keep, p: float) -> tuple:
    """Scale and shift of alpha dropout: dropped elements go to selu's left limit, mean and variance stay.

    (Klambauer et al., 2017)
    """
    a = 1 / math.sqrt((_SELU_ALPHA * _SELU_ALPHA * p + 1) * (1 - p))
    shift = (keep - 1) * x.dtype.type(_SELU_ALPHA * a) + x.dtype.type(_SELU_ALPHA * a * p)
    return keep * x.dtype.type(a), shift

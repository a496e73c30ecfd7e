"""Fractional max pooling: the largest under windows whose places are drawn at random (Graham, 2014)."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from ... import ops
from ...backend import module_of, to_numpy
from ...engine import untracked
from ...ops import pooling as core
from ...tensor import Tensor
from .convolution import batched, sizes_for
from .pooling import as_asked


def _starts(samples, count: int, size: int, kernel: int):
    """Where `count` windows begin that cover an axis in steps shifted by samples (N, C): (N, C, count)."""
    last = np.full((*samples.shape, 1), size - kernel)
    if count == 1:
        return last
    step = samples.dtype.type((size - kernel) / (count - 1))
    samples = samples[..., None]
    starts = ((np.arange(count - 1) + samples) * step).astype(np.int64) - (samples * step).astype(np.int64)
    return np.concatenate([starts, last], -1)


def _covered(samples, output, kernel, sizes):
    """The places of the flattened input under each window, (N, C, *output, elements), from samples (N, C,
    ndim).
    """
    ndim = len(sizes)
    order = range(ndim) if ndim == 3 else range(ndim)[::-1]  # in which PyTorch uses the samples
    places = np.zeros((*samples.shape[:2], *(1,) * (2 * ndim)), np.int64)
    for axis, which in enumerate(order):
        starts = _starts(samples[..., which], output[axis], sizes[axis], kernel[axis])
        shape = [*samples.shape[:2], *(1,) * (2 * ndim)]
        shape[2 + axis], shape[2 + ndim + axis] = output[axis], kernel[axis]
        along = starts[..., None] + np.arange(kernel[axis])
        places = places + along.reshape(shape) * math.prod(sizes[axis + 1 :])
    return places.reshape(*samples.shape[:2], *output, math.prod(kernel))


def _fractional_max_pool(ndim, input, kernel_size, output_size, output_ratio, return_indices, samples):
    name = f"fractional_max_pool{ndim}d"
    input, came_batched = batched(name, input, ndim)
    lead, sizes = tuple(input.shape[:2]), tuple(input.shape[2:])
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * ndim
        output_size = tuple(int(n * r) for n, r in zip(sizes, ratios))
    output = sizes_for(name, "output_size", output_size, ndim)
    kernel = sizes_for(name, "kernel_size", kernel_size, ndim)
    if any(o + k - 1 > n for o, k, n in zip(output, kernel, sizes)):
        raise RuntimeError(f"{name}: kernel {kernel} and output {output} are too large for input {sizes}")
    samples = ops.rand(*lead, ndim, dtype=input.dtype) if samples is None else samples
    covered = _covered(to_numpy(samples.array)[: lead[0]], output, kernel, sizes)
    covered = module_of(input.array).asarray(covered)
    flat = input.array.reshape(*lead, math.prod(sizes))
    found = np.take_along_axis(flat, covered.reshape(*lead, math.prod(covered.shape[2:])), 2)
    best = found.reshape(covered.shape).argmax(-1)
    places = np.take_along_axis(covered, best[..., None], -1)[..., 0]
    return as_asked((core.take_places(input, places), untracked(places)), came_batched, return_indices)


def fractional_max_pool2d(
    input: Tensor,
    kernel_size,
    output_size=None,
    output_ratio=None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
):
    """The largest under windows at random: (N, C, H, W) gives (N, C, *output_size).

    `output_ratio` says the output's size as a part of the input's.
    """
    return _fractional_max_pool(
        2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )


def fractional_max_pool3d(
    input: Tensor,
    kernel_size,
    output_size=None,
    output_ratio=None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
):
    """`fractional_max_pool2d` over three dimensions."""
    return _fractional_max_pool(
        3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )


fractional_max_pool2d_with_indices = partial(fractional_max_pool2d, return_indices=True)
fractional_max_pool3d_with_indices = partial(fractional_max_pool3d, return_indices=True)

"""Products of weights with columns, as fast as BLAS has them for the sizes of one time step."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from ..blas import SMALL_PRODUCT, has_small_kernels
from .workspace import is_host


def one_thread() -> bool:
    """Does BLAS run on one thread? The variables that OpenBLAS reads say it, in its order, or the machine."""
    for name in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdigit():
            return os.environ[name] == "1"
    return os.cpu_count() == 1


SMALL_KERNELS = has_small_kernels()
WIDEST = sys.maxsize if one_thread() else 8  # columns; with several threads, BLAS shares out what is wider


def blocks(like: Any, rows: int, inner: int, batch: int) -> int:
    """How many blocks of rows a product (rows, inner) @ (inner, batch) is best split into.

    OpenBLAS first copies its operands into an order of its own, the weights at every step again, but not
    for small products: split into these, a step takes half the time for 8 columns, 0.85 for 32 to 128
    (docs/performance.md).
    """
    if not (SMALL_KERNELS and is_host(like) and 1 < batch <= WIDEST):
        return 1
    if rows * inner * batch <= SMALL_PRODUCT:
        return 1
    largest = min(rows, SMALL_PRODUCT // (inner * batch))
    return next((rows // size for size in range(largest, 3, -1) if rows % size == 0), 1)


def product(weights: Any, batch: int) -> Callable[[Any, Any], Any]:
    """A function of z (inner, batch) and out that sets out = weights @ z, `out` shaped by `in_blocks`."""
    rows, inner = weights.shape
    count = blocks(weights, rows, inner, batch)
    if count == 1:
        return weights.dot  # half the overhead of np.matmul
    return partial(np.matmul, weights.reshape(count, rows // count, inner))


def in_blocks(out: Any, inner: int) -> Any:
    """The contiguous array (..., rows, batch) in the shape that `product` writes."""
    *lead, batch = out.shape
    rows = prod(lead)
    count = blocks(out, rows, inner, batch)
    return out.reshape(rows, batch) if count == 1 else out.reshape(count, rows // count, batch)

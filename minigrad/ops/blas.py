"""What NumPy's BLAS is quick at: OpenBLAS has kernels for small products where the processor has AVX-512."""

from __future__ import annotations

import functools

import numpy as np
from numpy import ndarray

SMALL_PRODUCT = 1_000_000  # multiplications up to which OpenBLAS's AVX-512 kernels read operands in place
LARGE_WEIGHT = 8192  # elements from which a copy of x pays in `times_transposed`


@functools.cache
def has_small_kernels() -> bool:
    """Has OpenBLAS small-product kernels for this processor? With AVX-512, which NumPy's dispatch shows."""
    introspect = getattr(np.lib, "introspect", None)
    if introspect is None:
        return False
    found = str(introspect.opt_func_info("^tanh$", "float32"))
    return "'current': 'X86_V4" in found or "'current': 'AVX512" in found


def times_transposed(x, W):
    """x W^T for x (N, I) and W (O, I), on arrays.

    The small kernel for rows times rows is the slowest of the four: with a copy of x by columns the product
    takes half to three quarters of the time. docs/performance.md has the sizes.
    """
    small = W.size >= LARGE_WEIGHT and 8 <= len(x) <= 64 and len(x) * W.size <= SMALL_PRODUCT
    if small and W.flags.c_contiguous and x.__class__ is ndarray and has_small_kernels():
        x = x.copy("F")
    return x.dot(W.T)  # of small arrays .dot costs half of what @ does

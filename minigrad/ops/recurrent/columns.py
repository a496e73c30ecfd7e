"""A sequence laid out as columns, the order in which a kernel walks it, and products with it.

Inside a kernel a batch of N sequences is a matrix with one column per sequence. Step t reads the columns
[x_t; 1; h_t-1], so that one product with [w_ih | b | w_hh] is the whole affine map, bias included; the gates
of a step are contiguous (H, N) blocks; and the gradient of the weights over many steps is again one product.

A walk always goes forward in time: `Order` turns a reversed or packed sequence into one that does.
"""

import os
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from .workspace import Workspace, empty

SMALL_PRODUCT = (
    1_000_000  # multiplications up to which OpenBLAS's AVX-512 kernels read their operands in place
)


class Order:
    """The order in which a kernel walks a padded batch: reversed or not, each sequence to its own end or not.

    `batch_sizes[t]` of a packed batch, its sequences sorted by falling length, is the number still active
    at step t.
    """

    def __init__(self, shape: tuple[int, ...], batch_sizes: Any, reverse: bool) -> None:
        self.steps, self.batch = shape[:2]
        self.reverse = reverse
        self.packed = batch_sizes is not None
        if self.packed:
            self.sizes = [int(n) for n in batch_sizes]
            time = np.arange(self.steps)[:, None]
            self.each = np.arange(self.batch)
            length = (np.asarray(self.sizes)[:, None] > self.each).sum(0)
            self.last = length - 1
            self.active = time < length
            self.source = np.where(
                self.active, self.last - time, time
            )  # each sequence turned round in its place

    def walk(self, a: Any) -> Any:
        """A (T, N, F) array in the order of the walk, or back in that of time: it is its own inverse."""
        if not self.reverse:
            return a
        return a[self.source, self.each] if self.packed else a[::-1]

    def output(self, states: Any) -> Any:
        """The states (T, F, N) of a walk as a fresh (T, N, F) array in the order of time."""
        steps, features, batch = states.shape
        out = empty(states, steps, batch, features)
        turned = self.reverse and not self.packed
        (out[::-1] if turned else out)[...] = states.transpose(0, 2, 1)
        return self.walk(out) if self.packed else out

    def silence(self, states: Any) -> None:
        """Set the states (T, F, N) of a packed walk to 0 where their sequence has ended."""
        states.transpose(0, 2, 1)[~self.active] = 0

    def final(self, states: Any) -> Any:
        """The last state of each sequence, fresh (N, F), from those before and after every step."""
        return states[self.last + 1, :, self.each] if self.packed else states[-1].T.copy()

    def outer(self, dy: Any, dh_n: Any) -> Any:
        """The gradient of `y` (T, N, F) in the order of the walk; if packed, with that of `h_n` added."""
        dy = self.walk(dy)
        if self.packed:
            dy = np.where(self.active[:, :, None], dy, 0)
            if dh_n is not None:
                dy[self.last, self.each] += dh_n
        return dy

    def ending(self, step: int) -> slice:
        """The columns whose sequence ends with this step of a packed walk."""
        longer = self.sizes[step + 1] if step + 1 < self.steps else 0
        return slice(longer, self.sizes[step])


class Sizes(NamedTuple):
    """Of a walk: T steps, N sequences, I inputs, H hidden units, P outputs (H without a projection)."""

    steps: int
    batch: int
    inputs: int
    hidden: int
    outputs: int

    @property
    def rows(self) -> int:
        """Of a column [x_t; 1; h_t-1]."""
        return self.inputs + 1 + self.outputs


class Columns(Workspace):
    """The columns [x_t; 1; h_t-1] of every step of a walk, (T + 1, I + 1 + P, N); the last has only its h."""

    def __init__(self, like: Any, sizes: Sizes) -> None:
        steps, batch, inputs = sizes[:3]
        self.columns = empty(like, steps + 1, sizes.rows, batch)
        self.columns[:, inputs] = 1
        self.x = self.columns[:steps, :inputs]
        self.x_one = self.columns[:steps, : inputs + 1]
        self.one_h = self.columns[:steps, inputs:]
        self.h = self.columns[:, inputs + 1 :]


def one_thread() -> bool:
    """Does BLAS run on one thread? The variables that OpenBLAS reads say it, in its order, or the machine."""
    for name in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdigit():
            return os.environ[name] == "1"
    return os.cpu_count() == 1


def has_small_kernels() -> bool:
    """Has OpenBLAS small-product kernels for this processor? With AVX-512, which NumPy's dispatch shows."""
    introspect = getattr(np.lib, "introspect", None)
    if introspect is None:
        return False
    found = str(introspect.opt_func_info("^tanh$", "float32"))
    return "'current': 'X86_V4" in found or "'current': 'AVX512" in found


SPLIT_PRODUCTS = one_thread() and has_small_kernels()


def blocks(rows: int, inner: int, batch: int) -> int:
    """How many blocks of rows a product (rows, inner) @ (inner, batch) is best split into.

    OpenBLAS first copies its operands into an order of its own, the weights at every step again, but not
    for small products: split into these, a step takes half the time for 8 columns, 0.85 for 32 to 128
    (docs/performance.md).
    """
    if not SPLIT_PRODUCTS or batch <= 1 or rows * inner * batch <= SMALL_PRODUCT:
        return 1
    largest = min(rows, SMALL_PRODUCT // (inner * batch))
    return next((rows // size for size in range(largest, 3, -1) if rows % size == 0), 1)


def product(weights: Any, batch: int) -> Callable[[Any, Any], Any]:
    """A function of z (inner, batch) and out that sets out = weights @ z, `out` shaped by `in_blocks`."""
    rows, inner = weights.shape
    count = blocks(rows, inner, batch)
    if count == 1:
        return weights.dot  # half the overhead of np.matmul
    return partial(np.matmul, weights.reshape(count, rows // count, inner))


def in_blocks(out: Any, inner: int) -> Any:
    """The contiguous array (..., rows, batch) in the shape that `product` writes."""
    *lead, batch = out.shape
    rows = prod(lead)
    count = blocks(rows, inner, batch)
    return out.reshape(rows, batch) if count == 1 else out.reshape(count, rows // count, batch)

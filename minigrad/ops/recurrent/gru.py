"""The gated recurrent unit (Cho et al. 2014; `b_hn` is inside the reset product) over a whole sequence.

`gru_cell` and `gru_composed` say what is computed, in the operations users call; the rest is the same made
fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...fused import Fused
from ..elementwise import sigmoid, tanh
from ..linear import linear
from ..shaping import chunk
from .columns import Sizes, Tape
from .kernel import Back, Kernel, Scratch
from .products import in_blocks, product
from .scan import scan
from .weights import Gates
from .workspace import empty


def gru_cell(x, h, w_ih, w_hh, b_ih, b_hh) -> Any:
    """One step: x (N, I) and h (N, H) give the next h. The weights hold the gates r, z, n."""
    x_r, x_z, x_n = chunk(linear(x, w_ih, b_ih), 3, -1)
    h_r, h_z, h_n = chunk(linear(h, w_hh, b_hh), 3, -1)
    r = sigmoid(x_r + h_r)
    z = sigmoid(x_z + h_z)
    n = tanh(x_n + r * h_n)
    return n + z * (h - n)


def gru_composed(x, h0, w_ih, w_hh, b_ih, b_hh, batch_sizes, reverse) -> tuple:
    """The cell along a sequence: x (T, N, I) and h0 (N, H) give y (T, N, H) and h_n."""

    def step(x_t, h):
        return (gru_cell(x_t, h, w_ih, w_hh, b_ih, b_hh),)

    return scan(step, x, (h0,), batch_sizes, reverse)


# ---- the same made fast --------------------------------------------------------------------------
class GRUTape(Tape):
    """One walk. Slots of a step: m = w_hn h + b_hn, r, z, n; h reaches the first three, x the last three."""

    def __init__(self, like: Any, sizes: Sizes, kept: bool) -> None:
        super().__init__(like, sizes, 4)
        steps, batch, inputs, hidden, _ = sizes
        self.slots = empty(like, steps if kept else 1, 4, hidden, batch)
        self.z = list(self.slots[:, 2])
        self.spare = empty(like, hidden, batch)
        self.half = np.full_like(like, 0.5, shape=())
        self.to_m = product(self.weights[0, :, inputs:], batch)
        self.to_rz = product(self.weights[1:3].reshape(2 * hidden, sizes.rows), batch)
        self.to_n = product(self.weights[3, :, : inputs + 1], batch)
        one_step = [(self.products(a, sizes), a[1:3], *a) for a in self.slots]
        columns = zip(self.columns, self.x_one, self.one_h, self.h, self.h[1:], strict=False)
        self.views = [(*c, *s) for c, s in zip(columns, one_step if kept else one_step * steps, strict=True)]

    def walk(self, option: Any) -> None:
        half, spare, to_m, to_rz, to_n = self.half, self.spare, self.to_m, self.to_rz, self.to_n
        tanh, multiply, add, subtract = np.tanh, np.multiply, np.add, np.subtract
        for column, x_one, one_h, before, after, (m_out, rz_out, n_out), rz, m, r, z, n in self.views:
            to_rz(column, rz_out)
            tanh(rz, rz)
            multiply(rz, half, rz)
            add(rz, half, rz)
            to_m(one_h, m_out)
            to_n(x_one, n_out)
            multiply(r, m, spare)
            add(n, spare, n)
            tanh(n, n)
            subtract(before, n, spare)  # h = n + z * (h - n)
            multiply(z, spare, spare)
            add(n, spare, after)

    def products(self, slots: Any, sizes: Sizes) -> tuple:
        """Where the three products of a step go."""
        m, rz, n = slots[0], slots[1:3], slots[3]
        return in_blocks(m, sizes.hidden + 1), in_blocks(rz, sizes.rows), in_blocks(n, sizes.inputs + 1)


class GRUScratch(Scratch):
    """Factors of a step, all of dh: of the gates m, r, z, n."""

    def __init__(self, like: Any, sizes: Sizes) -> None:
        super().__init__(like, sizes, slots=4, gates=slice(0, 4), h_gates=3)
        _, batch, _, hidden, _ = sizes
        self.carry = empty(like, hidden, batch)  # what reaches the step before past its gates
        gates = (f[:3].reshape(3 * hidden, batch) for f in self.factors)
        self.views = [(d, *f, g) for d, f, g in zip(self.outer, self.factors, gates, strict=True)]


class GRUBack(Back):
    """The walk back: every gate's gradient is its factor times dh."""

    def find_factors(self, steps: range, factors: Any) -> None:
        h = self.tape.h[steps.start : steps.stop]
        m, r, z, n = self.tape.slots[steps.start : steps.stop].swapaxes(0, 1)
        f_m, f_r, f_z, f_n = factors.swapaxes(0, 1)
        keep = 1 - z
        np.multiply(n, n, f_n)  # n: (1 - n^2) (1 - z)
        np.subtract(1, f_n, f_n)
        np.multiply(f_n, keep, f_n)
        np.multiply(f_n, r, f_m)  # m: that times r
        np.subtract(1, r, f_r)  # r: that times m (1 - r)
        np.multiply(f_r, f_m, f_r)
        np.multiply(f_r, m, f_r)
        np.multiply(keep, z, keep)  # z: (h - n) z (1 - z)
        np.subtract(h, n, f_z)
        np.multiply(f_z, keep, f_z)

    def walk(self, steps: range) -> None:
        scratch, multiply, add = self.scratch, np.multiply, np.add
        dh, carry, out, through_h = scratch.dh, scratch.carry, scratch.dh_out, scratch.through_h
        views, update = scratch.views[: len(steps)], self.tape.z[steps.start : steps.stop]
        for (d, d_m, d_r, d_z, d_n, gates), z in zip(reversed(views), reversed(update), strict=True):
            add(d, dh, d)
            multiply(d_m, d, d_m)
            multiply(d_r, d, d_r)
            multiply(d_z, d, d_z)
            multiply(d_n, d, d_n)
            multiply(z, d, carry)
            through_h(gates, out)
            add(dh, carry, dh)


kernel = Kernel(
    arguments=("x", "h0", "w_ih", "w_hh", "b_ih", "b_hh", "batch_sizes", "reverse"),
    states=("h",),
    option="",
    gates=Gates(in_x=(None, 0, 1, 2), in_h=(2, 0, 1, None), sigmoids=range(1, 3)),
    Tape=GRUTape,
    Scratch=GRUScratch,
    Back=GRUBack,
)


def gru(wanted, *arguments) -> tuple:
    """The whole sequence at once; the arguments are those of `gru_composed`."""
    return kernel.forward(wanted, *arguments)


gru_layer = Fused(gru, kernel.backward, gru_composed)

"""The gated recurrent unit (Cho et al. 2014; `b_hn` is inside the reset product) over a whole sequence.

`gru_cell` and `gru_composed` say what is computed, in the operations users call; the rest is the same made
fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine import Fused
from ..elementwise import sigmoid, tanh
from ..linear import linear
from ..shaping import chunk
from .columns import Sizes, in_blocks, product
from .kernel import Back, Gates, Kernel, Scratch, Tape
from .scan import scan
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


# ---- the same made fast ------------------------------------------------------------------------------------
class GRUTape(Tape):
    """One walk. Slots of a step: m = w_hn h + b_hn, r, z, n; h reaches the first three, x the last three."""

    def __init__(self, like: Any, sizes: Sizes, kept: bool) -> None:
        super().__init__(like, sizes, kept)
        steps, batch, inputs, hidden, _ = sizes
        self.slots = empty(like, steps if kept else 1, 4, hidden, batch)
        self.spare = empty(like, hidden, batch)
        self.half = np.full_like(like, 0.5, shape=())
        one_step = [
            (
                *(in_blocks(a[0], hidden + 1), in_blocks(a[1:3], sizes.rows), in_blocks(a[3], inputs + 1)),
                *(a[1:3], a[0], a[1], a[2], a[3]),
            )
            for a in self.slots
        ]
        columns = zip(self.columns[:steps], self.x_one, self.one_h, self.h, self.h[1:], strict=False)
        self.views = [(*c, *s) for c, s in zip(columns, one_step if kept else one_step * steps, strict=True)]

    def walk(self, weights: Any, option: Any) -> None:
        inputs, hidden, batch = self.x.shape[1], self.h.shape[1], self.h.shape[2]
        half, spare = self.half, self.spare
        tanh, multiply, add, subtract = np.tanh, np.multiply, np.add, np.subtract
        to_m = product(np.ascontiguousarray(weights[0, :, inputs:]), batch)
        to_rz = product(weights[1:3].reshape(2 * hidden, -1), batch)
        to_n = product(np.ascontiguousarray(weights[3, :, : inputs + 1]), batch)
        for column, x_one, one_h, before, after, m_out, rz_out, n_out, rz, m, r, z, n in self.views:
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


class GRUScratch(Scratch):
    """Factors of each step, all of dh: m, r, z, n for the gates; carry, past them to the step before."""

    def __init__(self, like: Any, sizes: Sizes) -> None:
        super().__init__(like, sizes, 5, slice(0, 4))
        gates = 3 * sizes.hidden
        self.views = [
            (d, f, f[:3].reshape(gates, sizes.batch), f[4])
            for d, f in zip(self.outer, self.factors, strict=True)
        ]


class GRUBack(Back):
    def find_factors(self, steps: range, factors: Any) -> None:
        slots = self.tape.slots[steps.start : steps.stop]
        h = self.tape.h[steps.start : steps.stop]
        m, r, z, n = (slots[:, k] for k in range(4))
        f_m, f_r, f_z, f_n, carry = (factors[:, k] for k in range(5))
        np.multiply(n, n, f_n)  # n: (1 - n^2) (1 - z)
        np.subtract(1, f_n, f_n)
        np.subtract(1, z, carry)
        np.multiply(f_n, carry, f_n)
        np.multiply(f_n, r, f_m)  # m: that times r
        np.subtract(1, r, f_r)  # r: that times m (1 - r)
        np.multiply(f_r, f_m, f_r)
        np.multiply(f_r, m, f_r)
        np.multiply(carry, z, carry)  # z: (h - n) z (1 - z)
        np.subtract(h, n, f_z)
        np.multiply(f_z, carry, f_z)
        carry[...] = z

    def walk(self, steps: range) -> None:
        dh, out, through_h = self.dh, self.dh_out, self.through_h
        for d, factors, gates, carry in self.scratch.views[len(steps) - 1 :: -1]:
            np.add(d, dh, d)
            np.multiply(factors, d, factors)
            through_h(gates, out)
            np.add(dh, carry, dh)


kernel = Kernel(
    arguments=("x", "h0", "w_ih", "w_hh", "b_ih", "b_hh", "batch_sizes", "reverse"),
    x_gates=Gates(slice(1, 4), [0, 1, 2]),
    h_gates=Gates(slice(0, 3), [2, 0, 1]),
    sigmoids=slice(1, 3),
    states=("h",),
    option="",
    Tape=GRUTape,
    Scratch=GRUScratch,
    Back=GRUBack,
)


def gru(wanted, *arguments) -> tuple:
    """The whole sequence at once; the arguments are those of `gru_composed`."""
    return kernel.forward(wanted, *arguments)


gru_layer = Fused(gru, kernel.backward, gru_composed)

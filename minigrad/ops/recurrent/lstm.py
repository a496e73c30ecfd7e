"""Long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates) over a whole sequence.

`lstm_cell` and `lstm_composed` say what is computed, in the operations users call; the rest is the same
made fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...fused import Fused
from ..elementwise import sigmoid, tanh
from ..linear import linear
from ..shaping import chunk
from .columns import Sizes, Tape
from .kernel import Back, Kernel, Saved, Scratch
from .products import in_blocks, product
from .scan import scan
from .weights import Gates
from .workspace import empty, is_host


def lstm_cell(x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr=None) -> tuple:
    """One step: x (N, I), h (N, P), c (N, H) give the next h and c; P is H without a projection w_hr (P, H).

    The weights hold the gates i, f, g, o.
    """
    i, f, g, o = chunk(linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh), 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return (h if w_hr is None else h @ w_hr.mT), c


def lstm_composed(x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, batch_sizes, reverse) -> tuple:
    """The cell along a sequence: x (T, N, I), h0 (N, P), c0 (N, H) give y (T, N, P), h_n and c_n."""

    def step(x_t, h, c):
        return lstm_cell(x_t, h, c, w_ih, w_hh, b_ih, b_hh, w_hr)

    return scan(step, x, (h0, c0), batch_sizes, reverse)


# ---- the same made fast --------------------------------------------------------------------------
FEW, SMALL = 8, 2**14  # sequences and weights up to which products are quicker with weights column by column


class LSTMTape(Tape):
    """One walk. Slots of a step: o, i, f, g, and c before it, so that [i, f] * [g, c] is one product."""

    def __init__(self, like: Any, sizes: Sizes, kept: bool) -> None:
        super().__init__(like, sizes, 4)
        steps, batch, _, hidden, _ = sizes
        if batch <= FEW and is_host(like) and self.weights.size <= SMALL:
            self.by_column = empty(like, sizes.rows, 4, hidden)
            self.weights = self.by_column.transpose(1, 2, 0)
        self.slots = empty(like, steps + 1 if kept else 1, 5, hidden, batch)
        self.c = self.slots[:, 4]
        self.f = list(self.slots[:, 2])
        self.terms = empty(like, 2, hidden, batch)
        self.m = empty(like, hidden, batch)
        self.half = np.full_like(like, 0.5, shape=())
        self.to_gates = product(self.weights.reshape(4 * hidden, sizes.rows), batch)
        one_step = [
            (in_blocks(a[:4], sizes.rows), a[:4], a[:3], a[1:3], a[3:], a[0], c)
            for a, c in zip(self.slots, self.c[1:] if kept else self.c, strict=False)
        ]
        columns = zip(self.columns, self.h[1:], strict=False)
        self.views = [(*c, *s) for c, s in zip(columns, one_step if kept else one_step * steps, strict=True)]

    def walk(self, option: Any) -> None:
        half, terms, m, to_gates = self.half, self.terms, self.m, self.to_gates
        tanh, multiply, add = np.tanh, np.multiply, np.add
        new, old = terms
        for column, h, out, gates, sigmoids, i_f, g_c, o, c in self.views:
            to_gates(column, out)
            tanh(gates, gates)
            multiply(sigmoids, half, sigmoids)
            add(sigmoids, half, sigmoids)
            multiply(i_f, g_c, terms)
            add(new, old, c)
            tanh(c, m)
            if option is None:
                multiply(o, m, h)
            else:
                multiply(o, m, m)
                np.matmul(option, m, h)


class LSTMScratch(Scratch):
    """Factors of a step: of dh, a that leads to dc, and o; of dc, i, f and g."""

    def __init__(self, like: Any, sizes: Sizes) -> None:
        super().__init__(like, sizes, slots=5, gates=slice(1, 5), h_gates=4)
        _, batch, _, hidden, _ = sizes
        self.dc = empty(like, hidden, batch)
        self.carry = empty(like, hidden, batch)  # the gradient of c that the step after hands down
        gates = (f[1:].reshape(4 * hidden, batch) for f in self.factors)
        self.views = [(d, *f, g) for d, f, g in zip(self.outer, self.factors, gates, strict=True)]


class LSTMBack(Back):
    """The walk back: dh leads to dc and to the gradient of o, dc to those of i, f, g and to the c before."""

    def __init__(self, kernel: Kernel, saved: Saved, grads: list[Any], want: dict[str, bool]) -> None:
        super().__init__(kernel, saved, grads, want)
        self.load_final(grads[2], self.scratch.carry)
        self.dc_n = grads[2] if self.order.packed else None
        self.by_m: Any = 0

    def find_factors(self, steps: range, factors: Any) -> None:
        slots = self.tape.slots[steps.start : steps.stop]
        o, i, _, g, _ = slots.swapaxes(0, 1)
        a, f_o, f_i, _, f_g = factors.swapaxes(0, 1)
        i_f, f_if, spare = slots[:, 1:3], factors[:, 2:4], factors[:, :2]
        np.multiply(i_f, slots[:, 3:], f_if)  # i: i g (1 - i), f: f c (1 - f)
        np.multiply(f_i, g, f_g)  # g: i (1 - g^2)
        np.subtract(i, f_g, f_g)
        np.multiply(f_if, i_f, spare)
        np.subtract(f_if, spare, f_if)
        tanh_c = np.tanh(self.tape.c[steps.start + 1 : steps.stop + 1])
        np.multiply(o, tanh_c, f_o)  # a: o (1 - tanh(c)^2)
        np.multiply(f_o, tanh_c, a)
        np.subtract(o, a, a)
        np.multiply(f_o, o, tanh_c)  # o: o tanh(c) (1 - o)
        np.subtract(f_o, tanh_c, f_o)

    def walk(self, steps: range) -> None:
        for part in [steps] if self.dc_n is None else self.order.between_ends(steps):
            if self.dc_n is not None:
                ending = self.order.ending(part.stop - 1)
                self.scratch.carry[:, ending] += self.dc_n.T[:, ending]
            places = slice(part.start - steps.start, part.stop - steps.start)
            self.walk_part(self.scratch.views[places], self.tape.f[part.start : part.stop])
        if self.want["w_hr"]:
            self.add_projection(steps)

    def walk_part(self, views: list[tuple], forget: list[Any]) -> None:
        """Walk back over steps of which each has its views, and its f."""
        scratch, w_hr, multiply, add = self.scratch, self.option, np.multiply, np.add
        dh, dc, carry, out, through_h = (
            scratch.dh,
            scratch.dc,
            scratch.carry,
            scratch.dh_out,
            scratch.through_h,
        )
        for (d, a, d_o, d_i, d_f, d_g, gates), f in zip(reversed(views), reversed(forget), strict=True):
            add(d, dh, d)
            dm = d if w_hr is None else w_hr.T @ d
            multiply(a, dm, a)
            multiply(d_o, dm, d_o)
            add(carry, a, dc)
            multiply(d_i, dc, d_i)
            multiply(d_f, dc, d_f)
            multiply(d_g, dc, d_g)
            multiply(f, dc, carry)
            through_h(gates, out)

    def add_projection(self, steps: range) -> None:
        """Add the share of these steps to the gradient of w_hr; `outer` holds all of dh by now."""
        o = self.tape.slots[steps.start : steps.stop, 0]
        m = o * np.tanh(self.tape.c[steps.start + 1 : steps.stop + 1])
        self.by_m += np.tensordot(self.scratch.outer[: len(steps)], m, axes=((0, 2), (0, 2)))

    def gradients(self) -> dict[str, Any]:
        return {**super().gradients(), "c0": self.scratch.carry.T.copy(), "w_hr": self.by_m}


kernel = Kernel(
    arguments=("x", "h0", "c0", "w_ih", "w_hh", "b_ih", "b_hh", "w_hr", "batch_sizes", "reverse"),
    states=("h", "c"),
    option="w_hr",
    gates=Gates(in_x=(3, 0, 1, 2), in_h=(3, 0, 1, 2), sigmoids=range(3)),
    Tape=LSTMTape,
    Scratch=LSTMScratch,
    Back=LSTMBack,
)


def lstm(wanted, *arguments) -> tuple:
    """The whole sequence at once; the arguments are those of `lstm_composed`."""
    return kernel.forward(wanted, *arguments)


lstm_layer = Fused(lstm, kernel.backward, lstm_composed)

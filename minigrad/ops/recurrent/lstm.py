"""Long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates) over a whole sequence.

`lstm_cell` and `lstm_composed` say what is computed, in the operations users call; the rest is the same
made fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine import Fused
from ..elementwise import sigmoid, tanh
from ..linear import linear
from ..shaping import chunk
from .columns import Sizes, in_blocks, product
from .kernel import Back, Gates, Kernel, Saved, Scratch, Tape
from .scan import scan
from .workspace import empty


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


# ---- the same made fast ------------------------------------------------------------------------------------
class LSTMTape(Tape):
    """One walk. Slots of a step: o, i, f, g, and c before it, so that [i, f] * [g, c] is one product."""

    def __init__(self, like: Any, sizes: Sizes, kept: bool) -> None:
        super().__init__(like, sizes, kept)
        steps, batch, _, hidden, _ = sizes
        self.slots = empty(like, steps + 1 if kept else 1, 5, hidden, batch)
        self.c = self.slots[:, 4]
        self.terms = empty(like, 2, hidden, batch)
        self.m = empty(like, hidden, batch)
        self.half = np.full_like(like, 0.5, shape=())
        one_step = [
            (in_blocks(a[:4], sizes.rows), a[:4], a[:3], a[1:3], a[3:], a[0], c)
            for a, c in zip(self.slots, self.c[1:] if kept else self.c, strict=False)
        ]
        columns = zip(self.columns, self.h[1:], strict=False)
        self.views = [(*c, *s) for c, s in zip(columns, one_step if kept else one_step * steps, strict=True)]

    def walk(self, weights: Any, option: Any) -> None:
        half, terms, m = self.half, self.terms, self.m
        tanh, multiply, add = np.tanh, np.multiply, np.add
        new, old = terms
        to_gates = product(weights.reshape(-1, weights.shape[2]), self.columns.shape[2])
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
    """Factors of a step: of dh, a that leads to dc, and o; of dc, i, f, g, and carry to the step before."""

    def __init__(self, like: Any, sizes: Sizes) -> None:
        super().__init__(like, sizes, 6, slice(1, 5))
        gates = 4 * sizes.hidden
        self.views = [
            (d, f[:2], f[0], f[2:], f[5], f[1:5].reshape(gates, sizes.batch))
            for d, f in zip(self.outer, self.factors, strict=True)
        ]


class LSTMBack(Back):
    def __init__(self, kernel: Kernel, saved: Saved, grads: list[Any], want: dict[str, bool]) -> None:
        super().__init__(kernel, saved, grads, want)
        self.dc_n = grads[2]
        self.carry = self.final(self.dc_n, self.sizes.hidden)  # of the gradient of c, past the step before
        self.dc = empty(self.carry, *self.carry.shape)
        self.by_m: Any = 0

    def find_factors(self, steps: range, factors: Any) -> None:
        slots = self.tape.slots[steps.start : steps.stop]
        o, i, f, g, c = (slots[:, k] for k in range(5))
        a, f_o, f_i, f_f, f_g, carry = (factors[:, k] for k in range(6))
        tanh_c = carry  # a place that is free until the end
        np.tanh(self.tape.c[steps.start + 1 : steps.stop + 1], tanh_c)
        np.multiply(slots[:, :3], slots[:, :3], factors[:, 1:4])  # o, i, f: s (1 - s)
        np.subtract(slots[:, :3], factors[:, 1:4], factors[:, 1:4])
        np.multiply(f_o, tanh_c, f_o)  # o: that times tanh(c)
        np.multiply(f_i, g, f_i)  # i: that times g
        np.multiply(f_f, c, f_f)  # f: that times c before
        np.multiply(g, g, f_g)  # g: (1 - g^2) i
        np.subtract(1, f_g, f_g)
        np.multiply(f_g, i, f_g)
        np.multiply(tanh_c, tanh_c, a)  # a: (1 - tanh(c)^2) o
        np.subtract(1, a, a)
        np.multiply(a, o, a)
        carry[...] = f

    def walk(self, steps: range) -> None:
        dh, dc, carry, out, through_h = self.dh, self.dc, self.carry, self.dh_out, self.through_h
        multiply, add = np.multiply, np.add
        injected = self.order.packed and self.dc_n is not None
        views = self.scratch.views[len(steps) - 1 :: -1]
        for t, (d, a_o, a, rest, before, gates) in zip(reversed(steps), views, strict=True):
            add(d, dh, d)
            dm = d if self.option is None else self.option.T @ d
            multiply(a_o, dm, a_o)
            add(carry, a, dc)
            if injected:
                ending = self.order.ending(t)
                dc[:, ending] += self.dc_n.T[:, ending]
            multiply(rest, dc, rest)
            through_h(gates, out)
            carry = before
        self.carry = carry.copy()  # its place is needed for the factors of the chunk before
        if self.want["w_hr"]:
            self.add_projection(steps)

    def add_projection(self, steps: range) -> None:
        """Add the share of these steps to the gradient of w_hr; `outer` holds all of dh by now."""
        o = self.tape.slots[steps.start : steps.stop, 0]
        m = o * np.tanh(self.tape.c[steps.start + 1 : steps.stop + 1])
        self.by_m += np.tensordot(self.scratch.outer[: len(steps)], m, axes=((0, 2), (0, 2)))

    def gradients(self) -> dict[str, Any]:
        return {**super().gradients(), "c0": self.carry.T.copy(), "w_hr": self.by_m}


kernel = Kernel(
    arguments=("x", "h0", "c0", "w_ih", "w_hh", "b_ih", "b_hh", "w_hr", "batch_sizes", "reverse"),
    x_gates=Gates(slice(0, 4), [3, 0, 1, 2]),
    h_gates=Gates(slice(0, 4), [3, 0, 1, 2]),
    sigmoids=slice(0, 3),
    states=("h", "c"),
    option="w_hr",
    Tape=LSTMTape,
    Scratch=LSTMScratch,
    Back=LSTMBack,
)


def lstm(wanted, *arguments) -> tuple:
    """The whole sequence at once; the arguments are those of `lstm_composed`."""
    return kernel.forward(wanted, *arguments)


lstm_layer = Fused(lstm, kernel.backward, lstm_composed)

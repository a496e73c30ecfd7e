"""The plain recurrent layer, h_t = act(w_ih x_t + b_ih + w_hh h_t-1 + b_hh), over a whole sequence.

`rnn_cell` and `rnn_composed` say what is computed, in the operations users call; the rest is the same made
fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...fused import Fused
from ..elementwise import relu, tanh
from ..linear import linear
from .columns import Sizes, Tape
from .kernel import Back, Kernel, Scratch
from .products import in_blocks, product
from .scan import scan
from .weights import Gates

NONLINEARITIES = {"tanh": tanh, "relu": relu}


def rnn_cell(x, h, w_ih, w_hh, b_ih, b_hh, nonlinearity="tanh") -> Any:
    """One step: x (N, I) and h (N, H) give the next h."""
    return NONLINEARITIES[nonlinearity](linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh))


def rnn_composed(x, h0, w_ih, w_hh, b_ih, b_hh, nonlinearity, batch_sizes, reverse) -> tuple:
    """The cell along a sequence: x (T, N, I) and h0 (N, H) give y (T, N, H) and h_n."""

    def step(x_t, h):
        return (rnn_cell(x_t, h, w_ih, w_hh, b_ih, b_hh, nonlinearity),)

    return scan(step, x, (h0,), batch_sizes, reverse)


# ---- the same made fast --------------------------------------------------------------------------
def rectify(a: Any, out: Any) -> None:
    np.maximum(a, 0, out=out)


def tanh_slope(h: Any, out: Any) -> None:
    np.multiply(h, h, out)
    np.subtract(1, out, out)


ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "tanh": (np.tanh, tanh_slope),
    "relu": (rectify, np.sign),
}  # the slope in terms of the result


class RNNTape(Tape):
    """One walk: the states are all there is to keep."""

    def __init__(self, like: Any, sizes: Sizes, kept: bool) -> None:
        super().__init__(like, sizes, 1)
        self.through = product(self.weights[0], sizes.batch)
        columns = zip(self.columns, self.h[1:], strict=False)
        self.views = [(column, h, in_blocks(h, sizes.rows)) for column, h in columns]

    def walk(self, option: Any) -> None:
        activate, _ = ACTIVATIONS[option]
        through = self.through
        for column, h, out in self.views:
            through(column, out)
            activate(h, h)


class RNNScratch(Scratch):
    """The one factor is the slope of the activation."""

    def __init__(self, like: Any, sizes: Sizes) -> None:
        super().__init__(like, sizes, slots=1, gates=slice(0, 1), h_gates=1)
        self.views = list(zip(self.outer, self.factors[:, 0], strict=True))


class RNNBack(Back):
    """The walk back: da = slope * dh, and from there to the h before."""

    def find_factors(self, steps: range, factors: Any) -> None:
        _, slope = ACTIVATIONS[self.option]
        slope(self.tape.h[steps.start + 1 : steps.stop + 1], factors[:, 0])

    def walk(self, steps: range) -> None:
        scratch, multiply, add = self.scratch, np.multiply, np.add
        dh, out, through_h = scratch.dh, scratch.dh_out, scratch.through_h
        for d, gate in scratch.views[len(steps) - 1 :: -1]:
            add(d, dh, d)
            multiply(gate, d, gate)
            through_h(gate, out)


kernel = Kernel(
    arguments=("x", "h0", "w_ih", "w_hh", "b_ih", "b_hh", "nonlinearity", "batch_sizes", "reverse"),
    states=("h",),
    option="nonlinearity",
    gates=Gates(in_x=(0,), in_h=(0,), sigmoids=range(0)),
    Tape=RNNTape,
    Scratch=RNNScratch,
    Back=RNNBack,
)


def rnn(wanted, *arguments) -> tuple:
    """The whole sequence at once; the arguments are those of `rnn_composed`."""
    return kernel.forward(wanted, *arguments)


rnn_layer = Fused(rnn, kernel.backward, rnn_composed)

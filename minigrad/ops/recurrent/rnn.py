"""The plain recurrent layer, h_t = act(w_ih x_t + b_ih + w_hh h_t-1 + b_hh), over a whole sequence.

`rnn_cell` and `rnn_composed` say what is computed, in the operations users call; the rest is the same made
fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine import Fused
from ..elementwise import relu, tanh
from ..linear import linear
from .columns import Sizes, in_blocks, product
from .kernel import Back, Gates, Kernel, Scratch, Tape
from .scan import scan

NONLINEARITIES = {"tanh": tanh, "relu": relu}


def rnn_cell(x, h, w_ih, w_hh, b_ih, b_hh, nonlinearity="tanh") -> Any:
    """One step: x (N, I) and h (N, H) give the next h."""
    return NONLINEARITIES[nonlinearity](linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh))


def rnn_composed(x, h0, w_ih, w_hh, b_ih, b_hh, nonlinearity, batch_sizes, reverse) -> tuple:
    """The cell along a sequence: x (T, N, I) and h0 (N, H) give y (T, N, H) and h_n."""

    def step(x_t, h):
        return (rnn_cell(x_t, h, w_ih, w_hh, b_ih, b_hh, nonlinearity),)

    return scan(step, x, (h0,), batch_sizes, reverse)


# ---- the same made fast ------------------------------------------------------------------------------------
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
        super().__init__(like, sizes, kept)
        before, after = self.columns[: sizes.steps], self.h[1:]
        self.views = [(z, h, in_blocks(h, sizes.rows)) for z, h in zip(before, after, strict=True)]

    def walk(self, weights: Any, option: Any) -> None:
        activate, _ = ACTIVATIONS[option]
        multiply = product(weights[0], self.columns.shape[2])
        for z, h, out in self.views:
            multiply(z, out)
            activate(h, h)


class RNNScratch(Scratch):
    """The one factor is the slope of the activation."""

    def __init__(self, like: Any, sizes: Sizes) -> None:
        super().__init__(like, sizes, 1, slice(0, 1))
        self.views = list(zip(self.outer, self.factors[:, 0], strict=True))


class RNNBack(Back):
    def find_factors(self, steps: range, factors: Any) -> None:
        _, slope = ACTIVATIONS[self.option]
        slope(self.tape.h[steps.start + 1 : steps.stop + 1], factors[:, 0])

    def walk(self, steps: range) -> None:
        dh, out, through_h = self.dh, self.dh_out, self.through_h
        for d, gate in self.scratch.views[len(steps) - 1 :: -1]:
            np.add(d, dh, d)
            np.multiply(gate, d, gate)
            through_h(gate, out)


kernel = Kernel(
    arguments=("x", "h0", "w_ih", "w_hh", "b_ih", "b_hh", "nonlinearity", "batch_sizes", "reverse"),
    x_gates=Gates(slice(0, 1), [0]),
    h_gates=Gates(slice(0, 1), [0]),
    sigmoids=slice(0),
    states=("h",),
    option="nonlinearity",
    Tape=RNNTape,
    Scratch=RNNScratch,
    Back=RNNBack,
)


def rnn(wanted, *arguments) -> tuple:
    """The whole sequence at once; the arguments are those of `rnn_composed`."""
    return kernel.forward(wanted, *arguments)


rnn_layer = Fused(rnn, kernel.backward, rnn_composed)

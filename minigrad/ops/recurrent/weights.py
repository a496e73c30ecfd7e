"""The weights of a layer as one matrix, its gates in the order that suits a kernel; gradients back again."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .workspace import empty


class Gates(NamedTuple):
    """A kernel's gates: where each is in PyTorch's `w_ih` and `w_hh`, None where it does not see x, or h.

    The scale is 0.5 for a sigmoid: sigmoid(a) = tanh(a / 2) / 2 + 1 / 2, so one tanh serves all gates.
    """

    in_x: tuple[int | None, ...]
    in_h: tuple[int | None, ...]
    scales: tuple[float, ...]

    def stack(self, given: dict[str, Any], out: Any) -> None:
        """Fill in [w_ih | b | w_hh] as (G, H, I + 1 + P), scaled; what a gate does not see is not written."""
        hidden, one = out.shape[1], given["w_ih"].shape[1]
        out[:, :, one] = 0
        for order, weight, bias, columns in (
            (self.in_x, given["w_ih"], given["b_ih"], slice(one)),
            (self.in_h, given["w_hh"], given["b_hh"], slice(one + 1, None)),
        ):
            for ours, theirs in enumerate(order):
                if theirs is None:
                    continue
                rows = slice(theirs * hidden, (theirs + 1) * hidden)
                np.multiply(weight[rows], self.scales[ours], out=out[ours, :, columns])
                if bias is not None:
                    out[ours, :, one] += bias[rows] * self.scales[ours]


def seeing(order: tuple[int | None, ...]) -> slice:
    """The run of gates that see x, or h."""
    places = [ours for ours, theirs in enumerate(order) if theirs is not None]
    return slice(places[0], places[-1] + 1)


def transposed(stacked: Any, scales: tuple[float, ...], out: Any) -> None:
    """out (F, G * H) = the stacked weights (G, H, F) the other way round, their scales undone."""
    hidden = stacked.shape[1]
    for place, (rows, scale) in enumerate(zip(stacked, scales, strict=True)):
        np.multiply(rows.T, 1 / scale, out=out[:, place * hidden : (place + 1) * hidden])


def to_torch(order: tuple[int | None, ...], gradient: Any) -> Any:
    """A gradient (G * H, ...) of the gates that see x, or h, as a fresh one in PyTorch's order."""
    theirs = [place for place in order if place is not None]
    out = empty(gradient, *gradient.shape)
    shape = (len(theirs), len(gradient) // len(theirs), *gradient.shape[1:])
    out.reshape(shape)[theirs] = gradient.reshape(shape)
    return out

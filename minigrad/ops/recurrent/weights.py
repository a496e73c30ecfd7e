"""The weights of a layer as one matrix, its gates in the order that suits a kernel; gradients back again."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .workspace import empty

Order = tuple[int | None, ...]


class Gates(NamedTuple):
    """A kernel's gates: which of PyTorch's each is in `w_ih` and `w_hh`, None where it does not see x, or h.

    Sigmoids have their weights halved: sigmoid(a) = tanh(a / 2) / 2 + 1 / 2, so that one tanh serves all.
    """

    in_x: Order
    in_h: Order
    sigmoids: range

    def stack(self, given: dict[str, Any], out: Any) -> None:
        """Fill in [w_ih | b | w_hh] as (G, H, I + 1 + P); what a gate does not see is not written."""
        hidden, one = out.shape[1], given["w_ih"].shape[1]
        out[:, :, one] = 0
        for order, weight, bias, columns in (
            (self.in_x, given["w_ih"], given["b_ih"], slice(one)),
            (self.in_h, given["w_hh"], given["b_hh"], slice(one + 1, None)),
        ):
            for ours, theirs in runs(order):
                out[ours, :, columns] = by_gate(weight, hidden)[theirs]
                if bias is not None:
                    out[ours, :, one] += by_gate(bias, hidden)[theirs]
        out[self.sigmoids.start : self.sigmoids.stop] *= 0.5

    def transpose(self, stacked: Any, order: Order, out: Any) -> None:
        """out (F, G * H) = stacked (G, H, F), of the gates that see x, or h; their halving is undone."""
        hidden = stacked.shape[1]
        for number, place in enumerate(range(len(order))[seeing(order)]):
            scale = 2 if place in self.sigmoids else 1
            np.multiply(stacked[place].T, scale, out=out[:, number * hidden : (number + 1) * hidden])


def by_gate(weight: Any, hidden: int) -> Any:
    """A weight (G * H, ...) as (G, H, ...)."""
    return weight.reshape(len(weight) // hidden, hidden, *weight.shape[1:])


@cache
def runs(order: Order) -> list[tuple[slice, slice]]:
    """The order of gates cut into runs: the places of each in ours, and in PyTorch's."""
    found = []
    start = 0
    for end in range(1, len(order) + 1):
        first, last = order[start], order[end - 1]
        following = order[end] if end < len(order) else None
        if last is not None and following == last + 1:
            continue
        if first is not None and last is not None:
            found.append((slice(start, end), slice(first, last + 1)))
        start = end
    return found


@cache
def seeing(order: Order) -> slice:
    """The places of the gates that see x, or h: they are neighbours."""
    places = [place for place, theirs in enumerate(order) if theirs is not None]
    return slice(places[0], places[-1] + 1)


def to_torch(order: Order, gradient: Any, hidden: int) -> Any:
    """A gradient (G * H, ...) of the gates that see x, or h, as a fresh one in PyTorch's order."""
    out = empty(gradient, *gradient.shape)
    first = seeing(order).start
    for ours, theirs in runs(order):
        rows = slice(ours.start - first, ours.stop - first)
        by_gate(out, hidden)[theirs] = by_gate(gradient, hidden)[rows]
    return out

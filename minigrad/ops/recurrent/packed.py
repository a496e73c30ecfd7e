"""A packed batch through a kernel: cut into segments of steps, each as wide as its sequences still go on.

A kernel computes whole columns, also those whose sequence has ended. So a batch is cut where enough of its
sequences have ended; each segment begins with the states in which the one before left those that go on.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .columns import Order
from .workspace import zeros

FEWER_COLUMNS = 8  # ended sequences that are worth a cut
NARROWER = 0.8  # and what is left of the columns at most


class Segments(NamedTuple):
    """What forward leaves for backward: the order of the walk, and of each segment its steps and width."""

    order: Order
    steps: list[slice]
    saved: list[Any]


def cut(sizes: list[int]) -> list[slice]:
    """Cut the steps where so many sequences have ended that the rest is better walked by itself."""
    starts = [0]
    for t, n in enumerate(sizes):
        width = sizes[starts[-1]]
        if width - n >= FEWER_COLUMNS and n <= NARROWER * width:
            starts.append(t)
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(sizes)], strict=True)]


def sizes_of(order: Order, steps: slice) -> list[int] | None:
    """The batch sizes of a segment; None if all its sequences last to its end."""
    sizes = order.sizes[steps]
    return None if sizes[0] == sizes[-1] else sizes


def forward(kernel: Any, wanted: tuple[bool, ...], values: tuple[Any, ...]) -> tuple[tuple, Any]:
    """`Kernel.forward` of a packed batch, segment by segment."""
    given = dict(zip(kernel.arguments, values, strict=True))
    x, names = given["x"], [name + "0" for name in kernel.states]
    order = Order(x, given["batch_sizes"], given["reverse"])
    walked, kept, segments = order.walk(x), [], cut(order.sizes)
    states, y = [given[name].copy() for name in names], zeros(x, *x.shape[:2], given["h0"].shape[1])
    for steps in segments:
        width = order.sizes[steps.start]
        given |= {"x": walked[steps, :width], "batch_sizes": sizes_of(order, steps), "reverse": False}
        given |= {name: state[:width] for name, state in zip(names, states, strict=True)}
        (y[steps, :width], *last), saved = kernel.forward_part(wanted, *given.values())
        for state, new in zip(states, last, strict=True):
            state[:width] = new
        kept.append(saved)
    return (order.walk(y), *states), Segments(order, segments, kept) if any(wanted) else None


def backward(kernel: Any, saved: Segments, grads: list, wanted: tuple[bool, ...], last: bool) -> tuple:
    """`Kernel.backward` of a packed batch, last segment first."""
    order, sizes = saved.order, saved.saved[0].sizes
    dy = None if grads[0] is None else order.walk(grads[0])
    names = [name + "0" for name in kernel.states]
    found: dict[str, Any] = dict.fromkeys(kernel.arguments)
    found |= {name: begin(saved, name, g) for name, g in zip(names, grads[1:], strict=True)}
    if wanted[0]:
        found["x"] = zeros(saved.saved[0].tape.columns, order.steps, order.batch, sizes.inputs)
    on = tuple(w or name in names for name, w in zip(kernel.arguments, wanted, strict=True))
    for steps, part in zip(reversed(saved.steps), reversed(saved.saved), strict=True):
        width = order.sizes[steps.start]
        outer = [None if dy is None else dy[steps, :width], *(found[name][:width] for name in names)]
        for name, more in zip(kernel.arguments, kernel.backward_part(part, outer, on, last), strict=True):
            if more is None:
                continue
            if name == "x":
                found[name][steps, :width] = more
            elif name in names:
                found[name][:width] = more
            else:
                found[name] = more if found[name] is None else found[name] + more
    if wanted[0]:
        found["x"] = order.walk(found["x"])
    return tuple(found[name] if w else None for name, w in zip(kernel.arguments, wanted, strict=True))


def begin(saved: Segments, name: str, gradient: Any) -> Any:
    """The gradient of a final state (N, P or H), of which each segment takes what is its own, fresh."""
    if gradient is not None:
        return gradient.copy()
    tape, sizes = saved.saved[0].tape, saved.saved[0].sizes
    return zeros(tape.columns, saved.order.batch, sizes.outputs if name == "h0" else sizes.hidden)

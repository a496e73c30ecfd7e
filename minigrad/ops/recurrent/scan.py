"""The readable side of a recurrent layer: a cell, and a Python loop that runs it along a sequence.

Written with the operations users call, so it runs on Tensors and can be differentiated any number of times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..creation import zeros_like
from ..shaping import cat, stack


def scan(step: Callable, x: Any, states: tuple, batch_sizes: list[int] | None, reverse: bool) -> tuple:
    """Run `step(x_t, *states) -> states` over x (T, N, I): the first state as y (T, N, H), and the last ones.

    Of a padded batch, sorted by falling length, only the first `batch_sizes[t]` sequences take part in step
    t.
    """
    steps, batch = x.shape[:2]
    outputs: list[Any] = [None] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        active = batch if batch_sizes is None else batch_sizes[t]
        if active == batch:
            states = step(x[t], *states)
            outputs[t] = states[0]
            continue
        resting = [s[active:] for s in states]
        moved = step(x[t, :active], *[s[:active] for s in states])
        outputs[t] = cat([moved[0], zeros_like(resting[0])])
        states = tuple(cat([s, r]) for s, r in zip(moved, resting, strict=True))
    return (stack(outputs), *states)

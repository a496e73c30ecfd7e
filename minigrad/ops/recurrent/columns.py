"""A sequence laid out as columns, and the order in which a kernel walks it.

Inside a kernel a batch of N sequences is a matrix with one column per sequence. Step t reads the columns
[x_t; 1; h_t-1], so that one product with [w_ih | b | w_hh] is the whole affine map, bias included; the gates
of a step are contiguous (H, N) blocks; and the gradient of the weights over many steps is again one product.

A walk always goes forward in time: `Order` turns a reversed or packed sequence into one that does.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ...backend import module_of
from .workspace import Workspace, empty


class Sizes(NamedTuple):
    """Of a walk: T steps, N sequences, I inputs, H hidden units, P outputs (H without a projection)."""

    steps: int
    batch: int
    inputs: int
    hidden: int
    outputs: int

    @property
    def rows(self) -> int:
        """Of a column [x_t; 1; h_t-1]."""
        return self.inputs + 1 + self.outputs


class Order:
    """The order in which a kernel walks a padded batch: reversed or not, each sequence to its own end or not.

    `batch_sizes[t]` of a packed batch, its sequences sorted by falling length, is the number still active
    at step t.
    """

    def __init__(self, x: Any, batch_sizes: Any, reverse: bool) -> None:
        self.steps, self.batch = x.shape[:2]
        self.reverse = reverse
        self.packed = batch_sizes is not None
        if self.packed:
            self.sizes = [int(n) for n in batch_sizes]
            xp = module_of(x)
            time, self.each = xp.arange(self.steps)[:, None], xp.arange(self.batch)
            length = (xp.asarray(self.sizes)[:, None] > self.each).sum(0)
            self.last = length - 1
            self.active = time < length
            self.source = xp.where(self.active, self.last - time, time)  # each sequence turned in its place

    def walk(self, a: Any) -> Any:
        """A (T, N, F) array in the order of the walk, or back in that of time: it is its own inverse."""
        if not self.reverse:
            return a
        return a[self.source, self.each] if self.packed else a[::-1]

    def output(self, states: Any) -> Any:
        """The states (T, F, N) of a walk as a fresh (T, N, F) array in the order of time."""
        steps, features, batch = states.shape
        out = empty(states, steps, batch, features)
        turned = self.reverse and not self.packed
        (out[::-1] if turned else out)[...] = states.transpose(0, 2, 1)
        return self.walk(out) if self.packed else out

    def silence(self, states: Any) -> None:
        """Set the states (T, F, N) of a packed walk to 0 where their sequence has ended."""
        states.transpose(0, 2, 1)[~self.active] = 0

    def final(self, states: Any) -> Any:
        """The last state of each sequence, fresh (N, F), from those before and after every step."""
        return states[self.last + 1, :, self.each] if self.packed else states[-1].T.copy()

    def outer(self, dy: Any, dh_n: Any) -> Any:
        """The gradient of `y` (T, N, F) in the order of the walk; if packed, with that of `h_n` added."""
        dy = self.walk(dy)
        if self.packed:
            dy = np.where(self.active[:, :, None], dy, 0)
            if dh_n is not None:
                dy[self.last, self.each] += dh_n
        return dy

    def ending(self, step: int) -> slice:
        """The columns whose sequence ends with this step of a packed walk."""
        return slice(self.sizes[step + 1] if step + 1 < self.steps else 0, self.sizes[step])

    def between_ends(self, steps: range) -> list[range]:
        """These steps of a packed walk in parts, last first: sequences end only with a part's last step."""
        ends = [t + 1 for t in steps[:-1] if self.sizes[t + 1] < self.sizes[t]]
        bounds = [steps.start, *ends, steps.stop]
        return [range(low, high) for low, high in pairwise(bounds)][::-1]


class Tape(Workspace):
    """The buffers of one walk, kept for the walk back; a cell adds activations and the views of each step.

    It has the columns [x_t; 1; h_t-1] of every step, (T + 1, I + 1 + P, N), of which the last has only its
    h, and the stacked weights, (G, H, I + 1 + P). A cell is told whether a walk back needs every step.
    """

    def __init__(self, like: Any, sizes: Sizes, gates: int) -> None:
        steps, batch, inputs, hidden, _ = sizes
        self.weights = empty(like, gates, hidden, sizes.rows)
        self.columns = empty(like, steps + 1, sizes.rows, batch)
        self.columns[:, inputs] = 1
        self.x = self.columns[:steps, :inputs]
        self.x_one = self.columns[:steps, : inputs + 1]
        self.one_h = self.columns[:steps, inputs:]
        self.h = self.columns[:, inputs + 1 :]

    def walk(self, option: Any) -> None:
        """Fill in the states, first step to last."""
        raise NotImplementedError

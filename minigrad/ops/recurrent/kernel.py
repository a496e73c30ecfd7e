"""The fast path of a recurrent layer, as far as it is the same for RNN, GRU and LSTM.

`Kernel.forward` and `Kernel.backward` number their steps; backward undoes them in reverse under the same
numbers. A cell brings its mathematics: the walk along the sequence, and its gradient in two parts. A
*factor* is what the incoming gradient is multiplied by, as far as it is known before the walk back begins.
The factors of a chunk of steps are computed together, few enough to stay in the cache, and only products
with them are left to the walk back itself.
"""

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np

from .columns import Columns, Order, Sizes, in_blocks, product
from .workspace import Workspace, empty, free_list, zeros

CHUNK_BYTES = 512 * 1024  # of factors at a time
PANEL_COLUMNS = (
    4096  # of one product for the gradient of the weights: long enough for BLAS, short enough for memory
)


class Gates(NamedTuple):
    """A run of the gates as a kernel stacks them, and which of PyTorch's each of them is."""

    ours: slice
    theirs: list[int]

    def split(self, weight: Any) -> Any:
        """A weight (G * H, ...) as (G, H, ...)."""
        return weight.reshape(len(self.theirs), -1, *weight.shape[1:])

    def from_torch(self, weight: Any) -> Any:
        """A weight (G * H, ...) in PyTorch's order as (G, H, ...) in ours."""
        return self.split(weight)[self.theirs]

    def to_torch(self, weight: Any) -> Any:
        """A weight (G * H, ...) in our order as a fresh one in PyTorch's."""
        out = empty(weight, *weight.shape)
        self.split(out)[self.theirs] = self.split(weight)
        return out


class Tape(Columns):
    """The buffers of one walk, kept for the walk back; a cell adds activations, and views of each step."""

    def __init__(self, like: Any, sizes: Sizes, kept: bool) -> None:
        super().__init__(like, sizes)

    def walk(self, weights: Any, option: Any) -> None:
        """Fill in the states, first step to last."""
        raise NotImplementedError


class Saved(NamedTuple):
    """What a walk leaves for the walk back."""

    tape: Any
    sizes: Sizes
    order: Order
    weights: Any  # stacked, (G, H, I + 1 + P)
    option: Any
    dtype: Any


class Scratch(Workspace):
    """Buffers of a walk back: factors of a chunk of steps, gate gradients and columns of a panel."""

    def __init__(self, like: Any, sizes: Sizes, slots: int, gates: slice) -> None:
        self.steps, batch, _, hidden, outputs = sizes
        self.chunk = max(1, min(self.steps, CHUNK_BYTES // max(1, slots * hidden * batch * like.itemsize)))
        self.panel = min(self.steps, -(-PANEL_COLUMNS // max(1, batch * self.chunk)) * self.chunk)
        self.factors = empty(like, self.chunk, slots, hidden, batch)
        self.gates = self.factors[:, gates]  # those that the walk back turns into gradients of gates
        self.outer = empty(like, self.chunk, outputs, batch)
        self.gates_panel = empty(like, self.gates.shape[1] * hidden * self.panel * batch)
        self.columns_panel = empty(like, sizes.rows * self.panel * batch)

    def panels(self) -> Iterator[range]:
        """The steps of each panel, last panel first."""
        return (range(max(0, top - self.panel), top) for top in range(self.steps, 0, -self.panel))

    def chunks(self, panel: range) -> Iterator[range]:
        """The steps of each chunk of a panel, last chunk first."""
        return (
            range(max(panel.start, top - self.chunk), top)
            for top in range(panel.stop, panel.start, -self.chunk)
        )


class Back:
    """A walk back under way: its buffers, the gradient of the state so far, and the sums over its steps."""

    tape: Any
    scratch: Any
    dx: Any

    def __init__(self, kernel: "Kernel", saved: Saved, grads: list[Any], want: dict[str, bool]) -> None:
        self.kernel, self.want = kernel, want
        self.tape, self.sizes, self.order, weights, self.option, _ = saved
        steps, batch, inputs, _, outputs = self.sizes
        columns = self.tape.columns
        self.scratch = free_list.take(kernel.Scratch, columns, self.sizes)
        self.weights = weights.copy()
        self.weights[kernel.sigmoids] *= 2
        w_h = self.weights[kernel.h_gates.ours, :, inputs + 1 :].reshape(-1, outputs)
        self.through_h = product(np.ascontiguousarray(w_h.T), batch)
        dy, dh_n = grads[:2]
        self.outer = self.order.outer(zeros(columns, steps, batch, outputs) if dy is None else dy, dh_n)
        self.dh = self.final(dh_n, outputs)
        self.dh_out = in_blocks(self.dh, len(w_h))
        self.dx = empty(columns, steps, batch, inputs) if want["x"] else None
        self.by_x: Any = 0
        self.by_h: Any = 0

    def final(self, grad: Any, features: int) -> Any:
        """The gradient of a final state as columns, where every sequence ends with the last step; else 0."""
        out = zeros(self.tape.columns, features, self.sizes.batch)
        if grad is not None and not self.order.packed:
            out += grad.T
        return out

    def find_factors(self, steps: range, factors: Any) -> None:
        """Fill in the factors (t, slots, H, N) of these steps."""
        raise NotImplementedError

    def walk(self, steps: range) -> None:
        """Turn the factors of these steps into gradients of gates, last step to first."""
        raise NotImplementedError

    def load(self, steps: range) -> None:
        """Bring in the outer gradients of these steps, and their factors."""
        self.scratch.outer[: len(steps)] = self.outer[steps.start : steps.stop].transpose(0, 2, 1)
        self.find_factors(steps, self.scratch.factors[: len(steps)])

    def gates(self, panel: range) -> Any:
        """The gate gradients of a panel, (G, H, t, N)."""
        count, hidden, batch = self.scratch.gates.shape[1:]
        shape = (count, hidden, len(panel), batch)
        return self.scratch.gates_panel[: prod(shape)].reshape(shape)

    def keep(self, steps: range, panel: range) -> None:
        """Copy the gate gradients of a chunk to their place in the panel, while they are in the cache."""
        place = slice(steps.start - panel.start, steps.stop - panel.start)
        self.gates(panel)[:, :, place] = self.scratch.gates[: len(steps)].transpose(1, 2, 0, 3)

    def add_products(self, panel: range) -> None:
        """Add this panel's share to the gradients of inputs and weights."""
        rows, inputs, batch, want = self.sizes.rows, self.sizes.inputs, self.sizes.batch, self.want
        width = len(panel) * batch
        z = self.scratch.columns_panel[: rows * width].reshape(rows, len(panel), batch)
        z[...] = self.tape.columns[panel.start : panel.stop].transpose(1, 0, 2)
        z = z.reshape(rows, width)
        x_gates, h_gates = self.kernel.x_gates.ours, self.kernel.h_gates.ours
        dg = self.gates(panel)
        dg_x, dg_h = (g.reshape(prod(g.shape[:2]), width) for g in (dg[x_gates], dg[h_gates]))
        if want["w_ih"] or want["b_ih"]:
            self.by_x += dg_x @ z[: inputs + 1].T
        if want["w_hh"] or want["b_hh"]:
            self.by_h += dg_h @ z[inputs:].T
        if want["x"]:
            w_x = self.weights[x_gates, :, :inputs].reshape(-1, inputs)
            self.dx[panel.start : panel.stop] = (dg_x.T @ w_x).reshape(len(panel), batch, inputs)

    def gradients(self) -> dict[str, Any]:
        """The wanted gradients by the name of the argument."""
        want, inputs, found = self.want, self.sizes.inputs, {"h0": self.dh.T.copy()}
        x_gates, h_gates = self.kernel.x_gates, self.kernel.h_gates
        if want["x"]:
            found["x"] = self.order.walk(self.dx)
        if want["w_ih"]:
            found["w_ih"] = x_gates.to_torch(self.by_x[:, :inputs])
        if want["w_hh"]:
            found["w_hh"] = h_gates.to_torch(self.by_h[:, 1:])
        if want["b_ih"]:
            found["b_ih"] = x_gates.to_torch(self.by_x[:, inputs])
        if want["b_hh"]:
            found["b_hh"] = h_gates.to_torch(self.by_h[:, 0])
        return found


class Kernel(NamedTuple):
    """A recurrent layer over a whole sequence, one direction: forward and backward on arrays."""

    arguments: tuple[str, ...]
    x_gates: Gates  # the gates that see x
    h_gates: Gates  # the gates that see h
    sigmoids: slice  # the gates with sigmoid(a) = tanh(a / 2) / 2 + 1 / 2
    states: tuple[str, ...]
    option: str  # the argument that changes the walk
    Tape: type[Tape]
    Scratch: type[Scratch]
    Back: type[Back]

    def forward(self, wanted: tuple[bool, ...], *values: Any) -> tuple[tuple[Any, ...], Saved | None]:
        """The outputs (y, h_n, ...), and what `backward` needs if a gradient of any argument is wanted."""
        dtype = values[0].dtype
        given = dict(zip(self.arguments, map(at_least_single, values), strict=True))
        x, option, keep = given["x"], given.get(self.option), any(wanted)
        order = Order(x.shape, given["batch_sizes"], given["reverse"])
        steps, batch, inputs = x.shape
        hidden = len(given["w_ih"]) // len(self.x_gates.theirs)
        sizes = Sizes(steps, batch, inputs, hidden, given["h0"].shape[1])
        # 1. the weights as one matrix, halved where tanh stands for sigmoid
        weights = self.stack(given, sizes)
        weights[self.sigmoids] *= 0.5
        # 2. inputs and initial states as columns
        tape = free_list.take(self.Tape, x, sizes, keep or order.packed)
        tape.x[...] = order.walk(x).transpose(0, 2, 1)
        for name in self.states:
            getattr(tape, name)[0] = given[name + "0"].T
        # 3. the walk
        tape.walk(weights, option)
        # 4. the states as rows
        if order.packed:
            order.silence(tape.h[1:])
        outputs = (order.output(tape.h[1:]), *(order.final(getattr(tape, name)) for name in self.states))
        outputs = tuple(a.astype(dtype, copy=False) for a in outputs)
        if keep:
            return outputs, Saved(tape, sizes, order, weights, option, dtype)
        free_list.give(tape)
        return outputs, None

    def backward(
        self, saved: Saved, grads: tuple[Any, ...], wanted: tuple[bool, ...], last: bool = True
    ) -> tuple:
        """The gradients of the arguments of `forward`; with `last` the buffers in `saved` are given back."""
        want = dict(zip(self.arguments, wanted, strict=True))
        # 4. the outer gradients of the states as columns, a chunk of steps at a time
        back = self.Back(self, saved, [at_least_single(g) for g in grads], want)
        for panel in back.scratch.panels():
            for steps in back.scratch.chunks(panel):
                back.load(steps)
                # 3. the walk back
                back.walk(steps)
                back.keep(steps, panel)
            # 2. and 1. the inputs and the weights
            back.add_products(panel)
        found = back.gradients()
        free_list.give(back.scratch)
        if last:
            free_list.give(saved.tape)
        return tuple(
            found[name].astype(saved.dtype, copy=False) if want[name] else None for name in self.arguments
        )

    def stack(self, given: dict[str, Any], sizes: Sizes) -> Any:
        """The weights as (G, H, I + 1 + P): gate g has [w_ih | b | w_hh], and 0 for what it does not see."""
        count = max(self.x_gates.ours.stop, self.h_gates.ours.stop)
        weights = zeros(given["w_ih"], count, sizes.hidden, sizes.rows)
        one = sizes.inputs
        for gates, w, b, columns in (
            (self.x_gates, given["w_ih"], given["b_ih"], slice(one)),
            (self.h_gates, given["w_hh"], given["b_hh"], slice(one + 1, None)),
        ):
            weights[gates.ours, :, columns] = gates.from_torch(w)
            if b is not None:
                weights[gates.ours, :, one] += gates.from_torch(b)
        return weights


def at_least_single(value: Any) -> Any:
    """Half precision is computed in single."""
    return value.astype(np.float32) if getattr(value, "dtype", None) == np.float16 else value

"""The fast path of a recurrent layer, as far as it is the same for RNN, GRU and LSTM.

`Kernel.forward_part` and `Kernel.backward_part` number their steps; backward undoes them in reverse under
the same numbers. A cell brings its mathematics: the walk along the sequence, and its gradient in two parts. A
*factor* is what the incoming gradient is multiplied by, as far as it is known before the walk back begins.
The factors of a chunk of steps are computed together, few enough to stay in the cache, and only products
with them are left to the walk back itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np

from . import packed
from .columns import Order, Sizes, Tape
from .products import in_blocks, product
from .weights import Gates, seeing, to_torch
from .workspace import Workspace, empty, free_list, zeros

CHUNK_BYTES = 512 * 1024  # of factors at a time,
CHUNK_STEPS = 256  # and of so many steps, for their views are to stay in the cache, too
PANEL_COLUMNS = 2048  # of a product for the gradient of the weights: enough for BLAS, and not too much memory


class Saved(NamedTuple):
    """What a walk leaves for the walk back."""

    tape: Any
    sizes: Sizes
    order: Order
    option: Any
    dtype: Any


class Kernel(NamedTuple):
    """A recurrent layer over a whole sequence, one direction: forward and backward on arrays."""

    arguments: tuple[str, ...]
    states: tuple[str, ...]
    option: str  # the argument that changes the walk
    gates: Gates
    Tape: type[Tape]
    Scratch: type[Scratch]
    Back: type[Back]

    def forward(self, wanted: tuple[bool, ...], *values: Any) -> tuple[tuple[Any, ...], Any]:
        """The outputs (y, h_n, ...), and what `backward` needs if a gradient of any argument is wanted."""
        is_packed = values[self.arguments.index("batch_sizes")] is not None
        return packed.forward(self, wanted, values) if is_packed else self.forward_part(wanted, *values)

    def backward(self, saved: Any, grads: list, wanted: tuple[bool, ...], last: bool = True) -> tuple:
        """The gradients of the arguments of `forward`; with `last` the buffers in `saved` are given back."""
        back = packed.backward if isinstance(saved, packed.Segments) else Kernel.backward_part
        return back(self, saved, grads, wanted, last)

    def forward_part(self, wanted: tuple[bool, ...], *values: Any) -> tuple[tuple[Any, ...], Saved | None]:
        """`forward` of a padded batch, or of a segment of a packed one."""
        dtype = values[0].dtype
        given = dict(zip(self.arguments, map(at_least_single, values), strict=True))
        x, option, keep = given["x"], given.get(self.option), any(wanted)
        steps, batch, inputs = x.shape
        outputs = given["h0"].shape[1]
        sizes = Sizes(steps, batch, inputs, given[self.states[-1] + "0"].shape[1], outputs)
        order = Order(x, given["batch_sizes"], given["reverse"])
        tape = free_list.take(self.Tape, x, sizes, keep or order.packed)
        # 1. the weights as one matrix
        self.gates.stack(given, tape.weights)
        # 2. inputs and initial states as columns
        tape.x[...] = order.walk(x).transpose(0, 2, 1)
        for name in self.states:
            getattr(tape, name)[0] = given[name + "0"].T
        # 3. the walk
        tape.walk(option)
        # 4. the states as rows
        if order.packed:
            order.silence(tape.h[1:])
        results = (order.output(tape.h[1:]), *(order.final(getattr(tape, name)) for name in self.states))
        results = tuple(a.astype(dtype, copy=False) for a in results)
        if keep:
            return results, Saved(tape, sizes, order, option, dtype)
        free_list.give(tape)
        return results, None

    def backward_part(self, saved: Saved, grads: list, wanted: tuple[bool, ...], last: bool) -> tuple:
        """`backward` of what `forward_part` saved."""
        want = dict(zip(self.arguments, wanted, strict=True))
        # 4. the gradients of the states as columns: final ones now, outer ones a chunk of steps at a time
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


def at_least_single(value: Any) -> Any:
    """Half precision is computed in single."""
    return value.astype(np.float32) if getattr(value, "dtype", None) == np.float16 else value


class Scratch(Workspace):
    """Buffers of a walk back: weights, factors of a chunk of steps, gate gradients and columns of a panel.

    A cell says how many factors a step has, and which of them the walk back turns into gradients of gates.
    """

    def __init__(self, like: Any, sizes: Sizes, slots: int, gates: slice, h_gates: int) -> None:
        self.steps, batch, _, hidden, outputs = sizes
        step_bytes = max(1, slots * hidden * batch * like.itemsize)
        self.chunk = max(1, min(self.steps, CHUNK_STEPS, CHUNK_BYTES // step_bytes))
        self.panel = min(self.steps, -(-PANEL_COLUMNS // max(1, batch * self.chunk)) * self.chunk)
        self.factors = empty(like, self.chunk, slots, hidden, batch)
        self.gates = self.factors[:, gates]
        self.outer = empty(like, self.chunk, outputs, batch)
        self.gates_panel = empty(like, self.gates.shape[1] * hidden * self.panel * batch)
        self.columns_panel = empty(like, sizes.rows * self.panel * batch)
        self.weights = empty(like, outputs, h_gates * hidden)  # w_hh transposed
        self.through_h = product(self.weights, batch)  # from the gradients of gates to that of h before
        self.dh = empty(like, outputs, batch)
        self.dh_out = in_blocks(self.dh, h_gates * hidden)

    def panels(self) -> Iterator[range]:
        """The steps of each panel, last panel first."""
        return (range(max(0, top - self.panel), top) for top in range(self.steps, 0, -self.panel))

    def chunks(self, panel: range) -> Iterator[range]:
        """The steps of each chunk of a panel, last chunk first."""
        tops = range(panel.stop, panel.start, -self.chunk)
        return (range(max(panel.start, top - self.chunk), top) for top in tops)


class Back:
    """A walk back under way: its buffers, and the gradients of inputs and weights so far."""

    tape: Any
    scratch: Any

    def __init__(self, kernel: Kernel, saved: Saved, grads: list[Any], want: dict[str, bool]) -> None:
        self.gates, self.want = kernel.gates, want
        self.tape, self.sizes, self.order, self.option, _ = saved
        steps, batch, inputs, hidden, outputs = self.sizes
        self.x_gates, self.h_gates = seeing(self.gates.in_x), seeing(self.gates.in_h)
        like = self.tape.columns
        self.scratch = free_list.take(kernel.Scratch, like, self.sizes)
        self.gates.transpose(self.tape.weights[:, :, inputs + 1 :], self.gates.in_h, self.scratch.weights)
        dy, dh_n = grads[:2]
        self.outer = self.order.outer(zeros(like, steps, batch, outputs) if dy is None else dy, dh_n)
        self.load_final(dh_n, self.scratch.dh)
        if want["x"]:
            self.dx = empty(like, steps, batch, inputs)
            self.w_ih = empty(like, inputs, hidden * (self.x_gates.stop - self.x_gates.start))
            self.gates.transpose(self.tape.weights[:, :, :inputs], self.gates.in_x, self.w_ih)
        self.sums: list[Any] = []

    def load_final(self, grad: Any, out: Any) -> None:
        """The gradient of a final state as columns, if all sequences end with the last step, else 0."""
        out[...] = 0 if grad is None or self.order.packed else grad.T

    def find_factors(self, steps: range, factors: Any) -> None:
        """Fill in the factors (t, slots, H, N) of these steps."""
        raise NotImplementedError

    def walk(self, steps: range) -> None:
        """Turn the factors of these steps into gradients of gates, last step to first."""
        raise NotImplementedError

    def load(self, steps: range) -> None:
        """Bring in the outer gradients of these steps, and their factors."""
        outer = self.outer[steps.start : steps.stop]
        self.scratch.outer[: len(steps)] = outer.transpose(0, 2, 1)
        self.find_factors(steps, self.scratch.factors[: len(steps)])

    def gates_of(self, panel: range) -> Any:
        """The gate gradients of a panel, (G, H, t, N)."""
        count, hidden, batch = self.scratch.gates.shape[1:]
        shape = (count, hidden, len(panel), batch)
        return self.scratch.gates_panel[: prod(shape)].reshape(shape)

    def keep(self, steps: range, panel: range) -> None:
        """Copy the gate gradients of a chunk to their place in the panel, while they are in the cache."""
        place = slice(steps.start - panel.start, steps.stop - panel.start)
        self.gates_of(panel)[:, :, place] = self.scratch.gates[: len(steps)].transpose(1, 2, 0, 3)

    def add_products(self, panel: range) -> None:
        """Add this panel's share to the gradients of inputs and weights."""
        rows, inputs, width = self.sizes.rows, self.sizes.inputs, len(panel) * self.sizes.batch
        z = self.scratch.columns_panel[: rows * width].reshape(rows, len(panel), self.sizes.batch)
        z[...] = self.tape.columns[panel.start : panel.stop].transpose(1, 0, 2)
        z = z.reshape(rows, width)
        gates = self.gates_of(panel)
        by_x, by_h = (g.reshape(prod(g.shape[:2]), width) for g in (gates[self.x_gates], gates[self.h_gates]))
        if any(self.want[name] for name in ("w_ih", "w_hh", "b_ih", "b_hh")):
            same = self.x_gates == self.h_gates
            self.add([by_x @ z.T] if same else [by_x @ z[: inputs + 1].T, by_h @ z[inputs:].T])
        if self.want["x"]:
            np.matmul(by_x.T, self.w_ih.T, out=self.dx[panel.start : panel.stop].reshape(width, inputs))

    def add(self, products: list[Any]) -> None:
        """Add to the gradient of [w_ih | b | w_hh], or to those of [w_ih | b] and [b | w_hh]."""
        if not self.sums:
            self.sums = products
            return
        for total, more in zip(self.sums, products, strict=True):
            total += more

    def gradients(self) -> dict[str, Any]:
        """The gradients by the name of the argument, all that are wanted among them."""
        found = {"h0": self.scratch.dh.T.copy()}
        if self.want["x"]:
            found["x"] = self.order.walk(self.dx)
        if self.sums:
            _, _, inputs, hidden, outputs = self.sizes
            x_one, one_h = self.sums[0][:, : inputs + 1], self.sums[-1][:, -outputs - 1 :]
            found["w_ih"] = to_torch(self.gates.in_x, x_one[:, :-1], hidden)
            found["b_ih"] = to_torch(self.gates.in_x, x_one[:, -1], hidden)
            found["w_hh"] = to_torch(self.gates.in_h, one_h[:, 1:], hidden)
            found["b_hh"] = to_torch(self.gates.in_h, one_h[:, 0], hidden)
        return found

"""What recurrent layers of all kinds share: their ops, the layouts of their input, the way through several.

A layer runs one fused op per depth and direction (`ops/recurrent`) over (T, N, I).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...ops import cat, index_select, squeeze, stack, transpose, unsqueeze
from ...ops.recurrent import gru_layer, gru_step, lstm_layer, lstm_step, rnn_cell, rnn_layer
from ...ops.recurrent.packing import active_steps, join_rows, pad_rows
from ...tensor import Tensor
from ..functional import dropout
from ..utils.rnn import PackedSequence


class Mode(NamedTuple):
    """What a kind of recurrent layer is: how many gates its weights hold, its states, and its ops.

    `layer` has to prepare its buffers; for a single step, as when text is generated, `step` is quicker.
    """

    gates: int
    states: tuple[str, ...]
    layer: Callable[..., tuple]
    step: Callable[..., Any]
    settings: tuple = ()

    def run(self, x: Tensor, states: list, weights: list, batch_sizes: list | None, reverse: bool) -> tuple:
        """y (T, N, H) and the final states of one layer in one direction over x (T, N, I)."""
        if x.shape[0] > 1:
            return self.layer(x, *states, *weights, *self.settings, batch_sizes, reverse)
        last = self.step(x[0], *states, *weights, *self.settings)
        last = last if isinstance(last, tuple) else (last,)
        return unsqueeze(last[0], 0), *last


MODES = {
    "LSTM": Mode(4, ("hx", "cx"), lstm_layer, lstm_step),
    "GRU": Mode(3, ("hx",), gru_layer, gru_step),
    "RNN_TANH": Mode(1, ("hx",), rnn_layer, rnn_cell, ("tanh",)),
    "RNN_RELU": Mode(1, ("hx",), rnn_layer, rnn_cell, ("relu",)),
}
PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


# ---- layouts of the input: each to (T, N, I) and back --------------------------------------------
class Padded:
    """(T, N, I), or (N, T, I) with `batch_first`."""

    batch_sizes: list[int] | None = None

    def __init__(self, input: Tensor, batch_first: bool):
        self.batch_first = batch_first
        self.x = transpose(input, 0, 1) if batch_first else input

    def leave(self, y: Tensor) -> Any:
        """The output in the layout of the input."""
        return transpose(y, 0, 1) if self.batch_first else y

    def enter_state(self, state: Tensor) -> Tensor:
        """A given state as (L, N, H)."""
        return state

    def leave_state(self, state: Tensor) -> Tensor:
        """A state (L, N, H) in the layout of the input."""
        return state

    def dropout(self, y: Tensor, p: float) -> Tensor:
        return dropout(y, p)


class Unbatched(Padded):
    """(T, I): a batch of one, whose states are (L, H)."""

    def __init__(self, input: Tensor):
        self.x = unsqueeze(input, 1)

    def leave(self, y: Tensor) -> Tensor:
        return squeeze(y, 1)

    def enter_state(self, state: Tensor) -> Tensor:
        return unsqueeze(state, 1)

    def leave_state(self, state: Tensor) -> Tensor:
        return squeeze(state, 1)


class Packed(Padded):
    """A PackedSequence; given and returned states are in the order before sorting."""

    def __init__(self, input: PackedSequence):
        self.input = input
        self.batch_sizes = input.batch_sizes.tolist()
        self.active = active_steps(self.batch_sizes)
        self.x = pad_rows(input.data, self.active, 0)

    def leave(self, y: Tensor) -> PackedSequence:
        return PackedSequence(join_rows(y, self.active), *self.input[1:])

    def enter_state(self, state: Tensor) -> Tensor:
        order = self.input.sorted_indices
        return state if order is None else index_select(state, 1, order)

    def leave_state(self, state: Tensor) -> Tensor:
        order = self.input.unsorted_indices
        return state if order is None else index_select(state, 1, order)

    def dropout(self, y: Tensor, p: float) -> Tensor:
        rows = dropout(join_rows(y, self.active), p)  # numbers are drawn for real steps alone, as in PyTorch
        return pad_rows(rows, self.active, 0)


# ---- one layer after the other ---------------------------------------------------------------------------
def through_layers(
    mode: Mode,
    layout: Padded,
    state_of: Callable[[int], list],
    weights: list[list],
    directions: int,
    p: float,
) -> tuple[Any, tuple[Tensor, ...]]:
    """The output and the final states (L, N, H), in the input's layout, of layers * directions = L lists of
    weights.

    `state_of(i)` are the initial states (N, H) of the i-th of them; p is the probability of dropping an
    element between layers.
    """
    x, finals = layout.x, []
    for first in range(0, len(weights), directions):
        outputs = []
        for i in range(first, first + directions):
            y, *final = mode.run(x, state_of(i), weights[i], layout.batch_sizes, i > first)
            outputs.append(y)
            finals.append(final)
        x = cat(outputs, -1) if directions > 1 else outputs[0]
        if p and first + directions < len(weights):
            x = layout.dropout(x, p)
    if len(finals) == 1 and layout.x.shape[0] > 1:  # a view takes a tenth of the time
        states = [unsqueeze(state, 0) for state in finals[0]]
    else:  # the only step's output is its state, which a copy keeps apart
        states = [stack(parts) for parts in zip(*finals, strict=True)]
    return layout.leave(x), tuple(map(layout.leave_state, states))

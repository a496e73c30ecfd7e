"""One step of a recurrent layer: RNNCell, LSTMCell, GRUCell, for loops that are written by hand."""

from __future__ import annotations

import math

from ...ops import empty, squeeze, unsqueeze, zeros
from ...ops.recurrent import gru_step, lstm_step, rnn_cell
from ...tensor import Tensor
from .. import init
from ..parameter import Parameter
from .module import Module


class RNNCellBase(Module):
    """What the cells share: `weight_ih` (G * H, I), `weight_hh` (G * H, H), two biases (G * H,) or None."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device=None, dtype=None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(
                name, Parameter(empty(rows, device=device, dtype=dtype)) if bias else None
            )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from the uniform distribution on ±1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        """The settings that are not the default."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"

    def _weights(self) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _batched(
        self, input: Tensor, states: tuple[Tensor, ...] | None, count: int
    ) -> tuple[Tensor, list[Tensor]]:
        """The input as (N, I) and the states as (N, H), zeros where there are none; checked."""
        if input.dim() not in (1, 2):
            shape = tuple(input.shape)
            raise ValueError(
                f"Expected input to be 1D or 2D, got {len(shape)}D instead: {shape}; make it (N, I) or (I,)"
            )
        x = input if input.dim() == 2 else unsqueeze(input, 0)
        if x.shape[1] != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {x.shape[1]} expected {self.input_size}"
            )
        if states is None:
            return x, [zeros((x.shape[0], self.hidden_size), dtype=x.dtype, device=x.device)] * count
        for state in states:
            self._check_state(x, input, state)
        return x, [s if s.dim() == 2 else unsqueeze(s, 0) for s in states]

    def _check_state(self, x: Tensor, input: Tensor, state: Tensor) -> None:
        if state.dim() != input.dim():
            raise ValueError(
                f"Expected hidden to be {input.dim()}D like the input, got {state.dim()}D instead: "
                f"{tuple(state.shape)}"
            )
        if state.shape[-1] != self.hidden_size:
            raise RuntimeError(
                f"hidden has inconsistent hidden_size: got {state.shape[-1]}, expected {self.hidden_size}"
            )
        if state.dim() == 2 and state.shape[0] != x.shape[0]:
            raise RuntimeError(
                f"Input batch size {x.shape[0]} doesn't match hidden batch size {state.shape[0]}"
            )


class RNNCell(RNNCellBase):
    """One step of RNN: h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu in place of tanh.

    Called with x (N, I), or (I,), and optionally `hx` (N, H), it returns the next h (N, H).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}; use 'tanh' or 'relu'")
        x, (h,) = self._batched(input, None if hx is None else (hx,), 1)
        h = rnn_cell(x, h, *self._weights(), self.nonlinearity)
        return h if input.dim() == 2 else squeeze(h, 0)


class LSTMCell(RNNCellBase):
    """One step of LSTM.

    Called with x (N, I), or (I,), and optionally `(h, c)`, both (N, H), it returns the next (h, c).
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The next states (h, c)."""
        x, (h, c) = self._batched(input, None if hx is None else tuple(hx), 2)
        h, c = lstm_step(x, h, c, *self._weights(), None)
        return (h, c) if input.dim() == 2 else (squeeze(h, 0), squeeze(c, 0))


class GRUCell(RNNCellBase):
    """One step of GRU.

    Called with x (N, I), or (I,), and optionally `hx` (N, H), it returns the next h (N, H).
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        x, (h,) = self._batched(input, None if hx is None else (hx,), 1)
        h = gru_step(x, h, *self._weights())
        return h if input.dim() == 2 else squeeze(h, 0)

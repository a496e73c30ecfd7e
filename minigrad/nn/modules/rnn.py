"""Recurrent layers over whole sequences, several deep, in both directions, packed or padded: RNN, LSTM, GRU.

This file has the parameters and checks what it was given; `rnn_layouts.py` goes through the layers.
"""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from ...backend import zeros_beside
from ...engine import untracked
from ...ops import empty
from ...tensor import Tensor
from .. import init
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from .module import Module
from .rnn_cells import GRUCell, LSTMCell, RNNCell, RNNCellBase  # noqa: F401 - PyTorch has them in this file
from .rnn_layouts import MODES, PARTS, Packed, Padded, Unbatched, through_layers


class RNNBase(Module):
    """What RNN, LSTM and GRU share: their settings, their parameters and the way through their layers.

    Parameters of layer k, each with the suffix `_reverse` for the way back: `weight_ih_lk` (G * H, I),
    where I is `input_size` for the first layer and the size of the output for the others, `weight_hh_lk` (G
    * H, H), `bias_ih_lk` and `bias_hh_lk` (G * H,), and with a `proj_size` P `weight_hr_lk` (P, H); P then
    stands for H in the output and in `weight_hh_lk`. G is 4 for LSTM (gates i, f, g, o), 3 for GRU (r, z,
    n), 1 for RNN.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_settings()
        self.dropout = float(dropout)
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in self._suffixes:
                self._add_layer(layer, suffix, device, dtype)
        self.reset_parameters()

    def _check_settings(self) -> None:
        for name, kind in (("bias", bool), ("batch_first", bool), ("input_size", int), ("hidden_size", int)):
            if not isinstance(getattr(self, name), kind):
                given = type(getattr(self, name)).__name__
                raise TypeError(f"{name} should be of type {kind.__name__}, got: {given}")
        for name in ("input_size", "hidden_size", "num_layers"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than zero, got {getattr(self, name)}")
        p = self.dropout
        if not isinstance(p, numbers.Number) or isinstance(p, bool) or not 0 <= p <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being "
                f"zeroed, got {p!r}"
            )
        if p > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={p} and num_layers={self.num_layers}",
                stacklevel=4,
            )
        if self.mode not in MODES:
            raise ValueError(f"Unrecognized RNN mode: {self.mode}; use one of {', '.join(MODES)}")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError(
                f"proj_size has to be smaller than hidden_size, got {self.proj_size} and {self.hidden_size}"
            )

    @property
    def _suffixes(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    @property
    def _output_size(self) -> int:
        """Of one direction."""
        return self.proj_size or self.hidden_size

    def _add_layer(self, layer: int, suffix: str, device, dtype) -> None:
        rows, outputs = MODES[self.mode].gates * self.hidden_size, self._output_size
        inputs = self.input_size if layer == 0 else outputs * len(self._suffixes)
        sizes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, outputs)}
        if self.bias:
            sizes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            sizes |= {"weight_hr": (self.proj_size, self.hidden_size)}
        names = {part: f"{part}_l{layer}{suffix}" for part in sizes}
        for part, name in names.items():
            self.register_parameter(name, Parameter(empty(sizes[part], device=device, dtype=dtype)))
        self._all_weights.append(list(names.values()))

    def _weights(self, layer: int, suffix: str) -> list[Parameter | None]:
        """The parameters of one layer and direction as its op takes them, None for those it does not have."""
        parts = (*PARTS, "weight_hr") if self.mode == "LSTM" else PARTS
        return [getattr(self, f"{part}_l{layer}{suffix}", None) for part in parts]

    def reset_parameters(self) -> None:
        """Draw every parameter from the uniform distribution on ±1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Does nothing: only cuDNN needs its weights in one piece."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters, one list per layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def extra_repr(self) -> str:
        """The settings that are not the default."""
        usual = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        others = [
            f", {name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value
        ]
        return f"{self.input_size}, {self.hidden_size}" + "".join(others)

    def _through_layers(
        self, input: Tensor | PackedSequence, given: tuple[Tensor, ...] | None
    ) -> tuple[Any, tuple]:
        """The output, and the final states of all layers, (L, N, H), from an input and initial states."""
        layout = self._layout(input)
        states = self._initial_states(layout, given)
        weights = [self._weights(n, suffix) for n in range(self.num_layers) for suffix in self._suffixes]
        return through_layers(
            MODES[self.mode],
            layout,
            lambda i: states if given is None else [s[i] for s in states],
            weights,
            len(self._suffixes),
            self.dropout * self.training,
        )

    def _layout(self, input: Tensor | PackedSequence) -> Padded:
        data = input.data if isinstance(input, PackedSequence) else input
        if not isinstance(data, Tensor):
            raise TypeError(f"input must be a Tensor or a PackedSequence, not {type(input).__name__}")
        self._check_input(data, packed=data is not input)
        if isinstance(input, PackedSequence):
            return Packed(input)
        return Unbatched(input) if input.dim() == 2 else Padded(input, self.batch_first)

    def _check_input(self, data: Tensor, packed: bool) -> None:
        shape = tuple(data.shape)
        if not packed and len(shape) not in (2, 3):
            form = "(N, T, I)" if self.batch_first else "(T, N, I)"
            raise ValueError(
                f"Expected input to be 2D or 3D, got {len(shape)}D instead: {shape}; make it (T, I) or {form}"
            )
        if shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {shape[-1]}: "
                f"the input is {shape}"
            )
        if shape[1 if self.batch_first and len(shape) == 3 else 0] == 0:
            raise RuntimeError(f"Expected sequence length to be larger than 0, but the input is {shape}")
        wanted = self.weight_ih_l0.dtype
        if data.dtype != wanted:
            raise ValueError(
                f"input dtype ({data.dtype}) does not match weight dtype ({wanted}). "
                f"Convert input: input.to({wanted}), or convert model: model.to({data.dtype})"
            )

    def _initial_states(self, layout: Padded, given: tuple[Tensor, ...] | None) -> list[Tensor]:
        """The states (L, N, H) that were given; without any, zeros (N, H) that serve for all layers."""
        names, batch = MODES[self.mode].states, layout.x.shape[1]
        sizes = (self._output_size, self.hidden_size)[: len(names)]
        if given is None:
            return [untracked(zeros_beside(layout.x.array, (batch, size))) for size in sizes]
        self._check_ndims(layout, given)
        states = [layout.enter_state(s) for s in given]
        for number, (state, size) in enumerate(zip(states, sizes, strict=True)):
            wanted = (self.num_layers * len(self._suffixes), batch, size)
            if tuple(state.shape) != wanted:
                name = f"hidden[{number}]" if len(names) > 1 else "hidden"
                raise RuntimeError(f"Expected {name} size {wanted}, got {list(state.shape)}")
        return states

    def _check_ndims(self, layout: Padded, given: tuple[Tensor, ...]) -> None:
        names, ndims = MODES[self.mode].states, [s.dim() for s in given]
        wanted = 2 if isinstance(layout, Unbatched) else 3
        if any(n != wanted for n in ndims):
            kind = "unbatched 2-D" if wanted == 2 else "batched 3-D"
            found = ", ".join(f"{n}-D" for n in ndims)
            raise RuntimeError(
                f"For {kind} input, {' and '.join(names)} should also be {wanted}-D but got ({found}) tensors"
            )


class RNN(RNNBase):
    """The plain recurrent layer: h_t = tanh(W_ih x_t + b_ih + W_hh h_t-1 + b_hh), or relu in place of tanh.

    RNN(input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False,
    dropout=0.0, bidirectional=False, device=None, dtype=None). `dropout` is the probability of dropping an
    element between layers.

    Called with an input (T, N, I), (N, T, I) with `batch_first`, (T, I), or a PackedSequence, and
    optionally `hx` (L, N, H), L = layers * directions, it returns the output (T, N, D * H), D = directions,
    and `h_n` (L, N, H).
    """

    def __init__(self, *args, **kwargs) -> None:
        _refuse_projection(kwargs)
        self.nonlinearity = args[3] if len(args) > 3 else kwargs.pop("nonlinearity", "tanh")
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{self.nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{self.nonlinearity.upper()}", *args[:3], *args[4:], **kwargs)

    def forward(self, input: Tensor | PackedSequence, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """The output of the last layer at every step, and the final state of every layer."""
        y, (h_n,) = self._through_layers(input, None if hx is None else (hx,))
        return y, h_n


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; projection: Sak et al. 2014).

        i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)      g = tanh(W_ig x + b_ig + W_hg h + b_hg)
        f = sigmoid(W_if x + b_if + W_hf h + b_hf)      c' = f * c + i * g
        o = sigmoid(W_io x + b_io + W_ho h + b_ho)      h' = o * tanh(c'), then W_hr h' if projected

    LSTM(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
    bidirectional=False, proj_size=0, device=None, dtype=None). `dropout` is the probability of dropping an
    element between layers.

    Called with an input (T, N, I), (N, T, I) with `batch_first`, (T, I), or a PackedSequence, and
    optionally `(h_0, c_0)`, it returns the output (T, N, D * P) and `(h_n, c_n)`: h (L, N, P) and c (L, N,
    H), where L = layers * directions, D = directions, and P is `proj_size`, or H without one.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def forward(
        self, input: Tensor | PackedSequence, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """The output of the last layer at every step, and the final states of every layer."""
        if hx is not None and (isinstance(hx, Tensor) or len(hx) != 2):
            raise TypeError("hx must be a tuple (h_0, c_0) of two tensors")
        y, (h_n, c_n) = self._through_layers(input, None if hx is None else tuple(hx))
        return y, (h_n, c_n)


class GRU(RNNBase):
    """The gated recurrent unit (Cho et al. 2014), with `b_hn` inside the reset product.

        r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)      n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
        z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)      h' = (1 - z) * n + z * h

    GRU(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
    device=None, dtype=None). `dropout` is the probability of dropping an element between layers.

    Called with an input (T, N, I), (N, T, I) with `batch_first`, (T, I), or a PackedSequence, and
    optionally `hx` (L, N, H), L = layers * directions, it returns the output (T, N, D * H), D = directions,
    and `h_n` (L, N, H).
    """

    def __init__(self, *args, **kwargs) -> None:
        _refuse_projection(kwargs)
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input: Tensor | PackedSequence, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """The output of the last layer at every step, and the final state of every layer."""
        y, (h_n,) = self._through_layers(input, None if hx is None else (hx,))
        return y, h_n


def _refuse_projection(kwargs: dict) -> None:
    if "proj_size" in kwargs:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")

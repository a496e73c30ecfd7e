"""Recurrent layers as functions of their weights: PyTorch's `torch.lstm`, `torch.gru_cell` and their like.

Two forms, as in PyTorch: (input, hx, params, ..., batch_first) of a padded batch, and (data, batch_sizes, hx,
params, ...) of a packed one. `params` lists weight_ih, weight_hh, and with `has_biases` bias_ih, bias_hh, of
each layer and direction.
"""

from __future__ import annotations

from ..ops.recurrent import gru_step, lstm_step
from ..ops.recurrent import rnn_cell as rnn_step
from ..tensor import Tensor
from .modules.rnn_layouts import MODES, Packed, Padded, through_layers
from .utils.rnn import PackedSequence


def _layers(kind: str):
    mode = MODES[kind]

    def run(input, *arguments, **named) -> tuple[Tensor, ...]:
        given = _arguments(arguments, named)
        if "batch_sizes" in given:
            layout: Padded = Packed(PackedSequence(input, given["batch_sizes"]))
        else:
            layout = Padded(input, given["batch_first"])
        states = (given["hx"],) if isinstance(given["hx"], Tensor) else tuple(given["hx"])
        directions = 2 if given["bidirectional"] else 1
        weights = _by_layer(given["params"], given["num_layers"] * directions, given["has_biases"], kind)
        p = given["dropout"] * given["train"]
        y, final = through_layers(mode, layout, lambda i: [s[i] for s in states], weights, directions, p)
        return y.data if isinstance(y, PackedSequence) else y, *final

    run.__name__ = run.__qualname__ = kind.lower()
    run.__doc__ = "The output, and the final states, of all layers; see the head of this file."
    return run


_SETTINGS = ("params", "has_biases", "num_layers", "dropout", "train", "bidirectional")


def _arguments(arguments: tuple, named: dict) -> dict:
    """The arguments by name; third in the one form is `has_biases`, in the other `params`."""
    packed = "batch_sizes" in named or not isinstance((*arguments, True, True, True)[2], bool)
    names = ("batch_sizes", "hx", *_SETTINGS) if packed else ("hx", *_SETTINGS, "batch_first")
    return dict(zip(names, arguments, strict=False)) | named


def _by_layer(params, count: int, has_biases: bool, kind: str) -> list[list]:
    """The weights of each layer and direction as its op takes them, None for those that there are not."""
    each = len(params) // count
    if each * count != len(params) or each not in ((4, 5) if has_biases else (2, 3)):
        raise RuntimeError(
            f"{kind.lower()}: {len(params)} params do not fit {count} layers and directions with "
            f"has_biases={has_biases}"
        )
    layers = []
    for start in range(0, len(params), each):
        matrices, others = list(params[start : start + 2]), list(params[start + 2 : start + each])
        others = others if has_biases else [None, None, *others]
        layers.append(matrices + others + [None] * (kind == "LSTM" and len(others) == 2))
    return layers


rnn_tanh, rnn_relu, lstm, gru = (_layers(kind) for kind in ("RNN_TANH", "RNN_RELU", "LSTM", "GRU"))


# ---- one step ----------------------------------------------------------------------------------------------
def rnn_tanh_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih=None, b_hh=None) -> Tensor:
    """The next state (N, H) of a plain recurrent layer with tanh."""
    return rnn_step(input, hx, w_ih, w_hh, b_ih, b_hh, "tanh")


def rnn_relu_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih=None, b_hh=None) -> Tensor:
    """The next state (N, H) of a plain recurrent layer with relu."""
    return rnn_step(input, hx, w_ih, w_hh, b_ih, b_hh, "relu")


def lstm_cell(input: Tensor, hx, w_ih: Tensor, w_hh: Tensor, b_ih=None, b_hh=None) -> tuple[Tensor, Tensor]:
    """The next states (h, c), each (N, H), of an LSTM, from `hx` = (h, c)."""
    return lstm_step(input, *hx, w_ih, w_hh, b_ih, b_hh, None)


def gru_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih=None, b_hh=None) -> Tensor:
    """The next state (N, H) of a GRU."""
    return gru_step(input, hx, w_ih, w_hh, b_ih, b_hh)

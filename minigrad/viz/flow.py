"""Where gradients go: by parameter, by time step; and what the gates of a recurrent layer do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..backend import to_numpy
from ..gradients import grad
from ..ops import chunk, sigmoid, tanh
from ..ops.linear import linear
from .curves import bars, curves
from .svg import Picture


def gradient_sizes(model) -> dict[str, float]:
    """The Euclidean norm of each parameter's `.grad`, in the order of the model; nan where there is none."""
    return {
        name: float(np.linalg.norm(to_numpy(p.grad.array).ravel())) if p.grad is not None else math.nan
        for name, p in model.named_parameters()
    }


def gradient_flow(model, title: str = "size of the gradient, by parameter") -> Picture:
    """A bar for each parameter, as long as the logarithm of its gradient's norm; call it after
    `backward()`.
    """
    sizes = gradient_sizes(model)
    if all(math.isnan(size) for size in sizes.values()):
        raise RuntimeError("gradient_flow: no parameter has a gradient; call backward() first")
    return bars(sizes, title, log=True)


def gradient_by_step(loss, x) -> list[float]:
    """The norm of the gradient of `loss` with respect to each time step of x (T, ...), a leaf that requires
    grad.

    The graph is kept. Raises as `autograd.grad` does where x was not used.
    """
    (g,) = grad(loss, x, retain_graph=True)
    return [float(n) for n in np.linalg.norm(to_numpy(g.array).reshape(len(g), -1), axis=1)]


def gradient_through_time(
    by_model: Mapping[str, Sequence[float]], title: str = "size of the gradient, by time step"
) -> Picture:
    """Curves of `gradient_by_step`, one per model, over the number of steps back from the last, on a
    logarithmic axis.
    """
    longest = max(len(sizes) for sizes in by_model.values())
    series = {name: list(sizes)[::-1] for name, sizes in by_model.items()}
    return curves(series, title, "steps back", "", x=range(longest), log_y=True)


# ---- gates ---------------------------------------------------------------------------------------
def gates(layer, x, layer_number: int = 0) -> dict[str, Any]:
    """What the gates of an LSTM or GRU layer do along one sequence x (T, I): {gate: (T, H)}, with states h
    and c.

    Of an LSTM: input, forget, cell, output, c, h. Of a GRU: reset, update, new, h. The forward direction of
    one layer, from a zero state; x is that layer's input. Raises TypeError for other layers.
    """
    steps = {"LSTM": _lstm_gates, "GRU": _gru_gates}
    kind = type(layer).__name__
    if kind not in steps:
        raise TypeError(f"gates: a {kind} has none; pass an LSTM or a GRU")
    if x.ndim != 2:
        raise ValueError(f"gates: x {tuple(x.shape)} must be one sequence (T, I)")
    named = [
        getattr(layer, f"{n}_l{layer_number}", None) for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    w_ih, w_hh, b_ih, b_hh = (None if t is None else t.detach() for t in named)
    projection = getattr(layer, f"weight_hr_l{layer_number}", None)
    outputs = (projection.shape[0] if projection is not None else layer.hidden_size,)
    state = x.new_zeros(outputs), x.new_zeros((layer.hidden_size,))
    found: dict[str, list] = {}
    for x_t in x.detach():
        into, back = linear(x_t, w_ih, b_ih), linear(state[0], w_hh, b_hh)
        now, state = steps[kind](into, back, state)
        if projection is not None:
            state = (projection.detach() @ state[0], state[1])
            now["h"] = state[0]
        for name, value in now.items():
            found.setdefault(name, []).append(to_numpy(value.array))
    return {name: np.stack(values) for name, values in found.items()}


def _lstm_gates(into, back, state) -> tuple[dict, tuple]:
    i, f, g, o = chunk(into + back, 4, -1)
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    c = f * state[1] + i * g
    h = o * tanh(c)
    return {"input": i, "forget": f, "cell": g, "output": o, "c": c, "h": h}, (h, c)


def _gru_gates(into, back, state) -> tuple[dict, tuple]:
    (r, z, n), (r_h, z_h, n_h) = chunk(into, 3, -1), chunk(back, 3, -1)
    r, z = sigmoid(r + r_h), sigmoid(z + z_h)
    n = tanh(n + r * n_h)
    h = (1 - z) * n + z * state[0]
    return {"reset": r, "update": z, "new": n, "h": h}, (h, h)

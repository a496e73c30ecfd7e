"""Translations of what layers compute: affine maps, tables, convolution, pooling, norms, attention,
recurrence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import reduce
from .graph import Graph, Tensor, UntranslatableError, static


# ---- linear, embedding, dropout ------------------------------------------------------------------
def _linear(g: Graph, input, weight, bias):
    if weight.ndim == 2 and input.ndim == 2:
        return g.op("Gemm", input, weight, bias, transB=1)
    turned = g.op("Transpose", weight, perm=[1, 0]) if weight.ndim == 2 else weight
    out = g.op("MatMul", input, turned)
    return out if bias is None else g.op("Add", out, bias)


def _embedding(g: Graph, input, weight, max_norm=None, **_):
    if max_norm is not None:
        raise UntranslatableError(
            "max_norm changes the table whenever it is used; renormalise it once and pass None"
        )
    return g.op("Gather", weight, input, axis=0)


def _one_hot(g: Graph, tensor, num_classes):
    if num_classes < 0:
        raise UntranslatableError("one_hot needs num_classes")
    return g.op("OneHot", tensor, g.ints([num_classes]), np.array([0, 1]), axis=-1, dtype=np.int64)


# ---- convolution and pooling ---------------------------------------------------------------------
def _pads(pads) -> list[int]:
    """ONNX's order: all numbers before, then all after."""
    before, after = zip(*static(pads, "padding"))
    return [*before, *after]


def _conv(g: Graph, x, w, b, how):
    return g.op(
        "Conv", x, w, b, strides=how.stride, pads=_pads(how.pads), dilations=how.dilation, group=how.groups
    )


def _conv_transposed(g: Graph, x, w, how):
    kernel, ndim = w.shape[2:], len(how.stride)
    sizes = zip(x.shape[2:], g.result.shape[2:], how.stride, how.pads, how.spread(kernel))
    extra = [_at_first(m) - ((_at_first(n) - 1) * s - sum(p) + r) for n, m, s, p, r in sizes]
    return g.op(
        "ConvTranspose",
        x,
        w,
        strides=how.stride,
        pads=_pads(how.pads),
        dilations=how.dilation,
        group=how.groups,
        output_padding=extra if any(extra) else None,
        kernel_shape=kernel[:ndim],
    )


def _at_first(size) -> int:
    """A size in the first run: how much an output is padded does not depend on it."""
    return size if isinstance(size, int) else size.runs[0]


def _windows(axes) -> dict[str, Any]:
    if any(a is None for a in axes):
        raise UntranslatableError(
            "windows of different sizes have no node in ONNX; let the output divide the input"
        )
    sizes, strides, dilations = zip(*static(axes, "the windows of a pooling"))
    return {"kernel_shape": sizes, "strides": strides, "dilations": dilations}


def _max_pool(g: Graph, x, axes, pads, with_places):
    if with_places:
        raise UntranslatableError("return_indices of a pooling has no counterpart in ONNX; leave it False")
    return g.op("MaxPool", x, **_windows(axes), pads=_pads(pads)), None


def _average_pool(g: Graph, x, axes, pads, divisor):
    windows = _windows(axes)
    size, dilations = math.prod(windows["kernel_shape"]), windows.pop("dilations")
    if any(d != 1 for d in dilations):
        windows["dilations"] = dilations
    mean = g.op("AveragePool", x, **windows, pads=_pads(pads), count_include_pad=1)
    if isinstance(divisor, (int, float)):
        return mean if divisor == size else g.op("Mul", mean, g.tensor(size / divisor, x.dtype))
    return g.op("Mul", mean, g.constant((size / divisor).astype(x.dtype)))


def _largest_of_all(g: Graph, input):
    return reduce("ReduceMax")(g, input, tuple(range(2, input.ndim)), True), None


def _resample(g: Graph, x, axis, taps):
    """A product with the matrix that has the taps' weights: new elements from old ones."""
    static(x.shape[axis], "an axis that is resampled")
    places, weights = taps[:2]
    matrix = np.zeros((taps.size, len(places)))
    np.add.at(matrix, (places, np.arange(len(places))[:, None]), weights)
    order = [*(a for a in range(x.ndim) if a != axis), axis]
    last = g.op("Transpose", x, perm=order) if axis != x.ndim - 1 else x
    made = g.op("MatMul", last, g.constant(matrix.astype(x.dtype)))
    return g.op("Transpose", made, perm=np.argsort(order).tolist()) if axis != x.ndim - 1 else made


# ---- normalisation -------------------------------------------------------------------------------
def _or(g: Graph, tensor, value: float, size: int, dtype):
    """The tensor, or a constant one of a value."""
    return g.constant(np.full(size, value, dtype)) if tensor is None else tensor


def _layer_norm(g: Graph, input, normalized_shape, weight, bias, eps):
    shape = static(tuple(normalized_shape), "normalized_shape")
    scale = g.constant(np.ones(shape, input.dtype)) if weight is None else weight
    return g.op("LayerNormalization", input, scale, bias, axis=-len(shape), epsilon=float(eps))


def _rms_norm(g: Graph, input, normalized_shape, weight, eps):
    axes = g.ints(range(-len(normalized_shape), 0))
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    mean = g.op("ReduceMean", g.op("Mul", input, input), axes, keepdims=1)
    out = g.op("Div", input, g.op("Sqrt", g.op("Add", mean, g.tensor(eps, input.dtype))))
    return out if weight is None else g.op("Mul", out, weight)


def _batch_norm(g: Graph, input, running_mean, running_var, weight, bias, training, momentum, eps):
    size = input.shape[1]
    scale, shift = _or(g, weight, 1, size, input.dtype), _or(g, bias, 0, size, input.dtype)
    return g.op("BatchNormalization", input, scale, shift, running_mean, running_var, epsilon=float(eps))


def _group_norm(g: Graph, input, num_groups, weight, bias, eps):
    """By InstanceNormalization of the groups: GroupNormalization's scale changed its meaning at opset 21."""
    groups = g.op("Reshape", input, g.ints([0, num_groups, -1]))
    ones, zeros = (np.full(num_groups, v, input.dtype) for v in (1, 0))
    normal = g.op("InstanceNormalization", groups, ones, zeros, epsilon=float(eps))
    out = g.op("Reshape", normal, g.shape(input.shape))
    for kind, tensor in (("Mul", weight), ("Add", bias)):
        if tensor is not None:
            out = g.op(kind, out, g.op("Reshape", tensor, g.ints([-1, *(1,) * (input.ndim - 2)])))
    return out


def _instance_norm(g: Graph, input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps):
    if not use_input_stats:
        return _batch_norm(g, input, running_mean, running_var, weight, bias, False, momentum, eps)
    size = input.shape[1]
    scale, shift = _or(g, weight, 1, size, input.dtype), _or(g, bias, 0, size, input.dtype)
    return g.op("InstanceNormalization", input, scale, shift, epsilon=float(eps))


# ---- attention -----------------------------------------------------------------------------------
def _attention(g: Graph, q, k, v, mask, noise, scale, causal):
    """softmax(scale q k^T + mask) v; what is hidden weighs 0, also where a query sees nothing."""
    if noise is not None:
        raise UntranslatableError("dropout is in training mode; call model.eval() first")
    order = [*range(k.ndim - 2), k.ndim - 1, k.ndim - 2]
    scaled = g.op("Mul", q, g.tensor(scale, q.dtype))
    scores = g.op("MatMul", scaled, g.op("Transpose", k, perm=order))
    hidden = _hidden(g, mask, (q.shape[-2], k.shape[-2]) if causal else None)
    if hidden is not None:
        scores = g.op("Where", hidden, g.tensor(-np.inf, q.dtype), scores, dtype=q.dtype)
    elif mask is not None:
        scores = g.op("Add", scores, g.cast(mask, q.dtype))
        hidden = g.op("Equal", scores, g.tensor(-np.inf, q.dtype), dtype=bool)
    weights = g.op("Softmax", scores, axis=-1)
    if hidden is not None:
        weights = g.op("Where", hidden, g.tensor(0, q.dtype), weights, dtype=q.dtype)
    return g.op("MatMul", weights, v)


def _hidden(g: Graph, mask, causal: tuple | None):
    """True where a query must not look, or None where all is seen, or a mask is added."""
    if causal is not None:
        ones = g.op("Expand", np.array(1.0, np.float32), g.ints(causal))
        return g.cast(g.op("Trilu", ones, np.array(1), upper=1), bool)
    return g.op("Not", mask) if mask is not None and mask.dtype == bool else None


# ---- recurrence ----------------------------------------------------------------------------------
#: the order of the gates in ONNX, by their numbers in PyTorch's order: i f g o, r z n, and the only one
GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}


def _rows(g: Graph, weight, kind: str, what: str) -> np.ndarray:
    """A weight or bias with its gates in ONNX's order."""
    array = g.fixed(weight, what)
    gates = GATES[kind]
    return np.concatenate([np.split(array, len(gates))[gate] for gate in gates])


def _biases(g: Graph, b_ih, b_hh, kind: str):
    if b_ih is None:
        return None
    return np.concatenate([_rows(g, b, kind, "a recurrent layer's bias") for b in (b_ih, b_hh)])[None]


def _recurrent(g: Graph, kind: str, x, states: list, weights: tuple, reverse: bool = False, **attributes):
    """The outputs (T, N, H) of a layer and direction, and its last states (N, H), from x (T, N, I)."""
    w_ih, w_hh, b_ih, b_hh = weights
    w, r = (_rows(g, t, kind, "a recurrent layer's weight")[None] for t in (w_ih, w_hh))
    initial = [None if _is_zero(s) else g.op("Unsqueeze", s, g.ints([0])) for s in states]
    initial = initial if any(s is not None for s in initial) else []
    made = g.op(
        kind,
        *(x, w, r, _biases(g, b_ih, b_hh, kind), *([None, *initial] if initial else [])),
        hidden_size=r.shape[-1],
        direction="reverse" if reverse else "forward",
        outputs=1 + len(states),
        **attributes,
    )
    return g.op("Squeeze", made[0], g.ints([1])), *(g.op("Squeeze", s, g.ints([0])) for s in made[1:])


def _is_zero(state: Tensor) -> bool:
    return state.array is not None and not state.array.any()


def _unpacked(batch_sizes) -> None:
    if batch_sizes is not None:
        raise UntranslatableError(_PACKED)


def _unprojected(w_hr) -> None:
    if w_hr is not None:
        raise UntranslatableError(
            "ONNX's LSTM has no projection; set proj_size=0 and project by a Linear after it"
        )


def _lstm_layer(g: Graph, x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, batch_sizes, reverse):
    _unpacked(batch_sizes)
    _unprojected(w_hr)
    return _recurrent(g, "LSTM", x, [h0, c0], (w_ih, w_hh, b_ih, b_hh), reverse)


def _gru_layer(g: Graph, x, h0, w_ih, w_hh, b_ih, b_hh, batch_sizes, reverse):
    _unpacked(batch_sizes)
    return _recurrent(g, "GRU", x, [h0], (w_ih, w_hh, b_ih, b_hh), reverse, linear_before_reset=1)


def _rnn_layer(g: Graph, x, h0, w_ih, w_hh, b_ih, b_hh, nonlinearity, batch_sizes, reverse):
    _unpacked(batch_sizes)
    weights = w_ih, w_hh, b_ih, b_hh
    return _recurrent(g, "RNN", x, [h0], weights, reverse, activations=[nonlinearity.capitalize()])


def _lstm_step(g: Graph, x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr):
    _unprojected(w_hr)
    return _recurrent(g, "LSTM", g.op("Unsqueeze", x, g.ints([0])), [h, c], (w_ih, w_hh, b_ih, b_hh))[1:]


def _gru_step(g: Graph, x, h, w_ih, w_hh, b_ih, b_hh):
    x = g.op("Unsqueeze", x, g.ints([0]))
    return _recurrent(g, "GRU", x, [h], (w_ih, w_hh, b_ih, b_hh), linear_before_reset=1)[1]


_IN_TRAINING = "it is in training mode; call model.eval() first"
_PACKED = "a packed sequence has no counterpart in ONNX; pass the padded tensor"
#: by name, why a call with these arguments is refused, or None
REFUSED: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "ops.dropout.masked": lambda given: _IN_TRAINING,
    "ops.dropout.masked_and_shifted": lambda given: _IN_TRAINING,
    "ops.recurrent.packing.join_rows": lambda given: _PACKED,
    "nn.functional.normalization.batch_norm": lambda given: _IN_TRAINING if given["training"] else None,
    "nn.functional.normalization.instance_norm": lambda given: (
        _IN_TRAINING if given["use_input_stats"] and given["running_mean"] is not None else None
    ),
}

TABLE: dict[str, Callable] = {
    "ops.linear.linear": _linear,
    "nn.functional.linear.embedding": _embedding,
    "nn.functional.linear.one_hot": _one_hot,
    # convolution and pooling
    "ops.convolution.conv": _conv,
    "ops.convolution.conv_to_input": lambda graph, /, g, w, shape, how: _conv_transposed(graph, g, w, how),
    "ops.pooling._max_pool": _max_pool,
    "ops.pooling.average_windows": _average_pool,
    "nn.functional.pooling._largest_of_all": _largest_of_all,
    "ops.resampling.resample": _resample,
    # normalisation
    "nn.functional.normalization.layer_norm": _layer_norm,
    "nn.functional.normalization.rms_norm": _rms_norm,
    "nn.functional.normalization.batch_norm": _batch_norm,
    "nn.functional.normalization.group_norm": _group_norm,
    "nn.functional.normalization.instance_norm": _instance_norm,
    # attention
    "ops.attention._attention": _attention,
    # recurrence
    "ops.recurrent.lstm.lstm": _lstm_layer,
    "ops.recurrent.gru.gru": _gru_layer,
    "ops.recurrent.rnn.rnn": _rnn_layer,
    "ops.recurrent.steps.lstm": _lstm_step,
    "ops.recurrent.steps.gru": _gru_step,
}

"""`autograd.grad` with all that PyTorch's takes: also several cotangents at once."""

from __future__ import annotations

from typing import Any

from .. import gradients
from ..engine import Value
from ..ops import stack


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple:
    """The gradients of the outputs, weighted by `grad_outputs`, with respect to each input;
    `.grad` stays as it is.

    With `is_grads_batched` the first dimension of each of `grad_outputs` counts cotangents, and that of each
    gradient the gradients they give; the graph is walked once for each.
    """
    settings = (create_graph, allow_unused, materialize_grads)
    if not is_grads_batched:
        return gradients.grad(outputs, inputs, grad_outputs, retain_graph, *settings)
    if grad_outputs is None:
        raise RuntimeError(
            "grad: is_grads_batched=True needs grad_outputs, whose first dimension is the batch"
        )
    weights: list[Any] = [grad_outputs] if isinstance(grad_outputs, Value) else list(grad_outputs)
    count = min(w.array.shape[0] for w in weights if w is not None)
    keeps = create_graph if retain_graph is None else retain_graph
    rows = [
        gradients.grad(
            outputs, inputs, [w if w is None else w[i] for w in weights], keeps or i < count - 1, *settings
        )
        for i in range(count)
    ]
    return tuple(None if column[0] is None else stack(list(column)) for column in zip(*rows, strict=True))

"""`summary`: the layers of a model as a table, with shapes, parameters, memory and operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, NamedTuple

from ..autograd.grad_mode import no_grad
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor


class Row(NamedTuple):
    """One layer: its name in the model, its class, what it gave, and what it has and costs."""

    name: str
    kind: str
    output: str
    parameters: int
    bytes: int  # of its parameters and of what it gave
    products: int | None  # multiplications with a weight, each with its addition; None where not counted


class Summary:
    """A table of layers; print it, or read `rows` and `total_parameters`."""

    def __init__(self, rows: list[Row], total: int, trainable: int, own: int):
        self.rows, self.total_parameters, self.trainable_parameters, self.bytes = rows, total, trainable, own

    def __str__(self) -> str:
        head = ("layer", "kind", "output", "parameters", "kB", "multiply-adds")
        lines = [head, *(_cells(row) for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        table = [
            "  ".join(_aligned(cell, w, i) for i, (cell, w) in enumerate(zip(line, widths))) for line in lines
        ]
        counted = f"; {sum(row.products or 0 for row in self.rows):,} multiply-adds per call"
        return "\n".join(
            [
                *(line.rstrip() for line in (table[0], "-" * len(table[0]), *table[1:])),
                f"{self.total_parameters:,} parameters ({self.trainable_parameters:,} trainable) in "
                f"{self.bytes / 1000:,.1f} kB" + (counted if any(row.output for row in self.rows) else ""),
            ]
        )

    __repr__ = __str__


def summary(model, *inputs) -> Summary:
    """The layers of a model with the shapes they give for `inputs`, their parameters, memory and operations.

    A row for each module without children, in the order in which they are called, once per call. Operations
    are multiply-adds with weights, of Linear, Bilinear, convolutions, and recurrent layers; "-" elsewhere.
    The model runs once, in evaluation mode and without gradients; its modes and the random stream are put
    back. Without inputs only names and parameters are shown.
    """
    leaves = [(name, m) for name, m in model.named_modules() if not list(m.children())]
    rows: list[Row] = []
    if inputs:
        _run(model, leaves, inputs, rows)
    else:
        rows = [_row(name, m, (), None) for name, m in leaves]
    parameters = list(model.parameters())
    total = sum(p.numel() for p in parameters)
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    return Summary(rows, total, trainable, sum(p.array.nbytes for p in parameters))


def _run(model, leaves: list, inputs: tuple, rows: list[Row]) -> None:
    """Call the model once and note what each layer gave; leaves everything as it was."""
    modes, stream = [(m, m.training) for m in model.modules()], get_rng_state()

    def noting(name: str) -> Callable:
        return lambda module, args, output: rows.append(_row(name, module, args, output))

    handles = [m.register_forward_hook(noting(name)) for name, m in leaves]
    try:
        model.eval()
        with no_grad():
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
        set_rng_state(stream)


def _row(name: str, module, args: tuple, output) -> Row:
    given = list(_tensors(output))
    parameters = list(module.parameters(recurse=False))
    size = sum(t.array.nbytes for t in (*parameters, *given))
    shapes = ", ".join("x".join(map(str, t.shape)) or "scalar" for t in given[:1])
    count = PRODUCTS.get(type(module).__name__)
    products = count(module, args, given[0]) if count is not None and given else None
    return Row(
        name or "(model)", type(module).__name__, shapes, sum(p.numel() for p in parameters), size, products
    )


def _tensors(value: Any) -> Iterator[Any]:
    """The tensors in an output, however nested: the first is the one a reader wants to see."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        yield from _tensors(tuple(value.values()))


def _cells(row: Row) -> tuple[str, ...]:
    products = "-" if row.products is None else f"{row.products:,}"
    return row.name, row.kind, row.output, f"{row.parameters:,}", f"{row.bytes / 1000:,.1f}", products


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 3 else cell.rjust(width)


# ---- multiply-adds -------------------------------------------------------------------------------
def _of_linear(module, args, output) -> int:
    return output.numel() * module.weight.shape[-1]


def _of_bilinear(module, args, output) -> int:
    return output.numel() * prod(module.weight.shape[1:])


def _of_convolution(module, args, output) -> int:
    return output.numel() * prod(module.weight.shape[1:])


def _of_transposed(module, args, output) -> int:
    return args[0].numel() * prod(module.weight.shape[1:])


def _of_recurrent(module, args, output) -> int:
    steps = getattr(args[0], "data", args[0]) if not isinstance(args[0], Tensor) else args[0]
    rows = prod(steps.shape[:-1])  # steps times sequences
    return rows * sum(p.numel() for name, p in module.named_parameters(recurse=False) if "weight" in name)


PRODUCTS: dict[str, Callable] = {
    "Linear": _of_linear,
    "Bilinear": _of_bilinear,
    **dict.fromkeys(("Conv1d", "Conv2d", "Conv3d"), _of_convolution),
    **dict.fromkeys(("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"), _of_transposed),
    **dict.fromkeys(("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"), _of_recurrent),
}

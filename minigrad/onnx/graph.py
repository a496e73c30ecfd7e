"""The ONNX graph that is being written: nodes, constants, and sizes that are computed from the inputs'
shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .sizes import Size

INT64 = np.dtype(np.int64)


class UntranslatableError(Exception):
    """What a step does has no counterpart in ONNX; says why."""


@dataclass(eq=False)
class Tensor:
    """A tensor of the graph: its name, dtype, shape where it is known, and its values where they are
    fixed.
    """

    name: str
    dtype: np.dtype
    shape: tuple[int | Size, ...] = ()
    array: np.ndarray | None = None

    @property
    def ndim(self) -> int:
        return len(self.shape)


class Graph:
    """Nodes in the order they run. `result` is what the step at hand made when it ran here."""

    def __init__(self, onnx, opset: int, axes: dict[str, tuple[str, int]]):
        self.onnx, self.opset = onnx, opset
        self.axes = axes  # of each dynamic axis: an input that has it, and where
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.used: dict[str, int] = {}
        self.known: dict[tuple, Tensor] = {}
        self.results: tuple[Tensor, ...] = ()

    @property
    def result(self) -> Tensor:
        """Name to be, dtype and shape of the step's first result."""
        return self.results[0]

    # ---- nodes -----------------------------------------------------------------------------------
    def op(self, kind: str, *inputs, outputs: int = 1, dtype=None, **attributes) -> Any:
        """A node's result, or a tuple of its results. Inputs are tensors, arrays, numbers, or None for none.

        `dtype` is the results' where it is not the first input's.
        """
        given = [None if i is None else self.tensor(i) for i in inputs]
        while given and given[-1] is None:
            given.pop()
        names = [self.unique(kind.lower()) for _ in range(outputs)]
        attributes = {name: value for name, value in attributes.items() if value is not None}
        self.nodes.append(
            self.onnx.helper.make_node(
                kind, ["" if i is None else i.name for i in given], names, **attributes
            )
        )
        found = np.dtype(dtype) if dtype is not None else given[0].dtype  # type: ignore[union-attr]
        made = tuple(Tensor(name, found) for name in names)
        return made if outputs > 1 else made[0]

    def unique(self, stem: str) -> str:
        """A name that no other tensor has."""
        count = self.used[stem] = self.used.get(stem, -1) + 1
        return stem if not count else self.unique(f"{stem}_{count}")

    def used_by(self, outputs: Sequence[str]) -> tuple[list, list]:
        """The nodes and constants that lead to the outputs: some were made for inputs that a node left
        out.
        """
        names, nodes = set(outputs), []
        for node in reversed(self.nodes):
            if names & set(node.output):
                nodes.append(node)
                names |= set(node.input)
        return nodes[::-1], [constant for constant in self.initializers if constant.name in names]

    # ---- constants -------------------------------------------------------------------------------
    def tensor(self, value, like: Any = None) -> Tensor:
        """A tensor as it is; an array or a number as a constant, a number of the dtype `like`."""
        if isinstance(value, Tensor):
            return value
        if isinstance(value, Size):
            return self.cast(self.op("Squeeze", self.size(value)), np.int64 if like is None else like)
        return self.constant(np.asarray(value, None if isinstance(value, np.ndarray) else like))

    def constant(self, array: np.ndarray, name: str | None = None) -> Tensor:
        """A tensor with these values; small ones that are equal are one."""
        key = (array.dtype.str, array.shape, array.tobytes()) if array.size <= 64 and name is None else None
        if key is not None and key in self.known:
            return self.known[key]
        made = Tensor(self.unique(name or "constant"), array.dtype, array.shape, array)
        self.initializers.append(
            self.onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), made.name)
        )
        if key is not None:
            self.known[key] = made
        return made

    def ints(self, numbers: Sequence[int | Size]) -> Tensor:
        """Numbers, some of them sizes, as a vector of int64."""
        if not any(isinstance(n, Size) for n in numbers):
            return self.constant(np.array(numbers, np.int64))
        parts = [self.size(n) if isinstance(n, Size) else np.array([n], np.int64) for n in numbers]
        return self.op("Concat", *parts, axis=0) if len(parts) > 1 else self.tensor(parts[0])

    def size(self, size: Size) -> Tensor:
        """A size as a vector of one int64."""
        if not size.axes:
            raise UntranslatableError(
                f"a size that is {size.runs} at other sizes of the dynamic axes has no formula"
            )
        if ("size", size) not in self.known:
            product = None
            for name in size.axes:
                source, axis = self.axes[name]
                along = self.op("Shape", Tensor(source, INT64), start=axis, end=axis + 1)
                product = along if product is None else self.op("Mul", product, along)
            if size.factor != 1:
                product = self.op("Mul", product, np.array([size.factor]))
            if size.rest:
                product = self.op("Add", product, np.array([size.rest]))
            self.known["size", size] = product  # type: ignore[assignment]
        return self.known["size", size]

    def shape(self, shape: Sequence[int | Size]) -> Tensor:
        """A shape to reshape to: one size among fixed numbers need not be computed."""
        if sum(isinstance(n, Size) for n in shape) == 1 and 0 not in shape:
            shape = [-1 if isinstance(n, Size) else n for n in shape]
        return self.ints(shape)

    # ---- common combinations ---------------------------------------------------------------------
    def cast(self, value, dtype) -> Tensor:
        """In another dtype; a number as a constant of it."""
        tensor, dtype = self.tensor(value, dtype), np.dtype(dtype)
        if tensor.dtype == dtype:
            return tensor
        if tensor.array is not None:
            return self.constant(tensor.array.astype(dtype))
        made = self.op("Cast", tensor, to=self.kind(dtype), dtype=dtype)
        made.shape = tensor.shape
        return made

    def kind(self, dtype: np.dtype) -> int:
        """ONNX's number for a dtype."""
        return self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def fixed(self, value, what: str) -> np.ndarray:
        """The values of a tensor that must be known."""
        if not isinstance(value, Tensor) or value.array is None:
            raise UntranslatableError(f"{what} must not depend on the inputs")
        return value.array


def static(value, what: str) -> Any:
    """Numbers that must not depend on a dynamic axis."""
    items = value if isinstance(value, (list, tuple)) else [value]
    if any(isinstance(item, Size) for item in items):
        raise UntranslatableError(f"{what} must not depend on a dynamic axis")
    for item in items:
        if isinstance(item, (list, tuple)):
            static(item, what)
    return value

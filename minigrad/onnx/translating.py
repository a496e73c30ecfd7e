"""From recordings of a model to an ONNX graph: what each tensor is, and which nodes make it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import arrays, elementwise, layers
from .graph import Graph, Tensor, UntranslatableError
from .listening import WRITING, Recording, Ref, Step, flat
from .sizes import Runs, Size, VariesError, is_fixed, merged, size_of

#: by a function's name within the package, what writes its nodes
TABLE: dict[str, Callable] = {**elementwise.TABLE, **arrays.TABLE, **layers.TABLE}
#: seen as one call, though not translated: see `Recording`
HEARD = frozenset((*TABLE, *layers.REFUSED, *WRITING))


class Translation:
    """The graph of a model, from one recording of it for each run; `names` has those of parameters by
    their id.
    """

    def __init__(self, graph: Graph, runs: list[Recording], axes: dict[str, Runs], names: dict[int, str]):
        self.graph, self.runs, self.axes, self.names = graph, runs, axes, names
        self.made: dict[int, Tensor] = {}

    def tensor(self, number: int) -> Tensor:
        """The graph's tensor for one of the recordings' that no step made or will make: an outside one."""
        if number not in self.made:
            self.made[number] = self._outside(number)
        return self.made[number]

    def input(self, number: int, name: str) -> None:
        """Let a recordings' tensor be an input of the graph."""
        self.made[number] = Tensor(self.graph.unique(name), self._arrays(number)[0].dtype, self.shape(number))

    def write(self, wanted: list[int]) -> None:
        """Write the nodes that lead to the wanted tensors, in the order the model ran them."""
        needed = _needed(self.runs[0].steps, wanted)
        for number, steps in enumerate(zip(*(run.steps for run in self.runs))):
            if number in needed:
                self._write(steps)

    def shape(self, number: int) -> tuple[int | Size, ...]:
        """A tensor's shape in general."""
        return tuple(self._size(sizes) for sizes in zip(*(a.shape for a in self._arrays(number))))

    def _size(self, runs: Runs) -> int | Size:
        """A size by its formula; one without, such as what strides leave, cannot be computed with."""
        try:
            return size_of(runs, self.axes)
        except VariesError:
            return Size(runs, ())

    # ---- parts -----------------------------------------------------------------------------------
    def _arrays(self, number: int) -> tuple[np.ndarray, ...]:
        """What holds a tensor's values now, in each run: good for its shape and dtype."""
        return tuple(run.tensors[number].array for run in self.runs)

    def _values(self, number: int) -> tuple[np.ndarray, ...]:
        return tuple(run.values_of(number) for run in self.runs)

    def _outside(self, number: int) -> Tensor:
        """A parameter or a constant; a filled or counting one may depend on the dynamic axes."""
        found = self._values(number)
        if is_fixed(found):
            return self.graph.constant(found[0], self.names.get(id(self.runs[0].tensors[number])))
        made = self._filled(number, found) or self._counting(number, found)
        if made is None:
            raise NotImplementedError(
                f"onnx.export: a tensor of shape {found[0].shape} changes with the inputs, or at random, and "
                "was not made by ops that can be followed: no .numpy(), .item() or random numbers on the way"
            )
        return made

    def _filled(self, number: int, found: tuple) -> Tensor | None:
        values = {array.flat[0].item() if array.size else 0 for array in found}
        if len(values) > 1 or any((array != array.flat[:1]).any() for array in found):
            return None
        one = np.array(values.pop(), found[0].dtype)
        made = self.graph.op("Expand", one, self.graph.ints(self.shape(number)))
        return Tensor(made.name, one.dtype, self.shape(number), np.full(found[0].shape, one))

    def _counting(self, number: int, found: tuple) -> Tensor | None:
        if any(a.ndim != 1 or a.dtype != np.int64 or (a != np.arange(a.size)).any() for a in found):
            return None
        end = self.graph.op("Squeeze", self.graph.ints(self.shape(number)))
        made = self.graph.op("Range", np.array(0), end, np.array(1))
        return Tensor(made.name, found[0].dtype, self.shape(number))

    def _write(self, steps: tuple[Step, ...]) -> None:
        """The nodes of one step, seen in every run."""
        name, results = steps[0].name, steps[0].results
        if self._is_constant(results):
            return
        why = layers.REFUSED[name](steps[0].arguments) if name in layers.REFUSED else None
        if why:
            raise NotImplementedError(f"onnx.export: {name.rpartition('.')[2]}: {why}")
        if name not in TABLE:
            raise NotImplementedError(
                f"onnx.export: {name.rpartition('.')[2]} has no translation to ONNX nodes"
            )
        graph = self.graph
        graph.results = tuple(Tensor("", self._arrays(n)[0].dtype, self.shape(n)) for n in results)
        try:
            arguments = {
                key: self._as_argument(merged(tuple(step.arguments[key] for step in steps), self.axes))
                for key in steps[0].arguments
            }
            made = TABLE[name](graph, **arguments)
        except (VariesError, UntranslatableError) as error:
            told = (
                f"an argument changes with the inputs: {error}" if isinstance(error, VariesError) else error
            )
            raise NotImplementedError(f"onnx.export: {name.rpartition('.')[2]}: {told}") from None
        for number, result, tensor in zip(
            results, graph.results, made if isinstance(made, tuple) else (made,)
        ):
            if tensor is not None:
                self.made[number] = Tensor(tensor.name, result.dtype, result.shape)

    def _is_constant(self, results: tuple[int, ...]) -> bool:
        """Whether results come from no input and are the same in every run: then they are constants."""
        depends = any(n in run.depends for run in self.runs for n in results)
        return not depends and all(is_fixed(self._values(n)) for n in results)

    def _as_argument(self, value) -> Any:
        if isinstance(value, Ref):
            return self._reached(value.number)
        if type(value) in (list, tuple):
            return type(value)(self._as_argument(item) for item in value)
        return value

    def _reached(self, number: int) -> Tensor:
        if (
            number not in self.made
            and self.runs[0].made_by[number] is not None
            and not self._is_constant((number,))
        ):
            raise UntranslatableError("a result of a step before it has no counterpart in ONNX")
        return self.tensor(number)


def check_course(runs: list[Recording]) -> None:
    """Refuse a model that takes another course for other inputs: a graph has one."""
    for steps in zip(*(run.steps for run in runs)):
        if len({(step.name, step.results) for step in steps}) > 1:
            names = " or ".join(sorted({step.name.rpartition(".")[2] for step in steps}))
            raise NotImplementedError(
                f"onnx.export: the model's course depends on the values or sizes of its inputs ({names}), "
                "and a graph has only one; leave an axis that is looped over fixed"
            )
    if len({len(run.steps) for run in runs}) > 1:
        raise NotImplementedError(
            "onnx.export: the model runs a different number of ops for inputs of other values or sizes, and "
            "a graph has only one; leave an axis that is looped over fixed"
        )


def _needed(steps: list[Step], wanted: list[int]) -> set[int]:
    """Which steps lead to the wanted tensors."""
    waiting, needed = set(wanted), set()
    for number in range(len(steps) - 1, -1, -1):
        if waiting & set(steps[number].results):
            needed.add(number)
            waiting |= {ref.number for ref in flat(steps[number].arguments, Ref)}
    return needed

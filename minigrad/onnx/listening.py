"""What a model does with its inputs, learned by listening: which functions it calls, on what, with which
result.

While a `Recording` listens, Python's profiler hook shows it every call in this package. A function that
the table of translations names becomes a step, and what happens inside it is not looked at; all other
functions are looked into. So nothing has to be added to the ops themselves, and an op that no one
translates is still seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np

from ..engine import Value
from ..fused import Fused, Variadic
from ..ops.pooling import Windows

#: what these functions make has its shape, not its values, from the tensors they are given
CREATING = ("ops.creation.", "ops.random.", "tensor_methods.RareMethods.new_")
PACKAGE = __name__.partition(".")[0] + "."


#: functions that write over the values of their argument `target`
WRITING = frozenset(("inplace.take_over", "ops.indexing.setitem"))
_OVERWRITTEN = (
    "onnx.export: a tensor of shape {} was written to in place through another one that shares its memory, "
    "which a graph cannot say; write to a clone() of it"
)


class Ref(NamedTuple):
    """A tensor among the arguments of a step, by its number."""

    number: int


class Step(NamedTuple):
    """One call: the function's name within the package, its arguments by name, and its results' numbers."""

    name: str
    arguments: dict[str, Any]
    results: tuple[int, ...]


class Recording:
    """Context that notes the steps of a model called within it.

    `tensors` holds, by number, every tensor that was an input, an argument or a result; `made_by` says which
    step made it, None for one that came from outside: an input, a parameter, a constant.
    """

    def __init__(self, translated: Collection[str], inputs: list):
        self.translated = translated
        self.steps: list[Step] = []
        self.tensors: list[Any] = []
        self.made_by: list[str | None] = []
        self.numbers: dict[int, tuple[int, list, int]] = {}  # by id: number, and the version it was noted at
        self.overwritten: dict[int, np.ndarray] = {}  # by number: values that were then written over
        self.depends: set[int] = set()  # the numbers of tensors that come from inputs
        self.inside: tuple | None = None  # the frame of a step under way, its name and its arguments
        for tensor in inputs:
            self.depends.add(self._note(tensor, None))

    def __enter__(self) -> Recording:
        self.before = sys.getprofile()
        sys.setprofile(self._hear)
        return self

    def __exit__(self, *exception) -> None:
        sys.setprofile(self.before)

    def number_of(self, tensor) -> int:
        """A tensor's number; one that was not known yet comes from outside."""
        if id(tensor) not in self.numbers:
            return self._note(tensor, None)
        number, cell, version = self.numbers[id(tensor)]
        if tensor.version is cell and cell[0] != version:  # it gets another cell when it becomes a view
            raise NotImplementedError(_OVERWRITTEN.format(tuple(tensor.array.shape)))
        return number

    # ---- the hook --------------------------------------------------------------------------------
    def _hear(self, frame, event: str, argument) -> None:
        if event == "call" and self.inside is None:
            self._enter(frame)
        elif event == "return" and self.inside is not None and frame is self.inside[0]:
            _, name, arguments = self.inside
            self.inside = None
            self._add(name, arguments, argument)
        elif event == "return" and self.inside is None and argument is not None:
            self._leave(frame, argument)

    def _enter(self, frame) -> None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(PACKAGE):
            name, arguments = _call_of(frame, module)
            if name in self.translated:
                given = arguments(frame)
                if name in WRITING:
                    self.overwritten[self.number_of(given["target"])] = given["target"].array.copy()
                    given = {
                        "target": given["target"],
                        "given": {k: self._plain(v) for k, v in given.items()},
                    }
                self.inside = frame, name, given

    def _leave(self, frame, result) -> None:
        """A function that nobody translates has made a tensor from one that is known: note it, to refuse
        it.
        """
        module = frame.f_globals.get("__name__", "")
        made = [t for t in flat(result) if id(t) not in self.numbers] if module.startswith(PACKAGE) else []
        if not made:
            return
        name, arguments = _call_of(frame, module)
        if name.startswith(CREATING):
            for tensor in made:
                self._note(tensor, None)
            return
        known = [t for t in flat(arguments(frame)) if id(t) in self.numbers]
        if any(self.numbers[id(t)][0] in self.depends for t in known):
            self._add(name, {f"argument {i}": t for i, t in enumerate(known)}, made)

    def _add(self, name: str, arguments: dict[str, Any], result) -> None:
        if name in WRITING:
            self._add_written(name, **arguments)
            return
        given = {argument: self._plain(value) for argument, value in arguments.items()}
        taken = flat(list(arguments.values()))
        made = [t for t in flat(result) if not any(t is other for other in taken)]
        if made:
            used = {ref.number for ref in flat(list(given.values()), Ref)}
            results = tuple(self._note(t, name) for t in made)
            self.depends.update(results if used & self.depends else ())
            self.steps.append(Step(name, given, results))

    def _add_written(self, name: str, target, given: dict[str, Any]) -> None:
        """The target is from now on what was written into it: a result, or itself with a part replaced."""
        if name == "inplace.take_over":
            self._note(target, name, given["result"].number)
            return
        number = self._note(target, name)
        used = {ref.number for ref in flat(given, Ref)}
        self.depends.update({number} if used & self.depends else ())
        self.steps.append(Step(name, given, (number,)))

    def values_of(self, number: int) -> np.ndarray:
        """The values of a tensor as they were when it was noted."""
        tensor = self.tensors[number]
        if number in self.overwritten:
            return self.overwritten[number]
        known, cell, version = self.numbers[id(tensor)]
        if known != number or (tensor.version is cell and cell[0] != version):
            raise NotImplementedError(_OVERWRITTEN.format(tuple(tensor.array.shape)))
        return tensor.array

    def _note(self, tensor, made_by: str | None, number: int | None = None) -> int:
        if number is None:
            number = len(self.tensors)
            self.tensors.append(tensor)
            self.made_by.append(made_by)
        self.numbers[id(tensor)] = number, tensor.version, tensor.version[0]
        return number

    def _plain(self, value):
        """An argument with numbers in place of its tensors."""
        if isinstance(value, Value):
            return Ref(self.number_of(value))
        if isinstance(value, Windows):
            return _of_windows(value)
        if type(value) in (list, tuple):
            return type(value)(self._plain(item) for item in value)
        return value


def _of_windows(windows: Windows) -> tuple[int, int, int] | None:
    """(size, stride, dilation) of the windows along an axis; None where they differ from each other."""
    first, *others = windows.parts
    if not isinstance(first, slice):
        return None
    return len(windows.parts), first.step, others[0].start if others else 1


def flat(value, kind: type = Value) -> list:
    """The tensors (or Refs) in a value and in the lists and tuples within it."""
    if isinstance(value, kind):
        return [value]
    if isinstance(value, dict):
        return flat(list(value.values()), kind)
    return [t for item in value for t in flat(item, kind)] if isinstance(value, (list, tuple)) else []


# ---- what a frame is a call of -------------------------------------------------------------------
def _call_of(frame, module: str) -> tuple[str, Callable[[Any], dict[str, Any]]]:
    """A call's name within the package, and what reads its arguments from its frame."""
    code = frame.f_code
    if code.co_name == "call" and "op" in code.co_freevars:  # a closure of `@primitive`
        op = frame.f_locals["op"]
        return _name_of(op), lambda frame: dict(zip(op.parameters, _given_to_closure(frame.f_locals)))
    if code.co_name == "__call__" and isinstance(frame.f_locals.get("self"), (Fused, Variadic)):
        op = frame.f_locals["self"]
        return _name_of(op), lambda frame: dict(zip(op.parameters, _given_to_object(frame.f_locals)))
    return f"{module[len(PACKAGE) :]}.{code.co_qualname}", _parameters


def _name_of(op) -> str:
    return f"{op.forward.__module__[len(PACKAGE) :]}.{op.forward.__name__}"


def _given_to_closure(names) -> tuple:
    """The arguments of `_unary`, `_binary` or `_general` in `engine`."""
    if "args" in names:
        return names["args"]
    return (names["input"], names["other"]) if "other" in names else (names["input"], *names["static"])


def _given_to_object(names) -> tuple:
    return names["args"] if "args" in names else (names["tensors"], *names["static"])


def _parameters(frame) -> dict[str, Any]:
    code, names = frame.f_code, frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return {name: names[name] for name in code.co_varnames[:count] if name in names}

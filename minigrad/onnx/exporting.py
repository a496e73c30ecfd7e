"""`export`: its arguments, the runs of the model, and the file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np

from ..autograd.grad_mode import no_grad
from ..engine import Value, untracked
from ..serialization.atomic import atomic_write
from ..version import __version__
from .graph import Graph
from .listening import Recording, flat
from .sizes import Runs, Size
from .translating import HEARD, Translation, check_course

OPSETS = range(18, 24)
IR_VERSION = 10  # what goes with opset 21, and is read by whatever knows one of these opsets
#: by how much an axis grows in the second run; in the third by three times as much and its place in this list
GROWTH = (2, 3, 5, 7, 11, 13)
FACTORS = (
    1.0,
    -0.7,
    0.6,
)  # by which inputs are multiplied in each run: a course that depends on a sign is noticed


class ONNXProgram:
    """An exported model: `model_proto` is the `onnx` package's ModelProto."""

    def __init__(self, model_proto):
        self.model_proto = model_proto

    def save(self, destination: str | os.PathLike) -> None:
        """Write the model to a file, which appears whole or is left as it was."""
        data = self.model_proto.SerializeToString()
        with atomic_write(destination) as file:
            file.write(data)

    def __repr__(self) -> str:
        graph = self.model_proto.graph
        names = [", ".join(value.name for value in values) for values in (graph.input, graph.output)]
        return f"ONNXProgram({names[0]} -> {names[1]}, {len(graph.node)} nodes)"


def export(
    model: Callable,
    args: tuple[Any, ...] = (),
    f: str | os.PathLike | None = None,
    *,
    kwargs: dict[str, Any] | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    opset_version: int | None = None,
    dynamic_axes: Mapping[str, Mapping[int, str] | Sequence[int]] | None = None,
    external_data: bool = False,
    **others,
) -> ONNXProgram:
    """The model as an ONNX graph, written to `f` if that is given.

    `args` and `kwargs` are examples of what the model is called with: their tensors, also those in
    tuples, become the graph's inputs, everything else is fixed. The results' tensors become its outputs.
    `dynamic_axes` says, by the name of an input, which axes may have any size: `{"x": {0: "batch"}}` or
    `{"x": [0]}`; names of outputs only give the axes names. `opset_version` is 18 to 23 (18 by default).
    The graph holds what the model did for the examples, as it is in eval mode; weights are in the file
    itself, at most 2 GiB of them (PyTorch's default is a second file). Needs the package onnx: pip
    install minigrad-rnn[onnx].

    Raises NotImplementedError, before anything is written, naming the op, for one that has no
    translation, for a model whose course depends on its inputs, and for PyTorch's other arguments.
    """
    _refuse_others(external_data, others)
    onnx = _package()
    opset = OPSETS[0] if opset_version is None else opset_version
    if opset not in OPSETS:
        raise ValueError(f"onnx.export: opset_version {opset} is not one of {OPSETS[0]} to {OPSETS[-1]}")
    args = args if isinstance(args, tuple) else (args,)
    inputs = flat([list(args), dict(kwargs or {})])
    _check_place(model, inputs)
    names = _input_names(model, args, kwargs or {}, input_names)
    dynamic = _dynamic(names, inputs, output_names, dynamic_axes or {})
    axes = _sizes_of_axes(names, inputs, dynamic)
    recordings, outputs = _runs(model, args, kwargs or {}, inputs, names, dynamic, axes)
    places = {name: _place_of(name, names, dynamic) for name in axes}
    graph = Graph(onnx, opset, places)
    translation = Translation(graph, recordings, axes, _names_of_parameters(model))
    for number, name in enumerate(names):
        translation.input(number, name)
    wanted = [recordings[0].number_of(t) for t in outputs]
    translation.write(wanted)
    results = _output_names(output_names, len(wanted))
    program = ONNXProgram(_model(onnx, graph, translation, names, results, wanted, dynamic, opset))
    if f is not None:
        program.save(f)
    return program


def _package():
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise ModuleNotFoundError(
            "onnx.export: needs the package onnx: pip install minigrad-rnn[onnx]", name="onnx"
        ) from None
    return onnx


#: PyTorch's arguments that may be given as long as they ask for what is done anyway
_AS_THEY_ARE: dict[str, tuple] = {
    "verbose": (None, False),
    "dynamo": (True,),
    "dynamic_shapes": (None,),
    "custom_translation_table": (None,),
    "report": (False,),
    "optimize": (True, False),
    "verify": (False,),
    "profile": (False,),
    "dump_exported_program": (False,),
    "artifacts_dir": (".",),
    "export_params": (True,),
    "keep_initializers_as_inputs": (False, None),
    "do_constant_folding": (True,),
    "custom_opsets": (None,),
    "export_modules_as_functions": (False,),
    "autograd_inlining": (True,),
}


def _refuse_others(external_data: bool, others: dict[str, Any]) -> None:
    if external_data:
        raise NotImplementedError("onnx.export: external_data=True, a second file of weights, is not here")
    for name, value in others.items():
        if name not in _AS_THEY_ARE:
            raise TypeError(f"export() got an unexpected keyword argument '{name}'")
        if value not in _AS_THEY_ARE[name]:
            remedy = "; pass dynamic_axes" if name == "dynamic_shapes" else ""
            raise NotImplementedError(f"onnx.export: {name}={value!r:.40} is not here{remedy}")


def _check_place(model, inputs: list) -> None:
    """Refuse arrays of a GPU: a graph's constants are written from host memory."""
    parameters = model.parameters() if hasattr(model, "parameters") else ()
    if not all(isinstance(tensor.array, np.ndarray) for tensor in (*parameters, *inputs)):
        raise RuntimeError(
            "onnx.export: the model and its inputs must be on the CPU; call .cpu() on them first"
        )


# ---- names and dynamic axes ----------------------------------------------------------------------
def _input_names(model, args: tuple, kwargs: dict, given: Sequence[str] | None) -> list[str]:
    """A name for each tensor among the arguments; those not given are those of the model's parameters."""
    parameters = list(signature(getattr(model, "forward", model)).parameters)
    names: list[str] = []
    for place, (name, value) in enumerate(
        [*zip([*parameters, *["input"] * len(args)], args), *kwargs.items()]
    ):
        count = len(flat([value]))
        stem = name if place < len(parameters) else f"{name}_{place}"
        names += [stem] if count == 1 else [f"{stem}_{i}" for i in range(count)]
    chosen = list(given or [])
    if len(chosen) > len(names) or len({*chosen, *names[len(chosen) :]}) != len(names):
        raise ValueError(f"onnx.export: input_names {chosen} do not fit {len(names)} inputs {names}")
    return chosen + names[len(chosen) :]


def _output_names(given: Sequence[str] | None, count: int) -> list[str]:
    names = list(given or [])
    if len(names) > count:
        raise ValueError(f"onnx.export: output_names {names} are more than the {count} outputs")
    return names + [f"output_{i}" if i else "output" for i in range(len(names), count)]


def _dynamic(names: list[str], inputs: list, outputs: Sequence[str] | None, given: Mapping) -> dict:
    """By the name of an input or output, {axis: name of the axis}."""
    unknown = [name for name in given if name not in (*names, *(outputs or ()))]
    if unknown:
        raise ValueError(f"onnx.export: dynamic_axes name {unknown}, which are no inputs or outputs {names}")
    dynamic = {}
    for name, axes in given.items():
        named = (
            axes
            if isinstance(axes, Mapping)
            else {a: f"{name}_dynamic_axes_{i + 1}" for i, a in enumerate(axes)}
        )
        shape = inputs[names.index(name)].shape if name in names else None
        dynamic[name] = {_axis(name, axis, shape): str(label) for axis, label in named.items()}
    return dynamic


def _axis(name: str, axis: int, shape) -> int:
    if shape is None:
        return axis
    if not -len(shape) <= axis < len(shape) or shape[axis] == 0:
        raise ValueError(
            f"onnx.export: dynamic_axes: {name} of shape {tuple(shape)} has no axis {axis} to vary"
        )
    return axis % len(shape)


def _sizes_of_axes(names: list[str], inputs: list, dynamic: dict) -> dict[str, Runs]:
    """The sizes of each dynamic axis in the three runs."""
    first: dict[str, int] = {}
    for name, tensor in zip(names, inputs):
        for axis, label in dynamic.get(name, {}).items():
            size = tensor.shape[axis]
            if first.setdefault(label, size) != size:
                raise ValueError(
                    f"onnx.export: dynamic axis {label!r} has sizes {first[label]} and {size}; "
                    "give it two names"
                )
    if len(first) > len(GROWTH):
        raise NotImplementedError(f"onnx.export: more than {len(GROWTH)} different dynamic axes")
    return {
        label: (size, size + GROWTH[i], size + 3 * GROWTH[i] + i + 1)
        for i, (label, size) in enumerate(first.items())
    }


def _place_of(label: str, names: list[str], dynamic: dict) -> tuple[str, int]:
    """An input that has the axis, and where."""
    return next((n, a) for n in names for a, found in dynamic.get(n, {}).items() if found == label)


def _names_of_parameters(model) -> dict[int, str]:
    named: list[Any] = [getattr(model, part, list)() for part in ("named_parameters", "named_buffers")]
    return {id(tensor): name for pairs in named for name, tensor in pairs}


# ---- the runs ------------------------------------------------------------------------------------
def _runs(model, args, kwargs, inputs, names, dynamic, axes) -> tuple[list[Recording], list]:
    """A recording of the model for the examples, and others of other values and sizes; and the first's
    outputs.
    """
    recordings: list[Recording] = []
    first: list[Any] = []
    places: list[list[int]] = []
    for run in range(3):
        made = [_varied(t, run, dynamic.get(n, {}), axes) if run else t for n, t in zip(names, inputs)]
        replaced = {id(old): new for old, new in zip(inputs, made)}
        with no_grad(), Recording(HEARD, made) as recording:
            outputs = model(*_with(list(args), replaced), **_with(kwargs, replaced))
        found = flat(outputs)
        recordings.append(recording)
        places.append([recording.number_of(t) for t in found])
        first = first or found
    check_course(recordings)
    if any(p != places[0] for p in places):
        raise NotImplementedError(
            "onnx.export: the outputs are other tensors for inputs of other values or sizes"
        )
    return recordings, first


def _with(value, replaced: dict):
    """A structure of arguments with other tensors in it."""
    if isinstance(value, Value):
        return replaced[id(value)]
    if isinstance(value, dict):
        return {key: _with(item, replaced) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_with(item, replaced) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _varied(tensor, run: int, dynamic: dict[int, str], axes: dict[str, Runs]):
    """A tensor of the same kind with other values, taken from its own, and of other sizes."""
    array = np.roll(tensor.array.reshape(-1), run - 1).reshape(tensor.array.shape)
    for axis, label in dynamic.items():
        array = array.take(np.arange(axes[label][run]) % array.shape[axis], axis)
    return untracked(array * array.dtype.type(FACTORS[run]) if array.dtype.kind == "f" else array)


# ---- the file ------------------------------------------------------------------------------------
def _model(onnx, graph: Graph, translation: Translation, names, results, wanted, dynamic, opset: int):
    """The ModelProto, checked."""
    for name, number in zip(results, wanted):
        graph.nodes.append(onnx.helper.make_node("Identity", [translation.tensor(number).name], [name]))
    parts = [(n, number) for number, n in enumerate(names)], list(zip(results, wanted))
    declared = [
        [
            _declared(
                onnx, graph, name, translation.shape(number), translation, number, dynamic.get(name, {})
            )
            for name, number in part
        ]
        for part in parts
    ]
    nodes, constants = graph.used_by(results)
    made = onnx.helper.make_graph(nodes, "minigrad", *declared, constants)
    opsets = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(
        made,
        opset_imports=opsets,
        ir_version=IR_VERSION,
        producer_name="minigrad",
        producer_version=__version__,
    )
    onnx.checker.check_model(model)
    return model


def _declared(onnx, graph: Graph, name, shape, translation: Translation, number: int, labels: dict[int, str]):
    """An input or output with its dtype and shape; a size that varies has a name."""
    dims = [labels.get(axis, _name_of(n, name, axis)) for axis, n in enumerate(shape)]
    kind = graph.kind(translation.tensor(number).dtype)
    return onnx.helper.make_tensor_value_info(name, kind, dims)


def _name_of(size: int | Size, name: str, axis: int) -> int | str:
    """A size that varies as text: batch, 2*batch, time-1, or the place where it is found."""
    if not isinstance(size, Size) or not size.axes:
        return size if isinstance(size, int) else f"{name}_{axis}"
    text = "*".join([*([str(size.factor)] if size.factor != 1 else []), *size.axes])
    return f"{text}{size.rest:+d}" if size.rest else text

"""The graph's public face: `tensor.grad_fn`, with PyTorch's names, `next_functions` and hooks.

The engine's Nodes stay as small as they are: what a user asks for is a face that refers to the Node, of a
class named
as PyTorch names the op. A Node has the same face for as long as anyone holds it, so faces can be compared and
counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from .engine import Node, Pick, Value, edge_of, untracked
from .hooks import RemovableHandle, add_hook, register_after_hook


# ---- names ---------------------------------------------------------------------------------------
def _sum_or(name: str) -> Callable:
    """Reductions have one name for the whole tensor and another along dimensions."""
    return lambda node: f"{name}Backward{0 if node.shape == () else 1}"


def _by_dimensions(*names: str) -> Callable:
    """A name by the number of the result's dimensions; the last for all above."""
    return lambda node: names[min(len(node.shape), len(names) - 1)] + "Backward0"


#: PyTorch's name where it is not "<Op>Backward0" of the op's name here: a name, or a function of the Node
NAMES: dict[str, Any] = {
    "assign_part": "CopySlices",
    "cast": "ToCopyBackward0",
    "clamp_between": "ClampBackward1",
    "concat": "CatBackward0",
    "copy": "CloneBackward0",
    "cumprod_along": "CumprodBackward0",
    "cumsum_along": "CumsumBackward0",
    "diagonal_of": "DiagonalBackward0",
    "expand_to": "ExpandBackward0",
    "flip_axes": "FlipBackward0",
    "flip_view": "FlipBackward0",
    "gather_along": "GatherBackward0",
    "log_softmax_along": "LogSoftmaxBackward0",
    "logsumexp_over": "LogsumexpBackward0",
    "lower_triangle": "TrilBackward0",
    "max_over": lambda node: "MaxBackward1" if node.shape == () else "AmaxBackward0",
    "mean_over": _sum_or("Mean"),
    "median_of_all": "MedianBackward0",
    "min_over": lambda node: "MinBackward1" if node.shape == () else "AminBackward0",
    "permute_to": _by_dimensions("Permute", "Permute", "T", "Permute"),
    "power": "PowBackward1",
    "power_of": "PowBackward0",
    "prod_over": _sum_or("Prod"),
    "matmul": _by_dimensions("Mm", "Mm", "Mm", "Bmm"),
    "put_diagonal": "DiagEmbedBackward0",
    "reshape_to": "ViewBackward0",
    "roll_axes": "RollBackward0",
    "round_to": "RoundBackward0",
    "safe_sqrt": "SqrtBackward0",
    "scatter_sum": "ScatterAddBackward0",
    "select": "WhereBackward0",
    "softmax_along": "SoftmaxBackward0",
    "split_to": "SplitBackward0",
    "stack_on": "StackBackward0",
    "strided_view": "AsStridedBackward0",
    "sum_over": _sum_or("Sum"),
    "take_part": lambda node: _name_of_index(node.kept[1] if node.kept else None),
    "total": "SumBackward0",
    "transfer_to": "ToCopyBackward0",
    "unstack_to": "UnbindBackward0",
    "upper_triangle": "TriuBackward0",
    "var_over": "VarBackward0",
    "windows": "UnfoldBackward0",
}


def _name_of_index(index) -> str:
    """Ints select, slices slice; anything else is an index."""
    parts = index if isinstance(index, tuple) else (index,)
    if any(hasattr(p, "dtype") for p in parts):
        return "IndexBackward0"
    named = [p for p in parts if p != slice(None)]
    return "SelectBackward0" if named and isinstance(named[-1], int) else "SliceBackward0"


def name_of(node: Node) -> str:
    """PyTorch's name for a Node, such as 'AddBackward0'."""
    named = NAMES.get(getattr(node.op, "name", ""), node.op.node_name)
    return named if isinstance(named, str) else named(node)


# ---- faces ---------------------------------------------------------------------------------------
class GradFn:
    """A recorded op as users see it: its name, what comes before it, and hooks."""

    __slots__ = ("__weakref__", "node")

    def __init__(self, node):
        self.node = node

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self.node):#x}>"

    def name(self) -> str:
        """PyTorch's name of the op."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple:
        """For each differentiable argument the function that made it and which of its results it is;
        None for none.
        """
        return tuple(_face_and_number(edge) for edge in self.node.edges)

    @property
    def metadata(self) -> dict:
        """A dict for the user's own notes."""
        return _notes.setdefault(self.node, {})

    def _sequence_nr(self) -> int:
        return self.node.time

    def __getattr__(self, attribute: str):
        ctx = getattr(self.node.op, "ctx", None)  # of a Function that a user wrote
        if ctx is not None:
            return getattr(ctx, attribute)
        if attribute.startswith("_saved_") or attribute == "saved_tensors":
            return _saved(self.node, attribute)
        raise AttributeError(f"'{self.name()}' object has no attribute '{attribute}'")

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """`hook(grad_outputs)` runs before the op's formulas,
        and may return other gradients of the results.
        """
        self.node.hooks = {} if self.node.hooks is None else self.node.hooks
        return add_hook(self.node.hooks, lambda g: _first(hook((g,))))

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """`hook(grad_inputs, grad_outputs)` runs after the op's formulas, and may return other gradients of
        the inputs.
        """
        if not isinstance(self.node.op, Hooked):
            self.node.op = Hooked(self.node.op)
        return add_hook(self.node.op.hooks, hook)


def _saved(node: Node, attribute: str):
    """What the op kept under a name, such as `_saved_self`: kept arrays as Tensors."""
    if node.kept is None:
        raise RuntimeError(
            f"{name_of(node)}: Trying to backward through the graph a second time (or directly access saved "
            "tensors after they have already been freed); pass retain_graph=True to the first backward()"
        )
    parameters = getattr(node.op, "keepable", ())
    values = node.op.kept_as_tensors(node) if parameters else node.kept  # at their places in the graph
    kept = dict(zip(parameters, values, strict=False))
    first = parameters[0] if parameters else None
    known = {"_saved_result": kept.get("out"), "_saved_self": kept.get(first), "_saved_other": kept.get("y")}
    if attribute == "saved_tensors":
        return tuple(untracked(k) for k in node.kept if hasattr(k, "dtype"))
    value = known.get(attribute, kept.get(attribute.removeprefix("_saved_")))
    if value is None:
        raise AttributeError(f"{name_of(node)} keeps no {attribute.removeprefix('_saved_')}")
    return untracked(value) if hasattr(value, "dtype") and not isinstance(value, Value) else value


class AccumulateGrad(GradFn):
    """What adds a leaf's gradient to its `.grad`; `variable` is the leaf."""

    __slots__ = ()
    next_functions = ()

    @property
    def variable(self):
        return self.node

    def name(self) -> str:
        """PyTorch's name of this function."""
        return "torch::autograd::AccumulateGrad"

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """`hook(grad_inputs, grad_outputs)` runs after the leaf's `.grad` has been added to."""
        return register_after_hook(self.node, lambda leaf: hook((), (leaf.grad,)))

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """`hook(grad_outputs)` runs before the leaf's `.grad` is added to."""
        return self.node.register_hook(lambda g: _first(hook((g,))))


def _first(given):
    """What a hook on several gradients gives for the only one."""
    return None if given is None else given[0]


_classes: dict[str, type] = {}
_faces: WeakValueDictionary = (
    WeakValueDictionary()
)  # by the id of what they are faces of, which they keep alive
_notes: WeakKeyDictionary = WeakKeyDictionary()


def face_of(edge):
    """The face of a Node, or of a leaf."""
    found = _faces.get(id(edge))
    if found is None:
        found = _faces[id(edge)] = AccumulateGrad(edge) if isinstance(edge, Value) else _class_of(edge)(edge)
    return found


def _class_of(node: Node) -> type:
    name = name_of(node)
    if name not in _classes:
        _classes[name] = type(name, (GradFn,), {"__slots__": ()})
    return _classes[name]


def _face_and_number(edge) -> tuple:
    if edge is None:
        return None, 0
    if isinstance(edge, Node) and isinstance(edge.op, Pick):
        return face_of(edge.edges[0]), edge.op.number
    return face_of(edge), 0


def grad_fn(t):
    """The function that made a tensor; None for a leaf."""
    return None if t.node is None else _face_and_number(edge_of(t))[0]


def gradient_edge(t) -> tuple:
    """Where a tensor's gradient flows to: a function, and which of its results the tensor is."""
    if not t.tracked:
        raise RuntimeError("Can't get gradient edge for Tensors that don't require grad")
    return _face_and_number(edge_of(t))


# ---- hooks after an op's formulas ----------------------------------------------------------------
class Wrapped:
    """An op put in another's place on one Node, to see or change what its formulas give."""

    rules = None  # so that the walk calls `pull`

    def __init__(self, op):
        self.op = op

    def __getattr__(self, name: str):
        return getattr(self.op, name)


class Hooked(Wrapped):
    """Shows the gradients of an op's arguments to hooks, which may return others."""

    def __init__(self, op):
        super().__init__(op)
        self.hooks: dict = {}

    def pull(self, node: Node, g, record: bool, retain: bool) -> list:
        grads = self.op.pull(node, g, record, retain)
        for hook in list(self.hooks.values()):
            seen = hook(
                tuple(map(_as_tensor, grads)), tuple(map(_as_tensor, g if isinstance(g, list) else [g]))
            )
            if seen is not None:
                given = seen if isinstance(seen, tuple) else (seen,)
                grads = [None if s is None else s if record else s.array for s in given]
        return grads


def _as_tensor(g):
    return g if g is None or isinstance(g, Value) else untracked(g)

"""Ops that are no single formula per argument:
of a list of tensors, or fast code for a longer composition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .backend import as_array
from .engine import (
    Node,
    Value,
    edge_of,
    explained,
    fresh_history,
    is_recording,
    parameters_of,
    record_results,
    refresh,
    store,
    tied,
    untracked,
)
from .walk import walk


class Variadic:
    """An op of a list of tensors, such as joining them: one formula gives the list of their gradients."""

    rules = None

    def __init__(self, forward: Callable, gradients: Callable, promote, explain):
        self.forward, self.gradients, self.promote, self.explain = forward, gradients, promote, explain
        self.name = forward.__name__.strip("_")
        self.node_name = "".join(part.capitalize() for part in self.name.split("_")) + "Backward0"
        self.parameters = ("tensors", *parameters_of(forward)[1:])

    def __call__(self, tensors, *static, out=None):
        if not any(isinstance(t, Value) for t in tensors):
            return self.forward(tensors, *static)
        if len({t.array.dtype for t in tensors}) > 1:
            tensors = self.promote(*tensors)
        for t in tensors:
            if t.base is not None:
                refresh(t)
        arrays = [t.array for t in tensors]
        try:
            result = untracked(self.forward(arrays, *static))
        except Exception as error:
            raise explained(self, error, *arrays) from None
        if is_recording() and any(t.tracked for t in tensors):
            edges = tuple(edge_of(t) for t in tensors)
            kept = ([a.shape for a in arrays], *static)
            result.node, result.tracked = Node(self, edges, kept, result.array.shape), True
        return result if out is None else store(out, result)

    def pull(self, node: Node, g, record: bool, retain: bool) -> Iterable:
        """The gradient of each tensor in the list."""
        return self.gradients(g, *node.kept)


def variadic(gradients: Callable, promote=None, explain=None) -> Callable:
    """Decorator: an op of a list of tensors; `gradients(g, shapes, *settings)` gives the list of their
    gradients.
    """
    return lambda forward: Variadic(forward, gradients, promote, explain)


class Fused:
    """An op that is fast code for a longer composition, such as a recurrent layer over a whole sequence.

    `forward(wanted, *arguments)` returns (result, saved), or (tuple of results, saved). `backward(saved, g,
    wanted, last)` returns a gradient per argument, None where none is wanted: `g` is the result's gradient,
    or a list of them with None for results that got none; `wanted` has one bool per argument; `last` says
    that `saved` may be used up. When the walk itself is recorded, `twin`, the same function in the operations
    users call, is run on the arguments and walked in its place: so what is fused can be differentiated any
    number of times.
    """

    fills = False  # results that got no gradient are None in `grads`
    rules = None
    needed = ()

    def __init__(
        self, forward: Callable, backward: Callable, twin: Callable, explain: Callable | None = None
    ):
        self.forward, self.backward, self.twin, self.explain = forward, backward, twin, explain
        self.name = forward.__name__.strip("_")
        self.node_name = "".join(part.capitalize() for part in self.name.split("_")) + "Backward0"
        self.parameters = parameters_of(twin)

    def __repr__(self) -> str:
        return f"<fused {self.name}>"

    def __call__(self, *args):
        recorded = is_recording()
        arrays, edges, cells = [], [], []
        for a in args:
            edge = None
            if isinstance(a, Value):
                if a.base is not None:
                    refresh(a)
                if recorded and a.tracked:
                    edge = a.node or a
                cells.append(a.version)
                a = a.array
            arrays.append(a)
            edges.append(edge)
        wanted = tuple([e is not None for e in edges])
        try:
            results, saved = self.forward(wanted, *arrays)
        except Exception as error:
            raise explained(self, error, *arrays) from None
        several = isinstance(results, tuple)
        made = [untracked(as_array(r, arrays[0])) for r in (results if several else (results,))]
        if True in wanted:
            record_results(self, made, tuple(edges), (saved, arrays), tuple(cells), several)
        return tuple(made) if several else made[0]

    def kept_argument(self, node: Node, place: int) -> tuple[str, tuple[int, ...]]:
        """The name and shape of the tensor behind one of the node's version cells."""
        arrays = zip(self.parameters, node.kept[1])
        return [(name, tuple(a.shape)) for name, a in arrays if hasattr(a, "shape")][place]

    def pull(self, node: Node, g, record: bool, retain: bool) -> Iterable:
        """The gradient for each argument, by the fast code, or by walking the twin where that must be
        recorded.
        """
        saved, arrays = node.kept
        wanted = tuple([e is not None for e in node.edges])
        if not record:
            return self.backward(saved, g, wanted, not retain)
        inputs = [fresh_history(tied(a, e)) if w else a for a, e, w in zip(arrays, node.edges, wanted)]
        inputs = [untracked(a) if not isinstance(a, Value) and hasattr(a, "dtype") else a for a in inputs]
        results = self.twin(*inputs)
        pairs = zip(results, g) if isinstance(results, tuple) else [(results, g)]
        roots = [(t.node, gradient) for t, gradient in pairs if gradient is not None and t.tracked]
        found = walk(
            roots, retain=True, record=True, inputs=tuple(t.node for t, w in zip(inputs, wanted) if w)
        )
        return [found.get(t.node) if w else None for t, w in zip(inputs, wanted)]

"""A fused op with one result: fast code for a composition that stands beside it as its readable twin."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from ..backend import as_array
from ..engine import Fused, Value, edge_of, explained, is_recording, record_results, refresh, untracked


class FusedOne(Fused):
    """`engine.Fused` for a function of one result, which needs one Node instead of two.

    `forward(wanted, *arguments)` returns (result, saved); `backward(saved, g, wanted, last)` a gradient per argument;
    `twin(*arguments)` is the same function in the operations users call, which is differentiated where a graph of the
    backward pass is asked for.
    """

    def __init__(self, forward: Callable, backward: Callable, twin: Callable, explain: Callable | None = None):
        super().__init__(forward, backward, _in_a_tuple(twin))
        self.explain = explain  # type: ignore[assignment]

    def __call__(self, *args):
        tensors = [a if isinstance(a, Value) else None for a in args]
        for t in tensors:
            if t is not None and t.base is not None:
                refresh(t)
        arrays = [a if t is None else t.array for a, t in zip(args, tensors)]
        recording = is_recording()
        edges = tuple([None if t is None or not recording else edge_of(t) for t in tensors])
        wanted = tuple([e is not None for e in edges])
        try:
            result, saved = self.forward(wanted, *arrays)
        except Exception as error:
            raise explained(self, error, *arrays) from None
        made = untracked(as_array(result, arrays[0]))
        if True in wanted:
            cells = tuple([t.version for t in tensors if t is not None])
            record_results(self, [made], edges, (saved, arrays), cells, several=False)
        return made

    def pull(self, node, g, record: bool, retain: bool):
        """The gradient for each argument, by the fast code, or by walking the twin where that must be recorded."""
        if record:
            return super().pull(node, [g], record, retain)
        saved, arrays = node.kept
        return self.backward(saved, g, tuple([e is not None for e in node.edges]), not retain)


def _in_a_tuple(function: Callable) -> Callable:
    @wraps(function)
    def one(*args):
        return (function(*args),)

    return one

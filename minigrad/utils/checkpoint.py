"""Checkpoints: parts of a network whose intermediate values are not kept but computed again in the backward
pass.

Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from ..autograd.function import edge_of_result
from ..autograd.grad_mode import enable_grad
from ..backend import module_of
from ..containers import leaves_of, mapped
from ..engine import Node, SeveralOutputs, Value, edge_of, is_recording, untracked
from ..random import fork_rng, get_rng_state, set_rng_state
from ..walk import walk


class CheckpointError(RuntimeError):
    """The function gave something else when it was computed again."""


def checkpoint(
    function: Callable,
    *args,
    use_reentrant: bool | None = None,
    context_fn: Callable | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs,
):
    """function(*args, **kwargs), of which only the arguments and the result are kept until the backward pass.

    There the function is called once more, with the random stream where it was, unless preserve_rng_state is
    False; with determinism_check="default" its results must have the same shapes and dtypes again. Either
    value of `use_reentrant` gives the same here, but True refuses what PyTorch refuses with it. `context_fn`
    returns two contexts, for the two calls. The second is never stopped early, whatever `early_stop` says.
    """
    if use_reentrant and (context_fn is not None or debug):
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    if use_reentrant and kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    if debug:
        raise NotImplementedError(
            "checkpoint: debug=True is not here; anomaly mode names the op and its line"
        )
    first, again = (
        context_fn() if context_fn is not None else (contextlib.nullcontext(), contextlib.nullcontext())
    )
    op = Checkpoint(function, args, kwargs, again, get_rng_state() if preserve_rng_state else None)
    op.checks = determinism_check == "default"
    with first:
        output = function(*args, **kwargs)
    if not is_recording():
        return output
    return op.recorded(output)


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool):
    """Nothing is changed: the second call always runs to its end here."""
    yield


def set_checkpoint_debug_enabled(enabled: bool | None):
    """Refused if enabled: operations are not logged here."""
    if enabled:
        raise NotImplementedError(
            "set_checkpoint_debug_enabled: operations are not logged here; anomaly mode names the op and its "
            "line"
        )
    return contextlib.nullcontext()


def checkpoint_sequential(
    functions, segments: int, input, use_reentrant: bool | None = None, preserve_rng_state: bool = True
):
    """The functions (or the modules of a Sequential) one after the other, in `segments` checkpoints."""
    functions = list(functions.children() if hasattr(functions, "children") else functions)
    if not 0 < segments <= len(functions):
        raise ValueError(
            f"checkpoint_sequential: segments {segments} must be from 1 to the {len(functions)} functions"
        )
    size = len(functions) // segments
    for i in range(segments):
        part = functions[i * size : (i + 1) * size] if i < segments - 1 else functions[i * size :]
        if i == segments - 1:
            return _in_turn(part)(input)
        input = checkpoint(
            _in_turn(part), input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state
        )
    return input


def _in_turn(functions: list) -> Callable:
    def run(value):
        for function in functions:
            value = function(value)
        return value

    return run


class Checkpoint:
    """The op behind a checkpoint: it keeps how to compute its results again, and nothing else."""

    rules = None
    fills = False
    needed: tuple = ()
    parameters: tuple = ()
    name = "checkpoint"
    node_name = "CheckpointFunctionBackward"
    checks = True  # whether results must be alike
    outline: tuple = ()

    def __init__(self, function: Callable, args: tuple, kwargs: dict, context, random_state):
        self.function, self.args, self.kwargs = function, args, kwargs
        self.context, self.random_state = context, random_state
        self.since = Node(self, (), (), ()).time  # Nodes made by the function are younger

    def recorded(self, output):
        """The results with one Node behind them, in place of those the function has made."""
        results = _tensors(output)
        self.outline = _outline(results)
        edges = self._boundary(results)
        if not edges:
            return output
        node = SeveralOutputs(self, edges, (), ())
        node.outputs = tuple((r.array.shape, r.array.dtype, module_of(r.array)) for r in results)
        made = []
        for number, r in enumerate(results):
            t = untracked(r.array)
            if r.tracked:
                t.tracked, t.node = True, edge_of_result(node, number, r.array.shape)
            made.append(t)
        of_results = iter(made)
        return mapped(lambda _: next(of_results), output)

    def _boundary(self, results: list) -> tuple:
        """The edges that lead out of what the function has recorded: to leaves and to older Nodes."""
        stack = [edge_of(r) for r in results]
        seen, found = set(), []
        while stack:
            edge = stack.pop()
            if edge is None or edge in seen:
                continue
            seen.add(edge)
            if isinstance(edge, Node) and edge.time > self.since:
                stack.extend(edge.edges)
            else:
                found.append(edge)
        return tuple(found)

    def pull(self, node: Node, grads: list, record: bool, retain: bool) -> list:
        """Compute the function again, this time keeping what its ops need, and walk it."""
        with fork_rng(enabled=self.random_state is not None), self.context, enable_grad():
            if self.random_state is not None:
                set_rng_state(self.random_state)
            results = _tensors(self.function(*self.args, **self.kwargs))
        if self.checks and _outline(results) != self.outline:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values have different metadata than during the forward "
                f"pass: shapes and dtypes {self.outline} before, {_outline(results)} now; make the function "
                'give the same again, or pass determinism_check="none"'
            )
        roots = [(edge_of(r), g) for r, g in zip(results, grads, strict=True) if g is not None and r.tracked]
        found = walk(roots, record, record, node.edges, self.since)  # what is older has a walk of its own
        return [found.get(edge) for edge in node.edges]


def _tensors(output) -> list:
    """The tensors in what a function has returned: one, or nested tuples, lists and dicts."""
    return [r for r in leaves_of(output) if isinstance(r, Value)]


def _outline(results: list) -> tuple:
    """The shapes and dtypes of results."""
    return tuple((tuple(r.array.shape), str(r.array.dtype)) for r in results)

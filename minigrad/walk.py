"""The walk back: from results to the leaves they depend on, each Node after all that used it.

`walk` is the whole of reverse mode; what follows it are its parts and its words for what can go wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from heapq import heappop, heappush
from typing import Any

from .backend import as_array
from .engine import Node, SeveralOutputs, untracked


def walk(
    roots: Iterable[tuple[Any, Any]],
    retain: bool = False,
    record: bool = False,
    inputs: Collection = (),
    since: int = -1,
) -> dict:
    """Go from results back to leaves: youngest Node first, so each is reached by all its users before its
    turn.

    `roots` are pairs (edge, gradient); gradients are arrays, or Tensors where `record` asks for a graph of
    the walk itself. Returns {edge: gradient} for the leaves reached, or for the edges in `inputs` where these
    are given: then only what lies between is walked, and no Node as old as `since`. What was kept is freed on
    the way unless `retain`.
    """
    pending: dict = {}
    heap: list = []
    for edge, g in roots:
        deliver(pending, heap, edge, g)
    inputs = frozenset(inputs)
    between = nodes_between(pending, inputs, since) if inputs else None
    found: dict = {}
    while heap:
        node = heappop(heap)[1]
        g = pending.pop(node)
        op = node.op
        if node.hooks is not None:
            g = run_hooks(node.hooks.values(), g, record)
        if between is not None:
            if node in inputs:
                found[node] = g
            if node not in between:
                continue
        kept = node.kept
        if kept is None:
            raise RuntimeError(freed(op))
        versions = node.versions
        if versions:
            pairs = iter(versions)
            for cell, version in zip(pairs, pairs):
                if cell[0] != version:
                    raise RuntimeError(overwritten(node))
        if type(node) is not Node and isinstance(node, SeveralOutputs):
            g = filled(node, g, record)
        rules = op.rules
        grads = op.pull(node, g, record, retain) if record or rules is None else rules
        for edge, ge in zip(node.edges, grads):
            if edge is None:
                continue
            if grads is rules:  # formulas on arrays, the common case, are called right here
                formula, count, pick = ge
                if count == 1:
                    ge = formula(g, kept[pick])
                else:
                    ge = formula(g, *pick(kept)) if count else formula(g)
            if edge.__class__ is not Node or ge is None or edge in pending:
                deliver(pending, heap, edge, ge, node)
                continue
            pending[edge] = ge if ge.shape == edge.shape else sum_to(ge, edge.shape)
            heappush(heap, (-edge.time, edge))
        # without versions only shapes and settings were kept: another walk may use them
        if versions and not retain:
            node.kept = None
    if between is not None:
        return found | {edge: g for edge, g in pending.items() if edge in inputs}
    return pending


def deliver(pending: dict, heap: list, edge, g, source: Any = None) -> None:
    """Add a gradient, if there is one, to what is pending for a root, a leaf, or one result (`source` made
    it) among several.
    """
    if g is None:
        return
    if isinstance(edge, SeveralOutputs):
        if edge not in pending:
            pending[edge] = [None] * len(edge.outputs)
            heappush(heap, (-edge.time, edge))
        place, grads = source.op.number, pending[edge]
        grads[place] = g if grads[place] is None else grads[place] + g
        return
    shape = edge.shape if isinstance(edge, Node) else edge.array.shape
    if g.shape != shape:
        g = sum_to(g, shape)
    if edge in pending:
        pending[edge] = pending[edge] + g
        return
    pending[edge] = g
    if isinstance(edge, Node):
        heappush(heap, (-edge.time, edge))


def nodes_between(roots: Iterable, inputs: Collection, since: int) -> set:
    """The Nodes younger than `since` on a path of such from a root to an input, the inputs' own left out:
    what a partial walk must visit.
    """
    seen, stack = set(roots), list(roots)
    while stack:
        for edge in getattr(stack.pop(), "edges", ()):
            if edge is not None and edge not in seen:
                seen.add(edge)
                stack.append(edge)
    between: set = set()
    for node in sorted((n for n in seen if isinstance(n, Node) and n.time > since), key=lambda n: n.time):
        if any(e is not None and (e in inputs or e in between) for e in node.edges):
            between.add(node)
    return between


def freed(op) -> str:
    """What to say when a walk comes a second time."""
    return (
        f"{op.name}: trying to backward through the graph a second time, but what it kept has been freed; "
        "pass retain_graph=True to the first backward() or grad(), or compute the result anew"
    )


def overwritten(node: Node) -> str:
    """Names the op and the argument whose kept value an in-place write has changed."""
    op, cells, versions = node.op, node.versions[::2], node.versions[1::2]
    place = next(i for i, (cell, version) in enumerate(zip(cells, versions)) if cell[0] != version)
    name, shape = op.kept_argument(node, place)
    return (
        f"{op.name}: one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: {name} {shape} is at version {cells[place][0]}; expected version "
        f"{versions[place]} instead; write to a clone() of it"
    )


def sum_to(g, shape: tuple[int, ...]):
    """Undo broadcasting: sum the gradient down to the shape it flows into."""
    lead = len(g.shape) - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, g.shape[lead:])):
        raise RuntimeError(
            f"a gradient of shape {tuple(g.shape)} does not fit a tensor of shape {tuple(shape)}"
        )
    if lead:
        g = g.sum(tuple(range(lead)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axes, keepdims=True) if axes else g


def filled(node: SeveralOutputs, grads: list, record: bool) -> list:
    """The gradients of an op's results, with zeros for those that nothing used."""
    out = []
    for g, (shape, dtype, xp) in zip(grads, node.outputs):
        if g is None and dtype.kind in "fc" and node.op.fills:
            g = xp.zeros(shape, dtype)
            g = untracked(g) if record else g
        out.append(g)
    return out


def run_hooks(hooks: Iterable[Callable], g, record: bool):
    """Show the gradient to the hooks, as a Tensor; each may hand back another in its place."""
    for hook in list(hooks):
        seen = hook(g if record else untracked(as_array(g)))
        if seen is None:
            continue
        given = g.array if record else g
        for what, attribute in (("type", "dtype"), ("size", "shape")):
            was, now = getattr(given, attribute), getattr(seen.array, attribute)
            if was != now:
                raise RuntimeError(
                    f"hook {getattr(hook, '__name__', hook)} has changed the {what} of value, from {was} to "
                    f"{now}; a gradient keeps the dtype and shape of what it is a gradient of"
                )
        g = seen if record else seen.array
    return g

"""`explain`: in words and numbers, how the gradients of a result came about, op by op."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..backend import to_numpy
from ..engine import Node, Pick, edge_of
from .formulas import formula_of
from .passage import Passage, passages, size_of


def explain(result, to=None, gradient=None, names: Mapping[str, Any] | None = None, limit: int = 40) -> str:
    """How the gradient of `result` comes about on its way back to the leaves, a paragraph per op.

    For each op: what it made, the gradient that came in, and for each argument its formula as the source has
    it, where that stands, and the gradient it gave. Small gradients are shown whole, large ones by their
    Euclidean norm. `to` keeps to the ways that lead to one leaf (or one tensor in between); `gradient` is
    the result's own, ones where it is left out; `names` gives leaves their names, and may be
    `dict(model.named_parameters())`; `limit` is the largest number of ops told of. The graph stays as it is,
    and no `.grad` is touched. Raises RuntimeError where there is no graph, or none any more.
    """
    story = list(passages(result, gradient))
    target = None if to is None else edge_of(to)
    if to is not None:
        story = leading_to(target, story)
    called = {id(edge_of(t)): name for name, t in (names or {}).items() if edge_of(t) is not None}
    numbers = {passage.node: i + 1 for i, passage in enumerate(p for p in story if shown(p.node))}
    lines = [f"{words_for(result)} has {len(numbers)} ops behind it."]
    arrived: dict = {}
    for passage in story:
        if shown(passage.node) and numbers[passage.node] <= limit:
            lines += ["", *paragraph(passage, numbers, called, target)]
        for edge, g in zip(passage.node.edges, passage.given, strict=True):
            if g is not None and (edge is target if target is not None else not isinstance(edge, Node)):
                arrived.setdefault(edge, []).append(g)
    if len(numbers) > limit:
        lines += ["", f"... and {len(numbers) - limit} older ops; limit={len(numbers)} tells of all."]
    return "\n".join([*lines, "", *(sum_up(edge, found, called) for edge, found in arrived.items())])


def shown(node: Node) -> bool:
    """One result picked of several is no op of its own."""
    return not isinstance(node.op, Pick)


def leading_to(target, story: list[Passage]) -> list[Passage]:
    """The ops on a way to an edge of the graph; raises where there is none."""
    reached: set = {target}
    kept = []
    for passage in reversed(story):
        if any(edge in reached for edge in passage.node.edges if edge is not None):
            reached.add(passage.node)
            kept.append(passage)
    if not kept:
        raise RuntimeError("explain: `to` is not among the tensors that the result was made of")
    return kept[::-1]


def paragraph(passage: Passage, numbers: dict, called: dict, target) -> list[str]:
    """One op: what came in, and a line for each argument's formula."""
    node, received, given = passage
    name = getattr(node.op, "name", node.op.node_name)
    lines = [
        f"{numbers[node]}. {name} made {shape_of(node)}; the gradient that came in: {value_of(received)}"
    ]
    parameters: tuple = getattr(node.op, "differentiable", ()) or getattr(node.op, "parameters", ())
    for place, (edge, g) in enumerate(zip(node.edges, given, strict=True)):
        if edge is None or g is None:
            continue
        if target is not None and edge is not target and origin(edge) not in numbers:
            continue  # another way than the one asked for
        formula = formula_of(node.op, place)
        argument = parameters[place] if place < len(parameters) else f"argument {place}"
        lines.append(f"   to {argument}, {origin_name(edge, numbers, called)}: {value_of(g)}")
        lines.append(f"      = {formula.words}    [{formula.place}]")
        lines += [f"        {name} = {value}" for name, value in kept_for(node, place)]
    return lines


def kept_for(node: Node, place: int) -> list[tuple[str, str]]:
    """What the formula of an argument was given besides the gradient: arrays and settings, by their names."""
    named = getattr(node.op, "named", {})
    wanted = named.get(node.op.differentiable[place], ()) if named else ()
    kept = dict(zip(getattr(node.op, "keepable", ()), node.kept, strict=False))
    return [(n, value_of(kept[n]) if hasattr(kept[n], "dtype") else repr(kept[n])) for n in wanted]


def origin(edge):
    """The op behind an edge: of one result among several, the op that made them."""
    return edge.edges[0] if isinstance(edge, Node) and isinstance(edge.op, Pick) else edge


def origin_name(edge, numbers: dict, called: dict) -> str:
    """Where an argument came from: an op by its number, or a leaf by its name."""
    if id(edge) in called:
        return called[id(edge)]
    source = origin(edge)
    if isinstance(source, Node):
        return f"which {source.op.name if hasattr(source.op, 'name') else source.op.node_name} made" + (
            f" ({numbers[source]})" if source in numbers else ""
        )
    return f"a leaf {tuple(edge.array.shape)}"


def shape_of(node: Node) -> str:
    outputs = getattr(node, "outputs", None)
    return " and ".join(str(tuple(o[0])) for o in outputs) if outputs else str(tuple(node.shape))


def words_for(result) -> str:
    shape = tuple(result.array.shape)
    return f"The result, {value_of(result.array)}," if result.array.size <= 6 else f"The result, {shape},"


def value_of(g) -> str:
    """A gradient in a few characters: whole if it is small, else its shape and norm."""
    if isinstance(g, list):
        return "; ".join(value_of(part) for part in g if part is not None)
    array = to_numpy(np.asarray(g) if np.isscalar(g) else g)
    if array.size <= 6:
        return np.array2string(array, precision=4, separator=", ", suppress_small=False).replace("\n", "")
    return f"{tuple(array.shape)} of norm {size_of(g):.4g}"


def sum_up(edge, found: list, called: dict) -> str:
    """The last line: what arrived at a leaf, and from how many uses."""
    name = called.get(id(edge)) or f"the leaf {tuple(getattr(edge, 'array', edge).shape)}"
    total = sum(found[1:], start=found[0])
    uses = "one use" if len(found) == 1 else f"{len(found)} uses, added up"
    return f"{name}: gradient {value_of(total)}, from {uses}."

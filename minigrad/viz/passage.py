"""The walk back in slow motion: what each op receives and hands on, without freeing or adding anything."""

from __future__ import annotations

import math
from collections.abc import Iterator
from heapq import heappop
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np

from ..backend import as_array, to_numpy
from ..engine import Node, SeveralOutputs, edge_of
from ..walk import deliver, filled, freed, sum_to


class Passage(NamedTuple):
    """One op on the way back: the gradient of its result (a list for several results), and those it gives its
    edges.
    """

    node: Node
    received: Any
    given: list


def passages(result, gradient=None) -> Iterator[Passage]:
    """Each op behind a result, the youngest first, as the engine's walk takes them.

    `gradient` is the result's own, ones where it is left out. Raises RuntimeError if the graph has been
    walked and freed already.
    """
    edge = edge_of(result)
    if edge is None:
        raise RuntimeError("the tensor has no graph: neither it nor what it was made of requires grad")
    seed = np.ones_like(result.array) if gradient is None else as_array(getattr(gradient, "array", gradient))
    pending: dict = {}
    heap: list = []
    deliver(pending, heap, edge, seed)
    while heap:
        node = heappop(heap)[1]
        if node.kept is None:
            raise RuntimeError(freed(node.op))
        g = pending.pop(node)
        if isinstance(node, SeveralOutputs):
            g = filled(node, g, False)
        pulled = zip_longest(node.edges, node.op.pull(node, g, False, True))  # the unwanted may lack
        given = [None if edge is None or ge is None else fitting(ge, edge) for edge, ge in pulled]
        yield Passage(node, g, given)
        for target, gradient_of_it in zip(node.edges, given, strict=True):
            if target is not None and gradient_of_it is not None:
                deliver(pending, heap, target, gradient_of_it, node)


def fitting(g, edge):
    """The gradient in the shape of what it flows into: broadcasting undone."""
    if isinstance(edge, SeveralOutputs):
        return g
    shape = edge.shape if isinstance(edge, Node) else edge.array.shape
    return g if g.shape == shape else sum_to(g, shape)


def size_of(g) -> float:
    """The Euclidean norm of a gradient, or of several together."""
    parts = [to_numpy(as_array(part)) for part in (g if isinstance(g, list) else [g]) if part is not None]
    return math.hypot(*(float(np.linalg.norm(part.ravel())) for part in parts))

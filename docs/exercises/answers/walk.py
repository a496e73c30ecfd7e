"""Gradients wait in `pending` until all users of a result have added theirs: the youngest Node has no users
left.
"""

import numpy as np

from minigrad.engine import Node


def gradients_of(result) -> dict:
    """{leaf: gradient as an array} for a result of one element."""
    pending = {result.node: np.ones(result.shape)}
    while nodes := [edge for edge in pending if isinstance(edge, Node)]:
        node = max(nodes, key=lambda n: n.time)
        g = pending.pop(node)
        for edge, gradient in zip(node.edges, node.op.pull(node, g, False, False), strict=True):
            if edge is not None:
                pending[edge] = pending.get(edge, 0) + gradient
    return pending

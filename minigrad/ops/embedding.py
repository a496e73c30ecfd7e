"""Rows of a table by their numbers, and the gradient that goes back to the table."""

from __future__ import annotations

import numpy as np

from ..backend import scatter_add
from ..engine import primitive


@primitive(
    weight=lambda g, weight_shape, index, padding_idx, scale_by_count: add_rows(
        g, weight_shape, index, padding_idx, scale_by_count
    )
)
def embedding(weight, index, padding_idx, scale_by_count):
    """weight[index]: index (...) gives (..., D). The row `padding_idx` (or None) gets no gradient."""
    if index.size and not (0 <= int(index.min()) and int(index.max()) < len(weight)):
        raise IndexError("out of range")
    return weight.take(index, 0)


def _what_is_out_of_range(weight, index, *settings) -> str:
    bad = int(index.min()) if index.size and int(index.min()) < 0 else int(index.max(initial=0))
    return f"index out of range in self: {bad} is not one of the {len(weight)} rows 0 .. {len(weight) - 1}"


embedding.op.explain = _what_is_out_of_range


@primitive(
    g=lambda gg, g, shape, index, padding_idx, scale_by_count: rows_of(gg, index, padding_idx, scale_by_count)
)
def add_rows(g, shape, index, padding_idx, scale_by_count):
    """A table of the given shape with the rows of g (..., D) added up where `index` (...) says."""
    flat, gradients = index.reshape(-1), g.reshape(-1, shape[1])
    table = np.zeros_like(g, shape=shape)
    if not flat.size:
        return table
    if not isinstance(g, np.ndarray):
        scatter_add(table, flat, gradients)
        counts = None
    else:
        order = flat.argsort(kind="stable")
        sorted_index = flat[order]
        starts = np.flatnonzero(np.concatenate(([True], sorted_index[1:] != sorted_index[:-1])))
        found = sorted_index[starts]
        table[found] = np.add.reduceat(gradients[order], starts, axis=0)
    if scale_by_count:
        table /= np.maximum(np.bincount(flat, minlength=shape[0]), 1)[:, None].astype(g.dtype)
    if padding_idx is not None:
        table[padding_idx] = 0
    return table


def rows_of(table, index, padding_idx, scale_by_count):
    """The rows that `add_rows` would add to, as it would weigh them: its own gradient."""
    ...

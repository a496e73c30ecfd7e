"""Rows of a table by their numbers, and the way back: gradients added up row by row."""

from __future__ import annotations

import numpy as np

from ..backend import as_places, module_of, scatter_add
from ..engine import primitive
from .elementwise import mul


def _what_is_out_of_range(table, index, padding_idx) -> str:
    bad = int(index.min()) if int(index.min()) < 0 else int(index.max())
    return f"index out of range in self: {bad} is not one of the {len(table)} rows 0 .. {len(table) - 1}"


@primitive(
    explain=_what_is_out_of_range,
    table=lambda g, table_shape, index, padding_idx: add_rows(g, table_shape, index, padding_idx),
)
def embedding(table, index, padding_idx):
    """table (V, D) at index (...): (..., D). The row `padding_idx` (or None) gets no gradient."""
    unsigned = index.view(f"u{index.itemsize}")  # where negative numbers are large ones
    if index.size and int(unsigned.max()) >= len(table):
        raise IndexError("out of range")
    return table.take(as_places(index), 0)


@primitive(g=lambda gg, index, padding_idx: _rows_that_count(gg, index, padding_idx))
def add_rows(g, shape, index, padding_idx):
    """A table of a shape, the rows of g (..., D) added up where index (...) says; none at `padding_idx`."""
    flat, rows = index.reshape(-1), g.reshape(-1, shape[1])
    table = np.zeros_like(g, shape=shape)
    if not isinstance(g, np.ndarray):
        scatter_add(table, flat, rows)
    elif flat.size:
        _add_sorted(table, flat, rows)
    if padding_idx is not None:
        table[padding_idx] = 0
    return table


def _rows_that_count(table, index, padding_idx):
    rows = embedding(table, index, None)
    return rows if padding_idx is None else mul(rows, (index != padding_idx)[..., None])


def _add_sorted(table, index, rows) -> None:
    """table[index] += rows, by sorting: far faster than np.add.at, which goes row by row."""
    keys = index.astype(np.uint16) if len(table) <= 2**16 else index  # 16 bits are sorted by radix
    order = keys.argsort(kind="stable")
    ordered = index.take(order)
    first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    starts = first.nonzero()[0]
    found, counts = ordered.take(starts), np.diff(starts, append=len(ordered))
    once, repeated = counts == 1, counts > 1
    table[found[once]] = rows.take(order[starts[once]], 0)
    if repeated.any():
        summed = rows.take(order[repeated.repeat(counts)], 0)
        sizes = counts[repeated]
        table[found[repeated]] = np.add.reduceat(summed, sizes.cumsum() - sizes, 0)


@primitive(x=lambda g, factors: times_factors(g, factors))
def times_factors(x, factors):
    """x (V, D) with each row times its factor (V, 1)."""
    return x * factors


@primitive(x=lambda g, factors: times_factors(g, factors))
def weigh_gradient(x, factors):
    """x (V, D) itself; its gradient is weighed row by row by factors (V, 1)."""
    return x.view()


def one_over_uses(index, rows: int, dtype):
    """For each row one over how often index names it, (rows, 1)."""
    xp = module_of(index)
    uses = xp.bincount(as_places(index.reshape(-1)), minlength=rows)
    return (1 / xp.maximum(uses, 1))[:, None].astype(dtype)

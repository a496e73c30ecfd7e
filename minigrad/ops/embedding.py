"""Rows of a table by their numbers, and the way back: gradients added up row by row."""

from __future__ import annotations

import numpy as np

from ..backend import as_places, module_of, scatter_add, zeros_beside
from ..engine import primitive
from .elementwise import mul
from .sums import all_below

# Where the ways to add up rows cross over; docs/performance.md has the measurements.
FEW, NARROW = 2**15, 16  # elements in all, and in a row, up to which they are added one by one
PLACES = 8  # fewer places than this are added up one at a time


def _what_is_out_of_range(table, index, padding_idx) -> str:
    bad = int(index.min()) if int(index.min()) < 0 else int(index.max())
    return f"index out of range in self: {bad} is not one of the {len(table)} rows 0 .. {len(table) - 1}"


@primitive(
    explain=_what_is_out_of_range,
    table=lambda g, table_shape, index, padding_idx: add_rows(g, table_shape, index, padding_idx),
)
def embedding(table, index, padding_idx):
    """table (V, D) at index (...): (..., D). The row `padding_idx` (or None) gets no gradient."""
    if index.size and not all_below(index, len(table)):
        raise IndexError("out of range")
    return table.take(as_places(index), 0)


@primitive(g=lambda gg, index, padding_idx: _rows_that_count(gg, index, padding_idx))
def add_rows(g, shape, index, padding_idx):
    """A table of a shape, the rows of g (..., D) added up where index (...) says; none at `padding_idx`."""
    flat, rows = index.reshape(-1), g.reshape(index.size, shape[1])
    table = zeros_beside(g, shape)
    if not isinstance(g, np.ndarray):
        scatter_add(table, flat, rows)
    elif flat.size:
        _add(table, as_places(flat), rows)
    if padding_idx is not None:
        table[padding_idx] = 0
    return table


def _rows_that_count(table, index, padding_idx):
    rows = embedding(table, index, None)
    return rows if padding_idx is None else mul(rows, (index != padding_idx)[..., None])


def _add(table, index, rows) -> None:
    """Zeros (V, D) with rows (n, D) added where index (n,) says; np.add.at goes row by row, far slower."""
    if rows.size <= FEW or rows.shape[1] <= NARROW:
        return _add_elements(table, index, rows)
    if len(index) * 2 > len(table):
        return _add_in_turns(table, index, rows)
    numbers, written = np.arange(len(index)), np.empty(len(table), np.intp)
    written[index] = numbers  # the last of equal places stays
    lost = (written.take(index) != numbers).nonzero()[0]
    if len(lost) * 8 > len(index):
        return _add_in_turns(table, index, rows)
    table[index] = rows
    return _add_elements(table, index.take(lost), rows.take(lost, 0))


def _add_elements(table, index, rows) -> None:
    """table[index] += rows, element by element: np.add.at is quick at that."""
    if table.size <= rows.size:
        places = np.arange(table.size).reshape(table.shape).take(index, 0)
    else:
        places = np.add.outer(index * table.shape[1], np.arange(table.shape[1]))
    np.add.at(table.reshape(-1), places.reshape(-1), rows.reshape(-1))


def _add_in_turns(table, index, rows) -> None:
    """Zeros with rows added: the first of each place, the second of each that has one, and so on.

    Places are sorted by their number of rows; the last few, of many rows each, are added up one at a time.
    """
    order, places, starts, counts = _by_uses(index, len(table))
    total = rows.take(order.take(starts), 0)
    left = np.searchsorted(-counts, -np.arange(counts[0]))  # in each turn: places of more rows than that
    turns = max(np.count_nonzero(left >= PLACES), 1)
    for turn, some in enumerate(left[1:turns].tolist(), 1):
        total[:some] += rows.take(order.take(starts[:some] + turn), 0)
    for i in range(np.count_nonzero(counts > turns)):
        rest = order[starts[i] + turns : starts[i] + counts[i]]
        total[i] += np.add.reduce(rows.take(rest, 0), 0)
    table[places] = total


def _by_uses(index, size: int) -> tuple:
    """An order that sorts index; and its different numbers, where their stretches start, and how long they
    are, the longest first.
    """
    keys = index.astype(np.uint16) if size <= 2**16 else index  # 16 bits are sorted by radix
    order = keys.argsort(kind="stable")
    ordered = index.take(order)
    ends = np.append((ordered[1:] != ordered[:-1]).nonzero()[0] + 1, len(index))
    counts = np.diff(ends, prepend=0)
    by_count = counts.argsort(kind="stable")[::-1]
    counts = counts.take(by_count)
    starts = ends.take(by_count) - counts
    return order, ordered.take(starts), starts, counts


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

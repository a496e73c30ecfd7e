"""Sizes that a graph must not fix: found by running a model at several sizes and comparing.

Each dynamic axis has a size in every run. Where an argument, such as a shape to reshape to, is the same
number in all runs it is fixed; where it changes with the axes it is a `Size`, a formula of them that
holds in all runs.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from .listening import Ref

Runs = tuple[int, ...]  # a size in each run


@dataclass(frozen=True)
class Size:
    """factor * product of axes + rest; `runs` has its value in each run. Without axes, no formula is
    known.
    """

    runs: Runs
    axes: tuple[str, ...]
    factor: int = 1
    rest: int = 0


class VariesError(Exception):
    """Values of the runs that no formula of the axes explains."""


def size_of(runs: Runs, axes: dict[str, Runs]) -> int | Size:
    """The number, or the formula, that is `runs` in every run; the simplest there is."""
    if len(set(runs)) == 1:
        return runs[0]
    for count in range(1, len(axes) + 1):
        for names in itertools.combinations(axes, count):
            products = [int(np.prod([axes[name][run] for name in names])) for run in range(len(runs))]
            factor, rest = _line_through(products, runs)
            if factor and all(factor * p + rest == n for p, n in zip(products, runs)):
                return Size(runs, names, factor, rest)
    raise VariesError(f"the sizes {runs}")


def _line_through(products: list[int], runs: Runs) -> tuple[int, int]:
    """(factor, rest) of the line through the first two different points; factor 0 if there is none."""
    for i in range(1, len(runs)):
        if products[i] != products[0]:
            factor = (runs[i] - runs[0]) // (products[i] - products[0])
            return factor, runs[0] - factor * products[0]
    return 0, 0


def merged(values: tuple, axes: dict[str, Runs]) -> Any:
    """What an argument is in general, from what it was in each run; raises VariesError where that cannot be
    said.
    """
    first = values[0]
    if any(type(v) is not type(first) for v in values):
        raise VariesError(f"{first!r:.60} in one run and {values[-1]!r:.60} in another")
    if isinstance(first, Ref) or first is None:
        return _the_same(values)
    if isinstance(first, np.ndarray):
        return first if is_fixed(values) else _refuse(values)
    if isinstance(first, slice):
        parts = [merged(tuple(getattr(v, end) for v in values), axes) for end in ("start", "stop", "step")]
        return slice(*parts)
    if isinstance(first, (list, tuple)):
        return _merged_items(values, axes)
    if isinstance(first, (int, np.integer)) and not isinstance(first, bool):
        return size_of(tuple(int(v) for v in values), axes)
    return _the_same(values)


def _merged_items(values: tuple, axes: dict[str, Runs]):
    if len({len(v) for v in values}) > 1:
        raise VariesError(f"{len(values[0])} items in one run and {len(values[-1])} in another")
    items = [merged(parts, axes) for parts in zip(*values)]
    made = type(values[0])
    return made(*items) if hasattr(made, "_fields") else made(items)


def _the_same(values: tuple):
    return values[0] if all(v == values[0] or v is values[0] for v in values[1:]) else _refuse(values)


def _refuse(values: tuple):
    raise VariesError(f"{values[0]!r:.60} in one run and {values[-1]!r:.60} in another")


def is_fixed(arrays: tuple) -> bool:
    """Whether an array is the same in every run."""
    first = arrays[0]
    return all(
        a.shape == first.shape and np.array_equal(a, first, equal_nan=a.dtype.kind in "fc")
        for a in arrays[1:]
    )

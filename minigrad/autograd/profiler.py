"""Where time goes, op by op: PyTorch's `autograd.profiler`, on Python's own profiler.

    with profile() as prof:
        loss = model(x).sum()
        loss.backward()
    print(prof.key_averages().table(sort_by="self_cpu_time_total"))

What is timed are the functions of arrays behind the ops, forward and in gradient formulas. The profiler takes
time for every call it sees, so small ops look slower than they are.
"""

from __future__ import annotations

import cProfile
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ContextDecorator
from dataclasses import dataclass
from typing import Any

__all__ = ["FunctionEvent", "profile", "record_function"]

MICROSECONDS = 1e6
_active: list[profile] = []


@dataclass
class FunctionEvent:
    """The calls of one op, or of one named range: how many, and how long they took, in microseconds."""

    key: str
    count: int
    self_cpu_time_total: float
    cpu_time_total: float

    @property
    def cpu_time(self) -> float:
        return self.cpu_time_total / max(self.count, 1)

    name = property(lambda self: self.key)
    self_cpu_time = property(lambda self: self.self_cpu_time_total / max(self.count, 1))


COLUMNS: tuple[tuple[str, Callable[[FunctionEvent, float], str]], ...] = (
    ("Name", lambda e, total: e.key),
    ("Self CPU %", lambda e, total: f"{100 * e.self_cpu_time_total / total:.2f}%"),
    ("Self CPU", lambda e, total: _time(e.self_cpu_time_total)),
    ("CPU total %", lambda e, total: f"{100 * e.cpu_time_total / total:.2f}%"),
    ("CPU total", lambda e, total: _time(e.cpu_time_total)),
    ("CPU time avg", lambda e, total: _time(e.cpu_time)),
    ("# of Calls", lambda e, total: str(e.count)),
)


def _time(microseconds: float) -> str:
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:.3f}{unit}"
    return f"{microseconds:.3f}us"


class EventList(list):
    """Events, with a table to print."""

    def table(self, sort_by: str | None = None, row_limit: int = 100, **settings) -> str:
        """The events as text, the largest `sort_by` (such as 'self_cpu_time_total') first."""
        events = list(self) if sort_by is None else sorted(self, key=lambda e: -getattr(e, sort_by))
        total = max(sum(e.self_cpu_time_total for e in self), 1e-9)
        rows = [[text(e, total) for _, text in COLUMNS] for e in events[:row_limit]]
        titles = [title for title, _ in COLUMNS]
        widths = [max(len(row[i]) for row in [titles, *rows]) for i in range(len(titles))]
        rule = "  ".join("-" * w for w in widths)
        lines = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in [titles, *rows]]
        return "\n".join([rule, lines[0], rule, *lines[1:], rule, f"Self CPU time total: {_time(total)}", ""])

    def total_average(self) -> FunctionEvent:
        """All events as one."""
        return FunctionEvent(
            "Total",
            sum(e.count for e in self),
            sum(e.self_cpu_time_total for e in self),
            sum(e.cpu_time_total for e in self),
        )

    def __str__(self) -> str:
        return self.table()


class profile:
    """Context that times the ops called in it, in this thread; `enabled=False` makes it do nothing.

    PyTorch's other settings ask for what is not measured here (shapes, memory, GPU time) and must be off.
    """

    def __init__(self, enabled: bool = True, *, use_cuda: bool = False, **settings):
        wanted = [name for name, value in {"use_cuda": use_cuda, **settings}.items() if value]
        if wanted:
            raise NotImplementedError(f"profile: {', '.join(wanted)} cannot be measured here; leave it off")
        self.enabled = enabled
        self.ranges: dict[str, list[float]] = {}
        self._profiler = cProfile.Profile(builtins=False)

    def __enter__(self) -> profile:
        if self.enabled:
            _active.append(self)
            self._profiler.enable()
        return self

    def __exit__(self, *error) -> None:
        if self.enabled:
            self._profiler.disable()
            _active.remove(self)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """One event per op, and per range that `record_function` named."""
        names = dict(_codes_of_ops())
        events = EventList()
        for entry in self._profiler.getstats():
            if entry.code in names:
                own, whole = entry.inlinetime * MICROSECONDS, entry.totaltime * MICROSECONDS
                events.append(FunctionEvent(names[entry.code], entry.callcount, own, whole))
        for name, times in self.ranges.items():
            events.append(FunctionEvent(name, len(times), 0.0, sum(times)))
        return events

    def table(self, sort_by: str | None = None, row_limit: int = 100, **settings) -> str:
        """`key_averages().table(...)`."""
        return self.key_averages().table(sort_by, row_limit, **settings)

    def total_average(self) -> FunctionEvent:
        """All events as one."""
        return self.key_averages().total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds spent in ops."""
        return self.total_average().self_cpu_time_total


def _codes_of_ops() -> Iterable[tuple[Any, str]]:
    """The code object of each op's function of arrays, with PyTorch's way to name it."""
    package = __name__.partition(".")[0] + ".ops"
    for name, module in list(sys.modules.items()):
        if name.startswith(package):
            for value in vars(module).values():
                op = getattr(value, "op", value)
                forward = getattr(op, "forward", None)
                code = getattr(forward, "__code__", None)
                if code is not None and hasattr(op, "node_name"):
                    yield code, "aten::" + op.name


class record_function(ContextDecorator):
    """Context, or decorator, that times a part of a program under a name of its own."""

    def __init__(self, name: str, args: str | None = None):
        self.name = name

    def __enter__(self) -> record_function:
        self.started = time.perf_counter()
        return self

    def __exit__(self, *error) -> None:
        spent = (time.perf_counter() - self.started) * MICROSECONDS
        for active in _active:
            active.ranges.setdefault(self.name, []).append(spent)

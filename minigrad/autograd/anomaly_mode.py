"""Anomaly mode: which op made the first nan of a backward pass, and which line called that op.

While it is on, each recorded op takes down the line that called it, and each walk puts a `Watched` op in the
place of every op it may meet. While it is off, nothing of this is there.
"""

from __future__ import annotations

import sys
import threading
import traceback
import warnings
from contextvars import ContextVar

import numpy as np

from ..engine import Node, count_with, tick
from ..gradients import walk_with
from ..graph import Wrapped, name_of
from ..walk import walk

enabled: ContextVar[bool] = ContextVar("anomaly_enabled", default=False)
checking: ContextVar[bool] = ContextVar("anomaly_check_nan", default=True)

LIMIT = 200_000  # calls remembered: the oldest are forgotten, so that a long run does not grow
_lock = threading.Lock()
_threads = 0  # how many threads are in the mode
_calls: dict[int, traceback.StackSummary] = {}  # by a Node's time


class set_detect_anomaly:
    """Switch anomaly mode on or off at once; as a context, back at its end."""

    def __init__(self, mode: bool, check_nan: bool = True):
        self._before = enabled.get(), checking.get()
        _switch(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error) -> None:
        _switch(*self._before)


class detect_anomaly(set_detect_anomaly):
    """Context in which a nan in a backward pass is an error that names the op and the line that called it."""

    def __init__(self, check_nan: bool = True):
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
            "enabled for debugging.",
            stacklevel=2,
        )
        super().__init__(True, check_nan)


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on in this thread."""
    return enabled.get()


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode looks for nan in this thread."""
    return checking.get()


def _switch(mode: bool, check_nan: bool) -> None:
    """Switch this thread; what notes and watches is in place while any thread is in the mode."""
    global _threads
    with _lock:
        _threads += bool(mode) - enabled.get()
        enabled.set(bool(mode))
        checking.set(bool(check_nan))
        count_with(_noting_tick if _threads else tick)
        walk_with(_watching_walk if _threads else walk)
        if not _threads:
            _calls.clear()


def _noting_tick() -> int:
    """The next Node's time, under which the line that calls the op is taken down."""
    time = tick()
    if enabled.get():
        frame = sys._getframe(1)
        _calls[time] = traceback.StackSummary.extract(traceback.walk_stack(frame), lookup_lines=False)
        if len(_calls) > LIMIT:
            del _calls[next(iter(_calls))]
    return time


def _watching_walk(roots, retain: bool = False, record: bool = False, inputs: tuple = ()):
    """`engine.walk`, with a watch on every op."""
    roots = list(roots)
    if not enabled.get():
        return walk(roots, retain, record, inputs)
    nodes = _reachable(edge for edge, _ in roots)
    for node in nodes:
        node.op = Watched(node.op)
    try:
        return walk(roots, retain, record, inputs)
    finally:
        for node in nodes:
            node.op = node.op.op


def _reachable(edges) -> list[Node]:
    stack = [e for e in edges if isinstance(e, Node)]
    seen = set(stack)
    while stack:
        for edge in stack.pop().edges:
            if isinstance(edge, Node) and edge not in seen:
                seen.add(edge)
                stack.append(edge)
    return list(seen)


class Watched(Wrapped):
    """An op whose gradients are looked at for nan."""

    def pull(self, node: Node, g, record: bool, retain: bool) -> list:
        try:
            grads = self.op.pull(node, g, record, retain)
        except Exception as error:
            error.add_note(_where(node))
            raise
        if checking.get():
            for place, value in enumerate(grads):
                if value is not None and _has_nan(getattr(value, "array", value)):
                    raise RuntimeError(_found(node, place, value))
        if not retain:
            _calls.pop(node.time, None)
        return grads


def _has_nan(array) -> bool:
    return array.dtype.kind in "fc" and bool(np.isnan(array).any())


def _found(node: Node, place: int, value) -> str:
    array = getattr(value, "array", value)
    first = tuple(int(i) for i in np.argwhere(np.isnan(array))[0]) if array.ndim else ()
    return (
        f"Function '{name_of(node)}' returned nan values in its {place}th output, the gradient of shape "
        f"{tuple(array.shape)}, first at index {first}. {_where(node)}"
    )


def _where(node: Node) -> str:
    """Which line called the op."""
    call = _calls.get(node.time)
    if call is None:
        return (
            "No forward pass information: run the forward pass in anomaly mode, too, "
            "to see which line called it."
        )
    package = __name__.partition(".")[0]
    lines = [f for f in reversed(call) if f"/{package}/" not in f.filename.replace("\\", "/")] or list(call)
    return "The forward call that made it:\n" + "".join(traceback.format_list(lines[-8:]))

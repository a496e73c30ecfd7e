"""An unpickler that builds data and runs no code of the file's choosing: what `load(weights_only=True)` uses.

A pickle is a program for a stack machine. This machine knows the instructions that build containers, numbers
and text (`opcodes.py`); a global is looked up in a table, never imported, and a call goes to a function that
checks its arguments (`safe_globals.py`); what it may all cost is in `limits.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from .errors import FileError, UnpicklingError
from .limits import Budget
from .opcodes import OPCODES, STOP
from .safe_globals import SafeGlobals

#: of a pickle that more follows, this many bytes at most count for its budget
MOST_PAID_FOR = 2**24
_MALFORMED = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    struct.error,
)


def loads(data: bytes, persistent_load: Callable[[Any], Any], encoding: str = "utf-8"):
    """The object that the pickle `data` describes; raises UnpicklingError for all but plainly safe ones."""
    return _run(Machine(data, persistent_load, encoding))


def loads_at(data: bytes, start: int, persistent_load: Callable[[Any], Any]) -> tuple[Any, int]:
    """The object that the pickle at `start` describes, and where the pickle ends."""
    machine = Machine(data, persistent_load, start=start)
    return _run(machine), machine.place


def _run(machine: Machine):
    try:
        result = machine.run()
    except FileError:
        raise
    except _MALFORMED as error:
        if not machine.inside:
            raise
        message = f"the pickle is malformed at byte {machine.place} ({type(error).__name__}: {error!s:.100})"
        raise UnpicklingError(message) from error
    machine.budget.check_shape(result)
    return result


class Machine:
    """The stack machine: `stack` holds what is being built, `marks` the stacks put aside by MARK."""

    def __init__(
        self, data: bytes, persistent_load: Callable[[Any], Any], encoding: str = "utf-8", start: int = 0
    ):
        self.data, self.place = data, start
        self.persistent_load, self.encoding = persistent_load, encoding
        self.inside = True  # whether an error now would be the pickle's
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.budget = Budget(min(len(data) - start, MOST_PAID_FOR) if start else len(data))
        self.globals = SafeGlobals(self.budget)

    def run(self):
        """Carry out instructions up to STOP and return what it leaves."""
        data, opcodes = self.data, OPCODES
        while True:
            code = data[self.place]
            self.place += 1
            if code == STOP:
                return self.stack.pop()
            action = opcodes.get(code)
            if action is None:
                raise UnpicklingError(f"the pickle uses instruction {code:#04x}, which no weights need")
            action(self)

    def take(self, size: int) -> bytes:
        """The next `size` bytes of the pickle."""
        end = self.place + size
        if end > len(self.data):
            raise UnpicklingError("the pickle ends in the middle of a value: the file is damaged")
        piece = self.data[self.place : end]
        self.place = end
        return piece

    def number(self, size: int) -> int:
        """The next `size` bytes as an unsigned number."""
        start, self.place = self.place, self.place + size
        if self.place > len(self.data):
            raise UnpicklingError("the pickle ends in the middle of a number: the file is damaged")
        return int.from_bytes(self.data[start : self.place], "little")

    def line(self) -> str:
        """The text up to the next newline."""
        end = self.data.index(b"\n", self.place)
        text = self.take(end - self.place).decode()
        self.place += 1
        return text

    def pop_mark(self) -> list:
        """What was pushed since the last MARK."""
        items = self.stack
        self.stack = self.marks.pop()
        return items

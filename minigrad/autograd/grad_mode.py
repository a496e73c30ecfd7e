"""Switches for recording: `no_grad`, `enable_grad`, `set_grad_enabled`, `inference_mode`;
per thread, as contexts and decorators.
"""

from __future__ import annotations

import functools
from contextvars import ContextVar
from typing import Any

from ..engine import is_recording, recording

_GENERATOR = 0x20  # `inspect.CO_GENERATOR`; importing inspect would cost a tenth of our import time
_PLAIN = (lambda: None).__code__  # a callable without code of its own makes no generator

inferring: ContextVar[bool] = ContextVar("inferring", default=False)


class _Switch:
    """Sets recording on entry and puts it back on exit; used on a function it does so around each call."""

    on = False

    def __init__(self) -> None:
        self._before: list = []

    def __call__(self, function):
        if getattr(function, "__code__", _PLAIN).co_flags & _GENERATOR:
            return self._around_generator(function)

        @functools.wraps(function)
        def switched(*args, **kwargs):
            with self.again():
                return function(*args, **kwargs)

        return switched

    def _around_generator(self, function):
        """Recording is switched while the generator runs, and back while it waits."""

        @functools.wraps(function)
        def switched(*args, **kwargs):
            generator = function(*args, **kwargs)
            go_on, given = generator.send, None
            while True:
                with self.again():
                    try:
                        value = go_on(given)
                    except StopIteration as end:
                        return end.value
                try:
                    go_on, given = generator.send, (yield value)
                except GeneratorExit:
                    with self.again():
                        generator.close()
                    raise
                except BaseException as error:
                    go_on, given = generator.throw, error

        return switched

    def again(self) -> _Switch:
        """A switch like this one, for one more use."""
        return type(self)()

    def __enter__(self) -> None:
        self._before.append(is_recording())
        recording.set(self.on)

    def __exit__(self, *error) -> None:
        recording.set(self._before.pop())


class _Bare(_Switch):
    """A switch without settings: as a decorator it may stand without parentheses, too."""

    def __new__(cls, function=None):
        made: Any = object.__new__(cls)
        if function is None:
            return made
        made.__init__()
        return made(function)


class no_grad(_Bare):
    """Nothing is recorded inside: results do not require grad."""


class enable_grad(_Bare):
    """Recording is on inside, also within `no_grad`."""

    on = True


class set_grad_enabled(_Switch):
    """Recording is switched at once; as a context, back at its end."""

    def __init__(self, mode: bool):
        super().__init__()
        self.on = bool(mode)
        self._at_once = is_recording()
        recording.set(self.on)

    def again(self) -> set_grad_enabled:
        return set_grad_enabled(self.on)

    def __call__(self, function):
        recording.set(self._at_once)  # as a decorator it acts only around the calls
        return super().__call__(function)

    def __enter__(self) -> None:
        self._before.append(self._at_once)
        recording.set(self.on)


class inference_mode(_Switch):
    """`no_grad` whose results are never meant to be differentiated; `mode=False` switches it off."""

    def __new__(cls, mode=True):
        made: Any = super().__new__(cls)
        if isinstance(mode, bool):
            return made
        made.__init__(True)
        return made(mode)

    def __init__(self, mode: bool = True):
        super().__init__()
        self.mode = mode
        self._inferred: list[bool] = []

    def again(self) -> inference_mode:
        return inference_mode(self.mode)

    def __enter__(self) -> None:
        self._before.append(is_recording())
        self._inferred.append(inferring.get())
        recording.set(not self.mode)
        inferring.set(self.mode)

    def __exit__(self, *error) -> None:
        super().__exit__(*error)
        inferring.set(self._inferred.pop())


def is_grad_enabled() -> bool:
    """Whether operations are being recorded in this thread."""
    return is_recording()


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside `inference_mode`."""
    return inferring.get()

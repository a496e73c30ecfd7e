"""Which classes and functions a file would need, learned without loading it."""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from typing import Any

from .errors import UnpicklingError, naming
from .pt_reader import is_legacy, name_of, opened
from .safe_globals import is_known
from .torch_names import current_name
from .zip_reader import ZipReader


def get_unsafe_globals_in_checkpoint(f) -> list[str]:
    """The full names in a `.pt` file that `load(weights_only=True)` would refuse, sorted.

    Nothing is loaded or called. Raises FileError for a damaged file.
    """
    with naming("get_unsafe_globals_in_checkpoint", name_of(f)), opened(f) as file:
        data = file.read() if is_legacy(file) else ZipReader(file).read("data.pkl")
        try:
            found = {".".join(current_name(*name)) for name in _globals(data)}
        except (ValueError, IndexError, KeyError, AttributeError, TypeError) as error:
            raise UnpicklingError(f"the pickle is malformed: {error!s:.100}") from None
    return sorted(name for name in found if not is_known(name))


def _globals(data: bytes) -> Iterator[tuple[str, str]]:
    """(module, name) of every global that the first pickle names."""
    texts: list = []  # what was pushed last, None where it is no text
    memo: dict[int, object] = {}
    argument: Any
    for code, argument, _ in pickletools.genops(data):
        if code.name == "GLOBAL":
            module, _, name = argument.partition(" ")
            yield module, name
        elif code.name == "STACK_GLOBAL":
            yield texts[-2], texts[-1]
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if argument is None else argument] = texts[-1]
        else:
            got = memo.get(argument) if code.name in ("GET", "BINGET", "LONG_BINGET") else argument
            texts = [*texts[-1:], got if isinstance(got, str) and code.name != "GLOBAL" else None]

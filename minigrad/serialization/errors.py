"""What loading a file can raise: every refusal is one sentence that names the file and what to do."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager


class FileError(RuntimeError):
    """The file is damaged, hostile, or not in the format asked for."""


class UnpicklingError(FileError, pickle.UnpicklingError):
    """The pickle inside a .pt file is malformed, or asks for something that is not allowed."""


@contextmanager
def naming(operation: str, file: str) -> Iterator[None]:
    """Put the operation and the file's name before the message of any FileError raised inside."""
    try:
        yield
    except FileError as error:
        raise type(error)(f"{operation}: {file}: {error}") from error.__cause__

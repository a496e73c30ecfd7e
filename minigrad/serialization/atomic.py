"""Files that appear whole or not at all: written beside their place, flushed to the disk, renamed into it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from .errors import FileError

try:
    import fcntl
except ImportError:  # Windows has other locks: there a killed writer's file stays
    fcntl = None  # type: ignore[assignment]

_PREFIX, _SUFFIX = ".minigrad-", ".tmp"


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Yield a binary file that takes the place of `path` when the block ends, and vanishes if it raises.

    Links are followed and the old file's permissions kept. A device or a pipe is written directly, for there
    is nothing to rename. What writers that were killed have left in the folder is removed. Raises FileError
    where the folder is missing.
    """
    target = os.path.realpath(os.fspath(path))
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileError(f"save: {path}: the folder {folder} does not exist; make it with os.makedirs first")
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, "wb") as file:
            yield file
        return
    _remove_abandoned(folder)
    beside = os.path.join(folder, f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")
    try:
        with _locked(beside) as file:
            yield file
            _flush_to_disk(file)
        _keep_permissions(target, beside)
        os.replace(beside, target)
    except BaseException:
        _remove(beside)
        raise
    _flush_folder(folder)


def claim(file: BinaryIO) -> bool:
    """Lock a file for as long as it is open; whether no one else has it. True where there are no locks."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks
    return True


def _locked(path: str) -> BinaryIO:
    """A new file, locked for as long as it is open: so others see that its writer lives."""
    while True:
        file = open(path, "xb")  # noqa: SIM115 - the caller closes it
        claim(file)
        if os.path.exists(path):  # and was not removed between these lines
            return file
        file.close()


def _remove_abandoned(folder: str) -> None:
    """Remove unfinished files that no living writer has locked."""
    for name in os.listdir(folder) if fcntl is not None else ():
        if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
            path = os.path.join(folder, name)
            with suppress(OSError), open(path, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)


def _flush_to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _keep_permissions(old: str, new: str) -> None:
    if os.path.exists(old):
        os.chmod(new, os.stat(old).st_mode & 0o7777)


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)


def _flush_folder(folder: str) -> None:
    """Make the rename itself durable, where the system can open a folder (Windows cannot)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some file systems (network, browser) cannot: the file itself is already complete and in place
    finally:
        os.close(descriptor)

"""Files that appear whole or not at all: written beside their place, flushed to the disk, renamed into it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from .errors import FileError


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Yield a binary file that takes the place of `path` when the block ends, and vanishes if it raises.

    Links are followed and the old file's permissions kept. A device or a pipe is written directly, for there
    is nothing to rename. Raises FileError where the folder is missing.
    """
    target = os.path.realpath(os.fspath(path))
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileError(f"save: {path}: the folder {folder} does not exist; make it with os.makedirs first")
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, "wb") as file:
            yield file
        return
    beside = os.path.join(folder, f".minigrad-{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "xb") as file:
            yield file
            _flush_to_disk(file)
        _keep_permissions(target, beside)
        os.replace(beside, target)
    except BaseException:
        _remove(beside)
        raise
    _flush_folder(folder)


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

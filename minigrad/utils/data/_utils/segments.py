"""Memory that two processes share: one makes a segment and hands it to the other over their connection.

A segment has no name in the file system: an open file is handed over (on Windows a name that vanishes with
the last process that uses it). So none is left behind, however a process ends, and the size of /dev/shm,
small in containers, does not matter.
"""

from __future__ import annotations

import mmap
import os
import secrets
import socket
import tempfile
from typing import Any

WINDOWS = os.name == "nt"


class Segment:
    """`size` bytes of new shared memory, to be handed to one other process."""

    def __init__(self, size: int):
        self.size = size
        self.name = f"minigrad-{os.getpid()}-{secrets.token_hex(8)}" if WINDOWS else None
        self.file = None if WINDOWS else _unnamed_file(size)
        self.memory = _by_name(self.name, size) if self.file is None else mmap.mmap(self.file, size)

    def hand_over(self, connection: Any) -> None:
        """Let `received` at the other end have it."""
        if self.file is not None:
            with _socket_of(connection) as line:
                socket.send_fds(line, [b"f"], [self.file])
            os.close(self.file)
            self.file = None


def received(connection: Any, size: int, name: str | None) -> mmap.mmap:
    """The memory of a segment that the other end hands over."""
    if name is not None:
        return _by_name(name, size)
    with _socket_of(connection) as line:
        _, files, _, _ = socket.recv_fds(line, 1, 1)
    if not files:
        raise EOFError
    try:
        return mmap.mmap(files[0], size)
    finally:
        os.close(files[0])


def _unnamed_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("minigrad")
    else:
        with tempfile.TemporaryFile() as made:
            file = os.dup(made.fileno())
    os.ftruncate(file, size)
    return file


def _by_name(name: Any, size: int) -> mmap.mmap:
    return mmap.mmap(-1, size, tagname=name)  # type: ignore[call-arg]


def _socket_of(connection: Any) -> socket.socket:
    return socket.socket(fileno=os.dup(connection.fileno()))

"""A zip of uncompressed records laid out as PyTorch lays them out, so that it can map them into memory.

Each record is a local header, padding, the bytes at a multiple of 64, and a trailer with their checksum; a
directory of all records ends the file. Field names and numbers: PKWARE's APPNOTE, sections 4.3 and 4.5.
"""

import struct
import zlib
from hashlib import blake2b
from typing import BinaryIO

ALIGNMENT = 64
LIMIT_32 = 0xFFFFFFFF
_UTF8_NAME, _HAS_TRAILER = 0x800, 0x8


class ZipWriter:
    """Write records to `file` one after the other; nothing is read back, so a pipe will do."""

    def __init__(self, file: BinaryIO, name: str):
        self.file, self.name = file, name
        self.position = 0
        self.directory: list[bytes] = []
        self.names = blake2b(digest_size=8)
        self.checksum = 0

    def write(self, record: str, data: bytes | memoryview) -> None:
        """Append the record `<name>/<record>`; `data` is any contiguous buffer of bytes."""
        name = f"{self.name}/{record}".encode()
        start, size, checksum = self.position, len(data), zlib.crc32(data)
        flags = _UTF8_NAME | (_HAS_TRAILER if size else 0)
        self._emit(_local_header(name, start, size, flags))
        self._emit(data)
        if size:
            self._emit(_trailer(start, size, checksum))
        self.directory.append(_directory_entry(name, start, size, checksum, flags))
        self.names.update(name + b"\0")
        self.checksum = zlib.crc32(checksum.to_bytes(4, "little"), self.checksum)

    def close(self) -> None:
        """Write the directory; the file is a zip only from here on."""
        self._emit(_ending(self.directory, self.position))
        self.file.flush()

    def fingerprint(self) -> str:
        """Forty digits that depend on the names and bytes written so far, and on nothing else."""
        return f"{int.from_bytes(self.names.digest(), 'little'):020d}{self.checksum:020d}"

    def _emit(self, data: bytes | memoryview) -> None:
        if self.file.write(data) not in (len(data), None):  # raw files may write less than asked
            raise OSError("save: the file took only a part of the bytes; open it buffered")
        self.position += len(data)


def _local_header(name: bytes, start: int, size: int, flags: int) -> bytes:
    """The header before a record's bytes, padded so that the bytes begin at a multiple of ALIGNMENT."""
    wide = _wide_sizes(start, size)
    unpadded = start + 30 + len(name) + len(wide) + 4
    padding = -unpadded % ALIGNMENT
    extra = wide + b"FB" + struct.pack("<H", padding) + b"Z" * padding
    known = LIMIT_32 if size >= LIMIT_32 else 0  # checksum and sizes follow in the trailer
    fixed = struct.pack("<4s5H3L2H", b"PK\3\4", 0, flags, 0, 0, 0, 0, known, known, len(name), len(extra))
    return fixed + name + extra


def _wide_sizes(start: int, size: int) -> bytes:
    """The zip64 field: sizes and offset that do not fit in 32 bits; empty where all do."""
    values = [size, size] if size >= LIMIT_32 else []
    values += [start] if start >= LIMIT_32 else []
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values) if values else b""


def _trailer(start: int, size: int, checksum: int) -> bytes:
    wide = size >= LIMIT_32 or start >= LIMIT_32
    return struct.pack("<4sL2Q" if wide else "<4s3L", b"PK\7\10", checksum, size, size)


def _directory_entry(name: bytes, start: int, size: int, checksum: int, flags: int) -> bytes:
    wide = _wide_sizes(start, size)
    short, where = min(size, LIMIT_32), min(start, LIMIT_32)
    numbers = (0, 0, flags, 0, 0, 0, checksum, short, short, len(name), len(wide), 0, 0, 0, 0, where)
    return struct.pack("<4s6H3L5H2L", b"PK\1\2", *numbers) + name + wide


def _ending(directory: list[bytes], start: int) -> bytes:
    """The directory and the three records that lead a reader to it from the end of the file."""
    entries = b"".join(directory)
    count, size = len(directory), len(entries)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 0x1E, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1)
    short = (min(count, 0xFFFF), min(count, 0xFFFF), min(size, LIMIT_32), min(start, LIMIT_32))
    return entries + wide + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *short, 0)

"""A reader for zips of uncompressed records that believes nothing it has not checked against the file's size.

Before any record is read, the directory must fill its place exactly, names must be single and plain, records
must be stored, inside the file and apart from each other: so memory never exceeds the size of the file.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from .errors import FileError
from .zip_writer import LIMIT_32

_ENDING = struct.Struct("<4s4H2LH")
_WIDE_ENDING = struct.Struct("<4sQ2H2L4Q")
_WIDE_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_TRUNCATED = "the zip has no readable ending: the file was cut short or is damaged; copy or save it again"


@dataclass(slots=True)
class Record:
    """Where one record lies: its header's offset, its size and checksum (0: none was recorded)."""

    name: str
    header: int
    size: int
    checksum: int


class ZipReader:
    """The records of the zip that begins at the present position of `file` and ends with it."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.origin = file.tell()
        self.size = file.seek(0, 2) - self.origin
        start, records = self._read_directory()
        self.ends = _check_apart(records, start)
        self.name, slash, _ = records[0].name.partition("/")
        if not slash:
            raise FileError("the records lie in no folder: this is a zip, but no PyTorch archive")
        self.records = {record.name: record for record in records}

    def __contains__(self, name: str) -> bool:
        return f"{self.name}/{name}" in self.records

    def read(self, name: str) -> bytes:
        """The bytes of the record `<archive>/<name>`."""
        return self.read_array(name).tobytes()

    def read_array(self, name: str) -> np.ndarray:
        """The bytes of a record as a new array of uint8, its checksum verified."""
        record = self._find(name)
        self.file.seek(self.origin + self.offset(name))
        array = np.empty(record.size, np.uint8)
        _fill(self.file, array.data)
        if record.checksum and zlib.crc32(array.data) != record.checksum:
            raise FileError(f"record {record.name!r:.80} does not match its checksum: the file is damaged")
        return array

    def size_of(self, name: str) -> int:
        return self._find(name).size

    def offset(self, name: str) -> int:
        """Where the record's bytes begin, counted from the start of the archive."""
        record = self._find(name)
        if record.header + _LOCAL.size > self.ends[record.name]:
            raise FileError(f"record {record.name!r:.80} runs into the next one")
        fields = _LOCAL.unpack(self._at(record.header, _LOCAL.size))
        signature, method, name_size, extra_size = fields[0], fields[3], fields[9], fields[10]
        start = record.header + _LOCAL.size + name_size + extra_size
        if signature != b"PK\3\4" or method or start + record.size > self.ends[record.name]:
            raise FileError(f"record {record.name!r:.80} has a header that contradicts the directory")
        return start

    def _find(self, name: str) -> Record:
        record = self.records.get(f"{self.name}/{name}")
        if record is None:
            raise FileError(f"record {name!r:.80} is missing: the file is damaged or no PyTorch archive")
        return record

    def _at(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`, both of which must lie inside the archive."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise FileError(_TRUNCATED)
        self.file.seek(self.origin + offset)
        data = self.file.read(size)
        if len(data) != size:
            raise FileError(_TRUNCATED)
        return data

    def _read_directory(self) -> tuple[int, list[Record]]:
        """The offset of the directory, and its entries in the order written."""
        count, size, start, end = self._locate_directory()
        if start + size != end or count * _ENTRY.size > size or count == 0:
            raise FileError("the zip's directory is not where its ending says: the file is damaged")
        data = self._at(start, size)
        records: list[Record] = []
        place = 0
        while place < size and len(records) < count:
            record, place = _read_entry(data, place)
            records.append(record)
        if place != size or len(records) != count:
            raise FileError("the zip's directory holds another number of records than it says")
        return start, records

    def _locate_directory(self) -> tuple[int, int, int, int]:
        """Number of entries, size and offset of the directory, and the offset of what follows it."""
        tail_start = max(0, self.size - 0xFFFF - _ENDING.size)
        tail = self._at(tail_start, self.size - tail_start)
        found = tail.rfind(b"PK\5\6")
        if found < 0 or len(tail) - found < _ENDING.size:
            raise FileError(_TRUNCATED)
        fields = _ENDING.unpack_from(tail, found)
        place = tail_start + found
        if place + _ENDING.size + fields[7] != self.size:
            raise FileError(_TRUNCATED)
        short = (fields[4], fields[5], fields[6])
        return self._widen(short, place) if self._has_wide_ending(place) else (*short, place)

    def _has_wide_ending(self, place: int) -> bool:
        before = place - _WIDE_LOCATOR.size
        return before >= 0 and self._at(before, 4) == b"PK\6\7"

    def _widen(self, short: tuple[int, int, int], place: int) -> tuple[int, int, int, int]:
        """The 64-bit ending, which must agree with the 32-bit one wherever that one is not saturated."""
        locator = _WIDE_LOCATOR.unpack(self._at(place - _WIDE_LOCATOR.size, _WIDE_LOCATOR.size))
        fields = _WIDE_ENDING.unpack(self._at(locator[2], _WIDE_ENDING.size))
        wide = fields[7], fields[8], fields[9]
        limits = 0xFFFF, LIMIT_32, LIMIT_32
        agree = all(s in (w, limit) for s, w, limit in zip(short, wide, limits, strict=True))
        if fields[0] != b"PK\6\6" or not agree:
            raise FileError("the zip's two endings contradict each other: the file is damaged")
        return (*wide, locator[2])


def _read_entry(data: bytes, place: int) -> tuple[Record, int]:
    """One entry of the directory, and where the next one begins."""
    end = place + _ENTRY.size
    if end > len(data):
        raise FileError(_TRUNCATED)
    fields = _ENTRY.unpack_from(data, place)
    name_size, extra_size, comment_size = fields[10:13]
    next_place = end + name_size + extra_size + comment_size
    if fields[0] != b"PK\1\2" or next_place > len(data):
        raise FileError("an entry of the zip's directory is damaged")
    name = _read_name(data[end : end + name_size])
    packed, size, header = _read_sizes(fields, data[end + name_size : end + name_size + extra_size])
    if fields[3] & 1:
        raise FileError(f"record {name!r:.80} is encrypted; save the file without a password")
    if fields[4] or packed != size:
        raise FileError(
            f"record {name!r:.80} is compressed; PyTorch stores records: zip them again with zip -0"
        )
    return Record(name, header, size, fields[7]), next_place


def _read_name(raw: bytes) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise FileError(f"the record name {raw!r:.80} is not UTF-8") from None
    if not name or name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
        raise FileError(f"the record name {name!r:.80} is not a plain relative path")
    return name


def _read_sizes(fields: tuple, extra: bytes) -> tuple[int, int, int]:
    """Stored size, plain size and header offset, taken from the zip64 field where 32 bits are too few."""
    values = [fields[8], fields[9], fields[16]]
    wanted = [i for i in (1, 0, 2) if values[i] == LIMIT_32]  # the zip64 field has the plain size first
    if wanted:
        wide = _find_wide_field(extra)
        if len(wide) < 8 * len(wanted):
            raise FileError("a record of 4 GiB or more lacks its 64-bit size: the file is damaged")
        for i, value in zip(wanted, struct.unpack_from(f"<{len(wanted)}Q", wide), strict=True):
            values[i] = value
    return values[0], values[1], values[2]


def _find_wide_field(extra: bytes) -> bytes:
    """The payload of the extra field number 1, or nothing."""
    place = 0
    while place + 4 <= len(extra):
        number, size = struct.unpack_from("<2H", extra, place)
        if number == 1:
            return extra[place + 4 : place + 4 + size]
        place += 4 + size
    return b""


def _check_apart(records: list[Record], directory_start: int) -> dict[str, int]:
    """For each record the offset where the next one begins; refuses records that overlap or share a name."""
    ends: dict[str, int] = {}
    limit = directory_start
    for record in sorted(records, key=lambda r: r.header, reverse=True):
        if record.name in ends:
            raise FileError(f"record {record.name!r:.80} occurs twice: the file is damaged or hostile")
        if record.header + _LOCAL.size + record.size > limit:
            raise FileError(f"record {record.name!r:.80} reaches beyond its place in the file")
        ends[record.name] = limit
        limit = record.header
    return ends


def _fill(file: BinaryIO, view: memoryview) -> None:
    """Read until the buffer is full: a raw file may give less than asked, an odd one has no readinto."""
    done = 0
    while done < len(view):
        if hasattr(file, "readinto"):
            got = file.readinto(view[done:])
        else:
            piece = file.read(len(view) - done)
            view[done : done + len(piece)] = piece
            got = len(piece)
        if not got:
            raise FileError(_TRUNCATED)
        done += got

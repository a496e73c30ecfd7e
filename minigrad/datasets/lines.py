"""Text in files a user has: whole, or by lines."""

from __future__ import annotations

import codecs
import gzip
import os
import zlib

from ..serialization.errors import FileError

#: byte order marks, longest first, and the encodings they announce
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(path: str | os.PathLike, encoding: str = "utf-8", newline: str | None = None) -> str:
    """A text file as one string, its line ends as "\\n" unless `newline` is "".

    A byte order mark is left out and decides the encoding; a `.gz` file is unpacked. Raises FileError
    that names file and line of a character that is not in the encoding.
    """
    data = _bytes_of(path)
    for mark, announced in _MARKS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], announced
            break
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FileError(
            f"read_text: {os.fspath(path)}:{line}: byte {data[error.start]:#04x} is not {encoding}; "
            "pass encoding="
        ) from None
    return text if newline == "" else text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: str | os.PathLike, encoding: str = "utf-8") -> list[str]:
    """The lines of a text file without their ends, as `read_text` reads it."""
    lines = read_text(path, encoding).split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _bytes_of(path: str | os.PathLike) -> bytes:
    with open(path, "rb") as file:
        data = file.read()
    if not os.fspath(path).endswith(".gz"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(f"read_text: {os.fspath(path)}: it does not unpack: {error}") from None

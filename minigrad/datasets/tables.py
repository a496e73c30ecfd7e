"""Tables in files: CSV, TSV and JSON to columns by name. A file is read whole or, with its bad lines
named, not at all.

A column whose every value is a whole number becomes int64, one of numbers float64, any other a list of
text. A missing value is NaN among numbers, which makes whole numbers float64, and None in a list.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..serialization.errors import FileError
from .lines import read_text

Columns = dict[str, Any]
#: what a cell says that says nothing
MISSING = frozenset(("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"))
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE | re.ASCII)
_SHOWN = 3  # bad lines that a message names


# ---- CSV and its relatives -----------------------------------------------------------------------
def read_csv(
    path: str | os.PathLike,
    *,
    columns: Sequence[str] | None = None,
    delimiter: str = ",",
    header: bool | Sequence[str] = True,
    types: Mapping[str, Callable[[str], Any]] | None = None,
    missing: Iterable[str] = MISSING,
    encoding: str = "utf-8",
) -> Columns:
    """The columns of a CSV file by name, as arrays (rows,) of int64 or float64, or lists of text.

    The first line names the columns, unless `header` does, or is False: then they are "0", "1", ...
    `columns` chooses some of them, in its order. `types` gives a column's conversion, such as `{"zip":
    str, "day": date.fromisoformat}`, and so a list. Cells in `missing` are missing values, quoted or not.
    A byte order mark decides the encoding, `.gz` files are unpacked, empty lines are skipped. Raises
    FileError that names the file and lines where rows have another number of cells than the header, where
    quotes, characters or conversions fail; ValueError for columns that are not there.
    """
    name = _named(path, "read_csv")
    rows = list(_rows(name, read_text(path, encoding, newline=""), delimiter))
    heading, rows = _heading(name, rows, header)
    chosen = heading if columns is None else list(columns)
    _check_there(name, [*chosen, *(types or {})], heading)
    _check_lengths(name, rows, len(heading))
    missing = frozenset(missing)
    return {
        column: _column(
            name, column, [(line, cells[heading.index(column)]) for line, cells in rows], missing, types or {}
        )
        for column in chosen
    }


def read_tsv(path: str | os.PathLike, **options) -> Columns:
    """`read_csv` of a file whose cells are separated by tabs."""
    return read_csv(path, delimiter="\t", **options)


def _named(path, function: str) -> str:
    return f"{function}: {os.fspath(path)}"


def _rows(name: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line it begins on, cells) of every row; a quoted cell may span lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileError(
                f"{name}:{line}: {error}; look for a quote that is not closed or doubled"
            ) from None
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _heading(name: str, rows: list, header: bool | Sequence[str]) -> tuple[list[str], list]:
    """The columns' names, and the rows below."""
    if header is not True and header is not False:
        names, rows = list(header), rows
    elif not rows:
        raise FileError(f"{name}: the file has no rows")
    else:
        names = rows[0][1] if header else [str(i) for i in range(len(rows[0][1]))]
        rows = rows[1:] if header else rows
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise FileError(f"{name}: several columns are called {twice[0]!r}; name them by header=[...]")
    return names, rows


def _check_there(name: str, wanted: Iterable[str], heading: list[str]) -> None:
    absent = [column for column in wanted if column not in heading]
    if absent:
        raise ValueError(
            f"{name}: there is no column {absent[0]!r}; there are {', '.join(map(repr, heading))}"
        )


def _check_lengths(name: str, rows: list, count: int) -> None:
    bad = [(line, f"{len(cells)} cells, not {count}") for line, cells in rows if len(cells) != count]
    _refuse(name, bad)


def _refuse(name: str, bad: list[tuple[int, str]]) -> None:
    """Raise FileError for bad lines, naming the first few."""
    if bad:
        shown = "; ".join(f"line {line}: {why}" for line, why in bad[:_SHOWN])
        more = f"; and {len(bad) - _SHOWN} more lines" if len(bad) > _SHOWN else ""
        raise FileError(f"{name}:{bad[0][0]}: {shown}{more}")


def _column(name: str, column: str, cells: list[tuple[int, str]], missing: frozenset, types: Mapping) -> Any:
    if column in types:
        return _converted(name, column, cells, missing, types[column])
    return _of_numbers([None if cell in missing else cell for _, cell in cells])


def _converted(
    name: str, column: str, cells: list[tuple[int, str]], missing: frozenset, convert: Callable
) -> list:
    """A list of what the conversion makes of every cell, None where it is missing."""
    out, bad = [], []
    for line, cell in cells:
        try:
            out.append(None if cell in missing else convert(cell))
        except (ValueError, TypeError, ArithmeticError, LookupError) as error:
            bad.append((line, f"column {column!r}: {cell!r:.40}: {error!s:.60}"))
    _refuse(name, bad)
    return out


def _of_numbers(cells: list[str | None]) -> Any:
    """An array where all cells are numbers, otherwise the cells themselves."""
    present = [cell for cell in cells if cell is not None]
    if not present or not all(_NUMBER.fullmatch(cell.strip()) for cell in present):
        return np.full(len(cells), np.nan) if cells and not present else cells
    if len(present) == len(cells) and all(_WHOLE.fullmatch(cell.strip()) for cell in cells):  # type: ignore[union-attr]
        whole = [int(cell) for cell in present]
        if max(map(abs, whole)) < 2**63:
            return np.array(whole, np.int64)
        return cells  # longer than any number here: an identity, not a quantity
    return np.array([np.nan if cell is None else float(cell) for cell in cells])


# ---- JSON ----------------------------------------------------------------------------------------
def read_json_lines(
    path: str | os.PathLike, *, columns: Sequence[str] | None = None, encoding: str = "utf-8"
) -> Columns:
    """The columns of a file with a JSON object on every line, as `read_csv` gives them.

    Columns of true and false become bool; nested lists and objects stay as they are. A name that a line does
    not have is a missing value. Raises FileError that names the lines which are no objects.
    """
    name = _named(path, "read_json_lines")
    objects, bad = [], []
    for line, text in enumerate(read_text(path, encoding).split("\n"), 1):
        if text.strip():
            try:
                objects.append(_object(json.loads(text)))
            except (ValueError, RecursionError) as error:
                bad.append((line, f"{error!s:.80}"))
    _refuse(name, bad)
    return _columns_of(name, objects, columns)


def read_json(
    path: str | os.PathLike, *, columns: Sequence[str] | None = None, encoding: str = "utf-8"
) -> Columns:
    """The columns of a file with one JSON list of objects, as `read_json_lines` gives them."""
    name = _named(path, "read_json")
    try:
        items = json.loads(read_text(path, encoding))
        if not isinstance(items, list):
            raise ValueError("this is no list of objects")
        objects = [_object(item) for item in items]
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise FileError(f"{name}:{line}: {error!s:.80}") from None
    return _columns_of(name, objects, columns)


def _object(item) -> dict:
    if not isinstance(item, dict):
        raise ValueError(f"an object is wanted, not {type(item).__name__}")
    return item


def _columns_of(name: str, objects: list[dict], columns: Sequence[str] | None) -> Columns:
    heading = list(dict.fromkeys(key for item in objects for key in item))
    chosen = heading if columns is None else list(columns)
    _check_there(name, chosen, heading)
    return {column: _of_values([item.get(column) for item in objects]) for column in chosen}


def _of_values(values: list) -> Any:
    """An array where all values present are numbers, or all are true or false."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {bool} and None not in values:
        return np.array(values)
    if kinds == {int} and None not in values and max(map(abs, values)) < 2**63:
        return np.array(values, np.int64)
    if kinds and kinds <= {int, float} and (float in kinds or None in values):
        return np.array([np.nan if value is None else float(value) for value in values])
    return values

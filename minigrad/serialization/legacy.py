"""PyTorch's format from before 1.6, in which many published weights still are: read, not written.

Five pickles in a row, a magic number, a version, facts about the machine, the object, and the keys of its
storages, and then for each key a count and the storage's bytes. The object comes before its bytes: so its
pickle is gone through twice, first to learn which storages there are, then with them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import FileError, UnpicklingError
from .storage import Storage, StorageType, described
from .unpickler import loads_at

START = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_VERSION = 1001


def load(data: bytes, place: Callable[[Storage, str], Storage]) -> Any:
    """The object in a file's bytes; `place(storage, location)` moves a storage to its device."""
    end = len(START)
    version, end = loads_at(data, end, _no_storages)
    system, end = loads_at(data, end, _no_storages)
    if version != _VERSION or type(system) is not dict or type(system.get("little_endian")) is not bool:
        raise FileError("the file's beginning is damaged, or it is of a version that never was")
    declared = _Declared(len(data))
    _, after = loads_at(data, end, declared.note)
    keys, after = loads_at(data, after, _no_storages)
    swapped = system["little_endian"] != (sys.byteorder == "little")
    storages = _read_storages(data, after, keys, declared.found, swapped, place)
    return loads_at(data, end, lambda identity: storages[_parts(identity)[1]])[0]


def _no_storages(identity):
    raise UnpicklingError("the pickle refers to a storage before there are any")


def _parts(identity) -> tuple[StorageType, str, str, int]:
    """(type, key, location, count) of `('storage', type, key, location, count, view)`."""
    if type(identity) is not tuple or len(identity) != 6:
        raise UnpicklingError("the pickle refers to something outside it that is no storage")
    if identity[5] is not None:
        raise UnpicklingError(
            "a storage is a view of another, as before PyTorch 0.4; save it again with PyTorch"
        )
    return described(identity[:5])


class _Declared:
    """The storages that the object's pickle speaks of, with memory in their place that nothing is written
    to.
    """

    def __init__(self, room: int):
        self.room = room
        self.found: dict[str, tuple[StorageType, str, int]] = {}

    def note(self, identity) -> Storage:
        kind, key, location, count = _parts(identity)
        if self.found.setdefault(key, (kind, location, count)) != (kind, location, count):
            raise UnpicklingError(f"storage {key!r:.40} is described in two ways")
        total = sum(count * kind.stored.itemsize for kind, _, count in self.found.values())
        if total > self.room:
            raise FileError(
                f"its storages hold {total!r:.25} bytes, more than the file: it was cut or is damaged"
            )
        return Storage(np.empty(count, kind.loaded), kind)


def _read_storages(data: bytes, start: int, keys, declared: dict, swapped: bool, place) -> dict[str, Storage]:
    if type(keys) is not list or sorted(map(str, keys)) != sorted(declared):
        raise FileError(
            "the keys of its storages are not those that the object speaks of: the file is damaged"
        )
    storages = {}
    for key in keys:
        kind, location, count = declared[key]
        end = start + 8 + count * kind.stored.itemsize
        if end > len(data) or int.from_bytes(data[start : start + 8], _order(swapped)) != count:
            raise FileError(
                f"storage {key!r:.40} is not as long as the object says: the file was cut or is damaged"
            )
        found = np.frombuffer(data, np.uint8, end - start - 8, start + 8).copy()
        storages[key] = place(Storage.from_bytes(found, kind, swapped), location)
        start = end
    return storages


def _order(swapped: bool) -> Any:
    return {"little": "big", "big": "little"}[sys.byteorder] if swapped else sys.byteorder

"""`load`: read what `save`, PyTorch's or this one's, has written."""

from __future__ import annotations

import io
import os
import pickle
import sys
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from .. import backend
from . import legacy, safetensors, unpickler
from .errors import FileError, UnpicklingError, naming
from .storage import Storage, StorageType, described
from .torch_names import current_name, translate
from .zip_reader import ZipReader

_NEWEST_VERSION = 10


def load(
    f,
    map_location=None,
    pickle_module=None,
    *,
    weights_only: bool | None = True,
    mmap: bool | None = None,
    **pickle_load_args,
) -> Any:
    """Load an object from a file written by `save`, here or in PyTorch.

    `f` is a path or a seekable binary file, read from its present position to its end. `map_location` says
    where tensors go: a device or its name for all, a dict from the file's locations to devices, or a function
    `(storage, location) -> storage or None`. With `weights_only=True` only data is built (tensors,
    containers, numbers, text and what `add_safe_globals` allows); with False the file may run any code: only
    for files you trust. `mmap=True` maps a path's storages into memory instead of reading them; writing to
    them does not change the file. bfloat16, which NumPy does not have, becomes float32 of the same values.
    Paths that end in .safetensors are read as such, and PyTorch's format from before 1.6 is read, too.

    Raises UnpicklingError for what is not admitted, FileError for a damaged file or another format.
    """
    weights_only = weights_only is None or bool(weights_only)
    _check_arguments(f, pickle_module, weights_only, mmap, pickle_load_args)
    name = name_of(f)
    if name.endswith(".safetensors"):
        return _load_safetensors(f, map_location)
    with naming("load", name), opened(f) as file:
        if is_legacy(file):
            _check_legacy(weights_only, mmap)
            return legacy.load(file.read(), _placement(map_location))
        archive = ZipReader(file)
        if "constants.pkl" in archive:
            raise FileError("this is a TorchScript archive, which is code; save a state_dict instead")
        storages = _Storages(archive, os.fspath(f) if mmap else None, map_location)
        data = archive.read("data.pkl")
        if weights_only:
            return unpickler.loads(data, storages.persistent_load)
        return _load_anything(data, storages, pickle_module or pickle, pickle_load_args)


def _check_arguments(f, pickle_module, weights_only, mmap, pickle_load_args) -> None:
    if weights_only and pickle_module is not None:
        raise RuntimeError(
            "load: pickle_module cannot be chosen with weights_only=True; pass weights_only=False"
        )
    if weights_only and pickle_load_args:
        warnings.warn(f"load: {', '.join(pickle_load_args)} only work with weights_only=False", stacklevel=3)
    if mmap and not isinstance(f, (str, os.PathLike)):
        raise ValueError("load: f must be a path to be mapped into memory; pass the path, or mmap=False")


def name_of(f) -> str:
    """What to call the file in a message."""
    if isinstance(f, (str, os.PathLike)):
        return str(os.fspath(f))
    return str(getattr(f, "name", f"<{type(f).__name__}>"))


def _load_safetensors(f, map_location):
    if isinstance(map_location, dict) or callable(map_location):
        raise RuntimeError("load: a .safetensors file names no locations; pass a device as map_location")
    return safetensors.load_file(f, "cpu" if map_location is None else map_location)


@contextmanager
def opened(f):
    """The binary file itself, or the file that a path names, closed afterwards."""
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb", buffering=0) as file:
            yield file
        return
    if not all(hasattr(f, method) for method in ("read", "seek", "tell")):
        raise AttributeError(f"load: f must be a path or a seekable binary file, not {type(f).__name__}")
    if not getattr(f, "seekable", lambda: True)():
        raise io.UnsupportedOperation("load: f cannot seek; read it into an io.BytesIO and load from that")
    yield f


def is_legacy(file: BinaryIO) -> bool:
    """Whether the file is of the format before 1.6; refuses all but that and zips, with a word for a near
    miss.
    """
    start = file.tell()
    head = file.read(512)
    file.seek(start)
    if head[:4] == b"PK\3\4":
        return False
    if not head:
        raise FileError("the file is empty, or its position is at its end: seek(0) after writing")
    if head[257:262] == b"ustar":
        raise FileError("this is PyTorch's format from before 0.1.10; load and save it again with PyTorch")
    if not head.startswith(legacy.START):
        raise FileError("this is not a file written by save (a zip archive begins otherwise)")
    return True


def _check_legacy(weights_only: bool, mmap: bool | None) -> None:
    if mmap or not weights_only:
        asked = "mmap=True" if mmap else "weights_only=False"
        raise FileError(
            f"this is PyTorch's format from before 1.6, which {asked} does not read; leave it out"
        )


class _Storages:
    """The storages of one archive: each is read once, so that tensors which shared memory still do."""

    def __init__(self, archive: ZipReader, path, map_location):
        self.archive = archive
        self.mapped = None if path is None else np.memmap(path, np.uint8, "c").view(np.ndarray)
        self.place = _placement(map_location)
        self.swapped = _byte_order(archive) != sys.byteorder
        self.loaded: dict[str, tuple[StorageType, int, Storage]] = {}
        _check_version(archive)

    def persistent_load(self, identity) -> Storage:
        """The storage for `('storage', type, key, location, number of elements)`."""
        kind, key, location, count = described(identity)
        if key not in self.loaded:
            self.loaded[key] = kind, count, self._read(kind, key, location, count)
        known_kind, known_count, storage = self.loaded[key]
        if known_kind is not kind or known_count != count:
            raise UnpicklingError(f"storage {key!r:.40} is described in two ways")
        return storage

    def _read(self, kind: StorageType, key: str, location: str, count: int) -> Storage:
        record = f"data/{key}"
        size = self.archive.size_of(record)
        if count * kind.stored.itemsize != size:
            raise FileError(
                f"storage {key!r:.40} of {kind.name} holds {size} bytes, not {count!r:.25} elements"
            )
        storage = Storage.from_bytes(self._bytes(record, size), kind, self.swapped)
        return self.place(storage, location)

    def _bytes(self, record: str, size: int) -> np.ndarray:
        if self.mapped is None:
            return self.archive.read_array(record)
        start = self.archive.offset(record)
        return self.mapped[start : start + size]


def _byte_order(archive: ZipReader) -> str:
    """'little' or 'big'; archives from before the mark existed are little-endian."""
    if "byteorder" not in archive:
        return "little"
    mark = archive.read("byteorder")
    if mark not in (b"little", b"big"):
        raise FileError(f"the byte order {mark!r:.20} is neither 'little' nor 'big'")
    return mark.decode()


def _check_version(archive: ZipReader) -> None:
    if "version" not in archive:
        return
    text = archive.read("version").strip()
    if not text.isdigit() or len(text) > 9 or int(text) > _NEWEST_VERSION:
        raise FileError(
            f"the archive is of version {text!r:.20}, newer than {_NEWEST_VERSION}; save it again"
        )


def _placement(map_location) -> Callable[[Storage, str], Storage]:
    """The function that moves a storage to where it belongs, given the location it was saved from."""
    if map_location is None:
        return _restore
    if isinstance(map_location, dict):
        return lambda storage, location: _restore(storage, map_location.get(location, location))
    if callable(map_location):
        return lambda storage, location: _chosen(map_location(storage, location), storage, location)
    device = backend.as_device(map_location)
    return lambda storage, location: storage.to(device)


def _restore(storage: Storage, location) -> Storage:
    """To the device it came from."""
    try:
        return storage.to(location)
    except RuntimeError as error:
        raise FileError(
            f"it holds tensors of device {location!r:.40} ({error}); load it with map_location='cpu'"
        ) from error


def _chosen(result, storage: Storage, location: str) -> Storage:
    if result is None:
        return _restore(storage, location)
    if not isinstance(result, Storage):
        raise TypeError(f"load: map_location must return a storage or None, not {type(result).__name__}")
    return result


def _load_anything(data: bytes, storages: _Storages, pickle_module, options: dict):
    """PyTorch's meaning of weights_only=False: Python's own unpickler, with `torch.*` names translated."""

    class FullUnpickler(pickle_module.Unpickler):
        def persistent_load(self, identity):
            return storages.persistent_load(identity)

        def find_class(self, module: str, name: str):
            module, name = current_name(module, name)
            if module.partition(".")[0] == "torch":
                return translate(module, name)
            return super().find_class(module, name)

    try:
        return FullUnpickler(io.BytesIO(data), **{"encoding": "utf-8", **options}).load()
    except FileError:
        raise
    except (pickle.UnpicklingError, EOFError) as error:
        raise UnpicklingError(str(error)) from error

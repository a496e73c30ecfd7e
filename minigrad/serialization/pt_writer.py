"""`save`: write an object as PyTorch writes it, so that either can load the file.

The archive holds a pickle in which every tensor is a call of `torch._utils._rebuild_tensor_v2` on a storage,
and one record of raw bytes per storage. Python's own pickler does the rest; `_FORMS` says what it writes for
our types.
"""

from __future__ import annotations

import codecs
import io
import os
import pickle
import re
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar, NamedTuple

from .. import backend, dtypes
from .atomic import atomic_write
from .layout import Block, address, blocks, storable
from .storage import NAMES, UNTYPED, Storage
from .tensors import Buffer, Parameter, Size, Tensor, to_array
from .zip_writer import ALIGNMENT, ZipWriter


def save(
    obj: object,
    f,
    pickle_module=pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Save an object to a file that PyTorch loads, too.

    `f` is a path, which gets the whole file or is left as it was, or a binary file open for writing. Tensors
    that share memory share it again when loaded. Tensors, containers, numbers and text are read back by
    `load(weights_only=True)`; objects of other classes are pickled under their own names and need
    `weights_only=False`.
    """
    if pickle_module is not pickle:
        raise NotImplementedError(
            "save: pickle_module other than Python's pickle is not supported; leave it out"
        )
    if not _use_new_zipfile_serialization:
        raise NotImplementedError(
            "save: the format from before PyTorch 1.6 is not written; leave the argument out"
        )
    if pickle_protocol < 2:
        raise ValueError(f"save: pickle_protocol={pickle_protocol} cannot refer to storages; use 2")
    contents = _Contents(obj, pickle_protocol)
    byte_order = None if _disable_byteorder_record else sys.byteorder
    if isinstance(f, (str, os.PathLike)):
        with atomic_write(f) as file:
            contents.write(ZipWriter(file, _archive_name(f)), byte_order)
    elif hasattr(f, "write"):
        contents.write(ZipWriter(f, "archive"), byte_order)
    else:
        raise AttributeError(
            f"save: f must be a path or a file with a 'write' method, not {type(f).__name__}"
        )


def _archive_name(path) -> str:
    """The folder inside the archive: the file's name without its extension, where that is plain."""
    stem = os.path.splitext(os.path.basename(os.fspath(path)))[0]
    return stem if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_. -]*", stem) else "archive"


class _Contents:
    """The pickle of an object and the blocks of memory it refers to, all known before the file is opened."""

    def __init__(self, obj: object, protocol: int):
        data = io.BytesIO()
        pickler = _Pickler(data, protocol, _collect(obj, protocol))
        pickler.dump(obj)
        self.data, self.blocks = data.getbuffer(), pickler.keys

    def write(self, archive: ZipWriter, byte_order: str | None) -> None:
        """The records in PyTorch's order."""
        archive.write("data.pkl", self.data)
        archive.write(".format_version", b"1")
        archive.write(".storage_alignment", str(ALIGNMENT).encode())
        if byte_order is not None:
            archive.write("byteorder", byte_order.encode())
        for block, key in self.blocks.items():
            archive.write(f"data/{key}", block.contents())
        archive.write("version", b"3\n")
        archive.write(".data/serialization_id", archive.fingerprint().encode())
        archive.close()


# ---- first pass: which memory is there -----------------------------------------------------------
def _collect(obj: object, protocol: int) -> dict[int, tuple[Any, Any, Block]]:
    """By the id of each tensor or storage in `obj`: itself, its array, and the block its memory lies in."""
    found: dict[int, Tensor | Storage] = {}

    class Collector(pickle.Pickler):
        def reducer_override(self, item):
            if not isinstance(item, (Tensor, Storage)):
                return NotImplemented
            found[id(item)] = item
            return int, ()

    Collector(_Nowhere(), protocol).dump(obj)
    arrays = [storable(_array_of(item)) for item in found.values()]
    placed = zip(found.values(), arrays, blocks(arrays), strict=True)
    return {id(item): (item, array, block) for item, array, block in placed}


class _Nowhere:
    """A file that forgets."""

    def write(self, data) -> int:
        return len(data)


def _array_of(item):
    return item.array if isinstance(item, Storage) else to_array(item)


# ---- second pass: the pickle ---------------------------------------------------------------------
class _Name(NamedTuple):
    """A global of PyTorch's, which need not exist here."""

    module: str
    name: str


class _Call(NamedTuple):
    """A call of such a global."""

    function: _Name
    arguments: tuple


_STORAGE_NAMES = {dtype: _Name("torch", name) for dtype, name in NAMES.items()}
_UNTYPED_STORAGE = _Name("torch.storage", "UntypedStorage")
_DTYPES = {d: _Name("torch", d.name) for d in dtypes.ALL}
_REBUILD_TENSOR = _Name("torch._utils", "_rebuild_tensor_v2")
_REBUILD_UNTYPED = _Name("torch._utils", "_rebuild_tensor_v3")
_REBUILD_PARAMETER = _Name("torch._utils", "_rebuild_parameter")
_REBUILD_PARAMETER_WITH_STATE = _Name("torch._utils", "_rebuild_parameter_with_state")
_REBUILD_FROM_TYPE = _Name("torch._tensor", "_rebuild_from_type_v2")
_TENSOR = _Name("torch", "Tensor")
_SIZE = _Name("torch", "Size")
_DEVICE = _Name("torch", "device")


#: Python's pickler written in Python: the one in C refuses to write a name that cannot be imported.
_PythonPickler: Any = pickle._Pickler


class _Pickler(_PythonPickler):
    """Python's pickler with a table of its own for our types."""

    def __init__(self, file: BinaryIO, protocol: int, placed: dict[int, tuple[Any, Any, Block]]):
        super().__init__(file, protocol)
        self.placed = placed
        self.keys: dict[Block, str] = {}  # in the order written

    def place(self, item) -> tuple[Any, Block]:
        """A tensor's or storage's array and block; what is made only while pickling shares with nothing."""
        if id(item) not in self.placed:
            array = storable(_array_of(item))
            self.placed[id(item)] = item, array, blocks([array])[0]
        return self.placed[id(item)][1:]

    def save_name(self, item: _Name) -> None:
        if self.proto >= 4:
            self.save(item.module)
            self.save(item.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{item.module}\n{item.name}\n".encode())
        self.memoize(item)

    def save_call(self, item: _Call, stands_for=None) -> None:
        self.save(item.function)
        self.save(item.arguments)
        self.write(pickle.REDUCE)
        self.memoize(item if stands_for is None else stands_for)

    def save_block(self, item: Block) -> None:
        self.save_storage_of(item, _STORAGE_NAMES.get(item.flat.dtype, _UNTYPED_STORAGE))

    def save_storage(self, item: Storage) -> None:
        kind = _UNTYPED_STORAGE if item.type is UNTYPED else _STORAGE_NAMES[item.array.dtype]
        self.save_storage_of(self.place(item)[1], kind)

    def save_storage_of(self, block: Block, kind: _Name) -> None:
        key = self.keys.setdefault(block, str(len(self.keys)))
        count = block.flat.nbytes if kind is _UNTYPED_STORAGE else block.flat.size
        self.save_pers(("storage", kind, key, block.location, count))

    def save_form(self, item) -> None:
        """Save an object of ours as the call that PyTorch would write for it."""
        self.save_call(_FORMS[type(item)](self, item), item)

    def save_dtype(self, item: dtypes.dtype) -> None:
        self.save(_DTYPES[item])

    def save_bytes_or_none(self, item: bytes) -> None:
        """As Python does, but empty ones also in the way that PyTorch admits."""
        if item or self.proto >= 3:
            self.save_bytes(item)
        else:
            self.save_reduce(codecs.encode, ("", "latin1"), obj=item)

    dispatch: ClassVar = {
        **_PythonPickler.dispatch,
        _Name: save_name,
        _Call: save_call,
        Block: save_block,
        Storage: save_storage,
        bytes: save_bytes_or_none,
        **dict.fromkeys((Tensor, Parameter, Buffer, Size, backend.device), save_form),
        dtypes.dtype: save_dtype,
    }


def _plain_form(pickler: _Pickler, tensor: Tensor, tracked: bool) -> _Call:
    """A tensor without what its class or its user adds."""
    array, block = pickler.place(tensor)
    offset = (address(array) - block.start) // array.itemsize
    stride = tuple(step // array.itemsize for step in array.strides)
    arguments: tuple = (block, offset, array.shape, stride, tracked, OrderedDict())
    if array.dtype in NAMES:
        return _Call(_REBUILD_TENSOR, arguments)
    return _Call(_REBUILD_UNTYPED, (*arguments, _DTYPES[dtypes.of(array.dtype)]))


def _tensor_form(pickler: _Pickler, tensor: Tensor) -> _Call:
    plain = _plain_form(pickler, tensor, tensor.requires_grad)
    if not vars(tensor):
        return plain
    return _Call(_REBUILD_FROM_TYPE, (plain.function, _TENSOR, plain.arguments, vars(tensor)))


def _parameter_form(pickler: _Pickler, parameter: Parameter) -> _Call:
    arguments: tuple = (_plain_form(pickler, parameter, False), parameter.requires_grad, OrderedDict())
    if not vars(parameter):
        return _Call(_REBUILD_PARAMETER, arguments)
    return _Call(_REBUILD_PARAMETER_WITH_STATE, (*arguments, vars(parameter)))


def _device_form(pickler: _Pickler, device: backend.device) -> _Call:
    return _Call(_DEVICE, (device.type,) if device.index is None else (device.type, device.index))


#: By type, the call that is written in place of one of our objects.
_FORMS: dict[type, Callable[[_Pickler, Any], _Call]] = {
    Tensor: _tensor_form,
    Parameter: _parameter_form,
    Buffer: _tensor_form,  # a plain tensor in the file: what makes it a buffer is where its module keeps it
    Size: lambda pickler, size: _Call(_SIZE, (tuple(size),)),
    backend.device: _device_form,
}

"""Storages: the flat memory that tensors of a file view, and PyTorch's names for them by dtype."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import backend
from .errors import FileError, UnpicklingError


@dataclass(frozen=True)
class StorageType:
    """One of PyTorch's storage classes: the dtype in the file, and the dtype it has once loaded."""

    name: str
    stored: np.dtype
    loaded: np.dtype


def _storage(name: str, stored: str, loaded: str | None = None) -> StorageType:
    return StorageType(name, np.dtype(stored), np.dtype(loaded or stored))


# NumPy has no bfloat16: its bits are read as uint16 and are the upper half of a float32.
TYPES = {
    storage.name: storage
    for storage in (
        _storage("BoolStorage", "bool"),
        _storage("ByteStorage", "uint8"),
        _storage("CharStorage", "int8"),
        _storage("ShortStorage", "int16"),
        _storage("IntStorage", "int32"),
        _storage("LongStorage", "int64"),
        _storage("HalfStorage", "float16"),
        _storage("BFloat16Storage", "uint16", "float32"),
        _storage("FloatStorage", "float32"),
        _storage("DoubleStorage", "float64"),
        _storage("ComplexFloatStorage", "complex64"),
        _storage("ComplexDoubleStorage", "complex128"),
    )
}
UNTYPED = _storage("UntypedStorage", "uint8")
NAMES = {kind.stored: name for name, kind in TYPES.items() if kind.loaded == kind.stored}


def widen_bfloat16(bits: np.ndarray) -> np.ndarray:
    """float32 values of bfloat16 bit patterns given as uint16; exact, NaNs and infinities included."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


class Storage:
    """Flat memory on one device: `array` has one axis and the dtype that the file names for it."""

    __slots__ = ("array", "copied", "type")

    def __init__(self, array, type: StorageType):
        self.array = array
        self.type = type
        self.copied = 0  # bytes that tensors could not view but had to copy

    @classmethod
    def from_bytes(cls, data: np.ndarray, type: StorageType, swapped: bool) -> Storage:
        """A storage over a file's bytes (uint8), in the other byte order if `swapped`."""
        aligned = data if data.ctypes.data % type.stored.itemsize == 0 else data.copy()
        array = aligned.view(type.stored)
        array = array.byteswap() if swapped and type.stored.itemsize > 1 else array
        if type.stored == np.bool_ and (data > 1).any():
            raise FileError("a storage of booleans holds bytes other than 0 and 1: the file is damaged")
        return cls(array if type.loaded == type.stored else widen_bfloat16(array), type)

    @property
    def device(self) -> backend.device:
        return backend.device_of(self.array)

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    def size(self) -> int:
        """How many elements there are."""
        return self.array.size

    __len__ = size

    def nbytes(self) -> int:
        """How many bytes they take once loaded."""
        return self.array.nbytes

    def to(self, device) -> Storage:
        """This memory on another device; itself where it is there already."""
        where = backend.as_device(device)
        return Storage(backend.to_device(self.array, where), self.type)

    def cpu(self) -> Storage:
        return self.to("cpu")

    def cuda(self, device=None) -> Storage:
        return self.to("cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device)

    def __repr__(self) -> str:
        return f"Storage({self.size()} of {self.array.dtype} on {self.device})"


def described(identity) -> tuple[StorageType, str, str, int]:
    """(type, key, location, count) of a pickle's `('storage', type, key, location, count)`, checked."""
    if type(identity) is not tuple or len(identity) != 5:
        raise UnpicklingError("the pickle refers to something outside it that is no storage")
    word, kind, key, location, count = identity
    if type(word) not in (str, bytes) or word not in ("storage", b"storage"):
        raise UnpicklingError("the pickle refers to something outside it that is no storage")
    location = location.decode("ascii", "replace") if type(location) is bytes else location
    if (
        type(kind) is not StorageType
        or type(key) is not str
        or type(location) is not str
        or len(location) > 40
    ):
        raise UnpicklingError("a storage's type, key or location is of the wrong kind")
    if type(count) is not int or count < 0:
        raise UnpicklingError("a storage's number of elements is no whole number")
    return kind, key, location, count


def strided(array, offset: int, size: tuple[int, ...], stride: tuple[int, ...]):
    """A view of flat memory, all counts in elements; the caller has checked that it stays inside."""
    steps = tuple(s * array.itemsize for s in stride)
    if isinstance(array, np.ndarray):
        return np.ndarray(size, array.dtype, array, offset * array.itemsize, steps)
    return backend.module_of(array).lib.stride_tricks.as_strided(array[offset:], size, steps)

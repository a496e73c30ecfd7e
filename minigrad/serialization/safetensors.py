"""The .safetensors format: a JSON header with dtype, shape and place of each tensor, then their bytes.

8 bytes         length of the header, little-endian header          {"name": {"dtype": "F32", "shape": [2, 3],
"data_offsets": [0, 24]}, ..., "__metadata__": {...}} the rest        the tensors, one after the other without
gaps, C order, little-endian
"""

from __future__ import annotations

import json
import os
from math import prod
from typing import Any

import numpy as np

from .. import backend
from .atomic import atomic_write
from .errors import FileError, naming
from .layout import as_bytes, blocks, storable
from .storage import widen_bfloat16
from .tensors import Tensor, from_array, to_array

MAX_HEADER = 100_000_000  # the format's own bound
MAX_DIMENSIONS = 64
_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F16": "float16",
    "BF16": "uint16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
}
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items() if name != "BF16"}


# ---- writing -------------------------------------------------------------------------------------
def save(tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """The contents of a .safetensors file with these tensors.

    Raises RuntimeError for tensors that share memory, which the format cannot express, and ValueError or
    TypeError for names, dtypes or metadata it cannot hold.
    """
    arrays = _checked_arrays(tensors)
    return b"".join([_header(arrays, metadata), *(_contents(array) for array in arrays.values())])


def save_file(tensors: dict[str, Tensor], filename, metadata: dict[str, str] | None = None) -> None:
    """Write the tensors to a file, which appears whole or is left as it was. Raises as `save` does."""
    arrays = _checked_arrays(tensors)
    header = _header(arrays, metadata)
    with atomic_write(filename) as file:
        file.write(header)
        for array in arrays.values():
            file.write(_contents(array))


def _checked_arrays(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The arrays in the order of the file: wide dtypes first, so that each is aligned, then by name."""
    if not isinstance(tensors, dict):
        raise ValueError(
            f"safetensors.save: a dict of names and tensors is wanted, not {type(tensors).__name__}"
        )
    for name, tensor in tensors.items():
        if not isinstance(name, str) or name == "__metadata__" or not isinstance(tensor, Tensor):
            raise ValueError(f"safetensors.save: {name!r} -> {type(tensor).__name__} is no name and tensor")
        if to_array(tensor).dtype not in _NAMES:
            raise TypeError(
                f"safetensors.save: {name!r} is of {tensor.dtype}, which the format does not know"
            )
    arrays = {name: storable(to_array(tensor)) for name, tensor in tensors.items()}
    _check_apart(arrays)
    return dict(sorted(arrays.items(), key=lambda pair: (-pair[1].itemsize, pair[0])))


def _check_apart(arrays: dict[str, Any]) -> None:
    owners: dict[Any, str] = {}
    for name, array, block in zip(arrays, arrays.values(), blocks(arrays.values()), strict=True):
        if block in owners and array.size:
            raise RuntimeError(
                f"safetensors.save: {owners[block]!r} and {name!r} share memory, which the format cannot "
                "express; clone() one, or use minigrad.save"
            )
        owners[block] = name


def _header(arrays: dict[str, Any], metadata: dict[str, str] | None) -> bytes:
    entries: dict[str, Any] = {}
    if metadata is not None:
        if not all(isinstance(text, str) for pair in metadata.items() for text in pair):
            raise TypeError("safetensors.save: metadata must map text to text")
        entries["__metadata__"] = dict(metadata)
    start = 0
    for name, array in arrays.items():
        offsets = [start, start + array.nbytes]
        entries[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": offsets}
        start += array.nbytes
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _contents(array) -> memoryview:
    host = backend.to_numpy(array)
    return as_bytes(host.astype(host.dtype.newbyteorder("<"), copy=False))


# ---- reading -------------------------------------------------------------------------------------
def load(data: bytes) -> dict[str, Tensor]:
    """The tensors in the contents of a .safetensors file. bfloat16 becomes float32. Raises FileError."""
    with naming("safetensors.load", f"<{type(data).__name__}>"):
        return _tensors(np.frombuffer(data, np.uint8), backend.CPU, copy=True)


def load_file(filename, device="cpu", *, mmap: bool = False) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, by name, on `device`.

    With `mmap=True` they are mapped into memory where aligned, and read from the file as they are used;
    writing to them does not change it. bfloat16 becomes float32. Raises FileError for a damaged or hostile
    file.
    """
    with naming("safetensors.load_file", str(os.fspath(filename))):
        if os.path.getsize(filename) < 8:
            raise FileError("the file is too short for a header: it was cut, or is no .safetensors file")
        data = (
            np.memmap(filename, np.uint8, "c").view(np.ndarray) if mmap else np.fromfile(filename, np.uint8)
        )
        return _tensors(data, backend.as_device(device), copy=False)


def _tensors(data: np.ndarray, device: backend.device, copy: bool) -> dict[str, Tensor]:
    entries, body = _split(data)
    _check_layout(entries, body.size)
    out = {}
    for name, (kind, shape, start, end) in entries.items():
        array = _array(body[start:end], kind, shape, copy)
        out[name] = from_array(backend.to_device(array, device), False)
    return out


def _array(data: np.ndarray, kind: str, shape: tuple[int, ...], copy: bool) -> np.ndarray:
    dtype = np.dtype(_DTYPES[kind]).newbyteorder("<")
    aligned = data if not copy and data.ctypes.data % dtype.itemsize == 0 else data.copy()
    if kind == "BOOL" and (data > 1).any():
        raise FileError("a tensor of booleans holds bytes other than 0 and 1")
    array = aligned.view(dtype).reshape(shape)
    return widen_bfloat16(array) if kind == "BF16" else array.astype(dtype.newbyteorder("="), copy=False)


def _split(data: np.ndarray) -> tuple[dict[str, tuple[str, tuple[int, ...], int, int]], np.ndarray]:
    """The checked header, by tensor name (dtype, shape, start, end), and the bytes after it."""
    size = int.from_bytes(data[:8].tobytes(), "little")
    if data.size < 8 or size > min(MAX_HEADER, data.size - 8):
        raise FileError(
            "its header is longer than the file or than 100 MB: it was cut, or is no .safetensors file"
        )
    try:
        header = json.loads(data[8 : 8 + size].tobytes().decode(), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise FileError(f"its header is no JSON ({error!s:.80})") from error
    if not isinstance(header, dict):
        raise FileError("its header is no JSON object")
    _check_metadata(header.pop("__metadata__", {}))
    return {name: _read_entry(name, entry) for name, entry in header.items()}, data[8 + size :]


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _check_metadata(metadata) -> None:
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FileError("its __metadata__ does not map text to text")


def _read_entry(name: str, entry) -> tuple[str, tuple[int, ...], int, int]:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise FileError(f"tensor {name!r:.80} is not described by dtype, shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in _DTYPES:
        raise FileError(f"tensor {name!r:.80} is of dtype {kind!r:.20}, which NumPy does not have")
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or any(type(n) is not int or not 0 <= n < 2**63 for n in numbers):
            raise FileError(f"tensor {name!r:.80} has a shape or offsets that are no whole numbers")
    if len(shape) > MAX_DIMENSIONS or len(offsets) != 2:
        raise FileError(f"tensor {name!r:.80} has {len(shape)} dimensions and {len(offsets)} offsets")
    start, end = offsets
    if prod(shape) * np.dtype(_DTYPES[kind]).itemsize != end - start:
        raise FileError(f"tensor {name!r:.80} of shape {shape!s:.80} does not fill its {end - start} bytes")
    if prod(n for n in shape if n) >= 2**48:
        raise FileError(f"tensor {name!r:.80} has an absurd shape {shape!s:.80}")
    return kind, tuple(shape), start, end


def _check_layout(entries: dict[str, tuple[str, tuple[int, ...], int, int]], size: int) -> None:
    """The tensors must cover the bytes from first to last, none twice and none left over."""
    place = 0
    for name, (_, _, start, end) in sorted(entries.items(), key=lambda pair: pair[1][2:]):
        if start != place:
            raise FileError(
                f"tensor {name!r:.80} leaves a gap or overlaps: it starts at {start}, not at {place}"
            )
        place = end
    if place != size:
        raise FileError(f"its tensors end at byte {place} of {size}: the file is damaged")

"""Which tensors of an object share memory, and so which storages its file has.

Tensors whose spans of memory overlap go into one storage, written once; every other tensor gets one of its
own, as long as the tensor reaches. (PyTorch writes the whole memory that a view was cut from, even for one
element.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import backend


@dataclass(slots=True, eq=False)
class Block:
    """A span of memory, address `start` to `end`, that becomes one storage; `flat` is a view of all of it."""

    start: int
    end: int
    flat: Any

    @property
    def location(self) -> str:
        return str(backend.device_of(self.flat))

    def contents(self) -> memoryview:
        """The block's bytes in host memory."""
        return as_bytes(backend.to_numpy(self.flat))


def as_bytes(array: np.ndarray) -> memoryview:
    """The array's elements in C order as bytes, without a copy where they lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def storable(array):
    """The array itself, or a copy where a file could not describe it: reversed, unaligned or byte-swapped."""
    regular = all(step >= 0 and step % array.itemsize == 0 for step in array.strides)
    aligned = address(array) % array.itemsize == 0
    return (
        array if regular and aligned and array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    )


def blocks(arrays: Iterable) -> list[Block]:
    """For each array, which must be storable, the block it lies in.

    Raises RuntimeError where arrays of different dtypes overlap: the format cannot say so.
    """
    ordered = sorted(
        enumerate(arrays), key=lambda pair: (backend.device_of(pair[1]).index or 0, address(pair[1]))
    )
    found: dict[int, Block] = {}
    current = None
    for number, array in ordered:
        if array.size == 0:  # lies nowhere, so it joins nothing and parts nothing
            found[number] = _block(array)
            continue
        if current is None or not _join(current, array):
            current = _block(array)
        found[number] = current
    return [found[number] for number in range(len(found))]


def _block(array) -> Block:
    start, end = address(array), _end(array)
    return Block(start, end, _flat(array, start, end))


def _join(block: Block, array) -> bool:
    """Let the block grow over an array that overlaps it and begins no earlier; False if it lies apart."""
    start = address(array)
    if start >= block.end or backend.device_of(array) != backend.device_of(block.flat):
        return False
    if array.dtype != block.flat.dtype or (start - block.start) % array.itemsize:
        raise RuntimeError(
            f"save: tensors of {block.flat.dtype} and {array.dtype} share memory, "
            "which the file cannot express; clone() one of them"
        )
    if _end(array) > block.end:
        block.end = _end(array)
        block.flat = _flat(block.flat, block.start, block.end)
    return True


def address(array) -> int:
    """Where the array's first element lies in memory."""
    return array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr


def _end(array) -> int:
    """The address after the array's last element."""
    if array.size == 0:
        return address(array)
    last = sum((n - 1) * step for n, step in zip(array.shape, array.strides, strict=True))
    return address(array) + last + array.itemsize


def _flat(array, start: int, end: int):
    """All memory from the array's first element to address `end`, as one axis."""
    as_strided = backend.module_of(array).lib.stride_tricks.as_strided
    return as_strided(array, ((end - start) // array.itemsize,), (array.itemsize,))

"""Batches of sequences of different lengths: padded (T, N, ...) with `lengths`, or packed without padding.

A PackedSequence holds the first steps of all sequences, then the second steps of those that have one, and
so on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from ... import dtypes
from ...ops import cat, from_numpy, index_select, transpose
from ...ops.recurrent.packing import active_steps, join_rows, pad_rows
from ...tensor import Tensor


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """Sequences of different lengths without padding; made by `pack_padded_sequence` and `pack_sequence`.

    `data` (sum of lengths, ...) holds the steps, first steps first; `batch_sizes[t]` is how many sequences
    have a step t. The sequences are sorted by falling length: `sorted_indices` is where each of them was in
    the batch they were packed from, `unsorted_indices` the way back (None where they were sorted already).
    """

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None) -> PackedSequence:
        if batch_sizes is None:
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _map(self, convert: Callable[[Tensor], Tensor]) -> PackedSequence:
        data = convert(self.data)
        order = [
            None if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices)
        ]
        return self if data is self.data else type(self)(data, self.batch_sizes, *order)

    def to(self, *args, **kwargs) -> PackedSequence:
        """The same with `data` of another dtype or on another device; itself if nothing changes."""
        return self._map(lambda data: data.to(*args, **kwargs))

    def cuda(self, *args, **kwargs) -> PackedSequence:
        """The same in GPU memory."""
        return self._map(lambda data: data.cuda(*args, **kwargs))

    def cpu(self) -> PackedSequence:
        """The same in host memory."""
        return self._map(Tensor.cpu)

    def double(self) -> PackedSequence:
        """The same with data as float64."""
        return self.to(dtypes.float64)

    def float(self) -> PackedSequence:
        """The same with data as float32."""
        return self.to(dtypes.float32)

    def half(self) -> PackedSequence:
        """The same with data as float16."""
        return self.to(dtypes.float16)

    def long(self) -> PackedSequence:
        """The same with data as int64."""
        return self.to(dtypes.int64)

    def int(self) -> PackedSequence:
        """The same with data as int32."""
        return self.to(dtypes.int32)

    def short(self) -> PackedSequence:
        """The same with data as int16."""
        return self.to(dtypes.int16)

    def char(self) -> PackedSequence:
        """The same with data as int8."""
        return self.to(dtypes.int8)

    def byte(self) -> PackedSequence:
        """The same with data as uint8."""
        return self.to(dtypes.uint8)

    @property
    def is_cuda(self) -> bool:
        return self.data.device.type == "cuda"


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes this one; None for None."""
    if permutation is None:
        return None
    return from_numpy(np.argsort(permutation.cpu().numpy()).astype(np.int64)).to(permutation.device)


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Iterable[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch (T, N, ...), or (N, T, ...) with `batch_first`, of sequences of the given lengths.

    With `enforce_sorted` the sequences must come by falling length; else they are sorted here, and the
    layer that takes them gives its states in the order they came in. Differs from PyTorch in that a length
    above T is refused.
    """
    padded = transpose(input, 0, 1) if batch_first else input
    steps, batch = padded.shape[:2]
    sizes = _lengths(lengths, steps, batch)
    sorted_indices = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable").astype(np.int64, copy=False)
        sizes, sorted_indices = sizes[order], from_numpy(order).to(padded.device)
        padded = index_select(padded, 1, sorted_indices)
    elif (sizes[1:] > sizes[:-1]).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True, but is "
            f"{sizes.tolist()}; pass enforce_sorted=False to have the batch sorted"
        )
    batch_sizes = (sizes > np.arange(sizes[0])[:, None]).sum(1, dtype=np.int64)
    data = join_rows(padded[: sizes[0]], active_steps(batch_sizes))
    return PackedSequence(data, from_numpy(batch_sizes), sorted_indices)


def _lengths(lengths: Tensor | Iterable[int], steps: int, batch: int) -> np.ndarray:
    """The lengths of a padded (T, N) batch as an array, checked."""
    sizes = lengths.cpu().numpy() if isinstance(lengths, Tensor) else np.asarray([int(n) for n in lengths])
    sizes = sizes.astype(np.int64)
    if sizes.shape != (batch,):
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {sizes.size} (batch_size={batch})"
        )
    if batch == 0:
        raise RuntimeError("Cannot pack empty tensors: pack_padded_sequence got a batch of no sequences")
    if sizes.min() <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0: "
            f"{sizes.tolist()}; leave empty sequences out"
        )
    if sizes.max() > steps:
        raise RuntimeError(
            f"pack_padded_sequence: a length of {sizes.max()} does not fit an input of {steps} steps"
        )
    return sizes


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The padded batch (T, N, ...), or (N, T, ...), of a packed one, and its lengths (N,), as before sorting.

    `total_length` is the T wanted, at least the longest length.
    """
    batch_sizes = sequence.batch_sizes.cpu().numpy()
    active = active_steps(batch_sizes)
    lengths = from_numpy(active.sum(0, dtype=np.int64))
    if total_length is not None:
        if total_length < len(active):
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {len(active)}"
            )
        active = np.pad(active, ((0, total_length - len(active)), (0, 0)))
    padded = pad_rows(sequence.data, active, padding_value)
    if sequence.unsorted_indices is not None:
        padded = index_select(padded, 1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices.cpu()]
    return (transpose(padded, 0, 1) if batch_first else padded), lengths


def pad_sequence(
    sequences: Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (L_n, ...) as one batch (T, N, ...), or (N, T, ...) with `batch_first`; T is the longest."""
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    parts = list(sequences)
    if not parts:
        raise RuntimeError("pad_sequence: received an empty list of sequences")
    lengths = np.asarray([len(p) for p in parts])[:, None]
    active = np.arange(lengths.max()) < lengths
    active = active[:, ::-1] if padding_side == "left" else active
    padded = pad_rows(cat(parts), active, padding_value)
    return padded if batch_first else transpose(padded, 0, 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a batch padded at the right, (T, N, ...) or (N, T, ...), each as (L_n, ...)."""
    rows = padded_sequences if batch_first else transpose(padded_sequences, 0, 1)
    return [row[: int(length)] for row, length in zip(rows, lengths, strict=True)]


def pack_sequence(sequences: Iterable[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (L_n, ...); see `pack_padded_sequence` for `enforce_sorted`."""
    parts = list(sequences)
    return pack_padded_sequence(pad_sequence(parts), [len(p) for p in parts], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences (L_n, ...) of a packed batch, in the order before sorting."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)

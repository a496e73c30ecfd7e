"""Two processes that send each other things: small ones pickled, large ones through memory that both share.

A thing is pickled with its arrays set apart (pickle's protocol 5), and both are copied into a segment of
shared memory; the message only says where they lie. The reader makes arrays over the segment itself. When the
last of them is gone, its next message to the writer gives the segment back, and it is filled anew: the copy
is quick, fresh memory is not.
"""

from __future__ import annotations

import io
import itertools
import mmap
import pickle
import weakref
from collections import deque
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

import numpy as np

from ....tensor import Tensor
from .segments import Segment, received

INLINE = 1024  # bytes up to which a thing travels in the message itself
SMALLEST = 1 << 16  # bytes of a segment; the system gives memory only to what is written
ALIGNMENT = 64


class Inline(NamedTuple):
    """A thing in the message: its pickle, and the bytes of its arrays."""

    body: bytes
    arrays: list[bytearray]


class Stored(NamedTuple):
    """A thing in a segment: (start, length) of its arrays and, last, of its pickle.

    `size` and, on Windows, `name` describe a segment that the reader does not know yet.
    """

    segment: int
    spans: list[tuple[int, int]]
    size: int
    name: str | None


class Pickler(ForkingPickler):
    """Refuses tensors whose history would be lost."""

    def reducer_override(self, thing):
        if isinstance(thing, Tensor) and thing.node is not None:
            raise RuntimeError(
                "DataLoader: a non-leaf tensor that requires grad cannot go to another process, where its "
                "graph is not; call detach() on it in the dataset or collate_fn"
            )
        return NotImplemented


class Channel:
    """One end of a connection between two processes.

    At most `leases` segments of the other end are lent to arrays at a time; beyond that what they hold is
    copied out, so that one who keeps all batches does not keep all segments.
    """

    def __init__(self, connection: Any, leases: int):
        self.connection, self.leases = connection, leases
        self.filled: dict[int, Segment] = {}  # by this end
        self.free: set[int] = set()  # of these, what may be filled anew
        self.mapped: dict[int, mmap.mmap] = {}  # filled by the other end
        self.lent: set[int] = set()  # of these, in which arrays lie
        self.read: deque[int] = deque()  # of these, what has been read and not given back
        self.numbers = itertools.count()

    # ---- sending ---------------------------------------------------------------------------------
    def pack(self, thing) -> Inline | Stored:
        """What `post` takes. Raises what pickling the thing raises."""
        apart: list[pickle.PickleBuffer] = []
        file = io.BytesIO()
        Pickler(file, 5, True, apart.append).dump(thing)
        arrays = [buffer.raw() for buffer in apart]
        if file.tell() + sum(map(len, arrays)) <= INLINE:
            return Inline(file.getvalue(), list(map(bytearray, arrays)))
        return self._stored([*arrays, file.getbuffer()])

    def _stored(self, parts: list[memoryview]) -> Stored:
        starts = [0, *itertools.accumulate(-(-len(part) // ALIGNMENT) * ALIGNMENT for part in parts)]
        number, is_new = self._segment(starts[-1])
        segment = self.filled[number]
        memory = memoryview(segment.memory)
        for start, part in zip(starts, parts):
            memory[start : start + len(part)] = part
        spans = [(start, len(part)) for start, part in zip(starts, parts)]
        return Stored(number, spans, segment.size if is_new else 0, segment.name)

    def _segment(self, size: int) -> tuple[int, bool]:
        """The number of a segment of at least that size, and whether it is new."""
        fitting = [number for number in self.free if self.filled[number].size >= size]
        if fitting:
            number = min(fitting, key=lambda number: self.filled[number].size)
            self.free.discard(number)
            return number, False
        number = next(self.numbers)
        self.filled[number] = Segment(max(SMALLEST, 1 << (size - 1).bit_length()))
        return number, True

    def post(self, label: tuple, parcel: Inline | Stored | None = None) -> None:
        """Send a label and a packed thing; and which segments have been read."""
        read = [self.read.popleft() for _ in range(len(self.read))]
        self.connection.send((label, parcel, read))
        if isinstance(parcel, Stored) and parcel.size:
            self.filled[parcel.segment].hand_over(self.connection)

    # ---- receiving -------------------------------------------------------------------------------
    def receive(self) -> tuple[tuple, Inline | Stored | None]:
        """The next label and packed thing. Raises EOFError or OSError where the other end is closed."""
        label, parcel, read = self.connection.recv()
        self.free.update(read)
        if isinstance(parcel, Stored) and parcel.size:
            self.mapped[parcel.segment] = received(self.connection, parcel.size, parcel.name)
        return label, parcel

    def unpack(self, parcel: Inline | Stored) -> Any:
        """The thing itself, once; its arrays may lie in shared memory."""
        if isinstance(parcel, Inline):
            return pickle.loads(parcel.body, buffers=parcel.arrays)
        memory = self._memory(parcel)
        *arrays, body = [memory[start : start + length] for start, length in parcel.spans]
        return pickle.loads(body.data, buffers=arrays)

    def _memory(self, parcel: Stored) -> np.ndarray:
        """A segment's bytes: lent until the last array over them is gone, or a copy."""
        number = parcel.segment
        memory = np.frombuffer(self.mapped[number], np.uint8)
        if len(self.lent) >= self.leases:
            self.read.append(number)
            start, length = parcel.spans[-1]
            return memory[: start + length].copy()
        self.lent.add(number)
        weakref.finalize(memory, _give_back, number, self.lent, self.read).atexit = False
        return memory

    def discard(self, parcel: Inline | Stored | None) -> None:
        """Take back what will not be unpacked."""
        if isinstance(parcel, Stored):
            self.read.append(parcel.segment)


def _give_back(number: int, lent: set[int], read: deque[int]) -> None:
    lent.discard(number)
    read.append(number)

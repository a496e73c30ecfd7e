"""What a worker process of a DataLoader does: it settles in, and answers lists of indices with batches."""

from __future__ import annotations

import pickle
import random
import signal
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .... import openblas
from .... import random as streams
from ....settings import set_num_threads
from .channel import Channel, Inline, Stored
from .fetch import Recipe
from .worker import WorkerInfo, become


class Setup(NamedTuple):
    """What the workers of one loader are told when they start."""

    recipe: Recipe
    num_workers: int
    base_seed: int
    worker_init_fn: Callable[[int], Any] | None


class Ended:
    """The answer of a worker whose stream has no more samples."""


class Failure(NamedTuple):
    """What was raised in a worker: its kind, None where another process cannot have it, and its traceback."""

    kind: type[Exception] | None
    name: str
    text: str
    worker: int

    @staticmethod
    def of(error: Exception, worker: int) -> Failure:
        kind = type(error)
        return Failure(_sendable(kind), kind.__name__, "".join(traceback.format_exception(error)), worker)

    def as_exception(self) -> Exception:
        """To be raised here: of its own kind where that can be made of a message, otherwise RuntimeError."""
        message = f"Caught {self.name} in DataLoader worker process {self.worker}.\nOriginal {self.text}"
        try:
            return (self.kind or RuntimeError)(KeyText(message) if self.kind is KeyError else message)
        except Exception:  # of a kind that is made of other things than a message
            return RuntimeError(message)


class KeyText(str):
    """A message that KeyError, which shows its argument's `repr`, shows as it is."""

    def __repr__(self) -> str:
        return str(self)


def work(connection, setup: Setup, worker: int) -> None:
    """The life of a worker process: it ends when the loader's end of the connection is closed."""
    channel, desk = Channel(connection, leases=0), Desk(setup, worker)
    try:
        while True:
            label, parcel = channel.receive()
            if parcel is None:
                desk.begin()
            else:
                channel.post(label, desk.answer(channel, parcel))
    except (EOFError, OSError):
        return


class Desk:
    """Where a worker's tasks are done, one pass over the dataset after the other."""

    def __init__(self, setup: Setup, worker: int):
        self.recipe, self.worker = setup.recipe, worker
        self.broken: Failure | None = None  # the answer to all tasks
        self.standing: Failure | Ended | None = None  # the answer to all tasks of this pass
        _settle_in(setup, worker)
        try:
            if setup.worker_init_fn is not None:
                setup.worker_init_fn(worker)
        except Exception as error:
            self.broken = Failure.of(error, worker)

    def begin(self) -> None:
        """Start a pass over the dataset."""
        self.standing = self.broken
        try:
            if self.broken is None:
                self.fetcher = self.recipe.fetcher()
        except Exception as error:
            self.standing = Failure.of(error, self.worker)

    def answer(self, channel: Channel, parcel: Inline | Stored) -> Inline | Stored:
        """The batch of the indices in a parcel, packed; or why there is none."""
        try:
            index = channel.unpack(parcel)
            return channel.pack(self._batch(index) if self.standing is None else self.standing)
        except Exception as error:  # also one in pickling the batch
            return channel.pack(Failure.of(error, self.worker))

    def _batch(self, index):
        try:
            return self.fetcher.fetch(index)
        except StopIteration:
            if not self.recipe.streams:
                raise
            self.standing = Ended()
            return self.standing


def _sendable(kind: type[Exception]) -> type[Exception] | None:
    """The class, if its pickle can be made, which names where it is to be found."""
    try:
        pickle.dumps(kind)
    except Exception:
        return None
    return kind


# ---- settling in ---------------------------------------------------------------------------------
def _settle_in(setup: Setup, worker: int) -> None:
    """One thread; Ctrl-C left to the loader's process; seeds as PyTorch gives them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    set_num_threads(1)
    openblas.use_threads(1)
    seed = setup.base_seed + worker
    random.seed(seed)
    streams.manual_seed(seed)
    words = np.random.SeedSequence([worker, setup.base_seed % 2**32, setup.base_seed >> 32, 0])
    np.random.seed(words.generate_state(4))  # noqa: NPY002 - datasets may draw from NumPy's own stream
    become(WorkerInfo(worker, setup.num_workers, seed, setup.recipe.dataset))

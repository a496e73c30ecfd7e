"""DataLoader: batches of a dataset, in the order of a sampler.

A loader holds settings only; each `for` makes an iterator of its own (`_utils/passes.py`, with worker
processes `_utils/workers.py`), which asks the sampler for indices and a fetcher (`_utils/fetch.py`) for the
batch they stand for.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from math import ceil
from typing import Any, Generic, TypeVar

from ...random import Generator
from . import _utils
from ._utils.collate import default_collate, default_convert
from ._utils.fetch import Recipe
from ._utils.passes import LoaderIterator, SingleProcessIterator
from ._utils.worker import get_worker_info
from .dataset import Dataset, IterableDataset
from .position import Resumable
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

T_co = TypeVar("T_co", covariant=True)

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]


class _Forever(Sampler):
    """Says "next" without end: the sampler of a stream, which has no indices."""

    def __iter__(self):
        while True:
            yield None


class DataLoader(Resumable, Generic[T_co]):
    """Iterate over a dataset in batches.

    `batch_size` samples are put together by `collate_fn`; None hands out single samples. `shuffle` visits
    them in a new random order each time, with the same seed PyTorch's; `sampler` (indices) or `batch_sampler`
    (lists of them) give an order of one's own; `drop_last` leaves out a shorter last batch; `generator` draws
    the order and seeds.

    An epoch over a TensorDataset with the default `collate_fn` indexes each tensor once per batch instead of
    taking every sample apart.

    `num_workers` processes make batches ahead of time, `prefetch_factor` each (2 by default, at most 32);
    their arrays come back in shared memory. `worker_init_fn` is called in each with its number,
    `get_worker_info` tells a dataset there which worker it is in, and Python's, NumPy's and this
    package's random numbers are seeded as PyTorch seeds them. `persistent_workers` keeps the processes
    for the next pass. `multiprocessing_context` ("fork", "spawn", "forkserver") says how they are
    started; all but "fork" pickle the dataset, and need `if __name__ == "__main__":` around the script.
    What a worker raises is raised here in its kind with its traceback; a worker that dies, or takes
    longer than `timeout` seconds (0: no limit), is a RuntimeError. `in_order=False` hands out batches as
    they are ready. `state_dict` and `load_state_dict` let a run that was stopped in the middle of a pass
    go on from there. `pin_memory` warns, and changes nothing.

        dataset = TensorDataset(torch.randn(1000, 8), torch.randint(0, 2, (1000,)))
        for x, y in DataLoader(dataset, batch_size=32, shuffle=True, num_workers=2):  # (32, 8), (32,)
            ...
    """

    dataset: Dataset[T_co]
    batch_size: int | None
    num_workers: int
    pin_memory: bool
    drop_last: bool
    timeout: float
    sampler: Any

    _initialized = False
    _fixed = frozenset(
        ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
    )

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler | Iterable | None = None,
        batch_sampler: Sampler[list] | Iterable[list] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context=None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ):
        _check_worker_settings(num_workers, timeout, prefetch_factor, persistent_workers)
        streams = isinstance(dataset, IterableDataset)
        if streams:
            _check_stream_settings(shuffle, sampler, batch_sampler)
        _check_batch_settings(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        self.dataset = dataset
        self.num_workers, self.timeout = num_workers, timeout
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.worker_init_fn, self.multiprocessing_context = worker_init_fn, multiprocessing_context
        self.persistent_workers, self.in_order = persistent_workers, in_order
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.generator = generator
        self.batch_size = batch_size if batch_sampler is None else None
        self.drop_last = drop_last
        if sampler is None:
            sampler = _default_sampler(dataset, streams, bool(shuffle), generator)
        if batch_sampler is None and batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self._streams = streams
        self._reported_length: int | None = None
        self._iterator: Any = None  # the last one, where workers persist
        self._initialized = True

    def __setattr__(self, name: str, value) -> None:
        if self._initialized and name in self._fixed:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        return self._begin(self._new_pass)

    def _new_pass(self) -> LoaderIterator:
        if self.num_workers == 0:
            return SingleProcessIterator(self)
        kept = self._iterator
        if kept is not None and kept.usable():
            kept.begin_again(self)
            return kept
        made = _utils.workers.WorkersIterator(self)
        if self.persistent_workers:
            self._iterator = made
        return made

    def __len__(self) -> int:
        """How many batches one pass has (samples, where they come singly)."""
        if not self._streams:
            return len(self._index_sampler)
        length = self._reported_length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else ceil(length / self.batch_size)

    @property
    def multiprocessing_context(self) -> Any:
        """How workers are started: None for the system's way, or a context of `multiprocessing`."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context) -> None:
        if context is not None and self.num_workers == 0:
            raise ValueError(
                "multiprocessing_context can only be used with num_workers > 0, but got num_workers=0"
            )
        self._context = context if context is None else _utils.workers.as_context(context)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    def _recipe(self) -> Recipe:
        return Recipe(self.dataset, self._streams, self._auto_collation, self.collate_fn, self.drop_last)


def _default_sampler(dataset, streams: bool, shuffle: bool, generator: Generator | None) -> Sampler:
    if streams:
        return _Forever()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


# ---- settings that do not go together ------------------------------------------------------------
def _check_worker_settings(num_workers, timeout, prefetch_factor, persistent_workers) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to load in this process."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError("prefetch_factor option could only be specified in multiprocessing; leave it None")
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if num_workers == 0 and persistent_workers:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if num_workers > 0:
        _check_processes(num_workers)


def _check_processes(num_workers: int) -> None:
    """Whether there can be that many: warns, as PyTorch does, of more than there are processors."""
    if sys.platform in ("emscripten", "wasi"):
        raise RuntimeError(
            f"DataLoader: num_workers={num_workers} asks for worker processes, which Python in a browser "
            "cannot start; pass num_workers=0"
        )
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if processors is not None and num_workers > processors:
        warnings.warn(
            f"This DataLoader will create {num_workers} worker processes in total. Our suggested max number "
            f"of worker in current system is {processors}, which is smaller than what this DataLoader is "
            "going to create. Please be aware that excessive worker creation might get DataLoader running "
            "slow or even freeze, lower the worker number to avoid potential slowness/freeze if necessary.",
            stacklevel=4,
        )


def _check_stream_settings(shuffle, sampler, batch_sampler) -> None:
    given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                f"{name}={value}; a stream comes in its own order"
            )


def _check_batch_settings(batch_size, shuffle: bool, sampler, batch_sampler, drop_last: bool) -> None:
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError(
            "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
        )
    if batch_sampler is None and batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )

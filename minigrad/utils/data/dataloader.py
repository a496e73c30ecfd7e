"""DataLoader: batches of a dataset, in the order of a sampler.

A loader holds settings only; each `for` makes an iterator of its own (`_LoaderIterator`), which asks the
sampler for indices and a fetcher (`_utils/fetch.py`) for the batch they stand for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from math import ceil
from typing import Any, Generic, TypeVar

import numpy as np

from ...random import Generator
from ._utils.collate import default_collate, default_convert
from ._utils.fetch import GatherFetcher, IterableFetcher, MapFetcher, gatherer
from ._utils.worker import get_worker_info
from .dataset import Dataset, IterableDataset
from .position import Position, Resumable
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, draw_seed

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
    taking every sample apart. `pin_memory` changes nothing on a CPU, where there is no memory to pin.
    `state_dict` and `load_state_dict` let a run that was stopped in the middle of a pass go on from there.
    `num_workers` above 0 raises NotImplementedError: batches are made in the process that asks for them.
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
        _check_worker_settings(
            num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context
        )
        streams = isinstance(dataset, IterableDataset)
        if streams:
            _check_stream_settings(shuffle, sampler, batch_sampler)
        _check_batch_settings(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        self.dataset = dataset
        self.num_workers, self.timeout, self.prefetch_factor = num_workers, timeout, prefetch_factor
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
        self._initialized = True

    def __setattr__(self, name: str, value) -> None:
        if self._initialized and name in self._fixed:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        return self._begin(_LoaderIterator)

    def __len__(self) -> int:
        """How many batches one pass has (samples, where they come singly)."""
        if not self._streams:
            return len(self._index_sampler)
        length = self._reported_length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else ceil(length / self.batch_size)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    def _fetcher(self) -> MapFetcher | IterableFetcher | GatherFetcher:
        settings = (self.dataset, self._auto_collation, self.collate_fn, self.drop_last)
        if self._streams:
            return IterableFetcher(*settings)
        return gatherer(*settings[:3]) or MapFetcher(*settings)


class _LoaderIterator:
    """One pass over a loader's dataset, from its start or after the batches that another handed out."""

    position: Position

    def __init__(self, loader: DataLoader, skipped: int = 0):
        if loader.timeout:
            raise AssertionError("DataLoader: timeout needs num_workers > 0; leave it at 0")
        self.loader = loader
        self.fetcher = loader._fetcher()
        self.indices = _indices(loader._index_sampler, as_arrays=isinstance(self.fetcher, GatherFetcher))
        self.base_seed = draw_seed(loader.generator)  # for workers; drawn without them too, as PyTorch does
        for _ in range(skipped):
            self._skip(skipped)

    def __iter__(self) -> _LoaderIterator:
        return self

    def _skip(self, skipped: int) -> None:
        """Leave out a batch: of a stream by reading it, otherwise by its indices alone."""
        try:
            index = next(self.indices)
            if self.loader._streams:
                self.fetcher.fetch(index)
        except StopIteration:
            raise ValueError(
                f"DataLoader: {skipped} batches had been handed out when the state was saved, and now there "
                "are fewer; load it into a loader of the same data"
            ) from None

    def __next__(self):
        try:
            data = self.fetcher.fetch(next(self.indices))
        except StopIteration:
            self.position.done = True
            raise
        self.position.count += 1
        promised = self.loader._reported_length
        if promised is not None and self.position.count > promised:
            warnings.warn(
                f"Length of IterableDataset {self.loader.dataset} was reported to be {promised} (when "
                f"accessing len(dataloader)), but {self.position.count} samples have been fetched.",
                stacklevel=2,
            )
        return data

    def __len__(self) -> int:
        return len(self.loader._index_sampler)


def _indices(sampler, as_arrays: bool) -> Iterator[Any]:
    """What the sampler yields; from samplers of this package, for a GatherFetcher, slices of the order."""
    own = type(sampler) is BatchSampler and type(sampler.sampler) in (RandomSampler, SequentialSampler)
    return _slices(sampler) if own and as_arrays else iter(sampler)


def _slices(batches: BatchSampler) -> Iterator[np.ndarray]:
    order = batches.sampler.order()  # type: ignore[union-attr]
    for start in range(0, len(batches) * batches.batch_size, batches.batch_size):
        yield order[start : start + batches.batch_size]


def _default_sampler(dataset, streams: bool, shuffle: bool, generator: Generator | None) -> Sampler:
    if streams:
        return _Forever()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


# ---- settings that do not go together ------------------------------------------------------------
def _check_worker_settings(num_workers, timeout, prefetch_factor, persistent_workers, context) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to load in this process."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0:
        if prefetch_factor is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing; leave it None"
            )
        if persistent_workers:
            raise ValueError("persistent_workers option needs num_workers > 0")
        if context is not None:
            raise ValueError(
                "multiprocessing_context can only be used with num_workers > 0, but got num_workers=0"
            )
    elif prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    else:
        raise NotImplementedError(
            f"DataLoader: num_workers={num_workers} asks for worker processes, which are not here; pass 0"
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

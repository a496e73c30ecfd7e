"""One pass over a loader's dataset, from its start or after batches that another pass has handed out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..position import Position
from ..sampler import BatchSampler, RandomSampler, SequentialSampler


class LoaderIterator:
    """What passes have in common, wherever the batches are made: subclasses write `_next`."""

    position: Position
    _advice = ""

    def __init__(self, loader):
        self.recipe = loader._recipe()
        self._rewind(loader)
        self.base_seed = loader._draw_seed(for_new_workers=True)

    def _rewind(self, loader) -> None:
        """To the start of a pass."""
        self.sampler = loader._index_sampler
        self.indices = _indices(self.sampler, as_arrays=self.recipe.gathers())
        self.promised = loader._reported_length

    def __iter__(self) -> LoaderIterator:
        return self

    def __next__(self):
        try:
            data = self._next()
        except StopIteration:
            self.position.done = True
            raise
        self.position.count += 1
        if self.promised is not None and self.position.count > self.promised:
            warnings.warn(
                f"Length of IterableDataset {self.recipe.dataset} was reported to be {self.promised} (when "
                f"accessing len(dataloader)), but {self.position.count} samples have been fetched."
                f"{self._advice}",
                stacklevel=2,
            )
        return data

    def _next(self) -> Any:
        raise NotImplementedError

    def _skip(self, count: int) -> None:
        """Leave out batches: of a stream by reading them, otherwise by their indices alone."""
        try:
            for _ in range(count):
                if self.recipe.streams:
                    self._next()
                else:
                    next(self.indices)
        except StopIteration:
            raise ValueError(
                f"DataLoader: {count} batches had been handed out when the state was saved, and now there "
                "are fewer; load it into a loader of the same data"
            ) from None

    def __len__(self) -> int:
        return len(self.sampler)

    def __getstate__(self):
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled; pickle the DataLoader")


class SingleProcessIterator(LoaderIterator):
    """Makes each batch when it is asked for."""

    def __init__(self, loader, skipped: int = 0):
        if loader.timeout:
            raise AssertionError("DataLoader: timeout needs num_workers > 0; leave it at 0")
        super().__init__(loader)
        self.fetcher = self.recipe.fetcher()
        self._skip(skipped)

    def _next(self) -> Any:
        return self.fetcher.fetch(next(self.indices))


def _indices(sampler, as_arrays: bool) -> Iterator[Any]:
    """What the sampler yields; from samplers of this package, for a GatherFetcher, slices of the order."""
    own = type(sampler) is BatchSampler and type(sampler.sampler) in (RandomSampler, SequentialSampler)
    return _slices(sampler) if own and as_arrays else iter(sampler)


def _slices(batches: BatchSampler) -> Iterator[np.ndarray]:
    order = batches.sampler.order()  # type: ignore[union-attr]
    for start in range(0, len(batches) * batches.batch_size, batches.batch_size):
        yield order[start : start + batches.batch_size]

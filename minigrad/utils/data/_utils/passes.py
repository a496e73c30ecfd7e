"""One pass over a loader's dataset, in the process that asks for the batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ....backend import cuda_is_available
from ..position import Position, too_few
from ..sampler import BatchSampler, RandomSampler, SequentialSampler, draw_seed


class LoaderIterator:
    """What passes have in common, wherever the batches are made: subclasses write `_next`."""

    position: Position

    def __init__(self, loader):
        _check_pinning(loader)
        self.recipe = loader._recipe()
        self.base_seed = self._rewind(loader, draws_seed=True)

    def _rewind(self, loader, draws_seed: bool) -> int:
        """To the start of a pass, or of what is left of one; a seed for workers.

        The seed is drawn without workers too, as PyTorch does, and only for the first of several passes
        with the same ones.
        """
        self.position = loader._enter(draws_seed)
        self.sampler = loader._index_sampler
        self.indices = _indices(self.sampler, as_arrays=self.recipe.gathers())
        self.promised = loader._reported_length
        seed = draw_seed(loader.generator) if self.position.draws_seed else 0
        loader._leave_out(self.indices, self.position)
        return seed

    _advice = ""

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

    def drop(self, count: int) -> None:
        """Make so many batches and hand none out."""
        for _ in range(count):
            try:
                self._next()
            except StopIteration:
                raise too_few(count) from None

    def __len__(self) -> int:
        return len(self.sampler)

    def __getstate__(self):
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled; pickle the DataLoader")


class SingleProcessIterator(LoaderIterator):
    """Makes each batch when it is asked for."""

    def __init__(self, loader):
        if loader.timeout:
            raise AssertionError("DataLoader: timeout needs num_workers > 0; leave it at 0")
        super().__init__(loader)
        self.fetcher = self.recipe.fetcher()

    def _next(self) -> Any:
        return self.fetcher.fetch(next(self.indices))


def _check_pinning(loader) -> None:
    if loader.pin_memory and loader.pin_memory_device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device, "
            f"ignore pin_memory_device='{loader.pin_memory_device}'.",
            stacklevel=7,
        )
    if loader.pin_memory and not cuda_is_available():
        warnings.warn(
            "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory "
            "won't be used.",
            stacklevel=7,
        )


def _indices(sampler, as_arrays: bool) -> Iterator[Any]:
    """What the sampler yields; from samplers of this package, for a GatherFetcher, slices of the order."""
    own = type(sampler) is BatchSampler and type(sampler.sampler) in (RandomSampler, SequentialSampler)
    return _slices(sampler) if own and as_arrays else iter(sampler)


def _slices(batches: BatchSampler) -> Iterator[np.ndarray]:
    order = batches.sampler.order()  # type: ignore[union-attr]
    for start in range(0, len(batches) * batches.batch_size, batches.batch_size):
        yield order[start : start + batches.batch_size]

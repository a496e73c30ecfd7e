"""From indices to a batch: `fetch(indices)` gets the samples from a dataset and collates them.

A `TensorDataset` collated in the default way need not be taken apart into samples and put together again: the
batch is one indexing of each tensor. `gatherer` says whether that holds, also through `Subset`; the readable
way is `MapFetcher`, and the two give the same batches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ....backend import as_places
from ....engine import untracked
from ....tensor import Tensor
from ..dataset import Subset, TensorDataset
from .collate import default_collate, default_collate_fn_map, need_graph


class MapFetcher:
    """Samples by index, one by one, or at once where the dataset has `__getitems__`."""

    def __init__(self, dataset, auto_collation: bool, collate_fn: Callable, drop_last: bool):
        self.dataset, self.auto_collation, self.collate_fn = dataset, auto_collation, collate_fn

    def fetch(self, index):
        if not self.auto_collation:
            return self.collate_fn(self._sample(index))
        if getattr(self.dataset, "__getitems__", None):
            return self.collate_fn(self.dataset.__getitems__(index))
        return self.collate_fn([self._sample(i) for i in index])

    def _sample(self, index):
        try:
            return self.dataset[index]
        except Exception as error:
            error.add_note(f"DataLoader: this was sample {index} of the dataset")
            raise


class IterableFetcher:
    """Samples from a stream; an index only says how many. Raises StopIteration at the end."""

    def __init__(self, dataset, auto_collation: bool, collate_fn: Callable, drop_last: bool):
        self.stream = iter(dataset)
        self.auto_collation, self.collate_fn, self.drop_last = auto_collation, collate_fn, drop_last
        self.ended = False

    def fetch(self, index):
        if self.ended:
            raise StopIteration
        if not self.auto_collation:
            return self.collate_fn(next(self.stream))
        samples = [sample for _, sample in zip(index, self.stream, strict=False)]
        self.ended = len(samples) < len(index)
        if not samples or (self.drop_last and self.ended):
            raise StopIteration
        return self.collate_fn(samples)


class GatherFetcher:
    """Whole batches of a TensorDataset's tensors at once."""

    def __init__(self, dataset: TensorDataset, subsets: list[Subset]):
        self.dataset, self.subsets = dataset, subsets

    def fetch(self, index) -> list[Tensor]:
        for subset in self.subsets:
            index = [subset.indices[i] for i in index]
        rows = as_places(np.asarray(index))
        return [untracked(_rows(tensor.array, rows)) for tensor in self.dataset.tensors]


def _rows(array, rows: np.ndarray):
    """A copy of some rows. `take` is quicker than indexing, but copies all of a strided view first."""
    return array.take(rows, 0) if array.flags.c_contiguous else array[rows]


class Recipe(NamedTuple):
    """The settings of a loader that decide how indices become a batch."""

    dataset: Any
    streams: bool
    auto_collation: bool
    collate_fn: Callable
    drop_last: bool

    def fetcher(self) -> MapFetcher | IterableFetcher | GatherFetcher:
        """What follows it, for one pass over the dataset."""
        settings = (self.dataset, self.auto_collation, self.collate_fn, self.drop_last)
        if self.streams:
            return IterableFetcher(*settings)
        return gatherer(*settings[:3]) or MapFetcher(*settings)

    def gathers(self) -> bool:
        """Whether a batch is one indexing of each tensor, so that indices may come as an array."""
        return not self.streams and gatherer(self.dataset, self.auto_collation, self.collate_fn) is not None


def gatherer(dataset, auto_collation: bool, collate_fn: Callable) -> GatherFetcher | None:
    """A fetcher for whole batches where it gives what MapFetcher gives, otherwise None."""
    if not auto_collation or collate_fn is not default_collate or default_collate_fn_map != _ORIGINAL_MAP:
        return None
    subsets = []
    while type(dataset) is Subset:
        subsets.append(dataset)
        dataset = dataset.dataset
    if not _indexes_tensors(type(dataset)) or need_graph(dataset.tensors):
        return None
    if any(type(tensor) is not Tensor for tensor in dataset.tensors):
        return None  # a class of a user's may be indexed in its own way
    return GatherFetcher(dataset, subsets)


def _indexes_tensors(kind: type) -> bool:
    """Whether a dataset is a TensorDataset that has no way of its own to its samples."""
    inherits = issubclass(kind, TensorDataset) and kind.__getitem__ is TensorDataset.__getitem__
    return inherits and not hasattr(kind, "__getitems__")


_ORIGINAL_MAP: dict[Any, Callable] = dict(default_collate_fn_map)

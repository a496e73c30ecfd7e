"""Datasets: anything with `dataset[i]` and `len(dataset)`, or that can be iterated over.

`TensorDataset` holds tensors; the others put datasets together (`ConcatDataset`, `ChainDataset`,
`StackDataset`) or take them apart (`Subset`, `random_split`).
"""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from ... import ops
from ...random import Generator
from ...tensor import Tensor

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """A map from an index to a sample: subclasses write `__getitem__`, and `__len__` for most samplers.

    A subclass may write `__getitems__(indices)`, too, that returns a list of samples: a loader then asks for
    a whole batch at once.
    """

    def __getitem__(self, index) -> T_co:
        raise NotImplementedError(
            f"{type(self).__name__}: subclasses of Dataset should implement __getitem__"
        )

    def __add__(self, other: Dataset) -> Dataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """A stream of samples: subclasses write `__iter__`."""

    def __add__(self, other: Dataset) -> Dataset:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of one length N, such as inputs (N, ...) and targets (N, ...); a sample is a tuple of parts.

    Raises AssertionError where the lengths differ.
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor):
        lengths = [tensor.size(0) for tensor in tensors]
        if len(set(lengths)) > 1:
            raise AssertionError(f"Size mismatch between tensors: their first dimensions are {lengths}")
        self.tensors = tensors

    def __getitem__(self, index):
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].size(0)


class StackDataset(Dataset):
    """Several datasets of one length side by side: sample i is the tuple, or dict, of their i-th samples.

    Datasets given by position make tuples, by keyword dicts. Raises ValueError for both kinds, none, or
    lengths that differ.
    """

    datasets: tuple | dict

    def __init__(self, *args: Dataset, **kwargs: Dataset):
        if args and kwargs:
            raise ValueError(
                "StackDataset: give datasets by position (for tuples) or by keyword (for dicts), not both"
            )
        self.datasets = args or kwargs
        lengths = [len(dataset) for dataset in args or kwargs.values()]  # type: ignore[arg-type]
        if not lengths:
            raise ValueError("StackDataset: at least one dataset should be passed")
        if len(set(lengths)) > 1:
            raise ValueError(f"Size mismatch between datasets: their lengths are {lengths}")
        self._length = lengths[0]

    def __getitem__(self, index):
        return self._combined([dataset[index] for dataset in self._parts()])

    def __getitems__(self, indices: list) -> list:
        """The samples at `indices`, each dataset being asked once where it can answer for several."""
        columns = [_getitems(dataset, indices) for dataset in self._parts()]
        return [self._combined(row) for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return self._length

    def _parts(self) -> Iterable[Any]:
        return self.datasets.values() if isinstance(self.datasets, dict) else self.datasets

    def _combined(self, samples: Sequence):
        return (
            dict(zip(self.datasets, samples, strict=True))
            if isinstance(self.datasets, dict)
            else tuple(samples)
        )


def _getitems(dataset, indices: list) -> list:
    """The samples at `indices`, in one call where the dataset has `__getitems__`."""
    if not callable(getattr(dataset, "__getitems__", None)):
        return [dataset[index] for index in indices]
    items = dataset.__getitems__(indices)
    if len(items) != len(indices):
        raise ValueError(
            f"{type(dataset).__name__}.__getitems__: output size mismatch. "
            f"Expected {len(indices)}, got {len(items)}"
        )
    return items


class ConcatDataset(Dataset[T_co]):
    """Datasets one after the other. Raises AssertionError for none, or for an IterableDataset."""

    datasets: list[Dataset[T_co]]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Dataset]):
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("ConcatDataset: datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset; use ChainDataset")
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence) -> list[int]:
        """The running sum of the datasets' lengths."""
        return list(itertools.accumulate(len(dataset) for dataset in sequence))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index):
        if index < 0:
            if -index > len(self):
                raise ValueError(f"ConcatDataset: index {index} should not exceed dataset length {len(self)}")
            index += len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - before]


class ChainDataset(IterableDataset):
    """Streams one after the other. Raises AssertionError for what is no IterableDataset."""

    def __init__(self, datasets: Iterable[Dataset]):
        self.datasets = datasets

    def __iter__(self):
        for dataset in self.datasets:
            yield from _stream(dataset)

    def __len__(self) -> int:
        return sum(len(_stream(dataset)) for dataset in self.datasets)


def _stream(dataset) -> Any:
    if not isinstance(dataset, IterableDataset):
        raise AssertionError(f"ChainDataset only supports IterableDataset, not {type(dataset).__name__}")
    return dataset


class Subset(Dataset[T_co]):
    """The samples of a dataset at the given indices.

    A subclass that writes `__getitem__` must write `__getitems__` as well, for loaders ask for batches;
    otherwise NotImplementedError is raised.
    """

    dataset: Dataset[T_co]
    indices: Sequence[int]

    def __init__(self, dataset: Dataset[T_co], indices: Sequence[int]):
        self.dataset = dataset
        self.indices = indices
        own = type(self)
        if own.__getitem__ is not Subset.__getitem__ and own.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{own.__name__} overrides __getitem__ but not __getitems__; add "
                "`def __getitems__(self, indices): return [self[i] for i in indices]`"
            )

    def __getitem__(self, index):
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list:
        """The samples at `indices` of this subset."""
        return _getitems(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Dataset, lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset]:
    """Split a dataset at random into subsets of the given lengths, or fractions that sum to 1.

    What fractions leave over by rounding down goes one each to the first subsets. With the same seed the
    split is PyTorch's. Raises ValueError where the lengths do not sum to the dataset's, and warns of a
    fraction that is left with nothing.
    """
    total = len(dataset)  # type: ignore[arg-type]
    sizes = _sizes_of(lengths, total) if _are_fractions(lengths) else list(lengths)
    if sum(sizes) != total:
        raise ValueError(
            "random_split: Sum of input lengths does not equal the length of the input dataset: "
            f"{sum(sizes)}, not {total}"
        )
    order = ops.randperm(total, generator=generator).tolist()
    ends = list(itertools.accumulate(sizes))
    return [Subset(dataset, order[end - size : end]) for end, size in zip(ends, sizes, strict=True)]


def _are_fractions(lengths: Sequence[int | float]) -> bool:
    return math.isclose(sum(lengths), 1) and sum(lengths) <= 1


def _sizes_of(fractions: Sequence[float], total: int) -> list[int]:
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"random_split: Fraction at index {i} is not between 0 and 1: {fraction}")
    sizes = [math.floor(total * fraction) for fraction in fractions]
    for i in range(total - sum(sizes)):
        sizes[i % len(sizes)] += 1
    for i, size in enumerate(sizes):
        if size == 0:
            warnings.warn(
                f"Length of split at index {i} is 0. This might result in an empty dataset.", stacklevel=3
            )
    return sizes

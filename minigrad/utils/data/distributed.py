"""The sampler for several processes that train on one dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ... import ops
from ...random import Generator
from .dataset import Dataset
from .sampler import Sampler


class DistributedSampler(Sampler[int]):
    """Every `num_replicas`-th index from the `rank`-th on: together the processes see the whole dataset.

    The order is shuffled alike in all of them, anew for each epoch that `set_epoch` names. So that all get
    equally many, the first indices are repeated at the end or, with `drop_last`, the last ones left out. Both
    `num_replicas` and `rank` must be given: there is no process group here to ask.
    """

    def __init__(
        self,
        dataset: Dataset,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ):
        if num_replicas is None or rank is None:
            raise RuntimeError(
                "DistributedSampler: there is no process group to ask; pass num_replicas and rank"
            )
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.shuffle, self.seed, self.drop_last = shuffle, seed, drop_last
        self.epoch = 0
        share = len(dataset) / num_replicas  # type: ignore[arg-type]
        self.num_samples = math.floor(share) if drop_last else math.ceil(share)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        indices = self._order()
        while len(indices) < self.total_size:
            indices += indices[: self.total_size - len(indices)]
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def _order(self) -> list[int]:
        count = len(self.dataset)  # type: ignore[arg-type]
        if not self.shuffle:
            return list(range(count))
        return ops.randperm(count, generator=Generator().manual_seed(self.seed + self.epoch)).tolist()

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Shuffle the coming pass as belongs to this epoch; without it every pass has the same order."""
        self.epoch = epoch

"""Batches of sequences of different lengths: those of like length together, and padded to the longest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from .. import ops
from ..nn.utils.rnn import pad_sequence
from ..random import Generator
from ..tensor import Tensor
from ..utils.data import Sampler, default_collate


class BucketBatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` indices of samples that are of like length, so that little is padded.

    With `shuffle` the samples are put in a new random order each time; every `pool` batches of them are
    sorted by `lengths` and cut into batches, and the batches come in random order. Larger pools pad less and
    shuffle less. Without it all samples are sorted, equally long ones staying in order. `drop_last` leaves
    out the one batch that may be shorter; `generator` draws the order.

        sampler = BucketBatchSampler([len(name) for name in names], batch_size=32)
        loader = DataLoader(names, batch_sampler=sampler, collate_fn=PadCollate())
    """

    def __init__(
        self,
        lengths: Tensor | Sequence[int],
        batch_size: int,
        *,
        shuffle: bool = True,
        drop_last: bool = False,
        pool: int = 50,
        generator: Generator | None = None,
    ):
        if batch_size < 1 or pool < 1:
            raise ValueError(
                f"BucketBatchSampler: batch_size and pool must be positive, not {batch_size} and {pool}"
            )
        self.lengths = ops.as_tensor(lengths).tolist()
        self.batch_size, self.pool = batch_size, pool
        self.shuffle, self.drop_last, self.generator = shuffle, drop_last, generator

    def __iter__(self) -> Iterator[list[int]]:
        count = len(self.lengths)
        if not self.shuffle:
            return iter(self._cut(list(range(count))))
        order = ops.randperm(count, generator=self.generator).tolist()
        size = self.pool * self.batch_size
        pools = (order[start : start + size] for start in range(0, count, size))
        batches = list(itertools.chain.from_iterable(map(self._cut, pools)))
        return iter([batches[i] for i in ops.randperm(len(batches), generator=self.generator).tolist()])

    def _cut(self, indices: list[int]) -> list[list[int]]:
        """Batches of indices sorted by length."""
        indices = sorted(indices, key=self.lengths.__getitem__)
        stop = len(indices) - len(indices) % self.batch_size if self.drop_last else len(indices)
        return [indices[start : start + self.batch_size] for start in range(0, stop, self.batch_size)]

    def __len__(self) -> int:
        whole, rest = divmod(len(self.lengths), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)


class PadCollate:
    """A `collate_fn` that pads the sequences of a batch to the longest, and tells how long each one is.

    Sequences (L_n, ...) become (T, N, ...), or (N, T, ...) with `batch_first`, followed by their lengths
    (N,). A sample that is a tuple is put together part by part: those in `sequences` are padded so, with
    `padding_value` or each with one of its own, the others are collated as usual.

        pad = PadCollate()
        padded, lengths = pad([torch.ones(3), torch.ones(5)])  # (5, 2), tensor([3, 5])
        names, lengths, labels = pad([(torch.ones(3), 0), (torch.ones(5), 1)])
        tagged = PadCollate(sequences=(0, 1), padding_value=(0, -100))  # tokens, lengths, tags, lengths

    Raises TypeError where a part to be padded is no sequence of numbers.
    """

    def __init__(
        self,
        *,
        batch_first: bool = False,
        padding_value: float | Sequence[float] = 0,
        sequences: Sequence[int] = (0,),
    ):
        values = (
            list(padding_value) if isinstance(padding_value, Sequence) else [padding_value] * len(sequences)
        )
        if len(values) != len(sequences):
            raise ValueError(
                f"PadCollate: {len(values)} padding values for {len(sequences)} sequences; pass one for each"
            )
        self.batch_first = batch_first
        self.values = dict(zip(sequences, values, strict=True))

    def __call__(self, batch: list) -> list:
        """The list of the batch's parts."""
        if not isinstance(batch[0], tuple):
            return self._padded(batch, next(iter(self.values.values())))
        parts: list = []
        for place, column in enumerate(zip(*batch, strict=True)):
            if place in self.values:
                parts += self._padded(column, self.values[place])
            else:
                parts.append(default_collate(list(column)))
        return parts

    def _padded(self, sequences: Sequence, value: float) -> list[Tensor]:
        tensors = [ops.as_tensor(sequence) for sequence in sequences]
        if any(tensor.ndim == 0 for tensor in tensors):
            raise TypeError(
                "PadCollate: a part to be padded is a single number, not a sequence (L, ...); name the parts "
                "that are by sequences=(0, ...)"
            )
        lengths = ops.tensor([len(tensor) for tensor in tensors])
        return [pad_sequence(tensors, batch_first=self.batch_first, padding_value=value), lengths]

"""Passes over a dataset with a DataLoader, here and in worker processes, with their start and end.

With workers a line needs as many processors as it has processes, and a few passes, to say something.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .harness import Comparison, compare


class Sines:
    """Samples that cost Python some 0.1 ms each: (200,) numbers and a class."""

    def __init__(self, lib, length: int):
        self.lib, self.length = lib, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: int):
        return self.lib.tensor([(i * k) % 97 / 97 for k in range(200)]), i % 10


class Pieces:
    """Samples that cost nothing to make and much to carry: (50, 64) float32 each."""

    def __init__(self, lib, length: int):
        self.x, self.length = lib.zeros(64, 50, 64), length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: int):
        return self.x[i % 64], i


def one_pass(loader) -> None:
    """All of its batches."""
    for _ in loader:
        pass


def rows(lib, length: int):
    """A dataset of (8,) rows and numbers."""
    return lib.utils.data.TensorDataset(lib.randn(length, 8), lib.arange(length))


#: name, dataset of a library, workers, the bound that the ratio is to keep
LINES = (
    ("TensorDataset, 50,000 rows", partial(rows, length=50_000), 0, 1.0),
    ("TensorDataset, 50,000 rows, 2 workers", partial(rows, length=50_000), 2, 1.0),
    ("0.1 ms of Python a sample, 4,000", partial(Sines, length=4_000), 0, 1.0),
    ("0.1 ms of Python a sample, 4,000, 2 workers", partial(Sines, length=4_000), 2, 1.1),
    ("12.5 kB a sample, 4,000", partial(Pieces, length=4_000), 0, 1.0),
    ("12.5 kB a sample, 4,000, 2 workers", partial(Pieces, length=4_000), 2, 1.0),
)


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    for name, dataset, workers, bound in LINES:
        passes = [
            partial(
                one_pass,
                lib.utils.data.DataLoader(dataset(lib), batch_size=64, shuffle=True, num_workers=workers),
            )
            for lib in (minigrad, torch)
        ]
        yield compare(name, *passes, bound, seconds, wall=workers > 0)

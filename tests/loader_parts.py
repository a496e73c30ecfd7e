"""A dataset that a process started anew can import without the tests."""

import collections

import numpy as np

from minigrad import ops
from minigrad.utils.data import Dataset

Pair = collections.namedtuple("Pair", "x y")


class Mixed(Dataset):
    """Samples with arrays, numbers and text in containers; sample i is `large` numbers long."""

    def __init__(self, length: int = 11, large: int = 500):
        self.length, self.large = length, large

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        values = np.full(self.large, i, np.float32)
        return {"pair": Pair(values, i), "text": str(i), "list": [ops.tensor([i, -i]), 0.5 * i]}

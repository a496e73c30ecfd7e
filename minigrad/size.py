"""`torch.Size`: a tensor's shape."""

from __future__ import annotations

import math
from collections.abc import Iterable


class Size(tuple):
    """A tuple of whole numbers that knows how many elements it stands for."""

    def __new__(cls, sizes: Iterable = ()):
        return tuple.__new__(cls, [_whole(place, n) for place, n in enumerate(sizes)])

    def numel(self) -> int:
        """The number of elements in a tensor of this shape."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __add__(self, other) -> Size:
        return Size((*self, *other)) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other) -> Size:  # `list += size` is for the list to do
        return Size((*other, *self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, count) -> Size:
        return Size(tuple(self) * count)

    __rmul__ = __mul__

    def __getitem__(self, index):
        part = tuple.__getitem__(self, index)
        return Size(part) if isinstance(index, slice) else part

    def __reduce__(self):
        return Size, (tuple(self),)


def _whole(place: int, n) -> int:
    """A size as an int."""
    if type(n) is int:
        return n
    if isinstance(n, float) or not hasattr(n, "__index__"):
        raise TypeError(f"torch.Size() takes an iterable of 'int' (item {place} is '{type(n).__name__}')")
    return int(n)

"""Names for how memory is laid out, which PyTorch's functions take as arguments.

There is one layout here: strided.
"""

from __future__ import annotations


class layout:
    """How elements are stored; only `strided` exists here."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class memory_format:
    """In which order a new tensor's elements lie; here always in order of their dimensions."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")

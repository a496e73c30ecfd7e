"""Names for how memory is laid out, which PyTorch's functions take as arguments.

There is one layout here, strided; the sparse ones are names that functions refuse.
"""

from __future__ import annotations


class layout:
    """How elements are stored; only `strided` exists here."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name  # copied and pickled by name


class memory_format(layout):
    """In which order a new tensor's elements lie; here always in order of their dimensions."""


strided = layout("strided")
sparse_coo, sparse_csr, sparse_csc, sparse_bsr, sparse_bsc, jagged = map(
    layout, ("sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "jagged")
)
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")


def strided_only(name: str, given: layout | None) -> None:
    """Refuse any other layout."""
    if given is not None and given is not strided:
        raise NotImplementedError(f"{name}: layout {given} is not here; leave it out: tensors are strided")

"""How `linear_cross_entropy` goes through a batch in pieces."""

from __future__ import annotations

from typing import NamedTuple

from ... import dtypes


class _Fields(NamedTuple):
    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: dtypes.dtype | None = None


class LinearCrossEntropyOptions(_Fields):
    """Asks `linear_cross_entropy` to keep no (N, C) logits, but to make them anew, some rows at a time.

    `batch_chunk_size` is the rows of a piece; or `chunking_method` "aspect_ratio:F" makes its logits F times
    smaller than the whole input. Differs from PyTorch in that a graph may always be walked twice, and
    differentiated twice; and that sums are in the input's dtype, so `acc_policy` chooses nothing, and another
    `acc_dtype` is refused.
    """

    __slots__ = ()

    def __new__(cls, *args, **kwargs):
        made = super().__new__(cls, *args, **kwargs)
        if made.acc_policy not in ("auto", "accurate", "balanced", "compact"):
            raise ValueError(f"invalid acc_policy: {made.acc_policy!r}")
        made._factor()
        size = made.batch_chunk_size
        if size is not None and (not isinstance(size, int) or size < 1):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size!r}")
        if made.acc_dtype not in (None, dtypes.float16, dtypes.float32, dtypes.float64):
            raise ValueError(
                "acc_dtype must be one of {None, torch.float16, torch.float32, torch.float64}, "
                f"got {made.acc_dtype!r}. Pass acc_dtype=None to let the op pick automatically."
            )
        return made

    def _factor(self) -> int | None:
        """The F of "aspect_ratio:F", 2 where nothing is asked for; None where batch_chunk_size counts."""
        if self.chunking_method == "auto":
            return 2 if self.batch_chunk_size is None else None
        if self.chunking_method is None:
            return None
        name, _, factor = self.chunking_method.partition(":")
        factor = factor if ":" in self.chunking_method else "1"
        if name != "aspect_ratio" or not factor.isdigit() or int(factor) < 1:
            raise ValueError(f"invalid chunking_method: {self.chunking_method!r}")
        return int(factor)

    def rows(self, batch: int, in_features: int, classes: int, dtype: dtypes.dtype) -> int:
        """How many rows a piece has, of a batch (N, in_features) and classes C."""
        if self.acc_dtype not in (None, dtype):
            raise NotImplementedError(
                f"LinearCrossEntropyOptions: sums are in the input's dtype {dtype} here; leave out "
                f"acc_dtype={self.acc_dtype}, or convert the input"
            )
        factor = self._factor()
        if factor is None:
            return max(min(self.batch_chunk_size or batch, batch), 1)
        target = -(-batch // -(-classes // in_features))
        size = max(min((1 << (target - 1).bit_length()) // factor, batch), 1)
        if self.batch_chunk_size not in (None, size):
            raise ValueError(
                f"batch_chunk_size (={self.batch_chunk_size}) and chunking_method ('{self.chunking_method}') "
                f"give different chunk sizes ({self.batch_chunk_size} vs {size}); pass only one."
            )
        return size

"""PyTorch's older names for `amp` on a GPU."""

from __future__ import annotations

from .. import amp
from ..amp import GradScaler
from ..dtypes import dtype as Dtype

__all__ = ["GradScaler", "autocast"]


class autocast(amp.autocast):
    """`amp.autocast("cuda")`."""

    def __init__(self, enabled: bool = True, dtype: Dtype | None = None, cache_enabled: bool = True):
        super().__init__("cuda", dtype, enabled, cache_enabled)

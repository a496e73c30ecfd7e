"""Sequences of different lengths: from a padded array to all steps in a row without padding, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...backend import module_of
from ...engine import primitive


def active_steps(batch_sizes: Any) -> np.ndarray:
    """Which places of a padded (T, N) batch hold a step; `batch_sizes[t]` sequences are as long as t + 1."""
    return np.arange(batch_sizes[0]) < np.asarray(batch_sizes)[:, None]


@primitive(rows=lambda g, active: join_rows(g, active))
def pad_rows(rows, active, value) -> Any:
    """Rows (L, ...) as (A, B, ...), in order where `active` (A, B) is true; elsewhere it is `value`."""
    xp = module_of(rows)
    out = xp.full((*active.shape, *rows.shape[1:]), value, rows.dtype)
    out[xp.asarray(active)] = rows
    return out


@primitive(padded=lambda g, active: pad_rows(g, active, 0))
def join_rows(padded, active) -> Any:
    """The rows of (A, B, ...) where `active` (A, B) is true, in its order, as (L, ...)."""
    return padded[module_of(padded).asarray(active)]

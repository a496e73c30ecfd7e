"""The loss of sequences labelled without saying where: connectionist temporal classification."""

from __future__ import annotations

import numpy as np

from ...backend import module_of, to_numpy
from ...engine import Value
from ...ops import ctc as core
from ...tensor import Tensor
from .reduction import reduced


def _as_lengths(name: str, lengths, batch: int, most: int):
    """Lengths given as a tensor, a list or a number, as an array (N,)."""
    if isinstance(lengths, Value) and lengths.array.dtype.kind not in "iu":
        raise RuntimeError(f"ctc_loss: {name} must be integral, got {lengths.dtype}")
    array = np.asarray(to_numpy(lengths.array) if isinstance(lengths, Value) else lengths, np.int64).reshape(
        -1
    )
    if len(array) != batch:
        raise RuntimeError(f"ctc_loss: {name} must be of size batch_size {batch}, got {len(array)}")
    for n in array:
        if not 0 <= n <= most:
            raise RuntimeError(
                f"ctc_loss: Expected {name} to have value at least 0 and at most {most}, but got value {n}"
            )
    return array


def _as_rows(targets, lengths, classes: int):
    """Targets (N, S), or those of all samples one after the other, as (N, S); what fills rows up is 0."""
    rows = np.zeros((len(lengths), max(lengths, default=0)), np.int64)
    inside = np.arange(rows.shape[1]) < lengths[:, None]
    if targets.ndim == 1:
        if len(targets) != lengths.sum():
            raise RuntimeError(
                f"ctc_loss: Expected {lengths.sum()} targets, the sum of target_lengths, but got "
                f"{len(targets)}"
            )
        rows[inside] = targets
    else:
        if targets.ndim != 2 or len(targets) != len(rows) or targets.shape[1] < rows.shape[1]:
            raise RuntimeError(
                f"ctc_loss: Expected targets of shape ({len(rows)}, {rows.shape[1]} or more), or all in one "
                f"row, but got {targets.shape}"
            )
        rows[inside] = targets[:, : rows.shape[1]][inside]
    if rows.size and not 0 <= rows.min() <= rows.max() < classes:
        raise RuntimeError(
            f"ctc_loss: targets must be classes 0 .. {classes - 1}, but lie in {rows.min()} .. {rows.max()}"
        )
    return rows


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths,
    target_lengths,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log p(targets | log_probs) over all alignments (Graves et al., 2006): log_probs (T, N, C) or (T, C).

    Targets are (N, S), or all in one row; the lengths say how much of each sample counts. "mean" divides each
    loss by its target's length first. With `zero_infinity` a sample that is too short for its target counts
    as 0. The gradient is that by the argument of the log_softmax that log_probs come from, as in PyTorch;
    here it has derivatives too.
    """
    if log_probs.array.dtype.kind != "f" or targets.array.dtype.kind in "bc":
        raise RuntimeError(
            f"ctc_loss: log_probs must be floating and targets integral, got {log_probs.dtype} and "
            f"{targets.dtype}"
        )
    one = log_probs.dim() == 2
    scores = log_probs.unsqueeze(1) if one else log_probs
    if scores.dim() != 3:
        raise RuntimeError(
            f"ctc_loss: log_probs need shape (T, N, C) or (T, C), got {tuple(log_probs.shape)}"
        )
    count, batch, classes = scores.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss: blank must be in label range 0 .. {classes - 1}, got {blank}")
    steps = _as_lengths("input_lengths", input_lengths, batch, count)
    given = to_numpy(targets.array)
    lengths = _as_lengths("target_lengths", target_lengths, batch, given.shape[-1] if given.ndim else 0)
    labels = _as_rows(given[None] if one and given.ndim == 1 else given, lengths, classes)
    xp = module_of(scores.array)
    losses = core.ctc(scores, *map(xp.asarray, (labels.T.copy(), steps, lengths)), blank, zero_infinity)
    if reduction == "mean":
        losses = losses / losses.new_tensor(np.maximum(lengths, 1))
    losses = losses.squeeze(0) if one else losses
    return reduced(losses, reduction)

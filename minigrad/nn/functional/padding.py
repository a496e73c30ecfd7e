"""Borders around a tensor."""

from __future__ import annotations

from collections.abc import Sequence

from ... import ops
from ...ops.padding import constant_pad_nd, cut, extend, pairs_of
from ...tensor import Tensor

_MODES = ("constant", "reflect", "replicate", "circular")


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """The input with a border; `pad` has (before, after) for the last dimension, the one before it, and so
    on.

    The border is of a value ("constant", any number of dimensions), or of elements as seen in a mirror
    ("reflect"), of the nearest ones ("replicate"), or of those at the other end ("circular"). Negative
    numbers cut elements off.
    """
    if mode not in _MODES:
        raise NotImplementedError(f"pad: Unrecognised padding mode {mode}; use one of {', '.join(_MODES)}")
    if mode == "constant":
        return constant_pad_nd(input, pad, 0 if value is None else value)
    if value:
        raise RuntimeError(f'pad: Padding mode "{mode}" doesn\'t take in value argument')
    pairs = pairs_of(input, pad)
    if input.dim() - len(pairs) not in (1, 2) or not 1 <= len(pairs) <= 3:
        raise NotImplementedError(
            f"pad: Padding size {2 * len(pairs)} is not supported for {input.dim()}D input tensor; with "
            f"mode {mode!r} all dimensions but the first one (C) or two (N, C) are padded, 3 at most"
        )
    if mode == "circular":  # wraps what is left
        return _extended(cut(input, pairs), pairs, mode)
    return cut(_extended(input, pairs, mode), pairs)


def _extended(input: Tensor, pairs, mode: str) -> Tensor:
    out = ops.copy(input)
    for axis, pair in enumerate(pairs, input.dim() - len(pairs)):
        before, after = (max(n, 0) for n in pair)
        _check_border(input, axis, before, after, mode)
        if before or after:
            out = extend(out, axis, before, after, mode)
    return out


def _check_border(input: Tensor, axis: int, before: int, after: int, mode: str) -> None:
    size = input.shape[axis]
    most = {"reflect": size - 1, "circular": size, "replicate": max(before, after) if size else -1}[mode]
    if max(before, after) > most:
        least = "no larger" if mode == "circular" else "less"
        raise RuntimeError(
            f"pad: Padding size should be {least} than the "
            f"corresponding input dimension in mode {mode!r}, but got: padding {(before, after)} at "
            f"dimension {axis} of input {list(input.shape)}"
        )

"""Borders around a tensor."""

from __future__ import annotations

from collections.abc import Sequence

from ... import ops
from ...ops.padding import extend, surround
from ...tensor import Tensor

_MODES = ("constant", "reflect", "replicate", "circular")


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """The input with a border; `pad` has (before, after) for the last dimension, the one before it, and so
    on.

    The border is of a value ("constant", any number of dimensions), or of elements as seen in a mirror
    ("reflect"), of the nearest ones ("replicate"), or of those at the other end ("circular"). Negative
    numbers cut elements off.
    """
    pads = [int(n) for n in pad]
    if len(pads) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, got {pads}")
    if len(pads) > 2 * input.dim():
        raise RuntimeError(
            "pad: Padding length should be less than or equal to two times the input dimension, but got "
            f"padding length {len(pads)} and input of dimension {input.dim()}"
        )
    if mode not in _MODES:
        raise NotImplementedError(f"pad: Unrecognised padding mode {mode}; use one of {', '.join(_MODES)}")
    pairs = [*zip(pads[-2::-2], pads[::-2])]  # one per dimension, in the order of dimensions
    grown = [(max(before, 0), max(after, 0)) for before, after in pairs]
    if mode == "constant":
        out = surround(input, grown, 0 if value is None else value)
    else:
        if value:
            raise RuntimeError(f'pad: Padding mode "{mode}" doesn\'t take in value argument')
        out = _extended(input, grown, mode)
    return _cut(out, pairs)


def _extended(input: Tensor, pairs, mode: str) -> Tensor:
    first = input.dim() - len(pairs)
    if first not in (1, 2) or not 1 <= len(pairs) <= 3:
        raise NotImplementedError(
            f"pad: Padding size {2 * len(pairs)} is not supported for {input.dim()}D input tensor; with mode "
            f"{mode!r} all dimensions but the first one (C) or two (N, C) are padded, 3 at most"
        )
    out = input
    for axis, (before, after) in enumerate(pairs, first):
        _check_border(input, axis, before, after, mode)
        if before or after:
            out = extend(out, axis, before, after, mode)
    return ops.copy(input) if out is input else out


def _check_border(input: Tensor, axis: int, before: int, after: int, mode: str) -> None:
    size = input.shape[axis]
    most = {"reflect": size - 1, "circular": size, "replicate": max(before, after) if size else -1}[mode]
    if max(before, after) > most:
        raise RuntimeError(
            f"pad: Padding size should be {'no larger' if mode == 'circular' else 'less'} than the "
            f"corresponding input dimension in mode {mode!r}, but got: padding {(before, after)} at "
            f"dimension {axis} of input {list(input.shape)}"
        )


def _cut(out: Tensor, pairs) -> Tensor:
    """Without the elements that negative numbers cut off."""
    if all(min(pair) >= 0 for pair in pairs):
        return out
    lead = out.dim() - len(pairs)
    sizes = out.shape[lead:]
    ends = [(max(-before, 0), n - max(-after, 0)) for (before, after), n in zip(pairs, sizes)]
    if any(stop < start for start, stop in ends):
        raise RuntimeError(f"pad: {pairs} cut more off than there is: shape {tuple(out.shape)}")
    return ops.take_part(out, (..., *(slice(start, stop) for start, stop in ends)))

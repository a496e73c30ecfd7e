"""Numbers as colours: attention maps, the gates of a layer over a sentence, weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..backend import to_numpy
from .svg import LETTER, Picture, text, width_of

LEAST, MIDDLE, MOST = (
    (33, 102, 172),
    (247, 247, 247),
    (178, 24, 43),
)  # blue, white, red: readable without red or green


def heatmap(
    values,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    title: str = "",
    low: float | None = None,
    high: float | None = None,
) -> Picture:
    """A tensor or array (R, C) as R rows of coloured cells, with words beside the rows and above the columns.

    From `low` (blue) to `high` (red); without them from the smallest to the largest value, or, where there
    are both signs, with white at zero. nan is left empty. Raises ValueError where the shapes do not fit.
    """
    array = to_numpy(getattr(values, "array", np.asarray(values)))
    if array.ndim != 2 or not array.size:
        raise ValueError(
            f"heatmap: values {array.shape} must be a table (rows, columns) with at least one cell"
        )
    for name, words, size in (("rows", rows, array.shape[0]), ("columns", columns, array.shape[1])):
        if words is not None and len(words) != size:
            raise ValueError(f"heatmap: {len(words)} {name} are named, but values has {size}")
    bottom, top = limits(array, low, high)
    cell = min(28, max(4, 900 // max(array.shape)))
    letter = max(7, min(13, cell))
    left = 20 + max((len(w) for w in rows or ()), default=0) * letter * LETTER
    above = 50 + max((len(w) for w in columns or ()), default=0) * letter * LETTER
    parts = [text(20, 28, title, size=16)]
    for i, row in enumerate(rows or ()):
        parts.append(text(left - 6, above + (i + 0.7) * cell, row, "end", letter))
    for j, word in enumerate(columns or ()):
        x = left + (j + 0.7) * cell
        parts.append(
            text(
                x, above - 6, word, "start", letter, more=f' transform="rotate(-90 {x:.1f} {above - 6:.1f})"'
            )
        )
    for (i, j), value in np.ndenumerate(array):
        x, y = left + j * cell, above + i * cell
        if math.isfinite(value):
            fill = colour((float(value) - bottom) / ((top - bottom) or 1))
            parts.append(
                f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{cell}" height="{cell}" fill="{fill}">'
                f"<title>{value:.3g}</title></rect>"
            )
    width, height = left + array.shape[1] * cell, above + array.shape[0] * cell
    parts += _scale(left, height + 14, bottom, top)
    return Picture(parts, max(width, left + 160, 20 + width_of(title, 16)) + 20, height + 50, title)


def limits(array: np.ndarray, low: float | None, high: float | None) -> tuple[float, float]:
    """The values of the two ends of the colours."""
    finite = array[np.isfinite(array)]
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low is None and high is None and least < 0 < most:
        most = max(-least, most)
        least = -most
    return (least if low is None else low), (most if high is None else high)


def colour(part: float) -> str:
    """The colour of a part from 0 to 1: blue, white, red."""
    part = min(max(part, 0.0), 1.0)
    near, far, share = (LEAST, MIDDLE, 2 * part) if part < 0.5 else (MIDDLE, MOST, 2 * part - 1)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(near, far, strict=True))


def _scale(x: float, y: float, bottom: float, top: float) -> list[str]:
    """The key to the colours: a strip from the lowest to the highest value."""
    cells = [
        f'<rect x="{x + 5 * i:.1f}" y="{y}" width="5" height="10" fill="{colour(i / 19)}"/>'
        for i in range(20)
    ]
    return [*cells, text(x, y + 24, f"{bottom:.3g}", size=11), text(x + 100, y + 24, f"{top:.3g}", "end", 11)]

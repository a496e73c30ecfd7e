"""Training curves as an SVG file: one line per named series, axes with round ticks,
names at the lines' ends.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from html import escape

from ..serialization.atomic import atomic_write

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 50, 55  # margins, in pixels
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#e69f00",
)  # told apart by colour-blind eyes too


def save_curves(
    path: str | os.PathLike,
    curves: Mapping[str, Sequence[float]],
    title: str = "",
    x_name: str = "epoch",
    y_name: str = "",
) -> None:
    """Draw each series of `curves` (name: values at x = 1, 2, ...) into an SVG file; values that are not
    finite are gaps.
    """
    if not curves or not any(len(values) for values in curves.values()):
        raise ValueError("save_curves: there is nothing to draw; pass at least one series with a value")
    with atomic_write(path) as file:
        file.write(_svg(curves, title, x_name, y_name).encode())


def round_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """About `wanted` round numbers that span low ..

    high (Heckbert, "Nice numbers for graph labels", 1990).
    """
    span = (high - low) or max(abs(high), 1e-9)
    raw = span / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((f * power for f in (1, 2, 5, 10)), key=lambda s: abs(math.log(s / raw)))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, max(last, first + 1) + 1)]


def _svg(curves: Mapping[str, Sequence[float]], title: str, x_name: str, y_name: str) -> str:
    finite = [v for values in curves.values() for v in values if math.isfinite(v)] or [0.0]
    y_ticks = round_ticks(min(finite), max(finite))
    longest = max(len(values) for values in curves.values())
    x_ticks = sorted({max(1, round(t)) for t in round_ticks(1, max(longest, 2)) if t <= longest})

    def x_of(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (x - 1) / max(longest - 1, 1)

    def y_of(y: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 28, title, size=16),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, x_name, anchor="middle"),
        _text(14, TOP - 12, y_name),
    ]
    for y in y_ticks:
        parts.append(f'<path d="M{LEFT} {y_of(y):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 8, y_of(y) + 4, f"{y:g}", anchor="end"))
    parts += [_text(x_of(x), HEIGHT - BOTTOM + 20, f"{x:g}", anchor="middle") for x in x_ticks]
    label_at: list[float] = []
    for number, (name, values) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = [(x_of(i + 1), y_of(v)) for i, v in enumerate(values) if math.isfinite(v)]
        if not points:
            continue
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points]
        height = points[-1][1] + 4
        while any(abs(height - other) < 15 for other in label_at):
            height += 1  # names of lines that end close together stand below one another
        label_at.append(height)
        parts.append(_text(points[-1][0] + 8, height, name, colour=colour))
    return "\n".join([*parts, "</svg>\n"])


def _text(x: float, y: float, words: str, anchor: str = "start", size: int = 13, colour: str = "#222") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}">{escape(words)}</text>'

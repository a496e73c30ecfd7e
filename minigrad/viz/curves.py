"""Curves: one line per named series, axes with round ticks, names at the lines' ends; and horizontal bars."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from .svg import COLOURS, Picture, box, text, width_of

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 50, 55  # margins, in pixels


def save_curves(
    path: str | os.PathLike,
    series: Mapping[str, Sequence[float]],
    title: str = "",
    x_name: str = "epoch",
    y_name: str = "",
) -> None:
    """Draw each series (name: values at x = 1, 2, ...) into an SVG file; values that are not finite are
    gaps.
    """
    curves(series, title, x_name, y_name).save(path)


def curves(
    series: Mapping[str, Sequence[float]],
    title: str = "",
    x_name: str = "epoch",
    y_name: str = "",
    x: Sequence[float] | None = None,
    log_y: bool = False,
    levels: Mapping[str, float] | None = None,
) -> Picture:
    """A line for each series (name: values), with dashed lines at named `levels`, such as a baseline's score.

    The values stand at `x`, or at 1, 2, .... With `log_y` the y axis shows powers of ten, and values that are
    not positive are gaps, as are those that are not finite. Raises ValueError where there is nothing to draw.
    """
    levels = levels or {}
    if not series or not any(len(values) for values in series.values()):
        raise ValueError("curves: there is nothing to draw; pass at least one series with a value")
    places = list(range(1, max(map(len, series.values())) + 1)) if x is None else list(x)
    axes = Axes(places, [v for values in (*series.values(), list(levels.values())) for v in values], log_y)
    parts = [*axes.drawn(title, x_name, y_name)]
    taken: list[float] = []  # heights of names: of lines that end close together, one stands below the other
    for number, (name, values) in enumerate(series.items()):
        parts += _line(axes, name, list(zip(places, values, strict=False)), COLOURS[number % 6], taken)
    for name, value in levels.items():
        height = axes.y_of(value)
        parts.append(f'<path d="M{LEFT} {height:.1f}H{WIDTH - RIGHT}" stroke="#777" stroke-dasharray="5 4"/>')
        parts.append(text(WIDTH - RIGHT + 8, _free(height + 4, taken), name, colour="#555"))
    longest = max(width_of(name) for name in (*series, *levels))
    return Picture(parts, max(WIDTH, WIDTH - RIGHT + 20 + longest), HEIGHT, title)


class Axes:
    """Where numbers lie in the picture, and the ticks beside them."""

    def __init__(self, places: Sequence[float], values: Sequence[float], log_y: bool):
        self.log_y = log_y
        finite = [v for v in values if self.is_drawn(v)] or [1.0]
        low, high = min(finite), max(finite)
        if log_y:
            self.y_ticks = [
                10.0**k for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            ]
            self.y_ticks = self.y_ticks if len(self.y_ticks) > 1 else [low / 10, low * 10]
        else:
            self.y_ticks = round_ticks(low, high)
        self.first, self.last = min(places), max(places)
        ticks = round_ticks(self.first, max(self.last, self.first + 1))
        whole = all(float(p).is_integer() for p in places)
        kept = {max(self.first, round(t) if whole else t) for t in ticks if t <= self.last}
        self.x_ticks = sorted(kept)

    def is_drawn(self, y: float) -> bool:
        return math.isfinite(y) and (y > 0 or not self.log_y)

    def x_of(self, x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (x - self.first) / ((self.last - self.first) or 1)

    def y_of(self, y: float) -> float:
        scale: Callable = math.log10 if self.log_y else float
        low, high = scale(self.y_ticks[0]), scale(self.y_ticks[-1])
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (scale(y) - low) / (high - low)

    def drawn(self, title: str, x_name: str, y_name: str) -> Iterator[str]:
        yield text(LEFT, 28, title, size=16)
        yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, x_name, anchor="middle")
        yield text(14, TOP - 12, y_name)
        every = max(1, math.ceil(len(self.y_ticks) / 10))
        for y in self.y_ticks[::every]:
            yield f'<path d="M{LEFT} {self.y_of(y):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            yield text(LEFT - 8, self.y_of(y) + 4, f"{y:g}", anchor="end")
        for x in self.x_ticks:
            yield text(self.x_of(x), HEIGHT - BOTTOM + 20, f"{x:g}", anchor="middle")


def _line(axes: Axes, name: str, values: list, colour: str, taken: list[float]) -> Iterator[str]:
    """A series as a line with dots, and its name at its end."""
    points = [(axes.x_of(x), axes.y_of(y)) for x, y in values if axes.is_drawn(y)]
    if not points:
        return
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
    yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points)
    yield text(points[-1][0] + 8, _free(points[-1][1] + 4, taken), name, colour=colour)


def _free(height: float, taken: list[float]) -> float:
    """The nearest height below where no name stands yet; takes it."""
    while any(abs(height - other) < 15 for other in taken):
        height += 1
    taken.append(height)
    return height


def round_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """About `wanted` round numbers from at most `low` to at least `high` (Heckbert, "Nice numbers for graph
    labels", 1990).
    """
    span = (high - low) or max(abs(high), 1e-9)
    raw = span / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((f * power for f in (1, 2, 5, 10)), key=lambda s: abs(math.log(s / raw)))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, max(last, first + 1) + 1)]


def bars(values: Mapping[str, float], title: str = "", log: bool = False) -> Picture:
    """A horizontal bar for each named value, with the value beside it; with `log`, lengths are logarithms.

    Values that are not finite, and with `log` those that are not positive, have no bar, but their number.
    """
    if not values:
        raise ValueError("bars: there is nothing to draw; pass at least one named value")
    names = max(map(width_of, values)) + 20
    drawn = [v for v in values.values() if math.isfinite(v) and (v > 0 or not log)]
    length, row = 400, 22
    top = max(map(abs, drawn), default=1.0) or 1.0
    low = (
        min(drawn, default=1.0) / 10 if log else 0.0
    )  # so that the shortest bar is still one power of ten long

    def part(value: float) -> float:
        if not math.isfinite(value) or (log and value <= 0):
            return 0.0
        return math.log(value / low) / math.log(top / low) if log else abs(value) / top

    parts = [text(20, 28, title, size=16)]
    for number, (name, value) in enumerate(values.items()):
        y = TOP + number * row
        parts.append(text(names, y + 13, name, anchor="end"))
        parts.append(box(names + 8, y, max(1.0, length * part(value)), row - 6, COLOURS[value < 0], "none"))
        parts.append(text(names + 16 + length * part(value), y + 13, f"{value:.3g}", size=12, colour="#555"))
    return Picture(parts, names + length + 100, TOP + len(values) * row + 15, title)

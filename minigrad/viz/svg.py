"""What all pictures share: a Picture that saves and shows itself, and the few SVG shapes they are made of."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from collections.abc import Iterable
from html import escape
from pathlib import Path

from ..serialization.atomic import atomic_write

#: told apart by colour-blind eyes too (Okabe and Ito 2008)
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
LETTER = 0.6  # the width of an average letter, as a part of its size

PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<style>body{{margin:1em}}svg{{max-width:100%;height:auto}}</style></head><body>\n{svg}</body></html>\n"
)


class Picture:
    """A drawing: `save` it as .svg or .html, `show` it in a browser, or leave it to a notebook.

    `svg` is its text, `width` and `height` are in pixels.
    """

    def __init__(self, parts: Iterable[str], width: float, height: float, title: str = ""):
        self.width, self.height, self.title = round(width), round(height), title
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family="sans-serif" font-size="13">'
        )
        background = f'<rect width="{self.width}" height="{self.height}" fill="white"/>'
        self.svg = "\n".join([head, f"<title>{escape(title)}</title>", background, *parts, "</svg>\n"])

    def save(self, path: str | os.PathLike) -> None:
        """Write the picture as `path` says: .svg, or .html, a page that needs nothing else."""
        kind = Path(path).suffix.lower()
        if kind not in (".svg", ".html"):
            raise ValueError(
                f"save: a picture is written as .svg or .html, not {kind or 'without an ending'}"
            )
        text = PAGE.format(title=escape(self.title), svg=self.svg) if kind == ".html" else self.svg
        with atomic_write(path) as file:
            file.write(text.encode())

    def show(self) -> Path:
        """Open the picture in the web browser; returns the temporary page it is in."""
        path = Path(tempfile.mkdtemp(prefix="minigrad-")) / "picture.html"
        self.save(path)
        webbrowser.open(path.as_uri())
        return path

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Picture({self.title!r}, {self.width} x {self.height}): save(path), show(), or a notebook"


def text(
    x: float,
    y: float,
    words: str,
    anchor: str = "start",
    size: int = 13,
    colour: str = "#222",
    more: str = "",
) -> str:
    """A line of words; `anchor` says which end of it, or its "middle", is at x."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}"{more}>{escape(words)}</text>'


def box(
    x: float, y: float, width: float, height: float, fill: str, edge: str = "#555", round: int = 4
) -> str:
    """A rectangle with its upper left corner at (x, y)."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{round}" '
        f'fill="{fill}" stroke="{edge}"/>'
    )


def width_of(words: str, size: int = 13) -> float:
    """About how wide a line of words is."""
    return len(words) * size * LETTER

"""What a run leaves behind: its figures as JSON, and a picture of the ratios where matplotlib is there."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .harness import Comparison, geometric_mean


def write(folder: Path, about: dict[str, Any], groups: dict[str, list[Comparison]]) -> str:
    """Write `results.json`, and `ratios.png` if that can be; returns a sentence that says so."""
    folder.mkdir(parents=True, exist_ok=True)
    about = about | {"python": platform.python_version(), "machine": platform.machine()}
    figures = {name: [asdict(c) for c in lines] for name, lines in groups.items()}
    (folder / "results.json").write_text(json.dumps({"about": about, "groups": figures}, indent=1) + "\n")
    try:
        import matplotlib
    except ImportError:
        return f"{folder}/results.json has the figures; with matplotlib there would be a picture too"
    matplotlib.use("agg")
    _picture(folder / "ratios.png", about, groups)
    return f"{folder}/results.json has the figures, ratios.png a picture"


def _picture(path: Path, about: dict[str, Any], groups: dict[str, list[Comparison]]) -> None:
    """A dot per line at its ratio, with the quartiles, over a logarithmic axis; PyTorch is the line at 1."""
    from matplotlib import pyplot

    lines = [(f"{group}: {c.name}", c) for group, shown in groups.items() for c in shown]
    figure, axes = pyplot.subplots(figsize=(10, 1 + 0.17 * len(lines)), layout="constrained")
    for place, (_, c) in enumerate(lines):
        above = c.bound is not None and c.ratio > c.bound
        axes.plot([c.low, c.high], [place, place], color="0.7", linewidth=2)
        axes.plot(c.ratio, place, "o", markersize=4, color="tab:red" if above else "tab:blue")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(lines)), [name for name, _ in lines], fontsize=6)
    axes.set_ylim(len(lines), -1)
    axes.set_xlabel(
        f"time of minigrad / time of PyTorch {about['torch']}, {about['threads']} thread(s); "
        f"geometric mean {geometric_mean([c for _, c in lines]):.2f}"
    )
    figure.savefig(path, dpi=110)
    pyplot.close(figure)

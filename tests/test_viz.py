"""Pictures: what they show is right, and a file is written whole or not at all."""

import itertools
import math
from xml.etree import ElementTree

import pytest

from minigrad.viz import save_curves
from minigrad.viz.curves import round_ticks

SVG = "{http://www.w3.org/2000/svg}"


def drawn(tmp_path, curves, **settings):
    path = tmp_path / "curves.svg"
    save_curves(path, curves, **settings)
    return ElementTree.fromstring(path.read_text())


def test_one_line_per_series_with_a_point_per_value(tmp_path):
    root = drawn(
        tmp_path, {"training": [3.0, 2.0, 1.5], "test": [3.5, 2.5]}, title="loss & more", x_name="epoch"
    )
    lines = root.findall(f"{SVG}polyline")
    assert [len(line.get("points").split()) for line in lines] == [3, 2]
    assert len(root.findall(f"{SVG}circle")) == 5
    words = [text.text for text in root.findall(f"{SVG}text")]
    assert {"loss & more", "epoch", "training", "test"} <= set(words)


def test_higher_values_are_drawn_higher(tmp_path):
    root = drawn(tmp_path, {"loss": [5.0, 1.0, 3.0]})
    points = [tuple(map(float, p.split(","))) for p in root.find(f"{SVG}polyline").get("points").split()]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x0 < x1 < x2
    assert y0 < y2 < y1  # SVG counts downwards
    assert math.isclose((y1 - y2) / (y1 - y0), 0.5, abs_tol=0.01)


def test_names_of_lines_that_end_together_do_not_overlap(tmp_path):
    root = drawn(tmp_path, {"a": [1.0, 2.0], "b": [2.0, 2.0], "c": [3.0, 2.0]})
    heights = sorted(float(t.get("y")) for t in root.findall(f"{SVG}text") if t.text in ("a", "b", "c"))
    assert all(b - a >= 14 for a, b in itertools.pairwise(heights))


def test_values_that_are_not_finite_are_left_out(tmp_path):
    root = drawn(tmp_path, {"loss": [1.0, math.nan, 2.0, math.inf]})
    assert len(root.findall(f"{SVG}circle")) == 2


def test_nothing_to_draw_is_refused_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "curves.svg"
    save_curves(path, {"loss": [1.0]})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="nothing to draw"):
        save_curves(path, {"loss": []})
    assert path.read_bytes() == before


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (0.001, 0.0042), (5, 5), (0, 1234)])
def test_ticks_are_round_and_span_the_values(low, high):
    ticks = round_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 12
    steps = {round(b - a, 9) for a, b in itertools.pairwise(ticks)}
    assert len(steps) == 1

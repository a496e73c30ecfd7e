"""The notebook runs from its first cell to its last, without Jupyter, and shows what it says."""

import json
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
NOTEBOOK = DOCS / "lesson.ipynb"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    """(cells as they ran, names at the end, and the page made of them with its folder)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        import notebooks
    folder, names = tmp_path_factory.mktemp("lesson"), {}
    cells = []
    with pytest.MonkeyPatch.context() as patch:
        real = notebooks.run
        patch.setattr(notebooks, "run", lambda path: (cells.append(c) or c for c in real(path, names)))
        notebooks.write_page(NOTEBOOK, folder)
    return cells, names, folder


def test_what_is_committed_is_a_notebook_without_outputs():
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"])


def test_the_loops_are_the_layers(lesson):
    cells, _, _ = lesson
    checks = [cell for cell in cells if cell.text.rstrip().endswith("< 1e-6")]
    assert [cell.value for cell in checks] == [True, True]


def test_gradients_vanish_but_for_open_gates(lesson):
    sizes = lesson[1]["sizes"]
    left = {name: series[0] / series[-1] for name, series in sizes.items()}
    assert left["RNN"] < left["LSTM"] < 1e-6
    assert left["LSTM, open"] > 0.1


def test_the_network_remembers_what_the_rule_cannot_know(lesson):
    printed = next(cell.printed for cell in lesson[0] if "the last noun" in cell.printed)
    shares = [tuple(map(int, line)) for line in re.findall(r"LSTM (\d+)%, the last noun (\d+)%", printed)]
    assert len(shares) == 3
    assert all(ours > 90 and rule < 60 for ours, rule in shares)


def test_gates_hold_the_noun_longer_than_a_plain_network(lesson):
    scores = lesson[1]["scores"]
    assert scores["RNN"][-1] < 0.8 < 0.9 < min(scores["GRU"][-1], scores["LSTM, open"][-1])


def test_pictures_show_themselves_and_become_files_of_the_page(lesson):
    cells, _, folder = lesson
    drawn = [cell.value for cell in cells if hasattr(cell.value, "_repr_svg_")]
    assert len(drawn) == 6
    page = (folder / "lesson.md").read_text()
    named = re.findall(r"!\[.*\]\((.*\.svg)\)", page)
    assert [(folder / name).read_text() for name in named] == [picture._repr_svg_() for picture in drawn]
    assert page.count("```") % 2 == 0

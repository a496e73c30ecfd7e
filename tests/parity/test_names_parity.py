"""The documents' table of names is what a comparison with PyTorch gives today."""

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
TOOL = Path(__file__).resolve().parents[2] / "tools" / "compare_names.py"


def test_the_table_of_names_is_up_to_date():
    compared = runpy.run_path(str(TOOL))
    assert compared["table"]() in compared["PAGE"].read_text(), "run: python tools/compare_names.py"

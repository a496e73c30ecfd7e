"""`python -m minigrad` says what is here, and what it says is so."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from minigrad import __main__ as page
from minigrad import openblas, version

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def rows(monkeypatch, tmp_path):
    """The lines of the report, by their first words."""
    monkeypatch.setenv("MINIGRAD_HOME", str(tmp_path / "kept"))
    return {what: how for _, lines in page.sections() for what, how in lines}


def test_as_a_command_it_prints_the_report(tmp_path):
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "minigrad"],
        cwd=ROOT,
        env=os.environ
        | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MINIGRAD_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    for wanted in (
        version.__version__,
        np.__version__,
        version.pytorch,
        "OMP_NUM_THREADS=1",
        "python examples",
    ):
        assert wanted in run.stdout
    assert f"in use      {'1' if openblas.threads() else 'not known'}" in run.stdout


def test_help_says_what_it_is(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["minigrad", "--help"])
    with pytest.raises(SystemExit):
        page.main()
    assert "what to try" in capsys.readouterr().out


def test_without_a_gpu_the_reason_is_given(rows):
    assert rows["cuda"].startswith("no: device 'cuda'") or "CuPy" in rows["cuda"]


def test_every_extra_a_user_may_want_is_listed():
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(table) - {"tests", "check", "parity", "docs"} == set(page.EXTRAS)


def test_an_extra_that_is_missing_says_how_to_get_it(monkeypatch):
    assert page._extra("plots", "no_such_module", "x", "plots").endswith("pip install minigrad-rnn[plots]")
    assert page._extra("plots", "numpy", "numpy", "arrays") == f"numpy {np.__version__}, arrays"
    assert page.version_of("no-such-distribution") == "(version unknown)"


def test_the_data_is_counted(rows):
    assert rows["sunspots()"].startswith("309 ")
    assert rows["hamlet()"].startswith("175,132 ")


def test_the_cache_is_named_and_measured(rows, tmp_path):
    assert "not there yet" in rows["folder"]
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_bytes(bytes(3 * 2**20))
    assert page._cache(tmp_path / "kept").startswith(f"{tmp_path / 'kept'} (3.0 MiB")


def test_what_is_to_be_tried_runs_without_the_sources(monkeypatch, tmp_path, rows):
    assert "examples" in rows["next"]
    monkeypatch.setattr(page, "EXAMPLES", tmp_path)
    line = page._next().partition('"')[2].rstrip('"')
    exec(line, {})


@pytest.mark.skipif(openblas.threads() is None, reason="this NumPy has a BLAS of its own")
def test_openblas_does_as_it_is_told():
    before = openblas.threads()
    try:
        openblas.use_threads(1)
        assert openblas.threads() == 1
    finally:
        openblas.use_threads(before)

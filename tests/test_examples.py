"""The examples run, give the same numbers again, and go on from a checkpoint as if nothing had happened."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from minigrad import load

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture
def forecast(monkeypatch):
    """examples/forecast.py as a module."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("forecast")


def run(module, monkeypatch, folder, *options):
    """Run an example's main; returns its last checkpoint."""
    monkeypatch.setattr(sys, "argv", ["forecast.py", "--epochs", "4", "--runs", str(folder), *options])
    module.main()
    return load(folder / "sunspots-lstm.pt")


def assert_same(one, other):
    assert one["history"] == other["history"]
    for name, tensor in one["model"].items():
        np.testing.assert_array_equal(tensor.array, other["model"][name].array)


def test_a_rerun_gives_the_same_numbers(forecast, monkeypatch, tmp_path, capsys):
    first = run(forecast, monkeypatch, tmp_path / "first")
    printed = capsys.readouterr().out
    assert "seasonal naive" in printed
    assert (tmp_path / "first" / "sunspots-lstm.svg").exists()
    assert_same(first, run(forecast, monkeypatch, tmp_path / "second"))


def test_resume_goes_on_as_if_nothing_had_happened(forecast, monkeypatch, tmp_path):
    whole = run(forecast, monkeypatch, tmp_path / "whole")
    save = forecast.save_checkpoint

    def save_and_stop(path, epoch, *args, **kwargs):
        save(path, epoch, *args, **kwargs)
        if epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(forecast, "save_checkpoint", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        run(forecast, monkeypatch, tmp_path / "parts")
    monkeypatch.setattr(forecast, "save_checkpoint", save)
    assert load(tmp_path / "parts" / "sunspots-lstm.pt")["epoch"] == 2
    assert_same(whole, run(forecast, monkeypatch, tmp_path / "parts", "--resume"))


def test_resume_without_a_checkpoint_says_so(forecast, monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="no checkpoint"):
        run(forecast, monkeypatch, tmp_path, "--resume")

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


# ---- the claims ----------------------------------------------------------------------------------
CLAIMS = {
    "claim_gradients": ["--seeds", "1"],
    "claim_memory": ["--gaps", "2", "--batches", "5"],
    "claim_cost": ["--seconds", "0.1"],
    "claim_truncation": ["--delay", "1", "--pieces", "2", "4", "--steps", "40"],
    "claim_pseudocode": [],
}


@pytest.fixture
def claim(monkeypatch, tmp_path, capsys):
    """Runs a claim's page with options; returns what it printed."""

    def run_it(name, *options):
        monkeypatch.syspath_prepend(str(EXAMPLES))
        pictured = [] if name == "claim_pseudocode" else ["--runs", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", [name, *options, *pictured])
        importlib.import_module(name).main()
        return capsys.readouterr().out

    return run_it


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_is_measured_and_drawn(claim, name, tmp_path):
    printed = claim(name, *CLAIMS[name])
    assert "nan" not in printed
    if name != "claim_pseudocode":
        assert (tmp_path / f"{name}.svg").exists()


def test_gradients_of_an_rnn_vanish_before_those_of_an_open_lstm(claim):
    lines = claim("claim_gradients", "--seeds", "2").splitlines()
    sizes = {line[2:21].strip(): float(line.split()[-3]) for line in lines if "e-" in line or "e+" in line}
    assert sizes["RNN"] < 1e-15 < sizes["LSTM, forget bias 3"]


def test_pieces_shorter_than_the_delay_learn_nothing(claim):
    lines = claim("claim_truncation", "--delay", "3", "--pieces", "3", "8", "--steps", "6000").splitlines()
    short, long = (int(line.split()[1].rstrip("%")) for line in lines if line.split()[:1] in (["3"], ["8"]))
    assert short < 45
    assert long > 85


def test_the_pseudocode_is_the_lstm(claim):
    printed = claim("claim_pseudocode")
    assert printed.count("from 5 uses") == 2
    assert float(printed.split()[-1]) < 1e-6

"""The examples run, give the same numbers again, and go on from a checkpoint as if nothing had happened."""

import importlib
import sys
from functools import partial
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
    assert one["extra"] == other["extra"]
    for name, tensor in one["parts"]["model"].items():
        np.testing.assert_array_equal(tensor.array, other["parts"]["model"][name].array)


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
    assert load(tmp_path / "parts" / "sunspots-lstm.pt")["extra"]["epoch"] == 2
    assert_same(whole, run(forecast, monkeypatch, tmp_path / "parts", "--resume"))


def test_resume_without_a_checkpoint_says_so(forecast, monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="no checkpoint"):
        run(forecast, monkeypatch, tmp_path, "--resume")


# ---- the other tasks -----------------------------------------------------------------------------
TASKS = {
    "split_words": ("words-gru", []),
    "spell_names": ("spellings-gru", ["--beam", "2"]),
    "find_faults": ("faults-gru", []),
    "write_hamlet": ("hamlet-gru", ["--write", "5"]),
}


def thinned(load_all, step):
    """Some of the data."""
    return load_all()[::step]


@pytest.mark.parametrize("name", TASKS)
def test_a_task_runs_saves_draws_and_goes_on(name, monkeypatch, tmp_path, capsys):
    """On a part of the data, for the sake of time; the scores are for the real runs."""
    saved, options = TASKS[name]
    monkeypatch.syspath_prepend(str(EXAMPLES))
    task = importlib.import_module(name)
    for loader, step in {"hamlet": 20, "spellings": 100}.items():
        if hasattr(task, loader):
            monkeypatch.setattr(task, loader, partial(thinned, getattr(task, loader), step))
    if hasattr(task, "Faults"):
        monkeypatch.setattr(task.Faults, "__len__", lambda self: 32)
    for epochs, more in ((1, []), (2, ["--resume"])):
        given = ["--model", "gru", "--epochs", str(epochs), "--runs", str(tmp_path), *options, *more]
        monkeypatch.setattr(sys, "argv", [name, *given])
        task.main()
        printed = capsys.readouterr().out
        assert f"GRU, {epochs} epochs" in printed
        assert f"epoch {epochs:2}:" in printed
        assert load(tmp_path / f"{saved}.pt")["extra"]["epoch"] == epochs
        assert (tmp_path / f"{saved}.svg").exists()
    assert "epoch  1:" not in printed


def test_three_models_are_compared(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    task = importlib.import_module("compare_models")
    monkeypatch.setattr(task, "hamlet", partial(thinned, task.hamlet, 20))
    monkeypatch.setattr(sys, "argv", ["compare_models", "--epochs", "0.05", "--runs", str(tmp_path)])
    task.main()
    table = capsys.readouterr().out.split("words held out")[1]
    assert all(name in table for name in ("LSTM", "CNN", "Transformer", "counted"))
    assert (tmp_path / "compare_models.svg").exists()


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

"""The examples run, give the same numbers again, and go on from a checkpoint as if nothing had happened."""

import importlib
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from minigrad import load, optim

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


def run_until_stopped(task, epoch, monkeypatch) -> int:
    """Call a task's main, and press Ctrl-C in the second step of an epoch; returns the exit code."""
    finished, steps = [], []
    save, step = task.Checkpoint.save, optim.AdamW.step

    def counting_save(checkpoint, epochs, history):
        save(checkpoint, epochs, history)
        finished.append(epochs)

    def interrupted_step(optimizer, closure=None):
        if len(finished) == epoch - 1:
            steps.append(1)
        if len(steps) == 2:
            raise KeyboardInterrupt
        return step(optimizer, closure)

    with monkeypatch.context() as patch:
        patch.setattr(task.Checkpoint, "save", counting_save)
        patch.setattr(optim.AdamW, "step", interrupted_step)
        with pytest.raises(SystemExit) as stopped:
            task.main()
    return stopped.value.code


def test_a_rerun_gives_the_same_numbers(forecast, monkeypatch, tmp_path, capsys):
    first = run(forecast, monkeypatch, tmp_path / "first")
    printed = capsys.readouterr().out
    assert "seasonal naive" in printed
    assert (tmp_path / "first" / "sunspots-lstm.svg").exists()
    assert_same(first, run(forecast, monkeypatch, tmp_path / "second"))


def test_after_ctrl_c_resume_goes_on_as_if_nothing_had_happened(forecast, monkeypatch, tmp_path, capsys):
    whole = run(forecast, monkeypatch, tmp_path / "whole")
    given = ["forecast.py", "--epochs", "4", "--runs", str(tmp_path / "parts")]
    monkeypatch.setattr(sys, "argv", given)
    assert run_until_stopped(forecast, 3, monkeypatch) == 130
    told = capsys.readouterr().err
    checkpoint = tmp_path / "parts" / "sunspots-lstm.pt"
    assert "stopped in epoch 3. Finished epochs: 2" in told
    assert str(checkpoint) in told
    assert load(checkpoint)["extra"]["epoch"] == 2
    command = told.splitlines()[-1].split()
    assert command == ["python", *given, "--resume"]
    assert_same(whole, run(forecast, monkeypatch, tmp_path / "parts", command[-1]))


def test_ctrl_c_in_the_first_epoch_says_that_nothing_is_saved(forecast, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["forecast.py", "--epochs", "4", "--runs", str(tmp_path)])
    assert run_until_stopped(forecast, 1, monkeypatch) == 130
    assert "Nothing is saved" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.pt"))


def test_an_error_is_not_taken_for_ctrl_c(forecast, monkeypatch, tmp_path):
    monkeypatch.setattr(optim.AdamW, "step", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(forecast, monkeypatch, tmp_path)


def test_resume_without_a_checkpoint_says_so(forecast, monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="no checkpoint"):
        run(forecast, monkeypatch, tmp_path, "--resume")


# ---- the other tasks -----------------------------------------------------------------------------
TASKS = {
    "classify_surnames": ("surnames-gru", []),
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
    for loader, step in {"hamlet": 20, "spellings": 40, "surnames": 60}.items():
        if hasattr(task, loader):
            monkeypatch.setattr(task, loader, partial(thinned, getattr(task, loader), step))
    if hasattr(task, "Faults"):
        monkeypatch.setattr(task.Faults, "__len__", lambda self: 64)
    given = [name, "--model", "gru", "--epochs", "2", "--runs", str(tmp_path), *options]
    monkeypatch.setattr(sys, "argv", given)
    assert run_until_stopped(task, 2, monkeypatch) == 130
    printed, told = capsys.readouterr()
    assert "epoch  1:" in printed
    assert "Finished epochs: 1" in told
    assert load(tmp_path / f"{saved}.pt")["extra"]["epoch"] == 1
    monkeypatch.setattr(sys, "argv", [*given, "--resume"])
    task.main()
    printed = capsys.readouterr().out
    assert "GRU, 2 epochs" in printed
    assert "epoch  2:" in printed
    assert "epoch  1:" not in printed
    assert load(tmp_path / f"{saved}.pt")["extra"]["epoch"] == 2
    assert (tmp_path / f"{saved}.svg").exists()


@pytest.mark.parametrize("name", ["forecast", *TASKS])
def test_help_explains_every_option_and_shows_commands(name, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        importlib.import_module(name).main()
    options, commands = capsys.readouterr().out.split("\n\nexamples:\n")
    explained = [option.split() for option in options.split("\n  --")[1:]]
    assert len(explained) >= 7
    assert all(len(words) >= 4 for words in explained), explained
    assert commands.startswith(f"    python examples/{name}.py")


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

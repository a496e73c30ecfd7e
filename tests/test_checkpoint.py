"""Checkpoints: a run that was stopped anywhere goes on to the same parameters, bit for bit."""

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.serialization import FileError, load_checkpoint, save, save_checkpoint
from minigrad.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)
from tests.training_run import Run

REPOSITORY = Path(__file__).parent.parent
STEPS = 15  # of 6 in an epoch


@pytest.fixture(scope="module")
def uninterrupted() -> str:
    run = Run()
    list(run.steps(STEPS))
    return run.fingerprint()


@pytest.mark.parametrize("stop", [1, 5, 6, 7, 12, 14])
def test_a_run_that_is_stopped_goes_on_bit_for_bit(stop, uninterrupted, tmp_path):
    """In the middle of an epoch, before its last batch, after it, and in the first of the next."""
    run = Run()
    for _ in run.steps(stop):
        pass
    run.save(tmp_path / "run.pt")
    again = Run(seed=7).load(tmp_path / "run.pt")
    assert again.fingerprint() == run.fingerprint()
    list(again.steps(STEPS))
    assert again.fingerprint() == uninterrupted


def test_a_checkpoint_in_the_loop_is_one_in_the_middle_of_the_epoch(uninterrupted):
    run, files = Run(), []
    for _ in run.steps(STEPS):
        files.append(io.BytesIO())
        run.save(files[-1])
    assert run.fingerprint() == uninterrupted, "saving changes nothing"
    for stop in (2, 6, 9):
        files[stop - 1].seek(0)
        again = Run(seed=7).load(files[stop - 1])
        assert again.loader.state_dict()["batch"] == (stop - 1) % 6 + 1
        assert again.loader.state_dict()["epoch"] == (stop - 1) // 6
        list(again.steps(STEPS))
        assert again.fingerprint() == uninterrupted


def test_a_run_that_is_killed_goes_on_bit_for_bit(uninterrupted, tmp_path):
    """SIGKILL in a process of its own, in the first epoch and, when that has been gone on from, in the
    second.
    """
    command = [sys.executable, "-m", "tests.training_run", str(tmp_path), str(STEPS)]
    for killed_at in ("3", "10"):
        ended = subprocess.run([*command, killed_at], cwd=REPOSITORY, check=False, timeout=60)
        assert ended.returncode == -9
    finished = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60)
    assert finished.stdout.strip() == uninterrupted


# ---- where a loader stands -----------------------------------------------------------------------
ROWS = TensorDataset(minigrad.arange(23))


def generator(seed: int = 4) -> minigrad.Generator:
    return minigrad.Generator().manual_seed(seed)


class Stream(IterableDataset):
    def __iter__(self):
        order = minigrad.randperm(23).tolist()
        return iter(order)


class StatefulStream(IterableDataset):
    """A stream that says where it stands, and can be told."""

    def __init__(self):
        self.place, self.asked = 0, 0

    def __iter__(self):
        while self.place < 23:
            self.place += 1
            self.asked += 1
            yield self.place
        self.place = 0

    def state_dict(self):
        return {"place": self.place}

    def load_state_dict(self, state_dict):
        self.place = state_dict["place"]


class StatefulSampler(Sampler):
    def __init__(self):
        self.left = list(range(23))

    def __iter__(self):
        while self.left:
            yield self.left.pop()
        self.left = list(range(23))

    def state_dict(self):
        return {"left": list(self.left)}

    def load_state_dict(self, state_dict):
        self.left = list(state_dict["left"])


class Eager(Sampler):
    """Draws its order when it is asked for an iterator, as many that users write."""

    def __iter__(self):
        return iter(minigrad.randperm(23).tolist())


LOADERS = {
    "in order": lambda: DataLoader(ROWS, 4),
    "shuffled": lambda: DataLoader(ROWS, 4, shuffle=True),
    "drop_last": lambda: DataLoader(ROWS, 4, shuffle=True, drop_last=True),
    "singly": lambda: DataLoader(ROWS, None, sampler=RandomSampler(ROWS)),
    "own generator": lambda: DataLoader(ROWS, 4, shuffle=True, generator=generator()),
    "sampler with a generator": lambda: DataLoader(
        ROWS, 4, sampler=SubsetRandomSampler(range(20), generator())
    ),
    "eager sampler": lambda: DataLoader(ROWS, 4, sampler=Eager()),
    "weighted": lambda: DataLoader(ROWS, 4, sampler=WeightedRandomSampler([1.0] * 23, 30)),
    "batch sampler": lambda: DataLoader(
        ROWS, batch_sampler=BatchSampler(RandomSampler(ROWS, generator=generator()), 5, False)
    ),
    "collated by a function": lambda: DataLoader(ROWS, 4, shuffle=True, collate_fn=list),
    "stream": lambda: DataLoader(Stream(), 4),
    "stream with a state": lambda: DataLoader(StatefulStream(), 4),
    "workers": lambda: DataLoader(ROWS, 4, shuffle=True, num_workers=2),
    "workers that persist": lambda: DataLoader(ROWS, 4, shuffle=True, num_workers=1, persistent_workers=True),
    "stream with a worker": lambda: DataLoader(Stream(), 4, num_workers=1),
    "sampler with a state": lambda: DataLoader(ROWS, 4, sampler=StatefulSampler()),
}


def seen(batches) -> list:
    return [np.ravel([np.asarray(v) for v in batch]).tolist() for batch in batches]


@pytest.mark.parametrize(("skipped", "used"), [(0, False), (1, True), (3, False)])
@pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS.keys())
def test_a_loader_goes_on_in_the_middle_of_a_pass(make, skipped, used):
    """The rest of the pass, and a whole one after it, are what they would have been."""
    minigrad.manual_seed(3)
    loader = make()
    list(loader)
    iterator = iter(loader)
    for _ in range(skipped):
        next(iterator)
    minigrad.rand(5)  # as dropout would
    state, random_state = copy.deepcopy(loader.state_dict()), minigrad.get_rng_state()
    rest, after = seen(iterator), seen(loader)
    assert rest

    minigrad.manual_seed(8)
    again = make()
    if used:
        list(again)
    again.load_state_dict(state)
    minigrad.set_rng_state(random_state)
    assert seen(again) == rest
    assert seen(again) == after


def test_a_stream_with_a_state_is_not_gone_through_again():
    loader = DataLoader(StatefulStream(), 4)
    iterator = iter(loader)
    next(iterator), next(iterator)
    again = DataLoader(StatefulStream(), 4)
    again.load_state_dict(loader.state_dict())
    assert next(iter(again)).tolist() == [9, 10, 11, 12]
    assert again.dataset.asked == 4


def test_a_loop_that_was_left_goes_on_unless_another_has_begun():
    loader = DataLoader(ROWS, 4)
    for _ in loader:
        break
    assert (loader.state_dict()["epoch"], loader.state_dict()["batch"]) == (0, 1)
    again = DataLoader(ROWS, 4)
    again.load_state_dict(loader.state_dict())
    assert len(list(again)) == 5
    assert (again.state_dict()["epoch"], again.state_dict()["batch"]) == (1, 0)
    list(loader)
    assert (loader.state_dict()["epoch"], loader.state_dict()["batch"]) == (2, 0)


def test_a_state_can_be_handed_on_before_the_pass_goes_on():
    loader = DataLoader(ROWS, 4, shuffle=True)
    iterator = iter(loader)
    next(iterator)
    between = DataLoader(ROWS, 4, shuffle=True)
    between.load_state_dict(loader.state_dict())
    again = DataLoader(ROWS, 4, shuffle=True)
    again.load_state_dict(between.state_dict())
    assert seen(again) == seen(iterator)


def test_a_loader_in_the_middle_of_a_pass_can_be_pickled():
    loader = DataLoader(ROWS, 4)
    iterator = iter(loader)
    next(iterator)
    assert len(list(pickle.loads(pickle.dumps(loader)))) == 6
    assert len(list(copy.deepcopy(loader))) == 6


def test_a_state_of_another_loader_is_refused():
    loader = DataLoader(ROWS, 4)
    iterator = iter(loader)
    for _ in range(5):
        next(iterator)
    state = loader.state_dict()
    with pytest.raises(ValueError, match="batch_size was 4 when the state was saved and is 5 now"):
        DataLoader(ROWS, 5).load_state_dict(state)
    with pytest.raises(ValueError, match="number of generators was 0"):
        DataLoader(ROWS, 4, generator=generator()).load_state_dict(state)
    with pytest.raises(ValueError, match="parts with a state"):
        DataLoader(ROWS, 4, sampler=StatefulSampler()).load_state_dict(state)
    short = DataLoader(TensorDataset(minigrad.arange(9)), 4)
    short.load_state_dict(state)
    with pytest.raises(ValueError, match=r"5 batches had been handed out .* fewer"):
        iter(short)


# ---- parts ---------------------------------------------------------------------------------------
def test_generators_and_lists_are_parts():
    ours, theirs = generator(), np.random.default_rng(2)
    twisted = np.random.Generator(np.random.MT19937(5))
    model = nn.Linear(2, 2)
    optimizers = [minigrad.optim.SGD([p], lr=0.1, momentum=0.9) for p in model.parameters()]
    parts = {"ours": ours, "theirs": {"pcg": theirs, "twisted": twisted}, "optimizers": optimizers}
    file = io.BytesIO()
    theirs.integers(2**32, dtype=np.uint32)  # half of a 64-bit draw waits
    save_checkpoint(file, **parts)
    expected = (
        ours.words(3).tolist(),
        theirs.integers(2**32, size=3, dtype=np.uint32).tolist(),
        twisted.random(),
    )
    optimizers[1].param_groups[0]["lr"] = 7.0
    file.seek(0)
    assert load_checkpoint(file, **parts) is None
    assert expected == (
        ours.words(3).tolist(),
        theirs.integers(2**32, size=3, dtype=np.uint32).tolist(),
        twisted.random(),
    )
    assert optimizers[1].param_groups[0]["lr"] == 0.1


def test_python_and_numpy_are_left_alone_unless_asked_for():
    file = io.BytesIO()
    np.random.seed(1)  # noqa: NPY002
    save_checkpoint(file)
    before = np.random.random()  # noqa: NPY002
    file.seek(0)
    load_checkpoint(file)
    assert np.random.random() != before  # noqa: NPY002
    file = io.BytesIO()
    save_checkpoint(file, numpy=True)
    before = np.random.random()  # noqa: NPY002
    file.seek(0)
    load_checkpoint(file)
    assert np.random.random() == before  # noqa: NPY002


@pytest.mark.parametrize("fails", ["optimizer", "schedule", "loader", "last"])
def test_when_one_part_fails_all_are_as_they_were(fails, tmp_path, monkeypatch):
    run, generator, layer = Run(), minigrad.Generator(), nn.Linear(2, 2)
    list(run.steps(8))
    run.parts["last"] = [generator]
    run.save(tmp_path / "run.pt")
    again = Run(seed=7)
    again.parts["last"] = [generator]
    list(again.steps(3))
    before = state_of(again)
    if fails == "last":
        again.parts["last"] = [layer]
    else:
        part = again.parts[fails]
        load = part.load_state_dict
        monkeypatch.setattr(part, "load_state_dict", Failing(load), raising=False)
    with pytest.raises((TypeError, AttributeError, RuntimeError)):
        again.load(tmp_path / "run.pt")
    monkeypatch.undo()
    again.parts["last"] = [generator]
    assert state_of(again) == before


def state_of(run) -> bytes:
    file = io.BytesIO()
    run.save(file)
    return file.getvalue()


class Failing:
    """load_state_dict that fails after it has loaded, the first time."""

    def __init__(self, load):
        self.load, self.calls = load, 0

    def __call__(self, state):
        self.load(state)
        self.calls += 1
        if self.calls == 1:
            raise RuntimeError("on purpose")


def test_what_is_no_part_or_no_checkpoint_is_refused(tmp_path):
    model, path = nn.Linear(2, 2), tmp_path / "run.pt"
    with pytest.raises(TypeError, match=r"epoch is a int, which has no state_dict .* extra"):
        save_checkpoint(path, epoch=3)
    assert not path.exists()
    save_checkpoint(path, model=model, twice=[model, model])
    before = model.weight.tolist()
    with pytest.raises(ValueError, match=r"has the parts \['model', 'twice'\], not \['model'\]"):
        load_checkpoint(path, model=nn.Linear(2, 2))
    with pytest.raises(ValueError, match="twice was not a list of 1"):
        load_checkpoint(path, model=model, twice=[model])
    with pytest.raises(ValueError, match="other parts"):
        load_checkpoint(path, model=model, twice={"a": model})
    assert model.weight.tolist() == before
    save({"model": 1}, path)
    with pytest.raises(FileError, match="not written by save_checkpoint"):
        load_checkpoint(path, model=model)

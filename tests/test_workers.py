"""Worker processes: the same batches as without them, their errors, and that they leave nothing behind."""

import collections
import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loader_parts import Mixed

import minigrad
from minigrad import ops
from minigrad.tensor import Tensor
from minigrad.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    default_collate,
    get_worker_info,
)
from minigrad.utils.data._utils import workers
from minigrad.utils.data._utils.channel import INLINE, Channel, Inline, Stored

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:This DataLoader will create:UserWarning"
    ),  # where there is one processor
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),  # OpenBLAS is
]
FORK = "fork" in multiprocessing.get_all_start_methods()
needs_fork = pytest.mark.skipif(not FORK, reason="these datasets are not pickled")
START = "fork" if FORK else "spawn"
ROOT = Path(minigrad.__file__).parents[1]


def with_workers(dataset, *settings, **named) -> DataLoader:
    """A loader whose workers are forked where they can be, whatever the system's way is."""
    return DataLoader(dataset, *settings, **{"num_workers": 2, "multiprocessing_context": START} | named)


class Does(Dataset):
    """Calls a function with the index."""

    def __init__(self, function, length: int = 8):
        self.function, self.length = function, length

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        return self.function(i)


class Shards(IterableDataset):
    """0 .. length-1, every worker its part: those that leave its number as remainder."""

    def __init__(self, length: int):
        self.length = length

    def __iter__(self):
        info = get_worker_info()
        first, step = (info.id, info.num_workers) if info else (0, 1)
        return iter(range(first, self.length, step))


def plain(batch):
    if isinstance(batch, Tensor):
        return batch.dtype.name, batch.tolist()
    if isinstance(batch, dict):
        return {key: plain(value) for key, value in batch.items()}
    return [type(batch), *map(plain, batch)] if isinstance(batch, (list, tuple)) else batch


def loaded(dataset, batch_size=1, *, seed: int = 0, passes: int = 1, **settings) -> list:
    """All batches of some passes after seeding, plain, and the random number that comes next."""
    minigrad.manual_seed(seed)
    loader = (with_workers if settings.get("num_workers") else DataLoader)(dataset, batch_size, **settings)
    batches = [plain(batch) for _ in range(passes) for batch in loader]
    assert multiprocessing.active_children() == [] or settings.get("persistent_workers")
    return [*batches, minigrad.rand(1).item()]


# ---- the same batches ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 3, "shuffle": True},
        {"batch_size": 4, "drop_last": True},
        {"batch_size": None},
        {"batch_size": 2, "sampler": [3, 1, 4, 1, 5]},
        {"batch_sampler": [[0], [5, 6, 7], []]},
    ],
    ids=str,
)
@needs_fork
def test_any_number_of_workers_gives_the_same(settings):
    collate_fn = (
        {"collate_fn": lambda batch: batch and default_collate(batch)} if "batch_sampler" in settings else {}
    )
    here = loaded(Mixed(), passes=2, **settings, **collate_fn)
    for count in (1, 2):
        assert loaded(Mixed(), passes=2, num_workers=count, **settings, **collate_fn) == here


@needs_fork
@pytest.mark.parametrize("large", [1, 3000])
def test_tensor_datasets(large):
    dataset = TensorDataset(ops.rand(20, large), ops.arange(20))
    for data in (dataset, Subset(dataset, [3, 1, 4, 1, 5, 9, 2, 6])):
        here = loaded(data, batch_size=4, shuffle=True)
        for count in (1, 2):
            assert loaded(data, batch_size=4, shuffle=True, num_workers=count) == here


def test_workers_that_share_nothing():
    """Started anew, they know the dataset and the seed by pickling alone."""
    here = loaded(Mixed(5), batch_size=2, shuffle=True)
    assert loaded(Mixed(5), 2, shuffle=True, num_workers=2, multiprocessing_context="spawn") == here


@needs_fork
def test_persistent_workers():
    settings = {"batch_size": 2, "shuffle": True, "num_workers": 2}
    loader = with_workers(Does(lambda i: (i, os.getpid()), 12), persistent_workers=True, **settings)
    minigrad.manual_seed(1)
    first = list(loader)
    kept = {pid for _, pids in first for pid in pids.tolist()}
    for batch in loader:  # left early: what was made for this pass is not seen in the next
        assert set(batch[1].tolist()) <= kept
        break
    again = list(loader)
    assert {pid for _, pids in again for pid in pids.tolist()} == kept
    assert sorted(i for batch, _ in again for i in batch.tolist()) == list(range(12))
    del loader
    gc.collect()
    assert multiprocessing.active_children() == []


@needs_fork
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("dataset", [Mixed(12), Shards(24)], ids=["map", "stream"])
def test_a_pass_goes_on_from_a_saved_state(dataset, persistent):
    settings = {"batch_size": 2, "shuffle": isinstance(dataset, Mixed), "persistent_workers": persistent}
    minigrad.manual_seed(4)
    loader = with_workers(dataset, **settings)
    whole = [plain(batch) for batch in loader]
    second = iter(loader)
    begun = [plain(next(second)) for _ in range(3)]
    saved, generator = loader.state_dict(), minigrad.get_rng_state()
    rest = [plain(batch) for batch in second]
    assert sorted(map(repr, begun + rest)) != sorted(map(repr, whole)) or not settings["shuffle"]
    other = with_workers(dataset, **settings)
    for _ in range(persistent):
        list(other)  # its workers have been at work before
    other.load_state_dict(saved)
    minigrad.set_rng_state(generator)
    assert [plain(batch) for batch in other] == rest
    assert [plain(batch) for batch in other] == [plain(batch) for batch in loader] or settings["shuffle"]
    short = with_workers(Mixed(4) if settings["shuffle"] else Shards(2), **settings)
    short.load_state_dict(saved)
    with pytest.raises(ValueError, match=r"3 batches had been handed out.*there are fewer"):
        iter(short)


@needs_fork
def test_all_batches_may_be_kept():
    """Segments are used again only when no array lies in them any more."""
    batches = list(with_workers(Mixed(80, 2000), batch_size=2))
    for number, batch in enumerate(batches):
        assert batch["pair"].x[:, 0].tolist() == [2 * number, 2 * number + 1]
        assert batch["pair"].x.std(1).tolist() == [0, 0]
        batch["pair"].x.mul_(2)


@needs_fork
def test_many_indices_and_a_long_way_ahead():
    order = np.random.default_rng(0).permutation(40_000).tolist()
    loader = with_workers(Does(lambda i: i, 40_000), batch_sampler=[order[:20_000], order[20_000:]] * 3)
    assert [i for batch in loader for i in batch.tolist()] == order * 3
    loader = with_workers(Does(lambda i: i, 900), prefetch_factor=400)
    assert [batch.item() for batch in loader] == list(range(900))


# ---- streams -------------------------------------------------------------------------------------
@needs_fork
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize(("length", "drop_last"), [(0, False), (1, False), (10, False), (11, True)])
def test_streams_take_turns(length, drop_last, persistent):
    loader = with_workers(Shards(length), batch_size=2, drop_last=drop_last, persistent_workers=persistent)
    shares = [
        [share[i : i + 2] for i in range(0, len(share), 2)]
        for share in (range(0, length, 2), range(1, length, 2))
    ]
    turns = [list(part) for pair in zip(*shares, strict=False) for part in pair]
    turns += [list(part) for part in shares[0][len(shares[1]) :]]
    for _ in range(2):
        assert [b.tolist() for b in loader] == [part for part in turns if len(part) == 2 or not drop_last]


@needs_fork
def test_streams_that_are_not_shared_out_say_so():
    class Sized(Shards):
        def __len__(self):
            return 4

        def __iter__(self):
            return iter(range(4))

    loader = with_workers(Sized(4), batch_size=None)
    assert len(loader) == 4
    with pytest.warns(UserWarning, match="reported to be 4.*get_worker_info"):
        assert sorted(loader) == [0, 0, 1, 1, 2, 2, 3, 3]


@needs_fork
def test_order_may_be_free():
    """A worker that waits for something does not hold up what the other has made."""
    gate = multiprocessing.get_context("fork").Event()

    def wait_or_open(i):
        if i == 0:
            gate.wait(10)
        if i == 5:
            gate.set()
        return i

    order = list(with_workers(Does(wait_or_open, 6), batch_size=None, in_order=False))
    assert order[:2] == [1, 3]
    assert sorted(order) == list(range(6))


# ---- what a worker knows -------------------------------------------------------------------------
@needs_fork
def test_worker_info_and_seeds():
    def told(i):
        info = get_worker_info()
        drawn = (random.random(), minigrad.rand(1).item(), np.random.rand())  # noqa: NPY002
        return info.id, info.num_workers, info.seed, info.dataset.length, minigrad.get_num_threads(), drawn

    def collected():
        minigrad.manual_seed(3)
        loader = with_workers(Does(told, 4), batch_size=None, collate_fn=lambda sample: sample)
        return list(loader)

    first = collected()
    assert [sample[:2] for sample in first] == [(0, 2), (1, 2)] * 2
    assert first[1][2] == first[0][2] + 1 == first[2][2] + 1
    assert {sample[3:5] for sample in first} == {(4, 1)}
    assert len({sample[5] for sample in first}) == 4
    assert collected() == first
    assert get_worker_info() is None


@needs_fork
def test_worker_init_fn_prepares_the_dataset():
    def prepare(number):
        get_worker_info().dataset.function = lambda i: 10 * i + number

    loader = with_workers(Does(None, 4), worker_init_fn=prepare)
    assert [batch.item() for batch in loader] == [0, 11, 20, 31]


# ---- errors --------------------------------------------------------------------------------------
class TwoPartError(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)


def fails_at_three(error):
    def sample(i):
        if i == 3:
            raise error
        return i

    return Does(sample)


class HiddenError(Exception):
    pass


HiddenError.__qualname__ = "nowhere.HiddenError"


@needs_fork
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("odd"), ValueError),
        (KeyError("odd"), KeyError),
        (FileNotFoundError(2, "odd"), FileNotFoundError),
        (TwoPartError("odd", 1), RuntimeError),
        (HiddenError("odd"), RuntimeError),
    ],
    ids=repr,
)
def test_an_error_in_a_dataset(error, kind):
    batches = iter(with_workers(fails_at_three(error), batch_size=2))
    assert next(batches).tolist() == [0, 1]
    name = type(error).__name__
    with pytest.raises(kind, match=f"Caught {name} in DataLoader worker process 1") as caught:
        next(batches)
    text = str(caught.value)
    assert "in sample\n    raise error" in text
    assert "this was sample 3 of the dataset" in text
    assert [batch.tolist() for batch in batches] == [[4, 5], [6, 7]]


@needs_fork
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"worker_init_fn": lambda number: 1 // 0}, "ZeroDivisionError in DataLoader worker process 0"),
        ({"collate_fn": lambda batch: 1 // 0}, "ZeroDivisionError in DataLoader worker process 0"),
        ({"collate_fn": lambda batch: lambda: 0}, "local object .*<lambda>"),
    ],
    ids=["init", "collate", "no pickle"],
)
def test_an_error_elsewhere_in_a_worker(settings, message):
    batches = iter(with_workers(Mixed(), num_workers=1, **settings))
    for _ in range(2):
        with pytest.raises(Exception, match=message):
            next(batches)


@needs_fork
def test_a_graph_does_not_cross_silently():
    weight = ops.rand(3, requires_grad=True)
    batches = iter(
        with_workers(Does(lambda i: weight if i == 0 else weight * 2), batch_size=None, num_workers=1)
    )
    assert next(batches).requires_grad
    with pytest.raises(RuntimeError, match=r"non-leaf tensor that requires grad.*call detach\(\)"):
        next(batches)


@needs_fork
def test_a_stream_that_cannot_start():
    class Broken(Shards):
        def __iter__(self):
            raise OSError("no such stream")

    with pytest.raises(OSError, match=r"worker process 0(.|\n)*no such stream"):
        list(with_workers(Broken(1), num_workers=1))


def test_what_cannot_be_pickled_cannot_be_sent():
    with pytest.raises(Exception, match="pickle") as caught:
        iter(with_workers(Does(lambda i: i), num_workers=1, multiprocessing_context="spawn"))
    assert "define them at the top of a module" in caught.value.__notes__[0]
    assert multiprocessing.active_children() == []


@needs_fork
@pytest.mark.parametrize(
    ("end", "told"),
    [
        (
            lambda: os.kill(os.getpid(), signal.SIGKILL),
            r"worker 1 was killed by SIGKILL at batch 1 \(samples 2, 3\); .*lack of memory",
        ),
        (
            lambda: os.kill(os.getpid(), signal.SIGUSR1),
            r"worker 1 was killed by SIGUSR1 at batch 1 \(samples 2, 3\)",
        ),
        (lambda: os._exit(3), r"worker 1 ended with exit code 3 at batch 1"),
        (lambda: sys.exit(0), r"worker 1 ended with exit code 0 at batch 1"),
    ],
    ids=["SIGKILL", "SIGUSR1", "_exit", "sys.exit"],
)
@pytest.mark.parametrize("persistent", [False, True])
def test_a_worker_that_dies(end, told, persistent):
    doomed = multiprocessing.get_context("fork").Value("i", 1)
    loader = with_workers(
        Does(lambda i: end() if i == 3 and doomed.value else i),
        batch_size=2,
        persistent_workers=persistent,
    )
    batches = iter(loader)
    assert next(batches).tolist() == [0, 1]
    with pytest.raises(
        RuntimeError, match=rf"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly: {told}"
    ):
        next(batches)
    assert multiprocessing.active_children() == []
    assert list(batches) == []
    doomed.value = 0
    assert sum(len(batch) for batch in loader) == 8


@needs_fork
def test_a_worker_that_hangs():
    loader = with_workers(Does(lambda i: signal.pause() if i == 2 else i), timeout=0.3)
    batches = iter(loader)
    assert [next(batches).item(), next(batches).item()] == [0, 1]
    with pytest.raises(
        RuntimeError, match=r"timed out after 0.3 seconds: worker 0 \(pid \d+\) is at batch 2 \(samples 2\)"
    ):
        list(batches)
    assert multiprocessing.active_children() == []


@needs_fork
def test_a_worker_that_will_not_end(monkeypatch):
    """One that ignores the polite signal is killed."""

    def stubborn(i):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return signal.pause() if i else i

    monkeypatch.setattr(workers, "GRACE", 0.1)
    batches = iter(with_workers(Does(stubborn), num_workers=1))
    assert next(batches).item() == 0
    batches.close(patience=0)
    assert multiprocessing.active_children() == []


def test_settings_that_need_workers():
    with pytest.raises(AssertionError, match="prefetch_factor must be greater than 0"):
        iter(with_workers(Mixed(), num_workers=1, prefetch_factor=0))
    loader = DataLoader(Mixed(), num_workers=1)
    assert (loader.prefetch_factor, loader.multiprocessing_context) == (2, None)
    loader.multiprocessing_context = "spawn"
    assert loader.multiprocessing_context.get_start_method() == "spawn"


@needs_fork
def test_passes_cannot_be_pickled():
    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        iter(with_workers(Mixed(), num_workers=1)).__getstate__()


def test_where_there_are_no_processes(monkeypatch):
    monkeypatch.setattr(sys, "platform", "emscripten")
    with pytest.raises(RuntimeError, match=r"num_workers=1.*in a browser.*pass num_workers=0"):
        with_workers(Mixed(), num_workers=1)


def test_without_workers_nothing_of_processes_is_loaded():
    code = (
        "import sys; sys.modules['multiprocessing'] = None; from minigrad.utils.data import DataLoader; "
        "print([batch.tolist() for batch in DataLoader(range(3), 2)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[[0, 1], [2]]"


@pytest.mark.filterwarnings("default:This DataLoader will create:UserWarning")
def test_too_many_workers():
    with pytest.warns(UserWarning, match="will create 5000 worker processes") as told:
        with_workers(Mixed(), num_workers=5000)
    assert told[0].filename == __file__


# ---- nothing is left -----------------------------------------------------------------------------
def shared_segments() -> int:
    """How many of them this process has mapped."""
    return Path("/proc/self/maps").read_text().count("memfd:minigrad")


@needs_fork
@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="looks for Linux's files in memory")
def test_a_loop_that_is_left_leaves_nothing():
    gc.collect()  # of what other tests have left
    before = set(os.listdir("/dev/shm")), set(os.listdir("/proc/self/fd"))
    batches = iter(with_workers(Mixed(40)))
    batch = next(batches)
    assert shared_segments() >= 1
    del batches
    assert multiprocessing.active_children() == []
    assert batch["pair"].x[0, 0].item() == 0
    del batch
    assert shared_segments() == 0
    assert (set(os.listdir("/dev/shm")), set(os.listdir("/proc/self/fd"))) == before


SCRIPT = """
import os, sys, signal
import numpy as np
from minigrad.utils.data import DataLoader, Dataset
from loader_parts import Mixed

if __name__ == "__main__":
    settings = {"num_workers": 2, "persistent_workers": True, "multiprocessing_context": "fork"}
    batches = iter(DataLoader(Mixed(50, 5000), **settings))
    held = next(batches)
    END
"""


def script(end: str) -> subprocess.CompletedProcess:
    """What comes of a script with a loader; waits until all its processes have closed their output."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT.replace("END", end)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])},
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
    )


@pytest.mark.skipif(not Path("/dev/shm").exists(), reason="where Linux shows shared memory")
@needs_fork
@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        ("", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("os._exit(4)", 4, ""),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, ""),
        ("os.killpg(0, signal.SIGINT); list(batches)", -signal.SIGINT, "KeyboardInterrupt"),
        ("os.fork() or os._exit(0); os.wait(); list(batches)", 0, ""),
    ],
    ids=["end", "exit", "_exit", "SIGKILL", "Ctrl-C", "fork"],
)
def test_a_script_that_ends_leaves_nothing(end, code, told):
    before = set(os.listdir("/dev/shm"))
    done = script(end)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("Traceback") == bool(told)
    assert told in done.stderr
    assert set(os.listdir("/dev/shm")) <= before


# ---- the channel ---------------------------------------------------------------------------------
@pytest.fixture
def ends():
    """A channel's two ends, in one process."""
    lines = multiprocessing.Pipe()
    yield [Channel(line, leases=2) for line in lines]
    for line in lines:
        line.close()


def across(thing, writer: Channel, reader: Channel):
    """A thing sent and received; and how it travelled."""
    parcel = writer.pack(thing)
    writer.post(("label",), parcel)
    label, received = reader.receive()
    assert label == ("label",)
    return reader.unpack(received), type(parcel)


def test_small_things_travel_inline_and_large_ones_in_segments(ends):
    for size, way in ((INLINE // 32, Inline), (INLINE, Stored), (0, Inline)):
        array = np.random.default_rng(size).random(size)
        thing = [array, {"t": ops.tensor(array)}, "text"]
        got, travelled = across(thing, *ends)
        assert travelled is way
        assert plain(got[1]) == plain(thing[1])
        np.testing.assert_array_equal(got[0], array)
        got[0][:] = 1  # can be written
    got, travelled = across("x" * 5000, *ends)
    assert (len(got), travelled) == (5000, Stored)


@pytest.mark.skipif(os.name == "nt", reason="segments have names there")
def test_segments_where_there_are_no_files_in_memory(ends, monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    got, travelled = across(np.arange(5000), *ends)
    assert travelled is Stored
    np.testing.assert_array_equal(got, np.arange(5000))


def test_segments_are_filled_anew_when_their_arrays_are_gone(ends):
    writer, reader = ends
    numbers = np.arange(20_000)
    first, _ = across(numbers, writer, reader)
    second, _ = across(-numbers, writer, reader)
    assert len(writer.filled) == 2
    part = first[5:10].reshape(5, 1)  # still lies in the first segment
    del first, second
    across("back", reader, writer)
    third, _ = across(2 * numbers, writer, reader)
    assert len(writer.filled) == 2
    assert part[:, 0].tolist() == [5, 6, 7, 8, 9]
    del part, third
    across("back", reader, writer)
    assert writer.free == {0, 1}


def test_beyond_the_leases_things_are_copied_out(ends):
    writer, reader = ends
    kept = []
    for i in range(20):
        thing, _ = across(np.full(3000, i), writer, reader)
        kept.append(thing)
        across("back", reader, writer)
    assert len(writer.filled) == 3
    assert [thing[0] for thing in kept] == list(range(20))
    writer.post((), writer.pack(np.zeros(3000)))
    reader.discard(reader.receive()[1])
    across("back", reader, writer)
    assert writer.free == {2}


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 3), st.booleans()), max_size=25))
def test_nothing_is_overwritten_while_it_is_in_use(steps):
    """Whatever the sizes, and however long things are kept."""
    lines = multiprocessing.Pipe()
    writer, reader = (Channel(line, leases=2) for line in lines)
    kept = collections.deque()
    for number, (size, keep, answer) in enumerate(steps):
        thing, _ = across((np.full(size, number), number), writer, reader)
        kept.append(thing)
        while len(kept) > keep:
            kept.popleft()
        if answer:
            across(None, reader, writer)
        assert all((array == n).all() for array, n in kept)
    for line in lines:
        line.close()

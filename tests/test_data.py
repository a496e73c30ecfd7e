"""utils.data: what datasets, samplers and collation give, and that the fast way to a batch has a twin."""

import collections
import itertools
import pickle
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import dtypes, ops, random
from minigrad.random import Generator
from minigrad.tensor import Tensor
from minigrad.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    get_worker_info,
    random_split,
)
from minigrad.utils.data._utils import collate as collation
from minigrad.utils.data._utils import fetch

Pair = collections.namedtuple("Pair", "x y")


class Squares(Dataset[int]):
    def __init__(self, length: int):
        self.length = length

    def __getitem__(self, index):
        if index >= self.length:
            raise IndexError(index)
        return index**2

    def __len__(self):
        return self.length


class Batched(Squares):
    """Counts how often it is asked for several samples at once."""

    asked = 0

    def __getitems__(self, indices):
        self.asked += 1
        return [self[i] for i in indices]


class Stream(IterableDataset[int]):
    def __init__(self, *items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


class SizedStream(Stream):
    def __len__(self):
        return 2


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def plain(batch):
    """Tensors in a batch as (dtype, nested lists), to be compared with ==."""
    if isinstance(batch, Tensor):
        return batch.dtype.name, batch.tolist()
    if isinstance(batch, dict):
        return {key: plain(value) for key, value in batch.items()}
    return type(batch)(map(plain, batch)) if type(batch) in (list, tuple) else batch


# ---- datasets ------------------------------------------------------------------------------------
def test_tensor_dataset():
    x, y = ops.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), ops.tensor([0, 1, 2])
    dataset = TensorDataset(x, y)
    assert len(dataset) == 3
    assert [part.tolist() for part in dataset[1]] == [[3.0, 4.0], 1]
    assert dataset[1:][1].tolist() == [1, 2]
    assert dataset.tensors[0] is x
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors.*\[3, 2\]"):
        TensorDataset(x, ops.tensor([0, 1]))


def test_concat_and_chain():
    both = Squares(2) + Squares(3)
    assert isinstance(both, ConcatDataset)
    assert [both[i] for i in range(5)] == [0, 1, 0, 1, 4]
    assert (len(both), both[-1], both[-5], both.cumulative_sizes) == (5, 4, 0, [2, 5])
    with pytest.raises(ValueError, match="index -6 should not exceed"):
        both[-6]
    with pytest.raises(IndexError):
        both[5]
    streams = Stream(1, 2) + Stream(3)
    assert isinstance(streams, ChainDataset)
    assert list(streams) == [1, 2, 3]
    assert len(SizedStream(1, 2) + SizedStream(1, 2)) == 4
    with pytest.raises(AssertionError, match="empty iterable"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match="use ChainDataset"):
        ConcatDataset([Stream(1)])
    with pytest.raises(AssertionError, match="only supports IterableDataset, not Squares"):
        list(ChainDataset([Squares(1)]))


def test_stack():
    many = Batched(4)
    assert StackDataset(many, Squares(4))[2] == (4, 4)
    assert StackDataset(x=many, y=Squares(4))[3] == {"x": 9, "y": 9}
    assert StackDataset(many, Squares(4)).__getitems__([1, 3]) == [(1, 1), (9, 9)]
    assert StackDataset(x=many).__getitems__([1, 3]) == [{"x": 1}, {"x": 9}]
    assert many.asked == 2
    for make, message in (
        (lambda: StackDataset(), "at least one"),
        (lambda: StackDataset(many, x=many), "not both"),
        (lambda: StackDataset(many, Squares(3)), r"\[4, 3\]"),
        (lambda: StackDataset(x=many, y=Squares(3)), r"\[4, 3\]"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    short = Batched(4)
    short.__getitems__ = lambda indices: [0]
    with pytest.raises(ValueError, match="Expected 2, got 1"):
        StackDataset(short).__getitems__([1, 2])


def test_subset():
    many = Batched(10)
    part = Subset(many, [9, 3, 3])
    assert ([part[i] for i in range(3)], len(part)) == ([81, 9, 9], 3)
    assert part.__getitems__([0, 2]) == [81, 9]
    assert many.asked == 1
    tensors = Subset(TensorDataset(ops.tensor([5, 6, 7])), [2, 0])
    assert tensors[[0, 1]][0].tolist() == [7, 5]

    class Half(Subset):
        def __getitem__(self, index):
            return 0

    with pytest.raises(NotImplementedError, match="Half overrides __getitem__ but not __getitems__"):
        Half(many, [1])


def test_dataset_without_getitem():
    with pytest.raises(NotImplementedError, match="should implement __getitem__"):
        Dataset()[0]


@pytest.mark.parametrize(
    ("length", "lengths", "sizes"),
    [
        (10, [3, 7], [3, 7]),
        (10, [0, 10], [0, 10]),
        (10, [0.5, 0.5], [5, 5]),
        (10, [0.33, 0.33, 0.34], [4, 3, 3]),
        (11, [0.25] * 4, [3, 3, 3, 2]),
        (1, [1], [1]),
        (7, [1.0], [7]),
    ],
)
def test_random_split(length, lengths, sizes):
    parts = random_split(range(length), lengths, generator())
    assert [len(part) for part in parts] == sizes
    assert sorted(itertools.chain(*(part.indices for part in parts))) == list(range(length))
    again = random_split(range(length), lengths, generator())
    assert [part.indices for part in parts] == [part.indices for part in again]


def test_random_split_errors():
    with pytest.raises(ValueError, match="does not equal the length of the input dataset: 9, not 10"):
        random_split(range(10), [4, 5])
    with pytest.raises(ValueError, match=r"index 0 is not between 0 and 1: 1\.5"):
        random_split(range(10), [1.5, -0.5])
    with pytest.warns(UserWarning, match="split at index 1 is 0"):
        random_split(range(1), [0.5, 0.5])


# ---- samplers ------------------------------------------------------------------------------------
def test_sequential():
    assert list(SequentialSampler("abc")) == [0, 1, 2]
    assert len(SequentialSampler("abc")) == 3


def test_random():
    sampler = RandomSampler(range(20), generator=generator())
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    assert list(RandomSampler(range(20), generator=generator())) == first
    assert all(type(i) is int for i in first)


@pytest.mark.parametrize("count", [1, 5, 19, 20, 21, 45])
def test_random_of_another_number(count):
    sampler = RandomSampler(range(20), num_samples=count)
    got = list(sampler)
    assert len(got) == len(sampler) == count
    for start in range(0, count, 20):
        assert len(set(got[start : start + 20])) == len(got[start : start + 20])
    drawn = list(RandomSampler(range(20), replacement=True, num_samples=count))
    assert len(drawn) == count
    assert set(drawn) <= set(range(20))


def test_random_sees_a_dataset_grow():
    items = [1]
    sampler = RandomSampler(items)
    items += [2, 3]
    assert len(sampler) == 3
    assert sorted(sampler) == [0, 1, 2]


def test_random_with_replacement_is_even():
    drawn = list(RandomSampler(range(4), replacement=True, num_samples=4000, generator=generator()))
    counts = np.bincount(drawn, minlength=4)
    assert (abs(counts - 1000) < 150).all()


def test_subset_random():
    sampler = SubsetRandomSampler([7, 8, 9], generator())
    assert sorted(sampler) == [7, 8, 9]
    assert len(sampler) == 3


def test_weighted():
    sampler = WeightedRandomSampler([0.0, 1.0, 3.0, 0.0], 4000, generator=generator())
    counts = np.bincount(list(sampler), minlength=4)
    assert len(sampler) == 4000
    assert counts[0] == counts[3] == 0
    assert abs(counts[2] / counts[1] - 3) < 0.4
    assert sorted(WeightedRandomSampler([1, 2, 3], 3, replacement=False)) == [0, 1, 2]


def test_weighted_over_many_samples():
    """Memory linear in the number of samples."""
    assert len(list(WeightedRandomSampler(np.ones(60_000), 60_000))) == 60_000


@given(st.integers(0, 30), st.integers(1, 8), st.booleans())
def test_batches(count, size, drop_last):
    sampler = BatchSampler(SequentialSampler(range(count)), size, drop_last)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert all(len(batch) == size for batch in batches[:-1])
    kept = count - count % size if drop_last else count
    assert list(itertools.chain(*batches)) == list(range(kept))


def test_batches_of_any_iterable():
    assert list(BatchSampler("abcde", 2, False)) == [["a", "b"], ["c", "d"], ["e"]]
    with pytest.raises(TypeError):
        len(BatchSampler(iter("abc"), 2, False))


@given(st.integers(0, 20), st.integers(1, 6), st.booleans(), st.booleans())
def test_distributed(count, replicas, shuffle, drop_last):
    """Together the processes see everything, alike many each, and a few twice, or a few not at all."""
    samplers = [DistributedSampler(range(count), replicas, r, shuffle, 3, drop_last) for r in range(replicas)]
    shares = [list(sampler) for sampler in samplers]
    assert [len(share) for share in shares] == [len(sampler) for sampler in samplers]
    assert len({len(share) for share in shares}) == 1
    seen = list(itertools.chain(*shares))
    assert set(seen) <= set(range(count))
    assert len(seen) == (count // replicas * replicas if drop_last else -(-count // replicas) * replicas)
    assert drop_last or set(seen) == set(range(count))


def test_distributed_epochs():
    sampler = DistributedSampler(range(50), 2, 0)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first
    with pytest.raises(RuntimeError, match="pass num_replicas and rank"):
        DistributedSampler(range(3))
    with pytest.raises(ValueError, match="Invalid rank 2"):
        DistributedSampler(range(3), 2, 2)


BAD_SAMPLERS = {
    "empty": (lambda: RandomSampler([]), ValueError, "num_samples=0"),
    "no samples": (lambda: RandomSampler([1], num_samples=0), ValueError, "num_samples=0"),
    "half samples": (lambda: RandomSampler([1], num_samples=1.5), ValueError, r"num_samples=1\.5"),
    "replacement": (lambda: RandomSampler([1], replacement=1), TypeError, "replacement=1"),
    "weights 2-d": (lambda: WeightedRandomSampler([[1.0]], 1), ValueError, r"shape \(1, 1\)"),
    "weights no samples": (lambda: WeightedRandomSampler([1.0], True), ValueError, "num_samples=True"),
    "weights replacement": (lambda: WeightedRandomSampler([1.0], 1, 1), ValueError, "replacement=1"),
    "batch of none": (lambda: BatchSampler([1], 0, False), ValueError, "batch_size=0"),
    "batch of true": (lambda: BatchSampler([1], True, False), ValueError, "batch_size=True"),
    "batch drop_last": (lambda: BatchSampler([1], 1, 1), ValueError, "drop_last=1"),
    "no iter": (lambda: iter(Sampler()), NotImplementedError, "should implement __iter__"),
}


@pytest.mark.parametrize(("make", "error", "message"), BAD_SAMPLERS.values(), ids=BAD_SAMPLERS.keys())
def test_samplers_refuse(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---- collation -----------------------------------------------------------------------------------
COLLATED = {
    "ints": ([1, 2, 3], ("int64", [1, 2, 3])),
    "bools": ([True, False], ("bool", [True, False])),
    "floats": ([1.5, 2.0], ("float64", [1.5, 2.0])),
    "float then int": ([1.5, 2], ("float64", [1.5, 2.0])),
    "numpy floats": ([np.float32(1), np.float32(2)], ("float32", [1.0, 2.0])),
    "numpy doubles": ([np.float64(1)], ("float64", [1.0])),
    "numpy ints": ([np.int16(1)], ("int16", [1])),
    "numpy bools": ([np.bool_(True)], ("bool", [True])),
    "arrays": ([np.array([1, 2], np.int8), np.array([3, 4], np.int8)], ("int8", [[1, 2], [3, 4]])),
    "0-d arrays": ([np.array(1.5, np.float32)], ("float32", [1.5])),
    "arrays to promote": ([np.ones(1, np.float32), np.ones(1)], ("float64", [[1.0], [1.0]])),
    "tensors": ([ops.tensor([1.0]), ops.tensor([2.0])], ("float32", [[1.0], [2.0]])),
    "text": (["a", "b"], ["a", "b"]),
    "bytes": ([b"a"], [b"a"]),
    "numpy text": ([np.str_("a")], [np.str_("a")]),
    "tuples": ([(1, "a"), (2, "b")], [("int64", [1, 2]), ("a", "b")]),
    "lists": ([[1, 2.0], [3, 4.0]], [("int64", [1, 3]), ("float64", [2.0, 4.0])]),
    "dicts": ([{"x": 1, "y": (2,)}, {"x": 3, "y": (4,)}], {"x": ("int64", [1, 3]), "y": [("int64", [2, 4])]}),
    "ranges": ([range(2), range(2, 4)], [("int64", [0, 2]), ("int64", [1, 3])]),
}


@pytest.mark.parametrize(("batch", "wanted"), COLLATED.values(), ids=COLLATED.keys())
def test_collate(batch, wanted):
    assert plain(default_collate(batch)) == wanted


def test_collate_keeps_container_types():
    got = default_collate([Pair(1, 2.0), Pair(3, 4.0)])
    assert isinstance(got, Pair)
    assert got.x.tolist() == [1, 3]
    ordered = default_collate([collections.OrderedDict(b=1, a=2)])
    assert type(ordered) is collections.OrderedDict
    assert list(ordered) == ["b", "a"]
    fixed = default_collate([types.MappingProxyType({"a": 1})])
    assert type(fixed) is types.MappingProxyType
    counted = default_collate([collections.defaultdict(int, a=1)])
    assert counted["a"].tolist() == [1]
    assert type(default_collate([collections.deque([1])])) is collections.deque


def test_collate_of_tracked_tensors_passes_gradients():
    x = ops.tensor([1.0, 2.0], requires_grad=True)
    (default_collate([x[0], x[1]]) * ops.tensor([3.0, 5.0])).sum().backward()
    assert x.grad.tolist() == [3.0, 5.0]


def test_collate_copies():
    x = np.zeros(2)
    got = default_collate([x, x])
    got += 1
    assert x.tolist() == [0, 0]


def test_collate_errors():
    with pytest.raises(TypeError, match=r"must contain tensors.*found <class 'object'>.*collate_fn"):
        default_collate([object()])
    with pytest.raises(TypeError, match="found object"):
        default_collate([np.array([None])])
    with pytest.raises(RuntimeError, match="of equal size"):
        default_collate([[1], [1, 2]])
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        default_collate([ops.tensor([1]), ops.tensor([1, 2])])
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        default_collate([np.ones(1), np.ones(2)])


def test_collate_by_a_table_of_ones_own():
    table = {
        int: lambda batch, *, collate_fn_map=None: sum(batch),
        str: lambda batch, *, collate_fn_map=None: "s",
    }
    assert collation.collate([(1, "a"), (2, "b")], collate_fn_map=table) == [3, "s"]
    table = {Tensor: lambda batch, *, collate_fn_map=None: "t", np.ndarray: collation.collate_numpy_array_fn}
    assert collation.collate([np.ones(1)], collate_fn_map=table) == "t"


def test_convert():
    got = default_convert(
        {"a": np.array([1, 2]), "b": [np.float32(1), "x"], "c": (np.ones(1), 3), "d": Pair(1, 2)}
    )
    assert plain(got["a"]) == ("int64", [1, 2])
    assert plain(got["b"]) == [("float32", 1.0), "x"]
    assert plain(got["c"]) == [("float64", [1.0]), 3]
    assert got["d"] == Pair(1, 2)
    text, tensor = np.array(["a"]), ops.tensor([1])
    assert default_convert(text) is text
    assert default_convert(tensor) is tensor
    for item in (1, "a", None, b"x"):
        assert default_convert(item) is item
    assert default_convert(range(2)) == [0, 1]


# ---- the loader ----------------------------------------------------------------------------------
def test_batches_of_numbers():
    loader = DataLoader(Squares(5), batch_size=2)
    assert [batch.tolist() for batch in loader] == [[0, 1], [4, 9], [16]]
    assert len(loader) == len(iter(loader)) == 3
    loader = DataLoader(Squares(5), batch_size=2, drop_last=True)
    assert [batch.tolist() for batch in loader] == [[0, 1], [4, 9]]
    assert len(loader) == 2
    assert [batch.tolist() for batch in DataLoader(Squares(2))] == [[0], [1]]


def test_no_batches():
    assert list(DataLoader(Squares(3), batch_size=None)) == [0, 1, 4]
    assert list(DataLoader(Stream(1, 2), batch_size=None)) == [1, 2]
    got = list(DataLoader([np.ones(1)], batch_size=None))
    assert plain(got) == [("float64", [1.0])]


def test_shuffle():
    random.manual_seed(3)
    loader = DataLoader(range(30), batch_size=7, shuffle=True)
    first, second = ([i for batch in loader for i in batch.tolist()] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(30))
    assert first != second
    random.manual_seed(3)
    assert [i for batch in DataLoader(range(30), batch_size=5, shuffle=True) for i in batch.tolist()] == first


def test_generator():
    runs = [list(map(plain, DataLoader(range(9), 4, shuffle=True, generator=generator(5)))) for _ in range(2)]
    assert runs[0] == runs[1]


def test_samplers_of_ones_own():
    assert [b.tolist() for b in DataLoader("abc" and Squares(4), 2, sampler=[3, 1, 2])] == [[9, 1], [4]]
    loader = DataLoader(Squares(4), batch_sampler=[[1], [2, 3]])
    assert [batch.tolist() for batch in loader] == [[1], [4, 9]]
    assert (len(loader), loader.batch_size) == (2, None)
    letters = {"a": 1, "b": 2}
    assert [batch.tolist() for batch in DataLoader(letters, sampler=["b", "a"])] == [[2], [1]]


def test_streams():
    loader = DataLoader(Stream(*range(5)), batch_size=2)
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in DataLoader(Stream(*range(5)), batch_size=2, drop_last=True)] == [
        [0, 1],
        [2, 3],
    ]
    assert [b.tolist() for b in DataLoader(Stream(*range(4)), batch_size=2)] == [[0, 1], [2, 3]]
    assert list(DataLoader(Stream())) == []
    with pytest.raises(TypeError):
        len(loader)


def test_a_stream_longer_than_it_says():
    loader = DataLoader(SizedStream(1, 2, 3), batch_size=1)
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="reported to be 2.*but 3 samples"):
        assert len(list(loader)) == 3
    for drop_last, length in ((False, 1), (True, 0)):
        assert len(DataLoader(SizedStream(), batch_size=3, drop_last=drop_last)) == length


def test_datasets_that_answer_for_batches():
    many = Batched(5)
    assert [batch.tolist() for batch in DataLoader(many, batch_size=3)] == [[0, 1, 4], [9, 16]]
    assert many.asked == 2


def test_collate_fn():
    assert list(DataLoader(Squares(3), batch_size=2, collate_fn=tuple)) == [(0, 1), (4,)]
    tensors = TensorDataset(ops.tensor([1, 2, 3]))
    got = list(DataLoader(tensors, batch_size=2, collate_fn=len))
    assert got == [2, 1]


def test_pinning_changes_nothing_and_says_so():
    with pytest.warns(UserWarning, match="no accelerator is found"):
        assert [b.tolist() for b in DataLoader(Squares(2), pin_memory=True)] == [[0], [1]]
    loader = DataLoader(Squares(1), pin_memory=True, pin_memory_device="cuda")
    with (
        pytest.warns(UserWarning, match="no accelerator"),
        pytest.warns(UserWarning, match="pin_memory_device is deprecated") as told,
    ):
        list(loader)
    assert {warning.filename for warning in told} == {__file__}


def test_settings_can_be_read_but_not_changed():
    loader = DataLoader(Squares(3), batch_size=2, drop_last=True)
    assert (loader.batch_size, loader.drop_last, loader.num_workers) == (2, True, 0)
    assert isinstance(loader.sampler, SequentialSampler)
    assert isinstance(loader.batch_sampler, BatchSampler)
    for name in ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set"):
            setattr(loader, name, None)
    loader.collate_fn = list
    assert next(iter(loader)) == [0, 1]
    assert get_worker_info() is None


def test_loaders_can_be_pickled():
    loader = pickle.loads(pickle.dumps(DataLoader(Squares(3), batch_size=2)))
    assert [batch.tolist() for batch in loader] == [[0, 1], [4]]


BAD_LOADERS = {
    "negative workers": ({"num_workers": -1}, ValueError, "should be non-negative"),
    "no such context": (
        {"num_workers": 1, "multiprocessing_context": "thread"},
        ValueError,
        "valid start method in .*fork.*'thread'",
    ),
    "no context": ({"num_workers": 1, "multiprocessing_context": 3}, TypeError, "multiprocessing_context=3"),
    "negative timeout": ({"timeout": -1}, ValueError, "timeout"),
    "prefetch without workers": ({"prefetch_factor": 2}, ValueError, "prefetch_factor"),
    "negative prefetch": ({"prefetch_factor": -2, "num_workers": 1}, ValueError, "non-negative"),
    "persistence without workers": ({"persistent_workers": True}, ValueError, "persistent_workers"),
    "context without workers": ({"multiprocessing_context": "spawn"}, ValueError, "multiprocessing_context"),
    "sampler and shuffle": ({"sampler": [1], "shuffle": True}, ValueError, "mutually exclusive with shuffle"),
    "two batch sizes": ({"batch_sampler": [[1]], "batch_size": 2}, ValueError, "mutually exclusive"),
    "batches and shuffle": ({"batch_sampler": [[1]], "shuffle": True}, ValueError, "mutually exclusive"),
    "batches and sampler": ({"batch_sampler": [[1]], "sampler": [1]}, ValueError, "mutually exclusive"),
    "batches and drop_last": ({"batch_sampler": [[1]], "drop_last": True}, ValueError, "mutually exclusive"),
    "nothing to drop": ({"batch_size": None, "drop_last": True}, ValueError, "disables auto-batching"),
    "batch of none": ({"batch_size": 0}, ValueError, "batch_size=0"),
}


@pytest.mark.parametrize(("settings", "error", "message"), BAD_LOADERS.values(), ids=BAD_LOADERS.keys())
def test_loaders_refuse(settings, error, message):
    with pytest.raises(error, match=message):
        DataLoader(Squares(3), **settings)


@pytest.mark.parametrize("settings", [{"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}])
def test_streams_refuse(settings):
    with pytest.raises(ValueError, match=f"IterableDataset: expected unspecified {next(iter(settings))}"):
        DataLoader(Stream(1), **settings)
    assert list(DataLoader(Stream(1), shuffle=False, collate_fn=list)) == [[1]]


def test_timeout_needs_workers():
    with pytest.raises(AssertionError, match="timeout"):
        iter(DataLoader(Squares(3), timeout=1))


def test_errors_of_a_dataset_come_through():
    with pytest.raises(IndexError, match="7"):
        list(DataLoader(Squares(3), sampler=[7]))
    with pytest.raises(IndexError):
        list(DataLoader(TensorDataset(ops.tensor([1])), sampler=[7]))


# ---- the fast way and its twin -------------------------------------------------------------------
@given(
    length=st.integers(1, 12),
    shapes=st.lists(st.lists(st.integers(0, 3), max_size=2), min_size=1, max_size=3),
    dtype=st.sampled_from(dtypes.ALL),
    batch_size=st.integers(1, 5),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    depth=st.integers(0, 2),
)
def test_gathered_batches_are_collated_ones(length, shapes, dtype, batch_size, shuffle, drop_last, depth):
    rng = np.random.default_rng(length)
    tensors = [ops.tensor(rng.integers(0, 2, (length, *shape)), dtype=dtype) for shape in shapes]
    dataset = TensorDataset(*(t.transpose(1, 2) if t.ndim == 3 else t for t in tensors))
    for _ in range(depth):
        dataset = Subset(dataset, rng.integers(-len(dataset), len(dataset), len(dataset) + 1).tolist())
    settings = {"batch_size": batch_size, "shuffle": shuffle, "drop_last": drop_last}
    fast = DataLoader(dataset, **settings, generator=generator())
    slow = DataLoader(dataset, **settings, generator=generator(), collate_fn=lambda b: default_collate(b))
    assert isinstance(fast._recipe().fetcher(), fetch.GatherFetcher)
    assert isinstance(slow._recipe().fetcher(), fetch.MapFetcher)
    got, wanted = list(fast), list(slow)
    assert plain(got) == plain(wanted)
    assert len(got) == len(fast) == len(wanted)
    assert all(part.base is None and not part.requires_grad for batch in got for part in batch)
    assert not any(np.shares_memory(p.array, t.array) for batch in got for p in batch for t in tensors)


class Doubled(TensorDataset):
    def __getitem__(self, index):
        return tuple(2 * part for part in super().__getitem__(index))


def test_only_where_it_gives_the_same():
    tensors = TensorDataset(ops.tensor([1, 2, 3]))
    tracked = TensorDataset(ops.tensor([1.0, 2.0], requires_grad=True))
    for loader in (
        DataLoader(Doubled(ops.tensor([1, 2]))),
        DataLoader(tracked),
        DataLoader(tensors, batch_size=None),
        DataLoader(tensors, collate_fn=list),
        DataLoader(Squares(3)),
        DataLoader(Stream(1)),
    ):
        assert not isinstance(loader._recipe().fetcher(), fetch.GatherFetcher)
    assert next(iter(DataLoader(Doubled(ops.tensor([1, 2])), 2)))[0].tolist() == [2, 4]
    assert next(iter(DataLoader(tracked)))[0].requires_grad
    view = ops.tensor([1.0, 2.0])[:1]
    assert isinstance(DataLoader(TensorDataset(view))._recipe().fetcher(), fetch.GatherFetcher)
    assert not isinstance(
        DataLoader(TensorDataset(tracked.tensors[0][:1]))._recipe().fetcher(), fetch.GatherFetcher
    )


def test_not_where_the_table_was_changed(monkeypatch):
    monkeypatch.setitem(collation.default_collate_fn_map, tuple, lambda batch, *, collate_fn_map=None: "mine")
    assert list(DataLoader(TensorDataset(ops.tensor([1, 2])), 2)) == ["mine"]


def test_gathering_with_any_sampler():
    dataset = TensorDataset(ops.tensor([10, 20, 30]))
    assert [b[0].tolist() for b in DataLoader(dataset, 2, sampler=[2, 0, -1])] == [[30, 10], [30]]
    assert [b[0].tolist() for b in DataLoader(dataset, batch_sampler=[[1, 1], [0]])] == [[20, 20], [10]]
    loader = DataLoader(dataset, 2, sampler=RandomSampler(range(3), num_samples=7))
    assert sum(len(batch[0]) for batch in loader) == 7

"""utils.data against PyTorch's: the same batches, dtypes and orders, and the same random ones from a seed."""

import collections
import random

import numpy as np
import pytest

import minigrad
from minigrad import ops
from minigrad.tensor import Tensor
from minigrad.utils import data as ours

torch = pytest.importorskip("torch")
theirs = torch.utils.data

Point = collections.namedtuple("Point", "x y")
VALUES = np.arange(26, dtype=np.float32).reshape(13, 2)


def tensors(package):
    make = ops.from_numpy if package is ours else torch.from_numpy
    return make(VALUES.copy()), make(np.arange(13))


def comparable(batch):
    """Tensors as (dtype, values), containers by type and part."""
    if isinstance(batch, (Tensor, torch.Tensor)):
        return str(batch.dtype), batch.tolist()
    if isinstance(batch, dict):
        return type(batch), {key: comparable(value) for key, value in batch.items()}
    if isinstance(batch, (list, tuple, collections.deque)):
        return type(batch), [comparable(item) for item in batch]
    return batch


def seeded(seed: int) -> None:
    torch.manual_seed(seed)
    minigrad.random.manual_seed(seed)


def same_state() -> bool:
    """Whether both default generators go on with the same numbers."""
    return torch.rand(3).tolist() == ops.rand(3).tolist()


SAMPLES = {
    "ints": [1, 2],
    "mixed ints": [True, 2],
    "bools": [True, False],
    "floats": [1.5, 2],
    "numpy floats": [np.float32(1), np.float32(2)],
    "numpy ints": [np.int32(1)],
    "arrays": [np.ones((2, 3), np.int16)] * 3,
    "0-d arrays": [np.array(2.5, np.float32)],
    "text": ["a", b"b"],
    "tuples": [(1, "a", 2.0), (3, "b", 4.0)],
    "lists": [[1, 2], [3, 4]],
    "dicts": [{"a": np.ones(2), "b": [1, (2,)]}, {"a": np.zeros(2), "b": [3, (4,)]}],
    "named": [Point(1, np.ones(1)), Point(2, np.zeros(1))],
    "deques": [collections.deque([1, 2])],
    "ordered": [collections.OrderedDict(b=1, a=2)],
    "none": [None],
    "uneven": [[1], [1, 2]],
    "uneven arrays": [np.ones(1), np.ones(2)],
    "objects": [np.array([None])],
    "complex": [1j],
    "sets": [{1}],
}


@pytest.mark.parametrize("samples", SAMPLES.values(), ids=SAMPLES.keys())
def test_collate_and_convert(samples):
    for name in ("default_collate", "default_convert"):
        try:
            wanted = comparable(getattr(theirs, name)(samples))
        except (TypeError, RuntimeError) as error:
            with pytest.raises(type(error)):
                getattr(ours, name)(samples)
        else:
            assert comparable(getattr(ours, name)(samples)) == wanted


LOADERS = [
    {},
    {"batch_size": 4},
    {"batch_size": 4, "drop_last": True},
    {"batch_size": 4, "shuffle": True},
    {"batch_size": 20, "shuffle": True},
    {"batch_size": 13, "shuffle": True, "drop_last": True},
    {"batch_size": None},
    {"batch_size": None, "shuffle": True},
]


@pytest.mark.parametrize("settings", LOADERS, ids=str)
@pytest.mark.parametrize("collate_fn", [None, list], ids=["default", "list"])
def test_loaders(settings, collate_fn):
    for seed in range(3):
        seeded(seed)
        loaders = [
            p.DataLoader(p.TensorDataset(*tensors(p)), collate_fn=collate_fn, **settings)
            for p in (ours, theirs)
        ]
        for _ in range(2):
            assert comparable(list(loaders[0])) == comparable(list(loaders[1]))
        assert len(loaders[0]) == len(loaders[1])
        assert same_state()


@pytest.mark.parametrize("count", [None, 5, 13, 20, 70])
@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_random_samplers(count, replacement, own):
    seeded(7)
    generators = (
        (minigrad.random.Generator().manual_seed(3), torch.Generator().manual_seed(3))
        if own
        else (None, None)
    )
    for _ in range(2):
        orders = [
            list(p.RandomSampler(range(13), replacement, count, generator=g))
            for p, g in zip((ours, theirs), generators, strict=True)
        ]
        assert orders[0] == orders[1]
    assert same_state()


@pytest.mark.parametrize("make", [
    lambda p: p.SubsetRandomSampler([5, 6, 7, 8]),
    lambda p: p.WeightedRandomSampler([0.1, 0.0, 2.0, 5.0], 50),
    lambda p: p.WeightedRandomSampler([0.1, 0.0, 2.0, 5.0], 1),
    lambda p: p.WeightedRandomSampler([0.1, 1.0, 2.0, 5.0], 4, replacement=False),
    lambda p: p.DistributedSampler(range(13), 4, 1),
    lambda p: p.DistributedSampler(range(13), 4, 3, drop_last=True, seed=5),
    lambda p: p.DistributedSampler(range(2), 5, 4, shuffle=False),
    lambda p: p.BatchSampler(p.SequentialSampler(range(13)), 4, False),
])  # fmt: skip
def test_other_samplers(make):
    seeded(11)
    mine, other = make(ours), make(theirs)
    assert (list(mine), len(mine)) == (list(other), len(other))
    assert same_state()


@pytest.mark.parametrize("lengths", [[3, 10], [0.5, 0.5], [0.2, 0.3, 0.5], [13], [1.0], [0.33] * 3])
def test_random_split(lengths):
    seeded(1)
    try:
        wanted = [list(part.indices) for part in theirs.random_split(range(13), lengths)]
    except ValueError:
        with pytest.raises(ValueError, match="Sum of input lengths"):
            ours.random_split(range(13), lengths)
        return
    assert [list(part.indices) for part in ours.random_split(range(13), lengths)] == wanted


# ---- worker processes ----------------------------------------------------------------------------
class Drawn:
    """Samples that are drawn at random in the worker, from all streams it seeds."""

    def __init__(self, package):
        self.package = package

    def __len__(self):
        return 7

    def __getitem__(self, i):
        rand = ops.rand if self.package is ours else torch.rand
        info = self.package.get_worker_info()
        return i, random.random(), np.random.rand(), rand(2).tolist(), info.id, info.seed  # noqa: NPY002


def sharded(package, length):
    class Sharded(package.IterableDataset):
        def __iter__(self):
            info = package.get_worker_info()
            return iter(range(info.id, length, info.num_workers))

    return Sharded()


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("persistent", [False, True])
def test_workers_draw_the_same_numbers_and_come_in_the_same_order(persistent):
    seeded(5)
    settings = {"batch_size": 2, "shuffle": True, "num_workers": 2, "persistent_workers": persistent}
    seen = []
    for package in (ours, theirs):
        loader = package.DataLoader(
            Drawn(package), collate_fn=list, multiprocessing_context="fork", **settings
        )
        seen.append([batch for _ in range(2) for batch in loader])
    assert seen[0] == seen[1]
    assert same_state()


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("length", [3, 12])
def test_streams_with_workers(length):
    settings = {"batch_size": 2, "num_workers": 3, "multiprocessing_context": "fork"}
    seen = [
        [batch.tolist() for batch in package.DataLoader(sharded(package, length), **settings)]
        for package in (ours, theirs)
    ]
    assert seen[0] == seen[1]


def test_worker_info_has_the_same_fields():
    names = list(torch.utils.data._utils.worker.WorkerInfo.__dataclass_fields__)
    assert names == list(ours._utils.worker.WorkerInfo._fields)


SETTINGS = [
    {"num_workers": -1},
    {"timeout": -1},
    {"prefetch_factor": 2},
    {"prefetch_factor": -1, "num_workers": 1},
    {"persistent_workers": True},
    {"multiprocessing_context": "spawn"},
    {"multiprocessing_context": "thread", "num_workers": 1},
    {"sampler": [1], "shuffle": True},
    {"batch_sampler": [[1]], "batch_size": 2},
    {"batch_sampler": [[1]], "drop_last": True},
    {"batch_size": None, "drop_last": True},
    {"batch_size": 0},
    {"batch_size": 1.5},
    {"drop_last": 1},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_same_kinds_of_error(settings):
    for package in (ours, theirs):
        with pytest.raises(ValueError, match=r".+"):
            package.DataLoader(range(3), **settings)


def test_the_same_public_names():
    pipes = {
        "DFIterDataPipe",
        "DataChunk",
        "IterDataPipe",
        "MapDataPipe",
        "_DatasetKind",
        "argument_validation",
    }
    pipes |= {
        name
        for name in theirs.__all__
        if "functional" in name or "deterministic" in name or "determinism" in name
    }
    pipes |= {name for name in theirs.__all__ if name.startswith("runtime_validation")}
    assert set(theirs.__all__) - pipes == set(ours.__all__)


def test_contiguous_batches_are_the_language_model_examples():
    """Its `batchify` and `get_batch`, as PyTorch's example of a word language model writes them."""
    text, columns, length = torch.randint(0, 50, (103,)), 4, 7
    source = text.narrow(0, 0, 103 // columns * columns).view(columns, -1).t().contiguous()
    wanted = []
    for i in range(0, len(source) - 1, length):
        steps = min(length, len(source) - 1 - i)
        wanted.append([source[i : i + steps].tolist(), source[i + 1 : i + 1 + steps].tolist()])
    got = minigrad.sequences.ContiguousBatches(text.numpy(), columns, length)
    assert [[part.tolist() for part in pair] for pair in got] == wanted


@pytest.mark.parametrize("name", ["StandardScaler", "MinMaxScaler"])
def test_scalers_are_scikit_learns(name):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    rng = np.random.default_rng(0)
    values = rng.normal(5, [1, 20, 0.1], (30, 3))
    values[:, 2] = 7.5  # constant
    later = rng.normal(5, 3, (4, 3))
    wanted = getattr(preprocessing, name)().fit(values)
    got = getattr(minigrad.sequences, name)().fit(values)
    np.testing.assert_allclose(got.transform(later).numpy(), wanted.transform(later), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got.inverse(later).numpy(), wanted.inverse_transform(later), rtol=1e-12)

"""Files against PyTorch itself: either reads what the other wrote, and refuses what the other refuses."""

import io
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import minigrad
from minigrad import dtypes, serialization
from minigrad.nn.parameter import Parameter
from minigrad.serialization.tensors import from_array

torch = pytest.importorskip("torch")

NAMES = [d.name for d in dtypes.ALL]


def written_by_torch(obj, **options) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(obj, file, **options)
    file.seek(0)
    return file


def written_here(obj, **options) -> io.BytesIO:
    file = io.BytesIO()
    serialization.save(obj, file, **options)
    file.seek(0)
    return file


def views(base):
    """The same views of a (4, 6) torch tensor or NumPy array."""
    return {
        "whole": base,
        "transposed": base.T,
        "part": base[1:3, ::2],
        "row": base[2],
        "column": base[:, 5],
        "one": base[3, 3, ...],
        "none": base[:0],
    }


def agree(ours, theirs) -> None:
    theirs = theirs.detach().resolve_conj().resolve_neg()
    array = theirs.float().numpy() if theirs.dtype == torch.bfloat16 else theirs.numpy()
    assert ours.array.dtype == array.dtype
    assert ours.array.shape == array.shape
    np.testing.assert_array_equal(ours.array, array)


def random_values(name: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    kind = np.dtype(name).kind
    if kind == "b":
        return rng.random((4, 6)) < 0.5
    values = rng.integers(0, 100, (4, 6)) if kind in "iu" else rng.standard_normal((4, 6))
    return (values + 1j * rng.random((4, 6)) if kind == "c" else values).astype(name)


@pytest.mark.parametrize("name", NAMES)
def test_views_written_by_torch(name):
    theirs = views(torch.from_numpy(random_values(name)))
    ours = serialization.load(written_by_torch(theirs))
    for key, tensor in theirs.items():
        agree(ours[key], tensor)
        if tensor.numel():
            assert tuple(s // tensor.itemsize for s in ours[key].array.strides) == tensor.stride(), key
    assert all(np.shares_memory(ours[key].array, ours["whole"].array) for key in ours if key != "none")


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_views_written_here(name, mmap, tmp_path):
    arrays = views(random_values(name))
    ours = {key: from_array(np.asarray(array), False) for key, array in arrays.items()}
    serialization.save(ours, tmp_path / "a.pt")
    theirs = torch.load(tmp_path / "a.pt", weights_only=True, mmap=mmap)
    for key in arrays:
        agree(ours[key], theirs[key])
    pointers = {theirs[key].untyped_storage().data_ptr() for key in arrays if key != "none"}
    assert len(pointers) == 1, "shared memory is one storage"


def test_torch_finds_the_records_without_reading_the_directory(tmp_path, monkeypatch):
    """PyTorch can compute where records lie from their sizes, if they are laid out exactly as it would."""
    monkeypatch.setenv("TORCH_SERIALIZATION_DEBUG", "1")
    config = pytest.importorskip("torch.utils.serialization").config
    arrays = [random_values("float32", i)[: i + 1, :i] for i in range(6)]
    serialization.save([from_array(array, False) for array in arrays], tmp_path / "a.pt")
    config.load.calculate_storage_offsets = True
    try:
        theirs = torch.load(tmp_path / "a.pt", mmap=True)
    finally:
        config.load.calculate_storage_offsets = False
    for array, tensor in zip(arrays, theirs, strict=True):
        np.testing.assert_array_equal(array, tensor.numpy())


def test_the_bytes_are_those_torch_writes():
    """Equal but for the fingerprint, whose 40 digits use a hash of PyTorch's own, and its checksum."""
    tensors = OrderedDict(a=torch.arange(5.0), b=torch.nn.Parameter(torch.ones(2, 3)), c=torch.zeros(0))
    theirs = written_by_torch([tensors, 1, "x", torch.Size([2]), torch.float32]).getvalue()
    ours = written_here(serialization.load(io.BytesIO(theirs))).getvalue()
    place = theirs.index(b"serialization_id") + len(b"serialization_id")
    assert len(ours) == len(theirs)
    assert ours[:place] == theirs[:place]
    assert sum(a != b for a, b in zip(ours, theirs, strict=True)) <= 40 + 8


OBJECTS = {
    "numbers": lambda t: [0, -1, 255, 65536, 2**31, -(2**63), 10**50, 0.5, float("inf"), True, None, 1 + 2j],
    "text": lambda t: ["", "a", "é" * 300, b"\xff", bytearray(b"x"), ("a", ("b",))],
    "containers": lambda t: {"a": {1: [2, {3}]}, (1, "b"): OrderedDict(z=1, y=[2])},
    "torch": lambda t: [t.Size([1, 2]), t.float32, t.int64, t.bool, t.device("cpu"), t.device("cuda", 1)],
    "shared": lambda t: [[1]] * 3,
}


@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS.keys())
def test_objects_both_ways(make):
    assert serialization.load(written_by_torch(make(torch))) == make(minigrad)
    assert torch.load(written_here(make(minigrad)), weights_only=True) == make(torch)


def test_parameters_both_ways():
    theirs = torch.nn.ParameterDict({"a": torch.nn.Parameter(torch.randn(3))}).state_dict(keep_vars=True)
    ours = serialization.load(written_by_torch(theirs))
    assert type(ours["a"]) is Parameter
    assert ours["a"].requires_grad
    back = torch.load(written_here(ours), weights_only=True)
    assert isinstance(back["a"], torch.nn.Parameter)
    assert torch.equal(back["a"], theirs["a"])
    leaf = torch.load(written_here(from_array(np.ones(3), True)), weights_only=True)
    assert leaf.requires_grad
    assert not isinstance(leaf, torch.nn.Parameter)


@pytest.mark.parametrize("make", [torch.nn.Linear, torch.nn.LSTM, torch.nn.GRU], ids=lambda cls: cls.__name__)
def test_checkpoints(make):
    """A training checkpoint: weights, optimizer state, numbers."""
    model = make(3, 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    out = model(torch.randn(2, 3))
    (out[0] if isinstance(out, tuple) else out).sum().backward()
    optimizer.step()
    theirs = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "loss": 0.5}
    ours = serialization.load(written_by_torch(theirs))
    back = torch.load(written_here(ours), weights_only=True)
    model.load_state_dict(back["model"])
    optimizer.load_state_dict(back["optimizer"])
    assert back["model"]._metadata == theirs["model"]._metadata
    for key, value in theirs["model"].items():
        assert torch.equal(value, back["model"][key])
    for number, state in theirs["optimizer"]["state"].items():
        assert all(torch.equal(state[key], back["optimizer"]["state"][number][key]) for key in state)


def test_lazy_flags_and_attributes():
    base = torch.randn(3, dtype=torch.complex64)
    negative = base.conj().imag
    assert base.conj().is_conj()
    assert negative.is_neg()
    noted = torch.arange(3)
    noted.note = "kept"
    for theirs in (base.conj(), negative, base.conj().clone(), torch.randn(2).bfloat16(), noted):
        agree(serialization.load(written_by_torch(theirs)), theirs)
    assert serialization.load(written_by_torch(noted)).note == "kept"


def test_storages_themselves():
    theirs = torch.arange(3.0).untyped_storage()
    ours = serialization.load(written_by_torch(theirs))
    assert ours.nbytes() == 12
    assert ours.array.view(np.float32).tolist() == [0, 1, 2]
    assert torch.load(written_here(ours), weights_only=True)._untyped_storage.tolist() == theirs.tolist()


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.eye(2).to_sparse(), r"sparse.*to_dense\(\)"),
        (lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "quantized|QInt8"),
        (lambda: torch.ones(2).to(torch.float8_e5m2), "float8"),
        (lambda: torch.empty(2, device="meta"), "meta"),
    ],
)
def test_what_numpy_cannot_hold_is_named(make, message):
    file = written_by_torch(make())
    with pytest.raises(serialization.UnpicklingError, match=message):
        serialization.load(file)


def test_checksums_that_torch_left_out():
    torch.serialization.set_crc32_options(False)
    try:
        file = written_by_torch(torch.arange(3.0))
    finally:
        torch.serialization.set_crc32_options(True)
    agree(serialization.load(file), torch.arange(3.0))


class Custom:
    pass


@pytest.mark.parametrize("obj", [Custom(), np.arange(3), np.float64(1), slice(1), frozenset([1]), Custom])
def test_both_refuse_the_same(obj):
    for write, error in (
        (written_by_torch, pickle.UnpicklingError),
        (written_here, serialization.UnpicklingError),
    ):
        with pytest.raises(pickle.UnpicklingError):
            torch.load(write(obj), weights_only=True)
        with pytest.raises(error):
            serialization.load(write(obj))


def test_numpy_both_ways():
    obj = {"x": np.arange(3), "y": np.float32(2), "dtype": np.dtype("f4")}
    for got in (
        serialization.load(written_by_torch(obj), weights_only=False),
        torch.load(written_here(obj), weights_only=False),
    ):
        np.testing.assert_equal(got, obj)


def test_the_same_kinds_of_error(tmp_path):
    cases = [
        (lambda load: load(tmp_path / "none.pt"), FileNotFoundError),
        (lambda load: load(io.BytesIO(b"PK\3\4abc")), RuntimeError),
        (lambda load: load(written_here(1), mmap=True), ValueError),
        (lambda load: load(io.BytesIO(), pickle_module=pickle, weights_only=True), RuntimeError),
        (lambda load: load(3), AttributeError),
    ]
    for attempt, error in cases:
        for load in (torch.load, serialization.load):
            with pytest.raises(error):
                attempt(load)
    for save in (torch.save, serialization.save):
        with pytest.raises(RuntimeError):
            save(1, tmp_path / "none" / "a.pt")
        with pytest.raises(AttributeError):
            save(1, 3)


LAYERS = {
    "Linear": (lambda nn: nn.Linear(3, 4), (2, 3)),
    "RNN": (lambda nn: nn.RNN(3, 4), (5, 2, 3)),
    "LSTM": (lambda nn: nn.LSTM(3, 4, num_layers=2, bidirectional=True), (5, 2, 3)),
    "GRU": (lambda nn: nn.GRU(3, 4, batch_first=True), (2, 5, 3)),
    "LSTMCell": (lambda nn: nn.LSTMCell(3, 4), (2, 3)),
    "LayerNorm": (lambda nn: nn.LayerNorm(3), (2, 3)),
    "BatchNorm1d": (lambda nn: nn.BatchNorm1d(3), (4, 3)),
    "Sequential": (lambda nn: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.0)), (2, 3)),
}


@pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS.keys())
def test_whole_modules_of_torch(make, shape):
    """A module pickled whole becomes the module of that name here, and computes the same."""
    theirs = make(torch.nn)
    ours = serialization.load(written_by_torch(theirs), weights_only=False)
    assert type(ours) is type(make(minigrad.nn))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    wanted, got = theirs(torch.from_numpy(x)), ours(minigrad.ops.from_numpy(x))
    wanted, got = (wanted[0], got[0]) if isinstance(wanted, tuple) else (wanted, got)
    np.testing.assert_allclose(got.detach().numpy(), wanted.detach().numpy(), rtol=1e-5, atol=1e-6)
    got.sum().backward()
    assert all(parameter.grad is not None for parameter in ours.parameters())


def test_a_module_of_torch_that_is_allowed():
    file = written_by_torch(torch.nn.Linear(2, 2))
    with pytest.raises(serialization.UnpicklingError, match=r"torch\.nn\.modules\.linear\.Linear"):
        serialization.load(file)
    file.seek(0)
    with serialization.safe_globals([minigrad.nn.Linear]):
        assert type(serialization.load(file)) is minigrad.nn.Linear


def _hook(*arguments):
    pass


def test_a_module_of_torch_with_hooks():
    theirs = torch.nn.Linear(2, 2)
    theirs.register_forward_hook(_hook)
    with pytest.raises(ValueError, match="carries hooks"):
        serialization.load(written_by_torch(theirs), weights_only=False)


def test_a_whole_optimizer_of_torch():
    model = torch.nn.Linear(2, 2)
    theirs = torch.optim.Adam(model.parameters(), lr=0.25)
    model(torch.randn(3, 2)).sum().backward()
    theirs.step()
    ours = serialization.load(written_by_torch(theirs), weights_only=False)
    assert type(ours) is minigrad.optim.Adam
    assert ours.param_groups[0]["lr"] == 0.25
    moments = [state["exp_avg"].detach().numpy() for state in ours.state.values()]
    for got, state in zip(moments, theirs.state.values(), strict=True):
        np.testing.assert_array_equal(got, state["exp_avg"].numpy())

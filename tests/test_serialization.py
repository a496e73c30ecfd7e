"""Files: what goes in comes out, what PyTorch wrote is read, what is damaged or hostile is refused."""

import collections
import errno
import io
import os
import pickle
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from minigrad import backend, dtypes, nn, optim, serialization
from minigrad.nn.parameter import Buffer, Parameter
from minigrad.serialization import FileError, UnpicklingError, atomic, legacy, zip_reader, zip_writer
from minigrad.serialization.tensors import Size, Tensor, from_array
from minigrad.serialization.zip_reader import ZipReader
from tests.pickle_parts import archive, call, name, storage, tensor, tuple_of, value

DATA = Path(__file__).parent / "data"
RAMP = np.arange(12, dtype=np.float32).reshape(3, 4)


def saved(obj, **options) -> io.BytesIO:
    file = io.BytesIO()
    serialization.save(obj, file, **options)
    file.seek(0)
    return file


def round_trip(obj, protocol: int = 2, **options):
    return serialization.load(saved(obj, pickle_protocol=protocol), **options)


def boxed(array, requires_grad: bool = False) -> Tensor:
    return from_array(np.asarray(array), requires_grad)


def same(tensor: Tensor, array) -> bool:
    array = np.asarray(array)
    got = tensor.array
    return (
        type(got) is np.ndarray
        and got.dtype == array.dtype
        and got.shape == array.shape
        and np.array_equal(got, array)
    )


# ---- what PyTorch wrote --------------------------------------------------------------------------
TENSORS = {
    "whole": RAMP,
    "transposed": RAMP.T,
    "part": RAMP[1:, ::2],
    "scalar": np.float64(2.5),
    "empty": np.zeros((0, 3), np.int16),
    "mask": np.array([True, False]),
    "half": np.array([1, -2], np.float16),
    "brain": np.array([1.5, -3], np.float32),
    "unsigned": np.array([1, 65535], np.uint16),
    "complex": np.array([1 + 2j, -3j], np.complex64),
    "conjugate": np.array([1 - 2j, 3j], np.complex64),
    "expanded": np.full((2, 3), 7, np.float32),
    "parameter": np.array([0.5], np.float32),
    "frozen": np.array([0.25], np.float32),
}


@pytest.mark.parametrize("options", [{}, {"mmap": True}, {"weights_only": False}, {"map_location": "cpu"}])
def test_tensors_written_by_pytorch(options):
    loaded = serialization.load(DATA / "tensors.pt", **options)
    assert type(loaded) is OrderedDict
    assert list(loaded) == list(TENSORS)
    for key, array in TENSORS.items():
        assert same(loaded[key], array), key
    assert [type(loaded[k]) for k in ("whole", "parameter", "frozen")] == [Tensor, Parameter, Parameter]
    assert [loaded[k].requires_grad for k in ("whole", "parameter", "frozen")] == [False, True, False]
    loaded["whole"].array[2, 0] = -1
    assert loaded["transposed"].array[0, 2] == -1, "sharing is kept"
    assert loaded["part"].array[1, 0] == -1


def test_containers_written_by_pytorch():
    loaded = serialization.load(str(DATA / "containers.pt"))
    assert loaded["numbers"] == [1, -2, 3.5, True, None, 10**30, 1 + 2j]
    assert loaded["text"] == ("a", "é", b"bytes", bytearray(b"array"))
    assert (loaded["set"], loaded["dtype"]) == ({1, 2}, dtypes.float32)
    assert type(loaded["size"]) is Size
    assert loaded["size"] == (2, 3)
    assert loaded["device"] == backend.device("cpu")
    assert same(loaded[7]["nested"]["x"], np.array([1, 2]))


def test_mapped_storages_do_not_change_the_file():
    before = (DATA / "tensors.pt").read_bytes()
    loaded = serialization.load(DATA / "tensors.pt", mmap=True)
    loaded["whole"].array[:] = 9
    assert (DATA / "tensors.pt").read_bytes() == before


# ---- the format from before 1.6 ------------------------------------------------------------------
def legacy_file(count=4, identity=None, keys=("0",), stored=None, system=None, data=bytes(16)) -> bytes:
    """A file of that format, put together by hand."""
    identity = storage(count=count)[:-2] + value(None) + b"tQ" if identity is None else identity
    system = {"protocol_version": 1001, "little_endian": True} if system is None else system
    parts = (value(1001), value(system), tensor(identity, size=(2,)), value(list(keys)))
    pickles = b"".join(b"\x80\x02" + part + b"." for part in parts)
    stored = count if stored is None else stored
    return legacy.START + pickles + stored.to_bytes(8, "little") + data


def test_the_format_from_before_1_6_is_read():
    loaded = serialization.load(DATA / "legacy.pt", map_location="cpu")
    assert same(loaded, np.array([1], np.float32))
    values = np.array([1.5, -2, 3, 4], np.float32)
    assert same(serialization.load(io.BytesIO(legacy_file(data=values.tobytes()))), values[:2])
    swapped = legacy_file(
        system={"little_endian": False}, stored=4 << 56, data=values.astype(">f4").tobytes()
    )
    assert same(serialization.load(io.BytesIO(swapped)), values[:2])
    for options in ({"mmap": True}, {"weights_only": False}):
        with pytest.raises(FileError, match=f"before 1.6, which {next(iter(options))}.* does not read"):
            serialization.load(DATA / "legacy.pt", **options)


OF_BEFORE = {
    "cut": (legacy_file()[:-1], "not as long as the object says"),
    "another count": (legacy_file(stored=3), "not as long as the object says"),
    "too large": (legacy_file(count=2**40), "more than the file"),
    "endless": (legacy_file(count=2**62), "more than the file"),
    "other keys": (legacy_file(keys=("1",)), "not those that the object speaks of"),
    "no keys": (legacy_file(keys=(("0",),)), "not those that the object speaks of"),
    "no facts": (legacy_file(system=[]), "beginning is damaged"),
    "a view": (legacy_file(identity=storage()[:-2] + value(("0", 0, 4)) + b"tQ"), "a view of another"),
    "five parts": (legacy_file(identity=storage()), "no storage"),
    "only its head": (legacy.START, "malformed|damaged"),
}


@pytest.mark.parametrize(("data", "message"), OF_BEFORE.values(), ids=OF_BEFORE.keys())
def test_hostile_files_of_before(data, message):
    with pytest.raises(FileError, match=message):
        serialization.load(io.BytesIO(data))


def test_unsafe_globals_are_named_without_loading(tmp_path):
    assert serialization.get_unsafe_globals_in_checkpoint(DATA / "tensors.pt") == []
    assert serialization.get_unsafe_globals_in_checkpoint(DATA / "legacy.pt") == []
    for protocol in (2, 4):
        file = saved([boxed(RAMP), Point(1), Point(3), slice(1)], pickle_protocol=protocol)
        names = ["builtins.slice", f"{__name__}.Point"]
        assert serialization.get_unsafe_globals_in_checkpoint(file) == names
        file.seek(0)
        with serialization.safe_globals([Point]):
            assert serialization.get_unsafe_globals_in_checkpoint(file) == names[:1]
    with pytest.raises(UnpicklingError, match="malformed"):
        serialization.get_unsafe_globals_in_checkpoint(archive(b"\x93"))


def test_state_dict_keeps_its_metadata():
    loaded = serialization.load(DATA / "lstm.pt")
    assert list(loaded) == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    assert loaded._metadata == {"": {"version": 1}}
    again = round_trip(loaded)
    assert again._metadata == loaded._metadata
    assert same(again["bias_ih_l0"], loaded["bias_ih_l0"].array)


# ---- what goes in comes out ----------------------------------------------------------------------
PLAIN = [
    *(None, True, False, 0, -1, 255, 256, 65536, 2**31, -(2**31) - 1, 10**100, 0.5, -1e300, float("inf")),
    *("", "a", "é", "\ud800", "x" * 300, b"", b"a\xff", bytearray(b""), bytearray(b"ab"), 2 - 1j),
    *([], (), {}, set(), [1, [2, [3]]], (1, 2, 3, 4), {1: "a", "b": (2,), None: [True]}, {1, "a", (2, 3)}),
    *(OrderedDict(b=1, a=2), collections.Counter("abca"), Size((2, 3)), Size(()), backend.device("cpu")),
    *dtypes.ALL,
]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("item", PLAIN, ids=lambda item: f"{type(item).__name__}-{item!r:.20}")
def test_plain_values(item, protocol):
    got = serialization.load(saved([item, item], pickle_protocol=protocol))
    assert got == [item, item]
    assert type(got[0]) is type(item)


@given(
    array=st.sampled_from([d.numpy for d in dtypes.ALL]).flatmap(
        lambda d: arrays.arrays(d, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    ),
    reverse=st.booleans(),
    step=st.integers(1, 3),
    tracked=st.booleans(),
)
def test_arrays(array, reverse, step, tracked):
    """Any dtype and shape, also transposed, strided, and read backwards."""
    view = array.T[::-step] if reverse and array.ndim else array[..., ::step] if array.ndim else array
    tracked = tracked and view.dtype.kind in "fc"
    got = round_trip(boxed(view, tracked))
    assert got.array.dtype == view.dtype
    assert got.requires_grad is tracked
    np.testing.assert_array_equal(got.array, view)
    assert got.array.strides == view.strides or reverse or view.size == 0 or 1 in view.shape


def test_shared_memory_is_written_once_and_stays_shared():
    base = np.random.default_rng(0).standard_normal(1000)
    odd, even, parameter = boxed(base[1::2]), boxed(base[::2]), Parameter(boxed(base[:3]))
    file = saved({"none": boxed(base[:0]), "odd": odd, "even": even, "also": [odd], "parameter": parameter})
    assert len(file.getvalue()) < 1.5 * base.nbytes
    got = serialization.load(file)
    assert got["also"][0] is got["odd"]
    got["even"].array[1] = 99
    assert got["parameter"].array[2] == 99
    assert same(got["odd"], base[1::2])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_in_every_protocol(protocol):
    first, second = boxed(RAMP), Parameter(boxed(np.ones(2)))
    obj = [first, dtypes.float32, second, "x", first, Size((1,)), "x", [second]]
    got = round_trip(obj, protocol)
    assert got[0] is got[4]
    assert got[2] is got[7][0]
    assert got[1] is dtypes.float32
    assert got[3] == got[6] == "x"
    assert same(got[0], RAMP)
    assert same(got[2], np.ones(2))


def test_only_what_a_view_reaches_is_written():
    base = np.zeros(100_000)
    assert len(saved([boxed(base[:2]), boxed(base[50:52])]).getvalue()) < 3000


def test_overlap_of_two_dtypes_is_refused():
    base = np.zeros(4, np.float32)
    with pytest.raises(RuntimeError, match=r"float32 and int32 share memory.*clone"):
        serialization.save([boxed(base), boxed(base.view(np.int32))], io.BytesIO())


def test_tensors_that_share_with_nothing_have_storages_of_their_own():
    base = np.arange(10.0)
    got = round_trip([boxed(base[:5]), boxed(base[5:])])
    assert not np.shares_memory(got[0].array.base, got[1].array.base)


def test_attributes_of_a_tensor_are_kept():
    noted, parameter = boxed(RAMP, True), Parameter(boxed(RAMP))
    noted.note, parameter.note = "a", ["b"]
    got = round_trip([noted, parameter])
    assert (got[0].note, got[1].note) == ("a", ["b"])
    assert type(got[1]) is Parameter
    assert got[0].requires_grad


def test_buffers_are_plain_tensors():
    got = round_trip(Buffer(boxed(RAMP), persistent=False))
    assert type(got) is Tensor
    assert same(got, RAMP)
    assert got.persistent is False


def test_attributes_of_a_tensor_may_not_hide_its_methods():
    state = value({"requires_grad": True})
    arguments = (name("torch._utils._rebuild_tensor_v2"), name("torch.Tensor"))
    inner = tuple_of(storage(), value(0), value((4,)), value((1,)), value(False), value({}))
    file = archive(call("torch._tensor._rebuild_from_type_v2", *arguments, inner, value({"note": "kept"})))
    assert serialization.load(file).note == "kept"
    with pytest.raises(UnpicklingError, match="hide its methods"):
        serialization.load(archive(call("torch._tensor._rebuild_from_type_v2", *arguments, inner, state)))


def test_two_files_of_the_same_object_are_equal():
    obj = {"a": boxed(RAMP), "b": [1, 2]}
    assert saved(obj).getvalue() == saved(obj).getvalue()


def test_several_archives_in_one_file_object():
    file = io.BytesIO(b"prefix")
    file.seek(6)
    serialization.save([1, boxed(RAMP)], file)
    file.seek(6)
    assert same(serialization.load(file)[1], RAMP)


# ---- arguments -----------------------------------------------------------------------------------
def test_map_location():
    seen = []

    def place(memory, location):
        seen.append((memory.size(), memory.nbytes(), location, str(memory.device)))
        return memory.cpu() if len(seen) == 1 else None

    there = archive(tensor(storage(location="cuda:3")))
    for where in ("cpu", backend.device("cpu"), {"cuda:3": "cpu"}, lambda memory, location: memory):
        there.seek(0)
        assert same(serialization.load(there, map_location=where), np.ones(4, np.float32))
    assert len(serialization.load(saved([boxed(RAMP), boxed(np.zeros(2))]), place)) == 2
    assert seen == [(12, 48, "cpu", "cpu"), (2, 16, "cpu", "cpu")]


def test_map_location_errors():
    there = archive(tensor(storage(location="xla:0")))
    with pytest.raises(FileError, match=r"tensors of device 'xla:0'.*map_location='cpu'"):
        serialization.load(there)
    with pytest.raises(TypeError, match="must return a storage or None, not int"):
        serialization.load(saved(boxed(RAMP)), map_location=lambda memory, location: 3)
    with pytest.raises(KeyError, match="mine"):
        serialization.load(saved(boxed(RAMP)), map_location=lambda memory, location: {}["mine"])


def test_arguments_that_cannot_be_met_say_so():
    with pytest.raises(RuntimeError, match="pickle_module cannot be chosen"):
        serialization.load(saved(1), pickle_module=pickle)
    with pytest.raises(ValueError, match="must be a path"):
        serialization.load(saved(1), mmap=True)
    with pytest.warns(UserWarning, match="errors only work with weights_only=False"):
        serialization.load(saved(1), errors="strict")
    with pytest.raises(AttributeError, match="'write'"):
        serialization.save(1, 2)
    with pytest.raises(AttributeError, match="seekable"):
        serialization.load(2)
    with pytest.raises(NotImplementedError, match=r"before PyTorch 1\.6"):
        serialization.save(1, io.BytesIO(), _use_new_zipfile_serialization=False)
    with pytest.raises(NotImplementedError, match="pickle_module"):
        serialization.save(1, io.BytesIO(), pickle_module=io)
    with pytest.raises(ValueError, match="pickle_protocol=0"):
        serialization.save(1, io.BytesIO(), pickle_protocol=0)
    with pytest.raises(FileNotFoundError):
        serialization.load("no such file.pt")


def test_a_file_that_cannot_seek():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    with pytest.raises(io.UnsupportedOperation, match="BytesIO"):
        serialization.load(Pipe(saved(1).getvalue()))


def test_a_file_without_readinto():
    class Old:
        def __init__(self, file):
            self.read, self.seek, self.tell = file.read, file.seek, file.tell

    assert same(serialization.load(Old(saved(boxed(RAMP)))), RAMP)


def test_the_other_byte_order():
    swapped = np.array([1, 2, 3, 4], ">f4").tobytes()
    file = archive(tensor(), {"data/0": swapped, "byteorder": b"big"})
    assert same(serialization.load(file), np.array([1, 2, 3, 4], np.float32))


# ---- weights_only --------------------------------------------------------------------------------
class Point:
    """A class of a user's."""

    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return self.x == other.x


Pair = collections.namedtuple("Pair", "first second")


def test_other_classes_need_to_be_allowed():
    file = saved({"point": Point(boxed(RAMP)), "pair": Pair(1, 2)})
    with pytest.raises(UnpicklingError, match=r"test_serialization\.Point.*add_safe_globals\(\[Point\]\)"):
        serialization.load(file)
    file.seek(0)
    with serialization.safe_globals([Point, Pair]):
        assert serialization.get_safe_globals() == [Point, Pair]
        got = serialization.load(file)
    assert same(got["point"].x, RAMP)
    assert got["pair"] == Pair(1, 2)
    assert serialization.get_safe_globals() == []
    file.seek(0)
    assert same(serialization.load(file, weights_only=False)["point"].x, RAMP)


def test_allowed_under_another_name():
    file = archive(name("old.place.Point") + b")\x81" + value({"x": 3}) + b"b")
    serialization.add_safe_globals([(Point, "old.place.Point")])
    try:
        assert serialization.load(file) == Point(3)
    finally:
        serialization.clear_safe_globals()
    assert serialization.get_safe_globals() == []


@pytest.mark.parametrize(("entry", "error"), [((1, 2, 3), ValueError), ((Point, 2), TypeError)])
def test_what_cannot_be_allowed(entry, error):
    with pytest.raises(error, match="add_safe_globals"):
        serialization.add_safe_globals([entry])


def test_blocked_modules_stay_blocked():
    with (
        serialization.safe_globals([(os.getcwd, "os.getcwd")]),
        pytest.raises(UnpicklingError, match="blocked"),
    ):
        serialization.load(archive(call("os.getcwd")))


def test_numpy_objects_need_weights_only_false():
    obj = {"array": np.arange(3), "scalar": np.float32(1.5)}
    with pytest.raises(UnpicklingError, match="numpy"):
        round_trip(obj)
    got = round_trip(obj, weights_only=False)
    assert np.array_equal(got["array"], np.arange(3))
    assert got["scalar"] == 1.5
    old = archive(name("numpy.core.multiarray._reconstruct"), {})
    assert serialization.load(old, weights_only=False) is np._core.multiarray._reconstruct


def test_pickle_errors_are_of_the_documented_kind_without_weights_only_too():
    for instructions in (
        b"(",
        b"\xff",
        b"X\xff\xff\xff\x7f",
        name("torch.nope.Nothing"),
        name("torch.BitsStorage"),
    ):
        with pytest.raises(UnpicklingError):
            serialization.load(archive(instructions), weights_only=False)


# ---- whole modules -------------------------------------------------------------------------------
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.GRU(3, 4)
        self.head = nn.Linear(4, 2)
        self.tied = self.head
        self.register_buffer("scale", boxed(np.float32(2)), persistent=False)

    def forward(self, x):
        return self.head(self.body(x)[0]) * self.scale


def test_whole_modules(tmp_path):
    net = Net()
    serialization.save(net, tmp_path / "net.pt")
    with pytest.raises(UnpicklingError, match=r"test_serialization\.Net"):
        serialization.load(tmp_path / "net.pt")
    got = serialization.load(tmp_path / "net.pt", weights_only=False)
    x = boxed(np.random.default_rng(0).standard_normal((5, 2, 3)).astype(np.float32))
    np.testing.assert_array_equal(got(x).detach().numpy(), net(x).detach().numpy())
    assert got.tied is got.head
    assert list(got.state_dict()) == list(net.state_dict())
    assert [type(p) for p in got.parameters()] == [Parameter] * 6


def test_training_goes_on_where_it_was_saved():
    """Model and optimizer, saved in the middle and loaded into new ones, train as if nothing had happened."""
    x = boxed(np.random.default_rng(0).standard_normal((5, 2, 3)).astype(np.float32))

    def steps(model, optimizer, count):
        for _ in range(count):
            optimizer.zero_grad()
            (model(x) ** 2).sum().backward()
            optimizer.step()
        return [p.detach().numpy().copy() for p in model.parameters()]

    first = Net()
    adam = optim.Adam(first.parameters(), lr=0.1)
    steps(first, adam, 2)
    checkpoint = round_trip({"model": first.state_dict(), "optimizer": adam.state_dict(), "epoch": 2})
    second = Net()
    other = optim.Adam(second.parameters(), lr=0.5)
    second.load_state_dict(checkpoint["model"])
    other.load_state_dict(checkpoint["optimizer"])
    for got, wanted in zip(steps(second, other, 3), steps(first, adam, 3), strict=True):
        np.testing.assert_array_equal(got, wanted)


# ---- hostile pickles -----------------------------------------------------------------------------
def nested_tuples(depth: int, width: int) -> bytes:
    """A tuple of `width` references to a tuple of ..., by the memo: `width ** depth` leaves in few bytes."""
    return b")q\0" + (b"(" + b"h\0" * width + b"tq\0") * depth


def put(place: int) -> bytes:
    return b"r" + place.to_bytes(4, "little")


def get(place: int) -> bytes:
    return b"j" + place.to_bytes(4, "little")


COPY = name("_codecs.encode") + b"(h\x09" + value("latin1") + b"tR"
HOSTILE = {
    "calls a function": call("os.system", value("true")),
    "calls eval": call("builtins.eval", value("1")),
    "reaches an attribute": call("builtins.getattr", value(1), value("real")),
    "imports by stack": value("os") + value("system") + b"\x93",
    "names a blocked module": name("posix.system"),
    "names a torch function": call("torch.load", value("/etc/passwd")),
    "names an unknown storage": tensor(storage("torch.Float8_e4m3fnStorage")),
    "names a sparse tensor": call("torch._utils._rebuild_sparse_tensor"),
    "names a missing dtype": name("torch.bfloat16"),
    "names an unknown dtype": name("torch.float8_e5m2"),
    "calls text": value("x") + b")R",
    "calls a tuple that is slow to hash": nested_tuples(60, 2) + b")R",
    "call without a tuple": name("collections.OrderedDict") + value([1]) + b"R",
    "OrderedDict of numbers": call("collections.OrderedDict", value([1, 2])),
    "OrderedDict of text": call("collections.OrderedDict", value("abcd")),
    "OrderedDict of a tensor": call("collections.OrderedDict", tensor()),
    "Counter of text": call("collections.Counter", value("abc")),
    "set of text": call("builtins.set", value("abc")),
    "bytearray by size": call("builtins.bytearray", value(10**12)),
    "bytes by size": call("builtins.bytes", value(10**12)),
    "another codec": call("_codecs.encode", value("x"), value("idna")),
    "codec of a tensor": call("_codecs.encode", value("x"), tensor()),
    "complex of text": call("builtins.complex", value("1"), value(1)),
    "Size of text": call("torch.Size", value(("a",))),
    "Size of huge numbers": call("torch.Size", value((2**70,))),
    "device of another kind": call("torch.device", value("toaster")),
    "device with many digits": call("torch.device", value("cuda:" + "9" * 5000)),
    "makes an object": name("builtins.set") + b")\x81",
    "makes a tensor by class": name("torch.Tensor") + b")\x81",
    "calls a tensor class": call("torch.Tensor", value(10**12)),
    "calls a parameter class": call("torch.nn.parameter.Parameter", tensor()),
    "sets a list's state": value([1]) + value({"a": 1}) + b"b",
    "sets a tensor's state": tensor() + value({"a": 1}) + b"b",
    "OrderedDict loses its methods": call("collections.OrderedDict") + value({"items": 1}) + b"b",
    "OrderedDict state is no dict": call("collections.OrderedDict") + value([1]) + b"b",
    "appends to a tuple": value((1,)) + value(2) + b"a",
    "appends to a tensor": tensor() + value(2) + b"a",
    "sets items of a list": value([1]) + b"(" + value(0) + value(1) + b"u",
    "odd number of items": b"}(" + value(0) + b"u",
    "list as key": b"}(" + value([1]) + value(1) + b"u",
    "tensor as key": b"}(" + tensor() + value(1) + b"u",
    "complex as key": b"}(" + call("builtins.complex", value(1), value(2)) + value(1) + b"u",
    "huge number as key": b"}(" + value(2**100) + value(1) + b"u",
    "tuple that is slow to hash as key": b"}(" + nested_tuples(60, 2) + value(1) + b"u",
    "deep tuple as key": b"}(" + b")" + b"\x85" * 300_000 + value(1) + b"u",
    "deep tuple in a set": call("builtins.set", b"](" + b")" + b"\x85" * 300_000 + b"e"),
    "deep lists": b"]" * 10_000 + b"a" * 9_999,
    "deep marks": b"(" * 10_000 + b"t" * 10_000,
    "deep dicts": (b"}" + value("a")) * 600 + b"}" + b"s" * 600,
    "deep, filled from outside": b"".join(b"]" + put(i) for i in range(600))
    + b"".join(get(i) + get(i + 1) + b"a" for i in range(599))
    + get(0),
    "shared without bound": nested_tuples(60, 2),
    "shared lists without bound": b"]q\0" + b"".join(b"](h\0h\0eq\0" for _ in range(60)),
    "lists shared by many": b"](" + value(list(range(5000))) + b"q\x09" + b"h\x09" * 5000 + b"e",
    "shared as a storage's word": tuple_of(nested_tuples(60, 2), *[b"N"] * 4) + b"Q",
    "shared as a storage's key": tuple_of(
        value("storage"), name("torch.FloatStorage"), nested_tuples(60, 2), b"NN"
    )
    + b"Q",
    "shared as requires_grad": call(
        "torch._utils._rebuild_tensor_v2", storage(), *map(value, (0, (4,), (1,))), nested_tuples(60, 2), b"N"
    ),
    "shared as a size": call(
        "torch._utils._rebuild_tensor_v2", storage(), b"K\0", nested_tuples(60, 2), b"K\0\x85", b"\x89N"
    ),
    "shared as a class": nested_tuples(60, 2) + b")\x81",
    "shared as a target": nested_tuples(60, 2) + value({"a": 1}) + b"b",
    "shared as a list": nested_tuples(60, 2) + value(1) + b"a",
    "shared as pairs": call("collections.OrderedDict", b"](" + nested_tuples(60, 2) + b"e"),
    "shared as a codec": call("_codecs.encode", value("x"), nested_tuples(60, 2)),
    "shared as flags": tensor(None, 0, (4,), (1,), False, nested_tuples(60, 2)),
    "shared as attributes": call(
        "torch._tensor._rebuild_from_type_v2",
        name("torch._utils._rebuild_tensor_v2"),
        name("torch.Tensor"),
        tuple_of(storage(), *map(value, (0, (4,), (1,), False, {}))),
        nested_tuples(60, 2),
    ),
    "copies without bound": b"](" + value("x" * 10_000) + b"q\x09" + COPY * 1000 + b"e",
    "unknown instruction": b"\xff",
    "text instruction": b"I1\n",
    "extension": b"\x82\x01",
    "buffer": b"\x97",
    "empty stack": b"t",
    "underflow": value(1) + b"\x87",
    "underflow of append": b"a",
    "nothing memoized": b"h\x07",
    "memo of nothing": b"q\0",
    "ends in a text": b"X\xff\xff\xff\xff",
    "ends in a number": b"J\0",
    "ends in a name": b"ccollections",
    "name is not UTF-8": b"c\xff\xff\nx\n",
    "text is not UTF-8": b"X\x02\0\0\0\xff\xff",
    "name by number": value(1) + value(2) + b"\x93",
    "no result": b"0",
    "storage of nothing": b"Q",
    "storage by number": value(1) + b"Q",
    "storage of another word": tuple_of(
        value("module"), name("torch.FloatStorage"), value("0"), value("cpu"), value(4)
    )
    + b"Q",
    "storage word is a tensor": tuple_of(
        tensor(), name("torch.FloatStorage"), value("0"), value("cpu"), value(4)
    )
    + b"Q",
    "storage of a class": storage("collections.OrderedDict"),
    "storage of a dtype": storage("torch.float32"),
    "storage elsewhere": storage(key="../../byteorder"),
    "storage missing": storage(key="1"),
    "storage key is a number": storage(key=0),
    "storage too long": storage(count=5),
    "storage too short": storage(count=3),
    "storage negative": storage(count=-4),
    "storage absurd": storage(count=2**62),
    "storage beyond floats": storage(count=10**500),
    "storage with a long location": storage(location="cuda:" + "9" * 5000),
    "storage in two ways": tuple_of(storage(), storage("torch.IntStorage")),
    "tensor without storage": tensor(value(1)),
    "tensor of too few": call("torch._utils._rebuild_tensor_v2", storage()),
    "offset beyond": tensor(offset=1),
    "offset negative": tensor(offset=-1),
    "offset huge": tensor(offset=2**63),
    "offset no integer": tensor(offset=1.0),
    "offset true": tensor(offset=True),
    "size beyond": tensor(size=(5,)),
    "size negative": tensor(size=(-1,)),
    "size huge": tensor(size=(2**62, 4), stride=(0, 1)),
    "size no tuple": tensor(size=4),
    "size text": tensor(size="4"),
    "size overflows to fit": tensor(size=(2**33, 2**33), stride=(2**33, 2**33)),
    "stride beyond": tensor(size=(2, 2), stride=(3, 1)),
    "stride negative": tensor(size=(2,), stride=(-1,)),
    "stride of another length": tensor(size=(2, 2), stride=(1,)),
    "stride overflows": tensor(size=(3,), stride=(2**63 - 1,)),
    "expanded without bound": tensor(size=(2**40,), stride=(0,)),
    "empty but absurd": tensor(size=(0, 2**40), stride=(1, 1)),
    "too many dimensions": tensor(size=(1,) * 65, stride=(1,) * 65),
    "requires_grad is a number": tensor(tracked=2),
    "integers that require grad": tensor(storage("torch.IntStorage"), 0, (4,), (1,), True),
    "booleans of other bytes": tensor(storage("torch.BoolStorage", count=16)),
    "hooks": call(
        "torch._utils._rebuild_tensor_v2", storage(), *map(value, (0, (4,), (1,), False)), value({1: 2})
    ),
    "hooks are a tensor": call(
        "torch._utils._rebuild_tensor_v2", storage(), *map(value, (0, (4,), (1,), False)), tensor()
    ),
    "flags of another kind": tensor(None, 0, (4,), (1,), False, value({"zero": True})),
    "flags no dict": tensor(None, 0, (4,), (1,), False, value([1])),
    "conjugates without bound": b"](" + tensor(None, 0, (4,), (1,), False, value({"neg": True})) * 100 + b"e",
    "version 3 on typed storage": call(
        "torch._utils._rebuild_tensor_v3",
        storage(),
        *map(value, (0, (4,), (1,), False, {})),
        name("torch.float32"),
    ),
    "version 3 of no dtype": call(
        "torch._utils._rebuild_tensor_v3",
        storage("torch.storage.UntypedStorage", count=16),
        *map(value, (0, (4,), (1,), False, {}, 1)),
    ),
    "version 3 beyond": call(
        "torch._utils._rebuild_tensor_v3",
        storage("torch.storage.UntypedStorage", count=16),
        *map(value, (0, (3,), (1,), False, {})),
        name("torch.float64"),
    ),
    "parameter of text": call("torch._utils._rebuild_parameter", value("x"), value(True), value({})),
    "subclass by function": call(
        "torch._tensor._rebuild_from_type_v2",
        name("builtins.set"),
        name("torch.Tensor"),
        value(()),
        value({}),
    ),
    "subclass of another type": call(
        "torch._tensor._rebuild_from_type_v2",
        name("torch._utils._rebuild_tensor_v2"),
        tensor(),
        value(()),
        value({}),
    ),
}


@pytest.mark.parametrize("instructions", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_pickles(instructions):
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(UnpicklingError if b"Q" not in instructions else FileError) as caught:
            serialization.load(archive(instructions))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.startswith("load: <BytesIO>: ")
    assert len(message) < 500
    assert "\n" not in message
    assert peak < 20e6 + 300 * len(instructions)
    assert time.process_time() - start < 5


BEYOND = [
    key for key in HOSTILE if key.endswith("beyond") or key in ("size overflows to fit", "stride overflows")
]


@pytest.mark.parametrize("key", BEYOND)
def test_bounds_are_checked_before_any_array_is_made(key):
    with pytest.raises(UnpicklingError, match="reaches beyond its storage of"):
        serialization.load(archive(HOSTILE[key]))


def test_honest_sharing_is_not_hostile():
    shared = ["a", {"b": 1}]
    obj = {"many": [shared] * 1000, "keys": {(i, str(i)): i for i in range(100)}, "cycle": []}
    obj["cycle"].append(obj["cycle"])
    got = round_trip(obj)
    assert got["many"][0] is got["many"][999]
    assert got["keys"] == obj["keys"]
    assert got["cycle"][0] is got["cycle"]


# ---- hostile archives ----------------------------------------------------------------------------
def patched(marker: bytes, offset: int, new: bytes, which: int = -1) -> bytes:
    """A good archive with some bytes after a marker replaced."""
    data = bytearray(saved({"a": boxed(RAMP)}).getvalue())
    places = [i for i in range(len(data)) if data.startswith(marker, i)]
    place = places[which] + offset
    data[place : place + len(new)] = new
    return bytes(data)


ARCHIVES = {
    "empty": (lambda: b"", "position is at its end"),
    "text": (lambda: b"hello", "not a file written by save"),
    "plain pickle": (lambda: pickle.dumps({}), "not a file written by save"),
    "tar": (lambda: b"\0" * 257 + b"ustar" + b"\0" * 300, r"before 0\.1\.10"),
    "cut short": (lambda: saved(boxed(RAMP)).getvalue()[:-30], "cut short"),
    "only its head": (lambda: b"PK\3\4", "cut short"),
    "something after it": (lambda: saved(1).getvalue() + b"x", "cut short"),
    "something before it": (lambda: b"PK\3\4" + saved(1).getvalue(), "contradict each other"),
    "TorchScript": (lambda: archive(b"N", {"constants.pkl": b""}).getvalue(), "TorchScript"),
    "no pickle": (lambda: _records({"version": b"3"}), "'data.pkl' is missing"),
    "no folder": (lambda: patched(b"archive/", 7, b"_").replace(b"archive/", b"archive_"), "no folder"),
    "newer version": (lambda: archive(b"N", {"version": b"99"}).getvalue(), "version b'99'"),
    "version in words": (lambda: archive(b"N", {"version": b"x"}).getvalue(), "version b'x'"),
    "byte order": (
        lambda: _records({"data.pkl": b"N.", "byteorder": b"middle"}),
        "neither 'little' nor 'big'",
    ),
    "two of one name": (lambda: _records([("data.pkl", b"N."), ("data.pkl", b"N.")]), "occurs twice"),
    "name with dots": (lambda: _records([("data.pkl", b"N."), ("../x", b"N.")]), "plain relative path"),
    "name with backslash": (lambda: _records([("data.pkl", b"N."), ("a\\b", b"N.")]), "plain relative path"),
    "name with zero": (lambda: _records([("data.pkl", b"N."), ("a\0b", b"N.")]), "plain relative path"),
    "compressed": (lambda: patched(b"PK\1\2", 10, b"\x08"), "compressed.*zip -0"),
    "compressed by size": (lambda: patched(b"PK\1\2", 20, b"\1"), "compressed"),
    "compressed in the header": (lambda: patched(b"PK\3\4", 8, b"\x08", which=0), "contradicts"),
    "encrypted": (lambda: patched(b"PK\1\2", 8, b"\x09"), "encrypted"),
    "checksum": (lambda: patched(b"PK\1\2", 16, b"\1\2\3\4", which=0), "does not match its checksum"),
    "damaged data": (lambda: patched(RAMP.tobytes()[:8], 0, b"\1\1"), "does not match its checksum"),
    "record beyond the file": (lambda: patched(b"PK\1\2", 20, b"\xff\xff\xff\x7f" * 2), "beyond its place"),
    "record on another": (lambda: patched(b"PK\1\2", 42, b"\0\0\0\0", which=2), "beyond its place"),
    "name runs over": (lambda: patched(b"PK\1\2", 28, b"\xff\xff"), "is damaged"),
    "name not UTF-8": (lambda: patched(b"PK\1\2", 46, b"\xff"), "not UTF-8"),
    "header without signature": (lambda: patched(b"PK\3\4", 0, b"XK", which=4), "contradicts"),
    "header with a long name": (lambda: patched(b"PK\3\4", 26, b"\xff\xff", which=0), "contradicts"),
    "directory without signature": (lambda: patched(b"PK\1\2", 0, b"XK"), "entry of the zip's directory"),
    "endings disagree": (lambda: patched(b"PK\5\6", 8, b"\1\0\1\0"), "contradict each other"),
    "too many entries": (lambda: patched(b"PK\6\6", 32, b"\xff" * 7), "contradict each other"),
    "wide ending elsewhere": (lambda: patched(b"PK\6\7", 8, b"\xff" * 7), "cut short"),
    "wide size without field": (lambda: patched(b"PK\1\2", 20, b"\xff" * 8), "lacks its 64-bit size"),
}


def _records(records) -> bytes:
    file = io.BytesIO()
    writer = zip_writer.ZipWriter(file, "archive")
    for record, data in records.items() if isinstance(records, dict) else records:
        writer.write(record, data)
    writer.close()
    return file.getvalue()


@pytest.mark.parametrize(("make", "message"), ARCHIVES.values(), ids=ARCHIVES.keys())
@pytest.mark.parametrize("weights_only", [True, False])
def test_hostile_archives(make, message, weights_only, tmp_path):
    path = tmp_path / "bad.pt"
    path.write_bytes(make())
    with pytest.raises(FileError, match=message) as caught:
        serialization.load(path, weights_only=weights_only)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))


def test_records_that_overlap_many_times_are_refused():
    """A few kilobytes that would read as gigabytes: every entry points at the same bytes."""
    data = bytearray(_records({f"data/{i}": bytes(1000) for i in range(50)}))
    entries = [i for i in range(len(data)) if data.startswith(b"PK\1\2", i)]
    for place in entries:
        data[place + 42 : place + 46] = b"\0\0\0\0"
    with pytest.raises(FileError, match="beyond its place"):
        ZipReader(io.BytesIO(bytes(data)))


def test_wide_records(monkeypatch):
    """The 64-bit fields that records of 4 GiB need, at a limit low enough to test."""
    for module in (zip_writer, zip_reader):
        monkeypatch.setattr(module, "LIMIT_32", 1000)
    base = np.random.default_rng(1).standard_normal(500)
    got = serialization.load(saved([boxed(base), boxed(base[:3] + 1)]))
    assert same(got[0], base)
    assert same(got[1], base[:3] + 1)


def test_unaligned_storages_are_read_and_mapped(tmp_path):
    """A file packed again by a zip program has its records at any offset."""
    with zipfile.ZipFile(saved(boxed(RAMP))) as good, zipfile.ZipFile(tmp_path / "again.pt", "w") as again:
        for entry in good.namelist():
            again.writestr(entry, good.read(entry))
    for mmap in (False, True):
        got = serialization.load(tmp_path / "again.pt", mmap=mmap)
        assert same(got, RAMP)
        assert got.array.flags.aligned


def test_python_reads_the_zip_too():
    with zipfile.ZipFile(saved(boxed(RAMP))) as file:
        assert file.testzip() is None
        assert file.read("archive/data/0") == RAMP.tobytes()


# ---- atomicity -----------------------------------------------------------------------------------
def files_of(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "weights.pt"
    serialization.save(boxed(RAMP), path)
    before = path.read_bytes()
    write = zip_writer.ZipWriter.write

    def failing(self, record, data):
        if record.startswith("data/"):
            raise OSError(errno.ENOSPC, "no space")
        write(self, record, data)

    monkeypatch.setattr(zip_writer.ZipWriter, "write", failing)
    with pytest.raises(OSError, match="no space"):
        serialization.save(boxed(RAMP + 1), path)
    assert path.read_bytes() == before
    assert files_of(tmp_path) == ["weights.pt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MemoryError])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch, error, step):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"old")

    def failing(*arguments):
        raise error

    monkeypatch.setattr(atomic.os, step, failing)
    with pytest.raises(error):
        serialization.save(boxed(RAMP), path)
    assert path.read_bytes() == b"old"
    assert files_of(tmp_path) == ["weights.pt"]


def test_what_cannot_be_pickled_leaves_no_file(tmp_path):
    with pytest.raises((pickle.PicklingError, AttributeError)):
        serialization.save({"a": boxed(RAMP), "b": lambda: 0}, tmp_path / "weights.pt")
    assert files_of(tmp_path) == []


KILLED = """
import os, sys
import numpy as np
from minigrad import serialization
from minigrad.ops import from_numpy
from minigrad.serialization import zip_writer

write = zip_writer.ZipWriter.write

def dying(self, record, data):
    write(self, record, data)
    if record == "data/1":
        self.file.flush()
        os._exit(7)

zip_writer.ZipWriter.write = dying
serialization.save([from_numpy(np.ones(1000)), from_numpy(np.ones(1000))], sys.argv[1])
"""


def test_a_writer_that_is_killed_leaves_the_old_file(tmp_path):
    path = tmp_path / "weights.pt"
    serialization.save(boxed(RAMP), path)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, path], cwd=Path(__file__).parent.parent, check=False
    )
    assert ended.returncode == 7
    assert same(serialization.load(path), RAMP)


def test_every_moment_shows_a_whole_file(tmp_path):
    """A reader that looks again and again while files are replaced finds the one or the other."""
    path = tmp_path / "weights.pt"
    serialization.save(boxed(np.zeros(1000)), path)
    done = threading.Event()
    seen = []

    def read():
        while not done.is_set():
            seen.append(serialization.load(path).array)

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(1, 30):
        serialization.save(boxed(np.full(1000, float(i))), path)
    done.set()
    reader.join()
    assert seen
    assert all((array == array[0]).all() for array in seen)


def test_links_and_permissions_are_kept(tmp_path):
    real, link = tmp_path / "real.pt", tmp_path / "link.pt"
    serialization.save(1, real)
    assert real.stat().st_mode & 0o777 == 0o666 & ~_umask()
    real.chmod(0o640)
    link.symlink_to(real)
    serialization.save(2, link)
    assert link.is_symlink()
    assert serialization.load(real) == 2
    assert real.stat().st_mode & 0o777 == 0o640
    assert files_of(tmp_path) == ["link.pt", "real.pt"]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_devices_are_written_directly():
    serialization.save(boxed(RAMP), os.devnull)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(RuntimeError, match=r"none does not exist; make it with os\.makedirs"):
        serialization.save(1, tmp_path / "none" / "weights.pt")


@pytest.mark.parametrize("file_name", ["a.pt", "a.b.pt", "ä.pt", "-.pt", ".pt", "a b.pth", "..pt", "a\\b.pt"])
def test_any_file_name(tmp_path, file_name):
    serialization.save(boxed(RAMP), tmp_path / file_name)
    assert same(serialization.load(tmp_path / file_name), RAMP)

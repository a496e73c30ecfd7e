"""The .safetensors format: round trips, the layout on disk, and what damaged headers say."""

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from minigrad import dtypes, serialization
from minigrad.serialization import FileError, safetensors
from minigrad.serialization.tensors import from_array
from tests.test_serialization import same

KNOWN = [d for d in dtypes.ALL if d is not dtypes.complex128]


def boxed(array):
    return from_array(np.asarray(array), False)


def contents(header, body: bytes = b"") -> bytes:
    """A file with this header, a dict or text, and these bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(dtype="F32", shape=(2,), start=0, end=8) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


@given(
    st.dictionaries(
        st.text(max_size=8).filter(lambda s: s != "__metadata__"),
        st.sampled_from([d.numpy for d in KNOWN]).flatmap(
            lambda d: arrays.arrays(d, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
        ),
        max_size=4,
    )
)
def test_round_trip(tensors):
    got = safetensors.load(safetensors.save({name: boxed(array) for name, array in tensors.items()}))
    assert got.keys() == tensors.keys()
    for name, array in tensors.items():
        assert got[name].array.dtype == array.dtype
        assert got[name].array.shape == array.shape
        np.testing.assert_array_equal(got[name].array, array)


def test_files(tmp_path):
    path = tmp_path / "a.safetensors"
    ramp = np.arange(12, dtype=np.float32).reshape(3, 4)
    tensors = {"t": boxed(ramp.T), "f": boxed(np.float64(2.5)), "b": boxed([True, False])}
    safetensors.save_file(tensors, path, metadata={"format": "pt"})
    for options in ({}, {"mmap": True}, {"device": "cpu"}):
        got = safetensors.load_file(path, **options)
        assert list(got) == ["f", "t", "b"], "widest first, so that each is aligned"
        assert all(same(got[name], tensors[name].array) for name in tensors)
        got["t"].array[0] = 5
    assert same(safetensors.load_file(path)["t"], ramp.T), "a mapped tensor's changes stay in memory"
    assert same(serialization.load(path)["t"], ramp.T)
    assert os.listdir(tmp_path) == ["a.safetensors"]


def test_layout():
    """The bytes of the format's own description."""
    data = safetensors.save({"b": boxed(np.array([1], np.int8)), "a": boxed(np.array([2.0]))}, {"k": "v"})
    size = int.from_bytes(data[:8], "little")
    assert size % 8 == 0
    assert json.loads(data[8 : 8 + size]) == {
        "__metadata__": {"k": "v"},
        "a": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]},
        "b": {"dtype": "I8", "shape": [1], "data_offsets": [8, 9]},
    }
    assert data[8 + size :] == np.array([2.0]).tobytes() + b"\1"


def test_bfloat16_widens():
    values = np.array([1.5, -3.0, np.inf, np.nan], np.float32)
    body = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    got = safetensors.load(contents({"x": entry("BF16", (2, 2), 0, 8)}, body))["x"].array
    np.testing.assert_array_equal(got, values.reshape(2, 2))


def test_unaligned_tensors_are_aligned(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(contents(b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   ', b"\0\0\x80?" * 2))
    for mmap in (False, True):
        got = safetensors.load_file(path, mmap=mmap)["x"]
        assert same(got, np.ones(2, np.float32))
        assert got.array.flags.aligned


REFUSED_TO_SAVE = {
    "no dict": (lambda: [boxed([1.0])], {}, ValueError, "a dict of names"),
    "no name": (lambda: {1: boxed([1.0])}, {}, ValueError, "no name and tensor"),
    "no tensor": (lambda: {"a": 1.0}, {}, ValueError, "no name and tensor"),
    "reserved name": (lambda: {"__metadata__": boxed([1.0])}, {}, ValueError, "no name and tensor"),
    "dtype": (lambda: {"a": boxed([1j])}, {}, TypeError, "complex128, which the format does not know"),
    "metadata": (dict, {"metadata": {"a": 1}}, TypeError, "map text to text"),
}


@pytest.mark.parametrize(
    ("make", "options", "error", "message"), REFUSED_TO_SAVE.values(), ids=REFUSED_TO_SAVE.keys()
)
def test_what_cannot_be_saved(make, options, error, message):
    with pytest.raises(error, match=message):
        safetensors.save(make(), **options)


def test_shared_memory_is_refused():
    base = np.zeros(4)
    with pytest.raises(RuntimeError, match=r"'a' and 'b' share memory.*clone\(\)"):
        safetensors.save({"a": boxed(base), "b": boxed(base[1:])})
    safetensors.save({"a": boxed(base[:2]), "b": boxed(base[2:]), "c": boxed(base[:0]), "d": boxed(base[:0])})


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        safetensors.save_file({"a": boxed([1j])}, path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.safetensors"]


HOSTILE = {
    "empty": (b"", "longer than the file|too short"),
    "short": (b"\1\0\0", "longer than the file|too short"),
    "header beyond the file": ((1000).to_bytes(8, "little") + b"{}", "longer than the file"),
    "header absurd": (b"\xff" * 8 + b"{}", "longer than the file"),
    "no JSON": (contents(b"hello"), "no JSON"),
    "not UTF-8": (contents(b'{"\xff": 1}'), "no JSON"),
    "deep JSON": (contents(b"[" * 100_000), "no JSON"),
    "long number": (contents(b'{"a": ' + b"9" * 10_000 + b"}"), "no JSON"),
    "no object": (contents([]), "no JSON object"),
    "metadata no dict": (contents({"__metadata__": 1}), "text to text"),
    "metadata of numbers": (contents({"__metadata__": {"a": 1}}), "text to text"),
    "name twice": (contents(b'{"a": 1, "a": 1}'), "a name occurs twice"),
    "entry no dict": (contents({"a": 1}), "not described by"),
    "entry incomplete": (contents({"a": {"dtype": "F32", "shape": []}}), "not described by"),
    "entry with more": (contents({"a": {**entry(), "more": 1}}, bytes(8)), "not described by"),
    "dtype unknown": (contents({"a": entry("F8_E4M3")}, bytes(8)), "dtype 'F8_E4M3'"),
    "dtype no text": (contents({"a": entry(["F32"])}, bytes(8)), "dtype"),
    "shape no list": (contents({"a": {**entry(), "shape": 2}}, bytes(8)), "no whole numbers"),
    "shape negative": (contents({"a": entry(shape=(-2, -1))}, bytes(8)), "no whole numbers"),
    "shape of fractions": (contents({"a": entry(shape=(2.0,))}, bytes(8)), "no whole numbers"),
    "shape of truths": (contents({"a": entry(shape=(True, 2))}, bytes(8)), "no whole numbers"),
    "shape too long": (contents({"a": entry(shape=(1,) * 65 + (2,))}, bytes(8)), "66 dimensions"),
    "shape too large": (contents({"a": entry(shape=(3,))}, bytes(8)), "does not fill its 8 bytes"),
    "shape overflows": (contents({"a": entry(shape=(2**62, 4, 0), end=0)}), "absurd shape"),
    "shape overflows to fit": (contents({"a": entry(shape=(2**62, 2**62))}, bytes(8)), "does not fill"),
    "offsets reversed": (contents({"a": entry(start=8, end=0)}, bytes(8)), "does not fill"),
    "offsets negative": (contents({"a": entry(start=-8, end=0)}, bytes(8)), "no whole numbers"),
    "three offsets": (contents({"a": {**entry(), "data_offsets": [0, 8, 8]}}, bytes(8)), "3 offsets"),
    "beyond the file": (contents({"a": entry()}, bytes(7)), "end at byte 8 of 7"),
    "rest left over": (contents({"a": entry()}, bytes(9)), "end at byte 8 of 9"),
    "gap": (contents({"a": entry(), "b": entry(start=9, end=17)}, bytes(17)), "leaves a gap or overlaps"),
    "gap at the start": (contents({"a": entry(start=1, end=9)}, bytes(9)), "leaves a gap or overlaps"),
    "overlap": (contents({"a": entry(), "b": entry(start=4, end=12)}, bytes(12)), "leaves a gap or overlaps"),
    "twice the same": (contents({"a": entry(), "b": entry()}, bytes(8)), "leaves a gap or overlaps"),
    "booleans": (contents({"a": entry("BOOL", (1,), 0, 1)}, b"\2"), "other than 0 and 1"),
}


@pytest.mark.parametrize(("data", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files(data, message, tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(data)
    with pytest.raises(FileError, match=message) as caught:
        safetensors.load(data)
    assert len(str(caught.value)) < 300
    for mmap in (False, True):
        with pytest.raises(FileError, match=message) as caught:
            safetensors.load_file(path, mmap=mmap)
        assert str(path) in str(caught.value)


def test_no_file_is_no_such_file():
    with pytest.raises(FileNotFoundError):
        safetensors.load_file("no such.safetensors")
    with pytest.raises(RuntimeError, match="names no locations"):
        serialization.load("a.safetensors", map_location={"cpu": "cpu"})
    assert safetensors.load(safetensors.save({})) == {}

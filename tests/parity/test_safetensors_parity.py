"""The .safetensors format against the package it comes from, where that is installed."""

import numpy as np
import pytest

from minigrad.serialization import FileError, safetensors
from minigrad.serialization.safetensors import _NAMES
from minigrad.serialization.tensors import from_array
from tools.fuzz_files import damaged_bytes

package = pytest.importorskip("safetensors.numpy")
deserialize = pytest.importorskip("safetensors").deserialize


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"{d}": rng.integers(0, 2, (2, 3)).astype(d) for d in _NAMES} | {
        "0-d": np.array(2, np.float32),
        "empty": np.zeros((0, 3)),
        "é": np.ones(1, np.float16),
    }


def test_both_ways():
    ours = {name: from_array(np.asarray(array), False) for name, array in arrays().items()}
    theirs = package.load(safetensors.save(ours))
    back = safetensors.load(package.save(arrays()))
    for name, array in arrays().items():
        np.testing.assert_array_equal(theirs[name], array, strict=True)
        np.testing.assert_array_equal(back[name].array, array, strict=True)


def test_the_bytes_are_those_of_the_package():
    few = {
        "b": np.ones(2, np.float32),
        "a": np.ones(2, np.float32),
        "wide": np.zeros(1),
        "byte": np.zeros(3, np.int8),
    }
    ours = {name: from_array(array, False) for name, array in few.items()}
    assert safetensors.save(ours, {"format": "np"}) == package.save(few, {"format": "np"})


def test_damaged_files():
    """Whatever the package refuses is refused here; a few more are, such as booleans other than 0 and 1."""
    data = package.save({"w": np.arange(6.0).reshape(2, 3), "b": np.arange(3)}, {"format": "np"})
    for number in range(2000):
        bad = damaged_bytes(data, np.random.default_rng((5, number)))
        try:
            found = safetensors.load(bad)
        except FileError:
            continue
        theirs = dict(deserialize(bad))
        assert theirs.keys() == found.keys()

"""Random numbers: PyTorch's own CPU stream, so that a seed gives the numbers it gives there.

PyTorch's CPU generator is the Mersenne Twister (Matsumoto and Nishimura, 1998), which NumPy has too; what
makes the numbers equal is how 32-bit words become values, and that is what this file says, one method per
distribution: uniform floats use the low 24 bits of a word, doubles the low 53 of two, normals the Box-Muller
transform (Box and Muller, 1958) in blocks of 16, permutations the Fisher-Yates shuffle. On a GPU CuPy's
generator draws.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from . import backend
from .engine import untracked

BLOCK = 624  # words the twister makes at a time
CHUNK = 32768  # normals made at a time
TABLE = 4096  # angles
#: PyTorch's layout of a generator's state
STATE = np.dtype(
    [
        *(("seed", "<u8"), ("left", "<i4"), ("seeded", "<i4"), ("next", "<u8"), ("key", "<u8", BLOCK)),
        *(("unused", "V8"), ("normal", "<f8"), ("unused_too", "V8"), ("has_normal", "<i4"), ("rest", "V12")),
    ]
)


class Generator:
    """A stream of random numbers; `manual_seed` starts it anew,
    `get_state`/`set_state` save and restore it.
    """

    def __init__(self, device="cpu"):
        self.device = backend.as_device(device)
        self.manual_seed(67280421310721)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream at `seed`; only its low 32 bits matter, as in PyTorch."""
        self._seed = int(seed) % 2**64
        self._twister: np.random.Generator | None = (
            None  # started at the first draw: NumPy loads its part then
        )
        self._cached_normal: float | None = None
        return self

    def _started(self) -> np.random.Generator:
        """The twister, where the seed or the draws so far have brought it."""
        if self._twister is None:
            seeded = np.random.RandomState(self._seed % 2**32).get_state(legacy=False)
            self._start(seeded["state"])
        return self._twister  # type: ignore[return-value]

    def _start(self, state: Any) -> None:
        bits = np.random.MT19937()
        bits.state = {"bit_generator": "MT19937", "state": state}
        self._twister = np.random.Generator(bits)

    def initial_seed(self) -> int:
        """The seed this stream began with."""
        return self._seed

    def seed(self) -> int:
        """Begin anew at a seed from the operating system, and return it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def get_state(self):
        """Everything that decides the coming numbers, as (5056,) uint8: byte for byte what PyTorch keeps."""
        twister = self._started().bit_generator.state["state"]
        state = np.zeros((), STATE)
        state["seed"], state["seeded"], state["key"] = self._seed, 1, twister["key"]
        state["left"], state["next"] = BLOCK + 1 - int(twister["pos"]), int(twister["pos"]) % BLOCK
        state["has_normal"] = self._cached_normal is not None
        state["normal"] = self._cached_normal or 0.0
        return untracked(np.frombuffer(state.tobytes(), np.uint8).copy())

    def set_state(self, new_state) -> None:
        """Go on from where `get_state`, here or in PyTorch, was called."""
        array = getattr(new_state, "array", None)
        if array is None or array.dtype != np.uint8 or array.size != STATE.itemsize:
            raise RuntimeError(
                f"Generator.set_state: the state must be a uint8 tensor of {STATE.itemsize} elements, "
                "as get_state returns"
            )
        state = np.frombuffer(array.tobytes(), STATE)[0]
        self._seed = int(state["seed"])
        pos = BLOCK if state["left"] == 1 else int(state["next"])
        self._start({"key": state["key"].copy(), "pos": pos})
        self._cached_normal = float(state["normal"]) if state["has_normal"] else None

    def __reduce__(self):
        return _restored, (self.get_state(),)

    # ---- words -----------------------------------------------------------------------------------
    def words(self, count: int) -> np.ndarray:
        """The next `count` 32-bit words of the twister, (count,) uint32."""
        return self._started().integers(0, 2**32, count, dtype=np.uint32)

    def _doubles(self, count: int) -> np.ndarray:
        """(count,) float64 in [0, 1): 53 bits of two words, the first the higher."""
        pair = self.words(2 * count).astype(np.uint64)
        return ((pair[::2] << np.uint64(32) | pair[1::2]) & np.uint64(2**53 - 1)) * 2.0**-53

    def _floats(self, count: int) -> np.ndarray:
        """(count,) float32 in [0, 1): 24 bits of one word."""
        words = self.words(count)
        words &= np.uint32(2**24 - 1)
        floats = words.view(np.int32).astype(np.float32)
        floats *= np.float32(2.0**-24)
        return floats

    # ---- distributions ---------------------------------------------------------------------------
    def uniform(self, shape, dtype: np.dtype, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """Values in [low, high)."""
        count = int(np.prod(shape))
        if dtype == np.float64:
            return (self._doubles(count) * (high - low) + low).reshape(shape)
        drawn = self._floats(count)
        if (low, high) != (0, 1):  # rounded once, as by a fused multiplication and addition
            drawn = drawn.astype(np.float64) * np.float32(high - low) + np.float32(low)
        return drawn.astype(dtype, copy=False).reshape(shape)

    def normal(
        self, shape, dtype: np.dtype, mean: float = 0.0, std: float = 1.0, in_blocks: bool = True
    ) -> np.ndarray:
        """Values from the normal distribution N(mean, std^2); one by one where there are few, or if asked."""
        count = int(np.prod(shape))
        if count < 16 or not in_blocks:
            with self.singly() as (_, one):
                values = np.array([one() for _ in range(count)], np.float64)
            return (values * std + mean).astype(dtype).reshape(shape)
        double = dtype == np.float64
        uniform = self._doubles if double else self._floats
        flat: np.ndarray = np.empty(count, np.float64 if double else np.float32)
        for start in range(0, count, CHUNK):  # while it is in the cache
            part = flat[start : start + CHUNK]
            part[:] = uniform(len(part))
            _box_muller(part[: len(part) - len(part) % 16])
        if count % 16:  # the last block is drawn anew and overlaps the one before it
            flat[-16:] = uniform(16)
            _box_muller(flat[-16:])
        if (mean, std) != (0, 1):
            flat *= flat.dtype.type(std)
            flat += flat.dtype.type(mean)
        return flat.astype(dtype, copy=False).reshape(shape)

    @contextmanager
    def singly(self) -> Iterator[tuple[Callable[[], float], Callable[[], float]]]:
        """Two functions that give one uniform double and one normal value a call, for samplers that decide
        after each value whether they need another.

        Words are drawn in advance; at the end the stream is put to where the values that were used end.
        """
        bits = self._started().bit_generator
        start, used = bits.state, 0

        def doubles() -> Iterator[float]:
            nonlocal used
            for size in _doubling(64):
                for value in self._doubles(size).tolist():
                    used += 1
                    yield value

        uniform = doubles().__next__
        try:
            yield uniform, partial(self._one_normal, uniform)
        finally:
            bits.state = start
            self.words(2 * used)

    def _one_normal(self, uniform: Callable[[], float]) -> float:
        """One value; the Box-Muller pair's second half waits for the next call."""
        if self._cached_normal is not None:
            value, self._cached_normal = self._cached_normal, None
            return value
        angle, distance = 2.0 * math.pi * uniform(), uniform()
        radius = math.sqrt(-2.0 * math.log1p(-distance))
        self._cached_normal = radius * math.sin(angle)
        return radius * math.cos(angle)

    def integers(self, shape, dtype: np.dtype, low: int, high: int) -> np.ndarray:
        """Integers in [low, high)."""
        count = int(np.prod(shape))
        if high - low >= 2**32:
            pair = self.words(2 * count).astype(np.uint64)
            drawn = (pair[::2] << np.uint64(32) | pair[1::2]) % np.uint64(high - low)
        else:
            drawn = self.words(count) % np.uint64(high - low)
        return (drawn.astype(np.int64) + low).astype(dtype).reshape(shape)

    def permutation(self, count: int) -> np.ndarray:
        """A random order of 0 .. count-1, (count,) int64, by the Fisher-Yates shuffle."""
        jumps = self.words(max(count - 1, 0)) % np.arange(count, 1, -1, dtype=np.uint64)
        partners = (jumps + np.arange(len(jumps), dtype=np.uint64)).tolist()
        order = list(range(count))
        for i, j in enumerate(partners):
            order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)

    def bernoulli(self, shape, probability: float) -> np.ndarray:
        """Booleans, True with the given probability.

        A draw is a 53-bit double below `probability`. Its high 21 bits decide but for one case in two
        million, so only those are compared, and the low word is read where they tie.
        """
        count = int(np.prod(shape))
        pair = self.words(2 * count)
        high = pair[::2] & np.uint32(2**21 - 1)
        limit = int(np.ceil(min(max(probability, 0.0), 1.0) * 2.0**53))
        true = high < (limit >> 32)
        tied = np.flatnonzero(high == (limit >> 32))
        true[tied] = pair[1::2][tied] < (limit & 0xFFFFFFFF)
        return true.reshape(shape)


def _doubling(size: int, most: int = 2**14) -> Iterator[int]:
    """size, twice that, ..., and `most` for ever."""
    while True:
        yield size
        size = min(2 * size, most)


def _box_muller(values: np.ndarray) -> None:
    """Normals in the place of uniforms, 16 at a time: the first eight give the radii, the last eight the
    angles.
    """
    block = values.reshape(-1, 2, 8)
    radius = np.sqrt(-2 * np.log(1 - block[:, 0]))
    cosine, sine = _of_turns(block[:, 1])
    np.multiply(radius, cosine, out=block[:, 0])
    np.multiply(radius, sine, out=block[:, 1])


def _of_turns(turns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of angles in [0, 1) turns.

    In float32, where NumPy's own take longer than all the rest, from a table of 4096 angles: what is left is
    so small that two terms of its series are exact.
    """
    if turns.dtype == np.float64:
        return np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    cosines, sines = _table()
    places = turns * np.float32(TABLE)
    whole = np.floor(places)
    rest = places - whole
    rest *= np.float32(2 * np.pi / TABLE)
    square = rest * rest
    near_cosine = 1 - square * np.float32(0.5)
    near_sine = rest - rest * square * np.float32(1 / 6)
    index = whole.astype(np.intp)
    c, s = cosines[index], sines[index]
    return c * near_cosine - s * near_sine, s * near_cosine + c * near_sine


@functools.cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    angles = np.arange(TABLE) * (2 * np.pi / TABLE)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


default_generator = Generator()
default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Start the default generator's stream at `seed`."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default generator at a seed from the operating system, and return it."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed the default generator began with."""
    return default_generator.initial_seed()


def get_rng_state():
    """The default generator's state, as (5056,) uint8: byte for byte what PyTorch keeps."""
    return default_generator.get_state()


def set_rng_state(new_state) -> None:
    """Let the default generator go on from where a state was taken, here or in PyTorch."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices=None, enabled: bool = True):
    """Context at whose end the default generator is where it was at the beginning."""
    before = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(before)


def _restored(state) -> Generator:
    """An unpickled or copied generator."""
    made = Generator()
    made.set_state(state)
    return made

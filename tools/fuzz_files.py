"""Damage files in thousands of ways and load them: each must load, or be refused by a FileError of
minigrad's.

    python tools/fuzz_files.py [--count 100000] [--seed 0] [--kind pt|safetensors]

A copy is damaged as bytes (bits flipped, numbers made huge, pieces cut, doubled or moved), or where it
hurts: the pickle inside a .pt file under a checksum that is right again, the JSON header of a
.safetensors file under a length that is right again. While it loads, memory may grow to four times the
file and what Python needs for a few objects, and nothing may be imported, compiled, executed, opened or
started. Every element of what did load must lie in memory that is there: the corners of each tensor are
read.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
import tracemalloc
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import minigrad
from minigrad import nn
from minigrad.serialization import FileError, safetensors, save_checkpoint
from minigrad.serialization.zip_reader import ZipReader
from minigrad.serialization.zip_writer import ZipWriter

Load = Callable[[bytes], object]

SAMPLES = Path(__file__).parent.parent / "tests" / "data"  # written by PyTorch
OBJECTS = 2 * 2**20  # bytes that Python's own objects may take, whatever the file
LONGEST = 5.0  # seconds
FORBIDDEN = ("import", "exec", "compile", "open", "os.", "subprocess.", "socket.", "shutil.", "ctypes.dlopen")

MAPPING = (
    "open",
    "os.open",
    "os.remove",
    "import",
)  # where a path is loaded; NumPy's memmap imports its parts in a function


# ---- damage --------------------------------------------------------------------------------------
def damaged_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """A copy with one to three wounds."""
    bad = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        place, length = int(rng.integers(len(bad) or 1)), int(rng.integers(1, 9))
        kind = rng.integers(8)
        if kind == 0 and bad:
            bad[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            bad[place : place + length] = rng.bytes(length)
        elif kind == 2:
            bad[place : place + length] = b"\xff" * length
        elif kind == 3:
            del bad[place : place + length]
        elif kind == 4:
            bad[place:place] = bad[place : place + length] * int(rng.integers(1, 4))
        elif kind == 5:
            other = int(rng.integers(len(bad) or 1))
            bad[place : place + length] = bad[other : other + length]
        elif kind == 6:
            bad[place : place + 8] = int(rng.integers(2**63)).to_bytes(8, "little")
        else:
            del bad[place:]
    return bytes(bad)


NUMBERS = (0, -1, 1, 2**31, 2**48, 2**62, 2**63, 2**64, 10**30, 0.5, True, None, "4", [], {})


def damaged_json(value, rng: np.random.Generator):
    """A copy of a JSON value with something in it put out of place; raises nothing, whatever the value."""
    if isinstance(value, dict) and value and rng.integers(3):
        name = list(value)[int(rng.integers(len(value)))]
        if rng.integers(8) == 0:
            return {key: item for key, item in value.items() if key != name}
        if rng.integers(8) == 0:
            return {**value, name[:-1] + "\ud83d": value[name]}
        return {**value, name: damaged_json(value[name], rng)}
    if isinstance(value, list) and value and rng.integers(3):
        place = int(rng.integers(len(value)))
        return [*value[:place], damaged_json(value[place], rng), *value[place + 1 :]]
    if isinstance(value, int) and rng.integers(2):
        return value + int(rng.integers(-9, 10))
    return NUMBERS[int(rng.integers(len(NUMBERS)))]


def damaged_header(data: bytes, rng: np.random.Generator) -> bytes:
    """A .safetensors file whose header says something else, or says it twice, at the length it has."""
    size = int.from_bytes(data[:8], "little")
    text = json.dumps(damaged_json(json.loads(data[8 : 8 + size]), rng)).encode()
    if rng.integers(6) == 0:
        text = text[:-1] + b"," + text[1:]
    elif rng.integers(6) == 0:
        text = b'{"a":' * int(rng.integers(1, 3000)) + text
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def is_zip(data: bytes) -> bool:
    return data.startswith(b"PK")


def records_of(data: bytes) -> dict[str, bytes]:
    """The records of a .pt archive by their names in it."""
    whole = ZipReader(io.BytesIO(data))
    names = [key.partition("/")[2] for key in whole.records]
    return {name: whole.read(name) for name in names}


def archive_of(records: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    writer = ZipWriter(file, "archive")
    for name, contents in records.items():
        writer.write(name, contents)
    writer.close()
    return file.getvalue()


def damaged_record(data: bytes, rng: np.random.Generator) -> bytes:
    """A .pt file with one of its records damaged, most often the pickle, and checksums that are right.

    In the format from before 1.6 there is nothing around the pickles to be put right.
    """
    if not is_zip(data):
        return damaged_bytes(data, rng)
    records = records_of(data)
    name = "data.pkl" if rng.integers(4) else list(records)[int(rng.integers(len(records)))]
    return archive_of({**records, name: damaged_bytes(records[name], rng)})


# ---- what is damaged -----------------------------------------------------------------------------
def small_tensors() -> dict:
    rng = np.random.default_rng(0)
    arrays = {
        "weight": rng.standard_normal((3, 4)).astype(np.float32),
        "bias": rng.standard_normal(4),
        "mask": rng.random(5) < 0.5,
        "half": rng.standard_normal((2, 1, 2)).astype(np.float16),
        "count": np.array(7),
    }
    return {name: minigrad.from_numpy(array) for name, array in arrays.items()}


def written(write: Callable, *arguments, **options) -> bytes:
    file = io.BytesIO()
    write(*arguments, file, **options)
    return file.getvalue()


def pt_files() -> list[bytes]:
    """A few small ones, by minigrad and by PyTorch."""
    model = nn.LSTM(2, 3)
    optimizer = minigrad.optim.Adam(model.parameters())
    model(minigrad.randn(2, 1, 2))[0].sum().backward()
    optimizer.step()
    checkpoint = io.BytesIO()
    save_checkpoint(checkpoint, model=nn.Linear(1, 1))
    tensors = small_tensors()
    tensors["view"] = tensors["weight"].T[1:]
    shared = [tensors, {"a": (1, 2.5, "text", None)}, OrderedDict(b={1, 2}), b"bytes", 3 - 1j]
    return [
        *(written(minigrad.save, thing) for thing in (shared, model.state_dict(), optimizer.state_dict())),
        checkpoint.getvalue(),
        *((SAMPLES / name).read_bytes() for name in ("tensors.pt", "containers.pt", "lstm.pt", "legacy.pt")),
    ]


def safetensors_files() -> list[bytes]:
    tensors = small_tensors()
    brain = written_bfloat16()
    return [safetensors.save(tensors, {"format": "pt"}), safetensors.save({}), brain]


def written_bfloat16() -> bytes:
    header = b'{"brain":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}}'
    return len(header).to_bytes(8, "little") + header + bytes(range(12))


# ---- loading -------------------------------------------------------------------------------------
def load_pt(data: bytes):
    return minigrad.load(io.BytesIO(data))


def in_a_file(load: Callable, suffix: str, folder: str) -> Load:
    """Load from a path, mapped into memory."""
    path = Path(folder) / f"damaged{suffix}"

    def load_path(data: bytes):
        path.unlink(missing_ok=True)  # what is mapped keeps the old one
        path.write_bytes(data)
        return load(path, mmap=True)

    return load_path


def corners(item) -> Iterator[float]:
    """The first and the last element of every tensor in an object, read."""
    stack, seen = [item], set()
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, minigrad.Tensor):
            array = item.detach().numpy()
            yield from (array[(at,) * array.ndim] for at in (0, -1) if array.size)
        elif isinstance(item, (list, tuple, set, frozenset)):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend([*item, *item.values()])


class Watch:
    """What happens in this process while `on`, by Python's audit events."""

    def __init__(self):
        self.on, self.may_open, self.seen = False, False, []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple) -> None:
        if self.on and event.startswith(FORBIDDEN) and not (self.may_open and event in MAPPING):
            self.seen.append((event, repr(arguments)[:200]))

    def outcome(self, load: Load, bad: bytes, opens: bool = False) -> str:
        """'loaded' or 'refused'; anything else is an AssertionError, or whatever came out."""
        self.may_open = opens
        tracemalloc.reset_peak()
        before, started = tracemalloc.get_traced_memory()[0], time.perf_counter()
        self.on = True
        try:
            loaded = load(bad)
            outcome = "loaded"
        except FileError as error:
            loaded, outcome = None, "refused" if len(str(error)) < 1000 else "refused at length"
        finally:
            self.on = False
        grown = tracemalloc.get_traced_memory()[1] - before
        assert grown <= 4 * len(bad) + OBJECTS, f"{grown} bytes for a file of {len(bad)}"
        assert not self.seen, self.seen
        assert time.perf_counter() - started < LONGEST
        for _ in corners(loaded):
            pass
        return outcome


#: by kind of file: the files, the ways to damage them, and what loads them
def kinds(folder: str) -> dict[str, tuple[list[bytes], list[Callable], list[Load]]]:
    return {
        "pt": (
            pt_files(),
            [damaged_bytes, damaged_record],
            [load_pt, in_a_file(minigrad.load, ".pt", folder)],
        ),
        "safetensors": (
            safetensors_files(),
            [damaged_bytes, damaged_header],
            [safetensors.load, in_a_file(safetensors.load_file, ".safetensors", folder)],
        ),
    }


def fuzz(kind: str, count: int, seed: int, watch: Watch) -> Counter:
    """Load `count` damaged files of a kind; returns how many loaded and how many were refused."""
    outcomes: Counter = Counter()
    tracemalloc.start()
    with tempfile.TemporaryDirectory() as folder:
        files, ways, loads = kinds(folder)[kind]
        for load in loads:
            load(files[0])  # what is loaded on first use is loaded now
        for number in range(count):
            rng = np.random.default_rng((seed, number))
            bad = ways[number % 2](files[int(rng.integers(len(files)))], rng)
            mapped = number % 20 in (8, 19)  # a few, for files on disk are slower
            try:
                outcomes[watch.outcome(loads[mapped], bad, mapped)] += 1
            except Exception as error:
                error.add_note(f"{kind} file number {number} of seed {seed}")
                raise
    tracemalloc.stop()
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="damaged files of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=["pt", "safetensors"], help="only this one")
    chosen = parser.parse_args()
    watch = Watch()
    for kind in [chosen.kind] if chosen.kind else ["pt", "safetensors"]:
        started = time.perf_counter()
        outcomes = fuzz(kind, chosen.count, chosen.seed, watch)
        print(f"{kind}: {dict(outcomes)} in {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()

"""Kill a process that saves, over and over, and see that its files are always whole: the old ones or the
new ones.

    python tools/kill_saves.py [--kills 1000] [--seed 0] [--megabytes 2]

Each round a child process saves versions 1, 2, 3, ... of the same tensors over one file until SIGKILL
stops it, at a moment drawn at random from a little more than the time that a save takes. Then the file is
read: all of its tensors must be of one version, no older than the last one that was finished. Needs a
system with `fork`.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

import minigrad
from minigrad.serialization import load_checkpoint, safetensors, save_checkpoint


def tensors(version: int, megabytes: float) -> dict:
    """Eight tensors full of the version's number."""
    size = max(1, int(megabytes * 2**20 / 4 / 8))
    return {f"t{i}": minigrad.from_numpy(np.full(size, version, np.float32)) for i in range(8)}


#: how a dict of tensors is written and read, by kind of file
KINDS: dict[str, tuple[Callable, Callable]] = {
    "run.pt": (minigrad.save, minigrad.load),
    "run.safetensors": (lambda state, path: safetensors.save_file(state, path), safetensors.load_file),
    "checkpoint.pt": (lambda state, path: save_checkpoint(path, extra=state), load_checkpoint),
}


def version_in(state: dict) -> int:
    """The version that all tensors of a file are of."""
    found = {float(v) for tensor in state.values() for v in np.unique(tensor.numpy())}
    assert len(state) == 8, f"{len(state)} tensors"
    assert len(found) == 1, f"versions {sorted(found)} in one file"
    return int(found.pop())


def save_for_ever(write: Callable, path: Path, first: int, megabytes: float, finished: int) -> None:
    """Save one version after the other, and say on a pipe after each that it is done."""
    version = first
    while True:
        write(tensors(version, megabytes), path)
        os.write(finished, b".")
        version += 1


def one_kill(kind: str, path: Path, before: int, megabytes: float, delay: float) -> tuple[int, int]:
    """The number of saves that a child finished until it was killed, and the version the file has then."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        save_for_ever(KINDS[kind][0], path, before + 1, megabytes, writing)
    os.close(writing)
    end = time.perf_counter() + delay
    while time.perf_counter() < end:
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    done = len(os.read(reading, 2**16))
    os.close(reading)
    return done, version_in(KINDS[kind][1](path))


def kill_saves(kind: str, folder: Path, kills: int, megabytes: float, seed: int = 0) -> Counter:
    """Kill so many times; returns how often the unfinished save's file was there already, and how often
    not.
    """
    path, draw = folder / kind, random.Random(seed)
    started = time.perf_counter()
    KINDS[kind][0](tensors(0, megabytes), path)
    longest = 2.5 * (time.perf_counter() - started)
    version, outcomes = 0, Counter[str]()
    for _ in range(kills):
        done, found = one_kill(kind, path, version, megabytes, draw.uniform(0, longest))
        assert found in (version + done, version + done + 1), f"{found} after {done} saves from {version}"
        outcomes["the new file" if found > version + done else "the old file"] += 1
        version = found
        assert len(os.listdir(folder)) <= 2, "what earlier kills left is removed"
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000, help="of each kind of file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--megabytes", type=float, default=2.0, help="size of a file")
    chosen = parser.parse_args()
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            outcomes = kill_saves(kind, Path(folder), chosen.kills, chosen.megabytes, chosen.seed)
        print(f"{kind}: {chosen.kills} kills, always a whole file: {dict(outcomes)}", flush=True)


if __name__ == "__main__":
    main()

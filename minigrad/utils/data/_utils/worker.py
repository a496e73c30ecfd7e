"""What a process that loads data for a DataLoader knows of itself."""

from __future__ import annotations

from typing import Any, NamedTuple


class WorkerInfo(NamedTuple):
    """A worker's number, how many there are, its seed, and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


#: set in a worker process, None in the main one
_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a DataLoader's worker process what it knows of itself; None in the main process."""
    return _worker_info


def become(info: WorkerInfo) -> None:
    """Let `get_worker_info` return this from now on."""
    global _worker_info
    _worker_info = info

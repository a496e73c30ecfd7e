"""A pass over a dataset with worker processes: who makes which batch, and in which order they come.

A task is a list of indices and has a number; tasks go to the workers in turn, `prefetch_factor` to each at a
time, and their batches are handed out by number. Each worker has a connection of its own, so that one that
dies takes nothing with it, and its end is noticed at once.
"""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import time
import weakref
from contextlib import contextmanager, suppress
from multiprocessing import connection as connections
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from typing import Any

import numpy as np

from .channel import Channel, Inline, Stored
from .passes import LoaderIterator
from .process import Ended, Failure, Setup, work

LEASES = 4  # segments per worker whose arrays may be in use; a loop has one batch or two in hand
MOST_TASKS = 32  # per worker on their way: more messages than this a connection may not hold
PATIENCE = 5.0  # seconds a worker has to end by itself
GRACE = 1.0  # seconds it has after being told to, before it is killed


def as_context(start: Any) -> BaseContext:
    """A context of `multiprocessing` from itself or the name of its way to start processes."""
    if isinstance(start, str):
        if start not in get_all_start_methods():
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{get_all_start_methods()}, but got multiprocessing_context={start!r}"
            )
        return get_context(start)
    if not isinstance(start, BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the "
            f"start method, but got multiprocessing_context={start}"
        )
    return start


class Crew:
    """Worker processes, and a channel to each."""

    def __init__(self, context: BaseContext, setup: Setup):
        self.owner = os.getpid()
        self.channels: list[Channel] = []
        self.processes: list[Any] = []
        self.lost: set[int] = set()  # workers that have ended
        _crews.add(self)
        try:
            for worker in range(setup.num_workers):
                self._hire(context, setup, worker)
        except BaseException:
            self.dismiss(patience=0)
            raise

    def _hire(self, context: Any, setup: Setup, worker: int) -> None:
        ours, theirs = context.Pipe()
        self.channels.append(Channel(ours, LEASES))
        process = context.Process(target=work, args=(theirs, setup, worker), daemon=True)
        try:
            process.start()
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            error.add_note(
                "DataLoader: with this start method the dataset, collate_fn and worker_init_fn are pickled; "
                "define them at the top of a module, or pass multiprocessing_context='fork' on Linux"
            )
            raise
        finally:
            theirs.close()
        self.processes.append(process)

    def answers(self, timeout: float) -> list[tuple[int, tuple, Inline | Stored | None]] | None:
        """(worker, label, packed batch) of those who have one, waiting for the first, or for a loss.

        None when nothing happens for `timeout` seconds; 0 waits without end.
        """
        present = [worker for worker in range(len(self.processes)) if worker not in self.lost]
        lines = [self.channels[worker].connection for worker in present]
        ends = [self.processes[worker].sentinel for worker in present]
        ready = connections.wait(lines + ends, timeout or None)
        if not ready:
            return None
        found = []
        for worker, line, end in zip(present, lines, ends, strict=True):
            try:
                if line in ready:
                    found.append((worker, *self.channels[worker].receive()))
                elif end in ready:
                    self.lost.add(worker)
            except (EOFError, OSError):
                self.lost.add(worker)
        return found

    def post(self, worker: int, label: tuple, *task: Any) -> None:
        """Send a worker a task, or without one word of a new pass."""
        channel = self.channels[worker]
        parcel = channel.pack(*task) if task else None
        with suppress(OSError):  # it has ended, as `answers` will find out
            channel.post(label, parcel)

    def fate(self, worker: int) -> str:
        """How a worker that is gone has ended."""
        process = self.processes[worker]
        process.join(1)
        code = process.exitcode
        if code is None:
            return "closed its connection"
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was killed by {signal.Signals(-code).name}"

    def dismiss(self, patience: float = PATIENCE) -> None:
        """End all processes: they are asked to first, by closing their connections."""
        if self.owner != os.getpid():
            return
        self.hang_up()
        latest = time.monotonic() + patience
        for end in (
            lambda process: None,
            lambda process: process.terminate(),
            lambda process: process.kill(),
        ):
            for process in self.processes:
                end(process)
            for process in self.processes:
                process.join(max(0.0, latest - time.monotonic()))
            latest = time.monotonic() + GRACE
        self.processes.clear()

    def hang_up(self) -> None:
        """Close this process's ends of the connections."""
        for channel in self.channels:
            channel.connection.close()


_crews: weakref.WeakSet[Crew] = weakref.WeakSet()


def _hang_up_all() -> None:
    for crew in _crews:
        crew.hang_up()


# A worker ends when the last copy of its loader's end of the connection is closed; a fork must not keep one.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_hang_up_all)


class WorkersIterator(LoaderIterator):
    """Hands out what the workers make, and gives them new tasks."""

    _advice = (
        " Each worker iterates over its own copy of the dataset; let it take its share by get_worker_info()."
    )

    def __init__(self, loader):
        if loader.prefetch_factor <= 0:
            raise AssertionError("DataLoader: prefetch_factor must be greater than 0 for worker processes")
        super().__init__(loader)
        self.timeout, self.in_order, self.persistent = (
            loader.timeout,
            loader.in_order,
            loader.persistent_workers,
        )
        self.count_of_workers = loader.num_workers
        self.most = min(loader.prefetch_factor, MOST_TASKS) * loader.num_workers
        self.run = 0
        self.tasks: dict[int, tuple[int, Any]] = {}  # number -> worker, indices: what is not yet handed out
        self.arrived: dict[int, tuple[int, Any]] = {}  # number -> worker, packed batch
        setup = Setup(self.recipe, loader.num_workers, self.base_seed, loader.worker_init_fn)
        self.crew = Crew(loader.multiprocessing_context or get_context(), setup)
        self._dismissal = weakref.finalize(self, self.crew.dismiss)
        self._begin()

    def begin_again(self, loader) -> None:
        """Start another pass with the same workers."""
        self._rewind(loader, draws_seed=False)
        self._begin()

    def usable(self) -> bool:
        """Whether there are workers, and they are this process's."""
        return self._dismissal.alive and self.crew.owner == os.getpid()

    def close(self, patience: float) -> None:
        """End the workers; one that is busy has `patience` seconds."""
        self.tasks.clear()
        self._dismissal.detach()
        self.crew.dismiss(patience)

    def _begin(self) -> None:
        for worker, parcel in self.arrived.values():
            self.crew.channels[worker].discard(parcel)
        self.arrived.clear()
        self.tasks.clear()
        self.run += 1
        self.numbers, self.turns = itertools.count(), itertools.cycle(range(self.count_of_workers))
        self.active = set(range(self.count_of_workers))
        with self._closed_on_error():
            for worker in self.active:
                self.crew.post(worker, (self.run, None))
            for _ in range(self.most):
                self._send_task()

    # ---- tasks -----------------------------------------------------------------------------------
    def _send_task(self) -> None:
        try:
            index = next(self.indices)
        except StopIteration:
            return
        worker = self._whose_turn()
        if worker is not None:
            number = next(self.numbers)
            self.tasks[number] = worker, index
            self.crew.post(worker, (self.run, number), index)

    def _whose_turn(self) -> int | None:
        """The next worker that has not come to its end (and, where order is free, that is not behind)."""
        for worker in itertools.islice(self.turns, self.count_of_workers):
            if worker in self.active and (
                self.in_order or self._load(worker) < self.most // len(self.active)
            ):
                return worker
        return None

    def _load(self, worker: int) -> int:
        return sum(other == worker for other, _ in self.tasks.values())

    # ---- batches ---------------------------------------------------------------------------------
    def _next(self) -> Any:
        with self._closed_on_error():
            answer = self._next_answer()
        if isinstance(answer, Ended):
            if not self.persistent:
                self.close(PATIENCE)
            raise StopIteration
        if isinstance(answer, Failure):
            raise answer.as_exception()
        return answer

    @contextmanager
    def _closed_on_error(self):
        """Context after whose failure no process is left: what was under way is in an unknown state."""
        try:
            yield
        except BaseException:
            self.close(patience=0)
            raise

    def _next_answer(self) -> Any:
        """A batch, a Failure, or after the last one Ended."""
        while self.tasks:
            number = next(iter(self.tasks if self.in_order else self.arrived or self.tasks))
            if number not in self.arrived:
                self._wait(self.tasks[number][0])
                continue
            worker, parcel = self.arrived.pop(number)
            del self.tasks[number]
            answer = self.crew.channels[worker].unpack(parcel)
            if not isinstance(answer, Ended):
                self._send_task()
                return answer
            self.active.discard(worker)
            self._send_task()
        return Ended()

    def _wait(self, worker: int) -> None:
        """Until a worker's answer has arrived, or others'; those of an earlier pass are thrown away."""
        if worker in self.crew.lost:
            raise RuntimeError(self._report(worker))
        answers = self.crew.answers(self.timeout)
        if answers is None:
            raise RuntimeError(
                f"DataLoader timed out after {self.timeout} seconds: {self._at_work()}; "
                "pass a longer timeout if a batch may take that long"
            )
        for worker, (run, number), parcel in answers:
            if run == self.run:
                self.arrived[number] = worker, parcel
            else:
                self.crew.channels[worker].discard(parcel)

    # ---- reports ---------------------------------------------------------------------------------
    def _report(self, worker: int) -> str:
        pid, fate = self.crew.processes[worker].pid, self.crew.fate(worker)
        hint = "; that is often the system's answer to a lack of memory" if "SIGKILL" in fate else ""
        return (
            f"DataLoader worker (pid(s) {pid}) exited unexpectedly: worker {worker} {fate}"
            f"{self._task_of(worker)}{hint}"
        )

    def _at_work(self) -> str:
        busy = [(w, process.pid, self._task_of(w)) for w, process in enumerate(self.crew.processes)]
        return ", ".join(f"worker {worker} (pid {pid}) is{task}" for worker, pid, task in busy if task)

    def _task_of(self, worker: int) -> str:
        """What a worker is at: the first of its tasks that has not been answered."""
        for number, (other, index) in self.tasks.items():
            if other == worker and number not in self.arrived:
                return f" at batch {number}{_samples(index)}"
        return ""


def _samples(index) -> str:
    listed = isinstance(index, (list, tuple, np.ndarray))
    if index is None or (listed and (len(index) == 0 or index[0] is None)):
        return ""  # of a stream
    if not listed:
        return f" (sample {index})"
    first = ", ".join(map(str, index[:5]))
    return f" (samples {first}{f', ... {len(index)} in all' if len(index) > 5 else ''})"

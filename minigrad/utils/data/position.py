"""Where a loader stands, so that a training run that was stopped in the middle of an epoch goes on from
there.

A pass is described by how many batches it has handed out and where the random generators were when it
began. To go on, a new pass is begun with the generators put back there, which gives the same order again;
the batches that were handed out are skipped, and the generators return to where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ... import random as streams
from ...random import Generator


@dataclass(slots=True)
class Position:
    """How many batches a pass has handed out, where the generators were when it began, and whether it has
    ended. A pass with workers of an earlier one draws no seed for them.
    """

    count: int
    start: list
    draws_seed: bool = True
    done: bool = False


class Resumable:
    """What gives a loader `state_dict` and `load_state_dict`.

    Its iterators `_enter` before they draw anything, `_leave_out` the indices that have been used, keep their
    `position` up to date, and can `drop` batches.
    """

    dataset: Any
    sampler: Any
    batch_sampler: Any
    num_workers: int
    batch_size: int | None
    generator: Generator | None
    _streams: bool

    _passes = 0  # ended so far, or given up for a new one
    _present: Position | None = None
    _waiting: Position | None = None  # where the next pass goes on

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands: plain values and tensors, which `load(weights_only=True)` reads.

        `epoch` counts the passes before the present one and `batch` the batches that this has handed out.
        A pass left by `break` is the present one until the next begins. A sampler, batch sampler or
        dataset that has `state_dict` and `load_state_dict` of its own is asked for its state, too, where
        there are no workers. (What a dataset in a worker draws at random begins anew.)
        """
        present = self._waiting or self._present or Position(0, [], done=True)
        return {
            "epoch": self._passes + (self._waiting is None and self._present is not None and present.done),
            "batch": 0 if present.done else present.count,
            "batch_size": self.batch_size,
            "start": None if present.done else present.start,
            "draws_seed": present.draws_seed,
            "generators": [g.get_state() for g in _generators(self)[1:]],
            "parts": {name: part.state_dict() for name, part in _stateful(self).items()},
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next pass go on from where the saved one stood; the passes after it are whole again.

        The default generator is left as it is: `load_checkpoint` or `set_rng_state` puts it where it was.
        What samples draw at random in worker processes is not what it would have been: these begin anew.
        A sampler or stream without a state of its own is gone through again up to that place, so it must
        come in the same order again: by the loader's, its own or the default generator. Raises ValueError
        where the batch size, the generators or the parts with a state are others.
        """
        generators, parts = _generators(self), _stateful(self)
        _check_same("batch_size", state_dict["batch_size"], self.batch_size)
        _check_same("number of generators", len(state_dict["generators"]), len(generators) - 1)
        _check_same("parts with a state of their own", sorted(state_dict["parts"]), sorted(parts))
        for generator, state in zip(generators[1:], state_dict["generators"], strict=True):
            generator.set_state(state)
        for name, part in parts.items():
            part.load_state_dict(state_dict["parts"][name])
        start = state_dict["start"]
        self._passes, self._present = state_dict["epoch"], None
        self._waiting = (
            None if start is None else Position(state_dict["batch"], start, state_dict["draws_seed"])
        )

    def _begin(self, make: Callable[[], Any]) -> Iterator[Any]:
        """A new pass; the first after `load_state_dict` goes on in the middle, and moves no generator."""
        waiting = self._waiting
        if waiting is None:
            made = make()
        else:
            with _left_alone(_generators(self)):
                made = make()
                made.drop(waiting.count if self._streams and not self._goes_on_by_itself() else 0)
        self._present = made.position
        return made

    def _enter(self, draws_seed: bool) -> Position:
        """Where a pass begins, before anything is drawn for it: with the generators as they are, or put
        back.
        """
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            self._passes += self._present is not None
            return Position(0, [g.get_state() for g in _generators(self)], draws_seed)
        _put(_generators(self), waiting.start)
        return waiting

    def _leave_out(self, indices: Iterator[Any], position: Position) -> None:
        """Take off the indices of the batches that have been handed out; of a stream batches are dropped."""
        if not self._streams and not self._goes_on_by_itself():
            leave_out(indices, position.count)

    def _goes_on_by_itself(self) -> bool:
        """Whether what gives the order has a state of its own: then nothing need be skipped."""
        return bool(_stateful(self).keys() & ({"dataset"} if self._streams else {"sampler", "batch_sampler"}))


def leave_out(items: Iterator[Any], count: int) -> None:
    """Take so many items off an iterator; raises ValueError where there are fewer."""
    for _ in range(count):
        if next(items, leave_out) is leave_out:
            raise too_few(count)


def too_few(count: int) -> ValueError:
    """What to say where a pass ends before it can go on."""
    return ValueError(
        f"DataLoader: {count} batches had been handed out when the state was saved, and now there are fewer; "
        "load it into a loader of the same data"
    )


def _generators(loader) -> list[Generator]:
    """The default generator, and those of the loader and its samplers, each once."""
    holders = (loader, loader.sampler, loader.batch_sampler, getattr(loader.batch_sampler, "sampler", None))
    own = [getattr(holder, "generator", None) for holder in holders]
    found = [streams.default_generator, *(g for g in own if isinstance(g, Generator))]
    return list({id(g): g for g in found}.values())


def _stateful(loader) -> dict[str, Any]:
    """By name, which of the loader's parts can say and be told where they stand.

    None with workers, which have read ahead of the batches that were handed out.
    """
    if loader.num_workers:
        return {}
    parts = {name: getattr(loader, name) for name in ("dataset", "sampler", "batch_sampler")}
    return {
        name: part
        for name, part in parts.items()
        if hasattr(part, "state_dict") and hasattr(part, "load_state_dict")
    }


@contextmanager
def _left_alone(generators: list[Generator]) -> Iterator[None]:
    """Context after which the generators are where they were."""
    before = [g.get_state() for g in generators]
    try:
        yield
    finally:
        _put(generators, before)


def _put(generators: list[Generator], states: list) -> None:
    for generator, state in zip(generators, states, strict=True):
        generator.set_state(state)


def _check_same(what: str, saved, here) -> None:
    if saved != here:
        raise ValueError(
            f"DataLoader.load_state_dict: the {what} was {saved} when the state was saved and is {here} now; "
            "make the loader as it was"
        )

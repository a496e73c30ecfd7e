"""Checkpoints: everything that decides how a training run goes on, in one file that appears whole or not
at all.

What belongs to a run is handed over by name: whatever has `state_dict` and `load_state_dict` (a model, an
optimizer, a scheduler, a DataLoader), random generators, and lists or dicts of these. The default
generator is always part of it. The same names put everything back:

    save_checkpoint("run.pt", model=model, optimizer=optimizer, loader=loader, extra={"epoch": epoch})
    extra = load_checkpoint("run.pt", model=model, optimizer=optimizer, loader=loader)
"""

from __future__ import annotations

import random as python_random
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import random
from .errors import FileError
from .pt_reader import load
from .pt_writer import save
from .tensors import Tensor, from_array, to_array

_VERSION = 1


def save_checkpoint(f, *, extra: Any = None, python: bool = False, numpy: bool = False, **parts: Any) -> None:
    """Save the state of every part of a training run, to go on from by `load_checkpoint`.

    `f` is a path or a binary file, as for `save`. The default generator's state is saved too, that of
    Python's `random` with `python=True` and of NumPy's global generator with `numpy=True`; a `Generator`,
    NumPy's or minigrad's, may be a part. `extra` is anything that `load` can read: an epoch's number,
    curves, options. PyTorch loads the file as a dict. (CuPy's generator on a GPU cannot be saved: there
    dropout draws anew.) Raises TypeError for a part that has no state.
    """
    generators = {"default": True, "python": python, "numpy": numpy}
    contents = {
        "checkpoint": _VERSION,
        "parts": {name: _state(name, part) for name, part in parts.items()},
        "random": {name: _GLOBAL[name].get(None) for name, wanted in generators.items() if wanted},
        "extra": extra,
    }
    save(contents, f)


def load_checkpoint(f, *, map_location=None, weights_only: bool = True, **parts: Any) -> Any:
    """Put the states in a file written by `save_checkpoint` back into the parts, and return its `extra`.

    The generators that were saved are put back, too. Training then goes on with the same numbers to the
    last bit, in the middle of an epoch as well if the DataLoader is one of the parts: its next pass
    begins with the batch that would have come. `map_location` and `weights_only` are those of `load`.
    Raises ValueError unless the names of parts are those that were saved, FileError for a file that is no
    checkpoint, and what a part raises that does not take its state; every part is then as it was before.
    """
    contents = load(f, map_location, weights_only=weights_only)
    if type(contents) is not dict or contents.get("checkpoint") != _VERSION:
        raise FileError(f"load_checkpoint: {f}: this file was not written by save_checkpoint; use load")
    saved = contents["parts"]
    if saved.keys() != parts.keys():
        raise ValueError(
            f"load_checkpoint: {f} has the parts {sorted(saved)}, not {sorted(parts)}; name the same ones"
        )
    undo: list[Callable[[], None]] = []
    try:
        for name, part in parts.items():
            _restore(name, part, saved[name], undo)
        for name, state in contents["random"].items():
            _exchange(_GLOBAL[name], None, state, undo)
    except BaseException:
        for put_back in reversed(undo):
            put_back()
        raise
    return contents["extra"]


# ---- kinds of parts ------------------------------------------------------------------------------
class _Kind(NamedTuple):
    """How the state of a part is asked for and put back."""

    knows: Callable[[Any], bool]
    get: Callable[[Any], Any]
    set: Callable[[Any, Any], Any]


def _set_bit_generator(generator: np.random.Generator, state) -> None:
    generator.bit_generator.state = _as_arrays(state)


_KINDS = (
    _Kind(
        lambda part: hasattr(part, "state_dict") and hasattr(part, "load_state_dict"),
        lambda part: part.state_dict(),
        lambda part, state: part.load_state_dict(state),
    ),
    _Kind(
        lambda part: isinstance(part, random.Generator),
        lambda part: part.get_state(),
        lambda part, state: part.set_state(state),
    ),
    _Kind(
        lambda part: isinstance(part, np.random.Generator),
        lambda part: _as_tensors(part.bit_generator.state),
        _set_bit_generator,
    ),
)

#: the generators that belong to no part
_GLOBAL = {
    "default": _Kind(
        lambda _: True, lambda _: random.get_rng_state(), lambda _, state: random.set_rng_state(state)
    ),
    "python": _Kind(
        lambda _: True, lambda _: python_random.getstate(), lambda _, state: python_random.setstate(state)
    ),
    "numpy": _Kind(
        lambda _: True,
        lambda _: _as_tensors(np.random.get_state(legacy=False)),  # noqa: NPY002
        lambda _, state: np.random.set_state(_as_arrays(state)),  # noqa: NPY002
    ),
}


def _kind_of(name: str, part) -> _Kind:
    for kind in _KINDS:
        if kind.knows(part):
            return kind
    raise TypeError(
        f"checkpoint: {name} is a {type(part).__name__}, which has no state_dict and load_state_dict; "
        "pass plain values as extra"
    )


def _state(name: str, part):
    """A part's state; of a list or dict of parts, the states in a list or dict."""
    if isinstance(part, (list, tuple)):
        return [_state(f"{name}[{i}]", each) for i, each in enumerate(part)]
    if type(part) is dict:
        return {key: _state(f"{name}[{key!r}]", each) for key, each in part.items()}
    return _kind_of(name, part).get(part)


def _restore(name: str, part, state, undo: list[Callable[[], None]]) -> None:
    if isinstance(part, (list, tuple)):
        if not isinstance(state, list) or len(state) != len(part):
            raise ValueError(f"load_checkpoint: {name} was not a list of {len(part)} when it was saved")
        part, state = dict(enumerate(part)), dict(enumerate(state))
    if type(part) is not dict:
        _exchange(_kind_of(name, part), part, state, undo)
        return
    if not isinstance(state, dict) or state.keys() != part.keys():
        raise ValueError(f"load_checkpoint: {name} had other parts than {list(part)} when it was saved")
    for key, each in part.items():
        _restore(f"{name}[{key!r}]", each, state[key], undo)


def _exchange(kind: _Kind, part, state, undo: list[Callable[[], None]]) -> None:
    """Set a part's state; what sets the one it had goes to `undo`, before anything can fail."""
    undo.append(partial(kind.set, part, deepcopy(kind.get(part))))
    kind.set(part, state)


def _as_tensors(state):
    """NumPy's description of a generator, its arrays as tensors, which every reader of the file knows."""
    if isinstance(state, np.ndarray):
        return from_array(state, False)
    return {key: _as_tensors(value) for key, value in state.items()} if isinstance(state, dict) else state


def _as_arrays(state):
    if isinstance(state, Tensor):
        return to_array(state)
    return {key: _as_arrays(value) for key, value in state.items()} if isinstance(state, dict) else state

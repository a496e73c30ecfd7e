"""Where the state of a group of parameters lies in memory, and how a rule is run over it.

Called on each of many small arrays, a rule's operations cost more for the calls than for the arithmetic;
called on a large array, they wait for memory. So the elements come to the rule in one of two ways:

- `Bucket`: the gradients of small parameters are gathered into one flat array. The state of these parameters
  lies in flat arrays too, and `optimizer.state[p]["exp_avg"]` is a view into them.
- `Blocks`: a large parameter is walked in blocks that stay in the cache.

Parameters themselves never move, for others may hold views of their memory: only the last subtraction is done
in each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby, pairwise
from operator import attrgetter, is_
from typing import Any, NamedTuple

import numpy as np

from .. import dtypes
from ..backend import device_of, module_of, to_device, to_numpy
from ..engine import untracked
from ..tensor import Tensor

# In elements. docs/performance.md, section "Optimizers", has the measurements behind these.
SMALL = 16384  # up to here a parameter is gathered into a bucket
BUCKET = 65536  # so many fill a bucket
BLOCK = 262144  # so many make a block
_array_of = attrgetter("array")


class Layout:
    """The state of one group's parameters, laid out in arrays.

    It holds as long as `places_of` finds everything where it was put, so that whoever assigns `p.data` or
    writes to `optimizer.state` need not know of it.
    """

    def __init__(self, optimizer, number: int, params: list):
        group = optimizer.param_groups[number]
        active = set(map(id, params))
        known = (p for p in group["params"] if id(p) in active or optimizer.state.get(p))
        self.number = number
        self.params = list({id(p): p for p in known}.values())
        self.place = {id(p): i for i, p in enumerate(self.params)}
        self.everyone = range(len(self.params))
        self.homes = [p.array for p in self.params]
        self.names = optimizer._buffers(group)
        self.version = [0]  # one for all state tensors, which change together
        self.held: list | None = None  # the arrays that make up the optimizer's state, once they lie here
        entries = [optimizer.state.get(p) or {} for p in self.params]
        columns = {name: _column(optimizer, group, name, self.names, entries) for name in optimizer.scalars}
        self.columns = [column for column in columns.values() if column is not None]
        shown = {name: column[:, None] for name, column in columns.items() if not name.startswith("_")}
        self.views: list[dict] = [
            {name: c[i].reshape(()) for name, c in shown.items()} for i in self.everyone
        ]
        self.parts = self._parts(optimizer, group, entries)

    def _parts(self, optimizer, group: dict[str, Any], entries: list[dict]) -> list:
        """Allocate the state, fill in what is known, and divide the parameters into buckets and blocks."""
        parts: list = []
        scratch: dict[Any, list] = {}
        for (xp, dtype, alone), members in self._kinds(optimizer).items():
            ends = np.cumsum([0] + [self.homes[i].size for i in members]).tolist()
            state = [_filled(xp, ends[-1], dtype, optimizer._initial(name, group)) for name in self.names]
            for i, (start, end) in zip(members, pairwise(ends), strict=True):
                who = f"{type(optimizer).__name__}: parameter {i} of group {self.number}"
                self._place_state(i, [array[start:end] for array in state], entries[i], who)
            if alone:  # a GPU is best kept busy with all of it at once
                size = min(ends[-1], BLOCK) if xp is np else ends[-1]
                parts.append(Blocks(members, state, ends[-1], size, _scratch(scratch, xp, dtype, size)))
                continue
            shapes = [self.homes[i].shape for i in members]
            for a, b in _fillings(ends):
                flat = [array[ends[a] : ends[b]] for array in state]
                room = _scratch(scratch, xp, dtype, ends[b] - ends[a])
                parts.append(Bucket(members[a:b], shapes[a:b], flat, room))
        return parts

    def _place_state(self, i: int, arrays: list, entry: dict, who: str) -> None:
        """Note where a parameter's state arrays lie, and copy there what they were before."""
        for name, array in zip(self.names, arrays, strict=True):
            view = self.views[i][name] = array.reshape(self.homes[i].shape)
            _take_over(entry.get(name), view, f"{who}: its state {name!r}")

    def _kinds(self, optimizer) -> dict[tuple, list[int]]:
        """Parameters of one device and dtype go together; large ones are kept apart."""
        kinds: dict[tuple, list[int]] = {}
        for i, home in enumerate(self.homes):
            if not getattr(home.flags, "writeable", True):
                raise RuntimeError(
                    f"{type(optimizer).__name__}: parameter {i} of group {self.number} is read-only memory"
                )
            large = home.size > SMALL and home.flags.c_contiguous and home.dtype.kind == "f"
            kinds.setdefault((module_of(home), home.dtype, large and i + 1), []).append(i)
        return kinds

    # ---- does it still hold? ---------------------------------------------------------------------
    def places_of(self, optimizer, names: tuple, params: list, arrays: list) -> Sequence[int] | None:
        """The parameters' places in this layout; None if it no longer describes the group."""
        places = self.numbers_of(params) if names == self.names else None
        if places is None or not self._state_is_in_place(optimizer.state):
            return None
        at_home = places is self.everyone and all(map(is_, arrays, self.homes))
        return places if at_home or all(map(self._at_home, places, arrays)) else None

    def numbers_of(self, params: list) -> Any:
        """The parameters' numbers here, `everyone` itself if these are all; None if one is not known."""
        if len(params) == len(self.params) and all(map(is_, params, self.params)):
            return self.everyone
        numbers = [self.place.get(id(p)) for p in params]
        return None if None in numbers else numbers

    def _at_home(self, i: int, array) -> bool:
        """Whether a parameter's array is the one known, or (`p.data = ...`) one that can take its place."""
        home = self.homes[i]
        if array is home:
            return True
        alike = type(array) is type(home) and array.shape == home.shape and array.dtype == home.dtype
        fits = array.flags.c_contiguous or array.size <= SMALL
        if alike and fits and getattr(array.flags, "writeable", True):
            self.homes[i] = array
            return True
        return False

    def _state_is_in_place(self, state: dict) -> bool:
        if self.held is None or not self.views[0]:
            return True
        values = list(chain.from_iterable(map(dict.values, map(state.__getitem__, self.params))))
        try:
            arrays = list(map(_array_of, values))
        except AttributeError:  # somebody keeps things other than tensors there
            arrays = [getattr(value, "array", value) for value in values]
        return len(arrays) == len(self.held) and all(map(is_, arrays, self.held))

    # ---- one step --------------------------------------------------------------------------------
    def prepared(self, optimizer, places: Sequence[int], params: list, arrays: list, grads: list) -> tuple:
        """All of the step that can fail: its runs, and the scalars and parameters to change.

        A run is (part, stretch, numbers, terms, arrays, gradients); `terms` are what the options that most
        optimizers share ask for: (maximize, coupled decay, decoupled decay, whether the parameter's value is
        needed).
        """
        group = optimizer.param_groups[self.number]
        coupled, decoupled = optimizer._decay(group)
        reads = optimizer.reads_parameter or coupled != 0 or decoupled != 0
        terms = (group["maximize"], coupled, decoupled, reads)
        columns = [c.tolist() for c in self.columns]
        if places is not self.everyone or not all(c.count(c[0]) == len(c) for c in columns):
            return self._prepared_apart(optimizer, group, terms, places, params, arrays, grads)
        numbers, after = optimizer._numbers(group, *[c[0] for c in columns])
        if len(self.parts) == 1:
            runs = [(self.parts[0], self.parts[0].whole, numbers, terms, arrays, grads)]
        else:
            runs = [
                (
                    part,
                    part.whole,
                    numbers,
                    terms,
                    [arrays[i] for i in part.members],
                    [grads[i] for i in part.members],
                )
                for part in self.parts
            ]
        return runs, [(..., after)], params, None

    def _prepared_apart(
        self, optimizer, group: dict, terms: tuple, places, params: list, arrays: list, grads: list
    ):
        """The same where some parameters lack a gradient, were stepped less often, or are named twice."""
        first: dict[int, int] = {}
        for k, i in enumerate(places):
            first.setdefault(i, k)
        columns = (
            zip(*[c.tolist() for c in self.columns], strict=True) if self.columns else [()] * len(self.params)
        )
        keys = [key if i in first else None for i, key in enumerate(columns)]
        answers: dict[Any, tuple] = {k: optimizer._numbers(group, *k) for k in keys if k is not None}
        runs = []
        for part in self.parts:
            for key, a, b in _stretches([keys[i] for i in part.members]):
                if key is not None:
                    given = [first[i] for i in part.members[a:b]]
                    mine = [arrays[k] for k in given], [grads[k] for k in given]
                    runs.append((part, part.stretch(a, b), answers[key][0], terms, *mine))
        again = [k for k, i in enumerate(places) if first[i] != k]  # named twice: stepped twice
        repeated = (self.number, *([given[k] for k in again] for given in (params, arrays, grads)))
        scalars = [(i, answers[keys[i]][1]) for i in first]
        return runs, scalars, [self.params[i] for i in first], repeated if again else None

    def carry_out(self, optimizer, runs: list, scalars: list, params: list) -> None:
        """Write the state and the parameters."""
        if self.held is None:
            self._bind(optimizer.state)
        for i, after in scalars:
            for column, value in zip(self.columns, after, strict=False):  # SGD without buffers has no columns
                column[i] = value
        rule = optimizer._rule
        for part, stretch, numbers, terms, arrays, grads in runs:
            part.carry_out(stretch, rule, numbers, terms, arrays, grads)
        self.version[0] += 1
        for p in params:
            p.version[0] += 1

    def _bind(self, state: dict) -> None:
        """Make the optimizer's state tensors views of the arrays here; a tensor that exists is kept."""
        self.held = []
        for p, views in zip(self.params, self.views, strict=True):
            if not views:
                continue
            entry = state[p]
            for name, view in views.items():
                tensor = entry.get(name)
                if not isinstance(tensor, Tensor):
                    tensor = entry[name] = untracked(view)
                tensor.array, tensor.version = view, self.version
            self.held += [getattr(value, "array", value) for value in entry.values()]


class Stretch(NamedTuple):
    """Consecutive members of a bucket that are stepped together: slices of its arrays."""

    p: Any
    g: Any
    state: tuple
    work: tuple
    changes: list  # work[0] in the parameters' shapes


class Bucket:
    """Small parameters of one device and dtype, gathered: the rule runs once over all.

    A rule sees complex numbers as pairs of real ones.
    """

    def __init__(self, members: list[int], shapes: list[tuple], state: list, scratch: list):
        self.members, self.shapes, self.state, self.scratch = members, shapes, state, scratch
        self.ends = np.cumsum([0] + [math.prod(shape) for shape in shapes]).tolist()
        self.stretches: dict[tuple[int, int], Stretch] = {}
        self.whole = self.stretch(0, len(members))

    def stretch(self, a: int, b: int) -> Stretch:
        """The members a to b."""
        if (a, b) not in self.stretches:
            if len(self.stretches) > 4 * len(self.members):  # the pattern of missing gradients never settles
                self.stretches.clear()
            self.stretches[a, b] = self._cut(a, b)
        return self.stretches[a, b]

    def _cut(self, a: int, b: int) -> Stretch:
        here = slice(self.ends[a], self.ends[b])
        p, g, *work = (array[here] for array in self.scratch)
        bounds = [end - self.ends[a] for end in self.ends[a : b + 1]]
        changes = [
            work[0][s:e].reshape(n) for (s, e), n in zip(pairwise(bounds), self.shapes[a:b], strict=True)
        ]
        state = tuple(_real(array[here]) for array in self.state)
        return Stretch(p, g, state, tuple(map(_real, work)), changes)

    def carry_out(
        self, stretch: Stretch, rule: Callable, numbers: tuple, terms: tuple, arrays: list, grads: list
    ):
        p, g, state, work, changes = stretch
        np.concatenate(grads, axis=None, out=g)
        if terms[-1]:
            np.concatenate(arrays, axis=None, out=p)
        _apply(rule, numbers, terms, _real(p), _real(g), state, work)
        for array, change in zip(arrays, changes, strict=True):
            array -= change


class Blocks:
    """A large parameter, walked in blocks."""

    whole = None

    def __init__(self, members: list[int], state: list, total: int, size: int, scratch: list):
        self.members = members
        self.blocks = []
        for start in range(0, total, size):
            here = slice(start, min(start + size, total))
            work = tuple(array[: here.stop - start] for array in scratch[2:])
            self.blocks.append((here, tuple(array[here] for array in state), work))

    def stretch(self, a: int, b: int) -> None:
        """A single member has no stretches."""

    def carry_out(
        self, stretch: None, rule: Callable, numbers: tuple, terms: tuple, arrays: list, grads: list
    ):
        p, g = arrays[0].reshape(-1), grads[0].reshape(-1)
        for here, state, work in self.blocks:
            block = p[here]
            _apply(rule, numbers, terms, block, g[here], state, work)
            block -= work[0]


def _apply(rule: Callable, numbers: tuple, terms: tuple, p, g, state: tuple, work: tuple) -> None:
    """Run the rule, with the terms around it; the change is left in work[0]."""
    maximize, coupled, decoupled, _ = terms
    if coupled:
        np.multiply(p, coupled, work[2])
        g = np.subtract(work[2], g, work[2]) if maximize else np.add(work[2], g, work[2])
    elif maximize:
        g = np.negative(g, work[2])
    rule(numbers, p, g, state, work)
    if decoupled:
        np.multiply(p, decoupled, work[1])
        np.add(work[0], work[1], work[0])


def _real(array):
    """A flat complex array as twice as many real numbers; a real one is itself."""
    return array.view(array.real.dtype) if array.dtype.kind == "c" else array


def _filled(xp, size: int, dtype, value: float):
    return xp.full(size, value * (1 + 1j) if dtype.kind == "c" else value, dtype)


def _scratch(pool: dict, xp, dtype, size: int) -> list:
    """Room for p, g and three work arrays; shared, so that it stays in the cache."""
    known = pool.get((xp, dtype))
    if known is None or known[0].size < size:
        known = pool[xp, dtype] = [xp.empty(size, dtype) for _ in range(5)]
    return known


def _fillings(ends: list[int]) -> Iterator[tuple[int, int]]:
    """Fill buckets in order: (first, last + 1) of their members, given where each member's elements end."""
    a = 0
    for b in range(1, len(ends)):
        if b + 1 == len(ends) or ends[b + 1] - ends[a] > BUCKET:
            yield a, b
            a = b


def _stretches(keys: list) -> Iterator[tuple]:
    """(key, first, last + 1) of each run of equal keys."""
    for key, run in groupby(range(len(keys)), keys.__getitem__):
        places = list(run)
        yield key, places[0], places[-1] + 1


def scalar_dtype() -> type:
    """In which PyTorch keeps what is one number per parameter, such as the step."""
    return np.float64 if dtypes.get_default_dtype() is dtypes.float64 else np.float32


def _column(optimizer, group: dict[str, Any], name: str, buffers: tuple, entries: list[dict]):
    """One of the scalars, for all parameters; on the host, where Python computes with it.

    A hidden one (`_started`) says whether the parameter's buffers existed before; without buffers there is
    none.
    """
    dtype = scalar_dtype()
    if name.startswith("_"):
        started = [all(entry.get(b) is not None for b in buffers) for entry in entries]
        return np.array(started, dtype) if buffers else None
    known = [entry.get(name, optimizer._initial(name, group)) for entry in entries]
    return np.array([float(to_numpy(v.array)) if isinstance(v, Tensor) else float(v) for v in known], dtype)


def _take_over(tensor, view, what: str) -> None:
    """Copy state from before, such as loaded state, to where it lies from now on."""
    if tensor is None:
        return
    if not isinstance(tensor, Tensor) or tensor.array.shape != view.shape:
        found = f"has shape {tuple(tensor.array.shape)}" if isinstance(tensor, Tensor) else f"is {tensor!r}"
        raise RuntimeError(f"{what} {found}; a tensor of the parameter's shape {tuple(view.shape)} is wanted")
    view[...] = to_device(tensor.array, device_of(view))

"""A naive twin of tensors with gradients: no graph, but every derivative known at every moment.

A `Memory` holds numbers. A `History` is a tensor that is no view: which numbers of a memory are its own, and
their dense Jacobian by everything a gradient may be asked for, carried along as values are computed (forward
mode). A `Twin` is a tensor of the user's: a history, or a view of it. Each moment of each tensor's history
has columns of its own in the Jacobian, so that what a hook sees there is read off in the same way as the
gradient of a leaf.

What PyTorch refuses is foreseen too: a value knows all the `Step`s behind it, each with the versions of the
memories that it kept.
"""

from __future__ import annotations

import numpy as np

WIDTH = 600  # columns in all


class Memory:
    """Numbers that tensors share, and how often they were written to."""

    def __init__(self, values: np.ndarray):
        self.values, self.version = values.reshape(-1).copy(), 0


class Step:
    """An op that kept something: the versions of the memories then, and whether a walk has freed it."""

    def __init__(self, *kept: Memory):
        self.kept = [(memory, memory.version) for memory in kept]
        self.freed = False

    @property
    def overwritten(self) -> bool:
        return any(memory.version != version for memory, version in self.kept)


class Columns:
    """Hands out columns of the Jacobian."""

    def __init__(self):
        self.used = 0

    def take(self, shape: tuple[int, ...]) -> tuple[slice, np.ndarray]:
        """Columns for a tensor of this shape, and their identity (*shape, WIDTH)."""
        count = int(np.prod(shape))
        mine = slice(self.used, self.used + count)
        self.used += count
        identity = np.zeros((count, WIDTH))
        identity[:, mine] = np.eye(count)
        return mine, identity.reshape(*shape, WIDTH)


class History:
    """A tensor that is no view: its places in a memory, (n,), and its Jacobian (n, WIDTH)."""

    def __init__(self, memory: Memory, place: np.ndarray, columns: Columns):
        self.memory, self.place, self.columns = memory, place, columns
        self.tracked = self.leaf = False
        self.steps: frozenset[Step] = frozenset()
        self.mine = slice(0, 0)
        self.jacobian = np.zeros((place.size, WIDTH))

    def become(self, jacobian: np.ndarray, steps: frozenset) -> None:
        """Have a new history, which begins now with this Jacobian (n, WIDTH)."""
        self.mine, identity = self.columns.take((self.place.size,))
        self.jacobian, self.steps, self.tracked = jacobian + identity, steps, True


class Twin:
    """A tensor: a history, and which of its elements; `extra` (*shape, WIDTH) is a view's own moment."""

    def __init__(self, history: History, index: np.ndarray, is_view: bool = False):
        self.history, self.index, self.is_view = history, index, is_view
        self.seen, self.children = history.memory.version, 0
        self.mine, self.extra = slice(0, 0), None
        self.was_constant = not history.tracked  # when it was made

    def begin(self) -> None:
        """A view's moment: made, or made anew because the memory was written to."""
        self.mine, self.extra = self.history.columns.take(self.index.shape)
        self.seen = self.history.memory.version

    def refresh(self) -> None:
        if self.is_view and self.history.tracked and self.seen != self.history.memory.version:
            self.begin()

    @property
    def tracked(self) -> bool:
        return self.history.tracked

    @property
    def moment(self) -> slice:
        """The columns of this tensor as it is now."""
        self.refresh()
        return self.mine if self.is_view else self.history.mine

    @property
    def value(self) -> np.ndarray:
        return self.history.memory.values[self.history.place[self.index]]

    @property
    def jacobian(self) -> np.ndarray:
        """(*shape, WIDTH)."""
        self.refresh()
        if not self.tracked:
            return np.zeros((*self.index.shape, WIDTH))
        found = self.history.jacobian[self.index]
        return found if self.extra is None else found + self.extra

    @property
    def steps(self) -> frozenset:
        return self.history.steps if self.tracked else frozenset()


# ---- making twins --------------------------------------------------------------------------------
def fresh(values: np.ndarray, columns: Columns) -> Twin:
    """A tensor in memory of its own, without a history."""
    places = np.arange(values.size)
    return Twin(History(Memory(values), places, columns), places.reshape(values.shape))


def made_leaf(twin: Twin) -> Twin:
    """The same, as something that gradients flow to."""
    h = twin.history
    h.become(h.jacobian, frozenset())
    h.leaf = True
    return twin


def result(values: np.ndarray, jacobian: np.ndarray, steps: frozenset, columns: Columns) -> Twin:
    """What an op gives, of tensors that gradients flow to."""
    twin = fresh(values, columns)
    twin.history.become(jacobian.reshape(-1, WIDTH), steps)
    return twin


def view(twin: Twin, part) -> Twin:
    """A view, by a function of arrays that gives one."""
    twin.refresh()
    inner = np.arange(twin.index.size).reshape(twin.index.shape)
    chosen = part(inner)
    made = Twin(twin.history, twin.index.reshape(-1)[chosen], is_view=True)
    if twin.tracked:
        made.begin()
        if twin.extra is not None:
            made.extra = made.extra + twin.extra.reshape(-1, WIDTH)[chosen]
    twin.children += 1
    return made


def detached(twin: Twin) -> Twin:
    """The same memory without a history."""
    h = twin.history
    return Twin(
        History(h.memory, h.place[twin.index].reshape(-1), h.columns),
        np.arange(twin.index.size).reshape(twin.index.shape),
    )


def write(twin: Twin, values: np.ndarray, jacobian: np.ndarray, steps: frozenset, record: bool) -> None:
    """Put values, as large as the twin, in its place; with `record`, their Jacobian and the steps behind."""
    history = twin.history
    history.memory.values[history.place[twin.index]] = values
    history.memory.version += 1
    if record:
        whole = history.jacobian.copy() if history.tracked else np.zeros_like(history.jacobian)
        whole[twin.index] = jacobian
        behind = steps
        if twin.is_view:
            behind = steps | history.steps | {Step()}  # the replacing of a part is a step of its own
        history.become(whole, behind)

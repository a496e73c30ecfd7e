"""Buffers that live from one training step to the next: a free list by shape, safe between threads.

A recurrent layer needs the same few large buffers in every training step. Asking the system for them anew
costs page faults, and cutting them into one view per time step costs about as much as the arithmetic of a
small layer: so a workspace holds the buffers and the views, and goes back on the list when the backward
pass is done with it.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

LIMIT = 128 * 2**20  # bytes kept for later; what does not fit is left to the garbage collector


def empty(like: Any, *shape: int) -> Any:
    """An uninitialised C-ordered array of this shape, of the type, dtype and device of `like`."""
    return np.empty_like(like, shape=shape, order="C")


def zeros(like: Any, *shape: int) -> Any:
    """An array of zeros of this shape, of the type, dtype and device of `like`."""
    return np.zeros_like(like, shape=shape, order="C")


class Workspace:
    """A set of buffers that is given back as a whole; a subclass makes them in `__init__(like, *sizes)`."""

    key: tuple
    nbytes: int


W = TypeVar("W", bound=Workspace)


class FreeList:
    """Workspaces waiting for their next use; past `limit` bytes the longest unused are dropped."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.nbytes = 0
        self.shelves: dict[tuple, list[Any]] = {}
        self.lock = threading.Lock()

    def take(self, build: Callable[..., W], like: Any, *sizes: Any) -> W:
        """A workspace `build(like, *sizes)`, used before if one is free."""
        key = (build, like.dtype, *sizes) if is_host(like) else ()
        with self.lock:
            if self.shelves.get(key):
                return self.pop(key)
        space = build(like, *sizes)
        space.key = key
        space.nbytes = sum(a.nbytes for a in vars(space).values() if getattr(a, "base", space) is None)
        return space

    def give(self, space: Workspace) -> None:
        """Put a workspace back; its owner must not touch it again."""
        if not space.key or space.nbytes > self.limit:
            return
        with self.lock:
            shelf = self.shelves.pop(space.key, [])
            self.shelves[space.key] = [*shelf, space]  # last in the dict: the most recently used
            self.nbytes += space.nbytes
            while self.nbytes > self.limit:
                self.pop(next(iter(self.shelves)))

    def pop(self, key: tuple) -> Any:
        shelf = self.shelves[key]
        space = shelf.pop()
        if not shelf:
            del self.shelves[key]
        self.nbytes -= space.nbytes
        return space

    def clear(self) -> None:
        """Forget every free workspace."""
        with self.lock:
            self.shelves.clear()
            self.nbytes = 0


def is_host(array: Any) -> bool:
    """Is this a NumPy array? A device array's allocator has a free list of its own, aware of streams."""
    return type(array) is np.ndarray


free_list = FreeList(LIMIT)

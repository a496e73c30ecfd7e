"""A line of the table of ops, and the examples that are drawn for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from tests.drawing import Domain, Shapes, laid_out, layouts, nothing, real


@dataclass(frozen=True, repr=False)
class Op:
    """What the tests need to know of one function.

    `name` is PyTorch's; `shapes` says how the shapes of its tensors go together; `reference` is a naive form
    in NumPy. Where it matters: the domain of its values, `static` (draws the settings after the tensors, for
    given shapes), `call` (how it is called in a library m, if not m.name(*tensors, *settings)), which `kinds`
    of dtype it takes, how the `result`'s follows, the `order` to which it is smooth, and `bad` arguments.
    """

    name: str
    shapes: Shapes
    reference: Callable
    domain: Domain | tuple[Domain, ...] = real
    static: Callable = nothing
    call: Callable | None = None
    kinds: str = "bif"
    result: str = "same"  # or floating (ints give float32), total (ints give int64), truth, or a dtype
    order: int = 2
    bad: tuple | None = None  # (shapes, settings); else `shapes.bad` with no settings
    smooth: Callable | None = None  # whether drawn values are away from kinks
    variant: str = ""  # tells lines of one function apart

    def __repr__(self) -> str:
        return f"Op({self.id})"

    @property
    def id(self) -> str:
        return self.name + ("-" + self.variant if self.variant else "")

    def domain_of(self, place: int) -> Domain:
        """The domain of one argument."""
        return self.domain[place] if isinstance(self.domain, tuple) else self.domain

    def values(self, rng, shapes) -> list[np.ndarray]:
        """Random arrays of these shapes, float64."""
        while True:
            arrays = [self.domain_of(i).draw(rng, shape, i) for i, shape in enumerate(shapes)]
            if self.smooth is None or self.smooth(*arrays):
                return arrays

    def on(self, m) -> Callable:
        """The function in a library, of tensors and settings."""
        if self.call is not None:
            return lambda *args: self.call(m, *args)
        return function_of(m, self.name)


def function_of(m, name: str) -> Callable:
    """A library's function by PyTorch's name; a method where there is no function."""
    found = m
    for part in name.split("."):
        found = getattr(found, part) if hasattr(found, part) else getattr(m.Tensor, part)
    return found


@dataclass(frozen=True)
class Example:
    """What an op is called with: arrays, and settings."""

    arrays: list[np.ndarray]
    static: tuple

    def __repr__(self) -> str:
        return f"shapes {[a.shape for a in self.arrays]}, settings {self.static}"

    def as_dtype(self, dtype) -> Example:
        """The same with other numbers: integers keep apart what was apart by more than 1/4."""
        if np.dtype(dtype).kind == "f":
            return Example([np.asarray(a, dtype) for a in self.arrays], self.static)
        with np.errstate(invalid="ignore"):  # by int64: what -1.5 is as uint8 differs between processors
            whole = [np.asarray(a * 4, np.int64) for a in self.arrays]
        return Example([np.asarray(a, dtype) for a in whole], self.static)


@st.composite
def examples(draw, op: Op) -> Example:
    """Arguments for an op, in any memory layout."""
    shapes = draw(op.shapes.draw)
    static = draw(op.static(shapes))
    arrays = op.values(np.random.default_rng(draw(st.integers(0, 2**32 - 1))), shapes)
    layout = draw(layouts)
    return Example([laid_out(a, layout) for a in arrays], static)

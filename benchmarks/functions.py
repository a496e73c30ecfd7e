"""A function of `nn.functional` in training: forward, and the gradients of all its tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from .harness import Comparison, compare


class Case(NamedTuple):
    """A line of a table: a function of F and tensors, the tensors' shapes, and the bound on the ratio.

    With `classes` the last tensor holds that many kinds of whole numbers, and gets no gradient.
    """

    name: str
    function: Callable
    shapes: list[tuple[int, ...]]
    bound: float | None
    classes: int = 0


def training(lib, case: Case) -> Callable:
    """Forward, and the gradients for a random cotangent: (output, *gradients)."""
    lib.manual_seed(0)
    *shapes, last = case.shapes if case.classes else [*case.shapes, None]
    tensors = [lib.randn(*shape).requires_grad_() for shape in shapes]
    labels = [] if last is None else [lib.randint(0, case.classes, last)]
    weights = lib.randn(tuple(case.function(lib.nn.functional, *tensors, *labels).shape))

    def output():
        return case.function(lib.nn.functional, *tensors, *labels)

    return through(output, tensors, weights)


def through(output: Callable, wanted: list, weights) -> Callable:
    """A step: an output, and backward from a cotangent to all that is wanted: (output, *gradients)."""

    def step():
        for t in wanted:
            t.grad = None
        out = output()
        out.backward(weights)
        return out, *[t.grad for t in wanted]

    return step


def refuse_differences(name: str, ours: Iterable, theirs: Iterable) -> None:
    """Raise where two rows of tensors differ by more than float32 excuses."""
    for mine, other in zip(ours, theirs, strict=True):
        mine, other = mine.detach().numpy(), other.detach().numpy()
        if abs(mine - other).max() > 1e-3 * (1 + abs(other).max()):
            raise RuntimeError(f"{name}: results differ")


def side_by_side(name: str, make: Callable, libs: tuple, bound: float | None, seconds: float) -> Comparison:
    """Compare `make(library)()`, a step that returns a tensor or several, of minigrad and torch."""
    ours, theirs = (make(lib) for lib in libs)
    refuse_differences(name, ours(), theirs())
    return compare(name, ours, theirs, bound, seconds)


def run_cases(cases: Iterable[Case], libs: tuple, seconds: float) -> Iterator[Comparison]:
    for case in cases:
        yield side_by_side(case.name, lambda lib, c=case: training(lib, c), libs, case.bound, seconds)

"""`backward` and `grad`: from what a user asks to the engine's walk,
and from the walk's result to `.grad`.
"""

from __future__ import annotations

from collections.abc import Sequence
from sys import getrefcount
from typing import Any

import numpy as np

from .backend import as_array, module_of
from .engine import Value, current, edge_of, untracked
from .hooks import take_back, written
from .walk import run_hooks, walk


def walk_with(walker) -> None:
    """Let another function walk, one that may look at the gradients on their way."""
    global walk
    walk = walker


def backward(
    tensors,
    grad_tensors=None,
    retain_graph=None,
    create_graph: bool = False,
    grad_variables=None,
    inputs=None,
) -> None:
    """Add the gradients of the tensors, weighted by `grad_tensors` (once called `grad_variables`), to the
    `.grad` of the leaves (or of `inputs`).

    Nothing is added anywhere if a formula or a hook fails on the way.
    """
    if grad_tensors is not None and grad_variables is not None:
        raise RuntimeError("'grad_tensors' and 'grad_variables' are one argument; pass 'grad_tensors'")
    tensors = _listed(tensors)
    weights = grad_variables if grad_tensors is None else grad_tensors
    roots = _roots("backward", tensors, weights, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    inputs = None if inputs is None else _listed(inputs)
    if inputs == []:
        raise RuntimeError("'inputs' argument to backward cannot be empty.")
    edges = tuple([_edge_that_must_be("backward", t) for t in inputs or ()])
    found = walk_or_nothing(roots, retain, create_graph, edges)
    if inputs is not None:
        found = {t: found[e] for t, e in zip(inputs, edges) if e in found and not t.retains_grad}
    hooked = [leaf for leaf in found if leaf.hooks is not None]
    accumulate(found, create_graph)
    for leaf in hooked:
        for hook in list(leaf.hooks.after.values()):
            hook(leaf)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple:
    """The gradients of the outputs, weighted by `grad_outputs`, with respect to each input;
    `.grad` stays as it is.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True")
    outputs, inputs = _listed(outputs), _listed(inputs)
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    roots = _roots("grad", outputs, grad_outputs, create_graph)
    edges = tuple(_edge_that_must_be("grad", t) for t in inputs)
    retain = create_graph if retain_graph is None else retain_graph
    found = walk_or_nothing(roots, retain, create_graph, edges)
    return tuple(
        _found(found.get(edge), t, create_graph, bool(allow_unused), materialize_grads)
        for t, edge in zip(inputs, edges)
    )


def _found(g, t, create_graph: bool, allow_unused: bool, materialize: bool):
    """One gradient as a Tensor; None, zeros or an error where the input was not used."""
    if g is not None:
        return g if create_graph else untracked(_own(g))
    if materialize:
        return untracked(np.zeros_like(t.array))
    if not allow_unused:
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. "
            "Set allow_unused=True if this is the desired behavior."
        )
    return None


def _listed(tensors) -> list:
    return [tensors] if isinstance(tensors, Value) else list(tensors)


def _edge_that_must_be(name: str, t) -> Any:
    edge = edge_of(current(t))
    if edge is None:
        raise RuntimeError(f"{name}: One of the differentiated Tensors does not require grad")
    return edge


def _roots(name: str, tensors: Sequence, gradients, record: bool) -> list[tuple]:
    """Where the walk begins: the tensors' edges, each with its gradient."""
    gradients = [None] * len(tensors) if gradients is None else _listed(gradients)
    if len(gradients) != len(tensors):
        raise RuntimeError(f"{name}: got {len(tensors)} tensors and {len(gradients)} gradients")
    roots = []
    for i, (t, g) in enumerate(zip(tensors, gradients)):
        if t.base is not None:
            current(t)
        if not t.tracked:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        g = _seed(t) if g is None else _checked_seed(t, g)
        roots.append((edge_of(t), g if record else g.array))
    return roots


def _seed(t):
    """The gradient of a scalar with respect to itself: 1."""
    if t.array.size != 1:
        raise RuntimeError(
            "grad can be implicitly created only for scalar outputs; this one has shape "
            f"{tuple(t.array.shape)}: reduce it with sum() or mean(), or pass gradient="
        )
    if t.array.dtype.kind == "c":
        raise RuntimeError(
            "grad can be implicitly created only for real scalar outputs but got a complex one"
        )
    one = t.array.copy()  # np.ones_like costs several times as much
    one.fill(1)
    return untracked(one)


def _checked_seed(t, g):
    if not isinstance(g, Value):
        g = untracked(module_of(t.array).asarray(g, t.array.dtype))
    if g.array.shape != t.array.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output has shape {tuple(g.array.shape)}, output {tuple(t.array.shape)}"
        )
    return g if g.array.dtype == t.array.dtype else g.to(t.dtype)  # gradients are of the argument's dtype


def walk_or_nothing(roots: Sequence, retain: bool, record: bool, edges: tuple) -> dict:
    """The walk, and the hooks of leaves on what it brings them; where one fails, no gradient has changed."""
    before = written.get()
    written.set(())
    try:
        found = walk(roots, retain, record, edges)
        for leaf, g in found.items():
            hooks = leaf.hooks  # a Node's have been run
            if hooks is not None and isinstance(leaf, Value) and hooks.before:
                found[leaf] = run_hooks(hooks.before.values(), g, record)
        return found
    except BaseException:
        take_back()
        raise
    finally:
        written.set(before)


# ---- into .grad ----------------------------------------------------------------------------------
def _references_of_one_holder() -> int:
    """What getrefcount says of an object that only one local variable holds (it differs between Pythons)."""
    held = {0: object()}
    _, g = held.popitem()
    return getrefcount(g)


ALONE = _references_of_one_holder()


def accumulate(arrived: dict, record: bool) -> None:
    """Add to each leaf's `.grad` what the walk brought.

    An array that nothing else refers to is taken as it is.
    """
    while arrived:
        leaf, g = arrived.popitem()
        alone = not record and getrefcount(g) == ALONE and getattr(g, "base", None) is None
        if alone and leaf.held_grad is None:
            leaf.held_grad = untracked(g if g.__class__ is np.ndarray else as_array(g))
        else:
            add_gradient(leaf, g, record)


def add_gradient(t, g, record: bool) -> None:
    """t.grad += g, which others may refer to."""
    held = t.held_grad
    if record:
        t.held_grad = g if held is None else held + g
    elif held is None:
        t.held_grad = untracked(_own(g))
    elif held.tracked:
        t.held_grad = held + untracked(_own(g))
    else:
        held.array += g
        held.version[0] += 1


def _own(g):
    """A copy, so that a `.grad` never shares memory with another tensor."""
    return as_array(g).copy()

"""Writing in place: `x.add_(y)`, `x[i] = y`, and the history this gives a tensor, its base, and its sister
views.

An in-place op is its out-of-place op, whose result is then written into the tensor's memory and whose history
the tensor takes over. If the tensor is a view, its base gets a node too: "the base as it was, with this
view's part replaced"; sister views learn of it when they are next used (`engine.refresh`), for the version
they share has moved.
"""

from __future__ import annotations

import numpy as np

from .backend import module_of
from .engine import Node, Value, can_hold, edge_of, hand_on, is_recording, refresh, untracked


def write(target, op, *args, **kwargs):
    """target = op(target, *args), in target's own memory; returns target."""
    check_writable(target)
    if target.base is not None:
        refresh(target)
    others = [a for a in args if isinstance(a, Value)]
    before = target
    if is_recording() and (target.tracked or any(a.tracked for a in others)):
        before = snapshot(target)  # formulas may keep the old values, which are about to be overwritten
        args = tuple(before if a is target else a for a in args)
    result = op(before, *args, **kwargs)
    take_over(target, result, getattr(op, "__name__", "in-place op"))
    return target


def snapshot(t):
    """The tensor's values and history, apart from its memory."""
    copy = untracked(t.array.copy())
    copy.tracked, copy.node = t.tracked, t.node
    return copy


def take_over(target, result, name: str) -> None:
    """Write the result's values into the target, and give the target (and its bases) the result's history."""
    if result.array.shape != target.array.shape:
        raise RuntimeError(
            f"{name}: output with shape {list(target.array.shape)} doesn't match the broadcast shape "
            f"{list(result.array.shape)}; an in-place op cannot change a shape"
        )
    check_cast(target, result, name)
    check_versions_can_move(target, result)
    if is_recording() and (result.tracked or target.tracked):
        check_history_can_be_kept(target)
    target.array[...] = result.array
    target.version[0] += 1
    if is_recording() and (result.tracked or target.tracked):
        adopt(target, result)
    elif target.base is not None:
        target.seen = target.version[0]


def adopt(target, result) -> None:
    """Give a tensor the history of the value just written into it; pass it on to the tensors it is a view of.

    From then on a view has its history from its base, as its sisters have, so that hooks of the base see its.
    """
    become(target, edge_of_copy(result) if result.tracked else edge_of_overwritten(target))
    view = target
    while target.base is not None:
        base = target.base
        mask = part_mask(base, target)
        node = Node(REPLACE_PART, (edge_of(base), edge_of(target)), (mask, target.recipe), base.array.shape)
        become(base, node)
        target = base
    if view is not target and keeps_gradients(view):
        refresh(view)


def keeps_gradients(view) -> bool:
    """Whether the gradient of a view, or of one that it is a view of, is kept: by its latest node."""
    return view.base is not None and (view.retains_grad or keeps_gradients(view.base))


def become(t, node: Node) -> None:
    """Give a tensor another history."""
    before, t.tracked, t.node = t.node, True, node
    hand_on(before, node)


def check_history_can_be_kept(target) -> None:
    """Refuse a view that does not know how it was made: its base would not learn of the write."""
    while target.base is not None:
        if target.recipe is None:
            raise RuntimeError(
                "a view that was made under no_grad() is being written to in place with gradients recorded; "
                "make the view outside no_grad(), or write to a clone()"
            )
        target = target.base


def edge_of_copy(result) -> Node:
    """The result's Node; a leaf that was written as it is gets one, for the target is no leaf."""
    if result.node is not None:
        return result.node
    return Node(COPY, (result,), (), result.array.shape)


def edge_of_overwritten(target) -> Node:
    """A Node for constants written over a history: the gradient of what was there before is zero."""
    return Node(OVERWRITE, (edge_of(target),), (), target.array.shape)


def part_mask(base, view) -> np.ndarray:
    """True where the base's elements belong to the view: found by taking the view of their numbers."""
    xp = module_of(base.array)
    op, static = view.recipe
    numbers = xp.arange(base.array.size).reshape(base.array.shape)
    mask = xp.zeros(base.array.size, bool)
    mask[op(untracked(numbers), *static).array.reshape(-1)] = True
    return mask.reshape(base.array.shape)


class ReplacePart:
    """A base whose part was written through a view: the view's gradient is that part, the old base's the
    rest.
    """

    node_name = "CopySlices"
    name = "copy_slices"
    rules = None

    def pull(self, node: Node, g, record: bool, retain: bool) -> tuple:
        mask, (op, static) = node.kept
        if not retain:
            node.kept = None
        if record:
            return g * untracked(~mask), op(g, *static)
        return g * ~mask, op(untracked(g), *static).array


class Copy:
    """A value written as it is."""

    node_name = "CopyBackwards"
    name = "copy"
    rules = None

    def pull(self, node: Node, g, record: bool, retain: bool) -> tuple:
        return (g,)


class Overwrite:
    """A constant, whatever was there before."""

    node_name = "FillBackward0"
    name = "fill"
    rules = None

    def pull(self, node: Node, g, record: bool, retain: bool) -> tuple:
        return (g * 0,)


REPLACE_PART, COPY, OVERWRITE = ReplacePart(), Copy(), Overwrite()


def check_writable(target) -> None:
    """Refuse to write to a leaf that requires grad, as its gradient would be of another value."""
    if target.tracked and is_recording():
        if target.node is None:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation; "
                "do it under no_grad(), or on a clone()"
            )
        root = target
        while root.base is not None:
            root = root.base
        if root.tracked and root.node is None:
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place operation; "
                "do it under no_grad(), or on a clone()"
            )


def check_cast(target, result, name: str) -> None:
    """Refuse to write values of a higher category: floats into integers, complex numbers into floats."""
    if not can_hold(target.array.dtype, result.array.dtype):
        raise RuntimeError(
            f"{name}: result type {result.array.dtype} can't be cast to the desired output type "
            f"{target.array.dtype}; use the out-of-place form"
        )


def check_versions_can_move(target, result) -> None:
    """Refuse a target whose elements share memory (expanded), where one write would hit several."""
    array = target.array
    if (
        0 in array.strides
        and array.size
        and any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape))
    ):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single "
            "memory location; please clone() the tensor before performing the operation"
        )

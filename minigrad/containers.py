"""Nested tuples, lists and dicts of tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .engine import Value


def leaves_of(tree) -> list:
    """The values in nested tuples, lists and dicts, in order."""
    if isinstance(tree, Mapping):
        return [leaf for key in tree for leaf in leaves_of(tree[key])]
    if isinstance(tree, (tuple, list)):
        return [leaf for item in tree for leaf in leaves_of(item)]
    return [tree]


def rebuilt(tree, leaves):
    """A tree of the same form over other values; `leaves` is an iterator."""
    kind: Any = type(tree)
    if isinstance(tree, Mapping):
        return kind((key, rebuilt(tree[key], leaves)) for key in tree)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return kind(*[rebuilt(item, leaves) for item in tree])
    if isinstance(tree, (tuple, list)):
        return kind(rebuilt(item, leaves) for item in tree)
    return next(leaves)


def mapped(function: Callable, tree):
    """A tree of the same form with a function of each tensor in the tensor's place, and all else as it is."""
    return rebuilt(
        tree, iter([function(leaf) if isinstance(leaf, Value) else leaf for leaf in leaves_of(tree)])
    )

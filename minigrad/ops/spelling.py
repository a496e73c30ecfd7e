"""NumPy's argument names, which PyTorch's functions take beside their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

OTHER_NAMES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other"}


def numpy_names(function: Callable) -> Callable:
    """Decorator: `axis` is taken for `dim`, `keepdims` for `keepdim`, and so on."""

    @wraps(function)
    def call(*args, **kwargs):
        if kwargs and not OTHER_NAMES.keys().isdisjoint(kwargs):
            kwargs = {OTHER_NAMES.get(name, name): value for name, value in kwargs.items()}
        return function(*args, **kwargs)

    return call

"""How losses become the loss: PyTorch's `reduction`, and the older `size_average` and `reduce`."""

from __future__ import annotations

import warnings

from ...ops.reduction import mean, sum
from ...tensor import Tensor

_REDUCE = {"none": lambda values: values, "mean": mean, "sum": sum}


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str = "mean") -> str:
    """The `reduction` that the older arguments ask for, with a warning; else `reduction` itself."""
    if size_average is None and reduce is None:
        return reduction
    asked = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{asked}' instead.",
        stacklevel=4,
    )
    return asked


def checked(reduction: str) -> str:
    """The `reduction`, if it is one."""
    if reduction not in _REDUCE:
        raise ValueError(f"{reduction} is not a valid value for reduction; use 'none', 'mean' or 'sum'")
    return reduction


def reduced(values: Tensor, reduction: str) -> Tensor:
    """The losses themselves ("none"), their mean, or their sum."""
    return _REDUCE[checked(reduction)](values)

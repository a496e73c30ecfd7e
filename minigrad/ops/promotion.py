"""Which dtype an op computes in: PyTorch's promotion, as recorded casts, and numbers that stand beside
tensors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from ..backend import device_of, module_of
from ..engine import Value, primitive, untracked

if TYPE_CHECKING:
    from ..tensor import Tensor


@primitive(x=lambda g, source, target: cast(g, source, target))
def cast(x, target, source):
    """x converted from NumPy dtype `source` to `target`; its gradient is converted back."""
    return (x.real if source.kind == "c" and target.kind != "c" else x).astype(target)


def to_dtype(t: Any, target: dtypes.dtype) -> Tensor:
    """The tensor in another dtype; itself if it has it already."""
    source = t.array.dtype
    if source == target.numpy:
        return t
    if target.category < dtypes.FLOAT:  # integers and booleans carry no gradient
        return untracked(t.array.astype(target.numpy))
    return cast(t, target.numpy, source)


def in_dtype_of(x, g):
    """x, an array or a Tensor as g is, in g's dtype: a count of integers would make a float32 gradient
    float64.
    """
    return to_dtype(x, g.dtype) if isinstance(x, Value) else x.astype(g.dtype)


class Promotion:
    """How an op's tensors come to one dtype. With `floating`, integers become the default floating dtype."""

    def __init__(self, floating: bool = False):
        self.floating = floating
        #: kinds of dtype that need no promotion while all arguments share one, and the usual one of these;
        #: complex ones are not among them, so that an op can take another form for them
        #: (`Primitive.on_complex`)
        self.kinds = "f" if floating else "fiub"
        self.usual = np.dtype(np.float32)

    def __call__(self, *tensors: Tensor) -> list[Tensor]:
        target = dtypes.result_type(*tensors)
        if self.floating and target.category < dtypes.FLOAT:
            target = dtypes.get_default_dtype()
        return [to_dtype(t, target) for t in tensors]

    def operand(self, name: str, value, beside: Tensor) -> Tensor:
        """A number (or NumPy array) beside a tensor, in the dtype the two of them give."""
        if isinstance(value, np.ndarray):
            return untracked(module_of(beside.array).asarray(value))
        if not isinstance(value, (bool, int, float, complex, np.generic)):
            raise TypeError(
                f"{name}: argument must be Tensor or number, not {type(value).__name__}; "
                "wrap it: minigrad.tensor(...)"
            )
        target = dtypes.result_type(beside, value).numpy
        return untracked(module_of(beside.array).asarray(np.asarray(value).astype(target)))


arithmetic = Promotion()
floating = Promotion(floating=True)


def same_device(name: str, *tensors: Tensor) -> None:
    """Refuse tensors that lie on different devices."""
    devices = {str(device_of(t.array)) for t in tensors}
    if len(devices) > 1:
        raise RuntimeError(
            f"{name}: expected all tensors to be on the same device, found {' and '.join(sorted(devices))}; "
            "move one with .to(device)"
        )


def same_dtype(name: str, out, result) -> None:
    """Refuse an `out` (or one among several) of another dtype, where nothing is converted."""
    for target in out if isinstance(out, tuple) else () if out is None else (out,):
        if target.array.dtype != result.array.dtype:
            raise RuntimeError(
                f"{name}: Expected out tensor to have dtype {result.array.dtype}, got {target.array.dtype}"
            )

"""PyTorch's functions such as `view_copy`: a view's values in memory of their own; and other rare names."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np

from .. import dtypes, return_types
from ..engine import stored, untracked
from .arranging import diagonal, split_with_sizes, unfold
from .complex import view_as_complex, view_as_real
from .creation import arange
from .indexing import getitem
from .matrices import matrix_norm
from .memory import as_strided
from .reduction import vector_norm
from .shaping import (
    axis_of,
    copy,
    expand,
    narrow,
    permute,
    select_at,
    split,
    squeeze,
    t,
    transpose,
    unbind,
    unsqueeze,
    view,
)


def _copied(op: Callable) -> Callable:
    """A function whose results are copies of a view's."""

    @wraps(op)
    def call(*args, out=None, **settings):
        found = op(*args, **settings)
        if isinstance(found, tuple):
            return stored(tuple(map(copy, found)), out)
        return stored(copy(found), out)

    return call


def slice_of(input, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1):
    """The part from `start` to `end` along a dimension, every `step`-th."""
    axis = axis_of("slice", input, dim)
    return getitem(input, (slice(None),) * axis + (slice(start, end, step),))


def detach(input):
    """The same memory outside the graph."""
    return input.detach()


alias_copy, detach_copy, slice_copy = _copied(lambda input: input), _copied(detach), _copied(slice_of)
as_strided_copy, diagonal_copy, expand_copy = _copied(as_strided), _copied(diagonal), _copied(expand)
narrow_copy, permute_copy, select_copy = _copied(narrow), _copied(permute), _copied(select_at)
split_copy, split_with_sizes_copy, unbind_copy = _copied(split), _copied(split_with_sizes), _copied(unbind)
squeeze_copy, unsqueeze_copy, unfold_copy = _copied(squeeze), _copied(unsqueeze), _copied(unfold)
t_copy, transpose_copy, view_copy = _copied(t), _copied(transpose), _copied(view)
view_as_complex_copy, view_as_real_copy = _copied(view_as_complex), _copied(view_as_real)


# ---- norms under older names ---------------------------------------------------------------------
def frobenius_norm(input, dim, keepdim: bool = False, *, out=None):
    """The square root of the sum of squares over `dim`."""
    return vector_norm(input, 2, dim or None, keepdim, out=out)


def nuclear_norm(input, dim=(-2, -1), keepdim: bool = False, *, out=None):
    """The sum of singular values."""
    return matrix_norm(input, "nuc", dim, keepdim, out=out)


# ---- rare ----------------------------------------------------------------------------------------
def range_with_end(start=0, end=None, step=1, **settings):
    """start, start + step, ... up to and with end, of the default dtype: `torch.range`."""
    start, end = (0, start) if end is None else (start, end)
    count = int((end - start) / step) + 1
    settings.setdefault("dtype", dtypes.get_default_dtype())
    return arange(start, start + (count - 0.5) * step, step, **settings)


def typename(obj) -> str:
    """The name of an object's type with its module; of a tensor such as 'torch.FloatTensor'."""
    if hasattr(obj, "array") and hasattr(obj, "type"):
        return obj.type()
    return f"{type(obj).__module__}.{type(obj).__qualname__}".removeprefix("builtins.")


def histogramdd(input, bins, *, range=None, weight=None, density: bool = False):
    """(counts, edges of each dimension) of points (..., D), as NumPy counts them."""
    points = input.array.reshape(-1, input.array.shape[-1])
    bins = [b.array if hasattr(b, "array") else b for b in bins] if isinstance(bins, (list, tuple)) else bins
    limits = None if range is None else [range[i : i + 2] for i in np.arange(0, len(range), 2)]
    weights = None if weight is None else weight.array.reshape(-1)
    counts, edges = np.histogramdd(points, bins, limits, density, weights)
    kind = input.array.dtype
    return return_types.histogramdd(
        untracked(counts.astype(kind)), [untracked(e.astype(kind)) for e in edges]
    )


def is_distributed(input) -> bool:
    """False: nothing is spread over several machines here."""
    return False

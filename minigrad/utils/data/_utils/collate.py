"""How samples become a batch: tensors are stacked, numbers become tensors, containers are gone into.

`default_collate_fn_map` may be added to: it says by type how the samples of a batch are put together.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from .... import dtypes, ops
from ....engine import untracked
from ....tensor import Tensor

_NO_NUMBERS = "SaUO"  # the kinds of NumPy dtype that hold text or objects


def default_convert(data):
    """A sample with its NumPy arrays and scalars made tensors, also inside containers; the rest as it is."""
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in _NO_NUMBERS else ops.as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(data[key]) for key in data})
    if _is_named_tuple(data):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple):
        return [default_convert(item) for item in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _sequence_like(data, [default_convert(item) for item in data])
    return data


def default_collate(batch):
    """A list of samples as one batch, its first axis being the samples'.

    Tensors and arrays (...) become a tensor (N, ...); integers and booleans a tensor of their dtype, Python
    floats one of float64; text stays a list; dicts, named tuples, tuples and lists are collated part by part
    (tuples into lists). Raises TypeError for anything else and RuntimeError where sizes differ.
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch, *, collate_fn_map: dict[Any, Callable] | None = None):
    """As `default_collate`, with a table of one's own: type (or tuple of types) -> function.

    Each function is called as `function(batch, collate_fn_map=...)`. The table is searched for the first
    sample's own type, and then in its order for one that it is an instance of.
    """
    sample = batch[0]
    function = _function_for(sample, collate_fn_map or {})
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(sample, Mapping):
        columns = {k: collate([other[k] for other in batch], collate_fn_map=collate_fn_map) for k in sample}
        return _mapping_like(sample, columns)
    if not isinstance(sample, Sequence):
        raise TypeError(_unknown(type(sample)))
    if not _is_named_tuple(sample) and any(len(other) != len(sample) for other in batch):
        raise RuntimeError(
            "each element in list of batch should be of equal size; pass a collate_fn that pads"
        )
    parts = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=False)]
    if _is_named_tuple(sample):
        return type(sample)(*parts)
    return parts if isinstance(sample, tuple) else _sequence_like(sample, parts)


def _function_for(sample, table: dict[Any, Callable]) -> Callable | None:
    if type(sample) in table:
        return table[type(sample)]
    return next((function for kind, function in table.items() if isinstance(sample, kind)), None)


def _unknown(kind) -> str:
    return (
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {kind}; pass a collate_fn that knows it"
    )


def _is_named_tuple(data) -> bool:
    return isinstance(data, tuple) and hasattr(data, "_fields")


def _mapping_like(original: Mapping, items: dict) -> Mapping:
    """A mapping of the original's type with other values; a dict where that type cannot be made so."""
    try:
        if not isinstance(original, MutableMapping):
            return type(original)(items)  # type: ignore[call-arg]
        clone = copy.copy(original)
        clone.update(items)
        return clone
    except TypeError:
        return items


def _sequence_like(original: Sequence, items: list) -> Sequence:
    """A sequence of the original's type with other items; a list where that type cannot be made so."""
    try:
        if not isinstance(original, MutableSequence):
            return type(original)(items)  # type: ignore[call-arg]
        clone = copy.copy(original)
        for i, item in enumerate(items):
            clone[i] = item
        return clone
    except TypeError:
        return items


# ---- by type -------------------------------------------------------------------------------------
def collate_tensor_fn(batch, *, collate_fn_map=None) -> Tensor:
    if need_graph(batch):
        return ops.stack(list(batch), 0)
    whole = _joined([tensor.array for tensor in batch])
    return ops.stack(list(batch), 0) if whole is None else untracked(whole)


def collate_numpy_array_fn(batch, *, collate_fn_map=None) -> Tensor:
    if batch[0].dtype.kind in _NO_NUMBERS:
        raise TypeError(_unknown(batch[0].dtype))
    whole = _joined(batch)
    if whole is None or (collate_fn_map or {}).get(Tensor) is not collate_tensor_fn:
        return collate([ops.as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)
    return ops.as_tensor(whole)


def need_graph(tensors) -> bool:
    """Whether one of them, or a tensor it is a view of, requires grad."""
    while tensors:
        if any([tensor.tracked for tensor in tensors]):  # noqa: C419 - quicker for the few there are
            return True
        tensors = {tensor.base for tensor in tensors} - {None}
    return False


def _joined(items: Sequence, wanted: tuple | None = None) -> np.ndarray | None:
    """The arrays or numbers as one array; None where shapes or dtypes differ, or CuPy holds them."""
    if wanted is None and not isinstance(items[0], np.ndarray):
        return None
    try:
        whole = np.array(items)
    except ValueError:  # of unequal shapes
        return None
    return whole if whole.dtype in (wanted or (items[0].dtype,)) else None


def collate_numpy_scalar_fn(batch, *, collate_fn_map=None) -> Tensor:
    return ops.as_tensor(np.array(batch))


def collate_float_fn(batch, *, collate_fn_map=None) -> Tensor:
    whole = _joined(batch, (np.float64,))
    return ops.tensor(batch, dtype=dtypes.float64) if whole is None else untracked(whole)


def collate_int_fn(batch, *, collate_fn_map=None) -> Tensor:
    whole = _joined(batch, (np.int64, np.bool_))
    return ops.tensor(batch) if whole is None else untracked(whole)


def collate_str_fn(batch, *, collate_fn_map=None):
    return batch


default_collate_fn_map: dict[Any, Callable] = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}

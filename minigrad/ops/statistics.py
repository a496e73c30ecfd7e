"""Counting and describing: distinct values, histograms, places in sorted order, quantiles, covariances.

What counts has no gradient and is NumPy's; what describes is made of ops that have one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes, return_types
from ..backend import as_places
from ..engine import Value, stored, untracked
from .arranging import ravel
from .combined import lerp
from .elementwise import clamp_between, conj, div, isnan, logical_not, mul, select, sub
from .indexing import gather, nonzero
from .linalg import matmul
from .promotion import same_dtype, to_dtype
from .reduction import mean, sum
from .shaping import axis_of, movedim, reshape_to, squeeze, stack, take_part, transpose, unsqueeze
from .sorting import amax, amin, sort
from .spelling import numpy_names

if TYPE_CHECKING:
    from ..tensor import Tensor


# ---- distinct values -----------------------------------------------------------------------------
def unique(
    input,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
):
    """The distinct values, in rising order; with `dim` the distinct slices along it.

    Besides, where asked for, the place of each element among them, and how often each occurs.
    """
    axis = None if dim is None else axis_of("unique", input, dim)
    values, inverse, counts = np.unique(input.array, return_inverse=True, return_counts=True, axis=axis)
    return _with_places(
        values,
        inverse.reshape(input.array.shape if dim is None else -1),
        counts,
        return_inverse,
        return_counts,
    )


def _with_places(values, inverse, counts, return_inverse: bool, return_counts: bool):
    wanted = [*([inverse] if return_inverse else []), *([counts] if return_counts else [])]
    numbers = [each.astype(np.int64, copy=False) for each in wanted]
    made = tuple(untracked(np.asarray(p)) for p in (values, *numbers))
    return made if len(made) > 1 else made[0]


def unique_consecutive(
    input, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
):
    """The values (or slices along `dim`) that differ from the one before."""
    if dim is None:
        rows = input.array.reshape(-1)
        differs = rows[1:] != rows[:-1]
    else:
        rows = np.moveaxis(input.array, axis_of("unique_consecutive", input, dim), 0)
        differs = (rows[1:] != rows[:-1]).any(tuple(range(1, rows.ndim)))
    first = np.concatenate([[True], differs]) if len(rows) else np.zeros(0, bool)
    starts = np.flatnonzero(first)
    values = (
        rows[first] if dim is None else np.moveaxis(rows[first], 0, axis_of("unique_consecutive", input, dim))
    )
    inverse = np.cumsum(first) - 1
    counts = np.diff(np.append(starts, len(rows)))
    shape = input.array.shape if dim is None else (-1,)
    return _with_places(values, inverse.reshape(shape), counts, return_inverse, return_counts)


def isin(elements, test_elements, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Where an element is among the test elements."""
    found, among = (e.array if isinstance(e, Value) else np.asarray(e) for e in (elements, test_elements))
    return untracked(np.asarray(np.isin(found, among, assume_unique=assume_unique, invert=invert)))


def argwhere(input) -> Tensor:
    """The places of the non-zero elements, (K, ndim)."""
    return nonzero(input)


def nonzero_static(input, *, size: int, fill_value: int = -1, out=None) -> Tensor:
    """The first `size` places of non-zero elements, filled up with `fill_value`."""
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    places = nonzero(input).array[:size]
    filled = np.full((size, places.shape[1]), fill_value, np.int64)
    filled[: len(places)] = places
    return stored(untracked(filled), out)


# ---- histograms ----------------------------------------------------------------------------------
def bincount(input, weights=None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, ... occurs in a vector, or the sum of the weights where it does."""
    array = input.array
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise RuntimeError(
            f"bincount only supports 1-d non-negative integral inputs, got {input.dtype} {tuple(array.shape)}"
        )
    if array.size and int(array.min()) < 0:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if weights is not None and weights.array.shape != array.shape:
        raise RuntimeError(
            f"weights should be 1-d and have the same length as input: {tuple(weights.array.shape)}"
        )
    counted = np.bincount(as_places(array), None if weights is None else weights.array, minlength)
    if weights is None:
        return untracked(counted.astype(np.int64))
    return untracked(counted.astype(np.float32 if weights.array.dtype == np.float32 else np.float64))


def _edges(name: str, array, bins: int, low: float, high: float, margin: float = 1):
    """Equal bins over [low, high], or over what the elements span where these are the same."""
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min")
    if low == high:
        low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 1.0)
    if low == high:
        low, high = low - margin, high + margin
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low}, {high}] is not finite")
    return np.linspace(low, high, bins + 1)


def histc(input, bins: int = 100, min=0, max=0, *, out=None) -> Tensor:
    """How many elements are in each of equal bins from min to max (of the data, where both are 0)."""
    if bins <= 0:
        raise RuntimeError(f"bins must be > 0, but got {bins}")
    if input.array.dtype.kind != "f":
        raise RuntimeError(f"histc: not implemented for {input.dtype}; use .float()")
    edges = _edges("histc", input.array, bins, float(min), float(max))
    counts, _ = np.histogram(input.array, edges)
    return stored(untracked(counts.astype(input.array.dtype)), out)


def histogram(
    input, bins, *, range=None, weight=None, density: bool = False, out=None
) -> return_types.histogram:
    """(hist, bin_edges): how many elements (or how much weight) are in each bin; with `density` of area 1."""
    array = input.array
    if isinstance(bins, Value):
        edges = bins.array
    else:
        low, high = range or (0.0, 0.0)
        edges = _edges("histogram", array, bins, low, high, margin=0.5)
    counts, _ = np.histogram(array, edges, weights=None if weight is None else weight.array, density=density)
    return return_types.histogram(
        untracked(counts.astype(array.dtype)), untracked(np.asarray(edges, array.dtype))
    )


# ---- places in sorted order ----------------------------------------------------------------------
def searchsorted(
    sorted_sequence,
    values,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter=None,
    out=None,
) -> Tensor:
    """Where the values would stand in sequences sorted along the last dimension.

    Before equals, or after them if `right`.
    """
    if side not in (None, "left", "right") or (right and side == "left"):
        raise RuntimeError(
            f"searchsorted: side {side!r} and right={right} do not go together; use 'left' or 'right'"
        )
    sequence = sorted_sequence.array
    if sorter is not None:
        sequence = np.take_along_axis(sequence, sorter.array, -1)
    given = np.asarray(values.array if isinstance(values, Value) else values)
    place: Any = "right" if right else side or "left"
    if sequence.ndim == 1:
        places = np.searchsorted(sequence, given, place)
    else:
        if given.shape[:-1] != sequence.shape[:-1]:
            raise RuntimeError(
                "searchsorted: boundaries tensor should be 1 dimension or the first N-1 dimensions must "
                f"match, got {sequence.shape} and {given.shape}"
            )
        lead = math.prod(given.shape[:-1])
        rows = zip(
            sequence.reshape(lead, sequence.shape[-1]), given.reshape(lead, given.shape[-1]), strict=True
        )
        places = np.array([np.searchsorted(s, v, place) for s, v in rows], np.int64).reshape(given.shape)
    return stored(untracked(np.asarray(places, np.int32 if out_int32 else np.int64)), out)


def bucketize(input, boundaries, *, out_int32: bool = False, right: bool = False, out=None) -> Tensor:
    """The number of the bucket between rising boundaries that each element is in."""
    if boundaries.array.ndim != 1:
        raise RuntimeError(
            f"bucketize: boundaries tensor must be 1 dimension, but got dim({boundaries.array.ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right, out=out)


def unravel_index(indices, shape) -> tuple:
    """The place along each dimension of elements given by their number in a tensor of that shape."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if indices.array.dtype.kind not in "iu":
        raise ValueError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    return tuple(untracked(np.asarray(p, np.int64)) for p in np.unravel_index(indices.array, shape))


# ---- extremes, modes, quantiles ------------------------------------------------------------------
def aminmax(input, *, dim: int | None = None, keepdim: bool = False, out=None) -> return_types.aminmax:
    """The smallest and the largest element, of all or along `dim`."""
    same_dtype("aminmax", out, input)
    over = () if dim is None else dim
    return stored(return_types.aminmax(amin(input, over, keepdim), amax(input, over, keepdim)), out)


def msort(input, *, out=None) -> Tensor:
    """Sorted along the first dimension."""
    return stored(sort(input, 0).values if input.array.ndim else input, out)


@numpy_names
def mode(input, dim: int = -1, keepdim: bool = False, *, out=None) -> return_types.mode:
    """The most frequent value along a dimension, the smallest of several, and a place where it is."""
    axis = axis_of("mode", input, dim)
    if input.array.ndim == 0:
        return stored(return_types.mode(reshape_to(input, ()), untracked(np.zeros((), np.int64))), out)
    places = np.apply_along_axis(_place_of_mode, axis, input.array)
    return stored(return_types.mode(*_at(input, places, axis, keepdim)), out)


def _place_of_mode(row) -> int:
    values, counts = np.unique(row, return_counts=True)
    return int(np.flatnonzero(row == values[counts.argmax()])[-1])


def _at(input, places, axis: int, keepdim: bool) -> tuple:
    """The elements at one place per row, and the places."""
    rows = untracked(np.expand_dims(np.asarray(places, np.int64), axis))
    values = gather(input, axis, rows)
    return (values, rows) if keepdim else (squeeze(values, axis), squeeze(rows, axis))


def nanmedian(input, dim: int | None = None, keepdim: bool = False, *, out=None):
    """`median` of the elements that are not nan."""
    if dim is None:
        flat = ravel(input)
        return _at(flat, _place_of_median(flat.array), 0, False)[0]
    axis = axis_of("nanmedian", input, dim)
    if input.array.ndim == 0:
        return stored(return_types.nanmedian(reshape_to(input, ()), untracked(np.zeros((), np.int64))), out)
    places = np.apply_along_axis(_place_of_median, axis, input.array)
    return stored(return_types.nanmedian(*_at(input, places, axis, keepdim)), out)


def _place_of_median(row) -> int:
    order = np.argsort(row, kind="stable")
    count = int((row == row).sum())
    return int(order[max(count - 1, 0) // 2])


#: per interpolation, what becomes of a rank between two elements
ROUNDINGS: dict[str, Callable] = {
    "linear": lambda rank: rank,
    "lower": np.floor,
    "higher": np.ceil,
    "nearest": np.round,
    "midpoint": lambda rank: rank,
}


def _quantile(name: str, input, q, dim, keepdim: bool, interpolation: str, ignore_nan: bool) -> Tensor:
    if interpolation not in ROUNDINGS:
        raise RuntimeError(
            f"{name}() interpolation must be one of {', '.join(ROUNDINGS)}, but got {interpolation}"
        )
    q = q if isinstance(q, Value) else untracked(np.asarray(q, input.array.dtype))
    if input.array.dtype.kind != "f" or q.array.dtype != input.array.dtype:
        raise RuntimeError(
            f"{name}() input tensor must be either float or double dtype, and q the same: {input.dtype}, "
            f"{q.dtype}"
        )
    if q.array.ndim > 1 or not ((q.array >= 0) & (q.array <= 1)).all():
        raise RuntimeError(f"{name}() q values must be in the range [0, 1], in a scalar or 1D tensor")
    rows = ravel(input) if dim is None else movedim(input, dim, -1)
    if rows.array.ndim == 0:
        rows = reshape_to(rows, (1,))
    found = _between_ranks(rows, reshape_to(q, (q.array.size,)), interpolation, ignore_nan)
    if keepdim:
        ones = (1,) * input.array.ndim
        flat = dim is None or not input.array.ndim
        found = (
            reshape_to(found, (q.array.size, *ones))
            if flat
            else unsqueeze(found, axis_of(name, input, dim) + 1)
        )
    return found if q.array.ndim else take_part(found, 0)


def _between_ranks(rows, q, interpolation: str, ignore_nan: bool) -> Tensor:
    """(Q, ...): between the two sorted elements around each rank q (n - 1)."""
    order = np.argsort(rows.array, -1, kind="stable")  # nan last
    valid = (rows.array == rows.array).sum(-1)
    size = rows.array.shape[-1]
    count = np.where(valid == 0, size, valid) if ignore_nan else np.where(valid < size, -1, size)
    parts = []
    for i in range(q.array.size):
        rank = q.array[i] * (np.maximum(count, 1) - 1)
        rank = ROUNDINGS[interpolation](rank)
        low, high = np.floor(rank).astype(np.int64), np.ceil(rank).astype(np.int64)
        low, high = np.where(count < 0, size - 1, low), np.where(count < 0, size - 1, high)
        below, above = _nth(rows, order, low), _nth(rows, order, high)
        share = np.asarray(0.5 * (low != high) if interpolation == "midpoint" else rank - np.floor(rank))
        if q.tracked and interpolation == "linear":
            weight = sub(
                mul(take_part(q, i), untracked(np.asarray(np.maximum(count, 1) - 1, rows.array.dtype))),
                untracked(np.asarray(np.floor(rank), rows.array.dtype)),
            )
        else:
            weight = untracked(share.astype(rows.array.dtype))
        parts.append(lerp(below, above, weight))
    return stack(parts)


def _nth(rows, order, place) -> Tensor:
    """The element of each row that has a given rank."""
    index = np.take_along_axis(order, np.asarray(place)[..., None], -1)
    return squeeze(gather(rows, -1, untracked(index)), -1)


def quantile(
    input, q, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear", out=None
) -> Tensor:
    """The values below which a share q of the elements lies; nan where an element is."""
    return stored(_quantile("quantile", input, q, dim, keepdim, interpolation, False), out)


def nanquantile(
    input, q, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear", out=None
) -> Tensor:
    """`quantile` of the elements that are not nan."""
    return stored(_quantile("nanquantile", input, q, dim, keepdim, interpolation, True), out)


# ---- sums without nan, covariances ---------------------------------------------------------------
@numpy_names
def nansum(input, dim=None, keepdim: bool = False, *, dtype=None, out=None) -> Tensor:
    """The sum of the elements that are not nan."""
    return sum(
        select(isnan(input), 0, input) if input.array.dtype.kind == "f" else input,
        dim,
        keepdim,
        dtype=dtype,
        out=out,
    )


@numpy_names
def nanmean(input, dim=None, keepdim: bool = False, *, dtype=None, out=None) -> Tensor:
    """The mean of the elements that are not nan."""
    if input.array.dtype.kind not in "fc":
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {input.dtype}"
        )
    count = sum(logical_not(isnan(input)), dim, keepdim)
    return stored(div(nansum(input, dim, keepdim, dtype=dtype), count), out)


def cov(input, *, correction: int = 1, fweights=None, aweights=None) -> Tensor:
    """The covariance matrix of the rows of a matrix, each a variable; weights count or value the columns."""
    rows = reshape_to(input, (1, input.array.size)) if input.array.ndim < 2 else input
    if rows.array.ndim > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{input.array.ndim} dimensions"
        )
    rows = rows if rows.array.dtype.kind in "fc" else to_dtype(rows, dtypes.get_default_dtype())
    weight = _weights("cov", rows, fweights, aweights)
    total = rows.array.shape[1] if weight is None else sum(weight)
    average = mean(rows, 1, True) if weight is None else div(sum(mul(rows, weight), 1, True), total)
    free = (
        total - correction
        if aweights is None
        else total - correction * div(sum(mul(weight, to_dtype(aweights, weight.dtype))), total)
    )
    centred = sub(rows, average)
    weighted = centred if weight is None else mul(centred, weight)
    product = matmul(weighted, conj(transpose(centred, 0, 1)))
    found = div(product, clamp_between(free, 0, None) if isinstance(free, Value) else float(max(free, 0)))
    return squeeze(found)


def _weights(name: str, rows, fweights, aweights):
    """What each column counts."""
    if fweights is not None and fweights.array.dtype.kind in "fc":
        raise RuntimeError(f"{name}(): expected fweights to have integral dtype, got {fweights.dtype}")
    if aweights is not None and aweights.array.dtype.kind != "f":
        raise RuntimeError(f"{name}(): expected aweights to have floating point dtype, got {aweights.dtype}")
    given = [w for w in (fweights, aweights) if w is not None]
    for w in given:
        if w.array.ndim > 1 or w.array.size != rows.array.shape[1]:
            raise RuntimeError(
                f"{name}(): expected weights to have the same numel as there are observations, got "
                f"{w.array.size}"
            )
        if (w.array < 0).any():
            raise RuntimeError(f"{name}(): weights cannot be negative")
    return None if not given else given[0] if len(given) == 1 else mul(*given)


def corrcoef(input) -> Tensor:
    """The correlation coefficients of the rows of a matrix, each a variable."""
    if input.array.ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input.array.ndim} dimensions"
        )
    covariance = cov(input)
    if covariance.array.ndim == 0:
        return div(covariance, covariance)
    deviations = covariance.diagonal().real.sqrt()
    return div(div(covariance, unsqueeze(deviations, 1)), unsqueeze(deviations, 0))

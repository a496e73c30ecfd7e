"""Translations of the ops that move, pick, join and reduce elements, and of matrix products."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .graph import Graph, Tensor, UntranslatableError, static
from .sizes import Size

END = 2**63 - 1  # beyond the last element of any axis


# ---- shapes --------------------------------------------------------------------------------------
def _reshape(g: Graph, x, shape):
    return g.op("Reshape", x, g.shape(g.result.shape))


def _permute(g: Graph, x, axes):
    return g.op("Transpose", x, perm=[a % x.ndim for a in axes])


def _expand(g: Graph, x, shape):
    return g.op("Expand", x, g.ints(g.result.shape))


def _same(g: Graph, **given):
    return g.op("Identity", next(iter(given.values())))


def _repeat(g: Graph, input, counts, repeats):
    times = g.result.ndim
    factors = counts[0] if len(counts) == 1 and isinstance(counts[0], (list, tuple)) else counts or repeats
    wide = g.op("Reshape", input, g.shape((1,) * (times - input.ndim) + tuple(input.shape)))
    return g.op("Tile", wide, g.ints(list(factors)))


# ---- parts ---------------------------------------------------------------------------------------
def _take_part(g: Graph, x, index):
    """x[index]: slices first, then a tensor of integers, then integers, then None."""
    index = index if isinstance(index, tuple) else (index,)
    parts = _spelled_out(tuple(g.constant(p) if isinstance(p, np.ndarray) else p for p in index), x.ndim)
    axes = [p for p in parts if p is not None]
    taken = _slice(g, x, axes)
    tensors = [axis for axis, p in enumerate(axes) if isinstance(p, Tensor)]
    integers = [axis for axis, p in enumerate(axes) if _is_number(p)]
    if tensors:
        _check_places(axes[tensors[0]], tensors, integers, None in parts)
        places = g.cast(axes[tensors[0]], np.int64)
        taken = g.op("Gather", taken, places, axis=tensors[0])
        integers = [axis + (places.ndim - 1 if axis > tensors[0] else 0) for axis in integers]
    if integers:
        taken = g.op("Squeeze", taken, g.ints(integers))
    kept = [p for p in parts if not _is_number(p)]
    new = [place for place, p in enumerate(kept) if p is None]
    return g.op("Unsqueeze", taken, g.ints(new)) if new else g.op("Identity", taken)


def _check_places(places: Tensor, tensors: list[int], integers: list[int], widens: bool) -> None:
    """Refuse what a Gather along one axis is not."""
    if len(tensors) > 1 or widens:
        raise UntranslatableError(
            "an index of several tensors, or of a tensor beside None; index twice instead"
        )
    if places.dtype == bool:
        raise UntranslatableError("a mask as an index gives a result whose size is not known; use where()")
    beside = sorted([*tensors, *integers])
    if places.ndim and beside[-1] - beside[0] >= len(beside):
        raise UntranslatableError("an index with slices between a tensor and an integer; index twice instead")


def _is_number(part) -> bool:
    return isinstance(part, (int, Size)) and not isinstance(part, bool)


def _spelled_out(index: tuple, ndim: int) -> list:
    """The index with a slice for every axis that it leaves out."""
    named = sum(p is not None and p is not Ellipsis for p in index)
    whole = [slice(None)] * (ndim - named)
    places = [i for i, p in enumerate(index) if p is Ellipsis]
    at = places[0] if places else len(index)
    return [*index[:at], *whole, *(p for p in index[at:] if p is not Ellipsis)]


def _slice(g: Graph, x, parts: list):
    """x cut along the axes with a slice or a number; numbers leave an axis of size 1."""
    cuts = [
        (axis, *_bounds(p)) for axis, p in enumerate(parts) if not isinstance(p, Tensor) and p != slice(None)
    ]
    if not cuts:
        return x
    axes, starts, stops, steps = zip(*cuts)
    return g.op("Slice", x, g.ints(starts), g.ints(stops), g.ints(axes), g.ints(steps))


def _bounds(part) -> tuple:
    if isinstance(part, slice):
        return part.start or 0, END if part.stop is None else part.stop, part.step or 1
    if isinstance(part, Size):
        raise UntranslatableError(
            "an index that depends on a dynamic axis has no node here; use a slice, or -1"
        )
    return part, END if part == -1 else part + 1, 1


def _index_select(g: Graph, input, dim, index, **_):
    return g.op("Gather", input, g.cast(index, np.int64), axis=dim)


def _gather(g: Graph, input, dim, index, **_):
    return g.op("GatherElements", input, g.cast(index, np.int64), axis=dim)


def _setitem(g: Graph, target, index, value):
    """x[index] = value, by the places in the flattened x that the index names."""
    places = (
        np.arange(math.prod(static(target.shape, "what is written to")))
        .reshape(target.shape)[index]
        .reshape(-1)
    )
    shape = np.empty(target.shape, bool)[index].shape
    flat = g.op("Reshape", target, g.ints([-1]))
    new = g.op("Expand", g.cast(value, target.dtype), g.ints(shape))
    written = g.op("ScatterElements", flat, places, g.op("Reshape", new, g.ints([-1])))
    return g.op("Reshape", written, g.ints(target.shape))


def _masked_fill(g: Graph, input, mask, value):
    value = g.cast(value, input.dtype)
    return g.op("Where", mask, value, input, dtype=input.dtype)


def _flip(g: Graph, x, axes):
    count = len(axes)
    return g.op("Slice", x, g.ints([-1] * count), g.ints([-END] * count), g.ints(axes), g.ints([-1] * count))


def _split(g: Graph, x, sizes, axis):
    if len(g.results) == 1:
        return g.op("Identity", x)
    return g.op("Split", x, g.ints(sizes), axis=axis, outputs=len(g.results))


def _unstack(g: Graph, x, axis):
    count = len(g.results)
    ones = g.ints([1] * count)
    parts = g.op("Split", x, ones, axis=axis, outputs=count) if count > 1 else (x,)
    return tuple(g.op("Squeeze", part, g.ints([axis])) for part in parts)


def _concat(g: Graph, tensors, axis):
    return g.op("Concat", *(g.cast(t, g.result.dtype) for t in tensors), axis=axis)


def _stack(g: Graph, tensors, axis):
    wide = [g.op("Unsqueeze", g.cast(t, g.result.dtype), g.ints([axis])) for t in tensors]
    return g.op("Concat", *wide, axis=axis)


def _triangle(upper: int) -> Callable:
    return lambda g, x, diagonal: g.op("Trilu", x, np.array(diagonal), upper=upper)


def _surround(g: Graph, x, pads, value):
    before, after = zip(*static(pads, "pad"))
    none = (0,) * (x.ndim - len(pads))
    return g.op("Pad", x, g.ints([*none, *before, *none, *after]), g.tensor(value, x.dtype))


def _extend(g: Graph, x, axis, before, after, mode):
    if mode == "circular":
        raise UntranslatableError("circular padding has no node in ONNX before opset 19")
    sizes = [0] * (2 * x.ndim)
    sizes[axis], sizes[x.ndim + axis] = before, after
    return g.op("Pad", x, g.ints(sizes), mode={"reflect": "reflect", "replicate": "edge"}[mode])


# ---- reductions ----------------------------------------------------------------------------------
def reduce(kind: str) -> Callable:
    """A reduction over a tuple of axes, None for all."""

    def translate(g: Graph, x, axis, keepdims=False):
        axes = None if axis is None else g.ints([a % x.ndim for a in axis])
        if axis is not None and not axis:
            return g.op("Identity", x)
        return g.op(kind, g.cast(x, g.result.dtype), axes, keepdims=int(bool(keepdims)))

    return translate


def _variance(g: Graph, x, axis, keepdims, correction):
    axes = tuple(range(x.ndim)) if axis is None else axis
    count = math.prod(static([x.shape[a] for a in axes], "the number of elements of a variance"))
    mean = g.op("ReduceMean", x, g.ints(axes), keepdims=1)
    off = g.op("Sub", x, mean)
    total = g.op("ReduceSum", g.op("Mul", off, off), g.ints(axes), keepdims=int(bool(keepdims)))
    return g.op("Div", total, g.tensor(count - correction, x.dtype))


def _norm(g: Graph, x, power, axis, keepdims):
    if power not in (1, 2):
        raise UntranslatableError(f"ONNX has norms of power 1 and 2, not {power}")
    return reduce(f"ReduceL{int(power)}")(g, x, axis, keepdims)


def _cumsum(g: Graph, x, axis):
    return g.op("CumSum", g.cast(x, g.result.dtype), np.array(axis))


def _arg(kind: str) -> Callable:
    def translate(g: Graph, input, dim=None, keepdim=False, axis=None, **_):
        dim = dim if axis is None else axis
        if dim is None:
            if keepdim:
                raise UntranslatableError("keepdim without dim has no node in ONNX; pass dim")
            input, dim = g.op("Reshape", input, g.ints([-1])), 0
        return g.op(kind, input, axis=dim, keepdims=int(keepdim), dtype=np.int64)

    return translate


def _extreme(kind: str, of_two: str) -> Callable:
    """max and min: of all, of two tensors, or along a dimension with places."""

    def translate(g: Graph, input, dim=None, keepdim=False, other=None, axis=None, **_):
        dim = next((d for d in (dim, other, axis) if d is not None), None)
        if isinstance(dim, Tensor):
            return g.op(of_two, *(g.cast(t, g.result.dtype) for t in (input, dim)))
        if dim is None:
            return g.op(f"Reduce{kind}", input, keepdims=0)
        values = g.op(f"Reduce{kind}", input, g.ints([dim]), keepdims=int(keepdim))
        return values, g.op(f"Arg{kind}", input, axis=dim, keepdims=int(keepdim), dtype=np.int64)

    return translate


def _topk(g: Graph, input, k, dim=-1, largest=True, sorted=True, **_):
    values, places = g.op(
        "TopK", input, g.ints([k]), axis=dim, largest=int(largest), sorted=int(sorted), outputs=2
    )
    places.dtype = np.dtype(np.int64)
    return values, places


def _sort(g: Graph, input, dim=-1, descending=False, **_):
    return _topk(g, input, input.shape[dim], dim, descending)


def _softmax(kind: str) -> Callable:
    return lambda g, x, axis: g.op(kind, g.cast(x, g.result.dtype), axis=axis)


# ---- products ------------------------------------------------------------------------------------
def _matmul(g: Graph, x, y):
    return g.op("MatMul", g.cast(x, g.result.dtype), g.cast(y, g.result.dtype))


def _einsum(g: Graph, equation, operands):
    tensors = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    if not isinstance(equation, str):
        raise UntranslatableError(
            "einsum with lists of numbers has no node in ONNX; write the equation as text"
        )
    return g.op("Einsum", *tensors, equation=equation)


TABLE: dict[str, Callable] = {
    # shapes
    "ops.shaping.reshape_to": _reshape,
    "ops.shaping.permute_to": _permute,
    "ops.shaping.expand_to": _expand,
    "ops.arranging.repeat": _repeat,
    "ops.shaping.copy": _same,
    "tensor.Tensor.detach": _same,
    "tensor.Tensor.data": _same,
    # parts
    "tensor.Tensor.__getitem__": lambda g, self, index: _take_part(g, self, index),
    "ops.shaping.take_part": _take_part,
    "ops.indexing.setitem": _setitem,
    "ops.indexing.masked_fill": _masked_fill,
    "ops.indexing.index_select": _index_select,
    "ops.indexing.gather": _gather,
    "ops.shaping.flip_axes": _flip,
    "ops.shaping.split_to": _split,
    "ops.shaping.unstack_to": _unstack,
    "ops.shaping.concat": _concat,
    "ops.shaping.stack_on": _stack,
    "ops.arranging.lower_triangle": _triangle(0),
    "ops.arranging.upper_triangle": _triangle(1),
    "ops.padding.surround": _surround,
    "ops.padding.extend": _extend,
    # reductions
    "ops.reduction.sum_over": reduce("ReduceSum"),
    "ops.sums.total": lambda g, x: reduce("ReduceSum")(g, x, None),
    "ops.reduction.mean_over": reduce("ReduceMean"),
    "ops.reduction.prod_over": reduce("ReduceProd"),
    "ops.reduction.max_over": reduce("ReduceMax"),
    "ops.reduction.min_over": reduce("ReduceMin"),
    "ops.reduction.logsumexp_over": reduce("ReduceLogSumExp"),
    "ops.reduction.var_over": _variance,
    "ops.reduction.power_norm_over": _norm,
    "ops.reduction.cumsum_along": _cumsum,
    "ops.sorting.argmax": _arg("ArgMax"),
    "ops.sorting.argmin": _arg("ArgMin"),
    "ops.sorting.max": _extreme("Max", "Max"),
    "ops.sorting.min": _extreme("Min", "Min"),
    "ops.sorting.topk": _topk,
    "ops.sorting.sort": _sort,
    "ops.softmax.softmax_along": _softmax("Softmax"),
    "ops.softmax.log_softmax_along": _softmax("LogSoftmax"),
    # products
    "ops.linalg._matmul": _matmul,
    "ops.einsum.einsum": _einsum,
}

"""Linear and bilinear maps, rows of tables, and one-hot vectors."""

from __future__ import annotations

import numpy as np

from ... import ops
from ...autograd.grad_mode import no_grad
from ...backend import beside, module_of
from ...engine import untracked
from ...ops import embedding as table
from ...ops.linear import linear
from ...tensor import Tensor

__all__ = ["bilinear", "embedding", "embedding_bag", "linear", "one_hot"]


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x1^T W_k x2 + b_k: inputs (..., I1) and (..., I2), weight (O, I1, I2), bias (O,) give (..., O)."""
    outputs, features1, features2 = weight.shape
    if (input1.shape[-1], input2.shape[-1]) != (features1, features2) or input1.shape[:-1] != input2.shape[
        :-1
    ]:
        raise RuntimeError(
            f"bilinear(): input1 {tuple(input1.shape)} and input2 {tuple(input2.shape)} do not fit weight "
            f"{tuple(weight.shape)}: they need {features1} and {features2} features, and be otherwise of one "
            "shape"
        )
    x1, x2 = input1.reshape(-1, features1), input2.reshape(-1, features2)
    pairs = (x1.unsqueeze(2) * x2.unsqueeze(1)).reshape(-1, features1 * features2)
    out = linear(pairs, weight.reshape(outputs, features1 * features2), bias)
    return out.reshape(*input1.shape[:-1], outputs)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A 1 at each index of the tensor (...): (..., num_classes) int64; -1 takes the largest index + 1."""
    index = tensor.array
    if index.dtype.kind not in "iu" or index.itemsize != 8:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype}; use .long()"
        )
    if num_classes == 0 or (num_classes < 0 and not index.size):
        raise RuntimeError(
            f"one_hot: Class values must be smaller than num_classes {num_classes}; pass a positive one"
        )
    if index.size and int(index.min()) < 0:
        raise RuntimeError("one_hot: Class values must be non-negative.")
    highest = int(index.max()) if index.size else -1
    classes = highest + 1 if num_classes < 0 else num_classes
    if highest >= classes:
        raise RuntimeError(
            f"one_hot: Class values must be smaller than num_classes: {highest} is not below {classes}"
        )
    xp = module_of(index)
    return untracked((index[..., None] == xp.arange(classes)).astype(np.int64))


# ---- rows of tables ------------------------------------------------------------------------------
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of weight (V, D) by their numbers: input (...) gives (..., D).

    The row `padding_idx` gets no gradient; rows longer than `max_norm` are shortened, in place, before use;
    `scale_grad_by_freq` divides a row's gradient by how often it was used. Sparse gradients are refused.
    """
    index = _index_of("embedding", input, weight, sparse)
    padding_idx = _row("embedding", padding_idx, weight)
    if max_norm is not None:
        _shorten_rows(weight, index, max_norm, norm_type)
    if scale_grad_by_freq:
        weight = _weighed_by_uses(weight, index)
    return table.embedding(weight, index, padding_idx)


def _weighed_by_uses(weight: Tensor, index) -> Tensor:
    """The table itself, whose gradient is divided row by row by how often index names the row."""
    return table.weigh_gradient(weight, table.one_over_uses(index, len(weight.array), weight.array.dtype))


def _index_of(name: str, input: Tensor, weight: Tensor, sparse: bool):
    if sparse:
        raise NotImplementedError(f"{name}: sparse gradients are not here; pass sparse=False")
    if not isinstance(input, Tensor) or input.array.dtype not in (np.int64, np.int32):
        got = f"tensor of {input.dtype}" if isinstance(input, Tensor) else type(input).__name__
        raise RuntimeError(
            f"{name}: Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {got} instead; use .long()"
        )
    if weight.array.ndim != 2:
        raise RuntimeError(f"{name}: 'weight' must be 2-D, (rows, features), got shape {tuple(weight.shape)}")
    return input.array


def _row(name: str, padding_idx: int | None, weight: Tensor) -> int | None:
    """padding_idx as a row number that does not count from the end."""
    rows = len(weight.array)
    if padding_idx is None or -rows <= padding_idx < rows:
        return None if padding_idx is None else padding_idx % rows
    raise AssertionError(
        f"{name}: Padding_idx must be within num_embeddings: {padding_idx} is not one of {rows} rows"
    )


def _shorten_rows(weight: Tensor, index, max_norm: float, norm_type: float) -> None:
    """Scale the rows that are used, and longer than max_norm, down to it."""
    with no_grad():
        used = module_of(index).unique(index)
        rows = weight.detach()[untracked(used)]
        norms = ops.norm(rows, norm_type, 1, keepdim=True)
        weight[untracked(used)] = ops.where(norms > max_norm, rows * (max_norm / (norms + 1e-7)), rows)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima of rows of weight (V, D), bag by bag: (B, D).

    Bags are the rows of input (B, L), or the runs of input (N,) that begin at offsets (B,). Rows
    `padding_idx` do not count, and an empty bag gives zeros. `per_sample_weights`, of input's shape, is for
    mode "sum" alone.
    """
    index = _index_of("embedding_bag", input, weight, sparse)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode has to be one of sum, mean or max, not {mode!r}")
    _check_sample_weights(per_sample_weights, input, mode)
    places = _places_of_bags(index, offsets, include_last_offset)  # (B, L) into input, -1 behind a bag's end
    padding_idx = _row("embedding_bag", padding_idx, weight)
    if max_norm is not None:
        _shorten_rows(weight, index, max_norm, norm_type)
    flat = index.reshape(-1)
    counted = (places >= 0) & (
        (flat[places] != padding_idx) if padding_idx is not None and flat.size else True
    )
    chosen = flat[np.maximum(places, 0)] if flat.size else places.astype(np.int64)
    if scale_grad_by_freq:
        weight = _weighed_by_uses(weight, index)
    rows = table.embedding(weight, np.where(counted, chosen, 0), None)
    mask = untracked(counted[..., None])  # (B, L, 1)
    if mode == "max":
        highest = ops.where(mask, rows, -np.inf)
        return _max_or_zero(highest, counted)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1)[untracked(np.maximum(places, 0))].unsqueeze(-1)
    total = ops.where(mask, rows, 0.0).sum(1)
    if mode == "sum":
        return total
    return total / untracked(np.maximum(counted.sum(1), 1)[:, None].astype(weight.array.dtype))


def _max_or_zero(rows: Tensor, counted) -> Tensor:
    """The maximum over dimension 1; zeros where nothing counts."""
    if not counted.shape[1]:
        return rows.sum(1)
    highest = ops.max(rows, 1)[0]
    return ops.where(untracked(counted.any(1)[:, None]), highest, 0.0)


def _check_sample_weights(per_sample_weights: Tensor | None, input: Tensor, mode: str) -> None:
    if per_sample_weights is None:
        return
    if mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None; it is only supported for mode='sum' "
            f"(got mode='{mode}')"
        )
    if per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights {tuple(per_sample_weights.shape)} is not None, it must "
            f"have the same shape as the input {tuple(input.shape)}"
        )


def _places_of_bags(index, offsets: Tensor | None, include_last_offset: bool):
    """For each bag the places of its elements in the flat input, (B, L); -1 behind the end of a short bag."""
    if index.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "embedding_bag: if input is 2D, then offsets has to be None, as input is treated as "
                "fixed-length bags"
            )
        return beside(index, np.arange(index.size).reshape(index.shape))
    if index.ndim != 1:
        raise ValueError(
            f"embedding_bag: input has to be 1D or 2D Tensor, but got Tensor of dimension {index.ndim}"
        )
    if offsets is None or offsets.array.ndim != 1:
        raise ValueError("embedding_bag: if input is 1D, offsets has to be a 1D Tensor")
    starts = offsets.array
    if include_last_offset:
        starts, ends = starts[:-1], starts[1:]
    else:
        ends = np.concatenate([starts[1:], beside(index, [index.size])])
    if starts.size and int(starts[0]) != 0:
        raise ValueError(
            f"embedding_bag: offsets[0] has to be 0, the first bag's start, but got {int(starts[0])}"
        )
    if starts.size and int(ends.max()) > index.size:
        raise ValueError(f"embedding_bag: offsets[-1] can not be greater than input's length {index.size}")
    steps = beside(index, np.arange(int((ends - starts).max() if starts.size else 0)))
    places = starts[:, None] + steps
    return np.where(places < ends[:, None], places, -1)

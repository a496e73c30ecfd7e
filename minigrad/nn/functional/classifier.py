"""Cross-entropy of a linear map's outputs: at once, or in pieces that keep no logits."""

from __future__ import annotations

import math
import warnings

from ...ops.classifier import linear_cross_entropy as in_pieces
from ...ops.linear import linear
from ...tensor import Tensor
from .loss import _check_class_weight, _check_targets, _row_weights, cross_entropy
from .reduction import checked


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options=None,
) -> Tensor:
    """cross_entropy(linear(input, linear_weight, linear_bias), target): input (N, I) or (I,), linear_weight
    (C, d1, ..., I).

    Targets are as in `cross_entropy`, for logits (N, C, d1, ...); `ignore_index` None is -100. With
    `options`, a `LinearCrossEntropyOptions`, the logits of the whole batch are never held, which saves memory
    where C is large; that is for plain classes without further dimensions and smoothing, else it warns.
    """
    reduction = checked(reduction)
    batch, classes, outer = _sizes(input, linear_weight, linear_bias)
    shape = (*batch, classes, *outer)
    if tuple(target.shape) == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    ignore_index = -100 if ignore_index is None else ignore_index
    if options is not None:
        if not outer and not label_smoothing and target.array.dtype.kind == "i":
            return _in_pieces(
                input, linear_weight, target, linear_bias, weight, reduction, ignore_index, options
            )
        warnings.warn(
            "linear_cross_entropy: ``options`` ignored; going in pieces needs label_smoothing == 0, "
            f"target.dtype == int64, out_features == (). Got label_smoothing={label_smoothing}, "
            f"target.dtype={target.dtype}, out_features={outer}.",
            stacklevel=2,
        )
    rows = math.prod(shape[len(batch) :])
    bias = None if linear_bias is None else linear_bias.reshape(rows)
    logits = linear(input, linear_weight.reshape(rows, input.shape[-1]), bias).reshape(shape)
    return cross_entropy(
        logits,
        target,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def _sizes(input: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[tuple, int, tuple]:
    """(N,) or (), C, and (d1, ...) of arguments that fit each other."""
    if input.dim() not in (1, 2):
        raise RuntimeError(
            f"linear_cross_entropy: expected input with dimensionality 1 or 2, got {input.dim()}"
        )
    if weight.dim() < 2:
        raise RuntimeError(
            f"linear_cross_entropy: expected linear_weight with dimensionality at least 2, got {weight.dim()}"
        )
    if input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            "linear_cross_entropy: expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {weight.shape[-1]}, respectively"
        )
    if bias is not None and bias.shape != weight.shape[:-1]:
        raise RuntimeError(
            f"linear_cross_entropy: expected linear_bias shape {tuple(weight.shape[:-1])}, got "
            f"{tuple(bias.shape)}"
        )
    if weight.dim() > 2 and input.dim() == 1:
        raise RuntimeError(
            f"linear_cross_entropy: K-dimensional loss defined by linear_weight shape {tuple(weight.shape)} "
            f"requires batched input, (N, {input.shape[-1]}), got unbatched input with shape "
            f"{tuple(input.shape)}"
        )
    return tuple(input.shape[:-1]), weight.shape[0], tuple(weight.shape[1:-1])


def _in_pieces(input, linear_weight, target, bias, weight, reduction, ignore_index, options) -> Tensor:
    name, (classes, features) = "linear_cross_entropy", linear_weight.shape
    rows = input.reshape(-1, features)
    if input.dtype != linear_weight.dtype:
        raise RuntimeError(
            f"{name}: input and linear_weight must have the same dtype, but have {input.dtype} and "
            f"{linear_weight.dtype}; use .to(dtype)"
        )
    _check_targets(name, rows, target.reshape(-1))
    _check_class_weight(name, weight, classes, input)
    weights, places, rest = _row_weights(
        name, target.array.reshape(-1), classes, weight, ignore_index, reduction, input.array.dtype
    )
    size = options.rows(len(rows.array), features, classes, input.dtype)
    losses = in_pieces(rows, linear_weight, bias, places, weights, size)
    if reduction == "none":
        return losses.reshape(target.shape)
    return losses.sum() + rest

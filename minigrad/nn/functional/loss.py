"""Losses between predictions and targets: distances, probabilities, classes; for margins see `margin.py`."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ... import ops
from ...engine import untracked
from ...ops import loss as op
from ...tensor import Tensor
from .reduction import checked, reduced, reduction_of


# ---- distances -----------------------------------------------------------------------------------
def _distance(
    name: str, error, input: Tensor, target: Tensor, weight: Tensor | None, reduction: str
) -> Tensor:
    """An error per element, weighed and reduced; a weighed mean is divided by the sum of the weights."""
    if input.array.shape != target.array.shape:
        warnings.warn(
            f"{name}: Using a target size {tuple(target.shape)} that is different to the input size "
            f"{tuple(input.shape)}. This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )
    if weight is None:
        return reduced(error(input, target), reduction)
    if weight.array.shape != input.array.shape:
        raise ValueError(
            f"{name}: Inputs and weights must have the same size: {tuple(input.shape)}, {tuple(weight.shape)}"
        )
    weighed = error(input, target) * weight
    return weighed.sum() / weight.sum() if reduction == "mean" else reduced(weighed, reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)^2."""
    reduction = reduction_of(size_average, reduce, reduction)
    return _distance("mse_loss", op.squared_error, input, target, weight, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|."""
    reduction = reduction_of(size_average, reduce, reduction)
    return _distance("l1_loss", op.absolute_error, input, target, weight, reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """d^2 / 2 for d = |input - target| < delta, delta (d - delta / 2) beyond."""
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}")
    return _distance(
        "huber_loss", lambda x, y: op.huber(ops.sub(x, y), delta), input, target, weight, reduction
    )


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d^2 / (2 beta) for d = |input - target| < beta, d - beta / 2 beyond (Girshick, 2015)."""
    reduction = reduction_of(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")

    def error(x, y):
        return op.absolute_error(x, y) if beta == 0 else op.huber(ops.sub(x, y), beta) / beta

    return _distance("smooth_l1_loss", error, input, target, None, reduction)


# ---- probabilities -------------------------------------------------------------------------------
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target log input + (1 - target) log(1 - input)) for probabilities; logarithms are held above -100."""
    reduction = reduction_of(size_average, reduce, reduction)
    if input.array.shape != target.array.shape:
        raise ValueError(
            f"binary_cross_entropy: Using a target size {tuple(target.shape)} that is different to the input "
            f"size {tuple(input.shape)} is deprecated. Please ensure they have the same size."
        )
    x = input.array
    if not ((x >= 0) & (x <= 1)).all():
        raise RuntimeError(
            "binary_cross_entropy: all elements of input should be between 0 and 1; apply sigmoid first"
        )
    losses = op.binary_cross_entropy(input, target)
    return reduced(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """`binary_cross_entropy` of sigmoid(input), never overflowing; `pos_weight` scales the positive part."""
    reduction = reduction_of(size_average, reduce, reduction)
    if input.array.shape != target.array.shape:
        raise ValueError(
            f"binary_cross_entropy_with_logits: Target size {tuple(target.shape)} must be the same as input "
            f"size {tuple(input.shape)}"
        )
    if pos_weight is None:
        losses = op.binary_cross_entropy_with_logits(input, target)
    else:
        positive = target * (pos_weight - 1) + 1
        losses = (1 - target) * input + positive * ops.neg(ops.logsigmoid(input))
    return reduced(losses if weight is None else losses * weight, reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target (log target - input), input (and with `log_target` target) being logarithms of probabilities.

    "batchmean" divides the sum by the first size; "mean" divides by the number of elements and is not the
    divergence.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            stacklevel=2,
        )
    if log_target:
        losses = ops.exp(target) * (target - input)
    else:
        zero = target == 0  # 0 log 0 is 0
        losses = ops.where(zero, 0.0, target * ops.log(ops.where(zero, 1.0, target))) - target * input
    if reduction != "batchmean":
        return reduced(losses, reduction)
    return losses.sum() / (input.shape[0] if input.dim() else 1)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """rate - target log(rate), rate being exp(input) or (log_input=False) input; `full` adds log(target!)."""
    reduction = reduction_of(size_average, reduce, reduction)
    losses = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:
        many = target > 1
        safe = ops.where(many, target, 1.0)
        stirling = target * ops.log(safe) - target + 0.5 * ops.log(2 * math.pi * safe)
        losses = losses + ops.where(many, stirling, 0.0)
    return reduced(losses, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log var + (input - target)^2 / var) / 2 (Nix and Weigend, 1994); `full` adds log(2 pi) / 2.

    var is held above eps.
    """
    if not isinstance(var, Tensor):
        var = ops.full((), var, dtype=input.dtype, device=input.device).expand(input.shape)
    shape, of_var = tuple(input.shape), tuple(var.shape)
    if of_var != shape:
        if of_var == shape[:-1]:
            var = var.unsqueeze(-1)
        elif len(of_var) != len(shape) or sum(n for m, n in zip(shape, of_var, strict=True) if m != n) != 1:
            raise ValueError(f"gaussian_nll_loss: var is of incorrect size: {of_var} beside input {shape}")
    if (var.array < 0).any():
        raise ValueError("gaussian_nll_loss: var has negative entry/entries")
    var = var + (ops.clamp(var, eps) - var).detach()  # the bound has no gradient of its own
    losses = 0.5 * (ops.log(var) + (input - target) ** 2 / var)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


# ---- classes -------------------------------------------------------------------------------------
def _classes_second(input: Tensor, target: Tensor) -> tuple[Tensor, Any]:
    """(N, C, d1, ...) as (N, C, S) with target (N, S); (N, C) and (C,) as (M, C) with target (M,)."""
    shape = input.array.shape
    if len(shape) <= 2:
        return (input if len(shape) == 2 else input.reshape(1, -1)), target.array.reshape(-1)
    size = math.prod(shape[2:])
    return input.reshape(shape[0], shape[1], size), target.array.reshape(shape[0], size)


def _check_targets(name: str, input: Tensor, target: Tensor) -> None:
    """Refuse targets that are not one class for each place of the input."""
    if not isinstance(target, Tensor):
        raise TypeError(f"{name}: target must be a Tensor, not {type(target).__name__}")
    shape, found = input.array.shape, target.array.shape
    if target.array.dtype.kind not in "iu" or target.array.itemsize not in (1, 8):
        raise RuntimeError(
            f"{name}: expected scalar type Long but found {target.dtype}; classes are target.long()"
        )
    if input.array.dtype.kind not in "fc":
        raise NotImplementedError(f"{name}: not implemented for {input.dtype}; use input.float()")
    if not shape:
        raise RuntimeError(f"{name}: input needs a dimension of classes, got a 0-d tensor")
    if len(shape) > 1 and len(found) and shape[0] != found[0]:
        raise ValueError(
            f"{name}: Expected input batch_size ({shape[0]}) to match target batch_size ({found[0]}); "
            f"input is {tuple(shape)}, target {tuple(found)}"
        )
    if found != (shape[:1] + shape[2:] if len(shape) > 1 else ()):
        raise RuntimeError(
            f"{name}: target {tuple(found)} does not fit input {tuple(shape)}: "
            f"it must have shape {tuple(shape[:1] + shape[2:] if len(shape) > 1 else ())}"
        )


def _check_class_weight(name: str, weight: Tensor | None, classes: int, input: Tensor) -> None:
    if weight is not None and tuple(weight.shape) != (classes,):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes "
            f"but got weight tensor of shape: {list(weight.shape)}"
        )
    if weight is not None and weight.dtype is not input.dtype:
        raise RuntimeError(f"{name}: expected weight of dtype {input.dtype} but found {weight.dtype}")


def _row_weights(
    name: str, target, classes: int, weight: Tensor | None, ignore_index: int, reduction: str, dtype
) -> tuple:
    """How much each row's loss counts (one number where all count alike), the classes with 0 for ignored
    ones, and what to add in the end: nan for the mean of nothing, whose gradient is nevertheless 0."""
    none_ignored = not 0 <= ignore_index < classes and op.all_are_classes(target, classes)
    if none_ignored and weight is None:
        return 1 / target.size if reduction == "mean" else 1.0, target, 0.0
    op.check_classes(name, target, classes, ignore_index)
    ignored = target == ignore_index
    target = ops.select(ignored, 0, target)
    counts = (~ignored).astype(dtype) if weight is None else weight.array[target] * ~ignored
    total = counts.sum()
    mean_of_some = reduction == "mean" and total != 0
    return counts / total if mean_of_some else counts, target, _mean_of_nothing(total, reduction)


def _mean_of_nothing(total, reduction: str) -> float:
    return math.nan if reduction == "mean" and total == 0 else 0.0


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-input at the target's class, input (N, C, d1, ...) or (C,) being logarithms of probabilities.

    target (N, d1, ...) or (). `weight` (C,) weighs classes, and divides the mean; `ignore_index` does not
    count.
    """
    reduction = checked(reduction_of(size_average, reduce, reduction))
    _check_targets("nll_loss", input, target)
    rows, flat = _classes_second(input, target)
    classes = rows.array.shape[1]
    _check_class_weight("nll_loss", weight, classes, input)
    weights, places, rest = _row_weights(
        "nll_loss", flat, classes, weight, ignore_index, reduction, input.array.dtype
    )
    losses = ops.neg(op.pick_class(rows, places)) * (
        weights if isinstance(weights, float) else untracked(weights)
    )
    if reduction == "none":
        return losses.reshape(target.shape)
    return losses.sum() + rest if rest else losses.sum()


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input) at the target's class: input (N, C, d1, ...) or (C,), target (N, d1, ...) or () of
    classes.

    A floating target of input's shape holds a probability for each class. `weight` (C,) weighs classes, and
    divides the mean where targets are classes; `ignore_index` does not count; `label_smoothing` mixes targets
    with 1 / C.
    """
    reduction = checked(reduction_of(size_average, reduce, reduction))
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(
            f"cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}"
        )
    if (
        isinstance(target, Tensor)
        and target.array.dtype.kind == "f"
        and target.array.shape == input.array.shape
    ):
        if ignore_index >= 0:
            raise RuntimeError("cross_entropy: ignore_index is not supported for floating point target")
        return _cross_entropy_of_probabilities(input, target, weight, reduction, label_smoothing)
    _check_targets("cross_entropy", input, target)
    rows, flat = _classes_second(input, target)
    classes = rows.array.shape[1]
    _check_class_weight("cross_entropy", weight, classes, input)
    if weight is not None and label_smoothing:
        rows = ops.movedim(rows, 1, -1).reshape(-1, classes)
        return _smoothed_and_weighed(rows, target, weight, ignore_index, reduction, label_smoothing)
    weights, places, rest = _row_weights(
        "cross_entropy", flat, classes, weight, ignore_index, reduction, input.array.dtype
    )
    losses = op.cross_entropy(rows, places, weights, label_smoothing, reduction != "none")
    if reduction == "none":
        return losses.reshape(target.shape)
    return losses + rest if rest else losses


def _smoothed_and_weighed(rows, target, weight, ignore_index, reduction, smoothing) -> Tensor:
    """With class weights the part spread evenly is weighed class by class, the rest by the target's class."""
    op.check_classes("cross_entropy", target.array, rows.shape[1], ignore_index)
    logp = ops.log_softmax(rows, 1)
    sharp = nll_loss(logp, target.reshape(-1), weight, ignore_index=ignore_index, reduction=reduction)
    ignored = target.array.reshape(-1) == ignore_index
    spread = ops.where(untracked(ignored), 0.0, ops.neg((logp * weight).sum(1)))
    if reduction == "mean":
        spread = (
            spread.sum()
            / untracked(weight.array[ops.select(ignored, 0, target.array.reshape(-1))] * ~ignored).sum()
        )
    elif reduction == "sum":
        spread = spread.sum()
    losses = (1 - smoothing) * sharp + (smoothing / logp.shape[1]) * spread
    return losses.reshape(target.shape) if reduction == "none" else losses


def _cross_entropy_of_probabilities(input, target, weight, reduction, smoothing) -> Tensor:
    axis = 1 if input.dim() > 1 else 0
    classes = input.shape[axis]
    _check_class_weight("cross_entropy", weight, classes, input)
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    if weight is not None:
        target = target * weight.reshape((-1,) + (1,) * (input.dim() - 1 - axis))
    losses = ops.neg((ops.log_softmax(input, axis) * target).sum(axis))
    return (
        losses.sum() / max(input.numel() // classes, 1) if reduction == "mean" else reduced(losses, reduction)
    )

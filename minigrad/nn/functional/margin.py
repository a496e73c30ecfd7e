"""Losses that ask for a margin: between scores, classes, or distances. Nothing is lost beyond the margin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ... import ops
from ...backend import beside
from ...engine import untracked
from ...ops import loss as op
from ...tensor import Tensor
from .distance import pairwise_distance
from .reduction import reduced, reduction_of


def _beyond(x: Tensor) -> Tensor:
    """max(x, 0), with gradient 1 at 0, as PyTorch's clamp_min has it."""
    return ops.clamp_between(x, 0, None)


# ---- of two scores -------------------------------------------------------------------------------
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin - target (input1 - input2)); a target of 1 wants input1 to be the larger, -1 input2."""
    reduction = reduction_of(size_average, reduce, reduction)
    if not input1.dim() == input2.dim() == target.dim():
        named = {"input1": input1, "input2": input2, "target": target}
        sizes = ", ".join(f"{name}: {tuple(t.shape)}" for name, t in named.items())
        raise RuntimeError(
            f"margin_ranking_loss : All input tensors should have same dimension but got sizes: {sizes}"
        )
    return reduced(_beyond(margin - target * (input1 - input2)), reduction)


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """input where the target is 1, max(0, margin - input) where it is -1."""
    reduction = reduction_of(size_average, reduce, reduction)
    near = ops.where(target != -1, input, 0.0)
    far = ops.where(target != 1, _beyond(margin - input), 0.0)
    return reduced(near + far, reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target input)), targets being 1 and -1."""
    reduction = reduction_of(size_average, reduce, reduction)
    if input.array.shape != target.array.shape:
        raise RuntimeError(
            f"soft_margin_loss: input {tuple(input.shape)} and target {tuple(target.shape)} must agree in "
            "shape"
        )
    return reduced(ops.neg(ops.logsigmoid(target * input)), reduction)


# ---- of classes ----------------------------------------------------------------------------------
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes i but the target of max(0, margin - input_target + input_i)^p; input (N, C)."""
    reduction = reduction_of(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, got {p}")
    if weight is not None and weight.dim() != 1:
        raise ValueError(
            f"multi_margin_loss: weight must be one-dimensional, got shape {tuple(weight.shape)}"
        )
    scores = input if input.dim() == 2 else input.reshape(1, -1)
    places = target.array.reshape(-1)
    if len(places) != len(scores.array):
        raise RuntimeError(
            f"multi_margin_loss: inconsistent target size: {tuple(target.shape)} for input "
            f"{tuple(input.shape)}"
        )
    op.check_classes("multi_margin_loss", places, scores.shape[1], None, RuntimeError)
    lost = _beyond(margin - op.pick_class(scores, places).unsqueeze(1) + scores)
    lost = lost if p == 1 else lost * lost
    lost = lost if weight is None else lost * untracked(weight.array[places][:, None])
    others = beside(places, np.arange(scores.shape[1])) != places[:, None]
    losses = ops.where(untracked(others), lost, 0.0).sum(1) / scores.shape[1]
    return reduced(losses.reshape(target.shape), reduction)


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum over targets j and other classes i of max(0, 1 - input_j + input_i), over C; input (N, C) or
    (C,).

    A row of target (N, C) lists classes and ends at its first -1.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if input.array.shape != target.array.shape:
        raise RuntimeError(
            f"multilabel_margin_loss: inconsistent target size {tuple(target.shape)} for input "
            f"{tuple(input.shape)}"
        )
    scores = input if input.dim() == 2 else input.reshape(1, -1)
    listed = target.array.reshape(scores.array.shape)
    listed = np.where(np.cumsum(listed < 0, 1) > 0, -1, listed)  # nothing counts behind the first -1
    classes = scores.shape[1]
    op.check_classes("multilabel_margin_loss", listed, classes, -1, RuntimeError)
    counts = listed >= 0
    is_target = (np.where(counts, listed, -1)[:, :, None] == beside(listed, np.arange(classes))).any(1)
    of_targets = scores.gather(
        1, untracked(np.where(counts, listed, 0))
    )  # (N, C), one place per listed target
    lost = _beyond(1 - of_targets.unsqueeze(2) + scores.unsqueeze(1))
    pairs = untracked(counts[:, :, None] & ~is_target[:, None, :])
    losses = ops.where(pairs, lost, 0.0).sum((1, 2)) / classes
    return reduced(losses if input.dim() == 2 else losses.reshape(()), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of binary cross-entropy with logits, targets 0 and 1; input (N, C)."""
    reduction = reduction_of(size_average, reduce, reduction)
    losses = ops.neg(target * ops.logsigmoid(input) + (1 - target) * ops.logsigmoid(ops.neg(input)))
    return reduced((losses if weight is None else losses * weight).mean(-1), reduction)


# ---- of distances --------------------------------------------------------------------------------
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos for a target of 1, max(0, cos - margin) for -1; inputs (N, D) or (D,), target (N,) or ()."""
    reduction = reduction_of(size_average, reduce, reduction)
    if target.dim() not in (0, 1):
        raise RuntimeError(
            f"cosine_embedding_loss: 0D or 1D target tensor expected, got {tuple(target.shape)}"
        )
    if input1.dim() != target.dim() + 1 or input2.dim() != target.dim() + 1:
        raise RuntimeError(
            f"cosine_embedding_loss: {target.dim()}D target tensor expects {target.dim() + 1}D input "
            f"tensors, but found inputs with sizes {tuple(input1.shape)} and {tuple(input2.shape)}."
        )
    tiny = 1e-12
    lengths = (ops.square(input1).sum(-1) + tiny) * (ops.square(input2).sum(-1) + tiny)
    cosine = (input1 * input2).sum(-1) / ops.sqrt(lengths)
    alike = ops.where(target == 1, 1 - cosine, 0.0)
    unlike = ops.where(target == -1, _beyond(cosine - margin), 0.0)
    return reduced(alike + unlike, reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), d being the p-norm of the difference (...,
    D).

    `swap` takes d(positive, negative) where that is the smaller (Balntas et al., 2016).
    """
    reduction = reduction_of(size_average, reduce, reduction)
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda x, y: pairwise_distance(x, y, p, eps),
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with any distance; the Euclidean one if None."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "triplet_margin_loss: The anchor, positive, and negative tensors are expected to have the same "
            f"number of dimensions, but got: anchor {anchor.dim()}D, positive {positive.dim()}D, and "
            f"negative {negative.dim()}D inputs"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = ops.minimum(far, distance(positive, negative))
    return reduced(_beyond(margin + near - far), reduction)

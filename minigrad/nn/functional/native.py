"""Functions that PyTorch has twice: in `nn.functional`, and, with other arguments, in `torch` itself.

Here is what `torch` has: an older order of arguments, and numbers for names, as `reduction=1` for "mean".
"""

from __future__ import annotations

from collections.abc import Callable

from ...tensor import Tensor
from . import convolution as convolutions
from . import ctc, loss, margin, normalization, pooling, sampling
from .dropout import _noisy
from .linear import _shorten_rows
from .linear import embedding as rows_of

_REDUCTIONS = ("none", "mean", "sum")


# ---- losses ------------------------------------------------------------------------------------------------
def _numbered(of: Callable, names: str) -> Callable:
    """A loss of arguments in this order; its `reduction` is 0, the default (none), 1 (mean) or 2 (sum)."""
    order = names.split()

    def native(*args, reduction: int = 0, **kwargs) -> Tensor:
        given = dict(zip(order, args, strict=False)) | kwargs
        kind = given.get("reduction", reduction)
        if kind not in (0, 1, 2):
            raise ValueError(f"{of.__name__}: reduction is 0 (none), 1 (mean) or 2 (sum) here, not {kind!r}")
        return of(**given | {"reduction": _REDUCTIONS[kind]})

    native.__name__ = native.__qualname__ = of.__name__
    native.__doc__ = f"As `nn.functional.{of.__name__}`, called as ({', '.join(order)})."
    return native


binary_cross_entropy_with_logits = _numbered(
    loss.binary_cross_entropy_with_logits, "input target weight pos_weight reduction"
)
cosine_embedding_loss = _numbered(margin.cosine_embedding_loss, "input1 input2 target margin reduction")
ctc_loss = _numbered(
    ctc.ctc_loss, "log_probs targets input_lengths target_lengths blank reduction zero_infinity"
)
hinge_embedding_loss = _numbered(margin.hinge_embedding_loss, "input target margin reduction")
kl_div = _numbered(loss.kl_div, "input target reduction")
margin_ranking_loss = _numbered(margin.margin_ranking_loss, "input1 input2 target margin reduction")
poisson_nll_loss = _numbered(loss.poisson_nll_loss, "input target log_input full eps reduction")
triplet_margin_loss = _numbered(
    margin.triplet_margin_loss, "anchor positive negative margin p eps swap reduction"
)


# ---- normalisation -----------------------------------------------------------------------------------------
def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
) -> Tensor:
    """As `nn.functional.batch_norm`, with weight and bias first."""
    return normalization.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
) -> Tensor:
    """As `nn.functional.instance_norm`, with weight and bias first."""
    return normalization.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


def layer_norm(
    input: Tensor, normalized_shape, weight=None, bias=None, eps: float = 1e-5, cudnn_enable: bool = True
) -> Tensor:
    """As `nn.functional.layer_norm`."""
    return normalization.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor, num_groups: int, weight=None, bias=None, eps: float = 1e-5, cudnn_enabled: bool = True
) -> Tensor:
    """As `nn.functional.group_norm`."""
    return normalization.group_norm(input, num_groups, weight, bias, eps)


# ---- dropout -----------------------------------------------------------------------------------------------
def _dropout(name: str, per_feature: bool, alpha: bool, inplace: bool) -> Callable:
    """A kind of dropout, called as (input, p, train)."""

    def native(input: Tensor, p: float, train: bool) -> Tensor:
        return _noisy(input, p, train, inplace, per_feature, alpha)

    native.__name__ = native.__qualname__ = name
    native.__doc__ = f"As `nn.functional.{name.rstrip('_')}`" + (", in place." if inplace else ".")
    return native


dropout, dropout_ = (_dropout("dropout" + mark, False, False, bool(mark)) for mark in ("", "_"))
feature_dropout, feature_dropout_ = (
    _dropout("feature_dropout" + mark, True, False, bool(mark)) for mark in ("", "_")
)
alpha_dropout, alpha_dropout_ = (
    _dropout("alpha_dropout" + mark, False, True, bool(mark)) for mark in ("", "_")
)
feature_alpha_dropout, feature_alpha_dropout_ = (
    _dropout("feature_alpha_dropout" + mark, True, True, bool(mark)) for mark in ("", "_")
)


# ---- the rest ----------------------------------------------------------------------------------------------
def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """As `nn.functional.embedding`, with the weight first; a `padding_idx` of -1 is none."""
    padding = None if padding_idx == -1 else padding_idx
    return rows_of(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Shorten the rows of a table that `indices` name and that are longer than max_norm, in place."""
    _shorten_rows(input, indices.array, max_norm, norm_type)
    return input


def adaptive_max_pool1d(input: Tensor, output_size) -> tuple[Tensor, Tensor]:
    """The largest elements, and where they were."""
    return pooling.adaptive_max_pool1d(input, output_size, return_indices=True)


def affine_grid_generator(theta: Tensor, size, align_corners: bool) -> Tensor:
    """As `nn.functional.affine_grid`."""
    return sampling.affine_grid(theta, size, align_corners)


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """As `nn.functional.grid_sample`, with the modes' numbers in the order of its documentation."""
    mode = ("bilinear", "nearest", "bicubic")[interpolation_mode]
    padding = ("zeros", "border", "reflection")[padding_mode]
    return sampling.grid_sample(input, grid, mode, padding, align_corners)


grid_sampler_2d = grid_sampler_3d = grid_sampler


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride,
    padding,
    dilation,
    transposed: bool,
    output_padding,
    groups: int,
) -> Tensor:
    """A convolution over the dimensions that the weight (out, in / groups, ...) has behind its first two."""
    ndim = weight.dim() - 2
    if transposed:
        conv = getattr(convolutions, f"conv_transpose{ndim}d")
        return conv(input, weight, bias, stride, padding, output_padding, groups, dilation)
    return getattr(convolutions, f"conv{ndim}d")(input, weight, bias, stride, padding, dilation, groups)

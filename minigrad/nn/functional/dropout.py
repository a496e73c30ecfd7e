"""Dropout in its variants (Srivastava et al., 2014). Masks are drawn as PyTorch draws them."""

from __future__ import annotations

import warnings

from ...inplace import write
from ...ops import dropout as drop
from ...random import default_generator
from ...tensor import Tensor


def _check_probability(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _noisy(input: Tensor, p: float, training: bool, inplace: bool, per_feature: bool, alpha: bool) -> Tensor:
    """What all variants share; they differ in what is dropped together, and in what takes its place."""
    _check_probability(p)
    x = input.array
    if p == 0 or not training or not x.size:
        return input
    if per_feature and x.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    if p == 1:
        settings: tuple = (drop.masked, x.dtype.type(0))
    else:
        keep = (
            drop.keep_noise(x, drop.feature_shape(x), p, default_generator)
            if per_feature
            else drop.keep_elements(x, p, default_generator)
        )
        settings = (
            (drop.masked_and_shifted, *drop.alpha_noise(x, keep, p))
            if alpha
            else (drop.masked, keep / (1 - p))
        )
    op, *factors = settings
    return write(input, op, *factors) if inplace else op(input, *factors)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element zero with probability p, else divided by 1 - p; the input itself when not training."""
    return _noisy(input, p, training, inplace, per_feature=False, alpha=False)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout for selu: keeps mean 0 and variance 1 (Klambauer et al., 2017)."""
    return _noisy(input, p, training, inplace, per_feature=False, alpha=True)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels."""
    return _noisy(input, p, training, inplace, per_feature=True, alpha=True)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, L) or (C, L) dropped (Tompson et al., 2015)."""
    _check_probability(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input.")
    return _of_channels(input, p, training, inplace, batched=input.dim() == 3)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, H, W) dropped."""
    if input.dim() not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.dim()}-D input to dropout2d, which is deprecated and will result "
            "in an error in a future release; for a (N, C, L) input use dropout1d.",
            stacklevel=2,
        )
    if input.dim() == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior "
            "is desired - input is interpreted as shape (N, C, L), where C is the channel dim; use "
            "dropout1d.",
            stacklevel=2,
        )
    return _of_channels(input, p, training, inplace, batched=True)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, D, H, W) or (C, D, H, W) dropped."""
    if input.dim() not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.dim()}-D input to dropout3d, which is deprecated and will result "
            "in an error in a future release.",
            stacklevel=2,
        )
    return _of_channels(input, p, training, inplace, batched=input.dim() == 5)


def _of_channels(input: Tensor, p: float, training: bool, inplace: bool, batched: bool) -> Tensor:
    if batched:
        return _noisy(input, p, training, inplace, per_feature=True, alpha=False)
    dropped = _noisy(input.unsqueeze(0), p, training, False, per_feature=True, alpha=False).squeeze(0)
    return input.copy_(dropped) if inplace else dropped

"""Layer, RMS, batch, instance and group norm: one operation over different dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ... import dtypes, ops
from ...autograd.grad_mode import no_grad
from ...engine import untracked
from ...ops.normalization import normalize_groups, normalize_rows
from ...ops.padding import surround
from ...ops.pooling import average_windows, sliding
from ...tensor import Tensor


def _over_channels(t: Tensor | None, ndim: int) -> Tensor | None:
    """A (C,) tensor so that it broadcasts along dimension 1 of (N, C, ...)."""
    return t if t is None or ndim == 2 else t.reshape((1, -1) + (1,) * (ndim - 2))


def _check_trailing(name: str, input: Tensor, normalized_shape, *tensors: Tensor | None) -> tuple[int, ...]:
    """The normalised axes; a sentence where the shapes do not end alike."""
    shape = tuple(normalized_shape)
    found = tuple(input.shape)
    if not shape:
        raise RuntimeError(
            f"{name}: Expected normalized_shape to be at least 1-dimensional, i.e., to have an element"
        )
    for t in tensors:
        if t is not None and tuple(t.shape) != shape:
            raise RuntimeError(
                f"{name}: Expected weight and bias to be of the same shape as normalized_shape, but got "
                f"{tuple(t.shape)} and normalized_shape = {shape}"
            )
    if found[len(found) - len(shape) :] != shape or len(found) < len(shape):
        raise RuntimeError(
            f"{name}: Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{list(found)}"
        )
    return tuple(range(len(found) - len(shape), len(found)))


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 over the last dimensions, then scaled and shifted (Ba et al., 2016)."""
    axes = _check_trailing("layer_norm", input, normalized_shape, weight, bias)
    return normalize_rows(input, weight, bias, len(axes), eps)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divided by the root of the mean square over the last dimensions, then scaled (Zhang and Sennrich,
    2019).

    `eps` None is the smallest step of the dtype at 1.
    """
    axes = _check_trailing("rms_norm", input, normalized_shape, weight)
    eps = dtypes.finfo(input.dtype).eps if eps is None else eps
    out = input * ops.rsqrt(ops.mean_over(ops.square(input), axes, True) + eps)
    return out if weight is None else out * weight


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 over each group of channels of each sample (Wu and He, 2018): (N, C, ...)."""
    shape = tuple(input.shape)
    if len(shape) < 2:
        raise RuntimeError(
            f"group_norm: Expected at least 2 dimensions for input tensor but received {len(shape)}"
        )
    if num_groups <= 0 or shape[1] % num_groups:
        raise RuntimeError(
            "group_norm: Expected number of channels in input to be divisible by num_groups, but got input "
            f"of shape {list(shape)} and num_groups={num_groups}"
        )
    _check_size("group_norm", (shape[0] * shape[1] // num_groups, num_groups, *shape[2:]))
    _check_channels("group_norm", input, weight=weight, bias=bias)
    return normalize_groups(input, weight, bias, shape[0], num_groups, eps)[0]


def _check_size(name: str, shape: tuple[int, ...]) -> None:
    """Refuse to train on one value per channel, whose variance is 0."""
    if math.prod(shape) // max(shape[1], 1) == 1:
        raise ValueError(
            f"{name}: Expected more than 1 value per channel when training, got input size {list(shape)}; "
            "a batch of one sample has no variance, use eval() or a larger batch"
        )


def _check_channels(name: str, input: Tensor, **tensors: Tensor | None) -> None:
    channels = input.shape[1]
    for role, t in tensors.items():
        if t is not None and t.numel() != channels:
            raise RuntimeError(
                f"{name}: {role} should contain {channels} elements not {t.numel()}: the input "
                f"{tuple(input.shape)} has {channels} channels"
            )


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 over the batch, channel by channel, then scaled and shifted (Ioffe and Szegedy,
    2015).

    input (N, C, ...). In training the batch's own moments are used, and move the running ones (in place, the
    variance unbiased) by `momentum`; otherwise the running ones are used.
    """
    ndim = input.dim()
    if ndim < 2:
        if not input.numel():
            return input.clone()
        raise RuntimeError(f"batch_norm: input needs (N, C, ...), got shape {tuple(input.shape)}")
    _check_channels(
        "batch_norm", input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    if eps < 0 or (training and not eps):
        raise ValueError(
            f"batch_norm eps must be positive during training, and never negative, but got {eps}"
        )
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "batch_norm: Expected running_mean and running_var to be defined when training=False"
            )
        return _by_constants(input, running_mean, running_var, weight, bias, eps)
    _check_size("batch_norm", tuple(input.shape))
    out, mean, variance = normalize_groups(input, weight, bias, 1, input.shape[1], eps)
    count = input.numel() // max(input.shape[1], 1)
    if count:
        _move(running_mean, mean[0], momentum)
        _move(running_var, variance[0] * (count / (count - 1)), momentum)
    return out


def _by_constants(input, mean, variance, weight, bias, eps) -> Tensor:
    """Normalised by given moments, through which no gradient goes."""
    weight, bias = _over_channels(weight, input.dim()), _over_channels(bias, input.dim())
    rstd = _over_channels(ops.rsqrt(variance.detach() + eps), input.dim())
    scale = rstd if weight is None else weight * rstd
    out = (input - _over_channels(mean.detach(), input.dim())) * scale
    return out if bias is None else out + bias


def _move(running: Tensor | None, found, momentum: float) -> None:
    """running += momentum (found - running), in place."""
    if running is not None:
        with no_grad():
            running.copy_(running * (1 - momentum) + untracked(found) * momentum)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 over each channel of each sample (Ulyanov et al., 2017): (N, C, ...).

    Running moments, where given, are moved by the mean over the batch of each sample's.
    """
    ndim = input.dim()
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ValueError(
                "instance_norm: Expected running_mean and running_var to be defined when "
                "use_input_stats=False"
            )
        return _by_constants(input, running_mean, running_var, weight, bias, eps)
    count = math.prod(input.shape[2:])
    if count == 1 or ndim < 3:
        raise ValueError(
            "instance_norm: Expected more than 1 spatial element when training, got input size "
            f"{list(input.shape)}"
        )
    out, mean, variance = normalize_groups(input, weight, bias, input.shape[0], input.shape[1], eps)
    _move(running_mean, mean.mean(0), momentum)
    _move(running_var, (variance * (count / (count - 1))).mean(0), momentum)
    return out


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha m)^beta, m the mean of x^2 over `size` neighbouring channels (Krizhevsky et al., 2012):
    (N, C, ...).

    Channels beyond the first and last count as zeros.
    """
    if input.dim() < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)")
    if not input.numel():
        return input
    batch, channels = input.shape[:2]
    squares = surround(
        ops.square(input).reshape(batch, 1, channels, -1), ((size // 2, (size - 1) // 2), (0, 0)), 0
    )
    windows = (sliding(channels, size, 1), sliding(squares.shape[3], 1, 1))
    means = average_windows(squares, windows, ((0, 0), (0, 0)), size).reshape(input.shape)
    return input / (means * alpha + k) ** beta

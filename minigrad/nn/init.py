"""Filling parameters with their first values, in place.

Every function draws from the generator as PyTorch does, so a seed gives PyTorch's weights. A layer's own
choice is in its `reset_parameters`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..autograd.grad_mode import no_grad
from ..backend import module_of
from ..random import Generator, default_generator
from ..tensor import Tensor

# ---- gains and fans ------------------------------------------------------------------------------
_LINEAR = ("linear", *(f"conv{transpose}{n}d" for transpose in ("", "_transpose") for n in (1, 2, 3)))
_GAINS = dict.fromkeys((*_LINEAR, "sigmoid"), 1) | {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much to scale weights before a nonlinearity, so that the variance of what passes it stays the
    same.

    `param` is the negative slope of "leaky_relu" (0.01 if None).
    """
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ValueError(
            f"Unsupported nonlinearity {nonlinearity}; use 'leaky_relu' or one of "
            f"{', '.join(map(repr, _GAINS))}"
        )
    slope = 0.01 if param is None else param
    if isinstance(slope, bool) or not isinstance(slope, (int, float)):
        raise ValueError(f"negative_slope {param} not a valid number")
    return math.sqrt(2.0 / (1 + slope**2))


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many inputs an output has, and how many outputs an input has: (out, in, *kernel) weights."""
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions; "
            f"this one has shape {tuple(tensor.shape)}"
        )
    outputs, inputs, *kernel = tensor.shape
    field = math.prod(kernel)
    return inputs * field, outputs * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]


# ---- plain fillings ------------------------------------------------------------------------------
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Values drawn uniformly from [a, b)."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Values drawn from the normal distribution N(mean, std^2)."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The one value `val`."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix, as far as the (rows, columns) reach."""
    _must_be_matrix("eye_", tensor)
    diagonal = list(range(min(tensor.shape)))
    with no_grad():
        tensor.zero_()
        tensor[diagonal, diagonal] = 1
    return tensor


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A (out, in, *kernel) convolution weight that hands each channel on unchanged, group by group."""
    if tensor.dim() not in (3, 4, 5):
        raise ValueError(f"Only tensors with 3, 4, or 5 dimensions are supported, not {tensor.dim()}")
    outputs, inputs, *kernel = tensor.shape
    if outputs % groups:
        raise ValueError(f"dim 0 must be divisible by groups: {outputs} is not by {groups}")
    centre = tuple(n // 2 for n in kernel)
    per_group = outputs // groups
    with no_grad():
        tensor.zero_()
        for first in range(0, outputs, per_group):
            for channel in range(min(per_group, inputs)):
                tensor[(first + channel, channel, *centre)] = 1
    return tensor


def _must_be_matrix(name: str, tensor: Tensor) -> None:
    if tensor.dim() != 2:
        raise ValueError(
            f"{name}: Only tensors with 2 dimensions are supported, not shape {tuple(tensor.shape)}"
        )


# ---- drawn by the size of the layer --------------------------------------------------------------
def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on [-a, a) with a = gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    a = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor)))))
    return uniform_(tensor, -a, a, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    std = gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor))))
    return normal_(tensor, 0.0, std, generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    return calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform with standard deviation gain / sqrt(fan) (He et al., 2015); `a` is leaky_relu's slope."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal with standard deviation gain / sqrt(fan) (He et al., 2015); `a` is leaky_relu's slope."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0, std, generator)


# ---- drawn under a condition ---------------------------------------------------------------------
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Normal values, those outside [a, b] drawn anew.

    Where normal values would rarely fall inside, uniform ones are drawn and each kept with the probability
    that the density at its place has relative to the highest in [a, b] (rejection sampling).
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    inside = _normal_cdf((b - mean) / std) - _normal_cdf((a - mean) / std)
    with no_grad():
        draw = _redrawn_normal if inside > 0.3 else _thinned_uniform
        return tensor.copy_(draw(tensor, mean, std, a, b, generator))


def _normal_cdf(x: float) -> float:
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def _redrawn_normal(like: Tensor, mean: float, std: float, a: float, b: float, generator) -> Tensor:
    low, high = (like.new_tensor(limit).item() for limit in (a, b))
    values = like.new_empty(like.shape).normal_(mean, std, generator=generator)
    while True:
        inside = (values >= low) & (values <= high)
        if inside.all():
            return values
        values = values.where(inside, like.new_empty(like.shape).normal_(mean, std, generator=generator))


def _thinned_uniform(like: Tensor, mean: float, std: float, a: float, b: float, generator) -> Tensor:
    log_peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    values: Any = None
    kept: Any = None
    while kept is None or not kept.all():
        drawn = like.new_empty(like.shape).uniform_(a, b, generator=generator)
        log_density = drawn.clone().sub_(mean).div_(std).pow_(2).mul_(-0.5).sub_(log_peak)
        keep = like.new_empty(like.shape).uniform_(generator=generator).log_() <= log_density
        values = drawn if values is None else values.where(kept, drawn)
        kept = keep if kept is None else kept | keep
    return values


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """A matrix with orthonormal rows or columns, times `gain` (Saxe et al., 2013); dimensions after the first
    are one.

    It is the Q of the QR decomposition of a normal matrix, its signs chosen so that R's diagonal is positive.
    """
    if tensor.dim() < 2:
        raise ValueError(
            f"Only tensors with 2 or more dimensions are supported, not shape {tuple(tensor.shape)}"
        )
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    normal = tensor.new_empty((rows, tensor.numel() // rows)).normal_(0, 1, generator=generator).array
    wide = normal.shape[0] < normal.shape[1]
    xp = module_of(normal)
    q, r = xp.linalg.qr(normal.T if wide else normal)
    q = q * xp.sign(xp.diagonal(r))
    with no_grad():
        tensor.copy_(tensor.new_tensor((q.T if wide else q).reshape(tensor.shape))).mul_(gain)
    return tensor


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normal values, of which the fraction `sparsity` of each column is 0 (Martens, 2010)."""
    _must_be_matrix("sparse_", tensor)
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with no_grad():
        tensor.normal_(0, std, generator=generator)
        for column in range(columns):
            # PyTorch draws the rows from the default generator, whatever is passed
            tensor[default_generator.permutation(rows)[:zeros], column] = 0
    return tensor


# ---- names of before -----------------------------------------------------------------------------
def _deprecated(function: Callable) -> Callable:
    """The name without underscore that PyTorch still has, which warns."""
    new = function.__name__
    old = new[:-1]

    @wraps(function)
    def renamed(*args, **kwargs):
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.", FutureWarning, stacklevel=2
        )
        return function(*args, **kwargs)

    renamed.__name__ = old
    return renamed


uniform, normal, constant = _deprecated(uniform_), _deprecated(normal_), _deprecated(constant_)
eye, dirac, sparse, orthogonal = (
    _deprecated(eye_),
    _deprecated(dirac_),
    _deprecated(sparse_),
    _deprecated(orthogonal_),
)
xavier_uniform, xavier_normal = _deprecated(xavier_uniform_), _deprecated(xavier_normal_)
kaiming_uniform, kaiming_normal = _deprecated(kaiming_uniform_), _deprecated(kaiming_normal_)

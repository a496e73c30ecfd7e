"""Holding gradients within bounds before the optimizer uses them, against the explosions of long sequences.

`foreach`, which chooses between implementations in PyTorch, changes nothing here.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from types import GeneratorType

import numpy as np

from ...backend import module_of
from ...engine import untracked
from ...tensor import Tensor


def _listed(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _norm(x, p: float):
    """The p-norm of all elements, 0-d."""
    flat = x.reshape(-1)
    if p == 2:
        return np.sqrt(flat.dot(flat)) if x.dtype.kind == "f" else np.sqrt((np.abs(flat) ** 2).sum())
    if math.isinf(p):
        return np.abs(flat).max(initial=0) if p > 0 else np.abs(flat).min()
    return (flat != 0).sum().astype(x.dtype) if p == 0 else (np.abs(flat) ** p).sum() ** (1 / p)


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all the tensors' elements, as of one vector."""
    arrays = [t.array for t in _listed(tensors)]
    if not arrays:
        return untracked(np.zeros((), np.float32))
    norm_type = float(norm_type)
    xp = module_of(arrays[0])
    total = _norm(xp.stack([_norm(a, norm_type) for a in arrays]), norm_type)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
            "anyway, set `error_if_nonfinite=False`"
        )
    return untracked(xp.asarray(total))


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiply every gradient by max_norm / total_norm where that is below 1, in place."""
    factor = np.minimum(float(max_norm) / (total_norm.array + 1e-6), 1)
    for p in _listed(parameters):
        if p.grad is not None:
            p.grad.array *= factor.astype(p.grad.array.dtype)
            p.grad.version[0] += 1


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients, in place, so that their norm as of one vector is at most max_norm (Pascanu et al.,
    2013).

    Returns the norm before.
    """
    listed = _listed(parameters)
    if isinstance(parameters, GeneratorType) and not listed:
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    total = get_total_norm([p.grad for p in listed if p.grad is not None], norm_type, error_if_nonfinite)
    clip_grads_with_norm_(listed, max_norm, total)
    return total


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The older name of `clip_grad_norm_`."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Limit every element of every gradient to [-clip_value, clip_value], in place."""
    bound = float(clip_value)
    for p in _listed(parameters):
        if p.grad is not None:
            np.clip(p.grad.array, -bound, bound, out=p.grad.array)
            p.grad.version[0] += 1

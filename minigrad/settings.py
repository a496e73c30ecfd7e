"""PyTorch's switches for things that NumPy and its BLAS decide here: threads, determinism, precision,
compilation.

What can be honoured is; what would change results and cannot be honoured raises.
"""

from __future__ import annotations

import os

from . import dtypes
from .dtypes import set_default_dtype

_threads = {"intra": 0, "inter": 1}
_deterministic = {"on": False, "warn_only": False}
_precision = {"float32": "highest"}


def get_num_threads() -> int:
    """The number `set_num_threads` stored, else the number of processors."""
    return _threads["intra"] or os.cpu_count() or 1


def set_num_threads(num: int) -> None:
    """Stored, for scripts that ask. The BLAS library NumPy uses decides: set OMP_NUM_THREADS before Python
    starts.
    """
    if num <= 0:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {num}")
    _threads["intra"] = int(num)


def get_num_interop_threads() -> int:
    """The number `set_num_interop_threads` stored; operations run one after the other here."""
    return _threads["inter"]


def set_num_interop_threads(num: int) -> None:
    """Stored, for scripts that ask; operations run one after the other here."""
    if num <= 0:
        raise RuntimeError(f"set_num_interop_threads expects a positive integer, got {num}")
    _threads["inter"] = int(num)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Stored, for scripts that ask: on a CPU every operation here is deterministic."""
    _deterministic.update(on=bool(mode), warn_only=bool(warn_only))


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was last told."""
    return _deterministic["on"]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """What `use_deterministic_algorithms` was last told about warnings."""
    return _deterministic["warn_only"]


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was last told."""
    return _precision["float32"]


def set_float32_matmul_precision(precision: str) -> None:
    """Stored, for scripts that ask: products of float32 matrices are always computed in float32 here."""
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"precision must be 'highest', 'high' or 'medium', got {precision!r}")
    _precision["float32"] = precision


def set_flush_denormal(mode: bool) -> bool:
    """False: denormal numbers cannot be switched off from NumPy."""
    return False


def set_default_tensor_type(t) -> None:
    """Make the dtype of a tensor type, such as `DoubleTensor` or 'torch.DoubleTensor', the default one."""
    name = t if isinstance(t, str) else t.type_name
    if "cuda" in name:
        raise RuntimeError(
            f"set_default_tensor_type: {name} would put tensors on a GPU; pass device= where they are made"
        )
    names = {
        "torch.FloatTensor": dtypes.float32,
        "torch.DoubleTensor": dtypes.float64,
        "torch.HalfTensor": dtypes.float16,
    }
    if name not in names:
        raise TypeError(f"only floating-point types are supported as the default type, got {name}")
    set_default_dtype(names[name])


def compile(model=None, **settings):
    """The function or module itself, unchanged: there is no compiler here.

    Also a decorator, with or without settings.
    """
    return (lambda wrapped: wrapped) if model is None else model

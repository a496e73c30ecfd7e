"""Which code computes scaled dot-product attention: PyTorch has several, here there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from ..later import loader


class SDPBackend(IntEnum):
    """PyTorch's codes for attention; all compute the same."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[dict]:
    """Within it PyTorch would use one of these codes; here the one that there is stands for MATH,
    FLASH_ATTENTION, EFFICIENT_ATTENTION and CUDNN_ATTENTION. A choice without any of them is refused.
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends).__name__}"
        )
    chosen = [backends] if isinstance(backends, SDPBackend) else backends
    if not any(isinstance(b, SDPBackend) and b not in (-1, SDPBackend.OVERRIDEABLE) for b in chosen):
        raise RuntimeError(
            "No viable backend for scaled_dot_product_attention was found; choose among MATH, "
            f"FLASH_ATTENTION, EFFICIENT_ATTENTION and CUDNN_ATTENTION, not {chosen}"
        )
    yield {}


__getattr__, __dir__ = loader(__name__, {})  # what is left out says why

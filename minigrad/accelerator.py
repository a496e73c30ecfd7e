"""PyTorch's `torch.accelerator`: the GPU, whatever its kind; here the one CuPy sees."""

from __future__ import annotations

from .backend import cuda_is_available, device


def is_available() -> bool:
    """Whether a GPU can be used."""
    return cuda_is_available()


def current_accelerator(check_available: bool = False) -> device | None:
    """The GPU as a device; None where there is none."""
    return device("cuda") if cuda_is_available() else None


def device_count() -> int:
    """How many GPUs can be used; one at most is, here."""
    return int(cuda_is_available())

"""Flags of CUDA's matrix products, which CuPy decides here."""

from types import SimpleNamespace

matmul = SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=False)


def is_built() -> bool:
    """False: GPUs are reached through CuPy."""
    return False

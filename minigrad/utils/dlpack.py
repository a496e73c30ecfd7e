"""PyTorch's `utils.dlpack`: tensors to and from other libraries without a copy."""

from ..ops import from_dlpack, to_dlpack

__all__ = ["from_dlpack", "to_dlpack"]

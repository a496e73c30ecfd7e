"""The order of weights in memory, which is always that of their dimensions here."""

from __future__ import annotations

from ..modules.module import Module


def convert_conv2d_weight_memory_format(module: Module, memory_format) -> Module:
    """The module unchanged: strides choose no kernel here, and no result depends on them."""
    return module


convert_conv3d_weight_memory_format = convert_conv2d_weight_memory_format

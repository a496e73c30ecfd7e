"""Utilities beside the engine, as in PyTorch's `torch.utils`."""

from . import checkpoint, data, dlpack

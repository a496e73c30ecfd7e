"""Files: PyTorch's .pt and the .safetensors format, each without the package it comes from.

`save` and `load` are PyTorch's; `save_checkpoint` and `load_checkpoint` write and read all that a
training run needs to go on; `safetensors` has its own four functions; what a damaged or hostile file
raises is FileError, or its kind UnpicklingError.
"""

from ..later import loader
from . import safetensors
from .checkpoint import load_checkpoint, save_checkpoint
from .errors import FileError, UnpicklingError
from .pt_reader import load
from .pt_writer import save
from .safe_globals import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    safe_globals,
)
from .storage import Storage

__all__ = [
    "FileError",
    "Storage",
    "UnpicklingError",
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "load_checkpoint",
    "safe_globals",
    "safetensors",
    "save",
    "save_checkpoint",
]

__getattr__, __dir__ = loader(
    __name__, {"get_unsafe_globals_in_checkpoint": ("inspecting", "get_unsafe_globals_in_checkpoint")}
)

"""Files: PyTorch's .pt and the .safetensors format, each without the package it comes from.

`save` and `load` are PyTorch's; `safetensors` has its own four functions; what a damaged or hostile file raises is
FileError, or its kind UnpicklingError.
"""

from minigrad.serialization import safetensors
from minigrad.serialization.errors import FileError, UnpicklingError
from minigrad.serialization.pt_reader import load
from minigrad.serialization.pt_writer import save
from minigrad.serialization.safe_globals import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    safe_globals,
)
from minigrad.serialization.storage import Storage

__all__ = [
    "FileError",
    "Storage",
    "UnpicklingError",
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "load",
    "safe_globals",
    "safetensors",
    "save",
]

"""minigrad: a reverse-mode autograd tensor engine on NumPy (or CuPy), with PyTorch's names.

import minigrad as torch
"""

from . import autograd, ops, random
from .autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .backend import device
from .dtypes import (
    bool_ as bool,
)
from .dtypes import (
    can_cast,
    complex64,
    complex128,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    result_type,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .random import Generator, initial_seed, manual_seed, seed
from .tensor import Size, Tensor

__version__ = "0.1.0"

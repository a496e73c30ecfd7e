"""What the names in PyTorch's files stand for here: `torch.FloatStorage`, `torch.Size`, `torch.nn...`."""

from __future__ import annotations

import _compat_pickle
import codecs
from collections import Counter, OrderedDict
from importlib import import_module
from typing import Any

from .. import backend, dtypes
from . import rebuild, storage
from .errors import UnpicklingError
from .tensors import Parameter, Size, Tensor

_REBUILD = (
    rebuild._rebuild_tensor,
    rebuild._rebuild_tensor_v2,
    rebuild._rebuild_tensor_v3,
    rebuild._rebuild_parameter,
    rebuild._rebuild_parameter_with_state,
)

#: The names of data: these and no others are known under `weights_only=True`.
SAFE: dict[str, Any] = {
    "collections.OrderedDict": OrderedDict,
    "collections.Counter": Counter,
    "builtins.set": set,
    "builtins.bytes": bytes,
    "builtins.bytearray": bytearray,
    "builtins.complex": complex,
    "_codecs.encode": codecs.encode,
    "torch.Size": Size,
    "torch.device": backend.device,
    "torch.Tensor": Tensor,
    "torch._tensor._rebuild_from_type_v2": rebuild._rebuild_from_type_v2,
    "torch.nn.parameter.Parameter": Parameter,
    "torch.storage.UntypedStorage": storage.UNTYPED,
    **{f"torch._utils.{function.__name__}": function for function in _REBUILD},
    **{f"torch.{name}": kind for name, kind in storage.TYPES.items()},
    **{f"torch.cuda.{name}": kind for name, kind in storage.TYPES.items()},
    **{f"torch.{d.name}": d for d in dtypes.ALL},
}

#: Names that PyTorch has and this cannot hold, each with what to do about it.
_REMEDIES = {
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor: call to_dense() before saving",
    "torch._utils._rebuild_qtensor": "a quantized tensor: call dequantize() before saving",
    "torch._utils._rebuild_nested_tensor": "a nested tensor: save its parts in a list",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor on device 'meta', which has no values",
    "torch._utils._rebuild_wrapper_subclass": "a tensor subclass: save it as a plain tensor",
    "torch.bfloat16": "the dtype bfloat16, which NumPy lacks: save its name as text",
    "torch._utils._rebuild_device_tensor_from_numpy": "a tensor of another device: call cpu() first",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": "a tensor of another device: call cpu() first",
}


def current_name(module: str, name: str) -> tuple[str, str]:
    """A global's module and name as Python 3 and NumPy 2 have them; protocol 2 speaks Python 2's names."""
    module, name = _compat_pickle.NAME_MAPPING.get((module, name), (module, name))
    module = _compat_pickle.IMPORT_MAPPING.get(module, module)
    if module == "numpy.core" or module.startswith("numpy.core."):
        module = module.replace("numpy.core", "numpy._core", 1)
    return module, name


def check_possible(module: str, name: str) -> None:
    """Raise UnpicklingError for a kind of tensor or dtype that cannot exist here."""
    full = f"{module}.{name}"
    if full in _REMEDIES:
        raise UnpicklingError(f"the file holds {_REMEDIES[full]}")
    if module in ("torch", "torch.cuda", "torch.storage") and name.endswith("Storage"):
        raise UnpicklingError(f"NumPy has no dtype for PyTorch's {name}; convert the tensor before saving")


def translate(module: str, name: str) -> Any:
    """The object here that a `torch.*` name stands for; raises UnpicklingError where there is none.

    `torch.nn.modules.linear.Linear` is `minigrad.nn.Linear`: PyTorch's files name the module a class is
    written in, of which here only the public place has to agree.
    """
    if f"{module}.{name}" in SAFE:
        return SAFE[f"{module}.{name}"]
    check_possible(module, name)
    parts = module.split(".")[1:]
    for depth in range(len(parts), -1, -1):
        found = _attribute(".".join(["minigrad", *parts[:depth]]), name)
        if found is not None:
            return found
    raise UnpicklingError(f"the file speaks of {module}.{name}, which has no counterpart here")


def _attribute(module: str, name: str) -> Any:
    """`name`, dotted or not, in `module`; None where either is missing."""
    try:
        found: Any = import_module(module)
    except ModuleNotFoundError:
        return None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found

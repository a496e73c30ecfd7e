"""PyTorch's `autograd`: gradients on request, switches for recording, functions of one's own,
and checks of gradients.
"""

from ..gradients import backward
from ..later import loader
from ..tensor import Tensor as Variable
from .batched import grad
from .grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled

# What few programs use is loaded when it is first named.
_LATER: dict[str, tuple[str, str | None]] = {
    name: (name, None)
    for name in ("anomaly_mode", "forward_ad", "function", "functional", "graph", "profiler")
}
_LATER |= {name: ("anomaly_mode", name) for name in ("detect_anomaly", "set_detect_anomaly")}
_LATER |= {name: ("gradcheck", name) for name in ("gradcheck", "gradgradcheck")}
_LATER |= {"Function": ("function", "Function")}
_LATER |= {"set_multithreading_enabled": ("graph", "set_multithreading_enabled")}
__getattr__, __dir__ = loader(__name__, _LATER)

__all__ = [
    "Variable",
    "backward",
    "enable_grad",
    "grad",
    "inference_mode",
    "no_grad",
    "set_grad_enabled",
    *_LATER,
]

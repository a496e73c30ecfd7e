"""PyTorch's `autograd`: gradients on request, and switches for recording."""

from ..gradients import backward as backward
from ..gradients import grad as grad
from ..tensor import Tensor as Variable
from .grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = ["Variable", "backward", "enable_grad", "grad", "inference_mode", "no_grad", "set_grad_enabled"]

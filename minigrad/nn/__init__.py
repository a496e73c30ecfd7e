"""Layers and networks, as PyTorch's `torch.nn` has them."""

from . import init
from .containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .module import Module
from .parameter import Buffer, Parameter

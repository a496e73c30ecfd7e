"""Layers and networks, as PyTorch's `torch.nn` has them."""
from .parameter import Buffer, Parameter
from .module import Module
from .containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from . import init

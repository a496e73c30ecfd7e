"""Several devices or processes at once are not here: this lets scripts that allow for them run on one."""

from __future__ import annotations

from ..later import loader
from .modules.module import Module


class DataParallel(Module):
    """The module itself, as `module`: with one device PyTorch does no more than call it.

    Its entries in a state dict begin with "module.", as PyTorch's do. Several devices are refused.
    """

    def __init__(self, module: Module, device_ids=None, output_device=None, dim: int = 0) -> None:
        super().__init__()
        _one_device("DataParallel", device_ids)
        self.module = module
        self.device_ids = [] if device_ids is None else list(device_ids)
        self.output_device = output_device
        self.dim = dim

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module, inputs, device_ids=None, output_device=None, dim: int = 0, module_kwargs=None
):
    """module(*inputs, **module_kwargs); several devices are refused."""
    _one_device("data_parallel", device_ids)
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*inputs, **(module_kwargs or {}))


def _one_device(name: str, device_ids) -> None:
    if device_ids is not None and len(device_ids) > 1:
        raise NotImplementedError(f"{name}: one device at a time here; got device_ids={list(device_ids)}")


__getattr__, __dir__ = loader(__name__, {})  # what is left out says why

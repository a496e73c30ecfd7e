"""PyTorch's `autograd.forward_ad`: names that refuse, as there is no forward mode here (see `func.jvp`)."""

from ..later import loader

__getattr__, __dir__ = loader(__name__, {})

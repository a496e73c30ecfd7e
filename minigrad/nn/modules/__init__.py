"""The layers, one file per family. Their names are listed in `nn`; as in PyTorch each is here, too."""

import sys

from . import utils


def __getattr__(name: str):
    layers = vars(sys.modules[__name__.rpartition(".")[0]])
    if name in layers and getattr(layers[name], "__module__", "").startswith(__name__):
        return layers[name]
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")

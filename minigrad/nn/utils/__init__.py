"""Tools for training and sequences: gradient clipping, parameters as one vector, packing and padding; ways to
compute weights from others: `parametrize`, `parametrizations`, `prune`.
"""

from ...later import loader
from . import rnn
from .clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from .convert_parameters import parameters_to_vector, vector_to_parameters

# The rest is made of layers, which use `rnn`: it is loaded when it is first named.
_LATER = {
    "by_hook": "remove_spectral_norm remove_weight_norm spectral_norm weight_norm",
    "fusion": "fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights",
    "init": "skip_init",
    "memory_format": "convert_conv2d_weight_memory_format convert_conv3d_weight_memory_format",
}
_SUBMODULES = ("fusion", "init", "memory_format", "parametrizations", "parametrize", "prune", "stateless")
__getattr__, __dir__ = loader(
    __name__,
    {name: (name, None) for name in _SUBMODULES}
    | {name: (module, name) for module, names in _LATER.items() for name in names.split()},
)

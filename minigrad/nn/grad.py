"""The gradients of convolutions as functions of their own, for whoever writes a backward pass by hand."""

from __future__ import annotations

from .. import ops
from ..autograd import grad
from ..tensor import Tensor
from . import functional as F


def _of_input(conv):
    def conv_input(
        input_size, weight: Tensor, grad_output: Tensor, stride=1, padding=0, dilation=1, groups: int = 1
    ) -> Tensor:
        """The gradient of the input, of shape `input_size`, of a convolution whose output's is given."""
        x = ops.zeros(*input_size, dtype=weight.dtype, device=weight.device, requires_grad=True)
        return grad(conv(x, weight, None, stride, padding, dilation, groups), x, grad_output)[0]

    return conv_input


def _of_weight(conv):
    def conv_weight(
        input: Tensor, weight_size, grad_output: Tensor, stride=1, padding=0, dilation=1, groups: int = 1
    ) -> Tensor:
        """The gradient of the weight, of shape `weight_size`, of a convolution whose output's is given."""
        w = ops.zeros(*weight_size, dtype=input.dtype, device=input.device, requires_grad=True)
        return grad(conv(input, w, None, stride, padding, dilation, groups), w, grad_output)[0]

    return conv_weight


conv1d_input, conv2d_input, conv3d_input = (_of_input(conv) for conv in (F.conv1d, F.conv2d, F.conv3d))
conv1d_weight, conv2d_weight, conv3d_weight = (_of_weight(conv) for conv in (F.conv1d, F.conv2d, F.conv3d))

"""A batch norm in evaluation is a scale and a shift: here they move into the layer before it."""

from __future__ import annotations

import copy

from ... import ops
from ...tensor import Tensor
from ..modules.batchnorm import _BatchNorm
from ..modules.module import Module
from ..parameter import Parameter


def _fused(layer: Module, bn: _BatchNorm, fuse, *settings) -> Module:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval! Call .eval() on both layers first")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")
    made = copy.deepcopy(layer)
    made.weight, made.bias = fuse(
        made.weight, made.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, *settings
    )
    return made


def fuse_conv_bn_eval(conv: Module, bn: _BatchNorm, transpose: bool = False) -> Module:
    """A convolution that computes bn(conv(x)), both in evaluation; `transpose` for a transposed one."""
    return _fused(conv, bn, fuse_conv_bn_weights, transpose)


def fuse_linear_bn_eval(linear: Module, bn: _BatchNorm) -> Module:
    """A linear layer that computes bn(linear(x)), both in evaluation."""
    if bn.num_features not in (linear.out_features, 1):
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
            f"linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    return _fused(linear, bn, fuse_linear_bn_weights)


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """(weight, bias) of the fused layer: w s and (b - mean) s + shift, with s = scale / sqrt(var + eps)."""
    scale = ops.rsqrt(bn_rv + bn_eps) * (1 if bn_w is None else bn_w)
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    weight = (conv_w * scale.reshape(shape)).to(conv_w.dtype)
    bias = (ops.zeros_like(bn_rm) if conv_b is None else conv_b) - bn_rm
    bias = (bias * scale + (0 if bn_b is None else bn_b)).to((conv_w if conv_b is None else conv_b).dtype)
    trained = conv_b is not None and conv_b.requires_grad
    return Parameter(weight.detach(), conv_w.requires_grad), Parameter(bias.detach(), trained)


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor,
    bn_b: Tensor,
) -> tuple[Parameter, Parameter]:
    """As `fuse_conv_bn_weights`, for a weight (out, in)."""
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)

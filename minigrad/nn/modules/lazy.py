"""Layers that learn their input's size from the first input: LazyLinear, LazyConv2d, LazyBatchNorm1d and
their like.

Until then their parameters are of unknown shape; with the first call, or a state dict, the layer becomes an
ordinary one, of its ordinary class.
"""

from __future__ import annotations

from typing import Any

from ... import ops
from ...autograd.grad_mode import no_grad
from ...dtypes import int64
from ...tensor import Tensor
from ..parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from .conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, _InstanceNorm
from .linear import Linear
from .module import Module
from .state import own_entries


class LazyModuleMixin(Module):
    """Put before a Module among the bases: calls `initialize_parameters` with the first input, before
    forward.

    That gives a shape to all parameters that have none; the module becomes one of the class `cls_to_become`.
    """

    cls_to_become: type | None = None

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self.register_load_state_dict_pre_hook(_take_shapes)
        self._initialize_hook = self.register_forward_pre_hook(_infer, with_kwargs=True)

    def initialize_parameters(self, *args, **kwargs) -> None:
        """Give parameters their shapes, from the first call's arguments; each subclass writes its own."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer has no shape yet."""
        return any(is_lazy(t) for t in (*self._parameters.values(), *self._buffers.values()))

    def _infer_parameters(self, module, args: tuple, kwargs: dict | None = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination |= {prefix + name: t for name, t in own_entries(self).items() if is_lazy(t)}

    def _apply(self, fn, recurse: bool = True):
        unknown = [name for name, buffer in self._buffers.items() if is_lazy(buffer)]
        super()._apply(fn, recurse)
        for name in unknown:
            moved = self.__dict__[name]
            self.__dict__[name] = UninitializedBuffer(device=moved.device, dtype=moved.dtype)
        return self


def _infer(module: LazyModuleMixin, args: tuple, kwargs: dict) -> None:
    module._infer_parameters(module, args, kwargs)


def _take_shapes(module: LazyModuleMixin, state_dict, prefix: str, *rest) -> None:
    """Before a state dict is loaded: unknown shapes are those of its entries."""
    with no_grad():
        for name, t in own_entries(module).items():
            source = state_dict.get(prefix + name)
            if is_lazy(t) and source is not None and not is_lazy(source):
                t.materialize(source.shape)


class _Lazy(LazyModuleMixin):
    """A layer of ours: `inferred` is the setting that the first input tells, and `_shapes` what follows from
    it.
    """

    inferred: str

    def _leave_open(self, kind: type, names: tuple[str, ...], device, dtype) -> None:
        for name in names:
            setattr(self, name, kind(device=device, dtype=dtype))

    def _size_of(self, input: Tensor) -> int:
        raise NotImplementedError

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        raise NotImplementedError

    def initialize_parameters(self, input: Tensor, *args, **kwargs) -> None:
        """Infer the input's size, and draw the parameters."""
        if not getattr(self, self.inferred):
            setattr(self, self.inferred, self._size_of(input))
        if self.has_uninitialized_params():
            with no_grad():
                for name, shape in self._shapes().items():
                    if is_lazy(getattr(self, name)):
                        getattr(self, name).materialize(shape)
                self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, if they have shapes."""
        if not self.has_uninitialized_params() and getattr(self, self.inferred):
            super().reset_parameters()  # type: ignore[misc]


# ---- linear ------------------------------------------------------------------------------------------------
class LazyLinear(_Lazy, Linear):
    """`Linear` that infers in_features."""

    cls_to_become = Linear
    inferred = "in_features"

    def __init__(self, out_features: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(0, 0, False)
        self.out_features = out_features
        self._leave_open(UninitializedParameter, ("weight", "bias") if bias else ("weight",), device, dtype)

    def _size_of(self, input: Tensor) -> int:
        return input.shape[-1]

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.out_features, self.in_features), "bias": (self.out_features,)}


# ---- convolutions ------------------------------------------------------------------------------------------
class _LazyConvNd(_Lazy):
    inferred = "in_channels"
    ndim: int
    groups: int
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    transposed: bool

    def _open_channels(self, out_channels: int, bias: bool, device, dtype) -> None:
        self.out_channels = out_channels
        self._leave_open(UninitializedParameter, ("weight", "bias") if bias else ("weight",), device, dtype)

    def _size_of(self, input: Tensor) -> int:
        if input.dim() not in (self.ndim + 1, self.ndim + 2):
            raise RuntimeError(
                f"Expected {self.ndim + 1}D (unbatched) or {self.ndim + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {list(input.shape)}"
            )
        channels = input.shape[-self.ndim - 1]
        if channels % self.groups:
            raise ValueError(f"in_channels ({channels}) must be divisible by groups ({self.groups})")
        return channels

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        outer, inner = self.out_channels, self.in_channels
        if self.transposed:
            outer, inner = inner, outer
        return {"weight": (outer, inner // self.groups, *self.kernel_size), "bias": (self.out_channels,)}


class _LazyConv(_LazyConvNd):
    def __init__(
        self,
        out_channels: int,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode)
        self._open_channels(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, Conv1d):
    """`Conv1d` that infers in_channels."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """`Conv2d` that infers in_channels."""

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """`Conv3d` that infers in_channels."""

    cls_to_become = Conv3d


class _LazyConvTranspose(_LazyConvNd):
    def __init__(
        self,
        out_channels: int,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups: int = 1,
        bias: bool = True,
        dilation=1,
        padding_mode: str = "zeros",
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode
        )
        self._open_channels(out_channels, bias, device, dtype)


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """`ConvTranspose1d` that infers in_channels."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """`ConvTranspose2d` that infers in_channels."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """`ConvTranspose3d` that infers in_channels."""

    cls_to_become = ConvTranspose3d


# ---- normalisation -----------------------------------------------------------------------------------------
class _LazyNorm(_Lazy):
    inferred = "num_features"
    num_features: int

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device=None,
        dtype=None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, bias=False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            names = ("weight", "bias") if bias else ("weight",)
            self._leave_open(UninitializedParameter, names, device, dtype)
        if track_running_stats:
            self._leave_open(UninitializedBuffer, ("running_mean", "running_var"), device, dtype)
            self.num_batches_tracked: Any = ops.zeros((), dtype=int64, device=device)

    def _size_of(self, input: Tensor) -> int:
        return input.shape[1]

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (self.num_features,))


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """`BatchNorm1d` that infers num_features."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """`BatchNorm2d` that infers num_features."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """`BatchNorm3d` that infers num_features."""

    cls_to_become = BatchNorm3d


class _LazyInstanceNorm(_LazyNorm, _InstanceNorm):
    def _size_of(self, input: Tensor) -> int:
        return input.shape[0 if input.dim() == self.dims[0] else 1]


class LazyInstanceNorm1d(_LazyInstanceNorm, InstanceNorm1d):
    """`InstanceNorm1d` that infers num_features."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm, InstanceNorm2d):
    """`InstanceNorm2d` that infers num_features."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm, InstanceNorm3d):
    """`InstanceNorm3d` that infers num_features."""

    cls_to_become = InstanceNorm3d

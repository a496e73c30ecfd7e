"""Parameters that are computed from others: what is trained stays in `module.parametrizations`, and reading
`module.weight` computes it.

A parametrized module is of a class of its own, `Parametrized` with its old name behind, that looks the names
up. Writing `module.weight` asks each parametrization, last to first, for its `right_inverse`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from ...autograd.grad_mode import no_grad
from ...tensor import Tensor
from ..modules.container import ModuleDict, ModuleList
from ..modules.module import Module
from ..parameter import Parameter


class _Cache:
    """What has been computed while `cached()` is on, by module and name."""

    depth = 0
    values: dict[tuple[int, str], Tensor]


_cache = _Cache()
_cache.values = {}


@contextmanager
def cached() -> Iterator[None]:
    """Within it each parametrized tensor is computed once, at its first use."""
    _cache.depth += 1
    try:
        yield
    finally:
        _cache.depth -= 1
        if not _cache.depth:
            _cache.values.clear()


# ---- the list on one tensor --------------------------------------------------------------------------------
class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, first to last, and the tensors that they compute it from.

    These are `original`, or `original0`, `original1`, ... if the first one's right_inverse gives several.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        with no_grad():
            new = original
            for module in reversed(list(self)):
                new = _inverted(module, new, required=False)
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else _several(new)
        if self.is_tensor:
            _check_dtype("right_inverse(original)", new, dtype, "When `right_inverse` outputs one tensor, it")
            original.data = new
            _register(self, "original", original)
        else:
            for name, part in zip(self._names(), new, strict=True):
                trained = original.requires_grad
                part = Parameter(part, trained) if isinstance(original, Parameter) else part
                _register(self, name, part.requires_grad_(trained))
        if not unsafe:
            _check_kept("parametrized", self(), shape, dtype)

    def _names(self) -> list[str]:
        return ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Give the originals values from which the parametrizations compute this one."""
        with no_grad():
            for module in reversed(list(self)):
                value = _inverted(module, value, required=True)
            parts = [value] if self.is_tensor else value
            if _several(parts) != self.ntensors:
                raise ValueError(
                    f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. Got a "
                    f"sequence of length {len(parts)}."
                )
            for name, part in zip(self._names(), parts, strict=True):
                held = getattr(self, name)
                _check_dtype("right_inverse(value)", part, held.dtype, f"It is to be `{name}`, so it")
                held.data = part

    def forward(self) -> Tensor:
        first, *others = self
        value = first(*(getattr(self, name) for name in self._names()))
        for module in others:
            value = module(value)
        return value


def _inverted(module: Module, value, required: bool):
    """right_inverse(value); where there is none, an error if it is required, else the value itself."""
    if not hasattr(module, "right_inverse"):
        if required:
            raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
        return value
    try:
        return module.right_inverse(value)
    except NotImplementedError:
        if required:
            raise
        return value


def _several(values) -> int:
    """The length of a sequence of tensors; anything else is refused."""
    if not isinstance(values, Sequence) or not all(isinstance(v, Tensor) for v in values):
        raise ValueError(
            "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got "
            f"{type(values).__name__}"
        )
    return len(values)


def _register(module: Module, name: str, value: Tensor) -> None:
    if isinstance(value, Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


def _check_dtype(what: str, found: Tensor, dtype, rule: str) -> None:
    if found.dtype != dtype:
        raise ValueError(
            f"{rule} may not change the dtype.\noriginal.dtype: {dtype}\n{what}.dtype: {found.dtype}"
        )


def _check_kept(what: str, found, shape, dtype) -> None:
    """Refuse a value of another shape or dtype than the tensor that it stands for."""
    if not isinstance(found, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(found).__name__}.")
    for name, before, after in (("dtype", dtype, found.dtype), ("shape", shape, found.shape)):
        if before != after:
            raise ValueError(
                f"Registering a parametrization may not change the {name} of the tensor, unless `unsafe` "
                f"flag is enabled.\nunparametrized {name}: {before}\n{what} {name}: {after}"
            )


# ---- the module --------------------------------------------------------------------------------------------
class _Parametrized(Module):
    """Computes what is asked for by a name that is parametrized."""

    parametrizations: ModuleDict

    def __getattr__(self, name: str):
        listed = self.__dict__.get("parametrizations", ())
        if name not in listed:
            return super().__getattr__(name)
        key = (id(self), name)
        if key in _cache.values:
            return _cache.values[key]
        value = listed[name]()
        if _cache.depth:
            _cache.values[key] = value
        return value

    def __setattr__(self, name: str, value) -> None:
        listed = self.__dict__.get("parametrizations", ())
        if name in listed:
            listed[name].right_inverse(value)
        else:
            super().__setattr__(name, value)

    def __deepcopy__(self, memo: dict):
        made = memo[id(self)] = object.__new__(type(self))
        made.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return made

    def __getstate__(self):
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(); or call "
            "remove_parametrizations first"
        )


@cache
def _class_of(plain: type) -> type:
    """The class of parametrized modules of a class."""
    return type(f"Parametrized{plain.__name__}", (_Parametrized, plain), {"__module__": plain.__module__})


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Compute a parameter or buffer by `parametrization`, of what it is now or is computed from; returns the
    module.

    If the parametrization has a `right_inverse(value)`, that gives what to compute the present value from: a
    tensor, or several. `unsafe` lets it change shape and dtype, and leaves all this unchecked.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        held = module.parametrizations[tensor_name]
        if not unsafe:
            _check_further(module, tensor_name, parametrization)
        held.append(parametrization)
        held.unsafe |= unsafe
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    made = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        plain: Any = type(module)
        module.__class__ = _class_of(plain)
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = made
    return module


def _check_further(module: Module, name: str, parametrization: Module) -> None:
    """One that comes on top of others must keep shape and dtype, both ways."""
    value = getattr(module, name)
    computed = parametrization(value)
    _check_kept("parametrized", computed, value.shape, value.dtype)
    back = _inverted(parametrization, computed, required=False)
    _check_kept("right_inverse(parametrized)", back, value.shape, value.dtype)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a tensor of a module, or any of them, is parametrized."""
    listed = getattr(module, "parametrizations", None)
    if not isinstance(listed, ModuleDict):
        return False
    return len(listed) > 0 if tensor_name is None else tensor_name in listed


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a tensor an ordinary parameter or buffer again, with its present value; returns the module.

    With `leave_parametrized=False` its value is the original's, if there is but one.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    held = module.parametrizations[tensor_name]
    if not held.is_tensor and not leave_parametrized:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms "
            "of a sequence of tensors."
        )
    value = getattr(module, tensor_name)
    if held.is_tensor:
        original = held.original
        if leave_parametrized:
            original.data = value.detach()
    else:
        original = Parameter(value.detach()) if value.requires_grad else value
    del module.parametrizations[tensor_name]
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type_before_parametrizations(module)
    _register(module, tensor_name, original)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that a module was of before it was parametrized; its class if it is not."""
    kind = type(module)
    return kind.__bases__[1] if _Parametrized in kind.__bases__ else kind


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give a module the parametrizations of another, of one tensor or all, and their originals."""
    if not is_parametrized(from_module):
        return to_module
    source: Any = from_module.parametrizations
    for name in source if tensor_name is None else [tensor_name]:
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        for parametrization in source[name]:
            register_parametrization(to_module, name, parametrization)
        for original in source[name]._names():
            setattr(to_module.parametrizations[name], original, getattr(source[name], original))
    return to_module

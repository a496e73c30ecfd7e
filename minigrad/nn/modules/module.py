"""Module: what a layer and a network are made of.

Parameters, buffers and submodules are ordinary attributes; what makes them members is that their names are
listed, in the order in which they were assigned (`registry.py`). Everything else here walks those lists.
Saving and loading are in `state.py`, hooks in `hooks.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...autograd.grad_mode import no_grad
from ...tensor import Tensor
from ..parameter import Buffer, Parameter
from . import state
from .conversion import Convertible
from .hooks import (
    Hookable,
    call_with_hooks,
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
    to_be_registered,
)
from .registry import Kind, Registry, headed, parenthesised, typename

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]


class Module(Hookable, Convertible):
    """Base class of layers and networks: assign members in `__init__`, write `forward`."""

    training: bool
    call_super_init = False  # True for a class whose further bases are to be set up, too
    dump_patches = False  # PyTorch's, of its TorchScript; nothing here asks for it
    _version = 1  # of the layout of this class's entries in a state dict

    def __init__(self, *args, **kwargs) -> None:
        if (args or kwargs) and not self.call_super_init:
            extra = repr(next(iter(kwargs))) if kwargs else f"{len(args)} positional"
            raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument {extra}")
        attributes = self.__dict__
        attributes["training"] = True
        for kind in KINDS:
            attributes[kind.names] = {}
        attributes["_non_persistent_buffers_set"] = set()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def compile(self, *args, **kwargs) -> None:
        """Nothing: there is no compiler here, and the module runs as it is."""

    def forward(self, *input: Any):
        """What the module computes; each subclass writes its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args, **kwargs):
        try:
            if self._call_hooks is None:
                return self.forward(*args, **kwargs)
            return call_with_hooks(self, self._call_hooks, args, kwargs)
        except (RuntimeError, ValueError, IndexError, TypeError, AssertionError) as error:
            ours = type(self).__module__.startswith("minigrad.")
            raise headed(error, self, ours)  # noqa: B904 - the same error, with its own history

    # ---- members ---------------------------------------------------------------------------------
    @property
    def _parameters(self) -> Registry:
        return Registry(self.__dict__, self._parameter_names)

    @property
    def _buffers(self) -> Registry:
        return Registry(self.__dict__, self._buffer_names)

    @property
    def _modules(self) -> Registry:
        return Registry(self.__dict__, self._module_names)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make `param` this module's parameter `name`; None keeps the name for one that is left out."""
        self._check_name(PARAMETER, name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' (torch.nn.Parameter or None "
                "required)"
            )
        if param is not None and param.node is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                f"explicitly. To express '{name}' as a function of another Tensor, compute the value in the "
                "forward() method."
            )
        self._parameters[name] = to_be_registered("parameter", self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make `tensor` this module's buffer `name`: state that is moved and saved with it, but not trained.

        With `persistent=False` it is left out of the state dict.
        """
        self._check_name(BUFFER, name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None "
                "required)"
            )
        self._buffers[name] = to_be_registered("buffer", self, name, tensor)
        change = (
            self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add
        )
        change(name)

    def register_module(self, name: str, module: Module | None) -> None:
        """Make `module` this module's child `name`."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name(MODULE, name)
        self._modules[name] = to_be_registered("module", self, name, module)

    def add_module(self, name: str, module: Module | None) -> None:
        """Make `module` this module's child `name`."""
        self.register_module(name, module)

    def _check_name(self, kind: Kind, name: str) -> None:
        if kind.names not in self.__dict__:
            raise AttributeError(f"cannot assign {kind.noun} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind.noun} name should be a string. Got {typename(name)}")
        if "." in name:
            raise KeyError(f'{kind.noun} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind.noun} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[kind.names]:
            raise KeyError(f"attribute '{name}' already exists")

    def __setattr__(self, name: str, value) -> None:
        for kind in KINDS:
            if isinstance(value, kind.assigned):
                return self._assign(kind, name, value)
            if name in self.__dict__.get(kind.names, ()):
                return self._replace(kind, name, value)
        object.__setattr__(self, name, value)

    def _assign(self, kind: Kind, name: str, value) -> None:
        """Register a value; a member of another kind, or a plain attribute, of that name gives way."""
        if kind.names not in self.__dict__:
            raise AttributeError(
                f"cannot assign {kind.noun}s before Module.__init__() call; call super().__init__()"
            )
        if name not in self.__dict__[kind.names]:
            for other in KINDS:
                self.__dict__[other.names].pop(name, None)
            self._non_persistent_buffers_set.discard(name)
            self.__dict__.pop(name, None)
        if kind is PARAMETER:
            self.register_parameter(name, value)
        elif kind is BUFFER:
            self.register_buffer(name, value, value.persistent)
        else:
            self._modules[name] = to_be_registered("module", self, name, value)

    def _replace(self, kind: Kind, name: str, value) -> None:
        """Put another value, or None, in the place of a member that is no subject for `_assign`."""
        if value is not None and not isinstance(value, kind.replacement):
            raise TypeError(
                f"cannot assign '{typename(value)}' as {kind.noun} '{name}' ({kind.wanted} expected)"
            )
        self.__dict__[name] = to_be_registered(kind.noun, self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        for kind in KINDS:
            self.__dict__.get(kind.names, {}).pop(name, None)
        self.__dict__.get("_non_persistent_buffers_set", set()).discard(name)

    def __getattr__(self, name: str):  # reached only by what is not there, or raised while it was looked up
        if isinstance(getattr(type(self), name, None), property):
            return object.__getattribute__(self, name)  # raises what the property raised
        if name == "_non_persistent_buffers_set" or name in (kind.names for kind in KINDS):
            raise AttributeError(
                f"{type(self).__name__}: call super().__init__() before its members are used"
            )
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self)

    def __setstate__(self, attributes: dict) -> None:
        self.__dict__.update(state.from_pytorch(attributes) if "_parameters" in attributes else attributes)

    def __dir__(self) -> list[str]:
        return sorted(name for name in super().__dir__() if not name[0].isdigit())

    # ---- walking ---------------------------------------------------------------------------------
    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules with their names, each once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The direct submodules, each once."""
        for _, module in self.named_children():
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it with their dotted names; each once if `remove_duplicate`."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(
                    memo, prefix + ("." if prefix else "") + name, remove_duplicate
                )

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def _named_members(self, names: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator:
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        seen = set()
        for path, module in modules:
            attributes = module.__dict__
            for name in attributes[names]:
                member = attributes[name]
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield path + ("." if path else "") + name, member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters, of this module and (recurse) those below it, with their dotted names."""
        return self._named_members("_parameter_names", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and (recurse) those below it: what an optimizer takes."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers, of this module and (recurse) those below it, with their dotted names."""
        return self._named_members("_buffer_names", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and (recurse) those below it."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """The submodule at a dotted path such as "encoder.0"; this module for ""."""
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a dotted path; with `strict` there must be one already."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path such as "encoder.0.weight"."""
        return self._get_member(PARAMETER, target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path."""
        return self._get_member(BUFFER, target)

    def _get_member(self, kind: Kind, target: str):
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        if name not in module.__dict__[kind.names]:
            raise AttributeError(f"`{name}` is not a {kind.noun}")
        return getattr(module, name)

    def apply(self, fn: Callable[[Module], Any]):
        """Call `fn` on every module below this one, then on this one; returns self."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # ---- modes -----------------------------------------------------------------------------------
    def train(self, mode: bool = True):
        """Switch training mode (dropout drops, batch norm learns) on or off, here and below; returns self."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Switch training mode off; returns self."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True):
        """Train all parameters, or freeze them; returns self."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the parameters' gradients, or (set_to_none=False) fill them with zeros."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad.detach_().zero_()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True):
        """Put fn(t) in the place of parameters, gradients and buffers; parameters stay the same objects."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for parameter in self._parameters.values():
            if parameter is None:
                continue
            with no_grad():
                grad = parameter.grad
                parameter.data = fn(parameter)
                if grad is not None:
                    parameter.grad = fn(grad).requires_grad_(grad.requires_grad)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self.__dict__[name] = fn(buffer)
        return self

    # ---- state -----------------------------------------------------------------------------------
    def state_dict(
        self, *, destination: dict | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict:
        """Parameters and persistent buffers by dotted name, in order; they share memory with the module's
        own.

        With `keep_vars` they are the very tensors, not detached.
        """
        return state.collect(self, destination, prefix, keep_vars)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False):
        """Copy values into the parameters and buffers of those names; `assign` puts the tensors themselves in
        place.

        Returns (missing_keys, unexpected_keys); with `strict` both must be empty. One error names every
        missing, unexpected and misshapen entry. Other than in PyTorch nothing has been changed when it is
        raised.
        """
        return state.load(self, state_dict, strict, assign)

    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        state.collect_own(self, destination, prefix, keep_vars)

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ) -> None:
        state.load_own(
            self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def _saves_extra_state(self) -> bool:
        return type(self).get_extra_state is not Module.get_extra_state

    def _loads_extra_state(self) -> bool:
        return type(self).set_extra_state is not Module.set_extra_state

    def get_extra_state(self) -> Any:
        """What else belongs in the state dict, if a subclass writes this: anything that can be pickled."""
        raise RuntimeError(
            "get_extra_state: this module has none; write get_extra_state and set_extra_state together"
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` returned."""
        raise RuntimeError(
            "set_extra_state: this module has none; write get_extra_state and set_extra_state together"
        )

    # ---- printing --------------------------------------------------------------------------------
    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """The settings to print between the parentheses; each layer writes its own."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        children = [
            f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self._modules.items()
        ]
        return parenthesised(self._get_name(), extra, children)


PARAMETER = Kind("parameter", "_parameter_names", Parameter, Parameter, "torch.nn.Parameter or None")
MODULE = Kind("module", "_module_names", Module, Module, "torch.nn.Module or None")
BUFFER = Kind("buffer", "_buffer_names", Buffer, Tensor, "torch.nn.Buffer, torch.Tensor or None")
KINDS = (PARAMETER, MODULE, BUFFER)

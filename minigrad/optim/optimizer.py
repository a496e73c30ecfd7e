"""What all optimizers share: groups of parameters with their options, state, saving and loading, hooks.

An optimizer of your own needs `__init__(params, defaults)` and `step()`. Most of those in this package take
their step from `elementwise.py`, so that their file holds little more than a formula.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from .. import dtypes
from ..backend import device_of, to_device
from ..engine import recording_mode, untracked
from ..hooks import RemovableHandle, add_hook
from ..tensor import Tensor

Group = dict[str, Any]
ParamsT = Iterable[Tensor] | Iterable[Group] | Iterable[tuple[str, Tensor]]

_global_pre_hooks: dict[int, Callable] = {}
_global_post_hooks: dict[int, Callable] = {}
HOOK_KINDS = ("step_pre", "step_post", "state_dict_pre", "state_dict_post", "load_pre", "load_post")


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()  # as a default: every group must bring this option itself


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before each step of all; it may return new (args, kwargs)."""
    return add_hook(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after each step of all."""
    return add_hook(_global_post_hooks, hook)


def require(holds: bool, what: str, value) -> None:
    """Refuse an option's value in PyTorch's words."""
    if not holds:
        raise ValueError(f"Invalid {what}: {value}")


def check_one_element(lr) -> None:
    """A learning rate may be a tensor, but of one element."""
    if isinstance(lr, Tensor) and lr.array.size != 1:
        raise ValueError("Tensor lr must be 1-element")


def check_lr(lr) -> None:
    """A learning rate is a number, or a tensor with one element, and not negative."""
    check_one_element(lr)
    require(float(lr) >= 0, "learning rate", lr)


def check_betas(betas) -> None:
    """Decay rates of running averages lie in [0, 1)."""
    for i, beta in enumerate(betas):
        require(0.0 <= float(beta) < 1.0, f"beta parameter at index {i}", beta)


def evaluated(closure: Callable | None):
    """The loss a closure returns, computed with recording on; None without a closure."""
    if closure is None:
        return None
    with recording_mode(True):
        return closure()


def with_gradient(optimizer: Optimizer, number: int, group: Group) -> tuple[list, list, list]:
    """The parameters of a group that have a gradient, their arrays, and the gradients' arrays."""
    params, arrays, grads = [], [], []
    for p in group["params"]:
        g = p.held_grad  # what a leaf's `.grad` reads
        if g is None:
            continue
        a, g = p.array, g.array
        if a.shape != g.shape or (a.dtype is not g.dtype and a.dtype != g.dtype):
            _refuse_gradient(optimizer, number, group, p, g)
        params.append(p)
        arrays.append(a)
        grads.append(g)
    return params, arrays, grads


def _refuse_gradient(optimizer: Optimizer, number: int, group: Group, p: Tensor, g) -> None:
    place = next(i for i, q in enumerate(group["params"]) if q is p)
    name = f" ({group['param_names'][place]})" if "param_names" in group else ""
    raise RuntimeError(
        f"{type(optimizer).__name__}: parameter {place}{name} of group {number} is {p.array.dtype} "
        f"{tuple(p.array.shape)}, its gradient {g.dtype} {tuple(g.shape)}; "
        "call zero_grad() and backward() after the parameter has been changed"
    )


class Optimizer:
    """Base of all optimizers: `param_groups` (options), `state` (kept per parameter), `defaults`.

    `params` are tensors, (name, tensor) pairs, or dicts that each make a group: its "params" and the options
    that differ from `defaults`.
    """

    def __init__(self, params: ParamsT, defaults: Group):
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {type(params).__name__}; write [tensor]"
            )
        self.defaults = defaults
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._hooks: dict[str, dict[int, Callable]] = {kind: {} for kind in HOOK_KINDS}
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls):
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def step(self, closure: Callable | None = None):
        """Update the parameters once; `closure`, if given, computes the loss anew, which is returned."""
        raise NotImplementedError(f"{type(self).__name__} does not define step()")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or (`set_to_none=False`) fill them with zeros in place."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.held_grad = None
                elif p.held_grad is not None:
                    _fill_zero(p.held_grad)

    # ---- groups ----------------------------------------------------------------------------------
    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own, such as a layer that is unfrozen during training."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params, names = _named_params(param_group["params"])
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        for p in params:
            _check_param(p)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            param_group.setdefault(name, default)
        if len(params) != len(set(map(id, params))):
            warnings.warn("optimizer contains a parameter group with duplicate parameters", stacklevel=3)
        for group in self.param_groups:
            _check_beside(param_group, group)
        self._check_group(param_group)
        self.param_groups.append(param_group)

    def _check_group(self, group: Group) -> None:
        """Refuse options and parameters that this optimizer cannot do with."""

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])

    # ---- saving and loading ----------------------------------------------------------------------
    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__.setdefault("_hooks", {kind: {} for kind in HOOK_KINDS})
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)  # an option that is younger than a saved state

    def state_dict(self) -> dict[str, Any]:
        """The state as {"state": {number: {...}}, "param_groups": [...]}, in PyTorch's layout.

        Parameters are numbered in the order of the groups. The tensors are the optimizer's own: they change
        with the next step; `copy.deepcopy` keeps them.
        """
        for hook in list(self._hooks["state_dict_pre"].values()):
            hook(self)
        params = itertools.chain.from_iterable(group["params"] for group in self.param_groups)
        number: dict[int, int] = {}
        for i, p in enumerate(params):
            number.setdefault(id(p), i)
        packed = {
            "state": {
                number[id(p)] if isinstance(p, Tensor) else p: entry for p, entry in self.state.items()
            },
            "param_groups": [
                {k: v for k, v in group.items() if k != "params"}
                | {"params": [number[id(p)] for p in group["params"]]}
                for group in self.param_groups
            ],
        }
        for hook in list(self._hooks["state_dict_post"].values()):
            packed = _or(hook(self, packed), packed)
        return packed

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict()` gave, here or in PyTorch.

        Parameters are matched by their order. Floating-point state takes the dtype and device of its
        parameter. Unlike PyTorch's, the values are always copied: two optimizers never write to one state.
        """
        state_dict = state_dict.copy()
        for hook in list(self._hooks["load_pre"].values()):
            state_dict = _or(hook(self, state_dict), state_dict)
        saved = deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"{len(saved)} against {len(self.param_groups)}"
            )
        params: dict[int, Tensor] = {}
        for new, group in zip(saved, self.param_groups, strict=True):
            if len(new["params"]) != len(group["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    f"optimizer's group: {len(new['params'])} parameters against {len(group['params'])}"
                )
            params.update(zip(new["params"], group["params"], strict=True))
            new["params"] = group["params"]
            if "param_names" in group:
                new.setdefault("param_names", group["param_names"])
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, entry in state_dict["state"].items():
            state[params.get(key, key)] = _moved(entry, params[key]) if key in params else entry
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in list(self._hooks["load_post"].values()):
            hook(self)

    # ---- hooks -----------------------------------------------------------------------------------
    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new (args, kwargs) for it."""
        return add_hook(self._hooks["step_pre"], hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return add_hook(self._hooks["step_post"], hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict()`."""
        return _placed(self._hooks["state_dict_pre"], hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict()`; it may return another."""
        return _placed(self._hooks["state_dict_post"], hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; it may return another."""
        return _placed(self._hooks["load_pre"], hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return _placed(self._hooks["load_post"], hook, prepend)


def _with_hooks(step: Callable) -> Callable:
    """A step with the hooks around it. It also notes that it was called, which a scheduler asks for."""

    @functools.wraps(step)
    def hooked(self, *args, **kwargs):
        self._opt_called = True
        hooks = self._hooks
        if not (hooks["step_pre"] or hooks["step_post"] or _global_pre_hooks or _global_post_hooks):
            return step(self, *args, **kwargs)
        args = (self, *args)  # PyTorch's hooks see the optimizer among the arguments
        for hook in (*_global_pre_hooks.values(), *hooks["step_pre"].values()):
            changed = hook(self, args, kwargs)
            if changed is None:
                continue
            if not isinstance(changed, tuple) or len(changed) != 2:
                raise RuntimeError(
                    f"a step pre-hook must return None or a tuple of (args, kwargs), but got {changed}"
                )
            args, kwargs = changed
        result = step(*args, **kwargs)
        for hook in (*hooks["step_post"].values(), *_global_post_hooks.values()):
            hook(self, args, kwargs)
        return result

    return hooked


def _placed(hooks: dict[int, Callable], hook: Callable, prepend: bool) -> RemovableHandle:
    """Add a hook, last or first."""
    handle = add_hook(hooks, hook)
    if prepend:
        for number in [n for n in hooks if n != handle.id]:
            hooks[number] = hooks.pop(number)
    return handle


def _or(result, otherwise):
    return otherwise if result is None else result


def _fill_zero(grad) -> None:
    grad.node, grad.tracked = None, False
    grad.array[...] = 0
    grad.version[0] += 1


def _named_params(params) -> tuple[list, list[str]]:
    """The tensors of a group, and their names if it was given (name, tensor) pairs."""
    if isinstance(params, Tensor):
        return [params], []
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors "
            "in sets will change between runs. Please use a list instead."
        )
    entries = list(params)
    names = [entry[0] for entry in entries if isinstance(entry, tuple)]
    if names and len(names) != len(entries):
        raise ValueError("all optimizer params should be with/without names. Some param names are missing")
    return [entry[1] if isinstance(entry, tuple) else entry for entry in entries], names


def _check_param(p) -> None:
    if not isinstance(p, Tensor):
        raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
    if p.node is not None and not getattr(p, "retains_grad", False):
        raise ValueError(
            "can't optimize a non-leaf Tensor; pass the leaf it was computed from, or its detach()"
        )


def _check_beside(new: Group, old: Group) -> None:
    """Two groups of one optimizer: no parameter in both, and names in both or in neither."""
    if ("param_names" in new) != ("param_names" in old):
        current = "with names" if "param_names" in new else "without names"
        raise ValueError(
            "all optimizer param groups should be with/without names. "
            f"cannot add param group {current} to the optimizer"
        )
    if not set(map(id, new["params"])).isdisjoint(map(id, old["params"])):
        raise ValueError("some parameters appear in more than one parameter group")


def _moved(value, param: Tensor, key=None):
    """A copy of saved state for a parameter: floats in its dtype, all but the step on its device."""
    if isinstance(value, Tensor):
        if key == "step":
            return untracked(value.array.copy())
        array = to_device(value.array, device_of(param.array))
        floating = dtypes.of(param.array.dtype).is_floating_point
        return untracked(array.astype(param.array.dtype if floating else array.dtype))
    if isinstance(value, dict):
        return {k: _moved(v, param, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_moved(v, param) for v in value)
    return value

"""Functions hung on a module: called before and after its forward pass, its backward pass, its saving and
loading.

A module without hooks has none of this. The backward hooks look at gradients through two `Gate`s, ops that
change nothing: one that the module's inputs pass on their way in, one that its outputs pass on their way out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

from ...backend import as_array
from ...engine import edge_of, is_recording, record_results, untracked
from ...hooks import RemovableHandle, add_hook
from ...tensor import Tensor


class Hook(NamedTuple):
    """A function and how it wants to be called."""

    function: Callable
    with_kwargs: bool = False  # it is shown the keyword arguments too
    always_call: bool = False  # even if forward, or a hook before it, raised


def hang(hooks: dict, hook, prepend: bool = False) -> RemovableHandle:
    """Put a hook last among the others, or first; returns the handle that takes it off again."""
    handle = add_hook(hooks, hook)
    if prepend:
        for id in [id for id in hooks if id != handle.id]:
            hooks[id] = hooks.pop(id)
    return handle


class CallHooks:
    """The hooks around one module's call, each kind a dict from the handle's id to the `Hook`."""

    def __init__(self) -> None:
        self.forward_pre: dict[int, Hook] = {}
        self.forward: dict[int, Hook] = {}
        self.backward_pre: dict[int, Hook] = {}
        self.backward: dict[int, Hook] = {}

    def after(self, before: CallHooks) -> CallHooks:
        """Those of `before`, then these."""
        both = CallHooks()
        for kind, hooks in vars(both).items():
            hooks |= getattr(before, kind) | getattr(self, kind)
        return both


class StateHooks:
    """The hooks around a module's saving and loading."""

    def __init__(self) -> None:
        self.save_pre: dict[int, Callable] = {}
        self.save: dict[int, Callable] = {}
        self.load_pre: dict[int, Callable] = {}
        self.load: dict[int, Callable] = {}


class Hookable:
    """What makes a class's instances take hooks; `Module` is one."""

    _call_hooks: CallHooks | None = None  # made when the first hook is registered
    _state_hooks: StateHooks | None = None

    def _hooks_around_call(self) -> CallHooks:
        return self.__dict__.setdefault("_call_hooks", CallHooks())

    def _hooks_around_state(self) -> StateHooks:
        return self.__dict__.setdefault("_state_hooks", StateHooks())

    @property
    def _forward_hooks(self) -> dict[int, Hook]:
        return self._hooks_around_call().forward

    @property
    def _forward_pre_hooks(self) -> dict[int, Hook]:
        return self._hooks_around_call().forward_pre

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call hook(module, args) before forward; what it returns, if not None, replaces the arguments.

        With `with_kwargs` it is hook(module, args, kwargs) -> (args, kwargs).
        """
        return hang(self._hooks_around_call().forward_pre, Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call hook(module, args, output) after forward; what it returns, if not None, replaces the output.

        With `with_kwargs` it is hook(module, args, kwargs, output); with `always_call` it runs even after an
        error.
        """
        return hang(self._hooks_around_call().forward, Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_output) when the backward pass reaches the module; it may return another."""
        return hang(self._hooks_around_call().backward_pre, Hook(hook), prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_input, grad_output) when the backward pass leaves the module.

        Gradients are tuples with one entry per positional argument or output, None where there is none. What
        it returns, if not None, replaces grad_input.
        """
        return hang(self._hooks_around_call().backward, Hook(hook), prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """As `register_full_backward_hook`; PyTorch's older form, which saw only the last op's gradients."""
        return self.register_full_backward_hook(hook)

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call hook(module, prefix, keep_vars) before the module's entries are collected."""
        return hang(self._hooks_around_state().save_pre, hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, local_metadata) after the module's entries are collected."""
        return hang(self._hooks_around_state().save, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs) before the module's entries are looked up; it may change the state dict."""
        return hang(self._hooks_around_state().load_pre, hook)

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call hook(module, incompatible_keys) after loading; it may clear or extend the lists of keys."""
        return hang(self._hooks_around_state().load, hook)

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        """PyTorch's older form of `register_state_dict_post_hook`, whose hook may return another dict."""
        return self.register_state_dict_post_hook(hook)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable, with_module: bool = False
    ) -> RemovableHandle:
        """PyTorch's older form of `register_load_state_dict_pre_hook`, whose hook is not shown the module."""
        shown = hook if with_module else lambda module, *given: hook(*given)
        return self.register_load_state_dict_pre_hook(shown)


# ---- on every module -------------------------------------------------------------------------------------
EVERYWHERE = CallHooks()  # these come before a module's own


def _hang_everywhere(hooks: dict, hook: Hook) -> RemovableHandle:
    Hookable._call_hooks = EVERYWHERE  # from now on a module without hooks of its own has these
    return hang(hooks, hook)


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """As `Module.register_forward_pre_hook`, for all modules; it comes before a module's own hooks."""
    return _hang_everywhere(EVERYWHERE.forward_pre, Hook(hook))


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """As `Module.register_forward_hook`, for all modules; it comes before a module's own hooks."""
    return _hang_everywhere(EVERYWHERE.forward, Hook(hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """As `Module.register_full_backward_pre_hook`, for all modules; it comes before a module's own hooks."""
    return _hang_everywhere(EVERYWHERE.backward_pre, Hook(hook))


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """As `Module.register_full_backward_hook`, for all modules; it comes before a module's own hooks."""
    return _hang_everywhere(EVERYWHERE.backward, Hook(hook))


def register_module_backward_hook(hook: Callable) -> RemovableHandle:
    """As `register_module_full_backward_hook`: PyTorch's older form saw the last op's gradients alone."""
    return register_module_full_backward_hook(hook)


#: hooks that see a member before any module takes it, by the kind of member
REGISTRATION: dict[str, dict[int, Callable]] = {"parameter": {}, "module": {}, "buffer": {}}


def register_module_parameter_registration_hook(hook: Callable) -> RemovableHandle:
    """Call hook(module, name, parameter) before any module takes a parameter; it may return another."""
    return hang(REGISTRATION["parameter"], hook)


def register_module_buffer_registration_hook(hook: Callable) -> RemovableHandle:
    """Call hook(module, name, buffer) before any module takes a buffer; it may return another."""
    return hang(REGISTRATION["buffer"], hook)


def register_module_module_registration_hook(hook: Callable) -> RemovableHandle:
    """Call hook(module, name, submodule) before any module takes a submodule; it may return another."""
    return hang(REGISTRATION["module"], hook)


def to_be_registered(noun: str, module, name: str, value):
    """What the hooks on registration make of a member."""
    for hook in list(REGISTRATION[noun].values()):
        changed = hook(module, name, value)
        value = value if changed is None else changed
    return value


# ---- the call ----------------------------------------------------------------------------------------------
def call_with_hooks(module, hooks: CallHooks, args: tuple, kwargs: dict):
    """module.forward(*args, **kwargs) with everything that hangs on it, in PyTorch's order."""
    hooks = hooks.after(EVERYWHERE)
    waiting = {id: hook for id, hook in hooks.forward.items() if hook.always_call}
    result = None
    try:
        args, kwargs = _before(module, hooks, args, kwargs)
        gates = BackwardGates(module, hooks) if hooks.backward or hooks.backward_pre else None
        if gates:
            args = gates.enter(args)
        result = module.forward(*args, **kwargs)
        for id, hook in list(hooks.forward.items()):
            waiting.pop(id, None)
            result = _after(module, hook, args, kwargs, result)
        return gates.leave(result) if gates else result
    except Exception:
        for hook in waiting.values():
            result = _despite_error(module, hook, args, kwargs, result)
        raise


def _before(module, hooks: CallHooks, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    for hook in list(hooks.forward_pre.values()):
        if not hook.with_kwargs:
            changed = hook.function(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
            continue
        changed = hook.function(module, args, kwargs)
        if changed is None:
            continue
        if not isinstance(changed, tuple) or len(changed) != 2:
            raise RuntimeError(
                "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                f"but got {type(changed).__name__}"
            )
        args, kwargs = changed
    return args, kwargs


def _after(module, hook: Hook, args: tuple, kwargs: dict, result):
    shown = (args, kwargs, result) if hook.with_kwargs else (args, result)
    changed = hook.function(module, *shown)
    return result if changed is None else changed


def _despite_error(module, hook: Hook, args: tuple, kwargs: dict, result):
    try:
        return _after(module, hook, args, kwargs, result)
    except Exception as error:
        warnings.warn(
            f"forward hook with always_call=True raised an exception that was silenced: {error}", stacklevel=4
        )
        return result


class Gate:
    """An op that changes nothing; the gradients that pass back through it are shown to `look`."""

    name = "module hook"
    node_name = "BackwardHookFunctionBackward"
    parameters = needed = differentiable = ()
    fills = False
    rules = None

    def __init__(self, look: Callable):
        self.look = look

    def pull(self, node, grads: list, record: bool, retain: bool) -> list:
        seen = [g if g is None or record else untracked(as_array(g)) for g in grads]
        return [g if g is None or record else g.array for g in self.look(seen)]

    def __call__(self, values: tuple) -> tuple:
        """The same values; the tracked tensors among them as results of this gate."""
        through = [v for v in values if isinstance(v, Tensor) and v.requires_grad]
        aliases = [untracked(t.array) for t in through]
        for alias, t in zip(aliases, through, strict=True):
            alias.version = t.version
        record_results(self, aliases, tuple(edge_of(t) for t in through), (), (), several=True)
        made = iter(aliases)
        return tuple(next(made) if isinstance(v, Tensor) and v.requires_grad else v for v in values)


class BackwardGates:
    """The two gates of one call: keeps what left the module's backward pass until what enters it is known."""

    def __init__(self, module, hooks: CallHooks):
        self.module = module
        self.pre = list(hooks.backward_pre.values())
        self.full = list(hooks.backward.values())
        self.input_places: list[int] = []  # of the tracked tensors among the arguments
        self.inputs = 0
        self.grad_output: tuple | None = None

    def enter(self, args: tuple) -> tuple:
        self.inputs = len(args)
        self.input_places = _tracked_places(args)
        return Gate(self.inputs_reached)(args) if self.full and self.input_places else args

    def leave(self, result):
        values = result if isinstance(result, tuple) else (result,)
        self.output_places, self.outputs = _tracked_places(values), len(values)
        if not self.output_places:
            return result
        values = Gate(self.outputs_reached)(values)
        if not isinstance(result, tuple):
            return values[0]
        return values if type(result) is tuple else type(result)(*values)

    def outputs_reached(self, grads: list) -> list:
        grad_output = _spread(grads, self.output_places, self.outputs)
        for hook in self.pre:
            grad_output = _replaced("pre_hook", hook.function(self.module, grad_output), grad_output)
        self.grad_output = grad_output
        if not self.input_places:
            for hook in self.full:
                changed = hook.function(self.module, (None,) * self.inputs, grad_output)
                if changed is not None and any(g is not None for g in _as_tuple(changed)):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return "
                        "None or None for all gradients"
                    )
        return [grad_output[i] for i in self.output_places]

    def inputs_reached(self, grads: list) -> list:
        grad_input = _spread(grads, self.input_places, self.inputs)
        for hook in self.full:
            grad_input = _replaced(
                "hook", hook.function(self.module, grad_input, self.grad_output), grad_input
            )
        self.grad_output = None
        return [grad_input[i] for i in self.input_places]


def _tracked_places(values: tuple) -> list[int]:
    if not is_recording():
        return []
    return [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]


def _spread(grads: list, places: list[int], size: int) -> tuple:
    spread: list = [None] * size
    for place, g in zip(places, grads, strict=True):
        spread[place] = g
    return tuple(spread)


def _as_tuple(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _replaced(what: str, changed, grads: tuple) -> tuple:
    if changed is None:
        return grads
    changed = _as_tuple(changed)
    if len(changed) != len(grads):
        raise RuntimeError(
            f"Backward {what} returned an invalid number of grad tensors, got {len(changed)}, but expected "
            f"{len(grads)}"
        )
    return changed

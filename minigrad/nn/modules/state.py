"""Saving a module's state as a dict of tensors, and loading it back: all of it, or nothing."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping

from ...autograd.grad_mode import no_grad
from ...engine import untracked
from ...tensor import Tensor
from ..parameter import Parameter

EXTRA = "_extra_state"


class IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` returns: the keys it missed and the keys it had no use for."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


#: where PyTorch's modules keep members, by name, and where ours list those names
_PYTORCH_MEMBERS = {
    "_parameters": "_parameter_names",
    "_buffers": "_buffer_names",
    "_modules": "_module_names",
}


# ---- whole modules -------------------------------------------------------------------------------
def from_pytorch(attributes: dict) -> dict:
    """The attributes of a module that PyTorch has pickled, laid out as ours are; hooks are refused."""
    ours = {name: value for name, value in attributes.items() if name not in _PYTORCH_MEMBERS}
    hooks = [name for name in ours if "_hook" in name]
    if any(ours.pop(name) for name in hooks):
        raise ValueError(
            f"a module pickled by PyTorch carries hooks ({', '.join(hooks)}); remove them before saving"
        )
    for theirs, names in _PYTORCH_MEMBERS.items():
        ours[names] = dict.fromkeys(attributes[theirs])
        ours |= attributes[theirs]
    return ours


# ---- saving --------------------------------------------------------------------------------------
def collect(module, destination: dict | None, prefix: str, keep_vars: bool) -> dict:
    """The entries of a module and of those below it."""
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()  # type: ignore[attr-defined]  # versions, by module
    local_metadata = {"version": module._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = local_metadata
    hooks = module._state_hooks
    for hook in list(hooks.save_pre.values()) if hooks else ():
        hook(module, prefix, keep_vars)
    module._save_to_state_dict(destination, prefix, keep_vars)
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=destination, prefix=prefix + name + ".", keep_vars=keep_vars)
    for hook in list(hooks.save.values()) if hooks else ():
        replaced = hook(module, destination, prefix, local_metadata)
        destination = destination if replaced is None else replaced
    return destination


def collect_own(module, destination: dict, prefix: str, keep_vars: bool) -> None:
    """The entries of one module: parameters, persistent buffers, extra state."""
    for name, value in own_entries(module).items():
        destination[prefix + name] = value if keep_vars else value.detach()
    if module._saves_extra_state():
        destination[prefix + EXTRA] = module.get_extra_state()


def own_entries(module) -> dict[str, Tensor]:
    """A module's parameters and persistent buffers, by name."""
    buffers = {n: b for n, b in module._buffers.items() if n not in module._non_persistent_buffers_set}
    return {name: t for name, t in {**module._parameters, **buffers}.items() if t is not None}


# ---- loading -------------------------------------------------------------------------------------
def load(module, state_dict: Mapping, strict: bool, assign: bool) -> IncompatibleKeys:
    """First look up everything; then, if nothing is wrong, write."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    metadata = getattr(state_dict, "_metadata", None) or {}
    keys = IncompatibleKeys([], [])
    errors: list[str] = []
    writes: list[Callable] = []

    def visit(module, entries: Mapping, prefix: str) -> None:
        local_metadata = {
            **metadata.get(prefix[:-1], {}),
            "assign_to_params_buffers": assign,
            "writes": writes,
        }
        module._load_from_state_dict(entries, prefix, local_metadata, True, *keys, errors)
        for name, child in module._modules.items():
            if child is not None:
                below = prefix + name + "."
                visit(child, {k: v for k, v in entries.items() if k.startswith(below)}, below)

    visit(module, OrderedDict(state_dict), "")
    hooks_may_excuse = strict and any(keys) and not errors
    if hooks_may_excuse:
        run_load_hooks(module, keys)
    refuse(module, keys, errors, strict)
    with no_grad():
        for write in writes:
            write()
    if not hooks_may_excuse:
        run_load_hooks(module, keys)
        refuse(module, keys, errors, strict)
    return keys


def run_load_hooks(module, keys: IncompatibleKeys) -> None:
    """The hooks after loading, of submodules first."""
    for child in module.children():
        run_load_hooks(child, keys)
    for hook in list(module._state_hooks.load.values()) if module._state_hooks else ():
        if hook(module, keys) is not None:
            raise AssertionError(
                "a load_state_dict post hook must return None; it may change the lists in place"
            )


def refuse(module, keys: IncompatibleKeys, errors: list[str], strict: bool) -> None:
    """Raise one error with all that is wrong, and what to do about it."""
    if strict:
        found = {"Unexpected": keys.unexpected_keys, "Missing": keys.missing_keys}
        listed = {what: ", ".join(f'"{key}"' for key in names) for what, names in found.items() if names}
        errors = [f"{what} key(s) in state_dict: {names}. " for what, names in listed.items()] + errors
    if errors:
        lines = [
            f"Error(s) in loading state_dict for {module._get_name()}:",
            *errors,
            *_remedies(keys, strict),
        ]
        raise RuntimeError("\n\t".join(lines))


def load_own(
    module,
    entries,
    prefix: str,
    local_metadata: dict,
    strict: bool,
    missing: list,
    unexpected: list,
    errors: list,
) -> None:
    """Look up one module's entries: note what is missing, unexpected or misshapen, and plan the writes."""
    for hook in list(module._state_hooks.load_pre.values()) if module._state_hooks else ():
        hook(module, entries, prefix, local_metadata, strict, missing, unexpected, errors)
    writes = local_metadata.get("writes", _Immediate())
    own = own_entries(module)
    for name, target in own.items():
        key = prefix + name
        if key in entries:
            source = _fitting(key, target, entries[key], errors)
            if source is not None:
                assign = local_metadata.get("assign_to_params_buffers", False)
                writes.append(_Write(module, name, source, assign))
        elif strict:
            missing.append(key)
    _load_extra_state(module, entries, prefix + EXTRA, writes, strict, missing, unexpected)
    if strict:
        known = {*own, EXTRA, *(n for n, child in module._modules.items() if child is not None)}
        for key in entries:
            if key.startswith(prefix):
                name, dot, _ = key[len(prefix) :].partition(".")
                if name not in known or (dot and name not in module._module_names):
                    unexpected.append(key)


def _load_extra_state(
    module, entries, key: str, writes, strict: bool, missing: list, unexpected: list
) -> None:
    if module._loads_extra_state():
        if key in entries:
            writes.append(lambda: module.set_extra_state(entries[key]))
        elif strict:
            missing.append(key)
    elif strict and key in entries:
        unexpected.append(key)


class _Immediate:
    """Stands for the list of writes where `_load_from_state_dict` is called by itself: writes at once."""

    def append(self, write: Callable) -> None:
        with no_grad():
            write()


class _Write:
    """One planned write of a tensor into a module's parameter or buffer."""

    def __init__(self, module, name: str, source: Tensor, assign: bool):
        self.module, self.name, self.source, self.assign = module, name, source, assign

    def __call__(self) -> None:
        target = getattr(self.module, self.name)
        if not self.assign:
            target.copy_(self.source)
        elif isinstance(target, Parameter):
            source = self.source
            source = source if isinstance(source, Parameter) else Parameter(source, target.requires_grad)
            setattr(self.module, self.name, source.requires_grad_(target.requires_grad))
        else:
            setattr(self.module, self.name, self.source)


def _fitting(key: str, target: Tensor, source, errors: list) -> Tensor | None:
    """The source as a tensor of the target's shape; None, and a line in `errors`, where it cannot be one."""
    if not isinstance(source, Tensor):
        if not hasattr(source, "__array__"):
            errors.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                f"from checkpoint but received {type(source)}"
            )
            return None
        source = untracked(source.__array__())
    if target.array.ndim == 0 and source.array.ndim == 1 and source.array.size:
        source = source[0]  # scalars were saved as vectors of one element in PyTorch before 0.4
    if source.array.shape != target.array.shape:
        errors.append(
            f"size mismatch for {key}: copying a param with shape {tuple(source.array.shape)} from "
            f"checkpoint, the shape in current model is {tuple(target.array.shape)}."
        )
        return None
    return source


def _remedies(keys: IncompatibleKeys, strict: bool) -> list[str]:
    """What to do about keys that do not match: often they are the same but for a prefix."""
    if not strict or not any(keys):
        return []
    wanted, found = set(keys.missing_keys), set(keys.unexpected_keys)
    prefix = min(found, default="").partition(".")[0] + "."
    if wanted and {key.removeprefix(prefix) for key in found} == wanted:
        return [
            f"All keys match without '{prefix}': pass "
            f"{{k.removeprefix('{prefix}'): v for k, v in ....items()}}."
        ]
    return ["Pass strict=False to load only the entries that match."]

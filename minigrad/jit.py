"""PyTorch's `torch.jit`, as far as a script needs it to run: there is no compiler here, functions stay as
they are.
"""

from __future__ import annotations


def script(obj, *args, **kwargs):
    """The function or module unchanged: nothing is compiled, and it runs as Python."""
    return obj


def trace(func, example_inputs=None, *args, **kwargs):
    """The function or module unchanged: nothing is recorded, and it runs as Python."""
    return func


def ignore(function=None, **kwargs):
    """The function unchanged; also as a decorator with arguments."""
    return function if function is not None else ignore


export = unused = ignore


def is_scripting() -> bool:
    """False: code is never run by a compiler."""
    return False


def is_tracing() -> bool:
    """False: code is never run by a tracer."""
    return False


def save(m, f, *args, **kwargs):
    """Refused: there is no compiled form to save."""
    raise NotImplementedError(
        "jit.save: there is no compiled form here; save the state_dict with minigrad.save"
    )


def load(f, *args, **kwargs):
    """Refused: compiled programs need PyTorch's runtime."""
    raise NotImplementedError(
        "jit.load: compiled programs need PyTorch; load a state_dict with minigrad.load"
    )

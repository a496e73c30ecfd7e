"""Layers without the time for their first weights."""

from __future__ import annotations

from collections.abc import Callable

from ...random import get_rng_state, set_rng_state
from ..modules.module import Module


def skip_init(module_cls: Callable, *args, **kwargs) -> Module:
    """module_cls(*args, **kwargs), with parameters and buffers that are yet to be given their values.

    Differs from PyTorch in that they are drawn as ever, so this takes as long; the random generator stays
    where it was.
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    state = get_rng_state()
    try:
        return module_cls(*args, **{"device": "cpu", **kwargs})
    except TypeError as error:
        if "device" not in str(error):
            raise
        raise RuntimeError("Module must support a 'device' arg to skip initialization") from None
    finally:
        set_rng_state(state)

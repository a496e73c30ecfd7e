"""Behaviours that PyTorch may take on: here a converted module's parameters stay the same objects."""

from __future__ import annotations


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Refused but for False: `module.to(...)` gives parameters new data, and they stay the same objects."""
    _refuse("overwrite", value)


def get_overwrite_module_params_on_conversion() -> bool:
    """False."""
    return False


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Refused but for False: `module.to(...)` gives parameters new data, and they stay the same objects."""
    _refuse("swap", value)


def get_swap_module_params_on_conversion() -> bool:
    """False."""
    return False


def _refuse(what: str, value: bool) -> None:
    if value:
        raise NotImplementedError(
            f"set_{what}_module_params_on_conversion(True): here parameters stay the same objects and get "
            "new data; leave this False"
        )

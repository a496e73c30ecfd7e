"""PyTorch's `amp`: mixed precision, as far as it can be had. Nothing is cast by itself here.

`autocast` that is off, or that is for a GPU which is not there, does nothing, as in PyTorch; otherwise
it refuses. `GradScaler` scales losses so that float16 gradients do not vanish, and works on any device.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from .backend import cuda_is_available
from .dtypes import dtype as Dtype
from .engine import Value


class autocast:
    """Context and decorator; enabled, it refuses: cast with `.half()` or `.to(dtype)` where it is wanted."""

    def __init__(
        self,
        device_type: str,
        dtype: Dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ):
        if enabled and device_type == "cuda" and not cuda_is_available():
            warnings.warn(
                "User provided device_type of 'cuda', but CUDA is not available. Disabling", stacklevel=2
            )
            enabled = False
        if enabled:
            raise NotImplementedError(
                f"autocast: nothing is cast by itself on {device_type!r} here; pass enabled=False, and cast "
                "with .half() or .to(dtype) where it is wanted"
            )

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error) -> None:
        pass

    def __call__(self, function):
        @functools.wraps(function)
        def called(*args, **kwargs):
            return function(*args, **kwargs)

        return called


def is_autocast_available(device_type: str) -> bool:
    """False: nothing is cast by itself here."""
    return False


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """False: nothing is cast by itself here."""
    return False


class GradScaler:
    """Multiplies a loss before `backward` and divides its gradients before the step.

    A step whose gradients are not finite is left out and the scale falls by `backoff_factor`; after
    `growth_interval` good ones it grows by `growth_factor`. Without a GPU one for 'cuda' is off.
    Micikevicius et al., "Mixed Precision Training", 2018.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ):
        if enabled and device == "cuda" and not cuda_is_available():
            warnings.warn("GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=2)
            enabled = False
        if growth_factor <= 1 or not 0 < backoff_factor < 1:
            raise AssertionError("GradScaler: growth_factor must be above 1, backoff_factor from 0 to 1")
        self._enabled, self._scale, self._good_steps = enabled, float(init_scale), 0
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval = growth_interval
        self._unscaled: dict[int, bool] = {}  # by an optimizer's id: whether all its gradients are finite

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def scale(self, outputs) -> Any:
        """The loss (or losses, in lists or tuples) times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Value):
            return outputs * self._scale  # type: ignore[operator]
        return type(outputs)(self.scale(o) for o in outputs)

    def unscale_(self, optimizer) -> None:
        """Divide an optimizer's gradients by the scale, to clip them before `step`."""
        if not self._enabled:
            return
        if id(optimizer) in self._unscaled:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        self._unscaled[id(optimizer)] = True
        for group in optimizer.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad.array *= p.grad.array.dtype.type(1 / self._scale)
                    p.grad.version[0] += 1
                    self._unscaled[id(optimizer)] &= bool(np.isfinite(p.grad.array).all())

    def step(self, optimizer, *args, **kwargs):
        """The optimizer's step, unless a gradient is not finite."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        if id(optimizer) not in self._unscaled:
            self.unscale_(optimizer)
        return optimizer.step(*args, **kwargs) if self._unscaled[id(optimizer)] else None

    def update(self, new_scale: float | None = None) -> None:
        """Make the scale larger or smaller, by how the steps since the last update went; or set it."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._unscaled:
            raise AssertionError("No inf checks were recorded prior to update.")
        elif all(self._unscaled.values()):
            self._good_steps += 1
            if self._good_steps == self._growth_interval:
                self._scale, self._good_steps = self._scale * self._growth_factor, 0
        else:
            self._scale, self._good_steps = self._scale * self._backoff_factor, 0
        self._unscaled = {}

    def get_scale(self) -> float:
        """The scale; 1 if switched off."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """What the scale grows by."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what the scale grows by."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale falls by."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what the scale falls by."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many good steps the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set after how many good steps the scale grows."""
        self._growth_interval = new_interval

    def state_dict(self) -> dict:
        """What a checkpoint holds of it, under PyTorch's names; nothing if switched off."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._good_steps,
        }

    def load_state_dict(self, state_dict: dict) -> None:
        """Go on from a checkpoint."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of "
                "GradScaler."
            )
        self._scale, self._good_steps = state_dict["scale"], state_dict["_growth_tracker"]
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]

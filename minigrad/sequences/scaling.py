"""Values on a common scale, by a scaler that remembers how to go back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops
from ..dtypes import float64, get_default_dtype
from ..tensor import Tensor


class Scaler:
    """(x - shift) / scale + base, each channel by its own; subclasses say what these are.

    Channels are the last axis; values (T,) are one channel, and so are all with `per_channel=False`.
    Gradients go through `transform` and `inverse`.
    """

    shift: np.ndarray | None = None
    scale: np.ndarray | None = None

    def __init__(self, base: float = 0.0, per_channel: bool = True):
        self.base, self.per_channel = base, per_channel

    def _statistics(self, values: np.ndarray, constant: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The shifts and scales (C,) of values (T, C), of which some channels are constant."""
        raise NotImplementedError

    def fit(self, x: Tensor | np.ndarray | Sequence):
        """Take shift and scale from values (..., C) or (T,): from the training part alone. Returns itself.

        Raises ValueError for no values, and for NaN and inf.
        """
        values = np.asarray(ops.as_tensor(x).detach().cpu().numpy(), np.float64)
        separate = self.per_channel and values.ndim > 1
        values = values.reshape(-1, values.shape[-1] if separate else 1)
        if not values.size:
            raise ValueError(f"{self._name}.fit: there are no values")
        gaps = np.flatnonzero(~np.isfinite(values).all(0)).tolist()
        if gaps:
            raise ValueError(f"{self._name}.fit: NaN or inf in channels {gaps}; fill gaps or leave them out")
        found = self._statistics(values, values.min(0) == values.max(0))
        self.shift, self.scale = found if separate else (part[0] for part in found)
        return self

    def transform(self, x: Tensor | np.ndarray | Sequence, channels: Any = None) -> Tensor:
        """Values (..., C) on the common scale; of some `channels` alone if their numbers are given."""
        x = self._floating(x)
        shift, scale = self._fitted("transform", x, channels)
        return (x - shift) / scale + self.base

    def fit_transform(self, x: Tensor | np.ndarray | Sequence) -> Tensor:
        """`fit`, then `transform`."""
        return self.fit(x).transform(x)

    def inverse(self, x: Tensor | np.ndarray | Sequence, channels: Any = None) -> Tensor:
        """Values (..., C) on their own scale again; of some `channels` alone if their numbers are given.

        A forecast (N, horizon) of one channel is taken back by `inverse(forecast, channels=2)`.
        """
        x = self._floating(x)
        shift, scale = self._fitted("inverse", x, channels)
        return (x - self.base) * scale + shift

    @staticmethod
    def _floating(x) -> Tensor:
        x = ops.as_tensor(x)
        return x if x.is_floating_point() else x.to(get_default_dtype())

    def _fitted(self, called: str, x: Tensor, channels) -> list[Tensor]:
        """Shift and scale, in the dtype and on the device of x."""
        if self.shift is None or self.scale is None:
            raise RuntimeError(f"{self._name}.{called}: call fit first, or load_state_dict")
        parts = [
            np.asarray(part if channels is None else part[channels]) for part in (self.shift, self.scale)
        ]
        if parts[0].ndim and (x.ndim == 0 or x.shape[-1] != len(parts[0])):
            raise ValueError(
                f"{self._name}.{called}: the last axis must be the {len(parts[0])} channels it knows, and "
                f"the shape is {tuple(x.shape)}; name those that are meant by channels="
            )
        return [ops.tensor(part, dtype=x.dtype, device=x.device) for part in parts]

    @property
    def _name(self) -> str:
        return type(self).__name__

    # ---- keeping -----------------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """`shift` and `scale`, (C,) or () float64, None before `fit`; and `base`."""
        parts = {"shift": self.shift, "scale": self.scale, "base": self.base}
        return {
            name: None if part is None else ops.tensor(part, dtype=float64) for name, part in parts.items()
        }

    def load_state_dict(self, state_dict: dict) -> None:
        """Go on with what another scaler's `state_dict` remembers."""
        missing = {"shift", "scale", "base"} - set(state_dict)
        if missing:
            raise KeyError(f"{self._name}.load_state_dict: {sorted(missing)} missing; is it another's state?")
        parts = (state_dict["shift"], state_dict["scale"])
        self.shift, self.scale = (None if part is None else np.array(part, np.float64) for part in parts)
        self.base = float(state_dict["base"])


class StandardScaler(Scaler):
    """Mean 0 and standard deviation 1 (the population's) in each channel of what it was fitted to.

    A constant channel becomes 0, and its deviations later keep their own unit (scale 1).

        scaler = StandardScaler().fit(series[:80])        # series (T, C), fitted to the training part
        scaled = scaler.transform(series)                 # (T, C)
        forecast = scaler.inverse(model(scaled), channels=0)
    """

    def __init__(self, *, per_channel: bool = True):
        super().__init__(per_channel=per_channel)

    def _statistics(self, values, constant):
        return np.where(constant, values[0], values.mean(0)), np.where(constant, 1.0, values.std(0))


class MinMaxScaler(Scaler):
    """The smallest value of each channel of what it was fitted to becomes `low`, the largest `high`.

    A constant channel becomes `low`, as if its values went from its constant to 1 above it. Raises ValueError
    unless `low` is less than `high`.

        scaler = MinMaxScaler(-1, 1).fit(series[:80])
        scaled = scaler.transform(series)                 # (T, C)
    """

    def __init__(self, low: float = 0.0, high: float = 1.0, *, per_channel: bool = True):
        if not low < high:
            raise ValueError(f"MinMaxScaler: low must be less than high, not {low} and {high}")
        super().__init__(low, per_channel)
        self.span = high - low

    def _statistics(self, values, constant):
        smallest = values.min(0)
        return smallest, np.where(constant, 1.0, values.max(0) - smallest) / self.span

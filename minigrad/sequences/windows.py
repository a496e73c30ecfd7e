"""A series as samples: what has been seen up to a point, and what comes after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import ops
from ..engine import untracked
from ..tensor import Tensor
from ..utils.data import TensorDataset


class Windows(TensorDataset):
    """Sliding windows over a series (T,) or (T, C): sample i is its past and the future that follows at once.

    Pasts are (history,) or (history, C), futures (horizon,) or (horizon, C), of the channels `targets` alone
    if given; from one sample to the next are `stride` steps. All are views of the series: nothing is copied,
    and nothing can be written, before a loader makes batches of them.

    `start` and `stop` say in which part of the series the futures are to lie. So training and test windows
    cannot share a value to be forecast, while a test window's past may reach back before `start`, as what was
    known at the time:

        series = torch.sin(torch.arange(100.0))
        train = Windows(series, history=24, horizon=4, stop=80)  # sees steps 0 to 79
        test = Windows(series, history=24, horizon=4, start=80)  # forecasts steps 80 to 99
        past, future = train[0]  # (24,), (4,)
        for past, future in DataLoader(train, batch_size=32, shuffle=True):  # (32, 24), (32, 4)
            ...

    Where the past must not reach back either, cut the series: `Windows(series[80:], ...)`. Raises ValueError
    where no window fits.
    """

    def __init__(
        self,
        series: Tensor | np.ndarray | Sequence,
        history: int,
        horizon: int = 1,
        *,
        stride: int = 1,
        start: int = 0,
        stop: int | None = None,
        targets: int | slice | Sequence[int] | None = None,
    ):
        if history < 1 or horizon < 1 or stride < 1:
            raise ValueError(
                f"Windows: history, horizon and stride must be positive, not {history}, {horizon}, {stride}"
            )
        self.series, self.history, self.horizon, self.stride = ops.as_tensor(series), history, horizon, stride
        values = self.series.numpy()
        start, stop, _ = slice(start, stop).indices(len(values))
        self.start, self.stop, self.targets = start, stop, targets
        if targets is not None and values.ndim < 2:
            raise ValueError(
                "Windows: targets choose among channels, and a series (T,) has one; leave it None"
            )
        first, end = max(start, history), stop - horizon + 1
        if first >= end:
            raise ValueError(
                f"Windows: no window of {history} + {horizon} steps has its future in [{start}, {stop}) of a "
                f"series of {len(values)} steps; pass a shorter history or horizon, or a longer series"
            )
        chosen = values if targets is None else values[:, targets]
        pasts, futures = _windows(values, history), _windows(chosen, horizon)
        self._first_steps = range(first, end, stride)
        super().__init__(
            untracked(pasts[first - history : end - history : stride]), untracked(futures[first:end:stride])
        )

    @property
    def past(self) -> Tensor:
        """All pasts, (N, history) or (N, history, C)."""
        return self.tensors[0]

    @property
    def future(self) -> Tensor:
        """All futures, (N, horizon) or (N, horizon, C)."""
        return self.tensors[1]

    @property
    def when(self) -> Tensor:
        """The step of the series at which each future begins, (N,) int64."""
        return ops.tensor(self._first_steps)

    def __reduce__(self):
        """Pickled as the series, not as the many times larger windows."""
        settings = {name: getattr(self, name) for name in ("stride", "start", "stop", "targets")}
        return _made_again, (type(self), self.series, self.history, self.horizon, settings)


def _windows(values: np.ndarray, length: int) -> np.ndarray:
    """All windows of a length, (T - length + 1, length, ...), as a view that cannot be written."""
    return np.moveaxis(np.lib.stride_tricks.sliding_window_view(values, length, axis=0), -1, 1)


def _made_again(cls: type, series, history: int, horizon: int, settings: dict) -> Windows:
    return cls(series, history, horizon, **settings)

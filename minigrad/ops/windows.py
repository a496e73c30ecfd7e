"""Window functions: weights for the samples of a frame, before it is transformed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..engine import untracked
from ..layouts import strided

if TYPE_CHECKING:
    from ..tensor import Tensor


def _window(name: str, M: int, values, sym: bool, dtype, device, requires_grad: bool, layout=None) -> Tensor:
    """M weights given by `values(k, last)`;
    a periodic window is a symmetric one of M + 1 without its last weight.
    """
    if M < 0:
        raise ValueError(f"{name}: requires non-negative window length, got M={M}")
    if layout is not None and layout is not strided:
        raise ValueError(f"{name}: is implemented for strided tensors only, got: {layout}")
    if isinstance(dtype, dtypes.absent_dtype):
        raise ValueError(f"{name}: expects float32 or float64 dtypes, got: {dtype}")
    kind = dtypes.as_dtype(dtype or dtypes.get_default_dtype())
    if kind not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name}: expects float32 or float64 dtypes, got: {kind}")
    last = M - 1 if sym else M
    weights = np.ones(M) if M <= 1 else values(np.arange(M), last)
    t = untracked(weights.astype(kind.numpy)).to(device=device)
    return t.requires_grad_() if requires_grad else t


def _cosines(coefficients):
    """a0 - a1 cos(2 pi k / last) + a2 cos(4 pi k / last) - ..."""
    return lambda k, last: sum(
        a * (-1) ** i * np.cos(2 * math.pi * i * k / last) for i, a in enumerate(coefficients)
    )


def general_cosine(
    M: int, *, a, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False
):
    """A sum of cosines with the coefficients a."""
    return _window("general_cosine", M, _cosines(a), sym, dtype, device, requires_grad, layout)


def general_hamming(
    M: int,
    *,
    alpha: float = 0.54,
    sym: bool = True,
    dtype=None,
    layout=None,
    device=None,
    requires_grad: bool = False,
):
    """alpha - (1 - alpha) cos(2 pi k / last)."""
    return _window(
        "general_hamming", M, _cosines([alpha, 1 - alpha]), sym, dtype, device, requires_grad, layout
    )


def hamming(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """The Hamming window."""
    return _window("hamming", M, _cosines([0.54, 0.46]), sym, dtype, device, requires_grad, layout)


def hann(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """The Hann window."""
    return _window("hann", M, _cosines([0.5, 0.5]), sym, dtype, device, requires_grad, layout)


def blackman(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """The Blackman window."""
    return _window("blackman", M, _cosines([0.42, 0.5, 0.08]), sym, dtype, device, requires_grad, layout)


def nuttall(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """The minimum 4-term Blackman-Harris window by Nuttall."""
    coefficients = [0.3635819, 0.4891775, 0.1365995, 0.0106411]
    return _window("nuttall", M, _cosines(coefficients), sym, dtype, device, requires_grad, layout)


def bartlett(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """The triangular window."""
    return _window(
        "bartlett", M, lambda k, last: 1 - np.abs(2 * k / last - 1), sym, dtype, device, requires_grad, layout
    )


def cosine(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """Half a period of a sine."""
    return _window(
        "cosine",
        M,
        lambda k, last: np.sin(math.pi * (k + 0.5) / (last + 1)),
        sym,
        dtype,
        device,
        requires_grad,
        layout,
    )


def gaussian(
    M: int,
    *,
    std: float = 1.0,
    sym: bool = True,
    dtype=None,
    layout=None,
    device=None,
    requires_grad: bool = False,
):
    """The normal density around the middle, 1 at most."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _window(
        "gaussian",
        M,
        lambda k, last: np.exp(-(((k - last / 2) / std) ** 2) / 2),
        sym,
        dtype,
        device,
        requires_grad,
        layout,
    )


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype=None,
    layout=None,
    device=None,
    requires_grad: bool = False,
):
    """Falls by 1/e for each tau samples from the middle (or from `center`)."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    return _window(
        "exponential",
        M,
        lambda k, last: np.exp(-np.abs(k - (last / 2 if center is None else center)) / tau),
        sym,
        dtype,
        device,
        requires_grad,
        layout,
    )


def kaiser(
    M: int,
    *,
    beta: float = 12.0,
    sym: bool = True,
    dtype=None,
    layout=None,
    device=None,
    requires_grad: bool = False,
):
    """The Kaiser window."""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _window(
        "kaiser",
        M,
        lambda k, last: np.i0(beta * np.sqrt(1 - (2 * k / last - 1) ** 2)) / np.i0(beta),
        sym,
        dtype,
        device,
        requires_grad,
        layout,
    )


# ---- under PyTorch's older names, periodic unless told otherwise ---------------------------------
def _older(window, length: int, periodic: bool, dtype=None, pin_memory: bool = False, **settings) -> Tensor:
    """A window of any floating dtype."""
    half = dtype is dtypes.float16
    made = window(length, sym=not periodic, dtype=dtypes.float32 if half else dtype, **settings)
    return made.half() if half else made


def hann_window(window_length: int, periodic: bool = True, **settings) -> Tensor:
    """The Hann window."""
    return _older(hann, window_length, periodic, **settings)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, **settings
) -> Tensor:
    """alpha - beta cos(2 pi k / last)."""
    return _older(general_cosine, window_length, periodic, a=[alpha, beta], **settings)


def blackman_window(window_length: int, periodic: bool = True, **settings) -> Tensor:
    """The Blackman window."""
    return _older(blackman, window_length, periodic, **settings)


def bartlett_window(window_length: int, periodic: bool = True, **settings) -> Tensor:
    """The triangular window."""
    return _older(bartlett, window_length, periodic, **settings)


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, **settings) -> Tensor:
    """The Kaiser window."""
    return _older(kaiser, window_length, periodic, beta=beta, **settings)

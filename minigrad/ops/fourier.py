"""Discrete Fourier transforms, by NumPy's FFT, and the short-time transform of signals.

Each is linear, so its gradient is its adjoint: another transform, scaled the opposite way. Where a real
signal has half a spectrum (`rfft`, `irfft`), the half that is left out counts as zeros, or twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import primitive, untracked
from ..layouts import strided_only
from .arranging import add_windows, roll, unfold
from .complex import view_as_real
from .elementwise import conj, div, mul
from .promotion import to_dtype
from .shaping import axis_of, expand_to, take_part, transpose

if TYPE_CHECKING:
    from ..tensor import Tensor

OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}
#: ways to continue a signal, in NumPy's words
PAD_MODES: dict[str, Any] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


# ---- one axis: the primitives --------------------------------------------------------------------
def _precise_as(x, found, kind=np.complex64):
    """A transform in the precision of its input; NumPy may compute in double."""
    return found.astype(np.result_type(x.dtype, kind) if kind is np.complex64 else x.real.dtype, copy=False)


@primitive(x=lambda g, x_shape, size, axis: resized(g, x_shape[axis], axis))
def resized(x, size, axis):
    """Cut, or filled up with zeros, to a size along an axis."""
    out = np.zeros_like(x, shape=x.shape[:axis] + (size,) + x.shape[axis + 1 :])
    part = (slice(None),) * axis + (slice(0, min(size, x.shape[axis])),)
    out[part] = x[part]
    return out


@primitive(
    holomorphic=False,
    x=lambda g, x_shape, size, axis, norm: resized(
        backward_of(g, size, axis, OPPOSITE[norm]), x_shape[axis], axis
    ),
)
def forward_of(x, size, axis, norm):
    """The transform of a complex signal along an axis."""
    return _precise_as(x, np.fft.fft(x, size, axis, norm))


@primitive(
    holomorphic=False,
    x=lambda g, x_shape, size, axis, norm: resized(
        forward_of(g, size, axis, OPPOSITE[norm]), x_shape[axis], axis
    ),
)
def backward_of(x, size, axis, norm):
    """The inverse transform of a complex spectrum along an axis."""
    return _precise_as(x, np.fft.ifft(x, size, axis, norm))


@primitive(
    holomorphic=False,
    x=lambda g, x_shape, size, axis, norm: resized(
        backward_of(g, size, axis, OPPOSITE[norm]).real, x_shape[axis], axis
    ),
)
def half_spectrum_of(x, size, axis, norm):
    """The first half of the spectrum of a real signal; the other is its mirror image."""
    return _precise_as(x, np.fft.rfft(x, size, axis, norm))


@primitive(
    holomorphic=False,
    x=lambda g, x_shape, size, axis, norm: resized(
        half_spectrum_of(g, size, axis, OPPOSITE[norm]) * _multiplicity(size, axis, len(x_shape)),
        x_shape[axis],
        axis,
    ),
)
def signal_of(x, size, axis, norm):
    """The real signal with a half spectrum."""
    return _precise_as(x, np.fft.irfft(x, size, axis, norm), float)


def _multiplicity(size: int, axis: int, ndim: int):
    """How often each line of a half spectrum stands in the whole one."""
    times = np.full(size // 2 + 1, 2.0, np.float32)
    times[0] = 1
    if size % 2 == 0:
        times[-1] = 1
    return times.reshape([-1 if i == axis else 1 for i in range(ndim)])


# ---- PyTorch's functions -------------------------------------------------------------------------
def _prepared(name: str, input, n, dim: int, norm, spectrum: bool = False) -> tuple[int, int, str]:
    """(size, axis, norm) of a transform along one dimension."""
    if norm not in (None, *OPPOSITE):
        raise RuntimeError(
            f"{name}: Invalid normalization mode: {norm!r}; use 'backward', 'ortho' or 'forward'"
        )
    axis = axis_of(name, input, dim)
    if input.array.ndim == 0:
        raise RuntimeError(f"{name}: expected a tensor with one dimension at least, got a scalar")
    held = input.array.shape[axis]
    size = n if n is not None else 2 * (held - 1) if spectrum else held
    if size < 1:
        raise RuntimeError(f"{name}: Invalid number of data points ({size}) specified; it must be 1 or more")
    return size, axis, norm or "backward"


def _complex(input) -> Tensor:
    kind = input.dtype if input.array.dtype.kind == "f" else None
    if input.array.dtype.kind == "c":
        return input
    return to_dtype(input if kind else input.float(), (input if kind else input.float()).dtype.to_complex())


def _real(name: str, input) -> Tensor:
    if input.array.dtype.kind == "c":
        raise RuntimeError(f"{name} expects a real input tensor, but got {input.dtype}")
    return input if input.array.dtype.kind == "f" else input.float()


def _stored(result, out):
    return result if out is None else out.copy_(result)


def fft(input, n: int | None = None, dim: int = -1, norm: str | None = None, *, out=None) -> Tensor:
    """The discrete Fourier transform along a dimension, of the input cut or filled up to n elements."""
    return _stored(forward_of(_complex(input), *_prepared("fft.fft", input, n, dim, norm)), out)


def ifft(input, n: int | None = None, dim: int = -1, norm: str | None = None, *, out=None) -> Tensor:
    """The inverse of `fft`."""
    return _stored(backward_of(_complex(input), *_prepared("fft.ifft", input, n, dim, norm)), out)


def rfft(input, n: int | None = None, dim: int = -1, norm: str | None = None, *, out=None) -> Tensor:
    """The first half, n // 2 + 1 lines, of the transform of a real signal."""
    return _stored(
        half_spectrum_of(_real("fft.rfft", input), *_prepared("fft.rfft", input, n, dim, norm)), out
    )


def irfft(input, n: int | None = None, dim: int = -1, norm: str | None = None, *, out=None) -> Tensor:
    """The inverse of `rfft`; n, the length of the signal, is even unless given."""
    return _stored(signal_of(_complex(input), *_prepared("fft.irfft", input, n, dim, norm, True)), out)


def hfft(input, n: int | None = None, dim: int = -1, norm: str | None = None, *, out=None) -> Tensor:
    """The transform, real, of a signal given by its first half: the other is its mirror image, conjugated."""
    size, axis, norm = _prepared("fft.hfft", input, n, dim, norm, True)
    return _stored(signal_of(conj(_complex(input)), size, axis, OPPOSITE[norm]), out)


def ihfft(input, n: int | None = None, dim: int = -1, norm: str | None = None, *, out=None) -> Tensor:
    """The inverse of `hfft`."""
    size, axis, norm = _prepared("fft.ihfft", input, n, dim, norm)
    return _stored(conj(half_spectrum_of(_real("fft.ihfft", input), size, axis, OPPOSITE[norm])), out)


def _sizes_and_dims(name: str, input, s, dim) -> list[tuple[int | None, int]]:
    """(size, dimension) of each transform among several."""
    dims: Sequence[int]
    if dim is None:
        dims = range(input.array.ndim) if s is None else range(input.array.ndim - len(s), input.array.ndim)
    else:
        dims = [dim] if isinstance(dim, int) else dim
    axes = [axis_of(name, input, d) for d in dims]
    given = [None] * len(axes) if s is None else [s] if isinstance(s, int) else s
    sizes = [None if n == -1 else n for n in given]
    if len(sizes) != len(axes):
        raise RuntimeError(
            f"{name}: When given, dim and shape arguments must have the same length, got {len(axes)} and "
            f"{len(sizes)}"
        )
    if len(set(axes)) != len(axes):
        raise RuntimeError(f"{name}: dim {tuple(dims)} must be unique")
    return list(zip(sizes, axes, strict=True))


def _over(function, input, pairs, norm) -> Tensor:
    for size, axis in pairs:
        input = function(input, size, axis, norm)
    return input


def fftn(input, s=None, dim=None, norm: str | None = None, *, out=None) -> Tensor:
    """`fft` along several dimensions (all, unless `dim` or `s` says which)."""
    return _stored(_over(fft, _complex(input), _sizes_and_dims("fft.fftn", input, s, dim), norm), out)


def ifftn(input, s=None, dim=None, norm: str | None = None, *, out=None) -> Tensor:
    """The inverse of `fftn`."""
    return _stored(_over(ifft, _complex(input), _sizes_and_dims("fft.ifftn", input, s, dim), norm), out)


def rfftn(input, s=None, dim=None, norm: str | None = None, *, out=None) -> Tensor:
    """`fftn` of a real signal, with half of the spectrum along the last of the dimensions."""
    *others, last = _sizes_and_dims("fft.rfftn", input, s, dim)
    return _stored(_over(fft, rfft(input, *last, norm), others, norm), out)


def irfftn(input, s=None, dim=None, norm: str | None = None, *, out=None) -> Tensor:
    """The inverse of `rfftn`."""
    *others, last = _sizes_and_dims("fft.irfftn", input, s, dim)
    return _stored(irfft(_over(ifft, _complex(input), others, norm), *last, norm), out)


def hfftn(input, s=None, dim=None, norm: str | None = None, *, out=None) -> Tensor:
    """`hfft` along the last of several dimensions, `fft` along the others."""
    *others, last = _sizes_and_dims("fft.hfftn", input, s, dim)
    return _stored(hfft(_over(fft, _complex(input), others, norm), *last, norm), out)


def ihfftn(input, s=None, dim=None, norm: str | None = None, *, out=None) -> Tensor:
    """The inverse of `hfftn`."""
    *others, last = _sizes_and_dims("fft.ihfftn", input, s, dim)
    return _stored(_over(ifft, ihfft(input, *last, norm), others, norm), out)


def fft2(input, s=None, dim=(-2, -1), norm: str | None = None, *, out=None) -> Tensor:
    """`fftn` along two dimensions."""
    return fftn(input, s, dim, norm, out=out)


def ifft2(input, s=None, dim=(-2, -1), norm: str | None = None, *, out=None) -> Tensor:
    """`ifftn` along two dimensions."""
    return ifftn(input, s, dim, norm, out=out)


def rfft2(input, s=None, dim=(-2, -1), norm: str | None = None, *, out=None) -> Tensor:
    """`rfftn` along two dimensions."""
    return rfftn(input, s, dim, norm, out=out)


def irfft2(input, s=None, dim=(-2, -1), norm: str | None = None, *, out=None) -> Tensor:
    """`irfftn` along two dimensions."""
    return irfftn(input, s, dim, norm, out=out)


def hfft2(input, s=None, dim=(-2, -1), norm: str | None = None, *, out=None) -> Tensor:
    """`hfftn` along two dimensions."""
    return hfftn(input, s, dim, norm, out=out)


def ihfft2(input, s=None, dim=(-2, -1), norm: str | None = None, *, out=None) -> Tensor:
    """`ihfftn` along two dimensions."""
    return ihfftn(input, s, dim, norm, out=out)


# ---- frequencies and order -----------------------------------------------------------------------
def fftfreq(
    n: int, d: float = 1.0, *, dtype=None, device=None, requires_grad: bool = False, out=None, layout=None
) -> Tensor:
    """The frequencies of `fft`'s lines, in cycles per unit, for n samples at a distance d."""
    strided_only("fftfreq", layout)
    return _made(np.fft.fftfreq(n, d), dtype, device, requires_grad, out)


def rfftfreq(
    n: int, d: float = 1.0, *, dtype=None, device=None, requires_grad: bool = False, out=None, layout=None
) -> Tensor:
    """The frequencies of `rfft`'s lines, in cycles per unit, for n samples at a distance d."""
    strided_only("rfftfreq", layout)
    return _made(np.fft.rfftfreq(n, d), dtype, device, requires_grad, out)


def _made(values, dtype, device, requires_grad: bool, out) -> Tensor:
    t = untracked(values)
    t = t.to(device=device, dtype=dtype) if dtype is not None else t.to(device=device).float()
    return _stored(t.requires_grad_() if requires_grad else t, out)


def _shifted(name: str, input, dim, sign: int) -> Tensor:
    dims = range(input.array.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    axes = [axis_of(name, input, d) for d in dims]
    sizes = [input.array.shape[a] for a in axes]
    return roll(input, [n // 2 if sign > 0 else -(n // 2) for n in sizes], axes)


def fftshift(input, dim=None) -> Tensor:
    """The spectrum with frequency 0 in the middle."""
    return _shifted("fft.fftshift", input, dim, 1)


def ifftshift(input, dim=None) -> Tensor:
    """The inverse of `fftshift`."""
    return _shifted("fft.ifftshift", input, dim, -1)


# ---- short-time transforms -----------------------------------------------------------------------
def _window_of(name: str, like, n_fft: int, win_length: int | None, window) -> Tensor:
    """The window in the middle of n_fft zeros; ones where none is given."""
    length = n_fft if win_length is None else win_length
    if not 0 < length <= n_fft:
        raise RuntimeError(
            f"{name}: expected 0 < win_length <= n_fft, but got win_length={length} and n_fft={n_fft}"
        )
    if window is None:
        window = untracked(np.ones(length, like.array.real.dtype))
    if window.array.shape != (length,):
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size win_length={length}, got "
            f"{tuple(window.array.shape)}"
        )
    left = (n_fft - length) // 2
    return resized(roll(resized(window, n_fft, 0), left, 0), n_fft, 0) if left else resized(window, n_fft, 0)


def _reflected(input, width: int, mode: str) -> Tensor:
    """The signal with `width` elements on either side."""
    size = input.array.shape[-1]
    if mode == "reflect" and size <= width:
        raise RuntimeError(f"stft: a signal of {size} is too short to be reflected by {width} on either side")
    places = np.pad(np.arange(size), width, mode=PAD_MODES[mode])
    return take_part(input, (..., places))


def stft(
    input,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window=None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """The spectra of frames of n_fft samples at every hop_length: (B, T) or (T,) gives (..., lines, frames).

    Complex with return_complex=True, else with real and imaginary parts as a last dimension.
    """
    if align_to_window is not None:
        raise NotImplementedError("stft: align_to_window is not here; leave it None")
    hop = n_fft // 4 if hop_length is None else hop_length
    if hop <= 0 or input.array.ndim not in (1, 2):
        raise RuntimeError(
            f"stft: expected hop_length > 0 and a 1D or 2D tensor, got {hop} and {input.array.ndim} "
            "dimensions"
        )
    real = input.array.dtype.kind != "c"
    if return_complex is None and real and (window is None or window.array.dtype.kind != "c"):
        raise RuntimeError("stft requires the return_complex parameter be given for real inputs")
    weights = _window_of("stft", input, n_fft, win_length, window)
    real = real and weights.array.dtype.kind != "c"
    signal = input
    if center and pad_mode == "constant":
        size = signal.array.shape[-1] + n_fft
        wide = resized(signal, size, signal.array.ndim - 1)
        signal = roll(wide, n_fft // 2, wide.array.ndim - 1)
    elif center:
        signal = _reflected(signal, n_fft // 2, pad_mode)
    if not 0 < n_fft <= signal.array.shape[-1]:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {signal.array.shape[-1]}, but got n_fft={n_fft}")
    frames = mul(unfold(signal, -1, n_fft, hop), weights)
    onesided = real if onesided is None else onesided
    spectra = (rfft if onesided and real else fft)(frames, norm="ortho" if normalized else None)
    spectra = transpose(spectra, -1, -2)
    return spectra if return_complex or not real else view_as_real(spectra)


def istft(
    input,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window=None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal with the given spectra (..., lines, frames).

    Frames overlap and add; what they add up to is divided by the sum of the squared windows.
    """
    if input.array.dtype.kind != "c":
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    hop = n_fft // 4 if hop_length is None else hop_length
    weights = _window_of("istft", input, n_fft, win_length, window)
    onesided = input.array.shape[-2] != n_fft if onesided is None else onesided
    spectra = transpose(input, -1, -2)
    norm = "ortho" if normalized else None
    if return_complex:
        frames = ifft(spectra, n_fft, norm=norm)
    else:
        half = spectra if onesided else take_part(spectra, (..., slice(0, n_fft // 2 + 1)))
        frames = irfft(half, n_fft, norm=norm)
    count = frames.array.shape[-2]
    total = n_fft + hop * (count - 1)
    axis = frames.array.ndim - 2
    signal = add_windows(mul(frames, weights), (*frames.array.shape[:-2], total), axis, n_fft, hop)
    squares = expand_to(mul(weights, weights), (count, n_fft))
    envelope = add_windows(squares, (total,), 0, n_fft, hop)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - (n_fft // 2 if center else 0)
    part = (..., slice(start, end))
    if (np.abs(envelope.array[start:end]) < 1e-11).any():
        raise RuntimeError(
            "istft: window overlap add min: 1e-11 is not reached; the window has zeros where nothing overlaps"
        )
    result = div(take_part(signal, part), take_part(envelope, part))
    return result if length is None else resized(result, length, result.array.ndim - 1)

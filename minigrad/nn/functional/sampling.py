"""Interpolation: inputs (N, C, *input) sampled on a finer or coarser grid, or at places given one by one."""

from __future__ import annotations

import functools
import itertools
import math
import warnings

import numpy as np

from ... import ops
from ...backend import module_of
from ...engine import untracked
from ...ops import resampling
from ...ops.pooling import take_places
from ...ops.resampling import Taps, cubic_weights, resample
from ...tensor import Tensor
from .pooling import means_of_parts

#: mode -> (numbers of spatial dimensions, whether corners can be aligned)
_MODES = {
    "nearest": ((1, 2, 3), False),
    "nearest-exact": ((1, 2, 3), False),
    "area": ((1, 2, 3), False),
    "linear": ((1,), True),
    "bilinear": ((2,), True),
    "trilinear": ((3,), True),
    "bicubic": ((2,), True),
    "lanczos": ((2,), True),
}
_TAPS = {
    "nearest": resampling.nearest_taps,
    "nearest-exact": resampling.nearest_exact_taps,
    "linear": resampling.linear_taps,
    "bilinear": resampling.linear_taps,
    "trilinear": resampling.linear_taps,
    "bicubic": resampling.cubic_taps,
}


# ---- on a grid ---------------------------------------------------------------------------------------------
def interpolate(
    input: Tensor,
    size=None,
    scale_factor=None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """The input (N, C, *input) with the size, or scale_factor times the size, in its last dimensions.

    With `align_corners` the centres of the corner elements stay where they are, else the outer edges. A
    scale_factor is used as it is given, or, with `recompute_scale_factor`, as the sizes have it after
    rounding. `antialias` (for "bilinear", "bicubic" and "lanczos") first removes what the new size is too
    small to show.
    """
    ndim = input.dim() - 2
    _check_mode(input, mode, align_corners, antialias)
    sizes, factors = _new_sizes(input, size, scale_factor)
    if recompute_scale_factor:
        if size is not None:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        factors = [None] * ndim
    if min(sizes) <= 0 or 0 in input.shape[1:]:
        raise RuntimeError(
            "interpolate: Input and output sizes should be greater than 0, but got input "
            f"{tuple(input.shape)} and output {sizes}"
        )
    if input.array.dtype.kind != "f" and not mode.startswith("nearest"):
        raise NotImplementedError(
            f"interpolate: mode {mode!r} is not implemented for {input.dtype}; use .float()"
        )
    for axis, (old, new, factor) in enumerate(zip(input.shape[2:], sizes, factors), 2):
        input = _along(input, axis, _taps(mode, old, new, factor, bool(align_corners), antialias, input))
    return input


def _taps(mode, old: int, new: int, factor, aligned: bool, antialias: bool, input: Tensor) -> Taps:
    scale = 1.0 / factor if factor else old / new
    if mode == "area":
        return means_of_parts(new, old)
    if antialias:
        return resampling.filtered_taps(mode, old, new, scale, aligned)
    real = np.float64 if input.array.dtype == np.float64 else np.float32
    return _TAPS[mode](old, new, scale, aligned, real)


def _along(input: Tensor, axis: int, taps: Taps) -> Tensor:
    if input.array.dtype.kind == "f":
        return resample(input, axis, taps)
    return ops.index_select(input, axis, untracked(module_of(input.array).asarray(taps.places[:, 0])))


def _check_mode(input: Tensor, mode: str, align_corners, antialias: bool) -> None:
    ndims, can_align = _MODES.get(mode, ((), False))
    ndim = input.dim() - 2
    if align_corners is not None and mode in _MODES and not can_align:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | "
            "bicubic | trilinear"
        )
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and ndim == 2):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D "
            "tensor as input"
        )
    if ndim not in ndims:
        if mode in ("linear", "bilinear", "trilinear") and ndim in (1, 2, 3):
            raise NotImplementedError(f"Got {ndim + 2}D input, but {mode} mode needs {ndims[0] + 2}D input")
        raise NotImplementedError(
            f"interpolate: Input Error: Only 3D, 4D and 5D input Tensors supported (got {ndim + 2}D) for "
            f"the modes: {' | '.join(_MODES)} (got {mode})"
        )
    if mode == "lanczos" and align_corners:
        raise ValueError("Lanczos mode does not support align_corners=True")
    if mode == "lanczos" and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")


def _new_sizes(input: Tensor, size, scale_factor) -> tuple[list[int], list]:
    """The sizes asked for, and the factors they were asked for by, or None."""
    ndim = input.dim() - 2
    if (size is None) == (scale_factor is None):
        few = size is None
        raise ValueError(f"{'either' if few else 'only one of'} size or scale_factor should be defined")
    asked = scale_factor if size is None else size
    each = list(asked) if isinstance(asked, (tuple, list)) else [asked] * ndim
    if len(each) != ndim:
        named = "scale_factor" if size is None else "output size"
        raise ValueError(
            f"Input and {named} must have the same number of spatial dimensions, but got input with spatial "
            f"dimensions of {list(input.shape[2:])} and {named} of {asked}"
        )
    if size is None:
        return [math.floor(n * f) for n, f in zip(input.shape[2:], each)], each
    return [int(n) for n in each], [None] * ndim


def upsample(
    input: Tensor, size=None, scale_factor=None, mode: str = "nearest", align_corners=None
) -> Tensor:
    """`interpolate` under its older name."""
    _deprecated("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size=None, scale_factor=None) -> Tensor:
    """`interpolate` with mode "nearest"."""
    _deprecated("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size=None, scale_factor=None) -> Tensor:
    """`interpolate` with mode "bilinear" and aligned corners."""
    _deprecated("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def _deprecated(name: str) -> None:
    warnings.warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=3
    )


# ---- at given places ---------------------------------------------------------------------------------------
def affine_grid(theta: Tensor, size, align_corners: bool | None = None) -> Tensor:
    """Where an affine map takes the places of an output of a size: theta (N, 2, 3) gives (N, H, W, 2).

    `size` is (N, C, H, W); with theta (N, 3, 4) it is (N, C, D, H, W). Places are in [-1, 1], x first.
    """
    size = tuple(size)
    ndim = len(size) - 2
    if theta.dim() != 3 or ndim not in (2, 3) or tuple(theta.shape) != (size[0], ndim, ndim + 1):
        raise ValueError(
            "affine_grid: Expected a batch of affine matrices of shape Nx2x3 for a 4D size, or Nx3x4 for a "
            f"5D size, but got theta {tuple(theta.shape)} and size {size}"
        )
    if min(size) <= 0:
        raise ValueError(f"affine_grid: Expected non-zero, positive output size. Got {size}")
    aligned = _told(align_corners)
    axes = [_even_places(n, aligned, theta.array.dtype) for n in size[2:]]
    mesh = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(size[2:])], -1).astype(
        theta.array.dtype
    )
    flat = theta.new_tensor(mesh.reshape(1, -1, ndim + 1))
    return ops.matmul(flat, theta.transpose(1, 2)).reshape(size[0], *size[2:], ndim)


def _told(align_corners: bool | None) -> bool:
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
            "Please specify align_corners=True if the old behavior is desired.",
            stacklevel=3,
        )
    return bool(align_corners)


def _even_places(count: int, aligned: bool, dtype):
    """`count` places in [-1, 1]: from end to end, or, not aligned, the centres of even parts."""
    if count == 1:
        return np.zeros(1, dtype)
    places = np.linspace(-1, 1, count, dtype=dtype)
    return places if aligned else places * (count - 1) / count


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The input (N, C, H, W) at places (N, *output, 2) of a grid in [-1, 1], x first: (N, C, *output).

    Likewise (N, C, D, H, W) at (N, *output, 3). Beyond the borders lie "zeros", the nearest element
    ("border"), or what a mirror shows ("reflection"). "bilinear" stands for trilinear too.
    """
    ndim = input.dim() - 2
    _check_grid(input, grid, mode, padding_mode)
    sizes, aligned = tuple(input.shape[2:]), _told(align_corners)
    places = [_unnormalized(grid[..., ndim - 1 - axis], n, aligned) for axis, n in enumerate(sizes)]
    if mode != "bicubic":
        places = [_brought_inside(p, n, padding_mode, aligned) for p, n in zip(places, sizes)]
    near = [_neighbours(p, mode) for p in places]
    return functools.reduce(
        ops.add, (_corner(input, c, mode, padding_mode, aligned) for c in itertools.product(*near))
    )


def _corner(input: Tensor, corner: tuple, mode: str, padding_mode: str, aligned: bool) -> Tensor:
    """What one of the elements around each place adds to it: its value times the weights along all axes."""
    coordinates = [c for c, _ in corner]
    if mode == "bicubic":
        moved = zip(coordinates, input.shape[2:])
        coordinates = [_brought_inside(untracked(c), n, padding_mode, aligned).array for c, n in moved]
    values = _values_at(input, coordinates)
    for _, weight in corner:
        values = values * weight.unsqueeze(1)
    return values


def _check_grid(input: Tensor, grid: Tensor, mode: str, padding_mode: str) -> None:
    ndim = input.dim() - 2
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"grid_sample: expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "grid_sample: expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    if (
        ndim not in (2, 3)
        or tuple(grid.shape[:: ndim + 1]) != (input.shape[0], ndim)
        or grid.dim() != ndim + 2
    ):
        raise RuntimeError(
            "grid_sample: expected input (N, C, H, W) and grid (N, H, W, 2), or both with a D, but got "
            f"sizes {tuple(input.shape)} and {tuple(grid.shape)}"
        )
    if 0 in input.shape[2:]:
        raise RuntimeError(
            f"grid_sample: expected input to have non-empty spatial dimensions, got {tuple(input.shape)}"
        )
    if mode == "bicubic" and ndim != 2:
        raise RuntimeError("grid_sample: bicubic interpolation only supports 4D input")


def _unnormalized(place: Tensor, size: int, aligned: bool) -> Tensor:
    """[-1, 1] as places among elements 0 .. size - 1."""
    return (place + 1) / 2 * (size - 1) if aligned else ((place + 1) * size - 1) / 2


def _brought_inside(place: Tensor, size: int, padding_mode: str, aligned: bool) -> Tensor:
    if padding_mode == "zeros":
        return place
    if padding_mode == "reflection":
        place = _reflected(place, size, aligned)
    inside = untracked((place.array > 0) & (place.array < size - 1))
    return ops.where(inside, place, ops.clamp(place, 0, size - 1).detach())


def _reflected(place: Tensor, size: int, aligned: bool) -> Tensor:
    """A place beyond the borders as a mirror shows it, as often as needed."""
    low, span = (0.0, size - 1) if aligned else (-0.5, size)
    if span == 0:
        return place * 0
    away = ops.abs(place - low)
    turns = np.floor(away.array / span)
    rest = away - untracked((turns * span).astype(away.array.dtype))
    return ops.where(untracked(turns % 2 == 0), rest + low, span - rest + low)


def _neighbours(place: Tensor, mode: str) -> list[tuple]:
    """The elements around each place along one axis: (an array of whole numbers, their weights or None for
    1).
    """
    if mode == "nearest":
        nearest = ops.round_to(place, 0)
        return [(nearest.array, 1 + (nearest - nearest.detach()))]  # 1, with a gradient: 0
    before = np.floor(place.array)
    share = place - untracked(before)
    if mode == "bilinear":
        return [(before, 1 - share), (before + 1, share)]
    return [(before + i - 1, w) for i, w in enumerate(cubic_weights(share))]


def _values_at(input: Tensor, coordinates: list) -> Tensor:
    """The input (N, C, *input) at coordinates (N, *output) of each axis: (N, C, *output); zero outside."""
    inside = np.ones_like(coordinates[0], dtype=bool)
    places = np.zeros_like(coordinates[0], dtype=np.int64)
    for coordinate, size in zip(coordinates, input.shape[2:]):
        inside &= (coordinate >= 0) & (coordinate <= size - 1)
        bounded = np.where(inside, coordinate, 0)
        places = places * size + bounded.astype(np.int64)
    shape = (places.shape[0], input.shape[1], *places.shape[1:])
    found = take_places(input, np.broadcast_to(places[:, None], shape))
    return found if inside.all() else ops.where(untracked(inside[:, None]), found, 0.0)

"""Sampling along an axis: each new element is a weighted sum of old ones, as adaptive means and interpolation
are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..backend import as_places, module_of
from ..engine import primitive


class Taps(NamedTuple):
    """Which old elements make a new one: `places` and `weights` (new size, elements), and the old size."""

    places: np.ndarray
    weights: np.ndarray
    size: int

    def transposed(self) -> Taps:
        """The taps of the gradient: which new elements an old one went into."""
        count, width = self.places.shape
        new = np.repeat(np.arange(count), width)
        order = np.argsort(self.places, axis=None, kind="stable")
        old = self.places.reshape(-1)[order]
        starts = np.searchsorted(old, np.arange(self.size))
        rank = np.arange(len(old)) - starts[old]
        places = np.zeros((self.size, int(rank.max(initial=0)) + 1), np.int64)
        weights = np.zeros(places.shape)
        places[old, rank] = new[order]
        weights[old, rank] = self.weights.reshape(-1)[order]
        return Taps(places, weights, count)


@primitive(x=lambda g, axis, taps: resample(g, axis, taps.transposed()))
def resample(x, axis, taps):
    """x with its elements along an axis replaced by weighted sums of them."""
    xp = module_of(x)
    total = None
    for places, weights in zip(taps.places.T, taps.weights.T):
        weights = xp.asarray(weights.astype(x.dtype)).reshape(-1, *(1,) * (x.ndim - axis - 1))
        term = x.take(as_places(xp.asarray(places)), axis)
        term *= weights
        if total is None:
            total = term
        else:
            total += term
    return total


# ---- interpolation -----------------------------------------------------------------------------------------
def _sources(size: int, count: int, scale: float, aligned: bool, real):
    """Where in the old axis the centres (or, aligned, the corners) of `count` new elements lie."""
    numbers = np.arange(count).astype(real)
    if aligned:
        return numbers * real((size - 1) / (count - 1) if count > 1 else 0)
    return real(scale) * (numbers + real(0.5)) - real(0.5)


def nearest_taps(size: int, count: int, scale: float, aligned: bool, real) -> Taps:
    """The element at or before the new one's beginning."""
    return _single(np.floor(np.arange(count).astype(np.float32) * np.float32(scale)), size)


def nearest_exact_taps(size: int, count: int, scale: float, aligned: bool, real) -> Taps:
    """The element under the new one's centre."""
    centres = np.arange(count).astype(np.float32) + np.float32(0.5)
    return _single(np.floor(centres * np.float32(scale)), size)


def _single(places, size: int) -> Taps:
    places = np.minimum(places.astype(np.int64), size - 1)[:, None]
    return Taps(places, np.ones(places.shape), size)


def linear_taps(size: int, count: int, scale: float, aligned: bool, real) -> Taps:
    """The elements on either side, weighted by nearness."""
    sources = np.maximum(_sources(size, count, scale, aligned, real), 0)
    before = np.minimum(sources.astype(np.int64), size - 1)
    share = np.clip(sources - before, 0, 1)
    places = np.stack([before, np.minimum(before + 1, size - 1)], 1)
    return Taps(places, np.stack([1 - share, share], 1), size)


def cubic_weights(share, a: float = -0.75) -> list:
    """Weights of the four elements around a place, `share` of the way from the second to the third (Keys,
    1981).
    """

    def near(t):
        return ((a + 2) * t - (a + 3)) * t * t + 1

    def far(t):
        return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    return [far(share + 1), near(share), near(1 - share), far(2 - share)]


def cubic_taps(size: int, count: int, scale: float, aligned: bool, real) -> Taps:
    """The four elements around, weighted by a cubic curve; beyond an end stands its last element."""
    sources = _sources(size, count, scale, aligned, real)
    before = np.minimum(np.floor(sources).astype(np.int64), size - 1)
    share = np.clip(sources - before, 0, 1)
    places = np.clip(before[:, None] + np.arange(-1, 3), 0, size - 1)
    return Taps(places, np.stack(cubic_weights(share), 1), size)


# ---- interpolation that first removes what the new axis is too coarse to show ------------------------------
def _triangle(x):
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x, a: float = -0.5):
    x = np.abs(x)
    near, far = ((a + 2) * x - (a + 3)) * x * x + 1, (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(x):
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


#: mode -> (weight by distance, how far it reaches)
_FILTERS = {"bilinear": (_triangle, 1), "bicubic": (_cubic, 2), "lanczos": (_lanczos, 3)}


def filtered_taps(mode: str, size: int, count: int, scale: float, aligned: bool) -> Taps:
    """All elements that the new one covers, weighted by a curve as wide as it is."""
    weigh, reach = _FILTERS[mode]
    scale = ((size - 1) / (count - 1) if count > 1 else 0) if aligned else scale
    wide = max(scale, 1.0)
    centres = scale * (np.arange(count) + 0.5)
    first = np.maximum((centres - reach * wide + 0.5).astype(np.int64), 0)
    last = np.minimum((centres + reach * wide + 0.5).astype(np.int64), size)
    places = first[:, None] + np.arange(max(last - first))
    weights = weigh((places - centres[:, None] + 0.5) / wide) * (places < last[:, None])
    return Taps(np.minimum(places, size - 1), weights / weights.sum(1, keepdims=True), size)

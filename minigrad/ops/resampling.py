"""Sampling along an axis: each new element is a weighted sum of old ones, as adaptive means and interpolation
are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..backend import module_of
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
        term = x.take(xp.asarray(places), axis)
        term *= weights
        if total is None:
            total = term
        else:
            total += term
    return total

"""Special functions on the stand-in's arrays, one element at a time from the standard library."""

import math

import cupy
import numpy as np


def __getattr__(name: str):
    function = np.vectorize(getattr(math, {"gammaln": "lgamma"}.get(name, name)), otypes=[float])
    return lambda x: cupy.wrapped(function(x._host).astype(x.dtype))

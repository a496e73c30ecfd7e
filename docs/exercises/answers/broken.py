"""The gradient of y in `hypot` was that of x."""

import numpy as np

from minigrad.engine import primitive


@primitive(x=lambda g, out: g * out * (1 - out))
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@primitive(x=lambda g, x, out: g * x / out, y=lambda g, y, out: g * y / out)
def hypot(x, y):
    return np.sqrt(x * x + y * y)


@primitive(x=lambda g, x: g / (1 + x * x))
def atan(x):
    return np.arctan(x)

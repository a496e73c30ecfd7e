"""Exercise 3. The root of the mean square along a dimension, and its gradient.

x (..., n, ...) loses the dimension `axis`; so `g` and `out` lack it too, and must get it back (with size 1)
to meet x: `unsqueeze(g, axis)`. Mind the factor 1 / n: `x_shape[axis]` is n.
"""

import numpy as np

from minigrad.engine import primitive
from minigrad.ops import unsqueeze


@primitive(x=lambda g, x, axis: unsqueeze(g, axis) * x)
def rms(x, axis):
    return np.sqrt(np.mean(x * x, axis=axis))

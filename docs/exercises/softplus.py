"""Exercise 1. log(1 + exp(x)) has no gradient yet: its formula gives zero. Write the right one.

A formula's first parameter is the gradient that comes in. The others name what it needs: `x`, `x_shape`, or
`out`, the result. (What is the derivative of log(1 + exp(x))? It has a name of its own.)
"""

import numpy as np

from minigrad.engine import primitive


@primitive(x=lambda g: g * 0)
def softplus(x):
    return np.logaddexp(x, 0)

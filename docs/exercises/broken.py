"""Exercise 5. One formula in these three ops is wrong. Find it with `torch.autograd.gradcheck`, and mend it.

import minigrad as torch
from broken import atan, hypot, sigmoid

x = torch.randn(5, dtype=torch.float64, requires_grad=True)
torch.autograd.gradcheck(sigmoid, x)
"""

import numpy as np

from minigrad.engine import primitive


@primitive(x=lambda g, out: g * out * (1 - out))
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@primitive(x=lambda g, x, out: g * x / out, y=lambda g, x, out: g * x / out)
def hypot(x, y):
    return np.sqrt(x * x + y * y)


@primitive(x=lambda g, x: g / (1 + x * x))
def atan(x):
    return np.arctan(x)

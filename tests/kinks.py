"""Gradients where a function has a kink, a tie or a pole: which is given is a rule, and the rule is
PyTorch's.

A line: what happens, the function of (library, tensor), the tensor, the cotangent, and the gradient.
"""

import math

INF, NAN = math.inf, math.nan

# fmt: off
KINKS = [
    ("max of all: ties share", lambda m, x: m.max(x), [1, 3, 3], 2, [0, 1, 1]),
    ("min of all: ties share", lambda m, x: m.min(x), [1, 1, 3], 2, [1, 1, 0]),
    ("max along a dimension: the first", lambda m, x: m.max(x, 0).values, [1, 3, 3], 2, [0, 2, 0]),
    ("min along a dimension: the first", lambda m, x: m.min(x, 0).values, [3, 1, 1], 2, [0, 2, 0]),
    ("amax: ties share", lambda m, x: m.amax(x, 0), [3, 1, 3], 2, [1, 0, 1]),
    ("amin: ties share", lambda m, x: m.amin(x, 0), [3, 1, 1], 2, [0, 1, 1]),
    ("median of all: ties share", lambda m, x: m.median(x), [1, 3, 3, 5], 2, [0, 1, 1, 0]),
    ("median of an even number: the lower", lambda m, x: m.median(x), [4, 1, 3, 2], 2, [0, 0, 0, 2]),
    ("maximum: ties share", lambda m, x: m.maximum(x, m.ones(3)), [0, 1, 2], [3, 4, 5], [0, 2, 5]),
    ("minimum: ties share", lambda m, x: m.minimum(x, m.ones(3)), [0, 1, 2], [3, 4, 5], [3, 2, 0]),
    ("maximum of x and x", lambda m, x: m.maximum(x, x), [1, 2], [3, 4], [3, 4]),
    ("clamp: passes at its bounds", lambda m, x: m.clamp(x, -1, 1), [-2, -1, 0, 1, 2], [2, 3, 4, 5, 6],
     [0, 3, 4, 5, 0]),
    ("relu at 0", lambda m, x: m.relu(x), [-1, 0, 2], [3, 4, 5], [0, 0, 5]),
    ("leaky_relu at 0", lambda m, x: m.nn.functional.leaky_relu(x, 0.5), [-1, 0, 2], [2, 4, 5], [1, 2, 5]),
    ("hardtanh at its bounds", lambda m, x: m.nn.functional.hardtanh(x), [-1, 0, 1], [2, 3, 4], [0, 3, 0]),
    ("relu6 at its bounds", lambda m, x: m.nn.functional.relu6(x), [0, 1, 6], [2, 3, 4], [0, 3, 0]),
    ("hardshrink at its bounds", lambda m, x: m.nn.functional.hardshrink(x), [-0.5, 0.5, 1], [2, 3, 4],
     [0, 0, 4]),
    ("threshold at it", lambda m, x: m.nn.functional.threshold(x, 1, 7), [0, 1, 2], [3, 4, 5], [0, 0, 5]),
    ("softplus beyond its threshold", lambda m, x: m.nn.functional.softplus(x), [25, 0], [3, 4], [3, 2]),
    ("abs at 0", lambda m, x: m.abs(x), [-1, 0, 2], [3, 4, 5], [-3, 0, 5]),
    ("sign, floor, ceil, round, trunc have gradient 0",
     lambda m, x: m.sign(x) + m.floor(x) + m.ceil(x) + m.round(x) + m.trunc(x), [-1, 0, 0.5], [3, 4, 5],
     [0, 0, 0]),
    ("frac at whole numbers", lambda m, x: m.frac(x), [1, 2.5], [3, 4], [3, 4]),
    ("remainder at a jump", lambda m, x: m.remainder(x, 2), [2, 3], [3, 4], [3, 4]),
    ("sqrt at 0", lambda m, x: m.sqrt(x), [0, 4], [3, 4], [INF, 1]),
    ("log at 0", lambda m, x: m.log(x), [0, 2], [3, 4], [INF, 2]),
    ("reciprocal at 0", lambda m, x: m.reciprocal(x), [0, 2], [3, 4], [-INF, -1]),
    ("x ** 0 at 0", lambda m, x: x**0, [0, 2], [3, 4], [0, 0]),
    ("x ** 1 at 0", lambda m, x: x**1, [0, 2], [3, 4], [3, 4]),
    ("x ** 2 at 0", lambda m, x: x**2, [0, 2], [3, 4], [0, 16]),
    ("x ** 0.5 at 0", lambda m, x: x**0.5, [0, 4], [3, 4], [INF, 1]),
    ("0 ** y", lambda m, x: m.pow(m.zeros(3), x), [0, 1, 2], [3, 4, 5], [0, 0, 0]),
    ("norm of zeros", lambda m, x: m.norm(x), [0, 0], 2, [0, 0]),
    ("1-norm at 0", lambda m, x: m.norm(x, 1), [0, -2], 2, [0, -2]),
    ("3-norm of zeros", lambda m, x: m.norm(x, 3), [0, 0], 2, [0, 0]),
    ("inf-norm: ties share", lambda m, x: m.norm(x, math.inf), [3, -3, 1], 2, [1, -1, 0]),
    ("std of constants", lambda m, x: m.std(x), [2, 2, 2], 2, [0, 0, 0]),
    ("prod with one 0", lambda m, x: m.prod(x), [0, 2, 3], 2, [12, 0, 0]),
    ("prod with two 0", lambda m, x: m.prod(x), [0, 2, 0], 2, [0, 0, 0]),
    ("cumprod with a 0", lambda m, x: m.cumprod(x, 0), [2, 0, 3], [2, 3, 4], [2, 30, 0]),
    ("cumprod with two 0", lambda m, x: m.cumprod(x, 0), [2, 0, 3, 0], [2, 3, 4, 5], [2, 30, 0, 0]),
    ("logsumexp beside -inf", lambda m, x: m.logsumexp(x, 0), [-INF, 2], 3, [0, 3]),
    ("softmax beside -inf", lambda m, x: m.softmax(x, 0), [-INF, 2], [3, 4], [0, 0]),
    ("where shuts nothing out of log", lambda m, x: m.where(x > 0, m.log(x), x), [0, 2], [3, 4], [NAN, 2]),
    ("sort: ties in order", lambda m, x: m.sort(x, dim=0, stable=True).values, [2, 1, 2, 1], [3, 4, 5, 6],
     [5, 3, 6, 4]),
    ("atan2 at the origin", lambda m, x: m.atan2(x, m.zeros(1)), [0], [3], [0]),
    ("fmod of whole numbers", lambda m, x: m.fmod(x, 2), [3, 4], [5, 6], [5, 6]),
    ("max along rows", lambda m, x: m.max(x.reshape(2, 2), 1).values, [1, 1, 2, 2], [3, 4], [3, 0, 4, 0]),
    ("index named twice", lambda m, x: x[m.tensor([1, 1, 0])], [5, 6], [2, 3, 4], [4, 5]),
    ("expanded element", lambda m, x: x.expand(3), [5], [2, 3, 4], [9]),
    ("dist at equal points", lambda m, x: m.norm(x - x.detach()), [1, 2], 3, [0, 0]),
    ("nan_to_num at nan and inf", lambda m, x: m.nan_to_num(x), [NAN, INF, 1], [2, 3, 4], [0, 0, 4]),
]
# fmt: on

"""Ops that work element by element: each is its NumPy function and, above it, its gradient formulas.

`g` is the gradient that comes in. Broadcasting is undone by the engine, so no formula mentions it. Sorted as
a reader meets them: arithmetic, powers and logarithms, trigonometry, activations, choices, comparisons,
rounding.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from ..backend import constant_like
from ..engine import primitive
from .by_element import BY_ELEMENT
from .error_function import erf_of
from .promotion import arithmetic, floating


def _shapes_must_fit(x, y):
    try:
        np.broadcast_shapes(np.shape(x), np.shape(y))
    except ValueError:
        sizes = f"x {np.shape(x)} and y {np.shape(y)}"
        return f"{sizes} do not broadcast: sizes must be equal, or one of them 1, from the right"
    return None  # something else is wrong, for which NumPy has words


_two = partial(primitive, promote=arithmetic, explain=_shapes_must_fit)
_two_floating = partial(primitive, promote=floating, explain=_shapes_must_fit)
_tensors = partial(_two, numbers="neither")
_one = primitive
_one_floating = partial(primitive, promote=floating)


# ---- arithmetic ----------------------------------------------------------------------------------
@_two(x=lambda g: g, y=lambda g: g)
def add(x, y):
    return x + y


@_two(numbers="either", x=lambda g: g, y=lambda g: -g)
def sub(x, y):
    return x - y


@_two(x=lambda g, y: g * y, y=lambda g, x: g * x)
def mul(x, y):
    return x * y


@_two_floating(numbers="either", x=lambda g, y: g / y, y=lambda g, y, out: -g * (out / y))
def div(x, y):
    return np.true_divide(x, y)


@_one(x=lambda g: -g)
def neg(x):
    return -x


@_one(x=lambda g: conj(g))
def conj(x):
    return np.conj(x) if x.dtype.kind == "c" else x


@_one(x=lambda g, x: g * sgn(x))
def abs(x):
    return np.abs(x)


@_one(x=lambda g, x, out: _turned(g, x, out) if is_complex_number(x) else g * 0)
def sgn(x):
    """x / |x|, and 0 for 0: the sign of a real number, the direction of a complex one."""
    return np.sign(x) if x.dtype.kind != "b" else x.copy()


def is_complex_number(x) -> bool:
    """Whether an array, or a Tensor, holds complex numbers."""
    return getattr(x, "array", x).dtype.kind == "c"


def _turned(g, x, out):
    """What changes a direction: the part of g at right angles to it, over the distance."""
    size = select(x == 0, 1, abs(x))
    return select(x == 0, 0, (g - out * (conj(out) * g).real) / size)


@_one_floating(x=lambda g, out: -g * out * out)
def reciprocal(x):
    return 1 / x


# ---- powers, exponentials, logarithms ------------------------------------------------------------
@_two(
    numbers="either",
    x=lambda g, x, y: select(y == 0, 0, g * y * power(x, select(y == 0, 1, y - 1))),
    y=lambda g, x, y, out: g * out * log(select((x == 0) & (y.real >= 0), 1, x)),
)
def power(x, y):
    if x.dtype.kind == "b":
        return x | ~y
    if y.dtype.kind == "i" and (y < 0).any():  # NumPy refuses what is whole only for a base of 1 or -1
        return np.where(
            y >= 0, np.power(x, np.maximum(y, 0)), np.where(np.abs(x) == 1, np.power(x, y % 2), 0)
        )
    return np.power(x, y)


@primitive(
    promote=arithmetic,
    x=lambda g, x, exponent: g * (exponent * power_of(x, exponent - 1)) if exponent else g * 0,
)
def power_of(x, exponent):
    """x to a fixed power."""
    return x * x if exponent == 2 else x**exponent


@primitive(promote=arithmetic, x=lambda g, x: g * (2 * x))
def square(x):
    return x * x if x.dtype.kind != "b" else x.astype(np.int64)


@_one_floating(x=lambda g, out: g / (2 * out))
def sqrt(x):
    return np.sqrt(x)


@_one_floating(x=lambda g, out: g * (-0.5 * out * out * out))
def rsqrt(x):
    return 1 / np.sqrt(x)


@_one_floating(x=lambda g, out: g * out)
def exp(x):
    return np.exp(x)


@_one_floating(x=lambda g, out: g * (out * math.log(2)))
def exp2(x):
    return np.exp2(x)


@_one_floating(x=lambda g, out: g * (out + 1))
def expm1(x):
    return np.expm1(x)


@_one_floating(x=lambda g, x: g / x)
def log(x):
    return np.log(x)


@_one_floating(x=lambda g, x: g / (x * math.log(2)))
def log2(x):
    return np.log2(x)


@_one_floating(x=lambda g, x: g / (x * math.log(10)))
def log10(x):
    return np.log10(x)


@_one_floating(x=lambda g, x: g / (x + 1))
def log1p(x):
    return np.log1p(x)


# ---- trigonometric and hyperbolic ----------------------------------------------------------------
@_one_floating(x=lambda g, x: g * cos(x))
def sin(x):
    return np.sin(x)


@_one_floating(x=lambda g, x: -g * sin(x))
def cos(x):
    return np.cos(x)


@_one_floating(x=lambda g, out: g * (1 + out * out))
def tan(x):
    return np.tan(x)


@_one_floating(x=lambda g, x: g * rsqrt(1 - x * x))
def asin(x):
    return np.arcsin(x)


@_one_floating(x=lambda g, x: -g * rsqrt(1 - x * x))
def acos(x):
    return np.arccos(x)


@_one_floating(x=lambda g, x: g / (1 + x * x))
def atan(x):
    return np.arctan(x)


@_two_floating(
    numbers="neither", x=lambda g, x, y: g * y / _distance2(x, y), y=lambda g, x, y: -g * x / _distance2(x, y)
)
def atan2(x, y):
    """The angle of the point (y, x), in radians."""
    return np.arctan2(x, y)


def _distance2(x, y):
    """The squared distance from the origin; infinite there, as the angle's gradient at the origin is given as
    0.
    """
    squared = x * x + y * y
    return select(squared == 0, math.inf, squared)


@_one_floating(x=lambda g, x: g * cosh(x))
def sinh(x):
    return np.sinh(x)


@_one_floating(x=lambda g, x: g * sinh(x))
def cosh(x):
    return np.cosh(x)


@_one_floating(x=lambda g, out: g * (1 - out * out))
def tanh(x):
    return np.tanh(x)


@_one_floating(x=lambda g, x: g * rsqrt(x * x + 1))
def asinh(x):
    return np.arcsinh(x)


@_one_floating(x=lambda g, x: g * rsqrt(x * x - 1))
def acosh(x):
    return np.arccosh(x)


@_one_floating(x=lambda g, x: g / (1 - x * x))
def atanh(x):
    return np.arctanh(x)


# ---- activations ---------------------------------------------------------------------------------
@_one_floating(x=lambda g, out: g * (out * (1 - out)))
def sigmoid(x):
    """1 / (1 + exp(-x)), by tanh: no exponential that could overflow."""
    half = constant_like(0.5, x)
    out = np.tanh(half * x)
    out *= half
    out += half
    return out


@_one(x=lambda g, out: where_not_zero(g, out))  # out is never negative
def relu(x):
    """x where it is positive, else 0."""
    if x.dtype.kind == "f":  # clip takes half of what maximum does, and a third for large arrays
        return x.clip(constant_like(0, x), constant_like(math.inf, x))
    return np.maximum(x, constant_like(0, x))


@primitive(g=lambda u, x: where_not_zero(u, x), x=lambda u: u * 0)
def where_not_zero(g, x):
    """g where x is not 0, and 0 elsewhere."""
    return kept_where(x != constant_like(0, x), g)


@_one(x=lambda g, x, slope: select(x > 0, g, g * slope))
def leaky_relu(x, slope):
    return choose(x > 0, x, x * slope)


@_one_floating(
    x=lambda g, x, alpha, scale: select(
        x > 0, g * scale, g * (scale * alpha) * exp(clamp_between(x, None, 0))
    )
)
def elu(x, alpha, scale):
    """scale * (x where x > 0, alpha * (exp(x) - 1) elsewhere): one of the two terms is 0."""
    return scale * (np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0)))


@_one_floating(x=lambda g, x, beta, threshold: select(x * beta > threshold, g, g * sigmoid(x * beta)))
def softplus(x, beta, threshold):
    """log(1 + exp(beta x)) / beta; x itself above the threshold, where the two agree."""
    scaled = x * beta
    smooth = np.maximum(scaled, 0) + np.log1p(np.exp(-np.abs(scaled)))
    return choose(scaled > threshold, x, smooth / beta)


@_one_floating(x=lambda g, x: g * sigmoid(-x))
def logsigmoid(x):
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


@_one_floating(x=lambda g, x: g * (2 / math.sqrt(math.pi) * exp(-x * x)))
def erf(x):
    """The error function."""
    return erf_of(x) if isinstance(x, np.ndarray | np.generic) else special_of("erf", x)


def special_of(name: str, *arguments, first: bool = False):
    """A special function NumPy lacks: SciPy's, CuPy's, or one in plain Python, one element at a time.

    `first` puts the last argument, a setting, before the array, as SciPy has it there.
    """
    arguments = arguments[::-1] if first else arguments
    array = arguments[-1]
    try:
        if isinstance(array, np.ndarray | np.generic):
            import scipy.special as functions
        else:
            import cupyx.scipy.special as functions
    except ImportError:
        if name not in BY_ELEMENT:
            raise RuntimeError(f"{name}: needs SciPy: pip install minigrad-rnn[special]") from None
        return np.asarray(np.frompyfunc(BY_ELEMENT[name], 1, 1)(array)).astype(array.dtype)
    result = getattr(functions, name)(*arguments)
    result = result[0] if isinstance(result, tuple) else result
    return (
        result.astype(array.dtype, copy=False) if result.dtype.kind == "f" else result
    )  # SciPy widens float16


# ---- choices -------------------------------------------------------------------------------------
@primitive(
    promote=arithmetic,
    x=lambda g, condition: select(condition, g, 0),
    y=lambda g, condition: select(condition, 0, g),
)
def select(condition, x, y):
    """x where the condition holds, y elsewhere."""
    return choose(condition, x, y)


def choose(condition, x, y):
    """np.where; of large arrays by their bits as integers, times 1 or 0, as np.where takes 20 times longer
    where conditions are mixed.
    """
    size = getattr(condition, "size", 1)
    if size < 4096 or not isinstance(condition, np.ndarray):
        return np.where(condition, x, y)
    if type(x) in (int, float):
        condition, x, y = ~condition, y, x
    zero = type(y) in (int, float) and y == 0
    alike = [
        a for a in (x, y) if isinstance(a, np.ndarray) and a.shape == condition.shape and a.dtype == x.dtype
    ]
    if len(alike) + zero < 2 or x.dtype not in _BITS:
        return np.where(condition, x, y)
    if zero:
        return kept_where(condition, x)
    bits = condition.astype(_BITS[x.dtype])
    bits *= x.view(bits.dtype) ^ y.view(bits.dtype)
    bits ^= y.view(bits.dtype)
    return bits.view(x.dtype)


def kept_where(condition, x):
    """x where a condition like it holds, and 0 elsewhere, by its bits: 0 times infinity would be nan."""
    bits = condition.astype(_BITS[x.dtype])
    bits *= x.view(bits.dtype)
    return bits.view(x.dtype)


_BITS = {np.dtype(f"f{size}"): np.dtype(f"i{size}") for size in (2, 4, 8)}


def _share(g, chosen, other):
    """All of g where this argument was chosen, half of it at a tie."""
    return select(chosen == other, g / 2, select(chosen > other, g, 0))


@_tensors(x=lambda g, x, y: _share(g, x, y), y=lambda g, x, y: _share(g, y, x))
def maximum(x, y):
    return np.maximum(x, y)


@_tensors(x=lambda g, x, y: _share(g, -x, -y), y=lambda g, x, y: _share(g, -y, -x))
def minimum(x, y):
    return np.minimum(x, y)


@_one(x=lambda g, x, low, high: select(_inside(x, low, high), g, 0))
def clamp_between(x, low, high):
    """x limited to [low, high]; either may be None. The gradient passes at the bounds."""
    return np.clip(x, low, high)


def _inside(x, low, high):
    if low is None:
        return x <= high
    return x >= low if high is None else (x >= low) & (x <= high)


# ---- rounding: the gradient is zero --------------------------------------------------------------
@_one(x=lambda g: g * 0)
def sign(x):
    return np.sign(x) if x.dtype.kind != "b" else x.copy()


@_one(x=lambda g: g * 0)
def floor(x):
    return np.floor(x) if x.dtype.kind in "fc" else x.copy()  # NumPy before 2.1 makes whole numbers floats


@_one(x=lambda g: g * 0)
def ceil(x):
    return np.ceil(x) if x.dtype.kind in "fc" else x.copy()  # NumPy before 2.1 makes whole numbers floats


@_one(x=lambda g: g * 0)
def trunc(x):
    return np.trunc(x) if x.dtype.kind in "fc" else x.copy()  # NumPy before 2.1 makes whole numbers floats


@_one(x=lambda g: g * 0)
def round_to(x, decimals):
    """x rounded to a number of decimals, halves to even."""
    return np.round(x, decimals)


@_one(x=lambda g: g)
def frac(x):
    """What trunc leaves over."""
    return x - np.trunc(x)


def _divisor(y):
    """What integers are divided by, which must not be 0."""
    if y.dtype.kind in "iu" and not y.all():
        raise RuntimeError("ZeroDivisionError: integers are divided by 0")
    return y


@_two(numbers="either", x=lambda g: g * 0, y=lambda g: g * 0)
def floor_divide(x, y):
    return np.floor_divide(x, _divisor(y))


@_two(numbers="either", x=lambda g: g, y=lambda g, x, y: -g * floor_divide(x, y))
def remainder(x, y):
    """What floor_divide leaves over; it has the sign of y."""
    return np.remainder(x, _divisor(y))


@_two(x=lambda g: g, y=lambda g, x, y: -g * trunc(x / y))
def fmod(x, y):
    """What truncated division leaves over; it has the sign of x."""
    return np.fmod(x, _divisor(y))


# ---- comparisons, logic, bits: no gradient -------------------------------------------------------
@_two(arity=2)
def eq(x, y):
    return x == y


@_two(arity=2)
def ne(x, y):
    return x != y


@_two(arity=2)
def lt(x, y):
    return x < y


@_two(arity=2)
def le(x, y):
    return x <= y


@_two(arity=2)
def gt(x, y):
    return x > y


@_two(arity=2)
def ge(x, y):
    return x >= y


@_one(arity=1)
def isnan(x):
    return np.isnan(x)


@_one(arity=1)
def isinf(x):
    return np.isinf(x)


@_one(arity=1)
def isfinite(x):
    return np.isfinite(x)


@_one(arity=1)
def logical_not(x):
    return np.logical_not(x)


@_tensors(arity=2)
def logical_and(x, y):
    return np.logical_and(x, y)


@_tensors(arity=2)
def logical_or(x, y):
    return np.logical_or(x, y)


@_tensors(arity=2)
def logical_xor(x, y):
    return np.logical_xor(x, y)


@_one(arity=1)
def bitwise_not(x):
    return ~x


@_two(arity=2, numbers="either")
def bitwise_and(x, y):
    return x & y


@_two(arity=2, numbers="either")
def bitwise_or(x, y):
    return x | y


@_two(arity=2, numbers="either")
def bitwise_xor(x, y):
    return x ^ y


@_two(arity=2, numbers="either")
def bitwise_left_shift(x, y):
    return x << y


@_two(arity=2, numbers="either")
def bitwise_right_shift(x, y):
    return x >> y

"""Translations of the ops that work element by element: where ONNX has the op, one line each."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .graph import Graph, Tensor, UntranslatableError


def same(kind: str, **attributes) -> Callable:
    """An op of one tensor that ONNX has, computed in the dtype of the result."""
    return lambda g, x: g.op(kind, g.cast(x, g.result.dtype), **attributes)


def of_two(kind: str) -> Callable:
    """An op of two tensors that ONNX has, computed in the dtype of the result."""
    return lambda g, x, y: g.op(kind, *(g.cast(a, g.result.dtype) for a in (x, y)))


def asks(kind: str) -> Callable:
    """A comparison, computed in the dtype both have in common."""
    return lambda g, x, y: g.op(kind, *_in_common(g, x, y), dtype=bool)


def logical(kind: str) -> Callable:
    """An op of truth values."""
    return lambda g, **xs: g.op(kind, *(g.cast(x, bool) for x in xs.values()))


def bitwise(kind: str, of_booleans: str) -> Callable:
    """An op of integers, which is another one of booleans."""

    def translate(g: Graph, **xs):
        dtype = g.result.dtype
        return g.op(of_booleans if dtype.kind == "b" else kind, *(g.cast(x, dtype) for x in xs.values()))

    return translate


def _in_common(g: Graph, x, y) -> list[Tensor]:
    kinds = [a.dtype for a in (x, y) if isinstance(a, Tensor)]
    floats = [k for k in kinds if k.kind == "f"]
    number = next((a for a in (x, y) if not isinstance(a, Tensor)), None)
    dtype = np.result_type(*(floats or kinds))
    if isinstance(number, float) and dtype.kind != "f":
        dtype = np.dtype(np.float32)
    return [g.cast(a, np.int64 if dtype.kind == "b" else dtype) for a in (x, y)]


def composed(formula: Callable) -> Callable:
    """An op by a formula of others: `formula(f, x, ...)`, f[...] being `_Formula`."""

    def translate(g: Graph, x, **settings):
        return formula(_Formula(g), g.cast(x, g.result.dtype), **settings)

    return translate


class _Formula:
    """Writes nodes as a formula reads: `f.Mul(x, 2)`; numbers take the dtype of the first tensor."""

    def __init__(self, g: Graph):
        self.g = g

    def __getattr__(self, kind: str) -> Callable:
        def node(*inputs, **attributes):
            dtype = next(i.dtype for i in inputs if isinstance(i, Tensor) and i.dtype != bool)
            return self.g.op(
                kind, *(None if i is None else self.g.tensor(i, dtype) for i in inputs), **attributes
            )

        return node


def _clamp(g: Graph, x, low, high):
    dtype = g.result.dtype
    bounds = [None if b is None else g.cast(b, dtype) for b in (low, high)]
    return g.op("Clip", g.cast(x, dtype), *bounds)


def _select(g: Graph, condition, x, y):
    dtype = g.result.dtype
    return g.op("Where", g.cast(condition, bool), g.cast(x, dtype), g.cast(y, dtype), dtype=dtype)


def _power(g: Graph, x, y):
    return g.op("Pow", g.cast(x, g.result.dtype), g.cast(y, g.result.dtype))


def _round(g: Graph, x, decimals):
    if decimals:
        raise UntranslatableError(f"ONNX rounds to whole numbers, not to decimals={decimals}")
    return g.op("Round", x) if x.dtype.kind == "f" else x


def _truncated(f: _Formula, x):
    return f.Mul(f.Sign(x), f.Floor(f.Abs(x)))


def _whole(kind: str) -> Callable:
    """A rounding, which leaves integers as they are."""
    return lambda g, x: g.op(kind, x) if x.dtype.kind == "f" else g.op("Identity", x)


def _floor_divide(g: Graph, x, y):
    x, y = (g.cast(a, g.result.dtype) for a in (x, y))
    if g.result.dtype.kind == "f":
        return g.op("Floor", g.op("Div", x, y))
    return g.op("Div", g.op("Sub", x, g.op("Mod", x, y)), y)  # ONNX's Div of integers cuts towards zero


def _remainder(g: Graph, x, y):
    x, y = (g.cast(a, g.result.dtype) for a in (x, y))
    if g.result.dtype.kind != "f":
        return g.op("Mod", x, y)
    return g.op("Sub", x, g.op("Mul", y, g.op("Floor", g.op("Div", x, y))))


def _fmod(g: Graph, x, y):
    return g.op("Mod", *(g.cast(a, g.result.dtype) for a in (x, y)), fmod=1)


def _elu(f: _Formula, x, alpha, scale):
    positive = f.Max(x, 0)
    return f.Mul(f.Add(positive, f.Mul(f.Sub(f.Exp(f.Min(x, 0)), 1), alpha)), scale)


def _softplus(f: _Formula, x, beta, threshold):
    smooth = f.Div(f.Softplus(f.Mul(x, beta)), beta)
    return f.g.op(
        "Where", f.g.op("Greater", f.Mul(x, beta), f.g.tensor(threshold, x.dtype)), x, smooth, dtype=x.dtype
    )


def _where_above(f: _Formula, x, threshold, value):
    above = f.g.op("Greater", x, f.g.tensor(threshold, x.dtype), dtype=bool)
    return f.g.op("Where", above, x, f.g.tensor(value, x.dtype), dtype=x.dtype)


def _is_infinite(g: Graph, x):
    return g.op("IsInf", g.cast(x, np.float32), dtype=bool)


def _is_finite(g: Graph, x):
    x = g.cast(x, np.float32)
    return g.op("Not", g.op("Or", g.op("IsInf", x, dtype=bool), g.op("IsNaN", x, dtype=bool)))


def _numbers(g: Graph, x, nan, posinf, neginf):
    limits = np.finfo(x.dtype)
    high, low = limits.max if posinf is None else posinf, limits.min if neginf is None else neginf
    x = g.op("Where", g.op("IsNaN", x, dtype=bool), g.tensor(nan or 0.0, x.dtype), x, dtype=x.dtype)
    for sign, value in ((1, high), (0, low)):
        found = g.op("IsInf", x, detect_positive=sign, detect_negative=1 - sign, dtype=bool)
        x = g.op("Where", found, g.tensor(value, x.dtype), x, dtype=x.dtype)
    return x


_GELU_TANH = math.sqrt(2 / math.pi)

TABLE: dict[str, Callable] = {
    # arithmetic
    "ops.elementwise.add": of_two("Add"),
    "ops.elementwise.sub": of_two("Sub"),
    "ops.elementwise.mul": of_two("Mul"),
    "ops.elementwise.div": of_two("Div"),
    "ops.elementwise.neg": same("Neg"),
    "ops.elementwise.abs": same("Abs"),
    "ops.elementwise.sgn": same("Sign"),
    "ops.elementwise.sign": same("Sign"),
    "ops.elementwise.reciprocal": same("Reciprocal"),
    "ops.elementwise.floor_divide": _floor_divide,
    "ops.elementwise.remainder": _remainder,
    "ops.elementwise.fmod": _fmod,
    # powers, exponentials, logarithms
    "ops.elementwise.power": _power,
    "ops.elementwise.power_of": lambda g, x, exponent: _power(g, x, exponent),
    "ops.elementwise.square": composed(lambda f, x: f.Mul(x, x)),
    "ops.elementwise.sqrt": same("Sqrt"),
    "ops.reduction.safe_sqrt": same("Sqrt"),
    "ops.elementwise.rsqrt": composed(lambda f, x: f.Reciprocal(f.Sqrt(x))),
    "ops.elementwise.exp": same("Exp"),
    "ops.elementwise.exp2": composed(lambda f, x: f.Exp(f.Mul(x, math.log(2)))),
    "ops.elementwise.expm1": composed(lambda f, x: f.Sub(f.Exp(x), 1)),
    "ops.elementwise.log": same("Log"),
    "ops.elementwise.log2": composed(lambda f, x: f.Div(f.Log(x), math.log(2))),
    "ops.elementwise.log10": composed(lambda f, x: f.Div(f.Log(x), math.log(10))),
    "ops.elementwise.log1p": composed(lambda f, x: f.Log(f.Add(x, 1))),
    "ops.pairs.logaddexp": lambda g, x, y: _log_of_sum(g, x, y),
    # trigonometry
    "ops.elementwise.sin": same("Sin"),
    "ops.elementwise.cos": same("Cos"),
    "ops.elementwise.tan": same("Tan"),
    "ops.elementwise.asin": same("Asin"),
    "ops.elementwise.acos": same("Acos"),
    "ops.elementwise.atan": same("Atan"),
    "ops.elementwise.sinh": same("Sinh"),
    "ops.elementwise.cosh": same("Cosh"),
    "ops.elementwise.tanh": same("Tanh"),
    "ops.elementwise.asinh": same("Asinh"),
    "ops.elementwise.acosh": same("Acosh"),
    "ops.elementwise.atanh": same("Atanh"),
    # activations
    "ops.elementwise.sigmoid": same("Sigmoid"),
    "ops.elementwise.relu": same("Relu"),
    "ops.elementwise.leaky_relu": lambda g, x, slope: g.op("LeakyRelu", x, alpha=float(slope)),
    "ops.elementwise.elu": composed(_elu),
    "ops.elementwise.softplus": composed(_softplus),
    "ops.elementwise.logsigmoid": composed(lambda f, x: f.Neg(f.Softplus(f.Neg(x)))),
    "ops.elementwise.erf": same("Erf"),
    "ops.activation.gelu": composed(
        lambda f, x: f.Mul(x, f.Add(f.Mul(f.Erf(f.Mul(x, math.sqrt(0.5))), 0.5), 0.5))
    ),
    "ops.activation.gelu_tanh": composed(
        lambda f, x: f.Mul(
            f.Mul(x, 0.5),
            f.Add(f.Tanh(f.Mul(f.Add(x, f.Mul(f.Mul(f.Mul(x, x), x), 0.044715)), _GELU_TANH)), 1),
        )
    ),
    "ops.activation.silu": composed(lambda f, x: f.Mul(x, f.Sigmoid(x))),
    "ops.activation.mish": composed(lambda f, x: f.Mul(x, f.Tanh(f.Softplus(x)))),
    "ops.activation.softsign": same("Softsign"),
    "ops.activation.tanhshrink": composed(lambda f, x: f.Sub(x, f.Tanh(x))),
    "ops.activation.celu": lambda g, x, alpha: g.op("Celu", x, alpha=float(alpha)),
    "ops.activation.hardtanh": _clamp,
    "ops.activation.hardsigmoid": same("HardSigmoid", alpha=1 / 6, beta=0.5),
    "ops.activation.hardswish": same("HardSwish"),
    "ops.activation.hardshrink": lambda g, x, bound: g.op("Shrink", x, lambd=float(bound), bias=0.0),
    "ops.activation.softshrink": lambda g, x, bound: g.op("Shrink", x, lambd=float(bound), bias=float(bound)),
    "ops.activation.threshold": composed(_where_above),
    "ops.activation.prelu": lambda g, x, slope: g.op("PRelu", x, slope),
    # choices
    "ops.elementwise.select": _select,
    "ops.elementwise.maximum": of_two("Max"),
    "ops.elementwise.minimum": of_two("Min"),
    "ops.elementwise.clamp_between": _clamp,
    "ops.combined.finite_numbers": _numbers,
    # rounding
    "ops.elementwise.floor": _whole("Floor"),
    "ops.elementwise.ceil": _whole("Ceil"),
    "ops.elementwise.trunc": composed(_truncated),
    "ops.elementwise.frac": composed(lambda f, x: f.Sub(x, _truncated(f, x))),
    "ops.elementwise.round_to": _round,
    # comparisons
    "ops.elementwise.eq": asks("Equal"),
    "ops.elementwise.ne": lambda g, x, y: g.op("Not", g.op("Equal", *_in_common(g, x, y), dtype=bool)),
    "ops.elementwise.lt": asks("Less"),
    "ops.elementwise.le": asks("LessOrEqual"),
    "ops.elementwise.gt": asks("Greater"),
    "ops.elementwise.ge": asks("GreaterOrEqual"),
    "ops.elementwise.isnan": lambda g, x: g.op("IsNaN", g.cast(x, np.float32), dtype=bool),
    "ops.elementwise.isinf": _is_infinite,
    "ops.elementwise.isfinite": _is_finite,
    # truth values and bits
    "ops.elementwise.logical_not": logical("Not"),
    "ops.elementwise.logical_and": logical("And"),
    "ops.elementwise.logical_or": logical("Or"),
    "ops.elementwise.logical_xor": logical("Xor"),
    "ops.elementwise.bitwise_not": bitwise("BitwiseNot", "Not"),
    "ops.elementwise.bitwise_and": bitwise("BitwiseAnd", "And"),
    "ops.elementwise.bitwise_or": bitwise("BitwiseOr", "Or"),
    "ops.elementwise.bitwise_xor": bitwise("BitwiseXor", "Xor"),
    # dtypes
    "ops.promotion.to_dtype": lambda g, t, target: g.cast(t, target.numpy),
}


def _log_of_sum(g: Graph, x, y):
    f = _Formula(g)
    x, y = (g.cast(a, g.result.dtype) for a in (x, y))
    return f.Add(f.Max(x, y), f.Softplus(f.Neg(f.Abs(f.Sub(x, y)))))

"""What makes a Tensor at home beside other libraries' arrays: NumPy's dispatch, DLPack, copying and pickling.

NumPy asks `__array_ufunc__` and `__array_function__` before it computes with a Tensor. Where there is an op
of the same meaning it is called, so that `np.exp(tensor)` and `array * tensor` are recorded; elsewhere NumPy
computes with the plain arrays, unless that would drop a gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes, ops
from .engine import Value, untracked

# NumPy's ufuncs whose op has another name here; None where NumPy's own name is not to be used.
UFUNCS = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "bitwise_invert": "bitwise_not",
    "conjugate": "conj",
    "divide": "div",
    "equal": "eq",
    "fabs": "abs",
    "float_power": "float_power",
    "greater": "gt",
    "greater_equal": "ge",
    "invert": "bitwise_not",
    "less": "lt",
    "less_equal": "le",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "power": "pow",
    "rint": "round",
    "subtract": "sub",
    "true_divide": "div",
}
SAME = """add bitwise_and bitwise_or bitwise_xor ceil cos cosh exp exp2 expm1 floor floor_divide fmod
isfinite isinf isnan log log10 log1p log2 logical_and logical_not logical_or logical_xor matmul maximum
minimum reciprocal remainder sign sin sinh sqrt square tan tanh trunc""".split()
UFUNCS |= {name: name for name in SAME}

# NumPy's functions that are methods of Tensor under the same name, and take the same axis.
METHODS = """all any argmax argmin clip cumprod cumsum max mean min prod reshape squeeze std sum transpose
var""".split()
METHODS_BY_OTHER_NAMES = {"amax": "max", "amin": "min"}
# NumPy's functions of several tensors.
FUNCTIONS = {
    "concatenate": "cat",
    "stack": "stack",
    "where": "where",
    "einsum": "einsum",
    "outer": "outer",
    "dot": "matmul",
}


class Interchange:
    """A base of Tensor."""

    __slots__ = ()

    array: Any
    tracked: bool
    node: Any
    held_grad: Any

    __array_priority__ = 1000

    # ---- NumPy's dispatch ------------------------------------------------------------------------
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        name = UFUNCS.get(ufunc.__name__)
        if method == "__call__" and name is not None and not kwargs:
            first = inputs[0] if isinstance(inputs[0], Value) else _as_operand(*inputs)
            return getattr(ops, name)(first, *inputs[1:])
        _refuse_tracked(
            f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}"), (inputs, kwargs), name
        )
        return getattr(ufunc, method)(*_plain(inputs), **_plain(kwargs))

    def __array_function__(self, func, types, args, kwargs):
        name = func.__name__
        if args and isinstance(args[0], Value) and (name in METHODS or name in METHODS_BY_OTHER_NAMES):
            settings = {k: v for k, v in kwargs.items() if v is not None and v is not np._NoValue}
            return getattr(args[0], METHODS_BY_OTHER_NAMES.get(name, name))(*args[1:], **settings)
        _refuse_tracked(f"np.{name}", (args, kwargs), FUNCTIONS.get(name))
        return func(*_plain(args), **_plain(kwargs))

    # ---- DLPack ----------------------------------------------------------------------------------
    def __dlpack__(self, **request):
        if self.tracked:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self.array.__dlpack__(**request)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    # ---- copying and pickling --------------------------------------------------------------------
    def __copy__(self):
        """A tensor over the same memory."""
        return _leaf(type(self), self.array, self.tracked, self.__dict__)

    def __deepcopy__(self, memo: dict):
        if self.node is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
                "at the moment; copy tensor.detach()"
            )
        if id(self) not in memo:
            made = memo[id(self)] = _leaf(type(self), self.array.copy(), self.tracked, self.__dict__)
            grad = self.held_grad
            made.held_grad = None if grad is None else untracked(grad.array.copy())
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return _leaf, (type(self), self.array, self.tracked, self.__dict__)


def _leaf(cls: type, array, requires_grad: bool, attributes: dict):
    """A tensor outside any graph, of a class and with a user's own attributes."""
    t: Any = object.__new__(cls)
    t.array, t.tracked, t.version = array, requires_grad, [0]
    t.node = t.base = t.held_grad = t.hooks = None
    t.__dict__.update(attributes)
    return t


def _as_operand(value, beside):
    """An array or a NumPy number as a tensor to stand beside a tensor, which a number does not widen."""
    if isinstance(value, np.ndarray):
        return untracked(value)
    return untracked(np.asarray(value, dtypes.result_type(value, beside).numpy))


def _plain(value):
    """The same structure with arrays for tensors."""
    if isinstance(value, Value):
        return value.numpy()
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(v) for v in value)
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def _tensors_in(value):
    if isinstance(value, Value):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for v in value.values() if isinstance(value, dict) else value:
            yield from _tensors_in(v)


def _refuse_tracked(called: str, arguments, name: str | None) -> None:
    """NumPy may not compute with a tensor that requires grad,
    as the gradient would be lost without a word.
    """
    if any(t.tracked for t in _tensors_in(arguments)):
        remedy = f"use minigrad.{name}" if name else "compute it with minigrad's functions"
        raise TypeError(
            f"{called}: a tensor that requires grad would lose its gradient in NumPy; {remedy}, "
            "or pass .detach()"
        )

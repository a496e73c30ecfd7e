"""PyTorch's dtype names over NumPy's, the default dtype, and PyTorch's promotion rules.

Promotion goes by category (bool < integer < float < complex) and by rank of the operand: tensors with
dimensions outrank 0-d tensors, which outrank Python numbers; a lower rank changes the result's dtype only
when its category is higher.
"""

from __future__ import annotations

from contextvars import ContextVar

import numpy as np

from .later import left_out


class dtype:
    """The type of a tensor's elements, such as `minigrad.float32`; `numpy` is NumPy's name for it."""

    __slots__ = ("category", "itemsize", "name", "numpy")

    def __init__(self, name: str, numpy: np.dtype, category: int):
        self.name = name
        self.numpy = numpy
        self.category = category
        self.itemsize = numpy.itemsize

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOAT

    @property
    def is_complex(self) -> bool:
        return self.category == COMPLEX

    @property
    def is_signed(self) -> bool:
        return self.numpy.kind in "ifc"

    def to_real(self) -> dtype:
        """complex64 -> float32, complex128 -> float64; any other dtype is its own."""
        return of(np.zeros((), self.numpy).real.dtype)

    def to_complex(self) -> dtype:
        """The complex dtype of this precision: float32 -> complex64, float64 -> complex128."""
        return (
            complex128
            if self.itemsize == 8 and self.category == FLOAT
            else of(np.result_type(self.numpy, "c8"))
        )

    def __repr__(self) -> str:
        return "torch." + self.name  # as PyTorch prints it, so that a script's output is the same

    def __reduce__(self):
        return named, (self.name,)


class absent_dtype(dtype):
    """A dtype that NumPy lacks: a name to compare with, which refuses to be used."""

    __slots__ = ()

    def __init__(self, name: str, category: int, itemsize: int):
        self.name, self.category, self.itemsize = name, category, itemsize

    @property
    def numpy(self):  # type: ignore[override]
        instead = ("", "int8 or uint8", "float32 or float16", "complex64")[self.category]
        raise NotImplementedError(f"{self}: NumPy has no such dtype; use {instead}")

    def __reduce__(self):
        return left_out_dtype, (self.name,)

    @property
    def is_signed(self) -> bool:
        return not self.name.startswith(("u", "q", "bits"))


def left_out_dtype(name: str) -> absent_dtype:
    """The dtype of this name that NumPy lacks."""
    return left_out(name)[0]


BOOL, INTEGER, FLOAT, COMPLEX = range(4)


def _make(name: str, category: int) -> dtype:
    return dtype(name, np.dtype(name), category)


bool_ = _make("bool", BOOL)
uint8, int8, int16, int32, int64 = (_make(n, INTEGER) for n in ("uint8", "int8", "int16", "int32", "int64"))
uint16, uint32, uint64 = (_make(n, INTEGER) for n in ("uint16", "uint32", "uint64"))
float16, float32, float64 = (_make(n, FLOAT) for n in ("float16", "float32", "float64"))
complex64, complex128 = (_make(n, COMPLEX) for n in ("complex64", "complex128"))

ALL = (
    bool_,
    *(uint8, int8, int16, int32, int64, uint16, uint32, uint64),
    *(float16, float32, float64, complex64, complex128),
)
ALIASES = {
    "half": float16,
    "float": float32,
    "double": float64,
    "short": int16,
    "int": int32,
    "long": int64,
    "cfloat": complex64,
    "cdouble": complex128,
}
_BY_NAME = {d.name: d for d in ALL} | ALIASES
_BY_NUMPY = {d.numpy: d for d in ALL}
_BY_PYTHON_TYPE = {bool: bool_, int: int64, float: float64, complex: complex128}

default_dtype: ContextVar[dtype] = ContextVar("default_dtype", default=float32)


def get_default_dtype() -> dtype:
    """The dtype that Python floats get: float32 unless `set_default_dtype` changed it."""
    return default_dtype.get()


def set_default_dtype(d: dtype) -> None:
    """Make `d` the dtype that Python floats get, in this thread; it must be a floating one."""
    if not isinstance(d, dtype) or as_dtype(d).category != FLOAT:
        raise TypeError(f"set_default_dtype: {d} is not a floating-point dtype; pass float32 or float64")
    default_dtype.set(d)


def named(name: str) -> dtype:
    """The dtype called `name`, such as 'float32' or its alias 'float'."""
    if name not in _BY_NAME:
        raise TypeError(
            f"dtype {name!r} is not one that NumPy holds; use one of {', '.join(sorted(_BY_NAME))}"
        )
    return _BY_NAME[name]


def of(numpy_dtype: np.dtype) -> dtype:
    """The dtype that stands for a NumPy one."""
    try:
        return _BY_NUMPY[numpy_dtype]
    except KeyError:
        raise TypeError(
            f"can't convert np.ndarray of type {numpy_dtype}: the supported types are "
            f"{', '.join(d.name for d in ALL)}"
        ) from None


def as_dtype(d) -> dtype:
    """Accept a dtype, Python's bool/int/float/complex, or anything NumPy takes for a dtype."""
    if type(d) is dtype:
        return d
    if isinstance(d, absent_dtype):
        return d.numpy
    if d is float:
        return float64
    if isinstance(d, type) and d in _BY_PYTHON_TYPE:
        return _BY_PYTHON_TYPE[d]
    try:
        return of(np.dtype(d))
    except TypeError:
        raise TypeError(f"{d!r} is not a dtype; use one such as minigrad.float32") from None


def category_of_number(number) -> int:
    """BOOL, INTEGER, FLOAT or COMPLEX for a Python (or NumPy) number."""
    if isinstance(number, (bool, np.bool_)):
        return BOOL
    if isinstance(number, (int, np.integer)):
        return INTEGER
    return FLOAT if isinstance(number, (float, np.floating)) else COMPLEX


def _default_for(category: int) -> dtype:
    """The dtype a Python number of this category takes when it decides the result."""
    if category == COMPLEX:
        return get_default_dtype().to_complex()
    return (bool_, int64, get_default_dtype())[category]


def infer(data) -> dtype:
    """The dtype `tensor(data)` gives to Python numbers nested in lists; NumPy arrays keep theirs."""
    if isinstance(data, (np.ndarray, np.generic)):
        return of(data.dtype)
    if isinstance(data, (list, tuple)):
        if not data:
            return get_default_dtype()
        found = [infer(item) for item in data]
        out = found[0]
        for d in found[1:]:
            out = promote_types(out, d)
        return out
    if hasattr(data, "dtype") and type(data.dtype) is dtype:
        return data.dtype
    return _default_for(category_of_number(data))


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest dtype that holds both by PyTorch's rules: int64 and float32 give float32."""
    if a is b:
        return a
    if a.category == b.category:
        return of(np.promote_types(a.numpy, b.numpy))
    low, high = (a, b) if a.category < b.category else (b, a)
    if high.category == COMPLEX and low is float64:
        return complex128
    return high


def result_type(*operands) -> dtype:
    """The dtype of an operation on tensors, arrays and numbers.

    Each operand has a rank: dimensioned (0), 0-d (1), Python number (2). Within a rank dtypes are promoted;
    a later rank counts only if its category is higher than what the earlier ranks give; a complex number
    beside floats takes their precision.
    """
    ranks: list[dtype | None] = [None, None, None]
    for operand in operands:
        rank, d = _rank_and_dtype(operand)
        held = ranks[rank]
        ranks[rank] = d if held is None else promote_types(held, d)
    out: dtype | None = None
    for held in ranks:
        if held is not None and (out is None or held.category > out.category):
            out = out.to_complex() if out is not None and out.category == FLOAT else held
    assert out is not None
    return out


def _rank_and_dtype(operand) -> tuple[int, dtype]:
    array = getattr(operand, "array", operand)
    if isinstance(array, np.generic) or not hasattr(array, "dtype"):
        return 2, _default_for(category_of_number(array))
    return (0 if array.ndim else 1), of(array.dtype)


def can_cast(source: dtype, target: dtype) -> bool:
    """Whether an in-place operation may write `source` values into a `target` tensor: never to a lower
    category.
    """
    return source.category <= target.category


class finfo:
    """Limits of a floating-point dtype:
    `eps`, `max`, `min`, `tiny`, `smallest_normal`, `resolution`, `bits`.
    """

    def __init__(self, d: dtype | None = None):
        d = get_default_dtype() if d is None else as_dtype(d)
        if d.category < FLOAT:
            raise TypeError(f"finfo: {d} is not a floating-point dtype; use iinfo")
        info = np.finfo(d.numpy)
        self.dtype, self.bits = d.to_real().name, info.bits
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.tiny)
        self.resolution = 10.0**-info.precision

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.tiny:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """Limits of an integer dtype: `min`, `max`, `bits`."""

    def __init__(self, d: dtype):
        d = as_dtype(d)
        if d.category != INTEGER:
            raise TypeError(f"iinfo: {d} is not an integer dtype; use finfo")
        info = np.iinfo(d.numpy)
        self.dtype, self.bits, self.min, self.max = d.name, info.bits, int(info.min), int(info.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"

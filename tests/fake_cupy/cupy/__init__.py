"""A stand-in for CuPy over NumPy: its arrays refuse to mix with NumPy's, as those of a GPU do.

What has to be asked of a GPU (`asarray` to move there, `.get()` to come back) has to be asked here too, and
what lets a host array stray into device code, or the reverse, raises TypeError. The values are NumPy's.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from . import cuda

__version__ = "14.0.0"


class Memory:
    """An address."""

    def __init__(self, ptr: int):
        self.ptr = ptr


class Device:
    """Where an array lies."""

    id = 0


def wrapped(value, sources=()):
    """What NumPy returned, as device arrays; a view knows its base, as CuPy's do."""
    if isinstance(value, tuple):
        return (
            type(value)(*map(wrapped, value))
            if hasattr(value, "_fields")
            else tuple(wrapped(v, sources) for v in value)
        )
    if isinstance(value, list):
        return [wrapped(v, sources) for v in value]
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    made = object.__new__(ndarray)
    made._host = np.asarray(value)
    made.base = None
    if isinstance(value, np.ndarray) and value.base is not None:
        for s in sources:
            if value.base is (s._host if s._host.base is None else s._host.base):
                made.base = s if s.base is None else s.base
    return made


def unwrapped(value, name: str, sources: list):
    """The same structure with host arrays for device arrays; a host array in it is refused."""
    if isinstance(value, ndarray):
        sources.append(value)
        return value._host
    if isinstance(value, np.ndarray):
        raise TypeError(
            f"cupy.{name}: Unsupported type {type(value)}; a host array has strayed into device code"
        )
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        return type(value)(unwrapped(v, name, sources) for v in value)
    if isinstance(value, dict):
        return {k: unwrapped(v, name, sources) for k, v in value.items()}
    if isinstance(value, slice):
        return slice(*(unwrapped(v, name, sources) for v in (value.start, value.stop, value.step)))
    return value


def call(function, name: str, args, kwargs):
    """A NumPy function on device arrays."""
    sources: list = []
    args, kwargs = unwrapped(args, name, sources), unwrapped(kwargs, name, sources)
    with np.errstate(all="ignore"):  # a GPU raises no floating-point warnings
        return wrapped(function(*args, **kwargs), sources)


class ndarray(NDArrayOperatorsMixin):
    """An array on the device: made by `cupy.asarray`, taken back by `.get()`."""

    __array_priority__ = 100
    __hash__ = None
    device = Device()

    @property
    def data(self):
        """Where it lies in memory, as `data.ptr`."""
        return Memory(self._host.ctypes.data)

    def __init__(self, shape, dtype=float):
        self._host, self.base = np.empty(shape, dtype), None

    def get(self) -> np.ndarray:
        """A copy on the host."""
        return self._host.copy(order="K")

    def set(self, array: np.ndarray) -> None:
        """Values from the host."""
        self._host[...] = array

    # ---- what NumPy asks -----------------------------------------------------------------------------------
    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        out = kwargs.get("out")
        result = call(getattr(ufunc, method), ufunc.__name__, inputs, kwargs)
        return result if out is None else out[0]

    def __array_function__(self, func, types, args, kwargs):
        out = kwargs.get("out")
        result = call(func, func.__name__, args, kwargs)
        return result if out is None else out

    # ---- what an array is ----------------------------------------------------------------------------------
    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._host, name)
        if callable(found):
            return lambda *args, **kwargs: self._called(name, args, kwargs)
        return wrapped(found, [self]) if isinstance(found, np.ndarray) else found

    def _called(self, name: str, args, kwargs):
        out = kwargs.get("out")
        result = call(lambda *a, **k: getattr(self._host, name)(*a, **k), name, args, kwargs)
        if isinstance(result, ndarray) and out is None:
            result = wrapped(result._host, [self])
        return result if out is None else out

    def __getitem__(self, index):
        found = self._host[unwrapped(index, "getitem", [])]
        if not isinstance(found, np.ndarray):  # one element is a 0-d view, not a number
            where = unwrapped(index, "getitem", [])
            found = self._host[(*where, ...) if isinstance(where, tuple) else (where, ...)]
        return wrapped(found, [self])

    def __setitem__(self, index, value):
        self._host[unwrapped(index, "setitem", [])] = unwrapped(value, "setitem", [])

    @property
    def T(self):
        return wrapped(self._host.T, [self])

    @property
    def mT(self):
        return wrapped(self._host.mT, [self])

    @property
    def real(self):
        return wrapped(self._host.real, [self])

    @real.setter
    def real(self, value):
        self._host.real = unwrapped(value, "real", [])

    @property
    def imag(self):
        return wrapped(self._host.imag, [self])

    @imag.setter
    def imag(self, value):
        self._host.imag = unwrapped(value, "imag", [])

    def item(self, *args):
        return self._host.item(*args)

    def tolist(self):
        return self._host.tolist()

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        return bool(self._host)

    def __int__(self):
        return int(self._host)

    def __float__(self):
        return float(self._host)

    def __complex__(self):
        return complex(self._host)

    def __index__(self):
        return self._host.__index__()

    def __repr__(self):
        return repr(self._host)


def asarray(a, dtype=None, order=None):
    """To the device: the array itself where nothing changes, else a copy."""
    if isinstance(a, ndarray):
        return a if dtype is None or a.dtype == dtype else wrapped(a._host.astype(dtype))
    return wrapped(np.array(unwrapped_list(a), dtype))


def array(a, dtype=None, copy=True, order="K", ndmin=0):
    """A new array on the device."""
    host = a._host if isinstance(a, ndarray) else unwrapped_list(a)
    return wrapped(np.array(host, dtype, ndmin=ndmin))


def unwrapped_list(a):
    """Nested lists may hold device arrays."""
    if isinstance(a, (list, tuple)):
        return [unwrapped_list(v) for v in a]
    return a._host if isinstance(a, ndarray) else a


def asnumpy(a) -> np.ndarray:
    """To the host."""
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


class _Ufunc:
    """A ufunc, called as `cupy.add` or `cupy.add.at`."""

    def __init__(self, ufunc):
        self._ufunc = ufunc

    def __call__(self, *args, **kwargs):
        result = call(self._ufunc, self._ufunc.__name__, args, kwargs)
        return kwargs.get("out", result)

    def at(self, target, index, *values):
        call(self._ufunc.at, f"{self._ufunc.__name__}.at", (target, index, *values), {})


#: NumPy's functions that have no counterpart in CuPy
MISSING = {"frompyfunc", "vectorize", "ndindex", "memmap", "fromfile", "vecdot", "nditer", "char"}
DTYPES = """bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64
complex128""".split()


class _Part:
    """`cupy.linalg` and the like: NumPy's, on device arrays."""

    def __init__(self, name: str):
        self._part, self._name = getattr(np, name), name

    def __getattr__(self, name: str):
        found = getattr(self._part, name)
        return lambda *args, **kwargs: call(found, f"{self._name}.{name}", args, kwargs)


linalg, fft = _Part("linalg"), _Part("fft")


class lib:
    """Views by strides."""

    class stride_tricks:
        """`as_strided` and `sliding_window_view`, which NumPy does not dispatch."""

        @staticmethod
        def as_strided(x, shape=None, strides=None):
            return call(np.lib.stride_tricks.as_strided, "as_strided", (x, shape, strides), {})

        @staticmethod
        def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
            view = np.lib.stride_tricks.sliding_window_view
            return call(view, "sliding_window_view", (x, window_shape, axis), {"writeable": writeable})


def __getattr__(name: str):
    if name in MISSING or name.startswith("__"):
        raise AttributeError(f"module 'cupy' has no attribute {name!r}")
    found = getattr(np, name)
    if name in DTYPES or not callable(found) or isinstance(found, type):
        return found
    if isinstance(found, np.ufunc):
        return _Ufunc(found)
    return lambda *args, **kwargs: call(found, name, args, kwargs)

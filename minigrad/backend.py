"""Devices and arrays: the only file that names CuPy.

Everything else calls NumPy functions, which reach CuPy's arrays through NumPy's own dispatch; what dispatch
cannot reach (creation, transfer, scatter-add, random numbers) is asked for here.
"""

from __future__ import annotations

import functools
import warnings
from contextvars import ContextVar

import numpy as np

# PyTorch yields inf and nan without a word (log(0), 0/0, exp(1000)). Only warnings that NumPy raises from
# inside this package are silenced; a user's own NumPy code warns as before.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"minigrad\.")

# glibc gives freed memory back to the system above a threshold, and raises that to twice the largest block it
# has seen freed. Without this one a training step takes its arrays from the system anew each time, at 0.7
# microseconds per page: layer norm of 2240 x 256 takes 1.7 instead of 6 ms. Nothing is written to it, so
# it is never there; 32 MiB is the most that glibc learns from.
np.empty(2**25 - 2**16, np.uint8)


class device:
    """Where a tensor's memory lies: `device('cpu')`, `device('cuda')` or `device('cuda:0')`."""

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: str | int | device, index: int | None = None):
        if isinstance(type, device):
            index, type = type.index, type.type
        elif isinstance(type, int):
            index, type = type, "cuda"
        elif ":" in type:
            type, _, number = type.partition(":")
            if not number.isdecimal():
                raise RuntimeError(f"Invalid device string: '{type}:{number}'; use 'cpu', 'cuda' or 'cuda:0'")
            index = int(number)
        if type not in ("cpu", "cuda"):
            raise RuntimeError(f"device {type!r} is not one of 'cpu' (NumPy) and 'cuda' (CuPy)")
        self.type = type
        self.index = index

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (")" if self.index is None else f", index={self.index})")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self):
        return device, (self.type, self.index)

    def __enter__(self) -> device:
        """As a context: new tensors are made on this device."""
        _entered.append(default_device.set(as_device(self)))
        return self

    def __exit__(self, *error) -> None:
        default_device.reset(_entered.pop())


CPU = device("cpu")
default_device: ContextVar[device] = ContextVar("default_device", default=CPU)
_entered: list = []
#: whether `set_default_device` was called: PyTorch then sends calls of Tensor.backward through the class once
#: more
device_is_a_mode: ContextVar[bool] = ContextVar("device_is_a_mode", default=False)


def get_default_device() -> device:
    """Where tensors are made when no device is named."""
    return default_device.get()


def set_default_device(where: device | str | None) -> None:
    """Make tensors on this device, in this thread, when none is named; None is the CPU."""
    default_device.set(CPU if where is None else as_device(where))
    device_is_a_mode.set(where is not None)


@functools.cache
def cupy():
    """The cupy module; one sentence says what to install where it is missing."""
    try:
        import cupy
    except ImportError:
        raise RuntimeError("device 'cuda' needs CuPy: pip install minigrad-rnn[cupy]") from None
    return cupy


@functools.cache
def cuda_is_available() -> bool:
    """Whether CuPy is installed and sees a GPU."""
    try:
        return bool(cupy().cuda.is_available())
    except RuntimeError:
        return False


def as_device(where) -> device:
    """`where` as a device (None is the default);
    one that cannot be used is refused here, not at first use.
    """
    found = default_device.get() if where is None else where if isinstance(where, device) else device(where)
    if found.type == "cuda" and not cuda_is_available():
        cupy()
        raise RuntimeError("device 'cuda': CuPy finds no GPU here; use device 'cpu'")
    return found


def device_of(array) -> device:
    """The device an array lies on."""
    return CPU if isinstance(array, np.ndarray) else device("cuda", array.device.id)


def module_of(array):
    """numpy or cupy: the module that makes arrays of this kind."""
    return np if isinstance(array, (np.ndarray, np.generic)) else cupy()


def module_for(where: device):
    """numpy or cupy: the module that makes arrays on this device."""
    return np if where.type == "cpu" else cupy()


def to_device(array, where: device):
    """The array on another device; the same array if it is there already."""
    if where.type == "cpu":
        return array if isinstance(array, np.ndarray) else array.get()
    return cupy().asarray(array)


def to_numpy(array) -> np.ndarray:
    """The array's values in host memory; shared, not copied, on the CPU."""
    return array if isinstance(array, np.ndarray) else array.get()


def as_array(value, like=None):
    """An array of what an op returned (NumPy gives scalars for 0-d results), of the kind of `like`."""
    if isinstance(value, np.generic):
        return np.asarray(value)
    if isinstance(value, np.ndarray) or hasattr(value, "get"):
        return value
    return np.asarray(value) if like is None else module_of(like).asarray(value)


def number_like(number, array):
    """A Python number as a 0-d array of `array`'s dtype and device."""
    if isinstance(array, (np.ndarray, np.generic)):
        return np.asarray(number, array.dtype)
    return cupy().asarray(number, array.dtype)


def constant_like(number, array):
    """`number_like` for a number that stands in the source: it is made once, and never written to."""
    return _constant(number, array.dtype) if isinstance(array, np.ndarray) else number_like(number, array)


@functools.cache
def _constant(number, dtype):
    return np.asarray(number, dtype)


def beside(array, values, dtype=None):
    """Host values as an array on the device where `array` lies."""
    return module_of(array).asarray(values, dtype)


def zeros_beside(array, shape):
    """Zeros of a shape, of an array's dtype and on its device; `np.zeros_like` takes twice as long."""
    return module_of(array).zeros(shape, array.dtype)


def as_places(numbers):
    """Whole numbers as `take`, `repeat` and `bincount` want them: with 32 bits in a pointer, as in a browser,
    they refuse int64.
    """
    return numbers.astype(np.intp, casting="same_kind", copy=False)


def scatter_add(target, index, values) -> None:
    """target[index] += values, where equal indices add up (`+=` would keep only the last)."""
    if isinstance(target, np.ndarray):
        np.add.at(target, index, values)
    else:
        cupy().add.at(target, index, values)

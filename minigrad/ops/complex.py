"""Complex numbers: their parts, and ways to make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..backend import beside
from ..engine import primitive, stored
from .elementwise import add, mul
from .promotion import same_dtype

if TYPE_CHECKING:
    from ..tensor import Tensor


@primitive(views=True, x=lambda g: g * (1 + 0j))
def real_part(x):
    return x.real


@primitive(views=True, x=lambda g: g * 1j)
def imaginary_part(x):
    return x.imag


def real(input) -> Tensor:
    """The real part, a view; a real tensor is its own."""
    return real_part(input) if input.array.dtype.kind == "c" else input


def imag(input) -> Tensor:
    """The imaginary part, a view."""
    if input.array.dtype.kind != "c":
        raise RuntimeError(f"imag is not implemented for tensors with non-complex dtypes, got {input.dtype}")
    return imaginary_part(input)


def _together(real, imag) -> Tensor:
    unit = beside(real.array, 1j, np.result_type(real.array.dtype, np.complex64))
    return add(real, mul(imag, unit))


def complex(real, imag, *, out=None) -> Tensor:
    """real + i imag, for two floating tensors of one dtype."""
    if real.array.dtype != imag.array.dtype or real.array.dtype.kind != "f":
        raise RuntimeError(
            f"complex: expected two floating tensors of one dtype, got {real.dtype} and {imag.dtype}"
        )
    result = _together(real, imag)
    same_dtype("complex", out, result)
    return stored(result, out)


def polar(abs, angle, *, out=None) -> Tensor:
    """The complex numbers with given absolute values and angles."""
    if abs.array.dtype != angle.array.dtype or abs.array.dtype.kind != "f":
        raise RuntimeError(
            f"polar: expected two floating tensors of one dtype, got {abs.dtype} and {angle.dtype}"
        )
    result = _together(mul(abs, angle.cos()), mul(abs, angle.sin()))
    return stored(result, out)


def view_as_real(input) -> Tensor:
    """Real and imaginary parts as a last dimension of size 2, a view."""
    if input.array.dtype.kind != "c":
        raise RuntimeError(f"view_as_real is only supported for complex tensors, got {input.dtype}")
    return parts_of(input)


@primitive(views=True, x=lambda g: complex_of_parts(g))
def parts_of(x):
    if not x.flags.c_contiguous:
        return np.stack([x.real, x.imag], -1)
    return x.reshape(*x.shape, 1).view(x.real.dtype)


@primitive(views=True, x=lambda g: parts_of(g))
def complex_of_parts(x):
    return np.ascontiguousarray(x).view(np.result_type(x.dtype, np.complex64)).reshape(x.shape[:-1])


def view_as_complex(input) -> Tensor:
    """A last dimension of size 2 as real and imaginary parts, a view."""
    if input.array.dtype.kind != "f" or not input.array.ndim or input.array.shape[-1] != 2:
        raise RuntimeError(
            "view_as_complex: expected a floating tensor whose last dimension is 2, "
            f"got {input.dtype} {tuple(input.array.shape)}"
        )
    return complex_of_parts(input)


def is_complex(input) -> bool:
    """Whether the dtype is complex."""
    return input.array.dtype.kind == "c"

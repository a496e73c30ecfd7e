"""PyTorch's `return_types`: tuples whose places have names, such as `max(dim)`'s `values` and `indices`."""

from __future__ import annotations

from operator import itemgetter
from typing import Any


class NamedResult(tuple):
    """A base of all types here; made of one sequence, as PyTorch's are, or of the values themselves.

    PyTorch's files give a dict beside the sequence.
    """

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    def __new__(cls, *values):
        if len(values) == 1 or (len(values) == 2 and isinstance(values[1], dict)):
            values = values[0]
        if len(values) != len(cls._fields):
            raise TypeError(f"{cls.__name__}() takes a {len(cls._fields)}-sequence, not {len(values)}")
        return tuple.__new__(cls, values)

    def __repr__(self) -> str:
        values = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self))
        return f"torch.return_types.{type(self).__name__}(\n{values})"

    def __reduce__(self):
        return type(self), (tuple(self),)


def _named(name: str, fields: str) -> Any:
    """A type of results whose places have these names."""
    names = tuple(fields.split())
    places = {field: property(itemgetter(i)) for i, field in enumerate(names)}
    held = {"__slots__": (), "__module__": __name__, "_fields": names, "n_fields": len(names)}
    return type(name, (NamedResult,), held | places)


aminmax = _named("aminmax", "min max")
cummax = _named("cummax", "values indices")
cummin = _named("cummin", "values indices")
frexp = _named("frexp", "mantissa exponent")
geqrf = _named("geqrf", "a tau")
histogram = _named("histogram", "hist bin_edges")
histogramdd = _named("histogramdd", "hist bin_edges")
kthvalue = _named("kthvalue", "values indices")
linalg_cholesky_ex = _named("linalg_cholesky_ex", "L info")
linalg_eig = _named("linalg_eig", "eigenvalues eigenvectors")
linalg_eigh = _named("linalg_eigh", "eigenvalues eigenvectors")
linalg_inv_ex = _named("linalg_inv_ex", "inverse info")
linalg_lstsq = _named("linalg_lstsq", "solution residuals rank singular_values")
linalg_lu = _named("linalg_lu", "P L U")
linalg_lu_factor = _named("linalg_lu_factor", "LU pivots")
linalg_lu_factor_ex = _named("linalg_lu_factor_ex", "LU pivots info")
linalg_qr = _named("linalg_qr", "Q R")
linalg_slogdet = _named("linalg_slogdet", "sign logabsdet")
linalg_solve_ex = _named("linalg_solve_ex", "result info")
linalg_svd = _named("linalg_svd", "U S Vh")
lu_unpack = _named("lu_unpack", "P L U")
max = _named("max", "values indices")
median = _named("median", "values indices")
min = _named("min", "values indices")
mode = _named("mode", "values indices")
nanmedian = _named("nanmedian", "values indices")
qr = _named("qr", "Q R")
slogdet = _named("slogdet", "sign logabsdet")
sort = _named("sort", "values indices")
svd = _named("svd", "U S V")
topk = _named("topk", "values indices")
triangular_solve = _named("triangular_solve", "solution cloned_coefficient")

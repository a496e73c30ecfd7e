"""Gradients compared with finite differences: `gradcheck` for first derivatives, `gradgradcheck` for second.

Both compare Jacobians. A complex number counts as two real ones: for a cotangent v the function is Re(conj(v)
f(x)), whose derivative along a direction d is Re(conj(gradient) d).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from ..engine import Value, untracked
from ..gradients import grad
from ..ops import randn_like
from .grad_mode import enable_grad


class GradcheckError(RuntimeError):
    """The gradient of a function does not agree with its finite differences."""


def gradcheck(
    func: Callable,
    inputs,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` at `inputs` agree with central differences of step `eps`.

    `inputs` is a tensor or a tuple; those that require grad are varied, and should be float64. With
    `fast_mode` the Jacobian is compared along one random direction rather than element by element. Raises
    GradcheckError, or returns False with `raise_exception=False`.
    """
    _refuse_modes(check_batched_grad, check_batched_forward_grad, check_forward_ad)
    inputs = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    varied = _varied(inputs)
    try:
        if check_backward_ad:
            _compare(func, inputs, varied, eps, atol, rtol, nondet_tol, fast_mode, check_grad_dtypes)
            if check_undefined_grad:
                _zero_cotangents(func, inputs, varied)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable,
    inputs,
    grad_outputs=None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the second derivatives of `func` agree with differences of the first, for random cotangents."""
    if check_fwd_over_rev:
        raise NotImplementedError(
            "gradgradcheck: check_fwd_over_rev=True needs forward mode, which is not here"
        )
    inputs = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    count = len(inputs)
    if grad_outputs is None:
        outputs = _differentiable(func(*inputs))
        grad_outputs = [_random_cotangent(o, gen_non_contig_grad_outputs) for o in outputs]
    elif isinstance(grad_outputs, Value):
        grad_outputs = (grad_outputs,)

    def first_derivatives(*arguments):
        outputs = _differentiable(func(*arguments[:count]))
        varied = _varied(arguments[:count], warn=False)
        found = grad(outputs, varied, arguments[count:], create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        first_derivatives,
        (*inputs, *grad_outputs),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        masked=masked,
    )


# ---- what is compared ----------------------------------------------------------------------------
def _refuse_modes(*wanted: bool) -> None:
    if any(wanted):
        raise NotImplementedError(
            "gradcheck: batched and forward-mode gradients are not here; leave them False"
        )


def _varied(inputs: Sequence, warn: bool = True) -> list:
    """The inputs that require grad."""
    varied = [t for t in inputs if isinstance(t, Value) and t.tracked]
    if not varied:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have "
            "requires_grad=True"
        )
    if warn and any(t.array.dtype.itemsize < (16 if t.array.dtype.kind == "c" else 8) for t in varied):
        warnings.warn(
            "gradcheck: an input requires gradient and is not a double precision floating point or complex; "
            "the check will likely fail",
            stacklevel=3,
        )
    return varied


def _differentiable(outputs) -> list:
    """The outputs that require grad."""
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return [o for o in outputs if isinstance(o, Value) and o.tracked]


def _random_cotangent(output, strided: bool):
    g = randn_like(output.detach())
    if strided and g.array.ndim:
        wide = np.repeat(g.array[..., None], 2, -1)
        g = untracked(wide[..., 0])
    return g.requires_grad_()


def _directions(array) -> list[complex]:
    """What an element is varied by: 1, and i if it is complex."""
    return [1.0, 1j] if array.dtype.kind == "c" else [1.0]


def _compare(func, inputs, varied, eps, atol, rtol, nondet_tol, fast_mode, check_dtypes) -> None:
    with enable_grad():
        outputs = _differentiable(func(*inputs))
        if not outputs:
            numbers = _values(func, inputs)
            for t in varied:
                if any(np.any(column) for column in _numerical(func, inputs, t, eps, len(numbers))):
                    raise GradcheckError(
                        "Numerical gradient for function expected to be zero: no output requires grad"
                    )
            return
        places = _places(func(*inputs))
        analytical = _random_rows if fast_mode else _rows
        for number, (place, output) in enumerate(zip(places, outputs, strict=True)):
            cotangents = analytical(output)
            found = _gradients(output, varied, cotangents)
            again = _gradients(output, varied, cotangents)
            for i, t in enumerate(varied):
                _check_stable(found, again, i, nondet_tol)
                if check_dtypes and any(g[i] is not None and g[i].dtype != t.array.dtype for g in found):
                    raise GradcheckError(
                        f"Gradient for input {i} has another dtype than the input, {t.dtype}"
                    )
                _check_input(func, inputs, t, i, number, place, cotangents, found, eps, atol, rtol)


def _places(outputs) -> list[int]:
    """Which of the outputs require grad, by number."""
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return [i for i, o in enumerate(outputs) if isinstance(o, Value) and o.tracked]


def _rows(output) -> list[np.ndarray]:
    """Cotangents that name one element each."""
    rows = []
    for i in range(output.array.size):
        for unit in _directions(output.array):
            row = np.zeros(output.array.size, output.array.dtype)
            row[i] = unit
            rows.append(row.reshape(output.array.shape))
    return rows


def _random_rows(output) -> list[np.ndarray]:
    """One random cotangent."""
    return [randn_like(output.detach()).array]


def _gradients(output, varied: list, cotangents: list) -> list[list]:
    """The gradients of the varied inputs, per cotangent."""
    rows = []
    for v in cotangents:
        found = grad(output, varied, untracked(v.copy()), retain_graph=True, allow_unused=True)
        rows.append([None if g is None else g.array for g in found])
    return rows


def _check_stable(found, again, i: int, tolerance: float) -> None:
    for a, b in zip(found, again, strict=True):
        if a[i] is not None and np.abs(a[i] - b[i]).max(initial=0) > tolerance:
            raise GradcheckError(
                "Backward is not reentrant, i.e., running backward with same input and grad_output multiple "
                f"times gives different values for input {i}, "
                "although analytical gradient matches numerical gradient"
            )


def _check_input(func, inputs, t, i, number, place, cotangents, found, eps, atol, rtol) -> None:
    """Every entry of the Jacobian: rows are cotangents, columns elements of the input."""
    columns = _numerical(func, inputs, t, eps, place)
    units = [unit for _ in range(t.array.size) for unit in _directions(t.array)]
    numerical = np.array([[_real_product(v, c) for c in columns] for v in cotangents]).reshape(
        -1, len(columns)
    )
    rows = [np.zeros(t.array.shape) if g[i] is None else g[i] for g in found]
    spread = [np.repeat(row.reshape(-1), len(units) // max(row.size, 1)) for row in rows]
    products = [[_real_product(g, unit) for g, unit in zip(row, units)] for row in spread]
    analytical = np.array(products).reshape(-1, len(columns))
    if numerical.size and not np.allclose(analytical, numerical, rtol, atol, equal_nan=True):
        raise GradcheckError(
            f"Jacobian mismatch for output {number} with respect to input {i},\nnumerical:{numerical}\n"
            f"analytical:{analytical}\nlargest difference {np.abs(analytical - numerical).max():.3g}"
        )


def _real_product(a, b) -> float:
    return float(np.real(np.conj(a) * b).sum())


def _numerical(func, inputs, t, eps: float, place: int) -> list[np.ndarray]:
    """Central differences of one output along each element of an input, for each direction."""
    flat = t.array.reshape(-1)
    if not np.shares_memory(flat, t.array) and t.array.size:
        raise ValueError("gradcheck: an input that is varied must be contiguous; call .contiguous() first")
    columns = []
    for k in range(flat.size):
        kept = flat[k]
        for unit in _directions(flat):
            both = []
            for step in (eps, -eps):
                flat[k] = kept + step * unit
                both.append(_values(func, inputs)[place])
            flat[k] = kept
            columns.append((both[0] - both[1]) / (2 * eps))
    return columns


def _values(func, inputs) -> list[np.ndarray]:
    """The outputs as arrays of their own."""
    outputs = func(*inputs)
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return [o.array.copy() if isinstance(o, Value) else np.asarray(o) for o in outputs]


def _zero_cotangents(func, inputs, varied) -> None:
    """Cotangents of zeros must give gradients of zeros."""
    outputs = _differentiable(func(*inputs))
    if not outputs:
        return
    found = grad(outputs, varied, [untracked(np.zeros_like(o.array)) for o in outputs], allow_unused=True)
    for i, g in enumerate(found):
        if g is not None and np.any(g.array != 0):
            raise GradcheckError(
                f"Expected the gradient of input {i} to be zero for zero grad_outputs, got {g.array}"
            )

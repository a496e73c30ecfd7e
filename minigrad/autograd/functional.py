"""Derivatives of functions: Jacobians, Hessians, and their products with vectors.

`jvp` and `hvp` go forward by going back twice: the gradient of a vector-Jacobian product with respect to its
vector is the Jacobian-vector product (the "double backward trick",
j-towns.github.io/2017/06/12/A-new-trick.html).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import ops
from ..engine import Value, fresh_history, untracked
from ..gradients import grad
from .grad_mode import enable_grad


# ---- arguments and results -----------------------------------------------------------------------
def _as_tuple(name: str, argument: str, value) -> tuple:
    """One tensor or several as a tuple."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    for i, v in enumerate(values):
        if not isinstance(v, Value):
            raise TypeError(
                f"{name}: the {argument} must be a tensor or a tuple of tensors; "
                f"number {i} is {type(v).__name__}"
            )
    return values


def _like_given(values: tuple, single: bool):
    return values[0] if single else values


def _fresh(inputs: tuple, create_graph: bool) -> tuple:
    """The inputs anew, so that derivatives end at exactly this use of them;
    tied to their history if asked.
    """
    return tuple(
        fresh_history(t) if create_graph and t.tracked else untracked(t.array).requires_grad_()
        for t in inputs
    )


def _checked_vectors(name: str, v, like: tuple, argument: str) -> tuple:
    """The vectors of a product, which must have the shapes of what they multiply."""
    if v is None:
        if len(like) != 1 or like[0].array.size != 1:
            raise RuntimeError(
                f"{name}: the vector v can only be None if the {argument} is a single tensor with one element"
            )
        return (ops.ones_like(like[0].detach()),)
    vectors = _as_tuple(name, "v", v)
    if len(vectors) != len(like) or any(
        a.array.shape != b.array.shape for a, b in zip(vectors, like, strict=False)
    ):
        raise RuntimeError(
            f"{name}: v has shapes {[tuple(x.array.shape) for x in vectors]}, the {argument} "
            f"{[tuple(x.array.shape) for x in like]}; they must be the same"
        )
    return vectors


def _filled(name: str, found, like: tuple, strict: bool) -> tuple:
    """Gradients, with zeros (or, if strict, an error) where there is none."""
    filled = []
    for i, (g, t) in enumerate(zip(found, like, strict=True)):
        if g is None and strict:
            raise RuntimeError(
                f"{name}: the output does not depend on input {i}, which strict=True does not allow"
            )
        filled.append(ops.zeros_like(t.detach()) if g is None else g)
    return tuple(filled)


def _outputs(name: str, func: Callable, inputs: tuple) -> tuple[tuple, bool]:
    outputs = func(*inputs)
    return _as_tuple(name, "outputs", outputs), isinstance(outputs, Value)


def _gradients(outputs: tuple, inputs: tuple, vectors, create_graph: bool) -> tuple:
    """v^T J, with None where nothing depends on an input."""
    pairs = [(o, v) for o, v in zip(outputs, vectors, strict=True) if o.tracked]
    if not pairs:
        return (None,) * len(inputs)
    tracked, weights = zip(*pairs, strict=True)
    return grad(tracked, inputs, weights, retain_graph=True, create_graph=create_graph, allow_unused=True)


def _released(values: tuple, create_graph: bool) -> tuple:
    return values if create_graph else tuple(v.detach() for v in values)


# ---- products with vectors -----------------------------------------------------------------------
def vjp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), v^T J): the product of a vector with the Jacobian."""
    given = _as_tuple("vjp", "inputs", inputs)
    with enable_grad():
        fresh = _fresh(given, create_graph)
        outputs, single = _outputs("vjp", func, fresh)
        vectors = _checked_vectors("vjp", v, outputs, "output of the function")
        found = _filled("vjp", _gradients(outputs, fresh, vectors, create_graph), fresh, strict)
    results = _released(outputs, create_graph), _released(found, create_graph)
    return _like_given(results[0], single), _like_given(results[1], isinstance(inputs, Value))


def jvp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), J v): the product of the Jacobian with a vector."""
    given = _as_tuple("jvp", "inputs", inputs)
    with enable_grad():
        fresh = _fresh(given, create_graph)
        vectors = _checked_vectors("jvp", v, fresh, "input of the function")
        outputs, single = _outputs("jvp", func, fresh)
        products = _forward_products(outputs, fresh, vectors, create_graph)
        found = _filled("jvp", products, outputs, strict)
    return _like_given(_released(outputs, create_graph), single), _like_given(
        _released(found, create_graph), single
    )


def _forward_products(outputs: tuple, inputs: tuple, vectors, create_graph: bool) -> tuple:
    """J v: v^T J is linear in its own v, and its gradient with respect to that is J."""
    dummies = tuple(ops.zeros_like(o.detach()).requires_grad_() for o in outputs)
    rows = _gradients(outputs, inputs, dummies, create_graph=True)
    pairs = [(row, v) for row, v in zip(rows, vectors, strict=True) if row is not None and row.tracked]
    if not pairs:
        return (None,) * len(outputs)
    rows, weights = zip(*pairs, strict=True)
    return grad(rows, dummies, weights, create_graph=create_graph, allow_unused=True)


def vhp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), v^T H): the product of a vector with the Hessian of a function whose result is one
    number.
    """
    given = _as_tuple("vhp", "inputs", inputs)
    with enable_grad():
        fresh = _fresh(given, create_graph)
        vectors = _checked_vectors("vhp", v, fresh, "input of the function")
        (output,) = _scalar("vhp", func, fresh)
        first = _filled("vhp", _gradients((output,), fresh, [None], True), fresh, strict)
        found = _filled("vhp", _gradients(first, fresh, vectors, create_graph), fresh, strict)
    results = _released((output,), create_graph)[0], _released(found, create_graph)
    return results[0], _like_given(results[1], isinstance(inputs, Value))


def hvp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), H v): the product of the Hessian with a vector; as the Hessian is symmetric, `vhp` is
    the same.
    """
    return vhp(func, inputs, v, create_graph, strict)


def _scalar(name: str, func: Callable, inputs: tuple) -> tuple:
    outputs, single = _outputs(name, func, inputs)
    if not single or outputs[0].array.size != 1:
        shapes = [tuple(o.array.shape) for o in outputs]
        raise RuntimeError(
            f"{name}: the function must return one tensor with a single element, got shapes {shapes}"
        )
    return outputs


# ---- whole matrices ------------------------------------------------------------------------------
def jacobian(
    func: Callable,
    inputs,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
):
    """The Jacobian: for an output of shape (A, ...) and an input of shape (B, ...) a tensor (A, ..., B, ...).

    Nested in tuples as outputs and inputs are. `vectorize` and `strategy` change nothing but speed in
    PyTorch, and nothing here.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            f'jacobian: Expected strategy to be either "forward-mode" or "reverse-mode", not {strategy!r}'
        )
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError('jacobian: strategy="forward-mode" needs vectorize=True, as in PyTorch')
    given = _as_tuple("jacobian", "inputs", inputs)
    with enable_grad():
        fresh = _fresh(given, create_graph)
        outputs, single = _outputs("jacobian", func, fresh)
        rows = tuple(_jacobian_of(o, fresh, create_graph, strict) for o in outputs)
    rows = tuple(_like_given(_released(row, create_graph), isinstance(inputs, Value)) for row in rows)
    return _like_given(rows, single)


def _jacobian_of(output, inputs: tuple, create_graph: bool, strict: bool) -> tuple:
    """The gradients of each element of an output, stacked."""
    rows = []
    for i in range(output.array.size):
        unit = np.zeros(output.array.size, output.array.dtype)
        unit[i] = 1
        found = _gradients((output,), inputs, [untracked(unit.reshape(output.array.shape))], create_graph)
        rows.append(_filled("jacobian", found, inputs, strict))
    if not rows:
        return tuple(ops.zeros(*output.array.shape, *t.array.shape, dtype=t.dtype) for t in inputs)
    columns = zip(*rows, strict=True)
    return tuple(
        ops.reshape(ops.stack(list(column)), (*output.array.shape, *t.array.shape))
        for column, t in zip(columns, inputs, strict=True)
    )


def hessian(
    func: Callable,
    inputs,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
):
    """The Hessian of a function whose result is one number: the Jacobian of its gradient."""
    given = _as_tuple("hessian", "inputs", inputs)

    def gradient(*arguments):
        (output,) = _scalar("hessian", func, arguments)
        output = ops.reshape(output, ())
        return _filled("hessian", _gradients((output,), arguments, [None], True), arguments, strict)

    found = jacobian(gradient, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return found[0][0] if isinstance(inputs, Value) else found

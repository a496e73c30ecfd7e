"""PyTorch's `func`: functions that make functions - gradients, Jacobians, batches - and modules as pure
functions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from . import ops
from .autograd import functional
from .autograd.grad_mode import enable_grad
from .containers import leaves_of, mapped, rebuilt
from .engine import Value, edge_of, fresh_history, untracked
from .gradients import grad as gradients_of
from .later import loader
from .random import default_generator

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "vjp",
    "vmap",
]

__getattr__, __dir__ = loader(__name__, {})


# ---- one level of differentiation ----------------------------------------------------------------
def _aliased(t):
    """The tensor anew: derivatives of this level end here, and its history, if it has one,
    goes on for the level above.
    """
    return fresh_history(t) if t.tracked else untracked(t.array).requires_grad_()


def _lowered(t, inputs: list):
    """A result of this level; outside the graph if only this level's own inputs make it part of one."""
    own = {id(edge_of(i)) for i in inputs}
    stack, seen = [edge_of(t)] if t.tracked else [], set()
    while stack:
        edge = stack.pop()
        if edge is None or id(edge) in own or id(edge) in seen:
            continue
        seen.add(id(edge))
        if isinstance(edge, Value):
            return t
        stack.extend(edge.edges)
    return t if any(i.node is not None and i.tracked for i in inputs) else t.detach()


def _chosen(args: tuple, argnums) -> tuple:
    """The arguments to differentiate by."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if any(not -len(args) <= n < len(args) for n in numbers):
        raise RuntimeError(f"grad: argnums {argnums} does not name one of the {len(args)} arguments")
    return tuple(n % len(args) for n in numbers)


def grad_and_value(func: Callable, argnums=0, has_aux: bool = False) -> Callable:
    """A function that returns (gradient, value) of `func`, whose value must be one number.

    The gradient is by the argument (or arguments) `argnums`, and has its form: a tensor, or tensors nested in
    tuples, lists and dicts. With `has_aux` the function returns (value, aux), and the new one (gradient,
    (value, aux)).
    """

    @functools.wraps(func)
    def differentiated(*args, **kwargs):
        numbers = _chosen(args, argnums)
        with enable_grad():
            given = list(args)
            for n in numbers:
                given[n] = mapped(_aliased, args[n])
            inputs = [leaf for n in numbers for leaf in leaves_of(given[n])]
            value, aux = _value_and_aux("grad", func(*given, **kwargs), has_aux)
            if value.array.size != 1 or value.array.ndim:
                raise RuntimeError(
                    "grad: the function must return a 0-d tensor, "
                    f"got shape {tuple(value.array.shape)}; sum() it"
                )
            found = (
                [None] * len(inputs)
                if not value.tracked
                else gradients_of(value, inputs, create_graph=True, allow_unused=True)
            )
            filled = [
                ops.zeros_like(i.detach()) if g is None else _lowered(g, inputs)
                for g, i in zip(found, inputs, strict=True)
            ]
        leaves = iter(filled)
        parts = [rebuilt(given[n], leaves) for n in numbers]
        gradient = parts[0] if isinstance(argnums, int) else tuple(parts)
        value = _lowered(value, inputs)
        return gradient, (value, mapped(lambda t: _lowered(t, inputs), aux)) if has_aux else value

    return differentiated


def _value_and_aux(name: str, output, has_aux: bool) -> tuple:
    if not has_aux:
        if not isinstance(output, Value):
            raise RuntimeError(f"{name}: the function must return a tensor, got {type(output).__name__}")
        return output, None
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(f"{name}: with has_aux=True the function must return a tuple (output, aux)")
    return output


def grad(func: Callable, argnums=0, has_aux: bool = False) -> Callable:
    """A function that returns the gradient of `func`, whose value must be one number; it can be nested."""
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def gradient(*args, **kwargs):
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def vjp(func: Callable, *primals, has_aux: bool = False):
    """(func(*primals), pull) where pull(cotangents) is the product of cotangents with the Jacobian."""
    with enable_grad():
        given = mapped(_aliased, primals)
        inputs = leaves_of(given)
        output, aux = _value_and_aux("vjp", func(*given), True) if has_aux else (func(*given), None)
    outputs = leaves_of(output)

    def pull(*cotangents):
        weights = leaves_of(cotangents)
        pairs = [(o, v) for o, v in zip(outputs, weights, strict=True) if o.tracked]
        with enable_grad():
            found = (
                gradients_of(
                    [o for o, _ in pairs], inputs, [v for _, v in pairs], create_graph=True, allow_unused=True
                )
                if pairs
                else [None] * len(inputs)
            )
        filled = [
            ops.zeros_like(i.detach()) if g is None else _lowered(g, inputs)
            for g, i in zip(found, inputs, strict=True)
        ]
        parts = rebuilt(given, iter(filled))
        return parts

    lowered = mapped(lambda t: _lowered(t, inputs), output)
    return (lowered, pull, mapped(lambda t: _lowered(t, inputs), aux)) if has_aux else (lowered, pull)


def jvp(func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False):
    """(func(*primals), J tangents), computed by going back twice."""
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise RuntimeError("jvp: Expected primals and tangents to be tuples; func(*primals) is called")
    found: list = []

    def output_of(*arguments):
        output, aux = _value_and_aux("jvp", func(*arguments), True)
        found.append(mapped(lambda t: t.detach(), aux))
        return output

    results = functional.jvp(
        output_of if has_aux else func,
        tuple(primals),
        tuple(tangents),
        create_graph=_any_tracked(primals),
        strict=strict,
    )
    return (*results, found[0]) if has_aux else results


def _any_tracked(tree) -> bool:
    return any(isinstance(leaf, Value) and leaf.tracked for leaf in leaves_of(tree))


def linearize(func: Callable, *primals):
    """(func(*primals), f) where f(*tangents) is the Jacobian at the primals times the tangents."""
    value = func(*primals)
    return value, lambda *tangents: jvp(func, primals, tangents)[1]


# ---- matrices of derivatives ---------------------------------------------------------------------
def jacrev(
    func: Callable, argnums=0, *, has_aux: bool = False, chunk_size=None, _preallocate_and_copy=False
) -> Callable:
    """A function that returns the Jacobian of `func` by the argument (or arguments) `argnums`;
    it can be nested.
    """

    @functools.wraps(func)
    def jacobian(*args, **kwargs):
        numbers = _chosen(args, argnums)

        def of_chosen(*chosen):
            given = list(args)
            for n, value in zip(numbers, chosen, strict=True):
                given[n] = value
            return func(*given, **kwargs)

        output, pull, *aux = vjp(of_chosen, *[args[n] for n in numbers], has_aux=has_aux)
        results = leaves_of(output)
        matrices = [_rows_of(results, k, pull, numbers, args) for k in range(len(results))]
        picked = [m[0] if isinstance(argnums, int) else tuple(m) for m in matrices]
        found = rebuilt(output, iter(picked))
        return (found, aux[0]) if has_aux else found

    return jacobian


def _rows_of(results: list, k: int, pull: Callable, numbers: tuple, args: tuple) -> list:
    """The Jacobian of one result by each chosen argument."""
    shape = results[k].array.shape
    rows = []
    for i in range(results[k].array.size):
        cotangents = [ops.zeros_like(r.detach()) for r in results]
        cotangents[k].array.reshape(-1)[i] = 1
        rows.append(pull(*cotangents))
    return [_stacked([row[j] for row in rows], shape, args[n]) for j, n in enumerate(numbers)]


def _stacked(rows: list, shape: tuple, argument):
    """Rows of a Jacobian as one tensor per value of the argument."""
    values = leaves_of(argument)
    columns = list(zip(*[leaves_of(row) for row in rows], strict=True)) or [()] * len(values)
    stacked = [
        ops.reshape(ops.stack(list(c)), (*shape, *v.array.shape))
        if len(c)
        else ops.zeros(*shape, *v.array.shape)
        for c, v in zip(columns, values, strict=True)
    ]
    return rebuilt(argument, iter(stacked))


def jacfwd(
    func: Callable, argnums=0, has_aux: bool = False, *, randomness: str = "error", chunk_size=None
) -> Callable:
    """`jacrev`: the same matrix; there is no forward mode that would be faster for few inputs."""
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func: Callable, argnums=0) -> Callable:
    """A function that returns the Hessian of `func`: the Jacobian of its Jacobian."""
    return jacrev(jacrev(func, argnums), argnums)


# ---- batches -------------------------------------------------------------------------------------
def vmap(
    func: Callable, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size=None
) -> Callable:
    """A function of batches: `func` is called on each part along `in_dims`, and the results are stacked along
    `out_dims`.

    It means what PyTorch's means, but calls `func` once per part, so it is no faster than a loop. Random
    numbers are an error, drawn anew for each part ('different'), or the 'same' for all.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )

    @functools.wraps(func)
    def batched(*args, **kwargs):
        dims = in_dims if isinstance(in_dims, (tuple, list)) else (in_dims,) * len(args)
        if len(dims) != len(args):
            raise ValueError(f"vmap: in_dims has {len(dims)} entries for {len(args)} arguments")
        flat_dims = [d for arg, dim in zip(args, dims, strict=True) for d in _spread_dims(arg, dim)]
        leaves = leaves_of(args)
        size = _batch_size(leaves, flat_dims)
        results, stream = [], default_generator.get_state()
        for i in range(size):
            if randomness == "same":
                default_generator.set_state(stream)
            parts = [
                v if d is None else ops.select_at(v, d, i) for v, d in zip(leaves, flat_dims, strict=True)
            ]
            results.append(
                func(*rebuilt(args, iter(parts)), **mapped(lambda t, i=i: ops.select_at(t, 0, i), kwargs))
            )
            if randomness == "error" and not i and not ops.equal(default_generator.get_state(), stream):
                raise RuntimeError(
                    "vmap: called random operation while in randomness error mode; pass randomness='same' or "
                    "'different', or draw outside of vmap"
                )
        return _joined(results, out_dims)

    return batched


def _spread_dims(tree, dim) -> list:
    """One dimension per value of an argument, from one for all or a tree of them."""
    if isinstance(dim, (tuple, list, Mapping)):
        items = [dim[k] for k in tree] if isinstance(dim, Mapping) else dim
        parts = [tree[k] for k in tree] if isinstance(tree, Mapping) else tree
        return [d for part, item in zip(parts, items, strict=True) for d in _spread_dims(part, item)]
    return [dim if isinstance(leaf, Value) else None for leaf in leaves_of(tree)]


def _batch_size(leaves: list, dims: list) -> int:
    for v, d in zip(leaves, dims, strict=True):
        if d is not None and not -v.array.ndim <= d < v.array.ndim:
            raise ValueError(f"vmap: in_dim {d} is none of the dimensions of shape {tuple(v.array.shape)}")
    sizes = {v.array.shape[d] for v, d in zip(leaves, dims, strict=True) if d is not None}
    if len(sizes) != 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, "
            f"got sizes {sorted(sizes)}"
        )
    return sizes.pop()


def _joined(results: list, out_dims):
    """The results of all calls, stacked."""
    if not results:
        raise ValueError("vmap: the mapped dimension is empty; there is nothing to call the function with")
    columns = list(zip(*[leaves_of(r) for r in results], strict=True))
    dims = _spread_dims(results[0], out_dims)
    if any(not isinstance(c[0], Value) for c in columns):
        raise ValueError(
            "vmap: the function must return tensors, or tensors nested in tuples, lists and dicts"
        )
    stacked = [ops.stack(list(c), d or 0) for c, d in zip(columns, dims, strict=True)]
    return rebuilt(results[0], iter(stacked))


# ---- modules as functions ------------------------------------------------------------------------
def functional_call(
    module,
    parameter_and_buffer_dicts,
    args=None,
    kwargs=None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
):
    """Call a module with other tensors in the place of its parameters and buffers, which stay as they are.

    `parameter_and_buffer_dicts` maps dotted names to tensors, or is a sequence of such dicts. A tensor given
    for one name of a shared parameter stands for all its names, unless `tie_weights` is False. Names that
    the module has not are passed over, as in PyTorch, unless `strict`.
    """
    given = parameter_and_buffer_dicts
    if not isinstance(given, Mapping):
        merged: dict = {}
        for part in given:
            repeated = merged.keys() & part.keys()
            if repeated:
                raise ValueError(f"functional_call: {sorted(repeated)} appear in more than one dictionary")
            merged.update(part)
        given = merged
    held = _members(module)
    _check_names(given, held, strict)
    replaced = {}
    for name, value in given.items():
        if name not in held:
            continue
        owner, attribute, original = held[name]
        for other, (o, a, t) in held.items():
            if other == name or (tie_weights and t is original and other not in given):
                replaced[other] = (o, a, t, value)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    try:
        for owner, attribute, _, value in replaced.values():
            owner.__dict__[attribute] = value
        return module(*args, **(kwargs or {}))
    finally:
        for owner, attribute, original, _ in replaced.values():
            owner.__dict__[attribute] = original


def _members(module) -> dict[str, tuple]:
    """Each parameter and buffer by its dotted name: its module, its name there, and itself."""
    found = {}
    for prefix, owner in module.named_modules(remove_duplicate=False):
        for registry in (owner._parameters, owner._buffers):
            for attribute, value in registry.items():
                if value is not None:
                    found[f"{prefix}.{attribute}" if prefix else attribute] = (owner, attribute, value)
    return found


def _check_names(given: Mapping, held: Mapping, strict: bool) -> None:
    unexpected, missing = sorted(set(given) - set(held)), sorted(set(held) - set(given))
    if strict and (unexpected or missing):
        raise RuntimeError(
            "functional_call: "
            + "; ".join(
                f"{kind} key(s): {', '.join(names)}"
                for kind, names in (("Unexpected", unexpected), ("Missing", missing))
                if names
            )
        )


def stack_module_state(models: list) -> tuple[dict, dict]:
    """(parameters, buffers) of models of one kind, each tensor stacked over the models, for
    `vmap(functional_call)`.
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = {
        name: ops.stack([dict(m.named_parameters())[name].detach() for m in models]).requires_grad_(
            p.requires_grad
        )
        for name, p in models[0].named_parameters()
    }
    buffers = {
        name: ops.stack([dict(m.named_buffers())[name] for m in models])
        for name, _ in models[0].named_buffers()
    }
    return parameters, buffers

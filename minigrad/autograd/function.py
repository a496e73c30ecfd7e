"""Functions whose gradient a user writes: subclasses of `Function` with static `forward` and `backward`.

    class Exp(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y

    y = Exp.apply(x)

`forward` runs without recording. `backward` is recorded where the walk itself is (`create_graph=True`), so a
Function can be differentiated as often as its `backward` can.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from weakref import ref

import numpy as np

from ..backend import module_of
from ..engine import (
    IDENTITY,
    Node,
    Pick,
    SeveralOutputs,
    Value,
    edge_of,
    is_recording,
    refresh,
    tied,
    untracked,
)
from ..inplace import adopt, check_writable
from .grad_mode import no_grad, set_grad_enabled
from .saved_tensors import active, packed, unpacked


# ---- what forward leaves for backward ------------------------------------------------------------
class FunctionCtx:
    """What `forward` leaves for `backward`: saved tensors, and any attributes of its own."""

    needs_input_grad: tuple[bool, ...] = ()
    materialize_grads = True
    to_save: tuple = ()
    dirty_tensors: tuple = ()
    non_differentiable: tuple = ()
    _saved: tuple | None = ()
    _node: Callable[[], Any] = staticmethod(lambda: None)

    def save_for_backward(self, *tensors) -> None:
        """Keep inputs or results (or None) for `backward`, which finds them in `saved_tensors`."""
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Value):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type "
                    f"{type(t).__name__}; keep it as an attribute of ctx"
                )
        self.to_save = tensors

    def save_for_forward(self, *tensors) -> None:
        """Keep tensors for a `jvp` of one's own, which nothing calls here: there is no forward mode."""
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Value):
                raise TypeError(
                    f"save_for_forward can only save variables, but argument {i} is of type "
                    f"{type(t).__name__}"
                )

    def mark_dirty(self, *args) -> None:
        """Say which inputs `forward` has written to in place; it must return them."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args) -> None:
        """Say which results have no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether results that got no gradient get zeros (the default) or None in `backward`."""
        self.materialize_grads = bool(value)

    @property
    def saved_tensors(self) -> tuple:
        """The tensors that were saved, with their place in the graph."""
        if self._saved is None:
            raise RuntimeError(
                f"{type(self).__name__}: Trying to backward through the graph a second time (or directly "
                "access saved tensors after they have already been freed); "
                "pass retain_graph=True to the first backward()"
            )
        return tuple(None if s is None else s.unpacked(self._node()) for s in self._saved)

    def _keep(self, node: Node, results: list) -> None:
        """Take down the saved tensors as they are now that the results have their history."""
        self._node = ref(node)
        self._saved = tuple(None if t is None else Saved(t, results) for t in self.to_save)
        self.to_save = ()


class Saved:
    """A tensor as it was when it was saved.

    Of a result only its number is held: itself would make a cycle.
    """

    __slots__ = ("array", "edge", "number", "tensor", "version", "version_cell")

    def __init__(self, t, results: list):
        self.number = next((i for i, r in enumerate(results) if r is t), None)
        hooks = active.get()
        self.array = packed(t.array, hooks[-1]) if hooks else t.array
        self.version_cell, self.version = t.version, t.version[0]
        self.edge = edge_of(t) if self.number is None else None
        self.tensor = t if self.number is None and self.edge is None and not hooks else None

    def unpacked(self, node: Node):
        """The tensor, unless something has been written to it since."""
        array = unpacked(self.array)
        if array is self.array and self.version_cell[0] != self.version:
            raise RuntimeError(
                f"{node.op.name}: one of the variables needed for gradient computation has been modified by "
                f"an inplace operation: a saved tensor of shape {tuple(array.shape)} is at version "
                f"{self.version_cell[0]}; expected version {self.version} instead; write to a clone() of it"
            )
        if self.tensor is not None:
            return self.tensor
        if self.number is None and array is not self.array and isinstance(self.edge, Value):
            return tied(array, Node(IDENTITY, (self.edge,), (), array.shape))  # a leaf, with unpacked values
        if self.number is None:
            return tied(array, self.edge)
        return tied(array, edge_of_result(node, self.number, array.shape))


def edge_of_result(node: Node, number: int, shape: tuple) -> Node:
    """Where the gradient of one result goes."""
    if not isinstance(node, SeveralOutputs):
        return node
    return Node(Pick(number, node.op.node_name), (node,), (), shape)


# ---- the op behind a call ------------------------------------------------------------------------
class UserOp:
    """The op behind one call of a Function: its gradients are what `backward` gives."""

    rules = None
    needed: tuple = ()
    parameters: tuple = ()

    def __init__(self, function: type[Function], ctx: FunctionCtx, arguments: tuple):
        self.function, self.ctx, self.count = function, ctx, len(arguments)
        self.dtypes = {i: a.dtype for i, a in enumerate(arguments) if isinstance(a, Value)}
        self.name = function.__name__
        self.node_name = function.__name__ + "Backward"
        self.fills = ctx.materialize_grads

    def pull(self, node: Node, g, record: bool, retain: bool) -> list:
        """The gradients of those arguments that are tensors."""
        grads = [v if v is None or record else untracked(v) for v in (g if isinstance(g, list) else [g])]
        with set_grad_enabled(record):
            given = self.function._backward(self.ctx, *grads)
        if not retain:
            self.ctx._saved = None if self.ctx._saved else ()
        given = list(given) if isinstance(given, (tuple, list)) else [given]
        if len(given) < self.count or any(v is not None for v in given[self.count :]):
            raise RuntimeError(
                f"function {self.node_name} returned an incorrect number of gradients (expected "
                f"{self.count}, got {len(given)})"
            )
        wanted = [
            None if edge is None else self._gradient(given[i], i)
            for i, edge in zip(self.dtypes, node.edges, strict=True)
        ]
        return wanted if record else [v if v is None else v.array for v in wanted]

    def _gradient(self, value, place: int):
        if value is not None and not isinstance(value, Value):
            raise TypeError(
                f"function {self.node_name} returned a {type(value).__name__} as gradient number {place}; "
                "return a Tensor or None"
            )
        return value if value is None or value.dtype is self.dtypes[place] else value.to(self.dtypes[place])


# ---- the class users derive from -----------------------------------------------------------------
class Function:
    """A differentiable function with its own gradient; call it by `apply`.

    `forward(ctx, *args)` returns a tensor or a tuple, or, beside a `setup_context(ctx, inputs, output)`,
    `forward(*args)` does. `backward(ctx, *grads)` has one gradient per result and returns one per argument.
    """

    def __init__(self, *args, **kwargs):
        raise RuntimeError(
            f"{type(self).__name__}: a Function is not instantiated; call {type(self).__name__}.apply(...)"
        )

    @staticmethod
    def forward(*args, **kwargs):
        """What is computed."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Save what `backward` needs, where `forward` does not take ctx."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """The gradient of each argument, None where there is none."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward  # a subclass may define either

    @classmethod
    def _backward(cls, ctx, *grad_outputs):
        return (cls.backward if cls.vjp is Function.vjp else cls.vjp)(ctx, *grad_outputs)

    @classmethod
    def apply(cls, *args, **kwargs):
        """Compute `forward`, and record the call."""
        ctx = _context_class(cls)()
        for a in args:
            if isinstance(a, Value) and a.base is not None:
                refresh(a)
        edges = tuple(edge_of(a) for a in args if isinstance(a, Value))
        recorded = is_recording() and any(e is not None for e in edges)
        ctx.needs_input_grad = tuple(recorded and isinstance(a, Value) and a.tracked for a in args)
        with no_grad():
            output = _forward(cls, ctx, args, kwargs)
        results = list(output) if isinstance(output, tuple) else [output]
        results = [_as_result(ctx, r, args) for r in results]
        for t in ctx.dirty_tensors:
            t.version[0] += 1
        if recorded:
            _record(cls, ctx, args, edges, results, isinstance(output, tuple))
        return tuple(results) if isinstance(output, tuple) else results[0]


def _context_class(cls: Any) -> type:
    """A class for a Function's contexts, called as PyTorch calls it."""
    found = cls.__dict__.get("_contexts")
    if found is None:
        found = type(cls.__name__ + "Backward", (FunctionCtx,), {})
        cls._contexts = found
    return found


def _forward(cls, ctx, args, kwargs):
    if cls.setup_context is Function.setup_context:
        return cls.forward(ctx, *args, **kwargs)
    output = cls.forward(*args, **kwargs)
    cls.setup_context(ctx, args, output)
    return output


def _as_result(ctx: FunctionCtx, result, args: tuple):
    """A result that may get a history: an argument that `forward` handed through becomes a new tensor."""
    if not isinstance(result, Value) or any(result is d for d in ctx.dirty_tensors):
        return result
    if any(result is a for a in args):
        alias = untracked(result.array)
        alias.version = result.version
        return alias
    return result


def _record(cls, ctx, args, edges: tuple, results: list, several: bool) -> None:
    """Make the Node behind a call, and give the results their place in the graph."""
    op = UserOp(cls, ctx, args)
    node: Node
    if several:
        node = SeveralOutputs(op, edges, (), ())
        node.outputs = tuple(_outline(r) for r in results)
    else:
        node = Node(op, edges, (), results[0].array.shape if isinstance(results[0], Value) else ())
    for number, t in enumerate(results):
        excluded = any(t is n for n in ctx.non_differentiable)
        if not isinstance(t, Value) or excluded or t.array.dtype.kind not in "fc":
            continue
        edge = edge_of_result(node, number, t.array.shape)
        if any(t is d for d in ctx.dirty_tensors):
            check_writable(t)
            adopt(t, tied(t.array, edge))
        else:
            t.tracked, t.node = True, edge
    ctx._keep(node, results)


def _outline(result) -> tuple:
    """Shape, dtype and array module of a result, for the zeros it may need as gradient."""
    if not isinstance(result, Value):
        return (), np.dtype(bool), np
    return result.array.shape, result.array.dtype, module_of(result.array)


# ---- functions that can be differentiated once ---------------------------------------------------
class Refusal:
    """Stands behind gradients of a `backward` that must not be differentiated."""

    rules = None
    name = "once_differentiable"
    node_name = "Error"

    def pull(self, node: Node, g, record: bool, retain: bool) -> list:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


def once_differentiable(function: Callable) -> Callable:
    """Decorator for a `backward` that is computed without recording:
    its result refuses to be differentiated.
    """

    @wraps(function)
    def backward(ctx, *grads):
        with no_grad():
            given = function(ctx, *grads)
        if not is_recording() or not any(isinstance(g, Value) and g.tracked for g in grads):
            return given
        edges = tuple(edge_of(g) for g in grads if isinstance(g, Value))
        made = []
        for t in given if isinstance(given, tuple) else (given,):
            made.append(t if t is None else tied(t.array, Node(Refusal(), edges, (), t.array.shape)))
        return tuple(made) if isinstance(given, tuple) else made[0]

    return backward

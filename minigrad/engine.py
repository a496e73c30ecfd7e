"""Reverse-mode automatic differentiation: the graph, and how an op enters it.

Read top down: `Value` is what the engine needs of a Tensor, `Node` is one recorded op, `@primitive` makes an
op of a NumPy function and one gradient formula per argument. Then read `walk.py`: the way from a result back
to its leaves. The engine knows no op by name.

    @primitive(x=lambda g, y: g * y, y=lambda g, x: g * x)
    def mul(x, y):
        return x * y

A formula's first argument is the gradient that comes in; the others name what the op must keep: an argument,
the shape of an argument (`x_shape`), or the result (`out`). Formulas are written with the operations users
call. They run on plain arrays, or, when the walk itself is to be differentiated (`create_graph`), on Tensors:
so any order comes for free. Broadcasting is undone by the walk; no formula mentions it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from numpy import asarray, generic, ndarray

from .backend import as_array, device_of, module_of, number_like

recording: ContextVar[bool] = ContextVar("recording", default=True)
is_recording = recording.get  # per thread: a new thread starts with the default
tick = itertools.count(1).__next__  # the time of the next Node
new: Any = object.__new__


def count_with(counter: Callable[[], int]) -> Callable[[], int]:
    """Let another function count Nodes, one that may note who makes them; returns the one before."""
    global tick
    before, tick = tick, counter
    return before


# ---- the graph -----------------------------------------------------------------------------------
class Value:
    """What the engine needs of a Tensor; `tensor.py` builds PyTorch's class on it.

    `version` is a one-element list shared by a tensor and its views; every in-place write adds one to it. A
    view knows the tensor it was made from (`base`), how (`recipe`), and the version it has seen: slots that
    stay unset in all others. No subclass may have a `__getattr__`, which makes each look at a slot, of which
    an op takes ten, several times as dear.
    """

    __slots__ = (
        *("__weakref__", "array", "base", "held_grad", "hooks", "node", "recipe", "seen", "tracked"),
        "version",
    )

    array: Any  # numpy.ndarray or cupy.ndarray
    tracked: bool  # the engine's name for requires_grad
    node: Node | None  # the op that made it; None for a leaf
    version: list[int]
    base: Value | None
    held_grad: Any  # `.grad`
    hooks: Any  # hooks.TensorHooks, if there are any
    recipe: tuple[Callable, tuple] | None
    seen: int

    if TYPE_CHECKING:  # ops see a Tensor as a Value, and use what tensor.py adds to it

        def __getattr__(self, name: str) -> Any: ...


Tensor: Any = Value  # what ops return; tensor.py names its class by `results_are`


def results_are(cls: type) -> type:
    """Class decorator: ops return instances of this class."""
    global Tensor
    Tensor = cls
    return cls


class Node:
    """One recorded op: which op, where its gradients go, and what its formulas kept.

    `edges` has one entry per differentiable argument: the Node that made it, the Tensor itself if it is a
    leaf, or None if it needs no gradient. Nothing here refers to the op's own result, so graphs hold no
    reference cycle.
    """

    __slots__ = ("__weakref__", "edges", "hooks", "kept", "op", "shape", "time", "versions")

    time: int  # creation order: whatever used this node's result is younger
    op: Any
    edges: tuple
    kept: Any  # what the formulas name; None once freed
    versions: tuple  # the version cell of each kept tensor, and after it what it held at the time
    shape: tuple[int, ...]
    hooks: Any

    def __init__(self, op, edges: tuple, kept, shape: tuple[int, ...], cells: tuple = ()):
        self.time, self.op, self.edges, self.kept = tick(), op, edges, kept
        self.versions = tuple([v for cell in cells for v in (cell, cell[0])])
        self.shape, self.hooks = shape, None

    def __repr__(self) -> str:
        return f"<{self.op.node_name} object>"


class SeveralOutputs(Node):
    """A Node whose op has several results: its gradient is a list with one entry per result."""

    __slots__ = (
        "outputs",
    )  # (shape, dtype, array module) per result, for the zeros of those without gradient

    outputs: tuple[tuple, ...]


NewNode: Any = Node  # what ops record; `nodes_are` names others
NewSeveralOutputs: Any = SeveralOutputs


def nodes_are(one: type, several: type) -> None:
    """Let ops record Nodes of other classes, which may look at what is kept."""
    global NewNode, NewSeveralOutputs
    NewNode, NewSeveralOutputs = one, several


class Pick:
    """The op behind one result among several: hands its gradient to its place in the list."""

    rules = None

    def __init__(self, number: int, node_name: str):
        self.number = number
        self.node_name = node_name

    def pull(self, node: Node, g, record: bool, retain: bool) -> tuple:
        return (g,)


def untracked(array) -> Any:
    """A Tensor over an array, outside any graph."""
    t = new(Tensor)
    t.array = array
    t.tracked = False
    t.version = [0]
    t.node = t.base = t.held_grad = t.hooks = None
    return t


def edge_of(value) -> Any:
    """Where a gradient for this tensor goes: its Node, or itself if it is a leaf, or None."""
    return (value.node or value) if value.tracked else None


def fresh_history(t: Any) -> Any:
    """The same values one node further on, so that a partial walk can end at exactly this use of them."""
    alias = untracked(t.array)
    alias.tracked, alias.node = True, Node(IDENTITY, (edge_of(t),), (), t.array.shape)
    return alias


class Identity:
    """The op that changes nothing."""

    node_name = "AliasBackward0"

    rules = None

    def pull(self, node: Node, g, record: bool, retain: bool) -> tuple:
        return (g,)


IDENTITY = Identity()


def tied(array, edge) -> Any:
    """A Tensor over a kept array, at the place in the graph it had when it was kept."""
    if edge is not None and not isinstance(edge, Node):
        return edge  # a leaf stands for itself
    t = untracked(array)
    t.tracked, t.node = edge is not None, edge
    return t


def refresh(view: Any) -> None:
    """Give a view the history that an in-place write through its base or a sister view has made since."""
    stale = []
    while view.base is not None and view.seen != view.version[0]:
        stale.append(view)
        view = view.base
    token = recording.set(True)
    try:
        for view in reversed(stale):
            view.seen = view.version[0]
            if view.base.tracked and view.recipe is not None:
                op, static = view.recipe
                before, view.tracked, view.node = view.node, True, op(view.base, *static).node
                hand_on(before, view.node)
    finally:
        recording.reset(token)


RETAIN = "retain"  # the place, among a node's hooks, of the one that keeps a gradient


def hand_on(before: Any, node: Any) -> None:
    """A tensor has another node now: the gradient that is kept for it will be that of its new value."""
    if before is not None and before.hooks and RETAIN in before.hooks:
        node.hooks = {**(node.hooks or {}), RETAIN: before.hooks.pop(RETAIN)}


def current(t: Any) -> Any:
    """The tensor, with the history that it has by now."""
    if t.base is not None:
        refresh(t)
    return t


def parameters_of(function: Callable) -> tuple[str, ...]:
    """The names of a function's parameters, straight from its code: `inspect.signature` would double our
    import time.
    """
    code = getattr(function, "__wrapped__", function).__code__
    return code.co_varnames[: code.co_argcount]


# ---- ops -----------------------------------------------------------------------------------------
class Primitive:
    """What `@primitive` learns about an op at import: its name, its formulas, and what they name.

    `keepable` lists what can be kept, in a fixed order: the arguments, their shapes, the result. A node's
    `kept` has one place for each, None where no formula names it.
    """

    fills = True  # where it has several results, formulas see zeros for those that got no gradient
    complex_form: Primitive | None = None

    def __init__(
        self,
        forward: Callable,
        formulas: dict[str, Callable],
        promote=None,
        explain=None,
        holomorphic: bool = True,
        numbers: str = "second",
    ):
        self.forward, self.formulas, self.promote, self.explain = forward, formulas, promote, explain
        self.holomorphic, self.numbers = holomorphic, numbers
        self.name = forward.__name__.strip("_")
        self.node_name = "".join(part.capitalize() for part in self.name.split("_")) + "Backward0"
        self.parameters = parameters_of(forward)
        self.differentiable = tuple(p for p in self.parameters if p in formulas)
        self.keepable = (*self.parameters, *(p + "_shape" for p in self.differentiable), "out")
        named = {p: parameters_of(f)[1:] for p, f in formulas.items()}
        self.needed = {name for names in named.values() for name in names}
        unknown = (set(formulas) - set(self.parameters)) | (self.needed - set(self.keepable))
        if unknown:
            raise TypeError(f"{self.name}: its formulas name {sorted(unknown)}, which it does not have")
        self.named = named  # per differentiable argument: what its formula names
        #: per differentiable argument: its formula, how many kept values it names, and what picks them
        self.rules = tuple((formulas[p], len(named[p]), self._picker(named[p])) for p in self.differentiable)

    def _picker(self, names: tuple[str, ...]):
        """One place in `kept`, or a function that picks several."""
        places = [self.keepable.index(n) for n in names]
        return itemgetter(*places) if len(places) > 1 else places[0] if places else None

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    @property
    def real_kinds(self) -> str | None:
        """The kinds of dtype that need neither promotion nor another form of the formulas."""
        kinds = getattr(self.promote, "kinds", None)
        return kinds if kinds is None or self.holomorphic else kinds + "c"

    def on_complex(self) -> Primitive:
        """This op for complex numbers: formulas are written for real ones, and complex ones conjugate around
        them.

        For f with derivative f', formula(g) = g f'; the gradient of a real loss is g conj(f') =
        conj(formula(conj(g))).
        """
        if self.complex_form is None:
            form = Primitive(self.forward, self.formulas, self.promote, self.explain, False, self.numbers)
            form.rules = tuple((_conjugated(formula), count, pick) for formula, count, pick in self.rules)
            form.name, form.node_name = self.name, self.node_name
            self.complex_form = form
        return self.complex_form

    def pull(self, node: Node, g, record: bool, retain: bool) -> list:
        """The gradient for each of the node's edges, from the gradient `g` of its result: arrays, or, with
        `record`, Tensors that are part of a new graph.

        (On arrays `walk` calls the formulas itself, to save this call.)
        """
        kept = self.kept_as_tensors(node) if record else node.kept
        return [
            None if edge is None else by_rule(rule, g, kept) for edge, rule in zip(node.edges, self.rules)
        ]

    def kept_argument(self, node: Node, place: int) -> tuple[str, tuple[int, ...]]:
        """The name and shape of the kept value behind one of the node's version cells."""
        kept = [
            (name, k)
            for name, k in zip(self.keepable, node.kept)
            if name in self.needed and hasattr(k, "dtype")
        ]
        name, k = kept[min(place, len(kept) - 1)]
        return "result" if name == "out" else name, tuple(k.shape)

    def kept_as_tensors(self, node: Node) -> list:
        """The kept values, with the tensors among them tied to the graph they came from."""
        kept = list(node.kept)
        if not kept:
            return kept
        for edge, parameter in zip(node.edges, self.differentiable):
            if parameter in self.needed:
                place = self.parameters.index(parameter)
                kept[place] = tied(kept[place], edge)
        if "out" in self.needed:
            kept[-1] = self.result_as_tensor(kept[-1], node)
        return kept

    def result_as_tensor(self, out, node: Node):
        if not isinstance(node, SeveralOutputs):
            return tied(out, node)
        return tuple(
            tied(array, Node(Pick(i, self.node_name), (node,), (), array.shape))
            for i, array in enumerate(out)
        )


def by_rule(rule: tuple, g, kept):
    """The gradient one formula gives, with those kept values that it names."""
    formula, count, pick = rule
    return formula(g) if not count else formula(g, kept[pick]) if count == 1 else formula(g, *pick(kept))


def _conjugated(formula: Callable) -> Callable:
    """conj(formula(conj(g), ...)), under the formula's own signature."""

    @wraps(formula)
    def around(g, *kept):
        return formula(g.conj(), *kept).conj()

    return around


def primitive(
    promote=None,
    explain=None,
    arity: int | None = None,
    views: bool = False,
    holomorphic: bool = True,
    numbers: str = "second",
    **formulas: Callable,
) -> Callable:
    """Decorator: make an op of a function of arrays. `formulas` has one gradient formula per differentiable
    argument.

    `promote(*tensors)` brings the tensors to the dtype the op computes in; it is asked where dtypes differ,
    or where an argument's kind of dtype is not in `promote.kinds`. `explain(*arguments)` words the error when
    the function fails. `views=True` says that the result may share the first argument's memory. `arity` is
    the number of tensor arguments; it need be given only where they are not those with a formula.
    `holomorphic=False` says that the formulas hold for complex numbers as they stand (see
    `Primitive.on_complex`). `numbers` says which of two tensors may be a Python number: the "second",
    "either", or "neither".

    The op handed back is a closure made for its number of tensor arguments: `_general` is the meaning,
    `_unary` and `_binary` are the same without its loops, for an op's overhead is decided here. Called on
    plain arrays, as formulas do at first order, an op is just its function.
    """

    def decorate(forward: Callable) -> Callable:
        op = Primitive(forward, formulas, promote, explain, holomorphic, numbers)
        leading = set(formulas) == set(op.parameters[: len(formulas)])
        tensors = arity if arity is not None else len(formulas) if leading else 0
        if views:
            call = _view(op)
        elif tensors == 1:
            call = _unary(op)
        elif tensors == 2 == len(op.parameters):
            call = _binary(op)
        else:
            call = _general(op)
        made: Any = wraps(forward)(call)
        made.op = op
        return made

    return decorate


def _general(op) -> Callable:
    """Any number of arguments, tensors or not, in any order, one result or several."""

    def call(*args, out=None):
        if not any(isinstance(a, Value) for a in args):
            return op.forward(*args)
        tensors = {p: a if isinstance(a, Value) else None for p, a in zip(op.parameters, args)}
        present = [t for p, t in tensors.items() if t is not None and p in op.differentiable]
        if op.promote is not None:
            promoted = dict(zip([id(t) for t in present], op.promote(*present)))
            tensors = {p: promoted.get(id(t), t) for p, t in tensors.items()}
        for t in tensors.values():
            if t is not None and t.base is not None:
                refresh(t)
        arrays = [a if t is None else t.array for a, t in zip(args, tensors.values())]
        try:
            result = op.forward(*arrays)
        except Exception as error:
            raise explained(op, error, *arrays) from None
        edges = tuple(
            None if tensors[p] is None else edge_of(tensors[p]) for p in op.differentiable if p in tensors
        )
        tracked = is_recording() and any(e is not None for e in edges)
        several = isinstance(result, tuple)
        results = tuple(as_array(r, arrays[0]) for r in result) if several else (as_array(result, arrays[0]),)
        made = [untracked(r) for r in results]
        if tracked:
            box = dict(zip(op.parameters, arrays))
            box |= {p + "_shape": getattr(a, "shape", None) for p, a in zip(op.parameters, arrays)}
            box["out"] = results if several else results[0]
            needed = {n for p, edge in zip(op.differentiable, edges) if edge is not None for n in op.named[p]}
            kept = tuple(box.get(n) if n in needed else None for n in op.keepable) if op.needed else ()
            cells = [t.version for p, t in tensors.items() if t is not None and p in needed]
            cells += [t.version for t in made] if "out" in needed else []
            conjugates = op.holomorphic and any(r.dtype.kind == "c" for r in results)
            record_results(op.on_complex() if conjugates else op, made, edges, kept, tuple(cells), several)
        if out is not None:
            return store(out, made[0])
        return tuple(made) if several else made[0]

    return call


def record_results(op, made: list, edges: tuple, kept, cells: tuple, several: bool) -> None:
    """Make the Node behind an op's results; those of integer or boolean dtype stay outside the graph."""
    if not several:
        made[0].node, made[0].tracked = NewNode(op, edges, kept, made[0].array.shape, cells), True
        return
    node = NewSeveralOutputs(op, edges, kept, (), cells)
    node.outputs = tuple((t.array.shape, t.array.dtype, module_of(t.array)) for t in made)
    for number, t in enumerate(made):
        if t.array.dtype.kind in "fc":
            t.node, t.tracked = Node(Pick(number, op.node_name), (node,), (), t.array.shape), True


def view_of(t, base, op: Callable, static: tuple) -> None:
    """Make t a view: it shares the base's version, and op(base, *static) gives it anew."""
    t.base, t.version, t.seen = base, base.version, base.version[0]
    t.recipe = (op, static) if is_recording() else None


def _view(op: Primitive) -> Callable:
    """One tensor, first, of which the result is a view if it shares its memory; what follows are settings.

    Nothing is computed: so there is no promotion, and no formula names an array.
    """
    forward, keeps_nothing = op.forward, not op.needed

    def call(input, *static, out=None):
        if input.__class__ is not Tensor and (input.__class__ is ndarray or not isinstance(input, Value)):
            return forward(input, *static)
        if input.base is not None:
            refresh(input)
        x = input.array
        try:  # a starred call costs a third of all this
            result = forward(x, static[0]) if len(static) == 1 else forward(x, *static)
        except Exception as error:
            raise explained(op, error, x, *static) from None
        if result.__class__ is not ndarray:
            result = as_array(result, x)
        t = new(Tensor)
        t.array = result
        t.held_grad = t.hooks = None
        recorded = is_recording()
        if recorded and input.tracked:
            node = new(NewNode)
            node.time = tick()
            node.op = op
            node.edges = (input.node or input,)
            node.kept = () if keeps_nothing else (None, *static, x.shape, None)
            node.shape = result.shape
            node.versions = ()
            node.hooks = None
            t.tracked = True
            t.node = node
        else:
            t.tracked = False
            t.node = None
        memory = result.base
        if memory is not None and (memory is x or memory is x.base):
            t.base = input
            version = t.version = input.version
            t.seen = version[0]
            t.recipe = (call, static) if recorded else None
        else:
            t.base = None
            t.version = [0]
        return t if out is None else store(out, t)

    return call


def _unary(op: Primitive) -> Callable:
    """One tensor, first; what follows are settings."""
    forward, promote = op.forward, op.promote
    kinds, usual = op.real_kinds or "", getattr(promote, "usual", None)
    x_name = op.parameters[0]
    keeps_x, keeps_shape, keeps_out = x_name in op.needed, x_name + "_shape" in op.needed, "out" in op.needed
    keeps_nothing, tracks = not op.needed, bool(op.formulas)
    alone = len(op.parameters) == 1

    def call(input, *static, out=None):
        if input.__class__ is not Tensor and (input.__class__ is ndarray or not isinstance(input, Value)):
            if type(input) in PLAIN:
                raise TypeError(must_be_tensor(op, "input", 1, input))
            return forward(input, *static)
        if input.base is not None:
            refresh(input)
        x = input.array
        if promote is not None and x.dtype is not usual and x.dtype.kind not in kinds:
            (input,) = promote(input)
            x = input.array
            if op.holomorphic and x.dtype.kind == "c":
                return _unary(op.on_complex())(input, *static, out=out)
        try:
            if not static:  # a starred call costs a third of all this
                result = forward(x)
            elif len(static) == 2:
                result = forward(x, static[0], static[1])
            else:
                result = forward(x, *static)
        except Exception as error:
            raise explained(op, error, x, *static) from None
        if result.__class__ is not ndarray:
            result = asarray(result) if isinstance(result, generic) else as_array(result, x)
        t = new(Tensor)
        t.array = result
        t.base = t.held_grad = t.hooks = None
        version = t.version = [0]
        if tracks and input.tracked and is_recording():
            node = new(NewNode)
            node.time = tick()
            node.op = op
            node.edges = (input.node or input,)
            node.shape = result.shape
            node.hooks = None
            if keeps_nothing:
                node.kept = node.versions = ()
            else:
                shape = x.shape if keeps_shape else None
                if alone:
                    node.kept = (x if keeps_x else None, shape, result if keeps_out else None)
                else:
                    node.kept = (x if keeps_x else None, *static, shape, result if keeps_out else None)
                if keeps_x:
                    a = input.version
                    node.versions = (a, a[0], version, 0) if keeps_out else (a, a[0])
                else:
                    node.versions = (version, 0) if keeps_out else ()
            t.tracked = True
            t.node = node
        else:
            t.tracked = False
            t.node = None
        return t if out is None else store(out, t)

    return call


def _binary(op: Primitive) -> Callable:
    """Two tensors, or a tensor and a number, and nothing else."""
    forward, promote = op.forward, op.promote
    kinds, usual = op.real_kinds, getattr(promote, "usual", None)
    first_may, second_may = op.numbers == "either", op.numbers != "neither"
    x_name, y_name = op.parameters
    #: whether x, y and the result are kept: where only x, only y, and where both want a gradient
    for_x, for_y = (
        tuple(n in op.named.get(p, ()) for n in (x_name, y_name, "out")) for p in (x_name, y_name)
    )
    for_both = tuple(a or b for a, b in zip(for_x, for_y))
    keeps_x_shape, keeps_y_shape = x_name + "_shape" in op.needed, y_name + "_shape" in op.needed
    keeps_nothing, tracks = not op.needed, bool(op.formulas)

    def call(input, other, *, out=None):
        if input.__class__ is ndarray and other.__class__ is ndarray:
            return forward(input, other)
        if input.__class__ is Tensor or isinstance(input, Value):
            x = input.array
            if other.__class__ is Tensor or isinstance(other, Value):
                y = other.array
            elif second_may and x.dtype.kind == "f" and type(other) in NUMBERS:
                y, other = number_like(other, x), CONSTANT
            else:
                other = as_operand(op, other, input)
                y = other.array
        elif isinstance(other, Value):
            y = other.array
            if first_may and y.dtype.kind == "f" and type(input) in NUMBERS:
                x, input = number_like(input, y), CONSTANT
            elif not first_may and not isinstance(input, (ndarray, generic)):
                raise TypeError(must_be_tensor(op, "input", 1, input))
            else:
                input = as_operand(op, input, other)
                x = input.array
        elif type(input) in NUMBERS and type(other) in NUMBERS:
            raise TypeError(must_be_tensor(op, "input", 1, input))
        else:
            return forward(input, other)
        dtype = x.dtype
        if (
            dtype is not y.dtype or (dtype is not usual and kinds is not None and dtype.kind not in kinds)
        ) and promote is not None:
            input, other = promote(tied_to(input, x), tied_to(other, y))
            x, y = input.array, other.array
            if op.holomorphic and x.dtype.kind == "c":
                return _binary(op.on_complex())(input, other, out=out)
        if input.base is not None:
            refresh(input)
        if other.base is not None:
            refresh(other)
        try:
            result = forward(x, y)
        except Exception as error:
            raise explained(op, error, x, y) from None
        if result.__class__ is not ndarray:
            result = asarray(result) if isinstance(result, generic) else as_array(result, x)
        t = new(Tensor)
        t.array = result
        t.base = t.held_grad = t.hooks = None
        version = t.version = [0]
        to_x, to_y = input.tracked, other.tracked
        if tracks and (to_x or to_y) and is_recording():
            node = new(NewNode)
            node.time = tick()
            node.op = op
            node.edges = ((input.node or input) if to_x else None, (other.node or other) if to_y else None)
            node.shape = result.shape
            node.hooks = None
            if keeps_nothing:
                node.kept = node.versions = ()
            else:
                keeps_x, keeps_y, keeps_out = for_y if not to_x else for_both if to_y else for_x
                node.kept = (
                    x if keeps_x else None,
                    y if keeps_y else None,
                    x.shape if keeps_x_shape else None,
                    y.shape if keeps_y_shape else None,
                    result if keeps_out else None,
                )
                if keeps_x and keeps_y:
                    a, b = input.version, other.version
                    node.versions = (a, a[0], b, b[0], version, 0) if keeps_out else (a, a[0], b, b[0])
                elif keeps_x or keeps_y:
                    a = input.version if keeps_x else other.version
                    node.versions = (a, a[0], version, 0) if keeps_out else (a, a[0])
                else:
                    node.versions = (version, 0) if keeps_out else ()
            t.tracked = True
            t.node = node
        else:
            t.tracked = False
            t.node = None
        return t if out is None else store(out, t)

    return call


NUMBERS = (float, int)
PLAIN = {float, int, bool, complex, list, tuple, str, type(None)}  # what a user may take for a tensor
CONSTANT: Any = new(Value)  # stands for a number beside a tensor
CONSTANT.tracked, CONSTANT.node, CONSTANT.version, CONSTANT.base = False, None, [0], None


def tied_to(operand, array):
    """The operand, with the array a number has become."""
    return untracked(array) if operand is CONSTANT else operand


def as_operand(op, value, beside) -> Any:
    """A number or array beside a tensor, as a tensor; whether it may is for the op's promotion to say."""
    if op.promote is None or (op.numbers == "neither" and not isinstance(value, (ndarray, generic))):
        raise TypeError(must_be_tensor(op, "other", 2, value))
    return op.promote.operand(op.name, value, beside)


def must_be_tensor(op, argument: str, position: int, value) -> str:
    """What to say of a number where PyTorch wants a tensor."""
    return (
        f"{op.name}(): argument '{argument}' (position {position}) must be Tensor, not "
        f"{type(value).__name__}; wrap it: minigrad.tensor(...)"
    )


def explained(op, error: Exception, *arguments) -> Exception:
    """The error to raise when an op's function failed: one sentence with the op's name and the shapes."""
    if type(error) not in (ValueError, TypeError, IndexError):
        return error
    devices = sorted({str(device_of(a)) for a in arguments if hasattr(a, "dtype") and hasattr(a, "base")})
    if len(devices) > 1:
        return RuntimeError(
            f"{op.name}: expected all tensors to be on the same device, found {' and '.join(devices)}; "
            "move one with .to(device)"
        )
    shapes = ", ".join(f"{p} {a.shape}" for p, a in zip(op.parameters, arguments) if hasattr(a, "shape"))
    told = op.explain(*arguments) if op.explain is not None else None
    kind = IndexError if type(error) is IndexError else RuntimeError
    return kind(f"{op.name}: {told}" if told else f"{op.name}: {shapes}: {error}")


def can_hold(target, source) -> bool:
    """Whether values of one NumPy dtype may be written over those of another:
    none of a higher category may.
    """
    order = "biufc"
    return order.index(source.kind) <= max(order.index(target.kind), order.index("u") * (target.kind != "b"))


def store(target, result) -> Any:
    """`out=`: write the result into a given tensor; one without elements takes the result's shape."""
    if target.tracked or result.tracked:
        raise RuntimeError(
            "out=: functions with out=... do not record gradients; leave out= away, or use no_grad()"
        )
    source, dtype = result.array, target.array.dtype
    if not can_hold(dtype, source.dtype):
        raise RuntimeError(
            f"out=: result type {source.dtype} can't be cast to the tensor's {dtype}; convert it"
        )
    if target.array.size == 0:
        target.array = source.astype(dtype)
    elif target.array.shape != source.shape:
        raise RuntimeError(f"out=: the tensor has shape {target.array.shape}, the result {source.shape}")
    else:
        target.array[...] = source
    target.version[0] += 1
    return target


def stored(result, out) -> Any:
    """The result, or `out` with the result in it; of several results, such as values and indices, each in its
    own.
    """
    if out is None:
        return result
    if isinstance(result, tuple):
        return type(result)(*map(store, out, result))
    return store(out, result)


# ---- modes ---------------------------------------------------------------------------------------
class recording_mode:
    """Context and decorator that switches recording on or off in this thread."""

    def __init__(self, on: bool):
        self.on = on
        self._tokens: list = []

    def __enter__(self) -> None:
        self._tokens.append(recording.set(self.on))

    def __exit__(self, *error) -> None:
        recording.reset(self._tokens.pop())

"""Views, writes in place, detached values, hooks and walks in any order, beside the naive twin.

Hypothesis draws the programs, and makes one that fails small. `MINIGRAD_STEPS=100000` draws more of them.
The same machine holds the twin against PyTorch in `parity/`.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import minigrad
from tests import forward_twin as twins
from tests.forward_twin import WIDTH, Columns, Step, Twin

STEPS = int(os.environ.get("MINIGRAD_STEPS", "6000"))
STEPS_EACH = 40
MOST = 10  # tensors at a time
ROOM = WIDTH - 30  # columns that may be used, so that a step always finds some

#: name: the function, its slope by argument and result; whether its formula keeps the argument; the result
UNARY = {
    "sin": (np.sin, lambda x, out: np.cos(x), True, False),
    "tanh": (np.tanh, lambda x, out: 1 - out * out, False, True),
    "neg": (np.negative, lambda x, out: -np.ones_like(x), False, False),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x, out: out * (1 - out), False, True),
    "clone": (np.copy, lambda x, out: np.ones_like(x), False, False),
}
#: name: the function, its slopes, and whether each slope keeps the other argument
BINARY = {
    "add": (np.add, lambda x, y: (np.ones_like(x), np.ones_like(y)), False),
    "sub": (np.subtract, lambda x, y: (np.ones_like(x), -np.ones_like(y)), False),
    "mul": (np.multiply, lambda x, y: (y, x), True),
}
#: a view by PyTorch's methods, and by NumPy's; of a tensor of two dimensions, or of one
VIEWS = {
    "transpose": (lambda t: t.transpose(0, -1), lambda a: a.swapaxes(0, -1)),
    "row": (lambda t: t.select(0, 0), lambda a: a[0]),
    "last": (lambda t: t[..., -1], lambda a: a[..., -1]),
    "rest": (lambda t: t[1:], lambda a: a[1:]),
    "backward slice": (lambda t: t[..., ::2], lambda a: a[..., ::2]),
    "unsqueeze": (lambda t: t.unsqueeze(0), lambda a: a[None]),
    "narrow": (lambda t: t.narrow(-1, 0, 1), lambda a: a[..., :1]),
    "flat": (lambda t: t.view(-1), lambda a: a.reshape(-1)),
}
places, seeds, factors = st.integers(0, 99), st.integers(0, 2**32 - 1), st.sampled_from([-1.5, 0.5, 2.0])


class Handle:
    """One tensor: its twin, the tensor of each library, and what is watched of it."""

    def __init__(self, twin: Twin, real: list):
        self.twin, self.real = twin, real
        self.grad: np.ndarray | None = None  # what .grad ought to be
        self.hooks: list = []  # of a leaf: factors, and watches
        self.kept = False  # whether it retains its gradient


class Watch:
    """A hook that notes the gradients it sees, in each library: how many were right so far, and where."""

    def __init__(self, libraries: int, moment: slice, shape: tuple):
        self.moment, self.shape = moment, shape
        self.seen: list[list[np.ndarray]] = [[] for _ in range(libraries)]

    def hook(self, library: int):
        return lambda g: self.seen[library].append(g.detach().numpy().copy())


class Machine(RuleBasedStateMachine):
    """Each rule does one thing to a tensor of each library and to its twin."""

    libraries = (minigrad,)
    whole = True  # a walk that fails changes nothing

    @initialize(seed=seeds)
    def begin(self, seed):
        self.columns, self.handles, self.watches = Columns(), [], []
        rng = np.random.default_rng(seed)
        for shape in ((2, 3), (3,)):
            self.put_in(rng.standard_normal(shape), leaf=True)
        self.put_in(rng.standard_normal((2, 3)), leaf=False)

    # ---- helpers ---------------------------------------------------------------------------------
    def put_in(self, values, leaf: bool) -> None:
        twin = twins.fresh(values, self.columns)
        real = [m.from_numpy(values.copy()) for m in self.libraries]
        if leaf:
            twins.made_leaf(twin)
            real = [t.requires_grad_() for t in real]
        self.keep(twin, real)

    def keep(self, twin: Twin, real: list) -> None:
        self.handles.append(Handle(twin, real))
        if len(self.handles) > MOST:
            del self.handles[3]

    def pick(self, place: int) -> Handle:
        return self.handles[place % len(self.handles)]

    def each(self, function, *handles: Handle) -> list:
        """The function's result in each library."""
        return [function(m, *(h.real[i] for h in handles)) for i, m in enumerate(self.libraries)]

    def has_room(self) -> bool:
        return self.columns.used < ROOM

    def is_leaf(self, h: Handle) -> bool:
        return h.twin.history.leaf and not h.twin.is_view

    def is_of_a_leaf(self, h: Handle) -> bool:
        return h.twin.history.leaf

    # ---- tensors ---------------------------------------------------------------------------------
    @precondition(has_room)
    @rule(seed=seeds, leaf=st.booleans(), wide=st.booleans())
    def new(self, seed, leaf, wide):
        self.put_in(np.random.default_rng(seed).standard_normal((2, 3) if wide else (3,)), leaf)

    @precondition(has_room)
    @rule(
        place=places, name=st.sampled_from(sorted(UNARY)), record=st.sampled_from([True, True, True, False])
    )
    def unary(self, place, name, record):
        h = self.pick(place)
        function, slope, keeps_x, keeps_out = UNARY[name]
        x, dx, steps = h.twin.value, h.twin.jacobian, h.twin.steps
        out = function(x)

        def call(m, t):
            with m.set_grad_enabled(record):
                return getattr(m, name)(t)

        real = self.each(call, h)
        if not (h.twin.tracked and record):
            self.keep(twins.fresh(out, self.columns), real)
            return
        twin = twins.result(out, slope(x, out)[..., None] * dx, steps, self.columns)
        kept = [h.twin.history.memory] * keeps_x + [twin.history.memory] * keeps_out
        twin.history.steps |= {Step(*kept)} if kept else set()
        self.keep(twin, real)

    @precondition(has_room)
    @rule(left=places, right=places, name=st.sampled_from(sorted(BINARY)))
    def binary(self, left, right, name):
        a, b = self.pick(left), self.pick(right)
        try:
            shape = np.broadcast_shapes(a.twin.index.shape, b.twin.index.shape)
        except ValueError:
            for m in range(len(self.libraries)):
                with pytest.raises(RuntimeError):
                    getattr(self.libraries[m], name)(a.real[m], b.real[m])
            return
        if np.prod(shape) > 9 or len(shape) > 3:
            return
        out, jacobian, steps, tracked = self.combined(a.twin, b.twin, name, shape)
        real = self.each(lambda m, x, y: getattr(m, name)(x, y), a, b)
        twin = twins.fresh(out, self.columns)
        if tracked:
            twin = twins.result(out, jacobian, steps, self.columns)
        self.keep(twin, real)

    def combined(self, a: Twin, b: Twin, name: str, shape: tuple) -> tuple:
        """Result, Jacobian and steps of an op of two tensors, and whether gradients flow through it."""
        function, slopes, keeps_other = BINARY[name]
        x, y = np.broadcast_to(a.value, shape), np.broadcast_to(b.value, shape)
        by_x, by_y = slopes(x, y)
        dx, dy = (np.broadcast_to(t.jacobian, (*shape, WIDTH)) for t in (a, b))
        kept = [b.history.memory] * (keeps_other and a.tracked) + [a.history.memory] * (
            keeps_other and b.tracked
        )
        steps = a.steps | b.steps | ({Step(*kept)} if kept else set())
        return function(x, y), by_x[..., None] * dx + by_y[..., None] * dy, steps, a.tracked or b.tracked

    @precondition(has_room)
    @rule(place=places, whole=st.booleans())
    def total(self, place, whole):
        h = self.pick(place)
        if not h.twin.index.ndim:
            return
        axis = tuple(range(h.twin.index.ndim)) if whole else 0
        out, jacobian = np.sum(h.twin.value, axis), h.twin.jacobian.sum(axis)
        real = self.each(lambda m, t: t.sum() if whole else t.sum(0), h)
        tracked = h.twin.tracked
        twin = twins.result(out, jacobian, h.twin.steps, self.columns) if tracked else None
        self.keep(twin or twins.fresh(out, self.columns), real)

    @precondition(has_room)
    @rule(left=places, right=places)
    def product(self, left, right):
        a, b = self.pick(left), self.pick(right)
        if a.twin.index.ndim != 2 or b.twin.index.ndim != 1 or a.twin.index.shape[1] != b.twin.index.shape[0]:
            return
        x, y, dx, dy = a.twin.value, b.twin.value, a.twin.jacobian, b.twin.jacobian
        jacobian = np.einsum("ijw,j->iw", dx, y) + np.einsum("ij,jw->iw", x, dy)
        kept = [b.twin.history.memory] * a.twin.tracked + [a.twin.history.memory] * b.twin.tracked
        real = self.each(lambda m, x, y: x @ y, a, b)
        if not kept:
            self.keep(twins.fresh(x @ y, self.columns), real)
            return
        steps = a.twin.steps | b.twin.steps | {Step(*kept)}
        self.keep(twins.result(x @ y, jacobian, steps, self.columns), real)

    @precondition(has_room)
    @rule(place=places, name=st.sampled_from(sorted(VIEWS)))
    def take_view(self, place, name):
        h = self.pick(place)
        of_tensor, of_array = VIEWS[name]
        if not h.twin.index.ndim or h.twin.index.ndim > 2 or not self.can_be_flat(h, name) or h.kept:
            return
        real = self.each(lambda m, t: of_tensor(t), h)
        self.keep(twins.view(h.twin, of_array), real)

    def can_be_flat(self, h: Handle, name: str) -> bool:
        return name != "flat" or all(t.is_contiguous() for t in h.real)

    @rule(place=places)
    def detach(self, place):
        h = self.pick(place)
        self.keep(twins.detached(h.twin), self.each(lambda m, t: t.detach(), h))

    # ---- writes in place -------------------------------------------------------------------------
    @precondition(has_room)
    @rule(
        place=places, source=places, name=st.sampled_from(["add", "sub", "mul", "copy"]), record=st.booleans()
    )
    def write(self, place, source, name, record):
        h, other = self.pick(place), self.pick(source)
        target, value = h.twin, other.twin
        shape = target.index.shape
        if not fits(value.index.shape, shape) or value.history.memory is target.history.memory:
            return
        method = name + "_"

        def call(m, t, o):
            with m.set_grad_enabled(record):
                getattr(t, method)(o)

        if self.is_of_a_leaf(h) and target.tracked and record:
            for i, m in enumerate(self.libraries):
                with pytest.raises(RuntimeError, match="leaf Variable"):
                    call(m, h.real[i], other.real[i])
            return
        if target.is_view and not record and target.tracked:
            return
        if name == "copy":
            if value.tracked and not target.steps <= value.steps:
                return  # PyTorch walks what was overwritten, too, and may refuse to
            out, jacobian = value.value, np.broadcast_to(value.jacobian, (*shape, WIDTH))
            steps, tracked = value.steps | target.steps, value.tracked or target.tracked
        else:
            out, jacobian, steps, tracked = self.combined(Snapshot(target), value, name, shape)
        self.each(call, h, other)
        twins.write(target, np.broadcast_to(out, shape), jacobian, steps, record and tracked)

    @precondition(has_room)
    @rule(place=places, number=factors)
    def fill(self, place, number):
        h = self.pick(place)
        if self.is_of_a_leaf(h) and h.twin.tracked:
            return
        self.each(lambda m, t: t.fill_(number), h)
        shape = h.twin.index.shape
        nothing = np.zeros((*shape, WIDTH))
        twins.write(h.twin, np.full(shape, number), nothing, h.twin.steps, h.twin.tracked)

    # ---- hooks -----------------------------------------------------------------------------------
    @rule(place=places)
    def watch(self, place):
        h = self.pick(place)
        if not h.twin.tracked or h.twin.children or (h.twin.is_view and h.twin.was_constant):
            return  # PyTorch crashes where a view is older than its base's history
        watch = Watch(len(self.libraries), h.twin.moment, h.twin.index.shape)
        for i, t in enumerate(h.real):
            t.register_hook(watch.hook(i))
        if self.is_leaf(h):
            h.hooks.append(watch)
        else:
            self.watches.append(watch)

    @rule(place=places)
    def retain_grad(self, place):
        h = self.pick(place)
        if not h.twin.tracked or h.twin.children or (h.twin.is_view and h.twin.was_constant):
            return
        self.each(lambda m, t: t.retain_grad(), h)
        h.kept = h.twin.is_view or not h.twin.history.leaf

    @rule(place=places, factor=factors)
    def scale_gradient_of_a_leaf(self, place, factor):
        h = self.pick(place)
        if h.twin.history.leaf and not h.twin.is_view and h.twin.tracked and len(h.hooks) < 3:
            self.each(lambda m, t: t.register_hook(lambda g: g * factor), h)
            h.hooks.append(factor)

    # ---- walks -----------------------------------------------------------------------------------
    @rule(roots=st.lists(places, min_size=1, max_size=2), seed=seeds, retain=st.booleans())
    def backward(self, roots, seed, retain):
        chosen = [h for h in map(self.pick, roots) if h.twin.tracked]
        if not chosen:
            return
        rng = np.random.default_rng(seed)
        cotangents = [rng.standard_normal(h.twin.index.shape) for h in chosen]
        steps = frozenset().union(*(h.twin.steps for h in chosen))
        if any(s.freed or s.overwritten for s in steps):
            self.refused(chosen, cotangents)
            return
        flow = sum(np.tensordot(c, h.twin.jacobian, c.ndim) for c, h in zip(cotangents, chosen, strict=True))
        for i, m in enumerate(self.libraries):
            m.autograd.backward(
                [h.real[i] for h in chosen], [m.from_numpy(c) for c in cotangents], retain_graph=retain
            )
        if not retain:
            for s in steps:
                s.freed = True
        self.check_flow(flow)

    @rule(root=places, leaf=places, seed=seeds)
    def grad(self, root, leaf, seed):
        """`grad` gives the leaf's gradient, and adds to none; hooks see it pass."""
        top, h = self.pick(root), self.pick(leaf)
        if not (top.twin.tracked and h.twin.tracked and h.twin.history.leaf) or h.twin.is_view:
            return
        if any(s.freed or s.overwritten for s in top.twin.steps):
            return
        c = np.random.default_rng(seed).standard_normal(top.twin.index.shape)
        expected = np.tensordot(c, top.twin.jacobian, c.ndim)[h.twin.history.mine].reshape(h.twin.index.shape)
        for hook in h.hooks:
            expected = expected if isinstance(hook, Watch) else expected * hook
        for i, m in enumerate(self.libraries):
            settings = {"retain_graph": True, "allow_unused": True}
            (g,) = m.autograd.grad(top.real[i], h.real[i], m.from_numpy(c), **settings)
            assert_near(np.zeros(expected.shape) if g is None else g.numpy(), expected)
        for kept in [k for k in self.handles if k.kept]:  # which of these were on the way is not the question
            kept.grad = None
            for t in kept.real:
                t.grad = None
        self.forget_watched()

    def forget_watched(self) -> None:
        for w in self.watches + [w for h in self.handles for w in h.hooks if isinstance(w, Watch)]:
            w.seen = [[] for _ in self.libraries]

    def refused(self, chosen, cotangents) -> None:
        """What was freed or overwritten is not walked, and no gradient changes."""
        for i, m in enumerate(self.libraries):
            with pytest.raises(RuntimeError, match=r"second time|inplace operation"):
                m.autograd.backward(
                    [h.real[i] for h in chosen], [m.from_numpy(c) for c in cotangents], retain_graph=True
                )
        if not self.whole:
            self.clear()
        self.forget_watched()

    @rule()
    def clear(self):
        for h in self.handles:
            h.grad = None
            for t in h.real:
                t.grad = None

    def check_flow(self, flow) -> None:
        """Hooks saw what flowed; what ought to have been added to leaves is noted."""
        for w in self.watches:
            self.check_watch(w, flow[w.moment].reshape(w.shape))
        for h in [h for h in self.handles if h.twin.tracked and (h.kept or self.is_leaf(h))]:
            g = flow[h.twin.moment].reshape(h.twin.index.shape)
            for hook in h.hooks:
                if isinstance(hook, Watch):
                    self.check_watch(hook, g)
                else:
                    g = g * hook
            h.grad = g if h.grad is None else h.grad + g

    def check_watch(self, watch: Watch, expected) -> None:
        for seen in watch.seen:
            assert len(seen) < 2, "a hook ran twice in one walk"
            assert_near(seen.pop() if seen else np.zeros(watch.shape), expected)

    # ---- what holds at any time ------------------------------------------------------------------
    @invariant()
    def agree(self):
        for h in getattr(self, "handles", ()):
            for t in h.real:
                assert t.requires_grad == h.twin.tracked
                assert_near(t.detach().numpy(), h.twin.value)
                if h.kept or self.is_leaf(h):
                    expected = np.zeros(h.twin.index.shape) if h.grad is None else h.grad
                    assert_near(np.zeros_like(expected) if t.grad is None else t.grad.numpy(), expected)


class Snapshot:
    """A tensor about to be overwritten, for an op that keeps a copy of it."""

    def __init__(self, twin: Twin):
        self.value, self.jacobian, self.steps, self.tracked = (
            twin.value,
            twin.jacobian,
            twin.steps,
            twin.tracked,
        )
        self.history = twins.fresh(twin.value, twin.history.columns).history


def fits(shape: tuple, target: tuple) -> bool:
    """Whether values of a shape can be written into a tensor of another."""
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False


def assert_near(found, expected) -> None:
    margin = 1e-8 * (1 + np.abs(expected).max(initial=0))
    assert found.shape == np.shape(expected)
    assert np.abs(found - expected).max(initial=0) <= margin, f"{found} is not {expected}"


def run(machine) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(STEPS // STEPS_EACH, 1),
            stateful_step_count=STEPS_EACH,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_programs_agree_with_the_twin():
    run(Machine)

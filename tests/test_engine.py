"""The engine: how ops enter the graph, the order of the walk back, what it keeps, and what it frees."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad import engine
from minigrad.engine import Node, Primitive, _binary, _general, _unary, _view, primitive
from minigrad.ops.promotion import arithmetic
from tests.gradients import array_of, leaf, tensor

RNG = np.random.default_rng(0)


def drawn(*shape):
    """A leaf with random values."""
    return leaf(RNG.standard_normal(shape))


def cotangent(t):
    return tensor(RNG.standard_normal(t.shape))


# ---- the closures an op is made of -----------------------------------------------------------------------
def scaled_tanh(x, factor):
    return np.tanh(x) * factor


def plain_exp(x):
    return np.exp(x)


def product(x, y):
    return x * y


def quotient(x, y):
    return x / y


def flat(x, shape):
    return x.reshape(shape)


UNARY = {
    "keeps the result": (plain_exp, {"x": lambda g, out: g * out}, ()),
    "keeps x and a setting": (
        scaled_tanh,
        {"x": lambda g, x, factor: g * factor * (1 - np.tanh(x) ** 2)},
        (2.5,),
    ),
    "keeps a shape": (flat, {"x": lambda g, x_shape: g.reshape(x_shape)}, ((6,),)),
    "keeps nothing": (scaled_tanh, {"x": lambda g: g * 2}, (2.5,)),
    "has no gradient": (plain_exp, {}, ()),
}
BINARY = {
    "keeps both": (product, {"x": lambda g, y: g * y, "y": lambda g, x: g * x}),
    "keeps x, y and the result": (quotient, {"x": lambda g, y: g / y, "y": lambda g, y, out: -g * out / y}),
    "keeps only y": (product, {"x": lambda g, y: g * y, "y": lambda g: g * 0}),
    "keeps shapes": (
        product,
        {"x": lambda g, x_shape: g * len(x_shape), "y": lambda g, y_shape: g * len(y_shape)},
    ),
    "keeps nothing": (product, {"x": lambda g: g, "y": lambda g: -g}),
}


def outcome(op, closure, arguments, tracked):
    """What a closure does with arguments: values, dtypes, edges, kept values, versions, gradients."""
    inputs = [
        leaf(a) if t else tensor(a) if isinstance(a, np.ndarray) else a
        for a, t in zip(arguments, tracked, strict=True)
    ]
    result = closure(op)(*inputs)
    seen = {"value": array_of(result).tolist(), "dtype": result.dtype, "tracked": result.requires_grad}
    if result.node is not None:
        node = result.node
        named = [k for k in node.kept if isinstance(k, np.ndarray)]
        seen["edges"] = [None if e is None else [t is e for t in inputs] for e in node.edges]
        seen["kept"] = [(np.shape(k), np.asarray(k).tolist()) for k in named]
        seen["shape"], seen["versions"] = node.shape, node.versions
        result.backward(tensor(np.linspace(-1, 2, array_of(result).size).reshape(result.shape)))
        leaves = [i for i, t in zip(inputs, tracked, strict=True) if t]
        seen["gradients"] = [array_of(t.grad).tolist() for t in leaves]
    return seen


@pytest.mark.parametrize("case", UNARY)
@pytest.mark.parametrize("tracked", [True, False])
def test_unary_closure_is_the_general_one(case, tracked):
    forward, formulas, static = UNARY[case]
    op = Primitive(forward, formulas)
    arguments, follows = [RNG.standard_normal((2, 3)), *static], [tracked, *[False] * len(static)]
    assert outcome(op, _unary, arguments, follows) == outcome(op, _general, arguments, follows)


@pytest.mark.parametrize("case", ["keeps nothing", "keeps the shape"])
@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("reused", [False, True])
def test_view_closure_is_the_general_one_and_makes_views(case, tracked, reused):
    def reshaped(x, shape):
        return x.reshape(shape)

    def copied(x, shape):
        return x.reshape(shape).copy()

    formulas = {
        "keeps nothing": {"x": lambda g: g.reshape(2, 3)},
        "keeps the shape": {"x": lambda g, x_shape: g.reshape(x_shape)},
    }
    op = Primitive(copied if reused else reshaped, formulas[case])
    arguments = [RNG.standard_normal((2, 3)), (3, 2)]
    assert outcome(op, _view, arguments, [tracked, False]) == outcome(
        op, _general, arguments, [tracked, False]
    )
    x = tensor(arguments[0])
    assert (_view(op)(x, (3, 2)).base is x) is not reused


@pytest.mark.parametrize("case", BINARY)
@pytest.mark.parametrize("tracked", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize(
    "shapes", [((2, 3), (2, 3)), ((2, 3), (3,)), ((), (2, 3)), ((2, 1), (1, 3)), ((0,), (1,))]
)
def test_binary_closure_is_the_general_one(case, tracked, shapes):
    forward, formulas = BINARY[case]
    op = Primitive(forward, formulas, promote=arithmetic)
    arguments = [np.asarray(RNG.standard_normal(s) + 3) for s in shapes]
    assert outcome(op, _binary, arguments, tracked) == outcome(op, _general, arguments, tracked)


def test_closures_promote_alike():
    op = Primitive(product, BINARY["keeps both"][1], promote=arithmetic)
    for left, right in [("float32", "float64"), ("int64", "float32"), ("float16", "int8"), ("bool", "int32")]:
        inputs = [tensor(np.array([1, 0, 1], left)), tensor(np.array([2, 3, 4], right))]
        made = [call(*inputs) for call in (_binary(op), _general(op))]
        assert made[0].dtype == made[1].dtype
        assert made[0].tolist() == made[1].tolist()


def test_closures_on_arrays_are_the_function():
    x = RNG.standard_normal(3)
    op, pair = Primitive(plain_exp, UNARY["keeps the result"][1]), Primitive(product, BINARY["keeps both"][1])
    for found, expected in [
        (_unary(op)(x), np.exp(x)),
        (_general(op)(x), np.exp(x)),
        (_binary(pair)(x, x), x * x),
    ]:
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, expected)


def test_a_formula_that_names_the_unknown_fails_at_import():
    with pytest.raises(TypeError, match=r"product: .*'z'"):
        Primitive(product, {"x": lambda g, z: g})
    with pytest.raises(TypeError, match=r"product: .*'w'"):
        Primitive(product, {"w": lambda g: g})


# ---- the order of the walk -------------------------------------------------------------------------------
def test_walk_visits_the_youngest_first_and_each_once():
    order = []

    def tagged(name):
        def forward(x, y):
            return x + y

        def visit(g):
            order.append(name)
            return g

        return primitive(x=visit, y=lambda g: g)(forward)

    x = drawn(3)
    a = tagged("a")(x, x)
    b = tagged("b")(x, a)
    c = tagged("c")(b, a)
    d = tagged("d")(a, c)
    tagged("e")(d, b).backward(cotangent(d))
    assert order == ["e", "d", "c", "b", "a"]


@given(st.integers(0, 2**32 - 1), st.integers(2, 25))
def test_random_graphs_have_the_gradient_of_their_polynomial(seed, size):
    """Sums and products of earlier values in any pattern; the derivative carried forward is right."""
    rng = np.random.default_rng(seed)
    x = leaf(rng.uniform(-1, 1, ()))
    values, slopes = [x], [np.float64(1)]
    for _ in range(size):
        i, j = rng.integers(0, len(values), 2)
        if rng.random() < 0.5:
            values.append(values[i] + values[j])
            slopes.append(slopes[i] + slopes[j])
        else:
            slopes.append((slopes[i] * array_of(values[j]) + slopes[j] * array_of(values[i])) * 0.5)
            values.append(values[i] * values[j] * 0.5)
    values[-1].backward()
    np.testing.assert_allclose(array_of(x.grad), slopes[-1], rtol=1e-9)


def test_long_chain_is_walked_and_freed_without_recursion():
    x = leaf(np.array([1.0, -2.0]))
    y = x
    limit = sys.getrecursionlimit()
    for _ in range(200_000):
        y = y + x
    first = weakref.ref(y.node)
    y.backward(tensor(np.array([1.0, 0.5])))
    assert array_of(x.grad).tolist() == [200_001.0, 100_000.5]
    del y
    assert first() is None
    assert sys.getrecursionlimit() == limit


# ---- memory ----------------------------------------------------------------------------------------------
@pytest.fixture
def no_collector():
    """The cyclic garbage collector is off: what is freed is freed by reference counts."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def step(x, w):
    """A bit of everything: a product, a reduction, several outputs, a view, an in-place write."""
    h = (x @ w).tanh()
    left, right = h.chunk(2, 1)
    h2 = left * right
    h2[0] += right[1]
    h2.mul_(2)
    top = h2.max(1).values + h2.softmax(1).sum(1)
    return top.reshape(-1).logsumexp(0)


@pytest.mark.usefixtures("no_collector")
def test_dropped_graph_is_freed_at_once():
    x, w = drawn(3, 4), drawn(4, 6)
    loss = step(x, w)
    nodes, stack = [], [loss.node]
    while stack:
        node = stack.pop()
        nodes.append(weakref.ref(node))
        stack += [e for e in node.edges if isinstance(e, Node)]
    del node, loss
    assert len(nodes) > 10
    assert all(n() is None for n in nodes)


@pytest.mark.usefixtures("no_collector")
def test_walked_graph_frees_what_it_kept_while_the_loss_lives():
    x = drawn(50)
    hidden = x.exp()
    middle = weakref.ref(hidden.array)
    loss = hidden.sin().sum()
    del hidden
    assert middle() is not None
    loss.backward()
    assert middle() is None
    assert np.isfinite(loss.item())


def alive() -> dict[str, int]:
    """How many tensors and nodes there are."""
    kinds = {"tensors": engine.Value, "nodes": Node}
    everything = gc.get_objects()
    return {name: sum(isinstance(o, kind) for o in everything) for name, kind in kinds.items()}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("create_graph", [False, True])
def test_number_of_tensors_is_the_same_after_each_of_50_steps(create_graph):
    x, w = drawn(3, 4), drawn(4, 6)

    def once():
        if create_graph:
            (g,) = minigrad.autograd.grad(step(x, w), w, create_graph=True)
            (g * g).sum().backward()
        else:
            step(x, w).backward()
        w.grad = x.grad = None

    once()
    before = alive()
    for _ in range(50):
        once()
    assert alive() == before


@pytest.mark.usefixtures("no_collector")
def test_error_in_a_formula_leaves_nothing_behind():
    x = drawn(3)
    failing = primitive(x=lambda g, out: g / "text")(plain_exp)
    before = alive()
    for _ in range(3):
        with pytest.raises(TypeError):
            failing(x).sum().backward()
    assert alive() == before


# ---- second walks ----------------------------------------------------------------------------------------
def test_second_backward_says_what_to_pass():
    x = drawn(3)
    loss = x.exp().sum()
    loss.backward()
    with pytest.raises(RuntimeError, match=r"exp.*second time.*retain_graph=True"):
        loss.backward()


def test_retained_graph_can_be_walked_again():
    x = drawn(3)
    loss = x.exp().sum()
    loss.backward(retain_graph=True)
    once = array_of(x.grad).copy()
    loss.backward()
    np.testing.assert_array_equal(array_of(x.grad), 2 * once)


def test_graph_that_kept_nothing_can_be_walked_again():
    x = drawn(3)
    loss = (x + 1).sum()
    loss.backward()
    loss.backward()
    assert array_of(x.grad).tolist() == [2, 2, 2]


def test_two_losses_on_one_trunk():
    x = drawn(3)
    trunk = x.exp()
    first, second = (trunk * 2).sum(), (trunk * 3).sum()
    first.backward(retain_graph=True)
    second.backward()
    np.testing.assert_allclose(array_of(x.grad), 5 * np.exp(array_of(x)), rtol=1e-12)


def test_derivatives_of_any_order():
    x = leaf(np.array([0.3, -1.2]))
    y, expected = x.sin(), [np.cos, lambda v: -np.sin(v), lambda v: -np.cos(v), np.sin, np.cos]
    for f in expected:
        (y,) = minigrad.autograd.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(array_of(y), f(array_of(x)), rtol=1e-12)


def test_gradient_of_a_gradient_reaches_other_leaves():
    x, w = drawn(3), drawn(3)
    (g,) = minigrad.autograd.grad((w * x**3).sum(), x, create_graph=True)
    (g**2).sum().backward()
    np.testing.assert_allclose(array_of(w.grad), 18 * array_of(w) * array_of(x) ** 4, rtol=1e-12)
    np.testing.assert_allclose(array_of(x.grad), 36 * array_of(w) ** 2 * array_of(x) ** 3, rtol=1e-12)


# ---- threads ---------------------------------------------------------------------------------------------
def test_each_thread_has_its_own_mode_and_graph():
    barrier, found = threading.Barrier(2), {}

    def without():
        with minigrad.no_grad():
            barrier.wait()
            found["without"] = (drawn_once * 2).requires_grad
            barrier.wait()

    def within():
        x = leaf(np.array([1.0, 2.0]))
        barrier.wait()
        y = x * x
        barrier.wait()
        y.sum().backward()
        found["within"] = array_of(x.grad).tolist()

    drawn_once = drawn(3)
    threads = [threading.Thread(target=f) for f in (without, within)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == {"without": False, "within": [2.0, 4.0]}
    assert minigrad.is_grad_enabled()


def test_many_threads_walk_their_own_graphs():
    results: dict[int, float] = {}

    def work(number):
        x = leaf(np.full(5, float(number)))
        for _ in range(20):
            y = x
            for _ in range(50):
                y = y * 1.01 + x
            y.sum().backward()
        results[number] = array_of(x.grad)[0]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(results.values())) == 1

"""Recurrent layers: the fast kernels against their readable twins, and both against finite differences."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import Tensor
from minigrad.ops import from_numpy
from minigrad.ops.recurrent import (
    gru_cell,
    gru_composed,
    gru_layer,
    gru_step,
    lstm_cell,
    lstm_composed,
    lstm_layer,
    lstm_step,
    packed,
    products,
    rnn_composed,
    rnn_layer,
)
from minigrad.ops.recurrent.workspace import FreeList, Workspace


@pytest.fixture(scope="module", autouse=True, params=[1, 8])
def fewer_columns(request):
    """Small batches are cut into segments like large ones, and are walked whole."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(packed, "FEWER_COLUMNS", request.param)
        yield


LAYERS = {
    "rnn": (rnn_layer, rnn_composed, 1, 1),
    "gru": (gru_layer, gru_composed, 3, 1),
    "lstm": (lstm_layer, lstm_composed, 4, 2),
}


class Case(NamedTuple):
    """One call of a layer: its sizes, options, and the seed of its values."""

    kind: str
    steps: int = 4
    batch: int = 3
    inputs: int = 2
    hidden: int = 5
    bias: bool = True
    projected: int | None = None
    nonlinearity: str = "tanh"
    lengths: tuple[int, ...] | None = None
    reverse: bool = False
    seed: int = 0

    @property
    def batch_sizes(self):
        if self.lengths is None:
            return None
        return [sum(n > t for n in self.lengths) for t in range(max(self.lengths))]

    def arguments(self, dtype=np.float64) -> list:
        """Arrays and options in the order of the op."""
        _, _, gates, states = LAYERS[self.kind]
        rng = np.random.default_rng(self.seed)
        outputs = self.projected or self.hidden
        sizes = [(self.steps, self.batch, self.inputs), (self.batch, outputs), (self.batch, self.hidden)][
            : 1 + states
        ]
        sizes += [(gates * self.hidden, self.inputs), (gates * self.hidden, outputs)]
        sizes += [(gates * self.hidden,)] * 2 if self.bias else []
        arrays = [(rng.normal(size=size) / size[-1] ** 0.5).astype(dtype) for size in sizes]
        arrays += [] if self.bias else [None, None]
        if self.kind == "lstm":
            projection = rng.normal(size=(self.projected or 1, self.hidden)).astype(dtype)
            arrays.append(projection if self.projected else None)
        if self.kind == "rnn":
            arrays.append(self.nonlinearity)
        return [*arrays, self.batch_sizes, self.reverse]

    def cotangents(self, dtype=np.float64) -> list:
        """A random gradient for each output."""
        rng = np.random.default_rng(self.seed + 1)
        outputs = self.projected or self.hidden
        sizes = [(self.steps, self.batch, outputs), (self.batch, outputs), (self.batch, self.hidden)]
        return [rng.normal(size=size).astype(dtype) for size in sizes[: 1 + LAYERS[self.kind][3]]]


@st.composite
def cases(draw) -> Case:
    kind = draw(st.sampled_from(sorted(LAYERS)))
    batch, steps = draw(st.integers(1, 9)), draw(st.integers(1, 6))
    hidden = draw(st.integers(1, 7))
    lengths = None
    if draw(st.booleans()):
        lengths = tuple(
            sorted(draw(st.lists(st.integers(1, 6), min_size=batch, max_size=batch)), reverse=True)
        )
        steps = lengths[0]
    return Case(
        kind,
        steps,
        batch,
        inputs=draw(st.integers(1, 5)),
        hidden=hidden,
        bias=draw(st.booleans()),
        projected=draw(st.sampled_from([None, 1, 3])) if kind == "lstm" and hidden > 3 else None,
        nonlinearity=draw(st.sampled_from(["tanh", "relu"])),
        lengths=lengths,
        reverse=draw(st.booleans()),
        seed=draw(st.integers(0, 2**16)),
    )


def is_array(value) -> bool:
    return isinstance(value, np.ndarray)


def run_fast(case: Case, dtype=np.float64) -> tuple[list, list]:
    """Outputs and gradients of the kernel, on arrays."""
    layer = LAYERS[case.kind][0]
    arguments = case.arguments(dtype)
    wanted = tuple(map(is_array, arguments))
    outputs, saved = layer.forward(wanted, *arguments)
    grads = layer.backward(saved, tuple(case.cotangents(dtype)), wanted)
    return list(outputs), [g for g in grads if g is not None]


def run_twin(case: Case, dtype=np.float64) -> tuple[list, list]:
    """The same of the twin, on tensors."""
    twin = LAYERS[case.kind][1]
    arguments = [from_numpy(a).requires_grad_() if is_array(a) else a for a in case.arguments(dtype)]
    outputs = twin(*arguments)
    total = sum((y * from_numpy(g)).sum() for y, g in zip(outputs, case.cotangents(dtype), strict=True))
    total.backward()
    return [y.detach().numpy() for y in outputs], [a.grad.numpy() for a in arguments if isinstance(a, Tensor)]


def assert_same(found: list, expected: list, **tolerance) -> None:
    assert len(found) == len(expected)
    for number, (a, b) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(a, b, **tolerance, err_msg=f"number {number}")


@given(cases())
@settings(deadline=None, max_examples=150)
def test_kernel_is_its_twin(case):
    for found, expected in zip(run_fast(case), run_twin(case), strict=True):
        assert_same(found, expected, rtol=1e-9, atol=1e-10)


LARGE = [
    Case(kind, steps=70, batch=batch, inputs=24, hidden=hidden, seed=3)
    for kind in LAYERS
    for batch, hidden in [(1, 40), (33, 48), (130, 16), (8, 200)]
]


@pytest.mark.parametrize("case", LARGE)
def test_chunks_panels_and_blocks_of_large_layers(case):
    """Large enough for several chunks of factors, several panels of gradients, and products in blocks."""
    for found, expected in zip(run_fast(case), run_twin(case), strict=True):
        assert_same(found, expected, rtol=1e-7, atol=1e-7)


@given(st.integers(1, 40), st.integers(1, 30), st.integers(1, 9))
def test_a_product_in_blocks_is_the_product(rows, inner, batch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "SMALL_KERNELS", True)
        patch.setattr(products, "WIDEST", 8)
        patch.setattr(products, "SMALL_PRODUCT", 500)
        rng = np.random.default_rng(rows)
        weights, z = rng.normal(size=(rows, inner)), rng.normal(size=(inner, batch))
        out = np.empty((rows, batch))
        products.product(weights, batch)(z, products.in_blocks(out, inner))
    np.testing.assert_allclose(out, weights @ z, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(
    "more", [{}, {"reverse": True}, {"lengths": (4, 2, 1)}, {"lengths": (4, 4, 1), "reverse": True}]
)
def test_finite_differences(kind, more):
    case = Case(kind, projected=2 if kind == "lstm" else None, seed=11, **more)
    layer = LAYERS[kind][0]
    arguments, cotangents = case.arguments(), case.cotangents()
    nothing = (False,) * len(arguments)

    def loss() -> float:
        outputs, _ = layer.forward(nothing, *arguments)
        return sum((y * g).sum() for y, g in zip(outputs, cotangents, strict=True))

    _, grads = run_fast(case)
    rng = np.random.default_rng(5)
    for array, grad in zip(filter(is_array, arguments), grads, strict=True):
        direction = rng.normal(size=array.shape) * 1e-5
        array += direction
        above = loss()
        array -= 2 * direction
        below = loss()
        array += direction
        np.testing.assert_allclose((above - below) / 2, (grad * direction).sum(), rtol=1e-6, atol=1e-12)


@given(cases())
@settings(deadline=None, max_examples=40)
def test_walking_back_twice_gives_the_same(case):
    layer = LAYERS[case.kind][0]
    arguments = case.arguments()
    wanted = tuple(map(is_array, arguments))
    _, saved = layer.forward(wanted, *arguments)
    first = layer.backward(saved, tuple(case.cotangents()), wanted, last=False)
    again = layer.backward(saved, tuple(case.cotangents()), wanted, last=True)
    for a, b in zip(first, again, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_array_equal(a, b)
    arrays = [g for g in (*first, *again) if g is not None]
    assert all(not np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


@given(cases(), st.data())
@settings(deadline=None, max_examples=60)
def test_gradients_that_are_not_wanted_and_outputs_that_are_not_used(case, data):
    layer = LAYERS[case.kind][0]
    arguments, cotangents = case.arguments(), case.cotangents()
    wanted = [is_array(a) and data.draw(st.booleans()) for a in arguments]
    used = [data.draw(st.booleans()) for _ in cotangents]
    cotangents = [g if u else None for g, u in zip(cotangents, used, strict=True)]
    zeroed = [
        g if u else np.zeros_like(full)
        for g, u, full in zip(cotangents, used, case.cotangents(), strict=True)
    ]
    everything = tuple(map(is_array, arguments))
    _, saved = layer.forward(everything, *arguments)
    expected = layer.backward(saved, tuple(zeroed), everything)
    _, saved = layer.forward(tuple(wanted), *arguments)
    if not any(wanted):
        assert saved is None
        return
    found = layer.backward(saved, tuple(cotangents), tuple(wanted))
    assert [g is not None for g in found] == wanted
    assert_same(
        [g for g in found if g is not None],
        [g for g, w in zip(expected, wanted, strict=True) if w],
        rtol=1e-12,
    )


@given(cases())
@settings(deadline=None, max_examples=40)
def test_inference_is_training_and_inputs_stay(case):
    layer = LAYERS[case.kind][0]
    arguments = case.arguments()
    before = [np.copy(a) if is_array(a) else a for a in arguments]
    training, _ = layer.forward(tuple(map(is_array, arguments)), *arguments)
    inference, saved = layer.forward((False,) * len(arguments), *arguments)
    assert saved is None
    assert_same(list(inference), list(training), rtol=1e-12)
    for a, b in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float16, 2e-2), (np.float32, 1e-4), (np.float64, 1e-12)]
)
def test_dtypes(kind, dtype, tolerance):
    case = Case(kind, steps=6, seed=2)
    found, expected = run_fast(case, dtype), run_fast(case)
    for a, b in zip(found, expected, strict=True):
        assert all(x.dtype == dtype for x in a)
        assert_same(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("reverse", [False, True])
def test_strides(kind, reverse):
    case = Case(kind, steps=5, reverse=reverse, seed=8)
    layer = LAYERS[kind][0]
    arguments = case.arguments()
    wanted = tuple(map(is_array, arguments))
    strided = [
        np.asfortranarray(a)[..., ::-1].copy(order="F")[..., ::-1] if is_array(a) else a for a in arguments
    ]
    outputs, saved = layer.forward(wanted, *strided)
    turned = [np.asfortranarray(g) for g in case.cotangents()]
    assert_same(list(outputs), run_fast(case)[0], rtol=1e-12)
    found = layer.backward(saved, tuple(turned), wanted)
    assert_same([g for g in found if g is not None], run_fast(case)[1], rtol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("reverse", [False, True])
def test_a_batch_of_none(kind, reverse):
    outputs, grads = run_fast(Case(kind, batch=0, reverse=reverse))
    assert outputs[0].shape == (4, 0, 5)
    assert all(not g.any() for g in grads)


def test_a_packed_batch_is_cut_where_many_sequences_end(monkeypatch):
    monkeypatch.setattr(packed, "FEWER_COLUMNS", 8)
    sizes = [40, 40, 33, 32, 30, 25, 24, 1]
    assert packed.cut(sizes) == [slice(0, 3), slice(3, 6), slice(6, 7), slice(7, 8)]
    assert packed.cut([3, 2, 1]) == [slice(0, 3)]


@pytest.mark.parametrize("kind", LAYERS)
def test_packed_is_each_sequence_by_itself(kind):
    lengths = (5, 3, 3, 1)
    for reverse in (False, True):
        case = Case(kind, steps=5, batch=4, lengths=lengths, reverse=reverse, seed=4)
        layer, states = LAYERS[kind][0], LAYERS[kind][3]
        arguments = case.arguments()
        nothing = (False,) * len(arguments)
        (y, *last), _ = layer.forward(nothing, *arguments)
        for n, length in enumerate(lengths):
            alone = list(arguments)
            alone[0] = arguments[0][:length, n : n + 1]
            alone[1 : 1 + states] = [s[n : n + 1] for s in arguments[1 : 1 + states]]
            alone[-2] = None
            (y_n, *last_n), _ = layer.forward(nothing, *alone)
            np.testing.assert_allclose(y[:length, n : n + 1], y_n, rtol=1e-12)
            assert not y[length:, n].any()
            assert_same([s[n : n + 1] for s in last], last_n, rtol=1e-12)


def test_a_relu_that_overflows_after_a_sequence_has_ended_stays_out_of_the_gradient():
    case = Case("rnn", steps=300, batch=2, nonlinearity="relu", lengths=(300, 1))
    arguments = case.arguments(np.float32)
    arguments[0][:] = 0
    arguments[1][:] = [[0], [1]]  # the second sequence would grow without end
    arguments[3][:] = 4 * np.eye(5)
    arguments[4][:] = arguments[5][:] = 0
    wanted = tuple(map(is_array, arguments))
    with np.errstate(over="ignore", invalid="ignore"):
        outputs, saved = rnn_layer.forward(wanted, *arguments)
        grads = rnn_layer.backward(saved, tuple(case.cotangents(np.float32)), wanted)
    assert all(np.isfinite(a).all() for a in (*outputs, *(g for g in grads if g is not None)))


STEPS = {"lstm": (lstm_step, lstm_cell), "gru": (gru_step, gru_cell)}


@given(cases().filter(lambda case: case.kind in STEPS), st.sampled_from(["all", "first", "last"]))
@settings(max_examples=60)
def test_a_step_as_one_op_is_its_cell(case, used):
    part = {"all": slice(None), "first": slice(0, 1), "last": slice(-1, None)}[used]
    found = []
    for function in STEPS[case.kind]:
        arguments = [from_numpy(a).requires_grad_() if is_array(a) else a for a in case.arguments()[:-2]]
        outputs = function(arguments[0][0], *arguments[1:])
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = zip(outputs[part], case.cotangents()[1:][part], strict=True)
        sum((y * from_numpy(g)).sum() for y, g in pairs).backward()
        grads = [a.grad for a in arguments if isinstance(a, Tensor) and a.grad is not None]
        found.append([y.detach().numpy() for y in outputs] + [g.numpy() for g in grads])
    assert_same(*found, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind", LAYERS)
def test_second_derivatives_are_those_of_the_twin(kind):
    case = Case(kind, steps=3, batch=2, hidden=3, seed=6)
    layer, twin, _, _ = LAYERS[kind]
    found = []
    for function in (layer, twin):
        arguments = [from_numpy(a).requires_grad_() if is_array(a) else a for a in case.arguments()]
        outputs = function(*arguments)
        total = sum((y * from_numpy(g)).sum() for y, g in zip(outputs, case.cotangents(), strict=True))
        total.backward(create_graph=True)
        tensors = [a for a in arguments if isinstance(a, Tensor)]
        penalty = sum((a.grad * a.grad).sum() for a in tensors)
        for a in tensors:
            a.grad = None
        penalty.backward()
        found.append([a.grad.numpy() for a in tensors])
    assert_same(*found, rtol=1e-9, atol=1e-12)


def test_threads_do_not_share_a_workspace():
    case = Case("lstm", steps=30, batch=8, inputs=8, hidden=16, seed=9)
    _, expected = run_fast(case)
    with ThreadPoolExecutor(4) as pool:
        for _, grads in pool.map(run_fast, [case] * 40):
            assert_same(grads, expected, rtol=1e-12)


class Buffer(Workspace):
    def __init__(self, like, size):
        self.array = np.empty(size, like.dtype)


def test_free_list_recycles_and_stays_within_its_limit():
    spaces, like = FreeList(limit=1000), np.empty(0)
    first = spaces.take(Buffer, like, 50)
    spaces.give(first)
    assert spaces.take(Buffer, like, 50) is first
    assert spaces.take(Buffer, like, 50) is not first
    spaces.give(first)
    other, huge = spaces.take(Buffer, like, 100), spaces.take(Buffer, like, 1000)
    spaces.give(other)  # 400 + 800 bytes: the older one goes
    spaces.give(huge)  # never fits
    assert spaces.nbytes == 800
    assert spaces.take(Buffer, like, 50) is not first
    assert spaces.take(Buffer, like, 1000) is not huge
    assert spaces.take(Buffer, like, 100) is other
    assert spaces.nbytes == 0
    spaces.give(other)
    spaces.clear()
    assert spaces.take(Buffer, like, 100) is not other

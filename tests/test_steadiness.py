"""What stays as it was: gradients when a walk fails, memory over thousands of steps, threads together."""

import gc
import os
import platform
import subprocess
import sys
import threading

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim
from minigrad.engine import Node, Value, primitive
from tests.gradients import array_of, leaf, tensor

RNG = np.random.default_rng(0)


def drawn(*shape):
    return leaf(RNG.standard_normal(shape))


def fails(*arguments):
    raise ZeroDivisionError("on purpose")


failing_op = primitive(x=fails)(lambda x: x * 1)


# ---- a walk that fails -----------------------------------------------------------------------------------
def with_formula(x, h):
    return failing_op(h)


def with_hook_of_a_leaf(x, h):
    x.register_hook(fails)
    return h


def with_hook_of_a_value(x, h):
    middle = h * 1
    middle.register_hook(fails)
    return middle


def with_hook_of_a_node(x, h):
    h.grad_fn.register_hook(fails)
    return h


def with_hook_before_a_node(x, h):
    h.grad_fn.register_prehook(fails)
    return h


def with_overwritten_value(x, h):
    result = x * x.clone()
    with minigrad.no_grad():
        x += 1
    return h + result


def with_wrong_shape_from_a_hook(x, h):
    middle = h * h
    middle.register_hook(lambda g: tensor(np.ones((7, 7))))
    return middle


FAILURES = [
    with_formula,
    with_hook_of_a_leaf,
    with_hook_of_a_value,
    with_hook_of_a_node,
    with_hook_before_a_node,
    with_overwritten_value,
    with_wrong_shape_from_a_hook,
]


@pytest.mark.parametrize("some_inputs", [False, True])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: f.__name__)
def test_a_walk_that_fails_adds_to_no_gradient(failure, some_inputs):
    """Leaves and retained values alike: each `.grad` is as it was, whatever was reached before."""
    x, others = drawn(3), [drawn(3) for _ in range(4)]
    kept = (others[0] * others[1]).tanh()
    kept.retain_grad()
    (kept.sum() + sum(t.sum() for t in (x, *others[:3]))).backward(retain_graph=True)
    watched = [x, *others, kept]
    before = [None if t.grad is None else array_of(t.grad).copy() for t in watched]
    h = x * 3
    loss = (failure(x, h) + kept * others[2] + others[3].exp()).sum()
    with pytest.raises((ZeroDivisionError, RuntimeError)):
        loss.backward(inputs=[x, others[3], others[0]] if some_inputs else None)
    for t, b in zip(watched, before, strict=True):
        assert (t.grad is None) == (b is None)
        if b is not None:
            np.testing.assert_array_equal(array_of(t.grad), b)


@pytest.mark.parametrize("place", ["leaf", "value"])
def test_a_retained_graph_is_whole_after_a_hook_failed(place):
    """With `retain_graph` a failure costs nothing: the hook is taken away, and the same graph walked."""
    x, y = drawn(3), drawn(3)
    h = x * y
    handle = (x if place == "leaf" else h).register_hook(fails)
    loss = (h.exp() + y).sum()
    with pytest.raises(ZeroDivisionError):
        loss.backward(retain_graph=True)
    handle.remove()
    loss.backward()
    both, values = np.exp(array_of(x) * array_of(y)), array_of(y)
    np.testing.assert_allclose(array_of(x.grad), both * values, rtol=1e-12)
    np.testing.assert_allclose(array_of(y.grad), both * array_of(x) + 1, rtol=1e-12)


def test_a_graph_whose_walk_failed_says_what_to_do():
    """Without `retain_graph` what was walked has been freed, and the error says how to go on."""
    x = drawn(3)
    handle = x.register_hook(fails)
    loss = x.exp().sum()
    with pytest.raises(ZeroDivisionError):
        loss.backward()
    handle.remove()
    with pytest.raises(RuntimeError, match=r"second time.*retain_graph=True"):
        loss.backward()


def test_all_gradients_are_there_when_a_hook_after_them_fails():
    leaves = [drawn(3) for _ in range(4)]
    for t in leaves:
        t.register_post_accumulate_grad_hook(fails)
    with pytest.raises(ZeroDivisionError):
        sum((t * 2).sum() for t in leaves).backward()
    for t in leaves:
        assert array_of(t.grad).tolist() == [2, 2, 2]


def test_modes_are_as_before_when_a_walk_fails():
    for on in (True, False):
        x = drawn(3)
        loss = failing_op(x * 2).sum()
        with minigrad.set_grad_enabled(on):
            with pytest.raises(ZeroDivisionError):
                loss.backward(create_graph=True)
            assert minigrad.is_grad_enabled() is on


def test_a_write_that_is_refused_changes_nothing():
    base = drawn(2, 3) * 1
    with minigrad.no_grad():
        view = base[0]
    before, node, version = array_of(base).copy(), base.grad_fn, base._version
    for write in (
        lambda: view.mul_(drawn(3)),
        lambda: view.__setitem__(0, drawn()),
        lambda: base.add_(drawn(4, 2, 3)),
        lambda: base.add_(1j),
        lambda: base.expand(2, 2, 3).mul_(2),
    ):
        with pytest.raises(RuntimeError):
            write()
        np.testing.assert_array_equal(array_of(base), before)
        assert (base.grad_fn, base._version) == (node, version)


# ---- gradients that are kept -----------------------------------------------------------------------------
def test_a_kept_gradient_is_what_hooks_made_of_it():
    """Whenever the hook was added: what PyTorch says of retain_grad."""
    h = drawn(3) * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 10)
    (h * 3).sum().backward()
    assert array_of(h.grad).tolist() == [30, 30, 30]


def test_a_kept_gradient_is_that_of_the_value_written_last():
    h = drawn(3) * 2
    h.retain_grad()
    h.mul_(5)
    view = h[:2]
    view.retain_grad()
    view.mul_(7)
    (h * 3 + h.detach()).sum().backward(retain_graph=True)
    assert array_of(h.grad).tolist() == [3, 3, 3]
    h.grad = None
    (view * 3).sum().backward()
    assert array_of(view.grad).tolist() == [3, 3]
    assert array_of(h.grad).tolist() == [3, 3, 0]


def test_a_kept_gradient_is_added_to_once_where_the_value_is_an_input():
    h = drawn(3) * 2
    h.retain_grad()
    (h * 3).sum().backward(inputs=[h])
    assert array_of(h.grad).tolist() == [3, 3, 3]


def test_hooks_of_a_leaf_change_what_grad_gives():
    x = drawn(3)
    x.register_hook(lambda g: g * 10)
    (found,) = minigrad.autograd.grad((x * 2).sum(), x)
    assert array_of(found).tolist() == [20, 20, 20]
    assert x.grad is None


# ---- memory ----------------------------------------------------------------------------------------------
def alive() -> int:
    return sum(isinstance(o, (Value, Node)) for o in gc.get_objects())


@pytest.fixture
def no_collector():
    """The cyclic garbage collector is off: what is freed is freed by reference counts."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def trained_mlp():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x, target = minigrad.randn(5, 3), minigrad.tensor([0, 1, 1, 0, 1])

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()

    return step


def trained_lstm():
    """Truncated backpropagation: the state is carried over, detached; the norm of gradients is clipped."""
    model, head = nn.LSTM(2, 3), nn.Linear(3, 1)
    parameters = [*model.parameters(), *head.parameters()]
    optimizer = optim.SGD(parameters, lr=1e-3, momentum=0.9)
    x, state = minigrad.randn(4, 2, 2), None

    def step():
        nonlocal state
        optimizer.zero_grad(set_to_none=False)
        out, state = model(x, state)
        state = tuple(s.detach() for s in state)
        (head(out) ** 2).mean().backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return step


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(("training", "steps"), [(trained_mlp, 7000), (trained_lstm, 3000)])
def test_memory_is_flat_over_ten_thousand_steps(training, steps):
    """Not one tensor or node more, nothing waiting for the collector, and no more arrays."""
    step = training()
    for _ in range(20):
        step()
    gc.collect()
    before, blocks = alive(), sys.getallocatedblocks()
    for _ in range(steps):
        step()
    assert alive() == before
    assert gc.collect() == 0  # this empties Python's own free lists, too
    assert sys.getallocatedblocks() - blocks < steps / 2  # (Python caches names)


# ---- threads ---------------------------------------------------------------------------------------------
def in_threads(work, count: int = 6) -> list:
    """What `work(number)` gives in each of several threads that switch often; errors are raised here."""
    results: dict = {}
    barrier = threading.Barrier(count)

    def run(number):
        barrier.wait()
        try:
            results[number] = work(number)
        except Exception as error:
            results[number] = error

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(interval)
    for r in results.values():
        if isinstance(r, Exception):
            raise r
    return [results[n] for n in range(count)]


def model_gradients(seed: int) -> list:
    """Gradients of first and second order through views, writes, a fused layer and hooks."""
    rng = np.random.default_rng(seed)
    x, w = leaf(rng.standard_normal((4, 3))), leaf(rng.standard_normal((3, 6)))
    h = (x @ w).tanh()
    left, right = h[:, :3], h[:, 3:]
    left = left * right
    left[0] += right[1]
    left.register_hook(lambda g: g * 2)
    loss = (nn.functional.layer_norm(left, (3,)) ** 3).sum() + left.logsumexp(1).sum()
    (g,) = minigrad.autograd.grad(loss, w, create_graph=True)
    (g * g).sum().backward()
    return [array_of(t.grad) for t in (x, w)]


def test_threads_build_and_walk_graphs_at_once():
    alone = [model_gradients(n) for n in range(6)]

    def work(number):
        return [model_gradients(number) for _ in range(5)]

    for found, expected in zip(in_threads(work), alone, strict=True):
        for again in found:
            for f, e in zip(again, expected, strict=True):
                np.testing.assert_array_equal(f, e)


def test_threads_train_models_of_their_own():
    def work(number):
        model = nn.LSTM(2, 3)
        with minigrad.no_grad():
            for n, p in enumerate(model.parameters()):
                p.copy_(minigrad.arange(p.numel()).reshape(p.shape) * 0.01 + n * 0.1)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            (model(minigrad.ones(4, 1, 2) * 0.3)[0] ** 2).sum().backward()
            optimizer.step()
        return [array_of(p) for p in model.parameters()]

    first, *others = in_threads(work)
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_threads_read_the_same_leaves():
    """Each thread asks for gradients of its own graph on shared weights; `grad` writes nowhere."""
    w = drawn(3, 3)
    x = [tensor(RNG.standard_normal(3)) for _ in range(6)]

    def work(number):
        return [
            array_of(minigrad.autograd.grad((w @ x[number]).sin().sum(), w)[0]).tolist() for _ in range(20)
        ]

    alone = [work(n) for n in range(6)]
    assert in_threads(work) == alone
    assert w.grad is None


def test_a_failure_in_one_thread_is_its_own():
    def work(number):
        x = leaf(np.full(3, 1.0 + number))
        for _ in range(20):
            loss = ((failing_op(x) if number % 2 else x) * x).sum()
            if number % 2:
                with pytest.raises(ZeroDivisionError):
                    loss.backward()
            else:
                loss.backward()
            assert minigrad.is_grad_enabled()
        return None if x.grad is None else array_of(x.grad).tolist()

    assert in_threads(work) == [None if n % 2 else [40.0 * (1 + n)] * 3 for n in range(6)]


# ---- memory that was freed is used again ---------------------------------------------------------------
@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other allocators return memory by their own rules"
)
def test_arrays_of_a_step_take_the_memory_that_those_of_the_last_step_freed():
    code = """
import resource
import numpy as np
import minigrad

def step():
    arrays = [np.ones(2**19, np.float32) for _ in range(4)]

for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    pages = [
        float(
            subprocess.run(
                [sys.executable, "-c", c], env=plain, capture_output=True, text=True, check=True
            ).stdout
        )
        for c in (code, code.replace("import minigrad\n", ""))
    ]
    assert pages[0] < 10, f"{pages[0]} new pages a step; NumPy alone takes {pages[1]}"

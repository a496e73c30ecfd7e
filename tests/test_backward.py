"""`backward` and `grad` as users call them: leaf gradients, hooks, modes, and what is said to bad input."""

import numpy as np
import pytest

import minigrad
from minigrad.autograd import grad
from minigrad.engine import primitive
from tests.gradients import DEVICE, array_of, leaf, tensor

RNG = np.random.default_rng(0)


def drawn(*shape):
    """A leaf with random values."""
    return leaf(RNG.standard_normal(shape))


# ---- .grad -----------------------------------------------------------------------------------------------
def test_gradients_add_up_over_calls():
    x = drawn(3)
    for n in (1, 2, 3):
        (x * 2).sum().backward()
        assert array_of(x.grad).tolist() == [2 * n] * 3


def test_grad_is_the_same_tensor_and_may_be_cleared():
    x = drawn(3)
    (x * 2).sum().backward()
    first = x.grad
    (x * 2).sum().backward()
    assert x.grad is first
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad is not first
    x.grad.zero_()
    assert array_of(x.grad).tolist() == [0, 0, 0]


def test_gradients_of_two_leaves_never_share_memory():
    """One array may flow to several leaves: each must have its own."""
    x, y, z = drawn(3), drawn(3), drawn(3)
    g = tensor(RNG.standard_normal(3))
    ((x + y) + z).backward(g)
    arrays = [array_of(t) for t in (x.grad, y.grad, z.grad, g)]
    for i, a in enumerate(arrays):
        for b in arrays[i + 1 :]:
            assert not np.shares_memory(a, b)
    x.grad.zero_()
    assert array_of(y.grad).any()


@pytest.mark.parametrize(
    "view", [lambda t: t.t(), lambda t: t.reshape(3, 2), lambda t: t[:], lambda t: t.expand(2, 3)]
)
def test_gradient_that_is_a_view_of_the_cotangent_is_copied(view):
    x = drawn(2, 3)
    y = view(x)
    g = tensor(RNG.standard_normal(y.shape))
    y.backward(g)
    assert not np.shares_memory(array_of(x.grad), array_of(g))


def test_only_leaves_get_gradients_unless_retained():
    x = drawn(3)
    h = x * 2
    kept = h * 3
    kept.retain_grad()
    kept.retain_grad()
    kept.sum().backward()
    assert array_of(kept.grad).tolist() == [1, 1, 1]
    assert kept.retains_grad
    with pytest.warns(UserWarning, match="retain_grad"):
        assert h.grad is None


def test_detached_and_untracked_values_stop_gradients():
    x = drawn(3)
    y = (x.detach() * 2 + x.data * 3) * x
    y.sum().backward()
    np.testing.assert_allclose(array_of(x.grad), 5 * array_of(x))


def test_integers_take_part_without_gradient():
    x, whole = drawn(3), tensor(np.array([1, 2, 3]))
    (x * whole).sum().backward()
    assert array_of(x.grad).tolist() == [1, 2, 3]
    with pytest.raises(RuntimeError, match="floating point"):
        whole.requires_grad_()


def test_a_leaf_may_be_its_own_result():
    x = drawn()
    x.backward()
    assert x.grad.item() == 1


def test_create_graph_leaves_gradients_that_can_be_differentiated():
    x = drawn(3)
    (x**3).sum().backward(create_graph=True)
    (x.grad * x.grad).sum().backward(inputs=[x])
    np.testing.assert_allclose(array_of(x.grad), 3 * array_of(x) ** 2 + 36 * array_of(x) ** 3, rtol=1e-12)


def test_several_roots_with_weights():
    x = drawn(3)
    weights = [tensor(RNG.standard_normal(3)), tensor(np.array(2.0))]
    minigrad.autograd.backward([x * x, x.sum()], weights)
    np.testing.assert_allclose(array_of(x.grad), 2 * array_of(x) * array_of(weights[0]) + 2)


def test_inputs_get_gradients_and_nobody_else():
    x, y = drawn(3), drawn(3)
    h = x * y
    (h * h).sum().backward(inputs=[x, h])
    assert y.grad is None
    np.testing.assert_allclose(array_of(x.grad), 2 * array_of(x) * array_of(y) ** 2)


# ---- a failing formula -----------------------------------------------------------------------------------
def test_error_in_a_formula_leaves_every_grad_as_it_was():
    x, y, z = drawn(3), drawn(3), drawn(3)
    (x + y).sum().backward()
    before = [array_of(t.grad).copy() for t in (x, y)]

    def fails(g):
        raise ZeroDivisionError("in a formula")

    failing = primitive(x=fails)(lambda x: x * 1)
    loss = (failing(x * 2) + y * 3 + z).sum()
    with pytest.raises(ZeroDivisionError, match="in a formula"):
        loss.backward()
    for t, b in zip((x, y), before, strict=True):
        np.testing.assert_array_equal(array_of(t.grad), b)
    assert z.grad is None


# ---- grad() ----------------------------------------------------------------------------------------------
def test_grad_leaves_dot_grad_alone():
    x, y = drawn(3), drawn(3)
    gx, gy = grad((x * y).sum(), [x, y])
    np.testing.assert_array_equal(array_of(gx), array_of(y))
    np.testing.assert_array_equal(array_of(gy), array_of(x))
    assert x.grad is None
    assert y.grad is None


def test_grad_of_a_value_half_way():
    x = drawn(3)
    h = x.exp()
    (g,) = grad((h * h).sum(), h)
    np.testing.assert_allclose(array_of(g), 2 * array_of(h))


def test_grad_of_a_view_and_of_its_base():
    x = drawn(4)
    h = x * 1
    view = h[1:]
    h.mul_(3)
    gv, gh = grad((view * view).sum(), [view, h])
    np.testing.assert_allclose(array_of(gv), 2 * array_of(view))
    np.testing.assert_allclose(array_of(gh), 2 * array_of(h) * [0, 1, 1, 1])


def test_unused_inputs():
    x, y = drawn(3), drawn(2)
    loss = x.sum()
    with pytest.raises(RuntimeError, match=r"not have been used.*allow_unused"):
        grad(loss, [x, y], retain_graph=True)
    assert grad(loss, [x, y], allow_unused=True, retain_graph=True)[1] is None
    zeros = grad(loss, [x, y], materialize_grads=True, retain_graph=True)[1]
    assert zeros.tolist() == [0, 0]
    with pytest.raises(ValueError, match="allow_unused"):
        grad(loss, [x, y], allow_unused=False, materialize_grads=True)


def test_gradients_handed_out_are_their_own():
    x, y = drawn(3), drawn(3)
    g = tensor(RNG.standard_normal(3))
    found = grad(x + y, [x, y, x], g)
    found[0].zero_()
    assert array_of(found[1]).any()
    assert array_of(found[2]).any()
    assert array_of(g).any()


# ---- hooks -----------------------------------------------------------------------------------------------
def test_hooks_see_and_replace_gradients_of_leaves_and_others():
    x = drawn(3)
    h = x * 2
    seen = []
    x.register_hook(lambda g: seen.append(("x", array_of(g).tolist())))
    x.register_hook(lambda g: g * 10)
    h.register_hook(lambda g: g + 1)
    (h * 3).sum().backward()
    assert seen == [("x", [8, 8, 8])]
    assert array_of(x.grad).tolist() == [80, 80, 80]


def test_hooks_run_in_order_and_can_be_removed():
    x = drawn(2)
    order = []
    first = x.register_hook(lambda g: order.append(1))
    x.register_hook(lambda g: order.append(2))
    x.sum().backward()
    first.remove()
    x.sum().backward()
    with x.register_hook(lambda g: order.append(3)):
        x.sum().backward()
    x.sum().backward()
    assert order == [1, 2, 2, 2, 3, 2]


def test_hook_sees_the_sum_of_all_uses_once():
    x = drawn(2)
    h = x * 1
    calls = []
    h.register_hook(lambda g: calls.append(array_of(g).tolist()))
    (h * 2 + h * 3 + h.exp() * 0).sum().backward()
    assert calls == [[5, 5]]


def test_hooks_run_in_recorded_walks_and_in_grad():
    x = drawn(3)
    h = x * x
    h.register_hook(lambda g: g * 2)
    (g,) = grad(h.sum(), x, create_graph=True)
    np.testing.assert_allclose(array_of(g), 4 * array_of(x))
    (again,) = grad(g.sum(), x)
    assert array_of(again).tolist() == [4, 4, 4]


def test_post_accumulate_hook_sees_the_grad():
    x = drawn(2)
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append(array_of(t.grad).tolist()))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    handle.remove()
    (x * 2).sum().backward()
    assert seen == [[2, 2], [4, 4]]
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)


def test_hook_needs_a_gradient():
    with pytest.raises(RuntimeError, match="doesn't require grad"):
        tensor(np.zeros(2)).register_hook(print)
    with pytest.raises(RuntimeError, match="requires_grad=False"):
        tensor(np.zeros(2)).retain_grad()


# ---- modes -----------------------------------------------------------------------------------------------
SWITCHES = {
    "no_grad": (minigrad.no_grad, False),
    "enable_grad": (minigrad.enable_grad, True),
    "set_grad_enabled(False)": (lambda: minigrad.set_grad_enabled(False), False),
    "set_grad_enabled(True)": (lambda: minigrad.set_grad_enabled(True), True),
    "inference_mode": (minigrad.inference_mode, False),
    "inference_mode(False)": (lambda: minigrad.inference_mode(False), True),
}


def recorded() -> bool:
    return (drawn(2) * 2).requires_grad


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("name", SWITCHES)
def test_switches_as_contexts_and_decorators(name, outside):
    switch, inside = SWITCHES[name]
    with minigrad.set_grad_enabled(outside):
        with switch():
            assert recorded() is inside
        assert recorded() is outside
        assert switch()(recorded)() is inside
        assert recorded() is outside
        with pytest.raises(KeyError), switch():
            raise KeyError
        assert recorded() is outside
    assert recorded()


@pytest.mark.parametrize("name", SWITCHES)
def test_switches_on_generators_act_while_they_run(name):
    switch, inside = SWITCHES[name]

    @switch()
    def count(n):
        sent = None
        for i in range(n):
            sent = yield i, recorded(), sent
        return "end"

    def collected(generator):
        return (yield from generator)

    generator = count(3)
    assert next(generator) == (0, inside, None)
    assert recorded()
    assert generator.send("a") == (1, inside, "a")
    assert recorded()
    assert list(count(2)) == [(0, inside, None), (1, inside, None)]
    running = collected(count(1))
    next(running)
    with pytest.raises(StopIteration) as end:
        next(running)
    assert end.value.value == "end"


def test_switches_on_generators_pass_errors_in_and_close():
    closed = []

    @minigrad.no_grad()
    def careful():
        try:
            yield 1
        except KeyError:
            yield recorded()
        finally:
            closed.append(recorded())

    generator = careful()
    next(generator)
    assert generator.throw(KeyError()) is False
    generator.close()
    assert closed == [False]
    assert recorded()


def test_switch_without_parentheses_and_at_once():
    assert minigrad.no_grad(recorded)() is False
    minigrad.set_grad_enabled(False)
    try:
        assert not recorded()
    finally:
        minigrad.set_grad_enabled(True)
    assert minigrad.is_grad_enabled()
    with minigrad.inference_mode():
        assert minigrad.is_inference_mode_enabled()
    assert not minigrad.is_inference_mode_enabled()


def test_values_made_without_recording_have_no_history():
    x = drawn(3)
    with minigrad.no_grad():
        h = x * 2
        leaf_inside = tensor(np.ones(3)).requires_grad_()
    assert (h.requires_grad, h.is_leaf, leaf_inside.requires_grad) == (False, True, True)
    (h * leaf_inside).sum().backward()
    np.testing.assert_array_equal(array_of(leaf_inside.grad), array_of(h))


# ---- what is said to bad input ---------------------------------------------------------------------------
def test_errors_of_backward_are_sentences():
    x = drawn(2, 3)
    for call, kind, message in [
        (lambda: (x * 2).backward(), RuntimeError, r"scalar outputs.*\(2, 3\).*sum\(\).*gradient="),
        (lambda: tensor(np.ones(3)).sum().backward(), RuntimeError, "does not require grad"),
        (lambda: (x * 2).backward(tensor(np.ones(3))), RuntimeError, r"Mismatch in shape.*\(3,\).*\(2, 3\)"),
        (lambda: grad(x.sum(), tensor(np.ones(3))), RuntimeError, "does not require grad"),
        (lambda: grad([x.sum(), x.sum()], x, [None]), RuntimeError, "2 tensors and 1 gradients"),
        (lambda: x.sum().backward(inputs=[]), RuntimeError, "cannot be empty"),
        (lambda: (x * 2).requires_grad_(False), RuntimeError, r"leaf variables.*detach\(\)"),
        (lambda: x.item(), RuntimeError, "6 elements"),
        (lambda: bool(x), RuntimeError, "ambiguous"),
        (lambda: float(x), ValueError, "only one element tensors"),
        (lambda: x.numpy(), RuntimeError, r"requires grad.*detach\(\)\.numpy\(\)"),
        (
            lambda: x @ tensor(np.ones((2, 4))),
            RuntimeError,
            r"matmul: .*\(2, 3\).*\(2, 4\).*3 columns against 2 rows",
        ),
        (lambda: len(x.sum()), TypeError, "0-d"),
        (lambda: list(x.sum()), TypeError, "0-d"),
        (lambda: setattr(x, "grad", 3), TypeError, "Tensor or None"),
        (lambda: setattr(x, "grad", tensor(np.ones(3))), RuntimeError, r"\(3,\).*\(2, 3\)"),
        (lambda: setattr(x, "data", 3), TypeError, "tensor"),
        (lambda: x + "a", TypeError, "str"),
        (lambda: x.sum(5), IndexError, r"Dimension out of range.*\[-2, 1\].*5"),
    ]:
        with pytest.raises(kind, match=message):
            call()


def test_matmul_that_would_fit_transposed_says_so():
    with pytest.raises(RuntimeError, match=r"did you mean y\.T\?"):
        drawn(2, 3) @ drawn(2, 3)


@pytest.mark.skipif(DEVICE.type != "cpu", reason="an array of the host does not go beside a tensor elsewhere")
def test_arrays_beside_tensors_are_recorded():
    """NumPy would else take the tensor apart and drop its history without a word."""
    x, a = drawn(3), RNG.standard_normal(3)
    for result in (a * x, x * a, a + x, a - x, a / x):
        assert isinstance(result, minigrad.Tensor)
        assert result.requires_grad
    assert (2 * x).requires_grad
    assert (np.float64(2) * x).requires_grad

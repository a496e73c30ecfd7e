"""Hooks on what is kept for the backward pass: they see it, may change it, and change nothing else."""

import gc
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Function
from minigrad.autograd.graph import (
    allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks,
    save_on_cpu,
    saved_tensors_hooks,
)


def drawn(*shape, seed=0):
    return mg.tensor(np.random.default_rng(seed).standard_normal(shape)).requires_grad_()


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def vjp(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


def lstm(x):
    mg.manual_seed(0)
    layer = nn.LSTM(3, 3).double()
    return layer(x)[0]


FUNCTIONS = {
    "formula of one": lambda x: x.sin(),
    "formula of two": lambda x: x * (x + 1),
    "keeps its result": lambda x: x.exp().tanh(),
    "index": lambda x: x[np.array([0, 0, 1])] ** 2,
    "several results": lambda x: mg.linalg.eigh(x @ x.mT)[0],
    "fused": lambda x: nn.functional.layer_norm(x, (3,)) ** 2,
    "recurrent": lstm,
    "of a user": Cube.apply,
}


def gradients(function, x, record=False):
    y = function(x)
    cotangent = mg.tensor(np.random.default_rng(1).standard_normal(y.shape))
    first = mg.autograd.grad(y, x, cotangent, create_graph=True)[0]
    return first, mg.autograd.grad(first.square().sum(), x)[0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_packed_and_unpacked_gives_the_same_gradients(name):
    """Of first and second order, through hooks that keep text in place of tensors."""
    x, function = drawn(3, 3), FUNCTIONS[name]
    seen = []

    def pack(t):
        assert isinstance(t, mg.Tensor)
        assert not t.requires_grad
        seen.append(t.shape)
        return t.numpy().tobytes(), t.numpy().dtype, tuple(t.shape)

    def unpack(kept):
        data, dtype, shape = kept
        return mg.tensor(np.frombuffer(data, dtype).reshape(shape).copy())

    expected = gradients(function, x)
    with saved_tensors_hooks(pack, unpack):
        found = gradients(function, x)
    assert seen
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f.detach(), e.detach(), rtol=1e-12)


def test_what_hooks_change_is_what_formulas_see():
    x = drawn(4)
    with saved_tensors_hooks(lambda t: t, lambda t: t * 2):
        y = x * x.detach()
    y.sum().backward()
    np.testing.assert_allclose(x.grad, 2 * x.detach())
    z = drawn(4)
    with saved_tensors_hooks(lambda t: t, lambda t: t + 1):
        y = Cube.apply(z)
    y.sum().backward()
    np.testing.assert_allclose(z.grad, 3 * (z.detach() + 1) ** 2)


def test_hooks_act_inside_only_and_the_innermost_counts():
    seen = []
    x = drawn(3)
    outer = saved_tensors_hooks(lambda t: seen.append("outer") or t, lambda t: t)
    inner = saved_tensors_hooks(lambda t: seen.append("inner") or t, lambda t: t)
    with outer:
        x.sin()
        with inner:
            x.sin()
        x.sin()
        with mg.no_grad():
            x.sin()
    assert type(x.sin().grad_fn.node) is mg.engine.Node
    assert seen == ["outer", "inner", "outer"]


def test_another_thread_is_not_packed():
    x, found = drawn(3), []

    def other():
        found.append(x.sin())

    with saved_tensors_hooks(lambda t: pytest.fail("packed"), lambda t: t):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    found[0].sum().backward()
    np.testing.assert_allclose(x.grad, x.detach().cos())


def test_packing_lets_go_of_what_it_replaces():
    x = drawn(3)
    with saved_tensors_hooks(lambda t: None, lambda kept: mg.ones(3, dtype=mg.float64)):
        middle = x * 2
        y = middle.sin()
    alive = weakref.ref(middle)
    gc.disable()
    try:
        del middle
        assert alive() is None
    finally:
        gc.enable()
    y.sum().backward()
    np.testing.assert_allclose(x.grad, np.full(3, 2 * np.cos(1.0)))


def test_freed_values_are_not_there_for_a_second_walk():
    x = drawn(3)
    with saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x.sin().sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_an_unpack_hook_must_return_a_tensor():
    x = drawn(3)
    with saved_tensors_hooks(lambda t: 1, lambda kept: kept):
        y = x.sin().sum()
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor but got result of type int"):
        y.backward()


def test_saving_on_the_cpu_keeps_gradients():
    x = drawn(3, 3)
    with save_on_cpu():
        found = gradients(lambda x: x.exp() @ x, x)
    for f, e in zip(found, gradients(lambda x: x.exp() @ x, x), strict=True):
        np.testing.assert_allclose(f.detach(), e.detach())
    with pytest.raises(NotImplementedError, match="pin_memory"):
        save_on_cpu(pin_memory=True)


def test_kept_tensors_may_be_written_to_where_that_is_allowed():
    x = drawn(3)
    with allow_mutation_on_saved_tensors():
        middle = x * 1
        y = middle.sin()
        middle.zero_()
        y.sum().backward()
    np.testing.assert_allclose(x.grad, x.detach().cos())
    middle = x * 1
    y = middle.sin()
    middle.zero_()
    with pytest.raises(RuntimeError, match="inplace"):
        y.sum().backward()


def test_hooks_can_be_forbidden():
    with disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"), saved_tensors_hooks(id, id):
            pass
        drawn(3).sin().sum().backward()
    with saved_tensors_hooks(lambda t: t, lambda t: t):
        drawn(3).sin().sum().backward()


def test_a_version_can_be_moved_by_hand():
    x = drawn(3)
    middle = x * 1
    y = middle.sin().sum()
    mg.autograd.graph.increment_version(middle)
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        y.backward()

"""Optimizers: rules against formulas written by hand, what they keep, and that no way of stepping differs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import optim
from minigrad.ops import from_numpy
from minigrad.optim import layout

from .optim_cases import RULES, assert_same, give_gradients, parameter, step_both, twins, values


# ---- rules ---------------------------------------------------------------------------------------
def sgd(p, grads, lr=0.1, momentum=0.9, dampening=0.3, decay=0.1):
    b = None
    for g in grads:
        g = g + decay * p
        b = g if b is None else momentum * b + (1 - dampening) * g
        p = p - lr * b
    return p


def adam(p, grads, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    m = v = 0
    for t, g in enumerate(grads, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        p = p - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return p


def adamw(p, grads, lr=0.1, decay=0.01):
    m = v = 0
    for t, g in enumerate(grads, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        p = p - lr * decay * p - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p


def rmsprop(p, grads, lr=0.1, alpha=0.99, eps=1e-8):
    v = 0
    for g in grads:
        v = alpha * v + (1 - alpha) * g * g
        p = p - lr * g / (np.sqrt(v) + eps)
    return p


def adagrad(p, grads, lr=0.1, lr_decay=0.1, start=0.1, eps=1e-10):
    s = start
    for t, g in enumerate(grads):
        s = s + g * g
        p = p - lr / (1 + t * lr_decay) * g / (np.sqrt(s) + eps)
    return p


def rprop(p, grads, lr=0.1):
    size, before = np.full_like(p, lr), np.zeros_like(p)
    for g in grads:
        turned, kept = g * before < 0, g * before > 0
        size = np.clip(np.where(turned, 0.5 * size, np.where(kept, 1.2 * size, size)), 1e-6, 50)
        before = np.where(turned, 0, g)
        p = p - np.sign(before) * size
    return p


def nesterov(p, grads, lr=0.1, momentum=0.9):
    b = 0
    for g in grads:
        b = momentum * b - g
        p = p - lr * (-g + momentum * b)
    return p


def amsgrad(p, grads, lr=0.1, decay=0.1):
    m = v = top = 0
    for t, g in enumerate(grads, 1):
        g = decay * p - g
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        top = np.maximum(top, v)
        p = p - lr * (m / (1 - 0.9**t)) / (np.sqrt(top / (1 - 0.999**t)) + 1e-8)
    return p


def rmsprop_centered(p, grads, lr=0.1, alpha=0.99, momentum=0.9, eps=1e-8):
    v = mean = b = 0
    for g in grads:
        v, mean = alpha * v + (1 - alpha) * g * g, alpha * mean + (1 - alpha) * g
        b = momentum * b + g / (np.sqrt(v - mean**2) + eps)
        p = p - lr * b
    return p


def adadelta(p, grads, rho=0.9, eps=1e-6, decay=0.1):
    v = u = 0
    for g in grads:
        g = g + decay * p
        v = rho * v + (1 - rho) * g * g
        d = np.sqrt(u + eps) / np.sqrt(v + eps) * g
        u = rho * u + (1 - rho) * d * d
        p = p - d
    return p


def adamax(p, grads, lr=0.1, eps=1e-8):
    m = u = 0
    for t, g in enumerate(grads, 1):
        m, u = 0.9 * m + 0.1 * g, np.maximum(0.999 * u, np.abs(g) + eps)
        p = p - lr / (1 - 0.9**t) * m / u
    return p


def nadam(p, grads, lr=0.1, decay=0.1, momentum_decay=0.004, eps=1e-8):
    m, v, product = 0, 0, 1
    for t, g in enumerate(grads, 1):
        p = p - lr * decay * p
        mu, ahead = (0.9 * (1 - 0.5 * 0.96 ** (s * momentum_decay)) for s in (t, t + 1))
        product = product * mu
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        step = (1 - mu) / (1 - product) * g + ahead / (1 - product * ahead) * m
        p = p - lr * step / (np.sqrt(v / (1 - 0.999**t)) + eps)
    return p


def radam(p, grads, lr=0.1, beta2=0.999, eps=1e-8):
    m = v = 0
    most = 2 / (1 - beta2) - 1
    for t, g in enumerate(grads, 1):
        m, v = 0.9 * m + 0.1 * g, beta2 * v + (1 - beta2) * g * g
        rho = most - 2 * t * beta2**t / (1 - beta2**t)
        step = m / (1 - 0.9**t)
        if rho > 5:
            r = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
            step = step * r * np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps)
        p = p - lr * step
    return p


def asgd(p, grads, lr=0.1, lambd=0.1, alpha=0.75):
    eta = lr
    for t, g in enumerate(grads, 1):
        p = p - eta * (g + lambd * p)
        eta = lr / (1 + lambd * lr * t) ** alpha
    return p


FORMULAS = {
    "SGD momentum": sgd,
    "SGD nesterov": nesterov,
    "Adam": adam,
    "Adam amsgrad": amsgrad,
    "AdamW": adamw,
    "RMSprop": rmsprop,
    "RMSprop centered": rmsprop_centered,
    "Adagrad": adagrad,
    "Adadelta": adadelta,
    "Adamax": adamax,
    "NAdam": nadam,
    "RAdam": radam,
    "ASGD": asgd,
    "Rprop": rprop,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_follows_its_formula(name):
    rng = np.random.default_rng(1)
    p = parameter(rng)
    grads = rng.standard_normal((7, *p.shape))
    wanted = FORMULAS[name](p.array.copy(), grads)
    cls, options = RULES[name]
    opt = cls([p], **options)
    for g in grads:
        p.grad = from_numpy(g)
        opt.step()
    np.testing.assert_allclose(p.array, wanted, rtol=1e-6)


def test_asgd_keeps_the_average_of_what_follows_t0():
    rng = np.random.default_rng(32)
    p = parameter(rng)
    opt = optim.ASGD([p], lr=0.1, t0=2)
    seen = []
    for _ in range(6):
        give_gradients([p], rng)
        opt.step()
        seen.append(p.array.copy())
    np.testing.assert_allclose(opt.state[p]["ax"].array, np.mean(seen[3:], axis=0), rtol=1e-6)


# ---- one rule, two speeds ------------------------------------------------------------------------
shapes = st.lists(st.sampled_from([(), (1,), (3,), (2, 3), (4, 1, 2), (0,), (7, 5)]), min_size=1, max_size=6)


def alone(name, arrays, history, group_options):
    """What each parameter becomes in an optimizer of its own, in one block: the rule and nothing else."""
    cls, options = RULES[name]
    opts = []
    for array, own in zip(arrays, group_options, strict=True):
        opts.append(cls([{"params": [from_numpy(array.copy())], **own}], **options))
    for grads in history:
        for opt, g in zip(opts, grads, strict=True):
            opt.param_groups[0]["params"][0].grad = None if g is None else from_numpy(g)
            opt.step()
    return [opt.param_groups[0]["params"][0].array for opt in opts]


@given(st.sampled_from(list(RULES)), shapes, st.integers(0, 2**32), st.sampled_from(["float32", "float64"]))
def test_together_as_alone(name, sizes, seed, dtype):
    """Gathered, in blocks, with gradients missing here and there: each parameter moves as it would alone."""
    rng = np.random.default_rng(seed)
    cls, options = RULES[name]
    arrays = [rng.standard_normal(n).astype(dtype) for n in sizes]
    history = [
        [rng.standard_normal(n).astype(dtype) if rng.random() < 0.8 else None for n in sizes]
        for _ in range(6)
    ]
    params = [from_numpy(a.copy()) for a in arrays]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "SMALL", 6)  # so that these sizes meet buckets, full ones, and blocks
        patch.setattr(layout, "BUCKET", 12)
        patch.setattr(layout, "BLOCK", 4)
        opt = cls(params, **options)
        for grads in history:
            for p, g in zip(params, grads, strict=True):
                p.grad = None if g is None else from_numpy(g)
            opt.step()
    wanted = alone(name, arrays, history, [{}] * len(sizes))
    for p, w in zip(params, wanted, strict=True):
        np.testing.assert_allclose(p.array, w, rtol=1e-12 if dtype == "float64" else 1e-4, atol=1e-30)


def test_groups_have_their_own_options():
    rng = np.random.default_rng(2)
    a, b = parameter(rng), parameter(rng)
    start = a.array.copy(), b.array.copy()
    opt = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1)
    give_gradients([a, b], rng)
    opt.step()
    np.testing.assert_allclose(a.array, start[0] - 0.1 * a.grad.array)
    np.testing.assert_allclose(b.array, start[1] - 0.5 * b.grad.array)


@pytest.mark.parametrize("name", RULES)
def test_mixed_dtypes_and_layouts(name):
    rng = np.random.default_rng(3)
    cls, options = RULES[name]
    transposed = from_numpy(rng.standard_normal((4, 3)).T)
    params = [
        parameter(rng, (5,), "float32"),
        transposed,
        parameter(rng, (), "float64"),
        parameter(rng, (2, 2)),
    ]
    params.append(from_numpy(rng.standard_normal((2, 3)) + 1j * rng.standard_normal((2, 3))))
    arrays = [p.array.copy() for p in params]
    history = [[rng.standard_normal(a.shape).astype(a.dtype) for a in arrays] for _ in range(4)]
    opt = cls(params, **options)
    for grads in history:
        for p, g in zip(params, grads, strict=True):
            p.grad = from_numpy(g)
        opt.step()
    assert transposed.array.flags.f_contiguous
    for p, w in zip(params, alone(name, arrays, history, [{}] * 5), strict=True):
        assert p.array.dtype == w.dtype
        np.testing.assert_allclose(p.array, w, rtol=1e-4 if w.dtype == "float32" else 1e-12)


# ---- what users do to parameters and state -------------------------------------------------------
@pytest.mark.parametrize("name", ["SGD momentum", "Adam", "ASGD"])
def test_data_may_be_replaced_between_steps(name):
    one, other = twins(name)
    rng = np.random.default_rng(5)
    for _ in range(3):
        step_both(one, other, rng)
        for p in one.param_groups[0]["params"]:
            p.data = from_numpy(p.array.copy(order="F"))  # the same values somewhere else
    assert_same(values(one), values(other), 1e-12)


def test_views_of_a_parameter_see_its_steps():
    rng = np.random.default_rng(6)
    p = parameter(rng)
    row, memory = p.detach()[0], p.array
    opt = optim.Adam([p])
    give_gradients([p], rng)
    opt.step()
    assert p.array is memory
    np.testing.assert_array_equal(row.array, p.array[0])


@pytest.mark.parametrize("name", ["SGD momentum", "Adam"])
def test_state_can_be_written_in_place_and_replaced(name):
    one, other = twins(name)
    rng = np.random.default_rng(7)
    step_both(one, other, rng)
    for opt, change in ((one, "in place"), (other, "new")):
        for p in opt.param_groups[0]["params"]:
            for key, tensor in opt.state[p].items():
                if key == "step":
                    continue
                if change == "new":
                    opt.state[p][key] = from_numpy(np.asarray(tensor.array * 0.5))
                else:
                    tensor.mul_(0.5)
    for _ in range(2):
        step_both(one, other, rng)
    assert_same(values(one), values(other), 1e-12)


def test_state_may_be_dropped():
    one, other = twins("Adam")
    rng = np.random.default_rng(8)
    step_both(one, other, rng)
    for opt in (one, other):
        opt.state.clear()
    fresh = optim.Adam([from_numpy(p.array.copy()) for p in other.param_groups[0]["params"]], lr=0.1)
    step_both(one, fresh, rng)
    assert_same(values(one), values(fresh), 1e-12)


def test_state_may_hold_more():
    one, other = twins("Adam")
    rng = np.random.default_rng(9)
    step_both(one, other, rng)
    one.state[one.param_groups[0]["params"][0]]["note"] = "mine"
    step_both(one, other, rng)
    assert one.state[one.param_groups[0]["params"][0]].pop("note") == "mine"
    assert_same(values(one), values(other), 1e-12)


def test_state_tensors_stay_the_same_objects():
    one, other = twins("Adam")
    rng = np.random.default_rng(10)
    step_both(one, other, rng)
    p = one.param_groups[0]["params"][0]
    held = one.state[p]["exp_avg"]
    before = held.array.copy()
    one.add_param_group({"params": [parameter(rng)]})
    give_gradients([p], rng)
    one.step()
    assert one.state[p]["exp_avg"] is held
    assert not np.array_equal(held.array, before)


def test_a_parameter_in_two_optimizers():
    rng = np.random.default_rng(11)
    p, q = parameter(rng), None
    q = from_numpy(p.array.copy())
    first, second = optim.SGD([p], lr=0.1, momentum=0.9), optim.Adam([p], lr=0.1)
    for _ in range(3):
        give_gradients([p], rng)
        start = p.array.copy()
        first.step()
        middle = p.array.copy()
        second.step()
        assert not np.array_equal(start, middle)
        assert not np.array_equal(middle, p.array)
    assert set(first.state[p]) == {"momentum_buffer"}
    assert second.state[p]["step"].item() == 3
    assert q.shape == p.shape


def test_a_parameter_named_twice_is_stepped_twice():
    rng = np.random.default_rng(12)
    p = parameter(rng)
    q = from_numpy(p.array.copy())
    with pytest.warns(UserWarning, match="duplicate parameters"):
        opt = optim.Adam([p, p], lr=0.1)
    once = optim.Adam([q], lr=0.1)
    for _ in range(2):
        give_gradients([p], rng)
        q.grad = p.grad
        opt.step()
        once.step()
        once.step()
    np.testing.assert_allclose(p.array, q.array, rtol=1e-12)
    assert opt.state[p]["step"].item() == 4


@pytest.mark.parametrize("name", RULES)
def test_every_step_moves_the_version(name):
    one, _ = twins(name)
    params = one.param_groups[0]["params"]
    give_gradients(params, np.random.default_rng(13), [True, False, True])
    before = [p._version for p in params]
    one.step()
    assert [p._version - b for p, b in zip(params, before, strict=True)] == [1, 0, 1]


def test_backward_refuses_a_parameter_that_was_stepped():
    p = from_numpy(np.array([2.0, 3.0])).requires_grad_()
    loss = (p * p).sum()
    p.grad = from_numpy(np.array([0.5, -0.25]))
    optim.SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


# ---- a step that fails ---------------------------------------------------------------------------
def misfits(p):
    """Ways in which a parameter and its gradient come apart."""
    return {
        "shape": lambda: setattr(p, "data", from_numpy(np.zeros((9, 9)))),
        "dtype": lambda: setattr(p, "data", from_numpy(p.array.astype("float32"))),
    }


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("what", ["shape", "dtype"])
def test_a_step_that_fails_changes_nothing(name, what):
    rng = np.random.default_rng(14)
    cls, options = RULES[name]
    params = [parameter(rng), parameter(rng, (3,)), parameter(rng, (2,))]
    opt = cls([{"params": params[:2]}, {"params": params[2:]}], **options)
    give_gradients(params, rng)
    opt.step()
    give_gradients(params, rng)
    misfits(params[2])[what]()
    before, versions = values(opt), [p._version for p in params]
    with pytest.raises(RuntimeError, match=r"parameter 0 of group 1 .*its gradient"):
        opt.step()
    assert_same(values(opt), before)
    assert [p._version for p in params] == versions


def test_a_read_only_parameter_is_refused():
    p = from_numpy(np.ones(3))
    p.array.flags.writeable = False
    p.grad = from_numpy(np.array([1.0, 2.0, 3.0]))
    with pytest.raises(RuntimeError, match="read-only"):
        optim.SGD([p]).step()


def test_nan_is_not_an_error():
    p = from_numpy(np.ones(2))
    p.grad = from_numpy(np.array([np.nan, 1.0]))
    optim.Adam([p], lr=0.1).step()
    assert np.isnan(p.array[0])
    np.testing.assert_allclose(p.array[1], 0.9)


def test_state_of_another_shape_is_refused():
    rng = np.random.default_rng(15)
    source, target = optim.Adam([parameter(rng, (4,))]), optim.Adam([parameter(rng, (3,))])
    give_gradients(source.param_groups[0]["params"], rng)
    source.step()
    target.load_state_dict(source.state_dict())
    give_gradients(target.param_groups[0]["params"], rng)
    before = target.param_groups[0]["params"][0].array.copy()
    with pytest.raises(RuntimeError, match=r"parameter 0 of group 0: its state 'exp_avg' has shape \(4,\)"):
        target.step()
    np.testing.assert_array_equal(target.param_groups[0]["params"][0].array, before)

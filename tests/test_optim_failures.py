"""A step that fails leaves parameters, state and versions as they were, wherever it fails; the next one
goes on as if nothing had been.
"""

import copy

import numpy as np
import pytest
from optim_cases import ALL, give_gradients, parameter, values

import minigrad as torch
from minigrad import optim
from minigrad.ops import from_numpy

SHAPES = [(3, 2), (2, 4), (5, 2), (2, 2)]


class InjectedError(Exception):
    """What the tests raise."""


def stepped(name, groups=2):
    """An optimizer that has made two steps, with new gradients, and its parameters."""
    rng = np.random.default_rng(3)
    cls, options = ALL[name]
    params = [parameter(rng, shape) for shape in SHAPES]
    cut = len(params) // groups
    opt = cls([{"params": params[i : i + cut], "lr": 0.1} for i in range(0, len(params), cut)], **options)
    for _ in range(2):
        give_gradients(params, rng)
        opt.step()
    give_gradients(params, rng)
    return opt, params


def snapshot(opt, params):
    saved = copy.deepcopy(opt.state_dict())
    return values(opt), [p._version for p in params], saved["param_groups"], list(saved["state"])


def assert_unchanged(opt, params, before):
    (arrays, state), versions, groups, keys = before
    now, now_state = values(opt)
    for a, b in zip(now, arrays, strict=True):
        np.testing.assert_array_equal(a, b)
    assert now_state.keys() == state.keys()
    for key, value in state.items():
        np.testing.assert_array_equal(now_state[key], value)
    assert [p._version for p in params] == versions
    assert list(opt.state_dict()["state"]) == keys
    assert opt.state_dict()["param_groups"] == groups


def assert_goes_on(name, opt, params):
    """The next step is that of an optimizer to which nothing has happened."""
    other, others = stepped(name)
    opt.step()
    other.step()
    for p, q in zip(params, others, strict=True):
        np.testing.assert_array_equal(p.array, q.array)


def wrong_shape(p):
    p.held_grad = from_numpy(np.ones((7, 7)))


def wrong_dtype(p):
    p.held_grad = from_numpy(np.ones(p.array.shape, "float32"))


def read_only(p):
    p.array.flags.writeable = False


def mend(p, grad):
    p.array.flags.writeable = True
    p.held_grad = grad


@pytest.mark.parametrize("place", range(len(SHAPES)))
@pytest.mark.parametrize("spoil", [wrong_shape, wrong_dtype, read_only])
@pytest.mark.parametrize("name", ALL)
def test_a_parameter_that_does_not_fit(name, spoil, place):
    opt, params = stepped(name)
    held, before = params[place].held_grad, snapshot(opt, params)
    spoil(params[place])
    if spoil is read_only:
        opt._layouts = {}  # so that it is looked at anew, as after loading
    with pytest.raises(RuntimeError, match=r"parameter"):
        opt.step()
    mend(params[place], held)
    assert_unchanged(opt, params, before)
    assert_goes_on(name, opt, params)


@pytest.mark.parametrize("place", range(len(SHAPES)))
@pytest.mark.parametrize("name", ALL)
def test_state_of_another_shape(name, place):
    opt, params = stepped(name)
    key = next((k for k, v in opt.state[params[place]].items() if v.array.ndim), None)
    if key is None:
        return  # plain SGD remembers nothing
    good = opt.state[params[place]][key]
    opt.state[params[place]][key] = from_numpy(np.ones((9, 9, 9)))
    arrays = [p.array.copy() for p in params]
    with pytest.raises((RuntimeError, ValueError)):
        opt.step()
    for p, a in zip(params, arrays, strict=True):
        np.testing.assert_array_equal(p.array, a)
    opt.state[params[place]][key] = good
    assert_goes_on(name, opt, params)


@pytest.mark.parametrize("name", ALL)
def test_a_closure_that_raises(name):
    opt, params = stepped(name)
    before = snapshot(opt, params)

    def closure():
        raise InjectedError

    with pytest.raises(InjectedError):
        opt.step(closure)
    assert_unchanged(opt, params, before)
    assert_goes_on(name, opt, params)


@pytest.mark.parametrize("name", ALL)
def test_a_hook_that_raises_before_the_step(name):
    opt, params = stepped(name)
    before = snapshot(opt, params)

    def refuse(optimizer, args, kwargs):
        for p in params:
            if np.isnan(p.grad.array).any():
                raise InjectedError

    handle = opt.register_step_pre_hook(refuse)
    good = params[2].held_grad
    params[2].held_grad = good * float("nan")
    with pytest.raises(InjectedError):
        opt.step()
    params[2].held_grad = good
    handle.remove()
    assert_unchanged(opt, params, before)
    assert_goes_on(name, opt, params)


@pytest.mark.parametrize("place", range(3))
def test_a_gradient_hook_that_raises_in_the_closure(place):
    """The walk raises halfway: no parameter has moved, and the optimizer knows of no step."""
    params = [torch.randn(3, requires_grad=True) for _ in range(3)]
    opt = optim.Adam(params)

    def refuse(g):
        raise InjectedError

    params[place].register_hook(refuse)

    def closure():
        opt.zero_grad()
        loss = sum((p * p).sum() for p in params)
        loss.backward()
        return loss

    arrays = [p.detach().clone() for p in params]
    with pytest.raises(InjectedError):
        opt.step(closure)
    assert all(torch.equal(p, a) for p, a in zip(params, arrays, strict=True))
    assert not opt.state_dict()["state"]


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("evaluation", range(1, 7))
def test_lbfgs_at_each_evaluation(search, evaluation):
    p = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    opt = optim.LBFGS([p], lr=0.001 if search is None else 1.0, max_iter=8, line_search_fn=search)

    def closure():
        opt.zero_grad()
        loss = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
        loss.backward()
        return loss

    opt.step(closure)
    value, saved, calls = p.detach().clone(), copy.deepcopy(opt.state_dict()), []

    def failing():
        calls.append(1)
        if len(calls) == evaluation:
            raise InjectedError
        return closure()

    with pytest.raises(InjectedError):
        opt.step(failing)
    assert torch.equal(p, value)
    kept = opt.state_dict()["state"][0]
    for key, wanted in saved["state"][0].items():
        assert same(kept[key], wanted), key


def same(a, b):
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def test_loading_that_fails_changes_nothing():
    opt, params = stepped("Adam")
    before = snapshot(opt, params)
    saved = copy.deepcopy(opt.state_dict())
    saved["param_groups"].pop()
    with pytest.raises(ValueError, match="different number of parameter groups"):
        opt.load_state_dict(saved)
    assert_unchanged(opt, params, before)


def test_a_group_that_cannot_be_added_is_not():
    opt, params = stepped("Adam")
    before = snapshot(opt, params)
    for bad, error in (
        ({"params": [params[0]]}, ValueError),
        ({"params": [3]}, TypeError),
        ({"params": [parameter(np.random.default_rng(1))], "differentiable": True}, NotImplementedError),
        ({"params": [parameter(np.random.default_rng(1))], "capturable": True}, NotImplementedError),
    ):
        with pytest.raises(error):
            opt.add_param_group(bad)
        assert len(opt.param_groups) == 2, bad
    assert_unchanged(opt, params, before)

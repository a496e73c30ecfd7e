"""Optimizers as containers: saving, loading, copying, options, hooks; and L-BFGS."""

import copy
import pickle
import warnings

import numpy as np
import pytest

from minigrad import optim
from minigrad.ops import from_numpy
from minigrad.optim import optimizer

from .optim_cases import RULES, assert_same, give_gradients, parameter, step_both, twins, values


# ---- the optimizer as a container ----------------------------------------------------------------
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("way", ["state dict", "pickle", "deepcopy"])
def test_continues_from_a_copy(name, way):
    one, other = twins(name)
    rng = np.random.default_rng(16)
    for _ in range(3):
        step_both(one, other, rng)
    if way == "state dict":
        cls, options = RULES[name]
        copied = cls(
            [from_numpy(p.array.copy()) for p in one.param_groups[0]["params"]], **{**options, "lr": 9.0}
        )
        copied.load_state_dict(copy.deepcopy(one.state_dict()))
    else:
        copied = copy.deepcopy(one) if way == "deepcopy" else pickle.loads(pickle.dumps(one))
    for _ in range(3):
        step_both(one, other, np.random.default_rng(17))
    for _ in range(3):
        give_gradients(copied.param_groups[0]["params"], np.random.default_rng(17))
        copied.step()
    assert_same(values(one), values(other))
    assert_same(values(one), values(copied), 1e-12)


def test_loaded_state_is_a_copy():
    one, other = twins("Adam")
    rng = np.random.default_rng(18)
    step_both(one, other, rng)
    other.load_state_dict(one.state_dict())
    before = values(one)
    give_gradients(other.param_groups[0]["params"], rng)
    other.step()
    assert_same(values(one), before)


def test_state_dict_layout():
    rng = np.random.default_rng(19)
    a, b, c = parameter(rng), parameter(rng, (2,)), parameter(rng, (1,))
    opt = optim.Adam([{"params": [a, b]}, {"params": [c], "lr": 0.5}], amsgrad=True)
    give_gradients([a, b, c], rng, [True, False, True])
    opt.step()
    saved = opt.state_dict()
    assert [group["params"] for group in saved["param_groups"]] == [[0, 1], [2]]
    assert set(saved["state"]) == {0, 2}
    assert list(saved["state"][2]) == ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
    step = saved["state"][0]["step"]
    assert step.shape == ()
    assert str(step.dtype) == "torch.float32"
    assert step.item() == 1


def test_stateless_sgd_has_no_state():
    one, other = twins("SGD")
    step_both(one, other, np.random.default_rng(20))
    assert one.state_dict()["state"] == {}


def test_load_checks_the_groups():
    one, _ = twins("Adam")
    rng = np.random.default_rng(21)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        one.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        one.load_state_dict(optim.Adam([parameter(rng)]).state_dict())


def test_adamw_stays_adamw():
    rng = np.random.default_rng(22)
    opt = optim.AdamW([parameter(rng)])
    opt.load_state_dict(optim.Adam([parameter(rng)]).state_dict())
    assert opt.param_groups[0]["decoupled_weight_decay"] is True


def test_repr():
    text = repr(optim.SGD([from_numpy(np.ones(1))], lr=0.5))
    assert text.startswith("SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n")
    assert text.endswith(
        "    lr: 0.5\n    maximize: False\n    momentum: 0\n    nesterov: False\n    weight_decay: 0\n)"
    )


def test_zero_grad():
    rng = np.random.default_rng(23)
    p = parameter(rng)
    opt = optim.SGD([p])
    give_gradients([p], rng)
    held = p.grad
    opt.zero_grad(set_to_none=False)
    assert p.grad is held
    assert not held.array.any()
    opt.zero_grad()
    assert p.grad is None


def test_closure_returns_its_loss():
    p = from_numpy(np.array([3.0])).requires_grad_()
    opt = optim.SGD([p], lr=0.1)

    def closure():
        opt.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert opt.step(closure).item() == 9.0
    np.testing.assert_allclose(p.array, [2.4])


def test_lr_as_a_tensor():
    p = from_numpy(np.array([3.0]))
    p.grad = from_numpy(np.array([2.0]))
    rate = from_numpy(np.array(0.25))
    optim.SGD([p], lr=rate).step()
    np.testing.assert_allclose(p.array, [2.5])


BAD_PARAMS = [
    (lambda p: p, TypeError, "should be an iterable of Tensors or dicts"),
    (lambda p: [], ValueError, "empty parameter list"),
    (lambda p: [3], TypeError, "can only optimize Tensors"),
    (lambda p: [p * 2], ValueError, "non-leaf"),
    (lambda p: [{"params": {p}}], TypeError, "sets will change between runs"),
    (lambda p: [{"params": [p]}, {"params": [p]}], ValueError, "more than one parameter group"),
    (lambda p: [("w", p), p.detach()], ValueError, "with/without names"),
    (lambda p: [{"params": [("w", p)]}, {"params": [p.detach()]}], ValueError, "without names"),
]


@pytest.mark.parametrize(("params", "error", "words"), BAD_PARAMS)
def test_refuses_parameters(params, error, words):
    p = parameter(np.random.default_rng(24))
    with pytest.raises(error, match=words):
        optim.SGD(params(p), lr=0.1)


BAD_OPTIONS = [
    (optim.SGD, {"lr": -1}, ValueError, "Invalid learning rate: -1"),
    (optim.SGD, {"momentum": -1}, ValueError, "Invalid momentum value: -1"),
    (optim.SGD, {"nesterov": True}, ValueError, "Nesterov momentum requires a momentum"),
    (optim.Adam, {"betas": (1.0, 0.9)}, ValueError, "Invalid beta parameter at index 0: 1.0"),
    (optim.Adam, {"eps": -1}, ValueError, "Invalid epsilon value: -1"),
    (optim.Adam, {"weight_decay": -1}, ValueError, "Invalid weight_decay value: -1"),
    (optim.Adam, {"fused": True, "foreach": True}, RuntimeError, "cannot be `True` together"),
    (optim.Adam, {"differentiable": True}, NotImplementedError, "differentiable=True is not supported"),
    (optim.Adam, {"capturable": True}, NotImplementedError, "capturable=True is not supported"),
    (optim.RMSprop, {"alpha": -1}, ValueError, "Invalid alpha value: -1"),
    (optim.Adadelta, {"rho": 2}, ValueError, "Invalid rho value: 2"),
    (optim.NAdam, {"momentum_decay": -1}, ValueError, "Invalid momentum_decay value: -1"),
    (optim.Rprop, {"etas": (2.0, 1.2)}, ValueError, "Invalid eta values: 2.0, 1.2"),
    (optim.LBFGS, {"lr": -1}, ValueError, "Invalid learning rate"),
]


@pytest.mark.parametrize(("cls", "options", "error", "words"), BAD_OPTIONS)
def test_refuses_options(cls, options, error, words):
    with pytest.raises(error, match=words):
        cls([parameter(np.random.default_rng(25))], **options)


def test_required_options():
    class Mine(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": optimizer.required})

    with pytest.raises(ValueError, match="required optimization parameter lr"):
        Mine([parameter(np.random.default_rng(26))])


def test_names_are_kept():
    rng = np.random.default_rng(27)
    opt = optim.SGD([("weight", parameter(rng)), ("bias", parameter(rng))])
    assert opt.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    opt.load_state_dict(optim.SGD([parameter(rng), parameter(rng)]).state_dict())
    assert opt.param_groups[0]["param_names"] == ["weight", "bias"]
    give_gradients(opt.param_groups[0]["params"], rng)
    opt.param_groups[0]["params"][1].data = from_numpy(np.zeros(5))
    with pytest.raises(RuntimeError, match=r"parameter 1 \(bias\) of group 0"):
        opt.step()


# ---- hooks ---------------------------------------------------------------------------------------
def test_hooks_run_around_a_step():
    rng = np.random.default_rng(28)
    opt = optim.SGD([parameter(rng)])
    seen = []
    handles = [
        opt.register_step_pre_hook(lambda o, args, kwargs: seen.append(("pre", o is opt, args[0] is opt))),
        opt.register_step_post_hook(lambda o, args, kwargs: seen.append(("post", o is opt, args[0] is opt))),
        optimizer.register_optimizer_step_pre_hook(lambda *a: seen.append("global pre")),
        optimizer.register_optimizer_step_post_hook(lambda *a: seen.append("global post")),
    ]
    opt.step()
    assert seen == ["global pre", ("pre", True, True), ("post", True, True), "global post"]
    for handle in handles:
        handle.remove()
    opt.step()
    assert len(seen) == 4


def test_a_pre_hook_may_change_the_arguments():
    opt = optim.SGD([parameter(np.random.default_rng(29))])
    opt.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 7), {}))
    assert opt.step() == 7
    opt.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        opt.step()


def test_hooks_around_saving_and_loading():
    opt = optim.SGD([parameter(np.random.default_rng(30))])
    seen = []
    opt.register_state_dict_pre_hook(lambda o: seen.append("save"))
    opt.register_state_dict_post_hook(lambda o, saved: {**saved, "more": 1})
    opt.register_state_dict_post_hook(lambda o, saved: seen.append("first"), prepend=True)
    assert opt.state_dict()["more"] == 1
    opt.register_load_state_dict_pre_hook(lambda o, saved: {**saved, "param_groups": []})
    opt.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    with pytest.raises(ValueError, match="number of parameter groups"):
        opt.load_state_dict(opt.state_dict())
    assert seen == ["save", "first"] * 2


# ---- LBFGS ---------------------------------------------------------------------------------------
def rosenbrock(p, opt):
    def closure():
        opt.zero_grad()
        x, y = p[0], p[1]
        loss = (1 - x) ** 2 + 100 * (y - x**2) ** 2
        loss.backward()
        return loss

    return closure


def test_lbfgs_finds_the_minimum():
    p = from_numpy(np.array([-1.2, 1.0])).requires_grad_()
    opt = optim.LBFGS([p], max_iter=100, max_eval=200, line_search_fn="strong_wolfe")
    opt.step(rosenbrock(p, opt))
    np.testing.assert_allclose(p.array, [1, 1], atol=1e-4)


def test_lbfgs_whose_closure_fails_changes_nothing():
    p = from_numpy(np.array([-1.2, 1.0])).requires_grad_()
    opt = optim.LBFGS([p], max_iter=3, line_search_fn="strong_wolfe")
    good = rosenbrock(p, opt)
    opt.step(good)
    calls = []

    def closure():
        calls.append(1)
        if len(calls) == 3:
            raise KeyError("the data are gone")
        return good()

    before, saved = p.array.copy(), copy.deepcopy(opt.state_dict())
    with pytest.raises(KeyError):
        opt.step(closure)
    np.testing.assert_array_equal(p.array, before)
    assert opt.state_dict()["state"][0]["func_evals"] == saved["state"][0]["func_evals"]


def test_lbfgs_takes_one_group():
    rng = np.random.default_rng(31)
    with pytest.raises(ValueError, match="doesn't support per-parameter options"):
        optim.LBFGS([{"params": [parameter(rng)]}, {"params": [parameter(rng)]}])
    opt = optim.LBFGS([parameter(rng)], line_search_fn="armijo")
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        opt.step(lambda: None)


def test_an_optimizer_of_ones_own():
    class Sign(optim.Optimizer):
        """p -= lr * sign(g)"""

        def __init__(self, params, lr=0.1):
            super().__init__(params, {"lr": lr})

        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data -= group["lr"] * p.grad.sign()
                    self.state[p]["steps"] = self.state[p].get("steps", 0) + 1

    p = from_numpy(np.array([1.0, -1.0]))
    p.grad = from_numpy(np.array([5.0, -0.1]))
    opt, seen = Sign([p]), []
    opt.register_step_post_hook(lambda *a: seen.append(1))
    opt.step()
    np.testing.assert_allclose(p.array, [0.9, -0.9])
    assert seen == [1]
    assert opt.state_dict()["state"] == {0: {"steps": 1}}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optim.lr_scheduler.StepLR(opt, 1).step()

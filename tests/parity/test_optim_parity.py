"""Optimizers and schedulers beside PyTorch's: the same trajectories, each continuing the other's state."""

import inspect
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import minigrad  # noqa: E402
from minigrad import optim  # noqa: E402
from minigrad.ops import from_numpy  # noqa: E402
from minigrad.optim import lr_scheduler  # noqa: E402
from minigrad.optim.swa_utils import SWALR  # noqa: E402

#: every option of every optimizer, each away from its default in a line at least
OPTIONS = {
    "SGD": [
        {},
        {"lr": 0.1, "weight_decay": 0.1},
        {"momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
        {"maximize": True},
        {"momentum": 0.5, "maximize": True, "weight_decay": 0.1, "foreach": False},
        {"foreach": True},
        {"momentum": 0.9, "nesterov": True, "fused": True},
    ],
    "Adam": [
        {},
        {"lr": 0.1, "amsgrad": True},
        {"betas": (0.5, 0.9)},
        {"eps": 1e-2},
        {"weight_decay": 0.1, "betas": (0.5, 0.9), "eps": 1e-3},
        {"maximize": True, "weight_decay": 0.1, "foreach": True},
        {"maximize": True, "amsgrad": True},
        {"decoupled_weight_decay": True, "weight_decay": 0.1},
        {"fused": True, "weight_decay": 0.1},
    ],
    "AdamW": [
        {},
        {"amsgrad": True, "lr": 0.1},
        {"maximize": True},
        {"weight_decay": 0.0},
        {"weight_decay": 0.3, "betas": (0.6, 0.8), "eps": 1e-3},
        {"foreach": True},
        {"fused": True},
    ],
    "RMSprop": [
        {},
        {"lr": 0.1, "alpha": 0.7},
        {"eps": 1e-2},
        {"centered": True},
        {"momentum": 0.9},
        {"momentum": 0.9, "weight_decay": 0.1},
        {"centered": True, "momentum": 0.5, "alpha": 0.5, "maximize": True},
        {"foreach": True},
    ],
    "Adagrad": [
        {},
        {"lr": 0.1, "lr_decay": 0.1},
        {"lr_decay": 0.1, "weight_decay": 0.1},
        {"initial_accumulator_value": 0.3},
        {"eps": 1e-2},
        {"initial_accumulator_value": 0.3, "maximize": True},
        {"foreach": True},
        {"fused": True},
    ],
    "Adadelta": [
        {},
        {"lr": 0.3},
        {"rho": 0.5, "weight_decay": 0.1},
        {"eps": 1e-2},
        {"maximize": True},
        {"foreach": True},
    ],
    "Adamax": [
        {},
        {"lr": 0.1, "eps": 1e-2},
        {"betas": (0.5, 0.9), "weight_decay": 0.1},
        {"maximize": True},
        {"foreach": True},
    ],
    "NAdam": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.8), "eps": 1e-2},
        {"weight_decay": 0.1, "momentum_decay": 0.1},
        {"momentum_decay": 0.0},
        {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
        {"foreach": True},
    ],
    "RAdam": [
        {},
        {"lr": 0.1, "eps": 1e-2},
        {"weight_decay": 0.1, "betas": (0.5, 0.8)},
        {"betas": (0.9, 0.99)},
        {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
        {"foreach": True},
    ],
    "ASGD": [
        {},
        {"lr": 0.1, "lambd": 0.1},
        {"t0": 5, "lambd": 0.01, "weight_decay": 0.1},
        {"alpha": 0.5, "maximize": True, "t0": 1},
        {"foreach": True},
    ],
    "Rprop": [
        {},
        {"lr": 0.1},
        {"etas": (0.3, 1.5), "step_sizes": (1e-3, 0.02)},
        {"maximize": True},
        {"foreach": True},
    ],
    "Adafactor": [
        {},
        {"lr": 0.3},
        {"beta2_decay": -0.3},
        {"eps": (1e-3, 0.1)},
        {"d": 2.0, "weight_decay": 0.1},
        {"maximize": True},
        {"foreach": False},
    ],
    "Muon": [
        {},
        {"lr": 0.1, "weight_decay": 0.0},
        {"momentum": 0.5, "nesterov": False},
        {"ns_steps": 3, "ns_coefficients": (2.0, -1.5, 0.5), "eps": 1e-3},
        {"adjust_lr_fn": "original"},
        {"adjust_lr_fn": "match_rms_adamw"},
    ],
}
CASES = [(name, options) for name, variants in OPTIONS.items() for options in variants]
SHAPES = [(20, 5), (3,), (), (130, 130)]
MATRICES = [(6, 4), (3, 5), (1, 7)]


def shapes_for(name):
    """Muon takes matrices only, and agrees with PyTorch to rounding where they are small."""
    return MATRICES if name == "Muon" else SHAPES


def pair(name, options, dtype="float64", shapes=None, seed=0):
    """The same parameters under the same optimizer here and in PyTorch."""
    rng = np.random.default_rng(seed)
    arrays = [_random(rng, shape, dtype) for shape in shapes or shapes_for(name)]
    ours = getattr(optim, name)([from_numpy(a.copy()) for a in arrays], **options)
    theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.tensor(a)) for a in arrays], **options)
    return ours, theirs


def _random(rng, shape, dtype):
    if np.dtype(dtype).kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def params(opt):
    return [p for group in opt.param_groups for p in group["params"]]


def step_both(ours, theirs, rng, missing=0.0):
    for p, q in zip(params(ours), params(theirs), strict=True):
        g = _random(rng, tuple(p.shape), p.array.dtype)
        absent = rng.random() < missing
        p.grad = None if absent else from_numpy(g.copy())
        q.grad = None if absent else torch.tensor(g)
    ours.step()
    theirs.step()


def assert_same(ours, theirs, rtol=1e-6, options=()):
    """The same parameters; PyTorch's foreach code has in float32 what is one number for all elements."""
    atol = rtol * (0.1 if "foreach" in options or "fused" in options else 1e-3)
    for p, q in zip(params(ours), params(theirs), strict=True):
        np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=rtol, atol=atol)


def to_torch(value):
    """A state dict of ours with PyTorch's tensors in it."""
    if isinstance(value, dict):
        return {k: to_torch(v) for k, v in value.items()}
    if isinstance(value, list):
        return [to_torch(v) for v in value]
    return torch.tensor(value.array) if hasattr(value, "array") else value


def to_ours(value):
    if isinstance(value, dict):
        return {k: to_ours(v) for k, v in value.items()}
    if isinstance(value, list):
        return [to_ours(v) for v in value]
    return from_numpy(value.detach().numpy().copy()) if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_trajectory(name, options, missing):
    if name == "SGD" and "fused" in options and missing:
        return  # PyTorch's cannot begin its momentum at different steps
    ours, theirs = pair(name, options)
    rng = np.random.default_rng(1)
    for step in range(50):
        step_both(ours, theirs, rng, missing)
        if step % 7 == 0:
            assert_same(ours, theirs, options=options)
    assert_same(ours, theirs, options=options)


@pytest.mark.parametrize("name", OPTIONS)
def test_float32_trajectory(name):
    ours, theirs = pair(name, {}, "float32")
    rng = np.random.default_rng(2)
    for _ in range(20):
        step_both(ours, theirs, rng)
    assert_same(ours, theirs, 3e-3 if name == "Muon" else 1e-4)  # bfloat16 rounds either way


@pytest.mark.parametrize("name", [n for n in OPTIONS if n not in ("Adafactor", "Muon")])
def test_complex_trajectory(name):
    ours, theirs = pair(name, {}, "complex128", [(3, 2), (4,)])
    rng = np.random.default_rng(3)
    for _ in range(20):
        step_both(ours, theirs, rng)
    assert_same(ours, theirs)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_state_dicts_agree(name, options):
    ours, theirs = pair(name, options, "float32")
    rng = np.random.default_rng(4)
    for _ in range(3):
        step_both(ours, theirs, rng)
    mine, wanted = ours.state_dict(), theirs.state_dict()
    assert mine["param_groups"] == wanted["param_groups"]
    assert list(mine["state"]) == list(wanted["state"])
    for i, entry in wanted["state"].items():
        assert list(mine["state"][i]) == list(entry)
        for key, tensor in entry.items():
            assert str(mine["state"][i][key].dtype) == str(tensor.dtype)
            np.testing.assert_allclose(mine["state"][i][key].array, tensor.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_each_continues_the_other(name, options):
    ours, theirs = pair(name, options)
    rng = np.random.default_rng(5)
    for _ in range(5):
        step_both(ours, theirs, rng)
    new_ours, new_theirs = pair(name, {**options, "lr": 0.3}, seed=6)
    for fresh, old in ((new_ours, ours), (new_theirs, theirs)):
        for p, q in zip(params(fresh), params(old), strict=True):
            p.data = q.data.clone()
    new_ours.load_state_dict(to_ours(theirs.state_dict()))
    new_theirs.load_state_dict(to_torch(ours.state_dict()))
    for _ in range(5):
        seed = rng.integers(2**32)
        step_both(ours, theirs, np.random.default_rng(seed))
        step_both(new_ours, new_theirs, np.random.default_rng(seed))
    assert_same(new_ours, theirs, options=options)
    assert_same(ours, new_theirs, options=options)


@pytest.mark.parametrize("name", [*OPTIONS, "LBFGS"])
@pytest.mark.parametrize("foreach", [None, True])
def test_a_rate_held_as_a_tensor(name, foreach):
    """It is followed where PyTorch follows it, also when it is written to."""
    options = {} if name in ("Muon", "LBFGS") else {"foreach": foreach}
    rng, made = np.random.default_rng(12), []
    arrays = [rng.standard_normal(shape) for shape in MATRICES]
    for library, make in ((optim, from_numpy), (torch.optim, torch.tensor)):
        rate = make(np.array(0.05))
        try:
            made.append((getattr(library, name)([make(a.copy()) for a in arrays], lr=rate, **options), rate))
        except ValueError:
            made.append(None)
    assert (made[0] is None) <= (made[1] is None)
    if None in made or name == "LBFGS":
        return
    (ours, rate), (theirs, rate_too) = made
    for step in range(10):
        if step == 5:
            rate.fill_(0.2)
            rate_too.fill_(0.2)
        step_both(ours, theirs, rng)
    assert_same(ours, theirs, options=options)


def test_every_option_is_varied():
    for name, variants in OPTIONS.items():
        arguments = set(inspect.signature(getattr(torch.optim, name)).parameters) - {"params"}
        varied = {option for options in variants for option in options}
        varied |= {"lr", "foreach", "capturable", "differentiable"}
        assert arguments <= varied, (name, arguments - varied)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_groups(name, options):
    """Groups with options of their own, one added on the way, parameters without a gradient at times."""
    rng = np.random.default_rng(10)
    arrays = [rng.standard_normal(shape) for shape in (MATRICES[:2] * 2 + MATRICES)]
    made = []
    for library, make in ((optim, from_numpy), (torch.optim, torch.tensor)):
        tensors = [make(a.copy()) for a in arrays]
        groups = [
            {"params": tensors[:2]},
            {"params": tensors[2:4], "lr": 0.2, **options},
            {"params": tensors[4:6]},
        ]
        opt = getattr(library, name)(groups[:2], lr=0.05)
        made.append((opt, groups[2]))
    (ours, more), (theirs, more_too) = made
    for step in range(50):
        if step == 10:
            ours.add_param_group(more)
            theirs.add_param_group(more_too)
        if step == 25:
            for opt in (ours, theirs):
                opt.param_groups[0]["lr"] = 0.01
        step_both(ours, theirs, rng, 0.0 if name == "SGD" and "fused" in options else 0.2)
    assert_same(ours, theirs, options=options)


def in_groups(library, make, name, options, arrays):
    tensors = [make(a.copy()) for a in arrays]
    return getattr(library, name)([{"params": tensors[:2]}, {"params": tensors[2:], "lr": 0.03}], **options)


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("writer", ["ours", "theirs"])
def test_training_continues_from_a_file_of_the_other(name, options, writer, tmp_path):
    """Fifty steps, the first half in one library, the rest in the other from its file; groups differ, and
    gradients are missing at times.
    """
    rng = np.random.default_rng(11)
    arrays, kept = [rng.standard_normal(s) for s in (*MATRICES, (4, 4))], "fused" in options and name == "SGD"
    sides = [(optim, from_numpy, minigrad), (torch.optim, torch.tensor, torch)]
    if writer == "theirs":
        sides.reverse()
    first, alone = (in_groups(*side[:2], name, options, arrays) for side in sides)
    for _ in range(25):
        step_both(*((first, alone) if writer == "ours" else (alone, first)), rng, 0.0 if kept else 0.2)
    sides[0][2].save(first.state_dict(), tmp_path / "state.pt")
    now = [np.asarray(p.detach()) for p in params(first)]
    second = in_groups(*sides[1][:2], name, {**options, "lr": 0.7}, now)
    second.load_state_dict(sides[1][2].load(tmp_path / "state.pt"))
    for _ in range(25):
        step_both(*((first, second) if writer == "ours" else (second, first)), rng, 0.0 if kept else 0.2)
    assert_same(*((first, second) if writer == "ours" else (second, first)), options=options)


REFUSED = {
    "lr": -0.1,
    "eps": -1.0,
    "weight_decay": -0.1,
    "momentum": -0.5,
    "alpha": -0.5,
    "rho": 1.5,
    "lr_decay": -1.0,
    "initial_accumulator_value": -1.0,
    "momentum_decay": -1.0,
    "betas": (0.9, 1.0),
    "etas": (1.5, 1.2),
    "beta2_decay": 0.5,
    "d": 0.5,
    "adjust_lr_fn": "best",
    "nesterov": True,
}


@pytest.mark.parametrize("name", [*OPTIONS, "SparseAdam", "LBFGS"])
def test_refuses_what_pytorch_refuses(name):
    arguments = set(inspect.signature(getattr(torch.optim, name)).parameters)
    for option, value in REFUSED.items():
        for given in (value, *([0] if option in ("lr", "eps", "d") else [])):
            if option not in arguments or (name, option) == ("Adafactor", "eps"):
                continue
            errors = []
            for library, p in ((optim, from_numpy(np.zeros((2, 2)))), (torch.optim, torch.zeros(2, 2))):
                try:
                    getattr(library, name)([p], **{option: given})
                    errors.append(None)
                except Exception as error:
                    errors.append(type(error))
            assert errors[0] == errors[1], (option, given)


def test_sparse_adam_refuses_dense_gradients():
    for library, make in ((optim, from_numpy), (torch.optim, torch.tensor)):
        p = make(np.zeros(2))
        opt = library.SparseAdam([p])
        opt.step()
        p.grad = make(np.ones(2))
        with pytest.raises(RuntimeError, match="SparseAdam does not support dense gradients"):
            opt.step()


def test_repr():
    for name, options in CASES:
        ours, theirs = pair(name, options, shapes=[(2, 2)])
        assert repr(ours) == repr(theirs)


# ---- LBFGS ---------------------------------------------------------------------------------------
LBFGS = [
    {},
    {"lr": 0.01},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "max_iter": 5, "history_size": 3},
    {"lr": 0.05, "max_iter": 7, "history_size": 2},
    {"line_search_fn": "strong_wolfe", "max_iter": 50, "max_eval": 9},
    {"line_search_fn": "strong_wolfe", "tolerance_grad": 2.0},
    {"line_search_fn": "strong_wolfe", "tolerance_change": 0.5, "max_iter": 40},
    {"lr": 0.01, "tolerance_change": 0.02, "history_size": 5},
    {"lr": 0.01, "tolerance_grad": 40.0},
]


def lbfgs_closure(opt, lib, seed):
    """A loss with quadratic, quartic and wavy parts, and its gradient by hand, in either library."""
    rng = np.random.default_rng(seed)
    x, b = params(opt)
    matrix, y = rng.standard_normal((30, 8)), rng.standard_normal(30)

    def closure():
        u, c = (t.array if lib == "ours" else t.detach().numpy() for t in (x, b))
        rest = matrix @ u + c - y
        make = from_numpy if lib == "ours" else torch.tensor
        x.grad = make(2 * matrix.T @ rest + 4 * u**3 + 3 * np.cos(3 * u))
        b.grad = make(np.asarray(2 * rest.sum()))
        return make(np.asarray((rest**2).sum() + (u**4).sum() + np.sin(3 * u).sum()))

    return closure


@pytest.mark.parametrize("options", LBFGS)
def test_lbfgs_trajectory(options):
    ours, theirs = pair("LBFGS", options, shapes=[(8,), ()])
    mine, wanted = lbfgs_closure(ours, "ours", 7), lbfgs_closure(theirs, "torch", 7)
    for _ in range(4):
        assert float(ours.step(mine)) == pytest.approx(float(theirs.step(wanted)), rel=1e-9)
        assert_same(ours, theirs)
    ((first,), (second,)) = (opt.state_dict()["state"].values() for opt in (ours, theirs))
    assert set(first) == set(second)
    assert [first[k] for k in ("n_iter", "func_evals")] == [second[k] for k in ("n_iter", "func_evals")]


@pytest.mark.parametrize("options", LBFGS[1:2] + LBFGS[3:5])
def test_lbfgs_each_continues_the_other(options):
    ours, theirs = pair("LBFGS", options, shapes=[(8,), ()])
    ours.step(lbfgs_closure(ours, "ours", 8))
    theirs.step(lbfgs_closure(theirs, "torch", 8))
    saved = to_torch(ours.state_dict()), to_ours(theirs.state_dict())
    theirs.load_state_dict(saved[0])
    ours.load_state_dict(saved[1])
    for _ in range(2):
        ours.step(lbfgs_closure(ours, "ours", 8))
        theirs.step(lbfgs_closure(theirs, "torch", 8))
    assert_same(ours, theirs)


# ---- schedulers ----------------------------------------------------------------------------------
SCHEDULERS = {
    "lambda": lambda s, o: s.LambdaLR(o, [lambda e: 0.9**e, lambda e: 1 / (1 + e)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 1 / (1 + e)),
    "step": lambda s, o: s.StepLR(o, 3, gamma=0.5),
    "multi-step": lambda s, o: s.MultiStepLR(o, [3, 3, 8], gamma=0.5),
    "constant": lambda s, o: s.ConstantLR(o, factor=0.5, total_iters=4),
    "linear": lambda s, o: s.LinearLR(o, start_factor=0.2, end_factor=0.9, total_iters=7),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "polynomial": lambda s, o: s.PolynomialLR(o, total_iters=9, power=1.7),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=6, eta_min=0.001),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=0.002),
    "equal restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=4),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=3, step_size_down=5),
    "cyclic 2": lambda s, o: s.CyclicLR(o, [0.01, 0.02], [0.1, 0.3], step_size_up=3, mode="triangular2"),
    "cyclic exp": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=3, mode="exp_range", gamma=0.9),
    "cyclic own": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, step_size_up=3, scale_fn=lambda x: 0.5**x, scale_mode="iterations", cycle_momentum=False
    ),
    "one cycle": lambda s, o: s.OneCycleLR(o, max_lr=0.5, total_steps=30),
    "one cycle 3": lambda s, o: s.OneCycleLR(
        o, [0.5, 0.2], epochs=5, steps_per_epoch=6, three_phase=True, anneal_strategy="linear"
    ),
    "sequential": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o), s.CosineAnnealingLR(o, 10), s.ExponentialLR(o, 0.8)], [5, 12]
    ),
    "restarts later": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 3), s.CosineAnnealingWarmRestarts(o, 4)], [3]
    ),
    "nested": lambda s, o: s.SequentialLR(
        o, [s.SequentialLR(o, [s.ConstantLR(o, 0.1, 3), s.StepLR(o, 2)], [3]), s.ExponentialLR(o, 0.5)], [9]
    ),
    "chained": lambda s, o: s.ChainedScheduler(
        [s.CosineAnnealingLR(o, 8), s.LinearLR(o, total_iters=4), s.MultiStepLR(o, [3, 6])]
    ),
    "swa": lambda s, o: _swalr(s)(o, [0.05, 0.2], anneal_epochs=7),
    "swa at once": lambda s, o: _swalr(s)(o, 0.05, anneal_epochs=0, anneal_strategy="linear"),
}


def _swalr(library):
    return SWALR if library is lr_scheduler else torch.optim.swa_utils.SWALR


def scheduled(name, kind, options):
    """The optimizers, two groups each, with their schedulers."""
    made = []
    for library, make in ((lr_scheduler, from_numpy), (torch.optim.lr_scheduler, torch.tensor)):
        opts = optim if library is lr_scheduler else torch.optim
        groups = [{"params": [make(np.zeros(2))], "lr": lr} for lr in (0.1, 0.03)]
        opt = getattr(opts, kind)(groups, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a nested SequentialLR warns as it is made, in both
            made += [opt, SCHEDULERS[name](library, opt)]
    return made


def moving(opt):
    """What a scheduler may change."""
    return [(group["lr"], group.get("momentum"), group.get("betas")) for group in opt.param_groups]


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize(("kind", "options"), [("SGD", {"momentum": 0.9}), ("Adam", {})])
def test_schedule(name, kind, options):
    ours, mine, theirs, wanted = scheduled(name, kind, options)
    assert set(mine.state_dict()) == set(wanted.state_dict())
    for _ in range(29):
        for (lr, momentum, betas), (lr_, momentum_, betas_) in zip(moving(ours), moving(theirs), strict=True):
            assert lr == pytest.approx(lr_, rel=1e-12, abs=1e-16)
            assert momentum == pytest.approx(momentum_)
            assert betas == pytest.approx(betas_)
        assert mine.get_last_lr() == pytest.approx(wanted.get_last_lr(), rel=1e-12, abs=1e-16)
        for opt, scheduler in ((ours, mine), (theirs, wanted)):
            opt.step()
            scheduler.step()


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedules_continue_each_other(name):
    ours, mine, theirs, wanted = scheduled(name, "SGD", {"momentum": 0.9})
    for opt, scheduler in ((ours, mine), (theirs, wanted)):
        for _ in range(4):
            opt.step()
            scheduler.step()
    other, resumed, *_ = scheduled(name, "SGD", {"momentum": 0.9})
    other.load_state_dict(to_ours(theirs.state_dict()))
    resumed.load_state_dict(wanted.state_dict())
    for _ in range(10):
        for opt, scheduler in ((other, resumed), (theirs, wanted)):
            opt.step()
            scheduler.step()
        assert [g["lr"] for g in other.param_groups] == pytest.approx(
            [g["lr"] for g in theirs.param_groups], rel=1e-12
        )


CLOSED = ["step", "multi-step", "constant", "linear", "exponential", "polynomial", "cosine", "lambda"]


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("name", CLOSED)
def test_epoch_given(name):
    ours, mine, theirs, wanted = scheduled(name, "SGD", {})
    for epoch in (3, 11, 1):
        for opt, scheduler in ((ours, mine), (theirs, wanted)):
            opt.step()
            scheduler.step(epoch)
        assert [g["lr"] for g in ours.param_groups] == pytest.approx(
            [g["lr"] for g in theirs.param_groups], rel=1e-12
        )


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1},
        {"mode": "max", "patience": 0, "cooldown": 2, "factor": 0.5},
        {"threshold_mode": "abs", "threshold": 0.3, "patience": 2, "min_lr": [0.01, 0.02]},
        {"mode": "max", "threshold_mode": "abs", "threshold": 0.3, "patience": 1, "eps": 0.01},
    ],
)
def test_plateau(options):
    rng = np.random.default_rng(9)
    ours = optim.SGD([{"params": [from_numpy(np.zeros(1))], "lr": lr} for lr in (0.1, 0.5)])
    theirs = torch.optim.SGD([{"params": [torch.zeros(1)], "lr": lr} for lr in (0.1, 0.5)])
    mine = lr_scheduler.ReduceLROnPlateau(ours, **options)
    wanted = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    for _ in range(40):
        score = rng.standard_normal()
        mine.step(score)
        wanted.step(score)
        assert [g["lr"] for g in ours.param_groups] == pytest.approx([g["lr"] for g in theirs.param_groups])
    assert {k: v for k, v in vars(mine).items() if k != "optimizer"} == wanted.state_dict()

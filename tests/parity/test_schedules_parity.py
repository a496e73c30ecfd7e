"""Schedules, averages and hooks beside PyTorch's: every argument away from its default, one after another."""

import importlib
import inspect
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import minigrad  # noqa: E402
from minigrad.optim.swa_utils import AveragedModel  # noqa: E402

LIBRARIES = (minigrad, torch)
SGD, ADAM = ("SGD", {"momentum": 0.9}), ("Adam", {})
#: class, arguments, and the optimizer where it is not SGD with momentum
LINES = [
    ("LambdaLR", {"lr_lambda": lambda e: 0.8**e}),
    ("MultiplicativeLR", {"lr_lambda": [lambda e: 0.8, lambda e: 1.1]}),
    ("StepLR", {"step_size": 4}),
    ("StepLR", {"step_size": 3, "gamma": 0.7}),
    ("MultiStepLR", {"milestones": [2, 5, 5, 11]}),
    ("MultiStepLR", {"milestones": [3], "gamma": 3.0}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 9}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 0}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.7, "end_factor": 0.1, "total_iters": 13}),
    ("ExponentialLR", {"gamma": 0.85}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 11, "power": 0.5}),
    ("CosineAnnealingLR", {"T_max": 7}),
    ("CosineAnnealingLR", {"T_max": 1}),
    ("CosineAnnealingLR", {"T_max": 50, "eta_min": 0.02}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5}),
    ("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 3, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4}),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "step_size_down": 2, "base_momentum": 0.7},
    ),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "max_momentum": [0.95, 0.85]}),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "mode": "exp_range", "gamma": 0.95},
        ADAM,
    ),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "cycle_momentum": False}, ("SGD", {})),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "scale_fn": lambda x: 1 / x}),
    ("OneCycleLR", {"max_lr": 0.4, "total_steps": 51}),
    ("OneCycleLR", {"max_lr": 0.4, "epochs": 6, "steps_per_epoch": 10, "pct_start": 0.6}),
    ("OneCycleLR", {"max_lr": [0.4, 0.2], "total_steps": 60, "anneal_strategy": "linear"}, ADAM),
    ("OneCycleLR", {"max_lr": 0.4, "total_steps": 60, "cycle_momentum": False}, ("SGD", {})),
    ("OneCycleLR", {"max_lr": 0.4, "total_steps": 60, "base_momentum": 0.7, "max_momentum": 0.8}),
    ("OneCycleLR", {"max_lr": 0.4, "total_steps": 60, "div_factor": 5.0, "final_div_factor": 50.0}),
    ("OneCycleLR", {"max_lr": 0.4, "total_steps": 60, "three_phase": True, "pct_start": 0.2}),
    ("SWALR", {"swa_lr": 0.05}),
    ("SWALR", {"swa_lr": [0.05, 0.2], "anneal_epochs": 17, "anneal_strategy": "linear"}),
]
IDS = [f"{line[0]}-{'-'.join(line[1])}" for line in LINES]


def of(library, name):
    return getattr(library.optim.lr_scheduler, name, None) or getattr(library.optim.swa_utils, name)


def optimizer_of(library, kind="SGD", options=SGD[1], rates=(0.1, 0.03)):
    groups = [{"params": [library.zeros(2)], "lr": lr} for lr in rates]
    return getattr(library.optim, kind)(groups, **options)


def settings(opt):
    return [[float(g["lr"]), float(g.get("momentum", 0)), *g.get("betas", ())] for g in opt.param_groups]


def assert_same(ours, theirs):
    for found, expected in zip(settings(ours), settings(theirs), strict=True):
        assert found == pytest.approx(expected, rel=1e-11, abs=1e-15)


def run_both(make, steps=50, kind="SGD", options=SGD[1], rates=(0.1, 0.03)):
    """The same schedule in both, for 50 steps; in the middle each goes on from the other's state."""
    pairs = []
    for library in LIBRARIES:
        opt = optimizer_of(library, kind, options, rates)
        pairs.append((opt, make(library, opt)))
    for step in range(steps):
        assert_same(pairs[0][0], pairs[1][0])
        assert pairs[0][1].get_last_lr() == pytest.approx(pairs[1][1].get_last_lr(), rel=1e-11, abs=1e-15)
        for opt, scheduler in pairs:
            opt.step()
            scheduler.step()
        if step == steps // 2:
            saved = [scheduler.state_dict() for _, scheduler in pairs]
            assert saved[0].keys() == saved[1].keys()
            for (_, scheduler), state in zip(pairs, reversed(saved), strict=True):
                if not any(callable(value) for value in flat(state)):
                    scheduler.load_state_dict(state)
    return pairs


def flat(value):
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in flat(v)]
    return [leaf for v in value for leaf in flat(v)] if isinstance(value, list | tuple) else [value]


@pytest.mark.parametrize("line", LINES, ids=IDS)
def test_trajectory(line):
    name, arguments, (kind, options) = (*line, SGD)[:3]
    run_both(lambda library, opt: of(library, name)(opt, **arguments), kind=kind, options=options)


def test_every_argument_is_varied():
    for name in {line[0] for line in LINES}:
        arguments = set(inspect.signature(of(torch, name)).parameters) - {"optimizer", "last_epoch"}
        varied = {a for line in LINES if line[0] == name for a in line[1]}
        # tested elsewhere with what it goes with
        assert arguments - varied <= {"scale_mode"}, (name, arguments - varied)


@pytest.mark.parametrize("line", [line for line in LINES if line[0] != "SWALR"], ids=IDS[:-2])
def test_from_an_epoch_on(line):
    """`last_epoch`: as when training is resumed without the scheduler's state."""
    name, arguments, (kind, options) = (*line, SGD)[:3]

    def make(library, opt):
        for group in opt.param_groups:
            group["initial_lr"] = group["lr"]
            for key, value in (
                ("max_lr", 0.4),
                ("min_lr", 1e-5),
                ("max_momentum", 0.9),
                ("base_momentum", 0.8),
            ):
                group.setdefault(key, value)
        return of(library, name)(opt, **arguments, last_epoch=3)

    run_both(make, 20, kind, options)


def quietly(function):
    def run(library, opt):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(library.optim.lr_scheduler, opt)

    return run


COMPOSED = {
    "three in a row": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 3), s.LinearLR(o, 0.5, 1.0, 6), s.CosineAnnealingLR(o, 20, 0.01)], [4, 15]
    ),
    "starting at once": lambda s, o: s.SequentialLR(o, [s.ConstantLR(o, 0.1), s.StepLR(o, 3)], [0]),
    "chain": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9)]),
    "chain of four": lambda s, o: s.ChainedScheduler(
        [s.LinearLR(o), s.StepLR(o, 5, 0.5), s.PolynomialLR(o, 30), s.MultiStepLR(o, [9, 12])], optimizer=o
    ),
    "chain in a row": lambda s, o: s.SequentialLR(
        o, [s.ChainedScheduler([s.LinearLR(o), s.ExponentialLR(o, 0.9)]), s.ExponentialLR(o, 0.8)], [7]
    ),
    "row in a chain": lambda s, o: s.ChainedScheduler(
        [s.SequentialLR(o, [s.ConstantLR(o, 0.5, 3), s.ExponentialLR(o, 0.9)], [4]), s.StepLR(o, 6)]
    ),
    "row in a row": lambda s, o: s.SequentialLR(
        o, [s.SequentialLR(o, [s.LinearLR(o), s.StepLR(o, 2)], [3]), s.CosineAnnealingLR(o, 9)], [8]
    ),
    "restarts in a row": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, 1.0, 5), s.CosineAnnealingWarmRestarts(o, 4, 2, 0.001)], [5]
    ),
    "one cycle after a warm-up": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 5), s.OneCycleLR(o, 0.5, 60)], [5]
    ),
    "lambda in a row": lambda s, o: s.SequentialLR(
        o, [s.LambdaLR(o, lambda e: 1 / (1 + e)), s.MultiplicativeLR(o, lambda e: 0.95)], [6]
    ),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_composed(name):
    run_both(quietly(COMPOSED[name]))


@pytest.mark.parametrize("name", ["ExponentialLR", "CosineAnnealingLR", "LinearLR", "OneCycleLR", "CyclicLR"])
def test_rates_held_as_tensors(name):
    """A rate that is a tensor keeps its identity, and its value follows."""
    line = next(line for line in LINES if line[0] == name)
    found = []
    for library in LIBRARIES:
        opt = optimizer_of(
            library, "SGD", SGD[1], [library.tensor(0.1, dtype=library.float64) for _ in range(2)]
        )
        held = [g["lr"] for g in opt.param_groups]
        scheduler, rates = of(library, name)(opt, **line[1]), []
        for _ in range(20):
            opt.step()
            scheduler.step()
            rates.append([float(g["lr"]) for g in opt.param_groups])
        assert all(g["lr"] is h for g, h in zip(opt.param_groups, held, strict=True))
        found.append(rates)
    np.testing.assert_allclose(*found, rtol=1e-9)


# ---- averages --------------------------------------------------------------------------------------------
def model_of(library):
    nn = library.nn
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))


def seeded(library, seed=0):
    library.manual_seed(seed)
    return model_of(library)


WAYS = {
    "plain": lambda u: {},
    "multi": lambda u: {"multi_avg_fn": u.get_swa_multi_avg_fn()},
    "one by one": lambda u: {"avg_fn": u.get_swa_avg_fn()},
    "exponential": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.9)},
    "exponential one by one": lambda u: {"avg_fn": u.get_ema_avg_fn(0.7)},
    "own": lambda u: {"avg_fn": lambda a, p, n: 0.5 * a + 0.5 * p * (n + 1) / (n + 2)},
    "with buffers": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.9), "use_buffers": True},
    "plain with buffers": lambda u: {"use_buffers": True},
}


def arrays(state):
    return {key: np.asarray(value.detach()) for key, value in state.items()}


def assert_same_state(ours, theirs, rtol=1e-5):
    ours, theirs = arrays(ours.state_dict()), arrays(theirs.state_dict())
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key], value, rtol=rtol, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("way", WAYS)
def test_averaged_training(way):
    """A model is trained, averaged every other step, and its batch norm computed anew at the end."""
    data = np.random.default_rng(0).standard_normal((12, 8, 3)).astype("float32")
    made = []
    for library in LIBRARIES:
        model, utils = seeded(library), library.optim.swa_utils
        averaged = utils.AveragedModel(model, **WAYS[way](utils))
        opt = library.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        schedule = utils.SWALR(opt, swa_lr=0.05, anneal_epochs=3)
        batches = [library.from_numpy(x.copy()) for x in data]
        for i, x in enumerate(batches):
            opt.zero_grad()
            model(x).square().mean().backward()
            opt.step()
            if i % 2:
                averaged.update_parameters(model)
                schedule.step()
        made.append((averaged, model, batches, utils))
    assert_same_state(made[0][0], made[1][0])
    for averaged, _, batches, utils in made:
        utils.update_bn([(x, 0) for x in batches], averaged)
    assert_same_state(made[0][0], made[1][0])
    assert_same_state(made[0][1], made[1][1])
    mine, wanted = (averaged(batches[0]).detach().numpy() for averaged, _, batches, _ in made)
    np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-5)


def test_an_average_of_pytorchs_is_continued():
    theirs, ours = (
        AM(seeded(lib))
        for AM, lib in ((torch.optim.swa_utils.AveragedModel, torch), (AveragedModel, minigrad))
    )
    theirs.update_parameters(seeded(torch, 1))
    theirs.update_parameters(seeded(torch, 2))
    state = {k: minigrad.from_numpy(v.detach().numpy().copy()) for k, v in theirs.state_dict().items()}
    ours.load_state_dict(state)
    theirs.update_parameters(seeded(torch, 3))
    ours.update_parameters(seeded(minigrad, 3))
    assert_same_state(ours, theirs)


# ---- hooks -----------------------------------------------------------------------------------------------
def test_hooks_run_in_pytorchs_order():
    """Local and global hooks, those put first, those taken away, and what they return."""
    logs = []
    for library in LIBRARIES:
        log = []
        opt = optimizer_of(library)
        module = importlib.import_module(f"{library.__name__}.optim.optimizer")

        def noted(word, log=log, result=None):
            return lambda *args: log.append(word) or result

        handles = [
            module.register_optimizer_step_pre_hook(noted("global before")),
            module.register_optimizer_step_post_hook(noted("global after")),
        ]
        for word in ("one", "two"):
            handles.append(opt.register_step_pre_hook(noted(f"before {word}")))
            handles.append(opt.register_step_post_hook(noted(f"after {word}")))
        opt.register_state_dict_pre_hook(noted("save 1"))
        opt.register_state_dict_pre_hook(noted("save 0"), prepend=True)
        opt.register_state_dict_post_hook(lambda o, s, log=log: log.append("saved 1") or {**s, "extra": 1})
        opt.register_state_dict_post_hook(
            lambda o, s, log=log: log.append(f"saved 0 {'extra' in s}"), prepend=True
        )
        opt.register_load_state_dict_pre_hook(lambda o, s, log=log: log.append(f"load 1 {'extra' in s}"))
        opt.register_load_state_dict_pre_hook(noted("load 0"), prepend=True)
        opt.register_load_state_dict_post_hook(noted("loaded 1"))
        opt.register_load_state_dict_post_hook(noted("loaded 0"), prepend=True)
        opt.step()
        saved = opt.state_dict()
        log.append(sorted(saved))
        opt.load_state_dict(saved)
        handles[2].remove()
        opt.step(lambda log=log: log.append("closure"))
        for handle in handles:
            handle.remove()
        opt.step()
        logs.append(log)
    assert logs[0] == logs[1]


def test_a_pre_hook_changes_the_arguments():
    found = []
    for library in LIBRARIES:
        opt = optimizer_of(library)
        opt.register_step_pre_hook(lambda o, args, kwargs: (args[:1], {"closure": lambda: 7}))
        found.append(opt.step(lambda: 3))
    assert found[0] == found[1] == 7

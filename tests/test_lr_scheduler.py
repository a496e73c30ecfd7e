"""Learning-rate schedulers: what they set against closed forms, chaining, saving, and what they refuse."""

import copy
import math
import warnings

import numpy as np
import pytest

from minigrad import optim
from minigrad.ops import from_numpy
from minigrad.optim import lr_scheduler as schedules
from minigrad.optim.swa_utils import SWALR


def optimizer(*rates, cls=optim.SGD, **options):
    groups = [{"params": [from_numpy(np.zeros(2))], "lr": rate} for rate in rates or (0.4,)]
    return cls(groups, **options)


def run(opt, scheduler, steps):
    """The first group's rate before each of so many steps."""
    rates = []
    for _ in range(steps):
        rates.append(opt.param_groups[0]["lr"])
        assert scheduler.get_last_lr() == [group["lr"] for group in opt.param_groups]
        opt.step()
        scheduler.step()
    return rates


def cosine(share):
    return (1 + math.cos(math.pi * share)) / 2


CLOSED = {
    "lambda": (lambda o: schedules.LambdaLR(o, lambda e: 1 / (1 + e)), lambda e: 1 / (1 + e)),
    "multiplicative": (lambda o: schedules.MultiplicativeLR(o, lambda e: 0.9), lambda e: 0.9**e),
    "step": (lambda o: schedules.StepLR(o, 3, gamma=0.5), lambda e: 0.5 ** (e // 3)),
    "multi-step": (
        lambda o: schedules.MultiStepLR(o, [2, 5, 5], gamma=0.5),
        lambda e: 0.5 ** ((e >= 2) + 2 * (e >= 5)),
    ),
    "constant": (lambda o: schedules.ConstantLR(o, 0.25, 3), lambda e: 0.25 if e < 3 else 1),
    "linear": (lambda o: schedules.LinearLR(o, 0.5, 1.0, 4), lambda e: 0.5 + 0.5 * min(e, 4) / 4),
    "exponential": (lambda o: schedules.ExponentialLR(o, 0.9), lambda e: 0.9**e),
    "polynomial": (lambda o: schedules.PolynomialLR(o, 6, 2.0), lambda e: (1 - min(e, 6) / 6) ** 2),
    "cosine": (lambda o: schedules.CosineAnnealingLR(o, 5), lambda e: cosine(e / 5)),
    "restarts": (
        lambda o: schedules.CosineAnnealingWarmRestarts(o, 2, 2),
        lambda e: cosine(e / 2 if e < 2 else (e - 2) / 4 if e < 6 else (e - 6) / 8),
    ),
    "sequential": (
        lambda o: schedules.SequentialLR(
            o, [schedules.ConstantLR(o, 0.1, 9), schedules.ExponentialLR(o, 0.5)], [3]
        ),
        lambda e: 0.1 if e < 3 else 0.5 ** (e - 3),
    ),
    "chained": (
        lambda o: schedules.ChainedScheduler(
            [schedules.ConstantLR(o, 0.1, 3), schedules.ExponentialLR(o, 0.5)]
        ),
        lambda e: (0.1 if e < 3 else 1) * 0.5**e,
    ),
    "cyclic": (
        lambda o: schedules.CyclicLR(o, 0.4, 1.2, 2, cycle_momentum=False),
        lambda e: 1 + 2 * [0, 0.5, 1, 0.5][e % 4],
    ),
    "one cycle": (
        lambda o: schedules.OneCycleLR(o, 4.0, 11, None, None, 0.5, "linear", False, div_factor=10),
        lambda e: 1 + 9 * e / 4.5 if e <= 4.5 else 10 + (1e-4 - 10) * (e - 4.5) / 5.5,
    ),
    "swa": (lambda o: SWALR(o, 0.1, 4, "linear"), lambda e: 1 - 0.75 * min(e, 4) / 4),
}


@pytest.mark.parametrize("name", CLOSED)
def test_follows_its_closed_form(name):
    make, factor = CLOSED[name]
    opt = optimizer()
    rates = run(opt, make(opt), 10)
    np.testing.assert_allclose(rates, [0.4 * factor(e) for e in range(10)], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", CLOSED)
def test_continues_from_a_state_dict(name):
    make, _ = CLOSED[name]
    opt, other = optimizer(), optimizer()
    scheduler = make(opt)
    run(opt, scheduler, 4)
    resumed = make(other)
    other.load_state_dict(copy.deepcopy(opt.state_dict()))
    resumed.load_state_dict(copy.deepcopy(scheduler.state_dict()))
    assert run(opt, scheduler, 5) == run(other, resumed, 5)


def test_sets_the_rate_when_made():
    opt = optimizer(0.1, 0.3)
    schedules.LinearLR(opt, start_factor=0.5)
    assert [group["lr"] for group in opt.param_groups] == [0.05, 0.15]
    assert [group["initial_lr"] for group in opt.param_groups] == [0.1, 0.3]


def test_two_schedulers_on_one_optimizer():
    opt = optimizer()
    first, second = schedules.ExponentialLR(opt, 0.5), schedules.StepLR(opt, 2, 0.1)
    for _ in range(3):
        opt.step()
        first.step()
        second.step()
    np.testing.assert_allclose(opt.param_groups[0]["lr"], 0.4 * 0.5**3 * 0.1)


def test_one_function_per_group():
    opt = optimizer(1.0, 1.0)
    scheduler = schedules.LambdaLR(opt, [lambda e: 2.0**e, lambda e: 3.0**e])
    run(opt, scheduler, 2)
    assert scheduler.get_last_lr() == [4.0, 9.0]


def test_a_function_object_is_saved():
    class Factor:
        def __init__(self, base):
            self.base = base

        def __call__(self, epoch):
            return self.base**epoch

    opt = optimizer()
    saved = schedules.LambdaLR(opt, Factor(0.5)).state_dict()
    assert saved["lr_lambdas"] == [{"base": 0.5}]
    other = schedules.LambdaLR(optimizer(), Factor(0.9))
    other.load_state_dict(saved)
    assert other.lr_lambdas[0].base == 0.5


def test_momentum_goes_the_other_way():
    opt = optimizer(momentum=0.9)
    scheduler = schedules.CyclicLR(opt, 0.1, 0.5, 2, base_momentum=0.6, max_momentum=0.8)
    momenta = []
    for _ in range(5):
        momenta.append(opt.param_groups[0]["momentum"])
        opt.step()
        scheduler.step()
    np.testing.assert_allclose(momenta, [0.8, 0.7, 0.6, 0.7, 0.8])


def test_beta1_stands_for_momentum():
    opt = optimizer(cls=optim.Adam)
    schedules.OneCycleLR(opt, 0.5, 10)
    assert opt.param_groups[0]["betas"] == (0.95, 0.999)
    with pytest.raises(ValueError, match="must support momentum or beta1"):
        schedules.OneCycleLR(optimizer(cls=optim.Adagrad), 0.5, 10)


def test_one_cycle_ends():
    opt = optimizer(momentum=0.9)
    scheduler = schedules.OneCycleLR(opt, 0.5, epochs=2, steps_per_epoch=3)
    run(opt, scheduler, 6)
    opt.step()
    with pytest.raises(ValueError, match="Tried to step 7 times"):
        scheduler.step()


def test_fractions_of_an_epoch():
    opt = optimizer()
    scheduler = schedules.CosineAnnealingWarmRestarts(opt, 2)
    scheduler.step(0.5)
    np.testing.assert_allclose(opt.param_groups[0]["lr"], 0.4 * cosine(0.25))
    scheduler.step(2.5)
    np.testing.assert_allclose(opt.param_groups[0]["lr"], 0.4 * cosine(0.25))
    with pytest.raises(ValueError, match="non-negative epoch"):
        scheduler.step(-1)


def test_a_rate_held_as_a_tensor_keeps_its_identity():
    rate = from_numpy(np.array(0.5))
    opt = optim.SGD([from_numpy(np.zeros(2))], lr=rate)
    scheduler = schedules.ExponentialLR(opt, 0.5)
    run_once = scheduler.get_last_lr()[0]
    opt.step()
    scheduler.step()
    assert opt.param_groups[0]["lr"] is rate
    assert rate.item() == 0.25
    assert run_once.item() == 0.5


# ---- plateau -------------------------------------------------------------------------------------
def test_plateau_waits_and_cools_down():
    opt = optimizer(1.0)
    scheduler = schedules.ReduceLROnPlateau(opt, factor=0.5, patience=1, cooldown=2)
    rates = []
    for loss in [3, 2, 2, 2, 2, 2, 2, 2, 1.5]:
        scheduler.step(loss)
        rates.append(opt.param_groups[0]["lr"])
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]
    assert scheduler.best == 1.5


@pytest.mark.parametrize(
    ("mode", "threshold_mode", "better", "worse"),
    [
        ("min", "rel", 8.9, 9.1),
        ("min", "abs", 9.8, 9.95),
        ("max", "rel", 11.1, 10.9),
        ("max", "abs", 10.2, 10.05),
    ],
)
def test_plateau_thresholds(mode, threshold_mode, better, worse):
    scheduler = schedules.ReduceLROnPlateau(optimizer(), mode, threshold=0.1, threshold_mode=threshold_mode)
    scheduler.step(10.0)
    scheduler.step(worse)
    assert scheduler.num_bad_epochs == 1
    scheduler.step(from_numpy(np.array(better)))
    assert scheduler.num_bad_epochs == 0


def test_plateau_stops_at_min_lr():
    opt = optimizer(1.0, 1.0)
    scheduler = schedules.ReduceLROnPlateau(opt, patience=0, min_lr=[0.5, 0.0])
    for _ in range(3):
        scheduler.step(1.0)
    np.testing.assert_allclose([group["lr"] for group in opt.param_groups], [0.5, 0.01])
    opt.add_param_group({"params": [from_numpy(np.zeros(1))]})
    with pytest.raises(RuntimeError, match="number of param groups"):
        scheduler.step(1.0)


def test_plateau_continues_from_a_state_dict():
    opt = optimizer()
    scheduler = schedules.ReduceLROnPlateau(opt, "max", patience=2)
    for score in (1.0, 0.5, 0.4):
        scheduler.step(score)
    resumed = schedules.ReduceLROnPlateau(opt, "min")
    resumed.load_state_dict(scheduler.state_dict())
    assert vars(resumed) == vars(scheduler)


# ---- what they warn of and refuse ----------------------------------------------------------------
def test_warns_of_a_step_before_the_optimizers():
    opt = optimizer()
    scheduler = schedules.StepLR(opt, 1)
    with pytest.warns(UserWarning, match=r"lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    opt = optimizer()
    scheduler = schedules.StepLR(opt, 1)
    opt.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


def test_warns_of_epoch_and_uses_the_closed_form():
    opt = optimizer()
    scheduler = schedules.StepLR(opt, 2, 0.5)
    opt.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(6)
    np.testing.assert_allclose(opt.param_groups[0]["lr"], 0.4 / 8)


def test_warns_of_get_lr():
    scheduler = schedules.ExponentialLR(optimizer(), 0.5)
    with pytest.warns(UserWarning, match="get_last_lr"):
        assert scheduler.get_lr() == [0.2]


def test_resumes_only_with_an_initial_lr():
    opt = optimizer()
    with pytest.raises(KeyError, match="initial_lr"):
        schedules.StepLR(opt, 2, last_epoch=3)
    opt.param_groups[0]["initial_lr"] = 0.8
    assert schedules.StepLR(opt, 4, 0.5, last_epoch=3).get_last_lr() == [0.2]


REFUSED = [
    (lambda o: schedules.StepLR(None, 1), TypeError, "NoneType is not an Optimizer"),
    (lambda o: schedules.LambdaLR(o, [abs, abs]), ValueError, "Expected 1 lr_lambdas, but got 2"),
    (lambda o: schedules.MultiplicativeLR(o, 3), TypeError, "should be a function"),
    (lambda o: schedules.ConstantLR(o, 2.0), ValueError, "between 0 and 1"),
    (lambda o: schedules.LinearLR(o, 0.0), ValueError, "greater than 0"),
    (lambda o: schedules.LinearLR(o, 0.5, 2.0), ValueError, "between 0 and 1"),
    (lambda o: schedules.CosineAnnealingWarmRestarts(o, 0), ValueError, "positive integer T_0"),
    (lambda o: schedules.CosineAnnealingWarmRestarts(o, 1, 0), ValueError, "T_mult >= 1"),
    (lambda o: schedules.CyclicLR(o, 0.1, [0.2, 0.3]), ValueError, "max_lr must have the same length"),
    (lambda o: schedules.CyclicLR(o, 0.1, 0.2, mode="square"), ValueError, "mode is invalid"),
    (lambda o: schedules.OneCycleLR(o, 0.1), ValueError, "total_steps OR"),
    (lambda o: schedules.OneCycleLR(o, 0.1, -1), ValueError, "positive integer total_steps"),
    (lambda o: schedules.OneCycleLR(o, 0.1, 9, pct_start=2.0), ValueError, "pct_start"),
    (lambda o: schedules.OneCycleLR(o, 0.1, 9, anneal_strategy="x"), ValueError, "'cos' or 'linear'"),
    (lambda o: schedules.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
    (lambda o: schedules.SequentialLR(o, [schedules.StepLR(o, 1)], [3]), ValueError, "number of schedulers"),
    (lambda o: schedules.ChainedScheduler([]), ValueError, "at least one scheduler"),
    (lambda o: schedules.ChainedScheduler([schedules.ReduceLROnPlateau(o)]), ValueError, "does not support"),
    (
        lambda o: schedules.ChainedScheduler([schedules.StepLR(optimizer(), 1)], o),
        ValueError,
        "same optimizer",
    ),
    (lambda o: schedules.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor should be < 1.0"),
    (lambda o: schedules.ReduceLROnPlateau(o, "mid"), ValueError, "mode mid is unknown"),
    (lambda o: schedules.ReduceLROnPlateau(o, min_lr=[0, 0]), ValueError, "same length"),
    (lambda o: SWALR(o, 0.1, -1), ValueError, "anneal_epochs"),
    (lambda o: SWALR(o, 0.1, 3, "x"), ValueError, "'cos' or 'linear'"),
]


@pytest.mark.parametrize(("make", "error", "words"), REFUSED)
def test_refuses(make, error, words):
    with pytest.raises(error, match=words):
        make(optimizer(momentum=0.9))


def test_a_scheduler_of_ones_own():
    class Inverse(schedules.LRScheduler):
        def get_lr(self):
            return [base / (1 + self.last_epoch) for base in self.base_lrs]

    opt = optimizer()
    np.testing.assert_allclose(run(opt, Inverse(opt), 3), [0.4, 0.2, 0.4 / 3])

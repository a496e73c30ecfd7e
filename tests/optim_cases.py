"""What the tests of optimizers share: every rule with its options, and parameters with random gradients."""

import numpy as np

from minigrad import optim
from minigrad.ops import from_numpy

RULES = {
    "SGD": (optim.SGD, {"lr": 0.1}),
    "SGD momentum": (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    "SGD nesterov": (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    "Adam": (optim.Adam, {"lr": 0.1}),
    "Adam amsgrad": (optim.Adam, {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    "AdamW": (optim.AdamW, {"lr": 0.1}),
    "RMSprop": (optim.RMSprop, {"lr": 0.1}),
    "RMSprop centered": (optim.RMSprop, {"lr": 0.1, "centered": True, "momentum": 0.9}),
    "Adagrad": (optim.Adagrad, {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.1}),
    "Adadelta": (optim.Adadelta, {"weight_decay": 0.1}),
    "Adamax": (optim.Adamax, {"lr": 0.1}),
    "NAdam": (optim.NAdam, {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "RAdam": (optim.RAdam, {"lr": 0.1}),
    "ASGD": (optim.ASGD, {"lr": 0.1, "t0": 2, "lambd": 0.1}),
    "Rprop": (optim.Rprop, {"lr": 0.1}),
}
#: those that look at a matrix as a whole
TENSORWISE = {
    "Adafactor": (optim.Adafactor, {"lr": 0.1, "weight_decay": 0.1}),
    "Muon": (optim.Muon, {"lr": 0.1}),
}
ALL = RULES | TENSORWISE


def parameter(rng, shape=(3, 2), dtype="float64"):
    return from_numpy(rng.standard_normal(shape).astype(dtype)).requires_grad_()


def give_gradients(params, rng, present=None):
    """A random gradient to each parameter, none where `present` says so."""
    for i, p in enumerate(params):
        g = from_numpy(rng.standard_normal(p.shape).astype(p.array.dtype))
        p.grad = g if present is None or present[i] else None


def values(opt):
    """All parameters and state arrays, copied."""
    params = [p.array.copy() for group in opt.param_groups for p in group["params"]]
    state = {
        (i, k): v.array.copy() for i, entry in opt.state_dict()["state"].items() for k, v in entry.items()
    }
    return params, state


def assert_same(one, other, rtol=0.0):
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol)
    assert one[1].keys() == other[1].keys()
    for key, value in one[1].items():
        np.testing.assert_allclose(value, other[1][key], rtol=rtol)


def twins(name, sizes=((3, 2), (4,), ())):
    """The same parameters under the same optimizer, twice."""
    rng = np.random.default_rng(4)
    arrays = [rng.standard_normal(n) for n in sizes]
    cls, options = ALL[name]
    return [cls([from_numpy(a.copy()) for a in arrays], **options) for _ in range(2)]


def step_both(one, other, rng, present=None):
    for p, q in zip(one.param_groups[0]["params"], other.param_groups[0]["params"], strict=True):
        g = rng.standard_normal(p.shape)
        p.grad, q.grad = from_numpy(g), from_numpy(g)
    one.step()
    other.step()

"""Layers that learn their input's size from the first input."""

import copy
import pickle

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.nn.modules.lazy import LazyModuleMixin
from minigrad.nn.parameter import is_lazy
from tests.gradients import DEVICE, array_of, tensor

#: (lazy layer, its settings, what the ordinary layer takes before them, shape of an input)
LAYERS = [
    ("Linear", {"out_features": 3}, (4,), (2, 4)),
    ("Linear", {"out_features": 3, "bias": False}, (4,), (5, 2, 4)),
    ("Conv1d", {"out_channels": 6, "kernel_size": 3, "groups": 2}, (4,), (2, 4, 5)),
    ("Conv2d", {"out_channels": 3, "kernel_size": 2}, (4,), (4, 5, 5)),
    ("Conv3d", {"out_channels": 3, "kernel_size": 2, "bias": False}, (1,), (2, 1, 3, 3, 3)),
    ("ConvTranspose1d", {"out_channels": 4, "kernel_size": 3, "groups": 2}, (6,), (2, 6, 5)),
    ("ConvTranspose2d", {"out_channels": 4, "kernel_size": 3, "stride": 2}, (2,), (2, 2, 3, 3)),
    ("ConvTranspose3d", {"out_channels": 2, "kernel_size": 2}, (2,), (2, 2, 3, 3, 3)),
    ("BatchNorm1d", {}, (4,), (3, 4)),
    ("BatchNorm2d", {"affine": False}, (4,), (3, 4, 2, 2)),
    ("BatchNorm3d", {"track_running_stats": False}, (4,), (3, 4, 2, 2, 2)),
    ("InstanceNorm1d", {"affine": True, "track_running_stats": True}, (4,), (4, 5)),
    ("InstanceNorm2d", {"affine": True, "track_running_stats": False}, (4,), (3, 4, 5, 2)),
    ("InstanceNorm3d", {"affine": False, "track_running_stats": True}, (4,), (3, 4, 5, 2, 2)),
]


def drawn(shape):
    return tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def lazy(name: str, settings: dict):
    return getattr(nn, "Lazy" + name)(**settings).to(DEVICE)


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_the_first_input_makes_an_ordinary_layer(case):
    name, settings, sizes, shape = case
    layer = lazy(name, settings)
    x = drawn(shape)
    minigrad.manual_seed(1)
    out = layer(x)
    minigrad.manual_seed(1)
    ordinary = getattr(nn, name)(*sizes, **settings).to(DEVICE)
    assert type(layer) is type(ordinary)
    assert repr(layer) == repr(ordinary)
    np.testing.assert_array_equal(array_of(out), array_of(ordinary(x)))
    assert list(layer.state_dict()) == list(ordinary.state_dict())
    for mine, other in zip(layer.state_dict().values(), ordinary.state_dict().values(), strict=True):
        np.testing.assert_array_equal(array_of(mine), array_of(other))
    np.testing.assert_array_equal(array_of(layer(x)), array_of(ordinary(x)))


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_a_state_dict_gives_shapes(case):
    name, settings, sizes, shape = case
    ordinary = getattr(nn, name)(*sizes, **settings).to(DEVICE)
    layer = lazy(name, settings)
    layer.load_state_dict(ordinary.state_dict())
    assert not layer.has_uninitialized_params()
    x = drawn(shape)
    np.testing.assert_array_equal(array_of(layer(x)), array_of(ordinary(x)))


def test_what_is_open_stays_open():
    layer = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d()).to(DEVICE)
    for same in (layer.double(), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert all(is_lazy(p) for p in same.parameters())
        assert is_lazy(same[1].running_mean)
        assert same[0].weight.dtype is minigrad.float64
    assert repr(layer[0].weight) == "<UninitializedParameter>"
    assert is_lazy(layer.state_dict()["0.weight"])
    out = layer(tensor(np.random.default_rng(1).standard_normal((4, 5))))
    assert out.dtype is minigrad.float64
    assert layer[1].num_features == 3


def test_refusals():
    with pytest.raises(RuntimeError, match="shape of an uninitialized parameter"):
        _ = nn.LazyLinear(3).weight.shape
    with pytest.raises(ValueError, match=r"in_channels \(3\) must be divisible"):
        lazy("Conv1d", {"out_channels": 4, "kernel_size": 1, "groups": 2})(drawn((2, 3, 5)))
    with pytest.raises(RuntimeError, match=r"or 4D .batched. input to LazyConv2d"):
        lazy("Conv2d", {"out_channels": 4, "kernel_size": 1})(drawn((3, 5)))


class Growing(LazyModuleMixin, nn.Module):
    """A user's own lazy module."""

    def __init__(self):
        super().__init__()
        self.scale = nn.UninitializedParameter(device=DEVICE)

    def initialize_parameters(self, x):
        if self.has_uninitialized_params():
            with minigrad.no_grad():
                self.scale.materialize((x.shape[-1],))
                self.scale.fill_(2.0)

    def forward(self, x):
        return x * self.scale


def test_a_module_of_ones_own():
    x = drawn((2, 3))
    module = Growing()
    np.testing.assert_array_equal(array_of(module(x)), 2 * array_of(x))
    assert type(module) is Growing
    assert not is_lazy(module.scale)
    assert module.scale.requires_grad


def test_a_module_that_stays_open_is_told():
    class Forgetful(Growing):
        def initialize_parameters(self, x):
            pass

    with pytest.raises(RuntimeError, match="Forgetful has not been fully initialized"):
        Forgetful()(drawn((2, 3)))

"""Averaged models: means written by hand, what is copied, and the statistics of batch norm."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.optim import swa_utils


def model_with(rng):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    for p in model.parameters():
        p.data = mg.from_numpy(rng.standard_normal(tuple(p.shape)))
    return model


def weights(model):
    return [p.detach().numpy().copy() for p in model.parameters()]


WAYS = {
    "mean": ({}, [1 / 3] * 3),
    "mean on lists": ({"multi_avg_fn": swa_utils.get_swa_multi_avg_fn()}, [1 / 3] * 3),
    "mean one by one": ({"avg_fn": swa_utils.get_swa_avg_fn()}, [1 / 3] * 3),
    "exponential": ({"avg_fn": swa_utils.get_ema_avg_fn(0.9)}, [0.81, 0.09, 0.1]),
    "exponential on lists": ({"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.9)}, [0.81, 0.09, 0.1]),
}


@pytest.mark.parametrize("way", WAYS)
def test_average_of_three_models(way):
    rng = np.random.default_rng(0)
    options, shares = WAYS[way]
    models = [model_with(rng) for _ in range(3)]
    averaged = swa_utils.AveragedModel(model_with(rng), **options)
    for model in models:
        averaged.update_parameters(model)
    assert averaged.n_averaged.item() == 3
    for i, average in enumerate(weights(averaged)):
        wanted = sum(share * weights(model)[i] for share, model in zip(shares, models, strict=True))
        np.testing.assert_allclose(average, wanted, rtol=1e-12, atol=1e-15)


def test_it_is_a_copy_of_the_model():
    rng = np.random.default_rng(1)
    model = model_with(rng)
    averaged = swa_utils.AveragedModel(model)
    before = weights(averaged)
    for p in model.parameters():
        p.data = p.data + 1
    for one, other in zip(before, weights(averaged), strict=True):
        np.testing.assert_array_equal(one, other)
    assert "n_averaged" in averaged.state_dict()
    assert "module.0.weight" in averaged.state_dict()


@pytest.mark.parametrize("use_buffers", [False, True])
def test_buffers_are_copied_or_averaged(use_buffers):
    rng = np.random.default_rng(2)
    models = [model_with(rng) for _ in range(2)]
    means = [rng.standard_normal(4).astype("float32") for _ in models]
    averaged = swa_utils.AveragedModel(models[0], use_buffers=use_buffers)
    for model, mean in zip(models, means, strict=True):
        model[1].running_mean.data = mg.from_numpy(mean)
        averaged.update_parameters(model)
    wanted = (means[0] + means[1]) / 2 if use_buffers else means[1]
    np.testing.assert_allclose(averaged.module[1].running_mean.numpy(), wanted, rtol=1e-6)


def test_forward_is_the_averaged_models():
    rng = np.random.default_rng(3)
    model = nn.Linear(3, 2)
    averaged = swa_utils.AveragedModel(model)
    x = mg.from_numpy(rng.standard_normal((5, 3)).astype("float32"))
    np.testing.assert_array_equal(averaged(x).detach().numpy(), model(x).detach().numpy())


def test_update_bn_computes_statistics_anew():
    rng = np.random.default_rng(4)
    batches = [rng.standard_normal((8, 4)).astype("float32") * 3 + 1 for _ in range(3)]
    model = nn.Sequential(nn.BatchNorm1d(4))
    model(mg.from_numpy(batches[0] * 100))
    model.eval()
    swa_utils.update_bn([(mg.from_numpy(b), "label") for b in batches], model)
    np.testing.assert_allclose(
        model[0].running_mean.numpy(), np.mean([b.mean(0) for b in batches], 0), rtol=1e-4, atol=1e-5
    )
    assert model[0].momentum == 0.1
    assert not model.training


def test_update_bn_puts_everything_back_after_an_error():
    model = nn.Sequential(nn.BatchNorm1d(4)).eval()
    with pytest.raises(Exception, match=r"\S"):
        swa_utils.update_bn([mg.zeros(2, 3)], model)
    assert model[0].momentum == 0.1
    assert not model.training


def test_without_batch_norm_nothing_is_read():
    def loader():
        raise AssertionError("read")
        yield

    swa_utils.update_bn(loader(), nn.Linear(2, 2))


def test_refuses():
    model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="Invalid decay value"):
        swa_utils.get_ema_avg_fn(1.5)
    with pytest.raises(ValueError, match="Invalid decay value"):
        swa_utils.get_ema_multi_avg_fn(-1)
    with pytest.raises(AssertionError, match="Only one of"):
        swa_utils.AveragedModel(model, avg_fn=max, multi_avg_fn=max)


def test_the_average_can_be_copied():
    rng = np.random.default_rng(5)
    averaged = swa_utils.AveragedModel(model_with(rng))
    averaged.update_parameters(model_with(rng))
    other = swa_utils.AveragedModel(model_with(rng))
    other.load_state_dict(copy.deepcopy(averaged.state_dict()))
    for one, two in zip(weights(averaged), weights(other), strict=True):
        np.testing.assert_array_equal(one, two)
    assert other.n_averaged.item() == 1

"""Mixed precision: what does nothing does nothing, and a scaler's steps are those without it."""

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.amp import GradScaler, autocast


def model_and_optimizer():
    minigrad.manual_seed(0)
    model = nn.Linear(3, 1)
    return model, minigrad.optim.SGD(model.parameters(), lr=0.1)


def test_autocast_that_is_off_does_nothing():
    for off in (
        autocast("cpu", enabled=False),
        minigrad.autocast("cuda", minigrad.bfloat16, enabled=False),
        minigrad.cuda.amp.autocast(False),
    ):
        with off:
            assert (minigrad.ones(2, 2) @ minigrad.ones(2, 2)).dtype is minigrad.float32
    assert autocast("cpu", enabled=False)(lambda x: x + 1)(1) == 2
    assert not minigrad.is_autocast_enabled()


def test_autocast_refuses_or_is_switched_off_where_there_is_no_gpu():
    with pytest.raises(NotImplementedError, match="autocast: nothing is cast by itself on 'cpu' here; "):
        autocast("cpu", minigrad.bfloat16)
    if not minigrad.cuda.is_available():
        with pytest.warns(UserWarning, match="CUDA is not available"):
            autocast("cuda")
        with pytest.warns(UserWarning, match="CUDA is not available"):
            assert not GradScaler().is_enabled()


@pytest.mark.parametrize("enabled", [True, False])
def test_scaled_steps_are_plain_steps(enabled):
    plain, plain_optimizer = model_and_optimizer()
    scaled, optimizer = model_and_optimizer()
    scaler = GradScaler("cpu", enabled=enabled, growth_interval=2)
    x = minigrad.randn(4, 3)
    for _ in range(4):
        for loss_model, chosen in ((plain, plain_optimizer), (scaled, optimizer)):
            chosen.zero_grad()
            loss = loss_model(x).square().mean()
            if chosen is plain_optimizer:
                loss.backward()
                nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
                chosen.step()
            else:
                scaler.scale(loss).backward()
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(scaled.parameters(), 0.5)
                scaler.step(optimizer)
                scaler.update()
    for p, q in zip(plain.parameters(), scaled.parameters(), strict=True):
        np.testing.assert_allclose(p.detach(), q.detach(), rtol=1e-5)
    assert scaler.get_scale() == (65536.0 * 4 if enabled else 1.0)


def test_a_step_with_infinite_gradients_is_left_out():
    model, optimizer = model_and_optimizer()
    scaler = GradScaler("cpu", init_scale=1024.0)
    before = model.weight.detach().clone()
    scaler.scale(model(minigrad.full((1, 3), float("inf"))).sum()).backward()
    assert scaler.step(optimizer) is None
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.update()
    assert (model.weight == before).all()
    assert scaler.get_scale() == 512.0
    with pytest.raises(AssertionError, match="No inf checks"):
        scaler.update()


def test_state_goes_from_one_scaler_to_another():
    first, second = GradScaler("cpu", init_scale=8.0, growth_interval=7), GradScaler("cpu")
    second.load_state_dict(first.state_dict())
    assert second.state_dict() == first.state_dict()
    assert GradScaler("cpu", enabled=False).state_dict() == {}
    with pytest.raises(RuntimeError, match="empty"):
        second.load_state_dict({})

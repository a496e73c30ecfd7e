"""Adafactor and Muon against their formulas, written out element by element."""

import math

import numpy as np
import pytest
from optim_cases import TENSORWISE, assert_same, give_gradients, parameter, step_both, twins, values

from minigrad import optim
from minigrad.ops import from_numpy
from minigrad.optim.muon import orthogonalised


def rms(x):
    return math.sqrt(np.mean(np.square(x)))


def test_adafactor_follows_its_formula():
    rng = np.random.default_rng(0)
    matrix, vector = parameter(rng, (4, 3)), parameter(rng, (5,))
    p, q = matrix.array.copy(), vector.array.copy()
    opt = optim.Adafactor(
        [matrix, vector], lr=0.3, beta2_decay=-0.5, eps=(1e-30, 1e-3), d=1.0, weight_decay=0.1
    )
    rows, columns, variance = np.zeros(4), np.zeros(3), np.zeros(5)
    for step in range(1, 5):
        give_gradients([matrix, vector], rng)
        g, h = matrix.grad.array, vector.grad.array
        keep = 1 - step**-0.5
        rows = keep * rows + (1 - keep) * np.array([np.mean(row**2) for row in g])
        columns = keep * columns + (1 - keep) * np.array([np.mean(column**2) for column in g.T])
        variance = keep * variance + (1 - keep) * h**2
        v = np.array([[r * c / rows.mean() for c in columns] for r in rows])
        for x, grad, second in ((p, g, v), (q, h, variance)):
            rate = max(1e-3, rms(x)) * min(0.3, 1 / math.sqrt(step))
            u = grad / np.sqrt(second)
            x *= 1 - 0.3 * 0.1
            x -= rate * u / max(1.0, rms(u))
        opt.step()
        np.testing.assert_allclose(matrix.array, p, rtol=1e-12)
        np.testing.assert_allclose(vector.array, q, rtol=1e-12)
    assert [tuple(opt.state[matrix][key].shape) for key in ("row_var", "col_var")] == [(4, 1), (1, 3)]


@pytest.mark.parametrize("shape", [(6, 6), (12, 5), (4, 20)])
def test_muon_steps_along_the_nearest_orthogonal_matrix(shape):
    """The direction has the momentum's singular vectors, and singular values near 1."""
    rng = np.random.default_rng(1)
    u, _, vt = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    x = u * np.linspace(0.2, 3, len(vt)) @ vt
    direction = orthogonalised(x, (3.4445, -4.775, 2.0315), 5, 1e-7)
    inner = u.T @ direction @ vt.T
    assert np.abs(inner - np.diag(np.diag(inner))).max() < 0.03
    assert (np.diag(inner) > 0.6).all()
    assert (np.diag(inner) < 1.25).all()


def test_muon_follows_its_formula():
    rng = np.random.default_rng(2)
    p = parameter(rng, (6, 3))
    value, b = p.array.copy(), np.zeros((6, 3))
    opt = optim.Muon([p], lr=0.1, weight_decay=0.2, momentum=0.9)
    for _ in range(3):
        give_gradients([p], rng)
        g = p.grad.array
        b = 0.9 * b + 0.1 * g
        direction = orthogonalised(0.1 * g + 0.9 * b, (3.4445, -4.775, 2.0315), 5, 1e-7)
        value = value * (1 - 0.1 * 0.2) - 0.1 * math.sqrt(6 / 3) * direction
        opt.step()
        np.testing.assert_allclose(p.array, value, rtol=1e-2, atol=1e-3)
        np.testing.assert_allclose(opt.state[p]["momentum_buffer"].array, b, rtol=1e-12)


def test_muon_takes_matrices_only():
    rng = np.random.default_rng(3)
    with pytest.raises(
        ValueError, match=r"only supports 2D parameters .* \(3,\); give it to another optimizer"
    ):
        optim.Muon([parameter(rng, (3,))])
    opt = optim.Muon([parameter(rng)])
    with pytest.raises(ValueError, match="only supports 2D"):
        opt.add_param_group({"params": [parameter(rng, (3,))]})
    assert len(opt.param_groups) == 1


@pytest.mark.parametrize("name", TENSORWISE)
def test_continues_from_a_state_dict(name):
    one, other = twins(name, ((3, 2), (4, 5)))
    rng = np.random.default_rng(4)
    for _ in range(3):
        step_both(one, other, rng)
    fresh = type(one)([p.detach().clone() for p in one.param_groups[0]["params"]], lr=7.0)
    fresh.load_state_dict(one.state_dict())
    for _ in range(3):
        step_both(fresh, other, rng)
    assert_same(values(fresh), values(other))


@pytest.mark.parametrize("name", TENSORWISE)
def test_state_tensors_stay_and_versions_move(name):
    rng = np.random.default_rng(5)
    p, memory = parameter(rng), None
    opt = TENSORWISE[name][0]([p])
    for step in range(1, 4):
        give_gradients([p], rng)
        before = p._version
        opt.step()
        assert p._version == before + 1
        held = dict(opt.state[p])
        assert memory in (None, held)
        memory = held
        assert float(opt.state[p].get("step", from_numpy(np.array(step))).array) == step


def test_a_parameter_named_twice_is_stepped_twice():
    rng = np.random.default_rng(6)
    one, other = parameter(rng), parameter(np.random.default_rng(6))
    with pytest.warns(UserWarning, match="duplicate parameters"):
        twice = optim.Adafactor([one, one])
    once = optim.Adafactor([other])
    give_gradients([one], rng)
    other.grad = one.grad
    twice.step()
    once.step()
    once.step()
    np.testing.assert_array_equal(one.array, other.array)


@pytest.mark.parametrize("name", TENSORWISE)
def test_refuses_complex_parameters(name):
    p = from_numpy(np.ones((2, 2), "complex128"))
    p.grad = p.clone()
    with pytest.raises(RuntimeError, match="does not support complex parameters"):
        TENSORWISE[name][0]([p]).step()

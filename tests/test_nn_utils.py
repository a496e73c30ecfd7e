"""Weights computed from others: by parametrizations, by hooks, by masks; layers fused with batch norms."""

import copy
import pickle

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.nn.utils import parametrizations, parametrize, prune
from tests.gradients import array_of, check

RNG = np.random.default_rng(21)


class Doubled(nn.Module):
    """2 x; the other way, x / 2."""

    def forward(self, x):
        return x * 2

    def right_inverse(self, x):
        return x / 2


class Product(nn.Module):
    """a b^T of two vectors, without a way back for other matrices."""

    def forward(self, a, b):
        return a[:, None] * b

    def right_inverse(self, x):
        return x[:, 0].clone(), x[0].clone()


class Cut(nn.Module):
    """All but the last row: another shape."""

    def forward(self, x):
        return x[:-1]


def linear(*sizes, seed=0):
    minigrad.manual_seed(seed)
    return nn.Linear(*sizes)


# ---- parametrize -------------------------------------------------------------------------------------------
def test_a_parametrized_weight_is_computed_and_written_through():
    layer = linear(3, 2)
    weight = layer.weight
    before = array_of(weight).copy()
    assert parametrize.register_parametrization(layer, "weight", Doubled()) is layer
    assert isinstance(layer, nn.Linear)
    assert type(layer).__name__ == "ParametrizedLinear"
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert layer.parametrizations.weight.original is weight  # an optimizer goes on with it
    np.testing.assert_array_equal(array_of(weight), before / 2)
    np.testing.assert_array_equal(array_of(layer.weight), before)
    layer.weight = minigrad.ones(2, 3)
    np.testing.assert_array_equal(array_of(weight), np.full((2, 3), 0.5))
    parametrize.register_parametrization(layer, "weight", Doubled())
    np.testing.assert_array_equal(array_of(layer.weight), np.full((2, 3), 2.0))
    layer(minigrad.ones(1, 3)).sum().backward()
    np.testing.assert_array_equal(array_of(weight.grad), np.full((2, 3), 4.0))


@pytest.mark.parametrize("leave", [True, False])
def test_a_parametrization_is_removed(leave):
    layer = linear(3, 2)
    weight, before = layer.weight, array_of(layer.weight).copy()
    parametrize.register_parametrization(layer, "weight", Doubled())
    assert parametrize.remove_parametrizations(layer, "weight", leave_parametrized=leave) is layer
    assert type(layer) is nn.Linear
    assert layer.weight is weight
    np.testing.assert_array_equal(array_of(weight), before if leave else before / 2)
    with pytest.raises(ValueError, match="does not have a parametrization"):
        parametrize.remove_parametrizations(layer, "weight")


def test_several_originals():
    layer = linear(3, 2)
    a, b = minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 3.0, 4.0])
    parametrize.register_parametrization(layer, "weight", Product())
    layer.weight = a[:, None] * b
    np.testing.assert_array_equal(array_of(layer.weight), array_of(a)[:, None] * array_of(b))
    names = [n for n, _ in layer.named_parameters()]
    assert names == ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]
    with pytest.raises(ValueError, match="a sequence of tensors"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    parametrize.remove_parametrizations(layer, "weight")
    assert isinstance(layer.weight, nn.Parameter)


def test_a_value_is_computed_once_while_cached():
    layer = parametrize.register_parametrization(linear(3, 2), "weight", Doubled())
    with parametrize.cached():
        held = layer.weight
        with parametrize.cached():
            assert layer.weight is held
        assert layer.weight is held
    assert layer.weight is not held


def test_copies_are_apart_and_pickles_are_refused():
    layer = parametrize.register_parametrization(linear(3, 2), "weight", Doubled())
    other = copy.deepcopy(layer)
    other.weight = minigrad.zeros(2, 3)
    assert layer.weight.abs().min() > 0
    parametrize.remove_parametrizations(other, "weight")
    assert parametrize.is_parametrized(layer, "weight")
    with pytest.raises(RuntimeError, match=r"state_dict\(\)"):
        pickle.dumps(layer)


def test_parametrizations_are_handed_on():
    layer = parametrize.register_parametrization(linear(3, 2), "weight", Doubled())
    other = parametrize.transfer_parametrizations_and_params(layer, linear(3, 2, seed=1))
    np.testing.assert_array_equal(array_of(other.weight), array_of(layer.weight))
    assert other.parametrizations.weight.original is layer.parametrizations.weight.original
    plain = linear(3, 2)
    assert parametrize.transfer_parametrizations_and_params(plain, other) is other


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (
            lambda m: parametrize.register_parametrization(m, "more", Doubled()),
            ValueError,
            "element with name 'more'",
        ),
        (lambda m: parametrize.register_parametrization(m, "weight", Cut()), ValueError, "change the shape"),
        (lambda m: parametrize.ParametrizationList([], m.weight), ValueError, "one or more modules"),
        (
            lambda m: parametrize.register_parametrization(m, "weight", Cut(), unsafe=True).__setattr__(
                "weight", m.bias
            ),
            RuntimeError,
            "does not implement right_inverse",
        ),
    ],
)
def test_parametrizations_that_are_refused(act, kind, words):
    with pytest.raises(kind, match=words):
        act(linear(3, 2))


def test_a_further_parametrization_must_keep_the_shape():
    layer = parametrize.register_parametrization(linear(3, 2), "weight", Doubled())
    with pytest.raises(ValueError, match="change the shape"):
        parametrize.register_parametrization(layer, "weight", Cut())
    assert len(layer.parametrizations.weight) == 1


# ---- the ones there are ------------------------------------------------------------------------------------
@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm_trains_lengths_and_directions_apart(dim):
    layer = linear(3, 2)
    before = array_of(layer.weight).copy()
    parametrizations.weight_norm(layer, dim=dim)
    lengths, directions = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
    np.testing.assert_allclose(array_of(layer.weight), before, rtol=1e-6)
    other = None if dim is None else 1 - dim
    np.testing.assert_allclose(
        array_of(lengths), np.sqrt((before**2).sum(other, keepdims=dim is not None)), rtol=1e-6
    )
    with minigrad.no_grad():
        directions *= 3
        lengths *= 2
    np.testing.assert_allclose(array_of(layer.weight), 2 * before, rtol=1e-6)
    kind = type(layer.parametrizations.weight[0])
    arrays = [RNG.standard_normal(lengths.shape), RNG.standard_normal((2, 3))]
    check(lambda g, v: kind(dim)(g, v), arrays, RNG)


def test_spectral_norm_divides_by_the_largest_singular_value():
    layer = parametrizations.spectral_norm(linear(7, 5), n_power_iterations=20)
    for _ in range(20):
        weight = array_of(layer.weight)
    np.testing.assert_allclose(np.linalg.norm(weight, 2), 1, rtol=1e-5)
    layer.eval()
    u = array_of(layer.parametrizations.weight[0]._u).copy()
    np.testing.assert_array_equal(array_of(layer.weight), array_of(layer.weight))
    np.testing.assert_array_equal(array_of(layer.parametrizations.weight[0]._u), u)
    vector = parametrizations.spectral_norm(nn.Linear(3, 4), "bias")
    np.testing.assert_allclose(np.linalg.norm(array_of(vector.bias)), 1, rtol=1e-6)


@pytest.mark.parametrize("sizes", [(4, 4), (3, 5), (5, 3)])
@pytest.mark.parametrize("map", ["cayley", "householder"])
def test_orthogonal_weights_stay_orthogonal(map, sizes):
    minigrad.manual_seed(0)
    layer = nn.Linear(*sizes, dtype=minigrad.float64)
    parametrizations.orthogonal(layer, orthogonal_map=map)
    optimizer = minigrad.optim.SGD(layer.parameters(), 0.1)
    seen = []
    for _ in range(3):
        weight = array_of(layer.weight)
        seen.append(weight)
        small = min(sizes)
        product = weight @ weight.T if len(weight) == small else weight.T @ weight
        np.testing.assert_allclose(product, np.eye(small), atol=1e-12)
        optimizer.zero_grad()
        layer(minigrad.randn(6, sizes[0], dtype=minigrad.float64)).square().mean().backward()
        optimizer.step()
    if sizes[0] > sizes[1]:
        assert abs(seen[0] - seen[-1]).max() > 1e-3  # and it moves
    target = np.linalg.qr(RNG.standard_normal(sizes[::-1]))[0] if sizes[1] >= sizes[0] else None
    if target is not None:
        layer.weight = minigrad.tensor(target)
        np.testing.assert_allclose(array_of(layer.weight), target, atol=1e-12)


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (lambda: parametrizations.orthogonal(linear(3, 2), "bias"), ValueError, "1 dimensions"),
        (lambda: parametrizations.orthogonal(linear(3, 2), orthogonal_map="qr"), ValueError, "Got: qr"),
        (lambda: parametrizations.orthogonal(linear(3, 2), "more"), ValueError, "with name 'more'"),
        (
            lambda: parametrizations.spectral_norm(linear(3, 2), n_power_iterations=0),
            ValueError,
            "to be positive",
        ),
        (lambda: parametrizations.spectral_norm(linear(3, 2), dim=2), IndexError, r"\[-2, 1\] but got 2"),
    ],
)
def test_what_is_refused(act, kind, words):
    with pytest.raises(kind, match=words):
        act()


# ---- by a hook ---------------------------------------------------------------------------------------------
def older_weight_norm(layer):
    with pytest.warns(FutureWarning, match=r"parametrizations\.weight_norm"):
        return nn.utils.weight_norm(layer)


@pytest.mark.parametrize("put", [older_weight_norm, nn.utils.spectral_norm])
def test_the_older_forms(put):
    layer = put(linear(3, 2))
    x = minigrad.randn(4, 3)
    layer.eval()
    first = array_of(layer(x))
    with minigrad.no_grad():
        for name, parameter in layer.named_parameters():
            if name != "bias":
                parameter *= 2
    again = array_of(layer(x)) - array_of(layer.bias)
    grown = 2 if put is older_weight_norm else 1
    np.testing.assert_allclose(again, grown * (first - array_of(layer.bias)), rtol=1e-4)
    with pytest.raises(RuntimeError, match="Cannot register two"):
        put(layer)
    remove = nn.utils.remove_weight_norm if put is older_weight_norm else nn.utils.remove_spectral_norm
    remove(layer)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(array_of(layer(x)) - array_of(layer.bias), again, rtol=1e-5)
    assert not layer.state_dict()._metadata[""].get("spectral_norm")
    with pytest.raises(ValueError, match="not found in"):
        remove(layer)


# ---- masks -------------------------------------------------------------------------------------------------
def test_pruning_the_smallest_and_what_is_left_of_it():
    layer = linear(6, 4)
    before = array_of(layer.weight).copy()
    prune.l1_unstructured(layer, "weight", 10)
    kept = np.abs(before) > np.sort(np.abs(before), None)[9]
    np.testing.assert_array_equal(array_of(layer.weight_mask), kept)
    np.testing.assert_array_equal(array_of(layer.weight), before * kept)
    prune.l1_unstructured(layer, "weight", amount=0.5)
    assert array_of(layer.weight_mask).sum() == 7
    prune.ln_structured(layer, "weight", amount=1, n=2, dim=0)
    assert (array_of(layer.weight_mask).sum(1) == 0).any()
    layer(minigrad.ones(1, 6)).sum().backward()
    assert not array_of(layer.weight_orig.grad)[array_of(layer.weight_mask) == 0].any()
    prune.remove(layer, "weight")
    assert isinstance(layer.weight, nn.Parameter)
    assert list(layer.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="has to be pruned before"):
        prune.remove(layer, "weight")


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (lambda m: prune.l1_unstructured(m, "weight", 1.5), ValueError, r"float in the range \[0, 1\]"),
        (lambda m: prune.l1_unstructured(m, "weight", "few"), TypeError, "Must be int or float"),
        (
            lambda m: prune.random_unstructured(m, "weight", 13),
            ValueError,
            "number of parameters to prune=12",
        ),
        (lambda m: prune.random_structured(m, "bias", 1, 0), ValueError, "multidimensional"),
        (lambda m: prune.random_structured(m, "weight", 1, 2), IndexError, "Invalid index 2"),
        (lambda m: prune.custom_from_mask(m, "weight", m.bias), AssertionError, "must match"),
        (lambda m: prune.l1_unstructured(m, "weight", 1, m.bias), AssertionError, "same shape"),
        (
            lambda m: prune.global_unstructured([(m, "weight")], prune.RandomStructured, amount=1),
            TypeError,
            'Only "unstructured"',
        ),
    ],
)
def test_pruning_that_is_refused_leaves_the_layer_as_it_was(act, kind, words):
    layer = linear(3, 4)
    with pytest.raises(kind, match=words):
        act(layer)
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert not prune.is_pruned(layer)


# ---- fusion ------------------------------------------------------------------------------------------------
def test_fused_layers_compute_the_same():
    minigrad.manual_seed(0)
    for layer, bn, shape, fuse in (
        (nn.Conv2d(3, 4, 2, bias=False), nn.BatchNorm2d(4), (5, 3, 4, 4), nn.utils.fuse_conv_bn_eval),
        (nn.Conv1d(3, 4, 2), nn.BatchNorm1d(4, affine=False), (5, 3, 4), nn.utils.fuse_conv_bn_eval),
        (nn.Linear(3, 4), nn.BatchNorm1d(4), (5, 3), nn.utils.fuse_linear_bn_eval),
    ):
        x = minigrad.randn(*shape)
        bn(layer(x) * 3 + 1)
        with pytest.raises(AssertionError, match="only for eval"):
            fuse(layer, bn)
        expected = bn.eval()(layer.eval()(x))
        np.testing.assert_allclose(array_of(fuse(layer, bn)(x)), array_of(expected), rtol=1e-4, atol=1e-5)


def test_skipping_the_first_values():
    minigrad.manual_seed(0)
    layer = nn.utils.skip_init(nn.Linear, 3, out_features=2)
    assert tuple(layer.weight.shape) == (2, 3)
    drawn = minigrad.rand(1).item()
    minigrad.manual_seed(0)
    assert minigrad.rand(1).item() == drawn
    with pytest.raises(RuntimeError, match="'device' arg"):
        nn.utils.skip_init(nn.ReLU)
    with pytest.raises(RuntimeError, match="Expected a Module"):
        nn.utils.skip_init(print)


def test_behaviours_to_come_are_refused():
    future = minigrad.__future__
    for name in ("swap", "overwrite"):
        assert getattr(future, f"get_{name}_module_params_on_conversion")() is False
        getattr(future, f"set_{name}_module_params_on_conversion")(False)
        with pytest.raises(NotImplementedError, match="stay the same objects"):
            getattr(future, f"set_{name}_module_params_on_conversion")(True)

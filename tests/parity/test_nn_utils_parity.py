"""`nn.utils` against PyTorch: weights computed from others, pruned, fused; state dicts and gradients."""

import copy

import numpy as np
import pytest

import minigrad
from minigrad import nn, ops

torch = pytest.importorskip("torch")
pytest.importorskip("torch.nn.utils.prune")
BOTH = (torch, minigrad)
pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")


def made(make):
    """What `make(framework)` makes in both, each after the same seed."""
    results = []
    for framework in BOTH:
        framework.manual_seed(3)
        results.append(make(framework))
    return results


def numpy(t):
    return t.detach().cpu().numpy()


def assert_alike(theirs, ours, tolerance=1e-5):
    """State dicts, parameters, and which of them are trained."""
    expected, got = theirs.state_dict(), ours.state_dict()
    assert list(got) == list(expected)
    for name in expected:
        np.testing.assert_allclose(
            numpy(got[name]), numpy(expected[name]), tolerance, tolerance, err_msg=name
        )
    assert [(n, p.requires_grad) for n, p in ours.named_parameters()] == [
        (n, p.requires_grad) for n, p in theirs.named_parameters()
    ]


def assert_same_steps(theirs, ours, shape, steps=3, tolerance=2e-5):
    """Outputs and parameters over a few steps of SGD."""
    rng = np.random.default_rng(0)
    dtype = numpy(next(ours.parameters())).dtype
    optimizers = [f.optim.SGD(m.parameters(), 0.1) for f, m in zip(BOTH, (theirs, ours), strict=True)]
    for _ in range(steps):
        x = rng.standard_normal(shape).astype(dtype)
        outs = []
        for framework, module, optimizer in zip(BOTH, (theirs, ours), optimizers, strict=True):
            out = module(framework.from_numpy(x))
            outs.append(numpy(out))
            optimizer.zero_grad()
            out.backward(framework.from_numpy(np.cos(np.arange(out.numel(), dtype=dtype)).reshape(out.shape)))
            optimizer.step()
        np.testing.assert_allclose(outs[1], outs[0], tolerance, tolerance)
    assert_alike(theirs, ours, tolerance)


#: (layer, shape of its input, what is done to it)
COMPUTED = {
    "weight_norm": lambda f, m: f.nn.utils.parametrizations.weight_norm(m),
    "weight_norm of all": lambda f, m: f.nn.utils.parametrizations.weight_norm(m, dim=None),
    "weight_norm along 1": lambda f, m: f.nn.utils.parametrizations.weight_norm(m, "weight", 1),
    "spectral_norm": lambda f, m: f.nn.utils.parametrizations.spectral_norm(m, n_power_iterations=2),
    "both": lambda f, m: f.nn.utils.parametrizations.weight_norm(
        f.nn.utils.parametrizations.spectral_norm(m), "bias"
    ),
    "older weight_norm": lambda f, m: f.nn.utils.weight_norm(m),
    "older spectral_norm": lambda f, m: f.nn.utils.spectral_norm(m),
}
LAYERS = {
    "linear": (lambda f: f.nn.Linear(5, 4), (3, 5)),
    "conv": (lambda f: f.nn.Conv2d(4, 3, 2), (2, 4, 5, 5)),
    "transposed": (lambda f: f.nn.ConvTranspose1d(4, 3, 2), (2, 4, 5)),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("what", COMPUTED)
def test_computed_weights(what, layer):
    if what == "both" and layer != "linear":
        pytest.skip("one layer is enough")
    make, shape = LAYERS[layer]
    theirs, ours = made(lambda f: COMPUTED[what](f, make(f)))
    assert repr(ours) == repr(theirs)
    assert_alike(theirs, ours)
    assert_same_steps(theirs, ours, shape)
    assert_alike(theirs.eval(), copy.deepcopy(ours.eval()) if "older" not in what else ours)


@pytest.mark.parametrize("map", ["matrix_exp", "cayley", "householder", None])
@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
@pytest.mark.parametrize("trivialization", [True, False])
def test_orthogonal_weights(map, shape, trivialization):
    if map != "householder" and not trivialization:
        pytest.skip("cannot be assigned to")
    if map in ("matrix_exp", None):
        pytest.importorskip("scipy")
    theirs, ours = made(
        lambda f: f.nn.utils.parametrizations.orthogonal(
            f.nn.Linear(*shape, dtype=f.float64), orthogonal_map=map, use_trivialization=trivialization
        )
    )
    assert repr(ours) == repr(theirs)
    assert_alike(theirs, ours)
    weight = numpy(ours.weight)
    small = min(weight.shape)
    product = weight @ weight.T if len(weight) == small else weight.T @ weight
    np.testing.assert_allclose(product, np.eye(small), atol=1e-12)
    assert_same_steps(theirs, ours, (6, shape[0]), tolerance=1e-9)


def symmetric(framework):
    class Symmetric(framework.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).mT

        def right_inverse(self, x):
            return x.triu()

    return Symmetric()


def shifted(framework):
    class Shifted(framework.nn.Module):
        def forward(self, x):
            return x + 1

        def right_inverse(self, x):
            return x - 1

    return Shifted()


def test_parametrizations_by_hand():
    def make(f):
        P, layer = f.nn.utils.parametrize, f.nn.Linear(4, 4)
        P.register_parametrization(layer, "weight", symmetric(f))
        P.register_parametrization(layer, "weight", shifted(f))
        assert P.is_parametrized(layer, "weight")
        assert not P.is_parametrized(layer, "bias")
        assert P.type_before_parametrizations(layer) is f.nn.Linear
        layer.weight = f.arange(16.0).reshape(4, 4)
        with P.cached():
            assert layer.weight is layer.weight
        assert layer.weight is not layer.weight
        return layer

    for leave in (True, False):
        theirs, ours = again = made(make)
        assert repr(ours) == repr(theirs)
        np.testing.assert_array_equal(numpy(ours.weight), numpy(theirs.weight))
        assert_same_steps(theirs, ours, (3, 4))
        for f, m in zip(BOTH, again, strict=True):
            f.nn.utils.parametrize.remove_parametrizations(m, "weight", leave_parametrized=leave)
            assert type(m) is f.nn.Linear
        assert_alike(*again)
        assert_same_steps(*again, (3, 4))


def test_a_state_dict_of_the_older_weight_norm_is_read():
    older = made(lambda f: f.nn.utils.weight_norm(f.nn.Linear(5, 4)))
    newer = made(lambda f: f.nn.utils.parametrizations.weight_norm(f.nn.Linear(5, 4)))
    for old, new in zip(older, newer, strict=True):
        new.load_state_dict({k: v * 2 for k, v in old.state_dict().items()})
    assert_alike(*newer)


def test_what_is_recomputed_becomes_a_parameter_again():
    theirs, ours = made(lambda f: f.nn.utils.remove_weight_norm(f.nn.utils.weight_norm(f.nn.Linear(5, 4))))
    assert_alike(theirs, ours)
    theirs, ours = made(
        lambda f: f.nn.utils.remove_spectral_norm(f.nn.utils.spectral_norm(f.nn.Linear(5, 4)))
    )
    assert_alike(theirs, ours)


# ---- pruning -----------------------------------------------------------------------------------------------
def prune(f, *steps):
    found = f.nn.utils.prune
    layer = f.nn.Linear(6, 4)
    for name, *settings in steps:
        getattr(found, name)(layer, "weight", *settings)
    return layer


PRUNED = {
    "identity": [("identity",)],
    "l1": [("l1_unstructured", 0.3)],
    "l1 twice": [("l1_unstructured", 5), ("l1_unstructured", 0.5)],
    "random": [("random_unstructured", 0.4)],
    "rows": [("ln_structured", 1, 2, 0)],
    "columns": [("ln_structured", 0.5, 1, -1)],
    "random rows": [("random_structured", 2, 0)],
    "elements, then rows": [("l1_unstructured", 0.3), ("ln_structured", 1, 2, 0)],
    "rows, then elements": [("random_structured", 0.25, 0), ("random_unstructured", 3)],
    "none": [("l1_unstructured", 0)],
}


@pytest.mark.parametrize("name", PRUNED)
def test_pruning(name):
    theirs, ours = made(lambda f: prune(f, *PRUNED[name]))
    assert_alike(theirs, ours)
    assert_same_steps(theirs, ours, (3, 6))
    for f, m in zip(BOTH, (theirs, ours), strict=True):
        assert f.nn.utils.prune.is_pruned(m)
        f.nn.utils.prune.remove(m, "weight")
        assert not f.nn.utils.prune.is_pruned(m)
    assert_alike(theirs, ours)


def test_pruning_by_a_mask_by_scores_and_over_several_weights():
    mask = np.arange(24).reshape(4, 6) % 3 > 0

    def make(f):
        found, net = f.nn.utils.prune, f.nn.Sequential(f.nn.Linear(6, 4), f.nn.Linear(4, 5))
        found.custom_from_mask(net[0], "weight", f.from_numpy(mask))
        found.global_unstructured(
            [(net[0], "weight"), (net[1], "weight"), (net[1], "bias")], found.L1Unstructured, amount=0.4
        )
        found.l1_unstructured(net[0], "bias", 2, f.tensor([3.0, 1.0, 2.0, 0.0]))
        return net

    theirs, ours = made(make)
    assert_alike(theirs, ours)
    assert_same_steps(theirs, ours, (3, 6))


# ---- fusion ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_fusion_of_convolution_and_batch_norm(bias, affine):
    def make(f, transposed):
        kind = f.nn.ConvTranspose2d if transposed else f.nn.Conv2d
        conv, bn = kind(3, 4, 2, bias=bias), f.nn.BatchNorm2d(4, affine=affine)
        for _ in range(2):
            bn(f.randn(5, 4, 3, 3) * 2 + 1)
        return conv.eval(), bn.eval()

    for transposed in (False, True):
        (their_conv, their_bn), (conv, bn) = made(lambda f: make(f, transposed))  # noqa: B023
        theirs = torch.nn.utils.fuse_conv_bn_eval(their_conv, their_bn, transposed)
        ours = nn.utils.fuse_conv_bn_eval(conv, bn, transposed)
        assert_alike(theirs, ours)
        x = ops.randn(2, 3, 5, 5)
        np.testing.assert_allclose(numpy(ours(x)), numpy(bn(conv(x))), rtol=1e-4, atol=1e-5)


def test_fusion_of_linear_and_batch_norm():
    def make(f):
        linear, bn = f.nn.Linear(3, 4), f.nn.BatchNorm1d(4)
        bn(f.randn(5, 4) * 2 + 1)
        return f.nn.utils.fuse_linear_bn_eval(linear.eval(), bn.eval())

    assert_alike(*made(make))


def test_skip_init_draws_nothing():
    theirs, ours = made(lambda f: (f.nn.utils.skip_init(f.nn.Linear, 3, out_features=2), f.rand(2)))
    assert repr(ours[0]) == repr(theirs[0])
    np.testing.assert_array_equal(numpy(ours[1]), numpy(theirs[1]))

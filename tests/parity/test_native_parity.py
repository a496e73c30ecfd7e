"""Functions that PyTorch has in `torch` itself, in an older order of arguments, against PyTorch."""

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")
BOTH = (torch, minigrad)


def assert_alike(call, *arrays, tolerance=1e-6):
    """Results and gradients of `call(framework, *tensors)`, each after the same seed."""
    found = []
    for framework in BOTH:
        framework.manual_seed(5)
        tensors = [framework.from_numpy(a.copy()) for a in arrays]
        leaves = [t.requires_grad_() for t in tensors if t.is_floating_point()]
        results = call(framework, *tensors)
        results = list(results) if isinstance(results, (tuple, list)) else [results]
        tracked = [r for r in results if r.requires_grad]
        weights = [
            framework.from_numpy(np.cos(np.arange(float(r.numel()))).reshape(r.shape)) for r in tracked
        ]
        sum((r * w).sum() for r, w in zip(tracked, weights, strict=True)).backward()
        found.append([r.detach().numpy() for r in results] + [leaf.grad.numpy() for leaf in leaves])
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def drawn(*shapes):
    rng = np.random.default_rng(2)
    return [rng.standard_normal(s) for s in shapes]


SIGNS = np.array([1, -1, 1])
LOSSES = {
    "binary_cross_entropy_with_logits": lambda f, x, y: f.binary_cross_entropy_with_logits(
        x, f.sigmoid(y), None, f.tensor([2.0, 1, 1, 3]).double(), 2
    ),
    "cosine_embedding_loss": lambda f, x, y: f.cosine_embedding_loss(x, y, f.tensor(SIGNS), 0.1, 0),
    "hinge_embedding_loss": lambda f, x, y: f.hinge_embedding_loss(x * y, f.sign(y.detach()), 0.7, 2),
    "kl_div": lambda f, x, y: f.kl_div(x, y, 2, log_target=True),
    "margin_ranking_loss": lambda f, x, y: f.margin_ranking_loss(x, y, f.sign(y.detach()), 0.2, reduction=0),
    "poisson_nll_loss": lambda f, x, y: f.poisson_nll_loss(x, f.exp(y), True, True, 1e-8, 1),
    "triplet_margin_loss": lambda f, x, y: f.triplet_margin_loss(x, y, x - 2 * y, 1.5, 2, 1e-6, True, 2),
}


def test_losses_are_not_reduced_unless_told():
    assert_alike(lambda f, x, y: [f.kl_div(x, y), f.margin_ranking_loss(x, y, y)], *drawn((3, 4), (3, 4)))


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    assert_alike(LOSSES[name], *drawn((3, 4), (3, 4)))


def test_ctc_loss():
    labels = np.random.default_rng(1).integers(1, 5, (3, 4))
    (scores,) = drawn((9, 3, 5))
    assert_alike(
        lambda f, x: f.ctc_loss(x.log_softmax(-1), f.from_numpy(labels), (9, 8, 7), (4, 2, 3), 0, 2), scores
    )


def test_normalisation():
    arrays = drawn((4, 3, 5), (3,), (3,))
    moments = [np.array([0.1, -0.2, 0.3]), np.array([1.0, 2.0, 0.5])]
    for name in ("batch_norm", "instance_norm"):
        for by_batch in (True, False):
            assert_alike(
                lambda f, x, w, b, name=name, by_batch=by_batch: getattr(f, name)(
                    x, w, b, *(f.from_numpy(m.copy()) for m in moments), by_batch, 0.3, 1e-4, False
                ),
                *arrays,
            )
    assert_alike(lambda f, x, w, b: f.group_norm(x, 3, w, b, 1e-4, False), *arrays)
    assert_alike(lambda f, x, w, b: f.layer_norm(x.mT, (3,), w, b, 1e-4, False), *arrays)


@pytest.mark.parametrize("kind", ["dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"])
def test_dropout(kind):
    (x,) = drawn((4, 3, 5))
    assert_alike(lambda f, x: getattr(f, kind)(x, 0.4, True), x)
    assert_alike(lambda f, x: getattr(f, kind)(x, 0.4, False), x)
    assert_alike(lambda f, x: getattr(f, kind + "_")(x * 1, p=0.4, train=True), x)


def test_tables_sampling_and_convolution():
    rows = np.array([[1, 0], [3, 1]])
    for padding in (-1, 1):
        assert_alike(
            lambda f, w, i, padding=padding: f.embedding(w, i, padding, True), drawn((5, 3))[0], rows
        )
    assert_alike(lambda f, w, i: w * f.embedding_renorm_(w.detach() * 2, i, 1.0, 2.0), drawn((5, 3))[0], rows)
    for mode in (0, 1, 2):
        for padding in (0, 1, 2):
            assert_alike(
                lambda f, x, t, mode=mode, padding=padding: f.grid_sampler(
                    x, f.affine_grid_generator(t, [2, 3, 4, 5], False), mode, padding, True
                ),
                *drawn((2, 3, 5, 6), (2, 2, 3)),
            )
    settings = ((2, 1), (1, 0), (1, 1))
    assert_alike(
        lambda f, x, w: f.convolution(x, w, None, *settings, False, (0, 0), 1),
        *drawn((2, 3, 5, 6), (4, 3, 2, 2)),
    )
    assert_alike(
        lambda f, x, w: f.convolution(x, w, None, *settings, True, (1, 0), 3),
        *drawn((2, 3, 5, 6), (3, 2, 2, 2)),
    )
    assert_alike(lambda f, x: f.adaptive_max_pool1d(x, 3), *drawn((2, 3, 7)))
    for dim in (-1, 0, 1):
        assert_alike(lambda f, x, dim=dim: f.norm_except_dim(x, 2, dim), *drawn((3, 4)))


KINDS = {
    "RNN": ("rnn_tanh", {}),
    "relu": ("rnn_relu", {"nonlinearity": "relu"}),
    "LSTM": ("lstm", {}),
    "GRU": ("gru", {}),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_layers(kind, bias, packed):
    name, more = KINDS[kind]

    def call(f, x, h, c):
        layer = getattr(f.nn, kind if kind in ("LSTM", "GRU") else "RNN")(
            4, 5, 2, bias=bias, bidirectional=True, dtype=f.float64, **more
        )
        params = [p for group in layer.all_weights for p in group]
        hx = [h, c] if name == "lstm" else h + 0 * c
        if packed:
            batch_sizes = f.tensor([3, 3, 2, 1])
            return getattr(f, name)(x.flatten(0, 1)[:9], batch_sizes, hx, params, bias, 2, 0.0, True, True)
        return getattr(f, name)(x, hx, params, bias, 2, 0.3, True, True, False)

    assert_alike(call, *drawn((6, 3, 4), (4, 3, 5), (4, 3, 5)))


@pytest.mark.parametrize("name", ["rnn_tanh_cell", "rnn_relu_cell", "gru_cell", "lstm_cell"])
def test_recurrent_cells(name):
    gates = {"gru_cell": 3, "lstm_cell": 4}.get(name, 1) * 5

    def call(f, x, h, c, *weights):
        return getattr(f, name)(x, (h, c) if name == "lstm_cell" else h * c, *weights)

    assert_alike(call, *drawn((3, 4), (3, 5), (3, 5), (gates, 4), (gates, 5), (gates,), (gates,)))

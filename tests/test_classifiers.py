"""Losses with weights of their own: the adaptive softmax, and linear cross-entropy, at once and in pieces."""

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.ops import classifier
from tests.gradients import array_of, check, tensor

RNG = np.random.default_rng(11)


# ---- adaptive softmax ------------------------------------------------------------------------------------
def adaptive(**settings):
    minigrad.manual_seed(0)
    return nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 5, 9], 2.0, dtype=minigrad.float64, **settings)


def test_all_classes_share_one_probability():
    layer, x = adaptive(head_bias=True), tensor(RNG.standard_normal((20, 8)))
    logp = array_of(layer.log_prob(x))
    np.testing.assert_allclose(np.exp(logp).sum(1), 1)
    np.testing.assert_array_equal(array_of(layer.predict(x)), logp.argmax(1))
    target = RNG.integers(0, 12, 20)
    output, loss = layer(x, tensor(target))
    np.testing.assert_allclose(array_of(output), logp[np.arange(20), target])
    np.testing.assert_allclose(float(loss), -logp[np.arange(20), target].mean())
    alone = layer(x[3], tensor(target[3]))
    np.testing.assert_allclose(float(alone.output), logp[3, target[3]])


def test_gradients_of_the_adaptive_softmax():
    layer, target = adaptive(), tensor(np.array([0, 11, 4, 7, 2, 10]))
    check(lambda x: layer(x, target).output, [RNG.standard_normal((6, 8))], RNG)


def test_a_cluster_that_does_not_occur_costs_nothing_and_gets_no_gradient():
    layer = adaptive()
    layer(tensor(RNG.standard_normal((4, 8))), tensor(np.array([0, 1, 6, 2]))).loss.backward()
    assert [tail[0].weight.grad is not None for tail in layer.tail] == [False, True, False]


@pytest.mark.parametrize("cutoffs", [[], [3, 3], [5, 3], [0, 3], [3, 12], [2.5]])
def test_cutoffs_that_are_refused(cutoffs):
    with pytest.raises(ValueError, match="cutoffs should be a sequence of"):
        nn.AdaptiveLogSoftmaxWithLoss(8, 12, cutoffs)


@pytest.mark.parametrize(
    ("shape", "target", "words"),
    [
        ((4, 8), [0, 1, 2, 12], r"Target values should be in \[0, 11\]"),
        ((4, 8), [0, 1], "same size in the batch dimension"),
        ((8,), [0], "1D target tensor expects 2D input"),
        ((4, 8), [[0]], "0D or 1D target tensor expected"),
    ],
)
def test_targets_that_are_refused(shape, target, words):
    with pytest.raises(RuntimeError, match=rf"^AdaptiveLogSoftmaxWithLoss: .*{words}"):
        adaptive()(tensor(RNG.standard_normal(shape)), tensor(np.array(target)))


# ---- linear cross-entropy --------------------------------------------------------------------------------
X, W, B = (RNG.standard_normal(s) for s in ((7, 4), (5, 4), (5,)))
TARGET = np.array([0, 4, 2, 2, 1, 3, 4])
SETTINGS = {
    "plain": {},
    "weighed": {"weight": tensor(RNG.uniform(0.5, 2, 5))},
    "ignoring": {"ignore_index": 2},
    "ignoring another": {"ignore_index": -7},
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", SETTINGS)
def test_pieces_and_the_whole_agree(name, reduction, bias):
    def loss(options):
        def of(x, w, *b):
            bias = b[0] if b else None
            return F.linear_cross_entropy(
                x, w, tensor(TARGET), linear_bias=bias, reduction=reduction, options=options, **SETTINGS[name]
            )

        return of

    arrays = [X, W, B] if bias else [X, W]
    whole = loss(None)(*(tensor(a) for a in arrays))
    logits = X @ W.T + (B if bias else 0)
    apart = F.cross_entropy(tensor(logits), tensor(TARGET), reduction=reduction, **SETTINGS[name])
    np.testing.assert_allclose(array_of(whole), array_of(apart))
    for size in (1, 3, 100):
        options = nn.LinearCrossEntropyOptions(batch_chunk_size=size)
        np.testing.assert_allclose(array_of(loss(options)(*(tensor(a) for a in arrays))), array_of(whole))
    check(loss(nn.LinearCrossEntropyOptions(batch_chunk_size=3)), arrays, RNG)


def test_pieces_hold_no_logits(monkeypatch):
    sizes = []
    logits = classifier._logits
    monkeypatch.setattr(classifier, "_logits", lambda x, w, b: sizes.append(len(x)) or logits(x, w, b))
    layer = nn.LinearCrossEntropyLoss(4, 5, options=nn.LinearCrossEntropyOptions(batch_chunk_size=3))
    layer(tensor(X).float(), tensor(TARGET)).backward()
    assert sizes == [3, 3, 1] * 2


def test_losses_of_several_dimensions_and_of_probabilities():
    layer = nn.LinearCrossEntropyLoss(4, 5, out_features=(2, 3), bias=True, label_smoothing=0.1)
    x, target = minigrad.randn(7, 4), minigrad.randint(0, 5, (7, 2, 3))
    logits = layer.linear(x).reshape(7, 5, 2, 3)
    np.testing.assert_allclose(
        array_of(layer(x, target)), array_of(F.cross_entropy(logits, target, label_smoothing=0.1)), rtol=1e-6
    )
    likely = logits.detach().softmax(1)
    expected = F.cross_entropy(logits, likely, label_smoothing=0.1)
    np.testing.assert_allclose(array_of(layer(x, likely)), array_of(expected), rtol=1e-6)
    with pytest.raises(RuntimeError, match="ignore_index cannot be specified"):
        F.linear_cross_entropy(x, layer.linear.weight, logits.flatten(1), ignore_index=1)
    with pytest.warns(UserWarning, match="``options`` ignored"):
        F.linear_cross_entropy(
            x,
            minigrad.randn(5, 4),
            target[:, 0, 0],
            label_smoothing=0.1,
            options=nn.LinearCrossEntropyOptions(),
        )


def test_sizes_of_pieces():
    def rows(*sizes, **settings):
        return nn.LinearCrossEntropyOptions(**settings).rows(*sizes, minigrad.float32)

    assert rows(1024, 64, 512) == 64  # 1024 rows of 64 hold as much as 128 of 512; "auto" takes half of that
    assert rows(1024, 64, 512, chunking_method="aspect_ratio") == 128
    assert rows(1024, 64, 512, chunking_method="aspect_ratio:4") == 32
    assert rows(1024, 64, 512, chunking_method=None) == 1024
    assert rows(1024, 64, 512, batch_chunk_size=100) == 100
    with pytest.raises(ValueError, match="give different chunk sizes"):
        rows(1024, 64, 512, chunking_method="aspect_ratio", batch_chunk_size=100)
    with pytest.raises(NotImplementedError, match="leave out acc_dtype"):
        rows(1024, 64, 512, acc_dtype=minigrad.float64)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"acc_policy": "best"}, "invalid acc_policy"),
        ({"chunking_method": "halves"}, "invalid chunking_method"),
        ({"chunking_method": "aspect_ratio:0"}, "invalid chunking_method"),
        ({"batch_chunk_size": 0}, "positive int or None"),
        ({"acc_dtype": minigrad.int64}, "acc_dtype must be one of"),
    ],
)
def test_options_that_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        nn.LinearCrossEntropyOptions(**settings)


@pytest.mark.parametrize(
    ("x", "w", "settings", "words"),
    [
        ((2, 3, 4), (5, 4), {}, "dimensionality 1 or 2, got 3"),
        ((7, 4), (4,), {}, "dimensionality at least 2, got 1"),
        ((7, 3), (5, 4), {}, "got 3 and 4, respectively"),
        ((7, 4), (5, 4), {"linear_bias": minigrad.ones(4)}, r"linear_bias shape \(5,\), got \(4,\)"),
        ((4,), (5, 2, 4), {}, "requires batched input"),
    ],
)
def test_shapes_that_are_refused(x, w, settings, words):
    with pytest.raises(RuntimeError, match=words):
        F.linear_cross_entropy(minigrad.ones(*x), minigrad.ones(*w), tensor(TARGET), **settings)

"""Losses: each against its formula written out element by element, all reductions, gradients, and what it
refuses.
"""

import math
import warnings

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.nn import functional as F
from tests.gradients import array_of, check, leaf, tensor

RNG = np.random.default_rng(5)
LIKELY = {"none": lambda losses: losses, "mean": np.mean, "sum": np.sum}


def normal(*shape):
    return RNG.standard_normal(shape)


def between(low, high, *shape):
    return RNG.uniform(low, high, shape)


def each(formula):
    """A formula of numbers, over arrays."""
    return np.vectorize(formula, otypes=[float])


def log1pexp(x):
    return math.log(1 + math.exp(x))


def huber(x, y, d):
    return 0.5 * (x - y) ** 2 if abs(x - y) < d else d * (abs(x - y) - 0.5 * d)


SIGNS = np.array([[1.0, -1, 1], [-1, -1, 1]])
P, Q = between(0.05, 0.95, 2, 3), between(0.05, 0.95, 2, 3)
A, B = normal(2, 3), normal(2, 3)

#: name, arguments (the first `tracked` of them differentiated), settings, the loss of an element
ELEMENTWISE = [
    ("mse_loss", [A, B], 2, {}, lambda x, y: (x - y) ** 2),
    ("l1_loss", [A, B], 2, {}, lambda x, y: abs(x - y)),
    ("huber_loss", [A, B], 2, {"delta": 0.7}, lambda x, y: huber(x, y, 0.7)),
    ("smooth_l1_loss", [A, B], 2, {"beta": 0.7}, lambda x, y: huber(x, y, 0.7) / 0.7),
    ("smooth_l1_loss", [A, B], 2, {"beta": 0}, lambda x, y: abs(x - y)),
    ("binary_cross_entropy", [P, Q], 2, {}, lambda x, y: -y * math.log(x) - (1 - y) * math.log(1 - x)),
    (
        "binary_cross_entropy_with_logits",
        [A, Q],
        2,
        {},
        lambda x, y: y * log1pexp(-x) + (1 - y) * log1pexp(x),
    ),
    (
        "binary_cross_entropy_with_logits",
        [A, Q],
        2,
        {"pos_weight": np.full(3, 2.5)},
        lambda x, y: 2.5 * y * log1pexp(-x) + (1 - y) * log1pexp(x),
    ),
    ("kl_div", [np.log(P), Q], 2, {}, lambda x, y: y * (math.log(y) - x)),
    ("kl_div", [np.log(P), np.log(Q)], 2, {"log_target": True}, lambda x, y: math.exp(y) * (y - x)),
    ("poisson_nll_loss", [A, Q], 2, {}, lambda x, y: math.exp(x) - y * x),
    ("poisson_nll_loss", [P, Q], 2, {"log_input": False, "eps": 0.1}, lambda x, y: x - y * math.log(x + 0.1)),
    (
        "poisson_nll_loss",
        [A, Q * 9],
        1,
        {"full": True},
        lambda x, y: (
            math.exp(x) - y * x + (y * math.log(y) - y + 0.5 * math.log(2 * math.pi * y) if y > 1 else 0)
        ),
    ),
    ("gaussian_nll_loss", [A, B, P], 3, {}, lambda x, y, v: 0.5 * (math.log(v) + (x - y) ** 2 / v)),
    (
        "gaussian_nll_loss",
        [A, B, P],
        3,
        {"full": True},
        lambda x, y, v: 0.5 * (math.log(2 * math.pi * v) + (x - y) ** 2 / v),
    ),
    ("soft_margin_loss", [A, SIGNS], 1, {}, lambda x, y: log1pexp(-x * y)),
    ("hinge_embedding_loss", [A, SIGNS], 1, {"margin": 0.6}, lambda x, y: x if y == 1 else max(0, 0.6 - x)),
    (
        "margin_ranking_loss",
        [A, B, SIGNS],
        2,
        {"margin": 0.3},
        lambda a, b, y: max(0, 0.3 - y * (a - b)),
    ),
]


def quiet(function, *args, **settings):
    """The function without kl_div's word on its "mean"."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "reduction: 'mean'")
        return function(*args, **settings)


@pytest.mark.parametrize("reduction", LIKELY)
@pytest.mark.parametrize(("name", "arrays", "tracked", "settings", "formula"), ELEMENTWISE)
def test_elementwise_loss(name, arrays, tracked, settings, formula, reduction):
    settings = {k: tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
    fixed = [tensor(a) for a in arrays[tracked:]]

    def of(*leaves):
        return quiet(getattr(F, name), *leaves, *fixed, reduction=reduction, **settings)

    plain = LIKELY[reduction](each(formula)(*arrays))
    np.testing.assert_allclose(array_of(of(*map(tensor, arrays[:tracked]))), plain, rtol=1e-7)
    check(of, arrays[:tracked], RNG)


def test_batchmean_divides_by_the_batch():
    total = F.kl_div(tensor(np.log(P)), tensor(Q), reduction="sum")
    mean = F.kl_div(tensor(np.log(P)), tensor(Q), reduction="batchmean")
    np.testing.assert_allclose(array_of(mean), array_of(total) / 2)


def test_divergence_from_what_is_certain():
    target = tensor(np.array([[0.0, 1.0, 0.0]]))
    losses = nn.KLDivLoss(reduction="none")(tensor(np.log(P[:1])), target)
    np.testing.assert_allclose(array_of(losses), [[0, -np.log(P[0, 1]), 0]])


def test_weights_of_elements():
    w = between(0.5, 2, 2, 3)
    for name, formula in (("mse_loss", (A - B) ** 2), ("l1_loss", abs(A - B))):
        found = getattr(F, name)(tensor(A), tensor(B), weight=tensor(w))
        np.testing.assert_allclose(array_of(found), (formula * w).sum() / w.sum())
    found = F.huber_loss(tensor(A), tensor(B), weight=tensor(w), reduction="sum")
    np.testing.assert_allclose(array_of(found), (each(huber)(A, B, 1.0) * w).sum())
    plain = -(Q * np.log(P) + (1 - Q) * np.log(1 - P))
    np.testing.assert_allclose(
        array_of(nn.BCELoss(tensor(w), reduction="none")(tensor(P), tensor(Q))), plain * w
    )


def test_logits_however_large_do_not_overflow():
    x = np.array([-1e4, 1e4, -800.0, 800.0])
    y = np.array([0.0, 1.0, 1.0, 0.0])
    found = F.binary_cross_entropy_with_logits(tensor(x), tensor(y), reduction="none")
    np.testing.assert_allclose(array_of(found), [0, 0, 800, 800])
    certain = F.binary_cross_entropy(
        tensor(np.array([0.0, 1.0])), tensor(np.array([1.0, 1.0])), reduction="none"
    )
    np.testing.assert_allclose(array_of(certain), [100, 0])
    big = F.cross_entropy(
        tensor(np.array([[1e4, 0.0], [0.0, 1e4]])), tensor(np.array([0, 0])), reduction="none"
    )
    np.testing.assert_allclose(array_of(big), [0, 1e4])


# ---- classes -------------------------------------------------------------------------------------
def cross_entropy(x, target, weight, ignore, smoothing, reduction):
    """One place after the other: x (N, C, ...) and target (N, ...)."""
    classes, total, losses = x.shape[1], 0.0, np.zeros(target.shape)
    for place in np.ndindex(*target.shape):
        row, t = x[(place[0], slice(None), *place[1:])], target[place]
        if t == ignore:
            continue
        logp = row - np.log(np.exp(row).sum())
        losses[place] = -(1 - smoothing) * weight[t] * logp[t] - smoothing / classes * (weight * logp).sum()
        total += weight[t]
    return losses.sum() / total if reduction == "mean" else LIKELY[reduction](losses)


@pytest.mark.parametrize("reduction", LIKELY)
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 4), (2, 3, 2, 2)])
@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize(("ignore", "smoothing"), [(-100, 0.0), (1, 0.0), (-100, 0.3), (1, 0.3)])
def test_cross_entropy(shape, weighed, ignore, smoothing, reduction):
    x, target = normal(*shape), RNG.integers(0, 3, (shape[0], *shape[2:]))
    target.flat[0] = 0  # not all are ignored
    weight = between(0.5, 2, 3) if weighed else np.ones(3)
    plain = cross_entropy(x, target, weight, ignore, smoothing, reduction)

    def of(x):
        return F.cross_entropy(
            x,
            tensor(target),
            tensor(weight) if weighed else None,
            ignore_index=ignore,
            label_smoothing=smoothing,
            reduction=reduction,
        )

    np.testing.assert_allclose(array_of(of(tensor(x))), plain)
    check(of, [x], RNG)
    if not smoothing:
        logp = tensor(x).log_softmax(1)
        given = tensor(weight) if weighed else None
        found = F.nll_loss(logp, tensor(target), given, ignore_index=ignore, reduction=reduction)
        np.testing.assert_allclose(array_of(found), plain)


@pytest.mark.parametrize("shift", [0, 6, 7.9, 8.1, 60, 100, -7, -9, -60, -300])
@pytest.mark.parametrize("spread", [0.1, 3, 200])
def test_cross_entropy_is_exact_wherever_the_inputs_lie(shift, spread):
    x = (normal(6, 5) * spread + shift).astype(np.float32)
    x[0] -= 30  # one row lies elsewhere
    target = RNG.integers(0, 5, 6)
    z = x.astype(float) - x.max(1, keepdims=True)
    losses = np.log(np.exp(z).sum(1)) - z[range(6), target]
    for laid_out in (x, np.asfortranarray(x)):
        found = F.cross_entropy(tensor(laid_out), tensor(target), reduction="none")
        assert found.dtype is minigrad.float32
        np.testing.assert_allclose(array_of(found), losses, rtol=4e-7, atol=2e-6)
        check(lambda x: F.cross_entropy(x, tensor(target)), [laid_out.astype(float)], RNG)


def test_classes_may_be_bytes():
    x, target = normal(2, 4, 100), RNG.integers(0, 4, (2, 100))
    whole, bytes_ = (F.cross_entropy(tensor(x), tensor(target.astype(kind))) for kind in (np.int64, np.uint8))
    assert whole.item() == bytes_.item()


def test_cross_entropy_of_one_sample():
    x = normal(3)
    plain = np.log(np.exp(x).sum()) - x[2]
    np.testing.assert_allclose(array_of(F.cross_entropy(tensor(x), tensor(np.array(2)))), plain)
    assert F.cross_entropy(tensor(x), tensor(np.array(2)), reduction="none").shape == ()
    check(lambda x: F.nll_loss(x, tensor(np.array(1))), [x], RNG)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 3, 4)])
def test_cross_entropy_of_probabilities(shape):
    x, y = normal(*shape), between(0, 1, *shape)
    axis = 0 if len(shape) == 1 else 1
    logp = x - np.log(np.exp(x).sum(axis, keepdims=True))
    mixed = 0.8 * y + 0.2 / 3
    plain = -(mixed * logp).sum(axis)
    settings = {"label_smoothing": 0.2}
    np.testing.assert_allclose(array_of(F.cross_entropy(tensor(x), tensor(y), **settings)), plain.mean())
    found = F.cross_entropy(tensor(x), tensor(y), **settings, reduction="none")
    np.testing.assert_allclose(array_of(found), plain)
    check(lambda x, y: F.cross_entropy(x, y, **settings), [x, y], RNG)


@pytest.mark.parametrize("function", [F.cross_entropy, F.nll_loss])
def test_the_mean_of_nothing(function):
    x = leaf(normal(2, 3))
    loss = function(x, tensor(np.array([-100, -100])))
    assert math.isnan(loss.item())
    loss.backward()
    assert not x.grad.any()
    assert function(x, tensor(np.array([-100, -100])), reduction="sum").item() == 0
    assert math.isnan(function(tensor(normal(0, 3)), tensor(np.zeros(0, int))).item())


def test_the_gradient_of_cross_entropy_is_softmax_minus_target():
    x, target = normal(4, 3), np.array([0, 2, 1, 2])
    logits = leaf(x)
    nn.CrossEntropyLoss()(logits, tensor(target)).backward()
    softmax = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    np.testing.assert_allclose(array_of(logits.grad), (softmax - np.eye(3)[target]) / 4)


def test_a_loss_may_be_walked_twice():
    logits = leaf(normal(4, 3))
    loss = nn.CrossEntropyLoss()(logits, tensor(np.array([0, 2, 1, 2])))
    loss.backward(retain_graph=True)
    first = array_of(logits.grad).copy()
    loss.backward()
    np.testing.assert_array_equal(array_of(logits.grad), 2 * first)


# ---- margins -------------------------------------------------------------------------------------
@pytest.mark.parametrize("p", [1, 2])
def test_multi_margin(p):
    x, target, w = normal(4, 3), np.array([0, 2, 1, 2]), between(0.5, 2, 3)
    plain = [
        sum(w[t] * max(0, 0.7 - row[t] + row[i]) ** p for i in range(3) if i != t) / 3
        for row, t in zip(x, target, strict=True)
    ]

    def of(x, reduction="none"):
        return F.multi_margin_loss(x, tensor(target), p, 0.7, tensor(w), reduction=reduction)

    np.testing.assert_allclose(array_of(of(tensor(x))), plain)
    np.testing.assert_allclose(array_of(of(tensor(x), "mean")), np.mean(plain))
    check(of, [x], RNG)


def test_multilabel_margin():
    x = normal(3, 4)
    target = np.array([[2, 0, -1, 1], [-1, 3, 0, 1], [3, 2, 1, 0]])
    listed = [[2, 0], [], [3, 2, 1, 0]]
    plain = [
        sum(max(0, 1 - row[j] + row[i]) for j in js for i in range(4) if i not in js) / 4
        for row, js in zip(x, listed, strict=True)
    ]
    found = F.multilabel_margin_loss(tensor(x), tensor(target), reduction="none")
    np.testing.assert_allclose(array_of(found), plain)
    check(lambda x: F.multilabel_margin_loss(x, tensor(target)), [x], RNG)
    one = F.multilabel_margin_loss(tensor(x[0]), tensor(target[0]), reduction="none")
    np.testing.assert_allclose(array_of(one), plain[0])


def test_multilabel_soft_margin():
    y, w = (SIGNS + 1) / 2, between(0.5, 2, 3)
    plain = (each(lambda x, y: y * log1pexp(-x) + (1 - y) * log1pexp(x))(A, y) * w).mean(1)
    found = F.multilabel_soft_margin_loss(tensor(A), tensor(y), tensor(w), reduction="none")
    np.testing.assert_allclose(array_of(found), plain)
    check(lambda x: nn.MultiLabelSoftMarginLoss()(x, tensor(y)), [A], RNG)


def test_cosine_embedding():
    y = np.array([1.0, -1.0])
    cosine = (A * B).sum(1) / np.sqrt((A * A).sum(1) * (B * B).sum(1))
    plain = np.where(y == 1, 1 - cosine, np.maximum(0, cosine + 0.9))
    found = F.cosine_embedding_loss(tensor(A), tensor(B), tensor(y), margin=-0.9, reduction="none")
    np.testing.assert_allclose(array_of(found), plain, rtol=1e-6)
    check(lambda a, b: F.cosine_embedding_loss(a, b, tensor(y), margin=-0.9), [A, B], RNG)


@pytest.mark.parametrize("swap", [True, False])
def test_triplets(swap):
    a, p, n = normal(3, 5, 4)

    def distance(x, y):
        return (np.abs(x - y + 1e-6) ** 3).sum(1) ** (1 / 3)

    far = np.minimum(distance(a, n), distance(p, n)) if swap else distance(a, n)
    plain = np.maximum(0, 2 + distance(a, p) - far)
    settings = {"margin": 2.0, "p": 3, "swap": swap}
    found = F.triplet_margin_loss(*map(tensor, (a, p, n)), **settings, reduction="none")
    np.testing.assert_allclose(array_of(found), plain)
    check(lambda *t: F.triplet_margin_loss(*t, **settings), [a, p, n], RNG)
    manhattan = nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).abs().sum(1))
    plain = np.maximum(0, 1 + abs(a - p).sum(1) - abs(a - n).sum(1)).mean()
    np.testing.assert_allclose(array_of(manhattan(*map(tensor, (a, p, n)))), plain)


# ---- what is warned of and refused ---------------------------------------------------------------
OLD_NAMES = [({"size_average": False}, "sum"), ({"reduce": False}, "none"), ({"size_average": True}, "mean")]


@pytest.mark.parametrize(("old", "reduction"), OLD_NAMES)
def test_older_arguments_are_honoured(old, reduction):
    with pytest.warns(UserWarning, match=f"please use reduction='{reduction}'"):
        layer = nn.MSELoss(**old)
    assert layer.reduction == reduction
    with pytest.warns(UserWarning, match=f"please use reduction='{reduction}'"):
        found = F.mse_loss(tensor(A), tensor(B), **old)
    np.testing.assert_allclose(array_of(found), LIKELY[reduction]((A - B) ** 2))


def test_what_is_warned_of():
    with pytest.warns(UserWarning, match=r"target size \(3,\) that is different to the input size \(2, 3\)"):
        F.mse_loss(tensor(A), tensor(B[0]))
    with pytest.warns(UserWarning, match="batchmean"):
        F.kl_div(tensor(A), tensor(Q))


def f(*shape):
    return minigrad.ones(*shape)


def i(*values):
    return minigrad.tensor(list(values))


REFUSED = [
    (lambda: F.mse_loss(f(2), f(2), reduction="max"), ValueError, "max is not a valid value for reduction"),
    (lambda: F.cross_entropy(f(2, 3), i(0, 1), reduction="max"), ValueError, "not a valid value"),
    (lambda: F.mse_loss(f(2), f(2), weight=f(3)), ValueError, "same size"),
    (lambda: F.huber_loss(f(2), f(2), delta=0), RuntimeError, "non-positive values for delta"),
    (lambda: nn.HuberLoss(delta="1"), TypeError, "must be a float or int"),
    (lambda: F.smooth_l1_loss(f(2), f(2), beta=-1), RuntimeError, "negative values for beta"),
    (lambda: F.binary_cross_entropy(f(2), f(3)), ValueError, "different to the input size"),
    (lambda: F.binary_cross_entropy(f(2) * 2, f(2)), RuntimeError, "between 0 and 1; apply sigmoid first"),
    (lambda: F.binary_cross_entropy_with_logits(f(2), f(3)), ValueError, "must be the same as input size"),
    (lambda: F.gaussian_nll_loss(f(2, 3), f(2, 3), f(2, 2)), ValueError, "var is of incorrect size"),
    (lambda: F.gaussian_nll_loss(f(2), f(2), -f(2)), ValueError, "negative"),
    (
        lambda: F.cross_entropy(f(2, 3), i(0, 3)),
        IndexError,
        r"Target 3 is out of bounds for 3 classes 0 \.\. 2",
    ),
    (lambda: F.cross_entropy(f(2, 3), i(0, -1)), IndexError, "Target -1 is out of bounds"),
    (lambda: F.cross_entropy(i(2, 3)[None], i(0)), NotImplementedError, "not implemented for torch.int64"),
    (lambda: F.nll_loss(f(2, 3), i(0, 1), reduction="all"), ValueError, "all is not a valid value"),
    (lambda: F.multi_margin_loss(f(2, 3), i(0, -100)), RuntimeError, "Target -100 is out of bounds"),
    (lambda: F.multilabel_margin_loss(f(3), i(0, 3, -1)), RuntimeError, "Target 3 is out of bounds"),
    (
        lambda: F.cross_entropy(f(2, 3), i(0, 1, 2)),
        ValueError,
        r"batch_size \(2\) to match target batch_size \(3\)",
    ),
    (lambda: F.cross_entropy(f(2, 3, 4), i(0, 1)), RuntimeError, r"must have shape \(2, 4\)"),
    (
        lambda: F.cross_entropy(f(2, 3), i(0.0, 1.0)),
        RuntimeError,
        r"expected scalar type Long .* target.long\(\)",
    ),
    (lambda: F.cross_entropy(f(2, 3), [0, 1]), TypeError, "must be a Tensor, not list"),
    (lambda: F.cross_entropy(f(2, 3), i(0, 1), f(2)), RuntimeError, "either for all 3 classes"),
    (lambda: F.cross_entropy(f(2, 3), i(0, 1), f(3).double()), RuntimeError, "expected weight of dtype"),
    (lambda: F.cross_entropy(f(2, 3), i(0, 1), label_smoothing=2), RuntimeError, "between 0.0 and 1.0"),
    (
        lambda: F.cross_entropy(f(2, 3), f(2, 3), ignore_index=1),
        RuntimeError,
        "ignore_index is not supported",
    ),
    (lambda: F.nll_loss(f(()), i(0)), RuntimeError, "needs a dimension of classes"),
    (lambda: F.margin_ranking_loss(f(2), f(2), f(2, 1)), RuntimeError, "same dimension"),
    (lambda: F.soft_margin_loss(f(2), f(3)), RuntimeError, "must agree in shape"),
    (lambda: F.multi_margin_loss(f(2, 3), i(0)), RuntimeError, "inconsistent target size"),
    (lambda: F.multi_margin_loss(f(2, 3), i(0, 1), p=3), ValueError, "only p == 1 and p == 2"),
    (lambda: nn.MultiMarginLoss(p=3), ValueError, "only p == 1 and p == 2"),
    (lambda: nn.MultiMarginLoss(weight=f(2, 2)), ValueError, "1D tensor"),
    (lambda: F.multilabel_margin_loss(f(2, 3), i(0, 1)), RuntimeError, "inconsistent target size"),
    (lambda: F.cosine_embedding_loss(f(2, 3), f(2, 3), f(2, 1)), RuntimeError, "0D or 1D target"),
    (lambda: F.cosine_embedding_loss(f(3), f(3), f(2)), RuntimeError, "expects 2D input"),
    (lambda: F.triplet_margin_loss(f(2, 3), f(2, 3), f(3)), RuntimeError, "same number of dimensions"),
    (lambda: F.triplet_margin_loss(f(3), f(3), f(3), margin=0), ValueError, "greater than 0"),
    (lambda: nn.TripletMarginLoss(margin=0), ValueError, "greater than 0"),
    (lambda: nn.TripletMarginWithDistanceLoss(margin=-1), ValueError, "greater than 0"),
]


@pytest.mark.parametrize(("act", "kind", "words"), REFUSED)
def test_what_is_refused(act, kind, words):
    with pytest.raises(kind, match=words):
        act()

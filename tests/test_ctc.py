"""Connectionist temporal classification: against the sum over all alignments, its twin, and finite
differences.
"""

import itertools
import math

import numpy as np
import pytest

import minigrad.nn.functional as F
from minigrad.ops.ctc import ctc
from tests.gradients import array_of, check, leaf, tensor


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def naive_loss(log_probs, labels, blank: int) -> float:
    """-log of the sum over all alignments of one sample, log_probs (T, C)."""
    count, classes = log_probs.shape
    total = 0.0
    for alignment in itertools.product(range(classes), repeat=count):
        merged = [c for c, _ in itertools.groupby(alignment)]
        if [c for c in merged if c != blank] == list(labels):
            total += math.exp(log_probs[range(count), alignment].sum())
    return -math.log(total) if total else math.inf


#: name -> (steps, classes, labels per sample, input_lengths, blank)
CASES = {
    "one": (3, 3, [[1]], [3], 0),
    "several": (5, 3, [[1, 2], [2], [1, 2, 1]], [5, 4, 5], 0),
    "repeated labels": (6, 3, [[1, 1], [2, 2, 1], [1, 2, 2]], [6, 6, 5], 0),
    "another blank": (5, 4, [[0, 3], [3, 0, 1], [1, 1]], [5, 5, 3], 2),
    "last blank": (4, 3, [[0, 1], [1]], [4, 2], 2),
    "no labels": (4, 3, [[], [1]], [4, 3], 0),
    "no steps": (4, 3, [[1], []], [2, 0], 0),
    "too short": (4, 3, [[1, 2], [1, 1, 1]], [4, 4], 0),
}


def example(name: str):
    count, classes, labels, steps, blank = CASES[name]
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((count, len(labels), classes))
    lengths = [len(row) for row in labels]
    rows = np.zeros((len(labels), max(lengths)), np.int64)
    for row, known in zip(rows, labels, strict=True):
        row[: len(known)] = known
    return scores, rows, labels, steps, lengths, blank, rng


@pytest.mark.parametrize("name", CASES)
def test_the_loss_sums_over_all_alignments(name):
    scores, rows, labels, steps, lengths, blank, _ = example(name)
    log_probs = log_softmax(scores)
    expected = [
        naive_loss(log_probs[:n, i], row, blank) for i, (n, row) in enumerate(zip(steps, labels, strict=True))
    ]
    for targets in (rows, np.concatenate([np.asarray(row, np.int64) for row in labels])):
        found = F.ctc_loss(tensor(log_probs), tensor(targets), steps, lengths, blank, "none")
        np.testing.assert_allclose(array_of(found), expected, rtol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_gradients(name):
    scores, rows, _, steps, lengths, blank, rng = example(name)

    def loss(x):
        return F.ctc_loss(x.log_softmax(-1), tensor(rows), steps, lengths, blank, "none", zero_infinity=True)

    check(loss, [scores], rng)


@pytest.mark.parametrize(
    ("name", "zero_infinity"),
    [*((name, True) for name in CASES), *((name, False) for name in CASES if name != "too short")],
)
def test_fast_code_is_its_composition(name, zero_infinity):
    scores, rows, _, steps, lengths, blank, rng = example(name)
    found = []
    cotangent = tensor(rng.standard_normal(len(rows)))
    arguments = [tensor(np.asarray(a)) for a in (rows.T, steps, lengths)]
    for f in (ctc, ctc.twin):
        source = leaf(log_softmax(scores))
        losses = f(source, *arguments, blank, zero_infinity)
        (losses * cotangent)[tensor(np.isfinite(array_of(losses)))].sum().backward()
        found.append([array_of(losses), array_of(source.grad)])
    for fast, composed in zip(*found, strict=True):
        np.testing.assert_allclose(fast, composed, rtol=1e-9, atol=1e-12)


def test_labels_that_do_not_fit_make_the_gradient_nan_or_zero():
    for zero_infinity, expected in ((False, np.nan), (True, 0)):
        x = tensor(np.log(np.full((4, 1, 3), 1 / 3))).requires_grad_()
        loss = F.ctc_loss(x, tensor(np.array([[1, 1, 1]])), (3,), (3,), zero_infinity=zero_infinity)
        assert loss.item() == (0 if zero_infinity else np.inf)
        loss.backward()
        np.testing.assert_array_equal(array_of(x.grad)[:3], np.full((3, 1, 3), expected))
        assert not array_of(x.grad)[3:].any()


def test_reductions():
    scores, rows, _, steps, lengths, blank, _ = example("several")
    arguments = (tensor(log_softmax(scores)), tensor(rows), steps, lengths, blank)
    losses = array_of(F.ctc_loss(*arguments, reduction="none"))
    np.testing.assert_allclose(array_of(F.ctc_loss(*arguments, reduction="sum")), losses.sum())
    np.testing.assert_allclose(array_of(F.ctc_loss(*arguments)), (losses / lengths).mean())


def test_one_sample_comes_without_n():
    scores, rows, _, steps, lengths, blank, _ = example("one")
    log_probs = log_softmax(scores)
    alone = F.ctc_loss(
        tensor(log_probs[:, 0]), tensor(rows[0]), tensor(np.array(steps[0])), lengths, blank, "none"
    )
    assert alone.shape == ()
    np.testing.assert_allclose(array_of(alone), naive_loss(log_probs[:, 0], rows[0], blank))


def test_long_sequences_keep_their_digits():
    rng = np.random.default_rng(1)
    scores, rows = log_softmax(rng.standard_normal((400, 2, 20))), rng.integers(1, 20, (2, 50))
    grads = []
    for dtype in (np.float32, np.float64):
        source = leaf(scores.astype(dtype))
        F.ctc_loss(source, tensor(rows), [400, 350], [50, 40], reduction="sum").backward()
        grads.append(array_of(source.grad))
    np.testing.assert_allclose(grads[0], grads[1], atol=2e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input_lengths": [3, 4, 6]}, "input_lengths to have value at least 0 and at most 5"),
        ({"input_lengths": [5]}, "input_lengths must be of size batch_size 3"),
        ({"target_lengths": [1, 2, 4]}, "target_lengths to have value at least 0 and at most 3"),
        ({"target_lengths": tensor(np.ones(3))}, "target_lengths must be integral"),
        ({"targets": tensor(np.zeros(4, np.int64))}, "Expected 6 targets"),
        ({"targets": tensor(np.zeros((2, 3), np.int64))}, "Expected targets of shape"),
        ({"targets": tensor(np.full((3, 3), 7))}, "targets must be classes 0 .. 2"),
        ({"blank": 3}, "blank must be in label range"),
        ({"log_probs": tensor(np.zeros(4))}, r"need shape \(T, N, C\)"),
        ({"log_probs": tensor(np.zeros((5, 3, 3), np.int64))}, "must be floating"),
    ],
)
def test_refusals(change, words):
    scores, rows, _, steps, lengths, blank, _ = example("several")
    given = {"log_probs": tensor(log_softmax(scores)), "targets": tensor(rows), "input_lengths": steps}
    given |= {"target_lengths": lengths, "blank": blank} | change
    with pytest.raises(RuntimeError, match=words):
        F.ctc_loss(**given)

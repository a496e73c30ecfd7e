"""Attention: the fast code against its composition and finite differences; what masks and layers promise."""

import copy

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.ops import attention as core
from tests.gradients import DEVICE, array_of, check, leaf, tensor


def operands(rng, lead=(2, 3), rows=5, columns=4, width=3, value_width=2, dtype=np.float64):
    shapes = [(*lead, rows, width), (*lead, columns, width), (*lead, columns, value_width)]
    return [rng.standard_normal(s).astype(dtype) for s in shapes]


#: name -> (arguments of `operands`, shape of the mask or None, boolean mask, causal, noise, scale)
CASES = {
    "plain": ({}, None, False, False, False, 0.5),
    "no lead": ({"lead": ()}, None, False, False, False, 1.0),
    "one lead": ({"lead": (6,)}, (5, 4), True, False, False, 0.7),
    "mask per sample": ({}, (2, 1, 5, 4), True, False, False, 0.7),
    "terms": ({}, (5, 4), False, False, False, 0.7),
    "terms per head": ({}, (2, 3, 5, 4), False, False, True, 0.7),
    "causal": ({}, None, False, True, False, 0.5),
    "causal, more columns": ({"columns": 7}, None, False, True, True, 0.5),
    "large scores": ({}, None, False, False, False, 400.0),
    "large scores, causal": ({"columns": 6}, None, False, True, False, 400.0),
    "large scores, mask": ({}, (5, 4), True, False, False, 400.0),
    "noise": ({}, None, False, False, True, 0.5),
    "no rows": ({"rows": 0}, None, False, False, False, 0.5),
}


def example(name: str, rng):
    shape, mask_shape, boolean, causal, noisy, scale = CASES[name]
    q, k, v = operands(rng, **shape)
    mask = None
    if mask_shape is not None:
        mask = rng.random(mask_shape) < 0.6 if boolean else rng.standard_normal(mask_shape)
        mask[..., 0, :] = False if boolean else mask[..., 0, :]  # the first query sees nothing
    noise = rng.random((*q.shape[:-1], k.shape[-2])) * 2 if noisy else None
    return q, k, v, mask, noise, scale, causal


@pytest.fixture(params=[2**18, 1, 30], ids=["whole", "row by row", "some heads"])
def part(request, monkeypatch):
    """How many scores are computed at a time; with few, causal scores are cut into rows too."""
    monkeypatch.setattr(core, "PART", request.param)
    if request.param < 2**18:
        monkeypatch.setattr(core, "ROWS", 2)


def grown(mask) -> bool:
    """Whether a mask is added, and so may have a gradient."""
    return mask is not None and mask.dtype.kind == "f"


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("name", CASES)
def test_fast_code_is_its_composition(name):
    rng = np.random.default_rng(0)
    q, k, v, mask, noise, scale, causal = example(name, rng)
    results = []
    for f in (core.attention, core.attention.twin):
        leaves = [leaf(a.copy()) for a in (q, k, v)]
        given = None if mask is None else leaf(mask.copy()) if grown(mask) else tensor(mask)
        leaves += [given] if grown(mask) else []
        out = f(*leaves[:3], given, None if noise is None else tensor(noise), scale, causal)
        cotangent = tensor(np.random.default_rng(1).standard_normal(out.shape))
        results.append([out, *minigrad.autograd.grad(out, leaves, cotangent)])
    for fast, composed in zip(*results, strict=True):
        np.testing.assert_allclose(array_of(fast), array_of(composed), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", [n for n in CASES if "large" not in n and n != "no rows"])
def test_gradients(name):
    rng = np.random.default_rng(2)
    q, k, v, mask, noise, scale, causal = example(name, rng)

    def f(q, k, v, *terms):
        given = terms[0] if terms else None if mask is None else tensor(mask)
        return core.attention(q, k, v, given, None if noise is None else tensor(noise), scale, causal)

    check(f, [q, k, v, mask] if grown(mask) else [q, k, v], rng)


def test_a_long_causal_sequence_in_float32():
    rng = np.random.default_rng(3)
    arrays = operands(rng, (2,), 300, 300, 8, 8, np.float32)
    hidden = np.triu(np.ones((300, 300), bool), 1)
    by_hint = F.scaled_dot_product_attention(*map(tensor, arrays), is_causal=True)
    by_mask = F.scaled_dot_product_attention(*map(tensor, arrays), attn_mask=tensor(~hidden))
    np.testing.assert_allclose(array_of(by_hint), array_of(by_mask), rtol=1e-5, atol=1e-6)


def test_a_query_that_sees_nothing_gives_zeros_and_no_gradient():
    q, k, v = operands(np.random.default_rng(4))
    mask = np.ones((5, 4), bool)
    mask[2] = False
    leaves = [leaf(a) for a in (q, k, v)]
    out = F.scaled_dot_product_attention(*leaves, attn_mask=tensor(mask))
    assert (array_of(out)[..., 2, :] == 0).all()
    out[..., 2, :].sum().backward()
    assert all((array_of(t.grad) == 0).all() for t in leaves)


def test_nan_is_seen():
    q, k, v = operands(np.random.default_rng(5))
    k[0, 0, 1, 0] = np.nan
    out = array_of(F.scaled_dot_product_attention(*map(tensor, (q, k, v))))
    assert np.isnan(out[0, 0]).all()
    assert np.isfinite(out[1]).all()


def test_grouped_queries_share_heads():
    rng = np.random.default_rng(6)
    q, k, v = operands(rng, (2, 6))[0], *operands(rng, (2, 3))[1:]
    grouped = F.scaled_dot_product_attention(*map(tensor, (q, k, v)), enable_gqa=True)
    repeated = F.scaled_dot_product_attention(*map(tensor, (q, k.repeat(2, 1), v.repeat(2, 1))))
    np.testing.assert_allclose(array_of(grouped), array_of(repeated))


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"attn_mask": np.ones((5, 4), bool), "is_causal": True}, RuntimeError, "is_causal=True"),
        ({"attn_mask": np.ones((5, 4), np.int64)}, RuntimeError, "attn_mask must be boolean"),
        ({"attn_mask": np.ones((5, 3), bool)}, RuntimeError, "do not fit"),
        ({"dropout_p": 1.5}, ValueError, "between 0 and 1"),
        ({"key": np.zeros((2, 3, 4, 7))}, RuntimeError, "do not fit"),
        ({"key": np.zeros((2, 3, 4, 3), np.float32)}, RuntimeError, "one floating dtype"),
        ({"key": np.zeros((2, 2, 4, 3)), "enable_gqa": True}, RuntimeError, "heads"),
        ({"value": np.zeros(4)}, RuntimeError, "at least 2 dimensions"),
    ],
)
def test_refusals(change, kind, words):
    given = dict(zip(("query", "key", "value"), operands(np.random.default_rng(7)), strict=True)) | change
    given = {name: tensor(a) if isinstance(a, np.ndarray) else a for name, a in given.items()}
    with pytest.raises(kind, match=words):
        F.scaled_dot_product_attention(**given)


# ---- layers ------------------------------------------------------------------------------------------------
def drawn(rng, *shape):
    return tensor(rng.standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize("batch_first", [False, True])
def test_hidden_keys_do_not_matter(batch_first):
    rng = np.random.default_rng(8)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=batch_first).to(DEVICE)
    x = rng.standard_normal((3, 5, 8)).astype(np.float32)
    padding = np.zeros((3, 5), bool)
    padding[1, 3:] = True
    y = x.copy()
    y[1, 3:] = 7.0
    outs = []
    for values in (x, y):
        values = values if batch_first else values.transpose(1, 0, 2)
        out = array_of(layer(tensor(values), src_key_padding_mask=tensor(padding)))
        outs.append(out if batch_first else out.transpose(1, 0, 2))
    np.testing.assert_allclose(outs[0][~padding], outs[1][~padding], rtol=1e-4, atol=1e-6)
    assert (np.abs(outs[0][padding] - outs[1][padding]) > 0.01).any()


def test_a_decoder_does_not_see_ahead():
    rng = np.random.default_rng(9)
    model = nn.Transformer(8, 2, 1, 2, 16, dropout=0.0, batch_first=True).to(DEVICE)
    source, target = drawn(rng, 2, 4, 8), rng.standard_normal((2, 6, 8)).astype(np.float32)
    mask = nn.Transformer.generate_square_subsequent_mask(6, DEVICE)
    changed = target.copy()
    changed[:, 4:] += 1
    first, second = (array_of(model(source, tensor(t), tgt_mask=mask)) for t in (target, changed))
    np.testing.assert_allclose(first[:, :4], second[:, :4], rtol=1e-4, atol=1e-6)
    assert (np.abs(first[:, 4:] - second[:, 4:]) > 0.01).any()


def test_weights_are_those_of_the_output():
    rng = np.random.default_rng(10)
    layer = nn.MultiheadAttention(8, 2, bias=False).to(DEVICE)
    x = drawn(rng, 5, 3, 8)
    with_weights, weights = layer(x, x, x, average_attn_weights=False)
    without, nothing = layer(x, x, x, need_weights=False)
    assert nothing is None
    assert weights.shape == (3, 2, 5, 5)
    np.testing.assert_allclose(array_of(weights.sum(-1)), 1, rtol=1e-6)
    np.testing.assert_allclose(array_of(with_weights), array_of(without), rtol=1e-4, atol=1e-6)


def test_layers_of_a_row_start_equal_and_are_apart():
    row = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2)
    first, second = (dict(layer.named_parameters()) for layer in row.layers)
    for name, p in first.items():
        np.testing.assert_array_equal(array_of(p), array_of(second[name]))
        assert p is not second[name]
    assert repr(copy.deepcopy(row)) == repr(row)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda m, x: m(x, x, x, is_causal=True), RuntimeError, "Need attn_mask"),
        (lambda m, x: m(x, x[:3], x), AssertionError, "does not match value shape"),
        (lambda m, x: m(x[..., :6], x, x), AssertionError, "embedding dimension of 8"),
        (lambda m, x: m(x, x, x, attn_mask=tensor(np.ones((5, 4)))), RuntimeError, "2D attn_mask"),
        (
            lambda m, x: m(x, x, x, key_padding_mask=tensor(np.ones((3, 4), bool))),
            AssertionError,
            "key_padding",
        ),
        (
            lambda m, x: m(x, x, x, attn_mask=tensor(np.ones((5, 5), np.int64))),
            AssertionError,
            "bool and float",
        ),
        (lambda m, x: m(x[0, 0], x, x), AssertionError, "unbatched 2D or batched 3D"),
    ],
)
def test_layer_refusals(call, kind, words):
    with pytest.raises(kind, match=words):
        call(nn.MultiheadAttention(8, 2).to(DEVICE), drawn(np.random.default_rng(11), 5, 3, 8))


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({"embed_dim": 0, "num_heads": 1}, ValueError, "greater than 0"),
        ({"embed_dim": 6, "num_heads": 4}, AssertionError, "divisible"),
    ],
)
def test_settings_that_cannot_be(settings, kind, words):
    with pytest.raises(kind, match=words):
        nn.MultiheadAttention(**settings)


def test_masks_of_two_kinds_are_warned_of():
    layer = nn.MultiheadAttention(8, 2).to(DEVICE)
    x = drawn(np.random.default_rng(12), 5, 3, 8)
    with pytest.warns(UserWarning, match="mismatched key_padding_mask and attn_mask"):
        layer(
            x,
            x,
            x,
            key_padding_mask=tensor(np.zeros((3, 5), bool)),
            attn_mask=drawn(np.random.default_rng(0), 5, 5),
        )

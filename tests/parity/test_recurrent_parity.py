"""Recurrent layers, cells and the helpers for packed sequences against PyTorch, with the same weights."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad import nn, ops
from minigrad.nn.utils import rnn as ours_rnn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
theirs_rnn = torch.nn.utils.rnn
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}


def both(array):
    """A leaf of each framework with these values."""
    return ops.from_numpy(array.copy()).requires_grad_(), torch.from_numpy(array.copy()).requires_grad_()


def same_layer(name, dtype, *args, **kwargs):
    theirs = getattr(torch.nn, name)(*args, **kwargs).to(
        torch.float64 if dtype is np.float64 else torch.float32
    )
    ours = getattr(nn, name)(*args, **kwargs, dtype=minigrad.float64 if dtype is np.float64 else None)
    ours.load_state_dict({name: ops.from_numpy(t.numpy().copy()) for name, t in theirs.state_dict().items()})
    assert repr(ours) == repr(theirs)
    return ours, theirs


def flat(outputs) -> list:
    """The tensors in a layer's result, in order."""
    if isinstance(outputs, (ours_rnn.PackedSequence, theirs_rnn.PackedSequence)):
        return [outputs.data]
    return [t for part in outputs for t in flat(part)] if isinstance(outputs, tuple) else [outputs]


def assert_same(ours, theirs, dtype) -> None:
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    assert a.dtype == b.dtype == dtype
    np.testing.assert_allclose(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def assert_layers_agree(ours, theirs, inputs, calls, dtype, rng) -> None:
    """Run both layers; compare outputs, and the gradients of random weights of the outputs."""
    results = [
        flat(call(layer, *given)) for call, layer, given in zip(calls, (ours, theirs), inputs, strict=True)
    ]
    cotangents = [rng.normal(size=tuple(t.shape)).astype(dtype) for t in results[1]]
    for y, expected in zip(*results, strict=True):
        assert_same(y, expected, dtype)
    sum((y * ops.from_numpy(g)).sum() for y, g in zip(results[0], cotangents, strict=True)).backward()
    sum((y * torch.from_numpy(g)).sum() for y, g in zip(results[1], cotangents, strict=True)).backward()
    for mine, yours in zip(inputs[0], inputs[1], strict=True):
        assert_same(mine.grad, yours.grad, dtype)
    for (name, mine), (_, yours) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert mine.grad is not None, name
        assert_same(mine.grad, yours.grad, dtype)


@st.composite
def layers(draw):
    """A layer, its settings, the layout of its input, and whether it is given states."""
    kind = draw(st.sampled_from(["RNN", "LSTM", "GRU"]))
    hidden = draw(st.integers(1, 6))
    kwargs = {
        "num_layers": draw(st.integers(1, 3)),
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
    }
    if kind == "RNN":
        kwargs["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if kind == "LSTM" and hidden > 2 and draw(st.booleans()):
        kwargs["proj_size"] = 2
    layout = draw(st.sampled_from(["batch", "unbatched", "packed"]))
    return (
        kind,
        draw(st.integers(1, 4)),
        hidden,
        kwargs,
        layout,
        draw(st.booleans()),
        draw(st.integers(0, 999)),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(layers())
@settings(deadline=None, max_examples=60)
def test_layers(dtype, case):
    kind, inputs, hidden, kwargs, layout, with_states, seed = case
    rng = np.random.default_rng(seed)
    ours, theirs = same_layer(kind, dtype, inputs, hidden, **kwargs)
    steps, batch = rng.integers(1, 6, 2)
    lengths = rng.integers(1, steps + 1, batch)
    depth = kwargs["num_layers"] * (1 + kwargs["bidirectional"])
    lead = (steps,) if layout == "unbatched" else (batch, steps) if kwargs["batch_first"] else (steps, batch)
    lead_state = (depth,) if layout == "unbatched" else (depth, batch)
    sizes = [(*lead, inputs)]
    if with_states:
        sizes += [(*lead_state, kwargs.get("proj_size") or hidden), (*lead_state, hidden)][
            : 1 + (kind == "LSTM")
        ]
    leaves = [both(rng.normal(size=size).astype(dtype)) for size in sizes]

    def call(layer, x, *states):
        if layout == "packed":
            pack = (ours_rnn if layer is ours else theirs_rnn).pack_padded_sequence
            x = pack(x, lengths.tolist(), kwargs["batch_first"], enforce_sorted=False)
        return layer(x, (states if kind == "LSTM" else states[0]) if states else None)

    assert_layers_agree(ours, theirs, list(zip(*leaves, strict=True)), (call, call), dtype, rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("lead", [(), (3,)])
@pytest.mark.parametrize("with_state", [True, False])
def test_cells(dtype, name, bias, lead, with_state):
    rng = np.random.default_rng(1)
    ours, theirs = same_layer(name, dtype, 4, 5, bias)
    sizes = [(*lead, 4)] + [(*lead, 5)] * (with_state * (1 + (name == "LSTMCell")))
    leaves = [both(rng.normal(size=size).astype(dtype)) for size in sizes]

    def call(cell, x, *states):
        return cell(x, (states if name == "LSTMCell" else states[0]) if states else None)

    assert_layers_agree(ours, theirs, list(zip(*leaves, strict=True)), (call, call), dtype, rng)


def test_a_relu_cell():
    ours, theirs = same_layer("RNNCell", np.float32, 4, 5, nonlinearity="relu")
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    assert_same(ours(ops.from_numpy(x)), theirs(torch.from_numpy(x)), np.float32)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_the_seed_gives_the_same_weights(name):
    minigrad.manual_seed(3)
    ours = getattr(nn, name)(4, 5, 2, bidirectional=True)
    torch.manual_seed(3)
    theirs = getattr(torch.nn, name)(4, 5, 2, bidirectional=True)
    for (a, mine), (b, yours) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert a == b
        np.testing.assert_array_equal(mine.detach().numpy(), yours.detach().numpy())


@pytest.mark.parametrize("packed", [False, True])
def test_the_seed_drops_the_same_elements(packed):
    ours, theirs = same_layer("GRU", np.float32, 4, 5, num_layers=3, dropout=0.5, bidirectional=True)
    x = np.random.default_rng(0).normal(size=(6, 3, 4)).astype(np.float32)
    found = []
    for layer, rnn, tensor, seed in (
        (ours, ours_rnn, ops.from_numpy(x), minigrad.manual_seed),
        (theirs, theirs_rnn, torch.from_numpy(x), torch.manual_seed),
    ):
        seed(5)
        y = layer(rnn.pack_padded_sequence(tensor, [6, 4, 1]) if packed else tensor)[0]
        found.append(y.data if packed else y)
    assert_same(*found, np.float32)


# ---- packing -------------------------------------------------------------------------------------
def assert_packed_same(ours, theirs) -> None:
    assert type(ours).__name__ == "PackedSequence"
    for mine, yours in zip(ours, theirs, strict=True):
        assert (mine is None) == (yours is None)
        if mine is not None:
            np.testing.assert_array_equal(mine.detach().numpy(), yours.detach().numpy())
            assert str(mine.dtype) == str(yours.dtype)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_packing_and_padding(data):
    lengths = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))
    batch_first, more = data.draw(st.booleans()), data.draw(st.sampled_from([(), (2,), (2, 3)]))
    total = data.draw(st.sampled_from([None, max(lengths), max(lengths) + 2]))
    rng = np.random.default_rng(len(lengths))
    lead = (len(lengths), max(lengths) + 1) if batch_first else (max(lengths) + 1, len(lengths))
    found = []
    cotangent = None
    leaves = both(rng.normal(size=(*lead, *more)))
    for leaf, rnn, array in zip(
        leaves, (ours_rnn, theirs_rnn), (ops.from_numpy, torch.from_numpy), strict=True
    ):
        packed = rnn.pack_padded_sequence(leaf, array(np.asarray(lengths)), batch_first, enforce_sorted=False)
        padded, sizes = rnn.pad_packed_sequence(packed, batch_first, -1.5, total)
        cotangent = rng.normal(size=tuple(padded.shape)) if cotangent is None else cotangent
        (padded * array(cotangent)).sum().backward()
        found.append((packed, padded, sizes, leaf.grad, rnn.unpack_sequence(packed)))
    assert_packed_same(found[0][0], found[1][0])
    for mine, yours in zip(*(f[1:4] for f in found), strict=True):
        np.testing.assert_array_equal(mine.detach().numpy(), yours.detach().numpy())
    for mine, yours in zip(found[0][4], found[1][4], strict=True):
        np.testing.assert_array_equal(mine.detach().numpy(), yours.detach().numpy())


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("more", [(), (2,)])
def test_pad_sequence(batch_first, side, more):
    arrays = [np.random.default_rng(n).normal(size=(n, *more)) for n in (2, 4, 1, 4)]
    leaves = [both(a) for a in arrays]
    cotangent = np.random.default_rng(9).normal(size=(4, 4, *more))
    mine = ours_rnn.pad_sequence([pair[0] for pair in leaves], batch_first, 7.0, side)
    yours = theirs_rnn.pad_sequence([pair[1] for pair in leaves], batch_first, 7.0, side)
    np.testing.assert_array_equal(mine.detach().numpy(), yours.detach().numpy())
    (mine * ops.from_numpy(cotangent)).sum().backward()
    (yours * torch.from_numpy(cotangent)).sum().backward()
    for mine, yours in leaves:
        np.testing.assert_array_equal(mine.grad.numpy(), yours.grad.numpy())


def test_pack_and_unpad_sequence():
    arrays = [np.random.default_rng(n).normal(size=(n, 2)) for n in (2, 4, 1)]
    mine = [ops.from_numpy(a) for a in arrays]
    yours = [torch.from_numpy(a) for a in arrays]
    assert_packed_same(
        ours_rnn.pack_sequence(mine, enforce_sorted=False),
        theirs_rnn.pack_sequence(yours, enforce_sorted=False),
    )
    padded = ours_rnn.pad_sequence(mine)
    for a, b in zip(ours_rnn.unpad_sequence(padded, [2, 4, 1]), arrays, strict=True):
        np.testing.assert_array_equal(a.numpy(), b)


def test_packed_sequence_converts():
    packed = ours_rnn.pack_sequence([ops.arange(3), ops.arange(2)])
    assert packed.double().data.dtype == minigrad.float64
    assert packed.double().batch_sizes.dtype == minigrad.int64
    assert packed.long() is packed
    assert not packed.is_cuda
    assert repr(packed) == repr(theirs_rnn.pack_sequence([torch.arange(3), torch.arange(2)]))


REFUSED = [
    lambda t, n, r: r.pack_padded_sequence(t.zeros(3, 2, 4), [1, 3]),
    lambda t, n, r: r.pack_padded_sequence(t.zeros(3, 2, 4), [3, 0]),
    lambda t, n, r: r.pack_padded_sequence(t.zeros(3, 2, 4), [3]),
    lambda t, n, r: r.pad_packed_sequence(r.pack_padded_sequence(t.zeros(3, 2, 1), [3, 2]), total_length=2),
    lambda t, n, r: r.pad_sequence([t.zeros(2)], padding_side="middle"),
    lambda t, n, r: r.pad_sequence([]),
    lambda t, n, r: r.pad_sequence(5),
    lambda t, n, r: n.LSTM(3, 4, 0),
    lambda t, n, r: n.LSTM(3, 0),
    lambda t, n, r: n.LSTM(3.0, 4),
    lambda t, n, r: n.LSTM(3, 4, dropout=2),
    lambda t, n, r: n.LSTM(3, 4, dropout="a"),
    lambda t, n, r: n.LSTM(3, 4, bias=1),
    lambda t, n, r: n.LSTM(3, 4, proj_size=4),
    lambda t, n, r: n.LSTM(3, 4, proj_size=-1),
    lambda t, n, r: n.GRU(3, 4, proj_size=2),
    lambda t, n, r: n.RNN(3, 4, nonlinearity="x"),
    lambda t, n, r: n.LSTM(3, 4)(t.zeros(2)),
    lambda t, n, r: n.LSTM(3, 4)(t.zeros(2, 5, 4)),
    lambda t, n, r: n.LSTM(3, 4)(t.zeros(0, 5, 3)),
    lambda t, n, r: n.LSTM(3, 4)(t.zeros(2, 5, 3, dtype=t.float64)),
    lambda t, n, r: n.LSTM(3, 4)(t.zeros(2, 5, 3), (t.zeros(1, 5, 3), t.zeros(1, 5, 4))),
    lambda t, n, r: n.LSTM(3, 4)(t.zeros(2, 5, 3), (t.zeros(1, 5, 4), t.zeros(1, 5, 3))),
    lambda t, n, r: n.LSTM(3, 4)(t.zeros(2, 5, 3), (t.zeros(1, 4), t.zeros(1, 4))),
    lambda t, n, r: n.LSTM(3, 4)(t.zeros(2, 3), (t.zeros(1, 5, 4), t.zeros(1, 5, 4))),
    lambda t, n, r: n.GRU(3, 4)(t.zeros(2, 5, 3), t.zeros(2, 5, 4)),
    lambda t, n, r: n.GRU(3, 4)(r.pack_sequence([t.zeros(2, 3)]), t.zeros(1, 2, 4)),
    lambda t, n, r: n.LSTMCell(3, 4)(t.zeros(2, 4)),
    lambda t, n, r: n.LSTMCell(3, 4)(t.zeros(2, 2, 3)),
    lambda t, n, r: n.LSTMCell(3, 4)(t.zeros(2, 3), (t.zeros(2, 3), t.zeros(2, 3))),
    lambda t, n, r: n.GRUCell(3, 4)(t.zeros(2, 3), t.zeros(3, 4)),
]


@pytest.mark.parametrize("refused", REFUSED)
def test_refusals_are_of_the_same_kind(refused):
    with pytest.raises((ValueError, RuntimeError, TypeError)) as theirs:
        refused(torch, torch.nn, theirs_rnn)
    with pytest.raises(theirs.type) as ours:
        refused(minigrad, nn, ours_rnn)
    assert type(ours.value) is theirs.type
    assert len(str(ours.value)) > 20


def test_dropout_of_one_layer_warns():
    with pytest.warns(UserWarning, match="non-zero dropout expects num_layers greater than 1") as caught:
        nn.LSTM(3, 4, dropout=0.5)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.LSTM(3, 4, 2, dropout=0.5)

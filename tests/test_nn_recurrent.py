"""Recurrent layers against what their layouts promise: each way of calling them is another, rearranged."""

import copy

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.nn.utils import rnn as packing

KINDS = {"RNN": {"nonlinearity": "relu"}, "GRU": {}, "LSTM": {"proj_size": 2}}


def layer_of(kind: str, *args, **kwargs):
    minigrad.manual_seed(1)
    return getattr(nn, kind)(3, 4, *args, **KINDS[kind], **kwargs, dtype=minigrad.float64)


def call(layer, x, states=None):
    """The output and a list of the final states."""
    hx = None if states is None else tuple(states) if isinstance(layer, nn.LSTM) else states[0]
    y, last = layer(x, hx)
    return y, list(last) if isinstance(layer, nn.LSTM) else [last]


def randn(*size):
    return minigrad.randn(*size, dtype=minigrad.float64)


def states_of(layer, batch: int) -> list:
    depth = layer.num_layers * (2 if layer.bidirectional else 1)
    sizes = [layer.proj_size or 4, 4] if isinstance(layer, nn.LSTM) else [4]
    return [randn(depth, batch, size) for size in sizes]


def assert_close(found, expected) -> None:
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_batch_first_and_unbatched_are_rearranged_batches(kind):
    layer = layer_of(kind, num_layers=2, bidirectional=True)
    x, states = randn(5, 3, 3), states_of(layer, 3)
    y, last = call(layer, x, states)
    first = copy.deepcopy(layer)
    first.batch_first = True
    turned, same = call(first, x.transpose(0, 1), states)
    assert_close(turned, y.transpose(0, 1))
    alone, one = call(layer, x[:, 1], [s[:, 1] for s in states])
    assert_close(alone, y[:, 1])
    for a, b, c in zip(same, one, last, strict=True):
        assert_close(a, c)
        assert_close(b, c[:, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_deep_layer_in_both_directions_is_single_ones_in_turn(kind):
    deep = layer_of(kind, num_layers=2, bidirectional=True)
    x, states = randn(5, 3, 3), states_of(deep, 3)
    y, last = call(deep, x, states)
    below = x
    for depth in range(2):
        outputs = []
        for direction, suffix in enumerate(("", "_reverse")):
            kwargs = KINDS[kind] | {"dtype": minigrad.float64}
            single = getattr(nn, kind)(below.shape[-1], 4, **kwargs)
            for name, parameter in single.named_parameters():
                parameter.data = getattr(deep, name.replace("l0", f"l{depth}") + suffix).data
            place = 2 * depth + direction
            given = [s[place : place + 1] for s in states]
            out, final = call(single, below.flip(0) if direction else below, given)
            outputs.append(out.flip(0) if direction else out)
            for a, b in zip(final, last, strict=True):
                assert_close(a[0], b[place])
        below = minigrad.cat(outputs, -1)
    assert_close(y, below)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_are_each_one_alone(kind, bidirectional):
    layer = layer_of(kind, num_layers=2, bidirectional=bidirectional)
    sequences, states = [randn(n, 3) for n in (2, 5, 1, 5)], states_of(layer, 4)
    packed, last = call(layer, packing.pack_sequence(sequences, enforce_sorted=False), states)
    for n, (found, sequence) in enumerate(zip(packing.unpack_sequence(packed), sequences, strict=True)):
        alone, final = call(layer, sequence, [s[:, n] for s in states])
        assert_close(found, alone)
        for a, b in zip(last, final, strict=True):
            assert_close(a[:, n], b)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_step_by_step_is_the_sequence_at_once(kind):
    layer = layer_of(kind)
    x, states = randn(4, 3, 3), states_of(layer, 3)
    y, last = call(layer, x, states)
    for t in range(4):
        out, states = call(layer, x[t : t + 1], states)
        assert_close(out[0], y[t])
    for a, b in zip(states, last, strict=True):
        assert_close(a, b)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_cell_in_a_loop_is_the_layer(kind):
    minigrad.manual_seed(2)
    layer, cell = getattr(nn, kind)(3, 4), getattr(nn, f"{kind}Cell")(3, 4)
    for name, parameter in cell.named_parameters():
        parameter.data = getattr(layer, f"{name}_l0").data
    x = minigrad.randn(5, 2, 3)
    state = None
    for t in range(5):
        state = cell(x[t], state)
    h = state[0] if kind == "LSTM" else state
    np.testing.assert_allclose(h.detach().numpy(), layer(x)[0][-1].detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives(kind):
    """A gradient penalty on the input reaches the weights: against a difference of first derivatives."""
    layer = layer_of(kind)
    x = randn(3, 2, 3).requires_grad_()
    weights = randn(3, 2, layer.proj_size or 4)

    def penalty():
        (g,) = minigrad.autograd.grad((layer(x)[0] * weights).sum(), x, create_graph=True)
        return (g * g).sum()

    layer.zero_grad()
    penalty().backward()
    direction = randn(*layer.weight_hh_l0.shape) * 1e-5
    expected = (layer.weight_hh_l0.grad * direction).sum().item()
    start = layer.weight_hh_l0.data
    layer.weight_hh_l0.data = start + direction
    above = penalty().item()
    layer.weight_hh_l0.data = start - direction
    np.testing.assert_allclose((above - penalty().item()) / 2, expected, rtol=1e-5)


def test_dropout_is_between_layers_and_in_training_only():
    layer = nn.GRU(3, 4, 2, dropout=1.0)
    x = minigrad.randn(5, 2, 3)
    dropped = layer(x)[0]
    layer.eval()
    assert not np.allclose(dropped.detach().numpy(), layer(x)[0].detach().numpy())
    silent = nn.GRU(4, 4)
    for name, parameter in silent.named_parameters():
        parameter.data = getattr(layer, name.replace("l0", "l1")).data
    np.testing.assert_allclose(
        dropped.detach().numpy(), silent(minigrad.zeros(5, 2, 4))[0].detach().numpy(), rtol=1e-6
    )


def test_parameters_have_their_names_shapes_and_bounds():
    layer = nn.LSTM(3, 8, 2, bidirectional=True, proj_size=2)
    shapes = {name: tuple(p.shape) for name, p in layer.named_parameters()}
    assert shapes["weight_ih_l0"] == (32, 3)
    assert shapes["weight_ih_l1_reverse"] == (32, 4)
    assert shapes["weight_hh_l0"] == (32, 2)
    assert shapes["bias_hh_l1"] == (32,)
    assert shapes["weight_hr_l0_reverse"] == (2, 8)
    assert len(shapes) == 20
    assert [len(weights) for weights in layer.all_weights] == [5] * 4
    values = np.concatenate([p.detach().numpy().ravel() for p in layer.parameters()])
    assert abs(values).max() <= 8**-0.5
    assert abs(values).max() > 0.9 * 8**-0.5
    layer.flatten_parameters()


def test_a_write_to_what_the_walk_back_needs_is_noticed():
    layer = nn.LSTM(3, 4)
    y = layer(minigrad.randn(5, 2, 3))[0]
    with minigrad.no_grad():
        layer.weight_hh_l0.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_second_walk_back_says_what_to_pass():
    y = nn.LSTM(3, 4)(minigrad.randn(5, 2, 3))[0].sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (lambda: nn.LSTM(3, 4)(minigrad.zeros(2, 5, 4)), r"LSTM\(3, 4\): .* Expected 3, got 4: the input is"),
        (
            lambda: nn.GRU(3, 4)(minigrad.zeros(2, 5, 3), minigrad.zeros(2, 5, 4)),
            r"GRU\(3, 4\): Expected hidden",
        ),
        (lambda: nn.RNN(3, 4)(minigrad.zeros(2, 5, 3).double()), r"RNN\(3, 4\): .* Convert input"),
        (lambda: nn.LSTM(3, 4)(minigrad.zeros(2, 5, 3), minigrad.zeros(1, 5, 4)), "a tuple"),
        (lambda: nn.LSTM(3, 4)([1.0]), "must be a Tensor or a PackedSequence, not list"),
        (lambda: nn.LSTMCell(3, 4)(minigrad.zeros(2, 4)), r"LSTMCell\(3, 4\): .* got 4 expected 3"),
        (lambda: packing.pack_padded_sequence(minigrad.zeros(3, 2, 1), [4, 1]), "length of 4 does not fit"),
        (lambda: packing.pack_padded_sequence(minigrad.zeros(3, 2, 1), [1, 3]), "enforce_sorted=False"),
    ],
)
def test_errors_name_layer_sizes_and_remedy(given, sentence):
    with pytest.raises((RuntimeError, ValueError, TypeError), match=sentence):
        given()

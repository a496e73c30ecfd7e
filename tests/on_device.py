"""Layers, losses, optimizers and what moves tensors, on a device beside the CPU: both must say the same.

Not collected by itself: `test_cuda_standin.py` runs it with the stand-in for CuPy, and
`MINIGRAD_TEST_DEVICE=cuda python -m pytest tests/on_device.py` on a machine with a GPU.
"""

import copy
import io

import distribution_cases
import numpy as np
import pytest

import minigrad
from minigrad import distributions, nn, optim
from tests.gradients import DEVICE, array_of

RNG = np.random.default_rng(0)


def drawn(*shape):
    return minigrad.from_numpy(RNG.standard_normal(shape).astype(np.float32))


def whole(high, *shape):
    return minigrad.from_numpy(RNG.integers(0, high, shape))


def agree(found, expected, tolerance: float = 1e-5) -> None:
    """The same nested values, the first on the device, the second on the CPU."""
    if isinstance(expected, nn.utils.rnn.PackedSequence):
        agree(found.data, expected.data, tolerance)
    elif isinstance(expected, (tuple, list)):
        for f, e in zip(found, expected, strict=True):
            agree(f, e, tolerance)
    elif expected is not None:
        assert found.device.type == DEVICE.type
        np.testing.assert_allclose(array_of(found), array_of(expected), rtol=tolerance, atol=tolerance)


def tensors_in(value) -> list:
    """The tensors of a nested result that can be differentiated."""
    if isinstance(value, nn.utils.rnn.PackedSequence):
        return tensors_in(value.data)
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in tensors_in(v)]
    return [value] if isinstance(value, minigrad.Tensor) and value.requires_grad else []


def moved(value):
    """The same nested inputs on the device."""
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        return type(value)(moved(v) for v in value)
    return value.to(DEVICE) if hasattr(value, "to") else value


def gradients(module, inputs, result):
    """The gradients of the inputs and parameters, for fixed random cotangents."""
    results, rng = tensors_in(result), np.random.default_rng(5)
    weights = [
        minigrad.from_numpy(rng.standard_normal(r.shape).astype(np.float32)).to(r.device) for r in results
    ]
    minigrad.autograd.backward(results, weights)
    leaves = [i for i in inputs if isinstance(i, minigrad.Tensor) and i.requires_grad] + list(
        module.parameters()
    )
    return [t.grad for t in leaves]


def both(module, inputs):
    """What a module gives on the CPU and on the device, each with gradients."""
    there = copy.deepcopy(module).to(DEVICE)
    assert all(p.device.type == DEVICE.type for p in there.state_dict().values())
    found = []
    for net, given in ((module, inputs), (there, moved(inputs))):
        given = [i.detach().requires_grad_() if needs_grad(i) else i for i in given]
        result = net(*given)
        found.append((result, gradients(net, given, result)))
    return found[1], found[0]


def needs_grad(value) -> bool:
    return isinstance(value, minigrad.Tensor) and value.dtype.is_floating_point


LAYERS = {
    "Linear": lambda: (nn.Linear(4, 3), [drawn(5, 4)]),
    "Bilinear": lambda: (nn.Bilinear(4, 3, 2), [drawn(5, 4), drawn(5, 3)]),
    "Embedding": lambda: (nn.Embedding(7, 3, padding_idx=1), [whole(7, 4, 5)]),
    "EmbeddingBag": lambda: (nn.EmbeddingBag(7, 3), [whole(7, 4, 5)]),
    "EmbeddingBag, max": lambda: (nn.EmbeddingBag(7, 3, mode="max"), [whole(7, 4, 5)]),
    "RNN": lambda: (nn.RNN(4, 3, 2, bidirectional=True), [drawn(6, 2, 4)]),
    "RNN, relu": lambda: (
        nn.RNN(4, 3, nonlinearity="relu", batch_first=True),
        [drawn(2, 6, 4), drawn(1, 2, 3)],
    ),
    "LSTM": lambda: (nn.LSTM(4, 3, 2, bidirectional=True), [drawn(6, 2, 4)]),
    "LSTM with state": lambda: (nn.LSTM(4, 3), [drawn(6, 2, 4), (drawn(1, 2, 3), drawn(1, 2, 3))]),
    "LSTM, projected": lambda: (nn.LSTM(4, 5, proj_size=3), [drawn(6, 2, 4)]),
    "LSTM, packed": lambda: (nn.LSTM(4, 3), [packed()]),
    "GRU": lambda: (nn.GRU(4, 3, 2, bidirectional=True), [drawn(6, 2, 4)]),
    "GRU, unbatched": lambda: (nn.GRU(4, 3, bias=False), [drawn(6, 4)]),
    "RNNCell": lambda: (nn.RNNCell(4, 3), [drawn(2, 4)]),
    "LSTMCell": lambda: (nn.LSTMCell(4, 3), [drawn(2, 4)]),
    "GRUCell": lambda: (nn.GRUCell(4, 3), [drawn(2, 4), drawn(2, 3)]),
    "LayerNorm": lambda: (nn.LayerNorm(4), [drawn(3, 4)]),
    "RMSNorm": lambda: (nn.RMSNorm(4), [drawn(3, 4)]),
    "BatchNorm1d": lambda: (nn.BatchNorm1d(4), [drawn(5, 4)]),
    "BatchNorm1d, eval": lambda: (nn.BatchNorm1d(4).eval(), [drawn(5, 4)]),
    "GroupNorm": lambda: (nn.GroupNorm(2, 4), [drawn(3, 4, 5)]),
    "InstanceNorm1d": lambda: (nn.InstanceNorm1d(4, affine=True), [drawn(3, 4, 5)]),
    "MultiheadAttention": lambda: (
        nn.MultiheadAttention(4, 2),
        [drawn(5, 2, 4), drawn(6, 2, 4), drawn(6, 2, 4)],
    ),
    "TransformerEncoderLayer": lambda: (nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), [drawn(5, 2, 4)]),
    **{
        name: lambda put=put: (put(nn.Linear(4, 3)), [drawn(5, 4)])
        for name, put in (
            ("weight_norm", nn.utils.parametrizations.weight_norm),
            ("spectral_norm", nn.utils.parametrizations.spectral_norm),
            ("orthogonal", nn.utils.parametrizations.orthogonal),
        )
    },
    "Conv1d": lambda: (nn.Conv1d(2, 3, 3, padding=1), [drawn(2, 2, 6)]),
    "Conv2d": lambda: (nn.Conv2d(2, 3, 3, stride=2), [drawn(2, 2, 6, 6)]),
    "ConvTranspose1d": lambda: (nn.ConvTranspose1d(2, 3, 3), [drawn(2, 2, 6)]),
    "MaxPool1d": lambda: (nn.MaxPool1d(2), [drawn(2, 3, 6)]),
    "MaxPool2d": lambda: (nn.MaxPool2d(2), [drawn(2, 3, 6, 6)]),
    "AvgPool1d": lambda: (nn.AvgPool1d(2), [drawn(2, 3, 6)]),
    "AdaptiveAvgPool1d": lambda: (nn.AdaptiveAvgPool1d(4), [drawn(2, 3, 6)]),
    "Sequential": lambda: (nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)), [drawn(3, 4)]),
    **{
        name: lambda name=name: (getattr(nn, name)(), [drawn(3, 4)])
        for name in (
            *(
                "CELU",
                "ELU",
                "GELU",
                "GLU",
                "Hardshrink",
                "Hardsigmoid",
                "Hardswish",
                "Hardtanh",
                "LeakyReLU",
            ),
            *("LogSigmoid", "Mish", "PReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus"),
            *("Softshrink", "Softsign", "Tanh", "Tanhshrink", "Identity", "Flatten"),
        )
    },
    **{
        name: lambda name=name: (getattr(nn, name)(1), [drawn(3, 4)])
        for name in ("Softmax", "LogSoftmax", "Softmin")
    },
}


def packed():
    return nn.utils.rnn.pack_padded_sequence(drawn(6, 3, 4), [6, 2, 4], enforce_sorted=False)


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    minigrad.manual_seed(0)
    agree(*both(*LAYERS[name]()))


def positive(*shape):
    return drawn(*shape).sigmoid()


LOSSES = {
    "CrossEntropyLoss": lambda: (nn.CrossEntropyLoss(label_smoothing=0.1), [drawn(5, 4), whole(4, 5)]),
    "CrossEntropyLoss, weighed": lambda: (
        nn.CrossEntropyLoss(positive(4), ignore_index=1),
        [drawn(5, 4), whole(4, 5)],
    ),
    "CrossEntropyLoss, probabilities": lambda: (nn.CrossEntropyLoss(), [drawn(5, 4), drawn(5, 4).softmax(1)]),
    "NLLLoss": lambda: (nn.NLLLoss(), [drawn(5, 4), whole(4, 5)]),
    "LinearCrossEntropyLoss": lambda: (
        nn.LinearCrossEntropyLoss(4, 3, bias=True, options=nn.LinearCrossEntropyOptions(batch_chunk_size=2)),
        [drawn(5, 4), whole(3, 5)],
    ),
    "AdaptiveLogSoftmaxWithLoss": lambda: (
        nn.AdaptiveLogSoftmaxWithLoss(4, 8, [2, 5], 2.0),
        [drawn(5, 4), whole(8, 5)],
    ),
    "BCELoss": lambda: (nn.BCELoss(), [positive(5), positive(5)]),
    "BCEWithLogitsLoss": lambda: (nn.BCEWithLogitsLoss(), [drawn(5), positive(5)]),
    "KLDivLoss": lambda: (nn.KLDivLoss(reduction="batchmean"), [drawn(5, 4), positive(5, 4)]),
    "GaussianNLLLoss": lambda: (nn.GaussianNLLLoss(), [drawn(5), drawn(5), positive(5)]),
    "CosineEmbeddingLoss": lambda: (
        nn.CosineEmbeddingLoss(),
        [drawn(5, 4), drawn(5, 4), 2 * whole(2, 5) - 1],
    ),
    "MarginRankingLoss": lambda: (nn.MarginRankingLoss(), [drawn(5), drawn(5), 2 * whole(2, 5) - 1]),
    "MultiMarginLoss": lambda: (nn.MultiMarginLoss(), [drawn(5, 4), whole(4, 5)]),
    "MultiLabelMarginLoss": lambda: (nn.MultiLabelMarginLoss(), [drawn(2, 4), whole(4, 2, 4)]),
    "TripletMarginLoss": lambda: (nn.TripletMarginLoss(), [drawn(5, 4), drawn(5, 4), drawn(5, 4)]),
    **{
        name: lambda name=name: (getattr(nn, name)(), [drawn(5, 4), positive(5, 4)])
        for name in ("HuberLoss", "L1Loss", "MSELoss", "PoissonNLLLoss", "SmoothL1Loss", "SoftMarginLoss")
    },
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    agree(*both(*LOSSES[name]()))


OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "SGD, plain": lambda p: optim.SGD(p, 0.1),
    "Adam": lambda p: optim.Adam(p, 0.01, amsgrad=True),
    "AdamW": lambda p: optim.AdamW(p, 0.01),
    "Muon": lambda p: optim.Muon([q for q in p if q.ndim == 2], 0.01),
    **{
        name: lambda p, name=name: getattr(optim, name)(p, 0.01)
        for name in (
            "Adafactor",
            "Adadelta",
            "Adagrad",
            "Adamax",
            "ASGD",
            "NAdam",
            "RAdam",
            "RMSprop",
            "Rprop",
        )
    },
}


def trained(net, make, x, y):
    """The parameters after three steps, with gradients clipped."""
    optimizer = make(net.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x), y).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
    return list(net.parameters()), optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    net, x, y = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)), drawn(6, 4), drawn(6, 2)
    there = copy.deepcopy(net).to(DEVICE)
    expected, _ = trained(net, OPTIMIZERS[name], x, y)
    found, optimizer = trained(there, OPTIMIZERS[name], x.to(DEVICE), y.to(DEVICE))
    agree(found, expected)
    for state in optimizer.state_dict()["state"].values():
        assert all(
            v.device.type == DEVICE.type for v in state.values() if isinstance(v, minigrad.Tensor) and v.ndim
        )


#: distributions, but for those that decompose matrices and those with Bessel functions
DISTRIBUTIONS = sorted(
    set(distribution_cases.NAMES)
    - {"MultivariateNormal", "by precision", "LowRankMultivariateNormal", "VonMises"}
)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions(name):
    """Values, their densities, and the gradients of both."""
    results = []
    for device in (DEVICE, "cpu"):
        d, parameters = distribution_cases.build(
            name, distributions, lambda a, to=device: minigrad.from_numpy(a).to(to).requires_grad_()
        )
        minigrad.manual_seed(3)
        values = d.rsample((3,)) if d.has_rsample else d.sample((3,))
        density = d.log_prob(values.detach())
        (values.sum() + density.sum()).backward()
        results.append([values, density, [p.grad for p in parameters.values()]])
    agree(*results)


# ---- moving and making -----------------------------------------------------------------------------------
def test_tensors_are_made_on_the_device():
    for t in (
        minigrad.zeros(2, device=DEVICE),
        minigrad.ones(2, 3, device=DEVICE),
        minigrad.full((2,), 7.0, device=DEVICE),
        minigrad.arange(3, device=DEVICE),
        minigrad.linspace(0, 1, 3, device=DEVICE),
        minigrad.eye(2, device=DEVICE),
        minigrad.tensor([1.0, 2.0], device=DEVICE),
        minigrad.as_tensor(np.ones(2), device=DEVICE),
        minigrad.rand(2, device=DEVICE),
        minigrad.randn(2, device=DEVICE),
        minigrad.randint(0, 5, (2,), device=DEVICE),
        minigrad.randperm(4, device=DEVICE),
        minigrad.zeros(2).to(DEVICE).new_zeros(3),
        minigrad.zeros_like(minigrad.zeros(2, device=DEVICE)),
        minigrad.empty(2, device=DEVICE).uniform_(),
        minigrad.empty(2, device=DEVICE).normal_(),
        minigrad.bernoulli(minigrad.full((3,), 0.5, device=DEVICE)),
        minigrad.tril_indices(3, 3, device=DEVICE),
    ):
        assert t.device.type == DEVICE.type
        assert str(t.device) == "cuda:0"
        assert t.cpu().device.type == "cpu"


def test_gradients_flow_through_transfers():
    x = drawn(3).requires_grad_()
    y = (x.to(DEVICE) * 2).cpu() * 3
    y.sum().backward()
    assert x.grad.device.type == "cpu"
    assert x.grad.tolist() == [6, 6, 6]


def test_devices_do_not_mix_in_silence():
    here, there = drawn(3), drawn(3).to(DEVICE)
    with pytest.raises(RuntimeError, match=r"add: .*same device.*(cpu.*cuda:0|cuda:0.*cpu)"):
        here + there
    with pytest.raises(RuntimeError, match=r"same device"):
        drawn(2, 3) @ there
    assert (there + minigrad.tensor(2.0).item()).device.type == DEVICE.type


def test_a_tensor_elsewhere_is_not_handed_to_numpy():
    there = drawn(3).to(DEVICE)
    with pytest.raises(TypeError, match=r"can't convert.*cpu\(\)"):
        there.numpy()
    with pytest.raises(TypeError):
        np.asarray(there)
    assert there.tolist() == there.cpu().tolist()
    assert there[0].item() == there.cpu()[0].item()


def test_it_prints_with_its_device():
    assert repr(minigrad.ones(2, device=DEVICE)) == "tensor([1., 1.], device='cuda:0')"


def test_indices_may_lie_on_the_host():
    there = minigrad.arange(12, device=DEVICE).reshape(3, 4)
    places, mask = minigrad.tensor([2, 0]), minigrad.tensor([True, False, True])
    for index in (places, mask, [2, 0], np.array([2, 0]), (slice(None), places), (places, [1, 1])):
        assert there[index].tolist() == there.cpu()[index].tolist()
    there[places] = 0
    there[mask, 1] = 5
    assert there.tolist() == [[0, 5, 0, 0], [4, 5, 6, 7], [0, 5, 0, 0]]


def test_default_device_is_where_tensors_are_made():
    minigrad.set_default_device(DEVICE)
    try:
        net = nn.Linear(2, 3)
        assert net.weight.device.type == minigrad.zeros(2).device.type == DEVICE.type
        assert net(minigrad.ones(1, 2)).device.type == DEVICE.type
    finally:
        minigrad.set_default_device(None)
    assert minigrad.zeros(2).device.type == "cpu"


def test_files_go_both_ways():
    net = nn.LSTM(3, 2).to(DEVICE)
    file = io.BytesIO()
    minigrad.save(net.state_dict(), file)
    file.seek(0)
    state = minigrad.load(file, map_location="cpu")
    assert {t.device.type for t in state.values()} == {"cpu"}
    fresh = nn.LSTM(3, 2).to(DEVICE)
    fresh.load_state_dict(state)
    for a, b in zip(fresh.parameters(), net.parameters(), strict=True):
        assert a.device.type == DEVICE.type
        assert a.tolist() == b.tolist()


def test_a_training_loop_runs():
    minigrad.manual_seed(0)
    data = minigrad.utils.data.TensorDataset(drawn(32, 5, 3), whole(2, 32))
    net = nn.ModuleDict({"rnn": nn.GRU(3, 8, batch_first=True), "out": nn.Linear(8, 2)}).to(DEVICE)
    optimizer, losses = optim.Adam(net.parameters(), 0.02), []
    for _ in range(8):
        for x, y in minigrad.utils.data.DataLoader(data, 8, shuffle=True):
            x, y = x.to(DEVICE), y.to(DEVICE)
            loss = nn.functional.cross_entropy(net["out"](net["rnn"](x)[0][:, -1]), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert np.mean(losses[-4:]) < np.mean(losses[:4])

"""Models whose weights PyTorch wrote compute the same here, and the other way round, in every format."""

import io

import numpy as np
import pytest

import minigrad
from minigrad.serialization import safetensors

torch = pytest.importorskip("torch")


def tied(package):
    """A language model whose output layer is its table."""
    model = package.nn.Sequential()
    model.add_module("table", package.nn.Embedding(11, 6))
    model.add_module("rnn", package.nn.Linear(6, 6))
    model.add_module("out", package.nn.Linear(6, 11, bias=False))
    model.out.weight = model.table.weight
    return model


def convolutional(package):
    nn = package.nn
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    )


def encoder(package):
    layer = package.nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
    return package.nn.TransformerEncoder(layer, 2)


FLOATS = {
    "LSTM": (lambda p: p.nn.LSTM(3, 4, 2, bidirectional=True), (5, 2, 3)),
    "GRU": (lambda p: p.nn.GRU(3, 4, batch_first=True), (2, 5, 3)),
    "Transformer": (encoder, (2, 5, 8)),
    "convolution": (convolutional, (3, 2, 4, 4)),
    "norms": (lambda p: p.nn.Sequential(p.nn.GroupNorm(2, 4), p.nn.LayerNorm(3), p.nn.PReLU()), (2, 4, 3)),
}
MODELS = {**{name: (*pair, False) for name, pair in FLOATS.items()}, "tied": (tied, (2, 3), True)}


def inputs(shape, whole: bool) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 11, shape) if whole else rng.standard_normal(shape).astype(np.float32)


def outputs(model, package, x) -> np.ndarray:
    with package.no_grad():
        made = model.eval()(package.from_numpy(x))
    return (made[0] if isinstance(made, tuple) else made).numpy()


def moved(model, package):
    """The model with other weights and moments than it began with."""
    generator = np.random.default_rng(3)
    with package.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.dtype == package.float32:
                values = generator.uniform(0.2, 0.8, tuple(tensor.shape)) * (1 if "var" in name else 0.5)
                tensor.copy_(package.from_numpy(values.astype(np.float32)))
    return model


def written(save, state, **options) -> io.BytesIO:
    file = io.BytesIO()
    save(state, file, **options)
    file.seek(0)
    return file


@pytest.mark.parametrize("old", [False, True], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("name", MODELS)
def test_weights_of_torch_here(name, old):
    make, shape, whole = MODELS[name]
    theirs, ours = moved(make(torch), torch), make(minigrad)
    options = {"_use_new_zipfile_serialization": False} if old else {}
    ours.load_state_dict(minigrad.load(written(torch.save, theirs.state_dict(), **options)))
    x = inputs(shape, whole)
    np.testing.assert_allclose(outputs(ours, minigrad, x), outputs(theirs, torch, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_weights_from_here_in_torch(name):
    make, shape, whole = MODELS[name]
    ours, theirs = moved(make(minigrad), minigrad), make(torch)
    state = torch.load(written(minigrad.save, ours.state_dict()), weights_only=True)
    theirs.load_state_dict(state)
    x = inputs(shape, whole)
    np.testing.assert_allclose(outputs(theirs, torch, x), outputs(ours, minigrad, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", FLOATS)
def test_safetensors_both_ways(name, tmp_path):
    package = pytest.importorskip("safetensors.torch")
    make, shape = FLOATS[name]
    theirs, ours = moved(make(torch), torch), make(minigrad)
    package.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    ours.load_state_dict(minigrad.load(tmp_path / "theirs.safetensors"))
    x = inputs(shape, False)
    np.testing.assert_allclose(outputs(ours, minigrad, x), outputs(theirs, torch, x), rtol=1e-5, atol=1e-6)
    safetensors.save_file(ours.state_dict(), tmp_path / "ours.safetensors")
    back = package.load_file(tmp_path / "ours.safetensors")
    assert all(torch.equal(back[key], value) for key, value in theirs.state_dict().items())


def test_shared_weights_stay_shared():
    theirs = moved(tied(torch), torch)
    state = minigrad.load(written(torch.save, theirs.state_dict()))
    state["table.weight"][0, 0] = 9.0
    assert state["out.weight"][0, 0].item() == 9.0
    whole = minigrad.load(written(torch.save, theirs), weights_only=False)
    assert whole.out.weight is whole.table.weight
    back = torch.load(written(minigrad.save, moved(tied(minigrad), minigrad).state_dict()), weights_only=True)
    assert back["table.weight"].data_ptr() == back["out.weight"].data_ptr()


@pytest.mark.parametrize(
    ("dtype", "loaded"), [("float16", "float16"), ("bfloat16", "float32"), ("float64", "float64")]
)
@pytest.mark.parametrize("name", ["LSTM", "Transformer", "convolution"])
def test_other_dtypes(name, dtype, loaded):
    """Weights of halves load as halves, of bfloat16 as float32 of the same values; a float32 model takes
    either.
    """
    make, shape = FLOATS[name]
    theirs, ours = moved(make(torch), torch), make(minigrad)
    narrow = theirs.to(getattr(torch, dtype))
    state = minigrad.load(written(torch.save, narrow.state_dict()))
    floating = [key for key, value in narrow.state_dict().items() if value.is_floating_point()]
    assert {str(state[key].dtype) for key in floating} == {str(getattr(minigrad, loaded))}
    for key in floating:
        np.testing.assert_array_equal(
            state[key].numpy(), narrow.state_dict()[key].to(getattr(torch, loaded)).numpy()
        )
    ours.load_state_dict(state)
    x = inputs(shape, False)
    wide = narrow.to(torch.float32)
    np.testing.assert_allclose(outputs(ours, minigrad, x), outputs(wide, torch, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["Adam", "SGD", "RMSprop", "Adagrad", "AdamW"])
def test_optimizers_go_on_from_the_others_state(kind):
    """Three steps there and two here are five there."""
    options = {"momentum": 0.9} if kind == "SGD" else {}
    rng = np.random.default_rng(1)
    gradients = rng.standard_normal((5, 4, 3)).astype(np.float32)

    def stepped(package, weight, optimizer, steps):
        for g in gradients[steps]:
            weight.grad = package.from_numpy(g)
            optimizer.step()

    def made(package):
        weight = package.nn.Parameter(package.ones(4, 3))
        return weight, getattr(package.optim, kind)([weight], lr=0.1, **options)

    for first, second in ((torch, minigrad), (minigrad, torch)):
        weight, optimizer = made(first)
        stepped(first, weight, optimizer, slice(0, 3))
        file = written(first.save, {"weight": weight.detach(), "optimizer": optimizer.state_dict()})
        saved = second.load(file, weights_only=True)
        other, resumed = made(second)
        with second.no_grad():
            other.copy_(saved["weight"])
        resumed.load_state_dict(saved["optimizer"])
        stepped(second, other, resumed, slice(3, 5))
        stepped(first, weight, optimizer, slice(3, 5))
        np.testing.assert_allclose(other.detach().numpy(), weight.detach().numpy(), rtol=1e-6, atol=1e-6)


def test_a_checkpoint_is_a_file_for_torch_too():
    model = moved(convolutional(minigrad), minigrad)
    file = io.BytesIO()
    minigrad.serialization.save_checkpoint(file, extra={"epoch": 3}, python=True, numpy=True, model=model)
    file.seek(0)
    contents = torch.load(file, weights_only=True)
    assert contents["extra"] == {"epoch": 3}
    theirs = convolutional(torch)
    theirs.load_state_dict(contents["parts"]["model"])
    torch.set_rng_state(contents["random"]["default"])
    assert torch.rand(3).tolist() == minigrad.rand(3).tolist()


def test_unsafe_globals_are_the_same():
    file = written(torch.save, {"model": torch.nn.Linear(2, 2), "slice": slice(1), "w": torch.ones(2)})
    ours = minigrad.serialization.get_unsafe_globals_in_checkpoint(file)
    file.seek(0)
    assert ours == sorted(torch.serialization.get_unsafe_globals_in_checkpoint(file))

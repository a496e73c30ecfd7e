"""Hooks of all modules, hooks on registration, errors that name their layer, and what `nn` leaves out."""

import re
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import left_out, nn
from minigrad.nn.modules import module as everywhere

README = Path(__file__).resolve().parents[1] / "README.md"


def net():
    minigrad.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.Tanh())


# ---- hooks of all modules ----------------------------------------------------------------------------------
def test_hooks_of_all_modules_come_before_a_modules_own():
    model, calls = net(), []

    def note(text):
        return lambda module, *seen: calls.append((text, type(module).__name__, len(seen)))

    handles = [
        everywhere.register_module_forward_pre_hook(note("pre")),
        everywhere.register_module_forward_hook(note("post"), with_kwargs=True),
        everywhere.register_module_full_backward_pre_hook(note("back")),
        everywhere.register_module_full_backward_hook(note("backed")),
    ]
    model[1].register_forward_pre_hook(note("own pre"))
    model[1].register_full_backward_hook(note("own backed"))
    model(minigrad.ones(4, 3, requires_grad=True)).sum().backward()
    assert calls == [
        ("pre", "Sequential", 1),
        ("pre", "Linear", 1),
        ("post", "Linear", 3),
        ("pre", "Tanh", 1),
        ("own pre", "Tanh", 1),
        ("post", "Tanh", 3),
        ("post", "Sequential", 3),
        ("back", "Sequential", 1),
        ("back", "Tanh", 1),
        ("backed", "Tanh", 2),
        ("own backed", "Tanh", 2),
        ("back", "Linear", 1),
        ("backed", "Linear", 2),
        ("backed", "Sequential", 2),
    ]
    for handle in handles:
        handle.remove()
    calls.clear()
    model(minigrad.ones(4, 3))
    assert calls == [("own pre", "Tanh", 1)]


def test_hooks_of_all_modules_may_replace_and_be_called_after_an_error():
    seen = []
    with (
        everywhere.register_module_forward_pre_hook(lambda module, args: args[0] * 2),
        everywhere.register_module_forward_hook(lambda module, args, out: out + 1),
    ):
        assert nn.Identity()(minigrad.tensor(3.0)).item() == 7
    with (
        everywhere.register_module_forward_hook(lambda *shown: seen.append(shown), always_call=True),
        pytest.raises(RuntimeError, match="3 wanted"),
    ):
        nn.Linear(3, 2)(minigrad.ones(5))
    assert len(seen) == 1


def test_hooks_on_registration_see_and_replace_members():
    seen = []

    def look(module, name, member):
        seen.append((type(module).__name__, name, member is None))

    def doubled(module, name, parameter):
        return nn.Parameter(parameter.detach() * 2)

    with (
        everywhere.register_module_parameter_registration_hook(look),
        everywhere.register_module_buffer_registration_hook(look),
        everywhere.register_module_module_registration_hook(look),
    ):
        model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1, affine=False))
        model[0].weight = None
        model[1].running_mean = minigrad.ones(1)
        model.extra = nn.Tanh()
    assert seen == [
        ("Linear", "weight", False),
        ("Linear", "bias", True),
        ("BatchNorm1d", "weight", True),
        ("BatchNorm1d", "bias", True),
        ("BatchNorm1d", "running_mean", False),
        ("BatchNorm1d", "running_var", False),
        ("BatchNorm1d", "num_batches_tracked", False),
        ("Sequential", "0", False),
        ("Sequential", "1", False),
        ("Linear", "weight", True),
        ("BatchNorm1d", "running_mean", False),
        ("Sequential", "extra", False),
    ]
    with everywhere.register_module_parameter_registration_hook(doubled):
        model[0].weight = nn.Parameter(minigrad.tensor([[3.0]]))
    assert model[0].weight.item() == 6


def test_the_older_hooks_around_a_state():
    model = net()
    model._register_state_dict_hook(lambda module, entries, prefix, metadata: {**entries, prefix + "more": 1})
    saved = model.state_dict()
    assert list(saved) == ["0.weight", "0.bias", "more"]
    model._register_load_state_dict_pre_hook(lambda entries, *others: entries.pop("more"))
    model._register_load_state_dict_pre_hook(
        lambda module, entries, *others: entries.update({"0.bias": entries["0.bias"] * 0}), with_module=True
    )
    model.load_state_dict(saved)
    assert not model[0].bias.any()


# ---- a module's further surface ----------------------------------------------------------------------------
def test_further_bases_are_set_up_if_a_class_asks():
    class Named:
        def __init__(self, name):
            self.name = name

    class Layer(nn.Module, Named):
        call_super_init = True

    class Plain(nn.Module, Named):
        pass

    assert Layer(name="first").name == "first"
    with pytest.raises(TypeError, match="unexpected keyword argument 'name'"):
        Plain(name="first")


def test_devices_that_are_not_here_are_refused():
    model = net()
    assert model.compile() is None
    assert model.to(memory_format=minigrad.channels_last) is model
    for move in (model.xpu, model.ipu, model.mtia):
        with pytest.raises(NotImplementedError, match=r"cpu\(\) and cuda\(\)"):
            move()


def test_batch_norm_over_one_process():
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm2d(2, affine=False)))
    model[0](minigrad.randn(5, 3))
    model.eval()
    before = model[0](minigrad.ones(2, 3))
    bn = model[0]
    model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert [type(m) for m in (model[0], model[1][0])] == [nn.SyncBatchNorm] * 2
    assert model[0].weight is bn.weight
    assert not model[0].training
    np.testing.assert_array_equal(model[0](minigrad.ones(2, 3)).detach(), before.detach())
    with pytest.raises(ValueError, match="at least 2D input"):
        model[0](minigrad.ones(3))
    with pytest.raises(NotImplementedError, match="leave out process_group"):
        nn.SyncBatchNorm(3, process_group=object())


def test_data_parallel_is_the_module_itself():
    model = net()
    parallel = nn.DataParallel(model)
    x = minigrad.randn(4, 3)
    np.testing.assert_array_equal(parallel(x).detach(), model(x).detach())
    assert list(parallel.state_dict()) == ["module.0.weight", "module.0.bias"]
    stripped = parallel.state_dict()
    nn.modules.utils.consume_prefix_in_state_dict_if_present(stripped, "module.")
    model.load_state_dict(stripped)
    assert sorted(stripped._metadata) == ["", "0", "1"]
    with pytest.raises(NotImplementedError, match="one device at a time"):
        nn.DataParallel(model, device_ids=[0, 1])
    with pytest.raises(NotImplementedError, match="in one process"):
        nn.parallel.DistributedDataParallel(model)


def test_choosing_the_code_of_attention():
    backends = nn.attention.SDPBackend
    with nn.attention.sdpa_kernel([backends.FLASH_ATTENTION, backends.MATH], set_priority=True):
        pass
    for chosen, kind in (
        (backends.ERROR, RuntimeError),
        ([backends.OVERRIDEABLE], RuntimeError),
        ([], RuntimeError),
        ("math", AssertionError),
    ):
        with pytest.raises(kind), nn.attention.sdpa_kernel(chosen):
            pass


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_gradients_of_convolutions_as_functions(ndim):
    x = minigrad.randn(2, 4, *(5, 4, 6)[:ndim], requires_grad=True)
    w = minigrad.randn(6, 2, *(2, 3, 2)[:ndim], requires_grad=True)
    settings = {"stride": 2, "padding": 1, "groups": 2}
    out = getattr(nn.functional, f"conv{ndim}d")(x, w, **settings)
    g = minigrad.randn(*out.shape)
    dx, dw = minigrad.autograd.grad(out, (x, w), g)
    of_input, of_weight = getattr(nn.grad, f"conv{ndim}d_input"), getattr(nn.grad, f"conv{ndim}d_weight")
    np.testing.assert_allclose(of_input(x.shape, w.detach(), g, **settings), dx, rtol=1e-5)
    np.testing.assert_allclose(of_weight(x.detach(), w.shape, g, **settings), dw, rtol=1e-5)


def test_older_names_warn():
    with pytest.warns(FutureWarning, match="NLLLoss2d"):
        assert nn.NLLLoss2d(reduction="sum").reduction == "sum"
    with pytest.warns(FutureWarning, match="Container"):
        assert list(nn.Container(a=nn.Tanh()).state_dict()) == []


# ---- errors ------------------------------------------------------------------------------------------------
def r(*shape):
    return minigrad.ones(*shape)


#: (call, what the error begins with, what it says)
HEADED = [
    (
        lambda: nn.Conv1d(4, 3, 2)(r(8, 5, 6)),
        "Conv1d(4, 3, kernel_size=(2,), stride=(1,)): conv1d: ",
        "5 channels",
    ),
    (lambda: nn.Conv2d(4, 3, 2)(r(8, 5)), "Conv2d(4, 3, ", "3D (unbatched) or 4D (batched)"),
    (lambda: nn.ConvTranspose2d(4, 3, 2)(r(8, 5, 6, 6)), "ConvTranspose2d(4, 3, ", "4 channels, but got 5"),
    (lambda: nn.BatchNorm1d(4)(r(8, 5)), "BatchNorm1d(4, ", "running_mean should contain 5 elements not 4"),
    (lambda: nn.LayerNorm(4)(r(8, 5)), "LayerNorm((4,), ", "[*, 4]"),
    (lambda: nn.GroupNorm(2, 4)(r(8, 6)), "GroupNorm(2, 4, ", "weight should contain 6 elements not 4"),
    (lambda: nn.InstanceNorm1d(4, affine=True)(r(8, 5, 4)), "InstanceNorm1d(4, ", "num_features (4)"),
    (lambda: nn.Embedding(4, 3)(minigrad.tensor([4])), "Embedding(4, 3): embedding: ", "4 rows 0 .. 3"),
    (lambda: nn.LSTM(4, 3)(r(5, 2, 6)), "LSTM(4, 3): ", "Expected 4, got 6"),
    (lambda: nn.GRU(4, 3)(r(5, 2, 4), r(1, 2, 4)), "GRU(4, 3): ", "hidden size (1, 2, 3)"),
    (lambda: nn.RNNCell(4, 3)(r(5, 2)), "RNNCell(4, 3): ", "got 2 expected 4"),
    (
        lambda: nn.MultiheadAttention(4, 2)(*[r(5, 2, 6)] * 3),
        "MultiheadAttention: ",
        "dimension of 4, but got 6",
    ),
    (lambda: nn.TransformerEncoderLayer(4, 2, 8)(r(5, 2, 6)), "MultiheadAttention: ", "query is (5, 2, 6)"),
    (lambda: nn.Transformer(4, 2, 1, 1, 8)(r(5, 2, 4), r(5, 2, 6)), "Transformer: ", "d_model=4"),
    (lambda: nn.CrossEntropyLoss()(r(5, 2), minigrad.ones(2).long()), "CrossEntropyLoss(): ", "(5, 2)"),
    (lambda: nn.MaxPool2d(2)(r(5, 2)), "MaxPool2d(kernel_size=2, ", "max_pool2d"),
    (lambda: nn.Softmax(3)(r(2, 5)), "Softmax(dim=3): ", "range of [-2, 1]"),
]


@pytest.mark.parametrize(("call", "head", "words"), HEADED)
def test_an_error_is_headed_by_its_layer_once(call, head, words):
    with pytest.raises((RuntimeError, ValueError, IndexError, AssertionError)) as error:
        call()
    assert str(error.value).startswith(head)
    assert words in str(error.value)
    assert str(error.value).count(head) == 1


def test_an_error_of_a_users_module_is_theirs_within_a_layer_too():
    class Users(nn.Module):
        def forward(self, x):
            raise ValueError("theirs")

    with pytest.raises(ValueError, match=r"^theirs$"):
        nn.Sequential(nn.Identity(), Users())(1)


# ---- what is left out --------------------------------------------------------------------------------------
def left_out_of_nn():
    """The names that `nn` leaves out, each with the reason."""
    for family in left_out.FAMILIES:
        paths = [f"{place}.{name}" for place, names in family.names.items() for name in names.split()]
        for path in [*paths, *family.submodules.split()]:
            if path.startswith("nn."):
                yield path, family.sentence


def test_the_readme_lists_what_nn_leaves_out():
    rows = re.findall(r"^\| ((?:`nn\.[\w.]+`(?:, )?)+) \| (.+) \|$", README.read_text(), re.M)
    listed = {name: reason for names, reason in rows for name in re.findall(r"`(.+?)`", names)}
    assert listed == dict(left_out_of_nn())

"""Modules: members, walks, state, hooks, conversion, printing, and the containers."""

import copy
import gc
import pickle
import weakref
from collections import OrderedDict

import numpy as np
import pytest

import minigrad
from minigrad import nn


class Block(nn.Module):
    """A parameter, two buffers, and a child."""

    def __init__(self, size: int = 3):
        super().__init__()
        self.scale = nn.Parameter(minigrad.arange(1.0, size + 1))
        self.inner = nn.Linear(size, 2)
        self.register_buffer("count", minigrad.zeros(()))
        self.register_buffer("cache", minigrad.ones(2), persistent=False)

    def forward(self, x, shift=0.0):
        return self.inner(x * self.scale) + shift


class Net(nn.Module):
    """Two blocks, one of them twice, and a parameter assigned last."""

    def __init__(self):
        super().__init__()
        self.first = Block()
        self.second = nn.Sequential(Block(), nn.Tanh())
        self.again = self.first
        self.bias = nn.Parameter(minigrad.zeros(2))

    def forward(self, x):
        return self.first(x) + self.second(x) + self.bias


def random(*shape):
    return minigrad.randn(*shape, generator=minigrad.Generator().manual_seed(5))


# ---- members -------------------------------------------------------------------------------------
def test_members_are_found_in_order_and_once():
    net = Net()
    names = ["bias", "first.scale", "first.inner.weight", "first.inner.bias"]
    names += ["second.0.scale", "second.0.inner.weight", "second.0.inner.bias"]
    assert [n for n, _ in net.named_parameters()] == names
    assert len(list(net.parameters())) == 7
    repeated = [n for n, _ in net.named_parameters(remove_duplicate=False)]
    assert repeated == [*names, "again.scale", "again.inner.weight", "again.inner.bias"]
    assert [n for n, _ in net.named_parameters(prefix="net", recurse=False)] == ["net.bias"]
    assert [n for n, _ in net.named_buffers()] == [
        "first.count",
        "first.cache",
        "second.0.count",
        "second.0.cache",
    ]
    assert [n for n, _ in net.named_children()] == ["first", "second"]
    assert [n for n, _ in net.named_modules()] == [
        *("", "first", "first.inner", "second", "second.0", "second.0.inner", "second.1")
    ]
    assert len(list(net.modules())) == 7


def test_attributes_and_registries_agree():
    block = Block()
    block._parameters["scale"] = None
    assert block.scale is None
    block.scale = nn.Parameter(minigrad.ones(3))
    assert block._parameters["scale"] is block.scale
    del block._buffers["cache"]
    assert not hasattr(block, "cache")
    assert dict(block._modules) == {"inner": block.inner}
    assert list(block._buffers) == ["count"]
    assert repr(block._modules) == repr({"inner": block.inner})


def test_a_member_gives_way_to_one_of_another_kind():
    block = Block()
    block.scale = None  # the name stays
    assert "scale" in block._parameters
    del block.scale
    block.scale = nn.Tanh()
    assert "scale" in block._modules
    block.cache = nn.Parameter(minigrad.ones(1))
    assert "cache" in block._parameters
    assert not block._non_persistent_buffers_set
    block.plain = 1
    block.plain = nn.Buffer(minigrad.ones(2), persistent=False)
    assert [n for n, _ in block.named_buffers()] == ["count", "plain"]
    assert "plain" not in block.state_dict()
    block.count = minigrad.ones(())
    assert float(block.state_dict()["count"]) == 1


BAD_MEMBERS = [
    (lambda m: m.register_parameter("scale.x", None), KeyError, "contain"),
    (lambda m: m.register_parameter("", None), KeyError, "empty string"),
    (lambda m: m.register_parameter("forward", None), KeyError, "already exists"),
    (lambda m: m.register_parameter("new", minigrad.ones(1)), TypeError, "Parameter or None required"),
    (lambda m: m.register_parameter(3, None), TypeError, "should be a string. Got int"),
    (lambda m: m.register_buffer("inner", minigrad.ones(1)), KeyError, "already exists"),
    (lambda m: m.register_buffer("new", 3), TypeError, "'int' object to buffer 'new'"),
    (lambda m: m.add_module("new", 3), TypeError, "int is not a Module subclass"),
    (lambda m: m.add_module("count", nn.Tanh()), KeyError, "already exists"),
    (lambda m: setattr(m, "scale", minigrad.ones(3)), TypeError, "as parameter 'scale'"),
    (lambda m: setattr(m, "inner", 3), TypeError, "as module 'inner'"),
    (lambda m: setattr(m, "count", 3), TypeError, "as buffer 'count'"),
    (lambda m: m.nothing, AttributeError, "'Block' object has no attribute 'nothing'"),
    (lambda m: delattr(m, "nothing"), AttributeError, "nothing"),
    (lambda m: m.get_submodule("inner.deep"), AttributeError, "Linear has no attribute `deep`"),
    (lambda m: m.get_submodule("scale"), AttributeError, "not an nn.Module"),
    (lambda m: m.get_parameter("inner.none"), AttributeError, "Linear has no attribute `none`"),
    (lambda m: m.get_parameter("inner.in_features"), AttributeError, "not a parameter"),
    (lambda m: m.get_buffer("scale"), AttributeError, "not a buffer"),
    (lambda m: m.set_submodule("", nn.Tanh()), ValueError, "without a target"),
    (lambda m: m.set_submodule("new", nn.Tanh(), strict=True), AttributeError, "no attribute `new`"),
    (lambda m: m.set_submodule("scale", nn.Tanh()), AttributeError, "not an nn.Module"),
    (lambda m: m.set_submodule("inner", 3), ValueError, "not an nn.Module"),
    (lambda m: m.train("yes"), ValueError, "boolean"),
    (lambda m: m.to(minigrad.int64), TypeError, "floating point or complex"),
    (lambda m: m.to(3.5), TypeError, "invalid argument of type float"),
    (lambda m: m.to(spam=1), TypeError, "'spam'"),
    (lambda m: m.get_extra_state(), RuntimeError, "write get_extra_state"),
    (lambda m: nn.Module(1), TypeError, "1 positional"),
    (lambda m: nn.Module(size=1), TypeError, "unexpected keyword argument 'size'"),
    (lambda m: nn.Module()(1), NotImplementedError, 'missing the required "forward"'),
    (lambda m: m.bfloat16(), NotImplementedError, "no bfloat16"),
    (lambda m: nn.Parameter(minigrad.ones(1, dtype=minigrad.int64)), RuntimeError, "floating point"),
    (lambda m: nn.Parameter([1.0]), TypeError, "must be a Tensor, not list"),
]


@pytest.mark.parametrize(("act", "kind", "words"), BAD_MEMBERS)
def test_what_is_refused(act, kind, words):
    with pytest.raises(kind, match=words.replace("(", r"\(").replace("?", r"\?")):
        act(Block())


def test_a_parameter_must_be_a_leaf():
    made = nn.Parameter(minigrad.ones(2))
    made.node = (made * 2).node
    with pytest.raises(ValueError, match="non-leaf"):
        Block().register_parameter("new", made)


@pytest.mark.parametrize("value", [nn.Parameter(minigrad.ones(1)), nn.Tanh(), nn.Buffer(minigrad.ones(1))])
def test_members_need_the_base_to_be_set_up(value):
    class Forgetful(nn.Module):
        def __init__(self):
            self.member = value

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        Forgetful()


def test_wrappers_may_ask_for_the_base_attribute():
    class Wrapper(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.module, name)

    assert Wrapper(Block()).scale.shape == (3,)
    with pytest.raises(AttributeError, match="nothing"):
        _ = Wrapper(Block()).nothing


def test_an_error_in_a_property_is_the_one_shown():
    class Broken(nn.Module):
        @property
        def size(self):
            return self.there.is_none

    with pytest.raises(AttributeError, match="'there'"):
        _ = Broken().size


def test_paths():
    net = Net()
    assert net.get_submodule("second.0.inner") is net.second[0].inner
    assert net.get_submodule("") is net
    assert net.get_parameter("second.0.inner.bias") is net.second[0].inner.bias
    assert net.get_buffer("first.count") is net.first.count
    net.set_submodule("second.0", nn.ReLU())
    assert isinstance(net.second[0], nn.ReLU)
    assert "scale" in dir(net.first)
    assert "0" not in dir(net.second)


# ---- modes and conversion ------------------------------------------------------------------------
def test_modes():
    net = Net()
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.train().second[1].training
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    net.requires_grad_()
    net(random(4, 3)).sum().backward()
    gradient = net.bias.grad
    net.zero_grad(set_to_none=False)
    assert net.bias.grad is gradient
    assert not gradient.any()
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    seen = []
    net.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "Block", "Linear", "Block", "Tanh", "Sequential", "Net"]


def test_conversion_keeps_the_parameters_and_their_order():
    net = Net()
    net(random(4, 3)).sum().backward()
    before = list(net.parameters())
    assert net.double() is net
    assert [id(p) for p in net.parameters()] == [id(p) for p in before]
    assert all(p.dtype is minigrad.float64 and p.grad.dtype is minigrad.float64 for p in before)
    assert net.first.count.dtype is minigrad.float64
    net.to("cpu", minigrad.float16)
    assert net.bias.dtype is minigrad.float16
    assert net.float().bias.dtype is net.to(minigrad.ones(1)).bias.dtype is minigrad.float32
    assert net.half().type(minigrad.float64).bias.dtype is minigrad.float64
    assert net.cpu().share_memory().to_empty(device="cpu").bias.is_leaf
    counter = nn.BatchNorm1d(2).double()
    assert counter.num_batches_tracked.dtype is minigrad.int64


def test_shared_parameters_stay_shared():
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    b.weight = a.weight
    both = nn.Sequential(a, b).double()
    assert both[0].weight is both[1].weight
    assert len(list(both.parameters())) == 3
    twin = copy.deepcopy(both)
    assert twin[0].weight is twin[1].weight is not a.weight


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), copy.copy])
def test_copies(again):
    net = Net()
    other = again(net)
    x = random(4, 3)
    np.testing.assert_array_equal(net(x).detach().numpy(), other(x).detach().numpy())
    assert list(other.state_dict()) == list(net.state_dict())
    assert type(other.bias) is nn.Parameter
    assert "cache" not in other.first.state_dict()


def test_memory_falls_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        net = Net()
        gone = weakref.ref(net.first.scale)
        net(random(2, 3)).sum().backward()
        del net
        assert gone() is None
    finally:
        gc.enable()


# ---- state ---------------------------------------------------------------------------------------
def test_the_state_dict():
    net = Net()
    state = net.state_dict()
    assert list(state)[:4] == ["bias", "first.scale", "first.count", "first.inner.weight"]
    assert "again.scale" in state
    assert "first.cache" not in state
    assert not state["bias"].requires_grad
    state["bias"].fill_(3.0)  # memory is shared
    assert net.bias[0] == 3.0
    assert net.state_dict(keep_vars=True)["bias"] is net.bias
    assert next(iter(net.state_dict(prefix="net."))) == "net.bias"
    assert state._metadata["first"] == {"version": 1}


def test_loading():
    source, target = Net(), Net()
    kept = target.bias
    assert repr(target.load_state_dict(source.state_dict())) == "<All keys matched successfully>"
    assert target.bias is kept
    for a, b in zip(source.parameters(), target.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    partial = {"bias": minigrad.ones(2), "what": minigrad.ones(1)}
    missing, unexpected = target.load_state_dict(partial, strict=False)
    assert unexpected == ["what"]
    assert "first.scale" in missing
    assert target.bias[0] == 1
    target.load_state_dict({"bias": np.full(2, 7.0)}, strict=False)  # an array will do
    assert target.bias[1] == 7


def test_loading_bumps_versions():
    layer = nn.Linear(2, 2)
    x = random(3, 2).requires_grad_()
    out = layer(x)
    layer.load_state_dict(nn.Linear(2, 2).state_dict())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_assigning():
    net = Net()
    state = {name: value.double() for name, value in Net().state_dict().items()}
    net.load_state_dict(state, assign=True)
    assert net.bias.dtype is minigrad.float64
    assert type(net.bias) is nn.Parameter
    assert net.bias.requires_grad
    assert net.bias.array is state["bias"].array
    assert net.first.count.array is state["again.count"].array  # the last to be loaded


def test_one_error_lists_all_that_is_wrong_and_nothing_is_loaded():
    net = Net()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    state = Net().state_dict()
    state["first.scale"] = minigrad.ones(4)
    state["second.0.count"] = 3
    state["extra"] = minigrad.ones(1)
    del state["bias"]
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    for words in (
        "Error(s) in loading state_dict for Net:",
        'Missing key(s) in state_dict: "bias"',
        'Unexpected key(s) in state_dict: "extra"',
        "size mismatch for first.scale: copying a param with shape (4,)",
        '"second.0.count", expected torch.Tensor',
        "Pass strict=False",
    ):
        assert words in str(error.value)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name].numpy())
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict(state, strict=False)
    with pytest.raises(TypeError, match="dict-like"):
        net.load_state_dict([1])


def test_a_common_prefix_is_named():
    state = {"module." + k: v for k, v in Net().state_dict().items()}
    with pytest.raises(RuntimeError, match=r"All keys match without 'module\.'"):
        Net().load_state_dict(state)


def test_extra_state():
    class Counting(nn.Linear):
        seen = 0

        def get_extra_state(self):
            return {"seen": self.seen}

        def set_extra_state(self, state):
            self.seen = state["seen"]

    a, b = nn.Sequential(Counting(2, 2)), nn.Sequential(Counting(2, 2))
    a[0].seen = 5
    b.load_state_dict(a.state_dict())
    assert b[0].seen == 5
    state = a.state_dict()
    del state["0._extra_state"]
    with pytest.raises(RuntimeError, match=r"0\._extra_state"):
        b.load_state_dict(state)
    with pytest.raises(RuntimeError, match=r"Unexpected.*0\._extra_state"):
        nn.Sequential(nn.Linear(2, 2)).load_state_dict(a.state_dict())


def test_state_hooks():
    net, seen = Net(), []
    net.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append(("save", prefix, keep)))
    net.first.register_state_dict_post_hook(lambda m, state, prefix, meta: state.update({prefix + "more": 1}))
    state = net.state_dict()
    assert seen == [("save", "", False)]
    assert "first.more" in state

    def rename(module, state, prefix, metadata, strict, missing, unexpected, errors):
        state.pop("first.more")
        state.pop("again.more")
        state["bias"] = state.pop("b", state["bias"])

    net.register_load_state_dict_pre_hook(rename)
    excuse = net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    del state["first.scale"], state["again.scale"]
    net.load_state_dict(state)
    excuse.remove()
    state = net.state_dict()
    del state["first.scale"], state["again.scale"]
    with pytest.raises(RuntimeError, match=r"first\.scale"):
        net.load_state_dict(state)


def test_a_module_may_load_its_own_way():
    class Renamed(nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *rest):
            state_dict[prefix + "weight"] = state_dict.pop(prefix + "kernel")
            super()._load_from_state_dict(state_dict, prefix, *rest)

    state = nn.Sequential(nn.Linear(2, 3)).state_dict()
    state["0.kernel"] = state.pop("0.weight")
    net = nn.Sequential(Renamed(2, 3))
    net.load_state_dict(state)
    np.testing.assert_array_equal(net[0].weight.detach().numpy(), state["0.kernel"].numpy())


# ---- hooks ---------------------------------------------------------------------------------------
def test_forward_hooks_in_order():
    block, seen = Block(), []
    block.register_forward_pre_hook(lambda m, args: seen.append("pre"))
    block.register_forward_pre_hook(lambda m, args: seen.append("first"), prepend=True)
    block.register_forward_hook(lambda m, args, out: seen.append(len(args)))
    handle = block.register_forward_hook(
        lambda m, args, kwargs, out: seen.append(kwargs["shift"]), with_kwargs=True
    )
    block(random(2, 3), shift=1.5)
    assert seen == ["first", "pre", 1, 1.5]
    handle.remove()
    with block.register_forward_hook(lambda m, args, out: seen.append("inside")):
        block(random(2, 3))
    block(random(2, 3))
    assert seen[4:] == ["first", "pre", 1, "inside", "first", "pre", 1]


def test_forward_hooks_may_replace():
    block = Block()
    x = random(2, 3)
    expected = (block(x * 2, shift=1.0) * 3).detach().numpy()
    block.register_forward_pre_hook(lambda m, args: args[0] * 2)
    block.register_forward_pre_hook(lambda m, args, kwargs: (args, {"shift": 1.0}), with_kwargs=True)
    block.register_forward_hook(lambda m, args, out: out * 3)
    np.testing.assert_allclose(block(x).detach().numpy(), expected)
    block.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match="None or a tuple"):
        block(x)


def test_a_hook_may_always_be_called():
    block, seen = Block(), []
    block.register_forward_hook(lambda m, args, out: seen.append("plain"))
    block.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(RuntimeError):
        block(random(2, 4))
    assert seen == [None]

    def fails(module, args, out):
        raise ValueError("of the hook")

    block.register_forward_hook(fails, always_call=True)
    with pytest.warns(UserWarning, match="of the hook"), pytest.raises(RuntimeError):
        block(random(2, 4))


def test_backward_hooks():
    torso, head = nn.Linear(3, 4), nn.Linear(4, 2)
    seen = {}

    def look(module, grad_input, grad_output):
        seen["input"], seen["output"] = grad_input, grad_output
        return (grad_input[0] * 2,)

    x = random(5, 3)
    weight_of_torso = torso.weight
    head(torso(x)).backward(random(5, 2))
    plain = weight_of_torso.grad.clone()
    plain_head = head.weight.grad.clone()
    torso.zero_grad()
    head.zero_grad()
    head.register_full_backward_hook(look)
    head(torso(x)).backward(random(5, 2))
    np.testing.assert_allclose(weight_of_torso.grad.numpy(), 2 * plain.numpy(), rtol=1e-6)
    np.testing.assert_array_equal(head.weight.grad.numpy(), plain_head.numpy())
    np.testing.assert_array_equal(seen["output"][0].numpy(), random(5, 2).numpy())
    np.testing.assert_allclose(
        seen["input"][0].numpy(), (random(5, 2) @ head.weight).detach().numpy(), rtol=1e-5
    )


def test_backward_pre_hooks_may_replace_and_hooks_fire_without_tracked_input():
    head, seen = nn.Linear(4, 2), []
    head.register_full_backward_pre_hook(lambda m, grad_output: (grad_output[0] * 0,))
    head.register_full_backward_hook(lambda m, gi, go: seen.append((gi, float(go[0].abs().sum()))))
    head(random(5, 4)).sum().backward()
    assert seen == [((None,), 0.0)]
    assert not head.weight.grad.any()


def test_backward_hooks_in_a_recorded_backward():
    layer, seen = nn.Sequential(nn.Linear(3, 1), nn.Tanh()), []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append(gi[0]))
    x = random(4, 3).requires_grad_()
    (g,) = minigrad.autograd.grad(layer(x).sum(), x, create_graph=True)
    assert seen[0].requires_grad
    g.square().sum().backward()
    assert x.grad.any()


def test_backward_hooks_of_several_inputs_and_outputs():
    class Swap(nn.Module):
        def forward(self, a, b, c):
            return b * 2, a * 3

    swap, seen = Swap(), []
    swap.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    a, b = random(2).requires_grad_(), random(2).requires_grad_()
    _, second = swap(a, b, "text")
    second.sum().backward()
    ((grad_input, grad_output),) = seen
    assert grad_output[0] is None
    assert grad_input[2] is None
    assert grad_input[0].tolist() == [3, 3]
    swap.register_full_backward_hook(lambda m, gi, go: (None,))
    with pytest.raises(RuntimeError, match="got 1, but expected 3"):
        sum(out.sum() for out in swap(a, b, 0)).backward()


# ---- printing ------------------------------------------------------------------------------------
def test_repr():
    assert repr(Block()) == "Block(\n  (inner): Linear(in_features=3, out_features=2, bias=True)\n)"
    assert repr(nn.Sequential()) == "Sequential()"
    same = nn.ModuleList([nn.Sequential(nn.ReLU()) for _ in range(3)] + [nn.Tanh()])
    assert repr(same) == "ModuleList(\n  (0-2): 3 x Sequential(\n    (0): ReLU()\n  )\n  (3): Tanh()\n)"
    assert repr(nn.Parameter(minigrad.ones(1))) == "Parameter containing:\ntensor([1.], requires_grad=True)"


def test_an_error_names_the_layer():
    with pytest.raises(RuntimeError) as error:
        nn.Sequential(nn.Linear(4, 3))(random(8, 5))
    assert str(error.value).startswith(
        "Linear(in_features=4, out_features=3, bias=True): linear: input (8, 5) has 5 features, 4 wanted"
    )

    class Users(nn.Module):
        def forward(self, x):
            raise ValueError("theirs")

    with pytest.raises(ValueError, match=r"^theirs$"):
        Users()(1)


# ---- containers ----------------------------------------------------------------------------------
def layers(count):
    return [nn.Linear(2, 2) for _ in range(count)]


def test_sequential():
    a, b, c, d = layers(4)
    net = nn.Sequential(a, b, c)
    x = random(3, 2)
    np.testing.assert_array_equal(net(x).detach().numpy(), c(b(a(x))).detach().numpy())
    assert net[-1] is c
    assert list(net[1:]) == [b, c]
    assert list(net[1:]._modules) == ["1", "2"]
    assert list(net.append(d)) == [a, b, c, d]
    del net[1:3]
    assert list(net.state_dict())[2] == "1.weight"
    assert list(net.insert(1, b)) == [a, b, d]
    assert net.pop(0) is a
    net[0] = c
    assert list(net + nn.Sequential(a)) == [c, d, a]
    assert list(net * 2) == list(2 * net) == [c, d, c, d]
    net *= 2
    net += nn.Sequential(b)
    assert list(net.extend([a])) == [c, d, c, d, b, a]
    named = nn.Sequential(OrderedDict(first=a, second=b))
    assert named.first is a
    assert list(named[:1]._modules) == ["first"]
    assert len(named) == 2
    assert nn.Sequential()(x) is x


def test_module_list():
    a, b, c, d = layers(4)
    held = nn.ModuleList([a, b])
    held.append(c).extend([d])
    assert list(held[1:3]) == [b, c]
    assert isinstance(held[1:3], nn.ModuleList)
    held.insert(0, d)
    held[1] = c
    assert list(held) == [d, c, b, c, d]
    del held[0]
    assert held.pop(-1) is d
    held += [a]
    assert list(held + layers(1))[:4] == [c, b, c, a]
    assert [n for n, _ in held.named_children()] == ["0", "1", "3"]  # the third is the first again
    with pytest.raises(NotImplementedError, match="forward"):
        held(1)


def test_module_dict():
    a, b = layers(2)
    held = nn.ModuleDict({"a": a, "b": b})
    assert list(held) == list(held.keys()) == ["a", "b"]
    assert list(held.values()) == [a, b]
    assert dict(held.items()) == {"a": a, "b": b}
    assert "a" in held
    assert len(held) == 2
    assert held.pop("a") is a
    held.update([("c", a)])
    held["b"] = a
    assert dict(held.items()) == {"b": a, "c": a}
    del held["b"]
    held.clear()
    assert not len(held)


def test_parameter_list():
    p, q = nn.Parameter(minigrad.ones(2)), minigrad.zeros(3)
    held = nn.ParameterList([p, q, "text"])
    assert held[0] is p
    assert type(held[1]) is nn.Parameter
    assert held[-1] == "text"
    assert list(held.state_dict()) == ["0", "1"]
    assert len(held[:2]) == 2
    held += [minigrad.ones(1)]
    held[2] = minigrad.ones(2)
    assert [n for n, _ in held.named_parameters()] == ["0", "1", "3", "2"]
    with pytest.raises(RuntimeError, match="should not be called"):
        held(1)


def test_parameter_dict():
    p = nn.Parameter(minigrad.ones(2))
    held = nn.ParameterDict({"b": p, "a": minigrad.zeros(1)})
    assert list(held) == ["a", "b"]  # a plain dict is sorted, as PyTorch does
    assert list(nn.ParameterDict(OrderedDict(b=p, a=p))) == ["b", "a"]
    assert held.get("c", 3) == 3
    assert held.setdefault("c", 4) == 4
    assert list(reversed(held)) == ["c", "b", "a"]
    assert held.popitem() == ("c", 4)
    assert held.pop("b") is p
    merged = held | nn.ParameterDict({"z": p})
    assert list(merged.keys()) == ["a", "z"]
    held |= merged
    assert held["z"] is p
    assert [type(v) for v in held.values()] == [nn.Parameter, nn.Parameter]
    assert list(held.fromkeys(["k"], 1).items()) == [("k", 1)]
    held.clear()
    assert "a" not in held
    with pytest.raises(KeyError):
        held["a"]


BAD_CONTAINERS = [
    (lambda: nn.Sequential(nn.Tanh())[1], IndexError, "index 1 is out of range"),
    (lambda: nn.ModuleList()[0], IndexError, "out of range"),
    (lambda: nn.ParameterList()[0], IndexError, "out of range"),
    (lambda: nn.Sequential() + nn.Tanh(), ValueError, "only objects of Sequential class"),
    (lambda: nn.Sequential() * 0, ValueError, "Non-positive multiplication factor 0"),
    (lambda: nn.Sequential() * "a", TypeError, "unsupported operand"),
    (lambda: nn.Sequential().insert(3, nn.Tanh()), IndexError, "Index out of range: 3"),
    (lambda: nn.Sequential(nn.Tanh()).insert(0, 3), AssertionError, "should be of type"),
    (lambda: nn.Sequential(3), TypeError, "not a Module subclass"),
    (lambda: nn.ModuleList().extend(3), TypeError, "iterable, but got int"),
    (lambda: nn.ModuleDict(3), TypeError, "iterable of key/value pairs"),
    (lambda: nn.ModuleDict([3]), TypeError, "element #0 should be Iterable"),
    (lambda: nn.ModuleDict([(1, 2, 3)]), ValueError, "element #0 has length 3; 2 is required"),
    (lambda: nn.ModuleDict({"keys": nn.Tanh()}), KeyError, "already exists"),
    (lambda: nn.ParameterList(3), TypeError, "iterable, but got int"),
    (lambda: nn.ParameterList().extend(minigrad.ones(2)), TypeError, "iterable, but got Tensor"),
    (lambda: nn.ParameterDict({3: 4}), TypeError, "must be a string, not int"),
    (lambda: nn.ParameterDict().popitem(), KeyError, "empty"),
]


@pytest.mark.parametrize(("act", "kind", "words"), BAD_CONTAINERS)
def test_what_containers_refuse(act, kind, words):
    with pytest.raises(kind, match=words):
        act()

"""Rarer methods of Tensor, in-place forms, what NumPy and pickle see of a tensor, and public names."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg


def drawn(*shape, seed=0, grad=False):
    return mg.tensor(np.random.default_rng(seed).uniform(0.5, 1.5, shape)).requires_grad_(grad)


# ---- in-place forms --------------------------------------------------------------------------------------
UNARY = """abs acos asin atan ceil cos cosh erf exp exp2 expm1 floor frac log log10 log1p log2 neg reciprocal
relu round rsqrt sigmoid sign sin sinh sqrt square tan tanh trunc""".split()
BINARY = "add sub mul div pow atan2 fmod remainder floor_divide eq ne lt le gt ge".split()


@pytest.mark.parametrize("name", UNARY)
def test_in_place_form_writes_what_the_other_returns(name):
    x = drawn(2, 3)
    before, memory, version = x.clone(), x.data_ptr(), x._version
    assert getattr(x, name + "_")() is x
    np.testing.assert_array_equal(x, getattr(before, name)())
    assert (x.data_ptr(), x._version) == (memory, version + 1)


@pytest.mark.parametrize("name", BINARY)
def test_in_place_form_of_two(name):
    x, y = drawn(2, 3), drawn(3, seed=1)
    before = x.clone()
    assert getattr(x, name + "_")(y) is x
    np.testing.assert_array_equal(x, getattr(before, name)(y).to(x.dtype))


@pytest.mark.parametrize("name", ["exp", "sigmoid", "sqrt", "tanh", "square", "neg"])
def test_gradient_flows_through_in_place_forms(name):
    weights = drawn(3, seed=1)
    grads = []
    for form in (name, name + "_"):
        x = drawn(3, grad=True)
        y = getattr(x * 2, form)()
        (y * weights).sum().backward()
        grads.append(x.grad)
    np.testing.assert_allclose(*grads)


def test_in_place_refuses_what_would_change_shape_or_category():
    x = drawn(3)
    with pytest.raises(RuntimeError, match="shape"):
        x.add_(drawn(2, 3))
    with pytest.raises(RuntimeError, match="cast"):
        mg.arange(3).add_(0.5)
    with pytest.raises(RuntimeError, match="leaf"):
        drawn(3, grad=True).zero_()
    with pytest.raises(RuntimeError, match="single memory location"):
        mg.zeros(1).expand(3).add_(1)


def test_in_place_functions_are_the_methods():
    x = drawn(3)
    expected = x.sin()
    assert mg.sin_(x) is x
    np.testing.assert_array_equal(x, expected)
    assert not hasattr(mg, "mean_")


def test_in_place_changes_of_shape():
    x = drawn(2, 1, 3)
    memory, values = x.data_ptr(), x.numpy().copy()
    assert x.transpose_(0, 2).shape == (3, 1, 2)
    assert x.squeeze_(1).t_().unsqueeze_(0).shape == (1, 2, 3)
    assert x.data_ptr() == memory
    np.testing.assert_array_equal(x[0], values[:, 0])


def test_gradient_flows_through_in_place_change_of_shape():
    x = drawn(2, 3, grad=True)
    y = x * 2
    y.t_()
    weights = drawn(3, 2, seed=1)
    (y * weights).sum().backward()
    np.testing.assert_allclose(x.grad, 2 * weights.T)


@given(st.integers(0, 2**32 - 1))
def test_scatter_and_gather_are_inverse_movements(seed):
    rng = np.random.default_rng(seed)
    index = mg.tensor(rng.permuted(np.tile(np.arange(4), (3, 1)), axis=1))
    source = drawn(3, 4, seed=seed)
    placed = mg.zeros(3, 4, dtype=mg.float64).scatter_(1, index, source)
    np.testing.assert_array_equal(placed.gather(1, index), source)


# ---- memory ----------------------------------------------------------------------------------------------
def test_views_share_memory_and_know_where_they_begin():
    x = mg.arange(12.0).view(3, 4)
    part = x[1:, 2:]
    assert (x.stride(), part.stride(), part.stride(1)) == ((4, 1), (4, 1), 1)
    assert (part.storage_offset(), part.is_contiguous()) == (6, False)
    assert part.data_ptr() == x.data_ptr() + 6 * x.element_size()
    assert part._base is x
    assert part.contiguous().is_contiguous()


def test_as_strided_stays_inside_the_memory():
    x = mg.arange(6.0).requires_grad_()
    windows = x.as_strided((4, 3), (1, 1))
    np.testing.assert_array_equal(windows.detach(), [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]])
    weights = drawn(4, 3).float()
    (windows * weights).sum().backward()
    expected = [sum(float(weights[i, k - i]) for i in range(4) if 0 <= k - i < 3) for k in range(6)]
    np.testing.assert_allclose(x.grad, expected, rtol=1e-5)
    with pytest.raises(RuntimeError, match="outside"):
        x.as_strided((4, 4), (1, 1))


def test_shared_memory_is_seen_as_such():
    x = drawn(3)
    values = x.clone()
    assert not x.is_shared()
    assert x.share_memory_() is x
    assert x.is_shared()
    np.testing.assert_array_equal(x, values)


def test_resize_keeps_the_first_elements():
    x = mg.arange(4.0)
    np.testing.assert_array_equal(x.resize_(2, 3), [[0, 1, 2], [3, 0, 0]])
    with pytest.raises(RuntimeError, match="require grad"):
        drawn(2, grad=True).resize_(3)


# ---- NumPy -----------------------------------------------------------------------------------------------
def test_numpy_functions_are_recorded():
    x = drawn(3, grad=True)
    weights = np.array([1.0, 2.0, 3.0])
    y = np.exp(x) * x + weights * x
    assert isinstance(y, mg.Tensor)
    y.sum().backward()
    np.testing.assert_allclose(x.grad, (x.exp() * (x + 1)).detach() + weights)


def test_array_beside_tensor_gives_a_tensor():
    x = drawn(3, grad=True)
    for y in (np.ones(3) * x, np.ones(3) + x, np.ones(3) - x, np.float64(2) * x, np.ones((2, 3)) @ x):
        assert isinstance(y, mg.Tensor)
        assert y.requires_grad


def test_numpy_reductions_are_methods():
    x = drawn(2, 3, grad=True)
    np.testing.assert_allclose(np.sum(x, axis=0).detach(), x.detach().numpy().sum(0))
    assert np.mean(x).requires_grad
    assert np.max(x).item() == x.max().item()


def test_numpy_takes_tensors_outside_the_graph_and_refuses_others():
    x = drawn(3)
    assert isinstance(np.concatenate([x, x]), np.ndarray)
    np.testing.assert_array_equal(np.cbrt(x), np.cbrt(x.numpy()))
    for called in (lambda t: np.cbrt(t), lambda t: np.concatenate([t, t]), lambda t: np.add.reduce(t)):
        with pytest.raises(TypeError, match="gradient"):
            called(x.clone().requires_grad_())
    with pytest.raises(TypeError, match=r"minigrad\.cat"):
        np.concatenate([x.clone().requires_grad_()])


def test_dlpack_shares_memory():
    x = drawn(3)
    assert np.shares_memory(np.from_dlpack(x), x.array)
    again = mg.from_dlpack(x.numpy())
    again[1] = 8
    assert x[1] == 8
    with pytest.raises(BufferError, match="detach"):
        np.from_dlpack(drawn(3, grad=True))


# ---- copies ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_copies_keep_values_and_flags(copied):
    x = drawn(2, 3, grad=True)
    x.note = "kept"
    y = copied(x)
    assert mg.equal(x, y)
    assert (y.requires_grad, y.is_leaf, y.note, y.dtype) == (True, True, "kept", x.dtype)
    assert y.data_ptr() != x.data_ptr()


def test_deepcopy_takes_the_gradient_along_and_refuses_results():
    x = drawn(3, grad=True)
    (x * x).sum().backward()
    y = copy.deepcopy(x)
    np.testing.assert_array_equal(y.grad, x.grad)
    assert y.grad.data_ptr() != x.grad.data_ptr()
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(x * 2)


def test_shallow_copy_shares_memory():
    x = drawn(3)
    assert copy.copy(x).data_ptr() == x.data_ptr()


# ---- types -----------------------------------------------------------------------------------------------
def test_old_tensor_types_make_and_recognise_tensors():
    assert mg.FloatTensor([1, 2]).dtype is mg.float32
    assert mg.LongTensor(2, 3).shape == (2, 3)
    assert isinstance(mg.ones(2), mg.FloatTensor)
    assert not isinstance(mg.ones(2), mg.LongTensor)
    assert mg.ones(2).type() == "torch.FloatTensor"
    assert mg.ones(2).type("torch.LongTensor").dtype is mg.int64
    assert mg.ones(2).type(mg.DoubleTensor).dtype is mg.float64
    with pytest.raises(ValueError, match="invalid type"):
        mg.ones(2).type("torch.QuadTensor")


def test_new_tensors_take_after_this_one():
    x = mg.arange(3, dtype=mg.int16)
    for made in (
        x.new_zeros(2),
        x.new_ones((2,)),
        x.new_full((2,), 3),
        x.new_tensor([1, 2]),
        x.new_empty(size=(2,)),
    ):
        assert (made.dtype, made.shape) == (mg.int16, (2,))
    assert x.new_zeros(2, dtype=mg.float32).dtype is mg.float32


# ---- random state ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("before", [0, 3, 700])
def test_random_state_goes_on_where_it_was(before):
    mg.manual_seed(3)
    mg.randn(3), mg.rand(before)
    state = mg.get_rng_state()
    numbers = mg.rand(5), mg.randn(3)
    mg.set_rng_state(state)
    assert mg.equal(mg.rand(5), numbers[0])
    assert mg.equal(mg.randn(3), numbers[1])
    assert (state.dtype, state.shape) == (mg.uint8, (5056,))


def test_fork_rng_puts_the_stream_back():
    mg.manual_seed(1)
    with mg.random.fork_rng():
        first = mg.rand(3)
    assert mg.equal(mg.rand(3), first)


def test_generators_are_copied_with_their_state():
    generator = mg.Generator().manual_seed(5)
    mg.rand(3, generator=generator)
    twin = pickle.loads(pickle.dumps(generator))
    assert mg.equal(mg.rand(3, generator=generator), mg.rand(3, generator=twin))


# ---- einsum ----------------------------------------------------------------------------------------------
EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bqd,bkd->bqk", (2, 3, 4), (2, 5, 4)),
    ("i,j", (3,), (4,)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("ij->ji", (2, 3)),
    ("...ij,...jk", (2, 1, 3, 4), (5, 4, 2)),
    ("ij,kj,lj->ikl", (2, 3), (4, 3), (5, 3)),
    ("ij,ij->", (2, 3), (2, 3)),
    ("b...,b->...", (2, 3, 4), (2,)),
    ("iij,jk->ik", (3, 3, 2), (2, 4)),
]


@pytest.mark.parametrize(
    ("equation", "shapes"), [(e, s) for e, *s in EQUATIONS], ids=[e for e, *_ in EQUATIONS]
)
def test_einsum_is_numpys_and_has_gradients(equation, shapes):
    operands = [drawn(*s, seed=i, grad=True) for i, s in enumerate(shapes)]
    expected = np.einsum(equation, *[t.detach().numpy() for t in operands])
    np.testing.assert_allclose(mg.einsum(equation, *operands).detach(), expected)
    assert mg.autograd.gradcheck(lambda *t: mg.einsum(equation, *t), operands)


@pytest.mark.parametrize(
    ("equation", "shapes", "words"),
    [
        ("ij,jk", [(2, 3)], "fewer operands"),
        ("ij", [(2, 3, 4)], "number of subscripts"),
        ("ij,jk->im", [(2, 3), (3, 4)], "output subscript m"),
        ("ij,jk", [(2, 3), (4, 5)], "does not broadcast"),
        ("i1", [(2, 3)], "invalid subscript"),
    ],
)
def test_einsum_refuses_with_a_sentence(equation, shapes, words):
    with pytest.raises(RuntimeError, match=words):
        mg.einsum(equation, *[drawn(*s) for s in shapes])


# ---- the package -----------------------------------------------------------------------------------------
def test_what_needs_a_gpu_says_so():
    if mg.cuda.is_available():
        pytest.skip("there is a GPU")
    assert mg.cuda.device_count() == 0
    mg.cuda.manual_seed_all(0)
    mg.cuda.empty_cache()
    with pytest.raises(RuntimeError, match="GPU"):
        mg.cuda.current_device()


def test_settings_hold_what_they_are_told():
    mg.set_num_threads(3)
    assert mg.get_num_threads() == 3
    with pytest.raises(RuntimeError, match="positive"):
        mg.set_num_threads(0)

    def f(x):
        return x

    assert mg.compile(f) is f
    assert mg.compile(dynamic=True)(f) is f


def test_default_tensor_type_is_put_back():
    try:
        mg.set_default_tensor_type("torch.DoubleTensor")
        assert mg.tensor(1.0).dtype is mg.float64
    finally:
        mg.set_default_tensor_type(mg.FloatTensor)
    assert mg.tensor(1.0).dtype is mg.float32


def test_every_public_name_leads_somewhere():
    for name in dir(mg):
        assert getattr(mg, name) is not None or name in ("__spec__", "newaxis")


# ---- what a script meets now and then ------------------------------------------------------------
def test_dlpack_shares_memory_both_ways():
    array = np.arange(3.0)
    shared = mg.from_dlpack(array)
    shared[0] = 7
    assert array[0] == 7
    mine = mg.tensor([1.0, 2.0])
    for theirs in (np.from_dlpack(mine), mg.utils.dlpack.from_dlpack(mg.to_dlpack(mine)).numpy()):
        assert np.shares_memory(theirs, mine.numpy())
    assert not np.shares_memory(mg.from_dlpack(mine, copy=True).numpy(), mine.numpy())
    with pytest.raises(BufferError, match="detach"):
        mg.from_dlpack(mine.requires_grad_())
    with pytest.raises(RuntimeError, match="__dlpack__"):
        mg.from_dlpack(5)


def test_a_size_holds_whole_numbers():
    size = mg.Size([mg.tensor(2), 3])
    assert size == (2, 3)
    for made in (size + (1,), (1,) + size, size * 2, 2 * size, size[1:], mg.broadcast_shapes((2, 1), (3,))):
        assert type(made) is mg.Size
    assert size.numel() == 6
    extended = [1]
    extended += size
    assert extended == [1, 2, 3]
    with pytest.raises(TypeError, match="item 1 is 'float'"):
        mg.Size([1, 2.5])


def test_numbers_that_integers_cannot_hold_are_refused():
    for make in (
        lambda: mg.tensor([300], dtype=mg.uint8),
        lambda: mg.tensor(float("nan"), dtype=mg.int64),
        lambda: mg.tensor([1e30], dtype=mg.int32),
    ):
        with pytest.raises(RuntimeError, match="without overflow"):
            make()
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        mg.tensor([1, 2]) // mg.tensor([1, 0])
    assert mg.tensor([1.9, -1.9], dtype=mg.int64).tolist() == [1, -1]


def test_what_is_no_tensor_is_told_so():
    for call in (lambda: mg.exp([1.0]), lambda: mg.sin(2), lambda: mg.relu(None)):
        with pytest.raises(TypeError, match=r"argument 'input' .* must be Tensor, not"):
            call()
    with pytest.raises(TypeError, match="can't assign a list"):
        mg.zeros(3)[:] = [1, 2, 3]
    with pytest.raises(TypeError, match="default_dtype"):
        mg.set_default_dtype("float64")


def test_add_takes_alpha_beside_a_number():
    x = mg.tensor([1.0, 2.0])
    assert mg.add(x, 1, alpha=3).tolist() == [4, 5]
    assert x.sub(1, alpha=0.5).tolist() == [0.5, 1.5]
    with pytest.raises(RuntimeError, match="alpha"):
        mg.add(x.long(), x.long(), alpha=0.5)


def test_copies_of_views_share_nothing():
    x = mg.arange(6.0).reshape(2, 3).requires_grad_()
    for copied in (mg.view_copy(x, (3, 2)), mg.t_copy(x), mg.slice_copy(x, 1, 0, 2), *mg.unbind_copy(x)):
        assert not np.shares_memory(copied.detach().numpy(), x.detach().numpy())
        (g,) = mg.autograd.grad(copied.square().sum(), x)
        assert g.sum() == 2 * copied.sum()

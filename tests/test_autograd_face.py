"""Functions users write, grad_fn, anomaly mode, gradcheck, derivatives of functions, checkpoints."""

import gc
import warnings
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import func
from minigrad.autograd import Function, functional, gradcheck, gradgradcheck
from minigrad.autograd.function import once_differentiable
from minigrad.autograd.gradcheck import GradcheckError
from minigrad.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential


def drawn(*shape, seed=0, grad=True):
    values = np.random.default_rng(seed).uniform(0.5, 1.5, shape)
    return mg.tensor(values).requires_grad_(grad)


# ---- Function ------------------------------------------------------------------------------------
class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


class Exp(Function):
    """Saves its result, which must not keep itself alive."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return y * g


class ScaledPair(Function):
    @staticmethod
    def forward(x, factor, y):
        return x * factor, y * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.factor, y = inputs
        ctx.save_for_backward(x, y)

    @staticmethod
    def backward(ctx, g, h):
        x, y = ctx.saved_tensors
        return g * ctx.factor + h * y, None, h * x


@pytest.mark.parametrize("function", [Cube, Exp])
def test_function_is_differentiable_twice(function):
    x = drawn(3, 2)
    assert gradcheck(function.apply, x)
    assert gradgradcheck(function.apply, x)


def test_function_with_several_results_and_a_number():
    assert gradcheck(lambda x, y: ScaledPair.apply(x, 2.5, y), (drawn(3), drawn(3, seed=1)))
    assert gradgradcheck(lambda x, y: ScaledPair.apply(x, 2.5, y), (drawn(3), drawn(3, seed=1)))


def test_results_without_gradient_get_zeros_or_none():
    seen = []

    class Watch(ScaledPair):
        @staticmethod
        def setup_context(ctx, inputs, output):
            ScaledPair.setup_context(ctx, inputs, output)
            ctx.set_materialize_grads(inputs[1] > 0)

        @staticmethod
        def backward(ctx, g, h):
            seen.append(h)
            return g * ctx.factor, None, None

    for factor in (1.0, -1.0):
        Watch.apply(drawn(3), factor, drawn(3))[0].sum().backward()
    assert seen[0].tolist() == [0, 0, 0]
    assert seen[1] is None


def test_needs_input_grad_says_which_arguments_want_one():
    class Asks(Function):
        @staticmethod
        def forward(ctx, x, n, y):
            seen.append(ctx.needs_input_grad)
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g, None, None

    seen = []
    Asks.apply(drawn(2), 3, drawn(2, grad=False))
    assert seen == [(True, False, False)]


def test_function_frees_its_graph_without_the_collector():
    gc.disable()
    try:
        y = Exp.apply(drawn(3))
        gone = weakref.ref(y)
        del y
        assert gone() is None
    finally:
        gc.enable()


def test_second_walk_says_what_to_pass():
    y = Cube.apply(drawn(3)).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


def test_saved_tensor_that_was_overwritten_is_refused():
    x = drawn(3) * 1
    y = Cube.apply(x)
    x.detach().mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_mark_dirty_gives_the_input_the_history():
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    x = drawn(3)
    y = x * 3
    z = Double.apply(y)
    assert z is y
    z.sum().backward()
    assert x.grad.tolist() == [6, 6, 6]


def test_mark_non_differentiable():
    class Places(Function):
        @staticmethod
        def forward(ctx, x):
            values, weights = x * 1, x.detach() * 0 + 1
            ctx.mark_non_differentiable(weights)
            return values, weights

        @staticmethod
        def backward(ctx, g, h):
            return g + h

    values, weights = Places.apply(drawn(3))
    assert values.requires_grad
    assert not weights.requires_grad


def test_wrong_number_of_gradients_is_refused():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match="incorrect number of gradients"):
        Wrong.apply(drawn(2), drawn(2)).sum().backward()


def test_once_differentiable_refuses_the_second_time():
    class Once(Cube):
        backward = staticmethod(once_differentiable(Cube.backward))

    x = drawn(3)
    (g,) = mg.autograd.grad((Once.apply(x) ** 2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()


def test_function_is_called_by_apply():
    with pytest.raises(RuntimeError, match="apply"):
        Cube()


# ---- grad_fn -------------------------------------------------------------------------------------
def test_grad_fn_names_the_op_and_leads_to_the_leaf():
    x = drawn(3)
    y = (x * 2).sum()
    assert y.grad_fn.name() == "SumBackward0"
    assert type(y.grad_fn).__name__ == "SumBackward0"
    ((product, number),) = y.grad_fn.next_functions
    assert (product.name(), number) == ("MulBackward0", 0)
    assert product.next_functions[0][0].variable is x
    assert product.next_functions[1] == (None, 0)
    assert x.grad_fn is None


def test_grad_fn_is_the_same_as_long_as_it_is_held():
    y = drawn(3) * 2
    first = y.grad_fn
    assert y.grad_fn is first
    first.metadata["note"] = 1
    assert y.grad_fn.metadata == {"note": 1}


def test_results_of_one_op_share_their_grad_fn():
    a, b = drawn(4).split(2)
    assert a.grad_fn is b.grad_fn
    assert [(a + b).grad_fn.next_functions[i][1] for i in (0, 1)] == [0, 1]


def test_hooks_of_grad_fn_see_and_change_gradients():
    x = drawn(3)
    y = x * 2
    seen = []
    handle = y.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs, outputs)))
    y.grad_fn.register_prehook(lambda outputs: (outputs[0] * 10,))
    weights = drawn(3, seed=3, grad=False)
    y.backward(weights, retain_graph=True)
    np.testing.assert_allclose(x.grad, 20 * weights.numpy())
    np.testing.assert_allclose(seen[0][0][0], 20 * weights.numpy())
    np.testing.assert_allclose(seen[0][1][0], 10 * weights.numpy())
    handle.remove()
    y.backward(weights)
    assert len(seen) == 1


def test_multi_grad_hook_waits_for_all():
    x, y = drawn(3), drawn(3, seed=1)
    seen = []
    handle = mg.autograd.graph.register_multi_grad_hook((x, y), seen.append)
    (x * y).sum().backward()
    np.testing.assert_allclose(seen[0][0], y.detach())
    np.testing.assert_allclose(seen[0][1], x.detach())
    handle.remove()
    (x * y).sum().backward()
    assert len(seen) == 1


# ---- anomaly mode --------------------------------------------------------------------------------
@pytest.fixture
def anomaly():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mg.autograd.detect_anomaly():
            yield


@pytest.mark.usefixtures("anomaly")
def test_anomaly_names_the_op_and_the_line():
    x = mg.tensor([1.0, 0.0], requires_grad=True)
    y = x.sqrt() * 0  # the line to be named
    with pytest.raises(RuntimeError, match=r"SqrtBackward0.*index \(1,\)") as raised:
        y.sum().backward()
    assert "the line to be named" in str(raised.value)


@pytest.mark.usefixtures("anomaly")
def test_anomaly_leaves_gradients_as_they_are():
    x = drawn(3)
    (x.exp() * x).sum().backward(create_graph=True)
    np.testing.assert_allclose(x.grad.detach(), (x.exp() * (x + 1)).detach())


def test_anomaly_is_gone_when_it_is_off():
    from minigrad import engine

    before = engine.tick
    with mg.autograd.set_detect_anomaly(True):
        assert engine.tick is not before
    assert engine.tick is before
    x = mg.tensor([0.0], requires_grad=True)
    (x.sqrt() * 0).sum().backward()
    assert np.isnan(x.grad.numpy()).all()


# ---- gradcheck -----------------------------------------------------------------------------------
class SlightlyWrong(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        return 3.006 * ctx.saved_tensors[0] ** 2 * g


class WrongTwice(Function):
    """Right once; its gradient's gradient is 0.2 % off."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        x = ctx.saved_tensors[0]
        return (1.002 * x**2 - 0.002 * x.detach() ** 2) * 3 * g


@pytest.mark.parametrize("fast", [False, True])
def test_gradcheck_catches_a_formula_wrong_by_little(fast):
    with pytest.raises(GradcheckError):
        gradcheck(SlightlyWrong.apply, drawn(3), fast_mode=fast)
    assert not gradcheck(SlightlyWrong.apply, drawn(3), fast_mode=fast, raise_exception=False)


def test_gradgradcheck_catches_a_formula_wrong_by_little():
    assert gradcheck(WrongTwice.apply, drawn(3))
    with pytest.raises(GradcheckError):
        gradgradcheck(WrongTwice.apply, drawn(3))


def test_gradcheck_of_complex_functions():
    rng = np.random.default_rng(2)
    z = mg.tensor(rng.standard_normal(3) + 1j * rng.standard_normal(3)).requires_grad_()
    assert gradcheck(lambda z: z * z.exp(), z)
    assert gradcheck(lambda z: z.abs() * z.real, z)
    assert gradgradcheck(lambda z: z * z.conj() * z, z)


def test_gradcheck_wants_something_to_check():
    with pytest.raises(ValueError, match="requires_grad=True"):
        gradcheck(lambda x: x, drawn(2, grad=False))
    with pytest.warns(UserWarning, match="double precision"):
        gradcheck(lambda x: x * 2, drawn(2).detach().float().requires_grad_(), atol=1, rtol=1)


# ---- functional ----------------------------------------------------------------------------------
def test_jacobian_and_its_products_agree():
    def f(x, y):
        return (x**2) @ y, x.sin() * y[:, 0]

    x, y = drawn(3, grad=False), drawn(3, 2, seed=1, grad=False)
    matrix = functional.jacobian(f, (x, y))
    v = (drawn(3, seed=2, grad=False), drawn(3, 2, seed=3, grad=False))
    w = (drawn(2, seed=4, grad=False), drawn(3, seed=5, grad=False))
    _, forward = functional.jvp(f, (x, y), v)
    _, backward = functional.vjp(f, (x, y), w)
    for i in range(2):
        by_matrix = (matrix[i][0] * v[0]).sum(-1) + (matrix[i][1] * v[1]).sum((-1, -2))
        np.testing.assert_allclose(forward[i], by_matrix)
    np.testing.assert_allclose(backward[0], w[0] @ matrix[0][0] + w[1] @ matrix[1][0])


def test_hessian_and_its_products_agree():
    def f(x):
        return (x**3).sum() * x[0]

    x, v = drawn(3, grad=False), drawn(3, seed=1, grad=False)
    matrix = functional.hessian(f, x)
    np.testing.assert_allclose(matrix, matrix.T)
    np.testing.assert_allclose(functional.hvp(f, x, v)[1], matrix @ v)
    np.testing.assert_allclose(functional.vhp(f, x, v)[1], v @ matrix)


def test_functional_results_are_tied_to_the_inputs_only_if_asked():
    x = drawn(3)
    assert not functional.jacobian(lambda x: x**2, x).requires_grad
    held = functional.jacobian(lambda x: x**3, x, create_graph=True)
    held.sum().backward()
    np.testing.assert_allclose(x.grad, 6 * x.detach())


def test_strict_refuses_what_does_not_depend():
    with pytest.raises(RuntimeError, match="does not depend on input 1"):
        functional.jacobian(lambda x, y: x * 2, (drawn(2), drawn(2)), strict=True)


# ---- func ----------------------------------------------------------------------------------------
def test_grad_of_grad():
    x = mg.tensor(2.0)
    assert func.grad(lambda x: x**3)(x).item() == 12
    assert func.grad(func.grad(lambda x: x**3))(x).item() == 12
    assert not func.grad(func.grad(lambda x: x**3))(x).requires_grad


def test_grad_of_nested_arguments_with_aux():
    weights = {"a": drawn(3, grad=False), "b": [drawn(3, seed=1, grad=False)]}

    def loss(weights, x):
        y = weights["a"] * x + weights["b"][0]
        return (y**2).sum(), y

    x = drawn(3, seed=2, grad=False)
    gradient, (value, y) = func.grad_and_value(loss, has_aux=True)(weights, x)
    np.testing.assert_allclose(gradient["a"], 2 * y * x)
    np.testing.assert_allclose(gradient["b"][0], 2 * y)
    assert value.item() == pytest.approx((y**2).sum().item())


def test_grad_flows_to_what_a_function_captured():
    w = drawn(3)
    gradient = func.grad(lambda x: (x**2 * w).sum())(drawn(3, seed=1, grad=False))
    gradient.sum().backward()
    np.testing.assert_allclose(w.grad, 2 * drawn(3, seed=1, grad=False).numpy())


def test_jacobians_and_hessian_of_func():
    x = drawn(3, grad=False)
    np.testing.assert_allclose(func.jacrev(lambda x: x**2)(x), np.diag(2 * x.numpy()))
    np.testing.assert_allclose(func.jacfwd(lambda x: x**2)(x), np.diag(2 * x.numpy()))
    np.testing.assert_allclose(func.hessian(lambda x: (x**3).sum())(x), np.diag(6 * x.numpy()))
    matrices = func.jacrev(lambda x, y: x * y, argnums=(0, 1))(x, x + 1)
    np.testing.assert_allclose(matrices[0], np.diag((x + 1).numpy()))


def test_vmap_means_a_loop():
    x, w = drawn(4, 3, grad=False), drawn(3, seed=1, grad=False)
    per_sample = func.vmap(func.grad(lambda w, x: (w * x).sum() ** 2), in_dims=(None, 0))(w, x)
    np.testing.assert_allclose(per_sample, 2 * (x @ w)[:, None] * x)
    assert func.vmap(lambda x: x, out_dims=1)(x).shape == (3, 4)
    with pytest.raises(ValueError, match="same size"):
        func.vmap(lambda x, y: x)(x, w)


def test_functional_call_leaves_the_module_as_it_was():
    net = mg.nn.Sequential(mg.nn.Linear(3, 2), mg.nn.Tanh())
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    given = {"0.weight": drawn(2, 3).float()}
    x = mg.rand(5, 3)
    y = func.functional_call(net, given, x)
    np.testing.assert_allclose(y.detach(), (x @ given["0.weight"].T + net[0].bias).tanh().detach(), rtol=1e-6)
    for name, p in net.named_parameters():
        assert mg.equal(p, before[name])
    func.functional_call(net, {"1.weight": given["0.weight"]}, x)  # passed over, as in PyTorch
    with pytest.raises(RuntimeError, match="Unexpected"):
        func.functional_call(net, {"1.weight": given["0.weight"]}, x, strict=True)


def test_functional_call_replaces_tied_weights_together():
    net = mg.nn.Sequential(mg.nn.Linear(2, 2, bias=False), mg.nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    w, x = mg.rand(2, 2), mg.rand(1, 2)
    np.testing.assert_allclose(
        func.functional_call(net, {"0.weight": w}, x).detach(), x @ w.T @ w.T, rtol=1e-6
    )


# ---- checkpoints ---------------------------------------------------------------------------------
def test_checkpoint_gives_the_gradients_of_the_plain_call():
    w = drawn(3, 3)
    x = drawn(2, 3, seed=1)

    def block(x):
        return (x @ w).tanh(), x.exp() * 2

    results = {}
    for name, call in (("plain", block), ("checkpoint", lambda x: checkpoint(block, x, use_reentrant=False))):
        a, b = call(x)
        (a.sum() * b.sin().sum()).backward()
        results[name] = x.grad.clone(), w.grad.clone()
        x.grad = w.grad = None
    for plain, again in zip(*results.values(), strict=True):
        np.testing.assert_allclose(plain, again)
    assert gradgradcheck(lambda x, w: checkpoint(lambda x: (x @ w).tanh(), x), (x, w))


def test_checkpoint_of_a_recurrent_layer_hands_on_its_states():
    """Results may be nested, as (y, (h, c)) is, and hold what is no tensor."""
    layer, x = mg.nn.LSTM(3, 4).double(), drawn(6, 2, 3)
    wanted = [x, *layer.parameters()]

    def through(call):
        first, state, word = call(x[:4])
        second, (h, c), _ = call(x[4:], state)
        assert word == "as it is"
        return mg.autograd.grad((first.sin().sum() * second.exp().sum() * (h * c).sum()), wanted)

    def block(*given):
        return *layer(*given), "as it is"

    again = through(lambda *given: checkpoint(block, *given, use_reentrant=False))
    for a, b in zip(again, through(block), strict=True):
        np.testing.assert_allclose(a, b)


def test_checkpoint_draws_the_same_random_numbers_again():
    x = drawn(100)
    y = checkpoint(lambda x: x * mg.rand(100, dtype=mg.float64), x)
    state = mg.get_rng_state()
    y.sum().backward()
    np.testing.assert_allclose(x.grad, (y / x).detach())
    assert mg.equal(mg.get_rng_state(), state)


def test_checkpoint_keeps_no_intermediate_value():
    x = drawn(4)
    held = []

    def block(x):
        y = x.exp()
        held.append(weakref.ref(y))
        return (y * y).sin()

    z = checkpoint(block, x)
    gc.collect()
    assert held[0]() is None
    z.sum().backward()
    np.testing.assert_allclose(x.grad, ((x.exp() ** 2).cos() * 2 * x.exp() ** 2).detach())


def test_checkpoint_that_computes_something_else_is_refused():
    calls = []

    def shrinking(x):
        calls.append(x)
        return x[: 3 - len(calls)].exp()

    x = drawn(3)
    with pytest.raises(CheckpointError, match="shapes and dtypes"):
        checkpoint(shrinking, x).sum().backward()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"use_reentrant": True, "context_fn": lambda: None}, "only supported when use_reentrant=False"),
        ({"use_reentrant": True, "k": 1}, "Unexpected keyword arguments: k"),
        ({"determinism_check": "strict"}, "should be one of"),
    ],
)
def test_checkpoint_refuses_what_pytorch_refuses(settings, words):
    with pytest.raises(ValueError, match=words):
        checkpoint(lambda x, k=0: x, drawn(2), **settings)


def test_jvp_with_aux():
    x, v = drawn(3, grad=False), drawn(3, seed=1, grad=False)
    value, product, aux = func.jvp(lambda x: (x.sin(), x * 2), (x,), (v,), has_aux=True)
    np.testing.assert_allclose(product, x.cos() * v)
    np.testing.assert_allclose(value, x.sin())
    np.testing.assert_allclose(aux, x * 2)


def test_grad_of_batched_cotangents():
    """One walk per row: the rows of a Jacobian, of which derivatives can be had again."""
    x = drawn(3)
    y = (x**3).sum() * x
    rows = mg.eye(3, dtype=mg.float64)
    (found,) = mg.autograd.grad(y, x, rows, is_grads_batched=True, create_graph=True)
    np.testing.assert_allclose(found.detach(), functional.jacobian(lambda x: (x**3).sum() * x, x))
    mg.autograd.grad(found.sum(), x)
    (none,) = mg.autograd.grad(y, drawn(3), rows, is_grads_batched=True, allow_unused=True)
    assert none is None
    with pytest.raises(RuntimeError, match="grad_outputs"):
        mg.autograd.grad(y.sum(), x, is_grads_batched=True)


def test_gradients_are_of_the_dtype_of_what_they_are_of():
    """Also where a cotangent, or what a user's backward gives, is of another."""

    class Wide(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g.double() * 2

    x = mg.ones(3).requires_grad_()
    for record in (False, True):
        for y in (x * 2, Wide.apply(x), Wide.apply(x * 1)):
            (g,) = mg.autograd.grad(y, x, mg.ones(3, dtype=mg.float64), create_graph=record)
            assert g.dtype is mg.float32
    h = x * 2
    h.register_hook(lambda g: g.double())
    with pytest.raises(RuntimeError, match=r"has changed the (type|size) of value"):
        h.sum().backward()


def test_kept_values_of_a_grad_fn_are_at_their_place_in_the_graph():
    x = mg.ones(3).requires_grad_()
    h = x * 2
    saved = (h * h).grad_fn._saved_self
    (g,) = mg.autograd.grad(saved.sum(), x)
    assert g.tolist() == [2, 2, 2]
    assert h.exp().grad_fn._saved_result.requires_grad


def test_random_numbers_in_vmap():
    x = mg.zeros(4)

    def noisy(v):
        return v + mg.rand(())

    with pytest.raises(RuntimeError, match="randomness"):
        func.vmap(noisy)(x)
    assert len(set(func.vmap(noisy, randomness="same")(x).tolist())) == 1
    assert len(set(func.vmap(noisy, randomness="different")(x).tolist())) == 4


def test_formulas_of_single_numbers_stay_on_the_host():
    x = mg.tensor(0.5).requires_grad_()
    mg.logaddexp(x, x).backward()
    np.testing.assert_allclose(x.grad, 1)


def test_checkpoint_sequential():
    net = mg.nn.Sequential(*[mg.nn.Sequential(mg.nn.Linear(3, 3), mg.nn.Tanh()) for _ in range(4)])
    x = mg.rand(2, 3).requires_grad_()
    checkpoint_sequential(net, 2, x, use_reentrant=False).sum().backward()
    found, x.grad = x.grad, None
    net(x).sum().backward()
    np.testing.assert_allclose(found, x.grad)


# ---- profiler --------------------------------------------------------------------------------------------
def test_profiler_counts_the_ops_of_its_block():
    x = drawn(4)
    x.exp()
    with mg.autograd.profiler.profile() as seen:
        for _ in range(3):
            x.exp()
        with mg.autograd.profiler.record_function("product"):
            x * x
    events = {e.key: e for e in seen.key_averages()}
    assert events["aten::exp"].count == 3
    assert events["aten::exp"].cpu_time_total >= events["aten::exp"].self_cpu_time_total > 0
    assert events["product"].count == events["aten::mul"].count == 1
    table = seen.table(sort_by="self_cpu_time_total", row_limit=1)
    assert "Self CPU" in table
    assert table.count("aten::") == 1
    with pytest.raises(NotImplementedError, match="profile_memory"):
        mg.autograd.profiler.profile(profile_memory=True)

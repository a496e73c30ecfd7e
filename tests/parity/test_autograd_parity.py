"""Autograd's face beside PyTorch's.

Functions of one's own, names in the graph, derivatives of functions, complex gradients, the random state.
"""

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")

BOTH = (torch, minigrad)


def values(*shape, seed=0, kind=float):
    rng = np.random.default_rng(seed)
    drawn = rng.uniform(0.3, 1.4, shape)
    return drawn + 1j * rng.uniform(0.3, 1.4, shape) if kind is complex else drawn


def tensor(T, array, grad=True):
    return T.tensor(array).requires_grad_(grad)


def arrays(result) -> list:
    """The tensors in nested tuples, as arrays."""
    if isinstance(result, (tuple, list)):
        return [a for part in result for a in arrays(part)]
    return [] if result is None else [result.detach().resolve_conj().numpy()]


def same(run, **tolerance):
    """What `run` gives with either package is the same."""
    expected, found = (arrays(run(T)) for T in BOTH)
    assert len(found) == len(expected)
    for f, e in zip(found, expected, strict=True):
        assert f.dtype == e.dtype
        np.testing.assert_allclose(f, e, **{"rtol": 1e-9, "atol": 1e-12, **tolerance})


# ---- complex gradients -----------------------------------------------------------------------------------
UNARY = """abs acos acosh angle asin asinh atan atanh conj cos cosh exp expm1 log log10 log1p log2 neg
reciprocal rsqrt sgn sigmoid sin sinh sqrt square tan tanh real imag cumsum(0) cumprod(0) prod()
prod(1) sum(0) mean() var() std(1) norm() norm(3) pow(2) pow(-1.5) flip(0) tril() repeat(2,1)
diagonal() unbind()""".split()


@pytest.mark.parametrize("call", UNARY)
def test_complex_gradient_of_one(call):
    x = values(3, 3, kind=complex)
    weight = values(3, seed=5, kind=complex)

    def run(T):
        leaf = tensor(T, x)
        attribute = getattr(leaf, call.partition("(")[0])
        result = (
            attribute if not callable(attribute) else eval("attribute(" + (call.partition("(")[2] or ")"))
        )
        results = result if isinstance(result, tuple) else (result,)
        loss = sum(((r * tensor(T, weight, False).sum()).real ** 2).sum() for r in results)
        (g,) = T.autograd.grad(loss, leaf, create_graph=True)
        second = T.autograd.grad((g * g.conj()).real.sum(), leaf, allow_unused=True)
        return results, g, second

    same(run)


BINARY = {
    "add": lambda T, x, y: x + y,
    "sub": lambda T, x, y: x - y,
    "mul": lambda T, x, y: x * y,
    "div": lambda T, x, y: x / y,
    "pow": lambda T, x, y: x**y,
    "matmul": lambda T, x, y: x @ y,
    "outer": lambda T, x, y: T.outer(x[0], y[0]),
    "einsum": lambda T, x, y: T.einsum("ij,kj->ik", x, y),
    "where": lambda T, x, y: T.where(x.real > 0.8, x, y),
    "cat": lambda T, x, y: T.cat([x, y]),
    "stack": lambda T, x, y: T.stack([x, y]),
    "dot": lambda T, x, y: T.vdot(x[0], y[0]),
    "addmm": lambda T, x, y: T.addmm(x, x, y),
    "number": lambda T, x, y: 2.5 * x - (1 - 2j) / y,
    "solve": lambda T, x, y: T.linalg.solve(x, y),
}


@pytest.mark.parametrize("kinds", [(complex, complex), (float, complex), (complex, float)])
@pytest.mark.parametrize("name", BINARY)
def test_complex_gradient_of_two(name, kinds):
    if name in ("matmul", "einsum", "addmm", "solve", "dot", "where") and float in kinds:
        pytest.skip("PyTorch does not mix dtypes here")
    x, y = values(3, 3, kind=kinds[0]), values(3, 3, seed=1, kind=kinds[1])

    def run(T):
        leaves = tensor(T, x), tensor(T, y)
        result = BINARY[name](T, *leaves)
        grads = T.autograd.grad((result * result.conj()).real.sum(), leaves, create_graph=True)
        return result, grads, T.autograd.grad(sum((g * g.conj()).real.sum() for g in grads), leaves)

    same(run)


# ---- functions of one's own ------------------------------------------------------------------------------
def custom(T):
    class Scaled(T.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor, y):
            ctx.factor = factor
            ctx.save_for_backward(x, y)
            return x * factor * y, y.exp()

        @staticmethod
        def backward(ctx, g, h):
            x, y = ctx.saved_tensors
            return g * ctx.factor * y, None, g * ctx.factor * x + h * y.exp()

    return Scaled


def test_function_gives_the_same_to_second_order():
    def run(T):
        x, y = tensor(T, values(3)), tensor(T, values(3, seed=1))
        a, b = custom(T).apply(x, 1.5, y)
        grads = T.autograd.grad((a.sin() * b).sum(), (x, y), create_graph=True)
        return a, b, grads, T.autograd.grad(sum((g**2).sum() for g in grads), (x, y))

    same(run)
    names = [custom(T).apply(tensor(T, values(2)), 2, tensor(T, values(2)))[0].grad_fn.name() for T in BOTH]
    assert names[0] == names[1] == "ScaledBackward"


# ---- names in the graph ----------------------------------------------------------------------------------
NAMED = """x+y x-y x*y x/y -x x**2 x**y x.abs() x.exp() x.log() x.sqrt() x.sum() x.sum(0) x.mean()
x.mean(1) x.max() x.amax(1) x@y.T x.view(-1) x.flatten() x[0] x[:,1:] x[:,1] x[[0,1]] x[x>0]
x.expand(2,3,4) x.clone() T.cat([x,y]) T.stack([x,y]) x.split(1)[0] x.chunk(2)[1] x.unbind(0)[1]
x.softmax(1) x.log_softmax(1) x.sigmoid() x.tanh() x.relu() x.clamp(0,1) T.where(x>0,x,y)
x.float() x.gather(0,T.zeros(1,4).long()) x.var() x.prod() x.cumsum(0) T.bmm(x[None],y.T[None])
x.tril() T.maximum(x,y) x.logsumexp(1) x.rsqrt() x.sin() x.diagonal() x.floor() x.unfold(0,2,1)
x.erf() x.reciprocal() x.sign() x.round() x.minimum(y) x.detach().clone() x.clone().mul_(2)
x.clone().add_(y)""".split()


@pytest.mark.parametrize("expression", NAMED)
def test_nodes_have_pytorchs_names(expression):
    names = []
    for T in BOTH:
        x, y = tensor(T, values(3, 4)), tensor(T, values(3, 4, seed=1))  # noqa: F841 - named in the expression
        result = eval(expression)
        names.append(result.grad_fn and (result.grad_fn.name(), type(result.grad_fn).__name__))
    assert names[0] == names[1]


# ---- derivatives of functions ----------------------------------------------------------------------------
def smooth(T):
    return lambda x, y: ((x**2) @ y, (x.sin() * y[:, 0]).exp())


@pytest.mark.parametrize("name", ["jacobian", "vjp", "jvp"])
def test_functional(name):
    def run(T):
        inputs = tensor(T, values(3)), tensor(T, values(3, 2, seed=1))
        vectors = {
            "jvp": (T.tensor(values(3, seed=2)), T.tensor(values(3, 2, seed=3))),
            "vjp": (T.tensor(values(2, seed=2)), T.tensor(values(3, seed=3))),
        }
        return getattr(T.autograd.functional, name)(
            smooth(T), inputs, *([vectors[name]] if name in vectors else [])
        )

    same(run)


@pytest.mark.parametrize("name", ["hessian", "hvp", "vhp"])
def test_functional_of_scalars(name):
    def run(T):
        inputs = tensor(T, values(3)), tensor(T, values(3, seed=1))
        vectors = T.tensor(values(3, seed=2)), T.tensor(values(3, seed=3))
        function = getattr(T.autograd.functional, name)
        return function(
            lambda x, y: (x**3 * y.exp()).sum(), inputs, *([] if name == "hessian" else [vectors])
        )

    same(run)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_func_transformations_nest():
    def run(T):
        x, w = T.tensor(values(4, 3)), T.tensor(values(3, seed=1))
        f = T.func
        return (
            f.grad(lambda w: (w**3).sum())(w),
            f.grad(lambda w: f.grad(lambda v: (v**3).sum())(w).sum())(w),
            f.vmap(f.grad(lambda w, x: (w * x).sum() ** 2), in_dims=(None, 0))(w, x),
            f.jacrev(lambda w: x @ w)(w),
            f.hessian(lambda w: (w**4).sum())(w),
            f.vjp(lambda w: w**2, w)[1](w)[0],
            f.jvp(lambda w: w**2, (w,), (w,))[1],
        )

    same(run)


def test_functional_call():
    def run(T):
        T.manual_seed(0)
        net = T.nn.Sequential(T.nn.Linear(3, 4), T.nn.Tanh(), T.nn.Linear(4, 2))
        given = {name: p.detach() * 0.5 for name, p in net.named_parameters()}
        x = T.rand(5, 3)
        return T.func.functional_call(net, given, x), net(x)

    same(run, rtol=1e-5, atol=1e-6)


# ---- the random stream -----------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [0, 3, 20, 624, 700])
def test_random_state_is_pytorchs_byte_for_byte(count):
    for T in BOTH:
        T.manual_seed(7)
        T.randn(3)
        T.rand(count)
    np.testing.assert_array_equal(minigrad.get_rng_state(), torch.get_rng_state())
    minigrad.set_rng_state(minigrad.from_numpy(torch.get_rng_state().numpy()))
    np.testing.assert_array_equal(minigrad.rand(5), torch.rand(5))
    torch.set_rng_state(torch.from_numpy(minigrad.get_rng_state().numpy()))
    np.testing.assert_allclose(minigrad.randn(20), torch.randn(20), rtol=1e-5)

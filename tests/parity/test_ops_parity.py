"""Every line of the table of ops beside PyTorch: values, gradients, and which dtype comes out of which."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import minigrad  # noqa: E402
from tests.gradients import listed  # noqa: E402
from tests.optable import OPS  # noqa: E402
from tests.test_ops import DIFFERENTIABLE, assert_close, for_each  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:index_reduce", "ignore:ComplexHalf")
DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
CLOSE = {"float16": "float16", "float32": "float32"}


def tensors(m, arrays, grad=False):
    """Arrays as tensors of a library, in their own memory but of the same layout."""
    made = [m.from_numpy(np.array(a, order="K") if a.base is None else strided_copy(a)) for a in arrays]
    return [t.requires_grad_() for t in made] if grad else made


def strided_copy(array):
    """A copy with the same strides."""
    copy = np.empty_like(array)
    if copy.strides != array.strides:
        wide = np.empty((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        copy = wide[..., ::2]
    copy[...] = array
    return copy


def in_library(m, static):
    """Settings, with arrays among them as tensors."""
    if isinstance(static, tuple):
        return tuple(in_library(m, s) for s in static)
    return m.from_numpy(static.copy()) if isinstance(static, np.ndarray) else static


def results(m, op, example, arrays, grad=False):
    """What an op gives in a library, and its inputs."""
    inputs = tensors(m, arrays, grad)
    return listed(op.on(m)(*inputs, *in_library(m, example.static))), inputs


def values(t) -> np.ndarray:
    return t.detach().numpy(force=True)  # PyTorch has zeros without memory, too


@for_each(OPS, 12)
def test_values(op, example, rng):
    arrays = example.arrays if "f" in op.kinds else example.as_dtype("int64").arrays
    (ours, _), (theirs, _) = (results(m, op, example, arrays) for m in (minigrad, torch))
    assert len(ours) == len(theirs)
    for found, expected in zip(ours, theirs, strict=True):
        assert repr(found.dtype) == repr(expected.dtype)
        assert_close(values(found), values(expected))


# PyTorch's own gradient of clamp fails where its bounds are larger than the input.
@for_each([op for op in DIFFERENTIABLE if op.id != "clamp-tensors"], 12)
def test_gradients(op, example, rng):
    (ours, our_leaves), (theirs, their_leaves) = (
        results(m, op, example, example.arrays, grad=True) for m in (minigrad, torch)
    )
    ours, theirs = ([r for r in rs if r.requires_grad] for rs in (ours, theirs))
    assert len(ours) == len(theirs)
    cotangents = [rng.standard_normal(r.shape) for r in ours]
    found = gradients(minigrad, ours, our_leaves, cotangents)
    expected = gradients(torch, theirs, their_leaves, cotangents)
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=1e-9, atol=1e-9, strict=True)


def gradients(m, outputs, leaves, cotangents):
    """The gradient of each leaf; zeros where a leaf had no part."""
    weights = [m.from_numpy(c) for c in cotangents]
    found = m.autograd.grad(outputs, leaves, weights, allow_unused=True)
    return [np.zeros(tuple(t.shape)) if g is None else values(g) for g, t in zip(found, leaves, strict=True)]


TWICE = [op for op in DIFFERENTIABLE if op.order > 1 and op.id != "clamp-tensors"]


@for_each(TWICE, 6)
def test_second_gradients(op, example, rng):
    """The gradients of gradients, by the arguments and by the cotangents."""
    seed = int(rng.integers(2**32))
    found, expected = (second_gradients(m, op, example, seed) for m in (minigrad, torch))
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=1e-8, atol=1e-8, strict=True)


def second_gradients(m, op, example, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    outputs, leaves = results(m, op, example, example.arrays, grad=True)
    outputs = [r for r in outputs if r.requires_grad]
    weights = tensors(m, [rng.standard_normal(r.shape) for r in outputs], grad=True)
    first = m.autograd.grad(outputs, leaves, weights, create_graph=True, allow_unused=True)
    directions = tensors(m, [rng.standard_normal(t.shape) for t in leaves])
    height = m.zeros((), dtype=m.float64, requires_grad=True) * 0
    for g, d in zip(first, directions, strict=True):
        height = height if g is None else height + (g * d).sum()
    return gradients(m, [height], [*leaves, *weights], [np.array(1.0)])


# ---- dtypes ----------------------------------------------------------------------------------------------
#: what works for more dtypes here than in PyTorch, besides booleans and complex numbers
MORE = {"round-1", "frac", "softmax", "log_softmax", "addmm", "addbmm", "add-alpha", "addcmul"}


def outcome(m, op, example, arrays):
    """The results, or None where the library refuses the dtype."""
    try:
        return results(m, op, example, arrays)[0]
    except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError):
        return None


@for_each(OPS, 3)
def test_every_dtype_gives_the_dtype_it_gives_in_pytorch(op, example, rng):
    for dtype in DTYPES:
        arrays = [np.asarray(np.abs(a) if dtype == "uint8" else a) for a in example.as_dtype(dtype).arrays]
        if op.id == "addcmul" and not dtype.startswith("float"):
            continue  # there PyTorch cuts off the fraction of its factor
        if any(a.size == 0 for a in arrays):
            continue  # PyTorch looks at no dtype where there is nothing to compute
        theirs = outcome(torch, op, example, arrays)
        ours = outcome(minigrad, op, example, arrays)
        if theirs is None:
            assert ours is None or dtype == "bool" or op.id in MORE, dtype
            continue
        assert ours is not None, dtype
        for found, expected in zip(ours or (), theirs or (), strict=True):
            assert repr(found.dtype) == repr(expected.dtype), dtype
            whole = np.isfinite(values(expected)) & (np.abs(values(expected)) < 1e4)
            if dtype in ("float16", "float32", "float64") or not expected.is_floating_point():
                assert_close(values(found)[whole], values(expected)[whole], repr(found.dtype).split(".")[1])


# ---- promotion -------------------------------------------------------------------------------------------
ALL = [*DTYPES, "complex64", "complex128"]
NUMBERS = [True, 3, 2.5, 1 + 2j]


def operand(m, dtype: str, dims: int):
    return m.ones((2,) * dims, dtype=getattr(m, dtype))


def both_ways(f):
    """The dtype's name in both libraries, None where it is refused."""
    found = []
    for m in (minigrad, torch):
        try:
            found.append(repr(f(m)).split(".")[-1])
        except (RuntimeError, TypeError):
            found.append(None)
    return found


@pytest.mark.parametrize("left", ALL)
def test_promote_types_and_can_cast(left):
    for right in ALL:
        for name in ("promote_types", "can_cast"):
            ours, theirs = both_ways(
                lambda m, n=name, r=right: getattr(m, n)(getattr(m, left), getattr(m, r))
            )
            assert ours == theirs, (name, left, right)


@pytest.mark.parametrize("dims", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "div", "maximum", "eq", "pow", "floor_divide", "atan2", "result_type"]
)
def test_two_tensors_promote_as_in_pytorch(name, dims):
    for left, right in itertools.product(ALL, ALL):
        if "float16" in (left, right) and any(d.startswith("complex") for d in (left, right)):
            continue  # PyTorch has a complex32, NumPy has not

        def f(m, left=left, right=right):
            made = getattr(m, name)(operand(m, left, dims[0]), operand(m, right, dims[1]))
            return made if name == "result_type" else made.dtype

        ours, theirs = both_ways(f)
        may_be_more = theirs is None and any(d == "bool" or d.startswith("complex") for d in (left, right))
        assert ours == theirs or may_be_more, (left, right)


OPERATORS = {
    "x + n": lambda x, n: x + n,
    "n - x": lambda x, n: n - x,
    "x * n": lambda x, n: x * n,
    "x / n": lambda x, n: x / n,
    "n / x": lambda x, n: n / x,
    "x ** n": lambda x, n: x**n,
    "n ** x": lambda x, n: n**x,
    "x // n": lambda x, n: x // n,
    "x % n": lambda x, n: x % n,
    "x < n": lambda x, n: x < n,
    "x == n": lambda x, n: x == n,
}


@pytest.mark.parametrize("dims", [0, 1])
@pytest.mark.parametrize("name", OPERATORS)
def test_numbers_promote_as_in_pytorch(name, dims):
    for dtype, number in itertools.product(ALL, NUMBERS):
        if dtype == "float16" and isinstance(number, complex):
            continue  # PyTorch has a complex32, NumPy has not
        ours, theirs = both_ways(lambda m, d=dtype, n=number: OPERATORS[name](operand(m, d, dims), n).dtype)
        may_be_more = theirs is None and (
            dtype in ("bool", "complex64", "complex128") or isinstance(number, (bool, complex))
        )
        assert ours == theirs or may_be_more, (dtype, number)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_default_dtype_decides_for_numbers(dtype):
    try:
        for m in (minigrad, torch):
            m.set_default_dtype(getattr(m, dtype))
        for f in (
            lambda m: m.tensor(1.5),
            lambda m: m.ones(2),
            lambda m: m.arange(3) / 2,
            lambda m: m.tensor(2) + 1.5,
            lambda m: m.tensor([1, 2.0]),
            lambda m: m.tensor(1j),
            lambda m: m.full((2,), 3.0),
            lambda m: m.rand(2),
            lambda m: m.linspace(0, 1, 3),
            lambda m: m.arange(0, 1, 0.5),
            lambda m: m.tensor([True]).sum() / 2,
        ):
            ours, theirs = both_ways(lambda m, f=f: f(m).dtype)
            assert ours == theirs
    finally:
        for m in (minigrad, torch):
            m.set_default_dtype(m.float32)


@pytest.mark.parametrize("name", ["sum", "prod", "cumsum", "cumprod", "mean", "softmax"])
def test_a_dtype_that_is_asked_for_is_given(name):
    for source, wanted in itertools.product(DTYPES, DTYPES[1:]):
        arguments = () if name in ("sum", "prod", "mean") else (0,)
        ours, theirs = both_ways(
            lambda m, s=source, w=wanted, a=arguments: (
                getattr(m, name)(operand(m, s, 1), *a, dtype=getattr(m, w)).dtype
            )
        )
        assert ours == theirs or theirs is None, (source, wanted)

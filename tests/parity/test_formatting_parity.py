"""Tensors print as PyTorch's do, character by character."""

import contextlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

torch = pytest.importorskip("torch")

import minigrad  # noqa: E402
from minigrad import formatting  # noqa: E402

INTEGERS = ["uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"]
SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=12)


@st.composite
def floats(draw, dtype: str):
    """Numbers of one magnitude or of several, some of them whole, some special."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(SHAPES)
    values = rng.standard_normal(shape) * 10.0 ** draw(st.integers(-6, 9))
    if draw(st.booleans()):
        values = np.round(values)
    if draw(st.booleans()):
        values = np.where(
            rng.random(shape) < draw(st.sampled_from([0.1, 1.0])), rng.choice(SPECIAL, shape), values
        )
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype)


@st.composite
def complexes(draw, dtype: str):
    real, imag = draw(floats(dtype)), draw(floats(dtype))
    both_parts = np.zeros(real.shape, np.result_type(dtype, np.complex64))
    both_parts.real, both_parts.imag = real, np.resize(imag if imag.size else np.full(1, 2.5), real.shape)
    return both_parts


def arrays():
    exact = st.sampled_from([*INTEGERS, "bool"]).flatmap(lambda d: hnp.arrays(d, SHAPES))
    return st.one_of(
        st.sampled_from(["float16", "float32", "float64"]).flatmap(floats),
        st.sampled_from(["float32", "float64"]).flatmap(complexes),
        exact,
    )


def both(array, **options):
    """How minigrad and PyTorch print an array, with given print options."""
    with formatting.printoptions(**options), torch._tensor_str.printoptions(**options):
        return repr(minigrad.from_numpy(array)), repr(torch.from_numpy(array.copy()))


@settings(max_examples=600)
@given(arrays())
@example(np.zeros((0, 3), np.float32))
@example(np.zeros(0, np.int64))
@example(np.array(np.nan))
@example(np.arange(2000.0, dtype=np.float32).reshape(2, 10, 100))
@example(np.ones((1001, 1), np.float32))
@example(np.array([1 + 2j, np.nan - 3j, complex(0, np.inf)]))
def test_any_array_prints_alike(array):
    ours, theirs = both(array)
    assert ours == theirs


@settings(max_examples=200)
@given(
    arrays(),
    st.fixed_dictionaries(
        {},
        optional={
            "precision": st.integers(0, 8),
            "threshold": st.sampled_from([0, 5, 50, float("inf")]),
            "edgeitems": st.integers(0, 4),
            "linewidth": st.integers(10, 120),
            "sci_mode": st.booleans(),
            "profile": st.sampled_from(["default", "short", "full"]),
        },
    ),
)
def test_options_change_what_is_printed_alike(array, options):
    ours, theirs = both(array, **options)
    assert ours == theirs


def test_options_can_be_read_and_put_back():
    before = formatting.get_printoptions()
    with contextlib.suppress(KeyError), formatting.printoptions(profile="short", linewidth=40):
        changed = formatting.get_printoptions()
        raise KeyError
    with torch._tensor_str.printoptions(profile="short", linewidth=40):
        assert changed == torch._tensor_str.get_printoptions()
    assert formatting.get_printoptions() == before == torch._tensor_str.get_printoptions()


@pytest.mark.parametrize(
    "name", ["zeros", "exp", "mul", "long_line", "leaf", "no_grad", "double", "complex", "empty"]
)
def test_what_stands_behind_the_elements(name):
    """Places in the graph and dtypes, with the line broken where it would be too long."""
    assert MADE[name](minigrad) == MADE[name](torch)


def leaf(m, *shape, **settings):
    """A leaf with values that both libraries write alike."""
    count = int(np.prod(shape))
    return m.linspace(-2.5, 3.25, count, **settings).reshape(shape).detach().requires_grad_()


MADE = {
    "zeros": lambda m: repr(m.zeros(2, 3)),
    "exp": lambda m: repr(m.exp(leaf(m, 3))),
    "mul": lambda m: repr(leaf(m, 2, 2) * 2),
    "long_line": lambda m: repr(m.exp(leaf(m, 8, dtype=m.zeros(1).double().dtype))),
    "leaf": lambda m: repr(leaf(m, 2, 3)),
    "no_grad": lambda m: repr(leaf(m, 2, 3).detach()),
    "double": lambda m: repr(leaf(m, 2, 3).double()),
    "complex": lambda m: repr(m.tensor([1 + 2j, 0.5j])),
    "empty": lambda m: repr(m.zeros(0, 3).requires_grad_()),
}


@pytest.mark.parametrize("value", [2.5, 3, True])
def test_a_number_in_a_format_string(value):
    ours, theirs = minigrad.tensor(value), torch.tensor(value)
    assert f"{ours} {ours:6.1f}" == f"{theirs} {theirs:6.1f}"
    assert f"{ours.reshape(1)}" == f"{theirs.reshape(1)}"


def test_a_subclass_prints_by_its_own_name():
    class Weights(minigrad.Tensor):
        pass

    own = object.__new__(Weights)
    plain = minigrad.tensor([1.0, 2.0])
    own.array, own.tracked, own.node, own.version, own.base = plain.array, False, None, [0], None
    assert repr(own) == "Weights([1., 2.])"
    assert repr(torch.tensor([1.0, 2.0]).as_subclass(type("Weights", (torch.Tensor,), {}))) == repr(own)

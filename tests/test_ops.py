"""Every op in the table: values, gradients of first and second order, dtypes, memory, and how it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from tests.drawing import nothing
from tests.gradients import DEVICE, array_of, check, leaf, listed, tensor
from tests.opline import Op, examples
from tests.optable import OPS

DIFFERENTIABLE = [op for op in OPS if op.order]
FLOATS = ("float16", "float32", "float64")
INTEGERS = ("uint8", "int32", "int64")
BY_KIND = {"f": FLOATS, "i": INTEGERS, "b": ("bool",)}
#: relative and absolute differences to a reference in float64
CLOSE = {"float16": (4e-3, 2e-2), "float32": (1e-5, 1e-5), "float64": (1e-12, 1e-12)}


def for_each(ops, examples_each: int):
    """Run a test on examples drawn for each op; the test gets the op and the example."""

    def decorate(test):
        @pytest.mark.parametrize("op", ops, ids=lambda op: op.id)
        def run(op):
            @settings(max_examples=examples_each if DEVICE.type == "cpu" else max(examples_each // 4, 2))
            @given(examples(op), st.integers(0, 2**32 - 1))
            def on_examples(example, seed):
                test(op, example, np.random.default_rng(seed))

            on_examples()

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorate


def settings_on_device(static):
    """Settings, with arrays among them as tensors."""
    if isinstance(static, tuple):
        return tuple(settings_on_device(s) for s in static)
    return tensor(static) if isinstance(static, np.ndarray) else static


def called(op: Op, example):
    """The op as a function of tensors alone."""
    function, static = op.on(minigrad), settings_on_device(example.static)
    return lambda *tensors: function(*tensors, *static)


def usable(op: Op, example):
    """The example's arrays, as integers where the op takes no floats; none may be written to."""
    arrays = example.arrays if "f" in op.kinds else example.as_dtype("int64").arrays
    for array in arrays:
        array.flags.writeable = False
    return arrays


def assert_close(found, expected, dtype: str = "float64") -> None:
    """Values agree to what a dtype can tell, and shapes agree."""
    relative, absolute = CLOSE.get(dtype, (0, 0))
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=relative, atol=absolute)


# ---- values --------------------------------------------------------------------------------------
@for_each(OPS, 25)
def test_value(op, example, rng):
    """The function, and the method of that name, give what the naive form gives, and change no input."""
    arrays = usable(op, example)
    with np.errstate(all="ignore"):
        expected = listed(op.reference(*arrays, *example.static))
    found = listed(called(op, example)(*[tensor(a) for a in arrays]))
    assert len(found) == len(expected)
    for f, e in zip(found, expected, strict=True):
        assert_close(array_of(f), e)
    method = getattr(minigrad.Tensor, op.name, None)
    if op.call is None and method is not None:
        again = listed(method(*[tensor(a) for a in arrays], *settings_on_device(example.static)))
        for f, a in zip(found, again, strict=True):
            np.testing.assert_array_equal(array_of(f), array_of(a))


# ---- gradients -----------------------------------------------------------------------------------
@for_each(DIFFERENTIABLE, 20)
def test_gradients(op, example, rng):
    """Gradients of first and second order are the slopes that central differences find."""
    check(called(op, example), usable(op, example), rng, op.order)


@for_each(DIFFERENTIABLE, 6)
def test_leaf_gradients_are_their_own(op, example, rng):
    """A `.grad` has the leaf's shape and dtype, and shares memory with nothing."""
    leaves = [leaf(a.astype(np.float32)) for a in usable(op, example)]
    results = [r for r in listed(called(op, example)(*leaves)) if r.requires_grad]
    cotangents = [tensor(rng.standard_normal(r.shape).astype(np.float32)) for r in results]
    minigrad.autograd.backward(results, cotangents)
    others = [*leaves, *results, *cotangents]
    for this in leaves:
        assert (this.grad.shape, this.grad.dtype) == (this.shape, this.dtype)
        others.append(this.grad)
        mine = array_of(this.grad)
        assert not any(np.shares_memory(mine, array_of(o)) for o in others if o is not this.grad)


# ---- dtypes --------------------------------------------------------------------------------------
def expected_dtype(op: Op, dtype: str) -> str:
    if op.result in ("bool", "int64", "float64"):
        return op.result
    if op.result == "truth":
        return dtype if dtype == "uint8" else "bool"
    if dtype in FLOATS or op.result == "same":
        return dtype
    return {"floating": "float32", "total": "int64"}[op.result]


def dtypes_of(op: Op):
    """The dtypes a line says its op takes."""
    return [
        *(FLOATS if "f" in op.kinds else ()),
        *(INTEGERS if "i" in op.kinds else ()),
        *(["bool"] * ("b" in op.kinds)),
    ]


@for_each(OPS, 5)
def test_dtypes(op, example, rng):
    """float32 stays float32, float16 float16; integers do what the line says; and values agree."""
    for dtype in dtypes_of(op):
        arrays = [np.asarray(np.abs(a) if dtype == "uint8" else a) for a in example.as_dtype(dtype).arrays]
        wanted = expected_dtype(op, dtype)
        exact = [a.astype(np.float64) if wanted in FLOATS else a for a in arrays]
        with np.errstate(all="ignore"):
            reference = np.asarray(listed(op.reference(*exact, *example.static))[0])
            expected = reference.astype(wanted)
        found = listed(called(op, example)(*[tensor(a) for a in arrays]))[0]
        assert found.dtype.name == wanted, dtype
        small = np.abs(reference) < 1e4 if dtype == "float16" else np.full(reference.shape, True)
        assert_close(array_of(found)[small], expected[small], wanted)


# ---- out= and in-place forms ---------------------------------------------------------------------
#: functions that PyTorch gives no `out`
WITHOUT_OUT = {
    *("adjoint", "argsort", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_tensors", "chunk", "clone"),
    *("count_nonzero", "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "dsplit", "flatten", "flip"),
    *("fliplr", "flipud", "hsplit", "isclose", "isfinite", "isinf", "isnan", "masked_fill", "movedim"),
    *("narrow", "permute", "ravel", "relu", "repeat_interleave", "reshape", "roll", "rot90", "rsub"),
    *("select", "split", "squeeze", "std_mean", "t", "tensor_split", "tile", "trace", "transpose", "unbind"),
    *("unflatten", "unsqueeze", "var_mean", "vsplit"),
}
WITH_OUT = [op for op in OPS if op.call is None and op.name not in WITHOUT_OUT]


@for_each(WITH_OUT, 8)
def test_out(op, example, rng):
    """`out=` tensors take the results and are handed back; one of a wrong shape or dtype is refused."""
    function = called(op, example)
    inputs = [tensor(a) for a in usable(op, example)]
    expected = function(*inputs)
    for out in (like(expected, 7), like(expected, 7, shape=(0,))):
        again = op.on(minigrad)(*inputs, *settings_on_device(example.static), out=out)
        for target, result, wanted in zip(listed(out), listed(again), listed(expected), strict=True):
            assert result is target
            np.testing.assert_array_equal(array_of(target), array_of(wanted), strict=True)
    for wrong in (like(expected, 7, shape=(5, 7)), like(expected, 7, dtype="bool")):
        if (
            listed(wrong)[0].dtype != listed(expected)[0].dtype
            or listed(wrong)[0].shape != listed(expected)[0].shape
        ):
            with pytest.raises(RuntimeError, match="out"):
                op.on(minigrad)(*inputs, *settings_on_device(example.static), out=wrong)


def like(results, value, shape=None, dtype=None):
    """Tensors for results to be written to."""
    arrays = [
        np.full(r.shape if shape is None else shape, value, dtype or r.dtype.name) for r in listed(results)
    ]
    return tuple(map(tensor, arrays)) if isinstance(results, tuple) else tensor(arrays[0])


IN_PLACE = [op for op in OPS if hasattr(minigrad.Tensor, op.name + "_") and op.call is None]


@for_each(IN_PLACE, 8)
def test_in_place(op, example, rng):
    """`x.op_()` writes what `op(x)` gives into x, moves its version on, and has the same gradient."""
    arrays, static = usable(op, example), settings_on_device(example.static)
    leaves = [leaf(a) if op.order else tensor(a) for a in arrays]
    expected = op.on(minigrad)(*leaves, *static)
    target = leaves[0] * 1 if "f" in op.kinds else leaves[0].clone()
    before = target._version
    method = getattr(target, op.name + "_")
    if (expected.shape != target.shape and op.name not in RESHAPING) or not fits(expected, target):
        with pytest.raises(RuntimeError, match=r"shape|cast"):
            method(*leaves[1:], *static)
        return
    written = method(*leaves[1:], *static)
    assert written is target
    assert target._version > before or op.name in RESHAPING
    np.testing.assert_array_equal(array_of(target), array_of(expected).astype(target.dtype.name))
    if op.order:
        cotangent = tensor(rng.standard_normal(expected.shape))
        for wanted, found in zip(
            *[minigrad.autograd.grad(r, leaves, cotangent) for r in (expected, target)], strict=True
        ):
            np.testing.assert_allclose(array_of(found), array_of(wanted), rtol=1e-12, atol=1e-12)


#: in-place forms that change a tensor's shape, not its values
RESHAPING = {"t", "transpose", "squeeze", "unsqueeze"}


def fits(result, target) -> bool:
    """Whether the result's dtype may be written to the target."""
    return minigrad.can_cast(result.dtype, target.dtype)


# ---- refusals ------------------------------------------------------------------------------------
REFUSING = [op for op in OPS if op.bad or (op.shapes.bad and op.static is nothing)]
#: what the sentence names where that is not the function's name
SAID = dict.fromkeys(("mm", "bmm", "mv", "addmm", "addmv", "addbmm", "baddbmm"), "matmul") | {
    "getitem": "index",
    "inner": "tensordot",
    "rsub": "sub",
    "lerp": "sub",
    "addcmul": "mul",
    "addcdiv": "div",
}


@pytest.mark.parametrize("op", REFUSING, ids=lambda op: op.id)
def test_bad_arguments_are_refused_with_one_sentence(op):
    """The sentence names the op, and stands on one line."""
    shapes, static = op.bad or (op.shapes.bad, ())
    arrays = replace(op, smooth=None).values(np.random.default_rng(0), shapes)
    inputs = [tensor(a if "f" in op.kinds else a.astype(np.int64)) for a in arrays]
    with pytest.raises((RuntimeError, IndexError, ValueError)) as caught:
        op.on(minigrad)(*inputs, *settings_on_device(static))
    message = str(caught.value)
    assert SAID.get(op.name, op.name) in message
    assert "\n" not in message
    assert 15 < len(message) < 400

"""Convolutions, windows and borders: the fast code against plain loops, and gradients against finite
differences.
"""

import itertools

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.ops import convolution as core
from minigrad.ops import strips
from minigrad.ops.convolution import Sliding
from tests.gradients import DEVICE, array_of, check, leaf, tensor

#: (input (N, C, ...), weight (O, C / groups, ...), stride, (before, after), dilation, groups)
CASES = {
    "1d": ((2, 3, 7), (4, 3, 3), (1,), ((0, 0),), (1,), 1),
    "1d one place": ((2, 3, 3), (4, 3, 3), (1,), ((0, 0),), (1,), 1),
    "1d strided": ((3, 2, 9), (2, 2, 3), (2,), ((1, 1),), (1,), 1),
    "1d uneven border": ((2, 2, 6), (2, 2, 4), (1,), ((1, 2),), (1,), 1),
    "1d wide stride": ((2, 2, 8), (3, 2, 2), (3,), ((0, 0),), (1,), 1),
    "1d dilated": ((2, 4, 9), (2, 2, 3), (1,), ((2, 2),), (2,), 2),
    "2d": ((2, 3, 5, 6), (4, 3, 3, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "2d one wide": ((2, 3, 4, 5), (4, 3, 1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "2d strided": ((2, 2, 6, 5), (2, 2, 3, 3), (2, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "2d dilated": ((1, 2, 7, 8), (2, 2, 2, 3), (1, 2), ((1, 1), (2, 2)), (2, 3), 1),
    "2d groups": ((2, 4, 4, 4), (6, 2, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 2),
    "2d by channel": ((2, 3, 5, 5), (3, 1, 3, 3), (1, 1), ((1, 1), (0, 0)), (1, 1), 3),
    "2d left over": ((2, 2, 6, 6), (2, 2, 2, 2), (4, 3), ((0, 0), (0, 0)), (1, 1), 1),
    "3d": ((2, 2, 4, 3, 5), (2, 2, 2, 3, 2), (1, 2, 2), ((0, 0), (1, 1), (1, 1)), (1, 1, 1), 1),
    "no samples": ((0, 2, 5), (3, 2, 2), (1,), ((0, 0),), (1,), 1),
}


@pytest.fixture(params=["whole", "apart", "cut", "cut apart", "strips", "strips of one sample"])
def part(request, monkeypatch):
    """Whether windows are copied all at once or a few rows at a time and whether they wrap, whether samples
    are multiplied apart, or are strips.
    """
    if "strips" in request.param:
        for limit in ("NARROWEST", "FEWEST", "NARROWEST_SUM"):
            monkeypatch.setattr(strips, limit, 1)
        monkeypatch.setattr(strips, "SMALL_KERNELS", True)
        most, found = (1 if "one" in request.param else 9), strips.samples_at_a_time
        monkeypatch.setattr(strips, "samples_at_a_time", lambda *a: min(most, found(*a)))
        return
    monkeypatch.setattr(strips, "samples_at_a_time", lambda *_: 0)
    limit = 1 if "apart" in request.param else 10**9
    monkeypatch.setattr(core, "FEWEST_PLACES", limit)
    monkeypatch.setattr(core, "WORTH_TURNING", limit)
    if request.param == "apart":  # and products in blocks
        for name, value in {"SMALL_KERNELS": True, "SMALL_PRODUCT": 60, "BLOCK": 2, "NARROWEST": 2}.items():
            monkeypatch.setattr(core, name, value)
    if "cut" in request.param:
        monkeypatch.setattr(core, "PART", 40)
        monkeypatch.setattr(core, "COLUMNS", 3)
        monkeypatch.setattr(core, "worth_wrapping", lambda *_: False)
        monkeypatch.setattr(core, "worth_flipping", lambda *_: False)


def places(shape, kernel, how):
    """For each place of the window: its index in the output, and the slices of the padded input it covers."""
    output = how.output(shape, kernel)
    for place in itertools.product(*map(range, output)):
        along = zip(place, how.stride, how.dilation, kernel, strict=True)
        yield place, tuple(slice(p * s, p * s + d * (k - 1) + 1, d) for p, s, d, k in along)


def naive_conv(x, w, b, how):
    """Convolution as its definition has it: one place, one channel of the output at a time."""
    x = np.pad(x, ((0, 0), (0, 0), *how.pads))
    sizes = tuple(n - sum(p) for n, p in zip(x.shape[2:], how.pads, strict=True))
    out = np.zeros((len(x), len(w), *how.output(sizes, w.shape[2:])))
    width, share = w.shape[1], len(w) // how.groups
    for o in range(len(w)):
        channels = slice(o // share * width, (o // share + 1) * width)
        for place, window in places(sizes, w.shape[2:], how):
            found = x[(slice(None), channels, *window)] * w[o]
            out[(slice(None), o, *place)] = found.sum(tuple(range(1, x.ndim))) + b[o]
    return out


def example(name: str):
    shape, weight, *how = CASES[name]
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s) for s in (shape, weight, weight[:1])]
    return arrays, Sliding(*how), rng


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("name", CASES)
def test_convolution_is_its_definition(name):
    arrays, how, _ = example(name)
    out = core.conv(*map(tensor, arrays), how)
    np.testing.assert_allclose(array_of(out), naive_conv(*arrays, how), rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("name", CASES)
def test_gradients_of_convolution(name):
    arrays, how, rng = example(name)
    check(lambda x, w, b: core.conv(x, w, b, how), arrays, rng, order=2 if name != "3d" else 1)


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("name", CASES)
def test_gradients_of_the_derivatives(name):
    (x, w, b), how, rng = example(name)
    g = rng.standard_normal(naive_conv(x, w, b, how).shape)
    check(lambda g, w: core.conv_to_input(g, w, x.shape, how), [g, w], rng)
    check(lambda g, x: core.conv_to_weight(g, x, w.shape, how), [g, x], rng)


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("name", ["1d strided", "2d groups", "3d"])
def test_memory_in_any_order(name):
    (x, w, b), how, rng = example(name)
    g = rng.standard_normal(naive_conv(x, w, b, how).shape)
    plain = (
        core.conv(x, w, b, how),
        core.conv_to_input(g, w, x.shape, how),
        core.conv_to_weight(g, x, w.shape, how),
    )
    x, w, g = map(np.asfortranarray, (x, w, g))
    turned = (
        core.conv(x, w, b, how),
        core.conv_to_input(g, w, x.shape, how),
        core.conv_to_weight(g, x, w.shape, how),
    )
    for mine, other in zip(turned, plain, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize(
    "shape", [(2, 3, 1), (2, 3, 30), (4, 3, 11), (1, 1, 5), (5, 2, 0), (8, 5, 41), (9, 5, 41)]
)
def test_products_in_blocks(shape, small, monkeypatch):
    rows, inner, columns = shape
    rng = np.random.default_rng(0)
    for name, value in {"SMALL_KERNELS": small, "SMALL_PRODUCT": 60, "BLOCK": 2, "NARROWEST": 2}.items():
        monkeypatch.setattr(core, name, value)
    height, width = core.block_of(*shape)
    assert rows % height == 0
    assert width > 0
    x, y = rng.standard_normal((2, inner, rows)).swapaxes(1, 2), rng.standard_normal((3, 2, inner, columns))
    out = np.zeros((3, 2, rows, columns + 3))[..., :columns]
    np.testing.assert_allclose(core.product(x, y, out), x @ y)
    np.testing.assert_allclose(core.product(x, y), x @ y)
    np.testing.assert_array_equal(out, core.product(x, y))


def test_small_images_are_done_in_strips(monkeypatch):
    """With the limits as they stand; and parts of the samples agree with windows that are copied whole."""
    monkeypatch.setattr(strips, "SMALL_KERNELS", True)
    rng = np.random.default_rng(0)
    x, w, g = (rng.standard_normal(s) for s in ((32, 16, 14, 14), (32, 16, 3, 3), (32, 32, 14, 14)))
    how = Sliding((1, 1), ((1, 1), (1, 1)), (1, 1))
    assert 1 < strips.samples_at_a_time(x, w.shape, (14, 14), how) < 16

    def three():
        return (
            core.conv(x, w, None, how),
            core.conv_to_input(g, w, x.shape, how),
            core.conv_to_weight(g, x, w.shape, how),
        )

    fast = three()
    monkeypatch.setattr(strips, "samples_at_a_time", lambda *_: 0)
    for mine, other in zip(fast, three(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [n for n in CASES if n.startswith("2d")])
def test_windows_and_back(name):
    (x, w, _), how, rng = example(name)
    kernel = w.shape[2:]
    settings = {"kernel_size": kernel, "dilation": how.dilation, "stride": how.stride}
    settings["padding"] = tuple(before for before, _ in how.pads)
    columns = F.unfold(tensor(x), **settings)
    padded = np.pad(x, ((0, 0), (0, 0), *how.pads))
    for i, (_, window) in enumerate(places(x.shape[2:], kernel, how)):
        expected = padded[(slice(None), slice(None), *window)].reshape(len(x), -1)
        np.testing.assert_array_equal(array_of(columns)[..., i], expected)
    check(lambda x: F.unfold(x, **settings), [x], rng)
    # fold is the adjoint of unfold: <fold(c), x> = <c, unfold(x)>
    weights = rng.standard_normal(columns.shape)
    folded = F.fold(tensor(weights), x.shape[2:], **settings)
    np.testing.assert_allclose((array_of(folded) * x).sum(), (weights * array_of(columns)).sum())
    check(lambda c: F.fold(c, x.shape[2:], **settings), [weights], rng)


#: input, weight (C, O / groups, ...), stride, padding, output_padding, groups, dilation
TRANSPOSED = [
    ((2, 3, 5), (3, 2, 3), 1, 0, 0, 1, 1),
    ((2, 4, 5), (4, 2, 3), 3, 1, 2, 2, 1),
    ((2, 3, 4), (3, 2, 2), 2, 0, 2, 1, 3),
    ((2, 3, 4, 3), (3, 2, 3, 2), (2, 1), (1, 0), (1, 0), 1, (1, 2)),
    ((1, 2, 3, 2, 2), (2, 2, 2, 2, 2), 2, 1, 1, 2, 1),
]


@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_transposed_convolution_is_the_gradient_of_convolution(case):
    shape, weight, stride, padding, extra, groups, dilation = case
    ndim = len(shape) - 2
    rng = np.random.default_rng(1)
    x, w, b = (rng.standard_normal(s) for s in (shape, weight, (weight[1] * groups,)))
    transposed, plain = getattr(F, f"conv_transpose{ndim}d"), getattr(F, f"conv{ndim}d")

    def f(x, w, b):
        return transposed(x, w, b, stride, padding, extra, groups, dilation)

    out = f(*map(tensor, (x, w, b)))
    source = leaf(rng.standard_normal(out.shape))
    made = plain(source, tensor(w), None, stride, padding, dilation, groups)
    made = made[tuple(slice(n) for n in shape)]
    made.backward(tensor(x))
    np.testing.assert_allclose(
        array_of(out), array_of(source.grad) + b.reshape(-1, *(1,) * ndim), rtol=1e-10, atol=1e-12
    )
    check(f, [x, w, b], rng, order=2 if ndim < 3 else 1)


def test_same_keeps_the_length_with_the_odd_zero_after():
    x = np.arange(1.0, 6.0).reshape(1, 1, 5)
    out = F.conv1d(tensor(x), tensor(np.array([[[1.0, 10.0]]])), padding="same")
    np.testing.assert_array_equal(array_of(out)[0, 0], [21, 32, 43, 54, 5])


def test_one_sample_comes_without_n():
    (x, w, b), _, _ = example("2d")
    alone = F.conv2d(tensor(x[0]), tensor(w), tensor(b))
    np.testing.assert_allclose(array_of(alone), array_of(F.conv2d(*map(tensor, (x, w, b))))[0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, w: F.conv1d(x[:, :2], w), "to have 3 channels, but got 2"),
        (lambda x, w: F.conv1d(x[0, 0], w), "2D .unbatched. or 3D .batched. input to conv1d"),
        (lambda x, w: F.conv1d(x[..., :2], w), "Kernel size can't be greater"),
        (lambda x, w: F.conv1d(x, w, tensor(np.zeros(5))), "bias to be 1-dimensional with 4 elements"),
        (lambda x, w: F.conv1d(x, w, stride=0), "non-positive stride"),
        (lambda x, w: F.conv1d(x, w, dilation=0), "dilation should be greater than zero"),
        (lambda x, w: F.conv1d(x, w, padding=-1), "negative padding"),
        (lambda x, w: F.conv1d(x, w, padding="sane"), "Invalid padding string"),
        (lambda x, w: F.conv1d(x, w, stride=2, padding="same"), "not supported for strided"),
        (lambda x, w: F.conv1d(x, w, stride=(1, 2)), "single integer value or a list of 1"),
        (lambda x, w: F.conv1d(x, w, groups=3), "divisible by 3 at dimension 0"),
        (lambda x, w: F.conv1d(x, w, groups=0), "non-positive groups"),
        (lambda x, w: F.conv1d(x.float(), w), "same dtype"),
        (lambda x, w: F.conv2d(x, w), "expected 4-dimensional weight"),
        (lambda x, w: F.conv_transpose1d(x, w), "to have 4 channels"),
        (lambda x, w: F.conv_transpose1d(x, w[:3], output_padding=1), "output padding must be smaller"),
        (lambda x, w: F.conv_transpose1d(x, w[:3], padding=5), "Output size is too small"),
        (lambda x, w: F.unfold(x[None], 4), "no room for a window"),
        (lambda x, w: F.fold(x, (3, 3), 2), "does not fit output_size"),
    ],
)
def test_refusals(call, words):
    (x, w, _), _, _ = example("1d")
    with pytest.raises(RuntimeError, match=words):
        call(tensor(x), tensor(w))


# ---- layers ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"groups": 3}, "in_channels .2. must be divisible"),
        ({"groups": 0}, "positive integer"),
        ({"padding": "sane"}, "Invalid padding string"),
        ({"padding": "same", "stride": 2}, "not supported for strided"),
        ({"padding_mode": "mirror"}, "padding_mode must be one of"),
    ],
)
def test_settings_that_cannot_be(settings, words):
    with pytest.raises(ValueError, match=words):
        nn.Conv2d(2, 6, 3, **settings)


def test_transposed_layers_give_the_size_asked_for():
    x = tensor(np.zeros((1, 2, 5), np.float32))
    layer = nn.ConvTranspose1d(2, 3, 3, stride=2).to(DEVICE)
    assert [layer(x, output_size=[n]).shape[-1] for n in (11, 12)] == [11, 12]
    assert layer(x, output_size=(1, 3, 12)).shape == (1, 3, 12)
    with pytest.raises(ValueError, match="valid sizes range from"):
        layer(x, output_size=[13])
    with pytest.raises(ValueError, match="output_size must have 1 or 3 elements"):
        layer(x, output_size=[11, 11])
    with pytest.raises(ValueError, match='Only "zeros" padding mode'):
        nn.ConvTranspose1d(2, 3, 3, padding_mode="reflect")


# ---- borders -----------------------------------------------------------------------------------------------
#: mode -> NumPy's name of it
MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
BORDERS = [((2, 1),), ((0, 3),), ((1, 2), (3, 0)), ((2, 2), (1, 1), (0, 1))]


@pytest.mark.parametrize("pairs", BORDERS, ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_borders(mode, pairs):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2, 3, 4, 5, 4)[: 2 + len(pairs)])
    flat = [n for pair in reversed(pairs) for n in pair]
    value = {"value": 1.5} if mode == "constant" else {}
    out = F.pad(tensor(x), flat, mode, **value)
    known = {"constant_values": 1.5} if mode == "constant" else {}
    np.testing.assert_array_equal(array_of(out), np.pad(x, ((0, 0), (0, 0), *pairs), MODES[mode], **known))
    check(lambda x: F.pad(x, flat, mode, **value), [x], rng)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("constant", [1, 2, 0]),
        ("reflect", [1, 2, 1]),
        ("replicate", [1, 2, 2]),
        ("circular", [1, 2, 1]),
    ],
)
def test_negative_numbers_cut(mode, expected):
    x = np.arange(3.0).reshape(1, 1, 3)
    np.testing.assert_array_equal(array_of(F.pad(tensor(x), (-1, 1), mode))[0, 0], expected)
    check(lambda x: F.pad(x, (-1, 1), mode), [x], np.random.default_rng(3))


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (((1,),), RuntimeError, "divisible by 2"),
        (((1, 1) * 4,), RuntimeError, "two times the input dimension"),
        (((1, 1), "mirror"), NotImplementedError, "Unrecognised padding mode"),
        (((1, 1), "reflect", 2.0), RuntimeError, "take in value"),
        (((5, 0), "reflect"), RuntimeError, "less than the corresponding"),
        (((6, 0), "circular"), RuntimeError, "no larger than the corresponding"),
        (((1, 1) * 3, "reflect"), NotImplementedError, "Padding size 6 is not supported"),
        (((-3, -3),), RuntimeError, "cut more off"),
    ],
)
def test_borders_that_cannot_be(arguments, kind, words):
    with pytest.raises(kind, match=words):
        F.pad(tensor(np.zeros((2, 3, 5))), *arguments)


@pytest.mark.parametrize("mode", MODES)
def test_a_border_is_a_copy(mode):
    x = leaf(np.zeros((1, 2, 3)))
    with minigrad.no_grad():
        F.pad(x, (0, 0), mode).add_(1)
    assert (array_of(x) == 0).all()

"""Interpolation, sampling at given places, shuffles and neighbouring channels, against their definitions."""

import math

import numpy as np
import pytest

import minigrad.nn.functional as F
from minigrad import nn
from tests.gradients import array_of, check, tensor

MODES = {
    1: ("nearest", "nearest-exact", "linear", "area"),
    2: ("bilinear", "bicubic", "nearest"),
    3: ("trilinear", "area"),
}
CASES = [(mode, ndim) for ndim, modes in MODES.items() for mode in modes]


def drawn(*shape, seed: int = 0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize(("mode", "ndim"), CASES)
def test_gradients_of_interpolation(mode, ndim, aligned):
    x = drawn(2, 2, *(4, 5, 3)[:ndim])
    corners = (
        {"align_corners": True} if aligned and mode in ("linear", "bilinear", "bicubic", "trilinear") else {}
    )
    for size in ((6, 3, 4)[:ndim], (2, 9, 1)[:ndim]):
        check(
            lambda x, size=size: F.interpolate(x, size, mode=mode, **corners), [x], np.random.default_rng(1)
        )


@pytest.mark.parametrize("mode", ["linear", "bilinear", "trilinear"])
@pytest.mark.parametrize("aligned", [False, True])
def test_a_straight_line_stays_one_between_its_ends(mode, aligned):
    ndim = {"linear": 1, "trilinear": 3}.get(mode, 2)
    line = np.arange(8.0)
    x = sum(np.meshgrid(*[line] * ndim, indexing="ij"))[None, None]
    out = array_of(F.interpolate(tensor(x), scale_factor=2, mode=mode, align_corners=aligned))[0, 0]
    step = 7 / 15 if aligned else 0.5
    middle = out[(slice(4, 12),) * ndim]
    for axis in range(ndim):
        np.testing.assert_allclose(np.diff(middle, axis=axis), step)


def test_constants_stay_constant():
    x = tensor(np.full((1, 1, 5, 7), 3.5))
    for mode in ("bilinear", "bicubic", "lanczos"):
        for size in ((3, 4), (9, 11)):
            out = F.interpolate(x, size, mode=mode, antialias=True)
            np.testing.assert_allclose(array_of(out), 3.5)


def test_antialiasing_by_a_whole_factor_weighs_a_triangle():
    x = drawn(1, 1, 12, 1)
    out = array_of(F.interpolate(tensor(x), (6, 1), mode="bilinear", antialias=True))[0, 0, :, 0]
    weights = np.array([1, 3, 3, 1]) / 8
    np.testing.assert_allclose(out[2], (x[0, 0, 3:7, 0] * weights).sum())


def test_nearest_repeats_and_takes_integers():
    x = np.arange(6).reshape(1, 1, 2, 3)
    out = array_of(F.interpolate(tensor(x), scale_factor=(2, 3)))
    np.testing.assert_array_equal(out, x.repeat(2, 2).repeat(3, 3))


def test_a_factor_counts_as_it_is_given_unless_recomputed():
    x = tensor(np.arange(5.0).reshape(1, 1, 5))
    given = array_of(F.interpolate(x, scale_factor=1.5, mode="linear"))
    recomputed = array_of(F.interpolate(x, scale_factor=1.5, mode="linear", recompute_scale_factor=True))
    assert given.shape == recomputed.shape == (1, 1, 7)
    np.testing.assert_allclose(recomputed, array_of(F.interpolate(x, 7, mode="linear")))
    assert abs(given - recomputed).max() > 0.01


# ---- at given places ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "nearest"])
def test_gradients_of_sampling(mode, padding_mode, aligned):
    rng = np.random.default_rng(2)
    x, grid = drawn(2, 2, 4, 5), rng.uniform(-1.6, 1.6, (2, 3, 4, 2))

    def f(x, grid):
        return F.grid_sample(x, grid, mode, padding_mode, aligned)

    if mode == "nearest":
        check(lambda x: f(x, tensor(grid)), [x], rng)
    else:
        check(f, [x, grid], rng)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("aligned", [False, True])
def test_the_identity_map_gives_the_input_back(ndim, aligned):
    x = drawn(2, 3, *(3, 4, 5)[:ndim])
    theta = np.broadcast_to(np.eye(ndim, ndim + 1), (2, ndim, ndim + 1))
    grid = F.affine_grid(tensor(theta), x.shape, aligned)
    assert grid.shape == (2, *x.shape[2:], ndim)
    np.testing.assert_allclose(array_of(F.grid_sample(tensor(x), grid, align_corners=aligned)), x, atol=1e-12)


def test_x_comes_first():
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    corners = np.array([[[[-1.0, -1.0], [1, -1], [-1, 1], [1, 1], [0, 0]]]])
    out = array_of(F.grid_sample(tensor(x), tensor(corners), align_corners=True))
    np.testing.assert_allclose(out[0, 0, 0], [0, 3, 8, 11, 5.5])


def test_gradients_of_affine_maps():
    check(lambda theta: F.affine_grid(theta, (2, 1, 3, 4), False), [drawn(2, 2, 3)], np.random.default_rng(3))


def test_unsaid_corners_are_warned_of():
    x, grid = tensor(np.zeros((1, 1, 2, 2))), tensor(np.zeros((1, 1, 1, 2)))
    with pytest.warns(UserWarning, match="align_corners=False since 1.3.0"):
        F.grid_sample(x, grid)


# ---- channels ----------------------------------------------------------------------------------------------
def test_pixels_shuffled_and_back():
    x = drawn(2, 8, 3, 2)
    out = F.pixel_shuffle(tensor(x), 2)
    assert out.shape == (2, 2, 6, 4)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        np.testing.assert_array_equal(array_of(out)[:, :, i::2, j::2], x[:, 2 * i + j :: 4])
    np.testing.assert_array_equal(array_of(F.pixel_unshuffle(out, 2)), x)
    check(lambda x: F.pixel_unshuffle(F.pixel_shuffle(x, 2) ** 2, 2), [x], np.random.default_rng(4))


def test_channels_are_dealt_out():
    x = np.arange(6.0).reshape(1, 6, 1)
    np.testing.assert_array_equal(array_of(F.channel_shuffle(tensor(x), 2))[0, :, 0], [0, 3, 1, 4, 2, 5])


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 4, 3, 2)])
def test_neighbouring_channels(size, shape):
    x = drawn(*shape)
    out = array_of(F.local_response_norm(tensor(x), size, 0.3, 0.5, 2.0))
    for c in range(4):
        low, high = max(c - size // 2, 0), c + (size - 1) // 2 + 1
        mean = (x[:, low:high] ** 2).sum(1) / size
        np.testing.assert_allclose(out[:, c], x[:, c] / (2.0 + 0.3 * mean) ** 0.5)
    check(lambda x: F.local_response_norm(x, size, 0.3, 0.5, 2.0), [x], np.random.default_rng(5))


# ---- refusals ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda x: F.interpolate(x), ValueError, "either size or scale_factor"),
        (lambda x: F.interpolate(x, 2, 2), ValueError, "only one of size or scale_factor"),
        (lambda x: F.interpolate(x, (2, 3)), ValueError, "same number of spatial dimensions"),
        (
            lambda x: F.interpolate(x, 2, mode="bilinear"),
            NotImplementedError,
            "Got 3D input, but bilinear mode needs 4D",
        ),
        (lambda x: F.interpolate(x, 2, mode="cubic"), NotImplementedError, "for the modes"),
        (lambda x: F.interpolate(x, 2, align_corners=True), ValueError, "align_corners option"),
        (lambda x: F.interpolate(x, 2, mode="linear", antialias=True), ValueError, "Anti-alias option"),
        (lambda x: F.interpolate(x[None], 2, mode="lanczos"), ValueError, "requires antialias=True"),
        (lambda x: F.interpolate(x, 0), RuntimeError, "sizes should be greater than 0"),
        (lambda x: F.interpolate(x.long(), 2, mode="linear"), NotImplementedError, "not implemented for"),
        (lambda x: F.interpolate(x, 2, recompute_scale_factor=True), ValueError, "not meaningful"),
        (lambda x: F.grid_sample(x[None], x, align_corners=True), RuntimeError, "expected input"),
        (lambda x: F.grid_sample(x[None], x[None], "cubic", align_corners=True), ValueError, "expected mode"),
        (lambda x: F.grid_sample(x[None], x[None], padding_mode="wrap"), ValueError, "expected padding_mode"),
        (lambda x: F.affine_grid(x, (2, 3, 4, 5), True), ValueError, "Expected a batch of affine matrices"),
        (lambda x: F.pixel_shuffle(x, 2), RuntimeError, "divisible by the square"),
        (lambda x: F.pixel_shuffle(x[0], 2), RuntimeError, "at least 3 dimensions"),
        (lambda x: F.pixel_unshuffle(x, 2), RuntimeError, "divisible by downscale_factor"),
        (lambda x: F.channel_shuffle(x, 2), RuntimeError, "must be divisible by groups"),
        (lambda x: F.local_response_norm(x[0], 2), ValueError, "Expected 3D or higher"),
    ],
)
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=words):
        call(tensor(drawn(2, 3, 7)))


def test_layers_say_what_they_do():
    assert repr(nn.Upsample(scale_factor=2)) == "Upsample(scale_factor=2.0, mode='nearest')"
    assert math.prod(nn.UpsamplingBilinear2d(size=(3, 4))(tensor(np.ones((1, 1, 2, 2)))).shape) == 12

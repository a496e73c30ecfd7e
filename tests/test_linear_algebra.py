"""Decompositions, Fourier transforms, special functions: what they must satisfy, and their gradients."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import fft, linalg, special
from minigrad.autograd import gradcheck, gradgradcheck


def drawn(*shape, seed=0, kind=float):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    return mg.tensor(values + 1j * rng.standard_normal(shape) if kind is complex else values)


def close(found, expected):
    expected = expected.detach() if isinstance(expected, mg.Tensor) else expected
    np.testing.assert_allclose(found.detach(), expected, atol=1e-9)


def hermitian(x):
    return x + x.mH


def definite(x):
    return x @ x.mH + mg.eye(x.shape[-1], dtype=mg.float64)


# ---- decompositions --------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [float, complex])
def test_decompositions_give_back_the_matrix(kind):
    A, tall, wide = drawn(2, 3, 3, kind=kind), drawn(4, 3, kind=kind), drawn(3, 4, kind=kind)
    close(linalg.inv(A) @ A, np.broadcast_to(np.eye(3), (2, 3, 3)))
    close(linalg.solve(A, A @ A), A)
    L = linalg.cholesky(definite(A))
    close(L @ L.mH, definite(A))
    for matrix in (tall, wide):
        Q, R = linalg.qr(matrix)
        close(Q @ R, matrix)
        U, S, Vh = linalg.svd(matrix, full_matrices=False)
        close((U * S) @ Vh, matrix)
        close(linalg.pinv(matrix) @ matrix @ linalg.pinv(matrix), linalg.pinv(matrix))
        assert linalg.svd(matrix)[0].shape == (matrix.shape[0],) * 2
    w, V = linalg.eigh(hermitian(A))
    close((V * w[..., None, :]) @ V.mH, hermitian(A))
    w, V = linalg.eig(A)
    close(A.to(mg.complex128) @ V, V * w[..., None, :])
    sign, logarithm = linalg.slogdet(A)
    close(sign * logarithm.exp(), linalg.det(A))


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("shape", [(2, 4, 4), (5, 3), (3, 5)])
def test_lu_gives_back_the_matrix(shape, kind):
    """P L U is the matrix, with ones on L's diagonal and no element of it above 1 but for what pivoting
    saw.
    """
    A = drawn(*shape, kind=kind)
    P, L, U = linalg.lu(A)
    close(P.to(A.dtype) @ L @ U, A)
    packed, pivots = linalg.lu_factor(A)
    assert pivots.dtype is mg.int32
    for found, part in zip(mg.lu_unpack(packed, pivots), (P, L, U), strict=True):
        close(found, part)
    again = A.clone().requires_grad_()  # what has a gradient is computed by another way
    close(linalg.lu_factor(again).LU, packed)
    close(L.diagonal(0, -2, -1), np.ones_like(L.diagonal(0, -2, -1)))
    assert L.abs().max() <= 1.0000001 if kind is float else L.abs().max() <= 1.5


@pytest.mark.parametrize("kind", [float, complex])
def test_equations_by_lu(kind):
    A, B = drawn(2, 3, 3, kind=kind), drawn(2, 3, 2, seed=1, kind=kind)
    factors = linalg.lu_factor(A)
    close(A @ linalg.lu_solve(*factors, B), B)
    close(A.mH @ linalg.lu_solve(*factors, B, adjoint=True), B)
    close(linalg.lu_solve(*factors, B.mT, left=False) @ A, B.mT)
    close(mg.lu_solve(B, *factors), linalg.lu_solve(*factors, B))
    close(B.lu_solve(*A.lu()), linalg.lu_solve(*factors, B))


@pytest.mark.parametrize("kind", [float, complex])
def test_reflections_make_q(kind):
    A, B = drawn(2, 4, 3, kind=kind), drawn(2, 4, 4, seed=1, kind=kind)
    packed, tau = mg.geqrf(A)
    Q, whole = mg.orgqr(packed, tau), mg.ormqr(packed, tau, mg.eye(4, dtype=A.dtype).expand(2, 4, 4))
    close(Q @ packed.triu()[..., :3, :], A)
    close(whole @ whole.mH, np.broadcast_to(np.eye(4), (2, 4, 4)))
    close(whole[..., :3], Q)
    close(mg.ormqr(packed, tau, B), whole @ B)
    close(mg.ormqr(packed, tau, B, transpose=True), whole.mH @ B)
    close(mg.ormqr(packed, tau, B, left=False), B @ whole)
    close(mg.ormqr(packed, tau, B, False, True), B @ whole.mH)
    with pytest.raises(NotImplementedError, match="geqrf"):
        mg.geqrf(A.requires_grad_())[0].abs().sum().backward()


def test_a_singular_matrix_is_told_of_by_lu():
    A = mg.tensor([[1.0, 2.0], [2.0, 4.0]])
    assert linalg.lu_factor_ex(A).info == 2
    with pytest.raises(RuntimeError, match="U\\[2,2\\] is zero"):
        linalg.lu_factor(A)


DIFFERENTIABLE = {
    "inv": (linalg.inv, (2, 3, 3)),
    "det": (linalg.det, (2, 3, 3)),
    "slogdet": (lambda x: linalg.slogdet(x)[1], (3, 3)),
    "cholesky": (lambda x: linalg.cholesky(definite(x)), (3, 3)),
    "qr, tall": (lambda x: linalg.qr(x)[1].abs(), (4, 3)),
    "qr, wide": (lambda x: linalg.qr(x)[1].abs(), (3, 4)),
    "eigh, values": (lambda x: linalg.eigh(hermitian(x))[0], (3, 3)),
    "eigh, vectors": (lambda x: linalg.eigh(hermitian(x))[1].abs(), (3, 3)),
    "eigvalsh": (lambda x: linalg.eigvalsh(hermitian(x)), (3, 3)),
    "eig, values": (lambda x: linalg.eigvals(x).abs(), (3, 3)),
    "eig, vectors": (lambda x: linalg.eig(x)[1].abs(), (3, 3)),
    "svd, tall": (lambda x: tuple(t.abs() for t in linalg.svd(x, full_matrices=False)), (4, 3)),
    "svd, wide": (lambda x: tuple(t.abs() for t in linalg.svd(x, full_matrices=False)), (3, 4)),
    "svd, full": (lambda x: linalg.svd(x)[0][:, :3].abs(), (4, 3)),
    "svdvals": (linalg.svdvals, (4, 3)),
    "pinv": (linalg.pinv, (4, 3)),
    "matrix_power": (lambda x: linalg.matrix_power(x, 5), (3, 3)),
    "matrix_power, negative": (lambda x: linalg.matrix_power(x, -2), (3, 3)),
    "nuclear norm": (lambda x: linalg.norm(x, "nuc"), (4, 3)),
    "spectral norm": (lambda x: linalg.norm(x, 2), (4, 3)),
    "row sums": (lambda x: linalg.norm(x, math.inf), (4, 3)),
    "cond": (linalg.cond, (3, 3)),
    "lu": (lambda x: linalg.lu(x)[1:], (2, 3, 3)),
    "lu, tall": (lambda x: linalg.lu(x)[1:], (4, 3)),
    "lu, wide": (lambda x: linalg.lu(x)[1:], (3, 4)),
    "lu_factor": (lambda x: linalg.lu_factor(x).LU, (2, 3, 3)),
    "lu_unpack": (lambda x: mg.lu_unpack(x, linalg.lu_factor(x.detach()).pivots)[1:], (4, 3)),
    "lu_solve": (lambda x: linalg.lu_solve(*linalg.lu_factor(x), x), (3, 3)),
    "lu_solve, adjoint": (lambda x: linalg.lu_solve(*linalg.lu_factor(x), x @ x, adjoint=True), (3, 3)),
    "cholesky_solve": (lambda x: mg.cholesky_solve(x, linalg.cholesky(definite(x))), (3, 3)),
    "householder_product": (lambda x: linalg.householder_product(x, x[0, :2]), (4, 3)),
    "ormqr": (lambda x: mg.ormqr(x, x[0, :2], x), (4, 3)),
    "ormqr, right": (lambda x: mg.ormqr(x, x[0], x.mT, left=False, transpose=True), (4, 3)),
    "lstsq": (lambda x: linalg.lstsq(x, x @ x.mH, driver="gels")[:2], (4, 3)),
    "vander": (lambda x: linalg.vander(x, 3), (3,)),
    "cross": (lambda x: linalg.cross(x, x.flip(0) + 1), (2, 3)),
}


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_of_first_and_second_order(name, kind):
    function, shape = DIFFERENTIABLE[name]
    x = drawn(*shape, seed=3, kind=kind).requires_grad_()
    assert gradcheck(function, x)
    assert gradgradcheck(function, x)


@pytest.mark.parametrize("kind", [float, complex])
def test_gradients_of_equations(kind):
    A, B = drawn(3, 3, kind=kind).requires_grad_(), drawn(3, 2, seed=1, kind=kind).requires_grad_()
    for function in (linalg.solve, lambda a, b: linalg.solve_triangular(a, b, upper=True)):
        assert gradcheck(function, (A, B))
        assert gradgradcheck(function, (A, B))


def test_wrong_gradient_of_a_decomposition_would_be_seen():
    """The checks above can fail: the phase that singular vectors share is not theirs to choose."""
    x = drawn(3, 3, kind=complex).requires_grad_()
    assert not gradcheck(lambda x: linalg.svd(x)[0].real, x, raise_exception=False)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: linalg.inv(mg.zeros(2, 2)), "Singular"),
        (lambda: linalg.inv(mg.zeros(2, 3)), "square"),
        (lambda: linalg.cholesky(-mg.eye(2)), "positive definite"),
        (lambda: linalg.det(mg.eye(2).long()), "floating point"),
        (lambda: linalg.solve(mg.eye(2), mg.ones(3, 3)), "Incompatible"),
        (lambda: linalg.norm(mg.ones(2, 2), "odd"), "not supported"),
        (lambda: linalg.lu(mg.ones(3)), "2 dimensions"),
        (lambda: linalg.lu_solve(mg.ones(3, 2), mg.ones(2).int(), mg.ones(3, 2)), "square"),
        (lambda: mg.lu_unpack(mg.ones(3, 2), mg.ones(2).long()), "int32"),
        (lambda: linalg.householder_product(mg.ones(2, 3), mg.ones(3)), "per row"),
        (lambda: mg.ormqr(mg.ones(3, 2), mg.ones(2), mg.ones(2, 2)), "must be equal"),
        (lambda: linalg.cross(mg.ones(2, 3), mg.ones(2, 1)), "length 3"),
    ],
)
def test_refusals_say_why(call, words):
    with pytest.raises(RuntimeError, match=words):
        call()


# ---- Fourier transforms ----------------------------------------------------------------------------------
TRANSFORMS = {
    "fft": complex,
    "ifft": complex,
    "rfft": float,
    "irfft": complex,
    "hfft": complex,
    "ihfft": float,
}


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_are_numpys_and_have_gradients(name, norm):
    x = drawn(2, 6, kind=TRANSFORMS[name]).requires_grad_()
    for size in (None, 5, 8):

        def transform(x, size=size):
            return getattr(fft, name)(x, size, norm=norm)

        close(transform(x), getattr(np.fft, name)(x.detach().numpy(), size, norm=norm))
        assert gradcheck(transform, x)
        assert gradgradcheck(transform, x)


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_transforms_over_several_dimensions(name):
    x = drawn(2, 3, 4, kind=float if name == "rfftn" else complex)
    close(getattr(fft, name)(x), getattr(np.fft, name)(x.numpy()))
    close(getattr(fft, name)(x, (3, 6), (0, 2)), getattr(np.fft, name)(x.numpy(), (3, 6), (0, 2)))


def test_shifts_undo_each_other():
    x = drawn(5, 4)
    close(fft.ifftshift(fft.fftshift(x)), x)
    close(fft.fftshift(fft.fftfreq(5)), np.fft.fftshift(np.fft.fftfreq(5)).astype(np.float32))


@pytest.mark.parametrize(("n_fft", "hop", "window"), [(16, 4, None), (16, 8, "hann"), (15, 5, "hamming")])
def test_short_time_transform_is_undone(n_fft, hop, window):
    signal = drawn(2, 64).requires_grad_()
    weights = None if window is None else getattr(mg, window + "_window")(n_fft, dtype=mg.float64)
    spectra = mg.stft(signal, n_fft, hop, window=weights, return_complex=True)
    assert spectra.shape == (2, n_fft // 2 + 1, 1 + 64 // hop)
    close(mg.istft(spectra, n_fft, hop, window=weights, length=64), signal)

    def sizes(signal):
        return mg.stft(signal, n_fft, hop, window=weights, return_complex=True).abs()

    assert gradcheck(sizes, signal, fast_mode=True)


# ---- special functions -----------------------------------------------------------------------------------
SPECIAL = (
    """entr erf erfc erfcx erfinv expit i0 i0e i1 i1e log_ndtr logit ndtr ndtri psi gammaln sinc""".split()
)


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_are_scipys_and_have_gradients(name):
    scipy_special = pytest.importorskip("scipy.special")
    x = mg.tensor([0.1, 0.35, 0.7], dtype=mg.float64).requires_grad_()
    function = getattr(special, name)
    reference = np.sinc if name == "sinc" else getattr(scipy_special, name)
    close(function(x), reference(x.detach().numpy()))
    assert gradcheck(function, x)
    assert gradgradcheck(function, x)


def test_special_functions_of_two():
    pytest.importorskip("scipy.special")
    x, y = drawn(3).abs().requires_grad_(), drawn(3, seed=1).abs().requires_grad_()
    assert gradcheck(special.xlogy, (x, y))
    assert gradcheck(special.xlog1py, (x, y))
    assert gradcheck(lambda y: special.gammainc(x.detach(), y), y)
    assert gradcheck(lambda x: special.polygamma(2, x), x)
    with pytest.raises(NotImplementedError, match="derivative"):
        special.gammainc(x, y).sum().backward()


BY_SCIPY = {
    "airy_ai": lambda s, x: s.airy(x)[0],
    "bessel_j0": lambda s, x: s.jv(0, x),
    "bessel_j1": lambda s, x: s.jv(1, x),
    "bessel_y0": lambda s, x: s.yv(0, x),
    "bessel_y1": lambda s, x: s.yv(1, x),
    "modified_bessel_i0": lambda s, x: s.iv(0, x),
    "modified_bessel_i1": lambda s, x: s.iv(1, x),
    "modified_bessel_k0": lambda s, x: s.kv(0, x),
    "modified_bessel_k1": lambda s, x: s.kv(1, x),
    "scaled_modified_bessel_k0": lambda s, x: s.kve(0, x),
    "scaled_modified_bessel_k1": lambda s, x: s.kve(1, x),
    "spherical_bessel_j0": lambda s, x: np.sin(x) / x,
}


@pytest.mark.parametrize("name", BY_SCIPY)
def test_bessel_functions_are_scipys(name):
    scipy_special = pytest.importorskip("scipy.special")
    x = drawn(2, 5).abs()
    close(getattr(special, name)(x), BY_SCIPY[name](scipy_special, x.numpy()))
    assert getattr(special, name)(mg.tensor([1, 2])).dtype is mg.float32


ANGLE = np.array([0.3, 1.1, 2.5])
X = np.cos(ANGLE)
POLYNOMIALS = {
    "chebyshev_polynomial_t": lambda n: np.cos(n * ANGLE),
    "chebyshev_polynomial_u": lambda n: np.sin((n + 1) * ANGLE) / np.sin(ANGLE),
    "chebyshev_polynomial_v": lambda n: np.cos((n + 0.5) * ANGLE) / np.cos(ANGLE / 2),
    "chebyshev_polynomial_w": lambda n: np.sin((n + 0.5) * ANGLE) / np.sin(ANGLE / 2),
    "hermite_polynomial_h": lambda n: np.polynomial.hermite.Hermite.basis(n)(X),
    "hermite_polynomial_he": lambda n: np.polynomial.hermite_e.HermiteE.basis(n)(X),
    "laguerre_polynomial_l": lambda n: np.polynomial.laguerre.Laguerre.basis(n)(X),
    "legendre_polynomial_p": lambda n: np.polynomial.legendre.Legendre.basis(n)(X),
}


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials_are_what_defines_them(name):
    """Of tensors and numbers; zero for a negative degree; the shifted ones at (x + 1) / 2."""
    pytest.importorskip("scipy.special")
    function, x = getattr(special, name), mg.tensor(X)
    for n in range(6):
        close(function(x, n), POLYNOMIALS[name](n))
        close(function(x, mg.tensor(n + 0.5)), POLYNOMIALS[name](n))
        if name.startswith("chebyshev"):
            close(getattr(special, "shifted_" + name)((x + 1) / 2, n), POLYNOMIALS[name](n))
    close(function(x, -1), np.zeros(3))
    close(function(X[0], mg.tensor([2.0, 3.0], dtype=mg.float64)), [POLYNOMIALS[name](n)[0] for n in (2, 3)])


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_the_gradient_of_cholesky_is_hermitian(dtype):
    """Only the Hermitian part of a change keeps a matrix Hermitian, so only that has a gradient."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((3, 3)) + (1j * rng.standard_normal((3, 3)) if dtype is np.complex128 else 0)
    A = mg.tensor(x @ x.conj().T + np.eye(3), requires_grad=True)
    weights = mg.tensor(rng.standard_normal((3, 3)))
    (mg.linalg.cholesky(A).real * weights).sum().backward()
    g = A.grad.numpy()
    assert abs(g - np.diag(np.diag(g))).max() > 0.01
    np.testing.assert_allclose(g, g.conj().T, atol=1e-12)

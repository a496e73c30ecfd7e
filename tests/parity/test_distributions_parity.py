"""Distributions beside PyTorch's: the same facts, densities, samples and gradients."""

import inspect

import numpy as np
import pytest
from distribution_cases import BATCH, CASES, NAMES, build, is_discrete

torch = pytest.importorskip("torch")

import minigrad  # noqa: E402
from minigrad import distributions  # noqa: E402

FACTS = ["mean", "mode", "variance", "stddev"]
#: whose gradients PyTorch approximates: good to about 1e-3
APPROXIMATED = """Gamma Chi2 Beta Dirichlet InverseGamma StudentT FisherSnedecor""".split()


def pair(name, dtype="float64", seed=0):
    """The same distribution here and in PyTorch, with the parameters of each."""
    ours = build(name, distributions, lambda a: minigrad.from_numpy(a.astype(dtype)).requires_grad_(), seed)
    theirs = build(
        name, torch.distributions, lambda a: torch.from_numpy(a.astype(dtype)).requires_grad_(), seed
    )
    return ours, theirs


def array(tensor):
    return np.asarray(tensor.detach())


def assert_close(found, expected, rtol=1e-9, atol=1e-11):
    assert str(found.dtype) == str(expected.dtype)
    np.testing.assert_allclose(array(found), array(expected), rtol=rtol, atol=atol)


def both(f, ours, theirs):
    """What f gives for each, where it is not NotImplementedError for both."""
    results = []
    for d in (ours, theirs):
        try:
            results.append(f(d))
        except NotImplementedError:
            results.append(None)
    assert (results[0] is None) == (results[1] is None), results
    return results


def drawn(f, ours, theirs, seed=3):
    """The same draw from both, and the streams at the same place behind it."""
    found = []
    for lib, d in ((minigrad, ours), (torch, theirs)):
        lib.manual_seed(seed)
        found.append(f(d))
        found.append(lib.rand(1).item())
    assert found[1] == found[3]
    return found[0], found[2]


def gradients(parameters, result):
    """Gradients of a random mixture of the result's elements, as arrays by parameter."""
    cotangent = np.random.default_rng(5).standard_normal(tuple(result.shape))
    for p in parameters.values():
        p.grad = None
    if not result.requires_grad:
        return {}
    make = minigrad.from_numpy if isinstance(result, minigrad.Tensor) else torch.from_numpy
    (result * make(np.asarray(cotangent, array(result).dtype))).sum().backward()
    return {key: None if p.grad is None else array(p.grad) for key, p in parameters.items()}


def assert_same_gradients(ours, theirs, rtol=1e-8):
    for key in ours.keys() | theirs.keys():
        a, b = ours.get(key), theirs.get(key)
        assert (a is None or not a.any()) == (b is None or not b.any()), key
        if b is not None and b.any():
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * 0.1)


@pytest.mark.parametrize("name", NAMES)
def test_facts(name):
    (ours, _), (theirs, _) = pair(name)
    for fact in ("batch_shape", "event_shape", "has_rsample", "has_enumerate_support"):
        assert getattr(ours, fact) == getattr(theirs, fact)
    for fact in FACTS:
        found, expected = both(lambda d, fact=fact: getattr(d, fact), ours, theirs)
        if found is not None and (name, fact) != ("Kumaraswamy", "mode"):  # PyTorch's is NaN
            assert_close(found, expected)
    assert set(ours.arg_constraints) == set(theirs.arg_constraints)
    if "support" not in name:
        assert repr(ours).split("(")[0] == repr(theirs).split("(")[0]


@pytest.mark.parametrize("name", NAMES)
def test_entropy(name):
    (ours, mine), (theirs, wanted) = pair(name)
    found, expected = both(lambda d: d.entropy(), ours, theirs)
    if found is not None:
        rtol = 1e-7 if "Multinomial" in name else 1e-9  # PyTorch has log(n!) in float32
        assert_close(found, expected, rtol)
        assert_same_gradients(gradients(mine, found), gradients(wanted, expected))
        if rtol < 1e-8:
            assert_close(ours.perplexity(), theirs.perplexity())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_samples(name, dtype):
    (ours, _), (theirs, _) = pair(name, dtype)
    rtol, atol = (5e-5, 5e-6) if dtype == "float32" else (1e-10, 1e-11)
    for shape in ((), (5,), (2, 3)):
        found, expected = drawn(lambda d, shape=shape: d.sample(shape), ours, theirs)
        assert_close(found, expected, rtol, atol)
        assert not found.requires_grad


@pytest.mark.parametrize("name", [n for n in NAMES if not is_discrete(n)])
def test_rsample(name):
    (ours, mine), (theirs, wanted) = pair(name)
    found, expected = drawn(lambda d: d.rsample((5,)), ours, theirs)
    assert_close(found, expected, 1e-10, 1e-11)
    rough = any(name == a or name.endswith(a) for a in APPROXIMATED)
    assert_same_gradients(gradients(mine, found), gradients(wanted, expected), 4e-3 if rough else 1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_log_prob(name):
    (ours, mine), (theirs, wanted) = pair(name)
    value, same = drawn(lambda d: d.sample((5,)), ours, theirs)
    found, expected = ours.log_prob(value), theirs.log_prob(same)
    assert_close(found, expected, 1e-8, 1e-9)
    assert_same_gradients(gradients(mine, found), gradients(wanted, expected), 1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_distribution_function(name):
    (ours, mine), (theirs, wanted) = pair(name)
    value, same = drawn(lambda d: d.sample((5,)), ours, theirs)
    found, expected = both(
        lambda d: d.cdf(value if d is ours else same),
        ours,
        theirs,
    )
    if found is not None:
        assert_close(found, expected, 1e-9, 1e-10)
        if "Gamma" not in name and name != "Chi2":  # the derivative by concentration, in neither
            assert_same_gradients(gradients(mine, found), gradients(wanted, expected), 1e-7)
    p = np.random.default_rng(1).uniform(0.05, 0.95, (5, *ours.batch_shape, *ours.event_shape))
    found, expected = both(
        lambda d: d.icdf(minigrad.from_numpy(p) if d is ours else torch.from_numpy(p)), ours, theirs
    )
    if found is not None:
        assert_close(found, expected, 1e-8, 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_expanded(name):
    (ours, _), (theirs, _) = pair(name)
    wider = (4, *ours.batch_shape)
    ours, theirs = ours.expand(wider), theirs.expand(wider)
    assert (ours.batch_shape, ours.event_shape) == (theirs.batch_shape, theirs.event_shape)
    value, same = drawn(lambda d: d.sample((2,)), ours, theirs)
    assert_close(value, same, 1e-10, 1e-11)
    assert_close(ours.log_prob(value), theirs.log_prob(same), 1e-8, 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_enumerated(name):
    (ours, _), (theirs, _) = pair(name)
    for expand in (True, False):
        found, expected = both(lambda d, expand=expand: d.enumerate_support(expand), ours, theirs)
        if found is not None:
            assert_close(found, expected)


@pytest.mark.parametrize("name", NAMES)
def test_support(name):
    """The constraints agree inside and outside, and refuse the same values."""
    (ours, _), (theirs, _) = pair(name)
    value, same = drawn(lambda d: d.sample((3,)), ours, theirs)
    assert ours.support.event_dim == theirs.support.event_dim
    assert ours.support.is_discrete == theirs.support.is_discrete
    for move in (lambda v: v, lambda v: v - 40, lambda v: v + 0.5, lambda v: v * float("nan")):
        a, b = ours.support.check(move(value)), theirs.support.check(move(same))
        np.testing.assert_array_equal(array(a), array(b))


@pytest.mark.parametrize("name", CASES)
def test_refused_parameters(name):
    """What PyTorch refuses as a parameter is refused here, and nothing else."""
    cls, kinds = CASES[name]
    for key, kind in kinds.items():
        if not callable(kind):
            continue
        for spoil in (lambda a: a - 30, lambda a: a * np.nan, lambda a: a * 3, lambda a: a * 0):
            given = {
                k: spoil(np.asarray(f(np.random.default_rng(2)))) if k == key else f(np.random.default_rng(2))
                for k, f in kinds.items()
                if callable(f)
            } | {k: f for k, f in kinds.items() if not callable(f)}
            refused = []
            for lib, make in ((distributions, minigrad.from_numpy), (torch.distributions, torch.from_numpy)):
                tensors = {k: make(np.asarray(v)) if not isinstance(v, int) else v for k, v in given.items()}
                try:
                    getattr(lib, cls)(**tensors)
                    refused.append(None)
                except (ValueError, RuntimeError) as error:
                    refused.append(type(error))
            assert refused[0] == refused[1], (key, given[key])


NUMBERS = {
    "Normal": (0.3, 2.0),
    "Laplace": (1, 2),
    "Uniform": (-1.0, 2.0),
    "Gamma": (2.0, 0.5),
    "Beta": (2.0, 3.0),
    "Bernoulli": (0.3,),
    "Exponential": (2.0,),
    "Poisson": (3.0,),
    "Gumbel": (1.0, 2.0),
    "HalfNormal": (2.0,),
    "Pareto": (1.0, 4.0),
    "StudentT": (5.0,),
    "Weibull": (1.0, 2.0),
    "LogNormal": (0.0, 0.5),
    "Chi2": (3.0,),
    "Geometric": (0.4,),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_as_parameters(name):
    ours, theirs = (getattr(d, name)(*NUMBERS[name]) for d in (distributions, torch.distributions))
    assert ours.batch_shape == theirs.batch_shape == ()
    value, same = drawn(lambda d: d.sample((4,)), ours, theirs)
    assert_close(value, same, 1e-5, 1e-6)
    assert_close(ours.log_prob(value), theirs.log_prob(same), 1e-5, 1e-5)
    assert repr(ours) == repr(theirs)


def test_signatures():
    for name in sorted({cls for cls, _ in CASES.values()} | {"Independent", "MixtureSameFamily"}):
        found, expected = (
            [(p.name, p.default) for p in inspect.signature(getattr(d, name).__init__).parameters.values()]
            for d in (distributions, torch.distributions)
        )
        assert found == expected, name
    missing = set(torch.distributions.__all__) - set(dir(distributions))
    assert missing == set(distributions._MISSING)


# ---- divergences -----------------------------------------------------------------------------------------
def parameters_of(cls, rng, make):
    """A distribution on shared support wherever it has one."""
    draw = {
        "Uniform": lambda: (rng.uniform(0.1, 0.3, BATCH), rng.uniform(0.6, 0.9, BATCH)),
        "Pareto": lambda: (rng.uniform(0.5, 1, BATCH), rng.uniform(0.5, 4, BATCH)),
    }.get(cls)
    if draw is None:
        kinds = next(k for c, k in CASES.values() if c == cls)
        draw = lambda: tuple(kind(rng) for kind in kinds.values())  # noqa: E731
    return [make(np.asarray(a)) for a in draw()]


KL = "Normal Laplace Cauchy Exponential Uniform Gamma Beta Dirichlet Poisson Bernoulli Geometric Binomial \
Categorical OneHotCategorical MultivariateNormal HalfNormal Gumbel Pareto LogNormal Chi2 StudentT".split()


@pytest.mark.filterwarnings("ignore:Ambiguous kl_divergence")
@pytest.mark.parametrize("p", KL)
def test_divergences(p):
    for q in KL:
        results = []
        for lib, make in ((distributions, minigrad.from_numpy), (torch.distributions, torch.from_numpy)):
            rng = np.random.default_rng(8)
            shape_p = getattr(lib, p)(*parameters_of(p, rng, make))
            shape_q = getattr(lib, q)(*parameters_of(q, rng, make))
            try:
                results.append(lib.kl_divergence(shape_p, shape_q))
            except (NotImplementedError, RuntimeError, ValueError) as error:
                results.append(type(error).__name__)
        found, expected = results
        if isinstance(expected, str) or isinstance(found, str):
            assert str(found) == str(expected), (p, q)
        else:
            np.testing.assert_allclose(
                array(found), array(expected), rtol=1e-8, atol=1e-9, err_msg=f"{p} {q}"
            )


def test_divergences_of_composed():
    for name in ("Independent", "affine", "LogNormal"):
        (ours, mine), (theirs, wanted) = pair(name)
        (other, _), (their_other, _) = pair(name, seed=0 if name == "affine" else 1)
        found = distributions.kl_divergence(ours, other)
        expected = torch.distributions.kl_divergence(theirs, their_other)
        assert_close(found, expected)
        assert_same_gradients(gradients(mine, found), gradients(wanted, expected))


# ---- transforms ------------------------------------------------------------------------------------------
TRANSFORMS = {
    "exp": (lambda D, t: D.ExpTransform(), (3, 4)),
    "power": (lambda D, t: D.PowerTransform(t([2.0, 0.5, -1.0, 3.0])), (3, 4)),
    "sigmoid": (lambda D, t: D.SigmoidTransform(), (3, 4)),
    "softplus": (lambda D, t: D.SoftplusTransform(), (3, 4)),
    "tanh": (lambda D, t: D.TanhTransform(), (3, 4)),
    "affine": (lambda D, t: D.AffineTransform(t([1.0, 2.0, 3.0, 4.0]), -2.0), (3, 4)),
    "affine of vectors": (lambda D, t: D.AffineTransform(1.0, t([1.0, -2.0, 3.0, 4.0]), event_dim=1), (3, 4)),
    "reshape": (lambda D, t: D.ReshapeTransform((4,), (2, 2)), (3, 4)),
    "stick": (lambda D, t: D.StickBreakingTransform(), (3, 4)),
    "correlation": (lambda D, t: D.CorrCholeskyTransform(), (3, 6)),
    "independent": (lambda D, t: D.IndependentTransform(D.ExpTransform(), 1), (3, 4)),
    "composed": (
        lambda D, t: D.ComposeTransform(
            [D.AffineTransform(0.5, 2.0), D.SigmoidTransform(), D.AffineTransform(1, 3)]
        ),
        (3, 4),
    ),
    "composed vectors": (
        lambda D, t: D.ComposeTransform([D.AffineTransform(0.5, 2.0), D.StickBreakingTransform()]),
        (3, 4),
    ),
    "cat": (lambda D, t: D.CatTransform([D.ExpTransform(), D.TanhTransform()], 1, [3, 1]), (3, 4)),
    "stack": (lambda D, t: D.StackTransform([D.ExpTransform(), D.AffineTransform(1, 2)], 1), (3, 2)),
    "normal's": (lambda D, t: D.CumulativeDistributionTransform(D.Normal(t(0.5), t(2.0))), (3, 4)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(name):
    make, shape = TRANSFORMS[name]
    x = np.random.default_rng(4).standard_normal(shape)
    x = np.abs(x) if name == "power" else x
    found = []
    for m, D in ((minigrad, distributions), (torch, torch.distributions)):
        transform = make(D, lambda v, m=m: m.tensor(v, dtype=m.float64))
        a = m.tensor(x)
        y = transform(a)
        found.append([y, transform.inv(y), transform.log_abs_det_jacobian(a, y)])
        found[-1] += [transform.inv.log_abs_det_jacobian(y, a)]
        shapes = (transform.forward_shape(a.shape), transform.inverse_shape(y.shape))
        found[-1] += [m.tensor(list(s)) for s in shapes]
        assert transform == transform
        assert transform.inv.inv is transform
    for mine, wanted in zip(*found, strict=True):
        assert_close(mine, wanted, 1e-8, 1e-9)


REGISTERED = """real positive nonnegative unit_interval simplex lower_cholesky positive_definite corr_cholesky
real_vector""".split()


@pytest.mark.parametrize("name", REGISTERED)
def test_registries(name):
    x = np.random.default_rng(4).standard_normal((3, 3, 3))
    for which in ("biject_to", "transform_to"):
        found = []
        for m, D in ((minigrad, distributions), (torch, torch.distributions)):
            try:
                found.append(getattr(D, which)(getattr(D.constraints, name))(m.tensor(x)))
            except NotImplementedError:
                found.append(None)
        assert (found[0] is None) == (found[1] is None)
        if found[0] is not None:
            assert_close(found[0], found[1], 1e-9, 1e-10)

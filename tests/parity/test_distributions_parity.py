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


@pytest.fixture(autouse=True)
def double_by_default(request):
    """PyTorch's GeneralizedPareto computes in the default dtype only."""
    before = torch.get_default_dtype()
    if "GeneralizedPareto" in request.node.name and "float32" not in request.node.name:
        torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def rounding_of(name):
    """PyTorch's Bessel functions are good to 1e-7."""
    return (3e-7, 3e-8) if name == "VonMises" else (1e-8, 1e-9)


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
        found.append(lib.rand(1, dtype=lib.float32).item())
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
            assert_close(found, expected, *rounding_of(name))
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
    assert_close(found, expected, *rounding_of(name))
    assert_same_gradients(gradients(mine, found), gradients(wanted, expected), 10 * rounding_of(name)[0])


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
    assert_close(ours.log_prob(value), theirs.log_prob(same), *rounding_of(name))


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
        if not callable(kind) or key.startswith("cov_"):  # of which PyTorch says LinAlgError
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


KL = """Normal Laplace Cauchy Exponential Uniform Gamma Beta Dirichlet Poisson Bernoulli Geometric Binomial
Categorical OneHotCategorical MultivariateNormal HalfNormal Gumbel Pareto LogNormal Chi2 StudentT
ContinuousBernoulli LowRankMultivariateNormal""".split()


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


# ---- whole scripts ---------------------------------------------------------------------------------------
def vae_losses(m):
    """A variational autoencoder's training, loss by loss."""
    m.manual_seed(0)
    D, data = m.distributions, m.rand(64, 12)
    encoder, decoder = m.nn.Linear(12, 8), m.nn.Linear(4, 12)
    opt = m.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.02)
    losses = []
    for _ in range(20):
        loc, scale = encoder(data).chunk(2, -1)
        posterior = D.Independent(D.Normal(loc, m.nn.functional.softplus(scale)), 1)
        prior = D.Independent(D.Normal(m.zeros(4), m.ones(4)), 1)
        likelihood = D.Independent(D.Bernoulli(logits=decoder(posterior.rsample())), 1)
        loss = (D.kl_divergence(posterior, prior) - likelihood.log_prob(data.round())).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses


def policy_losses(m):
    """REINFORCE on a bandit with continuous and discrete actions."""
    m.manual_seed(1)
    D, policy = m.distributions, m.nn.Linear(3, 6)
    opt = m.optim.RMSprop(policy.parameters(), lr=0.02)
    losses = []
    for _ in range(20):
        out = policy(m.randn(32, 3))
        arm, force = D.Categorical(logits=out[:, :4]), D.Normal(out[:, 4], out[:, 5].exp())
        a, f = arm.sample(), force.sample()
        reward = (a == 2).float() - (f - 1).abs()
        loss = -((arm.log_prob(a) + force.log_prob(f)) * reward).mean() - 0.01 * arm.entropy().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses


def fitted_mixture(m):
    """Maximum likelihood of a mixture of gammas, with parameters kept positive by `transform_to`."""
    m.manual_seed(2)
    D = m.distributions
    values = m.cat([D.Gamma(2.0, 1.0).sample((60,)), D.Gamma(9.0, 1.0).sample((40,))])
    positive = D.transform_to(D.constraints.positive)
    weights, free = m.zeros(2, requires_grad=True), m.tensor([[0.0, 1.0], [0.0, 0.5]], requires_grad=True)
    opt = m.optim.Adam([weights, free], lr=0.05)
    losses = []
    for _ in range(20):
        concentration, rate = positive(free)
        loss = (
            -D.MixtureSameFamily(D.Categorical(logits=weights), D.Gamma(concentration, rate))
            .log_prob(values)
            .mean()
        )
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("script", [vae_losses, policy_losses, fitted_mixture])
def test_scripts_print_the_same_losses(script):
    np.testing.assert_allclose(script(minigrad), script(torch), rtol=2e-4, atol=2e-5)

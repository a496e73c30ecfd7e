"""Distributions by what must hold of any: densities integrate to 1, samples have the moments, gradients
of samples are those of the moments. What they say is computed here from `log_prob` alone, by
quadrature or by counting.
"""

import math
import sys

import numpy as np
import pytest
from distribution_cases import BATCH, CASES, NAMES, build, is_discrete

import minigrad as torch
from minigrad import distributions
from minigrad.distributions import constraints
from minigrad.ops.by_element import BY_ELEMENT
from minigrad.ops.implicit import beta_slope, gamma_slope


def made(name, seed=0):
    if name == "VonMises":
        pytest.importorskip("scipy", reason="Bessel functions")
    return build(name, distributions, lambda a: torch.from_numpy(np.array(a)).requires_grad_(), seed)


def scalar(name, seed=0):
    """One distribution over single numbers, with its parameters as 0-d tensors."""
    cls, kinds = CASES[name]
    rng = np.random.default_rng(seed)
    given = {k: torch.tensor(float(kind(rng).flat[0]), dtype=torch.float64) for k, kind in kinds.items()}
    return getattr(distributions, cls)(**given)


# ---- against quadrature and counting ---------------------------------------------------------------------
#: tanh-sinh quadrature: numbers and their weights on the real line, on a half line, and in an interval
T = np.arange(-4.8, 4.8, 1 / 128)
SPREAD, SLOPE = math.pi / 2 * np.sinh(T), math.pi / 2 * np.cosh(T) / 128


def line():
    return np.sinh(SPREAD), SLOPE * np.cosh(SPREAD)


def half(start):
    return start + np.exp(SPREAD), SLOPE * np.exp(SPREAD)


def interval(low, high):
    share = 1 / (1 + np.exp(-2 * SPREAD))
    return low + (high - low) * share, (high - low) * 2 * SLOPE * share / (1 + np.exp(2 * SPREAD))


def places(d):
    """Where to ask for the density of a distribution over single numbers, and with what weights to add it
    up.
    """
    if isinstance(d, distributions.VonMises):
        return interval(-math.pi, math.pi)
    if d.support.is_discrete:
        values = np.arange(400.0)
        return values[np.asarray(d.support.check(torch.from_numpy(values)))], 1.0
    low, high = (getattr(d.support, end, None) for end in ("lower_bound", "upper_bound"))
    if high is not None and math.isfinite(high):
        return interval(float(low), float(high))
    return line() if low is None else half(float(low))


OVER_NUMBERS = """Normal Laplace Cauchy Exponential Uniform Gamma Chi2 Beta Poisson Bernoulli Geometric
Binomial NegativeBinomial LogNormal HalfNormal HalfCauchy Gumbel Weibull Pareto InverseGamma StudentT
FisherSnedecor Kumaraswamy RelaxedBernoulli ContinuousBernoulli GeneralizedPareto""".split()


@pytest.mark.parametrize("name", OVER_NUMBERS)
def test_density_gives_all_the_rest(name):
    """Its integral is 1; mean, variance and entropy, where there are such, are integrals of it."""
    d = scalar(name)
    x, weight = places(d)
    log_density, density = densities(d, x, weight)
    assert density.sum() == pytest.approx(1, abs=1e-5)
    if "Cauchy" in name or name == "RelaxedBernoulli":
        return
    mean = (x * density).sum()
    assert float(d.mean) == pytest.approx(mean, rel=1e-5, abs=1e-9)
    assert float(d.variance) == pytest.approx(((x - mean) ** 2 * density).sum(), rel=1e-4)
    if name not in ("Poisson", "NegativeBinomial", "FisherSnedecor"):
        assert float(d.entropy()) == pytest.approx(-(log_density * density).sum(), rel=1e-5, abs=1e-8)


def densities(d, x, weight):
    """log_prob, and the density with its weights, both 0 where there is next to nothing."""
    log_density = d.log_prob(torch.from_numpy(x)).numpy()
    there = np.abs(log_density) < 600
    log_density = np.where(there, log_density, 0)
    return log_density, there * np.exp(log_density) * weight


@pytest.mark.parametrize("name", [n for n in OVER_NUMBERS if n != "Poisson"])
def test_distribution_function_is_the_integral_of_the_density(name):
    """And icdf takes back what cdf did."""
    if name in ("Normal", "HalfNormal", "Gamma", "Chi2", "InverseGamma", "LogNormal"):
        pytest.importorskip("scipy")
    d = scalar(name)
    if d.support.is_discrete:
        return
    at = torch.from_numpy(np.quantile(d.sample((200,)).numpy(), [0.2, 0.5, 0.9]))
    try:
        found = d.cdf(at)
    except NotImplementedError:
        return
    step = 1e-5 * at.abs()
    slope = (d.cdf(at + step) - d.cdf(at - step)) / (2 * step)
    np.testing.assert_allclose(slope.numpy(), d.log_prob(at).exp().numpy(), rtol=1e-6)
    assert (found > 0).all()
    assert (found < 1).all()
    try:
        back = d.icdf(found)
    except NotImplementedError:
        return
    np.testing.assert_allclose(back.numpy(), at.numpy(), rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_moments_of_samples(name):
    """Mean and variance of many values are what the distribution says, within five standard errors."""
    (d, _), count = made(name), 4000
    torch.manual_seed(1)
    x = d.sample((count,)).double().numpy()
    assert x.shape == (count, *d.batch_shape, *d.event_shape)
    try:
        mean, variance = d.mean.detach().numpy(), d.variance.detach().numpy()
    except NotImplementedError:
        return
    if not np.isfinite(mean).all():
        return
    error = np.sqrt(variance / count)
    if name == "VonMises":  # an angle's mean and variance are circular
        x = np.exp(1j * x)
        np.testing.assert_allclose(np.angle(x.mean(0)), mean, atol=0.12)
        np.testing.assert_allclose(1 - np.abs(x.mean(0)), variance, atol=0.05)
        return
    assert (np.abs(x.mean(0) - mean) < 5 * error + 1e-12).all()
    fourth = ((x - x.mean(0)) ** 4).mean(0)
    assert (np.abs(x.var(0) - variance) < 6 * np.sqrt(fourth / count) + 1e-12).all()


CONTINUOUS = [n for n in OVER_NUMBERS if not is_discrete(n)]


@pytest.mark.parametrize("name", [*CONTINUOUS, "VonMises"])
def test_samples_are_spread_as_the_density_says(name):
    """The share of samples below any point is the integral of the density up to there (Kolmogorov and
    Smirnov).
    """
    if name == "VonMises":
        pytest.importorskip("scipy")
    d, count = scalar(name, 2), 6000
    torch.manual_seed(4)
    samples = np.sort(d.sample((count,)).numpy())
    x, weight = places(d)
    _, density = densities(d, x, weight)
    expected = np.interp(samples, x, np.cumsum(density) - density / 2)
    shares = (np.arange(count) + 0.5) / count
    assert np.abs(expected - shares).max() < 1.6 / math.sqrt(count)


def test_mixtures_by_quadrature():
    rng = np.random.default_rng(7)
    weights, loc, scale = (
        torch.from_numpy(a) for a in (rng.dirichlet([2, 2, 2]), *rng.uniform(0.3, 3, (2, 3)))
    )
    d = distributions.MixtureSameFamily(distributions.Categorical(weights), distributions.Normal(loc, scale))
    x, weight = line()
    _, density = densities(d, x, weight)
    mean = (x * density).sum()
    assert density.sum() == pytest.approx(1, abs=1e-9)
    assert float(d.mean) == pytest.approx(mean, rel=1e-9)
    assert float(d.variance) == pytest.approx(((x - mean) ** 2 * density).sum(), rel=1e-9)
    assert float(d.cdf(torch.tensor(0.7).double())) == pytest.approx(density[x <= 0.7].sum(), abs=0.02)


def test_normal_vectors_by_their_formula():
    """Given by any of three matrices, or with few directions: one density, one entropy, one divergence."""
    rng = np.random.default_rng(6)
    factor, diagonal, loc, x = (
        rng.standard_normal((4, 2)),
        rng.uniform(0.5, 2, 4),
        *rng.standard_normal((2, 4)),
    )
    covariance = factor @ factor.T + np.diag(diagonal)
    precision, lower, away = np.linalg.inv(covariance), np.linalg.cholesky(covariance), x - loc
    logarithm = np.linalg.slogdet(2 * math.pi * covariance)[1]
    of = torch.from_numpy
    ways = [
        distributions.MultivariateNormal(of(loc), of(covariance)),
        distributions.MultivariateNormal(of(loc), precision_matrix=of(precision)),
        distributions.MultivariateNormal(of(loc), scale_tril=of(lower)),
        distributions.LowRankMultivariateNormal(of(loc), of(factor), of(diagonal)),
    ]
    for d in ways:
        assert float(d.log_prob(of(x))) == pytest.approx(
            -0.5 * (logarithm + away @ precision @ away), rel=1e-9
        )
        assert float(d.entropy()) == pytest.approx(0.5 * (logarithm + 4), rel=1e-9)
        for name, matrix in (
            ("covariance_matrix", covariance),
            ("precision_matrix", precision),
            ("scale_tril", lower),
        ):
            np.testing.assert_allclose(getattr(d, name).numpy(), matrix, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(d.variance.numpy(), np.diag(covariance), rtol=1e-9)
        assert float(distributions.kl_divergence(d, ways[0])) == pytest.approx(0, abs=1e-9)


# ---- gradients through samples ---------------------------------------------------------------------------
def gamma_quadrature(x, a):
    """F(x; a) of the gamma distribution."""
    t, w = interval(0.0, x)
    return (t ** (a - 1) * np.exp(-t) * w).sum() / math.gamma(a)


def beta_quadrature(x, a, b):
    t, w = interval(0.0, x)
    return (t ** (a - 1) * (1 - t) ** (b - 1) * w).sum() * math.gamma(a + b) / math.gamma(a) / math.gamma(b)


@pytest.mark.parametrize("a", [0.5, 1.0, 3.0, 20.0])
def test_gamma_values_move_along_their_distribution_function(a):
    """dF/da + f dx/da = 0: a value keeps its place in the distribution."""
    for x in a * np.array([0.1, 0.6, 1.0, 1.7]):
        step = 1e-5
        slope = (gamma_quadrature(x, a + step) - gamma_quadrature(x, a - step)) / (2 * step)
        density = x ** (a - 1) * np.exp(-x) / math.gamma(a)
        assert gamma_slope(np.array(x), np.array(a)) == pytest.approx(-slope / density, rel=1e-6)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.7), (2.0, 3.0), (8.0, 0.6), (0.6, 8.0), (20.0, 30.0)])
def test_beta_values_move_along_their_distribution_function(a, b):
    for x in (0.05, 0.3, 0.6, 0.9):
        step = 1e-5
        slope = (beta_quadrature(x, a + step, b) - beta_quadrature(x, a - step, b)) / (2 * step)
        density = x ** (a - 1) * (1 - x) ** (b - 1) * math.gamma(a + b) / math.gamma(a) / math.gamma(b)
        if density > 1e-4:
            found = beta_slope(*map(np.array, (x, a, b)))
            assert found == pytest.approx(-slope / density, rel=1e-5)


@pytest.mark.parametrize("a", [1e-3, 1e-2, 0.3, 5.0, 1e4])
def test_gamma_slope_far_out(a):
    x = np.exp(max(-20 - 5 / a, -650)) if a < 1 else a * 1e-3
    assert np.isfinite(gamma_slope(np.array(x), np.array(a)))
    if a < 1:  # F(x) = x^a / gamma(a + 1) there, so dx/da = -x / a (log(x) - digamma(a + 1))
        expected = -x / a * (np.log(x) - BY_ELEMENT["psi"](a + 1))
        assert gamma_slope(np.array(x), np.array(a)) == pytest.approx(expected, rel=1e-7)


REPARAMETERISED = [n for n in NAMES if not is_discrete(n) and n != "straight through"]


@pytest.mark.parametrize("name", REPARAMETERISED)
def test_gradients_of_samples(name):
    """The gradient of mean(x) + mean(x^2) over many values is that of the distribution's own moments."""

    def gradients(of):
        d, parameters = made(name)
        return torch.autograd.grad(of(d), [*parameters.values()], allow_unused=True)

    def of_moments(d):
        assert torch.isfinite(d.mean).all()
        return (d.mean + 0.3 * (d.variance + d.mean.square())).sum()

    def of_samples(d):
        x = d.rsample((120,))
        return (x + 0.3 * x.square()).mean(0).sum()

    try:
        exact = gradients(of_moments)
    except (NotImplementedError, AssertionError):
        return
    torch.manual_seed(2)
    parts = [gradients(of_samples) for _ in range(20)]
    for i, wanted in enumerate(exact):
        if wanted is None:
            continue
        found = np.array([part[i].numpy() for part in parts])
        error = found.std(0) / math.sqrt(len(found))
        assert (np.abs(found.mean(0) - wanted.numpy()) < 6 * error + 1e-9).all()


def test_straight_through():
    logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    d = distributions.OneHotCategoricalStraightThrough(logits=logits)
    x = d.rsample()
    assert ((x - x.detach().round()).abs() < 1e-12).all()
    cotangent = torch.randn(4, 3, dtype=torch.float64)
    (found,) = torch.autograd.grad((x * cotangent).sum(), logits)
    (wanted,) = torch.autograd.grad((torch.softmax(logits, -1) * cotangent).sum(), logits)
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-12)


# ---- divergences -----------------------------------------------------------------------------------------
CLOSE = """Normal Laplace Cauchy Exponential Uniform Gamma Beta Gumbel Pareto Poisson Bernoulli
Geometric""".split()


@pytest.mark.parametrize("p_name", CLOSE)
def test_divergence_is_the_integral_it_is_named_for(p_name):
    for q_name in CLOSE:
        p, q = scalar(p_name, 1), scalar(q_name, 5)
        if q_name == "Uniform":
            q = distributions.Uniform(torch.tensor(-0.5).double(), torch.tensor(4.5).double())
        if p_name == "Uniform":
            p = distributions.Uniform(torch.tensor(0.2).double(), torch.tensor(0.7).double())
        try:
            found = float(distributions.kl_divergence(p, q))
        except NotImplementedError:
            continue
        x, weight = places(p)
        log_p, density = densities(p, x, weight)
        inside = np.asarray(q.support.check(torch.from_numpy(x)))
        if density[~inside].any():
            assert found == math.inf
            continue
        there = density > 1e-100
        log_q = q.log_prob(torch.from_numpy(x[there])).numpy()
        terms = density[there] * (log_p[there] - log_q)
        assert found == pytest.approx(terms.sum(), rel=1e-4, abs=1e-5), q_name


def test_registered_divergences_are_found_by_kind():
    class Mine(distributions.Normal):
        _made_of = distributions.Normal._made_of

    class Special(Mine):
        pass

    distributions.register_kl(Mine, distributions.Normal)(lambda p, q: torch.tensor(7.0))
    distributions.register_kl(distributions.Normal, Special)(lambda p, q: torch.tensor(8.0))
    normal, mine, special = (cls(0.0, 1.0) for cls in (distributions.Normal, Mine, Special))
    assert distributions.kl_divergence(mine, normal) == 7
    assert distributions.kl_divergence(normal, special) == 8
    assert distributions.kl_divergence(normal, mine) == 0
    with pytest.warns(RuntimeWarning, match=r"Please register_kl\(Mine, Special\)"):
        distributions.kl_divergence(special, special)
    with pytest.raises(NotImplementedError, match="p type Normal and q type Binomial"):
        distributions.kl_divergence(normal, distributions.Binomial(3, torch.tensor(0.5)))
    with pytest.raises(TypeError, match="subclass of Distribution"):
        distributions.register_kl(int, Mine)


# ---- shapes, checks, errors ------------------------------------------------------------------------------
def test_shapes():
    d = distributions.MultivariateNormal(torch.zeros(5, 1, 3), torch.eye(3).expand(2, 3, 3))
    assert (d.batch_shape, d.event_shape) == ((5, 2), (3,))
    assert d.sample((4,)).shape == (4, 5, 2, 3)
    assert d.log_prob(torch.zeros(3)).shape == (5, 2)
    assert d.entropy().shape == (5, 2)
    i = distributions.Independent(d, 1)
    assert (i.batch_shape, i.event_shape) == ((5,), (2, 3))
    assert i.log_prob(torch.zeros(2, 3)).shape == (5,)


REFUSED = [
    (lambda D: D.Normal(0.0, -1.0), "parameter scale .* GreaterThan.lower_bound=0.0., but .* -1.0 at "),
    (lambda D: D.Normal(torch.zeros(2), torch.tensor([1.0, -2.0])), r"found invalid values: -2.0 at \(1,\)"),
    (lambda D: D.Normal("0", 1.0), "must be tensors or numbers, but are str, float"),
    (lambda D: D.Bernoulli(), "Either `probs` or `logits` must be specified, but not both"),
    (lambda D: D.Bernoulli(0.5, 0.5), "Either `probs` or `logits` must be specified, but not both"),
    (lambda D: D.Categorical(torch.tensor(0.5)), "must be at least one-dimensional"),
    (lambda D: D.Normal(0.0, 1.0).log_prob(3.0), "the value must be a Tensor, but is float; wrap it"),
    (lambda D: D.Normal(torch.zeros(3), 1.0).log_prob(torch.zeros(2)), "not broadcastable with batch_shape"),
    (lambda D: D.Dirichlet(torch.ones(3)).log_prob(torch.ones(2) / 2), "must match event_shape"),
    (lambda D: D.Dirichlet(torch.ones(3)).log_prob(torch.ones(3)), "within the support Simplex"),
    (lambda D: D.Poisson(2.0).log_prob(torch.tensor(0.5)), "within the support IntegerGreaterThan"),
    (lambda D: D.Uniform(2.0, 1.0), "parameter low .* LessThan"),
    (lambda D: D.MultivariateNormal(torch.zeros(2)), "must be specified"),
    (lambda D: D.MultivariateNormal(torch.zeros(2), torch.eye(2) - 2), "PositiveDefinite"),
    (lambda D: D.Independent(D.Normal(0.0, 1.0), 1), "reinterpreted_batch_ndims <= "),
    (lambda D: D.TransformedDistribution(D.Normal(0.0, 1.0), 3), "must be a Transform or a list"),
    (lambda D: D.TransformedDistribution(D.Normal(0.0, 1.0), D.StickBreakingTransform()), "size at least 1"),
    (
        lambda D: D.MixtureSameFamily(D.Normal(0.0, 1.0), D.Normal(0.0, 1.0)),
        "Mixture distribution needs to be",
    ),
    (
        lambda D: D.MixtureSameFamily(D.Categorical(torch.ones(2)), D.Normal(torch.zeros(3), 1.0)),
        "does not equal",
    ),
]


@pytest.mark.parametrize(("make", "words"), REFUSED)
def test_refuses(make, words):
    with pytest.raises(ValueError, match=words):
        make(distributions)


def test_checks_can_be_turned_off():
    d = distributions.Normal(0.0, -1.0, validate_args=False)
    assert torch.isnan(d.log_prob(torch.tensor(1.0)))
    distributions.Distribution.set_default_validate_args(False)
    try:
        distributions.Normal(0.0, -1.0)
    finally:
        distributions.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="must be True or False"):
        distributions.Distribution.set_default_validate_args(3)


def test_what_is_not_there_says_so():
    with pytest.raises(NotImplementedError, match="Poisson does not implement cdf"):
        distributions.Poisson(2.0).cdf(torch.tensor(1.0))
    with pytest.raises(NotImplementedError, match=r"rsample; sample\(\) has no gradient"):
        distributions.Bernoulli(0.5).rsample()
    with pytest.raises(AttributeError, match="Wishart is not in minigrad"):
        distributions.Wishart  # noqa: B018
    with pytest.warns(FutureWarning, match="sample_n"):
        assert distributions.Normal(0.0, 1.0).sample_n(4).shape == (4,)


def test_a_distribution_of_ones_own():
    class Coin(distributions.Distribution):
        arg_constraints = {"bias": constraints.unit_interval}  # noqa: RUF012
        support = constraints.boolean

        def __init__(self, bias, validate_args=None):
            self.bias = bias
            super().__init__(bias.shape, validate_args=validate_args)

        def sample(self, sample_shape=()):
            return torch.bernoulli(self.bias.expand(self._extended_shape(sample_shape)))

        def log_prob(self, value):
            if self._validate_args:
                self._validate_sample(value)
            return torch.log(torch.where(value == 1, self.bias, 1 - self.bias))

    coin = Coin(torch.tensor([0.2, 0.6]))
    assert coin.sample((3,)).shape == (3, 2)
    np.testing.assert_allclose(coin.log_prob(torch.ones(2)).exp().numpy(), [0.2, 0.6], rtol=1e-6)
    with pytest.raises(ValueError, match="Boolean"):
        coin.log_prob(torch.full((2,), 0.5))
    with pytest.raises(ValueError, match="parameter bias"):
        Coin(torch.tensor([0.2, 1.6]))
    with pytest.raises(NotImplementedError, match="must also define expand"):
        coin.expand((3, 2))


def test_an_exponential_family_of_ones_own():
    class Rayleigh(distributions.ExponentialFamily):
        """x exp(-x^2 / (2 s^2)) / s^2: statistics x^2, carrier x."""

        arg_constraints = {}  # noqa: RUF012
        _mean_carrier_measure = 0.0

        def __init__(self, s):
            self.s = s
            super().__init__(s.shape)

        @property
        def _natural_params(self):
            return (-0.5 / self.s**2,)

        def _log_normalizer(self, n):
            return -torch.log(-2 * n)

    s = torch.tensor([1.5, 0.7], dtype=torch.float64)
    one, other = Rayleigh(s), Rayleigh(s + 0.5)
    ratio = (s / (s + 0.5)) ** 2
    expected = ratio - 1 - torch.log(ratio)
    np.testing.assert_allclose(
        distributions.kl_divergence(one, other).detach().numpy(), expected.numpy(), rtol=1e-9
    )
    np.testing.assert_allclose(one.entropy().detach().numpy(), (1 + torch.log(s**2)).numpy(), rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_expanded(name):
    d, _ = made(name)
    wide = d.expand((4, *d.batch_shape))
    assert type(wide) is type(d)
    assert wide.batch_shape == (4, *d.batch_shape)
    assert wide.sample((2,)).shape == (2, 4, *d.batch_shape, *d.event_shape)
    x = d.sample((4,))
    np.testing.assert_allclose(wide.log_prob(x).detach().numpy(), d.log_prob(x).detach().numpy(), rtol=1e-12)


def test_enumerated():
    for name in ("Bernoulli", "Binomial", "Categorical", "OneHotCategorical"):
        d, _ = made(name)
        total = d.log_prob(d.enumerate_support()).exp().sum(0)
        np.testing.assert_allclose(total.detach().numpy(), np.ones(BATCH), rtol=1e-9)


def test_caches_and_inverses_of_transforms():
    x = torch.tensor([30.0, 1.0])
    for transform in (distributions.TanhTransform(cache_size=1), distributions.ExpTransform().with_cache()):
        assert transform.inv(transform(x)) is x
    assert not torch.isfinite(distributions.TanhTransform().inv(distributions.TanhTransform()(x))).all()
    assert distributions.ExpTransform() == distributions.ExpTransform()
    assert distributions.AffineTransform(0, 2) != distributions.AffineTransform(0, 3)
    assert distributions.ExpTransform().inv.inv == distributions.ExpTransform()
    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        distributions.ExpTransform(cache_size=2)


def test_without_scipy(monkeypatch):
    """The gamma family needs no SciPy, but for its distribution functions and second derivatives."""
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    a = torch.tensor([0.3, 2.0, 30.0], dtype=torch.float64, requires_grad=True)
    x = distributions.Gamma(a, a).rsample()
    (distributions.Beta(a, a).log_prob(x / (1 + x)) + x).sum().backward()
    assert torch.isfinite(distributions.Gamma(a, a).entropy()).all()
    assert torch.isfinite(a.grad).all()
    with pytest.raises(RuntimeError, match="needs SciPy"):
        distributions.Gamma(a, a).cdf(x)


def test_digamma_by_element():
    """digamma(x + 1) = digamma(x) + 1 / x; digamma(1) = -Euler's constant; reflection; poles."""
    psi = BY_ELEMENT["psi"]
    assert psi(1.0) == pytest.approx(-0.57721566490153286, rel=1e-14)
    assert psi(0.5) == pytest.approx(-0.57721566490153286 - 2 * math.log(2), rel=1e-14)
    for x in (-3.7, -0.2, 0.01, 2.5, 9.99, 40.0):
        assert psi(x + 1) == pytest.approx(psi(x) + 1 / x, rel=1e-12)
    assert math.isnan(psi(-2.0))
    assert BY_ELEMENT["gammaln"](-2.0) == math.inf

"""The Kullback-Leibler divergence: how much longer messages get that are coded for q and come from p.

Pairs of one family have a formula each. Across families, KL(p, q) = -entropy(p) - E_p[log q(x)], and log
q is made of x, x^2, log x, log(1 - x) and exp(-x): so it is enough to know the means of these under each
p, and how each q puts them together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..ops import abs, as_tensor, digamma, erf, exp, full_like, lgamma, log, log1p, where, xlogy
from ..tensor import Tensor
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .categorical import Categorical
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Dirichlet
from .distribution import Distribution
from .exp_family import ExponentialFamily
from .exponential import Exponential
from .gamma import Gamma
from .geometric import Geometric
from .gumbel import Gumbel
from .half_normal import HalfNormal
from .independent import Independent
from .laplace import Laplace
from .lowrank_multivariate_normal import LowRankMultivariateNormal
from .multivariate_normal import MultivariateNormal
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .pareto import Pareto
from .poisson import Poisson
from .registered import kl_divergence, register_kl
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform
from .utils import euler_constant, softplus, sum_rightmost


# ---- one family, simplest first --------------------------------------------------------------------------
@register_kl(Normal, Normal)
def _normal(p, q):
    ratio = (p.scale / q.scale).square()
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - log(ratio))


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p, q):
    return _normal(p.base_dist, q.base_dist)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p, q):
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"kl_divergence: MultivariateNormals of event shapes {p.event_shape} and {q.event_shape}"
        )
    whitening = q._whitening()
    away = (whitening @ (q.loc - p.loc).unsqueeze(-1)).square().sum((-2, -1))
    trace = (whitening @ p.scale_tril).square().sum((-2, -1))
    return q._half_log_det() - p._half_log_det() + 0.5 * (trace + away - p.event_shape[0])


@register_kl(Exponential, Exponential)
def _exponential(p, q):
    ratio = q.rate / p.rate
    return ratio - 1 - log(ratio)


@register_kl(Laplace, Laplace)
def _laplace(p, q):
    ratio, away = p.scale / q.scale, abs(p.loc - q.loc)
    return -log(ratio) + away / q.scale + ratio * exp(-away / p.scale) - 1


@register_kl(Cauchy, Cauchy)
def _cauchy(p, q):
    """Chyzak and Nielsen, "A closed-form formula for the Kullback-Leibler divergence between Cauchy
    distributions" (2019)."""
    return log((p.scale + q.scale).square() + (p.loc - q.loc).square()) - log(4 * p.scale * q.scale)


@register_kl(Gumbel, Gumbel)
def _gumbel(p, q):
    ratio, away = p.scale / q.scale, (p.loc - q.loc) / q.scale
    means = away + euler_constant * ratio + exp(lgamma(1 + ratio) - away)
    return means - log(ratio) - (1 + euler_constant)


@register_kl(Pareto, Pareto)
def _pareto(p, q):
    ratio = q.alpha / p.alpha
    return _inf_where(p.scale < q.scale, q.alpha * log(p.scale / q.scale) - log(ratio) + ratio - 1)


@register_kl(Uniform, Uniform)
def _uniform(p, q):
    outside = (q.low > p.low) | (q.high < p.high)
    return _inf_where(outside, log((q.high - q.low) / (p.high - p.low)))


@register_kl(Gamma, Gamma)
def _gamma(p, q):
    a, b = p.concentration, q.concentration
    rates = b * log(p.rate / q.rate) + (q.rate - p.rate) * (a / p.rate)
    return rates + lgamma(b) - lgamma(a) + (a - b) * digamma(a)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p, q):
    a, b, total = p.concentration, q.concentration, p.concentration.sum(-1)
    sums = lgamma(total) - lgamma(b.sum(-1)) - (lgamma(a) - lgamma(b)).sum(-1)
    return sums + ((a - b) * (digamma(a) - digamma(total).unsqueeze(-1))).sum(-1)


@register_kl(Beta, Beta)
def _beta(p, q):
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p, q):
    ones = _part(p.probs, q.probs, softplus(-q.logits) - softplus(-p.logits))
    zeros = _part(1 - p.probs, 1 - q.probs, softplus(q.logits) - softplus(p.logits))
    return ones + zeros


@register_kl(Categorical, Categorical)
def _categorical(p, q):
    return _part(p.probs, q.probs, p.logits - q.logits).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p, q):
    return _categorical(p._categorical, q._categorical)


@register_kl(Binomial, Binomial)
def _binomial(p, q):
    if (p.total_count < q.total_count).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    each = p.probs * (p.logits - q.logits) + log1p(-p.probs) - log1p(-q.probs)
    return _inf_where(p.total_count > q.total_count, p.total_count * each)


@register_kl(Geometric, Geometric)
def _geometric(p, q):
    return -p.entropy() - log1p(-q.probs) / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson(p, q):
    return p.rate * (log(p.rate) - log(q.rate)) - (p.rate - q.rate)


@register_kl(Independent, Independent)
def _independent(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError(
            "kl_divergence: Independents with different reinterpreted_batch_ndims, "
            f"{p.reinterpreted_batch_ndims} and {q.reinterpreted_batch_ndims}"
        )
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p, q):
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError(
            "kl_divergence: two TransformedDistributions need the same transforms and event shape"
        )
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p, q):
    """The Bregman divergence of the log normalizer (Nielsen and Nock, 2010)."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed using Bregman "
            "divergences"
        )
    natural, normalizer, slopes = p._mean_statistics()
    others = q._natural_params
    inner = [(b - a) * slope for a, b, slope in zip(natural, others, slopes, strict=True)]
    return q._log_normalizer(*others) - normalizer - sum(sum_rightmost(i, len(q.event_shape)) for i in inner)


def _inf_where(condition: Tensor, value: Tensor) -> Tensor:
    return where(condition, math.inf, value)


def _part(p: Tensor, q: Tensor, difference: Tensor) -> Tensor:
    """p * difference, infinite where q forbids what p allows, 0 where p forbids it."""
    return where(p == 0, 0.0, _inf_where(q == 0, where(p == 0, 0.0, p) * difference))


# ---- the means of log x, log(1 - x), exp(-x / s) under p -------------------------------------------------
def _x_log_x_slope(p: Uniform) -> Tensor:
    return (xlogy(p.high, p.high) - xlogy(p.low, p.low)) / (p.high - p.low)


MEAN_LOG: dict[type, Callable] = {
    Beta: lambda p: digamma(p.concentration1) - digamma(p.concentration1 + p.concentration0),
    Exponential: lambda p: -euler_constant - log(p.rate),
    Gamma: lambda p: digamma(p.concentration) - log(p.rate),
    Pareto: lambda p: log(p.scale) + 1 / p.alpha,
    Uniform: lambda p: _x_log_x_slope(p) - 1,
}
MEAN_LOG_REST: dict[type, Callable] = {
    Uniform: lambda p: _x_log_x_slope(Uniform(1 - p.high, 1 - p.low, validate_args=False)) - 1,
}
MEAN_EXP: dict[type, Callable] = {  # of exp(t x)
    Exponential: lambda p, t: p.rate / (p.rate - t),
    Gamma: lambda p, t: (1 - t / p.rate).pow(-p.concentration),
    Normal: lambda p, t: exp(t * p.loc + 0.5 * (t * p.scale).square()),
    Uniform: lambda p, t: (exp(t * p.high) - exp(t * p.low)) / (t * (p.high - p.low)),
}
#: where values of p lie
ENDS: dict[type, Callable] = {
    Beta: lambda p: (0.0, 1.0),
    ContinuousBernoulli: lambda p: (0.0, 1.0),
    Exponential: lambda p: (0.0, math.inf),
    Gamma: lambda p: (0.0, math.inf),
    Gumbel: lambda p: (-math.inf, math.inf),
    Laplace: lambda p: (-math.inf, math.inf),
    Normal: lambda p: (-math.inf, math.inf),
    Pareto: lambda p: (p.scale, math.inf),
    Uniform: lambda p: (p.low, p.high),
}


# ---- the mean of log q under p ---------------------------------------------------------------------------
def _of_normal(p, q):
    square = p.variance + (p.mean - q.loc).square()
    return -log(q.scale) - 0.5 * math.log(2 * math.pi) - 0.5 * square / q.scale.square()


def _of_exponential(p, q):
    return log(q.rate) - q.rate * p.mean


def _of_gamma(p, q):
    a = q.concentration
    return a * log(q.rate) - lgamma(a) + (a - 1) * _looked_up(MEAN_LOG, p)(p) - q.rate * p.mean


def _of_gumbel(p, q):
    falling = _looked_up(MEAN_EXP, p)(p, -1 / q.scale) * exp(q.loc / q.scale)
    return -log(q.scale) - (p.mean - q.loc) / q.scale - falling


def _of_pareto(p, q):
    return log(q.alpha) + q.alpha * log(q.scale) - (q.alpha + 1) * _looked_up(MEAN_LOG, p)(p)


def _of_uniform(p, q):
    return -log(q.high - q.low)


def _of_beta(p, q):
    a, b = q.concentration1, q.concentration0
    log_beta = lgamma(a) + lgamma(b) - lgamma(a + b)
    return (a - 1) * _looked_up(MEAN_LOG, p)(p) + (b - 1) * _looked_up(MEAN_LOG_REST, p)(p) - log_beta


def _of_continuous_bernoulli(p, q):
    return q.logits * p.mean - q._log_normalizer_of_density()


MEAN_LOG_DENSITY: dict[type, Callable] = {
    Beta: _of_beta,
    ContinuousBernoulli: _of_continuous_bernoulli,
    Exponential: _of_exponential,
    Gamma: _of_gamma,
    Gumbel: _of_gumbel,
    Normal: _of_normal,
    Pareto: _of_pareto,
    Uniform: _of_uniform,
}


def _looked_up(table: dict[type, Callable], p: Distribution) -> Callable:
    return next(table[kind] for kind in type(p).__mro__ if kind in table)


def _across(p, q):
    """-entropy(p) - E_p[log q]; infinite where p has values that q has not."""
    (low, high), (least, most) = (_looked_up(ENDS, d)(d) for d in (p, q))
    outside = as_tensor((low < least) | (high > most))
    if outside.all():
        return full_like(p.mean + q.mean, math.inf)
    return _inf_where(outside, -p.entropy() - _looked_up(MEAN_LOG_DENSITY, q)(p, q))


#: the pairs across families; as in PyTorch, nothing is said of KL(p, Laplace) but for a normal p
ACROSS: dict[type, tuple[Any, ...]] = {
    Beta: (Exponential, Gamma, Normal, Pareto, Uniform),
    Exponential: (Beta, Gamma, Gumbel, Normal, Pareto, Uniform),
    Gamma: (Beta, Exponential, Gumbel, Normal, Pareto, Uniform),
    Gumbel: (Beta, Exponential, Gamma, Normal, Pareto, Uniform),
    Laplace: (Beta, Exponential, Gamma, Normal, Pareto, Uniform),
    Normal: (Beta, Exponential, Gamma, Gumbel, Pareto, Uniform),
    Pareto: (Beta, Exponential, Gamma, Normal, Uniform),
    Uniform: (Beta, Exponential, Gamma, Gumbel, Normal, Pareto),
}
#: all of which have something to say of a continuous Bernoulli q
ACROSS = {p: (*others, ContinuousBernoulli) for p, others in ACROSS.items()}
ACROSS[ContinuousBernoulli] = (ContinuousBernoulli, Exponential, Normal, Pareto, Uniform)
for _p, _others in ACROSS.items():
    for _q in _others:
        register_kl(_p, _q)(_across)


@register_kl(Normal, Laplace)
def _normal_laplace(p, q):
    away = p.loc - q.loc
    z = away / p.scale
    distance = math.sqrt(2 / math.pi) * p.scale * exp(-0.5 * z.square()) + away * erf(math.sqrt(0.5) * z)
    return -p.entropy() + log(2 * q.scale) + distance / q.scale


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p, q):
    return -p.entropy() - (p.probs * log(q.rate) - q.rate)


@register_kl(Poisson, Bernoulli)
@register_kl(Poisson, Binomial)
def _poisson_beyond(p, q):
    return full_like(p.rate, math.inf)

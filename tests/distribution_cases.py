"""What the tests of distributions share: every distribution with parameters to draw.

A line of `CASES` names the class and what kind of array each parameter is; `build` makes it in a library
(minigrad, or PyTorch), from arrays that are the same in both. `COMPOSED` are those made of others.
"""

import numpy as np

BATCH = (3, 2)


def real(rng, shape=BATCH):
    return rng.standard_normal(shape)


def positive(rng, shape=BATCH):
    return np.exp(rng.uniform(-1, 1.5, shape))


def large(rng, shape=BATCH):
    return rng.uniform(4.5, 9, shape)  # where moments up to the fourth exist


def many(rng, shape=BATCH):
    return rng.uniform(10, 20, shape)


def small(rng, shape=BATCH):
    return rng.uniform(-0.5, 0.2, shape)


def probability(rng, shape=BATCH):
    return rng.uniform(0.1, 0.9, shape)


def simplex(rng, shape=(*BATCH, 4)):
    return rng.dirichlet(np.ones(shape[-1]) * 2, shape[:-1])


def vectors(rng, shape=(*BATCH, 4)):
    return rng.standard_normal(shape)


def positive_vectors(rng, shape=(*BATCH, 4)):
    return positive(rng, shape)


def counts(rng, shape=BATCH):
    return np.full(shape, 7.0)


def lower(rng, shape=(*BATCH, 4, 4)):
    return np.tril(rng.standard_normal(shape), -1) * 0.5 + np.eye(shape[-1]) * positive(rng, (*shape[:-1], 1))


def definite(rng, shape=(*BATCH, 4, 4)):
    factor = lower(rng, shape)
    return factor @ factor.swapaxes(-1, -2)


def high(rng, shape=BATCH):
    return rng.uniform(2.5, 4, shape)


def one(rng):
    return positive(rng, ())


CASES = {
    "Normal": ("Normal", {"loc": real, "scale": positive}),
    "Laplace": ("Laplace", {"loc": real, "scale": positive}),
    "Cauchy": ("Cauchy", {"loc": real, "scale": positive}),
    "Exponential": ("Exponential", {"rate": positive}),
    "Uniform": ("Uniform", {"low": real, "high": high}),
    "Gamma": ("Gamma", {"concentration": positive, "rate": positive}),
    "Chi2": ("Chi2", {"df": positive}),
    "Beta": ("Beta", {"concentration1": positive, "concentration0": positive}),
    "Dirichlet": ("Dirichlet", {"concentration": positive_vectors}),
    "Poisson": ("Poisson", {"rate": large}),
    "Bernoulli": ("Bernoulli", {"probs": probability}),
    "Bernoulli logits": ("Bernoulli", {"logits": real}),
    "Geometric": ("Geometric", {"probs": probability}),
    "Geometric logits": ("Geometric", {"logits": real}),
    "Binomial": ("Binomial", {"total_count": counts, "probs": probability}),
    "Binomial logits": ("Binomial", {"total_count": counts, "logits": real}),
    "NegativeBinomial": ("NegativeBinomial", {"total_count": large, "probs": probability}),
    "NegativeBinomial logits": ("NegativeBinomial", {"total_count": large, "logits": real}),
    "Categorical": ("Categorical", {"probs": simplex}),
    "Categorical logits": ("Categorical", {"logits": vectors}),
    "OneHotCategorical": ("OneHotCategorical", {"probs": simplex}),
    "straight through": ("OneHotCategoricalStraightThrough", {"logits": vectors}),
    "Multinomial": ("Multinomial", {"total_count": 5, "probs": simplex}),
    "Multinomial logits": ("Multinomial", {"total_count": 5, "logits": vectors}),
    "MultivariateNormal": ("MultivariateNormal", {"loc": vectors, "covariance_matrix": definite}),
    "by precision": ("MultivariateNormal", {"loc": vectors, "precision_matrix": definite}),
    "by factor": ("MultivariateNormal", {"loc": vectors, "scale_tril": lower}),
    "LowRankMultivariateNormal": (
        "LowRankMultivariateNormal",
        {"loc": vectors, "cov_factor": lambda rng: real(rng, (*BATCH, 4, 2)), "cov_diag": positive_vectors},
    ),
    "ContinuousBernoulli": ("ContinuousBernoulli", {"probs": probability}),
    "ContinuousBernoulli logits": ("ContinuousBernoulli", {"logits": real}),
    "GeneralizedPareto": ("GeneralizedPareto", {"loc": real, "scale": positive, "concentration": small}),
    "VonMises": ("VonMises", {"loc": real, "concentration": positive}),
    "LogNormal": ("LogNormal", {"loc": real, "scale": probability}),
    "HalfNormal": ("HalfNormal", {"scale": positive}),
    "HalfCauchy": ("HalfCauchy", {"scale": positive}),
    "Gumbel": ("Gumbel", {"loc": real, "scale": positive}),
    "Weibull": ("Weibull", {"scale": positive, "concentration": positive}),
    "Pareto": ("Pareto", {"scale": positive, "alpha": large}),
    "InverseGamma": ("InverseGamma", {"concentration": large, "rate": positive}),
    "StudentT": ("StudentT", {"df": large, "loc": real, "scale": positive}),
    "FisherSnedecor": ("FisherSnedecor", {"df1": large, "df2": many}),
    "Kumaraswamy": ("Kumaraswamy", {"concentration1": positive, "concentration0": positive}),
    "LogisticNormal": ("LogisticNormal", {"loc": vectors, "scale": positive_vectors}),
    "RelaxedBernoulli": ("RelaxedBernoulli", {"temperature": one, "probs": probability}),
    "RelaxedOneHotCategorical": ("RelaxedOneHotCategorical", {"temperature": one, "logits": vectors}),
}
COMPOSED = {
    "Independent": lambda D, t: D.Independent(D.Normal(t("loc", real), t("scale", positive)), 1),
    "Independent Gamma": lambda D, t: D.Independent(D.Gamma(t("a", positive), t("b", positive)), 2),
    "mixture": lambda D, t: D.MixtureSameFamily(
        D.Categorical(t("weights", lambda rng: simplex(rng))),
        D.Normal(t("loc", vectors), t("scale", positive_vectors)),
    ),
    "mixture of vectors": lambda D, t: D.MixtureSameFamily(
        D.Categorical(logits=t("weights", lambda rng: real(rng, (3, 2)))),
        D.Independent(
            D.Laplace(t("loc", lambda r: real(r, (3, 2, 4))), t("scale", lambda r: positive(r, (3, 2, 4)))), 1
        ),
    ),
    "affine": lambda D, t: D.TransformedDistribution(
        D.Normal(t("loc", real), t("scale", positive)),
        [D.AffineTransform(t("shift", real), t("by", real)), D.ExpTransform()],
    ),
    "sigmoid": lambda D, t: D.TransformedDistribution(
        D.Laplace(t("loc", real), t("scale", positive)), [D.SigmoidTransform()]
    ),
    "wider": lambda D, t: D.TransformedDistribution(
        D.Normal(t("loc", lambda r: real(r, (2,))), 1.0),
        [D.AffineTransform(t("shift", real), 2.0), D.TanhTransform()],
    ),
    "stick": lambda D, t: D.TransformedDistribution(
        D.Independent(D.Normal(t("loc", vectors), t("scale", positive_vectors)), 1),
        D.StickBreakingTransform(),
    ),
}
NAMES = [*CASES, *COMPOSED]
#: no rsample through which gradients flow
DISCRETE = """Poisson Bernoulli Geometric Binomial NegativeBinomial Categorical OneHotCategorical Multinomial
mixture VonMises""".split()


def is_discrete(name):
    return any(name.startswith(d) for d in DISCRETE)


def build(name, distributions, make, seed=0):
    """The distribution, and its parameters by name; `make(array)` makes a tensor of the library."""
    rng, made = np.random.default_rng(seed), {}

    def parameter(key, kind):
        made[key] = make(np.asarray(kind(rng)))
        return made[key]

    if name in COMPOSED:
        return COMPOSED[name](distributions, parameter), made
    cls, kinds = CASES[name]
    given = {key: parameter(key, kind) if callable(kind) else kind for key, kind in kinds.items()}
    return getattr(distributions, cls)(**given), made

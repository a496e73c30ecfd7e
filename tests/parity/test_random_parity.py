"""A seed gives the numbers that it gives in PyTorch, call by call."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import minigrad  # noqa: E402

CALLS = {
    "rand": lambda m, n: m.rand(n),
    "rand, float64": lambda m, n: m.rand(n, dtype=m.float64),
    "rand, float16": lambda m, n: m.rand(n, dtype=m.float16),
    "randn": lambda m, n: m.randn(n),
    "randn, float64": lambda m, n: m.randn(n, dtype=m.float64),
    "randint": lambda m, n: m.randint(0, 10, (n,)),
    "randint, wide": lambda m, n: m.randint(-(2**40), 2**40, (n,)),
    "randint, int8": lambda m, n: m.randint(-5, 100, (n,), dtype=m.int8),
    "randperm": lambda m, n: m.randperm(n),
    "bernoulli_": lambda m, n: m.empty(n).bernoulli_(0.3),
    "bernoulli of a tensor": lambda m, n: m.bernoulli(m.linspace(0, 1, n)),
    "bernoulli of doubles": lambda m, n: m.bernoulli(m.linspace(0, 1, n, dtype=m.float64)),
    "uniform_": lambda m, n: m.empty(n).uniform_(-2, 3),
    "uniform_, float64": lambda m, n: m.empty(n, dtype=m.float64).uniform_(-2, 3),
    "normal_": lambda m, n: m.empty(n).normal_(1, 2),
    "normal of tensors": lambda m, n: m.normal(m.zeros(n), m.ones(n) * 2),
    "normal of numbers": lambda m, n: m.normal(1.0, 2.0, (n,)),
    "random_": lambda m, n: m.empty(n).random_(0, 7),
    "rand_like": lambda m, n: m.rand_like(m.zeros(n)),
    "randn_like": lambda m, n: m.randn_like(m.zeros(n)),
    "two dimensions": lambda m, n: m.randn(n, 3),
    "into a strided tensor": lambda m, n: m.zeros(n, 4).t().normal_().contiguous(),
    "dropout": lambda m, n: m.nn.functional.dropout(m.ones(n), 0.4),
    "geometric_": lambda m, n: m.empty(n).geometric_(0.3),
    "log_normal_": lambda m, n: m.empty(n).log_normal_(0.5, 0.3),
    "cauchy_": lambda m, n: m.empty(n).cauchy_(1.0, 2.0),
    "bernoulli of an expanded tensor": lambda m, n: m.bernoulli(m.linspace(0, 1, 3).expand(n, 3)),
    "bernoulli of a transposed tensor": lambda m, n: m.bernoulli(m.rand(3, n).t()),
    "poisson": lambda m, n: m.poisson(m.linspace(0, 40, n)),
    "poisson, float64": lambda m, n: m.poisson(m.linspace(0, 40, n, dtype=m.float64)),
    "binomial": lambda m, n: m.binomial(m.linspace(0, 90, n).floor(), m.linspace(0, 1, n)),
    "gamma": lambda m, n: m._standard_gamma(m.linspace(0.01, 9, n)),
    "gamma, float64": lambda m, n: m._standard_gamma(m.linspace(0.01, 9, n, dtype=m.float64)),
    "dirichlet": lambda m, n: m._sample_dirichlet(m.linspace(0.01, 9, 4 * n).view(n, 4)),
    "exponential_": lambda m, n: m.empty(n).exponential_(2.0),
    "multinomial": lambda m, n: m.multinomial(m.linspace(1, 2, 7), min(n, 7)),
    "multinomial, replaced": lambda m, n: m.multinomial(m.linspace(1, 2, 7), n + 1, replacement=True),
}
SIZES = [0, 1, 2, 7, 15, 16, 17, 31, 32, 33, 100, 1000]
#: what agrees up to rounding only
ROUNDED = {
    "randn",
    "randn, float64",
    "normal_",
    "normal of tensors",
    "normal of numbers",
    "randn_like",
    "two dimensions",
    "into a strided tensor",
    "exponential_",
    "uniform_, float64",
    "log_normal_",
    "cauchy_",
    "gamma",
    "gamma, float64",
    "dirichlet",
}


def drawn(m, name, sizes, seed=7):
    m.manual_seed(seed)
    return [np.asarray(CALLS[name](m, n)) for n in sizes]


@pytest.mark.parametrize("name", CALLS)
def test_stream(name):
    sizes = [n for n in SIZES if n or "multinomial" not in name]
    for found, expected in zip(drawn(minigrad, name, sizes), drawn(torch, name, sizes), strict=True):
        assert found.dtype == expected.dtype
        if name in ROUNDED:
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=4e-6)
        else:
            np.testing.assert_array_equal(found, expected)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(CALLS)), st.integers(1, 40)), max_size=6),
    st.integers(0, 2**64 - 1),
)
def test_any_sequence_of_calls(calls, seed):
    """The stream is at the same place after each call: also after those that draw more than they use."""
    for m in (minigrad, torch):
        m.manual_seed(seed)
    for name, n in calls:
        found, expected = (np.asarray(CALLS[name](m, n)) for m in (minigrad, torch))
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=4e-6)


def test_generators_and_state():
    ours, theirs = minigrad.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    assert ours.initial_seed() == theirs.initial_seed() == 3
    first = [m.randn(5, generator=g).numpy() for m, g in ((minigrad, ours), (torch, theirs))]
    np.testing.assert_allclose(*first, rtol=1e-6)
    minigrad.manual_seed(11)
    torch.manual_seed(11)
    torch.set_rng_state(torch.from_numpy(minigrad.get_rng_state().numpy().copy()))
    np.testing.assert_allclose(minigrad.randn(20).numpy(), torch.randn(20).numpy(), rtol=1e-5, atol=1e-6)

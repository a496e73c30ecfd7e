"""Gradients at kinks, ties and poles, by the rules that `kinks.py` states."""

import numpy as np
import pytest

import minigrad
from tests.kinks import KINKS


def gradient(m, function, x, cotangent):
    """The gradient in library m, of a function of a float32 vector."""
    leaf = m.tensor([float(v) for v in x], requires_grad=True)
    result = function(m, leaf)
    (found,) = m.autograd.grad(result, leaf, m.tensor(np.array(cotangent, np.float32)).reshape(result.shape))
    return found.numpy()


def agree(found, expected) -> None:
    np.testing.assert_allclose(found, np.array(expected, np.float32), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("line", KINKS, ids=lambda line: line[0])
def test_gradient_is_the_one_that_is_stated(line):
    _, function, x, cotangent, expected = line
    agree(gradient(minigrad, function, x, cotangent), expected)

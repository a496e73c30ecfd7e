"""The checker of gradients is shown wrong formulas: it must find each, or what it passes means nothing."""

import numpy as np
import pytest

import minigrad
from minigrad.engine import Value, primitive
from minigrad.ops.softmax import softmax_along
from tests.gradients import check


def constant(x):
    """The value without its history, so that a second derivative does not see it."""
    return x.detach() if isinstance(x, Value) else x


def bent(x):
    """x, with a slope of 1.001: the value is right, its derivative 0.1 % wrong."""
    return x * 1.001 - constant(x) * 0.001


@primitive(x=lambda g, x: g * (2 * x))
def right(x):
    return x * x


@primitive(x=lambda g, x: g * (2.002 * x))
def a_thousandth_off(x):
    return x * x


@primitive(x=lambda g, x: g * (-2 * x))
def wrong_sign(x):
    return x * x


@primitive(x=lambda g, x: g * x)
def factor_dropped(x):
    return x * x


@primitive(x=lambda g, x: g * (2 * x) * (1 + 0.001 * (x == x.max())))
def one_element_off(x):
    return x * x


@primitive(x=lambda g: g * 0)
def zero(x):
    return x * x


@primitive(x=lambda g, x: (g * (2 * x)).T)
def transposed(x):
    return x * x


@primitive(x=lambda g, x: np.ones_like(x) * 2 * x)
def cotangent_ignored(x):
    return x * x


@primitive(x=lambda g, x: g * (2 * constant(x)))
def second_order_missing(x):
    return x * x


@primitive(x=lambda g, x: g * (2 * bent(x)))
def second_order_a_thousandth_off(x):
    return x * x


@primitive(x=lambda g, x: constant(g) * (2 * x))
def second_order_blind_to_the_cotangent(x):
    return x * x


@primitive(x=lambda g, x: g * (2 * x if isinstance(x, Value) else 2 * x + 0))
def differently_written_but_right(x):
    return x * x


@primitive(x=lambda g, x: g * (2.1 * x if isinstance(x, Value) else 2 * x))
def recorded_otherwise(x):
    return x * x


@primitive(x=lambda g, x: 5 * softmax_gradient(g, x))
def softmax_times_five(x):
    return softmax_along(x, 1)


def softmax_gradient(g, x):
    out = softmax_along(x, 1)
    return out * (g - (g * out).sum(1, keepdims=True))


@primitive(x=lambda g, y: g @ y, y=lambda g, x: x.mT @ g)
def product_untransposed(x, y):
    return x @ y


@primitive(x=lambda g, x: g * x, y=lambda g, y: g * y)
def arguments_swapped(x, y):
    return x * y


@primitive(x=lambda g, x_shape: (g / x_shape[1] ** 2)[:, None] + np.zeros(x_shape))
def mean_divided_twice(x):
    return x.mean(1)


FIRST_ORDER_WRONG = [
    *[a_thousandth_off, wrong_sign, factor_dropped, one_element_off, zero, transposed, cotangent_ignored],
    *[softmax_times_five, mean_divided_twice],
]
SECOND_ORDER_WRONG = [
    *[second_order_missing, second_order_a_thousandth_off, second_order_blind_to_the_cotangent],
    *[recorded_otherwise],
]


def drawn(*shapes):
    """Random arrays and the generator that made them."""
    rng = np.random.default_rng(len(shapes))
    return [rng.standard_normal(shape) for shape in shapes], rng


@pytest.mark.parametrize("f", [right, differently_written_but_right], ids=lambda f: f.__name__)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_right_formulas_pass(f, order):
    arrays, rng = drawn((4, 4))
    check(f, arrays, rng, order)


@pytest.mark.parametrize("f", FIRST_ORDER_WRONG, ids=lambda f: f.__name__)
def test_wrong_first_derivatives_are_found(f):
    arrays, rng = drawn((4, 4))
    with pytest.raises(AssertionError, match="gradient"):
        check(f, arrays, rng, order=1)


@pytest.mark.parametrize("f", [product_untransposed, arguments_swapped], ids=lambda f: f.__name__)
def test_wrong_gradients_of_two_arguments_are_found(f):
    arrays, rng = drawn((4, 4), (4, 4))
    with pytest.raises(AssertionError, match="gradient"):
        check(f, arrays, rng, order=1)


@pytest.mark.parametrize("f", SECOND_ORDER_WRONG, ids=lambda f: f.__name__)
def test_wrong_second_derivatives_are_found(f):
    arrays, rng = drawn((4, 4))
    check(f, arrays, rng, order=1)
    with pytest.raises(AssertionError):
        check(f, arrays, rng, order=2)


def test_a_wrong_third_derivative_is_found():
    arrays, rng = drawn((3,))

    @primitive(x=lambda g, x: g * (3 * right(x) + 0.01 * (x - constant(x)) ** 2))
    def cube(x):
        return x**3

    check(cube, arrays, rng, order=2)
    with pytest.raises(AssertionError):
        check(cube, arrays, rng, order=3)


def test_a_result_without_history_is_found():
    arrays, rng = drawn((3,))
    with pytest.raises(AssertionError, match="requires grad"):
        check(lambda x: x.detach() * 2, arrays, rng)


def test_a_history_that_ends_half_way_is_found():
    arrays, rng = drawn((3,))
    with pytest.raises(AssertionError, match="gradient"):
        check(lambda x: x.detach() * x, arrays, rng)


def test_a_gradient_of_another_shape_is_found(monkeypatch):
    """Broadcasting undone too far keeps inner products right: shapes have to be compared as well."""
    arrays, rng = drawn((3, 1), (3, 4))
    monkeypatch.setattr(minigrad.autograd, "grad", shapeless(minigrad.autograd.grad))
    with pytest.raises(AssertionError, match="shape"):
        check(lambda x, y: x * y, arrays, rng, order=1)


def shapeless(grad):
    """`grad` that gives one number where an array is wanted."""
    return lambda *args, **kwargs: tuple(g.sum() for g in grad(*args, **kwargs))

"""Writing in place: what is refused, what views and bases see of it, and gradients through it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from tests.gradients import array_of, check, leaf, tensor

RNG = np.random.default_rng(0)


def drawn(*shape):
    """A leaf with random values."""
    return leaf(RNG.standard_normal(shape))


# ---- version cells ---------------------------------------------------------------------------------------
REFUSED = {
    "mul": (lambda x: x * x, r"mul: .*x \(3,\) is at version 1; expected version 0.*clone\(\)"),
    "div": (lambda x: 2 / x, r"div: .*y \(3,\) is at version 1; expected version 0.*clone\(\)"),
    "matmul": (lambda x: x @ x, r"matmul: .*version 1; expected version 0.*clone\(\)"),
    "log": (lambda x: x.log(), r"log: .*x \(3,\) is at version 1; expected version 0.*clone\(\)"),
    "prod": (lambda x: x.prod(), r"prod.*: .*x \(3,\) is at version 1; expected version 0.*clone\(\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_write_to_a_kept_argument_is_refused_at_backward(case):
    f, message = REFUSED[case]
    h = drawn(3) + 3
    result = f(h)
    h.mul_(2)
    with pytest.raises(RuntimeError, match=message):
        result.sum().backward()


@pytest.mark.parametrize(
    "write",
    [
        lambda t: t.add_(1),
        lambda t: t.__setitem__(0, 5.0),
        lambda t: t.zero_(),
        lambda t: t.copy_(tensor(np.ones(3))),
        lambda t: t.detach().mul_(2),
        lambda t: t.view(3, 1).fill_(1),
        lambda t: t[1:].mul_(2),
        lambda t: t.uniform_(),
        lambda t: minigrad.add(tensor(np.ones(3)), 1, out=t.detach()),
    ],
)
def test_write_of_any_kind_to_a_kept_result_is_refused(write):
    y = drawn(3).exp()
    loss = y.sum()
    with minigrad.no_grad():
        write(y)
    with pytest.raises(RuntimeError, match=r"exp: .*result \(3,\).*clone\(\)"):
        loss.backward()


@pytest.mark.parametrize(
    "f", [lambda x: x + 1, lambda x: x.sum(), lambda x: x.reshape(3, 1), lambda x: x[1:] * 2]
)
def test_write_to_what_was_not_kept_is_allowed(f):
    h = drawn(3) * 1
    loss = f(h).sum()
    h.mul_(2)
    loss.backward()


def test_optimizer_like_write_between_forward_and_backward_is_refused():
    w, x = drawn(3, 3), drawn(3)
    loss = (w @ x).sum()
    with minigrad.no_grad():
        w -= 0.1
    with pytest.raises(RuntimeError, match="matmul"):
        loss.backward()


def test_views_and_detached_share_one_version():
    x = drawn(4) * 1
    sisters = [x.view(2, 2), x[1:], x.detach(), x.reshape(4, 1), x.expand(2, 4)]
    x.add_(1)
    assert [t._version for t in (x, *sisters)] == [1] * 6
    sisters[1].detach().zero_()
    assert x._version == sisters[0]._version == 2


def test_data_is_the_way_around_versions():
    y = drawn(3).exp()
    y.data.mul_(1)
    y.sum().backward()


# ---- what is refused at once -----------------------------------------------------------------------------
def test_write_to_a_leaf_is_refused():
    x = drawn(3)
    for write in (
        lambda: x.add_(1),
        lambda: x.__setitem__(0, 1.0),
        lambda: x[0].mul_(2),
        lambda: x.view(3, 1).zero_(),
    ):
        with pytest.raises(RuntimeError, match=r"leaf Variable that requires grad.*in-place.*no_grad"):
            write()
    with minigrad.no_grad():
        x.add_(1)
    assert x.is_leaf


def test_write_to_expanded_memory_is_refused():
    with pytest.raises(RuntimeError, match=r"single memory location.*clone\(\)"):
        tensor(np.zeros((1, 3))).expand(2, 3).add_(1)


def test_write_of_floats_into_integers_is_refused():
    whole = tensor(np.arange(3))
    with pytest.raises(RuntimeError, match=r"can't be cast.*int64"):
        whole.add_(0.5)
    with pytest.raises(RuntimeError, match="shape"):
        tensor(np.zeros(3)).add_(tensor(np.zeros((2, 3))))


# ---- gradients through writes ----------------------------------------------------------------------------
def add_to_first(x, y):
    x[0] += y
    return x


def through_transpose(x, y):
    x.transpose(0, 1)[1] = y[0] * y[0]
    return x


def through_reshape(x, y):
    x.reshape(-1)[2:5].mul_(y)
    return x


def through_chunk(x, y):
    first, second = x.chunk(2, 0)
    first.mul_(y)
    second.add_(y * y)
    return x


def through_unbind(x, y):
    for row in x.unbind(0):
        row.mul_(y)
    return x


def through_chain_of_views(x, y):
    x.view(-1).view(3, 4)[1:].transpose(0, 1)[0].add_(y[:2])
    return x


def through_sister_views(x, y):
    left, right = x[:, :2], x[:, 1:]
    left.mul_(y[0])
    right.mul_(y[1])
    return left * right


def twice_the_same_place(x, y):
    x[0] = y
    x[0] = x[0].exp() + y
    return x


def by_mask(x, y):
    x[x.detach() > 0] = y[0]
    return x


def by_integers(x, y):
    x[minigrad.tensor([2, 0], device=x.device), 1:] += y[:2].unsqueeze(1)
    return x


def whole(x, y):
    x[:] = y
    return x


def into_zeros(x, y):
    buffer = minigrad.zeros_like(x)
    buffer[1] = y
    buffer[2] = x[2] * y
    return buffer


def copied(x, y):
    buffer = minigrad.zeros_like(x)
    buffer.copy_(x)
    buffer[0].copy_(y * y)
    return buffer


def old_values_are_used_too(x, y):
    before = x * 1
    row = before[1]
    kept = row.exp()
    before[0] = y * row.clone()
    return before + kept


def view_taken_before_the_write(x, y):
    row = x[1]
    x.mul_(2)
    x[1] += y
    return row * row


def write_through_a_view_of_a_view_then_read_its_parent(x, y):
    parent = x[1:]
    parent[0].mul_(y)
    return parent * x[1:]


def accumulated_in_a_loop(x, y):
    total = minigrad.zeros_like(y)
    for row in x:
        total += row * y
        total *= 0.5
    return total


def masked_filled(x, y):
    x.masked_fill_(x.detach() > 0, 0.0)
    return x * y


def constants_through_a_view(x, y):
    x[1].zero_()
    x.view(-1)[:2].fill_(3)
    return x * y


def history_ends_and_begins_anew(x, y):
    row = x[1]
    x.zero_()
    row.add_(y)
    return x * y + row


def random_values(x, y):
    state = minigrad.get_rng_state()
    x[0].normal_()
    minigrad.set_rng_state(state)
    return x * y


WRITES = [
    *[constants_through_a_view, history_ends_and_begins_anew, random_values],
    *[
        add_to_first,
        through_transpose,
        through_reshape,
        through_chunk,
        through_unbind,
        through_chain_of_views,
    ],
    *[through_sister_views, twice_the_same_place, by_mask, by_integers, whole, into_zeros, copied],
    *[old_values_are_used_too, view_taken_before_the_write, accumulated_in_a_loop, masked_filled],
    write_through_a_view_of_a_view_then_read_its_parent,
]
SHAPES = {through_reshape: ((3, 4), (3,)), through_transpose: ((3, 3), (3,)), through_chunk: ((4, 3), (3,))}
SHAPES |= {through_chain_of_views: ((2, 6), (3,))}


@pytest.mark.parametrize("write", WRITES, ids=lambda f: f.__name__)
def test_gradients_through_writes(write):
    """First and second derivatives through in-place writes are those of the values that resulted."""
    rng = np.random.default_rng(1)
    shapes = SHAPES.get(write, ((3, 3), (3,)))
    arrays = [rng.standard_normal(s) for s in shapes]
    check(lambda x, y: write(x * 1, y), arrays, rng)


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1))
def test_random_programs_of_views_and_writes_agree_with_copies(seed):
    """Random views of one tensor, written to in any order: values and gradients are those without views."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, 3, 2)), rng.standard_normal(3)
    plan = [
        (rng.integers(0, 5), rng.integers(0, len(VIEWS)), rng.uniform(0.5, 2))
        for _ in range(rng.integers(1, 6))
    ]
    cotangent, seen = rng.standard_normal(12), []
    for run in (written, replaced):
        leaves = leaf(x), leaf(y)
        result = run(*leaves, plan) + 0 * (
            leaves[0].sum() + leaves[1].sum()
        )  # constants may have replaced all
        result.backward(tensor(cotangent))
        seen.append([array_of(t) for t in (result, leaves[0].grad, leaves[1].grad)])
    for found, expected in zip(*seen, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


VIEWS = [  # of a tensor of shape (2, 3, 2)
    lambda t: t[0],
    lambda t: t.transpose(0, 2)[1],
    lambda t: t.view(3, 4)[1:, ::2],
    lambda t: t.reshape(-1)[3:9],
    lambda t: t.chunk(2, 2)[1],
    lambda t: t[1].t()[1:].unsqueeze(0),
]


def written(x, y, plan):
    """The plan with views and in-place writes."""
    base = x * 1
    views = [view(base) for view in VIEWS]
    for action, place, number in plan:
        view = views[place]
        if action == 0:
            view.mul_(number)
        elif action == 1:
            view.add_(y.sum() * number)
        elif action == 2:
            base.mul_(y[0] * number)
        elif action == 3:
            values = view.clone()
            view.copy_(values * values * number)
        else:
            view.fill_(number)
    return base.reshape(-1)


def replaced(x, y, plan):
    """The plan without views: each write makes a new flat tensor."""
    places = np.arange(12).reshape(2, 3, 2)
    flat = x.reshape(-1)
    for action, place, number in plan:
        part = np.isin(np.arange(12), array_of(VIEWS[place](tensor(places))).reshape(-1))
        mask = tensor(np.ones(12) if action == 2 else part.astype(np.float64))
        if action == 0:
            new = flat * number
        elif action == 1:
            new = flat + y.sum() * number
        elif action == 2:
            new = flat * (y[0] * number)
        elif action == 3:
            new = flat * flat * number
        else:
            new = flat * 0 + number
        flat = flat * (1 - mask) + new * mask
    return flat


# ---- values and memory -----------------------------------------------------------------------------------
def test_views_share_memory_and_copies_do_not():
    x = tensor(np.arange(6.0).reshape(2, 3))
    views = [
        x[0],
        x[:, 1:],
        x.t(),
        x.view(3, 2),
        x.reshape(6),
        x.unsqueeze(0),
        x.expand(2, 2, 3),
        x.detach(),
        x.data,
    ]
    views += [
        *x.chunk(2),
        *x.unbind(1),
        x.narrow(1, 0, 2),
        x.diagonal(),
        x.squeeze(),
        x.flatten(),
        x.unfold(1, 2, 1),
    ]
    copies = [x.clone(), x[[0, 1]], x.t().reshape(6), x * 1, x.flip(0), x.repeat(1, 1), x.t().contiguous()]
    x.fill_(7)
    assert all((array_of(v) == 7).all() for v in views)
    assert not any((array_of(c) == 7).any() for c in copies)


def test_write_through_a_view_without_gradients_reaches_all():
    x = tensor(np.zeros((2, 3)))
    x.t()[1].add_(5)
    x.view(-1)[0] = 2
    assert x.tolist() == [[2, 5, 0], [0, 5, 0]]


def test_view_made_without_recording_refuses_a_recorded_write():
    x = drawn(3) * 1
    with minigrad.no_grad():
        view = x[0]
    with pytest.raises(RuntimeError, match="no_grad"):
        view.mul_(drawn())


def test_detach_in_place_and_set_data():
    x = drawn(3)
    y = x * 2
    y.detach_()
    assert (y.requires_grad, y.is_leaf) == (False, True)
    x.data = tensor(np.ones(3))
    (x * 2).sum().backward()
    assert x.tolist() == [1, 1, 1]
    assert array_of(x.grad).tolist() == [2, 2, 2]


def test_a_leaf_that_gradients_are_written_into_is_no_leaf():
    buffer = tensor(np.zeros(3))
    x = drawn(2)
    buffer[1:] = x
    assert buffer.requires_grad
    assert not buffer.is_leaf
    buffer.sum().backward()
    assert array_of(x.grad).tolist() == [1, 1]

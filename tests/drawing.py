"""What the table of ops draws from: values, shapes that go together, settings that fit a shape, layouts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


# ---- values --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Domain:
    """Values from an interval, none near a multiple of 1/8 (where kinks are) or one of another argument.

    `hole` keeps them away from 0; `distinct` makes them all different, for ops that choose among elements;
    where there are `only` a few values, they are drawn from these, as for comparisons, which want ties.
    """

    low: float = -3
    high: float = 3
    hole: float = 0.0
    distinct: bool = False
    only: tuple[float, ...] = ()

    def draw(self, rng, shape, place: int) -> np.ndarray:
        """Values of a shape, float64, for the argument number `place`."""
        count = int(np.prod(shape))
        if self.only:
            return rng.choice(self.only, shape)
        steps = np.arange(int((self.high - self.low) * 8) - 1)
        if self.distinct:
            chosen = rng.permutation(
                np.resize(steps, count) if count > len(steps) else rng.choice(steps, count, False)
            )
        else:
            chosen = rng.choice(steps, count)
        values = self.low + (chosen + (place + 1) / 4 + rng.uniform(-0.05, 0.05, count)) / 8
        return (values + np.sign(values) * self.hole).reshape(shape)


real = Domain(-3, 3)
few = Domain(only=(-2.0, -1.0, 0.0, 1.0, 2.0))
special = Domain(only=(np.nan, np.inf, -np.inf, -0.0, 1.5))
positive = Domain(0.25, 3)
nonzero = Domain(-3, 3, hole=0.5)
unit = Domain(-0.875, 0.875)
above_one = Domain(1.25, 4)
distinct = Domain(-12, 12, distinct=True)


# ---- shapes --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Shapes:
    """How the shapes of an op's tensors go together: a strategy for the list, and one that does not fit."""

    draw: st.SearchStrategy
    bad: list[tuple[int, ...]] | None = None


#: simplest first, for that is the order in which a failing example is made simpler
SHAPES = [
    (3,),
    (),
    (1,),
    (2, 3),
    (3, 1),
    (1, 4),
    (2, 3, 4),
    (2, 1, 3),
    (1, 1, 2),
    (0,),
    (2, 0),
    (0, 3),
    (2, 0, 1),
]
PAIRS = [
    *[((3,), (3,)), ((), ()), ((3,), ()), ((), (2, 3)), ((2, 3), (2, 3)), ((2, 3), (3,)), ((1,), (2, 3))],
    *[((3, 4), (3, 1)), ((3, 1), (3, 4)), ((1, 4), (3, 1)), ((2, 1, 3), (4, 1)), ((2, 3, 4), (3, 1))],
    *[((1, 1), (1,)), ((0,), (1,)), ((0, 3), (3,)), ((2, 0), ()), ((3, 1), (1, 0))],
]
TRIPLES = [
    *[((3,), (3,), (3,)), ((2, 3), (), (3,)), ((2, 3), (2, 1), (1, 3)), ((), (2, 3), (2, 3))],
    *[((), (), ()), ((1, 3), (4, 1), (2, 1, 1)), ((0, 3), (3,), (1, 1))],
]
BATCHES = [((), ()), ((2,), (2,)), ((2, 1), (3,)), ((), (2, 3)), ((1,), (0,))]


def shapes(min_dims: int = 0, low: int = 0):
    """One shape, of so many dimensions at least, with sizes of `low` at least."""
    return st.sampled_from([s for s in SHAPES if len(s) >= min_dims and min(s, default=low) >= low])


def sides():
    """The size of a dimension."""
    return st.sampled_from([2, 3, 1, 4, 0])


def _alike(count: int, **limits):
    return shapes(**limits).map(lambda shape: [shape] * count)


@st.composite
def _products(draw):
    """Two shapes that matmul takes: batches that broadcast, and vectors for either."""
    n, k, m = draw(sides()), draw(sides()), draw(sides())
    lead_x, lead_y = draw(st.sampled_from(BATCHES))
    vectors = draw(st.sampled_from(["neither", "x", "y", "both"]))
    x = (k,) if vectors in ("x", "both") else (*lead_x, n, k)
    y = (k,) if vectors in ("y", "both") else (*lead_y, k, m)
    return [x, y]


def named(pattern: str):
    """Shapes by named sizes: `named("n k, k 3")` gives [(n, k), (k, 3)] with sizes drawn for n and k."""
    parts = [part.split() for part in pattern.split(",")]
    names = sorted({name for part in parts for name in part})
    sizes = st.fixed_dictionaries(
        {name: st.just(int(name)) if name.isdecimal() else sides() for name in names}
    )
    return sizes.map(lambda size: [tuple(size[name] for name in part) for part in parts])


one = Shapes(_alike(1))
one_filled = Shapes(_alike(1, low=1))
two_or_more = Shapes(_alike(1, min_dims=1, low=2))
with_number = Shapes(shapes(min_dims=1).map(lambda shape: [shape, ()]))
one_dimensioned = Shapes(_alike(1, min_dims=1))
one_dimensioned_filled = Shapes(_alike(1, min_dims=1, low=1))
pair = Shapes(st.sampled_from(PAIRS).map(list), [(2, 3), (2, 4)])
triple = Shapes(st.sampled_from(TRIPLES).map(list), [(2, 3), (2, 4), (2, 3)])
alike = Shapes(st.integers(1, 3).flatmap(lambda n: _alike(n, min_dims=1)), [(2, 3), (4, 5)])
two_alike = Shapes(_alike(2))
any_alike = Shapes(st.integers(1, 3).flatmap(_alike), [(2, 3), (2, 4)])
products = Shapes(_products(), [(3, 4), (5, 2)])


def fixed(pattern: str, bad=None) -> Shapes:
    """Shapes by named sizes, as `named` has them."""
    return Shapes(named(pattern), bad)


# ---- settings ------------------------------------------------------------------------------------
def nothing(shapes):
    return st.just(())


def dim_of(shape):
    """A dimension, counted from either end; a 0-d tensor counts as having one."""
    ndim = max(len(shape), 1)
    return st.integers(-ndim, ndim - 1)


def dim(shapes):
    return st.tuples(dim_of(shapes[0]))


def dim_keepdim(shapes):
    return st.tuples(dim_of(shapes[0]), st.booleans())


def several_dims(shape):
    """None, one dimension, or a tuple of different ones, counted from either end."""
    if not shape:
        return st.sampled_from([None, 0, -1])
    unique = st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True)
    from_either_end = st.tuples(unique, st.booleans()).map(
        lambda drawn: tuple(d - len(shape) if drawn[1] and i == 0 else d for i, d in enumerate(drawn[0]))
    )
    return st.one_of(st.none(), dim_of(shape), from_either_end)


def dims_keepdim(shapes):
    return st.tuples(several_dims(shapes[0]), st.booleans())


def some_dims_keepdim(shapes):
    """As `dims_keepdim`, never None."""
    return st.tuples(several_dims(shapes[0]).filter(lambda d: d is not None), st.booleans())


def new_dim(shapes):
    """Where a dimension can be put in."""
    return st.tuples(st.integers(-len(shapes[0]) - 1, len(shapes[0])))


def tuple_of_dims(shapes):
    """A tuple of different dimensions, perhaps of none."""
    return st.tuples(
        st.lists(st.sampled_from(range(len(shapes[0]))), unique=True).map(tuple) if shapes[0] else st.just(())
    )


@st.composite
def dim_and_place(draw, shapes):
    """A dimension, and a place along it counted from either end."""
    (axis,) = draw(dim(shapes))
    size = shapes[0][axis]
    return axis, draw(st.integers(-size, size - 1))


@st.composite
def part(draw, shapes):
    """A dimension, where a part of it starts, and the part's length."""
    (axis,) = draw(dim(shapes))
    start = draw(st.integers(0, shapes[0][axis]))
    return axis, start, draw(st.integers(0, shapes[0][axis] - start))


def size_and_dim(shapes):
    """A number of elements (or parts), and a dimension."""
    return st.tuples(st.integers(1, 3), dim_of(shapes[0]))


@st.composite
def count_dim_largest(draw, shapes):
    """How many elements along which dimension, and from which end of their order."""
    axis = draw(dim_of(shapes[0]))
    return draw(st.integers(0, shapes[0][axis])), axis, draw(st.booleans())


@st.composite
def rank_dim_keepdim(draw, shapes):
    """A rank from 1 along a dimension, and whether that is kept."""
    axis = draw(dim_of(shapes[0]))
    return draw(st.integers(1, shapes[0][axis])), axis, draw(st.booleans())


def order_of_dims(shapes):
    """All dimensions in some order."""
    return st.tuples(st.permutations(range(len(shapes[0]))).map(tuple))


def two_dims(shapes):
    return st.tuples(dim_of(shapes[0]), dim_of(shapes[0]))


def other_shape(shapes):
    """A shape that holds as many elements, with one size perhaps left to be found."""
    shape = shapes[0]
    count = int(np.prod(shape))
    choices = [shape[::-1], (count,), (1, *shape), (*shape, 1)]
    choices += [(-1,), (*shape[:-1], -1)] if count and shape else []
    return st.tuples(st.sampled_from(choices))


def wider(shapes):
    """A shape that this one expands to."""
    shape = shapes[0]
    grown = st.tuples(*[st.just(n) if n != 1 else st.integers(1, 3) for n in shape])
    lead = st.lists(st.integers(1, 2), max_size=2).map(tuple)
    return st.tuples(st.tuples(lead, grown).map(lambda parts: parts[0] + parts[1]))


@st.composite
def index(draw, shapes):
    """An index of slices, ints, None and Ellipsis: what gives a view."""
    parts = []
    for n in shapes[0]:
        kinds = [st.just(slice(None)), st.slices(n).map(_forward)]
        parts.append(draw(st.one_of(*kinds, *([st.integers(-n, n - 1)] if n else []))))
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    if draw(st.booleans()):
        parts[draw(st.integers(0, len(parts))) :] = [Ellipsis]
    return (tuple(parts),)


def _forward(part: slice) -> slice:
    """The slice with a positive step."""
    return slice(part.start, part.stop, abs(part.step)) if part.step else part


@st.composite
def integer_index(draw, shapes):
    """An index with integer arrays that broadcast, some places twice, some counted from the end."""
    shape = shapes[0]
    places = draw(st.sampled_from([(0,), (3,), (2, 1), (2, 3), ()]))
    parts = []
    for n in shape:
        if n and draw(st.booleans()):
            drawn = draw(hnp.arrays(np.int64, places, elements=st.integers(-n, n - 1)))
            parts.append(np.asarray(drawn))
        else:
            parts.append(slice(None))
    return (tuple(parts),)


@st.composite
def index_without_repeats(draw, shapes):
    """An index with one integer array, which names no place twice."""
    axis = draw(st.integers(0, len(shapes[0]) - 1))
    order = draw(st.permutations(range(shapes[0][axis])))
    chosen = np.array(order[: draw(st.integers(0, len(order)))], np.int64)
    return ((slice(None),) * axis + (chosen,),)


@st.composite
def mask_index(draw, shapes):
    """A boolean array for the leading dimensions."""
    shape = shapes[0]
    return (draw(hnp.arrays(bool, shape[: draw(st.integers(0, len(shape)))])),)


def mask(shapes):
    return st.tuples(hnp.arrays(bool, shapes[0]))


@st.composite
def picks(draw, shapes):
    """A dimension and, for `gather`, an index array no larger than the tensor elsewhere."""
    shape = shapes[0]
    axis = draw(dim_of(shape))
    size = shape[axis] if shape else 1
    index_shape = [draw(st.integers(0, n)) for n in shape]
    if shape:
        index_shape[axis] = draw(st.integers(0, 5)) if size else 0
    return axis, draw(hnp.arrays(np.int64, tuple(index_shape), elements=st.integers(0, max(size - 1, 0))))


@st.composite
def places(draw, shapes):
    """A dimension and a vector of places along it, some of them twice."""
    shape = shapes[0]
    axis = draw(dim_of(shape))
    size = shape[axis] if shape else 1
    count = draw(st.integers(0, 5)) if size else 0
    return axis, draw(hnp.arrays(np.int64, (count,), elements=st.integers(0, max(size - 1, 0))))


# ---- places in a tensor of shape (4, 3) ----------------------------------------------------------
def unique_places(shapes):
    """For `scatter` along dimension 0: (2, 3) places, none twice in a column."""
    column = st.permutations(range(4)).map(lambda order: order[:2])
    return st.tuples(st.lists(column, min_size=3, max_size=3).map(lambda columns: np.array(columns).T))


def repeated_rows(shapes):
    """For `scatter_add` along dimension 0: (2, 3) places, some of them twice in a column."""
    return st.tuples(hnp.arrays(np.int64, (2, 3), elements=st.integers(0, 3)))


def order_of_rows(shapes):
    """Two different rows."""
    return st.tuples(st.permutations(range(4)).map(lambda order: np.array(order[:2])))


# ---- settings that do not depend on shapes, or are put together ----------------------------------
def always(*settings):
    """The same settings each time."""
    return lambda shapes: st.just(settings)


def numbers(*values):
    """One setting from a few."""
    return lambda shapes: st.tuples(st.sampled_from(values))


def then(*parts):
    """Settings drawn one after the other, each from the shapes."""
    return lambda shapes: st.tuples(*[part(shapes) for part in parts]).map(lambda drawn: sum(drawn, ()))


# ---- layouts -------------------------------------------------------------------------------------
def laid_out(array: np.ndarray, layout: str) -> np.ndarray:
    """The same values in other memory: in order, transposed, or every second place of a larger array."""
    if layout == "transposed":
        return np.ascontiguousarray(array.T).T if array.ndim else array
    if layout == "strided" and array.ndim:
        wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), 7.5).astype(array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    return array


layouts = st.sampled_from(["in order", "transposed", "strided"])

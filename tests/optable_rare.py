"""Lines of the table for ops that few programs use: arranging, writing by index, einsum."""

import numpy as np

from tests.drawing import (
    always,
    fixed,
    mask,
    nonzero,
    numbers,
    one,
    one_dimensioned,
    one_filled,
    order_of_rows,
    pair,
    positive,
    real,
    repeated_rows,
    then,
    triple,
    two_alike,
    unique_places,
)
from tests.naive import as_windows, masked_scatter, scattered, scattered_and_reduced, with_part, with_rows
from tests.opline import Op

FIRST_PLACE = (slice(None), 0)

# fmt: off
ARITHMETIC = [
    Op("rsub", pair, lambda x, y: y - x, kinds="if"),
    Op("float_power", one, lambda x, p: x ** p, positive, numbers(2, 0.5, -1), result="float64"),
    Op("clamp_min", one, np.maximum, static=numbers(0.5), kinds="f"),
    Op("clamp_max", one, np.minimum, static=numbers(0.5), kinds="f"),
    Op("lerp", triple, lambda x, y, w: x + w * (y - x), kinds="f"),
    Op("lerp", two_alike, lambda x, y, w: x + w * (y - x), static=numbers(0.25), kinds="f", variant="number"),
    Op("addcmul", triple, lambda i, x, y: i + 0.5 * x * y, kinds="f",
       call=lambda m, i, x, y: m.addcmul(i, x, y, value=0.5)),
    Op("addcdiv", triple, lambda i, x, y: i + 0.5 * x / y, (real, real, nonzero), kinds="f",
       call=lambda m, i, x, y: m.addcdiv(i, x, y, value=0.5)),
    Op("nan_to_num", one, np.nan_to_num, kinds="f"),
    Op("conj", one, np.conj),
    Op("isclose", two_alike, np.isclose, order=0, result="bool"),
]

ARRANGING = [
    Op("ravel", one, np.ravel),
    Op("view", fixed("2 3"), lambda x: x.reshape(3, 2), call=lambda m, x: (x * 1).contiguous().view(3, -1),
       kinds="f"),
    Op("repeat", one, lambda x: np.tile(x, (2, *[1] * x.ndim, 3)[: x.ndim + 1]), kinds="f",
       call=lambda m, x: x.repeat((2, *[1] * x.ndim, 3)[: x.ndim + 1])),
    Op("tile", one, np.tile, static=always((2, 3))),
    Op("repeat_interleave", one_dimensioned, np.repeat, static=always(2, 0)),
    Op("roll", fixed("n m"), np.roll, static=always((1, -2), (0, 1)), bad=([(2, 3)], (1, 5))),
    Op("fliplr", fixed("n m"), np.fliplr),
    Op("flipud", one_dimensioned, np.flipud),
    Op("rot90", fixed("n m"), np.rot90, static=numbers(1, 2, -1, 0)),
    Op("adjoint", fixed("b n m"), lambda x: x.swapaxes(1, 2)),
    Op("atleast_1d", one, np.atleast_1d),
    Op("atleast_2d", one, np.atleast_2d),
    Op("atleast_3d", one, np.atleast_3d),
    Op("broadcast_to", one, lambda x, s: np.broadcast_to(x, (2, *x.shape)), kinds="f", static=always(None),
       call=lambda m, x, s: m.broadcast_to(x, (2, *x.shape))),
    Op("expand_as", fixed("1 m, n m"), lambda x, y: np.broadcast_to(x, y.shape) + y, kinds="f",
       call=lambda m, x, y: x.expand_as(y) + y),
    Op("as_strided", fixed("7"), lambda x: np.stack([x[1:4], x[2:5]]), kinds="f",
       call=lambda m, x: (x * 1).as_strided((2, 3), (1, 1), 1)),
    Op("unfold", fixed("7 2"), as_windows, static=always(0, 3, 2), call=lambda m, x, *s: x.unfold(*s)),
    Op("sum_to_size", fixed("3 n"), lambda x: x.sum(0, keepdims=True), kinds="f",
       call=lambda m, x: x.sum_to_size(1, x.shape[1])),
    Op("hstack", two_alike, lambda x, y: np.hstack([x, y]), call=lambda m, x, y: m.hstack((x, y))),
    Op("vstack", two_alike, lambda x, y: np.vstack([x, y]), call=lambda m, x, y: m.vstack((x, y))),
    Op("dstack", two_alike, lambda x, y: np.dstack([x, y]), call=lambda m, x, y: m.dstack((x, y))),
    Op("column_stack", fixed("n, n 2"), lambda x, y: np.column_stack([x, y]),
       call=lambda m, x, y: m.column_stack((x, y))),
    Op("tensor_split", fixed("n 5"), lambda x, n, d: tuple(np.array_split(x, n, d)), static=always(3, 1)),
    Op("tensor_split", fixed("n 5"), lambda x, at, d: tuple(np.split(x, at, d)), static=always((1, 3), 1),
       variant="places"),
    Op("hsplit", fixed("n 4"), lambda x, n: tuple(np.hsplit(x, n)), static=always(2)),
    Op("vsplit", fixed("4 n"), lambda x, n: tuple(np.vsplit(x, n)), static=always(2)),
    Op("dsplit", fixed("n 2 4"), lambda x, n: tuple(np.dsplit(x, n)), static=always(2)),
    Op("meshgrid", fixed("n, m"), lambda x, y: tuple(np.meshgrid(x, y, indexing="ij")), kinds="f",
       call=lambda m, x, y: m.meshgrid(x, y, indexing="ij")),
    Op("diag", fixed("n"), np.diag, static=numbers(0, 1, -2)),
    Op("diag", fixed("3 4"), np.diag, static=numbers(0, 1, -2), variant="of matrix"),
    Op("diagonal", fixed("2 3 4"), np.diagonal, static=always(1, 0, 2)),
    Op("diag_embed", fixed("2 n"), lambda x: x[..., None] * np.eye(x.shape[-1])),
    Op("diagflat", one, np.diagflat, static=numbers(0, 1, -2)),
    Op("trace", fixed("n m"), np.trace, result="total"),
    Op("tril", fixed("b n m"), np.tril, static=numbers(0, 1, -1)),
    Op("triu", fixed("b n m"), np.triu, static=numbers(0, 1, -1)),
]

WRITING = [
    Op("scatter", fixed("4 3, 2 3"), scattered, static=unique_places,
       call=lambda m, x, v, i: m.scatter(x, 0, i, v), bad=([(2, 3), (1, 1)], (np.array([[5]]),))),
    Op("scatter", fixed("4 3"), lambda x, i: scattered(x, np.full(i.shape, 0.5), i), static=unique_places,
       kinds="f", call=lambda m, x, i: m.scatter(x, 0, i, 0.5), variant="number"),
    Op("scatter_add", fixed("4 3, 2 3"), lambda x, v, i: scattered_and_reduced(x, v, i, "sum"), kinds="if",
       static=repeated_rows, call=lambda m, x, v, i: m.scatter_add(x, 0, i, v)),
    Op("scatter_reduce", fixed("4 3, 2 3"), scattered_and_reduced, nonzero, kinds="f",
       static=then(repeated_rows, numbers("sum", "prod", "mean", "amax", "amin")),
       call=lambda m, x, v, i, how: m.scatter_reduce(x, 0, i, v, how)),
    Op("index_add", fixed("4 3, 2 3"), lambda x, v, i: with_rows(x, v, i, np.add), static=order_of_rows,
       kinds="if", call=lambda m, x, v, i: m.index_add(x, 0, i, v)),
    Op("index_copy", fixed("4 3, 2 3"), lambda x, v, i: with_part(x, v, i), static=order_of_rows,
       call=lambda m, x, v, i: m.index_copy(x, 0, i, v)),
    Op("index_fill", fixed("4 3"), lambda x, i: with_part(x, 0.5, i), static=order_of_rows, kinds="f",
       call=lambda m, x, i: m.index_fill(x, 0, i, 0.5)),
    Op("index_put", fixed("4 3, 2 3"), lambda x, v, i: with_part(x, v, i), static=order_of_rows,
       call=lambda m, x, v, i: m.index_put(x, (i,), v)),
    Op("index_put", fixed("4 3, 2 3"), lambda x, v, i: with_rows(x, v, i, np.add), static=order_of_rows,
       kinds="if", call=lambda m, x, v, i: m.index_put(x, (i,), v, accumulate=True), variant="accumulate"),
    Op("index_reduce", fixed("4 3, 2 3"), lambda x, v, i: with_rows(x, v, i, np.multiply), nonzero,
       static=order_of_rows, kinds="f", call=lambda m, x, v, i: m.index_reduce(x, 0, i, v, "prod")),
    Op("masked_scatter", two_alike, masked_scatter, static=mask,
       call=lambda m, x, v, c: m.masked_scatter(x, c, v)),
    Op("select_scatter", fixed("4 n, 4"), lambda x, v: with_part(x, v, FIRST_PLACE) if x.shape[1] else x,
       call=lambda m, x, v: m.select_scatter(x, v, 1, 0) if x.shape[1] else x + 0 * v[:0].sum(), kinds="f"),
    Op("slice_scatter", fixed("4 n, 2 n"), lambda x, v: with_part(x, v, slice(1, 3)),
       call=lambda m, x, v: m.slice_scatter(x, v, 0, 1, 3)),
    Op("diagonal_scatter", fixed("3 3, 3"), lambda x, v: x - np.diag(np.diag(x)) + np.diag(v), kinds="if"),
]

PRODUCTS = [
    Op("vdot", fixed("n, n"), np.dot, kinds="if"),
    *[Op("einsum", fixed(shapes), lambda *x, e=e: np.einsum(e, *x), kinds="f", variant=e,
         call=lambda m, *x, e=e: m.einsum(e, *x)) for e, shapes in [
        ("ij,jk->ik", "n k, k m"), ("bij,bjk->bik", "b n k, b k m"), ("ij->ji", "n m"), ("ij->", "n m"),
        ("i,j->ij", "n, m"), ("ij,ij->i", "n m, n m"), ("ii->i", "n n"), ("ii", "n n"),
        ("...ij,jk->...ik", "b n k, k m"), ("ij,jk,kl->il", "2 n, n m, m 3")]],
    Op("square", one_filled, np.square, kinds="f", order=3, variant="third order"),
    Op("tanh", one_filled, np.tanh, kinds="f", order=3, variant="third order"),
]
# fmt: on

RARE = [*ARITHMETIC, *ARRANGING, *WRITING, *PRODUCTS]

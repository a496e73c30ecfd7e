"""One step of an LSTM or a GRU as one op, for loops written by hand; the readable twins are the cells.

A batch is rows here, (N, I) and (N, H): for a single step nothing is won by turning it into columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...fused import Fused
from ..linear import affine
from .gru import gru_cell
from .lstm import lstm_cell


def gates_of(sums: Any, count: int) -> list[Any]:
    """The (N, H) parts of (N, count * H)."""
    hidden = sums.shape[1] // count
    return [sums[:, place * hidden : (place + 1) * hidden] for place in range(count)]


def squash(a: Any) -> None:
    """sigmoid, in place."""
    a *= 0.5
    np.tanh(a, a)
    a *= 0.5
    a += 0.5


def through_affine(d: Any, x: Any, weight: Any, bias: Any, wanted: tuple[bool, ...]) -> tuple:
    """The gradients of x, weight and bias, of x @ weight.T + bias, where they are wanted."""
    dx = d.dot(weight) if wanted[0] else None
    dw = d.T.dot(x) if wanted[1] else None
    return dx, dw, d.sum(0) if wanted[2] and bias is not None else None


def lstm(wanted: tuple[bool, ...], *arguments: Any) -> tuple[tuple, Any]:
    x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr = arguments
    # 1. sums
    sums = affine(x, w_ih, b_ih)
    sums += affine(h, w_hh, b_hh)
    # 2. gates
    i, f, g, o = gates_of(sums, 4)
    squash(sums[:, : 2 * i.shape[1]])
    np.tanh(g, g)
    squash(o)
    # 3. cell
    new_c = f * c
    new_c += i * g
    # 4. state
    tanh_c = np.tanh(new_c)
    m = o * tanh_c
    new_h = m if w_hr is None else m.dot(w_hr.T)
    return (new_h, new_c), (sums, tanh_c, arguments) if any(wanted) else None


def lstm_backward(saved: Any, grads: list, wanted: tuple[bool, ...], last: bool) -> tuple:
    sums, tanh_c, (x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr) = saved
    dh, dc = grads
    i, f, g, o = gates_of(sums, 4)
    d_sums = np.empty_like(sums)
    d_i, d_f, d_g, d_o = gates_of(d_sums, 4)
    dw_hr = None
    # 4. state
    if dh is None:
        d_o[...] = 0
    else:
        dw_hr = dh.T.dot(o * tanh_c) if wanted[7] else None
        dm = dh if w_hr is None else dh.dot(w_hr)
        through_c = dm * o * (1 - tanh_c * tanh_c)
        dc = through_c if dc is None else dc + through_c
        np.multiply(dm * tanh_c, o - o * o, d_o)
    # 3. cell, 2. gates
    np.multiply(dc * g, i - i * i, d_i)
    np.multiply(dc * c, f - f * f, d_f)
    np.multiply(dc * i, 1 - g * g, d_g)
    # 1. sums
    dx, dw_ih, db_ih = through_affine(d_sums, x, w_ih, b_ih, (wanted[0], wanted[3], wanted[5]))
    dh0, dw_hh, db_hh = through_affine(d_sums, h, w_hh, b_hh, (wanted[1], wanted[4], wanted[6]))
    return dx, dh0, dc * f if wanted[2] else None, dw_ih, dw_hh, db_ih, db_hh, dw_hr


def gru(wanted: tuple[bool, ...], *arguments: Any) -> tuple[Any, Any]:
    x, h, w_ih, w_hh, b_ih, b_hh = arguments
    # 1. sums
    sums = affine(x, w_ih, b_ih)
    from_h = affine(h, w_hh, b_hh)
    # 2. gates
    r, z, n = gates_of(sums, 3)
    m = gates_of(from_h, 3)[2]
    r_z = sums[:, : 2 * r.shape[1]]
    r_z += from_h[:, : 2 * r.shape[1]]
    squash(r_z)
    n += r * m
    np.tanh(n, n)
    # 3. state
    new_h = h - n
    new_h *= z
    new_h += n
    return new_h, (sums, m, arguments) if any(wanted) else None


def gru_backward(saved: Any, dh: Any, wanted: tuple[bool, ...], last: bool) -> tuple:
    sums, m, (x, h, w_ih, w_hh, b_ih, b_hh) = saved
    r, z, n = gates_of(sums, 3)
    by_x, by_h = np.empty_like(sums), np.empty_like(sums)
    d_r, d_z, d_n = gates_of(by_x, 3)
    hidden = r.shape[1]
    # 3. state, 2. gates
    np.multiply(dh * (1 - z), 1 - n * n, d_n)
    np.multiply(dh * (h - n), z - z * z, d_z)
    np.multiply(d_n * m, r - r * r, d_r)
    by_h[:, : 2 * hidden] = by_x[:, : 2 * hidden]
    np.multiply(d_n, r, by_h[:, 2 * hidden :])
    # 1. sums
    dx, dw_ih, db_ih = through_affine(by_x, x, w_ih, b_ih, (wanted[0], wanted[2], wanted[4]))
    dh0, dw_hh, db_hh = through_affine(by_h, h, w_hh, b_hh, (wanted[1], wanted[3], wanted[5]))
    if dh0 is not None:
        dh0 += dh * z
    return dx, dh0, dw_ih, dw_hh, db_ih, db_hh


lstm_step = Fused(lstm, lstm_backward, lstm_cell)
gru_step = Fused(gru, gru_backward, gru_cell)

"""Changes of formulas that no test can notice, under the reason why: `file:function: before -> after`."""

# ruff: noqa: E501 - the changes are listed as `mutants.py` prints them

REASONS: dict[str, str] = {
    "only tensors without elements tell them apart, and these have no gradient": r"""
        ctc.py:_backward: log_probs.size // max(len(log_probs), 1) -> log_probs.size // len(log_probs)
        ctc.py:_backward: max(len(log_probs), 1) -> max(len(log_probs), 1.01)
        normalization.py:_blocks_backward: 1 / max(n, 1) -> 1 / n
        normalization.py:_blocks_backward: max(n, 1) -> max(n, 2)
        normalization.py:_blocks_backward: w / max(n, 1) -> w / n
        reduction.py:_cumprod_gradient: concat(total, axis) if total else g * 1 -> concat(total, axis) if total else g
        reduction.py:_shifted: slice(0, max(x.shape[a] - 1, 0)) -> slice(0, x.shape[a] - 1)
    """,
    "the walk sums a gradient down to the shape it flows into": r"""
        normalization.py:_tables_backward: (_combined(tables, [g, x], given.shape) if wanted[0] else None, gy_sums.sum(0), g_sums.sum(0)) -> (_combined(tables, [g, x], given.shape) if wanted[0] else None, gy_sums, g_sums.sum(0))
        normalization.py:_tables_backward: (_combined(tables, [g, x], given.shape) if wanted[0] else None, gy_sums.sum(0), g_sums.sum(0)) -> (_combined(tables, [g, x], given.shape) if wanted[0] else None, gy_sums.sum(0), g_sums)
        recurrent/steps.py:through_affine: d.sum(0) if wanted[2] and bias is not None else None -> d if wanted[2] and bias is not None else None
    """,
    "what nobody asked for is computed too, and dropped by the walk": r"""
        attention.py:_backward: d_mask = np.zeros_like(q, shape=(*q.shape[:-1], k.shape[-2])) if wanted[3] else None -> d_mask = np.zeros_like(q, shape=(*q.shape[:-1], k.shape[-2]))
        normalization.py:_columns_backward: if not wanted[0]: -> if False:
        normalization.py:_tables_backward: (_combined(tables, [g, x], given.shape) if wanted[0] else None, gy_sums.sum(0), g_sums.sum(0)) -> (_combined(tables, [g, x], given.shape), gy_sums.sum(0), g_sums.sum(0))
        recurrent/kernel.py:Back.__init__: if want['x']: -> if True:
        recurrent/kernel.py:Back.add_products: if any((self.want[name] for name in ('w_ih', 'w_hh', 'b_ih', 'b_hh'))): -> if (self.want[name] for name in ('w_ih', 'w_hh', 'b_ih', 'b_hh')):
        recurrent/kernel.py:Back.add_products: if any((self.want[name] for name in ('w_ih', 'w_hh', 'b_ih', 'b_hh'))): -> if True:
        recurrent/lstm.py:LSTMBack.walk: if self.want['w_hr']: -> if True:
        recurrent/steps.py:lstm_backward: (dx, dh0, dc * f if wanted[2] else None, dw_ih, dw_hh, db_ih, db_hh, dw_hr) -> (dx, dh0, dc * f, dw_ih, dw_hh, db_ih, db_hh, dw_hr)
        recurrent/steps.py:lstm_backward: dw_hr = dh.T.dot(o * tanh_c) if wanted[7] else None -> dw_hr = dh.T.dot(o * tanh_c)
        recurrent/steps.py:through_affine: (dx, dw, d.sum(0) if wanted[2] and bias is not None else None) -> (dx, dw, d.sum(0))
        recurrent/steps.py:through_affine: d.sum(0) if wanted[2] and bias is not None else None -> d.sum(0) if wanted[2] or bias is not None else None
        recurrent/steps.py:through_affine: dw = d.T.dot(x) if wanted[1] else None -> dw = d.T.dot(x)
        recurrent/steps.py:through_affine: dx = d.dot(weight) if wanted[0] else None -> dx = d.dot(weight)
    """,
    "a slice may end beyond the end": r"""
        recurrent/lstm.py:LSTMBack.walk: slice(part.start - steps.start, part.stop - steps.start) -> slice(part.start - steps.start, part.stop + steps.start)
        recurrent/weights.py:to_torch: slice(ours.start - first, ours.stop - first) -> slice(ours.start - first, ours.stop + first)
    """,
    "buffers are not given back for the next layer, which then makes its own: only time is lost": r"""
        recurrent/kernel.py:Kernel.backward_part: free_list.give(back.scratch) -> free_list
        recurrent/kernel.py:Kernel.backward_part: free_list.give(back.scratch) -> pass
        recurrent/kernel.py:Kernel.backward_part: free_list.give(saved.tape) -> free_list
        recurrent/kernel.py:Kernel.backward_part: free_list.give(saved.tape) -> pass
        recurrent/kernel.py:Kernel.backward_part: if last: -> if False:
    """,
    "NumPy and the walk bring the dtype about, or the value is the same in any": r"""
        ctc.py:_backward: np.bincount(as_places(index.reshape(-1)), found.reshape(-1), log_probs.size) -> np.bincount(index.reshape(-1), found.reshape(-1), log_probs.size)
        ctc.py:_backward: np.exp(log_probs) - summed.reshape(log_probs.shape).astype(log_probs.dtype) -> np.exp(log_probs) - summed.reshape(log_probs.shape)
        promotion.py:in_dtype_of: to_dtype(x, g.dtype) if isinstance(x, Value) else x.astype(g.dtype) -> x if isinstance(x, Value) else x.astype(g.dtype)
        recurrent/kernel.py:Kernel.backward_part: [at_least_single(g) for g in grads] -> [g for g in grads]
    """,
    "the matrix is square, or of three dimensions at most, where both are the same size": r"""
        decompositions.py:_exponential_gradient: -1 -> -2
        decompositions.py:_exponential_gradient: x.shape[-1] -> x.shape[1]
        decompositions.py:_off_diagonal: -1 -> -2
        decompositions.py:_svd_gradient: Vh.shape[-1] -> Vh.shape[1]
        decompositions.py:cat_of: parts[0] -> parts[1]
        loss.py:_backward: -1 -> -2
        loss.py:_backward: exponentials.shape[-1] -> exponentials.shape[1]
    """,
    "called three times on the way, so that signs cancel": r"""
        decompositions.py:cat_of: return concat(parts, axis % len(parts[0].shape)) -> return -concat(parts, axis % len(parts[0].shape))
    """,
    "only the diagonal differs, -1 instead of 1, and it is cut out after": r"""
        decompositions.py:_differences: return x[..., None, :] - x[..., :, None] + np.eye(x.shape[-1], dtype=bool) -> return x[..., None, :] - x[..., :, None] - np.eye(x.shape[-1], dtype=bool)
    """,
    "the number put in place of one that would be divided by, or have no logarithm, is hidden or multiplied by 0 after": r"""
        ctc.py:occupancies: np.where(total == 0, 1, total) -> np.where(total == 0, 1.01, total)
        elementwise.py:_turned: select(x == 0, 1, abs(x)) -> select(x == 0, 1.01, abs(x))
        elementwise.py:elu.x: clamp_between(x, None, 0) -> clamp_between(x, None, 0.01)
        elementwise.py:elu.x: exp(clamp_between(x, None, 0)) -> exp(x)
        elementwise.py:power.x: select(y == 0, 1, y - 1) -> select(y == 0, 1.01, y - 1)
        pairs.py:_angle_gradient: select(x == 0, 1, x.real * x.real + x.imag * x.imag) -> select(x == 0, 1.01, x.real * x.real + x.imag * x.imag)
        reduction.py:_finite: select(abs(x) == math.inf, 0, x) -> select(abs(x) == math.inf, 0.01, x)
        reduction.py:_power_norm_gradient: select(out == 0, 1, out) -> select(out == 0, 1.01, out)
        reduction.py:_power_norm_gradient: select(x == 0, 1, abs(x)) -> select(x == 0, 1.01, abs(x))
        reduction.py:safe_sqrt.x: select(out == 0, 1, out) -> select(out == 0, 1.01, out)
        running.py:_spread_back: select(g > 0, g, 1) -> select(g > 0, g, 1.01)
        running.py:_spread_back: select(out == -math.inf, 0, out) -> select(out == -math.inf, 0.01, out)
        special.py:_over: select(x == 0, 1, x) -> select(x == 0, 1.01, x)
        special.py:_sinc_slope: select(x == 0, 1, x) -> select(x == 0, 1.01, x)
        updates.py:_product_of_others: select(zero, 1, value) -> select(zero, 1.01, value)
    """,
    "a count is only compared, or is multiplied by 1 to be whole: booleans add up alike": r"""
        updates.py:_product_of_others: (x != x) * 1 -> (x != x) * 1.01
        updates.py:_product_of_others: add_part((x != x) * 1, zero * 1, index) -> add_part((x != x) * 1, zero, index)
        updates.py:_product_of_others: zeros_there - zero * 1 -> zeros_there - zero
        updates.py:_product_of_others: zeros_there - zero * 1 == 0 -> zero * 1 - zeros_there == 0
        updates.py:_ties: add_part((x == out) * 1, (value == take_part(out, index)) * 1, index) -> add_part((x == out) * 1, value == take_part(out, index), index)
    """,
    "a gradient of exactly 0 counts in both signs, whose difference is 0": r"""
        running.py:_spread_back: select(g > 0, g, 1) -> select(g >= 0, g, 1)
        running.py:_spread_back: select(g > 0, log(select(g > 0, g, 1)), -math.inf) -> select(g >= 0, log(select(g > 0, g, 1)), -math.inf)
    """,
    "another way to the same numbers is taken: time is all that differs": r"""
        convolution.py:first: return x if x.shape == shape else take_part(x, tuple((slice(n) for n in shape))) -> return take_part(x, tuple((slice(n) for n in shape)))
        decompositions.py:_svd_gradient: if U.dtype != S.dtype: -> if True:
        decompositions.py:_svd_gradient: if columns > size: -> if True:
        decompositions.py:_svd_gradient: if columns > size: -> if columns >= size:
        decompositions.py:_svd_gradient: if rows > size: -> if True:
        decompositions.py:_svd_gradient: if rows > size: -> if rows >= size:
        embedding.py:_rows_that_count: return rows if padding_idx is None else mul(rows, (index != padding_idx)[..., None]) -> return mul(rows, (index != padding_idx)[..., None])
        loss.py:_backward: if smoothing: -> if True:
        normalization.py:_rows_backward: 0 < x.size <= SMALL -> 0.01 < x.size <= SMALL
        recurrent/kernel.py:Back.add_products: self.add([by_x @ z.T] if same else [by_x @ z[:inputs + 1].T, by_h @ z[inputs:].T]) -> self.add([by_x @ z[:inputs + 1].T, by_h @ z[inputs:].T])
        reduction.py:spread: if keepdims: -> if False:
    """,
    "on a machine of one device alone; the tests on the stand-in hold it": r"""
        variants.py:transfer_to.x: lambda g, where, source: transfer_to(g, source, where) -> lambda g, where, source: -transfer_to(g, source, where)
        variants.py:transfer_to.x: lambda g, where, source: transfer_to(g, source, where) -> lambda g, where, source: g
        variants.py:transfer_to.x: lambda g, where, source: transfer_to(g, source, where) -> lambda g, where, source: transfer_to(g, where, source)
        variants.py:transfer_to.x: lambda g, where, source: transfer_to(g, source, where) -> lambda g, where, source: transfer_to(source, g, where)
    """,
    "of all elements there is one result, kept dimensions or not": r"""
        sorting.py:_median_of_all.x: to_ties(g, x, out, None, False) -> to_ties(g, x, out, None, True)
    """,
    "a bound at 1e-12 is one of many that would do": r"""
        loss.py:binary_cross_entropy.x: clamp_between(x * (1 - x), 1e-12, None) -> clamp_between(x * (1 - x), 1.01e-12, None)
    """,
    "the gradient is 0 in either form": r"""
        decompositions.py:determinant_sign.x: lambda g, x: g[..., None, None] * (x * 0) -> lambda g, x: -(g[..., None, None] * (x * 0))
        decompositions.py:determinant_sign.x: lambda g, x: g[..., None, None] * (x * 0) -> lambda g, x: x * 0
        elementwise.py:sgn.x: lambda g, x, out: _turned(g, x, out) if is_complex_number(x) else g * 0 -> lambda g, x, out: _turned(g, x, out)
    """,
    "-0 is 0": r"""
        complex.py:real_part.x: g * (1 + 0j) -> g * (1 - 0j)
    """,
    "at 0 the slope's gradient is 0 from either side": r"""
        activation.py:prelu.slope: select(x > 0, 0, mul(g, x)) -> select(x >= 0, 0, mul(g, x))
    """,
    "beyond 20 softplus is x to rounding": r"""
        activation.py:mish.x: softplus(x, 1, 20) -> softplus(x, 1, 20.2)
    """,
}

EQUIVALENT = {line.strip() for lines in REASONS.values() for line in lines.strip().splitlines()}

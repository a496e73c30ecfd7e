"""Attention: scaled dot-product attention, and multi-head attention with its projections."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np

from ... import dtypes, ops
from ...ops import attention as core
from ...ops.dropout import keep_noise
from ...random import default_generator
from ...tensor import Tensor
from .dropout import dropout
from .linear import linear


# ---- one head, or any number of them -----------------------------------------------------------------------
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(scale q k^T + mask) v, of query (..., L, E), key (..., S, E), value (..., S, Ev): (..., L, Ev).

    The mask (..., L, S) is added to the scores, or, if boolean, says which keys a query sees; with
    `is_causal` query i sees the keys 0 .. i. A query that sees none gives zeros. `scale` is 1 / sqrt(E) if
    None. With `enable_gqa` each head of key and value, dimension -3, serves several of the query's.
    """
    _check_attention(query, key, value, attn_mask, dropout_p, is_causal)
    if enable_gqa:
        key, value = _for_all_heads(query, key), _for_all_heads(query, value)
    query, key, value = _with_batch_in_common(query, key, value)
    q = query.array
    scale = 1 / math.sqrt(max(q.shape[-1], 1)) if scale is None else float(scale)
    noise = _noise(q, (*q.shape[:-1], key.array.shape[-2]), dropout_p) if dropout_p > 0 else None
    return core.attention(query, key, value, attn_mask, noise, scale, is_causal)


def _noise(q, shape: tuple[int, ...], p: float):
    """What dropout multiplies the weights by."""
    return np.zeros_like(q, shape=shape) if p == 1 else keep_noise(q, shape, p, default_generator) / (1 - p)


def _check_attention(query, key, value, mask, dropout_p: float, is_causal: bool) -> None:
    name = "scaled_dot_product_attention"
    if mask is not None and is_causal:
        raise RuntimeError(f"{name}: Explicit attn_mask should not be set when is_causal=True")
    if not 0 <= dropout_p <= 1:
        raise ValueError(f"{name}: dropout_p has to be between 0 and 1, but got {dropout_p}")
    found = [t.dtype for t in (query, key, value)]
    if len(set(found)) > 1 or found[0].category < dtypes.FLOAT:
        told = ", ".join(map(str, found))
        raise RuntimeError(f"{name}: query, key, and value need one floating dtype, got {told}")
    shapes = [tuple(t.shape) for t in (query, key, value)]
    if min(map(len, shapes)) < 2:
        raise RuntimeError(f"{name}: query, key, and value need at least 2 dimensions, got shapes {shapes}")
    if mask is not None and mask.dtype not in (dtypes.bool_, query.dtype):
        raise RuntimeError(
            f"{name}: attn_mask must be boolean or have query's dtype {query.dtype}, not {mask.dtype}"
        )


def _for_all_heads(query: Tensor, few: Tensor) -> Tensor:
    """Keys or values with each head repeated for the queries' heads that it serves."""
    if query.dim() < 3 or few.dim() < 3 or not few.shape[-3] or query.shape[-3] % few.shape[-3]:
        raise RuntimeError(
            "scaled_dot_product_attention: enable_gqa needs the heads (dimension -3) of key and value "
            f"to divide the query's, got shapes {tuple(few.shape)} and {tuple(query.shape)}"
        )
    times = query.shape[-3] // few.shape[-3]
    *lead, heads, length, width = few.shape
    repeated = few.reshape(*lead, heads, 1, length, width).expand(*lead, heads, times, length, width)
    return repeated.reshape(*lead, heads * times, length, width)


def _with_batch_in_common(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors with their leading dimensions broadcast; the last two are left alone."""
    leads = [t.array.shape[:-2] for t in tensors]
    if leads[0] == leads[1] == leads[2]:
        return tensors
    lead = ops.broadcast_shapes(*leads)
    return tuple(ops.expand_to(t, lead + t.array.shape[-2:]) for t in tensors)


# ---- masks -------------------------------------------------------------------------------------------------
def masks_of_one_kind(
    mask: Tensor | None, padding: Tensor | None, names: tuple[str, str], dtype
) -> tuple[Tensor | None, Tensor | None]:
    """Both masks boolean (True hides), or both floating (added to the scores), with a warning where they
    differed.
    """
    for given, name in zip((mask, padding), names):
        if given is not None and given.dtype is not dtypes.bool_ and given.dtype.category != dtypes.FLOAT:
            raise AssertionError(f"only bool and floating types of {name} are supported, got {given.dtype}")
    if mask is None or padding is None or mask.dtype is padding.dtype:
        return mask, padding
    warnings.warn(
        f"Support for mismatched {names[1]} and {names[0]} is deprecated. Use same type for both instead.",
        stacklevel=4,
    )
    return as_terms(mask, dtype), as_terms(padding, dtype)


def as_terms(mask: Tensor, dtype) -> Tensor:
    """A mask to be added: a boolean one becomes -inf where it is True, 0 elsewhere."""
    if mask.dtype is not dtypes.bool_:
        return mask
    return ops.zeros_like(mask, dtype=dtype).masked_fill_(mask, -math.inf)


def _combined(mask: Tensor | None, padding: Tensor | None) -> Tensor | None:
    """What either mask hides, or the sum of both."""
    if mask is None or padding is None:
        return padding if mask is None else mask
    return ops.logical_or(mask, padding) if mask.dtype is dtypes.bool_ else mask + padding


# ---- many heads --------------------------------------------------------------------------------------------
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of several heads between projections: (L, N, E) with (S, N, E) and (S, N, E) gives (L, N, E).

    With `need_weights` also the weights, (N, L, S), or (N, num_heads, L, S) where they are not averaged.
    Masks: in `key_padding_mask` (N, S) and `attn_mask` (L, S) or (N * num_heads, L, S) True hides; floats are
    added. Inputs of one sample come without N. `is_causal` says that `attn_mask` is causal, and needs it
    beside.
    """
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = each_once(lambda x: x.unsqueeze(1), query, key, value)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint; "
            "nn.Transformer.generate_square_subsequent_mask makes one"
        )
    _check_widths(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight
    q, k, v = _projected(query, key, value, weights, in_proj_bias, num_heads)
    k, v = _given(k, static_k, "static_k"), _given(v, static_v, "static_v")
    extra = [(bias_k, bias_v)] if _both_or_none(bias_k, bias_v, static_k, static_v) else []
    extra += [(None, None)] if add_zero_attn else []
    for more_k, more_v in extra:
        k, v = _with_one_more(k, more_k), _with_one_more(v, more_v)
    causal = is_causal and key_padding_mask is None and not need_weights
    mask = None if causal else _merged_mask(attn_mask, key_padding_mask, q, k, len(extra))
    dropout_p = dropout_p if training else 0.0
    if need_weights:
        out, seen = _with_weights(q, k, v, mask, dropout_p)
    else:
        keep = ops.logical_not(mask) if mask is not None and mask.dtype is dtypes.bool_ else mask
        out, seen = scaled_dot_product_attention(q, k, v, keep, dropout_p, causal), None
    out = linear(out.permute(2, 0, 1, 3).reshape(query.shape), out_proj_weight, out_proj_bias)
    if seen is not None:
        seen = seen.mean(1) if average_attn_weights else seen
        seen = seen if batched else seen.squeeze(0)
    return out if batched else out.squeeze(1), seen


def each_once(f: Callable[[Tensor], Tensor], *tensors: Tensor) -> tuple[Tensor, ...]:
    """f of each tensor; those that were the same tensor still are."""
    made = {key: f(t) for key, t in {id(t): t for t in tensors}.items()}
    return tuple(made[id(t)] for t in tensors)


def _with_weights(q, k, v, mask, dropout_p: float) -> tuple[Tensor, Tensor]:
    """Attention step by step, and the weights (N, H, L, S) as they were after dropout."""
    scores = ops.matmul(q * (1 / math.sqrt(q.shape[-1])), k.mT)
    if mask is not None:
        scores = scores + as_terms(mask, q.dtype)
    weights = dropout(ops.softmax(scores, -1), dropout_p)
    return ops.matmul(weights, v), weights


def _projected(query, key, value, weights, bias, heads: int) -> list[Tensor]:
    """Queries, keys and values, each (N, H, T, E / H): of one input in one product, of one memory in two."""
    if isinstance(weights, tuple):
        biases = (None,) * 3 if bias is None else ops.chunk(bias, 3)
        made = [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases)]
        return [_heads(x, 1, heads)[0] for x in made]
    width = query.shape[-1]
    if query is key and key is value:
        return _heads(linear(query, weights, bias), 3, heads)
    if key is value:
        w_q, w_kv = ops.split(weights, [width, 2 * width])
        b_q, b_kv = (None, None) if bias is None else ops.split(bias, [width, 2 * width])
        return _heads(linear(query, w_q, b_q), 1, heads) + _heads(linear(key, w_kv, b_kv), 2, heads)
    return _projected(query, key, value, tuple(ops.chunk(weights, 3)), bias, heads)


def _heads(x: Tensor, count: int, heads: int) -> list[Tensor]:
    """(T, N, count * E) as `count` views (N, H, T, E / H)."""
    steps, batch, width = x.shape
    split = x.reshape(steps, batch, count, heads, width // (count * heads))
    return [part.permute(1, 2, 0, 3) for part in ops.unbind(split, 2)]


def _given(made: Tensor, static: Tensor | None, name: str) -> Tensor:
    """What takes a projection's place, (N * H, S, E / H), as (N, H, S, E / H)."""
    if static is None:
        return made
    batch, heads, _, width = made.shape
    if static.shape[0] != batch * heads or static.shape[2] != width:
        raise AssertionError(
            f"expecting {name} of shape ({batch * heads}, S, {width}), but got {tuple(static.shape)}"
        )
    return static.reshape(batch, heads, -1, width)


def _both_or_none(bias_k, bias_v, static_k, static_v) -> bool:
    if (bias_k is None) != (bias_v is None):
        given, other = ("bias_v", "bias_k") if bias_k is None else ("bias_k", "bias_v")
        raise AssertionError(f"{given} is set but {other} is None")
    if bias_k is not None and (static_k is not None or static_v is not None):
        raise AssertionError("bias cannot be added to static key or static value.")
    return bias_k is not None


def _with_one_more(x: Tensor, bias: Tensor | None) -> Tensor:
    """Keys or values (N, H, S, E / H) with one position more: the bias (1, 1, E), or zeros."""
    batch, heads, _, width = x.shape
    if bias is None:
        return ops.cat([x, x.new_zeros((batch, heads, 1, width))], 2)
    return ops.cat([x, bias.reshape(1, heads, 1, width).expand(batch, heads, 1, width)], 2)


def _merged_mask(attn_mask, padding, q: Tensor, k: Tensor, extra: int) -> Tensor | None:
    """Both masks as one that broadcasts to (N, H, L, S); the `extra` positions at the end are seen by all."""
    names = ("attn_mask", "key_padding_mask")
    attn_mask, padding = masks_of_one_kind(attn_mask, padding, names, q.dtype)
    batch, heads, rows, _ = q.shape
    columns = k.shape[2] - extra
    if attn_mask is not None:
        wanted = (rows, columns) if attn_mask.dim() == 2 else (batch * heads, rows, columns)
        if tuple(attn_mask.shape) != wanted:
            raise RuntimeError(
                f"The shape of the {attn_mask.dim()}D attn_mask is {tuple(attn_mask.shape)}, "
                f"but should be {wanted}."
            )
        if attn_mask.dim() == 3:
            attn_mask = attn_mask.reshape(batch, heads, rows, columns)
    if padding is not None:
        if tuple(padding.shape) != (batch, columns):
            raise AssertionError(
                f"Expected key_padding_mask of shape {(batch, columns)}, but got {tuple(padding.shape)}"
            )
        padding = padding.reshape(batch, 1, 1, columns)
    mask = _combined(attn_mask, padding)
    if mask is None or not extra:
        return mask
    return ops.cat([mask, mask.new_zeros((*mask.shape[:-1], extra))], -1)


def _check_shapes(query, key, value, padding, mask, heads: int) -> bool:
    """Refuse what does not go together; returns whether the inputs are batched."""
    ndim = query.dim()
    if ndim not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {ndim}-D query tensor"
        )
    told = f"For {'batched' if ndim == 3 else 'unbatched'} ({ndim}-D) `query`, expected "
    if key.dim() != ndim or value.dim() != ndim:
        raise AssertionError(
            f"{told}`key` and `value` to be {ndim}-D but found {key.dim()}-D and {value.dim()}-D tensors"
        )
    if padding is not None and padding.dim() != ndim - 1:
        raise AssertionError(
            f"{told}`key_padding_mask` to be `None` or {ndim - 1}-D but found {padding.dim()}-D tensor"
        )
    if mask is not None and mask.dim() not in (2, 3):
        raise AssertionError(f"{told}`attn_mask` to be `None`, 2-D or 3-D but found {mask.dim()}-D tensor")
    if ndim == 2 and mask is not None and mask.dim() == 3:
        wanted = (heads, query.shape[0], key.shape[0])
        if tuple(mask.shape) != wanted:
            raise AssertionError(f"Expected `attn_mask` shape to be {wanted} but got {tuple(mask.shape)}")
    return ndim == 3


def _check_widths(query, key, value, embed_dim: int, heads: int, separate: bool) -> None:
    width = query.shape[-1]
    if width != embed_dim:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim}, but got {width}: query is "
            f"{tuple(query.shape)}"
        )
    if width % heads:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {heads}")
    shapes = [tuple(t.shape[:2] if separate else t.shape) for t in (key, value)]
    if shapes[0] != shapes[1]:
        raise AssertionError(f"key shape {shapes[0]} does not match value shape {shapes[1]}")


__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]

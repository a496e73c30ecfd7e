"""Multi-head attention as a layer (Vaswani et al., 2017)."""

from __future__ import annotations

from ... import ops
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..functional.attention import each_once, masks_of_one_kind
from ..parameter import Parameter
from .linear import NonDynamicallyQuantizableLinear
from .module import Module


class MultiheadAttention(Module):
    """Each of `num_heads` heads attends to keys and values in a projection of its own; a last projection
    joins them.

    query (L, N, E), key (S, N, kdim) and value (S, N, vdim) give (L, N, E) and, if `need_weights`, the
    weights (N, L, S); with `batch_first` the inputs and the output are (N, L, E). One sample may come without
    N.

    Where key and value have the query's width, in_proj_weight (3E, E) holds the projections of query, key and
    value one above the other; elsewhere they are q_proj_weight, k_proj_weight and v_proj_weight.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device=None,
        dtype=None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, "
                f"got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError(f"embed_dim ({embed_dim}) must be divisible by num_heads ({num_heads})")
        self._set_projections(device, dtype)
        self._set("in_proj_bias", (3 * embed_dim,), bias, device, dtype)
        self.out_proj = NonDynamicallyQuantizableLinear(
            embed_dim, embed_dim, bias=bias, device=device, dtype=dtype
        )
        self._set("bias_k", (1, 1, embed_dim), add_bias_kv, device, dtype)
        self._set("bias_v", (1, 1, embed_dim), add_bias_kv, device, dtype)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _set_projections(self, device, dtype) -> None:
        widths = {"q": self.embed_dim, "k": self.kdim, "v": self.vdim}
        for name, width in widths.items():
            shape = (self.embed_dim, width)
            self._set(f"{name}_proj_weight", shape, not self._qkv_same_embed_dim, device, dtype)
        self._set(
            "in_proj_weight", (3 * self.embed_dim, self.embed_dim), self._qkv_same_embed_dim, device, dtype
        )

    def _set(self, name: str, shape: tuple[int, ...], wanted: bool, device, dtype) -> None:
        made = Parameter(ops.empty(*shape, device=device, dtype=dtype)) if wanted else None
        self.register_parameter(name, made)

    def _reset_parameters(self) -> None:
        """Draw the weights anew; biases of projections are zero."""
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if getattr(self, name) is not None:
                init.xavier_uniform_(getattr(self, name))
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        names = ("attn_mask", "key_padding_mask")
        attn_mask, key_padding_mask = masks_of_one_kind(attn_mask, key_padding_mask, names, query.dtype)
        swapped = self.batch_first and query.dim() == 3
        if swapped:
            query, key, value = each_once(lambda x: x.transpose(0, 1), query, key, value)
        out, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (out.transpose(0, 1) if swapped else out), weights

"""The Transformer and its parts: encoder and decoder, each a row of equal layers (Vaswani et al., 2017).

In shapes N is the batch, S the length of the source, T of the target, E = d_model; with `batch_first` N comes
first. Masks: True hides, floats are added to the scores.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

from ... import ops
from ...engine import is_recording
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..functional.attention import masks_of_one_kind
from .activation import GELU, ReLU
from .attention import MultiheadAttention
from .container import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

_ACTIVATIONS: dict[str, Callable] = {"relu": F.relu, "gelu": F.gelu}


# ---- masks ---------------------------------------------------------------------------------------
def _causal_mask(size: int, device=None, dtype=None) -> Tensor:
    """(size, size): -inf (or True) right of the diagonal, else 0."""
    return ops.triu(ops.full((size, size), -math.inf, device=device, dtype=dtype), 1)


def _is_causal(mask: Tensor | None, told: bool | None, x: Tensor, batch_first: bool) -> bool:
    """What the caller told, or, if nothing, whether the mask is the causal one for x."""
    if told is not None or mask is None:
        return bool(told)
    length = x.shape[1 if batch_first and x.dim() == 3 else 0]
    return tuple(mask.shape) == (length, length) and ops.equal(
        mask, _causal_mask(length, mask.device, mask.dtype)
    )


# ---- layers --------------------------------------------------------------------------------------
class _Layer(Module):
    """What encoder and decoder layers share: a feed-forward block, and where normalisation stands."""

    norm_first: bool

    def _set_feed_forward(self, d_model: int, width: int, dropout: float, bias: bool, device, dtype) -> None:
        self.linear1 = Linear(d_model, width, bias=bias, device=device, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(width, d_model, bias=bias, device=device, dtype=dtype)

    def _set_activation(self, activation: str | Callable[[Tensor], Tensor]) -> None:
        if isinstance(activation, str) and activation not in _ACTIVATIONS:
            raise RuntimeError(f"activation should be relu/gelu, not {activation}")
        self.activation = _ACTIVATIONS[activation] if isinstance(activation, str) else activation

    def _after(self, norm: LayerNorm, x: Tensor, block: Callable[[Tensor], Tensor]) -> Tensor:
        """x + block(x), normalised after the sum, or (norm_first) before the block."""
        return x + block(norm(x)) if self.norm_first else norm(x + block(x))

    def _attend(self, attention: MultiheadAttention, x: Tensor, memory: Tensor, masks: tuple) -> Tensor:
        mask, padding, is_causal = masks
        return attention(
            x,
            memory,
            memory,
            attn_mask=mask,
            key_padding_mask=padding,
            need_weights=False,
            is_causal=is_causal,
        )[0]

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Self-attention, then a feed-forward block, each added to its input and normalised: (S, N, E) to (S, N,
    E).
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        place = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **place
        )
        self._set_feed_forward(d_model, dim_feedforward, dropout, bias, **place)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self._set_activation(activation)

    def is_usual(self) -> bool:
        """Whether it is of the kind for which PyTorch has faster code in evaluation."""
        attention = self.self_attn
        return (
            attention.batch_first
            and not self.norm_first
            and attention.in_proj_bias is not None
            and attention.num_heads % 2 == 0
            and self.norm1.eps == self.norm2.eps
            and (self.activation in _ACTIVATIONS.values() or isinstance(self.activation, (ReLU, GELU)))
        )

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        names = ("src_mask", "src_key_padding_mask")
        masks = (*masks_of_one_kind(src_mask, src_key_padding_mask, names, src.dtype), is_causal)
        x = self._after(self.norm1, src, lambda x: self.dropout1(self._attend(self.self_attn, x, x, masks)))
        return self._after(self.norm2, x, lambda x: self.dropout2(self._feed_forward(x)))


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's memory, a feed-forward block: (T, N, E) with (S, N, E) to
    (T, N, E).
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        place = {"device": device, "dtype": dtype}
        attention = {"dropout": dropout, "bias": bias, "batch_first": batch_first, **place}
        self.self_attn = MultiheadAttention(d_model, nhead, **attention)
        self.multihead_attn = MultiheadAttention(d_model, nhead, **attention)
        self._set_feed_forward(d_model, dim_feedforward, dropout, bias, **place)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.norm3 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self._set_activation(activation)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        others = (memory_mask, memory_key_padding_mask, memory_is_causal)
        x = self._after(self.norm1, tgt, lambda x: self.dropout1(self._attend(self.self_attn, x, x, own)))
        x = self._after(
            self.norm2, x, lambda x: self.dropout2(self._attend(self.multihead_attn, x, memory, others))
        )
        return self._after(self.norm3, x, lambda x: self.dropout3(self._feed_forward(x)))


# ---- rows of layers ------------------------------------------------------------------------------
class _Row(Module):
    """`num_layers` copies of a layer, which all start with its weights, and a norm after the last."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm


class TransformerEncoder(_Row):
    """Copies of an encoder layer, one after another.

    In evaluation padded positions come out as zeros (before `norm`) where PyTorch computes with nested
    tensors: see `_leaves_zeros`. There are none here, so `mask_check` changes nothing.
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        names = ("mask", "src_key_padding_mask")
        mask, src_key_padding_mask = masks_of_one_kind(mask, src_key_padding_mask, names, src.dtype)
        is_causal = _is_causal(mask, is_causal, src, self.layers[0].self_attn.batch_first)
        out = src
        for layer in self.layers:
            out = layer(out, src_mask=mask, is_causal=is_causal, src_key_padding_mask=src_key_padding_mask)
        if src_key_padding_mask is not None and mask is None and src.dim() == 3:
            padded = src_key_padding_mask != 0
            out = out.masked_fill(padded.unsqueeze(-1), 0) if self._leaves_zeros(src, padded) else out
        return out if self.norm is None else self.norm(out)

    def _leaves_zeros(self, src: Tensor, padded: Tensor) -> bool:
        """Whether PyTorch skips the padded positions: in evaluation without gradients, for layers of the
        usual kind, of padding that is at the end.
        """
        layer = self.layers[0]
        usual = isinstance(layer, TransformerEncoderLayer) and layer.is_usual()
        if not (self.enable_nested_tensor and usual) or layer.training:
            return False
        recorded = is_recording() and any(t.requires_grad for t in (src, *layer.parameters()))
        return not recorded and not bool((padded[:, :-1] & ~padded[:, 1:]).any())


class TransformerDecoder(_Row):
    """Copies of a decoder layer, one after another, all attending to the same memory."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        tgt_is_causal = _is_causal(tgt_mask, tgt_is_causal, tgt, self.layers[0].self_attn.batch_first)
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=tgt_is_causal,
                memory_is_causal=memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """Encoder and decoder: src (S, N, E) and tgt (T, N, E) give (T, N, E).

    `custom_encoder` and `custom_decoder` take the place of the rows of layers that are made otherwise.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        place = {"device": device, "dtype": dtype}
        settings = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        layout = (batch_first, norm_first, bias)

        def row(kind, layer, count: int) -> Module:
            made = layer(*settings, *layout, **place)
            return kind(made, count, LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place))

        self.encoder = (
            row(TransformerEncoder, TransformerEncoderLayer, num_encoder_layers)
            if custom_encoder is None
            else custom_encoder
        )
        self.decoder = (
            row(TransformerDecoder, TransformerDecoderLayer, num_decoder_layers)
            if custom_decoder is None
            else custom_decoder
        )
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        batch = 0 if self.batch_first else 1
        if src.dim() == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError(
                "the batch number of src and tgt must be equal, "
                f"got shapes {tuple(src.shape)} and {tuple(tgt.shape)}"
            )
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError(
                f"the feature number of src and tgt must be equal to d_model={self.d_model}, "
                f"got shapes {tuple(src.shape)} and {tuple(tgt.shape)}"
            )
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device=None, dtype=None) -> Tensor:
        """The mask (sz, sz) under which position i sees no further than i: -inf right of the diagonal, else
        0.
        """
        return _causal_mask(sz, device, dtype)

    def _reset_parameters(self) -> None:
        """Draw all matrices anew, in the order of parameters."""
        for parameter in self.parameters():
            if parameter.dim() > 1:
                init.xavier_uniform_(parameter)

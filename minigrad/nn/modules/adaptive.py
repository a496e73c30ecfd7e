"""A softmax over many classes whose rare ones are computed only where they occur."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ... import ops
from ...tensor import Tensor
from .. import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module


class _ASMoutput(NamedTuple):
    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """log softmax in two steps (Grave et al., 2017): among frequent classes and clusters, then in a cluster.

    Classes are numbered by falling frequency. Those below the first of the `cutoffs` are outputs of `head`
    itself, and so is each cluster of rarer ones, cutoffs[i] to cutoffs[i + 1]; `tail[i]` tells its classes
    apart from in_features / div_value^(i + 1) features.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        bounds = [0, *cutoffs, n_classes]
        if len(bounds) == 2:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if any(int(high) != high or low >= high for low, high in pairwise(bounds)):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
                f"where each value is between 1 and n_classes-1; got {list(cutoffs)}, n_classes={n_classes}"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = bounds[1:]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        factory = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **factory)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            hidden = int(in_features // (div_value ** (i + 1)))
            down = Linear(in_features, hidden, bias=False, **factory)
            self.tail.append(Sequential(down, Linear(hidden, high - low, bias=False, **factory)))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        for module in self.modules():
            if isinstance(module, Linear):
                module.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """Input (N, in_features) and targets (N,) give their log-probabilities, `output` (N,), and `loss`,
        minus their mean; or (in_features,) and ().
        """
        _check_shapes(input_, target_)
        batched = target_.dim() > 0
        input, target = (input_, target_) if batched else (input_.unsqueeze(0), target_.unsqueeze(0))
        if bool(((target < 0) | (target >= self.n_classes)).any()):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{int(target.min())}, {int(target.max())}] were found. "
            )
        above = [target >= low for low in self.cutoffs[:-1]]
        clusters = sum(above, ops.zeros_like(target))  # 0: classes of the head's own
        in_head = ops.where(clusters == 0, target, clusters + (self.shortlist_size - 1))
        output = _at(F.log_softmax(self.head(input), 1), in_head)
        for i, low in enumerate(self.cutoffs[:-1]):
            rows = (clusters == i + 1).nonzero().squeeze(1)
            if rows.numel():
                within = F.log_softmax(self.tail[i](input[rows]), 1)
                output = output.index_add(0, rows, _at(within, target[rows] - low))
        loss = -output.mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (N, in_features) gives (N, n_classes)."""
        return self._of_all(input, self.head(input))

    def _of_all(self, input: Tensor, scores: Tensor) -> Tensor:
        head = F.log_softmax(scores, 1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail, self.shortlist_size):
            parts.append(F.log_softmax(tail(input), 1) + head[:, i : i + 1])
        return ops.cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The likeliest class of each row: (N, in_features) gives (N,).

        A cluster is looked into only for the rows that it wins in the head.
        """
        scores = self.head(input)
        best = scores.argmax(1)
        rows = (best >= self.shortlist_size).nonzero().squeeze(1)
        if rows.numel():
            best[rows] = self._of_all(input[rows], scores[rows]).argmax(1)
        return best


def _at(table: Tensor, places: Tensor) -> Tensor:
    """The element of each row of (N, C) that places (N,) names."""
    return table.gather(1, places.unsqueeze(1)).squeeze(1)


def _check_shapes(input: Tensor, target: Tensor) -> None:
    if target.dim() > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input.dim() != target.dim() + 1:
        raise RuntimeError(
            f"{target.dim()}D target tensor expects {target.dim() + 1}D input tensors, but found inputs with "
            f"size {tuple(input.shape)}"
        )
    if target.dim() and input.shape[0] != target.shape[0]:
        raise RuntimeError(
            "Input and target should have the same size in the batch dimension: they have "
            f"{input.shape[0]} and {target.shape[0]}"
        )

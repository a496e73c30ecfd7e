"""A model's parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from ... import ops
from ...tensor import Tensor


def _on_one_device(parameters: Iterable[Tensor]) -> list[Tensor]:
    listed = list(parameters)
    if len({str(p.device) for p in listed}) > 1:
        raise TypeError("Found two parameters on different devices, this is currently not supported.")
    return listed


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of the parameters, one after the other, as a vector through which gradients flow."""
    return ops.cat([p.reshape(-1) for p in _on_one_device(parameters)])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give each parameter its part of the vector as its data; the parts share the vector's memory."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    start = 0
    for p in _on_one_device(parameters):
        end = start + p.numel()
        p.data = vec.detach()[start:end].view(p.shape)
        start = end

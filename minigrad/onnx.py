"""PyTorch's `torch.onnx`: the export is refused by name until it is written."""

from __future__ import annotations


def export(model, *args, **kwargs):
    """Refused: models are not written as ONNX yet."""
    raise NotImplementedError(
        "onnx.export is not here yet; save the state_dict with minigrad.save, load it in PyTorch, "
        "and export there"
    )

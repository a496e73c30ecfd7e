"""PyTorch's `torch.onnx`: a model as an ONNX graph, for programs that run such graphs.

The model is run on example inputs while its calls are listened to (`listening`), then again on other
values and at other sizes of the dynamic axes, to see what may not be fixed (`sizes`). Each call is
translated by a table, one line per op (`elementwise`, `arrays`, `layers`), to nodes of a graph (`graph`,
`translating`).
"""

from .exporting import ONNXProgram, export

__all__ = ["ONNXProgram", "export"]

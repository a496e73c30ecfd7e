"""PyTorch's in-place functions, such as `sin_(x)`: the methods of Tensor under the same names."""

from .tensor import Tensor


def __getattr__(name: str):
    return getattr(Tensor, name)

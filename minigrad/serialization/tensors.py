"""What serialization asks of Tensor: the array inside one, and a new one around an array."""

from ..engine import untracked
from ..nn.parameter import Buffer, Parameter
from ..tensor import Size, Tensor

__all__ = ["Buffer", "Parameter", "Size", "Tensor", "from_array", "to_array"]


def to_array(tensor: Tensor):
    """The tensor's memory itself, on its device, not a copy."""
    return tensor.array


def from_array(array, requires_grad: bool, is_parameter: bool = False) -> Tensor:
    """A leaf tensor over `array`, sharing its memory."""
    tensor = untracked(array)
    tensor.tracked = requires_grad
    return Parameter(tensor, requires_grad) if is_parameter else tensor

"""What serialization asks of Tensor: the array inside one, and a new one around an array."""

from minigrad.nn.parameter import Parameter
from minigrad.tensor import Size, Tensor

__all__ = ["Parameter", "Size", "Tensor", "from_array", "to_array"]


def to_array(tensor: Tensor):
    """The tensor's memory itself, on its device, not a copy."""
    return tensor.array


def from_array(array, requires_grad: bool, is_parameter: bool = False) -> Tensor:
    """A leaf tensor over `array`, sharing its memory."""
    if is_parameter:
        return Parameter(Tensor(array), requires_grad)
    return Tensor(array, requires_grad)

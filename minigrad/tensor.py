"""Tensor: an array with a place in the graph. Most of its operators and methods are the functions of `ops`
themselves.

`array` is the NumPy or CuPy array; `tracked` says whether it requires grad; `node` is the op that made it
(None for a leaf). The rest of the class is PyTorch's face on these. Methods that few programs use are in
`tensor_methods.py`.
"""

from __future__ import annotations

import builtins
import warnings

import numpy as np

from . import dtypes, formatting, gradients, graph, hooks, ops
from .backend import device_is_a_mode, device_of, to_numpy
from .engine import Value, current, results_are, untracked
from .inplace import write
from .size import Size
from .tensor_methods import RareMethods

COMPARABLE = (Value, int, float, complex, np.generic, np.ndarray)


@results_are
class Tensor(RareMethods, Value):
    """An n-dimensional array that can be differentiated; made by `minigrad.tensor(data)` and by every
    operation.

    `Tensor(2, 3)` and `Tensor([1, 2])` are PyTorch's old constructors: sizes, or data as the default dtype.
    """

    __slots__ = ("__dict__",)

    def __new__(cls, *args, **kwargs):
        made = ops.legacy_tensor(*args) if cls is Tensor else untracked(np.empty(0))
        return made

    # ---- what it is ------------------------------------------------------------------------------
    @property
    def shape(self) -> Size:
        return tuple.__new__(Size, self.array.shape)

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def dtype(self) -> dtypes.dtype:
        return dtypes.of(self.array.dtype)

    @property
    def device(self):
        return device_of(self.array)

    def size(self, dim: int | None = None):
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self.array.shape[ops.axis_of("size", self, dim)]

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def dim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    nelement, ndimension = numel, dim

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __repr__(self, *, tensor_contents=None) -> str:
        return formatting.tensor_repr(self, tensor_contents)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.array.ndim == 0 else object.__format__(self, spec)

    __hash__ = object.__hash__

    # ---- gradients -------------------------------------------------------------------------------
    @property
    def requires_grad(self) -> bool:
        return current(self).tracked

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Say whether gradients are to flow to this leaf; returns itself."""
        if requires_grad and self.array.dtype.kind not in "fc":
            raise RuntimeError(
                f"only Tensors of floating point and complex dtype can require gradients, not {self.dtype}"
            )
        if not requires_grad and self.node is not None:
            raise RuntimeError("you can only change requires_grad flags of leaf variables; use detach()")
        self.tracked = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        return current(self).node is None

    @property
    def grad_fn(self):
        return graph.grad_fn(current(self))

    @property
    def grad(self) -> Tensor | None:
        if self.node is not None and not self.retains_grad:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed; it is None. "
                "Use .retain_grad() on it before backward() if you want it.",
                UserWarning,
                stacklevel=2,
            )
        return self.held_grad

    @grad.setter
    def grad(self, g: Tensor | None) -> None:
        if g is not None:
            if not isinstance(g, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got grad of type {type(g).__name__}"
                )
            if g.array.shape != self.array.shape or g.array.dtype != self.array.dtype:
                raise RuntimeError(
                    f"assigned grad has shape {tuple(g.array.shape)} and dtype {g.dtype}; "
                    f"the tensor has {tuple(self.array.shape)} and {self.dtype}"
                )
        self.held_grad = g

    @grad.deleter
    def grad(self) -> None:
        self.held_grad = None

    def backward(self, gradient=None, retain_graph=None, create_graph: bool = False, inputs=None) -> None:
        """Add the gradient of this tensor (a scalar, unless `gradient` weighs its elements) to its leaves'
        `.grad`.
        """
        if device_is_a_mode.get():  # a function set in place of this one then sees two calls, as in PyTorch
            token = device_is_a_mode.set(False)
            try:
                return Tensor.backward(self, gradient, retain_graph, create_graph, inputs)
            finally:
                device_is_a_mode.reset(token)
        return gradients.backward(
            self, None if gradient is None else [gradient], retain_graph, create_graph, inputs=inputs
        )

    @property
    def retains_grad(self) -> builtins.bool:
        """Whether `retain_grad` was called on this non-leaf tensor."""
        return self.hooks is not None and self.hooks.retains_grad

    def detach(self) -> Tensor:
        """The same memory outside the graph; in-place writes to either are noticed by both."""
        t = untracked(self.array)
        t.version = self.version
        return t

    def detach_(self) -> Tensor:
        """Leave the graph; returns itself."""
        if self.base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self.tracked, self.node, self.base = False, None, None
        return self

    @property
    def data(self) -> Tensor:
        return untracked(self.array)

    @data.setter
    def data(self, new: Tensor) -> None:
        if not isinstance(new, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(new).__name__}")
        self.array = new.array

    @property
    def _version(self) -> int:
        return self.version[0]

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf tensor in `.grad`."""
        hooks.retain_grad(self)

    def register_hook(self, hook):
        """`hook(gradient)` runs when the gradient is complete, and may return another in its place."""
        return hooks.register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook):
        """`hook(tensor)` runs after this leaf's `.grad` has been added to."""
        return hooks.register_after_hook(self, hook)

    # ---- to and from other things ----------------------------------------------------------------
    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The values as a NumPy array that shares memory;
        `force=True` detaches and moves to the CPU first.
        """
        if self.tracked and not force:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
            )
        if not isinstance(self.array, np.ndarray) and not force:
            raise TypeError(
                "can't convert a cuda tensor to numpy. "
                "Use Tensor.cpu() to copy the tensor to host memory first."
            )
        return to_numpy(self.array)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        array = self.numpy()
        return (
            array.copy()
            if copy and dtype is None
            else array
            if dtype is None
            else array.astype(dtype, copy=bool(copy))
        )

    def item(self):
        """The only element, as a Python number."""
        if self.array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self.array.size} elements cannot be converted to Scalar; use tolist()"
            )
        return self.array.item()

    def tolist(self):
        """The elements as nested lists of Python numbers."""
        return self.array.tolist()

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise RuntimeError(
                "Boolean value of Tensor with no values is ambiguous"
                if self.array.size == 0
                else "Boolean value of Tensor with more than one value is ambiguous; use .any() or .all()"
            )
        return bool(self.array.item())

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __complex__(self) -> complex:
        return complex(self.item())

    def _number(self):
        """The only element, for Python's own types."""
        if self.array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        number = self.array.item()
        if isinstance(number, complex) and number.imag == 0:
            return number.real
        if isinstance(number, complex):
            raise RuntimeError(
                "value cannot be converted to type double without overflow; use .real or complex()"
            )
        return number

    def __index__(self) -> int:
        if self.array.dtype.kind not in "iub" or self.array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.array.item())

    def to(self, *args, **kwargs) -> Tensor:
        """In another dtype, on another device, or both (also "like another tensor"); itself where nothing
        changes.
        """
        dtype, device, copy = ops.parse_to(*args, **kwargs)
        t = self if dtype is None else ops.to_dtype(self, dtype)
        if device is not None and device.type != device_of(t.array).type:
            t = ops.transfer(t, device)
        return ops.copy(t) if copy and t is self else t

    def cpu(self) -> Tensor:
        """On the CPU."""
        return self.to(device="cpu")

    def cuda(self, device=None, non_blocking: bool = False) -> Tensor:
        """On the GPU."""
        return self.to(device="cuda" if device is None else device)

    def float(self, memory_format=None) -> Tensor:
        return ops.to_dtype(self, dtypes.float32)

    def double(self, memory_format=None) -> Tensor:
        return ops.to_dtype(self, dtypes.float64)

    def half(self, memory_format=None) -> Tensor:
        return ops.to_dtype(self, dtypes.float16)

    def int(self, memory_format=None) -> Tensor:
        return ops.to_dtype(self, dtypes.int32)

    def long(self, memory_format=None) -> Tensor:
        return ops.to_dtype(self, dtypes.int64)

    def bool(self, memory_format=None) -> Tensor:
        return ops.to_dtype(self, dtypes.bool_)

    def clone(self, *, memory_format=None) -> Tensor:
        """A copy, through which gradients flow."""
        return ops.copy(self)

    # ---- operators -------------------------------------------------------------------------------
    __add__ = ops.add
    __radd__ = __add__

    __sub__ = ops.sub

    def __rsub__(self, other):
        return ops.sub(other, self)

    __mul__ = ops.mul
    __rmul__ = __mul__

    __truediv__ = ops.div

    def __rtruediv__(self, other):
        return ops.div(other, self)

    __floordiv__ = ops.floor_divide

    def __rfloordiv__(self, other):
        return ops.floor_divide(other, self)

    __mod__ = ops.remainder

    def __rmod__(self, other):
        return ops.remainder(other, self)

    __pow__ = ops.pow

    def __rpow__(self, base):
        return ops.pow(base, self)

    __matmul__ = ops.matmul

    def __rmatmul__(self, other):
        return ops.matmul(other, self)

    __neg__ = ops.neg

    def __pos__(self):
        return self

    __abs__ = ops.abs

    def __eq__(self, other):
        return ops.eq(self, other) if isinstance(other, COMPARABLE) else NotImplemented

    def __ne__(self, other):
        return ops.ne(self, other) if isinstance(other, COMPARABLE) else NotImplemented

    __lt__ = ops.lt
    __le__ = ops.le
    __gt__ = ops.gt
    __ge__ = ops.ge
    __and__ = ops.bitwise_and
    __rand__ = __and__

    __or__ = ops.bitwise_or
    __ror__ = __or__

    __xor__ = ops.bitwise_xor
    __rxor__ = __xor__

    __invert__ = ops.bitwise_not

    def __getitem__(self, index):
        return ops.take_part(self, ops.plain_index(index, self.array))

    def __setitem__(self, index, value):
        ops.setitem(self, index, value)

    def __iter__(self):
        if self.array.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(ops.unbind(self, 0))

    def __contains__(self, element) -> builtins.bool:
        if not isinstance(element, COMPARABLE):
            raise RuntimeError(
                f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
            )
        return bool((self == element).array.any())

    # ---- in-place operators ----------------------------------------------------------------------
    def __iadd__(self, other):
        return write(self, ops.add, other)

    def __isub__(self, other):
        return write(self, ops.sub, other)

    def __imul__(self, other):
        return write(self, ops.mul, other)

    def __itruediv__(self, other):
        return write(self, ops.div, other)

    def __ipow__(self, other):
        return write(self, ops.pow, other)

    def __iand__(self, other):
        return write(self, ops.bitwise_and, other)

    def __ior__(self, other):
        return write(self, ops.bitwise_or, other)

    copy_ = ops.copy_into

    def zero_(self) -> Tensor:
        """Fill with zeros."""
        return self.fill_(0)

    fill_ = ops.fill_in_place

    # ---- arithmetic ------------------------------------------------------------------------------
    add = ops.scaled_add
    sub = ops.scaled_sub
    mul = ops.mul
    div = ops.divide
    pow = ops.pow
    neg = ops.neg
    abs = ops.abs
    exp = ops.exp
    log = ops.log
    sqrt = ops.sqrt
    square = ops.square
    sin = ops.sin
    cos = ops.cos
    tanh = ops.tanh
    sigmoid = ops.sigmoid
    relu = ops.relu
    clamp = ops.clamp
    matmul = ops.matmul
    softmax = ops.softmax
    log_softmax = ops.log_softmax

    # ---- reductions ------------------------------------------------------------------------------
    sum = ops.sum
    mean = ops.mean
    prod = ops.prod
    var = ops.var
    std = ops.std
    max = ops.max
    min = ops.min
    argmax = ops.argmax
    argmin = ops.argmin
    all = ops.all
    any = ops.any
    norm = ops.norm

    # ---- shape -----------------------------------------------------------------------------------
    @property
    def T(self) -> Tensor:
        return ops.permute_to(self, None)

    @property
    def mT(self) -> Tensor:
        return ops.transpose(self, -2, -1)

    t = ops.t
    reshape = ops.reshape
    view = ops.view
    permute = ops.permute
    transpose = ops.transpose
    squeeze = ops.squeeze
    unsqueeze = ops.unsqueeze
    flatten = ops.flatten
    expand = ops.expand

    def contiguous(self, *, memory_format=None):
        return self if self.array.flags.c_contiguous else ops.copy(self)

    split = ops.split
    chunk = ops.chunk
    unbind = ops.unbind
    gather = ops.gather
    masked_fill = ops.masked_fill
    topk = ops.topk
    sort = ops.sort

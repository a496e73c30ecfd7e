"""Methods of Tensor that few programs use, one line each, into `ops`; `tensor.py` has the others.

In-place forms are in `tensor_inplace.py`; what makes a tensor at home beside NumPy arrays is in `tensor_interchange.py`.
"""

from __future__ import annotations

import builtins
from typing import Any

from . import dtypes, layouts, ops
from .backend import device_of
from .tensor_inplace import InPlaceMethods
from .tensor_interchange import Interchange


class RareMethods(InPlaceMethods, Interchange):
    """A base of Tensor."""

    __slots__ = ()

    array: Any
    tracked: builtins.bool
    node: Any
    base: Any

    # ---- what it is ----------------------------------------------------------------------------------------
    @property
    def nbytes(self) -> int:
        return self.array.nbytes

    @property
    def itemsize(self) -> int:
        return self.array.itemsize

    @property
    def layout(self):
        return layouts.strided

    @property
    def is_cuda(self) -> builtins.bool:
        return device_of(self.array).type == "cuda"

    @property
    def is_cpu(self) -> builtins.bool:
        return device_of(self.array).type == "cpu"

    is_sparse = is_quantized = is_mps = is_meta = is_nested = is_mkldnn = is_xpu = is_xla = is_sparse_csr = (
        False
    )
    names = property(lambda self: (None,) * self.array.ndim)
    name = None
    output_nr = 0

    @property
    def retains_graph(self) -> builtins.bool:
        return self.node is not None

    @property
    def _base(self):
        return self.base

    def _is_view(self) -> builtins.bool:
        return self.base is not None

    def element_size(self) -> int:
        """Bytes per element."""
        return self.array.itemsize

    def stride(self, dim: int | None = None):
        """How many elements apart neighbours along each dimension (or one) lie in memory."""
        steps = tuple(s // self.array.itemsize for s in self.array.strides)
        return steps if dim is None else steps[ops.axis_of("stride", self, dim)]

    def storage_offset(self) -> int:
        """How many elements of its memory come before the first."""
        return ops.offset_of(self)

    def data_ptr(self) -> int:
        """The address of the first element."""
        return ops.address_of(self)

    def is_contiguous(self, memory_format=None) -> builtins.bool:
        """Whether the elements lie in memory in order, without gaps."""
        return self.array.flags.c_contiguous

    def is_floating_point(self) -> builtins.bool:
        return self.array.dtype.kind == "f"

    def is_complex(self) -> builtins.bool:
        return self.array.dtype.kind == "c"

    def is_signed(self) -> builtins.bool:
        return self.array.dtype.kind in "ifc"

    def is_nonzero(self) -> builtins.bool:
        return builtins.bool(self)

    def is_same_size(self, other) -> builtins.bool:
        return self.array.shape == other.array.shape

    def is_set_to(self, tensor) -> builtins.bool:
        """Whether both are the same view of the same memory."""
        same = self.array.shape == tensor.array.shape and self.array.strides == tensor.array.strides
        return same and self.data_ptr() == tensor.data_ptr()

    def is_inference(self) -> builtins.bool:
        return False

    def is_shared(self) -> builtins.bool:
        return ops.is_shared(self)

    def is_pinned(self, device=None) -> builtins.bool:
        return False

    def is_conj(self) -> builtins.bool:
        return False

    def is_neg(self) -> builtins.bool:
        return False

    def is_coalesced(self) -> builtins.bool:
        return False

    def resolve_conj(self):
        return self

    def resolve_neg(self):
        return self

    def get_device(self) -> int:
        """The number of its GPU; -1 on the CPU."""
        where = device_of(self.array)
        return -1 if where.type == "cpu" else where.index

    def pin_memory(self, device=None):
        """Itself: memory is not pinned here."""
        return self

    # ---- new tensors like this one -------------------------------------------------------------------------
    def new_tensor(
        self, data, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
    ):
        """The data as a new tensor of this one's dtype and device."""
        dtype, device = self._own_or(dtype, device)
        return ops.tensor(data, dtype=dtype, device=device, requires_grad=requires_grad)

    def new_zeros(self, *size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
        """Zeros of this tensor's dtype and device."""
        dtype, device = self._own_or(dtype, device)
        return ops.zeros(*size, dtype=dtype, device=device, requires_grad=requires_grad)

    def new_ones(self, *size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
        """Ones of this tensor's dtype and device."""
        dtype, device = self._own_or(dtype, device)
        return ops.ones(*size, dtype=dtype, device=device, requires_grad=requires_grad)

    def new_empty(self, *size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
        """Values that are not set (zeros here) of this tensor's dtype and device."""
        dtype, device = self._own_or(dtype, device)
        return ops.empty(*size, dtype=dtype, device=device, requires_grad=requires_grad)

    def new_full(
        self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
    ):
        """One value in every place, of this tensor's dtype and device."""
        dtype, device = self._own_or(dtype, device)
        return ops.full(size, fill_value, dtype=dtype, device=device, requires_grad=requires_grad)

    def new(self, *args):
        """A tensor of this one's dtype, from sizes or data: PyTorch's old constructor."""
        return ops.legacy_tensor(*args, dtype=dtypes.of(self.array.dtype))

    def _own_or(self, dtype, device):
        own = device_of(self.array)
        return dtypes.of(self.array.dtype) if dtype is None else dtype, own if device is None else device

    # ---- dtypes --------------------------------------------------------------------------------------------
    def type(self, dtype=None, non_blocking=False):
        """The name of its type, such as 'torch.FloatTensor'; or the tensor converted to a dtype or such a name."""
        if dtype is None:
            return ops.type_name(self)
        return self.to(ops.dtype_of_type(dtype))

    def type_as(self, other):
        """Converted to another tensor's dtype and device."""
        return self.to(other)

    def short(self):
        return ops.to_dtype(self, dtypes.int16)

    def char(self):
        return ops.to_dtype(self, dtypes.int8)

    def byte(self):
        return ops.to_dtype(self, dtypes.uint8)

    def cfloat(self):
        return ops.to_dtype(self, dtypes.complex64)

    def cdouble(self):
        return ops.to_dtype(self, dtypes.complex128)

    # ---- complex numbers -----------------------------------------------------------------------------------
    @property
    def real(self):
        return ops.real(self)

    @property
    def imag(self):
        return ops.imag(self)

    @property
    def H(self):
        return ops.adjoint(self)

    @property
    def mH(self):
        return ops.adjoint(self)

    def adjoint(self):
        return ops.adjoint(self)

    # ---- arithmetic and comparisons ------------------------------------------------------------------------
    def absolute(self):
        return ops.abs(self)

    def acos(self):
        return ops.acos(self)

    def acosh(self):
        return ops.acosh(self)

    def arccos(self):
        return ops.acos(self)

    def arccosh(self):
        return ops.acosh(self)

    def arcsin(self):
        return ops.asin(self)

    def arcsinh(self):
        return ops.asinh(self)

    def arctan(self):
        return ops.atan(self)

    def arctan2(self, other):
        return ops.atan2(self, other)

    def arctanh(self):
        return ops.atanh(self)

    def asin(self):
        return ops.asin(self)

    def asinh(self):
        return ops.asinh(self)

    def atan(self):
        return ops.atan(self)

    def atan2(self, other):
        return ops.atan2(self, other)

    def atanh(self):
        return ops.atanh(self)

    def bitwise_and(self, other):
        return ops.bitwise_and(self, other)

    def bitwise_not(self):
        return ops.bitwise_not(self)

    def bitwise_or(self, other):
        return ops.bitwise_or(self, other)

    def bitwise_xor(self, other):
        return ops.bitwise_xor(self, other)

    def bmm(self, mat2):
        return ops.bmm(self, mat2)

    def ceil(self):
        return ops.ceil(self)

    def conj(self):
        return ops.conj(self)

    def conj_physical(self):
        return ops.conj(self)

    def cosh(self):
        return ops.cosh(self)

    def dot(self, tensor):
        return ops.dot(self, tensor)

    def eq(self, other):
        return ops.eq(self, other)

    def erf(self):
        return ops.erf(self)

    def exp2(self):
        return ops.exp2(self)

    def expm1(self):
        return ops.expm1(self)

    def fix(self):
        return ops.trunc(self)

    def fliplr(self):
        return ops.fliplr(self)

    def flipud(self):
        return ops.flipud(self)

    def floor(self):
        return ops.floor(self)

    def floor_divide(self, other):
        return ops.floor_divide(self, other)

    def fmod(self, other):
        return ops.fmod(self, other)

    def frac(self):
        return ops.frac(self)

    def ge(self, other):
        return ops.ge(self, other)

    def ger(self, vec2):
        return ops.outer(self, vec2)

    def greater(self, other):
        return ops.gt(self, other)

    def greater_equal(self, other):
        return ops.ge(self, other)

    def gt(self, other):
        return ops.gt(self, other)

    def inner(self, other):
        return ops.inner(self, other)

    def isfinite(self):
        return ops.isfinite(self)

    def isinf(self):
        return ops.isinf(self)

    def isnan(self):
        return ops.isnan(self)

    def le(self, other):
        return ops.le(self, other)

    def less(self, other):
        return ops.lt(self, other)

    def less_equal(self, other):
        return ops.le(self, other)

    def log10(self):
        return ops.log10(self)

    def log1p(self):
        return ops.log1p(self)

    def log2(self):
        return ops.log2(self)

    def logical_and(self, other):
        return ops.logical_and(self, other)

    def logical_not(self):
        return ops.logical_not(self)

    def logical_or(self, other):
        return ops.logical_or(self, other)

    def logical_xor(self, other):
        return ops.logical_xor(self, other)

    def lt(self, other):
        return ops.lt(self, other)

    def maximum(self, other):
        return ops.maximum(self, other)

    def minimum(self, other):
        return ops.minimum(self, other)

    def mm(self, mat2):
        return ops.mm(self, mat2)

    def mv(self, vec):
        return ops.mv(self, vec)

    def ne(self, other):
        return ops.ne(self, other)

    def negative(self):
        return ops.neg(self)

    def not_equal(self, other):
        return ops.ne(self, other)

    def outer(self, vec2):
        return ops.outer(self, vec2)

    def ravel(self):
        return ops.ravel(self)

    def reciprocal(self):
        return ops.reciprocal(self)

    def remainder(self, other):
        return ops.remainder(self, other)

    def rsqrt(self):
        return ops.rsqrt(self)

    def sign(self):
        return ops.sign(self)

    def sinh(self):
        return ops.sinh(self)

    def tan(self):
        return ops.tan(self)

    def trace(self):
        return ops.trace(self)

    def trunc(self):
        return ops.trunc(self)

    def vdot(self, other):
        return ops.vdot(self, other)

    def multiply(self, other):
        return ops.mul(self, other)

    def subtract(self, other, *, alpha=1):
        return ops.scaled_sub(self, other, alpha=alpha)

    def divide(self, other, *, rounding_mode=None):
        return ops.divide(self, other, rounding_mode=rounding_mode)

    def true_divide(self, other):
        return ops.div(self, other)

    def float_power(self, exponent):
        return ops.float_power(self, exponent)

    def round(self, *, decimals=0):
        return ops.round(self, decimals=decimals)

    def clip(self, min=None, max=None):
        return ops.clamp(self, min, max)

    def clamp_min(self, min):
        return ops.clamp_min(self, min)

    def clamp_max(self, max):
        return ops.clamp_max(self, max)

    def lerp(self, end, weight):
        return ops.lerp(self, end, weight)

    def addcmul(self, tensor1, tensor2, *, value=1):
        return ops.addcmul(self, tensor1, tensor2, value=value)

    def addcdiv(self, tensor1, tensor2, *, value=1):
        return ops.addcdiv(self, tensor1, tensor2, value=value)

    def nan_to_num(self, nan=0.0, posinf=None, neginf=None):
        return ops.nan_to_num(self, nan, posinf, neginf)

    def isclose(self, other, rtol=1e-05, atol=1e-08, equal_nan=False):
        return ops.isclose(self, other, rtol, atol, equal_nan)

    def allclose(self, other, rtol=1e-05, atol=1e-08, equal_nan=False):
        return ops.allclose(self, other, rtol, atol, equal_nan)

    def equal(self, other):
        return ops.equal(self, other)

    # ---- matrix products -----------------------------------------------------------------------------------
    def addmm(self, mat1, mat2, *, beta=1, alpha=1):
        return ops.addmm(self, mat1, mat2, beta=beta, alpha=alpha)

    def addmv(self, mat, vec, *, beta=1, alpha=1):
        return ops.addmv(self, mat, vec, beta=beta, alpha=alpha)

    def addbmm(self, batch1, batch2, *, beta=1, alpha=1):
        return ops.addbmm(self, batch1, batch2, beta=beta, alpha=alpha)

    def baddbmm(self, batch1, batch2, *, beta=1, alpha=1):
        return ops.baddbmm(self, batch1, batch2, beta=beta, alpha=alpha)

    # ---- reductions ----------------------------------------------------------------------------------------
    def amax(self, dim=(), keepdim=False):
        return ops.amax(self, dim, keepdim)

    def amin(self, dim=(), keepdim=False):
        return ops.amin(self, dim, keepdim)

    def logsumexp(self, dim, keepdim=False):
        return ops.logsumexp(self, dim, keepdim)

    def count_nonzero(self, dim=None):
        return ops.count_nonzero(self, dim)

    def cumsum(self, dim, *, dtype=None):
        return ops.cumsum(self, dim, dtype=dtype)

    def cumprod(self, dim, *, dtype=None):
        return ops.cumprod(self, dim, dtype=dtype)

    def median(self, dim=None, keepdim=False):
        return ops.median(self, dim, keepdim)

    def kthvalue(self, k, dim=-1, keepdim=False):
        return ops.kthvalue(self, k, dim, keepdim)

    def argsort(self, dim=-1, descending=False, stable=False):
        return ops.argsort(self, dim, descending, stable)

    # ---- shape ---------------------------------------------------------------------------------------------
    def view_as(self, other):
        return ops.view_as(self, other)

    def reshape_as(self, other):
        return ops.reshape_as(self, other)

    def expand_as(self, other):
        return ops.expand_as(self, other)

    def broadcast_to(self, size):
        return ops.broadcast_to(self, size)

    def sum_to_size(self, *size):
        return ops.sum_to_size(self, *size)

    def unflatten(self, dim, sizes):
        return ops.unflatten(self, dim, sizes)

    def movedim(self, source, destination):
        return ops.movedim(self, source, destination)

    def moveaxis(self, source, destination):
        return ops.movedim(self, source, destination)

    def swapaxes(self, axis0, axis1):
        return ops.transpose(self, axis0, axis1)

    def swapdims(self, dim0, dim1):
        return ops.transpose(self, dim0, dim1)

    def repeat(self, *repeats):
        return ops.repeat(self, *repeats)

    def tile(self, *dims):
        return ops.tile(self, *dims)

    def repeat_interleave(self, repeats, dim=None, *, output_size=None):
        return ops.repeat_interleave(self, repeats, dim, output_size=output_size)

    def roll(self, shifts, dims=None):
        return ops.roll(self, shifts, dims)

    def flip(self, *dims):
        return ops.flip(self, *dims)

    def rot90(self, k=1, dims=(0, 1)):
        return ops.rot90(self, k, dims)

    def unfold(self, dimension, size, step):
        return ops.unfold(self, dimension, size, step)

    def narrow(self, dim, start, length):
        return ops.narrow(self, dim, start, length)

    def select(self, dim, index):
        return ops.select_at(self, dim, index)

    def split_with_sizes(self, split_sizes, dim=0):
        return ops.split(self, split_sizes, dim)

    def tensor_split(self, indices_or_sections, dim=0):
        return ops.tensor_split(self, indices_or_sections, dim)

    def hsplit(self, indices_or_sections):
        return ops.hsplit(self, indices_or_sections)

    def vsplit(self, indices_or_sections):
        return ops.vsplit(self, indices_or_sections)

    def dsplit(self, indices_or_sections):
        return ops.dsplit(self, indices_or_sections)

    def diagonal(self, offset=0, dim1=0, dim2=1):
        return ops.diagonal(self, offset, dim1, dim2)

    def diag(self, diagonal=0):
        return ops.diag(self, diagonal)

    def diag_embed(self, offset=0, dim1=-2, dim2=-1):
        return ops.diag_embed(self, offset, dim1, dim2)

    def diagflat(self, offset=0):
        return ops.diagflat(self, offset)

    def tril(self, diagonal=0):
        return ops.tril(self, diagonal)

    def triu(self, diagonal=0):
        return ops.triu(self, diagonal)

    def as_strided(self, size, stride, storage_offset=None):
        return ops.as_strided(self, size, stride, storage_offset)

    # ---- picking and placing elements ----------------------------------------------------------------------
    def where(self, condition, other):
        return ops.where(condition, self, other)

    def nonzero(self, *, as_tuple=False):
        return ops.nonzero(self, as_tuple=as_tuple)

    def masked_select(self, mask):
        return ops.masked_select(self, mask)

    def masked_scatter(self, mask, source):
        return ops.masked_scatter(self, mask, source)

    def take_along_dim(self, indices, dim=None):
        return ops.take_along_dim(self, indices, dim)

    def index_select(self, dim, index):
        return ops.index_select(self, dim, index)

    def index_add(self, dim, index, source, *, alpha=1):
        return ops.index_add(self, dim, index, source, alpha=alpha)

    def index_copy(self, dim, index, source):
        return ops.index_copy(self, dim, index, source)

    def index_fill(self, dim, index, value):
        return ops.index_fill(self, dim, index, value)

    def index_put(self, indices, values, accumulate=False):
        return ops.index_put(self, indices, values, accumulate)

    def index_reduce(self, dim, index, source, reduce, *, include_self=True):
        return ops.index_reduce(self, dim, index, source, reduce, include_self=include_self)

    def scatter(self, dim, index, src=None, *, value=None, reduce=None):
        return ops.scatter(self, dim, index, src, value=value, reduce=reduce)

    def scatter_add(self, dim, index, src):
        return ops.scatter_add(self, dim, index, src)

    def scatter_reduce(self, dim, index, src, reduce, *, include_self=True):
        return ops.scatter_reduce(self, dim, index, src, reduce, include_self=include_self)

    def select_scatter(self, src, dim, index):
        return ops.select_scatter(self, src, dim, index)

    def slice_scatter(self, src, dim=0, start=None, end=None, step=1):
        return ops.slice_scatter(self, src, dim, start, end, step)

    def diagonal_scatter(self, src, offset=0, dim1=0, dim2=1):
        return ops.diagonal_scatter(self, src, offset, dim1, dim2)

    # ---- random numbers ------------------------------------------------------------------------------------
    def bernoulli(self, p=None, *, generator=None):
        return ops.bernoulli(self, p, generator=generator)

    def multinomial(self, num_samples, replacement=False, *, generator=None):
        return ops.multinomial(self, num_samples, replacement, generator=generator)

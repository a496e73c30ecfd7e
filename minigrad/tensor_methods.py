"""Methods of Tensor that few programs use, most of them functions of `ops`; `tensor.py` has the others.

In-place forms are in `tensor_inplace.py`; what makes a tensor at home beside NumPy arrays is in
`tensor_interchange.py`.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

from . import dtypes, layouts, ops
from .backend import device_of
from .later import Method
from .tensor_inplace import InPlaceMethods
from .tensor_interchange import Interchange
from .tensor_left_out import LeftOutMethods


class RareMethods(InPlaceMethods, Interchange, LeftOutMethods):
    """A base of Tensor."""

    __slots__ = ()

    array: Any
    tracked: builtins.bool
    node: Any
    base: Any
    to: Callable[..., Any]

    # ---- what it is ------------------------------------------------------------------------------
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
        if not self.array.size:  # NumPy has only zeros there
            sizes = [max(n, 1) for n in self.array.shape]
            steps = tuple(math.prod(sizes[d + 1 :]) for d in range(len(sizes)))
        return steps if dim is None else steps[ops.axis_of("stride", self, dim)]

    def dim_order(self, *, ambiguity_check=False) -> tuple[int, ...]:
        """The dimensions in the order of their strides, the outermost first."""
        steps = self.array.strides
        return tuple(sorted(range(len(steps)), key=lambda d: -abs(steps[d])))

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

    def is_distributed(self) -> builtins.bool:
        return False

    def to_dense(self, dtype=None, *, masked_grad=None):
        """Itself, or converted to a dtype: every tensor is dense here."""
        return self if dtype is None else self.to(dtype)

    def resolve_conj(self):
        return self

    def resolve_neg(self):
        return self

    def get_device(self) -> int:
        """The number of its GPU; -1 on the CPU."""
        where = device_of(self.array)
        return -1 if where.index is None else where.index

    def pin_memory(self, device=None):
        """Itself: memory is not pinned here."""
        return self

    # ---- new tensors like this one ---------------------------------------------------------------
    def new_tensor(
        self, data, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
    ):
        """The data as a new tensor of this one's dtype and device."""
        dtype, device = self._own_or(dtype, device)
        return ops.tensor(data, dtype=dtype, device=device, requires_grad=requires_grad)

    def new_zeros(
        self, *sizes, size=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
    ):
        """Zeros of this tensor's dtype and device."""
        dtype, device = self._own_or(dtype, device)
        return ops.zeros(*sizes, size=size, dtype=dtype, device=device, requires_grad=requires_grad)

    def new_ones(
        self, *sizes, size=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
    ):
        """Ones of this tensor's dtype and device."""
        dtype, device = self._own_or(dtype, device)
        return ops.ones(*sizes, size=size, dtype=dtype, device=device, requires_grad=requires_grad)

    def new_empty(
        self, *sizes, size=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
    ):
        """Values that are not set (zeros here) of this tensor's dtype and device."""
        dtype, device = self._own_or(dtype, device)
        return ops.empty(*sizes, size=size, dtype=dtype, device=device, requires_grad=requires_grad)

    def new_empty_strided(
        self, size, stride, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
    ):
        """Values that are not set (zeros here), with strides given in elements."""
        dtype, device = self._own_or(dtype, device)
        return ops.empty_strided(size, stride, dtype=dtype, device=device, requires_grad=requires_grad)

    def new_full(
        self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
    ):
        """One value in every place, of this tensor's dtype and device."""
        dtype, device = self._own_or(dtype, device)
        return ops.full(size, fill_value, dtype=dtype, device=device, requires_grad=requires_grad)

    def new(self, *args):
        """A tensor of this one's dtype, from sizes or data: PyTorch's old constructor."""
        return ops.legacy_tensor(*(args or (0,)), dtype=dtypes.of(self.array.dtype))

    def _own_or(self, dtype, device):
        own = device_of(self.array)
        return dtypes.of(self.array.dtype) if dtype is None else dtype, own if device is None else device

    # ---- dtypes ----------------------------------------------------------------------------------
    def type(self, dtype=None, non_blocking=False):
        """The name of its type, such as 'torch.FloatTensor'; or the tensor converted to a dtype or such a
        name.
        """
        if dtype is None:
            return ops.type_name(self)
        return self.to(ops.dtype_of_type(dtype))

    def type_as(self, other):
        """Converted to another tensor's dtype and device."""
        return self.to(other)

    def short(self, memory_format=None):
        return ops.to_dtype(self, dtypes.int16)

    def char(self, memory_format=None):
        return ops.to_dtype(self, dtypes.int8)

    def byte(self, memory_format=None):
        return ops.to_dtype(self, dtypes.uint8)

    def cfloat(self, memory_format=None):
        return ops.to_dtype(self, dtypes.complex64)

    def cdouble(self, memory_format=None):
        return ops.to_dtype(self, dtypes.complex128)

    # ---- operators that few programs use ---------------------------------------------------------
    __div__ = ops.div
    __lshift__ = ops.bitwise_left_shift
    __rshift__ = ops.bitwise_right_shift

    def __rdiv__(self, other):
        return ops.div(other, self)

    def __rlshift__(self, other):
        return ops.bitwise_left_shift(other, self)

    def __rrshift__(self, other):
        return ops.bitwise_right_shift(other, self)

    def __reversed__(self):
        return ops.flip(self, 0) if self.array.ndim else self

    # ---- complex numbers -------------------------------------------------------------------------
    real = property(ops.real)
    imag = property(ops.imag)
    H = property(ops.matrix_adjoint)
    mH = property(ops.adjoint)
    adjoint = ops.adjoint

    # ---- arithmetic and comparisons --------------------------------------------------------------
    absolute = ops.abs
    acos = ops.acos
    acosh = ops.acosh
    addcdiv = ops.addcdiv
    addcmul = ops.addcmul
    allclose = ops.allclose
    arccos = ops.acos
    arccosh = ops.acosh
    arcsin = ops.asin
    arcsinh = ops.asinh
    arctan = ops.atan
    arctan2 = ops.atan2
    arctanh = ops.atanh
    asin = ops.asin
    asinh = ops.asinh
    atan = ops.atan
    atan2 = ops.atan2
    atanh = ops.atanh
    bitwise_and = ops.bitwise_and
    bitwise_not = ops.bitwise_not
    bitwise_or = ops.bitwise_or
    bitwise_xor = ops.bitwise_xor
    bmm = ops.bmm
    ceil = ops.ceil
    clamp_max = ops.clamp_max
    clamp_min = ops.clamp_min
    clip = ops.clamp
    conj = ops.conj
    conj_physical = ops.conj
    cosh = ops.cosh
    divide = ops.divide
    dot = ops.dot
    eq = ops.eq
    equal = ops.equal
    erf = ops.erf
    exp2 = ops.exp2
    expm1 = ops.expm1
    fix = ops.trunc
    fliplr = ops.fliplr
    flipud = ops.flipud
    float_power = ops.float_power
    floor = ops.floor
    floor_divide = ops.floor_divide
    fmod = ops.fmod
    frac = ops.frac
    ge = ops.ge
    ger = ops.outer
    greater = ops.gt
    greater_equal = ops.ge
    gt = ops.gt
    inner = ops.inner
    isclose = ops.isclose
    isfinite = ops.isfinite
    isinf = ops.isinf
    isnan = ops.isnan
    le = ops.le
    lerp = ops.lerp
    less = ops.lt
    less_equal = ops.le
    log10 = ops.log10
    log1p = ops.log1p
    log2 = ops.log2
    logical_and = ops.logical_and
    logical_not = ops.logical_not
    logical_or = ops.logical_or
    logical_xor = ops.logical_xor
    lt = ops.lt
    maximum = ops.maximum
    minimum = ops.minimum
    mm = ops.mm
    multiply = ops.mul
    mv = ops.mv
    nan_to_num = ops.nan_to_num
    ne = ops.ne
    negative = ops.neg
    not_equal = ops.ne
    outer = ops.outer
    ravel = ops.ravel
    reciprocal = ops.reciprocal
    remainder = ops.remainder
    round = ops.round
    rsqrt = ops.rsqrt
    sign = ops.sign
    sinh = ops.sinh
    subtract = ops.scaled_sub
    tan = ops.tan
    trace = ops.trace
    true_divide = ops.div
    trunc = ops.trunc
    vdot = ops.vdot
    bitwise_left_shift = ops.bitwise_left_shift
    bitwise_right_shift = ops.bitwise_right_shift
    digamma = ops.digamma
    erfc = ops.erfc
    erfinv = ops.erfinv
    i0 = ops.i0
    igamma = ops.igamma
    igammac = ops.igammac
    lgamma = ops.lgamma
    logit = ops.logit
    mvlgamma = ops.mvlgamma
    sgn = ops.sgn
    sinc = ops.sinc
    xlogy = ops.xlogy

    def polygamma(self, n):
        return ops.polygamma(n, self)

    angle = ops.angle
    copysign = ops.copysign
    deg2rad = ops.deg2rad
    fmax = ops.fmax
    fmin = ops.fmin
    frexp = ops.frexp
    gcd = ops.gcd
    heaviside = ops.heaviside
    hypot = ops.hypot
    isneginf = ops.isneginf
    isposinf = ops.isposinf
    isreal = ops.isreal
    lcm = ops.lcm
    ldexp = ops.ldexp
    logaddexp = ops.logaddexp
    logaddexp2 = ops.logaddexp2
    nextafter = ops.nextafter
    positive = ops.positive
    rad2deg = ops.rad2deg
    signbit = ops.signbit

    # ---- matrix products -------------------------------------------------------------------------
    addmm = ops.addmm
    addmv = ops.addmv
    addbmm = ops.addbmm
    baddbmm = ops.baddbmm

    inverse = ops.inv
    det = ops.det
    logdet = ops.logdet
    slogdet = ops.slogdet
    pinverse = ops.pinv
    matrix_power = ops.matrix_power
    cross = ops.cross
    svd = ops.svd_thin
    qr = ops.qr_thin
    cholesky = ops.cholesky_of
    addr = ops.addr
    kron = ops.kron
    cov = ops.cov
    corrcoef = ops.corrcoef
    dist = ops.dist
    renorm = ops.renorm
    stft = ops.stft
    istft = ops.istft
    cholesky_inverse = ops.cholesky_inverse
    cholesky_solve = ops.cholesky_solve
    matrix_exp = ops.matrix_exp
    triangular_solve = ops.triangular_solve
    narrow_copy = Method(".ops.copies", "narrow_copy")
    hardshrink = Method(".nn.functional", "hardshrink")
    prelu = Method(".nn.functional", "prelu")
    geqrf = Method(".ops.factors", "geqrf")
    lu = Method(".ops.factors", "lu_of")
    lu_solve = Method(".ops.factors", "lu_solve_of")
    orgqr = Method(".ops.factors", "householder_product")
    ormqr = Method(".ops.factors", "ormqr")

    # ---- reductions ------------------------------------------------------------------------------
    amax = ops.amax
    amin = ops.amin
    logsumexp = ops.logsumexp
    count_nonzero = ops.count_nonzero
    cumsum = ops.cumsum
    cumprod = ops.cumprod
    median = ops.median
    kthvalue = ops.kthvalue
    argsort = ops.argsort
    aminmax = ops.aminmax
    cummax = ops.cummax
    cummin = ops.cummin
    diff = ops.diff
    logcumsumexp = ops.logcumsumexp
    mode = ops.mode
    msort = ops.msort
    nanmean = ops.nanmean
    nanmedian = ops.nanmedian
    nanquantile = ops.nanquantile
    nansum = ops.nansum
    quantile = ops.quantile
    histc = ops.histc
    histogram = ops.histogram
    bincount = ops.bincount
    unique = ops.unique
    unique_consecutive = ops.unique_consecutive

    # ---- shape -----------------------------------------------------------------------------------
    view_as = ops.view_as
    reshape_as = ops.reshape_as
    expand_as = ops.expand_as
    broadcast_to = ops.broadcast_to
    sum_to_size = ops.sum_to_size
    unflatten = ops.unflatten
    movedim = ops.movedim
    moveaxis = ops.movedim
    swapaxes = ops.transpose
    swapdims = ops.transpose
    repeat = ops.repeat
    tile = ops.tile
    repeat_interleave = ops.repeat_interleave
    roll = ops.roll
    flip = ops.flip
    rot90 = ops.rot90
    unfold = ops.unfold
    narrow = ops.narrow
    select = ops.select_at
    split_with_sizes = ops.split
    unsafe_chunk = ops.chunk
    unsafe_split = ops.split
    unsafe_split_with_sizes = ops.split
    tensor_split = ops.tensor_split
    hsplit = ops.hsplit
    vsplit = ops.vsplit
    dsplit = ops.dsplit
    diagonal = ops.diagonal
    diag = ops.diag
    diag_embed = ops.diag_embed
    diagflat = ops.diagflat
    tril = ops.tril
    triu = ops.triu
    as_strided = ops.as_strided
    as_strided_scatter = ops.as_strided_scatter

    # ---- picking and placing elements ------------------------------------------------------------
    def where(self, condition, other):
        return ops.where(condition, self, other)

    nonzero = ops.nonzero
    masked_select = ops.masked_select
    masked_scatter = ops.masked_scatter
    take_along_dim = ops.take_along_dim
    index_select = ops.index_select
    index_add = ops.index_add
    index_copy = ops.index_copy
    index_fill = ops.index_fill
    index_put = ops.index_put
    index_reduce = ops.index_reduce
    scatter = ops.scatter
    scatter_add = ops.scatter_add
    scatter_reduce = ops.scatter_reduce
    select_scatter = ops.select_scatter
    slice_scatter = ops.slice_scatter
    diagonal_scatter = ops.diagonal_scatter
    argwhere = ops.argwhere
    nonzero_static = ops.nonzero_static
    take = ops.take
    put = ops.put

    # ---- random numbers --------------------------------------------------------------------------
    bernoulli = ops.bernoulli
    multinomial = ops.multinomial

"""In-place forms of Tensor's methods: each writes what its namesake in `ops` returns into the tensor's own
memory.

`write` (inplace.py) gives the tensor, its base and its sister views the history this makes.
"""

from __future__ import annotations

from typing import Any

from . import ops
from .inplace import write


class InPlaceMethods:
    """A base of Tensor."""

    __slots__ = ()

    array: Any

    # ---- elementwise -----------------------------------------------------------------------------
    def abs_(self):
        return write(self, ops.abs)

    def absolute_(self):
        return write(self, ops.abs)

    def acos_(self):
        return write(self, ops.acos)

    def acosh_(self):
        return write(self, ops.acosh)

    def arccos_(self):
        return write(self, ops.acos)

    def arccosh_(self):
        return write(self, ops.acosh)

    def arcsin_(self):
        return write(self, ops.asin)

    def arcsinh_(self):
        return write(self, ops.asinh)

    def arctan_(self):
        return write(self, ops.atan)

    def arctan2_(self, other):
        return write(self, ops.atan2, other)

    def arctanh_(self):
        return write(self, ops.atanh)

    def asin_(self):
        return write(self, ops.asin)

    def asinh_(self):
        return write(self, ops.asinh)

    def atan_(self):
        return write(self, ops.atan)

    def atan2_(self, other):
        return write(self, ops.atan2, other)

    def atanh_(self):
        return write(self, ops.atanh)

    def bitwise_and_(self, other):
        return write(self, ops.bitwise_and, other)

    def bitwise_not_(self):
        return write(self, ops.bitwise_not)

    def bitwise_or_(self, other):
        return write(self, ops.bitwise_or, other)

    def bitwise_xor_(self, other):
        return write(self, ops.bitwise_xor, other)

    def ceil_(self):
        return write(self, ops.ceil)

    def conj_physical_(self):
        return write(self, ops.conj)

    def cos_(self):
        return write(self, ops.cos)

    def cosh_(self):
        return write(self, ops.cosh)

    def eq_(self, other):
        return write(self, ops.eq, other)

    def erf_(self):
        return write(self, ops.erf)

    def exp_(self):
        return write(self, ops.exp)

    def exp2_(self):
        return write(self, ops.exp2)

    def expm1_(self):
        return write(self, ops.expm1)

    def fix_(self):
        return write(self, ops.trunc)

    def floor_(self):
        return write(self, ops.floor)

    def floor_divide_(self, other):
        return write(self, ops.floor_divide, other)

    def fmod_(self, other):
        return write(self, ops.fmod, other)

    def frac_(self):
        return write(self, ops.frac)

    def ge_(self, other):
        return write(self, ops.ge, other)

    def greater_(self, other):
        return write(self, ops.gt, other)

    def greater_equal_(self, other):
        return write(self, ops.ge, other)

    def gt_(self, other):
        return write(self, ops.gt, other)

    def le_(self, other):
        return write(self, ops.le, other)

    def less_(self, other):
        return write(self, ops.lt, other)

    def less_equal_(self, other):
        return write(self, ops.le, other)

    def log_(self):
        return write(self, ops.log)

    def log10_(self):
        return write(self, ops.log10)

    def log1p_(self):
        return write(self, ops.log1p)

    def log2_(self):
        return write(self, ops.log2)

    def logical_and_(self, other):
        return write(self, ops.logical_and, other)

    def logical_not_(self):
        return write(self, ops.logical_not)

    def logical_or_(self, other):
        return write(self, ops.logical_or, other)

    def logical_xor_(self, other):
        return write(self, ops.logical_xor, other)

    def lt_(self, other):
        return write(self, ops.lt, other)

    def mul_(self, other):
        return write(self, ops.mul, other)

    def multiply_(self, other):
        return write(self, ops.mul, other)

    def ne_(self, other):
        return write(self, ops.ne, other)

    def neg_(self):
        return write(self, ops.neg)

    def negative_(self):
        return write(self, ops.neg)

    def not_equal_(self, other):
        return write(self, ops.ne, other)

    def reciprocal_(self):
        return write(self, ops.reciprocal)

    def relu_(self):
        return write(self, ops.relu)

    def remainder_(self, other):
        return write(self, ops.remainder, other)

    def rsqrt_(self):
        return write(self, ops.rsqrt)

    def sigmoid_(self):
        return write(self, ops.sigmoid)

    def sign_(self):
        return write(self, ops.sign)

    def sin_(self):
        return write(self, ops.sin)

    def sinh_(self):
        return write(self, ops.sinh)

    def sqrt_(self):
        return write(self, ops.sqrt)

    def square_(self):
        return write(self, ops.square)

    def tan_(self):
        return write(self, ops.tan)

    def tanh_(self):
        return write(self, ops.tanh)

    def true_divide_(self, other):
        return write(self, ops.div, other)

    def trunc_(self):
        return write(self, ops.trunc)

    def add_(self, other, *, alpha=1):
        return write(self, ops.scaled_add, other, alpha=alpha)

    def sub_(self, other, *, alpha=1):
        return write(self, ops.scaled_sub, other, alpha=alpha)

    def subtract_(self, other, *, alpha=1):
        return write(self, ops.scaled_sub, other, alpha=alpha)

    def div_(self, other, *, rounding_mode=None):
        return write(self, ops.divide, other, rounding_mode=rounding_mode)

    def divide_(self, other, *, rounding_mode=None):
        return write(self, ops.divide, other, rounding_mode=rounding_mode)

    def pow_(self, exponent):
        return write(self, ops.pow, exponent)

    def float_power_(self, exponent):
        return write(self, ops.float_power, exponent)

    def round_(self, *, decimals=0):
        return write(self, ops.round, decimals=decimals)

    def clamp_(self, min=None, max=None):
        return write(self, ops.clamp, min, max)

    def clip_(self, min=None, max=None):
        return write(self, ops.clamp, min, max)

    def clamp_min_(self, min):
        return write(self, ops.clamp_min, min)

    def clamp_max_(self, max):
        return write(self, ops.clamp_max, max)

    def lerp_(self, end, weight):
        return write(self, ops.lerp, end, weight)

    def addcmul_(self, tensor1, tensor2, *, value=1):
        return write(self, ops.addcmul, tensor1, tensor2, value=value)

    def addcdiv_(self, tensor1, tensor2, *, value=1):
        return write(self, ops.addcdiv, tensor1, tensor2, value=value)

    def nan_to_num_(self, nan=0.0, posinf=None, neginf=None):
        return write(self, ops.nan_to_num, nan, posinf, neginf)

    def digamma_(self):
        return write(self, ops.digamma)

    def erfc_(self):
        return write(self, ops.erfc)

    def erfinv_(self):
        return write(self, ops.erfinv)

    def i0_(self):
        return write(self, ops.i0)

    def lgamma_(self):
        return write(self, ops.lgamma)

    def sgn_(self):
        return write(self, ops.sgn)

    def sinc_(self):
        return write(self, ops.sinc)

    def bitwise_left_shift_(self, other):
        return write(self, ops.bitwise_left_shift, other)

    def bitwise_right_shift_(self, other):
        return write(self, ops.bitwise_right_shift, other)

    def igamma_(self, other):
        return write(self, ops.igamma, other)

    def igammac_(self, other):
        return write(self, ops.igammac, other)

    def xlogy_(self, other):
        return write(self, ops.xlogy, other)

    def logit_(self, eps=None):
        return write(self, ops.logit, eps)

    def mvlgamma_(self, p):
        return write(self, ops.mvlgamma, p)

    def polygamma_(self, n):
        return write(self, lambda x: ops.polygamma(n, x))

    def deg2rad_(self):
        return write(self, ops.deg2rad)

    def rad2deg_(self):
        return write(self, ops.rad2deg)

    def copysign_(self, other):
        return write(self, ops.copysign, other)

    def gcd_(self, other):
        return write(self, ops.gcd, other)

    def heaviside_(self, other):
        return write(self, ops.heaviside, other)

    def hypot_(self, other):
        return write(self, ops.hypot, other)

    def lcm_(self, other):
        return write(self, ops.lcm, other)

    def ldexp_(self, other):
        return write(self, ops.ldexp, other)

    def nextafter_(self, other):
        return write(self, ops.nextafter, other)

    # ---- operators -------------------------------------------------------------------------------
    def __ifloordiv__(self, other):
        return write(self, ops.floor_divide, other)

    def __imod__(self, other):
        return write(self, ops.remainder, other)

    def __ixor__(self, other):
        return write(self, ops.bitwise_xor, other)

    def __ilshift__(self, other):
        return write(self, ops.bitwise_left_shift, other)

    def __irshift__(self, other):
        return write(self, ops.bitwise_right_shift, other)

    # ---- matrix products -------------------------------------------------------------------------
    def addmm_(self, mat1, mat2, *, beta=1, alpha=1):
        return write(self, ops.addmm, mat1, mat2, beta=beta, alpha=alpha)

    def addmv_(self, mat, vec, *, beta=1, alpha=1):
        return write(self, ops.addmv, mat, vec, beta=beta, alpha=alpha)

    def addbmm_(self, batch1, batch2, *, beta=1, alpha=1):
        return write(self, ops.addbmm, batch1, batch2, beta=beta, alpha=alpha)

    def baddbmm_(self, batch1, batch2, *, beta=1, alpha=1):
        return write(self, ops.baddbmm, batch1, batch2, beta=beta, alpha=alpha)

    def addr_(self, vec1, vec2, *, beta=1, alpha=1):
        return write(self, ops.addr, vec1, vec2, beta=beta, alpha=alpha)

    def renorm_(self, p, dim, maxnorm):
        return write(self, ops.renorm, p, dim, maxnorm)

    def put_(self, index, source, accumulate=False):
        return write(self, ops.put, index, source, accumulate)

    # ---- along a dimension -----------------------------------------------------------------------
    def cumsum_(self, dim, *, dtype=None):
        return write(self, ops.cumsum, dim, dtype=dtype)

    def cumprod_(self, dim, *, dtype=None):
        return write(self, ops.cumprod, dim, dtype=dtype)

    def tril_(self, diagonal=0):
        return write(self, ops.tril, diagonal)

    def triu_(self, diagonal=0):
        return write(self, ops.triu, diagonal)

    # ---- placing elements ------------------------------------------------------------------------
    def masked_fill_(self, mask, value):
        return write(self, ops.masked_fill, mask, value)

    def masked_scatter_(self, mask, source):
        return write(self, ops.masked_scatter, mask, source)

    def index_add_(self, dim, index, source, *, alpha=1):
        return write(self, ops.index_add, dim, index, source, alpha=alpha)

    def index_copy_(self, dim, index, source):
        return write(self, ops.index_copy, dim, index, source)

    def index_fill_(self, dim, index, value):
        return write(self, ops.index_fill, dim, index, value)

    def index_put_(self, indices, values, accumulate=False):
        return write(self, ops.index_put, indices, values, accumulate)

    def index_reduce_(self, dim, index, source, reduce, *, include_self=True):
        return write(self, ops.index_reduce, dim, index, source, reduce, include_self=include_self)

    def scatter_(self, dim, index, src=None, *, value=None, reduce=None):
        return write(self, ops.scatter, dim, index, src, value=value, reduce=reduce)

    def scatter_add_(self, dim, index, src):
        return write(self, ops.scatter_add, dim, index, src)

    def scatter_reduce_(self, dim, index, src, reduce, *, include_self=True):
        return write(self, ops.scatter_reduce, dim, index, src, reduce, include_self=include_self)

    def fill_diagonal_(self, fill_value, wrap=False):
        """The diagonal of a matrix set to one value; `wrap` goes on after a gap of one row in tall ones."""
        return ops.fill_diagonal(self, fill_value, wrap)

    # ---- random numbers --------------------------------------------------------------------------
    def uniform_(self, from_=0, to=1, *, generator=None, **bounds):
        """Filled with values drawn evenly from [from, to)."""
        return ops.fill_uniform(self, bounds.pop("from", from_), to, generator=generator, **bounds)

    def normal_(self, mean=0, std=1, *, generator=None):
        """Filled with values from N(mean, std^2)."""
        return ops.fill_normal(self, mean, std, generator=generator)

    def random_(self, from_=0, to=None, *, generator=None):
        """Filled with integers from [from, to), from [0, from_) with one bound,
        or all that the dtype holds.
        """
        low, high = (0, from_ or None) if to is None else (from_, to)
        return ops.fill_integers(self, low, high, generator=generator)

    def bernoulli_(self, p=0.5, *, generator=None):
        """Filled with ones with probability p, zeros elsewhere."""
        return ops.fill_bernoulli(self, p, generator=generator)

    def exponential_(self, lambd=1, *, generator=None):
        """Filled with values from the exponential distribution with rate lambd."""
        return ops.fill_exponential(self, lambd, generator=generator)

    def cauchy_(self, median=0, sigma=1, *, generator=None):
        """Filled with values from the Cauchy distribution."""
        return ops.fill_cauchy(self, median, sigma, generator=generator)

    def geometric_(self, p, *, generator=None):
        """Filled with how many tries a success with probability p takes."""
        return ops.fill_geometric(self, p, generator=generator)

    def log_normal_(self, mean=1, std=2, *, generator=None):
        """Filled with the exponentials of values from N(mean, std^2)."""
        return ops.fill_log_normal(self, mean, std, generator=generator)

    # ---- shape -----------------------------------------------------------------------------------
    def t_(self):
        return ops.reshape_in_place(self, ops.t)

    def transpose_(self, dim0, dim1):
        return ops.reshape_in_place(self, ops.transpose, dim0, dim1)

    def swapaxes_(self, axis0, axis1):
        return ops.reshape_in_place(self, ops.transpose, axis0, axis1)

    def swapdims_(self, dim0, dim1):
        return ops.reshape_in_place(self, ops.transpose, dim0, dim1)

    def squeeze_(self, dim=None):
        return ops.reshape_in_place(self, ops.squeeze, dim)

    def unsqueeze_(self, dim):
        return ops.reshape_in_place(self, ops.unsqueeze, dim)

    def as_strided_(self, size, stride, storage_offset=None):
        return ops.reshape_in_place(self, ops.as_strided, size, stride, storage_offset)

    def resize_(self, *sizes, memory_format=None):
        """The shape changed, keeping the first elements; new ones are zeros."""
        return ops.resize(self, *sizes)

    def resize_as_(self, the_template, memory_format=None):
        """The shape changed to another tensor's."""
        return ops.resize(self, the_template.array.shape)

    def set_(self, source=None, storage_offset=None, size=None, stride=None):
        """Take over another tensor's memory; an offset, size or stride besides is refused."""
        return ops.share_memory_of(self, source, storage_offset, size, stride)

    # ---- functions of Python, element by element -------------------------------------------------
    def apply_(self, callable):
        """Each element replaced by what a Python function returns for it; on the CPU, outside the graph."""
        return ops.apply_in_place(self, callable)

    def map_(self, tensor, callable):
        """Each element replaced by what a Python function returns for it and its partner; on the CPU."""
        return ops.apply_in_place(self, callable, tensor)

    def map2_(self, x, y, callable):
        """Each element replaced by what a Python function returns for it and two partners; on the CPU."""
        return ops.apply_in_place(self, callable, x, y)

    def share_memory_(self):
        """Moved to memory that processes forked from this one share;
        views made before keep the old memory.
        """
        return ops.move_to_shared(self)

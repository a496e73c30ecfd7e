"""Tensor's methods that are left out on purpose: they are there, and say so when they are called.

Why, and what to use instead, is in `left_out.py`. (A `__getattr__` on Tensor would do as well, and slow down
every op.)
"""

from __future__ import annotations

from .later import left_out


class LeftOutMethod:
    """Stands for a method that is not there."""

    def __set_name__(self, owner, name: str):
        self.path = f"Tensor.{name}"

    def __get__(self, instance, owner):
        return left_out(self.path)[0]


class LeftOutMethods:
    """A base class of Tensor."""

    __slots__ = ()

    bfloat16 = LeftOutMethod()
    ccol_indices = LeftOutMethod()
    chalf = LeftOutMethod()
    coalesce = LeftOutMethod()
    col_indices = LeftOutMethod()
    const_data_ptr = LeftOutMethod()
    crow_indices = LeftOutMethod()
    dense_dim = LeftOutMethod()
    dequantize = LeftOutMethod()
    hash_tensor = LeftOutMethod()
    index = LeftOutMethod()
    indices = LeftOutMethod()
    int_repr = LeftOutMethod()
    ipu = LeftOutMethod()
    module_load = LeftOutMethod()
    mtia = LeftOutMethod()
    q_per_channel_axis = LeftOutMethod()
    q_per_channel_scales = LeftOutMethod()
    q_per_channel_zero_points = LeftOutMethod()
    q_scale = LeftOutMethod()
    q_zero_point = LeftOutMethod()
    qscheme = LeftOutMethod()
    record_stream = LeftOutMethod()
    resize = LeftOutMethod()
    resize_as = LeftOutMethod()
    resize_as_sparse_ = LeftOutMethod()
    row_indices = LeftOutMethod()
    slice_inverse = LeftOutMethod()
    smm = LeftOutMethod()
    sparse_dim = LeftOutMethod()
    sparse_mask = LeftOutMethod()
    sparse_resize_ = LeftOutMethod()
    sparse_resize_and_clear_ = LeftOutMethod()
    sspaddmm = LeftOutMethod()
    storage = LeftOutMethod()
    storage_type = LeftOutMethod()
    to_mkldnn = LeftOutMethod()
    to_padded_tensor = LeftOutMethod()
    to_sparse = LeftOutMethod()
    to_sparse_bsc = LeftOutMethod()
    to_sparse_bsr = LeftOutMethod()
    to_sparse_coo = LeftOutMethod()
    to_sparse_csc = LeftOutMethod()
    to_sparse_csr = LeftOutMethod()
    untyped_storage = LeftOutMethod()
    values = LeftOutMethod()
    xpu = LeftOutMethod()

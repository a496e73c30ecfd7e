"""What PyTorch has and minigrad leaves out on purpose: names that say so, and what to use instead.

A function or class on these lists is there, and raises NotImplementedError when it is called; a submodule is
not (so `hasattr` tells), and the AttributeError says why. `docs/left_out.md` is this table in words.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .dtypes import COMPLEX, FLOAT, INTEGER, absent_dtype


class Family(NamedTuple):
    """Names that are left out for one reason, by the namespace they are in, and what to use instead."""

    title: str
    sentence: str
    names: dict[str, str]
    submodules: str = ""


FAMILIES = [
    Family(
        "Sparse tensors",
        "there are no sparse tensors here; use dense ones",
        {
            "": """sparse_bsc_tensor sparse_bsr_tensor sparse_compressed_tensor sparse_coo_tensor
            sparse_csc_tensor sparse_csr_tensor ccol_indices_copy col_indices_copy crow_indices_copy dsmm hsmm
            hspmm indices_copy resize_as_sparse_ row_indices_copy saddmm smm spmm sspaddmm values_copy""",
            "Tensor": """ccol_indices coalesce col_indices crow_indices dense_dim indices resize_as_sparse_
            row_indices smm sparse_dim sparse_mask sparse_resize_ sparse_resize_and_clear_ sspaddmm to_sparse
            to_sparse_bsc to_sparse_bsr to_sparse_coo to_sparse_csc to_sparse_csr values""",
        },
        "sparse",
    ),
    Family(
        "Quantized tensors",
        "there are no quantized tensors here; use float32, or integers with a scale of your own",
        {
            "": """choose_qparams_optimized dequantize empty_quantized fake_quantize_per_channel_affine
            fake_quantize_per_tensor_affine fbgemm_linear_fp16_weight
            fbgemm_linear_fp16_weight_fp32_activation fbgemm_linear_int8_weight
            fbgemm_linear_int8_weight_fp32_activation fbgemm_linear_quantize_weight
            fbgemm_pack_gemm_matrix_fp16 fbgemm_pack_quantized_matrix fused_moving_avg_obs_fake_quant int_repr
            per_channel_affine per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine
            per_tensor_symmetric q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale
            q_zero_point qscheme quantize_per_channel quantize_per_tensor quantize_per_tensor_dynamic
            quantized_batch_norm quantized_gru_cell quantized_lstm_cell quantized_max_pool1d
            quantized_max_pool2d quantized_max_pool3d quantized_rnn_relu_cell quantized_rnn_tanh_cell""",
            "Tensor": """dequantize int_repr q_per_channel_axis q_per_channel_scales q_per_channel_zero_points
            q_scale q_zero_point qscheme""",
        },
        "ao quantization nn.intrinsic nn.qat nn.quantizable nn.quantized",
    ),
    Family(
        "Nested and masked tensors",
        "there are no nested or masked tensors here; use nn.utils.rnn.pad_sequence or pack_sequence",
        {"Tensor": "to_padded_tensor"},
        "masked nested",
    ),
    Family(
        "Dtypes that NumPy lacks",
        "NumPy has no such dtype; use float16 or float32 (complex64 for complex32, int8 or uint8 for less)",
        {"": "BFloat16Tensor", "Tensor": "bfloat16 chalf"},
    ),
    Family(
        "Storages",
        "a tensor's memory is its NumPy array here; use numpy(), data_ptr(), stride() and storage_offset()",
        {
            "": """BFloat16Storage BoolStorage ByteStorage CharStorage ComplexDoubleStorage
            ComplexFloatStorage DoubleStorage FloatStorage HalfStorage IntStorage LongStorage ShortStorage
            TypedStorage UntypedStorage from_file""",
            "Tensor": "const_data_ptr storage storage_type untyped_storage",
        },
    ),
    Family(
        "Forward-mode differentiation",
        "there is no forward mode here; use func.jvp, func.jacfwd or autograd.functional.jvp, which go back "
        "twice",
        {
            "autograd.forward_ad": """UnpackedDualTensor dual_level enter_dual_level exit_dual_level make_dual
            unpack_dual"""
        },
    ),
    Family(
        "Rare decompositions",
        "this decomposition is not here; use linalg.lu_factor, linalg.solve, linalg.eigh or linalg.svd",
        {
            "": "lobpcg pca_lowrank svd_lowrank",
            "linalg": "ldl_factor ldl_factor_ex ldl_solve",
        },
    ),
    Family(
        "Functions behind layers",
        "it is a part of PyTorch's own layers; use the layer in nn, or its function in nn.functional",
        {
            "": """batch_norm_backward_elemt batch_norm_backward_reduce batch_norm_elemt
            batch_norm_gather_stats batch_norm_gather_stats_with_counts batch_norm_stats
            batch_norm_update_stats embedding_bag native_batch_norm native_dropout native_group_norm
            native_layer_norm native_norm"""
        },
    ),
    Family(
        "Functions of other libraries",
        "neither MIOpen nor MKL-DNN nor cuDNN is called here; use nn.functional",
        {
            "": """cudnn_affine_grid_generator cudnn_batch_norm cudnn_convolution cudnn_convolution_add_relu
            cudnn_convolution_relu cudnn_convolution_transpose cudnn_grid_sampler miopen_batch_norm
            miopen_convolution miopen_convolution_add_relu miopen_convolution_relu
            miopen_convolution_transpose miopen_ctc_loss miopen_depthwise_convolution miopen_rnn
            mkldnn_adaptive_avg_pool2d mkldnn_convolution mkldnn_linear_backward_weights mkldnn_max_pool2d
            mkldnn_max_pool3d mkldnn_rnn_layer""",
            "Tensor": "ipu module_load mtia record_stream to_mkldnn xpu",
        },
    ),
    Family(
        "Symbolic shapes and compilation",
        "sizes are plain ints here and nothing is traced or compiled; write it in Python",
        {
            "": """SymBool SymFloat SymInt cond sym_constrain_range sym_constrain_range_for_size sym_float
            sym_fresh_size sym_int sym_ite sym_max sym_min sym_not sym_sqrt sym_sum while_loop""",
            "func": "debug_unwrap functionalize",
        },
        "compiler export fx library overrides package",
    ),
    Family(
        "Several processes and machines",
        "training runs in one process here; leave it out",
        {"nn.parallel": "DistributedDataParallel gather parallel_apply replicate scatter"},
        "distributed futures monitor multiprocessing nn.parallel.comm nn.parallel.distributed "
        "nn.parallel.scatter_gather",
    ),
    Family("Other devices", "devices here are 'cpu' and 'cuda'; use one of these", {}, "mps mtia xpu"),
    Family(
        "Other attention",
        "it chooses or compiles a kernel for attention; use "
        "nn.functional.scaled_dot_product_attention with a mask",
        {},
        "nn.attention.bias nn.attention.flex_attention nn.attention.varlen",
    ),
    Family(
        "Products of low precision",
        "they are for units of a GPU that NumPy does not reach; use matmul",
        {"nn.functional": "grouped_mm scaled_grouped_mm scaled_mm"},
    ),
    Family(
        "Wrong in PyTorch",
        "its sums of squares go wrong behind the first channels in PyTorch; use nn.LocalResponseNorm",
        {"nn": "CrossMapLRN2d"},
    ),
    Family(
        "Rare",
        "it is not here; write it with the operations that are",
        {"": "hash_tensor slice_inverse", "Tensor": "hash_tensor index resize resize_as slice_inverse"},
    ),
]


class LeftOut:
    """Stands for a name that is left out: calling it says so."""

    def __init__(self, name: str, sentence: str):
        self.__name__ = self.__qualname__ = name
        self.sentence = f"{name} is not in minigrad: {sentence}"
        self.__doc__ = self.sentence

    def __call__(self, *args, **kwargs):
        raise NotImplementedError(self.sentence)

    def __instancecheck__(self, instance) -> bool:
        return False  # nothing is of a class that is not there

    def __repr__(self) -> str:
        return f"<{self.sentence}>"


#: dtypes by category, each with the bytes of an element
DTYPES = {
    FLOAT: {
        "bfloat16": 2,
        **dict.fromkeys(
            "float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu".split(), 1
        ),
        "float4_e2m1fn_x2": 1,
    },
    COMPLEX: {"complex32": 4},
    INTEGER: {
        **dict.fromkeys("qint8 quint8 quint4x2 quint2x4 bits1x8 bits2x4 bits4x2 bits8".split(), 1),
        **dict.fromkeys([f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8)], 1),
        "bits16": 2,
        "qint32": 4,
    },
}


def _table() -> dict[str, Any]:
    """Every name with its namespace."""
    found: dict[str, Any] = {
        name: absent_dtype(name, category, size)
        for category, names in DTYPES.items()
        for name, size in names.items()
    }
    found["chalf"] = found["complex32"]
    for family in FAMILIES:
        for namespace, names in family.names.items():
            for name in names.split():
                path = f"{namespace}.{name}".lstrip(".")
                found[path] = LeftOut(path, family.sentence)
    return found


NAMES = _table()
SUBMODULES = {name: family.sentence for family in FAMILIES for name in family.submodules.split()}

"""minigrad: a reverse-mode autograd tensor engine on NumPy (or CuPy), with PyTorch's names.

    import minigrad as torch

Every public name that PyTorch has too has its signature and its meaning. They stand here in the order a
reader meets them: tensors and dtypes, gradients, then the operations by family, then settings and submodules.
"""

# ruff: noqa: I001 - in the order a reader meets them.
from . import ops
from .later import loader
from .tensor import Size, Tensor
from .backend import device, get_default_device, set_default_device
from .dtypes import (
    bool_ as bool,
    can_cast,
    complex64,
    complex64 as cfloat,
    complex128,
    complex128 as cdouble,
    dtype,
    finfo,
    float16,
    float16 as half,
    float32,
    float32 as float,
    float64,
    float64 as double,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int16 as short,
    int32,
    int32 as int,
    int64,
    int64 as long,
    promote_types,
    result_type,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .layouts import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
    jagged,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
)
from .autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from .ops import (
    tensor,
    as_tensor,
    asarray,
    from_numpy,
    frombuffer,
    from_dlpack,
    zeros,
    ones,
    empty,
    full,
    zeros_like,
    ones_like,
    empty_like,
    full_like,
    arange,
    linspace,
    logspace,
    eye,
    scalar_tensor,
    meshgrid,
    tril_indices,
    triu_indices,
    complex,
    polar,
)
from .ops import (
    rand,
    rand_like,
    randn,
    randn_like,
    randint,
    randint_like,
    randperm,
    normal,
    bernoulli,
    multinomial,
)
from .ops import (
    scaled_add as add,
    scaled_sub as sub,
    scaled_sub as subtract,
    mul,
    mul as multiply,
    divide,
    divide as div,
    div as true_divide,
    rsub,
    neg,
    neg as negative,
    abs,
    abs as absolute,
    reciprocal,
    pow,
    float_power,
    square,
    sqrt,
    rsqrt,
    exp,
    exp2,
    expm1,
    log,
    log2,
    log10,
    log1p,
    sin,
    cos,
    tan,
    asin,
    acos,
    atan,
    atan2,
    sinh,
    cosh,
    tanh,
    asinh,
    acosh,
    atanh,
    asin as arcsin,
    acos as arccos,
    atan as arctan,
    atan2 as arctan2,
    asinh as arcsinh,
    acosh as arccosh,
    atanh as arctanh,
    sigmoid,
    relu,
    erf,
    sign,
    floor,
    ceil,
    trunc,
    trunc as fix,
    round,
    frac,
    floor_divide,
    remainder,
    fmod,
    maximum,
    minimum,
    clamp,
    clamp as clip,
    clamp_min,
    clamp_max,
    where,
    lerp,
    addcmul,
    addcdiv,
    nan_to_num,
    conj,
    conj as conj_physical,
    real,
    imag,
    is_complex,
    view_as_real,
    view_as_complex,
)
from .ops import (
    eq,
    ne,
    lt,
    le,
    gt,
    ge,
    ne as not_equal,
    lt as less,
    le as less_equal,
    gt as greater,
    ge as greater_equal,
    isnan,
    isinf,
    isfinite,
    isclose,
    allclose,
    equal,
    logical_and,
    logical_or,
    logical_not,
    logical_xor,
    bitwise_and,
    bitwise_or,
    bitwise_not,
    bitwise_xor,
)
from .ops import (
    sum,
    mean,
    prod,
    std,
    var,
    std_mean,
    var_mean,
    norm,
    logsumexp,
    count_nonzero,
    all,
    any,
    max,
    min,
    amax,
    amin,
    argmax,
    argmin,
    median,
    cumsum,
    cumprod,
)
from .ops import (
    sort,
    argsort,
    topk,
    kthvalue,
)
from .ops import (
    reshape,
    permute,
    transpose,
    t,
    movedim,
    movedim as moveaxis,
    transpose as swapaxes,
    transpose as swapdims,
    squeeze,
    unsqueeze,
    flatten,
    unflatten,
    ravel,
    broadcast_to,
    broadcast_tensors,
    broadcast_shapes,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    adjoint,
    repeat_interleave,
    tile,
    roll,
    flip,
    fliplr,
    flipud,
    rot90,
    copy as clone,
    as_strided,
    as_strided_scatter,
    empty_permuted,
    empty_strided,
)
from .ops import (
    cat,
    cat as concat,
    cat as concatenate,
    stack,
    hstack,
    vstack,
    dstack,
    column_stack,
    row_stack,
    split,
    split as split_with_sizes,
    split as unsafe_split,
    split as unsafe_split_with_sizes,
    chunk,
    chunk as unsafe_chunk,
    tensor_split,
    hsplit,
    vsplit,
    dsplit,
    unbind,
)
from .ops import (
    gather,
    select_at as select,
    narrow,
    index_select,
    take_along_dim,
    masked_select,
    masked_fill,
    masked_scatter,
    nonzero,
    scatter,
    scatter_add,
    scatter_reduce,
    index_add,
    index_copy,
    index_fill,
    index_put,
    index_reduce,
    select_scatter,
    slice_scatter,
    diagonal_scatter,
)
from .ops import (
    matmul,
    mm,
    bmm,
    mv,
    dot,
    vdot,
    inner,
    outer,
    outer as ger,
    addmm,
    addmv,
    addbmm,
    baddbmm,
    tensordot,
    einsum,
    diag,
    diagonal,
    diag_embed,
    diagflat,
    trace,
    tril,
    triu,
)
from .ops import (
    softmax,
    log_softmax,
)
from .ops import (
    inv as inverse,
    det,
    slogdet,
    logdet,
    pinv as pinverse,
    matrix_power,
    multi_dot as chain_matmul,
    cross,
    svd_thin as svd,
    qr_thin as qr,
    cholesky_of as cholesky,
    cholesky_inverse,
    cholesky_solve,
    triangular_solve,
    matrix_exp,
)
from .ops import (
    sgn,
    bitwise_left_shift,
    bitwise_right_shift,
    erfc,
    erfinv,
    lgamma,
    digamma,
    polygamma,
    mvlgamma,
    igamma,
    igammac,
    i0,
    logit,
    sinc,
    xlogy,
)
from .ops.padding import constant_pad_nd
from .ops import (
    aminmax,
    argwhere,
    bincount,
    bucketize,
    corrcoef,
    cov,
    histc,
    histogram,
    isin,
    mode,
    msort,
    nanmean,
    nanmedian,
    nanquantile,
    nansum,
    nonzero_static,
    quantile,
    searchsorted,
    unique,
    unique_consecutive,
    unravel_index,
)
from .ops import (
    cummax,
    cummin,
    cumulative_trapezoid,
    diff,
    gradient,
    logcumsumexp,
    trapezoid,
    trapz,
)
from .ops import (
    angle,
    copysign,
    deg2rad,
    fmax,
    fmin,
    frexp,
    gcd,
    heaviside,
    hypot,
    isneginf,
    isposinf,
    isreal,
    lcm,
    ldexp,
    logaddexp,
    logaddexp2,
    nextafter,
    positive,
    rad2deg,
    signbit,
)
from .ops import (
    addr,
    block_diag,
    cartesian_prod,
    cdist,
    combinations,
    dist,
    fill,
    kron,
    put,
    renorm,
    take,
    vander,
)
from .ops import (
    istft,
    stft,
    bartlett_window,
    blackman_window,
    hamming_window,
    hann_window,
    kaiser_window,
)
from .ops.facts import (
    get_device,
    is_conj,
    is_floating_point,
    is_inference,
    is_neg,
    is_nonzero,
    is_same_size,
    is_signed,
    is_storage,
    is_tensor,
    numel,
    resolve_conj,
    resolve_neg,
)
from .tensor_types import (
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
)
from .settings import (
    are_deterministic_algorithms_enabled,
    compile,
    get_float32_matmul_precision,
    get_num_interop_threads,
    get_num_threads,
    is_deterministic_algorithms_warn_only_enabled,
    set_default_tensor_type,
    set_float32_matmul_precision,
    set_flush_denormal,
    set_num_interop_threads,
    set_num_threads,
    use_deterministic_algorithms,
)
from .formatting import get_printoptions, printoptions, set_printoptions
from math import e, inf, nan, pi
from . import autograd, backends, cuda, random, version
from .version import __version__

newaxis = None

# Parts that few scripts need all of are loaded when they are first named, so that `import minigrad` stays as
# quick as NumPy's: submodules, and functions that live in one.
_SUBMODULES = """__future__ accelerator amp datasets distributions fft func hub jit linalg nn onnx optim
return_types sequences serialization signal special utils viz""".split()
_IN_SUBMODULES = {
    "serialization": {"load": "load", "save": "save"},
    "func": {"vmap": "vmap"},
    "amp": {n: n for n in ("GradScaler", "autocast", "is_autocast_enabled")},
    "ops": {"to_dlpack": "to_dlpack"},
    "ops.factors": {
        "geqrf": "geqrf",
        "lu": "lu_of",
        "lu_solve": "lu_solve_of",
        "lu_unpack": "lu_unpack",
        "orgqr": "householder_product",
        "ormqr": "ormqr",
    },
    "ops.copies": {
        name: name
        for name in """alias_copy as_strided_copy detach detach_copy diagonal_copy expand_copy frobenius_norm
        histogramdd is_distributed narrow_copy nuclear_norm permute_copy select_copy slice_copy split_copy
        split_with_sizes_copy squeeze_copy t_copy transpose_copy typename unbind_copy unfold_copy
        unsqueeze_copy view_as_complex_copy view_as_real_copy view_copy""".split()
    }
    | {"range": "range_with_end"},
    "autograd.anomaly_mode": {
        "is_anomaly_check_nan_enabled": "is_anomaly_check_nan_enabled",
        "is_anomaly_enabled": "is_anomaly_enabled",
        "set_anomaly_enabled": "set_detect_anomaly",
    },
    "ops.rejection": {
        "binomial": "binomial",
        "poisson": "poisson",
        "_sample_dirichlet": "sample_dirichlet",
        "_standard_gamma": "standard_gamma",
    },
    "in_place": {
        name: name
        for name in """abs_ absolute_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_
        as_strided_ asin_ asinh_ atan_ atanh_ ceil_ clamp_ clamp_max_ clamp_min_ clip_
        conj_physical_ cos_ cosh_ deg2rad_ detach_ erf_ erfc_ exp2_ exp_ expm1_ fill_ fix_
        floor_ frac_ gcd_ i0_ index_put_ lcm_ ldexp_ log10_ log1p_ log2_ log_ logit_
        nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ resize_as_ round_ rsqrt_ sigmoid_ sin_
        sinc_ sinh_ sqrt_ square_ tan_ tanh_ trunc_ xlogy_ zero_""".split()
    },
    "nn.functional": {
        name: name
        for name in """adaptive_avg_pool1d avg_pool1d bilinear celu celu_ channel_shuffle conv1d conv2d conv3d
        conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity hardshrink max_pool1d
        max_pool1d_with_indices max_pool2d max_pool3d native_channel_shuffle pairwise_distance pdist
        pixel_shuffle pixel_unshuffle prelu relu_ rms_norm rrelu rrelu_ selu selu_ threshold threshold_
        """.split()
    },
    "nn.functional.native": {
        name: name
        for name in """adaptive_max_pool1d affine_grid_generator alpha_dropout alpha_dropout_ batch_norm
        binary_cross_entropy_with_logits convolution cosine_embedding_loss ctc_loss dropout dropout_ embedding
        embedding_renorm_ feature_alpha_dropout feature_alpha_dropout_ feature_dropout feature_dropout_
        grid_sampler grid_sampler_2d grid_sampler_3d group_norm hinge_embedding_loss instance_norm kl_div
        layer_norm margin_ranking_loss poisson_nll_loss triplet_margin_loss""".split()
    },
    "nn.functional.weights": {"norm_except_dim": "norm_except_dim", "_weight_norm": "weight_norm"},
    "nn.recurrent": {
        name: name
        for name in """gru gru_cell lstm lstm_cell rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell""".split()
    },
}
_LATER: dict[str, tuple[str, str | None]] = {name: (name, None) for name in _SUBMODULES}
_LATER |= {
    name: (module, member) for module, names in _IN_SUBMODULES.items() for name, member in names.items()
}
__getattr__, __dir__ = loader(__name__, _LATER)

"""Random tensors and in-place fills, drawn from a `Generator` (random.py) in PyTorch's order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from .. import random as streams
from ..backend import as_device, beside, device_of, module_of, to_device, to_numpy
from ..engine import Value, store, stored, untracked
from ..layouts import strided_only
from .elementwise import add, mul
from .shaping import sizes_of
from .variants import overwrite

if TYPE_CHECKING:
    from ..tensor import Tensor


def _source(generator) -> streams.Generator:
    return streams.default_generator if generator is None else generator


def _drawn(draw, size, dtype, device, requires_grad, out=None) -> Tensor:
    """A leaf with the values that `draw(shape, numpy dtype)` gives."""
    target = dtypes.as_dtype(dtype or dtypes.get_default_dtype())
    array = draw(sizes_of(size), target.numpy)
    if out is not None:
        return store(out, untracked(array))
    t = untracked(to_device(array, as_device(device)))
    return t.requires_grad_() if requires_grad else t


def rand(
    *sizes,
    size=None,
    generator=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
    out=None,
):
    """Values drawn evenly from [0, 1)."""
    strided_only("rand", layout)
    return _drawn(_source(generator).uniform, sizes_of(sizes, size), dtype, device, requires_grad, out)


def randn(
    *sizes,
    size=None,
    generator=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
    out=None,
):
    """Values from the normal distribution N(0, 1)."""
    strided_only("randn", layout)
    return _drawn(_source(generator).normal, sizes_of(sizes, size), dtype, device, requires_grad, out)


def randint(
    low,
    high=None,
    size=None,
    *,
    generator=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    out=None,
):
    """Integers drawn evenly from [low, high), or from [0, low) where `high` is left out."""
    strided_only("randint", layout)
    if size is None:
        low, high, size = 0, low, high
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    stream = _source(generator)
    return _drawn(
        lambda s, d: stream.integers(s, d, low, high),
        (size,),
        dtype or dtypes.int64,
        device,
        requires_grad,
        out,
    )


def randperm(
    n: int,
    *,
    generator=None,
    dtype=dtypes.int64,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
    out=None,
):
    """0 .. n-1 in random order."""
    strided_only("randperm", layout)
    if n < 0:
        raise RuntimeError(f"randperm: n must be 0 or more, got {n}")
    stream = _source(generator)
    return _drawn(lambda s, d: stream.permutation(n).astype(d), (n,), dtype, device, requires_grad, out)


def _like(function, input, dtype, device, **settings) -> Tensor:
    return function(*input.array.shape, dtype=dtype or input.dtype, device=device or input.device, **settings)


def rand_like(
    input, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None
):
    """`rand` in the shape, dtype and device of another tensor."""
    strided_only("rand_like", layout)
    return _like(rand, input, dtype, device, generator=generator, requires_grad=requires_grad)


def randn_like(
    input, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None
):
    """`randn` in the shape, dtype and device of another tensor."""
    strided_only("randn_like", layout)
    return _like(randn, input, dtype, device, generator=generator, requires_grad=requires_grad)


def randint_like(
    input,
    low,
    high=None,
    *,
    generator=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    memory_format=None,
):
    """`randint` in the shape, dtype and device of another tensor."""
    strided_only("randint_like", layout)
    low, high = (0, low) if high is None else (low, high)
    shape = input.array.shape
    return randint(
        low,
        high,
        shape,
        generator=generator,
        dtype=dtype or input.dtype,
        device=device or input.device,
        requires_grad=requires_grad,
    )


def normal(
    mean,
    std=1.0,
    size=None,
    *,
    generator=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    out=None,
) -> Tensor:
    """Normal values, with means and standard deviations given as numbers (then with a size) or as tensors."""
    strided_only("normal", layout)
    if not isinstance(std, Value) and std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    if size is not None:
        return _drawn(
            lambda s, d: _source(generator).normal(s, d, mean, std),
            (size,),
            dtype,
            device,
            requires_grad,
            out,
        )
    tensors = [v for v in (mean, std) if isinstance(v, Value)]
    if not tensors:
        raise TypeError("normal(): mean and std are both numbers; give a size, or make one of them a tensor")
    shape = np.broadcast_shapes(*[t.array.shape for t in tensors])
    where = device_of(tensors[0].array)
    unit = randn(*shape, generator=generator, dtype=dtypes.result_type(*tensors), device=where)
    drawn = (
        unit * (std.detach() if isinstance(std, Value) else std)
        + (mean.detach() if isinstance(mean, Value) else mean)
    ).detach()
    return stored(drawn, out)


def bernoulli(input, p=None, *, generator=None, out=None) -> Tensor:
    """Ones with the probabilities given by the input (or by `p`), zeros elsewhere, in the input's dtype."""
    t = untracked(np.empty_like(input.array, order="C"))  # PyTorch draws row by row, whatever the layout
    fill_bernoulli(t, input.detach() if p is None else p, generator=generator)
    if input.tracked and out is None:
        return add(t, mul(input, 0))  # PyTorch's has a gradient, of zeros
    return stored(t, out)


def multinomial(input, num_samples: int, replacement: bool = False, *, generator=None, out=None) -> Tensor:
    """Places drawn with the weights of each row: (..., num_samples) int64.

    Without replacement by the exponential race (weights over exponential noise; the largest win), as PyTorch
    does.
    """
    if input.array.dtype.kind != "f":
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {input.dtype}")
    if out is not None and out.array.dtype != np.int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype}")
    if num_samples <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples, got {num_samples}")
    weights = to_numpy(input.array).astype(np.float64)
    if input.array.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if (weights < 0).any() or not np.isfinite(weights).all():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if (weights.sum(-1) <= 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    stream = _source(generator)
    if replacement and num_samples > 1:  # a single one PyTorch, too, draws by the race
        edges = np.cumsum(weights, -1)
        edges /= edges[..., -1:]
        drawn = stream.uniform((*weights.shape[:-1], num_samples), np.dtype(np.float64))
        rows = zip(np.atleast_2d(edges), np.atleast_2d(drawn), strict=True)
        places = np.array([np.searchsorted(*row, side="right") for row in rows]).reshape(drawn.shape)
    else:
        if ((weights > 0).sum(-1) < num_samples).any():
            raise RuntimeError(
                "invalid multinomial distribution (with replacement=False, "
                "not enough non-negative category to sample)"
            )
        noise = -np.log1p(-stream.uniform(weights.shape, np.dtype(np.float64)))
        race = np.where(weights > 0, weights / np.maximum(noise, 1e-300), -1)
        places = np.argsort(-race, -1, kind="stable")[..., :num_samples]
    return stored(untracked(beside(input.array, places, np.int64)), out)


# ---- in-place fills ------------------------------------------------------------------------------
def _fill(target: Tensor, values) -> Tensor:
    """Write drawn values into a tensor, which loses its history."""
    drawn = untracked(module_of(target.array).asarray(values).astype(target.array.dtype, copy=False))
    return overwrite(target, drawn)


def _in_memory_order(target: Tensor, draw):
    """What `draw(shape)` gives, in the order in which the target's elements lie in memory,
    as PyTorch fills them.
    """
    array = target.array
    if array.flags.c_contiguous:
        return draw(array.shape)
    order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    return draw(tuple(array.shape[axis] for axis in order)).transpose(np.argsort(order))


def fill_uniform(target: Tensor, low=0, high=1, *, generator=None) -> Tensor:
    """Values drawn evenly from [low, high)."""
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
    stream, dtype = _source(generator), target.array.dtype
    return _fill(target, _in_memory_order(target, lambda shape: stream.uniform(shape, dtype, low, high)))


def fill_normal(target: Tensor, mean=0, std=1, *, generator=None) -> Tensor:
    """Values from N(mean, std^2)."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return _fill(target, _normal_for(target, mean, std, generator))


def _normal_for(target: Tensor, mean, std, generator):
    stream, array = _source(generator), target.array
    in_blocks = array.flags.c_contiguous
    return _in_memory_order(target, lambda shape: stream.normal(shape, array.dtype, mean, std, in_blocks))


def fill_integers(target: Tensor, low=0, high=None, *, generator=None) -> Tensor:
    """Integers from [low, high); by default all that the dtype holds exactly."""
    if high is None:
        kind = target.array.dtype.kind
        high = {"f": 2 ** (np.finfo(target.array.dtype).nmant + 1), "b": 2}.get(kind) or int(
            np.iinfo(target.array.dtype).max
        ) + 1
    stream, dtype = _source(generator), target.array.dtype
    return _fill(target, _in_memory_order(target, lambda shape: stream.integers(shape, dtype, low, high)))


def fill_bernoulli(target: Tensor, p=0.5, *, generator=None) -> Tensor:
    """Ones with probability p (a number, or a tensor of them), zeros elsewhere."""
    stream = _source(generator)
    if not isinstance(p, Value):
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        return _fill(target, _in_memory_order(target, lambda shape: stream.bernoulli(shape, float(p))))
    if ((p.array < 0) | (p.array > 1)).any():
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true for every probability")
    dtype = np.dtype(np.float64 if p.array.dtype == np.float64 else np.float32)
    drawn = _in_memory_order(target, lambda shape: stream.uniform(shape, dtype))
    return _fill(target, drawn < to_numpy(p.array))


def fill_exponential(target: Tensor, lambd=1.0, *, generator=None) -> Tensor:
    """Values from the exponential distribution with rate lambd."""
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    return _fill(target, -np.log1p(-_unit(target, generator)) / lambd)


def _unit(target: Tensor, generator) -> np.ndarray:
    stream = _source(generator)
    return _in_memory_order(target, lambda shape: stream.uniform(shape, np.dtype(np.float64)))


def fill_cauchy(target: Tensor, median=0, sigma=1, *, generator=None) -> Tensor:
    """Values from the Cauchy distribution around a median."""
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    return _fill(target, median + sigma * np.tan(np.pi * (_unit(target, generator) - 0.5)))


def fill_geometric(target: Tensor, p, *, generator=None) -> Tensor:
    """How many tries a success with probability p takes, 1 or more."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    return _fill(target, np.ceil(np.log(_unit(target, generator)) / np.log1p(-p)).clip(1))


def fill_log_normal(target: Tensor, mean=1, std=2, *, generator=None) -> Tensor:
    """The exponentials of values from N(mean, std^2)."""
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    stream, dtype = _source(generator), target.array.dtype
    draw = partial(stream.normal, dtype=dtype, mean=mean, std=std, in_blocks=False)
    return _fill(target, np.exp(_in_memory_order(target, draw)))

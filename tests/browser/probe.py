"""Values and dtypes of expressions, to be compared between a platform of 64 bits and one of 32, a browser."""

import json

import minigrad as torch
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.nn.utils.rnn import pack_padded_sequence, pad_sequence
from minigrad.utils.data import DataLoader, TensorDataset

NAMED = (pack_padded_sequence, pad_sequence, DataLoader, TensorDataset)
EXPRESSIONS = """
tensor([1, 2]); tensor(3); tensor([True, False]); tensor([[1.5, 2]]); as_tensor([1, 2]); tensor(2**40)
arange(4); arange(1, 9, 2); arange(0, 1, 0.25); full((2,), 7); zeros(2, dtype=torch.long); eye(2).long()
tril_indices(3, 3); triu_indices(2, 3); randint(9, (4,)); randperm(5); rand(3); randn(3)
bernoulli(rand(4)); multinomial(tensor([0.1, 0.2, 0.7]), 5, replacement=True); normal(0.0, 1.0, (2,))
empty(0).numel(); x.argmax(); x.argmax(1); x.argmin(0); x.argsort(1); x.sort(1); x.topk(2, 1)
x.kthvalue(2); x.median(1); x.median(); x.mode(1); x.max(1); x.min(0); x.cummax(1); x.cummin(1)
x.nonzero(); x.count_nonzero(); (x > 0).sum(); (x > 0).sum(1); (x > 0).cumsum(1); n.sum(); n.cumsum(0)
n.prod(); n.cumprod(0); n + 1; n * n; n // 2; n % 3; n ** 2; n / 2; n.float(); n.int(); n.int() + 1
n.int().sum(); n.long() + n.int(); n.abs(); n.clamp(1, 2); n.max(); -n; n.bincount()
n.bincount(minlength=9); n.unique(); n.unique(return_inverse=True, return_counts=True)
n.unique_consecutive(return_counts=True); x.histc(4); searchsorted(tensor([0.0, 1, 2]), x)
bucketize(x, tensor([0.0, 1])); n.repeat_interleave(2); n.repeat_interleave(tensor([1, 2, 0, 1]))
repeat_interleave(tensor([1, 2])); unravel_index(n, (2, 3)); x[n[:2]]; x[:, n[:3]]; x[n[:2], n[:2]]
x.index_select(0, n[:2]); x.take(n); x.gather(1, x.argsort(1)); x.take_along_dim(n[:1, None], 0)
x.scatter(1, x.argsort(1), 1.0); x.scatter_add(1, x.argsort(1), x); x.index_add(0, n[:2], x[:2])
x.index_fill(0, n[:1], 2.0); x.put(n[:2], tensor([1.0, 2])); x.where(x > 0, tensor(0.0))
x.masked_select(x > 0); n.bitwise_and(3); n << 2; combinations(n); cartesian_prod(n, n); n.diff()
n.flip(0); n.roll(1); x.quantile(0.5); x.cov(); n.gcd(tensor(2)); F.one_hot(n); F.one_hot(n, 9)
F.cross_entropy(x, n[:3]); F.nll_loss(x, n[:3]); F.embedding(n, w); x.logsumexp(1); F.max_pool1d(x, 2)
F.max_pool1d(x, 2, return_indices=True); F.max_pool1d(x, 3, 1, return_indices=True)
F.adaptive_avg_pool1d(x, 3); F.adaptive_max_pool1d(x, 3); F.interpolate(x[None], 7)
F.interpolate(x[None], 7, mode="linear"); F.avg_pool1d(x, 2); F.conv1d(x[None], v)
F.ctc_loss(c.log_softmax(2), tensor([[1, 2]]), tensor([5]), tensor([2]))
F.pad(x, (1, 1), mode="constant"); F.embedding_bag(n[None], w); F.multi_margin_loss(x, n[:3])
F.pixel_shuffle(x.reshape(1, 4, 3, 1), 2); F.grid_sample(x[None, None], rand(1, 2, 2, 2), align_corners=False)
pad_sequence([n, n[:2]]); pack_padded_sequence(c, [5])[0]
pack_padded_sequence(c.expand(5, 2, 4), [3, 5], enforce_sorted=False); n.tolist(); n.element_size()
n.numpy().dtype.name; x.argmax().item(); torch.iinfo(torch.long).max; n.storage_offset(); x.stride()
result_type(n, 1); n.new_tensor([1]); n.new_full((1,), 2); torch.initial_seed(); get_rng_state().sum()
stack([b[0] for b in DataLoader(TensorDataset(x[:2]), batch_size=1, shuffle=True)]); nn.LSTM(4, 3)(c)[0]
nn.GRU(4, 3)(c)[0]; nn.MultiheadAttention(4, 2)(c, c, c)[0]; nn.Linear(4, 2)(x)
linalg.lu_factor(x[:, :3]); x.svd()[1]; fft.rfft(x); nn.Dropout(0.5)(x)
"""


def scope() -> dict:
    """What the expressions may name: all of the package, and a few tensors."""
    names = {name: getattr(torch, name) for name in dir(torch) if not name.startswith("_")}
    torch.manual_seed(0)
    sizes = {"x": (3, 4), "w": (9, 2), "c": (5, 1, 4), "v": (2, 3, 2)}
    given = {name: torch.randn(size) for name, size in sizes.items()}
    named = {each.__name__: each for each in NAMED} | {"nn": nn, "F": F, "torch": torch}
    return names | named | given | {"n": torch.tensor([2, 0, 1, 2])}


def told(value):
    """A result as JSON has it: of a tensor its dtype, shape and values; float values to five digits."""
    if isinstance(value, torch.Tensor):
        flat = value.detach().reshape(-1)
        flat = torch.view_as_real(flat).reshape(-1) if flat.is_complex() else flat
        return [str(value.dtype), list(value.shape), [told(v) for v in flat.tolist()]]
    if isinstance(value, (tuple, list)):
        return [told(v) for v in value]
    return float(f"{value:.4g}") + 0.0 if isinstance(value, float) else str(value)


def answers() -> dict[str, object]:
    """Each expression's value, each computed from the same random stream; of one that fails, the error."""
    names, found = scope(), {}
    for expression in EXPRESSIONS.replace("\n", ";").split(";"):
        if expression.strip():
            torch.manual_seed(1)
            try:
                found[expression.strip()] = told(eval(expression, names))
            except Exception as error:
                found[expression.strip()] = f"{type(error).__name__}: {error}"
    return found


if __name__ == "__main__":
    print(json.dumps(answers()))

"""Vocabularies, windows, batches of sequences and scalers against their plain descriptions."""

import collections
import functools
import inspect
import itertools
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn

import minigrad
from minigrad import ops, random, sequences
from minigrad.random import Generator
from minigrad.sequences import (
    BucketBatchSampler,
    ContiguousBatches,
    MinMaxScaler,
    PadCollate,
    StandardScaler,
    Vocabulary,
    Windows,
    byte_values,
    characters,
    words,
)
from minigrad.utils.data import DataLoader, Subset
from minigrad.utils.data._utils.fetch import GatherFetcher


# ---- what the docstrings show --------------------------------------------------------------------------
@pytest.mark.parametrize("name", [name for name in sequences.__all__ if name[0].isupper()])
def test_the_example_of_a_docstring_runs(name):
    lines = inspect.getdoc(getattr(sequences, name)).splitlines()
    code = "\n".join(line[4:] for line in lines if line.startswith("    "))
    names = vars(sequences) | {
        "torch": minigrad,
        "DataLoader": DataLoader,
        "names": [ops.ones(3), ops.ones(5)],
        "series": ops.rand(100, 3),
        "model": lambda x: x[..., 0],
    }
    assert code
    for shown, wanted in re.findall(r"^([\w.]+(?:\(\w*\))?) +# (\[.*\])$", code, re.M):
        code += f"\nassert {shown} == {wanted}, {shown}"
    exec(compile(code, name, "exec"), names)


# ---- text ------------------------------------------------------------------------------------------------
def test_tokenizers():
    assert characters("añ b") == ["a", "ñ", " ", "b"]
    assert words("Don't go, Ann\u2019s 3.5 o'clock!") == [
        *("Don't", "go", ",", "Ann\u2019s", "3", ".", "5", "o'clock", "!")
    ]
    assert byte_values("añ") == [97, 195, 177]
    assert bytes(byte_values("añ €")).decode() == "añ €"


TOKENS = st.lists(st.sampled_from("abcdefgh"))


@given(TOKENS, st.integers(1, 3), st.one_of(st.none(), st.integers(2, 6)), st.randoms(use_true_random=False))
def test_a_vocabulary_does_as_it_says(tokens, min_freq, max_size, rng):
    settings = {"min_freq": min_freq, "max_size": max_size, "specials": ["<pad>", "a"], "unknown": "<pad>"}
    vocabulary = Vocabulary(tokens, **settings)
    counts = collections.Counter(tokens)
    rest = vocabulary.tokens[2:]
    assert vocabulary.tokens[:2] == ["<pad>", "a"]
    left_out = set(counts) - set(vocabulary.tokens)
    assert all(counts[t] >= min_freq for t in rest)
    assert [counts[t] for t in rest] == sorted((counts[t] for t in rest), reverse=True)
    assert max_size is None or len(vocabulary) <= max_size
    if max_size is None or len(vocabulary) < max_size:
        assert all(counts[t] < min_freq for t in left_out)
    known = [t for t in tokens if t in vocabulary]
    numbers = vocabulary.encode(known)
    assert (numbers.dtype, numbers.shape) == (minigrad.int64, (len(known),))
    assert vocabulary.decode(numbers) == known
    assert vocabulary.encode(sorted(left_out)).tolist() == [0] * len(left_out)
    shuffled = list(tokens)
    rng.shuffle(shuffled)
    assert Vocabulary(shuffled, **settings) == vocabulary


def test_vocabularies_are_kept_as_json(tmp_path):
    for vocabulary in (
        Vocabulary(words("Ärger, ça va?"), specials=["<pad>"], unknown="<unk>"),
        Vocabulary(byte_values("año")),
    ):
        vocabulary.save(tmp_path / "tokens.json")
        loaded = Vocabulary.load(tmp_path / "tokens.json")
        assert loaded == vocabulary
        assert loaded.encode(vocabulary.tokens).tolist() == list(range(len(vocabulary)))
        assert pickle.loads(pickle.dumps(loaded)) == vocabulary
    assert "Ärger" in str(Vocabulary(["Ärger"]).state_dict())
    assert list(loaded) == loaded.tokens
    assert repr(loaded) == "Vocabulary(4 tokens, unknown=None)"
    assert loaded != "other"


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: Vocabulary("ab")["c"], KeyError, r"'c' is not among the 2 tokens; make it with unknown"),
        (lambda: Vocabulary("ab").encode("abc"), KeyError, "'c' is not"),
        (lambda: Vocabulary("ab").decode([0, 2]), IndexError, r"2 is not in \[0, 1\]"),
        (lambda: Vocabulary("ab").decode(ops.tensor([-1])), IndexError, "-1 is not"),
        (lambda: Vocabulary("ab", max_size=1, specials="xy"), ValueError, "max_size=1 leaves no room for 2"),
        (lambda: Vocabulary("ab", specials="xx"), ValueError, r"twice are \['x'\]"),
        (lambda: Vocabulary([1, "a"]), TypeError, "all text or all integers"),
        (lambda: Vocabulary().load_state_dict({"tokens": []}), KeyError, "unknown.* missing"),
        (lambda: Vocabulary().load_state_dict({"tokens": ["a"], "unknown": "b"}), ValueError, "'b' is not"),
    ],
)
def test_vocabularies_refuse(act, error, message):
    with pytest.raises(error, match=message):
        act()


# ---- one long text -------------------------------------------------------------------------------------
@given(st.integers(2, 60), st.integers(1, 5), st.integers(1, 7), st.integers(0, 6), st.booleans())
def test_contiguous_batches_read_on(count, batch_size, length, overlap, batch_first):
    overlap %= length
    if count // batch_size < 2:
        with pytest.raises(ValueError, match="too few"):
            ContiguousBatches(list(range(count)), batch_size, length)
        return
    text = ops.arange(count) * 10
    batches = ContiguousBatches(text, batch_size, length, overlap=overlap, batch_first=batch_first)
    steps = count // batch_size
    pairs = [[part.numpy() if batch_first else part.t().numpy() for part in pair] for pair in batches]
    assert len(pairs) == len(batches)
    for inputs, targets in pairs:
        np.testing.assert_array_equal(targets, inputs + 10)
        assert 1 <= inputs.shape[1] <= length
    new = [pair[0] if i == 0 else pair[0][:, overlap:] for i, pair in enumerate(pairs)]
    whole = np.concatenate(new, 1)
    np.testing.assert_array_equal(
        whole, 10 * np.arange(steps * batch_size).reshape(batch_size, steps)[:, :-1]
    )
    for before, after in itertools.pairwise(pairs):
        np.testing.assert_array_equal(before[0][:, length - overlap :], after[0][:, :overlap])
    assert batches[-1][0].tolist() == batches[len(batches) - 1][0].tolist()
    loaded = list(DataLoader(batches, batch_size=None))
    assert [x.tolist() for x, _ in loaded] == [x.tolist() for x, _ in batches]


def test_contiguous_batches_refuse():
    for settings in ((0, 5), (2, 0)):
        with pytest.raises(ValueError, match="must be positive"):
            ContiguousBatches(ops.arange(20), *settings)
    with pytest.raises(ValueError, match="overlap less than length, not 2, 5 and 5"):
        ContiguousBatches(ops.arange(20), 2, 5, overlap=5)
    with pytest.raises(IndexError, match="batch 2 of 2"):
        ContiguousBatches(ops.arange(20), 2, 5)[2]


# ---- windows -------------------------------------------------------------------------------------------
@given(
    steps=st.integers(1, 25),
    channels=st.sampled_from([None, 1, 3]),
    history=st.integers(1, 6),
    horizon=st.integers(1, 4),
    stride=st.integers(1, 4),
    part=st.tuples(st.integers(0, 25), st.one_of(st.none(), st.integers(-5, 30))),
    targets=st.sampled_from([None, 0, [0], slice(0, 2)]),
)
def test_windows_are_what_a_loop_would_cut(steps, channels, history, horizon, stride, part, targets):
    series = np.random.default_rng(steps).random((steps, channels) if channels else steps).astype(np.float32)
    targets = targets if channels else None
    start, stop = part
    settings = {"stride": stride, "start": start, "stop": stop, "targets": targets}
    low, high, _ = slice(start, stop).indices(steps)
    when = [t for t in range(max(history, low), high + 1) if t + horizon <= high][::stride]
    if not when:
        with pytest.raises(ValueError, match="no window"):
            Windows(series, history, horizon, **settings)
        return
    windows = Windows(series, history, horizon, **settings)
    assert windows.when.tolist() == when
    assert len(windows) == len(when)
    chosen = series if targets is None else series[:, targets]
    for i, t in enumerate(when):
        past, future = windows[i]
        np.testing.assert_array_equal(past.numpy(), series[t - history : t])
        np.testing.assert_array_equal(future.numpy(), chosen[t : t + horizon])
    assert np.shares_memory(windows.past.array, series)
    again = pickle.loads(pickle.dumps(windows))
    assert again.past.tolist() == windows.past.tolist()
    assert again.future.tolist() == windows.future.tolist()
    for dataset in (windows, Subset(windows, range(len(windows)))):
        for (x, y), first in zip(DataLoader(dataset, batch_size=3), range(0, len(windows), 3), strict=True):
            np.testing.assert_array_equal(x.numpy(), windows.past.numpy()[first : first + 3])
            np.testing.assert_array_equal(y.numpy(), windows.future.numpy()[first : first + 3])


@given(st.integers(14, 40), st.integers(1, 4), st.integers(1, 3), st.integers(1, 40))
def test_training_windows_know_nothing_of_the_test(steps, history, horizon, cut):
    cut = min(max(cut, history + horizon), steps - horizon)
    series = ops.arange(steps)
    train, test = Windows(series, history, horizon, stop=cut), Windows(series, history, horizon, start=cut)
    seen = {*train.past.reshape(-1).tolist(), *train.future.reshape(-1).tolist()}
    assert max(seen) < cut <= min(test.future.reshape(-1).tolist())
    assert set(test.future.reshape(-1).tolist()) == set(range(max(cut, history), steps))


def test_windows_are_not_copied_before_they_are_batches():
    series = np.arange(100_000, dtype=np.float32)
    windows = Windows(series, 500, 1)
    assert windows.past.numpy().strides == (4, 4)
    assert not windows.past.numpy().flags.writeable
    assert len(pickle.dumps(windows)) < 2 * series.nbytes
    loader = DataLoader(windows, batch_size=4, shuffle=True)
    assert isinstance(loader._recipe().fetcher(), GatherFetcher)
    x, y = next(iter(loader))
    assert (y[:, 0] - x[:, -1]).tolist() == [1, 1, 1, 1]
    x.add_(1)


def test_windows_refuse():
    with pytest.raises(ValueError, match="must be positive, not 0, 1, 1"):
        Windows(ops.arange(9), 0)
    with pytest.raises(ValueError, match="leave it None"):
        Windows(ops.arange(9), 2, targets=0)
    with pytest.raises(RuntimeError, match="requires grad"):
        Windows(ops.rand(9).requires_grad_(), 2)


# ---- batches of sequences ------------------------------------------------------------------------------
@given(
    lengths=st.lists(st.integers(0, 30), max_size=60),
    batch_size=st.integers(1, 7),
    pool=st.integers(1, 4),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
)
def test_buckets(lengths, batch_size, pool, shuffle, drop_last):
    settings = {"shuffle": shuffle, "drop_last": drop_last, "pool": pool}
    batches = list(BucketBatchSampler(lengths, batch_size, **settings, generator=Generator().manual_seed(1)))
    again = BucketBatchSampler(
        ops.tensor(lengths), batch_size, **settings, generator=Generator().manual_seed(1)
    )
    assert batches == list(again)
    assert len(batches) == len(again)
    shown = [i for batch in batches for i in batch]
    assert len(set(shown)) == len(shown)
    assert len(lengths) - len(shown) == (len(lengths) % batch_size if drop_last else 0)
    assert sum(len(batch) != batch_size for batch in batches) <= 1
    assert all(0 < len(batch) <= batch_size for batch in batches)
    for batch in batches:
        assert [lengths[i] for i in batch] == sorted(lengths[i] for i in batch)
    if not shuffle:
        assert [lengths[i] for i in shown] == sorted(lengths)[: len(shown)]


def test_buckets_pad_little_and_differ_from_pass_to_pass():
    random.manual_seed(2)
    lengths = np.random.default_rng(0).integers(1, 100, 2000).tolist()

    def padding(batches):
        return sum(len(batch) * max(lengths[i] for i in batch) for batch in batches) / sum(lengths) - 1

    sampler = BucketBatchSampler(lengths, 20)
    first, second = list(sampler), list(sampler)
    assert first != second
    assert padding(first) < 0.05
    unsorted = [list(range(i, i + 20)) for i in range(0, 2000, 20)]
    assert padding(unsorted) > 0.5
    with pytest.raises(ValueError, match="not 0 and 50"):
        BucketBatchSampler(lengths, 0)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.booleans(), st.sampled_from([(), (2,)]))
def test_padding(lengths, batch_first, rest):
    rng = np.random.default_rng(len(lengths))
    parts = [rng.integers(1, 9, (length, *rest)) for length in lengths]
    samples = [(ops.tensor(part), part.tolist(), number) for number, part in enumerate(parts)]
    pad = PadCollate(batch_first=batch_first, sequences=(0, 1), padding_value=(0, -100))
    one, one_lengths, other, other_lengths, numbers = pad(samples)
    assert one_lengths.tolist() == other_lengths.tolist() == lengths
    assert numbers.tolist() == list(range(len(lengths)))
    rows = (one if batch_first else one.transpose(0, 1)).numpy()
    assert rows.shape == (len(lengths), max(lengths), *rest)
    for row, other_row, part in zip(
        rows, (other if batch_first else other.transpose(0, 1)).numpy(), parts, strict=True
    ):
        np.testing.assert_array_equal(row[: len(part)], part)
        np.testing.assert_array_equal(other_row[: len(part)], part)
        assert (row[len(part) :] == 0).all()
        assert (other_row[len(part) :] == -100).all()


def test_padding_alone_and_its_errors():
    for one, other in (([1], [2, 3]), (ops.tensor([1]), ops.tensor([2, 3]))):
        padded, lengths = PadCollate(padding_value=7)([one, other])
        assert (padded.tolist(), lengths.tolist()) == ([[1, 2], [7, 3]], [1, 2])
    with pytest.raises(TypeError, match=r"is a single number.*by sequences"):
        PadCollate()([(1, ops.tensor([1]))])
    with pytest.raises(ValueError, match="2 padding values for 1 sequences"):
        PadCollate(padding_value=(0, 1))


def test_buckets_and_padding_in_a_loader():
    names = [ops.arange(length) for length in (3, 1, 4, 1, 5, 9, 2, 6)]
    sampler = BucketBatchSampler([len(name) for name in names], 3, shuffle=False)
    shapes = [tuple(x.shape) for x, _ in DataLoader(names, batch_sampler=sampler, collate_fn=PadCollate())]
    assert shapes == [(2, 3), (5, 3), (9, 2)]


# ---- scalers -------------------------------------------------------------------------------------------
VALUES = drawn.arrays(
    np.float64,
    drawn.array_shapes(min_dims=1, max_dims=3, max_side=6),
    elements=st.floats(-1e3, 1e3, allow_subnormal=False).map(lambda x: round(x, 3)),
)


@given(VALUES, st.booleans(), st.sampled_from([StandardScaler, functools.partial(MinMaxScaler, -1, 2)]))
def test_scalers_go_there_and_back(values, per_channel, make):
    scaler = make(per_channel=per_channel).fit(values)
    scaled = scaler.transform(values)
    np.testing.assert_allclose(scaler.inverse(scaled).numpy(), values, atol=1e-9)
    separate = per_channel and values.ndim > 1
    columns = values.reshape(-1, values.shape[-1] if separate else 1)
    for column, after in zip(columns.T, scaled.numpy().reshape(columns.shape).T, strict=True):
        if column.min() == column.max():
            assert (after == (0 if make is StandardScaler else -1)).all()
        elif make is StandardScaler:
            np.testing.assert_allclose([after.mean(), after.std()], [0, 1], atol=1e-6)
        else:
            np.testing.assert_allclose([after.min(), after.max()], [-1, 2], atol=1e-9)
    other = make(per_channel=per_channel)
    other.load_state_dict(scaler.state_dict())
    assert other.transform(values).tolist() == scaled.tolist()


def test_scalers_know_channels_dtypes_and_gradients():
    series = ops.rand(20, 3) * 5 + ops.tensor([1.0, 100.0, -3.0])
    scaler = StandardScaler().fit(series)
    scaled = scaler.transform(series)
    assert scaled.dtype is minigrad.float32
    np.testing.assert_allclose(
        scaler.inverse(scaled[:, 1], channels=1).numpy(), series[:, 1].numpy(), rtol=1e-5
    )
    np.testing.assert_allclose(
        scaler.inverse(scaled[:, [2, 0]], [2, 0]).numpy(), series[:, [2, 0]].numpy(), rtol=1e-5
    )
    assert scaler.transform(ops.tensor([[1, 2, 3]])).dtype is minigrad.float32
    x = ops.rand(4, 3, requires_grad=True)
    weights = ops.rand(4, 3)
    (scaler.inverse(x) * weights).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), weights.numpy() * scaler.scale, rtol=1e-6)
    constant = StandardScaler().fit(np.full((4, 1), 0.1))
    assert constant.transform([[0.1], [0.6]]).tolist() == [[0.0], [0.5]]


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: StandardScaler().transform([1.0]), RuntimeError, "StandardScaler.transform: call fit first"),
        (lambda: MinMaxScaler().inverse([1.0]), RuntimeError, "MinMaxScaler.inverse: call fit first"),
        (lambda: StandardScaler().fit(np.zeros((0, 2))), ValueError, "no values"),
        (lambda: StandardScaler().fit([[0, np.nan], [0, 1]]), ValueError, r"channels \[1\]; fill gaps"),
        (
            lambda: StandardScaler().fit(np.eye(3)).transform([[1.0, 2.0]]),
            ValueError,
            r"3 channels.*\(1, 2\)",
        ),
        (lambda: MinMaxScaler(1, 1), ValueError, "low must be less than high, not 1 and 1"),
        (lambda: StandardScaler().load_state_dict({}), KeyError, "'base', 'scale', 'shift'.* missing"),
    ],
)
def test_scalers_refuse(act, error, message):
    with pytest.raises(error, match=message):
        act()


def test_unfitted_scalers_have_an_empty_state():
    scaler = StandardScaler()
    scaler.load_state_dict(scaler.state_dict())
    assert scaler.state_dict() == {"shift": None, "scale": None, "base": ops.tensor(0.0)}

"""What a model has to beat before its result says anything, in NumPy alone; simplest first.

Labels: `majority_class`, `NGramBayes`. Text: `NGramText`. Spellings: `LetterByLetter`. Series: `last_value`,
`seasonal_naive`, `autoregression`. Scores: `accuracy`, `edit_distance`, `mean_absolute_error`.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np


def accuracy(predicted: Sequence, wanted: Sequence) -> float:
    """The share of labels that agree, in [0, 1]; raises ValueError for unequal numbers of them, or none."""
    if len(predicted) != len(wanted) or len(wanted) == 0:
        raise ValueError(
            f"accuracy: {len(predicted)} predictions for {len(wanted)} labels; give one for each"
        )
    return sum(p == w for p, w in zip(predicted, wanted, strict=True)) / len(wanted)


def majority_class(labels: Iterable[str]) -> str:
    """The most frequent label; of equally frequent ones the first in the alphabet."""
    return max(sorted(Counter(labels).items()), key=lambda item: item[1])[0]


class NGramBayes:
    """Multinomial naive Bayes over the character n-grams of a text, from 1 to `longest` characters.

    log P(label | text) = log P(label) + sum over n-grams of log P(n-gram | label) + constant, the latter
    relative frequencies after adding `smoothing` to every count (Manning, Raghavan and Schuetze, Introduction
    to Information Retrieval, 2008, chapter 13). N-grams not seen in training are left out; case is ignored.
    """

    def __init__(self, longest: int = 4, smoothing: float = 0.1):
        self.longest = longest
        self.smoothing = smoothing

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> "NGramBayes":
        """Counts n-grams by label, and returns itself."""
        self.labels, rows = np.unique(labels, return_inverse=True)
        self.column: dict[str, int] = {}
        cells = [
            (row, self.column.setdefault(gram, len(self.column)))
            for row, text in zip(rows, texts, strict=True)
            for gram in self._ngrams(text)
        ]
        counts = np.full((len(self.labels), len(self.column)), self.smoothing)
        np.add.at(counts, tuple(np.transpose(cells)), 1)
        self.log_likelihood = np.log(counts / counts.sum(axis=1, keepdims=True))
        self.log_prior = np.log(np.bincount(rows) / len(rows))
        return self

    def predict(self, texts: Iterable[str]) -> list[str]:
        """The most probable label of each text."""
        return [str(self.labels[np.argmax(self._log_scores(text))]) for text in texts]

    def _log_scores(self, text: str) -> np.ndarray:
        columns = [self.column[gram] for gram in self._ngrams(text) if gram in self.column]
        return self.log_prior + self.log_likelihood[:, columns].sum(axis=1)

    def _ngrams(self, text: str) -> Iterator[str]:
        text = f"^{text.casefold()}$"  # where a name begins and ends tells much of its language
        for n in range(1, self.longest + 1):
            for start in range(len(text) - n + 1):
                yield text[start : start + n]


class LetterByLetter:
    """Spells a word in another script: each of its letters stands for a few letters of the source, wherever
    it is.

    Which stand for which is learned by aligning pairs of words: in each pair, a target letter takes the next
    0 to `longest` source letters, in the way that is most probable with the counts so far; then the counts
    are taken anew (hard expectation maximisation; Brown et al., The mathematics of statistical machine
    translation, 1993).
    """

    def __init__(self, longest: int = 4, rounds: int = 6):
        self.longest, self.rounds = longest, rounds

    def fit(self, sources: Sequence[str], targets: Sequence[str]) -> "LetterByLetter":
        """Aligns pairs of words, and returns itself."""
        self.counts: Counter[tuple[str, str]] = Counter()
        pairs = list(zip(sources, targets, strict=True))
        for source, target in pairs:  # at first every letter may stand for what lies at its place in the word
            for i, letter in enumerate(target):
                a, b = (round(k * len(source) / len(target)) for k in (i, i + 1))
                self.counts[source[a:b], letter] += 1
        for _ in range(self.rounds):
            self._add_up()
            self.counts = Counter(step for pair in pairs for step in self._aligned(*pair))
        self._add_up()
        return self

    def predict(self, sources: Iterable[str]) -> list[str]:
        """The most probable word in the other script for each."""
        return ["".join(letter for _, letter in self._spelled(source)) for source in sources]

    def _add_up(self) -> None:
        """log P(chunk | letter) + log P(letter), with half a count for what was never seen."""
        total = sum(self.counts.values())
        self.score = {step: math.log(n / total) for step, n in self.counts.items()}
        self.unseen = math.log(0.5 / total)
        self.by_chunk: defaultdict[str, list[str]] = defaultdict(list)
        for chunk, letter in self.counts:
            if chunk:
                self.by_chunk[chunk].append(letter)

    def _aligned(self, source: str, target: str) -> list[tuple[str, str]]:
        """Which chunk of the source each letter of the target stands for, in the most probable way."""
        best: dict[int, tuple[float, tuple]] = {0: (0.0, ())}
        for letter in target:
            following: dict[int, tuple[float, tuple]] = {}
            for place, (score, steps) in best.items():
                for end in range(place, min(place + self.longest, len(source)) + 1):
                    step = source[place:end], letter
                    found = score + self.score.get(step, self.unseen - len(step[0]))
                    if end not in following or found > following[end][0]:
                        following[end] = found, (steps, step)
            best = following
        return _in_order(best.get(len(source), (0.0, ()))[1])

    def _spelled(self, source: str) -> list[tuple[str, str]]:
        """The source cut into chunks with a letter for each, in the most probable way."""
        best: list[tuple[float, tuple]] = [(0.0, ())]
        for end in range(1, len(source) + 1):
            found = [
                (best[start][0] + self.score[chunk, letter], (best[start][1], (chunk, letter)))
                for start in range(max(0, end - self.longest), end)
                for chunk in [source[start:end]]
                for letter in self.by_chunk[chunk]
            ]
            skipped = best[-1][0] + self.unseen, best[-1][1]  # a source letter that stands for nothing
            best.append(max(found, key=lambda item: item[0]) if found else skipped)
        return _in_order(best[-1][1])


def _in_order(steps: tuple) -> list:
    """(((), first), second) as [first, second]."""
    found = []
    while steps:
        steps, step = steps
        found.append(step)
    return found[::-1]


def edit_distance(one: Sequence, other: Sequence) -> int:
    """How many insertions, deletions and replacements lead from one to the other (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


class ContextTags:
    """A label for every place of a text: the most frequent one among the places that looked alike in
    training.

    Alike are places with the same `reach` characters before and after; where these were not seen together,
    with fewer of them, down to none (backing off; Katz 1987, without the discounts).
    """

    def __init__(self, reach: int = 4):
        self.reach = reach

    def fit(self, text: str, labels: Sequence) -> "ContextTags":
        """Counts labels by context, one label per character, and returns itself."""
        counts: defaultdict[str, Counter] = defaultdict(Counter)
        for place, label in enumerate(labels):
            for context in self._contexts(text, place):
                counts[context][label] += 1
        self.best = {context: majority_class(found.elements()) for context, found in counts.items()}
        return self

    def predict(self, text: str) -> list:
        """A label for each character."""
        return [
            next(self.best[c] for c in self._contexts(text, place) if c in self.best)
            for place in range(len(text))
        ]

    def _contexts(self, text: str, place: int) -> Iterator[str]:
        """What is around a place, from the widest to nothing; the character itself belongs to what is
        before.
        """
        for width in range(2 * self.reach, -1, -1):
            before, after = (width + 1) // 2, width // 2
            yield f"{text[max(0, place + 1 - before) : place + 1]}|{text[place + 1 : place + 1 + after]}"


class NGramText:
    """The next character from the `longest` - 1 before it: a language model of counts.

    The estimate from a context is mixed with the one from the context a character shorter, the more so the
    more different characters have followed it, down to all characters alike (Witten and Bell, The
    zero-frequency problem, IEEE Transactions on Information Theory 37, 1991, method C).
    """

    def __init__(self, longest: int = 5):
        self.longest = longest

    def fit(self, text: str) -> "NGramText":
        """Counts what follows each context of `text`, and returns itself."""
        self.alphabet = set(text)
        self.following: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for end, character in enumerate(text):
            for start in range(max(0, end - self.longest + 1), end + 1):
                self.following[text[start:end]][character] += 1
        return self

    def probability(self, character: str, context: str) -> float:
        """P(character | context), above zero for characters that training has not shown too."""
        p = 1 / (len(self.alphabet) + 1)
        for start in range(len(context), max(-1, len(context) - self.longest), -1):
            seen = self.following.get(context[start:])
            if seen is None:
                break
            p = (seen[character] + len(seen) * p) / (seen.total() + len(seen))
        return p

    def bits_per_character(self, text: str) -> float:
        """The mean of -log2 P(character | those before it) over a text."""
        contexts = (text[max(0, end - self.longest) : end] for end in range(len(text)))
        p = [self.probability(*each) for each in zip(text, contexts, strict=True)]
        return -float(np.log2(p).mean())


def last_value(values: np.ndarray, horizon: int = 1) -> np.ndarray:
    """Forecasts (T,) of values (T,), each the value `horizon` steps before; the first `horizon` are NaN."""
    return seasonal_naive(values, 1, horizon)


def seasonal_naive(values: np.ndarray, period: int, horizon: int = 1) -> np.ndarray:
    """Forecasts (T,) of values (T,), each the latest value of the same season known `horizon` steps before.

    NaN where the series does not reach back so far; raises ValueError unless period and horizon are 1 or more
    (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 2021, section 5.2).
    """
    if period < 1 or horizon < 1:
        raise ValueError(f"seasonal_naive: period and horizon must be 1 or more, got {period} and {horizon}")
    values = np.asarray(values, np.float64)
    steps = period * -(-horizon // period)
    forecasts = np.full_like(values, np.nan)
    forecasts[steps:] = values[:-steps]
    return forecasts


def autoregression(values: np.ndarray, lags: int, horizon: int, train: int) -> np.ndarray:
    """Forecasts (T,) of values (T,), each linear in the latest `lags` values known `horizon` steps before.

    Least squares over the first `train` values; NaN where one of the `lags` values is missing. Raises
    ValueError unless lags and horizon are 1 or more and the training part determines the lags + 1 weights.
    """
    if lags < 1 or horizon < 1:
        raise ValueError(f"autoregression: lags and horizon must be 1 or more, got {lags} and {horizon}")
    values = np.asarray(values, np.float64)
    first = min(lags - 1 + horizon, len(values))  # the first value with enough of a past
    inputs = np.ones((len(values) - first, lags + 1))
    for lag in range(lags):
        inputs[:, lag] = values[lag : lag + len(inputs)]
    usable = ~np.isnan(inputs.sum(axis=1) + values[first:]) & (np.arange(first, len(values)) < train)
    if usable.sum() <= lags:
        raise ValueError(
            f"autoregression: {usable.sum()} whole windows train {lags + 1} weights; raise train"
        )
    weights = np.linalg.lstsq(inputs[usable], values[first:][usable])[0]
    return np.concatenate([np.full(first, np.nan), inputs @ weights])


def mean_absolute_error(forecasts: np.ndarray, values: np.ndarray) -> float:
    """The mean of |forecast - value| where neither is NaN, in the values' unit; ValueError if nowhere."""
    errors = np.abs(np.asarray(forecasts) - values)
    if np.isnan(errors).all():
        raise ValueError(f"mean_absolute_error: no place of {errors.shape} has both a forecast and a value")
    return float(np.nanmean(errors))

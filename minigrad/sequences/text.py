"""Text as numbers: tokenizers cut it up, a `Vocabulary` numbers the parts, `ContiguousBatches` reads on."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .. import ops
from ..dtypes import int64
from ..tensor import Tensor
from ..utils.data import Dataset

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")


# ---- tokenizers ------------------------------------------------------------------------------------------
def characters(text: str) -> list[str]:
    """Each character a token; `"".join` undoes it."""
    return list(text)


def words(text: str) -> list[str]:
    """Words, numbers and marks of punctuation, each a token: "Don't go!" gives ["Don't", "go", "!"]."""
    return _WORD.findall(text)


def byte_values(text: str) -> list[int]:
    """The text's bytes in UTF-8, numbers below 256 that need no vocabulary; `bytes` and `decode` go back."""
    return list(text.encode())


# ---- vocabulary ------------------------------------------------------------------------------------------
class Vocabulary:
    """Tokens, text or integers, and their numbers 0, 1, ...; made from all the tokens of a text.

    First come `specials` such as "<pad>" in the order given, then the tokens that occur `min_freq` times or
    more, frequent ones first, equally frequent ones sorted: the order of the text does not matter. `max_size`
    bounds the number of all, specials included. `unknown`, itself a special token, stands for tokens that
    have no number; without it they raise KeyError.

        vocabulary = Vocabulary(words("to be or not to be"), specials=["<pad>"], unknown="<unk>")
        vocabulary.tokens                          # ['<pad>', '<unk>', 'be', 'to', 'not', 'or']
        numbers = vocabulary.encode(["to", "see"])       # tensor([3, 1])
        vocabulary.decode(numbers)                       # ['to', '<unk>']
    """

    tokens: list
    unknown: Any

    def __init__(
        self,
        tokens: Iterable = (),
        *,
        min_freq: int = 1,
        max_size: int | None = None,
        specials: Iterable = (),
        unknown=None,
    ):
        first = list(specials)
        if unknown is not None and unknown not in first:
            first.append(unknown)
        if max_size is not None and max_size < len(first):
            raise ValueError(f"Vocabulary: max_size={max_size} leaves no room for {len(first)} specials")
        counts = Counter(tokens)
        frequent = [t for t, count in counts.items() if count >= min_freq and t not in first]
        try:
            frequent.sort(key=lambda token: (-counts[token], token))
        except TypeError as error:
            raise TypeError(
                f"Vocabulary: tokens must be all text or all integers, to have an order; {error}"
            ) from None
        room = None if max_size is None else max_size - len(first)
        self._number(first + frequent[:room], unknown)

    def _number(self, tokens: list, unknown) -> None:
        self.tokens, self.unknown = tokens, unknown
        self._numbers = {token: number for number, token in enumerate(tokens)}
        if len(self._numbers) < len(tokens):
            twice = [token for token, count in Counter(tokens).items() if count > 1]
            raise ValueError(f"Vocabulary: each token must be there once; twice are {twice[:5]}")
        if unknown is not None and unknown not in self._numbers:
            raise ValueError(f"Vocabulary: unknown={unknown!r} is not among the tokens")

    def __len__(self) -> int:
        return len(self.tokens)

    def __iter__(self) -> Iterator:
        return iter(self.tokens)

    def __contains__(self, token) -> bool:
        return token in self._numbers

    def __eq__(self, other) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self.tokens == other.tokens and self.unknown == other.unknown

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens, unknown={self.unknown!r})"

    def __getitem__(self, token) -> int:
        """A token's number."""
        number = self._numbers.get(token, self._numbers.get(self.unknown))
        if number is None:
            raise KeyError(
                f"Vocabulary: {token!r} is not among the {len(self)} tokens; make it with unknown='<unk>' "
                "for a number that stands for such tokens"
            )
        return number

    def encode(self, tokens: Iterable) -> Tensor:
        """The numbers of tokens, (T,) int64. Raises KeyError for one without number."""
        return ops.tensor([self[token] for token in tokens], dtype=int64)

    def decode(self, numbers: Tensor | Iterable[int]) -> list:
        """The tokens of numbers, (T,). Raises IndexError for a number that none has."""
        plain = numbers.tolist() if hasattr(numbers, "tolist") else list(numbers)
        wrong = [number for number in plain if not 0 <= number < len(self)]
        if wrong:
            raise IndexError(f"Vocabulary.decode: {wrong[0]} is not in [0, {len(self) - 1}]")
        return [self.tokens[number] for number in plain]

    # ---- keeping -----------------------------------------------------------------------------------------
    def state_dict(self) -> dict:
        """What `load_state_dict` makes an equal vocabulary of, in plain lists and text."""
        return {"tokens": list(self.tokens), "unknown": self.unknown}

    def load_state_dict(self, state_dict: dict) -> None:
        """Take the tokens of another vocabulary's `state_dict`."""
        missing = {"tokens", "unknown"} - set(state_dict)
        if missing:
            raise KeyError(f"Vocabulary.load_state_dict: {sorted(missing)} missing; is it another's state?")
        self._number(list(state_dict["tokens"]), state_dict["unknown"])

    def save(self, path: str | Path) -> None:
        """Write the tokens to a JSON file, in order."""
        Path(path).write_text(json.dumps(self.state_dict(), ensure_ascii=False, indent=0), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Vocabulary:
        """The vocabulary that `save` wrote."""
        made = cls()
        made.load_state_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        return made


# ---- one long text ---------------------------------------------------------------------------------------
class ContiguousBatches(Dataset[tuple[Tensor, Tensor]]):
    """Batches for truncated back-propagation through one long text, numbers (T,).

    The text is cut into `batch_size` columns of T // batch_size numbers, read side by side, `length` steps at
    a time: batch i is (inputs (L, N), targets (L, N)), the targets being what comes one step later. Column n
    of batch i + 1 goes on where column n of batch i ended, so that the state can be carried on (detached).
    The last batch may be shorter, and up to `batch_size` - 1 numbers at the end of the text are left out.
    With `overlap`, each batch begins with as many of the steps before it, for the state to warm up on: leave
    the first `overlap` targets out of the loss, in all but the first batch. `batch_first` gives (N, L).

        text = torch.arange(26)
        batches = ContiguousBatches(text, batch_size=2, length=5)
        inputs, targets = batches[0]  # inputs[:, 0] is 0..4, inputs[:, 1] is 13..17
        for inputs, targets in batches:
            ...

    Raises ValueError for a text of fewer than 2 steps per column.
    """

    def __init__(
        self,
        numbers: Tensor | Sequence[int],
        batch_size: int,
        length: int,
        *,
        overlap: int = 0,
        batch_first: bool = False,
    ):
        if batch_size < 1 or length < 1 or not 0 <= overlap < length:
            raise ValueError(
                "ContiguousBatches: batch_size and length must be positive and overlap less than length, "
                f"not {batch_size}, {length} and {overlap}"
            )
        text = ops.as_tensor(numbers)
        self.steps = len(text) // batch_size
        if self.steps < 2:
            raise ValueError(
                f"ContiguousBatches: {len(text)} numbers are too few for {batch_size} columns of an input "
                "and its target; pass a smaller batch_size"
            )
        rows = text[: self.steps * batch_size].reshape(batch_size, self.steps)
        self.columns = rows if batch_first else rows.t().contiguous()
        self.length, self.overlap, self.batch_first = length, overlap, batch_first

    def __len__(self) -> int:
        return max(1, -(-(self.steps - 1 - self.overlap) // (self.length - self.overlap)))

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"ContiguousBatches: batch {index} of {len(self)}")
        start = index % len(self) * (self.length - self.overlap)
        stop = min(start + self.length, self.steps - 1)
        if self.batch_first:
            return self.columns[:, start:stop], self.columns[:, start + 1 : stop + 1]
        return self.columns[start:stop], self.columns[start + 1 : stop + 1]

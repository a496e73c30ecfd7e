"""Surnames by language, names in two scripts, and a split of either that no spelling crosses."""

from hashlib import blake2b
from importlib.resources import files
from typing import NamedTuple

NameList = list[tuple[str, str]]


def surnames() -> NameList:
    """Pairs (surname, language): 19,076 surnames in 22 languages, in the order of languages, then names.

    Names are ASCII (letters, space, ``'``, ``-``), each once per language and in its masculine form where a
    language marks gender. A spelling that several languages share ("Martin") is there once for each, so that
    no classifier of spellings can be right on more than 95.6 % of the pairs: the number of spellings over the
    number of pairs. Source: the PyPI package faker, MIT licence (``LICENSES.md`` beside this file).
    """
    pairs, language = [], ""
    for line in files(__package__).joinpath("data/surnames.txt").read_text("ascii").splitlines():
        if line.startswith("# "):
            language = line[2:]
        else:
            pairs.append((line, language))
    return pairs


class Spelling(NamedTuple):
    """A name in the script of its language and in Latin letters."""

    native: str
    latin: str
    language: str


def spellings() -> list[Spelling]:
    """5,044 names in Armenian, Bulgarian, Georgian, Greek, Russian and Ukrainian, each in its own script and
    in Latin letters, in the order of languages, then names.

    Given names, surnames and patronymics; of the latter two the masculine form. The Latin spelling is made
    letter by letter (an apostrophe for what Latin lacks), so the way back is the hard one. Source: the PyPI
    packages faker (MIT licence) and anyascii.
    """
    found, language = [], ""
    for line in files(__package__).joinpath("data/spellings.txt").read_text("utf-8").splitlines():
        if line.startswith("# "):
            language = line[2:]
        else:
            native, latin = line.split(" ")
            found.append(Spelling(native, latin, language))
    return found


def split_by_name(pairs: NameList, held_out: float = 0.2, seed: int = 0) -> tuple[NameList, NameList]:
    """(training pairs, held-out pairs), with every pair of one spelling on the same side.

    The side hangs on the spelling (whatever its case) and `seed` alone, so it stays when names are added or
    reordered. For a third part, split the training pairs again with another `seed`. Raises ValueError unless
    0 < held_out < 1.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"split_by_name: held_out must lie between 0 and 1, got {held_out}")
    sides: tuple[NameList, NameList] = ([], [])
    for name, language in pairs:
        sides[_position(name, seed) < held_out].append((name, language))
    return sides


def _position(name: str, seed: int) -> float:
    """A number in [0, 1) that is as good as random and always the same."""
    digest = blake2b(f"{seed}:{name.casefold()}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64

"""Einstein summation: products of tensors whose dimensions are named by letters, as sums of batched matrix
products.

An equation such as "bqd,bkd->bqk" names each dimension of each operand; letters that the result does not have
are summed over. Operands are taken two at a time, left to right. For two of them every letter is of one of
four kinds, and permuting to (batch, left, summed) and (batch, summed, right) makes the step one matrix
product.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .arranging import diagonal
from .elementwise import mul
from .linalg import matmul
from .reduction import sum
from .shaping import expand_to, permute_to, reshape_to

if TYPE_CHECKING:
    from ..tensor import Tensor

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def einsum(equation, *operands) -> Tensor:
    """Products of the operands, summed over the letters that do not stand after '->'.

    An ellipsis stands for dimensions that broadcast. Without '->' the result has the letters that occur once,
    sorted. Instead of an equation each operand may be followed by a list of ints.
    """
    if not isinstance(equation, str):
        equation, operands = _from_lists((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    names, result = _parsed(equation.replace(" ", ""), operands)
    terms = [_without_repeats(t, n) for t, n in zip(operands, names)]
    sizes = _sizes(terms)
    for letter in result:
        if letter not in sizes:
            raise RuntimeError(
                f"einsum(): output subscript {letter} does not appear in the equation for any input operand"
            )
    total, held = terms[0]
    for i, (t, letters) in enumerate(terms[1:], 2):
        later = set(result).union(*[n for _, n in terms[i:]])
        total, held = _product_of_two(total, held, t, letters, later)
    total, held = _summed(total, held, set(result))
    wide = permute_to(total, tuple(held.index(letter) for letter in result))
    return wide


# ---- reading the equation ------------------------------------------------------------------------
def _from_lists(arguments: tuple) -> tuple[str, tuple]:
    """einsum(x, [0, 1], y, [1, 2], [0, 2]) as an equation and its operands."""

    def text(subscripts) -> str:
        if any(s is not Ellipsis and not 0 <= s < len(LETTERS) for s in subscripts):
            raise RuntimeError(
                f"einsum(): not within the valid range [0, {len(LETTERS)}): subscripts {list(subscripts)}"
            )
        return "".join("..." if s is Ellipsis else LETTERS[s] for s in subscripts)

    pairs = len(arguments) // 2
    inputs = ",".join(text(arguments[2 * i + 1]) for i in range(pairs))
    result = "->" + text(arguments[-1]) if len(arguments) % 2 else ""
    return inputs + result, arguments[: 2 * pairs : 2]


def _parsed(equation: str, operands: Sequence[Tensor]) -> tuple[list[list], list]:
    """The names of each operand's dimensions, and of the result's.

    Those of an ellipsis are ints, counted from the right.
    """
    left, arrow, right = equation.partition("->")
    inputs = left.split(",")
    if not operands:
        raise ValueError("einsum(): must specify the equation string and at least one operand")
    if len(inputs) != len(operands):
        raise RuntimeError(
            f"einsum(): {'fewer' if len(operands) < len(inputs) else 'more'} operands were provided than "
            f"specified in the equation {equation!r}: {len(operands)} against {len(inputs)}"
        )
    names = [_names(term, t.array.ndim, i) for i, (term, t) in enumerate(zip(inputs, operands))]
    dots = sorted({n for term in names for n in term if isinstance(n, int)})
    if arrow:
        return names, _names(right, right.replace("...", "").__len__() + len(dots), None, dots)
    letters = [n for term in names for n in term if isinstance(n, str)]
    return names, dots + sorted(n for n in set(letters) if letters.count(n) == 1)


def _names(term: str, ndim: int, operand: int | None, dots: list | None = None) -> list:
    """One name per dimension of a term."""
    before, ellipsis, after = term.partition("...")
    where = "output" if operand is None else f"operand {operand}"
    for letter in before + after:
        if letter not in LETTERS:
            raise RuntimeError(
                f"einsum(): invalid subscript given: {letter!r} in the {where}; "
                "subscripts must be in [a-zA-Z]"
            )
    covered = ndim - len(before) - len(after)
    if operand is not None and (covered < 0 or (covered and not ellipsis)):
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({len(before) + len(after)}) "
            "does not match the number of "
            f"dimensions ({ndim}) for {where}" + (" and no ellipsis was given" if not ellipsis else "")
        )
    if operand is None:
        if len(set(before + after)) != len(before + after):
            raise RuntimeError(f"einsum(): output subscript appears more than once in the output {term!r}")
        return [*before, *((dots or []) if ellipsis else []), *after]
    return [*before, *range(-covered, 0), *after]


def _without_repeats(t: Tensor, names: list) -> tuple[Tensor, list]:
    """A letter that an operand has twice names its diagonal."""
    for name in [n for i, n in enumerate(names) if n in names[:i]]:
        first = names.index(name)
        second = names.index(name, first + 1)
        if t.array.shape[first] != t.array.shape[second]:
            raise RuntimeError(
                f"einsum(): subscript {name} is repeated for an operand, but the sizes don't match: "
                f"{t.array.shape[second]} != {t.array.shape[first]}"
            )
        t = diagonal(t, 0, first, second)
        names = [n for i, n in enumerate(names) if i not in (first, second)] + [name]
    return t, names


def _sizes(terms: Sequence[tuple]) -> dict:
    """The size of each name; sizes of 1 broadcast."""
    sizes: dict = {}
    for i, (t, names) in enumerate(terms):
        for name, size in zip(names, t.array.shape):
            held = sizes.setdefault(name, size)
            if held == 1:
                sizes[name] = size
            elif size not in (1, held):
                raise RuntimeError(
                    f"einsum(): subscript {name} has size {size} for operand {i} which does not broadcast "
                    f"with previously seen size {held}"
                )
    return sizes


# ---- computing -----------------------------------------------------------------------------------
def _summed(t: Tensor, names: list, needed: set) -> tuple[Tensor, list]:
    """Sum over the dimensions whose name nothing needs any more."""
    axes = tuple(i for i, n in enumerate(names) if n not in needed)
    if not axes:
        return t, names
    return sum(t, axes), [n for n in names if n in needed]


def _product_of_two(x: Tensor, x_names: list, y: Tensor, y_names: list, later: set) -> tuple[Tensor, list]:
    """The product of two operands, summed over the names they share and nothing needs later."""
    x, x_names = _summed(x, x_names, later.union(y_names))
    y, y_names = _summed(y, y_names, later.union(x_names))
    x_size, y_size = (dict(zip(n, t.array.shape)) for n, t in ((x_names, x), (y_names, y)))
    both = [n for n in x_names if n in y_names]
    batch = [n for n in both if n in later]
    shared = [n for n in both if n not in later]
    left = [n for n in x_names if n not in both]
    right = [n for n in y_names if n not in both]
    for name in both:  # a size of 1 that broadcasts against the other's
        x = _widened(x, x_names, name, y_size[name])
        y = _widened(y, y_names, name, x_size[name])
    size = {n: max_size(x_size.get(n), y_size.get(n)) for n in (*batch, *shared, *left, *right)}
    count = {
        k: math.prod(size[n] for n in names)
        for k, names in (("b", batch), ("l", left), ("s", shared), ("r", right))
    }
    x = permute_to(x, tuple(x_names.index(n) for n in (*batch, *left, *shared)))
    y = permute_to(y, tuple(y_names.index(n) for n in (*batch, *shared, *right)))
    names = [*batch, *left, *right]
    if not shared:
        x = reshape_to(x, (*[size[n] for n in (*batch, *left)], *[1] * len(right)))
        y = reshape_to(y, (*[size[n] for n in batch], *[1] * len(left), *[size[n] for n in right]))
        return mul(x, y), names
    product = matmul(
        reshape_to(x, (count["b"], count["l"], count["s"])),
        reshape_to(y, (count["b"], count["s"], count["r"])),
    )
    return reshape_to(product, tuple(size[n] for n in names)), names


def max_size(a: int | None, b: int | None) -> int:
    """The size two dimensions broadcast to; either may be absent."""
    sizes = [n for n in (a, b) if n is not None]
    return sizes[0] if len(sizes) == 1 or sizes[1] == 1 else sizes[1]


def _widened(t: Tensor, names: list, name, size: int) -> Tensor:
    """A dimension of size 1 expanded to the other operand's."""
    place = names.index(name)
    if t.array.shape[place] == size or t.array.shape[place] != 1:
        return t
    shape = t.array.shape
    return expand_to(t, shape[:place] + (size,) + shape[place + 1 :])

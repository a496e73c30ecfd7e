"""How tensors print: character by character as in PyTorch, so that a script's output can be compared.

`tensor_repr` puts together the elements (`_elements`) and what is worth saying besides (`_suffixes`). All
numbers of a tensor are written one way, which `_writer` chooses by looking at them.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from . import dtypes
from .backend import device_of, to_numpy
from .engine import refresh
from .graph import name_of


class PrintOptions(NamedTuple):
    """Digits after the point, how many elements are printed in full, how many at an edge, and columns."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}
options = PROFILES["default"]


def set_printoptions(
    precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None
) -> None:
    """Change how tensors print; None keeps an option, but `sci_mode`, where None lets the numbers decide."""
    global options
    if profile is not None and profile not in PROFILES:
        raise ValueError(f"set_printoptions: profile {profile!r} is not one of {', '.join(PROFILES)}")
    wanted = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    start = options if profile is None else PROFILES[profile]
    options = start._replace(**changes, sci_mode=sci_mode)


def get_printoptions() -> dict[str, Any]:
    """The options in force, as `set_printoptions` takes them."""
    return options._asdict()


@contextlib.contextmanager
def printoptions(**changes) -> Iterator[None]:
    """`set_printoptions` until the end of the context."""
    before = get_printoptions()
    set_printoptions(**changes)
    try:
        yield
    finally:
        set_printoptions(**before)


def tensor_repr(t, contents: str | None = None) -> str:
    """What `print(tensor)` shows; `contents` takes the place of the elements."""
    own = type(t).__module__.startswith("minigrad.")  # a user's subclass prints by its own name
    prefix = "tensor(" if own else f"{type(t).__name__}("
    if contents is None:
        contents = _elements(to_numpy(t.array), len(prefix)) if t.array.size else "[]"
    return _joined(prefix + contents, _suffixes(t), len(prefix)) + ")"


# ---- what stands behind the elements -------------------------------------------------------------
def _suffixes(t) -> list[str]:
    """Device, size, dtype and place in the graph, each only where it is not what one expects."""
    found = []
    where, default, dtype = device_of(t.array), dtypes.get_default_dtype(), dtypes.of(t.array.dtype)
    if where.type != "cpu":
        found.append(f"device='{where}'")
    empty = t.array.size == 0
    if t.array.ndim != 1 if empty else not options.edgeitems:
        found.append(f"size={tuple(t.array.shape)}")
    if dtype not in ((default,) if empty else (default, default.to_complex(), dtypes.int64, dtypes.bool_)):
        found.append(f"dtype={dtype}")
    if t.base is not None:
        refresh(t)
    if t.node is not None:
        found.append(f"grad_fn=<{name_of(t.node)}>")
    elif t.tracked:
        found.append("requires_grad=True")
    return found


def _joined(text: str, suffixes: list[str], indent: int) -> str:
    """The suffixes after the text, each on a new line where it would not fit."""
    used = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        fits = used + len(suffix) + 2 <= options.linewidth
        text += (", " if fits else ",\n" + " " * indent) + suffix
        used = used + len(suffix) + 2 if fits else indent + len(suffix)
    return text


# ---- the elements --------------------------------------------------------------------------------
def _elements(array: np.ndarray, indent: int) -> str:
    """Nested brackets with the elements, of which only the edges are shown if there are many."""
    summarize = array.size > options.threshold
    shown = array[np.ix_(*map(_edges, array.shape))] if summarize else array
    if array.dtype.kind == "c":
        write, width = _complex_writer(shown)
    else:
        write, width = _writer(shown)
    if array.ndim == 0:
        return write(array.item())
    return _bracketed(array, indent, summarize, write, width)


def _edges(size: int) -> list[int]:
    """The places along a dimension that are printed when a tensor is summarised."""
    edge = options.edgeitems
    return list(range(size)) if size <= 2 * edge else [*range(edge), *range(size - edge, size)]


def _bracketed(array: np.ndarray, indent: int, summarize: bool, write: Callable, width: int) -> str:
    """One dimension: its parts between brackets, a blank line more between parts for each dimension below."""
    edge = options.edgeitems
    cut = summarize and len(array) > 2 * edge
    shown = [*array[:edge], *array[len(array) - edge :]] if cut else array
    if array.ndim == 1:
        texts = [write(value) for value in np.asarray(shown, array.dtype).tolist()]
    else:
        texts = [_bracketed(part, indent + 1, summarize, write, width) for part in shown]
    if cut:
        texts.insert(edge, " ..." if array.ndim == 1 and edge else "...")
    if array.ndim > 1:
        return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(texts) + "]"
    per_line = max(1, (options.linewidth - indent) // (width + 2))
    lines = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _writer(shown: np.ndarray) -> tuple[Callable[[Any], str], int]:
    """A function that writes any of these numbers, and the width it fills up to."""
    if shown.dtype.kind != "f":
        width = max((len(str(value)) for value in shown.reshape(-1).tolist()), default=1)
        return lambda value: str(value).rjust(width), width
    values = shown.reshape(-1).astype(np.float64)
    values = values[np.isfinite(values) & (values != 0)]
    scientific = _scientific(values)
    whole = not scientific and bool((values == np.ceil(values)).all())
    spec = ".0f" if whole else f".{options.precision}{'e' if scientific else 'f'}"
    point = "." if whole else ""
    width = max((len(format(value, spec) + point) for value in values.tolist()), default=1)

    def write(value: float) -> str:
        return (format(value, spec) + (point if math.isfinite(value) else "")).rjust(width)

    return write, width


def _scientific(values: np.ndarray) -> bool:
    """Whether finite numbers other than 0 are written with exponents: if very large, small, or unequal."""
    if not values.size or options.sci_mode is not None:
        return bool(values.size and options.sci_mode)
    sizes = np.abs(values)
    low, high = float(sizes.min()), float(sizes.max())
    return high / low > 1000.0 or high > 1e8 or low < 1e-4


def _complex_writer(shown: np.ndarray) -> tuple[Callable[[complex], str], int]:
    """`_writer` for complex numbers: the two parts are aligned each by itself."""
    write_real, real_width = _writer(shown.real)
    write_imag, imag_width = _writer(shown.imag)

    def write(value: complex) -> str:
        imag = write_imag(value.imag).lstrip()
        return write_real(value.real) + ("" if imag[0] in "+-" else "+") + imag + "j"

    return write, real_width + imag_width + 1

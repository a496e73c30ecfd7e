"""The names a pickle may speak of under `weights_only=True`, and the only things it may do with them.

The names of data are in `torch_names.SAFE`; a user may allow more. A call among the safe ones goes to a
function of this file that checks its arguments first; what a user allows is called as it is.
"""

from __future__ import annotations

import codecs
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from .. import backend, dtypes
from . import rebuild
from .errors import UnpicklingError
from .limits import Budget
from .tensors import Size
from .torch_names import SAFE, check_possible, current_name

#: Never looked up, not even if a user allows something from them.
BLOCKED_MODULES = frozenset(("sys", "os", "posix", "nt"))

_lock = threading.Lock()
_allowed: dict[
    str, Any
] = {}  # replaced whole, never changed in place: a load under way keeps the one it began with


# ---- what a user allows --------------------------------------------------------------------------
def add_safe_globals(safe_globals: list) -> None:
    """Let `load(weights_only=True)` use these classes and functions, or (object, 'full.name') pairs."""
    global _allowed
    added = dict(_named(item) for item in safe_globals)
    with _lock:
        _allowed = _allowed | added


def get_safe_globals() -> list:
    """What `add_safe_globals` has allowed so far."""
    return list(_allowed.values())


def clear_safe_globals() -> None:
    """Forget everything that `add_safe_globals` has allowed."""
    global _allowed
    with _lock:
        _allowed = {}


class safe_globals:
    """Context manager: within it these classes and functions are allowed as by `add_safe_globals`."""

    def __init__(self, safe_globals: list):
        self.safe_globals = safe_globals

    def __enter__(self) -> None:
        self.added = {_named(item)[0] for item in self.safe_globals} - _allowed.keys()
        add_safe_globals(self.safe_globals)

    def __exit__(self, *exception) -> None:
        global _allowed
        with _lock:
            _allowed = {name: value for name, value in _allowed.items() if name not in self.added}


def _named(item) -> tuple[str, Any]:
    """The full name under which a pickle would speak of `item`, and the object itself."""
    if not isinstance(item, tuple):
        return ".".join(current_name(item.__module__, item.__qualname__)), item
    if len(item) != 2:
        raise ValueError(
            f"add_safe_globals: a tuple must be (object, 'full.name'), not of length {len(item)}"
        )
    if type(item[1]) is not str:
        raise TypeError(f"add_safe_globals: the second of a pair must be the full name, not {type(item[1])}")
    module, _, name = item[1].rpartition(".")
    return ".".join(current_name(module, name)), item[0]


# ---- what a pickle may do ------------------------------------------------------------------------
class SafeGlobals:
    """Looks names up and carries out calls for one load."""

    def __init__(self, budget: Budget):
        self.budget = budget
        self.allowed = _allowed
        self.types = tuple(item for item in _allowed.values() if isinstance(item, type))
        budget.key_types |= {dtypes.dtype, backend.device, Size, *self.types}

    def find(self, module: str, name: str) -> Any:
        """The object that `module.name` stands for; refuses what is neither safe nor allowed by the user."""
        module, name = current_name(module, name)
        full = f"{module}.{name}"
        if module in BLOCKED_MODULES:
            raise UnpicklingError(
                f"weights_only=True never admits {full!r:.200}: module {module!r} is blocked"
            )
        if full in SAFE:
            return SAFE[full]
        if full in self.allowed:
            return self.allowed[full]
        if module.partition(".")[0] == "torch":
            check_possible(module, name)
            for ours in self.allowed.values():
                if _same_place(module, name, ours):
                    return ours
        raise UnpicklingError(
            f"weights_only=True does not admit the global {full!r:.200}; if you trust this file, allow it "
            f"with serialization.add_safe_globals([{name:.100}]) or load with weights_only=False"
        )

    def allows(self, item) -> bool:
        """Whether the user has allowed this very object."""
        return any(item is allowed for allowed in self.allowed.values())

    def call(self, function, arguments):
        """What the pickle's `function(*arguments)` gives."""
        if type(arguments) is not tuple:
            raise UnpicklingError("a call's arguments are no tuple")
        if callable(function) and not self.allows(function):
            for known, action in CALLS:
                if function is known:
                    return action(self.budget, *arguments)
        elif callable(function):
            return function(*arguments)
        raise UnpicklingError(
            f"the pickle calls something that must not be called: {type(function).__name__}"
        )

    def new(self, cls, arguments):
        """An uninitialised object of a class that the user has allowed."""
        if not isinstance(cls, type) or not self.allows(cls):
            name = getattr(cls, "__qualname__", type(cls).__name__)  # not its repr, which may be endless
            raise UnpicklingError(f"the pickle makes an object of a class that is not allowed: {name!s:.100}")
        return cls.__new__(cls, *arguments)

    def set_state(self, target, state) -> None:
        """Give an object its attributes: an OrderedDict's `_metadata`, or what an allowed class takes."""
        if type(target) is OrderedDict:
            _set_attributes(target, state)
        elif not self.allows(type(target)):
            raise UnpicklingError(
                f"the pickle sets the state of a {type(target).__name__}, which is not allowed"
            )
        elif hasattr(target, "__setstate__"):
            target.__setstate__(state)
        else:
            plain, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
            target.__dict__.update(plain or {})
            for name, value in (slots or {}).items():
                setattr(target, name, value)


def is_known(full: str) -> bool:
    """Whether a pickle may speak of a name: it is one of data, or the user has allowed it."""
    return full.rpartition(".")[0] not in BLOCKED_MODULES and (full in SAFE or full in _allowed)


def _same_place(module: str, name: str, ours) -> bool:
    """Whether PyTorch's `module.name` (torch.nn.modules.linear.Linear) is this class of minigrad.nn."""
    here = getattr(ours, "__module__", "").split(".")
    there = module.split(".")
    return here[0] == "minigrad" and here[1:2] == there[1:2] and getattr(ours, "__qualname__", "") == name


def _set_attributes(target: OrderedDict, state) -> None:
    if type(state) is not dict or any(type(k) is not str or hasattr(OrderedDict, k) for k in state):
        raise UnpicklingError("an OrderedDict's attributes are no dict, or would hide its methods")
    target.__dict__.update(state)


def _ordered_dict(budget: Budget, pairs=()) -> OrderedDict:
    if type(pairs) not in (list, tuple):
        raise UnpicklingError("an OrderedDict is made from something other than a list of pairs")
    if any(type(pair) not in (list, tuple) or len(pair) != 2 for pair in pairs):
        raise UnpicklingError("an OrderedDict is made from items that are no pairs")
    budget.charge(len(pairs))
    budget.check_keys(key for key, _ in pairs)
    return OrderedDict(pairs)


def _counter(budget: Budget, counts=None) -> Counter:
    counts = {} if counts is None else counts
    if type(counts) is not dict:
        raise UnpicklingError("a Counter is made from something other than a dict")
    budget.charge(len(counts))
    return Counter(counts)


def _set(budget: Budget, items=()) -> set:
    if type(items) not in (list, tuple):
        raise UnpicklingError("a set is made from something other than a list")
    budget.check_keys(items)
    return set(items)


def _encode(budget: Budget, text, encoding) -> bytes:
    """How protocol 2 writes bytes: as the text whose Latin-1 code they are."""
    if type(text) is not str or type(encoding) is not str or encoding not in ("latin1", "latin-1"):
        raise UnpicklingError("bytes are made from something other than Latin-1 text")
    budget.charge(len(text))
    return text.encode("latin1")


def _bytes(budget: Budget) -> bytes:
    return b""


def _bytearray(budget: Budget, data=b"", encoding=None) -> bytearray:
    """From bytes alone: an integer would ask for that many zeros."""
    data = data if encoding is None else _encode(budget, data, encoding)
    if type(data) is not bytes:
        raise UnpicklingError("a bytearray is made from something other than bytes")
    budget.charge(len(data))
    return bytearray(data)


def _complex(budget: Budget, real, imag) -> complex:
    if type(real) not in (int, float) or type(imag) not in (int, float):
        raise UnpicklingError("a complex number is made from something other than two numbers")
    return complex(real, imag)


def _size(budget: Budget, sizes=()) -> Size:
    if type(sizes) is not tuple or any(type(n) is not int or n.bit_length() > 63 for n in sizes):
        raise UnpicklingError("a Size is made from something other than a tuple of whole numbers")
    budget.charge(len(sizes))
    return Size(sizes)


def _device(budget: Budget, kind, index=None) -> backend.device:
    if type(kind) is not str or len(kind) > 40 or type(index) not in (int, type(None)):
        raise UnpicklingError("a device is made from something other than its name")
    try:
        return backend.device(kind, index)
    except RuntimeError as error:
        raise UnpicklingError(str(error)) from error


def _unbudgeted(function: Callable) -> tuple[Callable, Callable]:
    """A function that checks its arguments itself."""
    return function, lambda budget, *arguments: function(*arguments)


#: (what the pickle calls, what is done instead)
CALLS: tuple[tuple[Any, Callable], ...] = (
    _unbudgeted(rebuild._rebuild_tensor_v2),
    _unbudgeted(rebuild._rebuild_parameter),
    (OrderedDict, _ordered_dict),
    _unbudgeted(rebuild._rebuild_tensor_v3),
    _unbudgeted(rebuild._rebuild_parameter_with_state),
    _unbudgeted(rebuild._rebuild_from_type_v2),
    _unbudgeted(rebuild._rebuild_tensor),
    (Counter, _counter),
    (set, _set),
    (codecs.encode, _encode),
    (bytes, _bytes),
    (bytearray, _bytearray),
    (complex, _complex),
    (Size, _size),
    (backend.device, _device),
)

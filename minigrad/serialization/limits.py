"""What a pickle may cost: time and memory linear in its own length, whatever it says.

A pickle of a few bytes can describe an object whose hash, copy or text is astronomically large, by sharing
its parts. Work of that kind is charged to a budget; keys are kept simple; depth is bounded.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Any

from .errors import UnpicklingError

MAX_DEPTH = 500
MAX_KEY_PARTS = 256
#: Items or bytes to be hashed, copied or repeated: so many for each byte of the pickle, and to begin with.
BUDGET_PER_BYTE, BUDGET_AT_START = 64, 2**20
_CONTAINERS = frozenset((list, tuple, set, frozenset, dict, OrderedDict, Counter))


class Budget:
    """What is left to spend on a pickle of `size` bytes; `key_types` are the types that may be keys."""

    def __init__(self, size: int, key_types: tuple[type, ...] = ()):
        self.left = BUDGET_AT_START + BUDGET_PER_BYTE * size
        self.key_types = frozenset((str, int, float, bool, bytes, type(None), *key_types))

    def charge(self, amount: int) -> None:
        """Pay for work that the pickle's own length does not bound."""
        self.left -= amount
        if self.left < 0:
            raise UnpicklingError(
                "the pickle repeats or copies its parts beyond measure: the file is hostile"
            )

    def check_key(self, key) -> None:
        """Refuse keys whose hash could take long: deep or shared tuples, huge integers, objects."""
        waiting, parts, cost = [key], 1, 0
        while waiting:
            item = waiting.pop()
            size = len(item) if isinstance(item, (str, bytes, tuple)) else 0
            cost += 1 + size
            if type(item) is tuple and parts + size <= MAX_KEY_PARTS:
                waiting += item
                parts += size
            elif type(item) not in self.key_types or (type(item) is int and item.bit_length() > 64):
                raise UnpicklingError(f"a key is, or holds, a {type(item).__name__} that is not plain enough")
        self.charge(cost)

    def check_keys(self, keys) -> None:
        for key in keys:
            self.check_key(key)

    def check_shape(self, root) -> None:
        """Refuse what is nested too deep, or grows past the budget when its shared parts are written out.

        Walked children first, without recursion; `sizes` holds depth and written-out size of each finished
        container.
        """
        sizes: dict[int, tuple[int, int]] = {}
        opened: set[int] = set()
        stack: list[tuple[Any, list | None]] = [(root, None)]
        while stack:
            item, parts = stack.pop()
            if parts is not None:  # the parts themselves are done
                sizes[id(item)] = self._measure(parts, sizes)
            elif type(item) in _CONTAINERS and id(item) not in opened:
                opened.add(id(item))
                parts = _parts(item)
                stack.append((item, parts))
                stack += [(part, None) for part in parts]

    def _measure(self, parts: list, sizes: dict[int, tuple[int, int]]) -> tuple[int, int]:
        inner = [sizes.get(id(part), (0, 1)) for part in parts]
        depth = 1 + max((depth for depth, _ in inner), default=0)
        size = 1 + sum(size for _, size in inner)
        if depth > MAX_DEPTH:
            raise UnpicklingError(f"the pickle nests containers more than {MAX_DEPTH} deep")
        if size > self.left:
            raise UnpicklingError("the pickle shares its parts so often that it is endless when written out")
        return depth, size


def _parts(item) -> list:
    """The parts of a container, a dict's keys among them."""
    if type(item) in (list, tuple, set, frozenset):
        return list(item)
    return [*item, *item.values(), *getattr(item, "__dict__", {}).values()]

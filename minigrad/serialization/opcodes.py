"""The pickle instructions that build data, one small function each: what they do to the machine's stack.

Codes and meanings are those of Python's `pickletools`; the instructions that only program-like pickles need
(the text instructions of protocol 0, INST, OBJ, EXT, POP, DUP) are missing on purpose.
"""

from __future__ import annotations

import pickle
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from .errors import UnpicklingError

if TYPE_CHECKING:
    from .unpickler import Machine

STOP = pickle.STOP[0]


# ---- values --------------------------------------------------------------------------------------
def _constant(value) -> Callable[[Machine], None]:
    return lambda m: m.stack.append(value)


def _fresh(kind: type) -> Callable[[Machine], None]:
    return lambda m: m.stack.append(kind())


def _unsigned(size: int) -> Callable[[Machine], None]:
    return lambda m: m.stack.append(m.number(size))


def _signed(m: Machine) -> None:
    m.stack.append(int.from_bytes(m.take(4), "little", signed=True))


def _long(m: Machine) -> None:
    m.stack.append(int.from_bytes(m.take(m.number(1)), "little", signed=True))


def _float(m: Machine) -> None:
    m.stack.append(struct.unpack(">d", m.take(8))[0])


def _text(size: int) -> Callable[[Machine], None]:
    return lambda m: m.stack.append(str(m.take(m.number(size)), "utf-8", "surrogatepass"))


def _bytes(size: int) -> Callable[[Machine], None]:
    return lambda m: m.stack.append(m.take(m.number(size)))


def _bytearray(m: Machine) -> None:
    m.stack.append(bytearray(m.take(m.number(8))))


def _python2_text(size: int) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        data = m.take(m.number(size))
        m.stack.append(data if m.encoding == "bytes" else data.decode(m.encoding))

    return action


# ---- containers ----------------------------------------------------------------------------------
def _mark(m: Machine) -> None:
    m.marks.append(m.stack)
    m.stack = []


def _tuple(m: Machine) -> None:
    items = tuple(m.pop_mark())
    m.stack.append(items)


def _short_tuple(size: int) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        if len(m.stack) < size:
            raise IndexError("stack underflow")
        m.stack[-size:] = [tuple(m.stack[-size:])]

    return action


def _append(m: Machine) -> None:
    item = m.stack.pop()
    _expect(m, list).append(item)


def _appends(m: Machine) -> None:
    items = m.pop_mark()
    _expect(m, list).extend(items)


def _set_item(m: Machine) -> None:
    value, key = m.stack.pop(), m.stack.pop()
    _set_items_of(m, [key, value])


def _set_items(m: Machine) -> None:
    _set_items_of(m, m.pop_mark())


def _set_items_of(m: Machine, items: list) -> None:
    target = _expect(m, dict, OrderedDict, Counter)
    m.budget.check_keys(items[::2])
    target.update(zip(items[::2], items[1::2], strict=True))


def _add_items(m: Machine) -> None:
    items = m.pop_mark()
    m.budget.check_keys(items)
    _expect(m, set).update(items)


def _frozen_set(m: Machine) -> None:
    items = m.pop_mark()
    m.budget.check_keys(items)
    m.stack.append(frozenset(items))


def _expect(m: Machine, *kinds: type):
    """The object on top of the stack, which must be exactly of one of these types."""
    target = m.stack[-1]
    if type(target) not in kinds and not m.globals.allows(type(target)):
        raise UnpicklingError(f"items are put into a {type(target).__name__}, which cannot take them")
    return target


# ---- sharing -------------------------------------------------------------------------------------
def _put(size: int) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        m.memo[m.number(size)] = m.stack[-1]

    return action


def _memoize(m: Machine) -> None:
    m.memo[len(m.memo)] = m.stack[-1]


def _get(size: int) -> Callable[[Machine], None]:
    return lambda m: m.stack.append(m.memo[m.number(size)])


# ---- globals and calls ---------------------------------------------------------------------------
def _global(m: Machine) -> None:
    module, name = m.line(), m.line()
    m.stack.append(m.globals.find(module, name))


def _stack_global(m: Machine) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    if type(module) is not str or type(name) is not str:
        raise UnpicklingError("a global is named by something that is no text")
    m.stack.append(m.globals.find(module, name))


def _reduce(m: Machine) -> None:
    arguments = m.stack.pop()
    m.stack[-1] = m.globals.call(m.stack[-1], arguments)


def _new_object(m: Machine) -> None:
    arguments = m.stack.pop()
    m.stack[-1] = m.globals.new(m.stack[-1], arguments)


def _build(m: Machine) -> None:
    state = m.stack.pop()
    m.globals.set_state(m.stack[-1], state)


def _persistent(m: Machine) -> None:
    identity = m.stack.pop()
    m.inside = False  # a function given as map_location may fail in its own way
    m.stack.append(m.persistent_load(identity))
    m.inside = True


def _skip(size: int) -> Callable[[Machine], None]:
    """PROTO and FRAME: their arguments say nothing that is needed."""

    def action(m: Machine) -> None:
        m.take(size)

    return action


OPCODES: dict[int, Callable[[Machine], None]] = {
    code[0]: action
    for code, action in (
        (pickle.PROTO, _skip(1)),
        (pickle.FRAME, _skip(8)),
        (pickle.NONE, _constant(None)),
        (pickle.NEWTRUE, _constant(True)),
        (pickle.NEWFALSE, _constant(False)),
        (pickle.BININT, _signed),
        (pickle.BININT1, _unsigned(1)),
        (pickle.BININT2, _unsigned(2)),
        (pickle.LONG1, _long),
        (pickle.BINFLOAT, _float),
        (pickle.SHORT_BINUNICODE, _text(1)),
        (pickle.BINUNICODE, _text(4)),
        (pickle.BINUNICODE8, _text(8)),
        (pickle.SHORT_BINBYTES, _bytes(1)),
        (pickle.BINBYTES, _bytes(4)),
        (pickle.BINBYTES8, _bytes(8)),
        (pickle.BYTEARRAY8, _bytearray),
        (pickle.SHORT_BINSTRING, _python2_text(1)),
        (pickle.BINSTRING, _python2_text(4)),
        (pickle.EMPTY_TUPLE, _constant(())),
        (pickle.EMPTY_LIST, _fresh(list)),
        (pickle.EMPTY_DICT, _fresh(dict)),
        (pickle.EMPTY_SET, _fresh(set)),
        (pickle.MARK, _mark),
        (pickle.TUPLE, _tuple),
        (pickle.TUPLE1, _short_tuple(1)),
        (pickle.TUPLE2, _short_tuple(2)),
        (pickle.TUPLE3, _short_tuple(3)),
        (pickle.APPEND, _append),
        (pickle.APPENDS, _appends),
        (pickle.SETITEM, _set_item),
        (pickle.SETITEMS, _set_items),
        (pickle.ADDITEMS, _add_items),
        (pickle.FROZENSET, _frozen_set),
        (pickle.BINPUT, _put(1)),
        (pickle.LONG_BINPUT, _put(4)),
        (pickle.MEMOIZE, _memoize),
        (pickle.BINGET, _get(1)),
        (pickle.LONG_BINGET, _get(4)),
        (pickle.GLOBAL, _global),
        (pickle.STACK_GLOBAL, _stack_global),
        (pickle.REDUCE, _reduce),
        (pickle.NEWOBJ, _new_object),
        (pickle.BUILD, _build),
        (pickle.BINPERSID, _persistent),
    )
}

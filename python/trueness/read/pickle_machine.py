"""A pickle interpreter that can build plain data and nothing else.

It imports nothing and calls only functions handed in by the user of this module. Every opcode not
needed for plain data (INST, OBJ, NEWOBJ, EXT, buffers ...) is refused, every length is checked
against the input, and the number of steps is bounded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

MAX_STEPS = 20_000_000
MAX_LONG_BYTES = 1024

Resolve = Callable[[str, str], object]
PersistentLoad = Callable[[object], object]


class PickleError(ValueError):
    """The stream is not one of plain data; `position` is the byte of the offending opcode."""

    def __init__(self, position: int, expected: str, found: str) -> None:
        super().__init__(f"byte {position}: expected {expected}, found {found}")
        self.position = position
        self.expected = expected
        self.found = found


class Function:
    """Something a pickle may call: REDUCE applies `call` to its arguments."""

    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Callable[..., object]) -> None:
        self.name = name
        self.call = call


class _Mark:
    pass


_MARK = _Mark()


class PickleMachine:
    """Runs one pickle. `resolve(module, name)` gives the stand-in for a global, or raises;
    `persistent_load` the object behind a persistent id."""

    def __init__(self, data: bytes, resolve: Resolve, persistent_load: PersistentLoad) -> None:
        self._data = data
        self._at = 0
        self._start = 0
        self._stack: list[Any] = []
        self._memo: dict[int, object] = {}
        self._resolve = resolve
        self._persistent_load = persistent_load

    def run(self) -> object:
        """The pickled object. Raises PickleError."""
        data, steps = self._data, _STEPS
        for _ in range(MAX_STEPS):
            at = self._start = self._at
            if at == len(data):
                raise self._refuse("another opcode", "the end of the pickle")
            code = data[at]
            self._at = at + 1
            if code == _STOP:
                return self._pop()
            step = steps.get(code)
            if step is None:
                raise self._refuse("an opcode of plain data", f"opcode {code:#04x}")
            step(self)
        raise self._refuse(f"at most {MAX_STEPS} opcodes", "more")

    def _refuse(self, expected: str, found: str) -> PickleError:
        return PickleError(self._start, expected, found)

    def _take(self, count: int) -> bytes:
        left = len(self._data) - self._at
        if count > left:
            raise self._refuse(f"{count} more bytes", f"{left}")
        self._at += count
        return self._data[self._at - count : self._at]

    def _byte(self) -> int:
        return self._take(1)[0]

    def _number(self, layout: struct.Struct) -> Any:
        return layout.unpack(self._take(layout.size))[0]

    def _line(self) -> str:
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise self._refuse("a line", "the end of the pickle")
        return self._text(self._take(end - self._at + 1)[:-1])

    def _text(self, data: bytes) -> str:
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise self._refuse("UTF-8 text", str(error)) from error

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise self._refuse("a value on the stack", "none")
        return self._stack.pop()

    def _top(self, kind: type, name: str) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            raise self._refuse(f"{name} on the stack", "something else")
        return self._stack[-1]

    def _pop_to_mark(self) -> list[Any]:
        for i in range(len(self._stack) - 1, -1, -1):
            if self._stack[i] is _MARK:
                items = self._stack[i + 1 :]
                del self._stack[i:]
                return items
        raise self._refuse("a mark on the stack", "none")

    def _tuple(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._push(tuple(reversed(items)))

    def _append(self, items: list[Any]) -> None:
        self._top(list, "a list").extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._top(dict, "a dictionary")
        if len(items) % 2:
            raise self._refuse("keys and values in pairs", f"{len(items)} objects")
        for key, value in zip(items[::2], items[1::2], strict=True):
            self._check_key(key)
            target[key] = value

    def _check_key(self, key: object) -> None:
        # Large integers and tuples can be chosen to collide in a hash table.
        small = isinstance(key, int) and -(1 << 63) <= key < 1 << 64
        if not (small or key is None or isinstance(key, str | bytes | float)):
            raise self._refuse("a plain dictionary key", type(key).__name__)

    def _long(self, count: int) -> None:
        if not 0 <= count <= MAX_LONG_BYTES:
            raise self._refuse(f"an integer of at most {MAX_LONG_BYTES} bytes", f"{count}")
        self._push(int.from_bytes(self._take(count), "little", signed=True))

    def _decimal(self) -> None:
        text = self._line().removesuffix("L")
        special = {"00": False, "01": True}
        try:
            self._push(special[text] if text in special else int(text))
        except ValueError as error:
            raise self._refuse("a decimal integer", repr(text[:40])) from error

    def _float(self) -> None:
        text = self._line()
        try:
            self._push(float(text))
        except ValueError as error:
            raise self._refuse("a decimal number", repr(text[:40])) from error

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise self._refuse("a memo entry that was stored", f"number {index}")
        self._push(self._memo[index])

    def _put(self, index: int) -> None:
        if not self._stack or self._stack[-1] is _MARK:
            raise self._refuse("a value to remember", "none")
        self._memo[index] = self._stack[-1]

    def _line_index(self) -> int:
        self._decimal()
        return int(self._pop())

    def _global(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise self._refuse("the name of a global", "another object")
        try:
            self._push(self._resolve(module, name))
        except LookupError as error:
            raise self._refuse("only tensors and plain data", f"global {error.args[0]}") from error

    def _reduce(self) -> None:
        arguments = self._pop()
        function = self._pop()
        if not isinstance(function, Function) or not isinstance(arguments, tuple):
            found = f"a call of {type(function).__name__}"
            raise self._refuse("a call that rebuilds a tensor", found)
        try:
            self._push(function.call(*arguments))
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise self._refuse(f"valid arguments of {function.name}", str(error)) from error

    def _build(self) -> None:
        # The state of a dictionary is a module's bookkeeping (`_metadata`); it holds no tensors.
        self._pop()
        self._top(dict, "a dictionary")

    def _persistent(self, identity: object) -> None:
        try:
            self._push(self._persistent_load(identity))
        except (TypeError, ValueError, LookupError) as error:
            raise self._refuse("a reference to a storage", str(error)) from error


_U1, _U2, _I4 = struct.Struct("<B"), struct.Struct("<H"), struct.Struct("<i")
_U4, _U8, _F8 = struct.Struct("<I"), struct.Struct("<Q"), struct.Struct(">d")
_STOP = ord(".")

Step = Callable[[PickleMachine], object]


def _text_of(size: struct.Struct) -> Step:
    return lambda m: m._push(m._text(m._take(m._number(size))))


def _bytes_of(size: struct.Struct) -> Step:
    return lambda m: m._push(m._take(m._number(size)))


def _constant(value: object) -> Step:
    return lambda m: m._push(value)


def _stack_global(m: PickleMachine) -> None:
    name = m._pop()
    m._global(m._pop(), name)


def _set_item(m: PickleMachine) -> None:
    value = m._pop()
    m._set_items([m._pop(), value])


def _dictionary(m: PickleMachine) -> None:
    items = m._pop_to_mark()
    m._push({})
    m._set_items(items)


_NAMED_STEPS: Mapping[str, Step] = {
    "\x80": lambda m: m._take(1),  # PROTO
    "\x95": lambda m: m._take(8),  # FRAME
    "(": _constant(_MARK),
    "0": lambda m: m._stack.pop() if m._stack else m._pop(),  # POP, also of a mark
    "1": lambda m: m._pop_to_mark(),
    "2": lambda m: m._push(m._top(object, "a value")),  # DUP
    "N": _constant(None),
    "\x88": _constant(True),
    "\x89": _constant(False),
    "I": lambda m: m._decimal(),
    "L": lambda m: m._decimal(),
    "J": lambda m: m._push(m._number(_I4)),
    "K": lambda m: m._push(m._byte()),
    "M": lambda m: m._push(m._number(_U2)),
    "\x8a": lambda m: m._long(m._number(_U1)),
    "\x8b": lambda m: m._long(m._number(_I4)),
    "F": lambda m: m._float(),
    "G": lambda m: m._push(m._number(_F8)),
    "X": _text_of(_U4),
    "\x8c": _text_of(_U1),
    "\x8d": _text_of(_U8),
    "B": _bytes_of(_U4),
    "C": _bytes_of(_U1),
    "\x8e": _bytes_of(_U8),
    "]": lambda m: m._push([]),
    "}": lambda m: m._push({}),
    "\x8f": lambda m: m._push([]),  # EMPTY_SET: its order and hashing are of no interest here
    ")": _constant(()),
    "l": lambda m: m._push(m._pop_to_mark()),
    "t": lambda m: m._push(tuple(m._pop_to_mark())),
    "\x91": lambda m: m._push(m._pop_to_mark()),  # FROZENSET
    "d": _dictionary,
    "\x85": lambda m: m._tuple(1),
    "\x86": lambda m: m._tuple(2),
    "\x87": lambda m: m._tuple(3),
    "a": lambda m: m._append([m._pop()]),
    "e": lambda m: m._append(m._pop_to_mark()),
    "\x90": lambda m: m._append(m._pop_to_mark()),  # ADDITEMS
    "s": _set_item,
    "u": lambda m: m._set_items(m._pop_to_mark()),
    "g": lambda m: m._get(m._line_index()),
    "h": lambda m: m._get(m._byte()),
    "j": lambda m: m._get(m._number(_U4)),
    "p": lambda m: m._put(m._line_index()),
    "q": lambda m: m._put(m._byte()),
    "r": lambda m: m._put(m._number(_U4)),
    "\x94": lambda m: m._put(len(m._memo)),  # MEMOIZE
    "c": lambda m: m._global(m._line(), m._line()),
    "\x93": _stack_global,
    "R": lambda m: m._reduce(),
    "b": lambda m: m._build(),
    "P": lambda m: m._persistent(m._line()),
    "Q": lambda m: m._persistent(m._pop()),
}
_STEPS: dict[int, Step] = {ord(code): step for code, step in _NAMED_STEPS.items()}

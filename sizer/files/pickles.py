"""Pickled bytes become a tree of inert values: the opcodes are read, and nothing that they name is imported or called.

Python's own unpickler calls what a pickle tells it to. This one has no way to: a class is its name, an object is what it
would have been made of. Long strings of bytes, which are weights, stay where they are.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sizer.errors import quoted
from sizer.files.byte_sources import Cursor
from sizer.files.limits import unread

KEPT = 4_096
"""Bytes of a string or a number that are kept; longer ones are weights, and skipped."""
LONGEST_NUMBER = 256
"""Bytes of a number: no size needs more than 8."""


@dataclass(frozen=True, slots=True)
class Named:
    """A class or a function that the pickle names; what would have been imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class SkippedBytes:
    """Bytes, or a text, that stay in the file."""

    start: int
    length: int


class PickledTable:
    """A dictionary, its entries in their order; keys may be anything here."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[tuple[Any, Any]] = []

    def words(self) -> dict[str, Any]:
        """Return the entries whose keys are words; the last one counts where a key occurs twice, as in Python."""
        return {key: value for key, value in self.entries if isinstance(key, str)}


@dataclass(frozen=True, slots=True)
class Persistent:
    """Something that stands elsewhere, by what the pickle calls it."""

    identity: Any


class PickledObject:
    """An object: what would have been called with what, and what it would have been given afterwards."""

    __slots__ = ("arguments", "called", "entries", "items", "state")

    def __init__(self, called: Any, arguments: Any) -> None:
        self.called = called
        """A `Named`, or whatever else stood there."""
        self.arguments: Any = arguments
        self.state: Any = None
        self.items: list[Any] = []
        self.entries = PickledTable()

    @property
    def kind(self) -> str:
        """The name of the class or the function; empty where it has none."""
        called = self.called
        if called in RECONSTRUCTORS and isinstance(self.arguments, tuple) and self.arguments:
            called = self.arguments[0]
        if isinstance(called, Persistent) and isinstance(called.identity, tuple) and len(called.identity) > 1:
            # PyTorch's older pickles name a module's class with its source beside it: ("module", class, file, source).
            called = called.identity[1]
        return str(called) if isinstance(called, Named) else ""


RECONSTRUCTORS = (
    Named("copy_reg", "_reconstructor"),
    Named("copyreg", "_reconstructor"),
    Named("copyreg", "__newobj__"),
    Named("copy_reg", "__newobj__"),
)
"""What makes an object of the class that is its first argument."""


class _Mark:
    """Where a list begins on the stack."""


_MARK = _Mark()


class Unpickler:
    """Reads pickles one behind the other."""

    def __init__(self, cursor: Cursor, on_made: Callable[[PickledObject, Cursor], None] | None = None) -> None:
        """Read from where the cursor stands.

        Args:
            cursor: moves on behind each pickle.
            on_made: told of each object that was given a state, for formats that put bytes of their own behind it.
        """
        self._cursor = cursor
        self._on_made = on_made
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def load(self) -> Any:
        """Return what one pickle stands for, and stand behind it.

        Raises:
            InputError: it is cut off, or no pickle.
        """
        self._stack, self._memo = [], {}
        cursor = self._cursor
        while True:
            self._quick(*cursor.window())
            opcode = cursor.take(1)
            cursor.allowance.spend()
            if opcode == b".":
                return self._pop()
            act = _ACTS.get(opcode)
            if act is None:
                raise unread(f"it is not a pickle: there is no opcode {opcode!r}, as at byte {cursor.at - 1:,}")
            act(self)

    def _quick(self, data: bytes, start: int) -> None:
        """Read the opcodes that most of a pickle consists of from the bytes at hand, up to one that is none of them.

        Args:
            data: bytes of the source.
            start: the place among them where the next opcode stands.
        """
        stack, memo = self._stack, self._memo
        # The longest of these opcodes has 5 bytes; a short text, which has more, is looked at before it is taken.
        at, last, steps = start, len(data) - 5, 0
        while at < last and steps < 1000:
            steps += 1
            opcode = data[at]
            if opcode == 0x71 and stack:  # put, one byte
                memo[data[at + 1]] = stack[-1]
                at += 2
            elif opcode == 0x72 and stack:  # put, four bytes
                memo[int.from_bytes(data[at + 1 : at + 5], "little")] = stack[-1]
                at += 5
            elif opcode == 0x94 and stack:  # put at the next place
                memo[len(memo)] = stack[-1]
                at += 1
            elif opcode == 0x68 and data[at + 1] in memo:  # get, one byte
                stack.append(memo[data[at + 1]])
                at += 2
            elif opcode == 0x4B:  # a whole number, one byte
                stack.append(data[at + 1])
                at += 2
            elif opcode == 0x4D:  # a whole number, two bytes
                stack.append(data[at + 1] | data[at + 2] << 8)
                at += 3
            elif opcode == 0x28:
                stack.append(_MARK)
                at += 1
            elif opcode == 0x29:
                stack.append(())
                at += 1
            elif opcode == 0x86 and len(stack) > 1:
                stack[-2:] = [(stack[-2], stack[-1])]
                at += 1
            elif opcode == 0x52 and len(stack) > 1:  # what would be called, with its arguments
                stack[-2:] = [PickledObject(stack[-2], stack[-1])]
                at += 1
            elif opcode == 0x89:
                stack.append(False)
                at += 1
            elif (
                opcode == 0x58
                and 0 <= (length := int.from_bytes(data[at + 1 : at + 5], "little")) <= len(data) - at - 5
                and length <= KEPT
            ):
                stack.append(data[at + 5 : at + 5 + length].decode("utf-8", "surrogateescape"))
                at += 5 + length
                steps += length >> 6
            else:
                break
        self._cursor.at += at - start
        self._cursor.allowance.spend(steps)

    def _pop(self) -> Any:
        if not self._stack:
            raise unread(f"it is not a pickle: at byte {self._cursor.at - 1:,} something is popped from an empty stack")
        return self._stack.pop()

    def _top(self) -> Any:
        if not self._stack:
            raise unread(f"it is not a pickle: at byte {self._cursor.at - 1:,} something is used that does not exist")
        return self._stack[-1]

    def _pop_to_mark(self) -> list[Any]:
        stack = self._stack
        for place in range(len(stack) - 1, -1, -1):
            if stack[place] is _MARK:
                found = stack[place + 1 :]
                del stack[place:]
                # A stack with nothing but what comes after the mark would be walked again and again.
                self._cursor.allowance.spend(len(found) // 16)
                return found
        raise unread(f"it is not a pickle: a list ends at byte {self._cursor.at - 1:,} but never started")

    def _whole(self, form: str, length: int) -> Any:
        return struct.unpack(form, self._cursor.take(length))[0]

    def _line(self) -> str:
        return self._cursor.line().decode("utf-8", "surrogateescape").rstrip("\r")

    def _number(self) -> None:
        text = self._line()
        if text in ("00", "01"):
            self._stack.append(text == "01")
            return
        if len(text) > LONGEST_NUMBER:
            raise unread(f"it is not a pickle: a number of {len(text):,} digits")
        try:
            self._stack.append(int(text.rstrip("L") or "0", 0))
        except ValueError:
            raise unread(f"it is not a pickle: {quoted(text)} is not a number") from None

    def _decimal(self) -> None:
        text = self._line()
        try:
            self._stack.append(float(text))
        except ValueError:
            raise unread(f"it is not a pickle: {quoted(text)} is not a number") from None

    def _long(self, length: int) -> None:
        if length < 0 or length > LONGEST_NUMBER:
            raise unread(f"it is not a pickle: a number of {length:,} bytes")
        self._stack.append(int.from_bytes(self._cursor.take(length), "little", signed=True))

    def _bytes(self, length: int, *, text: bool) -> None:
        if length < 0:
            raise unread(f"it is not a pickle: a string of {length:,} bytes")
        if length > KEPT:
            found: Any = SkippedBytes(self._cursor.at, length)
            self._cursor.skip(length)
        else:
            self._cursor.allowance.spend(length >> 6)
            found = self._cursor.take(length)
            if text:
                found = found.decode("utf-8", "surrogateescape")
        self._stack.append(found)

    def _old_string(self, length: int) -> None:
        """Read what Python 2 wrote as `str`: a word, or bytes."""
        self._bytes(length, text=False)
        if isinstance(self._stack[-1], bytes):
            self._stack[-1] = self._stack[-1].decode("latin-1")

    def _quoted_string(self) -> None:
        begin = self._cursor.at
        line, length = self._cursor.long_line(KEPT)
        if length > KEPT:
            self._stack.append(SkippedBytes(begin, length))
            return
        try:
            self._stack.append(codecs.escape_decode(line.strip()[1:-1])[0].decode("latin-1"))
        except ValueError:
            raise unread(f"it is not a pickle: {quoted(line)} is not a string") from None

    def _escaped_text(self) -> None:
        begin = self._cursor.at
        line, length = self._cursor.long_line(KEPT)
        if length > KEPT:
            self._stack.append(SkippedBytes(begin, length))
            return
        try:
            self._stack.append(line.decode("raw-unicode-escape"))
        except ValueError:
            raise unread(f"it is not a pickle: {quoted(line)} is not text") from None

    def _named(self) -> None:
        module = self._line()
        self._stack.append(Named(module, self._line()))

    def _named_by_stack(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise unread("it is not a pickle: a class without a name")
        self._stack.append(Named(module, name))

    def _make(self) -> None:
        arguments = self._pop()
        called = self._pop()
        self._stack.append(PickledObject(called, arguments))

    def _make_with_keywords(self) -> None:
        keywords, arguments, called = self._pop(), self._pop(), self._pop()
        found = PickledObject(called, arguments)
        if isinstance(keywords, PickledTable):
            found.entries = keywords
        self._stack.append(found)

    def _instance(self) -> None:
        module = self._line()
        called = Named(module, self._line())
        self._stack.append(PickledObject(called, tuple(self._pop_to_mark())))

    def _object(self) -> None:
        found = self._pop_to_mark()
        if not found:
            raise unread("it is not a pickle: an object without a class")
        self._stack.append(PickledObject(found[0], tuple(found[1:])))

    def _build(self) -> None:
        state = self._pop()
        made = self._top()
        if isinstance(made, PickledObject):
            made.state = state
            if self._on_made is not None:
                self._on_made(made, self._cursor)

    def _append(self, values: list[Any]) -> None:
        target = self._top()
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, PickledObject):
            target.items.extend(values)
        else:
            raise unread("it is not a pickle: something is appended to a value that is not a list")

    def _set_items(self, values: list[Any]) -> None:
        target = self._top()
        entries = target.entries if isinstance(target, PickledObject) else target
        if not isinstance(entries, PickledTable) or len(values) % 2:
            raise unread("it is not a pickle: something is put into a value that is not a dict")
        entries.entries.extend(zip(values[::2], values[1::2], strict=True))

    def _table_of(self, values: list[Any]) -> None:
        self._stack.append(PickledTable())
        self._set_items(values)

    def _put(self, place: int) -> None:
        self._memo[place] = self._top()

    def _get(self, place: int) -> None:
        if place not in self._memo:
            raise unread(f"it is not a pickle: value {quoted(place)} is used before it exists")
        self._stack.append(self._memo[place])

    def _pop_one(self) -> None:
        self._pop()

    def _line_number(self) -> int:
        text = self._line()
        if not text.isascii() or not text.isdigit() or len(text) > 20:
            raise unread(f"it is not a pickle: {quoted(text)} is not a place")
        return int(text)

    def _tuple(self, length: int) -> None:
        if len(self._stack) < length:
            raise unread("it is not a pickle: a tuple of values that do not exist")
        found = tuple(self._stack[len(self._stack) - length :])
        del self._stack[len(self._stack) - length :]
        self._stack.append(found)

    def _duplicate(self) -> None:
        self._stack.append(self._top())

    def _by_code(self, code: int) -> None:
        self._stack.append(Named("copyreg", f"extension {code}"))


def _push(make: Callable[[], Any]) -> Callable[[Unpickler], None]:
    return lambda machine: machine._stack.append(make())


def _read_then(form: str, then: Callable[[Unpickler, int], Any]) -> Callable[[Unpickler], None]:
    length = struct.calcsize(form)

    def act(machine: Unpickler) -> None:
        then(machine, machine._whole(form, length))

    return act


def _value(form: str) -> Callable[[Unpickler], None]:
    return _read_then(form, lambda machine, value: machine._stack.append(value))


def _text(machine: Unpickler, length: int) -> None:
    machine._bytes(length, text=True)


def _raw(machine: Unpickler, length: int) -> None:
    machine._bytes(length, text=False)


def _nothing(machine: Unpickler) -> None:
    return None


_ACTS: dict[bytes, Callable[[Unpickler], Any]] = {
    b"\x80": _read_then("<B", lambda machine, version: None),
    b"\x95": _read_then("<Q", lambda machine, length: None),
    b"(": _push(lambda: _MARK),
    b"0": Unpickler._pop_one,
    b"1": Unpickler._pop_to_mark,
    b"2": Unpickler._duplicate,
    b"F": Unpickler._decimal,
    b"I": Unpickler._number,
    b"J": _value("<i"),
    b"K": _value("<B"),
    b"M": _value("<H"),
    b"L": Unpickler._number,
    b"\x8a": _read_then("<B", Unpickler._long),
    b"\x8b": _read_then("<i", Unpickler._long),
    b"G": _value(">d"),
    b"N": _push(lambda: None),
    b"\x88": _push(lambda: True),
    b"\x89": _push(lambda: False),
    b"S": Unpickler._quoted_string,
    b"T": _read_then("<i", Unpickler._old_string),
    b"U": _read_then("<B", Unpickler._old_string),
    b"B": _read_then("<I", _raw),
    b"C": _read_then("<B", _raw),
    b"\x8e": _read_then("<Q", _raw),
    b"\x96": _read_then("<Q", _raw),
    b"\x97": _push(lambda: SkippedBytes(0, 0)),
    b"\x98": _nothing,
    b"V": Unpickler._escaped_text,
    b"X": _read_then("<I", _text),
    b"\x8c": _read_then("<B", _text),
    b"\x8d": _read_then("<Q", _text),
    b"]": _push(list),
    b"l": lambda machine: machine._stack.append(machine._pop_to_mark()),
    b"a": lambda machine: machine._append([machine._pop()]),
    b"e": lambda machine: machine._append(machine._pop_to_mark()),
    b")": _push(tuple),
    b"t": lambda machine: machine._stack.append(tuple(machine._pop_to_mark())),
    b"\x85": lambda machine: machine._tuple(1),
    b"\x86": lambda machine: machine._tuple(2),
    b"\x87": lambda machine: machine._tuple(3),
    b"}": _push(PickledTable),
    b"d": lambda machine: machine._table_of(machine._pop_to_mark()),
    b"s": lambda machine: machine._set_items([machine._pop(), machine._pop()][::-1]),
    b"u": lambda machine: machine._set_items(machine._pop_to_mark()),
    b"\x8f": _push(list),
    b"\x90": lambda machine: machine._append(machine._pop_to_mark()),
    b"\x91": lambda machine: machine._stack.append(machine._pop_to_mark()),
    b"g": lambda machine: machine._get(machine._line_number()),
    b"h": _read_then("<B", Unpickler._get),
    b"j": _read_then("<I", Unpickler._get),
    b"p": lambda machine: machine._put(machine._line_number()),
    b"q": _read_then("<B", Unpickler._put),
    b"r": _read_then("<I", Unpickler._put),
    b"\x94": lambda machine: machine._put(len(machine._memo)),
    b"c": Unpickler._named,
    b"\x93": Unpickler._named_by_stack,
    b"R": Unpickler._make,
    b"b": Unpickler._build,
    b"i": Unpickler._instance,
    b"o": Unpickler._object,
    b"\x81": Unpickler._make,
    b"\x92": Unpickler._make_with_keywords,
    b"P": lambda machine: machine._stack.append(Persistent(machine._line())),
    b"Q": lambda machine: machine._stack.append(Persistent(machine._pop())),
    b"\x82": _read_then("<B", Unpickler._by_code),
    b"\x83": _read_then("<H", Unpickler._by_code),
    b"\x84": _read_then("<i", Unpickler._by_code),
}


def pickles_behind_each_other(
    cursor: Cursor, most: int, on_made: Callable[[PickledObject, Cursor], None] | None = None
) -> Iterator[Any]:
    """Yield what stands in each of the pickles up to the end, so many at most."""
    for _ in range(most):
        if cursor.at >= cursor.end:
            return
        yield Unpickler(cursor, on_made).load()

"""Messages of protocol buffers become their fields, one after the other; a long field is its place, not its bytes.

No description of the messages is needed: a field is a number, a kind and a value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sizer.errors import quoted
from sizer.files.byte_sources import ByteSource, Cursor
from sizer.files.limits import MOST_NESTING, unread

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
HELD = 2**17
"""Bytes of a message that are read together: weights are longer, operators are not."""


class Message:
    """A range of bytes that holds fields."""

    __slots__ = ("depth", "end", "held", "held_from", "source", "start")

    def __init__(self, source: ByteSource, start: int = 0, end: int | None = None, depth: int = 0) -> None:
        """Stand for a range.

        Args:
            source: the bytes.
            start: the first of them.
            end: behind the last one.
            depth: how many messages it stands in.

        Raises:
            InputError: it stands in too many.
        """
        if depth > MOST_NESTING:
            raise unread("its messages are nested too deeply")
        self.source = source
        self.start = start
        self.end = source.size if end is None else end
        self.depth = depth
        self.held: bytes | None = None
        """Bytes that it is a part of, from `held_from` of the source on; None where it is too long to be held."""
        self.held_from = 0

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return self.end - self.start

    def fields(self) -> Iterator[tuple[int, int, int | Message]]:
        """Yield number, kind and value of each field: a whole number, or the range of its bytes.

        Raises:
            InputError: it is no message.
        """
        cursor = Cursor(self.source, self.start, self.end)
        if self.length <= HELD and self.held is None:
            self.held = self.source.read(self.start, self.length)
            self.held_from = self.start
        if self.held is not None:
            cursor.hold(self.held, self.held_from)
        spend = self.source.allowance.spend
        while cursor.at < self.end:
            spend()
            key = varint(cursor)
            number, kind = key >> 3, key & 7
            if kind == VARINT:
                yield number, kind, varint(cursor)
            elif kind == BYTES:
                length = varint(cursor)
                start = cursor.at
                cursor.skip(length)
                inner = Message(self.source, start, start + length, self.depth + 1)
                inner.held, inner.held_from = self.held, self.held_from
                yield number, kind, inner
            elif kind == FIXED32:
                yield number, kind, struct.unpack("<I", cursor.take(4))[0]
            elif kind == FIXED64:
                yield number, kind, struct.unpack("<Q", cursor.take(8))[0]
            else:
                raise unread(f"it is not a protocol buffer: a field of kind {kind} at byte {cursor.at:,}")

    def _bytes(self, length: int) -> bytes:
        if self.held is not None:
            return self.held[self.start - self.held_from : self.start - self.held_from + length]
        return self.source.read(self.start, length)

    def messages(self, number: int) -> Iterator[Message]:
        """Yield the fields of a number that hold bytes."""
        for found, kind, value in self.fields():
            if found == number and kind == BYTES and isinstance(value, Message):
                yield value

    def text(self, most: int = 65_536) -> str:
        """Return the bytes as text, so many at most."""
        self.source.allowance.spend(min(self.length, most) >> 6)
        return self._bytes(min(self.length, most)).decode("utf-8", "backslashreplace")

    def numbers(self, most: int = 4096) -> list[int]:
        """Return packed whole numbers, as they are written: none is negative.

        Raises:
            InputError: they are more than are read.
        """
        cursor = Cursor(self.source, self.start, self.end)
        if self.held is not None:
            cursor.hold(self.held, self.held_from)
        found = []
        while cursor.at < self.end:
            found.append(varint(cursor))
            if len(found) > most:
                raise unread(f"a list in it has more than {most:,} numbers")
        return found


def varint(cursor: Cursor) -> int:
    """Return the next number, and stand behind it.

    Raises:
        InputError: it is longer than 10 bytes.
    """
    value = shift = 0
    while True:
        byte = cursor.take(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1)
        shift += 7
        if shift > 63:
            raise unread(f"it is not a protocol buffer: the number at byte {quoted(cursor.at)} does not end")


def signed(value: int) -> int:
    """Return a number of 64 bits as one that may be negative.

    Example:
        >>> signed(2**64 - 1)
        -1
    """
    return value - 2**64 if value >= 2**63 else value


def decimal(value: int) -> float:
    """Return 32 bits as the number that they stand for.

    Example:
        >>> decimal(0x3F800000)
        1.0
    """
    found: float = struct.unpack("<f", struct.pack("<I", value & (2**32 - 1)))[0]
    return found

"""Thrift's compact protocol, as far as Parquet's footers need it: bytes become structs of numbered fields, and back.

A struct is a dict from a field's number to its kind and value; a list is the kind of its members and the members. What a
field means is not known here, so that whatever stands in a footer is kept as it is.

Source:
    Apache Thrift, doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
"""Kinds of values."""

Struct = dict[int, tuple[int, Any]]
"""Field number -> kind and value."""


def read_struct(data: memoryview, at: int = 0) -> tuple[Struct, int]:
    """Return the struct that starts at a place, and the place after it.

    Raises:
        ValueError: a kind of value occurs that Parquet's footers do not have.
        IndexError: the bytes end within it.
    """
    found: Struct = {}
    number = 0
    while True:
        head = data[at]
        at += 1
        if head == 0:
            return found, at
        kind, step = head & 0x0F, head >> 4
        if step:
            number += step
        else:
            number, at = _read_whole(data, at)
        value, at = _read_value(data, at, kind)
        found[number] = kind, value


def _read_value(data: memoryview, at: int, kind: int) -> tuple[Any, int]:
    if I16 <= kind <= I64:
        return _read_whole(data, at)
    if kind == STRUCT:
        return read_struct(data, at)
    if kind == LIST:
        return _read_list(data, at)
    if kind == BINARY:
        length, at = _read_number(data, at)
        return bytes(data[at : at + length]), at + length
    if TRUE <= kind <= FALSE:
        return kind == TRUE, at
    if kind == BYTE:
        return data[at], at + 1
    if kind == DOUBLE:
        return bytes(data[at : at + 8]), at + 8
    raise ValueError(f"a value of kind {kind} is not known")


def _read_list(data: memoryview, at: int) -> tuple[Any, int]:
    head = data[at]
    at += 1
    kind, size = head & 0x0F, head >> 4
    if size == 15:
        size, at = _read_number(data, at)
    members = []
    for _ in range(size):
        # In a list a truth value takes a byte of its own.
        member, at = _read_value(data, at, BYTE if kind <= FALSE else kind)
        members.append(member)
    return (kind, members), at


def _read_number(data: memoryview, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    if byte < 0x80:
        return byte, at
    number, shift = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _read_whole(data: memoryview, at: int) -> tuple[int, int]:
    number, at = _read_number(data, at)
    return (number >> 1) ^ -(number & 1), at


def write_struct(struct: Struct) -> bytes:
    """Return the bytes of a struct."""
    out = bytearray()
    _write_struct(out, struct)
    return bytes(out)


def _write_struct(out: bytearray, struct: Struct) -> None:
    before = 0
    for number, (kind, value) in sorted(struct.items()):
        if kind <= FALSE:
            kind = TRUE if value else FALSE
        step = number - before
        if 0 < step <= 15:
            out.append(step << 4 | kind)
        else:
            out.append(kind)
            _write_whole(out, number)
        before = number
        _write_value(out, kind, value)
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    if I16 <= kind <= I64:
        _write_whole(out, value)
    elif kind == BINARY:
        _write_number(out, len(value))
        out += value
    elif kind == STRUCT:
        _write_struct(out, value)
    elif kind == LIST:
        members_kind, members = value
        if len(members) < 15:
            out.append(len(members) << 4 | members_kind)
        else:
            out.append(0xF0 | members_kind)
            _write_number(out, len(members))
        for member in members:
            _write_value(out, BYTE if members_kind <= FALSE else members_kind, member)
    elif kind == BYTE:
        out.append(value)
    elif kind == DOUBLE:
        out += value


def _write_number(out: bytearray, number: int) -> None:
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _write_whole(out: bytearray, number: int) -> None:
    _write_number(out, number << 1 if number >= 0 else (-number << 1) - 1)

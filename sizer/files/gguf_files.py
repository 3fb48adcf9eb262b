"""The header of a GGUF file becomes its tensors (github.com/ggml-org/ggml, `docs/gguf.md`)."""

from __future__ import annotations

import math
import struct
from typing import Any

from sizer.errors import quoted
from sizer.files.byte_sources import ByteSource, Cursor
from sizer.files.contents import Contents, StoredTensor
from sizer.files.limits import MOST_TENSORS, printable, shape_of, unread

MAGIC = b"GGUF"
VERSIONS = (2, 3)
TYPES = {
    **{0: "float32", 1: "float16", 24: "int8", 25: "int16", 26: "int32", 27: "int64", 28: "float64", 30: "bfloat16"},
    # Numbers in blocks that share a scale are called by how many bits they have.
    **{2: "qint4", 3: "qint4", 6: "qint5", 7: "qint5", 8: "qint8", 9: "qint8", 10: "qint2", 11: "qint3", 12: "qint4"},
    **{13: "qint5", 14: "qint6", 15: "qint8"},
}
_SIMPLE = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
MOST_WORDS = 10_000
"""Entries beside the tensors."""
NOTE = "It has only names and shapes: it does not say which tensors are buffers, or what the layers are."


def read_gguf(source: ByteSource) -> Contents:
    """Return what a GGUF file holds.

    Args:
        source: the file; its header alone is read.

    Raises:
        InputError: it is of a version that is not read, damaged, or cut off.
    """
    at = Cursor(source, len(MAGIC))
    version = _whole(at, "I")
    if version not in VERSIONS:
        raise unread(f"it is GGUF of version {version:,}; versions {' and '.join(map(str, VERSIONS))} are read")
    number, entries = _whole(at, "Q"), _whole(at, "Q")
    if number > MOST_TENSORS:
        raise unread(f"it holds more than {MOST_TENSORS:,} tensors")
    if entries > MOST_WORDS:
        raise unread(f"it has {quoted(entries)} entries besides its tensors; at most {MOST_WORDS:,} are read")
    words: dict[str, str] = {}
    for _ in range(entries):
        source.allowance.spend()
        name = _text(at)
        value = _value(at, _whole(at, "I"))
        if value is not None:
            words[name[:200]] = str(value)[:2000]
    tensors = []
    for _ in range(number):
        source.allowance.spend()
        name = _text(at)
        dimensions = _whole(at, "I")
        if dimensions > 8:
            raise unread(f"{quoted(name)} would have {quoted(dimensions)} dimensions")
        # The innermost one stands first.
        shape = shape_of([_whole(at, "Q") for _ in range(dimensions)][::-1], name)
        kind = _whole(at, "I")
        _whole(at, "Q")
        tensors.append(StoredTensor(name, shape, TYPES.get(kind, f"ggml type {kind}")))
    if math.fsum(tensor.size for tensor in tensors) > 64.0 * source.size:
        raise unread("it is cut off: its header lists more values than the file can hold")
    made_by = words.get("general.architecture", "")
    return Contents("gguf", tuple(tensors), producer=made_by, notes=(NOTE,), metadata=words)


def _whole(at: Cursor, form: str) -> int:
    found: int = struct.unpack(f"<{form}", at.take(struct.calcsize(f"<{form}")))[0]
    return found


def _text(at: Cursor) -> str:
    length = _whole(at, "Q")
    if length > at.end - at.at:
        raise unread(f"it is cut off: a text of {quoted(length)} bytes should be at byte {at.at:,}")
    text = at.take(min(length, 8192)).decode("utf-8", "backslashreplace")
    at.skip(max(0, length - 8192))
    return printable(text)


def _value(at: Cursor, kind: int) -> Any:
    """Return an entry's value; None for a list, which is passed over."""
    if kind in _SIMPLE:
        form = f"<{_SIMPLE[kind]}"
        return struct.unpack(form, at.take(struct.calcsize(form)))[0]
    if kind == _TEXT:
        return _text(at)
    if kind != _LIST:
        raise unread(f"an entry in it is of type {quoted(kind)}, which is not known")
    inner, length = _whole(at, "I"), _whole(at, "Q")
    if length > at.end - at.at:
        raise unread(f"it is cut off: a list of {quoted(length)} values should be at byte {at.at:,}")
    if inner in _SIMPLE:
        at.skip(length * struct.calcsize(f"<{_SIMPLE[inner]}"))
        return None
    if inner != _TEXT:
        raise unread("a list in it holds lists, which Sizer does not read")
    for _ in range(length):
        at.allowance.spend()
        _text(at)
    return None

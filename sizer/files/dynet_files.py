"""A model file of DyNet, which is text, becomes its parameters: each has a line of its own in front of its values."""

from __future__ import annotations

import re

from sizer.errors import quoted
from sizer.files.byte_sources import ByteSource, Cursor
from sizer.files.contents import Contents, StoredTensor
from sizer.files.limits import MOST_TENSORS, printable, shape_of, unread

SIGNS = (b"#Parameter#", b"#LookupParameter#")
NOTE = "It has only names and shapes, with DyNet's dimensions: rows first; a table of vectors starts with the length of a vector."
_LINE = re.compile(rb"#(Lookup)?Parameter# (\S+) \{([\d,]*)(?:X\d+)?\} (\d{1,18}) \w+")


def read_dynet(source: ByteSource) -> Contents:
    """Return what a model file of DyNet holds.

    Raises:
        InputError: it is damaged.
    """
    cursor = Cursor(source)
    tensors: list[StoredTensor] = []
    while cursor.at < cursor.end:
        begin = cursor.at
        line = cursor.line()
        said = _LINE.match(line)
        if said is None:
            raise unread(f"at byte {begin:,} there is no DyNet parameter: {quoted(line.decode('latin-1'))}")
        name = printable(said[2].decode("utf-8", "backslashreplace"))
        sizes = [int(size) for size in said[3].split(b",") if size]
        if len(tensors) >= MOST_TENSORS:
            raise unread(f"it holds more than {MOST_TENSORS:,} tensors")
        tensors.append(StoredTensor(name, shape_of(sizes, name), "float32", "weight"))
        cursor.skip(int(said[4]))
    return Contents("dynet text", tuple(tensors), (), "dynet", (NOTE,))

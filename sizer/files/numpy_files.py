"""The headers of NumPy's files become tensors: `.npy` one, `.npz` one for each member."""

from __future__ import annotations

import ast
from typing import Any

from sizer.errors import quoted
from sizer.files.archives import Zip
from sizer.files.byte_sources import ByteSource, Cursor
from sizer.files.contents import Contents, StoredTensor
from sizer.files.limits import MOST_NESTING, MOST_TENSORS, shape_of, unread
from sizer.files.pickled_tensors import FoundTensors, numpy_type, walk
from sizer.files.pickles import Unpickler

MAGIC = b"\x93NUMPY"
MOST_HEADER = 65_536
NAMES_ALONE = "It has only names and shapes: it does not say what the tensors are for, or what the layers are."


def read_npy(source: ByteSource) -> Contents:
    """Return what a `.npy` file holds: one tensor, or the tensors in the objects that it was given.

    Raises:
        InputError: its header is damaged.
    """
    found = FoundTensors(source.allowance)
    _array(source, "", found)
    return Contents("npy", tuple(found.tensors), tuple(found.layers), "numpy", (NAMES_ALONE, *found.notes))


def read_npz(archive: Zip, allowance_of: ByteSource) -> Contents:
    """Return what a `.npz` file holds, a tensor for each member.

    Args:
        archive: the zip that it is.
        allowance_of: the file.

    Raises:
        InputError: a header is damaged.
    """
    found = FoundTensors(allowance_of.allowance)
    names = [name for name in archive.members if name.endswith(".npy")]
    if len(names) > MOST_TENSORS:
        raise unread(f"it holds more than {MOST_TENSORS:,} tensors")
    for name in names:
        _array(archive.open(name), name.removesuffix(".npy"), found)
    others = len(archive.members) - len(names)
    if others:
        found.note(f"{others:,} of its members are not arrays.")
    return Contents("npz", tuple(found.tensors), tuple(found.layers), "numpy", (NAMES_ALONE, *found.notes))


def _array(source: ByteSource, name: str, found: FoundTensors) -> None:
    """Read one header; an array of objects is a pickle, which is walked."""
    cursor = Cursor(source)
    header = read_header(cursor, name)
    shape = shape_of(header.get("shape"), name)
    word = numpy_type(header.get("descr"))
    if word != "object":
        found.tensors.append(StoredTensor(name, shape, word))
        return
    inner = FoundTensors(found.allowance)
    walk(Unpickler(cursor).load(), inner)
    # The objects stand in the list that an array's state has as its values.
    for tensor in inner.tensors:
        parts = [part for part in tensor.name.split(".") if part]
        found.add(".".join([name, *parts] if name else parts), tensor.shape, tensor.dtype, tensor.role, tensor.storage)
    found.note(f"{quoted(name)} holds objects; each tensor is named by its path in them.")


def read_header(cursor: Cursor, name: str) -> dict[str, Any]:
    """Return the header of an array, and stand behind it.

    Raises:
        InputError: it is none.
    """
    start = cursor.take(8)
    if start[:6] != MAGIC or start[6] not in (1, 2, 3):
        raise unread(f"{quoted(name)} is not a NumPy array")
    length = int.from_bytes(cursor.take(2 if start[6] == 1 else 4), "little")
    if length > MOST_HEADER:
        raise unread(f"the header of {quoted(name)} would have {length:,} bytes; at most {MOST_HEADER:,} are read")
    text = cursor.take(length).decode("latin-1")
    # Python's own reader of literals goes as deep as the text does.
    if max(text.count(one) for one in "([{-+~") > MOST_NESTING:
        raise unread(f"the header of {quoted(name)} is nested too deeply")
    try:
        header = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise unread(f"the header of {quoted(name)} is damaged")
    return header

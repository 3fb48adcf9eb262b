"""What Flax and Orbax have written becomes tensors: msgpack bytes, and the tables of a checkpoint's folder.

Flax packs an array as msgpack's extension 1, which holds shape, type and values (`flax.serialization`); Orbax writes the
shapes into `_METADATA`, and in its older form a `.zarray` beside each array.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from sizer.errors import InputError, quoted
from sizer.files.byte_sources import ByteSource, Cursor, LocalBytes
from sizer.files.contents import Contents, Role, StoredTensor
from sizer.files.limits import MOST_NESTING, MOST_TENSORS, ReadingAllowance, parse_json, printable, shape_of, unread
from sizer.files.numpy_files import NAMES_ALONE
from sizer.files.pickled_tensors import OPTIMIZER, numpy_type

ARRAY, SCALAR = 1, 3
"""Flax's extensions: an array, and one value of NumPy's; 2 is a complex number."""
CHUNKED = "__msgpack_chunked_array__"
"""The key of an array that was too long for one extension."""
BUFFERS = ("batch_stats",)
"""Collections of Flax that are no parameters: running means and variances."""
OPTIMIZER_STATES = ("opt_state",)
NO_TYPES = "Orbax gives the shapes there, not the types."
MOST_METADATA = 32 * 2**20


def is_msgpack(head: bytes) -> bool:
    """Return whether a file begins as a table of msgpack whose first key is a word."""
    if len(head) < 3:
        return False
    at = 1 if 0x81 <= head[0] <= 0x8F else 3 if head[0] == 0xDE else 5 if head[0] == 0xDF else 0
    return bool(at) and at < len(head) and (0xA0 <= head[at] <= 0xBF or head[at] == 0xD9)


def read_flax(source: ByteSource) -> Contents:
    """Return what a msgpack file of Flax holds.

    Raises:
        InputError: it is damaged, or no array is in it.
    """
    reader = _Msgpack(source)
    reader.value("", "unknown", 0)
    if reader.cursor.at != source.size:
        raise unread(f"{source.size - reader.cursor.at:,} bytes follow the table that it holds")
    if not reader.tensors:
        raise unread("it is msgpack, but holds no Flax array")
    notes = (NAMES_ALONE,) if any(tensor.role == "unknown" for tensor in reader.tensors) else ()
    return Contents("flax msgpack", tuple(reader.tensors), (), "flax", notes)


class _Msgpack:
    """Goes through msgpack once, and keeps the arrays."""

    def __init__(self, source: ByteSource) -> None:
        self.cursor = Cursor(source)
        self.tensors: list[StoredTensor] = []

    def _whole(self, form: str) -> Any:
        return struct.unpack(form, self.cursor.take(struct.calcsize(form)))[0]

    def value(self, name: str, role: Role, depth: int) -> Any:
        """Read one value: a word or a number is returned, an array is kept, what else there is is passed over."""
        if depth > MOST_NESTING:
            raise unread(f"{quoted(name)} is nested too deeply")
        cursor = self.cursor
        cursor.allowance.spend()
        code = cursor.take(1)[0]
        if code < 0x80 or code >= 0xE0:
            return code if code < 0x80 else code - 256
        if code <= 0x8F or code in (0xDE, 0xDF):
            return self._table(
                code & 15 if code <= 0x8F else self._whole(">H" if code == 0xDE else ">I"), name, role, depth
            )
        if code <= 0x9F or code in (0xDC, 0xDD):
            number = code & 15 if code <= 0x9F else self._whole(">H" if code == 0xDC else ">I")
            return [self.value(f"{name}.{place}", role, depth + 1) for place in range(number)][:64]
        if code <= 0xBF or 0xD9 <= code <= 0xDB:
            length = code & 31 if code <= 0xBF else self._whole({0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}[code])
            if length > 4096:
                cursor.skip(length)
                return None
            return cursor.take(length).decode("utf-8", "backslashreplace")
        if code <= 0xC3:
            return {0xC0: None, 0xC2: False, 0xC3: True}.get(code)
        if code <= 0xC6:
            cursor.skip(self._whole({0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}[code]))
            return None
        if code in NUMBERS:
            return self._whole(NUMBERS[code])
        length = 1 << (code - 0xD4) if code >= 0xD4 else self._whole({0xC7: ">B", 0xC8: ">H", 0xC9: ">I"}[code])
        kind = self._whole(">b")
        end = cursor.at + length
        cursor.skip(length)
        if kind == ARRAY:
            cursor.at = end - length
            self._array(name, role)
            if cursor.at > end:
                raise unread(f"the array {quoted(name)} is damaged")
        cursor.at = end
        return None

    def _table(self, number: int, name: str, role: Role, depth: int) -> Any:
        """Read a table; one that is a long array in pieces is one tensor."""
        small: dict[str, Any] = {}
        before = len(self.tensors)
        for _ in range(number):
            key = self.value(name, role, depth + 1)
            word = printable(str(key)) if isinstance(key, (str, int)) else "?"
            inner: Role = role
            if OPTIMIZER.search(word) or word in OPTIMIZER_STATES or role == "optimizer":
                inner = "optimizer"
            elif not name and word in BUFFERS:
                inner = "buffer"
            elif not name and word == "params":
                inner = "weight"
            value = self.value(f"{name}.{word}" if name else word, inner, depth + 1)
            if isinstance(value, (int, dict)) and len(small) < 64:
                small[word] = value
        if CHUNKED in small and isinstance(small.get("shape"), dict):
            pieces = self.tensors[before:]
            sizes = [small["shape"].get(str(place)) for place in range(len(small["shape"]))]
            dtype = pieces[0].dtype if pieces else "unknown"
            del self.tensors[before:]
            self._keep(name, sizes, dtype, role)
        return small

    def _array(self, name: str, role: Role) -> None:
        """Read (shape, type, values), and pass over the values."""
        code = self.cursor.take(1)[0]
        if code != 0x93:
            raise unread(f"the array {quoted(name)} is damaged")
        sizes = self.value(name, role, MOST_NESTING - 1)
        dtype = self.value(name, role, MOST_NESTING - 1)
        self._keep(name, sizes, numpy_type(dtype), role)

    def _keep(self, name: str, sizes: Any, dtype: str, role: Role) -> None:
        if len(self.tensors) >= MOST_TENSORS:
            raise unread(f"it holds more than {MOST_TENSORS:,} tensors")
        self.tensors.append(StoredTensor(printable(name), shape_of(sizes, name), dtype, role))


NUMBERS = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}


def is_orbax(folder: Path) -> bool:
    """Return whether a folder is a checkpoint of Orbax."""
    return (folder / "_METADATA").is_file() and (
        (folder / "_CHECKPOINT_METADATA").is_file() or (folder / "_sharding").is_file() or (folder / "d").is_dir()
    )


def read_orbax(folder: Path, allowance: ReadingAllowance) -> Contents:
    """Return what a checkpoint of Orbax holds, by its metadata.

    Raises:
        InputError: it is damaged, or does not say the shapes.
    """
    with LocalBytes(folder / "_METADATA", allowance) as source:
        if source.size > MOST_METADATA:
            raise unread("its metadata is too long")
        metadata = parse_json(source.read(0, source.size), "_METADATA")
    tree = metadata.get("tree_metadata") if isinstance(metadata, dict) else None
    if not isinstance(tree, dict):
        raise unread("its _METADATA does not mention arrays")
    allowance.spend(len(tree))
    tensors = []
    notes = []
    for row in tree.values():
        if not isinstance(row, dict) or not isinstance(row.get("value_metadata"), dict):
            continue
        keys = [str(key.get("key", "?")) for key in row.get("key_metadata") or [] if isinstance(key, dict)]
        name = printable(".".join(keys))
        value = row["value_metadata"]
        if "rray" not in str(value.get("value_type")):
            continue
        shape, dtype = value.get("write_shape"), ""
        described = folder / name / ".zarray"
        if keys and not {"/", "\\", ".."} & set(name) and ".." not in name and described.is_file():
            shape, dtype = _zarray(described, allowance)
        if shape is None:
            raise unread(f"it does not give the shape of {quoted(name)}: it is from an older Orbax")
        role: Role = "unknown"
        if any(OPTIMIZER.search(key) or key in OPTIMIZER_STATES for key in keys):
            role = "optimizer"
        elif keys and keys[0] in ("params", *BUFFERS):
            role = "weight" if keys[0] == "params" else "buffer"
        tensors.append(StoredTensor(name, shape_of(shape, name), dtype or "unknown", role))
    if any(tensor.dtype == "unknown" for tensor in tensors):
        notes.append(NO_TYPES)
    return Contents("orbax", tuple(tensors), (), "orbax", tuple(notes))


def _zarray(path: Path, allowance: ReadingAllowance) -> tuple[Any, str]:
    try:
        with LocalBytes(path, allowance) as source:
            said = parse_json(source.read(0, min(source.size, 65_536)), ".zarray")
    except InputError:
        return None, ""
    return (said.get("shape"), numpy_type(said.get("dtype"))) if isinstance(said, dict) else (None, "")

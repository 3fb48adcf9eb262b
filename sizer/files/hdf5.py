"""An HDF5 file becomes groups, attributes, and the shapes and types of its datasets, read by its own tables.

The C library would run in this process, and a damaged file can take it down. What is needed of the format is small: it
follows the HDF Group's file format specification, version 3.0. Values of datasets are never read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sizer.errors import quoted
from sizer.files.byte_sources import ByteSource
from sizer.files.limits import MOST_NESTING, MOST_TENSORS, printable, shape_of, unread

MAGIC = b"\x89HDF\r\n\x1a\n"
PLACES = (0, 512, 1024, 2048, 4096)
"""Where the file may begin: others put bytes of their own in front."""
MOST_MESSAGES = 100_000
"""In one object's header."""
MOST_ATTRIBUTE = 32 * 2**20
"""Bytes of an attribute; a large model's configuration has some hundred thousand."""
MOST_WORDS = 300_000
"""Words in one attribute, such as the names of all layers."""
DATASPACE, LINK_INFO, DATATYPE, LINK, ATTRIBUTE, CONTINUATION, SYMBOL_TABLE, ATTRIBUTE_INFO = 1, 2, 3, 6, 12, 16, 17, 21
UNDEFINED = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Datatype:
    """The type of a dataset or an attribute."""

    word: str
    """In NumPy's words; `text` of a fixed length, `texts` of any, `other` where it is neither a number nor a text."""
    size: int
    """Bytes of one value."""


class HDF5:
    """An open file."""

    def __init__(self, source: ByteSource) -> None:
        """Read where its root is.

        Args:
            source: the file.

        Raises:
            InputError: it is none, or it is cut off.
        """
        self._source = source
        start = next((place for place in PLACES if self._begins_at(place)), None)
        if start is None:
            raise unread("it is not an HDF5 file")
        version = source.read(start + 8, 1)[0]
        if version <= 1:
            self._offset, self._length = source.read(start + 13, 2)
            at = start + (24 if version == 0 else 28)
            self._check_sizes()
            self._base, _, end, _ = self._offsets(source.read(at, 4 * self._offset))
            self.root = self._offsets(source.read(at + 4 * self._offset, 2 * self._offset))[1]
        elif version <= 3:
            self._offset, self._length = source.read(start + 9, 2)
            self._check_sizes()
            self._base, _, end, self.root = self._offsets(source.read(start + 12, 4 * self._offset))
        else:
            raise unread(f"version {version} of the HDF5 superblock is not supported")
        if end != UNDEFINED and end > source.size:
            raise unread(f"it is cut off: it should have {end:,} bytes, but it has {source.size:,}")
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}

    def _begins_at(self, place: int) -> bool:
        return place + 96 <= self._source.size and self._source.read(place, 8) == MAGIC

    def _check_sizes(self) -> None:
        if self._offset not in (4, 8) or self._length not in (4, 8):
            raise unread("its superblock is damaged")

    def _offsets(self, data: bytes) -> tuple[int, ...]:
        if len(data) % self._offset:
            raise unread("a place in it is cut off")
        found = struct.unpack(f"<{len(data) // self._offset}{'Q' if self._offset == 8 else 'I'}", data)
        return tuple(UNDEFINED if self._offset == 4 and one == 2**32 - 1 else one for one in found)

    def _lengths(self, data: bytes) -> tuple[int, ...]:
        if len(data) % self._length:
            raise unread("a size in it is cut off")
        return struct.unpack(f"<{len(data) // self._length}{'Q' if self._length == 8 else 'I'}", data)

    def _read(self, address: int, length: int) -> bytes:
        self._source.allowance.spend()
        return self._source.read(self._base + address, length)

    # The messages of an object.

    def messages(self, address: int) -> Iterator[tuple[int, bytes]]:
        """Yield kind and bytes of each message in an object's header.

        Raises:
            InputError: it is damaged.
        """
        start = self._read(address, 4)
        if start == b"OHDR":
            yield from self._new_messages(address)
        elif start[0] == 1:
            yield from self._old_messages(address)
        else:
            raise unread(f"there is no object at byte {address:,}: it is damaged")

    def _old_messages(self, address: int) -> Iterator[tuple[int, bytes]]:
        _, _, number, _, size = struct.unpack("<BBHII", self._read(address, 12))
        blocks = [(address + 16, size)]
        seen = 0
        for start, length in blocks:
            data, at = self._read(start, length), 0
            while at + 8 <= len(data) and seen < number:
                kind, size, flags = struct.unpack_from("<HHB", data, at)
                body = data[at + 8 : at + 8 + size]
                at += 8 + size
                seen += 1
                if kind == CONTINUATION:
                    blocks.append(self._continued(body, len(blocks)))
                else:
                    yield kind, self._shared(kind, body, flags)

    def _new_messages(self, address: int) -> Iterator[tuple[int, bytes]]:
        _, version, flags = struct.unpack("<4sBB", self._read(address, 6))
        if version != 2:
            raise unread(f"version {version} of HDF5 object headers is not supported")
        at = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(self._read(at, width), "little")
        blocks = [(at + width, size)]
        ordered = 2 if flags & 4 else 0
        for start, length in blocks:
            data, place = self._read(start, length), 0
            while place + 4 + ordered <= len(data):
                kind, size, marks = struct.unpack_from("<BHB", data, place)
                place += 4 + ordered
                body = data[place : place + size]
                place += size
                if kind == CONTINUATION:
                    # Four letters stand in front of a continuation, and a checksum behind it.
                    begin, whole = self._continued(body, len(blocks))
                    blocks.append((begin + 4, max(0, whole - 8)))
                else:
                    yield kind, self._shared(kind, body, marks)

    def _continued(self, body: bytes, blocks: int) -> tuple[int, int]:
        if blocks > MOST_MESSAGES // 100 or len(body) < self._offset + self._length:
            raise unread("an object's header in it does not end")
        start = self._offsets(body[: self._offset])[0]
        return start, self._lengths(body[self._offset : self._offset + self._length])[0]

    def _shared(self, kind: int, body: bytes, flags: int) -> bytes:
        """Return a message's bytes, from another object where they stand there: a type that has a name."""
        if not flags & 2 or kind != DATATYPE:
            return body
        at = 8 if body[:1] == b"\1" else 2
        address = self._offsets(body[at : at + self._offset])
        if len(address) == 1:
            for other, found in self.messages(address[0]):
                if other == DATATYPE:
                    return found
        raise unread("a type in it is not where it should be")

    # Groups.

    def children(self, address: int) -> dict[str, int]:
        """Return the names in a group and where their objects are; empty for a dataset.

        Raises:
            InputError: it is damaged, or the names stand in a way that is not read.
        """
        found: dict[str, int] = {}
        for kind, body in self.messages(address):
            if kind == SYMBOL_TABLE and len(body) >= 2 * self._offset:
                tree, heap = self._offsets(body[: 2 * self._offset])
                names = self._local_heap(heap)
                self._tree(tree, names, found, 0)
            elif kind == LINK:
                self._link(body, found)
            elif kind == LINK_INFO:
                for link in self._dense(body, 8):
                    self._link(link, found)
        return found

    def _dense(self, body: bytes, counter: int) -> Iterator[bytes]:
        """Yield the messages that a group or an object keeps elsewhere, since they are many."""
        at = 2 + (counter if len(body) > 1 and body[1] & 1 else 0)
        places = self._offsets(body[at : at + 2 * self._offset])
        if len(places) == 2 and UNDEFINED not in places:
            yield from FractalHeap(self, places[0]).objects(places[1])

    def _local_heap(self, address: int) -> bytes:
        head = self._read(address, 8 + 2 * self._length + self._offset)
        if head[:4] != b"HEAP":
            raise unread("the names in one of its groups are damaged")
        size = self._lengths(head[8 : 8 + self._length])[0]
        return self._read(self._offsets(head[8 + 2 * self._length :])[0], size)

    def _tree(self, address: int, names: bytes, found: dict[str, int], depth: int) -> None:
        head = self._read(address, 8)
        if head[:4] == b"SNOD":
            self._symbols(address, int.from_bytes(head[6:8], "little"), names, found)
            return
        if head[:4] != b"TREE" or head[4] != 0 or depth > MOST_NESTING:
            raise unread("a group in it is damaged")
        used = int.from_bytes(head[6:8], "little")
        step = self._length + self._offset
        data = self._read(address + 8 + 2 * self._offset, used * step + self._length)
        for place in range(used):
            at = place * step + self._length
            self._tree(self._offsets(data[at : at + self._offset])[0], names, found, depth + 1)

    def _symbols(self, address: int, number: int, names: bytes, found: dict[str, int]) -> None:
        step = 2 * self._offset + 24
        data = self._read(address + 8, number * step)
        for at in range(0, number * step, step):
            self._source.allowance.spend()
            name_at, header = self._offsets(data[at : at + 2 * self._offset])
            end = names.find(b"\0", name_at)
            if name_at >= len(names) or end < 0:
                raise unread("the names in one of its groups are damaged")
            if int.from_bytes(data[at + 2 * self._offset : at + 2 * self._offset + 4], "little") != 2:
                self._keep(found, names[name_at:end], header)

    def _keep(self, found: dict[str, int], name: bytes, address: int) -> None:
        if len(found) >= MOST_TENSORS:
            raise unread(f"a group in it has more than {MOST_TENSORS:,} members")
        found[printable(name.decode("utf-8", "backslashreplace"))] = address

    def _link(self, body: bytes, found: dict[str, int]) -> None:
        """Take a link of the newer kind; those that lead to other names or files are left out."""
        if len(body) < 4 or body[0] != 1:
            raise unread("a link in it is damaged")
        flags, at, kind = body[1], 2, 0
        if flags & 8:
            kind, at = body[at], at + 1
        at += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
        width = 1 << (flags & 3)
        length = int.from_bytes(body[at : at + width], "little")
        name = body[at + width : at + width + length]
        place = body[at + width + length : at + width + length + self._offset]
        if kind == 0 and len(place) == self._offset:
            self._keep(found, name, self._offsets(place)[0])

    # Datasets and attributes.

    def dataset(self, address: int, name: str) -> tuple[tuple[int, ...], str] | None:
        """Return shape and type of a dataset; None where the object is none.

        Raises:
            InputError: it is damaged.
        """
        shape: tuple[int, ...] | None = None
        datatype: Datatype | None = None
        for kind, body in self.messages(address):
            if kind == DATASPACE:
                shape = self._shape(body, name)
            elif kind == DATATYPE:
                datatype = _datatype(body)
        return (shape, datatype.word) if shape is not None and datatype is not None else None

    def _shape(self, body: bytes, name: str) -> tuple[int, ...]:
        if len(body) < 4:
            raise unread(f"the shape of {quoted(name)} is damaged")
        version, rank = body[0], body[1]
        if version == 2 and body[3] == 2:
            return (0,)
        at = 8 if version == 1 else 4
        data = body[at : at + rank * self._length]
        if version not in (1, 2) or len(data) < rank * self._length:
            raise unread(f"the shape of {quoted(name)} is damaged")
        return shape_of(list(self._lengths(data)), name)

    def attributes(self, address: int) -> dict[str, Any]:
        """Return the attributes of an object that are texts and numbers, or lists of them.

        Raises:
            InputError: it is damaged.
        """
        found: dict[str, Any] = {}
        for kind, body in self.messages(address):
            if kind == ATTRIBUTE:
                self._attribute(body, found)
            elif kind == ATTRIBUTE_INFO:
                for attribute in self._dense(body, 2):
                    self._attribute(attribute, found)
        return found

    def _attribute(self, body: bytes, found: dict[str, Any]) -> None:
        if len(body) < 8:
            raise unread("an attribute in it is damaged")
        version, flags, name_size, type_size, space_size = struct.unpack_from("<BBHHH", body)
        at = 9 if version == 3 else 8
        parts = []
        for size in (name_size, type_size, space_size):
            parts.append(body[at : at + size])
            at += -(-size // 8) * 8 if version == 1 else size
        if version not in (1, 2, 3):
            raise unread("an attribute in it is damaged")
        name = parts[0].split(b"\0")[0].decode("utf-8", "replace")
        datatype = _datatype(self._shared(DATATYPE, parts[1], 2 if flags & 1 and version > 1 else 0))
        shape = self._shape(parts[2], name)
        number = 1
        for size in shape:
            number *= size
        if number > MOST_WORDS:
            raise unread(f"the attribute {quoted(name)} has {number:,} values; at most {MOST_WORDS:,} are read")
        self._source.allowance.spend(1 + number // 8)
        values = self._values(datatype, number, body[at:])
        if values is not None:
            found[name] = values if shape else (values[0] if values else None)

    def _values(self, datatype: Datatype, number: int, data: bytes) -> list[Any] | None:
        """Return the values of an attribute; None where they are neither texts nor numbers."""
        size = datatype.size
        if size * number > len(data):
            raise unread("an attribute in it is cut off")
        pieces = [data[at : at + size] for at in range(0, size * number, size)] if size else []
        if datatype.word == "text":
            return [piece.split(b"\0")[0].decode("utf-8", "backslashreplace") for piece in pieces]
        if datatype.word == "texts":
            return [self._far_text(piece) for piece in pieces]
        form = {"float32": "<f", "float64": "<d"}.get(datatype.word)
        if form is not None:
            return [struct.unpack(form, piece)[0] for piece in pieces]
        if datatype.word == "bool":
            return [piece != bytes(size) for piece in pieces]
        if datatype.word.startswith(("int", "uint")):
            signed = datatype.word.startswith("int")
            return [int.from_bytes(piece, "little", signed=signed) for piece in pieces]
        return None

    def _far_text(self, piece: bytes) -> str:
        """Return a text of any length: it stands in a heap that all of the file shares."""
        length = int.from_bytes(piece[:4], "little")
        address = self._offsets(piece[4 : 4 + self._offset])[0]
        index = int.from_bytes(piece[4 + self._offset : 8 + self._offset], "little")
        if not length or address in (0, UNDEFINED):
            return ""
        if length > MOST_ATTRIBUTE:
            raise unread(f"an attribute in it has {length:,} bytes; at most {MOST_ATTRIBUTE:,} are read")
        at, size = self._global_heap(address).get(index, (0, 0))
        if length > size:
            raise unread("an attribute in it is not where it should be")
        self._source.allowance.spend(length >> 6)
        return self._read(at, length).decode("utf-8", "backslashreplace")

    def _global_heap(self, address: int) -> dict[int, tuple[int, int]]:
        """Return where each object of such a heap stands, and how long it is."""
        if address in self._heaps:
            return self._heaps[address]
        head = self._read(address, 8 + self._length)
        if head[:4] != b"GCOL":
            raise unread("its heap of texts is damaged")
        end = address + self._lengths(head[8:])[0]
        at = address + 8 + self._length
        found: dict[int, tuple[int, int]] = {}
        step = 8 + self._length
        while at + step <= end:
            row = self._read(at, step)
            index = int.from_bytes(row[:2], "little")
            size = self._lengths(row[8:])[0]
            if index == 0:
                break
            found[index] = (at + step, size)
            at += step + -(-size // 8) * 8
        self._heaps[address] = found
        return found


class FractalHeap:
    """The heap in which the newer kind of group keeps many links, or an object many attributes."""

    def __init__(self, file: HDF5, address: int) -> None:
        """Read its header, and where its blocks are.

        Args:
            file: it stands in.
            address: of the header.

        Raises:
            InputError: it is damaged, or packed.
        """
        self._file = file
        offset, length = file._offset, file._length
        head = file._read(address, 22 + 12 * length + 3 * offset)
        if head[:4] != b"FRHP":
            raise unread("a heap of links in it is damaged")
        self._identity, filters, _, largest_object = struct.unpack_from("<HHBI", head, 5)
        if filters:
            raise unread("a heap of links in it is compressed, which Sizer does not read")
        at = 14 + 10 * length + 2 * offset
        columns = int.from_bytes(head[at : at + 2], "little")
        first, largest = file._lengths(head[at + 2 : at + 2 + 2 * length])
        at += 2 + 2 * length
        bits = int.from_bytes(head[at : at + 2], "little")
        root = file._offsets(head[at + 4 : at + 4 + offset])[0]
        rows = int.from_bytes(head[at + 4 + offset : at + 6 + offset], "little")
        if not columns or not first or largest < first or not 0 < bits <= 64 or rows * columns > 100_000:
            raise unread("a heap of links in it is damaged")
        self._offset_width = -(-bits // 8)
        self._length_width = _width_of(min(largest, largest_object))
        self._blocks: list[tuple[int, int, int]] = []
        """Offset in the heap, size and place of each block with messages."""
        if root == UNDEFINED:
            return
        if not rows:
            self._blocks.append((0, first, root))
            return
        at = 5 + offset + self._offset_width
        data = file._read(root, at + rows * columns * offset)
        if data[:4] != b"FHIB":
            raise unread("a heap of links in it is damaged")
        begin = 0
        for number, place in enumerate(file._offsets(data[at:])):
            size = first * 2 ** min(64, max(0, number // columns - 1))
            if place != UNDEFINED and size <= largest:
                self._blocks.append((begin, size, place))
            begin += size

    def objects(self, index: int) -> Iterator[bytes]:
        """Yield the messages in it, in the order of their index.

        Args:
            index: the address of the tree that says where each of them is.

        Raises:
            InputError: it is damaged.
        """
        file = self._file
        head = file._read(index, 18 + file._offset)
        kind, node_size, record_size, depth = struct.unpack_from("<BIHH", head, 5)
        root = file._offsets(head[16 : 16 + file._offset])[0]
        number = int.from_bytes(head[16 + file._offset :], "little")
        # Names of links come first a hash, then the place; those of attributes the place alone.
        if head[:4] != b"BTHD" or kind not in (5, 8) or depth > 8 or not 0 < record_size < node_size:
            raise unread("the index of a heap of links in it is damaged")
        skip = 4 if kind == 5 else 0
        most = [max(1, (node_size - 10) // record_size)]
        together = [most[0]]
        width = _width_of(most[0])
        for level in range(1, depth + 1):
            pointer = file._offset + width + (_width_of(together[-1]) if level > 1 else 0)
            most.append(max(1, (node_size - 10 - pointer) // (record_size + pointer)))
            together.append((most[-1] + 1) * together[-1] + most[-1])
        widths = (width, [_width_of(one) for one in together])
        if root != UNDEFINED:
            for record in self._records(root, number, record_size, depth, widths):
                yield self._object(record[skip : skip + self._identity])

    def _records(
        self, address: int, number: int, size: int, level: int, widths: tuple[int, list[int]]
    ) -> Iterator[bytes]:
        """Yield the records of a node and of those below it."""
        file = self._file
        pointer = file._offset + widths[0] + (widths[1][level - 1] if level > 1 else 0) if level else 0
        data = file._read(address, 6 + number * size + (number + 1) * pointer)
        if data[:4] != (b"BTIN" if level else b"BTLF"):
            raise unread("the index of a heap of links in it is damaged")
        for place in range(number):
            file._source.allowance.spend()
            yield data[6 + place * size : 6 + (place + 1) * size]
        for at in range(6 + number * size, len(data), pointer or len(data) + 1):
            child = file._offsets(data[at : at + file._offset])[0]
            below = int.from_bytes(data[at + file._offset : at + file._offset + widths[0]], "little")
            if level:
                yield from self._records(child, below, size, level - 1, widths)

    def _object(self, identity: bytes) -> bytes:
        """Return the bytes of a message, by what names it."""
        if identity[0] >> 4 & 3 == 2:
            return identity[1 : 2 + (identity[0] & 15)]
        offset = int.from_bytes(identity[1 : 1 + self._offset_width], "little")
        end = 1 + self._offset_width
        length = int.from_bytes(identity[end : end + self._length_width], "little")
        if identity[0] >> 4 & 3 == 0:
            for begin, size, place in self._blocks:
                if begin <= offset and offset + length <= begin + size:
                    return self._file._read(place + offset - begin, length)
        raise unread("a link or an attribute in it is stored in a way that Sizer does not read")


def _width_of(most: int) -> int:
    """Return in how many bytes numbers up to one are written."""
    return (max(1, most).bit_length() - 1) // 8 + 1


def _datatype(body: bytes) -> Datatype:
    """Return a type from its message."""
    if len(body) < 8:
        raise unread("a type in it is damaged")
    kind, bits = body[0] & 15, int.from_bytes(body[1:4], "little")
    size = int.from_bytes(body[4:8], "little")
    word = "other"
    if kind == 0 and size <= 16:
        word = f"{'int' if bits & 8 else 'uint'}{8 * size}"
    elif kind == 1 and size <= 16:
        word = f"float{8 * size}"
    elif kind == 3:
        word = "text"
    elif kind == 8:
        # NumPy's truth values are an enumeration of FALSE and TRUE.
        word = "bool" if b"FALSE\0" in body and b"TRUE\0" in body else _datatype(body[8:]).word
    elif kind == 9 and bits & 15 == 1:
        word = "texts"
    elif kind == 6:
        word = "complex64" if size == 8 else "complex128" if size == 16 else "structured"
    return Datatype(word, size)

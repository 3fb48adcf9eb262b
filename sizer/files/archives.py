"""Archives become the members in them, each a source of its own: zip and tar, read by their directories alone.

Nothing is unpacked to a disk, so a member's name is a name and no path: one that climbs leads nowhere.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sizer.errors import quoted
from sizer.files.byte_sources import ByteSource, PackedBytes
from sizer.files.limits import printable, unread

MOST_MEMBERS = 300_000
"""In one archive; a checkpoint has one for each tensor."""
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
STORED, DEFLATED = 0, 8
METHODS = {DEFLATED: "deflate", 12: "bz2", 14: "xz"}


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive."""

    name: str
    size: int
    """Of what it unpacks to."""
    start: int
    """In a zip the local header, in a tar the first byte."""
    packed: int
    method: int


class Zip:
    """A zip archive: its directory is read, its members where they are asked for."""

    def __init__(self, source: ByteSource) -> None:
        """Read the directory at its end.

        Args:
            source: the archive.

        Raises:
            InputError: it has no whole directory.
        """
        self._source = source
        self.members: dict[str, Member] = {}
        for member in self._directory():
            self.members[member.name] = member

    def _directory(self) -> Iterator[Member]:
        source = self._source
        tail_start = max(0, source.size - 66_000)
        tail = source.read(max(0, source.size - 22), min(22, source.size))
        where = 0
        if not (tail.startswith(b"PK\5\6") and tail.endswith(b"\0\0")):
            tail = source.read(tail_start, source.size - tail_start)
            where = tail.rfind(b"PK\5\6")
        if where < 0 or where + _END.size > len(tail):
            raise unread("it is cut off: a zip archive ends with a directory, and this one does not")
        end = source.size - len(tail) + where
        _, _, _, _, number, size, start, _ = _END.unpack_from(tail, where)
        locator = source.read(end - _LOCATOR_64.size, _LOCATOR_64.size) if end >= _LOCATOR_64.size else b""
        if locator.startswith(b"PK\6\7"):
            # Some writers put the long form there although the short one would do.
            at = _LOCATOR_64.unpack(locator)[2]
            found = _END_64.unpack(source.read(at, _END_64.size))
            if found[0] != b"PK\6\6":
                raise unread("its zip directory is damaged")
            number, size, start, end = found[7], found[8], found[9], at
        if number > MOST_MEMBERS:
            raise unread(f"it has {number:,} members; at most {MOST_MEMBERS:,} are read")
        # Bytes in front of the archive shift everything.
        shift = end - size - start
        if shift < 0:
            raise unread("its zip directory is damaged")
        self._shift = shift
        directory = source.read(start + shift, size)
        source.allowance.spend(number)
        at = 0
        for _ in range(number):
            if at + _ENTRY.size > size:
                raise unread("its zip directory is damaged")
            entry = _ENTRY.unpack_from(directory, at)
            if entry[0] != b"PK\1\2":
                raise unread("its zip directory is damaged")
            flags, method = entry[3:5]
            packed, whole, name_length, extra_length, comment = entry[8:13]
            local = entry[16]
            at += _ENTRY.size
            name = directory[at : at + name_length]
            extra = directory[at + name_length : at + name_length + extra_length]
            at += name_length + extra_length + comment
            packed, whole, local = _wide(extra, packed, whole, local)
            if flags & 1:
                raise unread("it is encrypted")
            text = printable(name.decode("utf-8" if flags & 0x800 else "cp437", "replace"))
            yield Member(text, whole, local, packed, method)

    def open(self, name: str) -> ByteSource:
        """Return what stands in a member.

        Raises:
            InputError: there is no such member, or it is packed in a way that is not read.
        """
        member = self.members.get(name)
        if member is None:
            raise unread(f"it has no {quoted(name)}")
        at = member.start + self._shift
        local = _LOCAL.unpack(self._source.read(at, _LOCAL.size))
        if local[0] != b"PK\3\4":
            raise unread(f"the zip member {quoted(name)} is not where the directory says")
        start = at + _LOCAL.size + local[9] + local[10]
        if member.method == STORED:
            return self._source.part(start, member.size)
        kind = METHODS.get(member.method)
        if kind in (None, "xz"):
            raise unread(
                f"the zip member {quoted(name)} is compressed with method {member.method}, which Sizer does not read"
            )
        return PackedBytes(self._source.part(start, member.packed), str(kind), member.size)

    def read(self, name: str) -> bytes:
        """Return a short member whole."""
        source = self.open(name)
        return source.read(0, source.size)


def _wide(extra: bytes, packed: int, whole: int, local: int) -> tuple[int, int, int]:
    """Return sizes and place from a zip64 field, where the short ones say that they stand there."""
    at = 0
    while at + 4 <= len(extra):
        identity, length = struct.unpack_from("<2H", extra, at)
        body = extra[at + 4 : at + 4 + length]
        at += 4 + length
        if identity != 1:
            continue
        values = iter(struct.unpack(f"<{len(body) // 8}Q", body[: len(body) // 8 * 8]))
        if whole == 0xFFFFFFFF:
            whole = next(values, whole)
        if packed == 0xFFFFFFFF:
            packed = next(values, packed)
        if local == 0xFFFFFFFF:
            local = next(values, local)
    return packed, whole, local


def is_tar(head: bytes) -> bool:
    """Return whether the first 512 bytes are a tar header: its checksum says so."""
    if len(head) < 512 or not head[0]:
        return False
    said = _octal(head[148:156])
    return said is not None and said == sum(head[:148]) + 32 * 8 + sum(head[156:512])


def _octal(text: bytes) -> int | None:
    if text[:1] in (b"\x80", b"\xff"):
        return int.from_bytes(text[1:], "big") if text[:1] == b"\x80" else None
    word = text.strip(b" \0")
    return int(word, 8) if re.fullmatch(rb"[0-7]{1,12}", word) else None


class Tar:
    """A tar archive: its headers are read one behind the other."""

    def __init__(self, source: ByteSource) -> None:
        """Read the headers.

        Args:
            source: the archive.

        Raises:
            InputError: it is damaged.
        """
        self._source = source
        self.members: dict[str, Member] = {}
        at, long_name = 0, None
        extended: dict[str, str] = {}
        while at + 512 <= source.size:
            header = source.read(at, 512)
            if not header.strip(b"\0"):
                break
            size = _octal(header[124:136])
            if not is_tar(header) or size is None:
                raise unread(f"its tar header at byte {at:,} is damaged")
            source.allowance.spend(4)
            kind = header[156:157]
            at += 512
            if kind == b"L":
                long_name = source.read(at, min(size, 8192)).rstrip(b"\0")
            elif kind == b"x":
                extended = _extended(source.read(at, min(size, 65_536)))
            elif kind in (b"0", b"\0", b"7"):
                name = header[:100].rstrip(b"\0")
                if header[257:262] == b"ustar" and header[345:346] != b"\0" and header[263:265] == b"00":
                    name = header[345:500].rstrip(b"\0") + b"/" + name
                text = extended.get("path") or (long_name or name).decode("utf-8", "replace")
                said = extended.get("size", "")
                size = int(said) if said.isascii() and said.isdigit() and len(said) < 20 else size
                text = printable(text)
                self.members[text] = Member(text, size, at, size, STORED)
                if len(self.members) > MOST_MEMBERS:
                    raise unread(f"it has more than {MOST_MEMBERS:,} members")
                if at + size > source.size:
                    raise unread(f"it is cut off: the tar member {quoted(text)} goes past the end of the file")
                long_name, extended = None, {}
            else:
                long_name, extended = None, {}
                size = size if kind in (b"g", b"K", b"S") else 0
            at += -(-size // 512) * 512

    def open(self, name: str) -> ByteSource:
        """Return what stands in a member.

        Raises:
            InputError: there is no such member.
        """
        member = self.members.get(name)
        if member is None:
            raise unread(f"it has no {quoted(name)}")
        return self._source.part(member.start, member.size)

    def read(self, name: str) -> bytes:
        """Return a short member whole."""
        source = self.open(name)
        return source.read(0, source.size)


def _extended(data: bytes) -> dict[str, str]:
    """Return the records of a pax header: `LENGTH KEY=VALUE` lines."""
    found = {}
    while data:
        number, _, _ = data.partition(b" ")
        length = int(number) if re.fullmatch(rb"\d{1,6}", number) else 0
        if not len(number) + 1 < length <= len(data):
            break
        key, _, value = data[len(number) + 1 : length - 1].partition(b"=")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        data = data[length:]
    return found

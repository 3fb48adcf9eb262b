"""Bytes are read where they stand, a range at a time: in a file, behind a URL, in a part of another file, unpacked.

A range that is not there is a fault that says so, never fewer bytes than were asked for.
"""

from __future__ import annotations

import bz2
import lzma
import os
import re
import zlib
from abc import ABC, abstractmethod
from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from sizer.errors import quoted
from sizer.files.limits import MOST_AT_ONCE, ReadingAllowance, unread

BLOCK = 2**15
"""Bytes that are read together from a file."""
FAR_BLOCK = 2**18
"""The same behind a URL, where each request takes longer than its bytes."""
KEPT_BLOCKS = 64
MOST_REQUESTS = 400
"""To one URL: a header takes one to three."""
TIMEOUT = 30
"""Seconds that a server may be silent."""


class ByteSource(ABC):
    """Bytes with a size, of which any range can be read."""

    def __init__(self, size: int, allowance: ReadingAllowance) -> None:
        """Keep what every source has.

        Args:
            size: how many bytes there are.
            allowance: what reading it may cost.
        """
        self.size = size
        self.allowance = allowance

    @abstractmethod
    def _take(self, start: int, length: int) -> bytes:
        """Return a range that lies within the size."""

    def read(self, start: int, length: int) -> bytes:
        """Return a range of the bytes.

        Raises:
            InputError: it goes past the end of the file, or it is longer than a header can be.
        """
        if start < 0 or length < 0 or start + length > self.size:
            raise unread(
                f"it is cut off: {quoted(length)} bytes should be at byte {quoted(start)}, but it has {self.size:,}"
            )
        if length > MOST_AT_ONCE:
            raise unread(f"a header of {length:,} bytes is longer than the limit ({MOST_AT_ONCE:,})")
        return self._take(start, length)

    def head(self, length: int) -> bytes:
        """Return the first bytes, fewer where there are not so many."""
        return self.read(0, min(length, self.size))

    def part(self, start: int, length: int) -> ByteSource:
        """Return a range as a source of its own, without reading it.

        Raises:
            InputError: it goes past the end of the file.
        """
        if start < 0 or length < 0 or start + length > self.size:
            raise unread(
                f"it is cut off: {quoted(length)} bytes should be at byte {quoted(start)}, but it has {self.size:,}"
            )
        return _SourcePart(self, start, length)


class _SourcePart(ByteSource):
    def __init__(self, whole: ByteSource, start: int, length: int) -> None:
        super().__init__(length, whole.allowance)
        self._whole = whole
        self._start = start

    def _take(self, start: int, length: int) -> bytes:
        return self._whole.read(self._start + start, length)


class MemoryBytes(ByteSource):
    """Bytes that are there already."""

    def __init__(self, data: bytes, allowance: ReadingAllowance) -> None:
        """Read from them.

        Args:
            data: all of them.
            allowance: what reading may cost.
        """
        super().__init__(len(data), allowance)
        self._data = data

    def _take(self, start: int, length: int) -> bytes:
        return self._data[start : start + length]


class _Blocks(ByteSource):
    """A source that is read in blocks, of which the last ones are kept: headers are many small ranges close together."""

    block = BLOCK

    def __init__(self, size: int, allowance: ReadingAllowance) -> None:
        super().__init__(size, allowance)
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    @abstractmethod
    def _fetch(self, start: int, length: int) -> bytes:
        """Read a range anew."""

    def _take(self, start: int, length: int) -> bytes:
        first, last = start // self.block, (start + length - 1) // self.block
        if length > 2 * self.block:
            return self._fetch(start, length)
        data = b"".join(self._one(number) for number in range(first, last + 1)) if length else b""
        begin = start - first * self.block
        return data[begin : begin + length]

    def _one(self, number: int) -> bytes:
        found = self._kept.get(number)
        if found is None:
            start = number * self.block
            found = self._kept[number] = self._fetch(start, min(self.block, self.size - start))
            if len(self._kept) > KEPT_BLOCKS:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(number)
        return found


class LocalBytes(_Blocks):
    """A file on this machine, open until the `with` block ends."""

    def __init__(self, path: str | Path, allowance: ReadingAllowance) -> None:
        """Open it.

        Args:
            path: of a file; pipes and devices are refused, since they have no size.
            allowance: what reading may cost.

        Raises:
            InputError: it cannot be opened.
        """
        try:
            if not Path(path).is_file():
                raise unread("no such file" if not Path(path).exists() else "it is not a file")
            self._file: BinaryIO = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed by `__exit__`
            size = os.fstat(self._file.fileno()).st_size
        except (OSError, ValueError) as problem:
            if hasattr(problem, "faults"):
                raise
            raise unread(f"it cannot be opened: {getattr(problem, 'strerror', None) or problem}") from None
        super().__init__(size, allowance)

    def __enter__(self) -> LocalBytes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _fetch(self, start: int, length: int) -> bytes:
        try:
            self._file.seek(start)
            data = self._file.read(length)
            while len(data) < length:
                more = self._file.read(length - len(data))
                if not more:
                    raise unread("it became shorter while it was read")
                data += more
        except OSError as problem:
            raise unread(f"it cannot be read: {problem.strerror}") from None
        return data


class FarBytes(_Blocks):
    """What stands behind a URL, by HTTP Range requests: a server that sends only the whole is refused."""

    block = FAR_BLOCK

    def __init__(self, url: str, allowance: ReadingAllowance) -> None:
        """Ask for the first block, and so for the size.

        Args:
            url: with `http` or `https`.
            allowance: what reading may cost.

        Raises:
            InputError: there is nothing, or the server allows no ranges.
        """
        self.url = url
        self._requests = 0
        first, size = self._ask(0, self.block)
        super().__init__(size, allowance)
        self._kept[0] = first

    def _ask(self, start: int, length: int) -> tuple[bytes, int]:
        """Return a range, and how many bytes there are in all."""
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            raise unread(f"it takes more than {MOST_REQUESTS} requests; download the file and look at it here")
        if not re.match(r"https?://", self.url, re.IGNORECASE):
            raise unread("a URL starts with http:// or https://")
        # HTTP takes longer to import than most files take to read.
        import urllib.error
        import urllib.request

        wanted = {"Range": f"bytes={start}-{start + length - 1}", "Accept-Encoding": "identity"}
        try:
            request = urllib.request.Request(self.url, headers=wanted)
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                said = re.fullmatch(r"bytes (\d+)-(\d+)/(\d{1,18})", answer.headers.get("Content-Range", "").strip())
                if answer.status != 206 or said is None:
                    raise unread(
                        "the server sends only the whole file, not ranges of it; download it and look at it here"
                    )
                first, last, size = map(int, said.groups())
                data: bytes = answer.read(length + 1)
        except urllib.error.HTTPError as problem:
            problem.close()
            if problem.code == 416:
                raise unread("it is empty, or it became shorter while it was read") from None
            raise unread(f"the server answered {problem.code}") from None
        except (OSError, ValueError) as problem:
            if hasattr(problem, "faults"):
                raise
            raise unread(f"it cannot be reached: {getattr(problem, 'reason', problem)}") from None
        if first != start or last != start + len(data) - 1 or len(data) != min(length, size - start):
            raise unread("the server sent a different range than the one requested")
        return data, size

    def _fetch(self, start: int, length: int) -> bytes:
        data, size = self._ask(start, length)
        if size != self.size:
            raise unread("it changed while it was read")
        return data


class PackedBytes(_Blocks):
    """What comes out of compressed bytes, never all of it in memory: going back begins anew."""

    def __init__(self, packed: ByteSource, kind: str, size: int | None = None) -> None:
        """Unpack as far as is asked.

        Args:
            packed: the compressed bytes.
            kind: `deflate`, `zlib`, `gzip`, `bz2` or `xz`.
            size: of what comes out, where it is known; else it is unpacked once to be counted.

        Raises:
            InputError: it is no such thing, or it unpacks to more than is read.
        """
        self._packed = packed
        self._kind = kind
        super().__init__(size if size is not None else 0, packed.allowance)
        self._again()
        if size is None:
            while piece := self._next():
                self.size += len(piece)
            self._again()

    def _again(self) -> None:
        self._unpacker: Any = _UNPACKERS[self._kind]()
        self._read = 0
        self._left = b""
        self._held = b""
        self._at = 0

    def _next(self) -> bytes:
        """Return the next bytes that come out, empty at the end."""
        while not self._ended():
            piece = self._left or (self._more() if getattr(self._unpacker, "needs_input", True) else b"")
            try:
                out: bytes = self._unpacker.decompress(piece, 2 * BLOCK)
            except (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError, MemoryError) as problem:
                raise unread(f"it cannot be unpacked: {problem}") from None
            self._left = getattr(self._unpacker, "unconsumed_tail", b"")
            self.allowance.unpack(len(out))
            if out:
                return out
            if not piece and not self._unpacker.eof:
                raise unread("it is cut off: the compressed part does not end")
        return b""

    def _more(self) -> bytes:
        piece = self._packed.read(self._read, min(BLOCK, self._packed.size - self._read))
        self._read += len(piece)
        return piece

    def _ended(self) -> bool:
        """Return whether all is unpacked; a gzip file may hold several parts, one behind the other."""
        if not self._unpacker.eof:
            return False
        rest = self._unpacker.unused_data + self._more() if self._kind == "gzip" else b""
        if not rest.startswith(b"\x1f\x8b"):
            return True
        self._unpacker, self._left = _UNPACKERS[self._kind](), rest
        return False

    def _fetch(self, start: int, length: int) -> bytes:
        if start < self._at:
            self._again()
        while self._at + len(self._held) < start + length:
            if self._at + len(self._held) <= start:
                self._at += len(self._held)
                self._held = b""
            elif self._at < start:
                self._held = self._held[start - self._at :]
                self._at = start
            more = self._next()
            if not more:
                raise unread("it unpacks to fewer bytes than it says")
            self._held += more
        return self._held[start - self._at : start - self._at + length]


_UNPACKERS: dict[str, Any] = {
    "deflate": lambda: zlib.decompressobj(-15),
    "zlib": zlib.decompressobj,
    "gzip": lambda: zlib.decompressobj(31),
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=256 * 2**20),
}


class Cursor:
    """A place in a source that moves on: what is skipped is not read."""

    __slots__ = ("_buffer", "_buffer_start", "allowance", "at", "end", "source")

    def __init__(self, source: ByteSource, start: int = 0, end: int | None = None) -> None:
        """Stand at the start.

        Args:
            source: the bytes.
            start: the first byte.
            end: behind the last one; the source's where left out.
        """
        self.source = source
        self.allowance = source.allowance
        self.at = start
        self.end = source.size if end is None else end
        self._buffer = b""
        self._buffer_start = start

    def take(self, length: int) -> bytes:
        """Return the next bytes, and stand behind them.

        Raises:
            InputError: there are not so many.
        """
        begin = self.at - self._buffer_start
        data = self._buffer[begin : begin + length] if begin >= 0 else b""
        if len(data) != length:
            if self.at + length > self.end:
                raise unread(
                    f"it is cut off: {quoted(length)} bytes should be at byte {self.at:,}, but it ends at {self.end:,}"
                )
            self._buffer_start = self.at
            self._buffer = self.source.read(self.at, max(length, min(4096, self.end - self.at)))
            data = self._buffer[:length]
        self.at += length
        return data

    def hold(self, data: bytes, start: int) -> None:
        """Take bytes from what is there already.

        Args:
            data: some of the source's bytes.
            start: the place of the first of them.
        """
        self._buffer = data
        self._buffer_start = start

    def window(self) -> tuple[bytes, int]:
        """Return bytes that are at hand, and the place among them where it stands; nothing is taken."""
        begin = self.at - self._buffer_start
        if not 0 <= begin < len(self._buffer) - 16 and self.at < self.end:
            self._buffer_start, begin = self.at, 0
            self._buffer = self.source.read(self.at, min(4096, self.end - self.at))
        return self._buffer, max(0, begin)

    def skip(self, length: int) -> None:
        """Stand so many bytes further on.

        Raises:
            InputError: there are not so many.
        """
        if length < 0 or self.at + length > self.end:
            raise unread(
                f"it is cut off: {quoted(length)} bytes should be at byte {self.at:,}, but it ends at {self.end:,}"
            )
        self.at += length

    def line(self, most: int = 65_536) -> bytes:
        """Return the bytes up to the next line break, without it, and stand behind it.

        Raises:
            InputError: there is none within so many bytes.
        """
        begin = self.at
        kept, length = self.long_line(most)
        if length > most:
            raise unread(f"the line at byte {begin:,} has {length:,} bytes; at most {most:,} are read")
        return kept

    def long_line(self, keep: int) -> tuple[bytes, int]:
        """Return the first bytes of the line and how many it has, and stand behind it; what is not kept is passed over.

        Raises:
            InputError: it does not end.
        """
        kept, length, step = b"", 0, 256
        while True:
            more = self.source.read(self.at, min(step, self.end - self.at))
            self.allowance.spend()
            found = more.find(b"\n")
            piece = more if found < 0 else more[:found]
            kept += piece[: keep - len(kept)]
            length += len(piece)
            self.at += len(piece)
            if found >= 0:
                self.at += 1
                return kept, length
            if not more:
                raise unread(f"the line at byte {self.at - length:,} does not end")
            step = BLOCK

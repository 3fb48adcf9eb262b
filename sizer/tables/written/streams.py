"""What tables are written into, and in which form."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from sizer.formats import FORMATS
from sizer.outlets import write_whole

Sink = Path | IO[bytes] | io.RawIOBase

CSV_DIALECTS = {"standard": ",", "excel-eu": ";", "tsv": "\t"}
"""Name -> what stands between two values. `excel-eu` is what Excel opens rightly where commas are decimal."""
PARQUET_ENCODINGS = ("delta", "plain")
"""Of integers; `plain` is for readers that do not know delta."""


@dataclass(frozen=True)
class Form:
    """How tables are written, where there is a choice."""

    parquet_encoding: str = "delta"
    """One of `PARQUET_ENCODINGS`."""
    csv_dialect: str = "standard"
    """One of `CSV_DIALECTS`."""
    gzip: bool = False
    """Whether CSV is compressed."""
    quoted: bool = False
    """Whether words stand in quotes in CSV: those of a run need none, those of other people's files may."""

    def extension(self, format_name: str) -> str:
        """Return the extension of a format's files.

        Example:
            >>> Form(csv_dialect="tsv", gzip=True).extension("csv"), Form().extension("parquet")
            ('tsv.gz', 'parquet')
        """
        row = FORMATS["tsv" if format_name == "csv" and self.csv_dialect == "tsv" else format_name]
        return row.endings[0] + (".gz" if row.gzip and self.gzip else "")


class LeftOpen(io.RawIOBase):
    """A stream that the caller opened and closes, whatever Arrow does with its own end of it."""

    def __init__(self, stream: IO[bytes] | io.RawIOBase) -> None:
        self._stream = stream

    def writable(self) -> bool:
        """Return that it is."""
        return True

    def write(self, data: Any) -> int:
        """Hand all of the bytes on; return how many. Arrow asks no stream how many it took."""
        return write_whole(self._stream, data)


def opened(sink: Sink) -> Any:
    """Return a sink as a stream of Arrow's; a stream that the caller opened stays open when that one is closed."""
    return pa.OSFile(as_arrow_takes_it(sink), "wb") if isinstance(sink, Path) else pa.PythonFile(LeftOpen(sink), "w")


def as_arrow_takes_it(path: Path) -> str | bytes:
    """Return a path for Arrow, which would have a name's text in UTF-8 and takes bytes as they are."""
    return os.fsencode(path) if os.name == "posix" else str(path)

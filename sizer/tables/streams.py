"""What tables are written into, in which form, and work that goes on behind the caller."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

Sink = Path | IO[bytes] | io.RawIOBase

CSV_DIALECTS = {"standard": ",", "excel-eu": ";", "tsv": "\t"}
"""Name -> what stands between two values. `excel-eu` is what Excel opens rightly where commas are decimal."""


@dataclass(frozen=True)
class Form:
    """How tables are written, where there is a choice."""

    parquet_encoding: str = "delta"
    """Of integers: `delta`, or `plain` for readers that do not know delta."""
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
        if format_name != "csv":
            return format_name
        return ("tsv" if self.csv_dialect == "tsv" else "csv") + (".gz" if self.gzip else "")


class Behind:
    """Does one thing after the other in a thread of its own, while the caller prepares what comes next."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._last: Future[object] | None = None

    def do(self, work: Callable[[], object]) -> None:
        """Start on something once the last thing is done; raise what went wrong with that one."""
        self.wait()
        self._last = self._thread.submit(work)

    def wait(self) -> None:
        """Return when everything is done, or raise what went wrong."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def close(self) -> None:
        """Wait, and end the thread."""
        try:
            self.wait()
        finally:
            self._thread.shutdown()


class LeftOpen(io.RawIOBase):
    """A stream that the caller opened and closes, whatever Arrow does with its own end of it."""

    def __init__(self, stream: IO[bytes] | io.RawIOBase) -> None:
        self._stream = stream

    def writable(self) -> bool:
        """Return that it is."""
        return True

    def write(self, data: Any) -> int:
        """Hand bytes on; return how many."""
        return self._stream.write(data) or 0


def opened(sink: Sink) -> Any:
    """Return a sink as a stream of Arrow's; a stream that the caller opened stays open when that one is closed."""
    return pa.OSFile(str(sink), "wb") if isinstance(sink, Path) else pa.PythonFile(LeftOpen(sink), "w")

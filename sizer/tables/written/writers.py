"""Several files of the same rows are written together, each by the writer of its format."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa

from sizer.formats import FORMATS, named
from sizer.tables.written.streams import Form, Sink


class TableWriter(Protocol):
    """Writes the tables that it is given one after the other into one file."""

    def write(self, table: pa.Table) -> None:
        """Append rows."""

    def close(self) -> None:
        """Finish the file."""


def opened_writer(
    format_name: str, sink: Sink, schema: pa.Schema, metadata: Mapping[str, str], form: Form
) -> TableWriter:
    """Return the writer of a format that is written row by row."""
    writer: TableWriter = named(FORMATS[format_name].writer)(sink, schema, metadata, form)
    return writer


class Writers:
    """Several tables of the same rows, written together."""

    def __init__(self, writers: list[TableWriter]) -> None:
        """Take over writers that are open."""
        self._writers = writers

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def write(self, table: pa.Table) -> None:
        """Append rows to every table."""
        for writer in self._writers:
            writer.write(table)

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish every file, though one of them cannot be."""
        with contextlib.ExitStack() as stack:
            for writer in self._writers:
                stack.callback(writer.close)


def expected_bytes(sample: pa.Table, rows: int, format_name: str, metadata: Mapping[str, str], form: Form) -> int:
    """Return about how large a table of so many rows gets, from a sample of its rows.

    Args:
        sample: at least one row.
        rows: of the whole table.
        format_name, metadata, form: as the writers take them.
    """
    fixed, whole = (_file_bytes(table, format_name, metadata, form) for table in (sample.slice(0, 0), sample))
    return fixed + (whole - fixed) * rows // len(sample)


def _file_bytes(table: pa.Table, format_name: str, metadata: Mapping[str, str], form: Form) -> int:
    sink = _Counter()
    writer = opened_writer(format_name, sink, table.schema, metadata, form)
    writer.write(table)
    writer.close()
    return sink.written


class _Counter(io.RawIOBase):
    """A sink that only counts."""

    written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.written += size
        return size

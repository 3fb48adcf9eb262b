"""Tables become CSV and Parquet files, batch by batch, in memory that does not grow with the table."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from sizer.tables.arrow import kind

Sink = Path | IO[bytes] | io.RawIOBase


class TableWriter(Protocol):
    """Writes the tables that it is given one after the other into one file."""

    def write(self, table: pa.Table) -> None:
        """Append rows."""

    def close(self) -> None:
        """Finish the file."""


class CsvWriter:
    """Comma-separated, UTF-8, one header line, plain integers, `true` and `false`: byte for byte what pandas writes.

    Nothing needs quotes: columns are whole numbers, booleans and the words of a fixed list.
    """

    def __init__(self, sink: Sink, schema: pa.Schema, metadata: Mapping[str, str], encoding: str = "delta") -> None:
        """Open the file and write the header; CSV has no room for metadata or encodings."""
        self._file = pa.OSFile(str(sink), "wb") if isinstance(sink, Path) else pa.PythonFile(sink, "w")
        self._file.write((",".join(schema.names) + "\n").encode())
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
        self._writer = pyarrow.csv.CSVWriter(self._file, schema, write_options=options)

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        self._writer.write_table(table)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
        self._file.close()


class ParquetWriter:
    """Parquet with zstd: a dictionary for words, delta encoding for integers, the sweep's provenance as metadata.

    Delta encoding keeps the sorted columns of a grid small. Readers that do not know it (fastparquet returns wrong
    numbers) need `encoding="plain"`.
    """

    def __init__(self, sink: Sink, schema: pa.Schema, metadata: Mapping[str, str], encoding: str = "delta") -> None:
        """Open the file; `encoding` is `delta` or `plain`."""
        integers = [name for name in schema.names if kind(name) == "count"]
        options: dict[str, Any] = {"use_dictionary": [name for name in schema.names if kind(name) == "choice"]}
        if encoding == "delta":
            options["column_encoding"] = dict.fromkeys(integers, "DELTA_BINARY_PACKED")
        self._writer = pyarrow.parquet.ParquetWriter(
            sink, schema.with_metadata(dict(metadata)), compression="zstd", **options
        )

    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Say more of the table, known only once its rows are."""
        self._writer.add_key_value_metadata(dict(metadata))

    def write(self, table: pa.Table) -> None:
        """Append rows as one row group."""
        self._writer.write_table(table, row_group_size=max(1, len(table)))

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


WRITERS: dict[str, Callable[[Sink, pa.Schema, Mapping[str, str], str], TableWriter]] = {
    "csv": CsvWriter,
    "parquet": ParquetWriter,
}
"""How each format is written; the format is the file's extension too."""


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
        """Finish every file."""
        for writer in self._writers:
            writer.close()


def expected_bytes(sample: pa.Table, rows: int, format_name: str, metadata: Mapping[str, str], encoding: str) -> int:
    """Return about how large a table of so many rows gets, from a sample of its rows.

    Args:
        sample: at least one row.
        rows: of the whole table.
        format_name, metadata, encoding: as the writers take them.
    """
    fixed, whole = (_file_bytes(table, format_name, metadata, encoding) for table in (sample.slice(0, 0), sample))
    return fixed + (whole - fixed) * rows // len(sample)


def _file_bytes(table: pa.Table, format_name: str, metadata: Mapping[str, str], encoding: str) -> int:
    sink = _Counter()
    writer = WRITERS[format_name](sink, table.schema, metadata, encoding)
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

"""Tables become CSV and Parquet files, batch by batch, in memory that does not grow with the table."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from sizer.tables.arrow import ROW_GROUP, with_dictionaries

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


class TableWriter(Protocol):
    """Writes the tables that it is given one after the other into one file."""

    def write(self, table: pa.Table) -> None:
        """Append rows."""

    def close(self) -> None:
        """Finish the file."""


class _Behind:
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


class CsvWriter:
    """UTF-8, one header line, plain integers, `true` and `false`: byte for byte what pandas writes.

    In a run's table nothing needs quotes: it has whole numbers, booleans and known words. No value has decimals, so
    that dialects differ in what stands between values, and in the mark by which Excel knows UTF-8.
    """

    def __init__(self, sink: Sink, schema: pa.Schema, metadata: Mapping[str, str], form: Form) -> None:
        """Open the file and write the header; CSV has no room for metadata."""
        self._sink = pa.OSFile(str(sink), "wb") if isinstance(sink, Path) else pa.PythonFile(_LeftOpen(sink), "w")
        # Arrow's gzip notes neither a name nor a time: equal rows give equal bytes.
        self._file = pa.CompressedOutputStream(self._sink, "gzip") if form.gzip else self._sink
        delimiter = CSV_DIALECTS[form.csv_dialect]
        mark = "\ufeff" if form.csv_dialect == "excel-eu" else ""
        self._file.write((mark + delimiter.join(schema.names) + "\n").encode())
        self._schema = schema
        self._options = pyarrow.csv.WriteOptions(
            include_header=False, quoting_style="needed" if form.quoted else "none", delimiter=delimiter
        )
        self._texts = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sizer")
        self._behind = _Behind()

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        # Two tables become text side by side, and are appended in their order.
        text = self._texts.submit(self._text_of, table)
        self._behind.do(lambda: self._file.write(text.result()))

    def _text_of(self, table: pa.Table) -> pa.Buffer:
        text = pa.BufferOutputStream()
        pyarrow.csv.write_csv(table.cast(self._schema), text, self._options)
        return text.getvalue()

    def close(self) -> None:
        """Finish the file."""
        try:
            self._behind.close()
        finally:
            self._texts.shutdown()
            self._file.close()
            self._sink.close()


class ParquetWriter:
    """Parquet with zstd: a dictionary for words, delta encoding for integers, the sweep's provenance as metadata.

    Delta encoding keeps the sorted columns of a grid small. Readers that do not know it (fastparquet returns wrong
    numbers) need `plain`.
    """

    def __init__(self, sink: Sink, schema: pa.Schema, metadata: Mapping[str, str], form: Form) -> None:
        """Open the file."""
        integers = [field.name for field in schema if pa.types.is_integer(field.type)]
        self._words = [field.name for field in schema if pa.types.is_string(field.type)]
        options: dict[str, Any] = {"use_dictionary": self._words}
        if form.parquet_encoding == "delta":
            options["column_encoding"] = dict.fromkeys(integers, "DELTA_BINARY_PACKED")
        # With its schema in the file Arrow would remember that words came as dictionaries, and pandas read categories.
        self._writer = pyarrow.parquet.ParquetWriter(
            sink,
            with_dictionaries(schema),
            compression="zstd",
            store_schema=False,
            # Looking at statistics once per row group instead of every thousand rows is a third of the time of a word.
            write_batch_size=ROW_GROUP,
            **options,
        )
        self._writer.add_key_value_metadata(dict(metadata))
        self._behind = _Behind()

    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Say more of the table, known only once its rows are."""
        self._behind.wait()
        self._writer.add_key_value_metadata(dict(metadata))

    def write(self, table: pa.Table) -> None:
        """Append rows as one row group."""
        self._behind.do(lambda: self._write(table))

    def _write(self, table: pa.Table) -> None:
        columns = [
            _as_dictionary(column) if name in self._words else column
            for name, column in zip(table.schema.names, table.columns, strict=True)
        ]
        encoded = pa.Table.from_arrays(columns, schema=with_dictionaries(table.schema))
        self._writer.write_table(encoded, row_group_size=max(1, len(table)))

    def close(self) -> None:
        """Finish the file."""
        try:
            self._behind.close()
        finally:
            self._writer.close()


def _as_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return words as a dictionary of those that occur, in the order in which they do."""
    found = column.combine_chunks()
    if not pa.types.is_dictionary(found.type):
        found = found.dictionary_encode()
    codes = found.indices.to_numpy()
    if len(codes) and (codes == codes[0]).all():
        codes, places = np.zeros_like(codes), codes[:1]
    else:
        seen, first, codes = np.unique(codes, return_index=True, return_inverse=True)
        order = np.argsort(first)
        codes, places = np.argsort(order).astype(np.int32)[codes], seen[order]
    return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, found.dictionary.take(pa.array(places)))])


WRITERS: dict[str, Callable[[Sink, pa.Schema, Mapping[str, str], Form], TableWriter]] = {
    "csv": CsvWriter,
    "parquet": ParquetWriter,
}
"""How each format is written."""


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
    writer = WRITERS[format_name](sink, table.schema, metadata, form)
    writer.write(table)
    writer.close()
    return sink.written


class _LeftOpen(io.RawIOBase):
    """A stream that the caller opened and closes, whatever Arrow does with its own end of it."""

    def __init__(self, stream: IO[bytes] | io.RawIOBase) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._stream.write(data) or 0


class _Counter(io.RawIOBase):
    """A sink that only counts."""

    written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.written += size
        return size

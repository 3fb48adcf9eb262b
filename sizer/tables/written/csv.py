"""Tables become a CSV file, batch by batch, in memory that does not grow with the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.csv

from sizer.tables.written.behind import Behind
from sizer.tables.written.streams import CSV_DIALECTS, Form, Sink, opened


class CsvWriter:
    """UTF-8, one header line, plain integers, `true` and `false`: byte for byte what pandas writes.

    In a run's table nothing needs quotes: it has whole numbers, booleans and known words. No value has decimals, so
    that dialects differ in what stands between values, and in the mark by which Excel knows UTF-8.
    """

    def __init__(self, sink: Sink, schema: pa.Schema, metadata: Mapping[str, str], form: Form) -> None:
        """Open the file and write the header; CSV has no room for metadata."""
        self._sink = opened(sink)
        # Arrow's gzip notes neither a name nor a time: equal rows give equal bytes.
        self._file = pa.CompressedOutputStream(self._sink, "gzip") if form.gzip else self._sink
        delimiter = CSV_DIALECTS[form.csv_dialect]
        mark = "\ufeff" if form.csv_dialect == "excel-eu" else ""
        self._file.write((mark + _header(schema.names, delimiter)).encode())
        self._schema = schema
        self._quoted, self._plain = (
            pyarrow.csv.WriteOptions(include_header=False, quoting_style=style, delimiter=delimiter)
            for style in ("needed", "none")
        )
        self._options = self._quoted if form.quoted else self._plain
        self._texts = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sizer")
        self._behind = Behind()

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        # Two tables become text side by side, and are appended in their order.
        text = self._texts.submit(self._text_of, table)
        self._behind.do(lambda: self._file.write(text.result()))

    def _text_of(self, table: pa.Table) -> pa.Buffer:
        rows = table.cast(self._schema)
        text = pa.BufferOutputStream()
        try:
            pyarrow.csv.write_csv(rows, text, self._options)
        except pa.ArrowInvalid:
            # A column of Sizer's own holds words that are not: somebody else wrote that table.
            text = pa.BufferOutputStream()
            pyarrow.csv.write_csv(rows, text, self._quoted)
        return text.getvalue()

    def close(self) -> None:
        """Finish the file."""
        try:
            self._behind.close()
        finally:
            self._texts.shutdown()
            self._file.close()
            self._sink.close()


def _header(names: Sequence[str], delimiter: str) -> str:
    special = {delimiter, '"', "\r", "\n"}
    quoted = ('"' + name.replace('"', '""') + '"' if special & {*name} else name for name in names)
    return delimiter.join(quoted) + "\n"

"""Tables become one Parquet file, row group by row group, while the caller prepares the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from sizer.tables.written.batches import ROW_GROUP, with_dictionaries
from sizer.tables.written.behind import Behind
from sizer.tables.written.streams import Form, Sink, opened


class ParquetWriter:
    """Parquet with zstd: a dictionary for words, delta encoding for integers, the sweep's provenance as metadata.

    Delta encoding keeps the sorted columns of a grid small. Readers that do not know it (fastparquet returns wrong
    numbers) need `plain`.
    """

    def __init__(self, sink: Sink, schema: pa.Schema, metadata: Mapping[str, str], form: Form) -> None:
        """Open the file."""
        self._schema = with_dictionaries(schema)
        self._metadata = dict(metadata)
        options: dict[str, Any] = {
            "use_dictionary": [field.name for field in self._schema if pa.types.is_dictionary(field.type)]
        }
        if form.parquet_encoding == "delta":
            integers = [field.name for field in schema if pa.types.is_integer(field.type)]
            options["column_encoding"] = dict.fromkeys(integers, "DELTA_BINARY_PACKED")
        self._stream = opened(sink)
        # With its schema in the file Arrow would remember that words came as dictionaries, and pandas read categories.
        # Looking at statistics once per row group instead of every thousand rows is a third of the time of a word.
        self._file = pyarrow.parquet.ParquetWriter(
            self._stream,
            self._schema,
            compression="zstd",
            store_schema=False,
            write_batch_size=ROW_GROUP,
            write_page_checksum=True,
            **options,
        )
        self._behind = Behind()

    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Say more of the table, known only once its rows are."""
        self._metadata.update(metadata)

    def write(self, table: pa.Table) -> None:
        """Append rows as one row group."""
        if len(table):
            self._behind.do(lambda: self._append(table))

    def close(self) -> None:
        """Finish the file."""
        try:
            self._behind.close()
        finally:
            try:
                if self._metadata:
                    self._file.add_key_value_metadata(self._metadata)
                self._file.close()
            finally:
                self._stream.close()

    def _append(self, table: pa.Table) -> None:
        columns = [
            _words_that_occur(column) if pa.types.is_dictionary(field.type) else column
            for field, column in zip(self._schema, table.columns, strict=True)
        ]
        self._file.write_table(pa.Table.from_arrays(columns, schema=self._schema), row_group_size=len(table))


def _words_that_occur(column: pa.ChunkedArray) -> pa.Array:
    """Return words as a dictionary of those that occur, in the order in which they do."""
    words = column.combine_chunks()
    if not pa.types.is_dictionary(words.type):
        return words.dictionary_encode()
    places = words.indices.dictionary_encode()
    return pa.DictionaryArray.from_arrays(places.indices, words.dictionary.take(places.dictionary))

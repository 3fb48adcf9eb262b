"""Tables become one Parquet file, row group by row group, on every core.

Arrow encodes a file on one thread. So each row group is encoded as a small file by itself, several of them at once, and
their column chunks are put one after the other into the file that is wanted; its footer says where they stand. A column
that has one value all over a row group is encoded once.

Source:
    Apache Parquet, parquet.thrift: FileMetaData, RowGroup, ColumnChunk and ColumnMetaData, by the numbers of their fields.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from sizer.remembered import Remembered
from sizer.tables.arrow import ROW_GROUP, with_dictionaries
from sizer.tables.streams import Form, Sink, opened
from sizer.tables.thrift import I64, LIST, STRUCT, Struct, read_struct, write_struct

MAGIC = b"PAR1"

ENCODERS = 2
"""Row groups that are encoded at once; more would wait for rows, which come from one thread."""

WAITING = 4
"""Row groups that wait to be encoded or written before the one who brings rows must wait."""

MOST_REMEMBERED = 256
"""Column chunks of one value that are remembered."""

FILE_ROWS, FILE_GROUPS = 3, 4
GROUP_COLUMNS, GROUP_BYTES, GROUP_ROWS, GROUP_OFFSET, GROUP_COMPRESSED = 1, 2, 3, 5, 6
COLUMN_META = 3
META_BYTES, META_COMPRESSED, META_DATA, META_INDEX, META_DICTIONARY = 6, 7, 9, 10, 11


@dataclass(frozen=True)
class Chunk:
    """The values of one column in one row group, encoded."""

    data: memoryview
    column: Struct
    """What the footer says of it, the places in it as in the file that it comes from."""
    start: int
    """Where it starts in that file."""


class ParquetWriter:
    """Parquet with zstd: a dictionary for words, delta encoding for integers, the sweep's provenance as metadata.

    Delta encoding keeps the sorted columns of a grid small. Readers that do not know it (fastparquet returns wrong
    numbers) need `plain`.
    """

    def __init__(self, sink: Sink, schema: pa.Schema, metadata: Mapping[str, str], form: Form) -> None:
        """Open the file."""
        self._form = form
        self._schema = schema
        self._metadata = dict(metadata)
        self._groups: list[Struct] = []
        self._rows = 0
        self._remembered: dict[tuple[str, Any, int], Chunk] = Remembered(MOST_REMEMBERED)
        self._stream = opened(sink)
        self._stream.write(MAGIC)
        self._at = len(MAGIC)
        self._encoders = ThreadPoolExecutor(ENCODERS, thread_name_prefix="sizer")
        self._waiting: deque[tuple[int, Future[list[Chunk]]]] = deque()

    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Say more of the table, known only once its rows are."""
        self._metadata.update(metadata)

    def write(self, table: pa.Table) -> None:
        """Append rows as one row group."""
        if len(table):
            self._waiting.append((len(table), self._encoders.submit(self._encoded, table)))
            while len(self._waiting) > WAITING:
                self._append()

    def close(self) -> None:
        """Finish the file."""
        try:
            while self._waiting:
                self._append()
            self._finish()
        finally:
            self._encoders.shutdown()
            self._stream.close()

    # Encoding

    def _encoded(self, table: pa.Table) -> list[Chunk]:
        """Return the column chunks of a row group, in order."""
        same = {
            name: (name, value, len(table))
            for name in table.schema.names
            if (value := _one_value(table[name])) is not None
        }
        # Looked at once: another thread may forget them meanwhile.
        found = {name: chunk for name, key in same.items() if (chunk := self._remembered.get(key)) is not None}
        for name, key in same.items():
            if name not in found:
                (found[name],) = self._chunks(table.select([name]))
                self._remembered[key] = found[name]
        others = [name for name in table.schema.names if name not in same]
        found |= dict(zip(others, self._chunks(table.select(others)), strict=True))
        return [found[name] for name in table.schema.names]

    def _chunks(self, table: pa.Table) -> list[Chunk]:
        """Return columns encoded as one row group of a file of their own."""
        if not table.num_columns:
            return []
        columns = [_as_dictionary(column) if _is_word(column.type) else column for column in table.columns]
        schema = pa.schema([self._schema.field(name) for name in table.schema.names])
        data = self._file(pa.Table.from_arrays(columns, schema=with_dictionaries(schema)))
        (group,) = _members(_footer(data), FILE_GROUPS)
        return [_chunk(data, column) for column in _members(group, GROUP_COLUMNS)]

    def _file(self, table: pa.Table, metadata: Mapping[str, str] | None = None) -> memoryview:
        """Return a table as a Parquet file of one row group at the most."""
        integers = [field.name for field in table.schema if pa.types.is_integer(field.type)]
        options: dict[str, Any] = {
            "use_dictionary": [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
        }
        if self._form.parquet_encoding == "delta":
            options["column_encoding"] = dict.fromkeys(integers, "DELTA_BINARY_PACKED")
        data = pa.BufferOutputStream()
        # With its schema in the file Arrow would remember that words came as dictionaries, and pandas read categories.
        # Looking at statistics once per row group instead of every thousand rows is a third of the time of a word.
        with pyarrow.parquet.ParquetWriter(
            data,
            table.schema,
            compression="zstd",
            store_schema=False,
            write_batch_size=ROW_GROUP,
            write_page_checksum=True,
            **options,
        ) as writer:
            if metadata:
                writer.add_key_value_metadata(dict(metadata))
            if len(table):
                writer.write_table(table, row_group_size=len(table))
        return memoryview(data.getvalue()).cast("B")

    # The file

    def _append(self) -> None:
        """Write the column chunks of the row group that has waited longest."""
        rows, encoded = self._waiting.popleft()
        start = self._at
        columns = []
        for chunk in encoded.result():
            columns.append(_moved(chunk.column, self._at - chunk.start))
            self._stream.write(chunk.data)
            self._at += len(chunk.data)
        metas = [column[COLUMN_META][1] for column in columns]
        self._groups.append(
            {
                GROUP_COLUMNS: (LIST, (STRUCT, columns)),
                GROUP_BYTES: (I64, sum(meta[META_BYTES][1] for meta in metas)),
                GROUP_ROWS: (I64, rows),
                GROUP_OFFSET: (I64, start),
                GROUP_COMPRESSED: (I64, self._at - start),
            }
        )
        self._rows += rows

    def _finish(self) -> None:
        """Write the footer: that of an empty file with the same columns, and the row groups."""
        footer = _footer(self._file(with_dictionaries(self._schema).empty_table(), self._metadata))
        footer[FILE_ROWS] = I64, self._rows
        footer[FILE_GROUPS] = LIST, (STRUCT, self._groups)
        data = write_struct(footer)
        self._stream.write(data + len(data).to_bytes(4, "little") + MAGIC)


def _footer(data: memoryview) -> Struct:
    """Return what the footer of a file says."""
    length = int.from_bytes(data[-8:-4], "little")
    return read_struct(data[-8 - length : -8])[0]


def _members(struct: Struct, number: int) -> list[Struct]:
    """Return the structs of a list."""
    members: list[Struct] = struct[number][1][1]
    return members


def _chunk(data: memoryview, column: Struct) -> Chunk:
    meta = column[COLUMN_META][1]
    start = meta.get(META_DICTIONARY, meta[META_DATA])[1]
    return Chunk(data[start : start + meta[META_COMPRESSED][1]], column, start)


def _moved(column: Struct, by: int) -> Struct:
    """Return what is said of a column chunk that stands somewhere else."""
    meta = dict(column[COLUMN_META][1])
    for place in (META_DATA, META_INDEX, META_DICTIONARY):
        if place in meta:
            meta[place] = I64, meta[place][1] + by
    return {**column, COLUMN_META: (STRUCT, meta)}


# Columns


def _is_word(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_dictionary(kind))


def _as_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return words as a dictionary of those that occur, in the order in which they do."""
    found = column.combine_chunks()
    if not pa.types.is_dictionary(found.type):
        found = found.dictionary_encode()
    if found.null_count:
        return pa.chunked_array([found])
    codes = found.indices.to_numpy()
    if len(codes) and (codes == codes[0]).all():
        codes, places = np.zeros_like(codes), codes[:1]
    else:
        seen, first, codes = np.unique(codes, return_index=True, return_inverse=True)
        order = np.argsort(first)
        codes, places = np.argsort(order).astype(np.int32)[codes], seen[order]
    return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, found.dictionary.take(pa.array(places)))])


def _one_value(column: pa.ChunkedArray) -> Any:
    """Return the value that a column of whole numbers or of places of words has in every row; None where it has several."""
    if column.null_count or not (pa.types.is_integer(column.type) or pa.types.is_dictionary(column.type)):
        return None
    first = column[0].as_py()
    if column[-1].as_py() != first:
        return None
    if pa.types.is_dictionary(column.type):
        pieces = [(chunk.indices.to_numpy(), chunk.dictionary) for chunk in column.chunks]
        return (
            first
            if all((codes == codes[0]).all() and words[codes[0].item()].as_py() == first for codes, words in pieces)
            else None
        )
    return first if all((chunk.to_numpy() == first).all() for chunk in column.chunks) else None

"""Rows of the engine become Arrow record batches and pandas frames: whole numbers, booleans and words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from sizer.grids.engine import Rows
from sizer.networks.counting import CHOICES
from sizer.networks.fields import Kind
from sizer.sweepfile.sweep import KINDS

if TYPE_CHECKING:
    import pandas as pd

ROW_GROUP = 1 << 17
"""Rows per batch and per Parquet row group, whatever the size of the engine's blocks."""


def table_schema(columns: Sequence[str], kinds: Mapping[str, Kind] = KINDS) -> pa.Schema:
    """Return the Arrow schema of a table with these columns; what is no field is counted, or an id."""
    types = {"choice": pa.string(), "boolean": pa.bool_(), "count": pa.int64()}
    return pa.schema([pa.field(column, types[kinds.get(column, "count")], nullable=False) for column in columns])


def with_dictionaries(schema: pa.Schema) -> pa.Schema:
    """Return a schema with dictionaries in place of words: rows hold the places of words in a list of them."""
    for number, field in enumerate(schema):
        if pa.types.is_string(field.type):
            schema = schema.set(number, field.with_type(pa.dictionary(pa.int32(), pa.string())))
    return schema


def record_batch(rows: Rows, schema: pa.Schema, words: Mapping[str, Sequence[str]] = CHOICES) -> pa.RecordBatch:
    """Return the engine's rows as an Arrow record batch.

    Args:
        rows: of the engine.
        schema: of the columns that are wanted, words as such or as dictionaries, which takes less time.
        words: the sweep's.
    """
    arrays = []
    for column in schema.names:
        if pa.types.is_string(kind := schema.field(column).type) or pa.types.is_dictionary(kind):
            arrays.append(_words(rows, column, words[column], kind))
        else:
            arrays.append(pa.array(rows.column(column)))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _words(rows: Rows, column: str, words: Sequence[str], kind: pa.DataType) -> pa.Array:
    code = rows.columns[column]
    if pa.types.is_dictionary(kind):
        codes = np.full(len(rows), code, dtype=np.int32) if isinstance(code, int) else rows.column(column)
        return pa.DictionaryArray.from_arrays(pa.array(codes, type=pa.int32()), pa.array(words))
    if isinstance(code, int):
        # Five times as fast as looking up the same word for every row.
        return pa.repeat(pa.scalar(words[code]), len(rows))
    return pa.array(words).take(pa.array(rows.column(column)))


def regrouped(batches: Iterable[pa.RecordBatch], schema: pa.Schema, size: int = ROW_GROUP) -> Iterator[pa.Table]:
    """Yield tables of exactly `size` rows (the last one fewer), so that files do not depend on the engine's blocks."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += len(batch)
        while rows >= size:
            table = pa.Table.from_batches(waiting, schema)
            yield table.slice(0, size)
            waiting = table.slice(size).to_batches()
            rows -= size
    if rows:
        yield pa.Table.from_batches(waiting, schema)


def frame(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pd.DataFrame:
    """Return all rows as a pandas frame: int64, bool and str columns."""
    rows: pd.DataFrame = pa.Table.from_batches(list(batches), schema).to_pandas()
    return rows

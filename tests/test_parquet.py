"""Parquet files hold what was written, as Arrow and others read it, encoded as is said."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sizer.tables.written.parquet import ParquetWriter
from sizer.tables.written.streams import Form

METADATA = {"sizer": "provenance", "more": "ä"}


def table_of(rows: int, seed: int) -> pa.Table:
    """Return columns that are sorted, random, of one value, of one value in some row groups, and words of all these."""
    chance = np.random.default_rng(seed)
    steps = np.arange(rows)
    return pa.table(
        {
            "id": steps,
            "random": chance.integers(-(2**62), 2**62, rows),
            "same": np.full(rows, 7),
            "stairs": steps // 700,
            "ends_alike": np.where(steps % 500 == 250, 3, 9),
            "truth": chance.integers(0, 2, rows).astype(bool),
            "always": np.full(rows, True),
            "word": pa.array(["lstm"] * rows),
            "words": pa.array([("b", "a", "c")[number // 600 % 3] for number in range(rows)]),
        }
    )


def written(groups: list[pa.Table], path: Path, encoding: str = "delta") -> None:
    writer = ParquetWriter(path, groups[0].schema, METADATA, Form(parquet_encoding=encoding))
    for group in groups:
        writer.write(group)
    writer.close()


def coded(table: pa.Table) -> pa.Table:
    """Return words as places in a list in which more of them stand, in another order."""
    words = pa.array(["never", "c", "b", "lstm", "a"])
    for name in ("word", "words"):
        places = pc.index_in(table[name].combine_chunks(), words)
        table = table.set_column(
            table.schema.get_field_index(name), name, pa.DictionaryArray.from_arrays(places, words)
        )
    return table


def pieces(table: pa.Table, size: int) -> list[pa.Table]:
    return [table.slice(start, size) for start in range(0, len(table), size)]


@pytest.mark.parametrize("encoding", ["delta", "plain"])
def test_words_and_places_of_words_give_the_same_file(tmp_path: Path, encoding: str) -> None:
    table = table_of(5_000, 1)
    groups = pieces(table, 499)
    words, places = tmp_path / "words.parquet", tmp_path / "places.parquet"
    written(groups, words, encoding)
    written([coded(group) for group in groups], places, encoding)
    assert words.read_bytes() == places.read_bytes()


@pytest.mark.parametrize(("encoding", "of_integers"), [("delta", "DELTA_BINARY_PACKED"), ("plain", "PLAIN")])
def test_columns_are_encoded_by_their_kind(tmp_path: Path, encoding: str, of_integers: str) -> None:
    written(pieces(table_of(1_500, 1), 700), tmp_path / "table.parquet", encoding)
    found = pq.read_metadata(tmp_path / "table.parquet")
    assert [found.row_group(number).num_rows for number in range(3)] == [700, 700, 100]
    columns = {name: found.row_group(1).column(place) for place, name in enumerate(found.schema.names)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert {name for name, column in columns.items() if of_integers in column.encodings} >= {"id", "random", "same"}
    assert {name for name, column in columns.items() if column.has_dictionary_page} == {"word", "words"}
    # Of the words that occur in a row group, and no others: readers pass over row groups by them.
    assert (columns["words"].statistics.min, columns["words"].statistics.max) == ("a", "c")
    assert found.row_group(2).column(8).statistics.max == "c"
    assert b"ARROW:schema" not in found.metadata


def test_every_page_has_a_checksum(tmp_path: Path) -> None:
    table = table_of(2_000, 4)
    path = tmp_path / "table.parquet"
    written(pieces(table, 700), path)
    whole = path.read_bytes()
    with pq.ParquetFile(path) as file:
        group = file.metadata.row_group(1)
        ends = {
            group.path_in_schema: group.data_page_offset + group.total_compressed_size - 1
            if group.dictionary_page_offset is None
            else group.dictionary_page_offset + group.total_compressed_size - 1
            for group in (group.column(place) for place in range(group.num_columns))
        }
    for column, place in ends.items():
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with pytest.raises(OSError, match="CRC"), pq.ParquetFile(path, page_checksum_verification=True) as file:
            file.read([column])


def test_everyone_reads_the_rows(tmp_path: Path) -> None:
    table = table_of(20_000, 2)
    path = tmp_path / "table.parquet"
    written(pieces(table, 1_111), path)
    assert pq.read_table(path).replace_schema_metadata().equals(table)
    assert pd.read_parquet(path).equals(table.to_pandas())
    assert pl.read_parquet(path).to_arrow().cast(table.schema).equals(table)
    with duckdb.connect() as database:
        everything = database.sql(f"SELECT * FROM '{path}'")
        assert everything is not None
        assert everything.to_arrow_table().cast(table.schema).equals(table)
        some = database.sql(f"SELECT id FROM '{path}' WHERE stairs = 11 AND word = 'lstm' ORDER BY id")
        assert some is not None
        assert some.fetchnumpy()["id"].tolist() == list(range(7_700, 8_400))
    metadata = pq.read_metadata(path)
    assert metadata.num_row_groups == 19
    assert metadata.metadata == {name.encode(): value.encode() for name, value in METADATA.items()}


def test_values_that_may_be_missing(tmp_path: Path) -> None:
    """Tables of other people, read for a query, may have them."""
    table = pa.table(
        {
            "word": pa.array(["a", None, "a", None, "a"] * 20),
            "number": pa.array([None, 4, None, 4, 4] * 20),
            "nothing": pa.array([None] * 100, pa.string()),
            "real": pa.array([0.5, float("nan"), None, 1.0, 2.0] * 20),
        }
    )
    written(pieces(table, 25), tmp_path / "table.parquet")
    read = pq.read_table(tmp_path / "table.parquet")
    assert read.drop(["real"]).equals(table.drop(["real"]))
    assert str(read["real"].to_pylist()) == str(table["real"].to_pylist())


def test_words_in_other_lists_of_words(tmp_path: Path) -> None:
    """The same place in two lists may be two words."""
    kind = pa.dictionary(pa.int32(), pa.string())
    lists = [
        pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int32()), pa.array(words)) for words in (["x"], ["y", "x"])
    ]
    table = pa.Table.from_arrays([pa.chunked_array(lists, kind)], ["word"])
    written([table], tmp_path / "table.parquet")
    assert pq.read_table(tmp_path / "table.parquet")["word"].to_pylist() == ["x", "x", "y", "y"]


def test_no_rows(tmp_path: Path) -> None:
    table = table_of(0, 3)
    written([table], tmp_path / "table.parquet")
    read = pq.read_table(tmp_path / "table.parquet")
    assert len(read) == 0
    assert read.schema.remove_metadata().equals(table.schema)


class Full(io.RawIOBase):
    """A disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.room -= memoryview(data).nbytes
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return memoryview(data).nbytes


@pytest.mark.parametrize("room", [10, 3_000, 20_000])
def test_a_full_disk_is_said(room: int) -> None:
    table = table_of(5_000, 4)
    writer = ParquetWriter(Full(room), table.schema, METADATA, Form())

    def write() -> None:
        try:
            for group in pieces(table, 100):
                writer.write(group)
        finally:
            writer.close()

    with pytest.raises(OSError, match="No space left on device"):
        write()

"""Thrift structs read and written, against the footers that Arrow itself writes."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizer.tables.thrift import (
    BINARY,
    BYTE,
    DOUBLE,
    FALSE,
    I16,
    I32,
    I64,
    LIST,
    MAP,
    STRUCT,
    TRUE,
    Struct,
    read_struct,
    write_struct,
)

TABLE = pa.table(
    {
        "whole": pa.array([3, None, -(2**63), 2**63 - 1]),
        "true": pa.array([True, False, None, True]),
        "decimal": pa.array([Decimal("1.25"), None, Decimal("-7.5"), Decimal("0.01")]),
        "real": pa.array([0.5, float("nan"), -1e300, None]),
        "word": pa.array(["a", "ä" * 300, None, ""]),
        "list": pa.array([[1, 2], [], None, [3]]),
        "when": pa.array([datetime.datetime(2020, 1, 1)] * 4),
        "nested": pa.array([{"x": 1, "y": "z"}] * 4),
    }
)


def footer_of(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    data: bytes = sink.getvalue().to_pybytes()
    return data[-8 - int.from_bytes(data[-8:-4], "little") : -8]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"row_group_size": 1, "compression": "zstd"},
        {"write_page_index": True, "write_statistics": False},
        {"sorting_columns": [pq.SortingColumn(0, descending=True)]},
        {"bloom_filter_options": {"word": {"ndv": 10, "fpp": 0.1}}},
        {"version": "1.0", "use_dictionary": False, "data_page_version": "2.0"},
    ],
)
def test_footers_of_arrow_are_written_as_they_are_read(options: dict[str, Any]) -> None:
    footer = footer_of(TABLE, **options)
    struct, end = read_struct(memoryview(footer))
    assert end == len(footer)
    assert write_struct(struct) == footer
    # The numbers of parquet.thrift: rows are the third field of the file, row groups its fourth.
    assert struct[3] == (I64, 4)
    assert len(struct[4][1][1]) == (4 if "row_group_size" in options else 1)


def values(kind: int, deeper: st.SearchStrategy[Struct]) -> st.SearchStrategy[Any]:
    widths = {I16: 15, I32: 31, I64: 63}
    if kind in widths:
        return st.integers(-(2 ** widths[kind]), 2 ** widths[kind] - 1)
    plain: dict[int, st.SearchStrategy[Any]] = {
        TRUE: st.just(True),
        FALSE: st.just(False),
        BYTE: st.integers(0, 255),
        DOUBLE: st.binary(min_size=8, max_size=8),
        BINARY: st.binary(max_size=200),
        STRUCT: deeper,
    }
    return plain[kind]


def fields(deeper: st.SearchStrategy[Struct]) -> st.SearchStrategy[Struct]:
    kinds = [TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, STRUCT]
    single = st.sampled_from(kinds).flatmap(lambda kind: st.tuples(st.just(kind), values(kind, deeper)))
    several = st.sampled_from([I16, I32, I64, BINARY, STRUCT]).flatmap(
        lambda kind: st.tuples(st.just(LIST), st.tuples(st.just(kind), st.lists(values(kind, deeper), max_size=20)))
    )
    return st.dictionaries(st.integers(1, 2**15 - 1), st.one_of(single, several), max_size=6)


@given(st.recursive(st.just({}), fields, max_leaves=8))
def test_what_is_written_is_read(struct: Struct) -> None:
    data = write_struct(struct)
    assert read_struct(memoryview(data + b"rest")) == (struct, len(data))


def test_a_kind_that_footers_do_not_have() -> None:
    with pytest.raises(ValueError, match="a value of kind 11 is not known"):
        read_struct(memoryview(bytes([0x10 | MAP, 0, 0])))

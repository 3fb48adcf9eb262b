"""Conditions as SQL hold for the rows for which the expression holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sizer.networks.fields import Kind
from sizer.sweepfile.expressions import ExpressionError, parse_expression
from sizer.tables.asked.sql import condition, identifier, literal
from tests.examples import examples, saw, seeing

duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `query`)")

KINDS: dict[str, Kind] = {"cells": "count", "r": "count", "bidirectional": "boolean", "cell_type": "choice"}
NUMBERS = st.one_of(
    st.sampled_from(["cells", "r"]), st.integers(0, 9).map(str), st.sampled_from(["0.5", "2.25", "-3", "-r", "1e2"])
)
WHOLE = st.sampled_from(["cells", "r", "-r", "0", "1", "3", "-3", "(cells - r)"])
DIVIDED = st.tuples(WHOLE, st.sampled_from(["//", "%"]), WHOLE).map(" ".join)
SUMS = st.one_of(
    NUMBERS, DIVIDED, st.tuples(NUMBERS, st.sampled_from("+-*"), st.one_of(NUMBERS, DIVIDED)).map(" ".join)
)
COMPARED = st.one_of(
    st.tuples(SUMS, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), SUMS).map(" ".join),
    st.tuples(SUMS, SUMS, SUMS).map(lambda sums: f"{sums[0]} <= {sums[1]} < {sums[2]}"),
    st.tuples(SUMS, st.sampled_from(["in", "not in"]), SUMS, SUMS).map(lambda p: f"{p[0]} {p[1]} ({p[2]}, {p[3]})"),
    st.sampled_from(["bidirectional", "cell_type == 'gru'", "cell_type in ('gru', 'it''s')", "bidirectional != true"]),
).filter(lambda text: "''" not in text)
CONDITIONS = st.recursive(
    COMPARED,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda p: f"({p[0]}) {p[1]} ({p[2]})"),
        inner.map(lambda text: f"not ({text})"),
    ),
    max_leaves=5,
)
ROWS = [
    {"cells": cells, "r": r, "bidirectional": both, "cell_type": word}
    for cells in (0, 1, 3, 7, 128)
    for r in (0, 2, 3, 100)
    for both, word in ((False, "lstm"), (True, "gru"))
]


@pytest.fixture(scope="module")
def connection() -> Any:
    with duckdb.connect() as made:
        values = ", ".join(
            f"({row['cells']}, {row['r']}, {row['bidirectional']}, '{row['cell_type']}')" for row in ROWS
        )
        made.execute(
            "CREATE TABLE rows (place INTEGER, cells BIGINT, r BIGINT, bidirectional BOOLEAN, cell_type VARCHAR)"
        )
        made.execute(f"INSERT INTO rows SELECT row_number() OVER () - 1, * FROM (VALUES {values})")
        yield made


@seeing(some=50)
@settings(max_examples=examples(400), deadline=None)
@given(text=CONDITIONS)
@example(text="not (cells % r == 0)")
@example(text="r == 0 or cells // r > 1")
@example(text="-r // 3 == -1 and -cells % 3 == 2")
@example(text="cells // -3 == -43 and (cells - r) % -3 <= 0")
def test_sql_holds_where_the_expression_holds(text: str, connection: Any) -> None:
    try:
        expression = parse_expression(text, KINDS, {})
    except ExpressionError as problem:
        # `0.5 * cells // cells` divides a decimal.
        assume("takes whole numbers" not in str(problem))
        raise
    expected = [place for place, row in enumerate(ROWS) if expression.holds(row)]
    found = connection.execute(f"SELECT place FROM rows WHERE {condition(expression)} ORDER BY place").fetchall()
    assert [place for (place,) in found] == expected
    if 0 < len(expected) < len(ROWS):
        saw("some")


def test_words_and_names_stay_within_their_quotes(connection: Any) -> None:
    nasty = "a'; DROP TABLE rows; --"
    assert connection.execute(f"SELECT {literal(nasty)}").fetchall() == [(nasty,)]
    name = 'a"; DROP TABLE rows; --'
    assert connection.sql(f"SELECT 1 AS {identifier(name)}").columns == [name]
    expression = parse_expression(f'cell_type == "{nasty}"', KINDS, {})
    assert connection.execute(f"SELECT count(*) FROM rows WHERE {condition(expression)}").fetchall() == [(0,)]


def test_divisions_within_divisions_do_not_blow_up() -> None:
    text = "cells"
    for _ in range(30):
        text = f"({text} // -r)"
    with pytest.raises(ValueError, match="write it with fewer of them"):
        condition(parse_expression(f"{text} == 1", KINDS, {}))


LARGE_NUMBERS = ("9223372036854775807", "9223372036854775808", "9" * 39, "9" * 38, "1" + "0" * 50, "9" * 900)


@pytest.mark.parametrize("number", LARGE_NUMBERS)
def test_numbers_past_64_bits_are_compared_with(number: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE counts AS SELECT * FROM (VALUES (0::BIGINT), (9223372036854775807)) AS t(cells)"
        )
        for text in (
            *(f"cells {sign} {number}" for sign in ("<", "<=", "==", "!=", ">", ">=")),
            f"-cells < -{number}", f"cells in ({number}, 0)", f"cells not in ({number}, 0)", f"0 <= cells < {number}",
            f"{number} == {number}", f"{number} < 1{number}", f"{number} != 1{number}", f"-{number} < {number}",
        ):  # fmt: skip
            expression = parse_expression(text, {"cells": "count"}, {})
            found = connection.execute(f"SELECT cells FROM counts WHERE {condition(expression)} ORDER BY 1").fetchall()
            python = text.replace("cells", "({cells})")
            expected = [(cells,) for cells in (0, 2**63 - 1) if eval(python.format(cells=cells))]
            assert found == expected, text

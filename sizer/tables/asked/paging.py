"""Rows a page at a time, in an order that does not change: each page begins after the last row of the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sizer.errors import Fault, InputError
from sizer.networks.fields import Kind
from sizer.tables.asked.query import Query, check_query, order_of
from sizer.tables.asked.result import order_key
from sizer.tables.asked.results import Results
from sizer.tables.asked.selection import selection
from sizer.tables.asked.sql import identifier, literal

if TYPE_CHECKING:
    import duckdb

_INTEGERS = range(-(2**63), 2**63)
DEEP = 20_000
"""Rows that may be passed over by sorting as far as they go."""
_SPANS = 4096


@dataclass(frozen=True)
class Page:
    """Some rows of an answer."""

    columns: Mapping[str, Kind]
    """Name -> kind, in order."""
    rows: list[tuple[Any, ...]]
    """As many as were asked for, or fewer at the end; values in the columns' order."""
    total: int | None
    """Rows of the whole answer; None where that was not asked."""
    after: list[Any] | None
    """What the next page is asked for with; None after the last row."""


def page_of(
    results: Results,
    asked: Query,
    *,
    rows: int,
    after: Sequence[Any] | None = None,
    skip: int = 0,
    counted: bool = True,
) -> Page:
    """Return a page of the rows that a query's budget, conditions and order give.

    Args:
        results: of one run.
        asked: `budget`, `where`, `sort` and `columns` of it.
        rows: at most so many.
        after: of the page before; None for the first.
        skip: rows to pass over, for who jumps.
        counted: whether to count the rows of the whole answer.

    Raises:
        InputError: what is asked has faults, or `after` is of no such answer.
        RunError: DuckDB is not installed.
    """
    check_query(results, asked)
    columns = list(asked.columns or results.columns)
    keys = _keys(results, asked)
    with results.connected() as connection:
        source = selection(connection, results, budget=asked.budget, where=asked.where)
        chosen = [*columns, *(name for name, _ in keys if name not in columns)]
        sql = f"SELECT {', '.join(map(identifier, chosen))} FROM {source}"
        by_key = "id" in results.columns
        if after is not None and by_key:
            sql += f" WHERE {_beyond(results, keys, after)}"
        elif after is not None:
            skip += _skipped(after)
        passed = 0
        if after is None and by_key:
            start, passed = _start(connection, results, source, keys, skip)
            sql += start
        order = order_of(results, asked.sort)
        if not by_key:
            # Rows that are equal in every column may stand in any order.
            order += map(identifier, results.columns)
        sql += f" ORDER BY {', '.join(order)} LIMIT {rows + 1} OFFSET {skip - passed}"
        found = connection.execute(sql).fetchall()
        total = _count(connection, source) if counted else None
    more = len(found) > rows
    found = found[:rows]
    following: list[Any] | None = None
    if more and found:
        last = dict(zip(chosen, found[-1], strict=True))
        following = [last[name] for name, _ in keys] if by_key else [skip + len(found)]
    return Page(
        {name: results.columns[name] for name in columns},
        [row[: len(columns)] for row in found] if len(chosen) > len(columns) else found,
        total,
        following,
    )


def _keys(results: Results, asked: Query) -> list[tuple[str, bool]]:
    """Return (column, whether the largest comes first) of what decides where a row stands."""
    keys = [(word.removeprefix("-"), word.startswith("-")) for word in asked.sort]
    if "id" in results.columns and "id" not in dict(keys):
        keys.append(("id", False))
    return keys


def _beyond(results: Results, keys: Sequence[tuple[str, bool]], after: Sequence[Any]) -> str:
    """Return the condition that a row stands behind another: later by the first key, or as far by it and later by the next."""
    if len(after) != len(keys):
        raise _other_answer()
    ways: list[str] = []
    same: list[str] = []
    for (name, falls), value in zip(keys, after, strict=True):
        column = identifier(name)
        if value is not None:
            written = _value(results.columns[name], value)
            place, its = (order_key(results.columns, name, said) for said in (column, written))
            later = f"{place} {'<' if falls else '>'} {its}"
            ways.append(" AND ".join([*same, f"({later} OR {column} IS NULL)"]))
            same.append(f"{column} = {written}")
        else:
            same.append(f"{column} IS NULL")  # and nothing stands behind it by this key
    return f"({' OR '.join(f'({way})' for way in ways)})" if ways else "false"


def _start(
    connection: duckdb.DuckDBPyConnection, results: Results, source: str, keys: Sequence[tuple[str, bool]], skip: int
) -> tuple[str, int]:
    """Return a condition that leaves out most of the rows before an offset, and how many it leaves out.

    Sorting as far as the offset would hold all of these rows. Counting the rows in each of some thousand spans of the
    first key tells in which span the offset is, then in which part of that span; within one value the next key decides.
    """
    passed = 0
    fixed: list[tuple[str, bool, int]] = []
    for name, falls in keys:
        if skip - passed <= DEEP or results.columns[name] != "count":
            break
        column = identifier(name)
        within = [f"{identifier(other)} = {value}" for other, _, value in fixed]
        ((low, high),) = connection.execute(
            f"SELECT min({column}), max({column}) FROM {source}{_where(within)}"
        ).fetchall()
        while True:
            if low is None or skip - passed <= DEEP:
                return _from(fixed, name, falls, high if falls else low), passed
            length = -(-(high - low + 1) // _SPANS)
            held = [*within, f"{column} BETWEEN {low} AND {high}"]
            spans = connection.execute(
                f"SELECT ({column} - {low}) // {length}, count(*) FROM {source}{_where(held)}"
                f" GROUP BY 1 ORDER BY 1 {'DESC' if falls else 'ASC'}"
            ).fetchall()
            found = _span_at(spans, skip - passed)
            if found is None:
                # The offset is past the last row, or among rows without a value, which stand last.
                return _from(fixed, name, falls, high if falls else low), passed
            span, before = found
            passed += before
            low, high = low + span * length, min(high, low + (span + 1) * length - 1)
            if low == high:
                fixed.append((name, falls, low))
                break
    if not fixed:
        return "", 0
    *others, (name, falls, value) = fixed
    return _from(others, name, falls, value), passed


def _span_at(spans: Sequence[tuple[int, int]], skip: int) -> tuple[int, int] | None:
    """Return the span in which the row at an offset is, and the rows before that span; None where it is in none."""
    before = 0
    for span, rows in spans:
        if before + rows > skip:
            return span, before
        before += rows
    return None


def _where(held: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(held)}" if held else ""


def _from(fixed: Sequence[tuple[str, bool, int]], name: str, falls: bool, first: int | None) -> str:
    """Return the condition that a row stands at or behind a value of a key, within the values of the keys before."""
    ways: list[str] = []
    same: list[str] = []
    for other, other_falls, value in fixed:
        column = identifier(other)
        ways.append(" AND ".join([*same, f"({column} {'<' if other_falls else '>'} {value} OR {column} IS NULL)"]))
        same.append(f"{column} = {value}")
    column = identifier(name)
    last = "true" if first is None else f"({column} {'<=' if falls else '>='} {first} OR {column} IS NULL)"
    ways.append(" AND ".join([*same, last]))
    return f" WHERE ({' OR '.join(f'({way})' for way in ways)})"


def _value(kind: Kind, value: Any) -> str:
    if kind == "boolean" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "count" and isinstance(value, int) and not isinstance(value, bool) and value in _INTEGERS:
        return f"CAST({value} AS BIGINT)"
    if kind == "choice" and isinstance(value, str) and len(value) < 1000 and value.isprintable():
        return literal(value)
    raise _other_answer()


def _skipped(after: Sequence[Any]) -> int:
    if len(after) == 1 and type(after[0]) is int and 0 <= after[0] < 2**62:
        return int(after[0])
    raise _other_answer()


def _other_answer() -> InputError:
    return InputError([Fault("", 0, 0, "cursor", "is of another answer; begin with the first page")])


def _count(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {source}").fetchall()
    return int(rows)

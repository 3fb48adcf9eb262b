"""What a person asks of results becomes SQL over them, and its answer a table that streams by.

Nothing that a user wrote reaches DuckDB but as a checked expression, a known column's name or a number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sizer.errors import Fault, InputError, quoted
from sizer.layout import visible
from sizer.networks.columns import BYTES, COUNTED, PARTS
from sizer.networks.counting import did_you_mean
from sizer.networks.fields import FIELDS, Kind
from sizer.parameters import checked
from sizer.sweepfile.bounds import budget_of_option
from sizer.tables.asked.frontier import Frontier
from sizer.tables.asked.result import PLACE, is_counted, order_key
from sizer.tables.asked.results import Named, Results, open_results
from sizer.tables.asked.selection import bound_problem, no_column, selection
from sizer.tables.asked.sql import identifier, literal

if TYPE_CHECKING:
    import duckdb

    from sizer.tables.asked.frame import Frame

_LARGEST = 2**63 - 1
_BATCH = 1 << 17
_TYPES: dict[Kind, pa.DataType] = {"count": pa.int64(), "boolean": pa.bool_(), "choice": pa.string()}


@dataclass(frozen=True)
class Query:
    """What is asked of results. At most one of `group_by`, `near`, `pareto` and `summary` is, or the first and last."""

    budget: Any = ()
    """As `sizer run` takes it: `10M`, `int8_bytes=2MB`, a list of such."""
    where: Sequence[str] = ()
    """Conditions in the sweep's language, on any column of the results."""
    sort: Sequence[str] = ()
    """Columns, with `-` in front for the largest first; ties in the results' order, then in id order."""
    top: int | None = None
    """The most rows to show."""
    columns: Sequence[str] = ()
    """Of the answer; empty: all."""
    group_by: Sequence[str] = ()
    """Columns: a row for each of their combinations."""
    best: str = ""
    """With `group_by`: the column of which the largest value decides which configuration stands for its group."""
    summary: bool = False
    """A row for each column: its smallest and largest value. With `group_by`: the same of each group."""
    near: str = ""
    """The rows closest to a size: `9.5M`, or `int8_bytes=2MB`."""
    pareto: Sequence[str] = ()
    """Columns of which less is better, or more with `-` in front: the rows that no other row beats in all of them."""


@dataclass(frozen=True)
class QueryAnswer:
    """The answer to a query while its connection is open."""

    columns: Mapping[str, Kind]
    """Name -> kind, in order."""
    rows: int
    _batches: Iterator[pa.RecordBatch] = field(repr=False)
    _ends: Callable[[Sequence[str]], Sequence[tuple[Any, Any, int]]] = field(repr=False, default=lambda names: ())
    """Returns the smallest and the largest value of columns, and how many rows have one."""

    def same_in_all(self) -> dict[str, Any]:
        """Return the fields and parts that have one value in every row, each with it; asked before the rows are read."""
        names = [name for name in self.columns if name in FIELDS or name in PARTS]
        ends = self._ends(names) if names and self.rows else ()
        return {
            name: least
            for name, (least, most, there) in zip(names, ends, strict=False)
            if least == most and there in {0, self.rows}
        }

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the answer."""
        return pa.schema([pa.field(name, _TYPES[kind]) for name, kind in self.columns.items()])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, once."""
        schema = self.schema
        for batch in self._batches:
            yield batch.cast(schema)


@checked
def query(
    results: Named,
    *,
    budget: str | int | Sequence[str | int] | Mapping[str, Any] = (),
    where: str | Sequence[str] = (),
    sort: str | Sequence[str] = (),
    top: int | None = None,
    columns: str | Sequence[str] = (),
    group_by: str | Sequence[str] = (),
    best: str = "",
    summary: bool = False,
    near: str | int = "",
    pareto: str | Sequence[str] = (),
    **asked: Any,
) -> Frame:
    """Filter, sort or group one or several results, and return a pandas frame.

    Args:
        results: Parquet files, folders of parts, CSV files or manifests, or runs that wrote such.
        budget: `"10M"`, `"int8_bytes=2MB"`, a list of such, or a mapping of columns to bounds.
        where: conditions in the sweep's language, on any column.
        sort: columns, with `-` in front for the largest first; a list, or text with commas.
        top: how many rows at most.
        columns: columns of the answer; none: all.
        group_by: columns; the answer has one row for each of their combinations.
        best: with `group_by`: show the configuration with the largest value of this column, for each group.
        summary: a row for each column: its smallest and largest value; with `group_by` the same of each group.
        near: sort by distance from a size: `"9.5M"`, or `"int8_bytes=2MB"`.
        pareto: columns of which less is better, or more with `-` in front: the rows that no other row beats in all of them.
        asked: unknown names; each is a fault that suggests a known one.

    Returns:
        The rows: a frame of pandas that shows itself as every other answer does, `.frame()` as pandas does;
        `.attrs["unverified"]` names the results that have no manifest, if there are any.

    Raises:
        InputError: a file is not a result, or is not what its run wrote, or the question has faults.
        RunError: DuckDB is not installed, or the disk is full.
    """
    if asked:
        known = [one.name for one in fields(Query)]
        choice = f"; one of {', '.join(known)}"
        message = "no parameter of that name"
        raise InputError(Fault("", 0, 0, name, message + (did_you_mean(name, known) or choice)) for name in asked)
    read: dict[str, Any] = {
        "budget": budget,
        "where": [where] if isinstance(where, str) else where,
        "sort": words_of(sort),
        "top": top,
        "columns": words_of(columns),
        "group_by": words_of(group_by),
        "best": best,
        "summary": summary,
        "near": str(near),
        "pareto": words_of(pareto),
    }
    opened = open_results(results)
    with answered(opened, Query(**read)) as answer:
        table = pa.Table.from_batches(list(answer.batches()), answer.schema)
    from sizer.tables.asked.frame import Frame

    frame = table.to_pandas(types_mapper=_nullable if any(column.null_count for column in table.columns) else None)
    rows = Frame(frame, visible(opened.name))
    if opened.unverified:
        rows.attrs["unverified"] = opened.unverified
    return rows


def words_of(given: str | Sequence[str]) -> Sequence[str]:
    """Return the words of a list, or of a text with commas."""
    return [word.strip() for word in given.split(",") if word.strip()] if isinstance(given, str) else given


def _nullable(kind: pa.DataType) -> Any:
    """Return the pandas type in which whole numbers stay whole though some are missing."""
    import pandas as pd

    return {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get(kind)


@contextlib.contextmanager
def answered(results: Results, asked: Query) -> Iterator[QueryAnswer]:
    """Open the answer to a query; its rows are read while it is open.

    Raises:
        InputError: what is asked has faults, or a file is damaged.
        RunError: DuckDB is not installed, or the disk is full.
    """
    check_query(results, asked)
    with results.connected() as connection:
        source = selection(connection, results, budget=asked.budget, where=asked.where)
        columns, sql = _written(connection, results, asked, source)
        (rows,) = _row(connection, f"SELECT count(*) FROM ({sql})")

        def ends(names: Sequence[str]) -> list[tuple[Any, Any, int]]:
            asked_of = (f"min({one}), max({one}), count({one})" for one in map(identifier, names))
            found = _row(connection, f"SELECT {', '.join(asked_of)} FROM ({sql})")
            return [(found[at], found[at + 1], found[at + 2]) for at in range(0, len(found), 3)]

        yield QueryAnswer(columns, rows, batches_of(connection, sql), ends)


def batches_of(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an SQL query as they are found.

    Raises:
        pyarrow.ArrowInvalid: a file is damaged.
    """
    try:
        yield from connection.sql(sql).to_arrow_reader(_BATCH)
    except OSError as problem:
        # Arrow says so of whatever DuckDB stumbles over; a disk that cannot be written says it elsewhere.
        raise pa.ArrowInvalid(str(problem)) from None


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    (found,) = connection.execute(sql).fetchall()
    return tuple(found)


def check_query(results: Results, asked: Query) -> None:
    """Check what is asked, without reading a row.

    Raises:
        InputError: a column is not there, or two things are asked that exclude each other; every fault.
    """
    known = list(results.columns)
    faults: list[Fault] = []

    def check(option: str, columns: Sequence[str], *, signed: bool = False, counts: bool = False) -> None:
        seen = set()
        for word in columns:
            column = word.removeprefix("-") if signed else word
            if column not in known:
                faults.append(no_column(results, option, column))
            elif counts and results.columns[column] == "choice":
                faults.append(Fault("", 0, 0, option, f"{column} holds words, which are neither more nor less"))
            if column in seen:
                faults.append(Fault("", 0, 0, option, f"{quoted(column)} is there twice"))
            seen.add(column)

    check("sort", asked.sort, signed=True)
    check("columns", asked.columns)
    check("group_by", asked.group_by)
    check("pareto", asked.pareto, signed=True, counts=True)
    if asked.best.startswith("-"):
        faults.append(Fault("", 0, 0, "best", "the best has the largest value; leave - out"))
    elif asked.best:
        check("best", [asked.best], counts=True)
    if asked.top is not None and asked.top < 0:
        faults.append(Fault("", 0, 0, "top", f"{asked.top} is below the minimum, 0"))
    faults.extend(Fault("", 0, 0, option, message) for option, message in _excluded(asked))
    if faults:
        raise InputError(faults)


def _excluded(asked: Query) -> Iterator[tuple[str, str]]:
    """Yield what cannot be asked together."""
    modes = {
        "group_by": bool(asked.group_by),
        "near": bool(asked.near),
        "pareto": bool(asked.pareto),
        "summary": asked.summary and not asked.group_by,
    }
    chosen = [option for option, given in modes.items() if given]
    if len(chosen) > 1:
        yield chosen[1], f"cannot be used together with {chosen[0]}"
    made = {"rows", *(f"{end}_{name}" for end in ("smallest", "largest") for name in COUNTED)}
    for column in asked.group_by:
        if not asked.best and column.lower() in made:
            yield "group_by", f"{quoted(column)} is also the name of a column of the summary; name a best, too"
    if asked.best and not asked.group_by:
        yield "best", "is the best of each group; name the groups with group_by"
    if asked.best and asked.summary:
        yield "best", "a group is shown by its best configuration or by its summary"
    if asked.near and asked.sort:
        yield "sort", "near has an order of its own, the closest first"
    if asked.columns and (asked.summary or (asked.group_by and not asked.best)):
        yield "columns", "a summary has columns of its own"
    if asked.sort and (asked.summary or (asked.group_by and not asked.best)):
        yield "sort", "a summary has an order of its own"


def _written(
    connection: duckdb.DuckDBPyConnection, results: Results, asked: Query, source: str
) -> tuple[dict[str, Kind], str]:
    """Return the answer's columns and the SQL that gives them."""
    if asked.summary and not asked.group_by:
        return _summary(results, source)
    if asked.group_by and not asked.best:
        return _groups(results, asked, source)
    order = [_signed(results, word) for word in asked.sort]
    if asked.group_by:
        source = _best(results, asked, source)
        order = order or [identifier(name) for name in asked.group_by]
    elif asked.near:
        column, size = _near(results, asked.near)
        # 2**63 - 1 and 0 are as far apart as two counts can be: the difference never passes 64 bits.
        order = [f"abs({identifier(column)} - CAST({size} AS BIGINT))"]
        source = f"(SELECT * FROM {source} WHERE {identifier(column)} IS NOT NULL)"
    elif asked.pareto:
        source = _unbeaten(connection, asked, source)
        order = order or [_signed(results, word) for word in asked.pareto]
    names = list(asked.columns or results.columns)
    sql = f"SELECT {', '.join(map(identifier, names))} FROM {source}"
    if order:
        sql += f" ORDER BY {', '.join([*order, *_ties(results)])}"
    if asked.top is not None:
        sql += f" LIMIT {min(asked.top, _LARGEST)}"
    return {name: results.columns[name] for name in names}, sql


def _signed(results: Results, word: str) -> str:
    column = order_key(results.columns, word.removeprefix("-"))
    return f"{column} {'DESC' if word.startswith('-') else 'ASC'} NULLS LAST"


def order_of(results: Results, sort: Sequence[str]) -> list[str]:
    """Return the order of rows as SQL, so that no two rows stand equal where they have ids."""
    return [*(_signed(results, word) for word in sort), *_ties(results)]


def _ties(results: Results) -> list[str]:
    """Return what decides between rows that are equal otherwise."""
    return [identifier(PLACE), *([order_key(results.columns, "id")] if "id" in results.columns else [])]


def _best(results: Results, asked: Query, source: str) -> str:
    """Return the best row of each group: the largest values first, which are few, then the first row that has each."""
    groups = [identifier(name) for name in asked.group_by]
    best = identifier(asked.best)
    same = " AND ".join(f"kept.{name} IS NOT DISTINCT FROM tops.{name}" for name in [*groups, best])
    return (
        f"(SELECT kept.* FROM {source} AS kept"
        f" SEMI JOIN (SELECT {', '.join(groups)}, max({best}) AS {best} FROM {source} GROUP BY ALL) AS tops ON {same}"
        f" QUALIFY row_number() OVER (PARTITION BY {', '.join(groups)} ORDER BY {', '.join(_ties(results))}) = 1)"
    )


def _near(results: Results, asked: str) -> tuple[str, int]:
    """Return the column and the size that rows should come close to."""
    faults: list[Fault] = []
    bounds = budget_of_option(
        asked, (), lambda message: faults.append(Fault("", 0, 0, "near", message)), bound_problem(results)
    )
    for bound in bounds:
        if bound.column in BYTES and bound.column not in results.columns and "weights" in results.columns:
            faults.append(Fault("", 0, 0, "near", f"{bound.column} is not in the table; give a number of weights"))
        elif bound.column not in results.columns:
            faults.append(no_column(results, "near", bound.column))
        elif bound.maximum is not None and bound.maximum > _LARGEST:
            faults.append(Fault("", 0, 0, "near", f"{bound.maximum:,} is past {_LARGEST:,}"))
    if faults:
        raise InputError(faults)
    (bound,) = bounds
    return bound.column, bound.maximum or 0


def _has_many_values(column: str) -> bool:
    return column == "id" or is_counted(column)


def _unbeaten(connection: duckdb.DuckDBPyConnection, asked: Query, source: str) -> str:
    """Return the rows that no other row beats in all of the columns; rows with equal values stand together."""
    # Which row beats which does not depend on the columns' order. Counted columns have the most values: they come last.
    words = sorted(asked.pareto, key=lambda word: _has_many_values(word.removeprefix("-")))
    columns = [word.removeprefix("-") for word in words]
    names = [identifier(column) for column in columns]
    present = " AND ".join(f"{name} IS NOT NULL" for name in names)
    keys = f"SELECT {', '.join(f'CAST({name} AS BIGINT) AS {name}' for name in names)} FROM {source} WHERE {present}"
    if not any(map(_has_many_values, columns[:-1])):
        # Fields have few values: for each of their combinations only the best of the last column can be unbeaten.
        last = "max" if words[-1].startswith("-") else "min"
        keys = f"SELECT {', '.join([*names[:-1], f'{last}({names[-1]})'])} FROM ({keys}) GROUP BY ALL"
    frontier = Frontier([-1 if word.startswith("-") else 1 for word in words])
    for batch in batches_of(connection, keys):
        frontier.see([column.to_numpy() for column in batch.columns])
    found = pa.table(dict(zip(columns, map(pa.array, frontier.columns()), strict=True)))
    connection.register("unbeaten", found)
    same = " AND ".join(f"CAST(kept.{name} AS BIGINT) = unbeaten.{name}" for name in names)
    return f"(SELECT kept.* FROM {source} AS kept SEMI JOIN unbeaten ON {same})"


def _summary(results: Results, source: str) -> tuple[dict[str, Kind], str]:
    """Return a row for each column."""
    rows = []
    for place, (name, kind) in enumerate(results.columns.items()):
        column = identifier(name)
        ends = "NULL, NULL" if kind == "choice" else f"CAST(min({column}) AS BIGINT), CAST(max({column}) AS BIGINT)"
        # Counted columns and ids may have as many values as there are rows; fields have few.
        few = not _has_many_values(name)
        values = f"count(DISTINCT {column})" if few or name == "other_weights" else "NULL"
        words = "NULL"
        if kind == "choice" and not _has_many_values(name):
            words = (
                f"(SELECT string_agg(word, ' ' ORDER BY word) FROM (SELECT DISTINCT {column} AS word FROM {source}))"
            )
        rows.append(
            f"SELECT {place} AS place, {literal(name)}, count({column}), {values}, {ends}, {words} FROM {source}"
        )
    names: dict[str, Kind] = {
        "column": "choice",
        "rows": "count",
        "values": "count",
        "smallest": "count",
        "largest": "count",
        "words": "choice",
    }
    listed = ", ".join(map(identifier, ("place", *names)))
    return (
        names,
        f"SELECT {', '.join(map(identifier, names))} FROM ({' UNION ALL '.join(rows)}) AS every({listed}) ORDER BY place",
    )


def _groups(results: Results, asked: Query, source: str) -> tuple[dict[str, Kind], str]:
    """Return a row for each group: how many rows it has, and how far its counted columns go."""
    groups = [identifier(name) for name in asked.group_by]
    columns: dict[str, Kind] = {name: results.columns[name] for name in asked.group_by}
    chosen = [*groups, f"count(*) AS {identifier('rows')}"]
    columns["rows"] = "count"
    for name in results.columns:
        if is_counted(name) and name not in FIELDS and name not in asked.group_by:
            for word, function in (("smallest", "min"), ("largest", "max")):
                columns[f"{word}_{name}"] = "count"
                chosen.append(f"{function}({identifier(name)}) AS {identifier(f'{word}_{name}')}")
    limit = "" if asked.top is None else f" LIMIT {min(asked.top, _LARGEST)}"
    order = ", ".join(f"{name} NULLS LAST" for name in groups)
    return columns, f"SELECT {', '.join(chosen)} FROM {source} GROUP BY {', '.join(groups)} ORDER BY {order}{limit}"

"""The answer to a query becomes a file or a stream, row by row: CSV, TSV, Parquet, XLSX, JSON or Markdown."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from sizer.errors import RunError
from sizer.formats import FORMATS, named
from sizer.networks.fields import FIELDS
from sizer.outlets import write_whole
from sizer.tables.asked.foreign_words import shielded, shielded_name
from sizer.tables.asked.query import Query, QueryAnswer
from sizer.tables.asked.result import RESULT
from sizer.tables.asked.results import Results
from sizer.tables.written.batches import regrouped
from sizer.tables.written.streams import Form
from sizer.tables.written.writers import Writers, opened_writer


def said_of(results: Results, asked: Query) -> dict[str, Any]:
    """Return what a table says of itself: what its run said, where it was one run, and what was asked of it."""
    query = {
        name: value if isinstance(value, (str, int, bool)) else list(value)
        for name, value in dataclasses.asdict(asked).items()
        if value not in ((), [], "", None, False)
    }
    known = {key: value for key, value in results.provenance.items() if key != "files"} if _is_one(results) else {}
    return {**known, "query": {"results": list(results.labels), **query}}


def _is_one(results: Results) -> bool:
    return len(results.results) == 1


def write_answer(answer: QueryAnswer, form: str, sink: IO[bytes] | Path, results: Results, asked: Query) -> None:
    """Write an answer.

    Args:
        answer: read as it is written.
        form: one of `sizer.formats.FORMATS`.
        sink: a stream that is left open, or, for XLSX, a path.
        results: that were asked.
        asked: of them.

    Raises:
        RunError: there are more rows than a workbook can have.
        OSError: it cannot be written.
    """
    row = FORMATS[form]
    said = said_of(results, asked)
    if not row.writer:
        named(row.answer_writer)(answer, sink, said)
        return
    shape = Form(csv_dialect="tsv" if form == "tsv" else "standard", quoted=_needs_quotes(results))
    tables, schema = _tables(answer), answer.schema
    if row.opened_as_cells:
        schema = pa.schema([field.with_name(shielded_name(field.name)) for field in schema])
        tables = (shielded(table).rename_columns(schema.names) for table in tables)
    metadata = {"sizer": json.dumps(said)}
    with _opened(sink) as stream, Writers([opened_writer(form, stream, schema, metadata, shape)]) as writers:
        for table in tables:
            writers.write(table)


def write_workbook(answer: QueryAnswer, sink: IO[bytes] | Path, said: Mapping[str, Any]) -> None:
    """Write an answer as a workbook.

    Args:
        answer: read as it is written.
        sink: a path.
        said: from `said_of`.

    Raises:
        RunError: the sink is a stream, or there are more rows than a workbook can have.
        OSError: it cannot be written.
    """
    if not isinstance(sink, Path):
        raise RunError("a workbook is written into a file; name one with --out")
    from sizer.tables.workbook.workbook import write_rows

    write_rows(sink, _tables(answer), answer.schema, [("rows", f"{answer.rows:,}"), *_facts(said)])


def write_json(answer: QueryAnswer, sink: IO[bytes] | Path, said: Mapping[str, Any]) -> None:
    """Write an answer as one JSON list, in which there is no room for what is said of it."""
    _write_text(_json(answer), sink)


def write_markdown(answer: QueryAnswer, sink: IO[bytes] | Path, said: Mapping[str, Any]) -> None:
    """Write an answer as a table in Markdown, in which there is no room for what is said of it."""
    _write_text(_markdown(answer), sink)


def _opened(sink: IO[bytes] | Path) -> AbstractContextManager[IO[bytes]]:
    return sink.open("wb") if isinstance(sink, Path) else nullcontext(sink)


def _write_text(lines: Iterator[str], sink: IO[bytes] | Path) -> None:
    with _opened(sink) as stream:
        for line in lines:
            write_whole(stream, line.encode())


def _tables(answer: QueryAnswer) -> Iterator[pa.Table]:
    return regrouped(answer.batches(), answer.schema)


def _needs_quotes(results: Results) -> bool:
    """Return whether words may hold what ends a value in CSV: file names, and columns of other people's tables."""
    special = set(',;\t\n\r"')
    foreign = {name for name, kind in results.columns.items() if kind == "choice"} - {*FIELDS, RESULT}
    return bool(foreign) or any(special & {*name} for name in (*results.labels, *results.columns))


def rows_of(answer: QueryAnswer) -> Iterator[dict[str, Any]]:
    """Yield the rows of an answer, once: whole numbers, booleans, words, None where a result lacks a column."""
    for batch in answer.batches():
        yield from batch.to_pylist()


def _json(answer: QueryAnswer) -> Iterator[str]:
    before = "[\n"
    for row in rows_of(answer):
        yield before + json.dumps(row, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _markdown(answer: QueryAnswer) -> Iterator[str]:
    yield _line(answer.columns)
    yield _line(["---" if kind == "choice" else "--:" for kind in answer.columns.values()])
    for row in rows_of(answer):
        yield _line([as_shown(value) for value in row.values()])


def _line(cells: Sequence[str] | Mapping[str, Any]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |\n"


def _escaped(cell: str) -> str:
    """Return a text as Markdown that shows it: no link, no element, no line of its own.

    Example:
        >>> _escaped("back_of_envelope <b> [x](y)|")
        'back_of_envelope &lt;b> \\\\[x\\\\](y)\\\\|'
    """
    text = _BREAKS.sub(" ", cell).replace("&", "&amp;").replace("<", "&lt;")
    return _MARKS.sub(r"\\\g<0>", text)


_BREAKS = re.compile(r"\r\n|[\x00-\x1f\x7f\x85\u2028\u2029]")
_MARKS = re.compile(r"[\\|`*\[\]~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""An underline within a word is none of Markdown's."""


def as_shown(value: object) -> str:
    """Return a value as people read it: with thousands separators, and empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _facts(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    query = said["query"]
    facts = [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in query.items()]
    lines = [("", line) for line in str(said["sweep"]).splitlines()] if said.get("sweep") else []
    return [*facts, *([("sweep", "the file that was run:"), *lines] if lines else [])]

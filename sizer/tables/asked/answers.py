"""The answer to a query becomes a file or a stream, row by row: CSV, TSV, Parquet, XLSX, JSON or Markdown."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from sizer.errors import RunError
from sizer.networks.fields import FIELDS
from sizer.outlets import write_whole
from sizer.tables.asked.foreign_words import shielded, shielded_name
from sizer.tables.asked.query import Answer, Query
from sizer.tables.asked.results import RESULT, Results
from sizer.tables.written.batches import regrouped
from sizer.tables.written.parquet import ParquetWriter
from sizer.tables.written.streams import Form
from sizer.tables.written.writers import CsvWriter, TableWriter, Writers

FORMS = ("csv", "tsv", "parquet", "xlsx", "json", "markdown")
"""What an answer can be written as."""
EXTENSIONS = {"md": "markdown", **{form: form for form in FORMS}}
"""Extension of a file -> what is written into it."""


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


def write_answer(answer: Answer, form: str, sink: IO[bytes] | Path, results: Results, asked: Query) -> None:
    """Write an answer.

    Args:
        answer: read as it is written.
        form: one of `FORMS`.
        sink: a stream that is left open, or, for XLSX, a path.
        results: that were asked.
        asked: of them.

    Raises:
        RunError: there are more rows than a workbook can have.
        OSError: it cannot be written.
    """
    if form == "xlsx":
        if not isinstance(sink, Path):
            raise RunError("a workbook is written into a file; name one with --out")
        from sizer.tables.workbook.workbook import write_rows

        facts = [("rows", f"{answer.rows:,}"), *_facts(said_of(results, asked))]
        write_rows(sink, _tables(answer), answer.schema, facts)
        return
    if isinstance(sink, Path):
        with sink.open("wb") as stream:
            write_answer(answer, form, stream, results, asked)
        return
    if form in {"csv", "tsv", "parquet"}:
        metadata = {"sizer": json.dumps(said_of(results, asked))}
        shape = Form(csv_dialect="tsv" if form == "tsv" else "standard", quoted=_needs_quotes(results))
        writer: TableWriter
        if form == "parquet":
            writer, tables = ParquetWriter(sink, answer.schema, metadata, shape), _tables(answer)
        else:
            schema = answer.schema
            named = pa.schema([field.with_name(shielded_name(field.name)) for field in schema])
            writer = CsvWriter(sink, named, metadata, shape)
            tables = (shielded(table).rename_columns(named.names) for table in _tables(answer))
        with Writers([writer]) as writers:
            for table in tables:
                writers.write(table)
        return
    for line in _TEXTS[form](answer):
        write_whole(sink, line.encode())


def _tables(answer: Answer) -> Iterator[pa.Table]:
    return regrouped(answer.batches(), answer.schema)


def _needs_quotes(results: Results) -> bool:
    """Return whether words may hold what ends a value in CSV: file names, and columns of other people's tables."""
    special = set(',;\t\n\r"')
    foreign = {name for name, kind in results.columns.items() if kind == "choice"} - {*FIELDS, RESULT}
    return bool(foreign) or any(special & {*name} for name in (*results.labels, *results.columns))


def rows_of(answer: Answer) -> Iterator[dict[str, Any]]:
    """Yield the rows of an answer, once: whole numbers, booleans, words, None where a result lacks a column."""
    for batch in answer.batches():
        yield from batch.to_pylist()


def _json(answer: Answer) -> Iterator[str]:
    before = "[\n"
    for row in rows_of(answer):
        yield before + json.dumps(row, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _markdown(answer: Answer) -> Iterator[str]:
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


_TEXTS: dict[str, Callable[[Answer], Iterator[str]]] = {"json": _json, "markdown": _markdown}


def _facts(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    query = said["query"]
    facts = [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in query.items()]
    lines = [("", line) for line in str(said["sweep"]).splitlines()] if said.get("sweep") else []
    return [*facts, *([("sweep", "the file that was run:"), *lines] if lines else [])]

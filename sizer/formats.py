"""The kinds of file that rows become, a row for each: its endings, what it is for, and what writes and reads it.

A new kind is a row here and its writer. Writers and readers stand on the floors above, and need what is slow to import;
so a row names them, and they are imported where one is needed.

    writer      a class like `sizer.tables.written.csv:CsvWriter`, which takes rows as they come
    run_writer  a function like `sizer.tables.workbook.workbook:write_workbook`, which takes the account of a run too
    answer_writer  a function like `sizer.tables.asked.answers:write_json`, which takes a whole answer
    reader      a function like `sizer.tables.asked.csv_tables:csv_table`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Format:
    """One kind of file."""

    name: str
    """As it is said on the command line and in sweep files."""
    title: str
    """As it is said in a sentence, of several."""
    endings: tuple[str, ...]
    """Of its files' names, the usual one first."""
    media_type: str
    gzip: bool = False
    """Whether its files may be compressed; then they end in `.gz`."""
    by_runs: bool = False
    """Whether a run writes it, and the service hands it out."""
    by_default: bool = False
    """Whether a run writes it where no format is named."""
    text: bool = False
    """Whether it is text, for the screen and for pipes."""
    opened_as_cells: bool = False
    """Whether what opens it may take a word for a formula and run it."""
    writer: str = ""
    """Takes rows as they come, of runs and of answers."""
    run_writer: str = ""
    """Writes a run's table where there is no `writer`: once all rows are known, with the account."""
    answer_writer: str = ""
    """Writes an answer where there is no `writer`."""
    reader: str = ""
    """Reads it; empty where nothing does."""

    @property
    def all_endings(self) -> tuple[str, ...]:
        """Its endings, then those of compressed files."""
        return (*self.endings, *(f"{ending}.gz" for ending in self.endings if self.gzip))


FORMATS: Mapping[str, Format] = {
    row.name: row
    for row in (
        Format(
            "csv",
            "CSV",
            ("csv",),
            "text/csv; charset=utf-8",
            gzip=True,
            by_runs=True,
            by_default=True,
            text=True,
            opened_as_cells=True,
            writer="sizer.tables.written.csv:CsvWriter",
            reader="sizer.tables.asked.csv_tables:csv_table",
        ),
        # Of runs it is a dialect of CSV.
        Format(
            "tsv",
            "TSV",
            ("tsv",),
            "text/tab-separated-values; charset=utf-8",
            gzip=True,
            text=True,
            opened_as_cells=True,
            writer="sizer.tables.written.csv:CsvWriter",
            reader="sizer.tables.asked.csv_tables:csv_table",
        ),
        Format(
            "parquet",
            "Parquet",
            ("parquet",),
            "application/vnd.apache.parquet",
            by_runs=True,
            by_default=True,
            writer="sizer.tables.written.parquet:ParquetWriter",
            reader="sizer.tables.asked.parquet_tables:parquet_table",
        ),
        Format(
            "xlsx",
            "workbooks",
            ("xlsx",),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            by_runs=True,
            run_writer="sizer.tables.workbook.workbook:write_workbook",
            answer_writer="sizer.tables.asked.answers:write_workbook",
        ),
        Format(
            "json",
            "JSON",
            ("json",),
            "application/json",
            text=True,
            answer_writer="sizer.tables.asked.answers:write_json",
        ),
        Format(
            "markdown",
            "Markdown",
            ("md", "markdown"),
            "text/markdown; charset=utf-8",
            text=True,
            answer_writer="sizer.tables.asked.answers:write_markdown",
        ),
    )
}
"""Name -> row, in the order in which they are listed."""

OF_RUNS = tuple(row.name for row in FORMATS.values() if row.by_runs)
"""What a run writes."""
BY_DEFAULT = tuple(row.name for row in FORMATS.values() if row.by_default)
"""What it writes where no format is named."""


READ = tuple(sorted((row for row in FORMATS.values() if row.reader), key=lambda row: row.text))
"""What is read, first where the kinds of columns are known from the file itself."""


def named(place: str) -> Any:
    """Return what stands at `module:name`."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def listed(words: tuple[str, ...], last: str) -> str:
    """Return words as a sentence lists them.

    Example:
        >>> listed(OF_RUNS, "or")
        'csv, parquet or xlsx'
    """
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)

"""A run's rows become an XLSX workbook of four sheets.

    Configurations    every row, with a frozen header, a filter and a bar in each cell of weights
    Summary           where the configurations went, the largest of each number of layers, a chart
    Sweep             the file that was run and by whose rules it was counted
    Calculator        one configuration whose fields, or the sizes of whose blocks, can be changed

The rows stream into a scratch file while the summary's figures are gathered; the other sheets are made; then the rows
stream into the workbook. Nothing in it depends on the time or the host.
"""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter

from sizer.errors import RunError
from sizer.grids.account import Account
from sizer.networks.blocks.counting import count_graph, graph_of
from sizer.networks.blocks.declared import Declared
from sizer.networks.blocks.layered import as_blocks, is_layered
from sizer.networks.counting import Count, Description, count_network
from sizer.sweepfile.sweep import Sweep
from sizer.tables.stored.files import partial_path
from sizer.tables.workbook.calculator_sheet import write_calculator, write_no_calculator
from sizer.tables.workbook.largest import Largest, lines_of
from sizer.tables.workbook.model_calculator_sheet import write_model_calculator
from sizer.tables.workbook.sheet_rows import LONGEST_CELL_XML, SheetOfRows, past_exact
from sizer.tables.workbook.styles import PAST_EXACT, Styles
from sizer.tables.workbook.summary_sheet import write_summary
from sizer.tables.workbook.sweep_sheet import write_facts, write_sweep
from sizer.tables.written.streams import as_arrow_takes_it

ROWS_PER_SHEET = 1_048_575
"""Rows below the header; a sheet ends at row 1,048,576."""
MOST_ROWS = 10_000_000
"""Rows of a workbook: programs that open one take it into memory as a whole."""
_CREATED = datetime.datetime(2000, 1, 1)
"""What a workbook says of when it was made: the same of every one, so that equal runs give equal bytes."""
_WIDEST = 255
"""Characters that a column can be wide."""
_BAR = 6
"""Characters of room for a bar beside its number."""
_USUAL = 60
"""Characters of a word that the bytes of an ordinary cell are enough for."""
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_LONGEST_ENTRY = 2**31 - 1


@dataclass(frozen=True)
class About:
    """What a workbook says of the run, beside its rows."""

    sweep: Sweep
    """With the budget and the conditions of this run."""
    provenance: Mapping[str, Any]
    """As in every table of the run: `sizer`, `sweep_sha256`, `sweep`, `conventions`, `budget`, `where` ..."""
    account: Account
    rows: int
    """How many rows will come."""
    calculator_row: Description | Declared | None
    """The configuration that the calculator starts from; None where nothing was kept."""


@dataclass
class _Seen:
    """What is known of the rows once they have streamed by."""

    widths: dict[str, int]
    """Characters of each column's longest value."""
    largest: Largest | None
    """The largest rows, where the workbook will show them."""
    rows: int = 0
    past_exact: set[str] = field(default_factory=set)
    """The columns with numbers that stand as text."""

    @classmethod
    def of(cls, schema: pa.Schema, largest: Largest | None = None) -> _Seen:
        """Return what is known before the first row."""
        return cls({name: len(name) + 4 for name in schema.names}, largest)  # 4: the button of the filter


def write_workbook(path: Path, tables: Iterable[pa.Table], schema: pa.Schema, about: About) -> None:
    """Write a workbook.

    Args:
        path: of the file. While it is written there is a second, hidden one beside it.
        tables: the rows, in order.
        schema: of each of the tables.
        about: the run.

    Raises:
        RunError: there are more rows than a workbook can have.
        OSError: the file cannot be written.
    """
    _check_rows(about.rows)

    def write_rest(workbook: Any, styles: Styles, seen: _Seen) -> None:
        assert seen.largest is not None
        write_summary(workbook, styles, about, seen.rows, seen.largest, bool(seen.past_exact))
        write_sweep(workbook, styles, about.sweep, about.provenance)
        row = about.calculator_row
        if isinstance(row, Description) and is_layered(row):
            # A network's calculator has one cell for each field; a chain of blocks one for each layer's.
            row = as_blocks(row) or row
        if isinstance(row, Description) and is_layered(row):
            write_no_calculator(workbook, styles)
        elif isinstance(row, Declared) or (row is None and about.sweep.of_blocks is not None):
            weights = (
                None if row is None else count_graph(graph_of(row.model, row.cell_types, row.block_types), row.model)
            )
            write_model_calculator(workbook, styles, row, about=_largest_said(weights))
        else:
            write_calculator(
                workbook, styles, row, about=_largest_said(None if row is None else count_network(row.wired()))
            )

    sweep = about.sweep
    lines = lines_of(_swept(sweep, schema), sweep.of_blocks is not None, layered=sweep.is_space)
    _write(
        path,
        tables,
        schema,
        _Seen.of(schema, largest=Largest(*lines)),
        about.sweep.name,
        write_rest,
    )


def _largest_said(counted: Count | None) -> str:
    return "" if counted is None else f"The largest configuration that was kept: {counted.weights:,} weights."


def _swept(sweep: Sweep, schema: pa.Schema) -> dict[str, pa.DataType]:
    """Return the fields of a table that are swept, with their types; what is drawn has a column of its own."""
    return {name: schema.field(name).type for name in sweep.swept if name in schema.names}


def write_rows(path: Path, tables: Iterable[pa.Table], schema: pa.Schema, facts: Sequence[tuple[str, str]]) -> None:
    """Write a workbook of rows that no single run made, and of a sheet that says what they are.

    Args:
        path, tables, schema: as `write_workbook` takes them.
        facts: what that sheet says, each with a word in front.

    Raises:
        RunError: there are more rows than a workbook can have.
        OSError: the file cannot be written.
    """

    def write_rest(workbook: Any, styles: Styles, seen: _Seen) -> None:
        write_facts(workbook, styles, "Query", facts)

    _write(path, tables, schema, _Seen.of(schema), "Query", write_rest)


def _write(
    path: Path,
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    seen: _Seen,
    title: str,
    write_rest: Callable[[Any, Styles, _Seen], None],
) -> None:
    scratch = partial_path(path.with_name(f"{path.name}.rows"))
    try:
        _store(scratch, tables, schema, seen)
        frame = _frame(schema, seen, title, write_rest)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target, zipfile.ZipFile(frame) as made:
            _fill(target, made, scratch, schema, seen)
    finally:
        scratch.unlink(missing_ok=True)


def _check_rows(rows: int) -> None:
    if rows > MOST_ROWS:
        raise RunError(
            f"a workbook is written with at most {MOST_ROWS:,} rows, and these are {rows:,}: write csv or parquet"
            f" (--format csv,parquet), fewer rows (--keep {ROWS_PER_SHEET}), or set a narrower budget"
        )


def _store(scratch: Path, tables: Iterable[pa.Table], schema: pa.Schema, seen: _Seen) -> None:
    """Put the rows into a file, and note what a workbook needs to know of them before its first row."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        pa.OSFile(as_arrow_takes_it(scratch), "wb") as file,
        pa.ipc.new_stream(file, schema, options=options) as stream,
    ):
        for table in tables:
            stream.write_table(table)
            seen.rows += len(table)
            _check_rows(seen.rows)
            if seen.largest is not None:
                seen.largest.see(table)
            for name in schema.names:
                column = table[name]
                if column.null_count == len(column):
                    continue
                seen.widths[name] = max(seen.widths[name], _longest(column))
                if pa.types.is_integer(column.type) and past_exact(column):
                    seen.past_exact.add(name)


def _longest(column: pa.ChunkedArray) -> int:
    """Return how many characters the longest value takes, thousands separators included."""
    if pa.types.is_integer(column.type):
        return len(f"{pc.max(column).as_py():,}") + 2
    return 5 if pa.types.is_boolean(column.type) else int(pc.max(pc.utf8_length(column)).as_py()) + 2


def _frame(schema: pa.Schema, seen: _Seen, title: str, write_rest: Callable[[Any, Styles, _Seen], None]) -> io.BytesIO:
    """Return the workbook without its rows."""
    made = io.BytesIO()
    workbook = xlsxwriter.Workbook(made, {"in_memory": True})
    workbook.set_properties({"title": title, "created": _CREATED})
    styles = Styles.of(workbook)
    for number, rows in enumerate(_shares(seen.rows), start=1):
        _add_configurations(workbook, styles, number, rows, schema, seen)
    write_rest(workbook, styles, seen)
    workbook.close()
    made.seek(0)
    return made


def _shares(rows: int) -> Iterator[int]:
    """Yield how many rows each sheet has; there is one sheet at least."""
    yield min(rows, ROWS_PER_SHEET)
    for start in range(ROWS_PER_SHEET, rows, ROWS_PER_SHEET):
        yield min(rows - start, ROWS_PER_SHEET)


def _add_configurations(workbook: Any, styles: Styles, number: int, rows: int, schema: pa.Schema, seen: _Seen) -> None:
    """Add one sheet for rows: all that is around them."""
    sheet = workbook.add_worksheet("Configurations" if number == 1 else f"Configurations {number}")
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, rows, len(schema.names) - 1)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    for place, name in enumerate(schema.names):
        is_count = pa.types.is_integer(schema.field(name).type)
        width = min(_WIDEST, seen.widths[name] + (_BAR if name == "weights" else 0))
        sheet.set_column(place, place, width, styles.count if is_count else styles.words)
        sheet.write_string(0, place, name, styles.header_right if is_count else styles.header)
        if name in seen.past_exact:
            sheet.write_comment(0, place, PAST_EXACT)
        if name == "weights":
            sheet.conditional_format(1, place, max(rows, 1), place, {"type": "data_bar", "bar_color": "#9DC3E6"})


def _fill(target: zipfile.ZipFile, made: zipfile.ZipFile, scratch: Path, schema: pa.Schema, seen: _Seen) -> None:
    """Copy a workbook entry by entry, with the rows put into its first sheets."""
    with pa.OSFile(as_arrow_takes_it(scratch), "rb") as file, pa.ipc.open_stream(file) as stream:
        waiting = _Waiting(stream)
        shares = {f"xl/worksheets/sheet{number}.xml": share for number, share in enumerate(_shares(seen.rows), start=1)}
        for name in [*shares, *(name for name in made.namelist() if name not in shares)]:
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            if name not in shares:
                target.writestr(entry, made.read(name))
                continue
            # A character takes at most five bytes: `&amp;`.
            row = sum(LONGEST_CELL_XML + max(0, 5 * (width - _USUAL)) for width in seen.widths.values())
            large = shares[name] * row > _LONGEST_ENTRY
            with target.open(entry, "w", force_zip64=large) as sheet:
                _write_rows(sheet, SheetOfRows(made.read(name), len(schema.names), shares[name]), waiting, shares[name])


def _write_rows(sheet: IO[bytes], frame: SheetOfRows, waiting: _Waiting, rows: int) -> None:
    sheet.write(frame.before)
    row = 2
    while row < rows + 2:
        table = waiting.take(rows + 2 - row)
        for text in frame.rows(table, row):
            sheet.write(text)
        row += len(table)
    sheet.write(frame.after)


class _Waiting:
    """Rows that come in batches and are taken in other portions."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = iter(batches)
        self._rest: pa.Table | None = None

    def take(self, most: int) -> pa.Table:
        """Return at least one row of those that are left, at most so many."""
        table = self._rest
        while table is None or not len(table):
            table = pa.Table.from_batches([next(self._batches)])
        self._rest = table.slice(most)
        return table.slice(0, most)

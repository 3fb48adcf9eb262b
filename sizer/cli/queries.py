"""The command on results: query."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sizer.cli.options import split_list
from sizer.cli.reporting import AsJson, note_unverified, reported
from sizer.cli.screens import DOT, shown, visible
from sizer.errors import Fault, InputError, quoted
from sizer.formats import FORMATS, listed
from sizer.networks.columns import BYTES
from sizer.networks.counting import did_you_mean
from sizer.networks.fields import FIELDS
from sizer.tables.stored.out_files import checked_path, out_file
from sizer.terminal import Terminal

if TYPE_CHECKING:
    from sizer.tables.asked.query import Query, QueryAnswer
    from sizer.tables.asked.results import Results

ON_SCREEN = 20
"""Rows on a terminal, where no number was asked for."""

Resultfiles = Annotated[
    list[str],
    typer.Argument(
        metavar="RESULT...",
        help="Tables of runs: .parquet (a folder of parts too), .csv, .tsv, .gz, or NAME.manifest.json.",
        show_default=False,
    ),
]
Where = Annotated[list[str] | None, typer.Option(metavar="EXPR", help="A condition on any column; may be repeated.")]
Sort = Annotated[
    list[str] | None, typer.Option(metavar="LIST", help="Columns to sort by; with - in front the largest first.")
]


def query(
    results: Resultfiles,
    budget: Annotated[
        list[str] | None, typer.Option(metavar="BOUND", help="10M, or int8_bytes=2MB; written as in sizer run.")
    ] = None,
    where: Where = None,
    sort: Sort = None,
    top: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="The most rows to show.", show_default="all")
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option(metavar="LIST", help="The columns of the answer.", show_default="all")
    ] = None,
    group_by: Annotated[
        list[str] | None, typer.Option(metavar="LIST", help="One row for each combination of these columns.")
    ] = None,
    best: Annotated[
        str,
        typer.Option(
            metavar="COLUMN", help="With --group-by: the configuration that has the largest value of this column."
        ),
    ] = "",
    summary: Annotated[bool, typer.Option("--summary", help="Each column's smallest and largest value.")] = False,
    near: Annotated[str, typer.Option(metavar="SIZE", help="Sort by distance from a size: 9.5M, or COLUMN=SIZE.")] = "",
    pareto: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LIST",
            help="Only rows that no other row beats: less of a column is better, or more with - in front.",
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help=f"{listed(('table', *FORMATS), 'or')}.",
            show_default="by --out; table on a terminal, tsv in a pipe",
        ),
    ] = "",
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="Where to write; - is standard output.")] = "-",
    as_json: AsJson = False,
) -> None:
    """Filter, sort and group the tables of runs, however large they are.

    sizer query results/speech.parquet --budget 5M --where "layers >= 2" --sort -weights --top 5

    sizer query results/speech.parquet --group-by layers --best weights --format markdown
    """
    with reported(as_json, counted="nothing was answered"):
        chosen = _form(form, out, as_json=as_json)
        from sizer.tables.asked.query import Query, answered
        from sizer.tables.asked.results import open_results

        opened = open_results(results)
        asked = Query(
            budget=split_list(budget),
            where=where or (),
            sort=split_list(sort),
            top=top,
            columns=split_list(columns),
            group_by=split_list(group_by),
            best=best.strip(),
            summary=summary,
            near=near.strip(),
            pareto=split_list(pareto),
        )
        if chosen == "table":
            # The screen shows the first rows only; the others are counted.
            with answered(opened, asked) as answer:
                typer.echo("\n".join(_screen(opened, asked, answer, ON_SCREEN if top is None else top)))
        elif as_json:
            with answered(opened, asked) as answer:
                _print_object(opened, answer)
        else:
            from sizer.tables.asked.answers import write_answer

            with answered(opened, asked) as answer, _sink(out, chosen) as sink:
                write_answer(answer, chosen, sink, opened, asked)
            if out != "-":
                typer.echo(f"{out}: {answer.rows:,} row{'' if answer.rows == 1 else 's'}", err=True)
        note_unverified(opened)


def _form(form: str, out: str, *, as_json: bool) -> str:
    """Return what to write.

    Raises:
        InputError: it is not known, or does not go where it should.
    """
    known = ("table", *FORMATS)
    if form and form not in known:
        message = f"no format named {quoted(form)}{did_you_mean(form, known) or '; one of ' + ', '.join(known)}"
        raise InputError([Fault("", 0, 0, "--format", message)])
    if as_json:
        if form not in {"", "json"} or out != "-":
            raise InputError([Fault("", 0, 0, "--json", "prints one object on standard output; leave the others out")])
        return "json"
    if out == "-":
        row = FORMATS.get(form)
        if row is not None and not row.text and (not row.writer or sys.stdout.isatty()):
            raise InputError([Fault("", 0, 0, "--format", f"{form} goes into a file; name one with --out")])
        return form or ("table" if sys.stdout.isatty() else "tsv")
    checked_path(out)
    extensions = {ending: row.name for row in FORMATS.values() for ending in row.endings if ending != row.name}
    extensions |= {name: name for name in FORMATS}
    by_name = extensions.get(Path(out).suffix.removeprefix(".").lower())
    if not form and by_name is None:
        message = f"{quoted(out)} ends in none of .{', .'.join(extensions)}; name a --format"
        raise InputError([Fault("", 0, 0, "--out", message)])
    if form == "table":
        raise InputError([Fault("", 0, 0, "--format", "a table is for the screen; write csv, tsv or markdown")])
    return form or str(by_name)


@contextlib.contextmanager
def _sink(out: str, form: str) -> Iterator[Any]:
    """Open what an answer is written to: standard output, or a file that appears whole or not at all."""
    if out == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with out_file(out) as path:
        yield path


def _print_object(results: Results, answer: QueryAnswer) -> None:
    """Print an answer as one JSON object, row by row."""
    from sizer.tables.asked.answers import rows_of

    head = {"results": list(results.labels), "columns": list(answer.columns), "count": answer.rows}
    typer.echo(json.dumps(head, ensure_ascii=False, indent=2)[:-2] + ',\n  "rows": [', nl=False)
    between = "\n"
    for row in rows_of(answer):
        typer.echo(f"{between}    {json.dumps(row, ensure_ascii=False)}", nl=False)
        between = ",\n"
    typer.echo("\n  ]\n}" if answer.rows else "]\n}")


def _screen(results: Results, asked: Query, answer: QueryAnswer, most: int) -> list[str]:
    """Return the first rows as a person reads them."""
    from sizer.tables.asked.answers import rows_of
    from sizer.tables.asked.selection import bound_of_shares

    terminal = Terminal.of()
    # Of a table that nobody chose the columns of, those that say the same in every row are said once.
    whole = bool(asked.columns or asked.group_by or asked.summary or answer.rows < 2)
    same = {} if whole else answer.same_in_all()
    rows = list(itertools.islice(rows_of(answer), most))
    columns = {name: kind for name, kind in answer.columns.items() if name not in same}
    header = list(map(visible, columns))
    left = [place for place, kind in enumerate(columns.values()) if kind == "choice"]
    lines = [[shown(row[name]) for name in columns] for row in rows]
    bound = bound_of_shares(results, asked.budget)
    bar = None
    counted, each = ("", 1) if bound is None else (bound.column, 1)
    if counted not in answer.columns and counted in BYTES:
        counted, each = "weights", BYTES[counted]
    if bound is not None and bound.maximum and counted in answer.columns:
        bar = len(header)
        header.append("of budget")
        for line, row in zip(lines, rows, strict=True):
            line.append("" if row[counted] is None else f"{row[counted] * each / bound.maximum:.1%}")
    name = visible(results.name)
    if not rows:
        return [*terminal.wrapped(f"{name}{DOT}no rows")]
    known = f"{answer.rows:,} row{'' if answer.rows == 1 else 's'}"
    if len(rows) < answer.rows:
        known = f"{len(rows):,} of {known}; --top N shows more, --out FILE writes all"
    return [
        *terminal.wrapped(f"{name}{DOT}{known}"),
        *([] if not same else terminal.wrapped(_same_words(same))),
        "",
        *terminal.table(header, lines, left, bar if lines and all(line[-1] for line in lines) else None),
    ]


def _same_words(same: Mapping[str, Any]) -> str:
    """Return what is the same in every row; what is absent in all of them is left out."""
    default = {name: field.default for name, field in FIELDS.items()}
    said = [f"{name} {visible(shown(value))}" for name, value in same.items() if value and value != default.get(name)]
    return f"in every row: {', '.join(said)}" if said else "columns that no row has are left out; --columns shows them"

"""Commands on sweep files: run, validate, init, schema."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sizer.cli.options import Bounds, Conditions, split_list
from sizer.cli.progress import shown_progress
from sizer.cli.reporting import AsJson, OutFile, print_faults, print_json, reported, write_out
from sizer.errors import Fault, InputError, number_of_faults
from sizer.formats import OF_RUNS
from sizer.layout import tab_separated
from sizer.sweepfile.starter import Template
from sizer.tables.stored.out_files import checked_path
from sizer.terminal import Terminal


class Encoding(enum.Enum):
    """How integers stand in Parquet."""

    DELTA = "delta"
    PLAIN = "plain"


class Dialect(enum.Enum):
    """What CSV looks like."""

    STANDARD = "standard"
    EXCEL_EU = "excel-eu"
    TSV = "tsv"


class ProgressForm(enum.Enum):
    """How progress is shown on stderr."""

    AUTO = "auto"
    JSON = "json"
    NONE = "none"


Sweepfile = Annotated[str, typer.Argument(metavar="SWEEP", help="A YAML sweep file.", show_default=False)]


def run(
    sweep: Sweepfile,
    out: Annotated[
        str,
        typer.Option(
            "--out", metavar="DIR", help="The folder of the tables, or a URL; - streams CSV to standard output."
        ),
    ] = "results",
    budget: Bounds = None,
    where: Conditions = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", metavar="LIST", help=f"{', '.join(OF_RUNS)}; several with commas.")
    ] = None,
    columns: Annotated[list[str] | None, typer.Option(metavar="LIST", help="default, all, or names.")] = None,
    top: Annotated[int, typer.Option(min=0, help="How many of the largest configurations to show.")] = 5,
    keep: Annotated[
        int | None, typer.Option(metavar="N", help="Write only the first N by --sort.", show_default=False)
    ] = None,
    sort: Annotated[
        str, typer.Option(metavar="COLUMN", help="A counted column for --keep; with - in front the largest first.")
    ] = "-weights",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; write nothing.")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="In a dry run, count exactly, however long it takes.")] = False,
    parquet_encoding: Annotated[
        Encoding,
        typer.Option(help="How integers are encoded; use plain for readers that cannot read delta (fastparquet)."),
    ] = Encoding.DELTA,
    csv_dialect: Annotated[
        Dialect, typer.Option(help="excel-eu: semicolons, for Excel with decimal commas; tsv: tabs, NAME.tsv.")
    ] = Dialect.STANDARD,
    gzip: Annotated[bool, typer.Option("--gzip", help="Compress the CSV table, NAME.csv.gz.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="How many parts of a large table to write at once.", show_default="every core"
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the parts of an interrupted run.")] = False,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Dask scheduler, tcp://host:8786, whose workers write the parts."),
    ] = None,
    progress: Annotated[
        ProgressForm, typer.Option(help="On stderr: auto shows a bar on a terminal, json prints lines.")
    ] = ProgressForm.AUTO,
    as_json: AsJson = False,
) -> None:
    """Count every configuration of a sweep, filter by the budget, and write the tables.

    sizer run sweeps/speech.yaml

    sizer run sweeps/speech.yaml --budget 5M --format csv --out tables
    """
    with reported(as_json, counted="nothing was counted"):
        from sizer.runs.run import run_sweep, stream_sweep
        from sizer.runs.summary import run_screen, table_of_largest
        from sizer.sweepfile.load import load_sweep

        if out != "-" and "://" not in out:
            checked_path(out, folder=True)
        loaded = load_sweep(sweep)
        bar = progress is ProgressForm.AUTO and sys.stderr.isatty() and not as_json
        with shown_progress(loaded.size, bar=bar, lines=progress is ProgressForm.JSON) as on_progress:
            asked: dict[str, Any] = {
                "budget": split_list(budget),
                "where": where or (),
                "columns": split_list(columns) or None,
                "top": top,
                "keep": keep,
                "sort": sort,
                "csv_dialect": csv_dialect.value,
                "gzip": gzip,
                "on_progress": on_progress,
            }
            if out == "-" and not dry_run:
                _check_streamable(split_list(formats), as_json=as_json, in_parts=bool(workers or resume or cluster))
                done = stream_sweep(loaded, sys.stdout.buffer, exact=exact, **asked)
                typer.echo(run_screen(done, Terminal.of(sys.stderr), table=False), err=True)
                return
            done = run_sweep(
                loaded,
                out,
                formats=split_list(formats) or None,
                dry_run=dry_run,
                exact=exact,
                parquet_encoding=parquet_encoding.value,
                workers=workers,
                resume=resume,
                cluster=cluster,
                **asked,
            )
        if as_json:
            print_json(done.as_json())
        elif sys.stdout.isatty():
            typer.echo(run_screen(done, Terminal.of(), table=True))
        else:
            typer.echo(run_screen(done, Terminal.of(sys.stderr), table=False), err=True)
            typer.echo(tab_separated(*table_of_largest(done)), nl=False)


def _check_streamable(formats: list[str], *, as_json: bool, in_parts: bool) -> None:
    """Check that standard output is asked for nothing but CSV.

    Raises:
        InputError: it is asked for something else.
    """
    problems = []
    if formats and formats != ["csv"]:
        problems.append("standard output takes CSV only; name a folder for other formats")
    if as_json:
        problems.append("--json also prints on standard output; name a folder for the tables")
    if in_parts:
        problems.append("--workers, --resume and --cluster make parts in a folder; name one")
    if problems:
        raise InputError(Fault("", 0, 0, "--out", problem) for problem in problems)


def validate(
    sweeps: Annotated[list[str], typer.Argument(metavar="SWEEP...", help="YAML sweep files.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Check sweep files and list every mistake with its line and column.

    sizer validate sweeps/*.yaml

    sizer validate --json sweeps/speech.yaml
    """
    faults: list[Fault] = []
    checked: list[dict[str, Any]] = []
    with reported(as_json, counted="the files were only checked"):
        from sizer.sweepfile.load import load_sweep

        for file in sweeps:
            try:
                loaded = load_sweep(file)
            except InputError as problem:
                faults.extend(problem.faults)
                checked.append({"file": file, "configurations": None, "faults": number_of_faults(problem.faults)})
            else:
                checked.append({"file": file, "configurations": loaded.size, "faults": 0})
                if not as_json:
                    typer.echo(f"{file}: {loaded.size:,} configurations, no faults", err=True)
    if faults and not as_json:
        print_faults(tuple(faults), as_json, "the files were only checked")
    elif as_json:
        number = sum(one["faults"] for one in checked)
        print_json({"faults": [fault.as_json() for fault in faults], "number": number, "sweeps": checked})
    if faults:
        raise typer.Exit(1)


def schema(out: OutFile = "-") -> None:
    """Print the JSON Schema of sweep files, for editors.

    sizer schema

    sizer schema --out sweep.schema.json
    """
    with reported():
        from sizer.sweepfile.schema import schema_text

        write_out(schema_text(), out)


def init(
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", help="The file to write; - is standard output.")
    ] = "sweep.yaml",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    template: Annotated[
        Template | None,
        typer.Option("--template", help="Start from a published model instead.", show_default=False),
    ] = None,
) -> None:
    """Write a starter sweep file with comments, ready to run.

    sizer init

    sizer init --out sweeps/mine.yaml

    sizer init --template rnnt --out sweeps/mine.yaml --force
    """
    from sizer.sweepfile.schema_line import with_schema_line
    from sizer.sweepfile.starter import STARTER, template_text

    with reported(counted="nothing was written"):
        if out != "-" and checked_path(out).exists() and not force:
            raise InputError([Fault(out, 0, 0, "", "exists already; --force replaces it, --out names another file")])
        text = STARTER if template is None else template_text(template)
        write_out(with_schema_line(text, None if out == "-" else Path(out)), out)
        if out != "-":
            typer.echo(f"{out} is written. Next: sizer run {out}", err=True)

"""The commands. Each one reads its options, calls the library and prints; heavy imports wait until they are needed.

Exit codes: 0 done, 1 faults in the input, 2 usage, 3 the run could not be finished.
"""

from __future__ import annotations

import contextlib
import enum
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sizer import __version__
from sizer.cli import screens
from sizer.cli.options import network_fields, split_list, with_fields
from sizer.cli.progress import progress_bar
from sizer.errors import Fault, InputError, RunError
from sizer.networks.counting import did_you_mean

OutFile = Annotated[str, typer.Option("--out", metavar="FILE", help="Where to write; - is standard output.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


class Encoding(enum.Enum):
    """How integers stand in Parquet."""

    DELTA = "delta"
    PLAIN = "plain"


class Commands(TyperGroup):
    """The group of commands, which suggests the nearest name for one that is not there."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the words name, or end with usage and a suggestion."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            ctx.fail(f"no command named '{name[:80]}'{did_you_mean(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Commands,
    name="sizer",
    help="Counts the weights of recurrent networks exactly: one network, or a sweep of a hundred million.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"sizer {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Counts the weights of recurrent networks exactly: one network, or a sweep of a hundred million."""


@contextlib.contextmanager
def reported(as_json: bool = False, counted: str = "nothing was counted") -> Iterator[None]:
    """Print faults and failures as a person reads them, and end with the exit code that says which."""
    try:
        yield
    except InputError as problem:
        print_faults(problem.faults, as_json, counted)
        raise typer.Exit(1) from None
    except RunError as problem:
        typer.echo(f"sizer: {problem}", err=True)
        raise typer.Exit(3) from None
    except KeyboardInterrupt:
        typer.echo("sizer: stopped; the tables that were there are unchanged", err=True)
        raise typer.Exit(3) from None
    except BrokenPipeError:
        # The reader of our output has gone (`| head`). Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def print_faults(faults: tuple[Fault, ...], as_json: bool, counted: str) -> None:
    """Print every fault: as JSON on stdout, or as text on stderr with the lines they stand in on a terminal."""
    if as_json:
        print_json({"faults": [fault.as_json() for fault in faults]})
        return
    lines: dict[str, list[str]] = {}
    if sys.stderr.isatty():
        for file in {fault.file for fault in faults if fault.line}:
            with contextlib.suppress(OSError, ValueError):
                lines[file] = Path(file).read_text(encoding="utf-8").splitlines()
    typer.echo(screens.faults_text(faults, lines), err=True)
    typer.echo(f"{len(faults)} fault{'s' if len(faults) != 1 else ''}; {counted}", err=True)


def print_json(value: Any) -> None:
    """Print one JSON value on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def write_out(text: str, out: str) -> None:
    """Write text to a file, or to stdout for `-`; the file appears whole or not at all."""
    if out == "-":
        typer.echo(text, nl=not text.endswith("\n"))
        return
    from sizer.tables.files import pending_files

    path = Path(out)
    with pending_files(path.parent) as pending:
        pending.add(path).write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
        pending.commit()


def for_reader(out: str, screen: Callable[[], str], table: Callable[[], str]) -> str:
    """Return the screen for a terminal, the table for a pipe or a file."""
    return screen() if out == "-" and sys.stdout.isatty() else table()


Sweepfile = Annotated[str, typer.Argument(metavar="SWEEP", help="A YAML sweep file.", show_default=False)]


@app.command()
def run(
    sweep: Sweepfile,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="The folder of the tables.")] = "results",
    budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BOUND", help="10M replaces the maximum of weights, int8_bytes=2MB that of another counted column."
        ),
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="EXPR", help="An expression that must hold too; may be repeated.")
    ] = None,
    format_names: Annotated[
        list[str] | None, typer.Option("--format", metavar="LIST", help="csv, parquet, or both with a comma.")
    ] = None,
    columns: Annotated[list[str] | None, typer.Option(metavar="LIST", help="default, all, or names.")] = None,
    top: Annotated[int, typer.Option(min=0, help="How many of the largest to show.")] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; write nothing.")] = False,
    parquet_encoding: Annotated[
        Encoding, typer.Option(help="Of integers; plain is for readers that do not know delta (fastparquet).")
    ] = Encoding.DELTA,
    as_json: AsJson = False,
) -> None:
    """Check, enumerate, count and filter a sweep, and write its tables.

    sizer run sweeps/speech.yaml

    sizer run sweeps/speech.yaml --budget 5M --format csv --out tables
    """
    with reported(as_json, counted="nothing was counted"):
        from sizer.run import run_sweep
        from sizer.sweepfile.load import load_sweep

        loaded = load_sweep(sweep)
        with progress_bar(loaded.size, wanted=sys.stderr.isatty() and not as_json) as on_progress:
            done = run_sweep(
                loaded,
                out,
                budget=split_list(budget),
                where=where or (),
                formats=split_list(format_names) or None,
                columns=split_list(columns) or None,
                top=top,
                dry_run=dry_run,
                parquet_encoding=parquet_encoding.value,
                on_progress=on_progress,
            )
        if as_json:
            print_json(done.as_json())
        elif sys.stdout.isatty():
            typer.echo(screens.run_screen(done, terminal_table=True))
        else:
            typer.echo(screens.run_screen(done, terminal_table=False), err=True)
            typer.echo(screens.tab_separated(*screens.table_of_largest(done)), nl=False)


@app.command()
def validate(
    sweeps: Annotated[list[str], typer.Argument(metavar="SWEEP...", help="YAML sweep files.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Check sweep files and say every fault with its place.

    sizer validate sweeps/*.yaml

    sizer validate --json sweeps/speech.yaml
    """
    from sizer.sweepfile.load import load_sweep

    faults: list[Fault] = []
    for file in sweeps:
        try:
            loaded = load_sweep(file)
        except InputError as problem:
            faults.extend(problem.faults)
        else:
            if not as_json:
                typer.echo(f"{file}: {loaded.size:,} configurations, no faults", err=True)
    if faults and not as_json:
        print_faults(tuple(faults), as_json, "the files were only checked")
    elif as_json:
        print_json({"faults": [fault.as_json() for fault in faults]})
    if faults:
        raise typer.Exit(1)


@app.command()
@with_fields()
def explain(
    sweep: Annotated[
        str | None, typer.Argument(metavar="[SWEEP]", help="A sweep file, with --id.", show_default=False)
    ] = None,
    configuration_id: Annotated[
        int | None, typer.Option("--id", metavar="N", help="The configuration of the sweep file.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    out: OutFile = "-",
    fields: Any = None,
) -> None:
    """Show one network part by part, with the formula.

    sizer explain --inputs 39 --layers 3 --cells 1024 --outputs 34

    sizer explain sweeps/speech.yaml --id 2909
    """
    if (sweep is None) != (configuration_id is None):
        raise typer.BadParameter("a sweep file and --id go together: sizer explain SWEEP --id N")
    if sweep is not None and fields:
        raise typer.BadParameter("give either a sweep file with --id or the fields of a network")
    with reported(as_json), as_options():
        from sizer.networks.breakdown import explain as explain_network

        if sweep is None or configuration_id is None:
            breakdown = explain_network(network_fields(fields))
        else:
            from sizer.run import explain_row
            from sizer.sweepfile.load import load_sweep

            breakdown = explain_row(load_sweep(sweep), configuration_id)
        if as_json:
            write_out(json.dumps(breakdown.as_json(), indent=2), out)
        else:
            write_out(
                for_reader(out, lambda: screens.explain_screen(breakdown), lambda: screens.explain_table(breakdown)),
                out,
            )


@app.command()
@with_fields("convention")
def compare(as_json: AsJson = False, out: OutFile = "-", fields: Any = None) -> None:
    """Show the same network under every convention, side by side.

    sizer compare --inputs 80 --layers 3 --cells 1024 --recurrent-projection 256

    sizer compare --cell-type gru --inputs 2000 --layers 1 --cells 300 --json
    """
    with reported(as_json), as_options():
        from sizer.networks.comparison import compare as compare_network

        network = network_fields(fields)
        del network["convention"]
        readings = compare_network(network)
        if as_json:
            write_out(json.dumps({"readings": [reading.as_json() for reading in readings]}, indent=2), out)
        else:
            write_out(
                for_reader(out, lambda: screens.compare_screen(readings), lambda: screens.compare_table(readings)), out
            )


@contextlib.contextmanager
def as_options() -> Iterator[None]:
    """Name fields as the options that a person typed."""
    try:
        yield
    except InputError as problem:
        raise InputError(
            fault if fault.file or fault.path.startswith("-") else _as_option(fault) for fault in problem.faults
        ) from None


def _as_option(fault: Fault) -> Fault:
    return Fault(fault.file, fault.line, fault.column, "--" + fault.path.replace("_", "-"), fault.message)


@app.command()
def conventions(as_json: AsJson = False, out: OutFile = "-") -> None:
    """Show the conventions: their rules, what they refuse and their sources.

    sizer conventions

    sizer conventions --json
    """
    header, rows = screens.conventions_rows()
    with reported(as_json):
        if as_json:
            write_out(json.dumps({"conventions": [dict(zip(header, row, strict=True)) for row in rows]}, indent=2), out)
        else:
            write_out(for_reader(out, screens.conventions_screen, lambda: screens.tab_separated(header, rows)), out)


@app.command()
def schema(out: OutFile = "-") -> None:
    """Print the JSON Schema of sweep files, for editors.

    sizer schema

    sizer schema --out sweep.schema.json
    """
    from sizer.sweepfile.schema import schema_text

    with reported():
        write_out(schema_text(), out)


@app.command()
def init(
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", help="The file to write; - is standard output.")
    ] = "sweep.yaml",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a starter sweep, with comments, that runs as it is.

    sizer init

    sizer init --out sweeps/mine.yaml
    """
    from sizer.sweepfile.starter import STARTER

    with reported(counted="nothing was written"):
        if out != "-" and Path(out).exists() and not force:
            raise InputError([Fault(out, 0, 0, "", "is there already; --force replaces it, --out names another file")])
        write_out(STARTER, out)
        if out != "-":
            typer.echo(f"{out} is written. Next: sizer run {out}", err=True)

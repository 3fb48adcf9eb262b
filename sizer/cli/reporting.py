"""How every command reports: data on stdout, faults and failures on stderr, the exit code that says which."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sizer.cli import screens
from sizer.cli.edge import NOT_FINISHED, STOPPED, UnwrittenError
from sizer.errors import Fault, InputError, RunError, number_of_faults
from sizer.tables.stored.out_files import out_file
from sizer.terminal import Terminal

if TYPE_CHECKING:
    from sizer.tables.asked.results import Results

OPTIONS: ContextVar[Mapping[str, str]] = ContextVar("OPTIONS", default=MappingProxyType({}))
"""The options of the command that runs, as a person types them, by the names that the floors below have for them."""

OutFile = Annotated[str, typer.Option("--out", metavar="FILE", help="Where to write; - is standard output.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


@contextlib.contextmanager
def reported(as_json: bool = False, counted: str = "nothing was counted") -> Iterator[None]:
    """Print faults and failures as a person reads them, and end with the exit code that says which."""
    try:
        yield
    except InputError as problem:
        print_faults(tuple(map(as_typed, problem.faults)), as_json, counted)
        raise typer.Exit(1) from None
    except UnwrittenError:
        raise  # the edge says so, since it may come to light after the command only
    except RunError as problem:
        typer.echo(f"sizer: {problem}", err=True)
        raise typer.Exit(NOT_FINISHED) from None
    except KeyboardInterrupt:
        typer.echo(f"sizer: {STOPPED}", err=True)
        raise typer.Exit(NOT_FINISHED) from None


def note_unverified(results: Results) -> None:
    """Say on standard error which results no manifest vouches for."""
    for name in results.unverified:
        typer.echo(f"{name} has no manifest next to it, so it is not checked", err=True)


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
    number = number_of_faults(faults)
    typer.echo(f"{number:,} fault{'s' if number != 1 else ''}; {counted}", err=True)


def print_json(value: Any) -> None:
    """Print one JSON value on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def write_out(text: str, out: str) -> None:
    """Write text to a file, or to stdout for `-`; the file appears whole or not at all."""
    if out == "-":
        typer.echo(text, nl=not text.endswith("\n"))
        return
    with out_file(out) as path:
        path.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")


def for_reader(out: str, screen: Callable[[], str], table: Callable[[], str]) -> str:
    """Return the screen, as wide as the terminal, or the table for a pipe or a file."""
    return Terminal.of().fitted(screen()) if out == "-" and sys.stdout.isatty() else table()


def as_typed(fault: Fault) -> Fault:
    """Return a fault of a field or a parameter as one of the option that the command has for it, where it has one.

    What stands in a file is no option, whatever it is called.
    """
    option = OPTIONS.get().get(fault.path)
    return fault if fault.file or option is None else replace(fault, path=option)

"""Commands that show results: plot, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sizer.cli.options import split_list
from sizer.cli.queries import Resultfiles, Where
from sizer.cli.reporting import note_unverified, reported
from sizer.errors import Fault, InputError, quoted
from sizer.tables.stored.out_files import checked_path, out_file


def plot(
    results: Resultfiles,
    out: Annotated[
        str,
        typer.Option("--out", metavar="FILE", help="The picture to write: .svg, .png or .html.", show_default=False),
    ],
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="weights (against a field), heatmap (the most cells over two fields) or histogram (of sizes).",
            show_default="weights, where a field varies",
        ),
    ] = "",
    x: Annotated[
        str, typer.Option(metavar="COLUMN", help="The field on the x axis.", show_default="cells, or what varies")
    ] = "",
    y: Annotated[
        str, typer.Option(metavar="COLUMN", help="The field on the y axis of a heat map.", show_default="layers")
    ] = "",
    colour: Annotated[
        str,
        typer.Option(
            "--colour",
            "--color",
            metavar="COLUMN",
            help="The column shown by the colours of lines or bars.",
            show_default="layers, or what varies",
        ),
    ] = "",
    budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BOUND",
            help="Plot only configurations within this budget; written as in sizer run.",
            show_default="the run's",
        ),
    ] = None,
    where: Where = None,
    title: Annotated[
        str, typer.Option(metavar="TEXT", help="The title of the plot.", show_default="the run's name")
    ] = "",
    width: Annotated[int, typer.Option(metavar="PIXELS", help="Width of the plot, without its axes.")] = 640,
) -> None:
    """Plot results: weights against a field with the budget, the most cells that fit, or a histogram of sizes.

    sizer plot results/speech.parquet --out speech.svg

    sizer plot results/speech.parquet --kind heatmap --budget 5M --out speech.png
    """
    with reported(counted="nothing was written"):
        extension = checked_path(out).suffix.removeprefix(".").lower()
        from sizer.tables.asked.results import open_results
        from sizer.tables.shown.plots import EXTENSIONS, Asked, write_plot

        if extension not in EXTENSIONS:
            raise InputError([Fault("", 0, 0, "--out", f"{quoted(out)} ends in none of .{', .'.join(EXTENSIONS)}")])
        opened = open_results(results)
        asked = Asked(kind, x, y, colour, split_list(budget), where or (), title, width)
        with out_file(out) as path:
            write_plot(opened, asked, path, extension)
        note_unverified(opened)
        typer.echo(f"{out} is written", err=True)


def report(
    result: Annotated[
        str, typer.Argument(metavar="RESULT", help="A table written by a run, or its manifest.", show_default=False)
    ],
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="The page.", show_default="NAME.html beside the result"),
    ] = None,
    title: Annotated[
        str, typer.Option(metavar="TEXT", help="The title of the page.", show_default="the run's name")
    ] = "",
) -> None:
    """Write one HTML page that works offline: the sweep, the counts, plots, a searchable table, each row's parts.

    sizer report results/speech.parquet

    sizer report results/speech.parquet --title "What fits the phone" --out phone.html
    """
    with reported(counted="nothing was written"):
        from sizer.tables.asked.results import open_results
        from sizer.tables.shown.report import write_report

        opened = open_results([result])
        path = _beside(result) if out is None else checked_path(out)
        if path.suffix.lower() not in {".html", ".htm"}:
            raise InputError([Fault("", 0, 0, "--out", f"{quoted(out)} does not end in .html")])
        with out_file(str(path)) as pending:
            rows = write_report(opened, pending, title=title)
        note_unverified(opened)
        typer.echo(f"{path}: a page with {rows:,} configuration{'' if rows == 1 else 's'}", err=True)


def _beside(result: str) -> Path:
    """Return the path of a result's page: the same name, without what follows its first dot."""
    # A folder may be named as `.`, which has no name of its own; a hidden file begins with a dot.
    path = Path(result) if Path(result).name else Path.cwd() / result
    hidden = path.name[: len(path.name) - len(path.name.lstrip("."))]
    return path.with_name(f"{hidden}{path.name.lstrip('.').partition('.')[0]}.html")

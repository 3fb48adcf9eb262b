"""Results become a picture or a page in one call: what `sizer plot` and `sizer report` do, in Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sizer.errors import Fault, InputError, quoted
from sizer.parameters import checked
from sizer.tables.asked.results import Named, open_results
from sizer.tables.shown import plots
from sizer.tables.shown.report import write_report
from sizer.tables.stored.out_files import checked_path, out_file


@checked
def plot(
    results: Named,
    out: str | os.PathLike[str] | None = None,
    *,
    kind: str = "",
    x: str = "",
    y: str = "",
    colour: str = "",
    budget: str | int | Sequence[str | int] | Mapping[str, Any] = (),
    where: str | Sequence[str] = (),
    title: str = "",
    width: int = 640,
) -> Any:
    """Plot results: weights against a field with the budget, the most cells that fit, or a histogram of sizes.

    Args:
        results: files of tables, as for `query`, or a run that wrote some.
        out: the picture to write, `.svg`, `.png` or `.html`; None: a chart of Altair, which a notebook shows.
        kind: `weights`, `heatmap` or `histogram`; empty: by what varies.
        x, y: the columns on the axes.
        colour: the column that the colours show.
        budget: plot only configurations within it. By default the run's.
        where: conditions that must hold.
        title: the title of the plot.
        width: pixels of the plot, without its axes.

    Returns:
        The chart, or the path of the picture.

    Raises:
        InputError: a file is not a result, the question has faults, or there is nothing to plot.
        RunError: Altair or DuckDB is not installed, or the picture cannot be written.
    """
    conditions = (where,) if isinstance(where, str) else tuple(where)
    asked = plots.Asked(kind, x, y, colour, budget, conditions, title, width)
    opened = open_results(results)
    if out is None:
        return plots.plot(opened, asked)
    path = checked_path(os.fspath(out), "out")
    extension = path.suffix.removeprefix(".").lower()
    if extension not in plots.EXTENSIONS:
        message = f"{quoted(str(path))} ends in none of .{', .'.join(plots.EXTENSIONS)}"
        raise InputError([Fault("", 0, 0, "out", message)])
    with out_file(path, "out") as pending:
        plots.write_plot(opened, asked, pending, extension)
    return path


@checked
def report(results: Named, out: str | os.PathLike[str], *, title: str = "") -> Path:
    """Write one HTML page that works offline: the sweep, the counts, plots, a searchable table.

    Args:
        results: the table of one run, or the run.
        out: the page to write, `.html`.
        title: the title of the page; empty: the run's name.

    Raises:
        InputError: a file is not a result, or its networks cannot be worked out.
        RunError: Altair or DuckDB is not installed, or the page cannot be written.
    """
    path = checked_path(os.fspath(out), "out")
    if path.suffix.lower() not in {".html", ".htm"}:
        raise InputError([Fault("", 0, 0, "out", f"{quoted(str(path))} does not end in .html")])
    opened = open_results(results)
    with out_file(path, "out") as pending:
        write_report(opened, pending, title=title)
    return path

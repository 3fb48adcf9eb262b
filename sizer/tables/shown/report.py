"""A result becomes one HTML file that works with no network: what was asked, what came out, plots, a table, its parts."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from sizer.errors import InputError
from sizer.networks.fields import FIELDS
from sizer.tables.asked.answers import as_shown, rows_of
from sizer.tables.asked.exports import Exported, columns_needed, configurations
from sizer.tables.asked.query import Query, answered
from sizer.tables.asked.result import TABLE, is_counted
from sizer.tables.asked.results import Results, manifest_of
from sizer.tables.asked.sql import identifier
from sizer.tables.shown.breakdowns import Breakdowns
from sizer.tables.shown.plots import (
    Asked,
    Varying,
    altair,
    budget_of,
    check_title,
    plot,
    policy_hash,
    shown_by_heat,
    svg,
    varying_of,
)

MOST_ROWS = 100_000
"""Rows of the page's table."""
_EXACT = 2**53
_TITLES = {
    "weights": "Weights against a field",
    "heatmap": "The most cells that fit",
    "histogram": "How many of each size",
}


def write_report(results: Results, path: Path, *, most: int = MOST_ROWS, title: str = "") -> int:
    """Write a report, and return how many rows its table has.

    Args:
        results: of one run.
        path: of the file.
        most: rows of the table; where there are more, the largest of them.
        title: instead of the run's name.

    Raises:
        InputError: the result's networks cannot be known, a file is damaged, or the title is no text.
        RunError: Altair or DuckDB is not installed.
        OSError: the file cannot be written.
    """
    altair()
    check_title(title)
    needed = columns_needed(results, own_cells=True)
    varying, largest = _extent(results)
    rows = varying.rows
    partly = rows > most
    asked = Query(
        columns=list(dict.fromkeys([*results.columns, *needed])), top=most, sort=["-weights"] if partly else []
    )
    with answered(results, asked) as answer:
        table = [*rows_of(answer)]
    data, breakdowns = _data(results, table)
    style, script = (_asset(name) for name in ("report.css", "report.js"))
    name = title or results.name
    page = _PAGE.format(
        policy=f"default-src 'none'; img-src data:; style-src '{policy_hash(style)}'; script-src '{policy_hash(script)}'; base-uri 'none'; form-action 'none'",
        title=html.escape(name),
        head=_head(results, name),
        facts=_facts(results, rows, largest),
        sweep=_sweep(results),
        plots=_plots(results, varying) if rows else "",
        said=_said(rows, len(table)),
        conditions=html.escape(_conditions(results, table, first=data["first"])),
        data=json.dumps({**data, "structures": breakdowns.structures}, separators=(",", ":")).replace("<", "\\u003c"),
        style=style,
        script=script,
    )
    path.write_text(page, encoding="utf-8")
    return len(table)


def _asset(name: str) -> str:
    return files("sizer.tables.shown").joinpath("page", name).read_text(encoding="utf-8")


def _data(results: Results, table: list[dict[str, Any]]) -> tuple[dict[str, Any], Breakdowns]:
    """Return the rows column by column, with the fields that the table leaves out, and their breakdowns."""
    breakdowns = Breakdowns()
    networks: list[Exported] = list(configurations(results, iter(table), own_cells=True))
    places = [_place(breakdowns, network) for network in networks]
    columns = [_column(name, kind, [row[name] for row in table]) for name, kind in results.columns.items()]
    flat = [_flat(network.fields) for network in networks]
    for name in dict.fromkeys(name for fields in flat for name in fields):
        if name not in results.columns:  # what the table leaves out, and its parts are worked out from
            kind = FIELDS[name].kind if name in FIELDS else "count"
            columns.append({**_column(name, kind, [fields.get(name) for fields in flat]), "hidden": True})
    columns.append({**_column("#structure", "count", places), "hidden": True})
    # A table of several runs may have rows without a count; the row that is shown first has the largest.
    weights = (
        [-1 if row["weights"] is None else row["weights"] for row in table] if "weights" in results.columns else []
    )
    first = weights.index(max(weights)) if weights else 0
    return {"rows": len(table), "columns": columns, "first": first}, breakdowns


def _place(breakdowns: Breakdowns, network: Exported) -> int:
    if network.model is not None:
        return breakdowns.place_of_model(network.model, network.fields)
    return breakdowns.place(network.fields, network.cell_types)


def _flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with one for each layer where a field is a list."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, (list, tuple)):
            found |= {f"{name}.{layer}": one for layer, one in enumerate(value, start=1)}
        else:
            found[name] = value
    return found


def _column(name: str, kind: str, values: list[Any]) -> dict[str, Any]:
    """Return a column; JavaScript's numbers hold whole numbers up to 2**53, larger ones go as text."""
    safe = [str(value) if type(value) is int and abs(value) > _EXACT else value for value in values]
    if safe and all(value == safe[0] for value in safe):
        return {"name": name, "kind": kind, "values": None, "constant": safe[0]}
    return {"name": name, "kind": kind, "values": safe}


def _head(results: Results, name: str) -> str:
    lines = [f"<h1>{html.escape(name)}</h1>"]
    description = _description(results)
    if description:
        lines.append(f"<p>{html.escape(description)}</p>")
    said = results.provenance
    conventions = ", ".join(map(str, said.get("conventions") or []))
    known = [
        f"counted by sizer {said['sizer']}" if said.get("sizer") else "",
        f"rules of {conventions}" if conventions else "",
    ]
    if said.get("sweep_sha256"):
        known.append(f"sweep {str(said['sweep_sha256'])[:12]}")
    return "\n".join([*lines, f'<p class="quiet">{html.escape(" · ".join(word for word in known if word))}</p>'])


def _description(results: Results) -> str:
    from sizer.sweepfile.load import parse_sweep

    text = results.provenance.get("sweep")
    return parse_sweep(text).description if isinstance(text, str) else ""


def _extent(results: Results) -> tuple[Varying, int | None]:
    """Return what varies, and the most weights of a row; None where that is not known."""
    table = identifier(TABLE)
    most = f"max({identifier('weights')})" if "weights" in results.columns else "NULL"
    with results.connected() as connection:
        ((largest,),) = connection.execute(f"SELECT {most} FROM {table}").fetchall()
        return varying_of(connection, results, table), largest


def _facts(results: Results, rows: int, largest: int | None) -> str:
    """Return where the configurations went, and how full the budget is."""
    account = manifest_of(results.results[0])
    lines: list[tuple[str, str]] = []
    if account:
        lines.append((f"{account['configurations']:,}", "configurations"))
        lines += [(f"-{number:,}", f"not valid: {reason}") for reason, number in account["not_valid"].items()]
        for column, ends in account["outside_budget"].items():
            for end, number in ends.items():
                limit = account["budget"][column]["max" if end == "over" else "min"]
                lines.append((f"-{number:,}", f"{end} {limit:,} {column}"))
        lines += [(f"-{number:,}", f"excluded: {condition}") for condition, number in account["excluded"].items()]
        lines.append(
            (f"{account['kept']:,}", "kept" if account["kept"] == rows else f"kept, {rows:,} of them in this table")
        )
    else:
        lines.append((f"{rows:,}", "configurations in this table"))
    cells = "".join(f"<tr><td>{html.escape(number)}</td><td>{html.escape(words)}</td></tr>" for number, words in lines)
    found = [f'<div><table class="account">{cells}</table></div>']
    budget = budget_of(results, Asked())
    if budget and largest is not None:
        words = f"the largest, {largest:,}, takes {largest / budget:.1%} of the budget of {budget:,} weights"
        found.append(
            f'<div><p>Budget</p><meter min="0" max="1" value="{min(largest / budget, 1):.4f}" aria-label="{words}"></meter><p>{words}</p></div>'
        )
    return f'<div class="facts">{"".join(found)}</div>'


def _sweep(results: Results) -> str:
    text = results.provenance.get("sweep")
    if not isinstance(text, str):
        return ""
    return f'<h2>What was asked</h2>\n<pre tabindex="0">{html.escape(text.rstrip())}</pre>'


def _plots(results: Results, varying: Varying) -> str:
    """Return the plots that the result has something for, as pictures."""
    drawn = []
    for kind, words in _TITLES.items():
        try:
            if kind == "heatmap":
                words = f"The most {shown_by_heat(varying, results, Asked())} that fit"
            picture = svg(plot(results, Asked(kind=kind, title=words, width=520), varying))
        except InputError:
            continue  # nothing varies that such a plot would show
        encoded = base64.b64encode(picture.encode()).decode()
        drawn.append(f'<img alt="{words}" src="data:image/svg+xml;base64,{encoded}">')
    return f'<div class="plots">{"".join(drawn)}</div>' if drawn else ""


def _said(rows: int, shown: int) -> str:
    if shown < rows:
        return f"The {as_shown(shown)} largest of {as_shown(rows)} kept configurations; the table of the run has all of them."
    return f"{'All ' if rows > 1 else ''}{as_shown(rows)} kept configuration{'' if rows == 1 else 's'}."


def _conditions(results: Results, table: Sequence[Mapping[str, Any]], first: int) -> str:
    """Return conditions that a person can try as they stand: on columns of this table, and met by its first row.

    Args:
        results: whose columns there are.
        table: the rows.
        first: the place of the one that is shown first.
    """
    if {"cells", "layers", "weights"} <= {*results.columns}:
        return "cells<=1024 layers=3 weights>9.5M"
    numbers = [
        name for name, kind in results.columns.items() if kind == "count" and name != "id" and not is_counted(name)
    ]
    row = table[first] if table else {}
    known = [name for name in numbers if row.get(name) is not None and " " not in name]
    words = [f"{name}{sign}{row[name]}" for name, sign in zip(known, ("<=", "="), strict=False)]
    return " ".join(words) or "weights>9.5M"


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
{head}
</header>
<main>
{facts}
<h2>What came out</h2>
{plots}
<h2 id="rows">Configurations</h2>
<p>{said} Choose a row to see its parts below.</p>
<div class="noprint"><label for="filter">Filter: words, and conditions such as <code>{conditions}</code></label>
<input type="search" id="filter" autocomplete="off" spellcheck="false"></div>
<p id="status" class="quiet" role="status"></p>
<p id="wrong" class="over" role="alert" hidden></p>
<div id="scroller" tabindex="0" aria-label="configurations; the arrow keys choose a row">
<div id="table" role="grid" aria-labelledby="rows"><div id="head" class="row" role="row"></div></div>
</div>
<section id="parts" aria-live="polite"></section>
{sweep}
</main>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""

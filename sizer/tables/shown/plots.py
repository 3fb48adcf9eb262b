"""Results become plots: weights against a field, the most cells that fit, how many there are of each size.

Rows are counted and aggregated by DuckDB first, so that a plot has some hundreds of marks whatever the result's size.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sizer.errors import Fault, InputError, RunError, quoted
from sizer.extras import install_command
from sizer.networks.counting import did_you_mean
from sizer.networks.fields import FIELDS
from sizer.sweepfile.bounds import budget_of_option, problem_of
from sizer.tables.asked.result import PLACE, RESULT, TABLE, is_counted, is_of_blocks
from sizer.tables.asked.results import Results
from sizer.tables.asked.selection import bounded_columns, selection
from sizer.tables.asked.sql import identifier, literal

if TYPE_CHECKING:
    import duckdb

KINDS = ("weights", "heatmap", "histogram")
EXTENSIONS = ("svg", "png", "html")
MOST_POINTS = 160
"""Places along an axis; where a field has more values neighbours are one."""
MOST_COLOURS = 8
MOST_BARS = 40
NOT_SAID = "not said"
"""The group of rows that have no value: a field that one of several results does not have."""
_WORDS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Okabe and Ito's colours, which people with any colour vision tell apart."""
_NUMBERS = "viridis"
_BUDGET = "#B00020"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_FIRST = (
    "cells",
    "recurrent_projection",
    "nonrecurrent_projection",
    "inputs",
    "outputs",
    "embedding",
    "bottleneck",
    "layers",
)
"""The fields that a plot looks for along its axis, in this order."""
_SMALLEST, _LARGEST, _ROWS, _BAR = (identifier(f"{PLACE} {word}") for word in ("smallest", "largest", "rows", "bar"))
"""Columns that are worked out on the way; no result has such a name, though it may have one called `rows`."""
_COLOURED = ("layers", "convention", "cell_type", "bidirectional", "recurrent_projection", "nonrecurrent_projection")


@dataclass(frozen=True)
class Asked:
    """What a plot should show; what is empty is decided by what varies."""

    kind: str = ""
    """One of `KINDS`."""
    x: str = ""
    """The field on the x axis."""
    y: str = ""
    """Of a heat map: the field up the other axis."""
    colour: str = ""
    budget: Any = ()
    """As `sizer run` takes it; rows outside are left out."""
    where: Sequence[str] = ()
    title: str = ""
    width: int = 640
    """Pixels of the plot's inside; its height follows."""


@dataclass(frozen=True)
class Varying:
    """What is known of the rows before one is drawn."""

    rows: int
    values: Mapping[str, int]
    """Field -> how many values it has."""
    numbers: tuple[str, ...] = ()
    """The fields of a model of blocks, by their paths, that hold numbers."""


def write_plot(results: Results, asked: Asked, path: Path, extension: str) -> None:
    """Write a plot.

    Args:
        results: to be drawn.
        asked: what of them.
        path: of the file.
        extension: `svg`, `png` or `html`.

    Raises:
        InputError: what is asked has faults, or there is nothing to draw.
        RunError: Altair is not installed.
    """
    chart = plot(results, asked)
    if extension == "html":
        path.write_text(_page(chart, asked.title or results.name), encoding="utf-8")
    elif extension == "svg":
        path.write_text(svg(chart), encoding="utf-8")
    else:
        import vl_convert

        path.write_bytes(vl_convert.vegalite_to_png(_specification(chart), scale=2))


def svg(chart: Any) -> str:
    """Return a plot as SVG."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(_specification(chart))
    return drawn


def _specification(chart: Any) -> dict[str, Any]:
    """Return what is drawn, without the characters that XML cannot hold: they end the program that draws."""
    found: dict[str, Any] = _printable(chart.to_dict())
    return found


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {key: _printable(one) for key, one in value.items()}
    return [_printable(one) for one in value] if isinstance(value, list) else value


def _page(chart: Any, title: str) -> str:
    """Return a plot as a page that needs no network, and that runs no script but its own."""
    import vl_convert

    scripts = (vl_convert.javascript_bundle(), _DRAWING)  # type: ignore[call-arg]  # its stub lacks the default
    # Nothing within a script's element ends it: a word may hold what looks like its end.
    data = json.dumps(_specification(chart), separators=(",", ":")).replace("<", "\\u003c")
    allowed = " ".join(f"'{policy_hash(script)}'" for script in scripts)
    return _PAGE.format(
        policy=f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:;"
        " base-uri 'none'; form-action 'none'",
        title=html.escape(title),
        data=data,
        library=scripts[0],
        drawing=scripts[1],
    )


def policy_hash(text: str) -> str:
    """Return what a content policy calls the one script, or style sheet, that it allows."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# The library would make functions of texts, as its expressions are; `ast` has them interpreted, so that none is.
_DRAWING = """
vegaEmbed("#vis", JSON.parse(document.getElementById("data").textContent), {
  mode: "vega-lite", ast: true, actions: {export: true, source: false, editor: false},
}).catch((problem) => { document.getElementById("vis").textContent = String(problem); });
"""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
</head>
<body>
<div id="vis"></div>
<script type="application/json" id="data">{data}</script>
<script>{library}</script>
<script>{drawing}</script>
</body>
</html>
"""


def altair() -> Any:
    """Return the library that draws.

    Raises:
        RunError: it is not installed.
    """
    try:
        import altair as found
        import vl_convert  # noqa: F401
    except ImportError:
        raise RunError(f"plots and reports need the extra: {install_command('report')}") from None
    return found


def plot(results: Results, asked: Asked, varying: Varying | None = None) -> Any:
    """Return an Altair chart.

    Args:
        results: to be drawn.
        asked: what of them.
        varying: of these rows, where it is known already.

    Raises:
        InputError: what is asked has faults, or there is nothing to draw.
        RunError: Altair is not installed.
    """
    library = altair()
    _check(results, asked)
    with results.connected() as connection:
        source = selection(connection, results, budget=asked.budget, where=asked.where)
        varying = varying or varying_of(connection, results, source)
        if not varying.rows:
            raise InputError([Fault(results.name, 0, 0, "", "has no such rows; there is nothing to draw")])
        kind = asked.kind or ("weights" if _along(varying) else "histogram")
        drawn = {"weights": _weights, "heatmap": _heatmap, "histogram": _histogram}[kind]
        chart, rows = drawn(library, connection, source, varying, results, asked)
    lines = [f"{varying.rows:,} configuration{'' if varying.rows == 1 else 's'}", *asked.where]
    if rows < varying.rows:
        lines.append(f"{varying.rows - rows:,} without a value on an axis left out")
    if kind == "weights":
        lines.append("solid: the largest, dotted: the smallest")
    title = library.TitleParams(asked.title or results.name, subtitle=" · ".join(lines), anchor="start", offset=12)
    return (
        chart.properties(title=title)
        .configure_view(strokeWidth=0)
        .configure_axis(labelFontSize=12, titleFontSize=13, gridColor="#E4E4E4", titlePadding=8, labelLimit=200)
        .configure_legend(labelFontSize=12, titleFontSize=12, symbolStrokeWidth=3)
        .configure_title(fontSize=17, subtitleFontSize=12, subtitleColor="#555555")
    )


def check_title(title: str) -> None:
    """Raise where a title is no text that a file can hold.

    Raises:
        InputError: bytes of an argument were no UTF-8.
    """
    try:
        title.encode()
    except UnicodeEncodeError:
        raise InputError([Fault("", 0, 0, "title", "is not text in UTF-8")]) from None


def _check(results: Results, asked: Asked) -> None:
    check_title(asked.title)
    faults = []
    if asked.kind and asked.kind not in KINDS:
        hint = did_you_mean(asked.kind, KINDS) or f"; one of {', '.join(KINDS)}"
        faults.append(Fault("", 0, 0, "kind", f"no plot named {quoted(asked.kind)}{hint}"))
    if "weights" not in results.columns:
        faults.append(Fault(results.name, 0, 0, "", "has no column weights"))
    for option, column in (("x", asked.x), ("y", asked.y), ("colour", asked.colour)):
        if column and column not in results.columns:
            faults.append(
                Fault("", 0, 0, option, f"no column named {quoted(column)}{did_you_mean(column, results.columns)}")
            )
        elif column and option == "x" and results.columns[column] == "choice" and asked.kind != "heatmap":
            faults.append(Fault("", 0, 0, option, f"{column} holds words; use it as colour"))
    if not 100 <= asked.width <= 4000:
        faults.append(Fault("", 0, 0, "width", f"{asked.width} is not between 100 and 4000"))
    if faults:
        raise InputError(faults)


def varying_of(connection: duckdb.DuckDBPyConnection, results: Results, source: str) -> Varying:
    """Return what is known of rows before they are drawn."""
    paths = [name for name in results.columns if is_of_blocks(name) and not is_counted(name)]
    fields = [name for name in results.columns if name in FIELDS or name == RESULT or name in paths]
    # One after the other: together they take twice as long.
    values = {}
    for name in fields:
        ((values[name],),) = connection.execute(f"SELECT count(DISTINCT {identifier(name)}) FROM {source}").fetchall()
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {source}").fetchall()
    return Varying(rows, values, tuple(name for name in paths if results.columns[name] == "count"))


def _no_counts(results: Results, *others: str) -> Fault:
    return Fault(results.name, 0, 0, "", f"no row has {' and '.join((*others, 'weights'))}; there is nothing to draw")


def _along(varying: Varying) -> str:
    """Return the field that a plot has along its axis, the first of those that vary; empty where none does."""
    cells = [name for name in varying.numbers if name.endswith(".cells")]
    return next((name for name in (*_FIRST, *cells, *varying.numbers) if varying.values.get(name, 0) > 1), "")


def _colour(varying: Varying, *others: str) -> str:
    found = [name for name in (RESULT, *_COLOURED, *varying.values) if varying.values.get(name, 0) > 1]
    return next((name for name in found if name not in others), "")


def _spans(connection: duckdb.DuckDBPyConnection, source: str, column: str, values: int, most: int) -> tuple[str, int]:
    """Return SQL for a column's values, or for the first of each span of neighbours, and how long the spans are."""
    name = identifier(column)
    if values <= most:
        return f"CAST({name} AS BIGINT)", 1
    ((low, high),) = connection.execute(f"SELECT min({name}), max({name}) FROM {source}").fetchall()
    if low is None:  # there is no row
        return f"CAST({name} AS BIGINT)", 1
    length = -(-(high - low + 1) // most)
    return f"(({name} - {low}) // {length}) * {length} + {low}", length


def _groups(
    connection: duckdb.DuckDBPyConnection, source: str, column: str, results: Results, varying: Varying
) -> tuple[str, list[str], bool]:
    """Return SQL for the group that a row is drawn in, the groups in order, and whether they are numbers."""
    name = identifier(column)
    if results.columns[column] != "count":
        word = f"coalesce(CAST({name} AS VARCHAR), {literal(NOT_SAID)})"
        rows = connection.execute(f"SELECT {word}, sum({_ROWS}) FROM {source} GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
        words = [found for found, _ in rows]
        if len(words) <= MOST_COLOURS:
            return word, sorted(words), False
        kept = words[: MOST_COLOURS - 1]
        listed = ", ".join(map(literal, kept))
        return f"CASE WHEN {word} IN ({listed}) THEN {word} ELSE 'others' END", [*sorted(kept), "others"], False
    number, length = _spans(connection, source, column, varying.values.get(column, 2**31), MOST_COLOURS)
    found = connection.execute(f"SELECT DISTINCT {number} FROM {source} ORDER BY 1 NULLS LAST").fetchall()
    firsts = [first for (first,) in found if first is not None]
    groups = [str(first) if length == 1 else f"{first}-{first + length - 1}" for first in firsts]
    shown = f"CAST({number} AS VARCHAR)" if length == 1 else f"({number}) || '-' || ({number} + {length - 1})"
    unsaid = [NOT_SAID] if len(firsts) < len(found) else []
    return f"coalesce({shown}, {literal(NOT_SAID)})", groups + unsaid, True


def _scale(library: Any, groups: list[str], numbers: bool) -> Any:
    if numbers:
        return library.Scale(domain=groups, scheme={"name": _NUMBERS, "extent": [0.0, 0.88]})
    return library.Scale(domain=groups, range=list(_WORDS[: len(groups)]))


def budget_of(results: Results, asked: Asked) -> int | None:
    """Return the maximum of weights that a plot draws: the one asked for, or the one of the run."""
    for bound in budget_of_option(asked.budget, (), lambda _: None, problem_of(bounded_columns(results))):
        if bound.column == "weights":
            return bound.maximum
    found = (results.provenance.get("budget") or {}).get("weights") or {}
    maximum: int | None = found.get("max")
    return maximum


def _budget_rule(library: Any, budget: int | None, axis: str) -> list[Any]:
    if budget is None:
        return []
    data = library.Data(values=[{"budget": budget, "words": f"budget {budget:,}"}])
    rule = library.Chart(data).mark_rule(color=_BUDGET, strokeDash=[6, 4], strokeWidth=1.5)
    across = axis == "y"
    text = library.Chart(data).mark_text(
        color=_BUDGET, fontSize=12, align="left" if across else "right", baseline="bottom" if across else "top",
        dx=4 if across else -5, dy=-3 if across else 2,
    )  # fmt: skip
    place = {axis: "budget:Q"}
    other = {"x": library.value(0)} if across else {"y": library.value(0)}
    return [rule.encode(**place), text.encode(**place, **other, text="words:N")]


_SIZES = (
    "datum.value >= 1e9 ? format(datum.value / 1e9, ',.3~f') + 'B' : datum.value >= 1e6 ? format(datum.value / 1e6, ',.3~f') + 'M'"
    " : datum.value >= 1e4 ? format(datum.value / 1e3, ',.3~f') + 'K' : format(datum.value, ',')"
)
"""Labels of weights: 10M, 2.5B, 12K."""


@dataclass(frozen=True)
class Points:
    """How far weights go at each value of a field."""

    x: str
    """The field on the x axis."""
    length: int
    """How many neighbouring values of it are one place."""
    colour: str
    """The field that groups; empty where none does."""
    groups: list[str]
    """Its values, or spans of them, in order."""
    numbers: bool
    """Whether the groups are numbers."""
    points: list[tuple[int, str, int, int, int]]
    """(place, group, smallest, largest, configurations)."""


def points_for(results: Results, asked: Asked, varying: Varying | None = None) -> tuple[Points, Varying]:
    """Return the points of the rows that are asked for, without drawing them; none where there is no such row.

    Args:
        results: to be drawn.
        asked: what of them.
        varying: of all rows, where it is known from an earlier call.

    Returns:
        The points, and what is known of all rows: the axis and the groups are theirs, and stay while a budget is moved.

    Raises:
        InputError: what is asked has faults.
    """
    _check(results, asked)
    with results.connected() as connection:
        source = selection(connection, results, budget=asked.budget, where=asked.where)
        varying = varying or varying_of(connection, results, identifier(TABLE))
        return points_of(connection, source, varying, results, asked), varying


def points_of(
    connection: duckdb.DuckDBPyConnection, source: str, varying: Varying, results: Results, asked: Asked
) -> Points:
    """Return how far weights go at each value of a field: some hundreds of points, whatever the result's size.

    Raises:
        InputError: no field varies.
    """
    x = asked.x or _along(varying)
    if not x:
        raise InputError([Fault("", 0, 0, "x", "no field varies; a histogram needs none")])
    colour = asked.colour or _colour(varying, x)
    by = ", ".join(identifier(name) for name in dict.fromkeys([x, colour]) if name)
    # Millions of rows become thousands before anything is worked out for each.
    said = f"{source} WHERE {identifier(x)} IS NOT NULL AND weights IS NOT NULL"
    few = (
        f"(SELECT {by}, min(weights) AS {_SMALLEST}, max(weights) AS {_LARGEST}, count(*) AS {_ROWS}"
        f" FROM {said} GROUP BY {by})"
    )
    place, length = _spans(connection, few, x, varying.values.get(x, 2**31), MOST_POINTS)
    group, groups, numbers = _groups(connection, few, colour, results, varying) if colour else ("''", [""], False)
    points = connection.execute(
        f"SELECT {place} AS x, {group} AS colour, min({_SMALLEST}), max({_LARGEST}), CAST(sum({_ROWS}) AS BIGINT)"
        f" FROM {few} GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    return Points(x, length, colour, groups, numbers, points)


def _weights(
    library: Any, connection: duckdb.DuckDBPyConnection, source: str, varying: Varying, results: Results, asked: Asked
) -> tuple[Any, int]:
    """Draw how far weights go at each value of a field: a line for the largest, a thinner one for the smallest."""
    found = points_of(connection, source, varying, results, asked)
    if not found.points:
        raise InputError([_no_counts(results, found.x)])
    x, colour, groups, numbers = found.x, found.colour, found.groups, found.numbers
    values = [dict(zip(("x", "colour", "smallest", "largest", "rows"), row, strict=True)) for row in found.points]
    length = found.length
    words = x if length == 1 else f"{x}, {length:,} values each"
    encoded: dict[str, Any] = {
        "x": library.X(
            "x:Q",
            title=words,
            scale=library.Scale(zero=False, nice=False, padding=8),
            axis=library.Axis(tickCount=round(asked.width / 70), tickMinStep=1, format=",d"),
        ),
        "tooltip": [
            library.Tooltip("x:Q", title=x, format=","),
            *([library.Tooltip("colour:N", title=colour)] if colour else []),
            library.Tooltip("largest:Q", title="largest", format=","),
            library.Tooltip("smallest:Q", title="smallest", format=","),
            library.Tooltip("rows:Q", title="configurations", format=","),
        ],
    }
    if colour:
        legend = library.Legend(symbolOpacity=1, symbolStrokeWidth=0)
        encoded["color"] = library.Color(
            "colour:N", title=colour, sort=groups, scale=_scale(library, groups, numbers), legend=legend
        )
    weights = library.Y("largest:Q", title="weights", axis=library.Axis(labelExpr=_SIZES))
    base = library.Chart(library.Data(values=values)).encode(**encoded)
    points = library.OverlayMarkDef(size=26, filled=True)
    layers = [
        base.mark_area(opacity=0.1).encode(y=weights, y2="smallest:Q"),
        base.mark_line(strokeWidth=1, opacity=0.6, strokeDash=[2, 2]).encode(y="smallest:Q"),
        base.mark_line(strokeWidth=2, point=points).encode(y=weights),
        *_budget_rule(library, budget_of(results, asked), "y"),
    ]
    chart = library.layer(*layers).properties(width=asked.width, height=round(asked.width * 0.58))
    return chart, sum(rows for *_, rows in found.points)


def shown_by_heat(varying: Varying, results: Results, asked: Asked) -> str:
    """Return the column of which a heat map shows the most: cells, of a model of blocks those of a block that vary."""
    if "cells" in results.columns:
        return "cells"
    if asked.colour and results.columns[asked.colour] == "count":
        return asked.colour
    free = [name for name in varying.numbers if varying.values[name] > 1 and name not in (asked.x, asked.y)]
    return next((name for name in free if name.endswith(".cells")), next(iter(free), ""))


def _heatmap(
    library: Any, connection: duckdb.DuckDBPyConnection, source: str, varying: Varying, results: Results, asked: Asked
) -> tuple[Any, int]:
    """Draw the most cells of any configuration for each pair of two fields; of a model of blocks those of one block."""
    most = shown_by_heat(varying, results, asked)
    projections = ("recurrent_projection", "nonrecurrent_projection", "inputs", "outputs", "cell_type", "convention")
    others = [name for name in varying.numbers if varying.values[name] > 1 and name not in (most, asked.x, asked.y)]
    y = asked.y or ("layers" if "layers" in varying.values else next(iter(others), _colour(varying, asked.x, most)))
    across = (*projections, *(name for name in others if name != y))
    x = asked.x or next((name for name in across if varying.values.get(name, 0) > 1 and name != y), "")
    if not most:
        message = "a heat map shows the most cells of a configuration, and there is no column cells; draw weights"
        raise InputError([Fault("", 0, 0, "kind", message)])
    if not x or not y or len({x, y, most}) < 3:
        message = f"a heat map shows the most {most} over two other fields, and these are not there; name x and y"
        raise InputError([Fault("", 0, 0, "kind", message)])
    by, shown = ", ".join(map(identifier, (x, y))), identifier(most)
    said = f"{source} WHERE {' AND '.join(f'{identifier(name)} IS NOT NULL' for name in (x, y, most))}"
    few = f"(SELECT {by}, max({shown}) AS {_LARGEST}, arg_max(weights, {shown}) AS {_SMALLEST}, count(*) AS {_ROWS} FROM {said} GROUP BY {by})"
    columnwise, up = (_axis(connection, few, column, results, varying) for column in (x, y))
    rows = connection.execute(
        f"SELECT {columnwise} AS x, {up} AS y, max({_LARGEST}), arg_max({_SMALLEST}, {_LARGEST}), CAST(sum({_ROWS}) AS BIGINT)"
        f" FROM {few} GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    values = [dict(zip(("x", "y", "cells", "weights", "rows"), row, strict=True)) for row in rows]
    if not values:
        raise InputError([Fault(results.name, 0, 0, "", f"no row has {x}, {y} and {most}; there is nothing to draw")])
    columns, lines = len({value["x"] for value in values}), len({value["y"] for value in values})
    step = max(14, min(74, asked.width // columns))
    base = library.Chart(library.Data(values=values)).encode(
        x=library.X("x:O", title=x, axis=library.Axis(labelAngle=0, labelOverlap=True)),
        y=library.Y("y:O", title=y, sort="descending", axis=library.Axis(labelOverlap=True)),
        tooltip=[
            library.Tooltip("x:N", title=x),
            library.Tooltip("y:N", title=y),
            library.Tooltip("cells:Q", title=f"most {most}", format=","),
            library.Tooltip("weights:Q", title="weights", format=","),
            library.Tooltip("rows:Q", title="configurations", format=","),
        ],
    )
    boxes = base.mark_rect(stroke="white").encode(
        color=library.Color(
            "cells:Q",
            title=f"most {most}",
            scale=library.Scale(scheme=_NUMBERS),
            legend=library.Legend(format=",d", tickMinStep=1),
        )
    )
    layers = [boxes]
    if step >= 40 and columns * lines <= 200:
        middle = (min(value["cells"] for value in values) + max(value["cells"] for value in values)) / 2
        dark = library.condition(f"datum.cells > {middle}", library.value("black"), library.value("white"))
        layers.append(base.mark_text(fontSize=12).encode(text=library.Text("cells:Q", format=","), color=dark))
    height = max(14, min(40, 400 // lines))
    chart = library.layer(*layers).properties(width=library.Step(step), height=library.Step(height))
    return chart, sum(value["rows"] for value in values)


def _axis(connection: duckdb.DuckDBPyConnection, source: str, column: str, results: Results, varying: Varying) -> str:
    if results.columns[column] == "count":
        return _spans(connection, source, column, varying.values.get(column, 2**31), MOST_BARS)[0]
    return f"CAST({identifier(column)} AS VARCHAR)"


def _histogram(
    library: Any, connection: duckdb.DuckDBPyConnection, source: str, varying: Varying, results: Results, asked: Asked
) -> tuple[Any, int]:
    """Draw how many configurations there are of each size."""
    source = f"(SELECT * FROM {source} WHERE weights IS NOT NULL)"
    ((low, high),) = connection.execute(f"SELECT min(weights), max(weights) FROM {source}").fetchall()
    if low is None:
        raise InputError([_no_counts(results)])
    length = _round_up(-(-(high - low + 1) // MOST_BARS))
    start = low // length * length
    colour = asked.colour or _colour(varying)
    low_end = f"(weights - {start}) // {length}"
    by = f", {identifier(colour)}" if colour else ""
    few = f"(SELECT {low_end} AS {_BAR}{by}, count(*) AS {_ROWS} FROM {source} GROUP BY ALL)"
    group, groups, numbers = _groups(connection, few, colour, results, varying) if colour else ("''", [""], False)
    rows = connection.execute(
        f"SELECT {_BAR} * {length} + {start}, {group} AS colour, CAST(sum({_ROWS}) AS BIGINT) FROM {few} GROUP BY ALL ORDER BY 1, 2"
    ).fetchall()
    values = [{"low": first, "high": first + length, "colour": word, "rows": number} for first, word, number in rows]
    encoded: dict[str, Any] = {
        "x": library.X("low:Q", title="weights", axis=library.Axis(labelExpr=_SIZES), bin="binned"),
        "x2": "high:Q",
        "y": library.Y("rows:Q", title="configurations", stack=True, axis=library.Axis(format=",d", tickMinStep=1)),
        "tooltip": [
            library.Tooltip("low:Q", title="from", format=","),
            library.Tooltip("high:Q", title="below", format=","),
            *([library.Tooltip("colour:N", title=colour)] if colour else []),
            library.Tooltip("rows:Q", title="configurations", format=","),
        ],
    }
    if colour:
        encoded["color"] = library.Color("colour:N", title=colour, sort=groups, scale=_scale(library, groups, numbers))
    bars = library.Chart(library.Data(values=values)).mark_bar(stroke="white", strokeWidth=0.5).encode(**encoded)
    layers = [bars, *_budget_rule(library, budget_of(results, asked), "x")]
    chart = library.layer(*layers).properties(width=asked.width, height=round(asked.width * 0.45))
    return chart, sum(value["rows"] for value in values)


def _round_up(number: int) -> int:
    """Return the next of 1, 2, 5, 10, 20, 50 ...

    Example:
        >>> [_round_up(number) for number in (1, 3, 11, 249_001)]
        [1, 5, 20, 500000]
    """
    power = 1
    while True:
        for step in (1, 2, 5):
            if step * power >= number:
                return step * power
        power *= 10

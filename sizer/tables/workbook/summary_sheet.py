"""The sheet *Summary*: where the configurations went, the largest of them, and a chart of weights against cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sizer.networks.conventions import CONVENTIONS
from sizer.tables.workbook.largest import Largest, Lines
from sizer.tables.workbook.styles import PAST_EXACT, Styles, write_count, write_value

if TYPE_CHECKING:
    from sizer.tables.workbook.workbook import About

MOST_CELLS = 200
"""Points of a line."""
MOST_LAYERS = 12
"""Lines of a chart: more cannot be told apart."""
MOST_LARGEST = 100
_CHART_ROWS = 26
_WIDTH = 15
"""Characters of a column."""
_AXIS = ((5_000_000, '#,##0,,"M"'), (500_000, '0.0,,"M"'), (5_000, '#,##0,"K"'), (0, "#,##0"))
"""How weights are written along the axis, by the most there are."""
_COLOURS = (
    *("#1F77B4", "#FF7F0E", "#2CA02C", "#9467BD", "#8C564B", "#E377C2"),
    *("#17BECF", "#BCBD22", "#7F7F7F", "#1B4F72", "#935116", "#145A32"),
)
_FIRST = ("layers", "id", "convention", "cell_type", "cells", "recurrent_projection", "nonrecurrent_projection")
"""The columns that a table of the largest begins with, those of them that vary."""


def write_summary(workbook: Any, styles: Styles, about: About, rows: int, largest: Largest, past_exact: bool) -> None:
    """Add the sheet.

    Args:
        workbook: an open `xlsxwriter.Workbook`.
        styles: its formats.
        about: the run.
        rows: how many rows the workbook has.
        largest: the largest of them.
        past_exact: whether some whole numbers stand as text.
    """
    sheet = workbook.add_worksheet("Summary")
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 40, _WIDTH)
    _SummaryBlocks(workbook, sheet, styles, about).write(rows, largest, past_exact)


class _SummaryBlocks:
    """Writes the blocks of the sheet one below the other."""

    def __init__(self, workbook: Any, sheet: Any, styles: Styles, about: About) -> None:
        self.workbook = workbook
        self.sheet = sheet
        self.styles = styles
        self.about = about
        self.row = 0
        self.wide: dict[int, int] = {}
        """The columns that are wider than others, in characters."""
        bounds = [bound for bound in about.sweep.budget if bound.column == "weights"]
        self.most = bounds[0].maximum if bounds else None
        """The budget of weights."""

    def write(self, rows: int, largest: Largest, past_exact: bool) -> None:
        self.line(self.about.sweep.name, self.styles.title)
        if self.about.sweep.description:
            self.line(self.about.sweep.description)
        for name in self.about.provenance["conventions"]:
            self.line(f"{name}: {CONVENTIONS[name].title}", self.styles.note)
        if past_exact:
            self.line(PAST_EXACT, self.styles.note)
        self.row += 1
        self.account(rows)
        self.row += 1
        if rows == 0:
            self.line("No configuration was kept.")
            return
        missing = [name for name in largest.needed if name not in self.about.sweep.columns]
        if largest.by_layers is not None:
            self.largest(largest.by_layers, largest.line, largest.spans[largest.line])
        if largest.by_cells is not None:
            self.chart(Lines.of(largest, MOST_CELLS, MOST_LAYERS), largest)
        elif not largest.along:
            why = "each layer has widths of its own" if self.about.sweep.is_space else ""
            why = why or "no field that is swept holds one number"
            self.line(f"No chart: {why}.", self.styles.note)
        else:
            self.line(f"No chart: the table has no column {', '.join(missing)}.", self.styles.note)

    def line(self, words: str, style: Any = None) -> None:
        """Write a line of words."""
        self.sheet.write_string(self.row, 0, words, style)
        self.row += 1

    def account(self, rows: int) -> None:
        """Write where every configuration went; the numbers add up."""
        account = self.about.account
        lines = [(account.decided, "configurations")]
        lines.extend((-number, f"not valid: {reason}") for reason, number in account.not_valid.items())
        bounds = {bound.column: bound for bound in self.about.sweep.budget}
        for (column, side), number in account.outside.items():
            limit = bounds[column].minimum if side == "under" else bounds[column].maximum
            lines.append((-number, f"{side} {limit:,} {column}"))
        lines.extend((-number, f"excluded: {expression}") for expression, number in account.excluded.items())
        for number, words in lines:
            write_count(self.sheet, self.row, 0, number, self.styles)
            self.sheet.write_string(self.row, 1, words, self.styles.words)
            self.row += 1
        write_count(self.sheet, self.row, 0, account.kept, self.styles, self.styles.total)
        self.sheet.write_string(self.row, 1, "kept", self.styles.total_words)
        self.row += 1
        for further, words in (
            (account.repeated, "of them repeat an earlier configuration of the sweep"),
            (0 if rows == account.kept else rows, "of them are in this workbook"),
        ):
            if further:
                write_count(self.sheet, self.row, 0, further, self.styles)
                self.sheet.write_string(self.row, 1, words, self.styles.words)
                self.row += 1

    def largest(self, table: pa.Table, line: str, span: int) -> None:
        """Write the largest row of each number of layers, or of another field."""
        swept = self.about.sweep.swept
        first = _FIRST if line == "layers" else (line, "id")
        # A list stands in a column for each layer, which are swept as one.
        spread = [name for name in table.schema.names if name.rpartition(".")[0] in swept]
        wanted = [name for name in (*first, *swept, *spread) if name in {line, "id", *spread} or name in swept]
        columns = [name for name in dict.fromkeys((*wanted, "weights")) if name in table.schema.names]
        words = "number of layers" if line == "layers" else line
        numbers = "numbers of layers" if line == "layers" else f"values of {line}"
        self.line(f"Largest of each {words}", self.styles.heading)
        if span > 1 or len(table) > MOST_LARGEST:
            self.line(
                f"Of {len(table):,}{' spans of' if span > 1 else ''} {numbers}, the first {MOST_LARGEST}.",
                self.styles.note,
            )
        header = [*columns, *(["of budget"] if self.most else [])]
        for place, name in enumerate(header):
            is_word = name in {"convention", "cell_type"}
            if len(name) + 2 > _WIDTH:
                self.wide[place] = len(name) + 2
                self.sheet.set_column(place, place, len(name) + 2)
            self.sheet.write_string(self.row, place, name, self.styles.header if is_word else self.styles.header_right)
        self.row += 1
        for found in table.slice(0, MOST_LARGEST).to_pylist():
            for place, name in enumerate(columns):
                write_value(self.sheet, self.row, place, found[name], self.styles)
            if self.most:
                self.sheet.write_number(self.row, len(columns), found["weights"] / self.most, self.styles.share)
            self.row += 1
        self.row += 1

    def chart(self, lines: Lines, largest: Largest) -> None:
        """Write the chart's figures, and the chart above them."""
        plain = largest.along == "cells"
        both = " and ".join(filter(None, (largest.along, largest.line)))
        self.line(f"Largest weights of each {'number of cells and layers' if plain else both}", self.styles.heading)
        if lines.thinned:
            values, line = ("numbers of cells", "layers") if plain else (f"values of {largest.along}", largest.line)
            of_lines = f" and {MOST_LAYERS} of {line}" if line else ""
            self.line(f"An even choice: at most {MOST_CELLS} {values}{of_lines} are drawn.", self.styles.note)
        chart_row = self.row
        self.row += _CHART_ROWS
        header = self.row
        self.sheet.write_string(header, 0, largest.along, self.styles.header_right)
        self.sheet.set_column(0, 0, max(_WIDTH, len(largest.along) + 2, self.wide.get(0, 0)))
        for place, layers in enumerate(lines.layers, start=1):
            words = f"{layers} layer" if layers == "1" else f"{layers} layers"
            if not plain:
                words = f"{largest.line} {layers}" if largest.line else "weights"
                self.sheet.set_column(place, place, max(_WIDTH, len(words) + 2, self.wide.get(place, 0)))
            self.sheet.write_string(header, place, words, self.styles.header_right)
        for place, cells in enumerate(lines.cells):
            row = header + 1 + place
            write_count(self.sheet, row, 0, cells, self.styles)
            for column, layers in enumerate(lines.layers, start=1):
                weights = lines.weights.get((cells, layers))
                if weights is not None:
                    write_count(self.sheet, row, column, weights, self.styles)
        budget = len(lines.layers) + 1
        if self.most:
            self.sheet.write_string(header, budget, "budget", self.styles.header_right)
            for row in (header + 1, header + len(lines.cells)):
                write_count(self.sheet, row, budget, self.most, self.styles)
        self.draw(chart_row, header, lines, budget, largest.along)

    def draw(self, chart_row: int, header: int, lines: Lines, budget: int, along: str) -> None:
        """Put the chart above its figures."""
        chart = self.workbook.add_chart({"type": "scatter", "subtype": "straight_with_markers"})
        first, last = header + 1, header + len(lines.cells)
        few = len(lines.cells) <= 40
        for place in range(1, len(lines.layers) + 1):
            colour = _COLOURS[place - 1]
            marker = {"type": "circle", "size": 4, "fill": {"color": colour}, "border": {"color": colour}}
            chart.add_series(
                {
                    "name": ["Summary", header, place],
                    "categories": ["Summary", first, 0, last, 0],
                    "values": ["Summary", first, place, last, place],
                    "line": {"color": colour, "width": 1.75},
                    "marker": marker if few else {"type": "none"},
                }
            )
        if self.most:
            chart.add_series(
                {
                    "name": ["Summary", header, budget],
                    "categories": ["Summary", first, 0, last, 0],
                    "values": ["Summary", first, budget, last, budget],
                    "line": {"color": "#C00000", "width": 1.5, "dash_type": "dash"},
                    "marker": {"type": "none"},
                }
            )
        chart.show_blanks_as("span")
        most = max([*lines.weights.values(), self.most or 0])
        chart.set_y_axis(
            {
                "name": "weights",
                "num_format": next(written for least, written in _AXIS if most >= least),
                "min": 0,
                "major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}},
            }
        )
        ends = (lines.cells[0], lines.cells[-1])
        chart.set_x_axis(
            {
                "name": "cells in each layer and direction" if along == "cells" else along,
                "num_format": "#,##0",
                "min": 0 if ends[0] * 4 <= ends[1] else None,
                "major_gridlines": {"visible": False},
            }
        )
        several = {"convention", "cell_type"} & {*self.about.sweep.swept}
        title = "Largest weights kept" + (
            f", whatever the {' and the '.join(sorted(several, reverse=True))}" if several else ""
        )
        chart.set_title({"name": title, "name_font": {"size": 13, "bold": False}})
        chart.set_legend({"position": "right"})
        chart.set_size({"width": 1000, "height": 20 * (_CHART_ROWS - 1)})
        self.sheet.insert_chart(chart_row, 0, chart, {"x_offset": 4, "y_offset": 6})

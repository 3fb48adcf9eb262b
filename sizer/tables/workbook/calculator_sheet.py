"""The sheet *Calculator*: a configuration's formulas, laid out so that a person can change it and see what follows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from xlsxwriter.utility import xl_rowcol_to_cell

from sizer.networks.columns import BYTES
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import Description
from sizer.numbers.sheet_formula import Live, live
from sizer.tables.workbook.calculator import Calculator, Entry, Width, calculator_of
from sizer.tables.workbook.styles import EXACT, Styles

NOT_VALID = "not valid: "
_LONGEST_TITLE = 32
"""Characters of the title of a message that a spreadsheet shows."""
NOTHING_KEPT = "No configuration was kept, so there is none to calculate with."
_INVALID_SUM = "not valid: see the red lines below"
_ROUNDED = f"rounded: past {EXACT:,} a spreadsheet does not hold every whole number"


def write_calculator(
    workbook: Any, styles: Styles, network: Description | None, name: str = "Calculator", about: str = ""
) -> None:
    """Add the sheet to a workbook.

    Args:
        workbook: an open `xlsxwriter.Workbook`.
        styles: its formats.
        network: what `calculator_of` takes; None where nothing was kept.
        name: of the sheet.
        about: which configuration it is, in words.
    """
    sheet = added_sheet(workbook, styles, name)
    if network is None:
        sheet.write_string(2, 0, NOTHING_KEPT)
        return
    _NetworkRows(workbook, sheet, styles, name).write(calculator_of(network), network, about)


def write_no_calculator(workbook: Any, styles: Styles) -> None:
    """Add the sheet, which says why there is nothing to calculate with."""
    added_sheet(workbook, styles, "Calculator").write_string(
        2, 0, "No calculator: the layers differ, and under this convention no chain of blocks counts as they do."
    )


def added_sheet(workbook: Any, styles: Styles, name: str) -> Any:
    """Add a calculator's sheet with its title, and return it."""
    sheet = workbook.add_worksheet(name)
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 0, 38)
    sheet.set_column(1, 1, 24)
    sheet.set_column(2, 2, 36)
    sheet.set_column(3, 6, 16)
    sheet.write_string(0, 0, "Calculator", styles.title)
    return sheet


class CalculatorRows:
    """Writes the parts of a calculator's sheet one below the other."""

    def __init__(self, workbook: Any, sheet: Any, styles: Styles, name: str) -> None:
        self.workbook = workbook
        self.sheet = sheet
        self.styles = styles
        self.name = name
        self.row = 0

    def heading(self, words: str, header: Sequence[str], numbers: Collection[int]) -> None:
        """Write the heading of a block and its header; `numbers` are the columns of numbers."""
        self.row += 1
        self.sheet.write_string(self.row, 0, words, self.styles.heading)
        self.row += 1
        for column, word in enumerate(header):
            style = self.styles.header_right if column in numbers else self.styles.header
            self.sheet.write(self.row, column, word, style)
        self.row += 1

    def define(self, name: str, row: int, column: int) -> None:
        """Give a cell a name that holds on this sheet alone."""
        cell = xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)
        self.workbook.define_name(f"{self.name}!{name}", f"='{self.name}'!{cell}")

    def formula(self, row: int, column: int, formula: Live, style: Any = None) -> None:
        """Write a formula with its value."""
        self.sheet.write_formula(row, column, f"={formula.text}", style or self.styles.count, formula.value)

    def fields(self, entries: Sequence[Entry]) -> None:
        """Write the fields, each with what it means or, where it is wrong, why."""
        self.heading("Fields", ("field", "value", "", "", "", "", ""), {1})
        first = self.row
        for entry in entries:
            self.sheet.write_string(self.row, 0, entry.name, self.styles.words)
            if entry.is_boolean:
                self.sheet.write_boolean(self.row, 1, bool(entry.value), self.styles.editable_truth)
                allowed: dict[str, Any] = {"validate": "list", "source": ["TRUE", "FALSE"]}
            else:
                self.sheet.write_number(self.row, 1, entry.value, self.styles.editable_count)
                most = EXACT if entry.maximum is None else entry.maximum
                allowed = {"validate": "integer", "criteria": "between", "minimum": entry.minimum, "maximum": most}
            self.sheet.data_validation(
                self.row,
                1,
                self.row,
                1,
                {**allowed, "error_title": entry.name[-_LONGEST_TITLE:], "error_message": _expected(entry)},
            )
            self.define(entry.name, self.row, 1)
            self.sheet.write_formula(self.row, 2, _note(entry), self.styles.beside, entry.description)
            self.row += 1
        self.redden(first)

    def redden(self, first: int) -> None:
        """Let notes from a row on stand out where they say what is not valid."""
        fault = {"type": "text", "criteria": "begins with", "value": NOT_VALID, "format": self.styles.fault}
        self.sheet.conditional_format(first, 2, self.row - 1, 2, fault)

    def widths(self, widths: Sequence[Width]) -> None:
        """Write the widths that follow from the fields."""
        self.heading("Widths that follow", ("width", "value", "", "", "", "", ""), {1})
        for width in widths:
            self.sheet.write_string(self.row, 0, width.name, self.styles.words)
            self.formula(self.row, 1, width.formula)
            self.define(width.name, self.row, 1)
            self.sheet.write_string(self.row, 2, width.description, self.styles.beside)
            self.row += 1

    def words(self, *cells: str) -> None:
        """Write the first cells of a row."""
        for column, said in enumerate(cells):
            self.sheet.write_string(self.row, column, said, self.styles.words)

    def tensor(self, place: tuple[str, str, str], weights: Live, times: Live, macs: Live) -> None:
        """Write a tensor's row: where, name and shape, the weights of one, how many, all of them, what it multiplies."""
        self.words(*place)
        self.formula(self.row, 3, weights)
        self.formula(self.row, 4, times)
        many = Live(times.value, xl_rowcol_to_cell(self.row, 4))
        self.formula(self.row, 5, Live(weights.value, xl_rowcol_to_cell(self.row, 3)) * many)
        self.formula(self.row, 6, many * macs)

    def fade(self, first: int) -> None:
        """Let what is 0 in the rows of tensors from one on stand back."""
        absent = {"type": "cell", "criteria": "equal to", "value": 0, "format": self.styles.absent}
        self.sheet.conditional_format(first, 3, max(first, self.row - 1), 6, absent)

    def below(self, words: str, formula: Live) -> None:
        """Write what follows from the total."""
        self.sheet.write_string(self.row, 0, words, self.styles.words)
        self.formula(self.row, 5, formula)
        self.row += 1

    def sums(self, row: int, weights: int, notes: Sequence[tuple[int, int]]) -> None:
        """Write the result above the fields, where it is seen while they are changed.

        Args:
            row: of the result.
            weights: at present.
            notes: the first and the last row of each range of notes, where it is said what is not valid.
        """
        self.sheet.write_string(row, 0, "weights", self.styles.total_words)
        self.formula(row, 1, Live(weights, "weights"), self.styles.total)
        ranges = [f"{xl_rowcol_to_cell(first, 2)}:{xl_rowcol_to_cell(last, 2)}" for first, last in notes]
        faults = "+".join(f'COUNTIF({area},"{NOT_VALID}*")' for area in ranges) or "0"
        rounded = weights > EXACT
        said = f'=IF({faults}>0,"{_INVALID_SUM}",IF(weights>{EXACT},"{_ROUNDED}","valid"))'
        self.sheet.write_formula(row, 2, said, self.styles.beside, _ROUNDED if rounded else "valid")
        self.sheet.conditional_format(
            row,
            2,
            row,
            2,
            {"type": "cell", "criteria": "not equal to", "value": '"valid"', "format": self.styles.fault},
        )
        if rounded:
            exact = f"exactly {weights:,} as it was swept"
            self.sheet.write_string(row + 1, 0, exact, self.styles.note)


class _NetworkRows(CalculatorRows):
    """The parts of a network without blocks."""

    def write(self, calculator: Calculator, network: Description, about: str) -> None:
        convention = CONVENTIONS[calculator.convention]
        cell = network.cell
        lines = [
            about,
            f"Convention {calculator.convention}: {convention.title}. Cell type {calculator.cell_type}: {cell.title}.",
            "Change a yellow cell, and everything else follows. The convention and the cell type cannot be changed.",
        ]
        if convention.note:
            lines.insert(2, f"{convention.name} is {convention.note}.")
        if calculator.fixed:
            lines.append(f"Not among the fields: {'; '.join(calculator.fixed)}.")
        for line in filter(None, lines):
            self.row += 1
            self.sheet.write_string(self.row, 0, line, self.styles.note)
        self.row += 2
        sums_row = self.row
        self.sheet.freeze_panes(sums_row + 1, 0)  # the result stays in sight while fields are changed
        self.row += 2
        self.fields(calculator.entries)
        first_fault, last_fault = self.row - len(calculator.entries), self.row - 1
        self.widths(calculator.widths)
        self.tensors(calculator)
        self.sums(sums_row, calculator.weights, [(first_fault, last_fault)])

    def tensors(self, calculator: Calculator) -> None:
        """Write the tensors and, below them, their sums."""
        header = ("where", "tensor", "shape", "weights of one", "how many", "weights", "MACs per step")
        self.heading("Tensors", header, range(3, 7))
        first = self.row
        for tensor in calculator.tensors:
            place = (tensor.where, tensor.name, tensor.shape)
            self.tensor(place, tensor.weights, tensor.times, tensor.macs_per_step)
            self.row += 1
        last = self.row - 1
        self.fade(first)
        for column in range(5):
            self.sheet.write(self.row, column, "total" if column == 0 else "", self.styles.total_words)
        for column, value in ((5, calculator.weights), (6, calculator.macs_per_step)):
            area = f"{xl_rowcol_to_cell(first, column)}:{xl_rowcol_to_cell(last, column)}"
            self.formula(self.row, column, Live(value, f"SUM({area})"), self.styles.total)
        self.define("weights", self.row, 5)
        self.define("macs_per_step", self.row, 6)
        self.row += 1
        weights = Live(calculator.weights, "weights")
        for name, size in BYTES.items():
            self.below(name.replace("_", " "), live(size * weights))
        for name, other in calculator.others.items():
            self.below(name.replace("_", " "), other)


def _expected(entry: Entry) -> str:
    if entry.is_boolean:
        return "TRUE or FALSE"
    if entry.maximum is not None:
        return f"a whole number from {entry.minimum} to {entry.maximum}"
    return f"a whole number, at least {entry.minimum}"


def _note(entry: Entry) -> str:
    """Return the formula of the words beside a field: what is wrong with it, or what it means."""
    name = entry.name
    if entry.is_boolean:
        wrong = f"IF(ISTEXT({name}),TRUE,AND({name}*1<>0,{name}*1<>1))"
    else:
        over = "" if entry.maximum is None else f",{name}>{entry.maximum}"
        wrong = f"IF(ISNUMBER({name}),OR({name}<{entry.minimum}{over},{name}<>INT({name})),TRUE)"
    note = quoted_text(entry.description)
    for refused, reason in reversed(entry.faults):
        note = f"IF({refused.text},{quoted_text(NOT_VALID + reason)},{note})"
    return f"=IF({wrong},{quoted_text(NOT_VALID + _expected(entry))},{note})"


def quoted_text(words: str) -> str:
    """Return words as they stand in a formula."""
    return '"' + words.replace('"', '""') + '"'

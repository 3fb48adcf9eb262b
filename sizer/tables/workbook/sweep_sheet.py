"""The sheet *Sweep*: what a workbook that is found a year later needs to explain itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sizer.networks.conventions import CONVENTIONS
from sizer.sweepfile.sweep import Sweep
from sizer.tables.workbook.styles import LONGEST_CELL, Styles

_SAID = ("sizer", "name", "sweep_sha256", "sweep", "conventions", "budget", "where")


def write_sweep(workbook: Any, styles: Styles, sweep: Sweep, provenance: Mapping[str, Any]) -> None:
    """Add the sheet: what made the tables, whose rules counted, and the sweep file line by line.

    Args:
        workbook: an open `xlsxwriter.Workbook`.
        styles: its formats.
        sweep: the sweep that was run.
        provenance: what every table of the run says of itself.
    """
    sheet, row = write_facts(workbook, styles, "Sweep", _facts(sweep, provenance))
    row += 1
    sheet.write_string(row, 0, "The file", styles.heading)
    row += 1
    for number, line in enumerate(str(provenance["sweep"]).splitlines(), start=1):
        for place, piece in enumerate(_pieces(line)):
            if place == 0:
                sheet.write_number(row, 0, number, styles.note)
            else:
                sheet.write_string(row, 0, f"{number}, continued: a cell is full", styles.note)
            if piece:
                sheet.write_string(row, 1, piece, styles.code)
            row += 1


def write_facts(workbook: Any, styles: Styles, title: str, facts: Sequence[tuple[str, str]]) -> tuple[Any, int]:
    """Add a sheet of facts, each with a word in front, and return it with its first row that is free."""
    sheet = workbook.add_worksheet(title)
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 110)
    sheet.write_string(0, 0, title, styles.title)
    row = 2
    for words, value in facts:
        pieces = _pieces(value)
        for piece in pieces:
            if piece is pieces[0] and words:
                sheet.write_string(row, 0, words, styles.note)
            sheet.write_string(row, 1, piece, styles.words)
            row += 1
    return sheet, row


def _facts(sweep: Sweep, provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is said above the file, each with a word in front."""
    found = [("name", sweep.name)]
    if sweep.description:
        found.append(("description", sweep.description))
    found += [("counted by", f"sizer {provenance['sizer']}"), ("sweep_sha256", str(provenance["sweep_sha256"]))]
    for name in provenance["conventions"]:
        convention = CONVENTIONS[name]
        found.append(("convention", f"{name}: {convention.title}"))
        found.append(("", convention.source))
    for column, bound in provenance["budget"].items():
        ends = [f"{word} {bound[end]:,}" for end, word in (("min", "at least"), ("max", "at most")) if bound[end]]
        found.append(("budget", f"{column} {' and '.join(ends)}"))
    found.extend(("where", expression) for expression in provenance["where"])
    found.extend((key, json.dumps(value)) for key, value in provenance.items() if key not in _SAID)
    return found


def _pieces(text: str) -> list[str]:
    """Return a text in pieces that a cell holds, one at least."""
    return [text[start : start + LONGEST_CELL] for start in range(0, max(1, len(text)), LONGEST_CELL)]

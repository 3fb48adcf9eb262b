"""How cells of a workbook look, and how whole numbers and a user's words get into them unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

EXACT = 2**53
"""The largest whole number up to which a spreadsheet, which counts in doubles, holds every one."""
COUNT_FORMAT = "#,##0"
LONGEST_CELL = 32_767
"""Characters that a cell holds."""
PAST_EXACT = f"Whole numbers past {EXACT:,} are written as text: a spreadsheet would round them."


@dataclass(frozen=True)
class Styles:
    """The formats of one workbook."""

    title: Any
    heading: Any
    """Above a block of rows."""
    header: Any
    """A table's first row."""
    header_right: Any
    """The same above numbers."""
    count: Any
    count_text: Any
    """A whole number that stands as text."""
    total: Any
    """A sum below its column."""
    total_words: Any
    share: Any
    words: Any
    """Words to the right of a number."""
    note: Any
    beside: Any
    """A note to the right of a number."""
    code: Any
    editable_count: Any
    editable_truth: Any
    absent: Any
    """A tensor without weights."""
    fault: Any

    @classmethod
    def of(cls, workbook: Any) -> Styles:
        """Make the formats of a workbook."""
        make = workbook.add_format
        header = {"bold": True, "font_color": "#FFFFFF", "bg_color": "#1F4E78", "valign": "vcenter"}
        total = {"bold": True, "top": 1}
        editable = {"bg_color": "#FFF8D6", "border": 1, "border_color": "#D9C77A", "align": "right"}
        return cls(
            title=make({"bold": True, "font_size": 16, "font_color": "#1F4E78"}),
            heading=make({"bold": True, "font_size": 12, "font_color": "#1F4E78"}),
            header=make({**header, "indent": 1}),
            header_right=make({**header, "align": "right"}),
            count=make({"num_format": COUNT_FORMAT}),
            count_text=make({"num_format": "@", "align": "right"}),
            total=make({**total, "num_format": COUNT_FORMAT}),
            total_words=make({**total, "indent": 1}),
            share=make({"num_format": "0.0%"}),
            words=make({"indent": 1}),
            note=make({"font_color": "#7F7F7F"}),
            beside=make({"font_color": "#7F7F7F", "indent": 1}),
            code=make({"indent": 1, "font_name": "Courier New", "font_size": 10}),
            editable_count=make({**editable, "num_format": COUNT_FORMAT}),
            editable_truth=make({**editable, "num_format": '"TRUE";"TRUE";"FALSE"'}),
            absent=make({"font_color": "#A6A6A6"}),
            fault=make({"font_color": "#C00000", "bold": True}),
        )


def write_count(sheet: Any, row: int, column: int, value: int, styles: Styles, style: Any = None) -> None:
    """Write a whole number exactly: as text where a spreadsheet would round it."""
    if abs(value) > EXACT:
        sheet.write_string(row, column, f"{value:,}", styles.count_text)
    else:
        sheet.write_number(row, column, value, style or styles.count)


def write_value(sheet: Any, row: int, column: int, value: Any, styles: Styles) -> None:
    """Write a table's value: a word, a truth or a whole number. Words never become formulas."""
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int):
        write_count(sheet, row, column, value, styles)
    else:
        sheet.write_string(row, column, str(value)[:LONGEST_CELL], styles.words)

"""What a person sees: summaries, tables and breakdowns as text.

Text for a terminal has thousands separators and aligned columns; in a pipe the same tables are tab-separated with
plain integers and nothing is cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sizer.errors import Fault
from sizer.layout import DOT, aligned, plain, share_words, shown, tab_separated, visible
from sizer.networks.wording import network_heading, network_words
from sizer.questions.compared import compare_screen, compare_table, difference_words, options_set
from sizer.questions.explained import explain_screen, explain_table, line_cells, total_row

__all__ = [
    "DOT",
    "aligned",
    "compare_screen",
    "compare_table",
    "difference_words",
    "explain_screen",
    "explain_table",
    "faults_text",
    "line_cells",
    "network_heading",
    "network_words",
    "options_set",
    "plain",
    "share_words",
    "shown",
    "tab_separated",
    "total_row",
    "visible",
]
"""What stands on a screen; the text of answers about one network is made where these are."""


def faults_text(faults: Sequence[Fault], lines: Mapping[str, Sequence[str]]) -> str:
    """Return faults, each with the line it stands in where the lines of its file are given."""
    said = []
    for fault in faults:
        said.append(visible(str(fault)))
        source = lines.get(fault.file, ())
        if 0 < fault.line <= len(source):
            number = str(fault.line).rjust(5)
            text = visible(source[fault.line - 1].replace("\t", " "))
            said.extend((f"{number} | {text}", f"{' ' * 5} | {' ' * (fault.column - 1)}^"))
    return "\n".join(said)

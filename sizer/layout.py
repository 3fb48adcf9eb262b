"""Rows of cells become text: aligned lines for a person, tabs for a pipe, a table of HTML for a notebook."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

DOT = " · "

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def aligned(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,), indent: str = "  ") -> list[str]:
    """Return rows of cells as lines with aligned columns.

    Args:
        rows: cells, the same number in each row.
        left: the numbers of the columns that are aligned to the left; the others to the right.
        indent: in front of each line.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        indent
        + "  ".join(
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def tab_separated(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table for a pipe: a header and one line per row, plain integers."""
    return "".join("\t".join(map(plain, row)) + "\n" for row in (header, *rows))


def plain(value: object) -> str:
    """Return a value as machines read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def shown(value: object) -> str:
    """Return a value as people read it, with thousands separators."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else visible(plain(value))


def visible(text: str) -> str:
    """Return a text that moves no cursor: other people's words may hold what a terminal obeys."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def share_words(part: int, whole: int) -> str:
    """Return a share of a whole in percent; one that is there is never shown as nothing, and only the whole as all.

    Example:
        >>> share_words(1, 3), share_words(1, 10**9), share_words(10**9 - 1, 10**9), share_words(0, 0)
        ('33.3%', '<0.1%', '>99.9%', '-')
    """
    if not whole:
        return "-"
    if 0 < part * 2000 < whole:
        return "<0.1%"
    if 0 < (whole - part) * 2000 < whole:
        return ">99.9%"
    # In whole numbers: neither may fit a float.
    thousandths = (part * 2000 + whole) // (2 * whole)
    return f"{thousandths // 10}.{thousandths % 10}%"


def html_table(heading: str, header: Sequence[str], rows: Sequence[Sequence[object]], below: Sequence[str] = ()) -> str:
    """Return a table as HTML that a notebook shows; whatever stands in it is text.

    Args:
        heading: above the table.
        header: one word per column.
        rows: cells; numbers are aligned to the right.
        below: lines under the table.
    """

    def cell(value: object) -> str:
        number = (isinstance(value, (int, float)) and not isinstance(value, bool)) or str(value).endswith("%")
        side = "right" if number else "left"
        return f'<td style="text-align: {side}">{html.escape(shown(value))}</td>'

    head = "".join(f"<th>{html.escape(word)}</th>" for word in header)
    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    lines = "".join(f"<div>{html.escape(line)}</div>" for line in below if line)
    return (
        f"<div><strong>{html.escape(heading)}</strong></div>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{lines}"
    )

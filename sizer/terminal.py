"""The terminal that output goes to: how wide it is, whether it shows colours, and tables that fit it."""

from __future__ import annotations

import math
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

_STYLES = {"bold": "\x1b[1m", "dim": "\x1b[2m", "green": "\x1b[32m"}
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_BAR_CELLS = 10


@dataclass(frozen=True)
class Terminal:
    """What is known of the place where output is read."""

    width: int = 10_000
    """Characters in a line; more than any line has where nobody looks at it."""
    colour: bool = False

    @classmethod
    def of(cls, stream: TextIO | None = None) -> Terminal:
        """Return the terminal of a stream (standard output, where none is given).

        `NO_COLOR` and a dumb terminal mean no colours, `COLUMNS` sets the width.
        """
        stream = sys.stdout if stream is None else stream
        if not stream.isatty():
            return cls()
        colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(max(20, shutil.get_terminal_size().columns), colour)

    def styled(self, text: str, *, bold: bool = False, dim: bool = False, green: bool = False) -> str:
        """Return a text in a style, or plain where there are no colours."""
        asked = {"green": green, "bold": bold, "dim": dim}
        codes = "".join(_STYLES[name] for name, is_asked in asked.items() if is_asked)
        return f"{codes}{text}\x1b[0m" if codes and self.colour and text.strip() else text

    def wrapped(self, text: str, indent: str = "") -> list[str]:
        """Return a text as lines that fit; a word longer than a line is never cut."""
        width = max(20, self.width)
        lines = textwrap.wrap(
            text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
        )
        return lines or [""]

    def fitted(self, text: str) -> str:
        """Return a screen with its first line in bold and every line folded that is too long, none of them cut.

        What is folded goes on below the last column of its line. A command to be copied stays as it is.
        """
        first, *others = text.split("\n")
        lines = [self.styled(line, bold=True) for line in self.wrapped(first, "  ")]
        for line in others:
            whole = len(line) <= self.width or line.startswith("Next: ")
            lines.extend([line] if whole else self.wrapped(line, " " * self._last_column(line)))
        return "\n".join(lines)

    def _last_column(self, line: str) -> int:
        """Return where a line's last column starts, or a little more than its indent where that leaves no room."""
        start = line.rstrip().rfind("  ") + 2
        return start if 2 <= start <= self.width * 0.6 else len(line) - len(line.lstrip()) + 2

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (), bar: int | None = None
    ) -> list[str]:
        """Return a table as lines: aligned where it fits, with its header broken where that helps, else as records.

        No value is ever cut.

        Args:
            header: one word per column.
            rows: cells.
            left: the columns that are aligned to the left.
            bar: a column of percentages that gets a bar where there is room.
        """
        for with_bar, broken in ((True, False), (True, True), (False, False), (False, True)):
            words = [word.split("_") if broken else [word] for word in header]
            depth = max(map(len, words))
            above = [[""] * (depth - len(parts)) + parts for parts in words]
            lines = [list(line) for line in zip(*above, strict=True)]
            widths = [max(map(len, column)) for column in zip(*lines, *rows, strict=True)]
            room = self.width - sum(widths) - 2 * len(widths)
            if room < (2 + _BAR_CELLS if with_bar else 0) or (with_bar and bar is None):
                continue
            return [
                *(self.styled(_line(line, widths, left), dim=True) for line in lines),
                *(
                    _line(row, widths, left) + (self._bar(row[bar]) if with_bar and bar is not None else "")
                    for row in rows
                ),
            ]
        widest = max(map(len, header))
        return [
            line
            for number, row in enumerate(rows)
            for line in (
                *([""] if number else []),
                *(
                    f"  {self.styled(name.ljust(widest), dim=True)}  {cell}"
                    for name, cell in zip(header, row, strict=True)
                ),
            )
        ]

    def _bar(self, percentage: str) -> str:
        return "  " + self.styled(bar(float(percentage.removesuffix("%")) / 100), green=True)


def bar(share: float) -> str:
    """Return a bar of at most ten cells for a share of a whole; only the whole fills it.

    Example:
        >>> bar(0.475), bar(1.2)
        ('████▊', '██████████')
    """
    eighths = math.floor(min(max(share, 0.0), 1.0) * 8 * _BAR_CELLS)
    whole, part = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[part] if part else "")


def _line(row: Sequence[str], widths: Sequence[int], left: Sequence[int]) -> str:
    cells = (
        cell.ljust(width) if number in left else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return ("  " + "  ".join(cells)).rstrip()

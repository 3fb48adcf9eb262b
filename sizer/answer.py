"""What every answer of the library can do beside holding its facts: be looked at, in a line, on a screen, in a notebook, as a frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sizer.layout import aligned, html_table, shown

if TYPE_CHECKING:
    import pandas as pd

Table = tuple[Sequence[str], Sequence[Sequence[Any]]]
"""A header, and rows of plain values."""


class Shown(ABC):
    """An answer that a person looks at: `repr` is a line, `print` the screen of its command, a notebook shows a table.

    A class says what there is to see in `_in_a_line`, `_as_text` and `_as_table`.
    """

    __slots__ = ()

    @abstractmethod
    def _in_a_line(self) -> str:
        """Return the answer in a few words."""

    def _as_text(self) -> str:
        """Return what is printed: the screen of its command, or its table with the lines around it."""
        heading, (header, rows), below = self._as_shown_table()
        words = (
            [at for at, cell in enumerate(rows[0]) if isinstance(cell, str) and not cell.endswith("%")] if rows else []
        )
        lines = aligned([list(header), *([shown(cell) for cell in row] for row in rows)], left=words)
        return "\n".join([heading, "", *lines, *(["", *below] if below else [])])

    @abstractmethod
    def _as_table(self) -> Table:
        """Return the rows of the answer, with raw numbers."""

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        """Return what stands above a notebook's table, the table, and the lines below it."""
        return self._in_a_line(), self._as_table(), ()

    def __repr__(self) -> str:
        """Return the answer in a line."""
        return f"<{type(self).__name__}: {self._in_a_line()}>"

    def __str__(self) -> str:
        """Return what a person reads."""
        return self._as_text()

    def _repr_html_(self) -> str:
        """Return the answer as a notebook shows it."""
        heading, (header, rows), below = self._as_shown_table()
        return html_table(heading, header, rows, below)

    def frame(self) -> pd.DataFrame:
        """Return the rows of the answer as a pandas frame, with raw numbers."""
        import pandas as pd

        header, rows = self._as_table()
        found = pd.DataFrame([list(row) for row in rows], columns=list(header), dtype=object)
        for name in found.columns:
            values = list(found[name])
            if any(value is None for value in values) and all(_fits(value) for value in values if value is not None):
                found[name] = pd.array(values, dtype="Int64")  # or a missing number would make floats of the others
            else:
                found[name] = found[name].infer_objects()
        return found


def left_out(number: int) -> list[str]:
    """Return the line that says how many rows were not shown; none where all were."""
    return [f"and {number:,} more; .frame() has all"] if number > 0 else []


def _fits(value: Any) -> bool:
    """Return whether a value is a whole number that a column of 64 bits holds."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63

"""The answer to a query as a frame of pandas that shows itself as every other answer does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pandas as pd

from sizer.answer import Shown, Table, left_out
from sizer.layout import DOT

_SHOWN = 20
"""Rows that are printed."""
_NAMED = 8
"""Columns that are named in a line."""


class Frame(Shown, pd.DataFrame):
    """Rows of results: a frame of pandas in everything but how it is looked at.

    What is made of it (`.head()`, a selection, a sum) is pandas' own, and so is `.frame()`.
    """

    _metadata: ClassVar[list[str]] = ["_results"]

    def __init__(self, data: Any = None, results: str = "", **given: Any) -> None:
        """Hold rows.

        Args:
            data: as pandas takes it.
            results: what was asked, in a few words.
            given: as pandas takes it.
        """
        pd.DataFrame.__init__(self, data, **given)  # type: ignore[call-arg]  # the stubs know `__new__` alone
        self._results = results

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        """What pandas makes of these rows: a frame that is shown as pandas shows it."""
        return pd.DataFrame

    def __copy__(self, deep: bool = True) -> Frame:
        """Return the same rows once more."""
        again = Frame(self.frame().copy(deep), self._results)
        again.attrs.update(self.attrs)
        return again

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Frame:
        """Return the same rows once more."""
        return self.__copy__()

    def _in_a_line(self) -> str:
        rows = f"{len(self):,} row{'' if len(self) == 1 else 's'}"
        columns = list(map(str, self.columns))
        named = ", ".join(columns[:_NAMED]) + (f" and {len(columns) - _NAMED} more" if columns[_NAMED:] else "")
        return DOT.join(filter(None, (self._results, rows, named)))

    def _as_table(self) -> Table:
        return _table(self.frame())

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        return self._in_a_line(), _table(self.frame()[:_SHOWN]), left_out(len(self) - _SHOWN)

    def frame(self) -> pd.DataFrame:
        """Return the rows as a plain frame of pandas."""
        return self.copy(deep=False)


def _table(frame: pd.DataFrame) -> Table:
    """Return a frame as plain values, None where there is none."""
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    values = [
        [None if missing else value for value, missing in zip(one.tolist(), one.isna(), strict=True)] for one in columns
    ]
    return list(map(str, frame.columns)), list(zip(*values, strict=True))

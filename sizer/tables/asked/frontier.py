"""Rows that stream by become those that no other row beats: as good in every column, and better in one.

What is remembered are the unbeaten rows so far, each combination of values once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sizer.errors import RunError

MOST = 10_000
"""Unbeaten combinations of three columns or more, at most: the work grows with their square, and nobody reads them."""


_WAITING = 1 << 18
"""Rows that wait to be compared with all others."""
_SAMPLE = 64
"""Unbeaten rows that every new row is compared with at once: they beat most."""


class Frontier:
    """The unbeaten rows so far."""

    def __init__(self, signs: Sequence[int]) -> None:
        """Start with no row.

        Args:
            signs: for each column 1 where less is better, -1 where more is.
        """
        self._signs = np.array(signs, dtype=np.int64)
        self._rows = np.empty((0, len(signs)), dtype=np.int64)
        self._waiting: list[npt.NDArray[np.int64]] = []

    def see(self, columns: Sequence[npt.NDArray[np.int64]]) -> None:
        """Take in more rows.

        Args:
            columns: whole numbers of shape (n,), one array for each column.

        Raises:
            RunError: too many rows are unbeaten.
        """
        rows = np.stack(columns, axis=1) * self._signs
        for strong in self._rows[:: max(1, len(self._rows) // _SAMPLE)]:
            rows = rows[(rows < strong).any(axis=1) | (rows == strong).all(axis=1)]
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= _WAITING or not len(self._rows):
            self._settle()

    def columns(self) -> list[npt.NDArray[np.int64]]:
        """Return the unbeaten combinations, one array for each column.

        Raises:
            RunError: there are too many.
        """
        self._settle()
        return list((self._rows * self._signs).T)

    def _settle(self) -> None:
        """Compare all rows that wait."""
        self._rows = _unbeaten(np.unique(np.concatenate([self._rows, *self._waiting]), axis=0))
        self._waiting = []


def _unbeaten(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the rows that no other beats, of rows that are sorted and each there once.

    Raises:
        RunError: there are too many.
    """
    if rows.shape[1] == 1:
        return rows[:1]
    if rows.shape[1] == 2:
        best = np.minimum.accumulate(rows[:, 1])
        keep = np.ones(len(rows), dtype=bool)
        # Sorted by the first column, then the second: a row is beaten where one before it is as good in the second.
        keep[1:] = rows[1:, 1] < best[:-1]
        return rows[keep]
    place = 0
    while place < len(rows):
        # A row never beats one that is sorted before it, so that all before `place` are settled.
        keep = (rows < rows[place]).any(axis=1)
        keep[: place + 1] = True
        rows = rows[keep]
        place += 1
        if place > MOST:
            raise RunError(f"more than {MOST:,} combinations of these columns are unbeaten; compare fewer columns")
    return rows

"""The swept fields of a grid as columns: one value per position, or arrays that broadcast over a box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.sweepfile.axis import Column
from sizer.sweepfile.sweep import Grid

IntArray = npt.NDArray[np.int64]
Sides = tuple[IntArray, ...]
"""Positions on each axis; the box they span is their outer product."""


@dataclass(frozen=True)
class GridColumns:
    """The swept columns of one grid, ready to be broadcast over boxes of it."""

    grid: Grid
    places: Mapping[str, tuple[int, Column]]
    """Field -> (axis number, column)."""

    @classmethod
    def of(cls, grid: Grid) -> GridColumns:
        """Return the columns of a grid."""
        return cls(
            grid,
            {column.field: (number, column) for number, axis in enumerate(grid.axes) for column in axis.columns},
        )

    def axes_of(self, field: str) -> frozenset[int]:
        """Return the axes that a swept field depends on, the base of a ratio included."""
        number, column = self.places[field]
        return frozenset({number}) | (self.axes_of(column.base) if column.base else frozenset())

    def on(self, sides: Sides) -> dict[str, Any]:
        """Return every field that is given: fixed ones as plain values, swept ones as arrays that broadcast.

        Args:
            sides: positions per axis. The arrays have one dimension per axis, of length 1 where the field does
                not vary.
        """
        return {**self.grid.fixed, **{field: self.array(field, sides) for field in self.places}}

    def array(self, field: str, sides: Sides) -> npt.NDArray[Any]:
        """Return one swept field on the outer product of the sides, as an array that broadcasts."""
        number, column = self.places[field]
        shape = [1] * len(sides)
        shape[number] = len(sides[number])
        base = None if column.base is None else self.array(column.base, sides)
        return column.array(sides[number].reshape(shape), base)

    def along(self, field: str, rows: Sides) -> npt.NDArray[Any]:
        """Return one swept field for single configurations.

        Args:
            rows: the position on each axis, one entry per configuration, shape (rows,) each.
        """
        number, column = self.places[field]
        base = None if column.base is None else self.along(column.base, rows)
        return column.array(rows[number], base)

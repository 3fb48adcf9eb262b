"""The swept fields of a grid as columns: one value per position, or arrays that broadcast over a box."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.networks.fields import FIELDS, FieldValue
from sizer.sweepfile.sweep import Column, Grid, Listed, Ratio, Stepped

IntArray = npt.NDArray[np.int64]
Sides = tuple[IntArray, ...]
"""Positions on each axis; the box they span is their outer product."""


def value_at(grid: Grid, field: str, places: tuple[int, ...]) -> FieldValue:
    """Return the value of a swept field at one position of the grid, exact at any size."""
    for axis, place in zip(grid.axes, places, strict=True):
        for column in axis.columns:
            if column.field == field:
                if isinstance(column, Listed):
                    return column.values[place]
                if isinstance(column, Stepped):
                    return column.start + column.step * place
                base = value_at(grid, column.base, places)
                return scaled(int(base), column.ratios[place], column.round_to)
    raise KeyError(field)


def scaled(base: int, ratio: Fraction, round_to: int | None) -> int:
    """Return base * ratio, rounded to the nearest multiple of `round_to` (ties up, at least `round_to`).

    Example:
        >>> scaled(100, Fraction(1, 8), 8), scaled(3, Fraction(1, 8), 8)
        (16, 8)
    """
    if round_to is None:
        return int(base * ratio)
    return max(round_to, math.floor(base * ratio / round_to + Fraction(1, 2)) * round_to)


def configuration_at(grid: Grid, places: tuple[int, ...]) -> dict[str, Any]:
    """Return the fields, as given, of the configuration at one position of the grid, in the order of `FIELDS`.

    Where the sweep defines cell types of its own, they come along under `cell_types`.
    """
    fields = {**grid.fixed, **{field: value_at(grid, field, places) for field in grid.swept}}
    return {name: fields[name] for name in (*FIELDS, "cell_types") if name in fields}


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
        return frozenset({number}) | (self.axes_of(column.base) if isinstance(column, Ratio) else frozenset())

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
        if isinstance(column, Listed):
            return _listed(column)[sides[number]].reshape(shape)
        if isinstance(column, Stepped):
            stepped: IntArray = column.start + column.step * sides[number]
            return stepped.reshape(shape)
        return scaled_array(self.array(column.base, sides), column, sides[number].reshape(shape))

    def along(self, field: str, rows: Sides) -> npt.NDArray[Any]:
        """Return one swept field for single configurations.

        Args:
            rows: the position on each axis, one entry per configuration, shape (rows,) each.
        """
        number, column = self.places[field]
        if isinstance(column, Listed):
            return _listed(column)[rows[number]]
        if isinstance(column, Stepped):
            stepped: IntArray = column.start + column.step * rows[number]
            return stepped
        return scaled_array(self.along(column.base, rows), column, rows[number])


def _listed(column: Listed) -> npt.NDArray[Any]:
    kind = FIELDS[column.field].kind
    dtype = {"count": np.int64, "boolean": np.bool_, "choice": np.object_}[kind]
    return np.array(column.values, dtype=dtype)


def scaled_array(base: IntArray, column: Ratio, places: IntArray) -> IntArray:
    """Return base * ratio in exact int64; the loader has made sure that no product passes 2**63 - 1."""
    numerators = np.array([ratio.numerator for ratio in column.ratios], dtype=np.int64)[places]
    denominators = np.array([ratio.denominator for ratio in column.ratios], dtype=np.int64)[places]
    if column.round_to is None:
        exact: IntArray = base * numerators // denominators
        return exact
    doubled = 2 * column.round_to * denominators
    multiples = (2 * base * numerators + column.round_to * denominators) // doubled
    rounded: IntArray = np.maximum(multiples, 1) * column.round_to
    return rounded

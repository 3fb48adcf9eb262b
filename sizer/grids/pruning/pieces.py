"""A grid is cut into pieces: boxes in which every word and boolean is fixed and every count grows with its position.

Within a piece each counted column grows along every axis, so its smallest and largest values in any box stand at the
box's two corners. Where nothing is swept but growing counts, a grid is one piece. A projection's 0 is a piece of its own
(without a projection more weights recur than with a small one), and so is each falling stretch of an unsorted list.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sizer.grids.columns import GridColumns, IntArray
from sizer.grids.ids import lengths, strides
from sizer.networks.fields import FieldValue
from sizer.networks.outlines import Outline, Wiring
from sizer.numbers.polynomial import Polynomial
from sizer.sweepfile.sweep import Axis, Grid

MOST_PIECES = 4096
"""A grid that falls into more pieces than this is not pruned."""


@dataclass(frozen=True)
class Piece:
    """A box of a grid in which counts grow along every axis and everything else is fixed."""

    grid: Grid
    start: tuple[int, ...]
    """First position on each axis."""
    stop: tuple[int, ...]
    """The position after the last one on each axis."""
    fixed: dict[str, FieldValue]
    """Fields that are the same all over the piece."""

    @cached_property
    def outline(self) -> Outline:
        """What its configurations have in common."""
        return self.grid.outline(self.fixed)

    @cached_property
    def wiring(self) -> Wiring:
        """The network, wired on polynomials in what varies."""
        return self.outline.wired(self.values({name: Polynomial({(name,): 1}) for name in self.swept}))

    @cached_property
    def settled(self) -> dict[str, FieldValue]:
        """The swept sizes that are the same all over the piece."""
        return {name: self.fixed[name] for name in self.grid.sizes if name in self.fixed}

    def values(self, varying: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of every size that the grid sweeps, of those that vary within the piece."""
        return {**self.settled, **varying}

    @cached_property
    def columns(self) -> GridColumns:
        """The swept columns of the grid."""
        return GridColumns.of(self.grid)

    @cached_property
    def swept(self) -> tuple[str, ...]:
        """The counts that vary within the piece."""
        return tuple(name for name in self.grid.swept if name not in self.fixed)

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """How far apart two neighbours on each axis stand in id."""
        return strides(lengths(self.grid))

    @property
    def volume(self) -> int:
        """The number of configurations, a Python int however large."""
        return math.prod(stop - start for start, stop in zip(self.start, self.stop, strict=True))

    def axes_of(self, fields: frozenset[str]) -> frozenset[int]:
        """Return the axes that some fields depend on, the bases of ratios included."""
        found: set[int] = set()
        waiting = [name for name in fields if name in self.columns.places]
        while waiting:
            number, column = self.columns.places[waiting.pop()]
            found.add(number)
            if column.base is not None:
                waiting.append(column.base)
        return frozenset(found)

    def varying(self, positions: IntArray) -> dict[str, Any]:
        """Return the counts that vary, for single configurations.

        Args:
            positions: shape (axes, rows).
        """
        rows = tuple(positions)
        return {name: self.columns.along(name, rows) for name in self.swept}


@lru_cache(maxsize=16)
def pieces(grid: Grid) -> tuple[Piece, ...] | None:
    """Return the pieces of a grid, or None where there are too many or a count does not grow with its fields.

    They are worked out once for the grids that are asked about again, as every part of a run does.
    """
    stretches = [_stretches(axis) for axis in grid.axes]
    if math.prod(map(len, stretches)) > MOST_PIECES:
        return None
    found = tuple(_pieces(grid, stretches))
    return found if all(piece.outline.grows for piece in found) else None


def _pieces(grid: Grid, stretches: list[list[tuple[int, int]]]) -> Iterator[Piece]:
    for sides in itertools.product(*stretches):
        fixed = dict(grid.fixed)
        sides_of = {column.field: side for axis, side in zip(grid.axes, sides, strict=True) for column in axis.columns}
        for name in grid.by_base:
            column = grid.columns[name]
            base = None if column.base is None else fixed.get(column.base)
            value = column.only_value(*sides_of[name], base)
            if value is not None:
                fixed[name] = value
        yield Piece(grid, tuple(start for start, _ in sides), tuple(stop for _, stop in sides), fixed)


def _stretches(axis: Axis) -> list[tuple[int, int]]:
    """Return the ranges of positions on which every column of an axis is fixed or grows."""
    cuts = sorted({0, axis.length}.union(*(column.breaks() for column in axis.columns)))
    return list(itertools.pairwise(cuts))

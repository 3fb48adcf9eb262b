"""A sweep, checked and frozen: what is fixed, what is swept, and which configurations are kept.

Nothing here is an array: an axis of 10^12 steps is three numbers, and the size of a grid is a Python int.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sizer.networks.counting import CHOICES, choices
from sizer.networks.fields import FieldValue

if TYPE_CHECKING:
    from sizer.networks.cells import CellType
    from sizer.sweepfile.expressions import Expression


@dataclass(frozen=True)
class Listed:
    """A swept field whose values are written out (or computed, for a geometric axis)."""

    field: str
    values: tuple[FieldValue, ...]


@dataclass(frozen=True)
class Stepped:
    """A swept field in equal steps: `start`, `start + step`, ... `length` values."""

    field: str
    start: int
    step: int
    length: int

    @property
    def last(self) -> int:
        """The last value."""
        return self.start + self.step * (self.length - 1)


@dataclass(frozen=True)
class Ratio:
    """A swept field that is a fraction of another swept field of the same grid.

    The value is base * ratio; with `round_to`, the nearest multiple of it, ties up, at least `round_to`.
    """

    field: str
    base: str
    ratios: tuple[Fraction, ...]
    round_to: int | None


Column = Listed | Stepped | Ratio


@dataclass(frozen=True)
class Axis:
    """One digit of the grid's ids. The columns of a linked table move together and are one axis."""

    columns: tuple[Column, ...]
    length: int


@dataclass(frozen=True)
class Grid:
    """One grid: the axes in file order, the last one fastest, and the fields that stay the same."""

    fixed: Mapping[str, Any]
    """The fields of `model` that no axis of this grid varies, as given; absent ones are not in it. And, where the file
    defines cell types of its own, these under `cell_types`, as a network's fields carry them."""
    axes: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """The number of configurations, a Python int however large."""
        return math.prod(axis.length for axis in self.axes)

    @property
    def swept(self) -> tuple[str, ...]:
        """The swept fields in file order."""
        return tuple(column.field for axis in self.axes for column in axis.columns)


@dataclass(frozen=True)
class Bound:
    """Bounds on one counted column, both ends included."""

    column: str
    minimum: int | None
    maximum: int | None


@dataclass(frozen=True)
class Sweep:
    """A sweep file without faults."""

    file: str
    """The file as the user named it."""
    text: str
    sha256: str
    """Of the file's bytes, in hexadecimal."""
    name: str
    description: str
    grids: tuple[Grid, ...]
    """Their union is the table, ids running on from one grid to the next."""
    where: tuple[Expression, ...]
    """Every one must hold for a configuration to be kept."""
    budget: tuple[Bound, ...]
    """In file order."""
    formats: tuple[str, ...]
    """`csv`, `parquet`, `xlsx`; without an output section csv and parquet."""
    columns: tuple[str, ...]
    """The table's columns in order, `default` and `all` resolved."""
    cell_types: Mapping[str, CellType] = field(default_factory=dict)
    """The cell types that the file defines."""

    @property
    def size(self) -> int:
        """The number of configurations, a Python int however large."""
        return sum(grid.size for grid in self.grids)

    @property
    def words(self) -> dict[str, tuple[str, ...]]:
        """The words of each `choice` field, the file's own cell types after the built-in ones."""
        return {name: choices(name, self.cell_types) for name in CHOICES}

    @property
    def swept(self) -> tuple[str, ...]:
        """Every field that some grid sweeps, in the order of first appearance."""
        return tuple(dict.fromkeys(name for grid in self.grids for name in grid.swept))

"""A sweep, checked and frozen: what is fixed, what is swept, and which configurations are kept.

Nothing here is an array: an axis of 10^12 steps is three numbers, and the size of a grid is a Python int.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sizer.networks.cells import CellType
from sizer.networks.conventions import cell_of
from sizer.networks.counting import CHOICES, choices
from sizer.networks.fields import FIELDS
from sizer.sweepfile.axis import Column

if TYPE_CHECKING:
    from sizer.sweepfile.expressions import Expression
    from sizer.sweepfile.per_layer import PerLayer


@dataclass(frozen=True)
class Axis:
    """One digit of the grid's ids. The columns of a linked table move together and are one axis."""

    columns: tuple[Column, ...]
    length: int

    @property
    def base(self) -> str | None:
        """The field of which it is a fraction; None where it stands by itself. A fraction is never linked."""
        return self.columns[0].base


@dataclass(frozen=True)
class Grid:
    """One grid: the axes in file order, the last one fastest, and the fields that stay the same."""

    fixed: Mapping[str, Any] = field(hash=False)
    """The fields of `model` that no axis of this grid varies, as given; absent ones are not in it."""
    axes: tuple[Axis, ...]
    cell_types: Mapping[str, CellType] = field(default_factory=dict, hash=False)
    """The cell types that the file defines."""
    per_layer: tuple[PerLayer, ...] = ()
    """The fields that each layer has for itself, in file order; what has some is a space."""
    order: tuple[str, ...] = ()
    """The swept fields of a space in file order."""

    @property
    def size(self) -> int:
        """The number of configurations, a Python int however large."""
        once = math.prod(axis.length for axis in self.axes)
        if not self.per_layer:
            return once
        for axis in self.axes:
            for column in axis.columns:
                if column.field == "layers":
                    lengths = [int(column.value(place)) for place in range(axis.length)]
                    return once // axis.length * sum(map(self._ways, lengths))
        return once * self._ways(int(self.fixed["layers"]))

    def _ways(self, layers: int) -> int:
        return math.prod(axis.ways(layers) for axis in self.per_layer)

    @property
    def swept(self) -> tuple[str, ...]:
        """The swept fields in file order."""
        return self.order or tuple(self.columns)

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The swept fields by name, in file order."""
        return {column.field: column for axis in self.axes for column in axis.columns}

    @cached_property
    def by_base(self) -> tuple[str, ...]:
        """The swept fields, each after the one of which it is a fraction."""
        found: dict[str, None] = {}

        def settle(name: str) -> None:
            base = self.columns[name].base
            if base is not None:
                settle(base)
            found[name] = None

        for name in self.columns:
            settle(name)
        return tuple(found)

    def configuration(self, places: Sequence[int]) -> dict[str, Any]:
        """Return the fields, as given, of the configuration at a place on each axis, exact at any size.

        In the order of `FIELDS`.
        """
        at = {column.field: place for axis, place in zip(self.axes, places, strict=True) for column in axis.columns}
        found: dict[str, Any] = dict(self.fixed)
        for name in self.by_base:
            column = self.columns[name]
            found[name] = column.value(at[name], 0 if column.base is None else found[column.base])
        return {name: found[name] for name in FIELDS if name in found}

    def cell(self, words: Mapping[str, Any]) -> CellType:
        """Return the table of the cells of configurations with certain words.

        Args:
            words: `convention` and `cell_type`, at least those of them that are swept.
        """
        return cell_of({**self.fixed, **words}, self.cell_types)


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
    notes: tuple[str, ...] = ()
    """What was read otherwise than it is written, in words."""

    @property
    def size(self) -> int:
        """The number of configurations, a Python int however large."""
        return sum(grid.size for grid in self.grids)

    @property
    def is_space(self) -> bool:
        """Whether some field is swept for each layer by itself."""
        return any(grid.per_layer for grid in self.grids)

    @property
    def words(self) -> dict[str, tuple[str, ...]]:
        """The words of each `choice` field, the file's own cell types after the built-in ones."""
        return {name: choices(name, self.cell_types) for name in CHOICES}

    @property
    def swept(self) -> tuple[str, ...]:
        """Every field that some grid sweeps, in the order of first appearance."""
        return tuple(dict.fromkeys(name for grid in self.grids for name in grid.swept))

"""Configurations of a sweep without fields of layers, as a space gives them: a grid and a position on each of its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from sizer.grids.account import Account
from sizer.grids.engine import Decider, Rows
from sizer.grids.ids import lengths, strides
from sizer.grids.repeats import Repeats
from sizer.networks.fields import FIELDS
from sizer.spaces.configurations import Configurations
from sizer.spaces.decisions import IntArray
from sizer.sweepfile.axis import Listed, Stepped
from sizer.sweepfile.sweep import Axis, Grid, Sweep

LARGEST_ID = 2**63 - 1


class PlainConfigurations(Configurations):
    """Some configurations of a sweep, in an order."""

    def __init__(self, sweep: Sweep, starts: IntArray, options: IntArray) -> None:
        """Hold them.

        Args:
            sweep: the whole one.
            starts: the grid of each, shape (n,).
            options: its position on each axis, shape (n, axes of the grid that has most); -1 beyond its grid's axes.
        """
        self.sweep = sweep
        self.starts = starts
        self.options = options

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> PlainConfigurations: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | PlainConfigurations:
        if isinstance(place, slice):
            return self.taken(np.arange(len(self))[place])
        grid, positions = self._at(place)
        return grid.configuration(positions)

    def flat(self, place: int) -> dict[str, Any]:
        grid, positions = self._at(place)
        values = grid.values(positions)
        return {name: values[name] if name in values else own(grid, name) for name in once(self.sweep)}

    def _at(self, place: int) -> tuple[Grid, list[int]]:
        grid = self.sweep.grids[int(self.starts[place])]
        return grid, self.options[place, : len(grid.axes)].tolist()

    def taken(self, places: IntArray) -> PlainConfigurations:
        return PlainConfigurations(self.sweep, self.starts[places], self.options[places])

    def counts(self, column: str) -> IntArray:
        return self.rows([column]).column(column)

    @property
    def ids(self) -> list[int]:
        kind: Any = np.int64 if self.sweep.size - 1 <= LARGEST_ID else object
        found = np.zeros(len(self), dtype=kind)
        first = 0
        for number, grid in enumerate(self.sweep.grids):
            here = np.flatnonzero(self.starts == number)
            if len(here):
                found[here] = first
                for axis, stride in enumerate(strides(lengths(grid))):
                    found[here] += self.options[here, axis].astype(kind) * stride
            first += grid.size
        ids: list[int] = found.tolist()
        return ids

    def rows(self, columns: Sequence[str]) -> Rows:
        """Return columns of a table, as the engine gives them: words by their place among the sweep's.

        Args:
            columns: names of fields and counted columns; `id` is always there.
        """
        parts = []
        for number in np.unique(self.starts).tolist():
            grid, here = self.sweep.grids[number], np.flatnonzero(self.starts == number)
            decider = Decider(self.sweep, grid, columns, Repeats(grid, ()))
            places = tuple(self.options[here, axis] for axis in range(len(grid.axes)))
            # Their places here stand for their ids, so that they stay in their order.
            parts.append(decider.rows_on(here, places, Account(repeated=None)))
        names = [name for name in columns if name != "id"]
        none = np.empty(0, dtype=np.int64)
        order = np.argsort(np.concatenate([none, *(part.ids for part in parts)]), kind="stable")
        found = {name: np.concatenate([none, *(part.column(name) for part in parts)])[order] for name in names}
        for name in names:
            if self.sweep.names.kinds.get(name) == "boolean":
                found[name] = found[name].astype(np.bool_)
        numbers = self.ids
        return Rows(np.array(numbers, dtype=np.int64 if self.sweep.size - 1 <= LARGEST_ID else object), found)

    def column(self, field: str) -> npt.NDArray[Any]:
        found = self.rows([field]).column(field)
        if self.sweep.names.kinds.get(field) == "choice":
            return np.array([self.sweep.words[field][place] for place in found.tolist()], dtype=object)
        return found

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        found: dict[str, npt.NDArray[Any]] = {"id": np.array(self.ids)}
        found |= {name: self.column(name) for name in self.sweep.swept}
        return {**found, "weights": self.weights}


def once(sweep: Sweep) -> tuple[str, ...]:
    """Return the fields that some grid of a sweep has axes for, in file order."""
    return tuple(dict.fromkeys(name for grid in sweep.grids for name in grid.columns))


def own(grid: Grid, name: str) -> Any:
    """Return the value that a field has all over a grid, which does not sweep it; None where the convention decides."""
    if grid.model is not None:
        return grid.model.own(name)
    return grid.fixed[name] if name in grid.fixed else FIELDS[name].default


@dataclass(frozen=True)
class Narrowed:
    """A part of a sweep in which axes have fewer values, with where these stand in the whole one."""

    whole: Sweep
    part: Sweep
    grids: tuple[int, ...]
    """The number, in the whole sweep, of each grid."""
    sides: tuple[tuple[IntArray | None, ...], ...]
    """The positions that each axis of each grid still has; None: all of them."""

    @classmethod
    def not_at_all(cls, sweep: Sweep) -> Narrowed:
        """Return all of a sweep."""
        sides = tuple((None,) * len(grid.axes) for grid in sweep.grids)
        return cls(sweep, sweep, tuple(range(len(sweep.grids))), sides)

    def within(self, whole: Sweep, part: Sweep) -> Narrowed:
        """Return the same of sweeps that differ in bounds and conditions alone."""
        return replace(self, whole=whole, part=part)

    def held(self, name: str, values: set[Any]) -> Narrowed:
        """Return less of the sweep: a field, which is a fraction of no other, has certain values alone."""
        grids, numbers, sides = [], [], []
        for grid, number, side in zip(self.part.grids, self.grids, self.sides, strict=True):
            if name not in grid.columns:
                if own(grid, name) in values:
                    grids.append(grid)
                    numbers.append(number)
                    sides.append(side)
                continue
            place = next(place for place, axis in enumerate(grid.axes) if name in {one.field for one in axis.columns})
            left = _places_of(grid.columns[name], values)
            if len(left):
                axes = [_held(axis, left) if at == place else axis for at, axis in enumerate(grid.axes)]
                before = side[place]
                kept = left if before is None else before[left]
                grids.append(replace(grid, axes=tuple(axes)))
                numbers.append(number)
                sides.append((*side[:place], kept, *side[place + 1 :]))
        part = replace(self.part, grids=tuple(grids))
        return Narrowed(self.whole, part, tuple(numbers), tuple(sides))

    def widened(self, starts: IntArray, options: IntArray) -> PlainConfigurations:
        """Return configurations of the part as those of the whole sweep."""
        axes = max((len(grid.axes) for grid in self.whole.grids), default=0)
        found = np.full((len(starts), axes), -1, dtype=np.int64)
        found[:, : options.shape[1]] = options
        for number, sides in enumerate(self.sides):
            here = starts == number
            for axis, side in enumerate(sides):
                if side is not None:
                    found[here, axis] = side[options[here, axis]]
        numbers = np.array(self.grids, dtype=np.int64)
        return PlainConfigurations(self.whole, numbers[starts] if len(starts) else starts, found)

    def narrowed(self, several: PlainConfigurations) -> tuple[IntArray, IntArray, npt.NDArray[np.bool_]]:
        """Return configurations of the whole sweep as those of the part, and which of them stand in it."""
        starts = np.zeros(len(several), dtype=np.int64)
        options = several.options.copy()
        inside = np.zeros(len(several), dtype=np.bool_)
        for number, (whole, sides) in enumerate(zip(self.grids, self.sides, strict=True)):
            here = several.starts == whole
            starts[here] = number
            inside |= here
            for axis, side in enumerate(sides):
                if side is not None:
                    found = np.searchsorted(side, options[here, axis])
                    there = found < len(side)
                    there[there] = side[found[there]] == options[here, axis][there]
                    inside[here] &= there
                    options[here, axis] = np.minimum(found, len(side) - 1)
        return starts, options, inside


def _places_of(column: Any, values: set[Any]) -> IntArray:
    """Return the places at which a field has one of some values, ascending."""
    if isinstance(column, Stepped):
        steps = np.array([value for value in values if type(value) is int and value >= 0], dtype=np.int64)
        numbers = steps[np.asarray(column.holds(steps))].tolist()
        step = column.step or 1
        return np.array(sorted((value - column.start) // step for value in numbers), dtype=np.int64)
    return np.array([place for place, value in enumerate(column.values) if value in values], dtype=np.int64)


def _held(axis: Axis, places: IntArray) -> Axis:
    """Return an axis with some of its places."""
    columns = []
    for column in axis.columns:
        values = tuple(column.value(place) for place in places.tolist())
        columns.append(replace(column, values=values) if isinstance(column, Listed) else Listed(column.field, values))
    return Axis(tuple(columns), len(places))


def matched(grid: Grid, given: Mapping[str, Any]) -> list[int] | None:
    """Return the first position on each axis at which a grid has the values of some fields; None where it has not.

    Args:
        grid: of a sweep.
        given: at least the fields that it sweeps.
    """
    found = []
    for axis in grid.axes:
        place = _place_on(axis, given)
        if place is None:
            return None
        found.append(place)
    return found


def _place_on(axis: Axis, given: Mapping[str, Any]) -> int | None:
    first, *others = axis.columns
    if isinstance(first, Stepped) and not others:
        places = _places_of(first, {given.get(first.field)})
        return int(places[0]) if len(places) else None
    for place in range(axis.length):
        if all(
            column.field in given
            and column.value(place, 0 if column.base is None else given[column.base]) == given[column.field]
            for column in axis.columns
        ):
            return place
    return None

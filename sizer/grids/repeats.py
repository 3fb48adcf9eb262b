"""Which configurations equal an earlier one of the same sweep, in a union of grids or where ratios coincide.

Nothing is remembered from row to row: a configuration is looked up on the axes of the earlier grids, so that
memory does not grow with the number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.grids.columns import GridColumns, IntArray, Sides
from sizer.networks.fields import FIELDS
from sizer.networks.network import resolve
from sizer.sweepfile.limits import count_bounds
from sizer.sweepfile.sweep import Axis, Grid, Sweep

Mask = npt.NDArray[np.bool_]
MOST = 2**63 - 1


@dataclass(frozen=True)
class Repeats:
    """Counts the configurations of one grid that stand earlier in the sweep too."""

    grid: Grid
    earlier: tuple[Grid, ...]
    """Those before it whose ends overlap with its own; no other can hold one of its configurations."""

    @classmethod
    def of(cls, sweep: Sweep, number: int) -> Repeats:
        """Return the counter for the sweep's grid of that number, from 0."""
        return cls(sweep.grids[number], _overlapping(sweep.grids, number))

    @property
    def possible(self) -> bool:
        """Whether any configuration of the grid can equal an earlier one."""
        return bool(self.earlier) or any(axis.base for axis in self.grid.axes)

    def count(self, rows: Sides, resolved: Mapping[str, Any], number: int) -> int:
        """Return how many of the configurations equal an earlier one.

        Args:
            rows: the position on each axis, one entry per configuration.
            resolved: every field with defaults filled in, arrays with one entry per configuration or plain values.
            number: of configurations.
        """
        if not self.possible:
            return 0
        if self.grid.model is not None:
            model, swept = self.grid.model, set(self.grid.swept)
            names = _names((self.grid, *self.earlier))
            resolved = {name: _plain(resolved[name]) if name in swept else model.own(name) for name in names}
        repeated = np.zeros(number, dtype=np.bool_)
        columns = GridColumns.of(self.grid)
        for axis, places in zip(self.grid.axes, rows, strict=True):
            column = axis.columns[0]
            if column.base is not None:
                base = columns.along(column.base, rows)
                for earlier in range(axis.length - 1):
                    same = column.array(np.full(number, earlier), base) == resolved[column.field]
                    repeated |= same & (places > earlier)
        for grid in self.earlier:
            if repeated.all():
                break
            repeated |= _contains(grid, resolved, number)
        return int(np.count_nonzero(repeated))


_latest: tuple[tuple[Grid, ...], IntArray, IntArray] | None = None
"""The grids that were asked for last, and their ends: a pass over a sweep asks for them once a grid."""


def _overlapping(grids: tuple[Grid, ...], number: int) -> tuple[Grid, ...]:
    """Return the grids before one of them that overlap with it in every field."""
    global _latest
    known = _latest
    if known is None or known[0] is not grids:
        known = _latest = (grids, *_ends(grids))
    _, low, high = known
    overlap = ((low[:number] <= high[number]) & (high[:number] >= low[number])).all(axis=1)
    return tuple(grids[place] for place in np.flatnonzero(overlap))


def _ends(grids: Sequence[Grid]) -> tuple[IntArray, IntArray]:
    """Return the smallest and the largest value of each field in each grid, `(grids, fields)`; words by number."""
    numbers: dict[Any, int] = {}
    names = _names(grids)
    low = np.empty((len(grids), len(names)), dtype=np.int64)
    high = np.empty_like(low)
    for row, grid in enumerate(grids):
        bounds = count_bounds(grid)
        for place, name in enumerate(names):
            if name in bounds:
                low[row, place], high[row, place] = bounds[name]
                continue
            column = grid.columns.get(name)
            given: Sequence[Any] = (None if grid.model else grid.fixed.get(name, FIELDS[name].default),)
            if column is not None:
                given = [column.value(position) for position in range(column.length)]
            if None in given:  # the convention decides
                low[row, place], high[row, place] = -1, MOST
                continue
            values = [int(one) if isinstance(one, int) else numbers.setdefault(one, len(numbers)) for one in given]
            low[row, place], high[row, place] = min(values), max(values)
    return low, high


def _contains(grid: Grid, resolved: Mapping[str, Any], number: int) -> Mask:
    """Return which configurations stand in a grid."""
    if grid.model is not None:
        return _model_contains(grid, resolved, number)
    found = np.ones(number, dtype=np.bool_)
    words = {name: resolved[name] for name in ("convention", "cell_type")}
    there = resolve({**grid.fixed, **words}, grid.cell(words))
    swept = set(grid.swept)
    if "bias_vectors" not in swept:
        found &= there["candidate_bias"] == resolved["candidate_bias"]
    for name in FIELDS:
        if name not in swept:
            given = grid.fixed.get(name) if name in words else there[name]
            found &= given == resolved[name]
    for axis in grid.axes:
        found &= _on_axis(axis, resolved, number)
    return found


def _model_contains(grid: Grid, resolved: Mapping[str, Any], number: int) -> Mask:
    """Return which configurations of a model of blocks stand in another grid of it: what it does not sweep is its own."""
    assert grid.model is not None
    found = np.ones(number, dtype=np.bool_)
    for name, value in resolved.items():
        if name not in grid.columns:
            found &= _same(value, grid.model.own(name))
    for axis in grid.axes:
        found &= _on_axis(axis, resolved, number)
    return found


def _plain(value: Any) -> Any:
    """Return one number of NumPy as Python's own: held against a list, the other is held against each of its values."""
    return value.item() if isinstance(value, np.generic) else value


def _same(first: Any, second: Any) -> Any:
    """Return where two values of a field are the same; lists are never numbers."""
    if isinstance(first, np.ndarray) and not isinstance(second, int):
        return False
    return first == second


def _names(grids: Sequence[Grid]) -> tuple[str, ...]:
    """Return the fields by which configurations differ: of models of blocks, those that some grid sweeps."""
    if grids[0].model is None:
        return tuple(FIELDS)
    return tuple(dict.fromkeys(name for grid in grids for name in grid.swept))


def _on_axis(axis: Axis, resolved: Mapping[str, Any], number: int) -> Mask:
    found = np.zeros(number, dtype=np.bool_)
    sizes = [name for one in axis.columns if not one.structural for name in (one.field, one.base) if name]
    if not all(isinstance(resolved[name], (int, np.integer, np.ndarray)) for name in sizes):
        return found  # a list, a word or nothing stands on no axis of sizes
    column = axis.columns[0]
    if len(axis.columns) == 1 and column.base is None:
        return found | column.holds(resolved[column.field])
    for place in range(axis.length):
        together = np.ones(number, dtype=np.bool_)
        for column in axis.columns:
            if column.structural:
                together &= _same(resolved[column.field], column.value(place))
                continue
            base = None if column.base is None else np.broadcast_to(resolved[column.base], number)
            together &= column.array(np.full(number, place), base) == resolved[column.field]
        found |= together
    return found

"""The engine: boxes of a grid are decided on broadcast arrays, and only kept configurations become rows.

For each block of neighbouring ids, and each (convention, cell type) in it, in this order:

    validity    on the axes that the rules depend on, counted without spreading it over the others
    budget      the bounded columns, once over the block
    where       on what is left

Names are settled here, per block; the inner work is a handful of NumPy passes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.grids.account import Account
from sizer.grids.boxes import Box, blocks, lengths, strides
from sizer.grids.columns import GridColumns, IntArray, Sides
from sizer.grids.repeats import Repeats
from sizer.networks.counting import CHOICES, choices
from sizer.networks.fields import FIELDS, FieldValue
from sizer.networks.network import BYTES, COUNTED, refusals, resolve, tally, wire
from sizer.sweepfile.sweep import Bound, Grid, Sweep

BLOCK = 1 << 18
"""Configurations decided at once: int64 temporaries of 2 MB stay in the processor's cache."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Kept configurations, in id order."""

    ids: IntArray
    columns: dict[str, Any]
    """Field or counted column -> array, or a plain value where all rows share it. A word is its place in the sweep's `words`."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a column as an array with one entry per row."""
        if name == "id":
            return self.ids
        value = self.columns[name]
        return value if isinstance(value, np.ndarray) else np.full(len(self), value)


@dataclass(frozen=True)
class Case:
    """A part of a block in which convention and cell type are plain words."""

    sides: Sides
    given: Mapping[str, Any]
    """Fields as given; swept counts and booleans are int64 arrays that broadcast."""
    shape: tuple[int, ...]


def enumerate_sweep(sweep: Sweep, columns: Sequence[str], *, block: int = BLOCK) -> Iterator[tuple[Account, Rows]]:
    """Yield, block by block in id order, what became of the configurations and the rows that are kept.

    Args:
        sweep: of at most 2**63 - 1 configurations.
        columns: names from `FIELDS` and `COUNTED`, for the rows; `id` is always there.
        block: the most configurations to decide at once; it never changes what is found.
    """
    first_id = 0
    for number, grid in enumerate(sweep.grids):
        decider = Decider(sweep, grid, columns, Repeats.of(sweep, number))
        for offset, box in blocks(lengths(grid), block):
            yield decider.decide(first_id + offset, box)
        first_id += grid.size


class Decider:
    """Decides boxes of one grid."""

    def __init__(self, sweep: Sweep, grid: Grid, columns: Sequence[str], repeats: Repeats) -> None:
        """Settle every name once, for all boxes of the grid."""
        self.sweep = sweep
        self.columns = [name for name in columns if name != "id"]
        self.repeats = repeats
        self.grid_columns = GridColumns.of(grid)
        self.bounds = [on_weights(bound) for bound in sweep.budget]
        self.word_axes = [
            (number, [column.field for column in axis.columns if FIELDS[column.field].kind == "choice"])
            for number, axis in enumerate(grid.axes)
            if any(FIELDS[column.field].kind == "choice" for column in axis.columns)
        ]

    def decide(self, first_id: int, box: Box) -> tuple[Account, Rows]:
        """Return what became of the configurations of a box of neighbouring ids, and its kept rows.

        Args:
            first_id: the id of the box's first configuration.
            box: as `blocks` yields it.
        """
        account = Account()
        sides = tuple(np.arange(side.start, side.stop, dtype=np.int64) for side in box)
        found = [self._decide_case(case, account) for case in self._cases(sides)]
        rows = self._rows(first_id, box, found, account)
        account.kept = len(rows)
        return account, rows

    def _cases(self, sides: Sides) -> Iterator[Case]:
        """Split a box by the words that its axes hold."""
        groups = []
        for number, fields in self.word_axes:
            by_words: dict[tuple[FieldValue, ...], list[int]] = {}
            arrays = [self.grid_columns.array(field, sides).reshape(-1) for field in fields]
            for place, together in enumerate(zip(*arrays, strict=True)):
                by_words.setdefault(together, []).append(place)
            groups.append([(number, fields, together, sides[number][places]) for together, places in by_words.items()])
        for chosen in itertools.product(*groups):
            case_sides = list(sides)
            words: dict[str, FieldValue] = {}
            for number, fields, values, places in chosen:
                case_sides[number] = places
                words.update(zip(fields, values, strict=True))
            given = self.grid_columns.on(tuple(case_sides))
            given.update(words)
            yield Case(
                tuple(case_sides),
                {name: _as_count(value) for name, value in given.items()},
                tuple(len(side) for side in case_sides),
            )

    def _decide_case(self, case: Case, account: Account) -> tuple[Case, Mask | None, dict[str, Any]]:
        """Return the case with its kept configurations (None: all of them) and the bounded columns."""
        alive: Mask | None = None
        size = math.prod(case.shape)
        for rule, refuses in refusals(case.given):
            alive = _drop(alive, refuses, size, account.not_valid, rule.reason)
        network = wire(resolve(case.given))
        counted: dict[str, Any] = {}
        for bound, original in zip(self.bounds, self.sweep.budget, strict=True):
            if bound.column not in counted:
                counted.update(tally(network, [bound.column]))
            value = counted[bound.column]
            if bound.minimum is not None:
                alive = _drop(alive, value < bound.minimum, size, account.outside, (original.column, "under"))
            if bound.maximum is not None:
                alive = _drop(alive, value > bound.maximum, size, account.outside, (original.column, "over"))
        if self.sweep.where:
            seen = _seen_by_where(case.given)
            for expression in self.sweep.where:
                fails = np.logical_not(expression.holds(seen))
                alive = _drop(alive, fails, size, account.excluded, expression.text)
        return case, alive, counted

    def rows_at(self, first_id: int, offsets: IntArray, account: Account) -> Rows:
        """Return the rows of single configurations, all of which are kept.

        Args:
            first_id: the id of the grid's first configuration.
            offsets: places in the grid, ascending, shape (rows,).
            account: takes how many of them repeat an earlier one.
        """
        grid = self.grid_columns.grid
        rows = tuple(
            offsets // stride % length for stride, length in zip(strides(lengths(grid)), lengths(grid), strict=True)
        )
        parts = []
        for words, chosen in self._by_words(rows, len(offsets)):
            places = tuple(row[chosen] for row in rows)
            parts.append(self._columns_at(first_id + offsets[chosen], places, words, {}, account))
        return _joined(parts, self.columns)

    def _by_words(self, rows: Sides, number: int) -> Iterator[tuple[dict[str, FieldValue], Any]]:
        """Yield the words of configurations with which of them have those words."""
        axes = [number for number, _ in self.word_axes]
        if not axes:
            yield {}, slice(None)
            return
        together = np.zeros(number, dtype=np.int64)
        for axis in axes:
            together = together * self.grid_columns.grid.axes[axis].length + rows[axis]
        for code in np.unique(together):
            chosen = np.flatnonzero(together == code)
            words = {
                field: self.grid_columns.along(field, tuple(row[chosen[:1]] for row in rows))[0]
                for _, fields in self.word_axes
                for field in fields
            }
            yield words, chosen

    def _rows(
        self, first_id: int, box: Box, found: list[tuple[Case, Mask | None, dict[str, Any]]], account: Account
    ) -> Rows:
        parts = []
        for case, alive, counted in found:
            if alive is None:
                alive = np.ones(case.shape, dtype=np.bool_)
            alive = np.broadcast_to(alive, case.shape)
            places = np.nonzero(alive) if case.shape else _single(bool(alive))
            rows = tuple(side[place] for side, place in zip(case.sides, places, strict=True))
            number = len(places[0]) if case.shape else int(bool(alive))
            if number:
                parts.append(self._case_rows(first_id, box, case, rows, number, counted, alive, account))
        return _joined(parts, self.columns)

    def _case_rows(
        self,
        first_id: int,
        box: Box,
        case: Case,
        rows: Sides,
        number: int,
        counted: Mapping[str, Any],
        alive: Mask,
        account: Account,
    ) -> Rows:
        offset: IntArray = np.zeros(number, dtype=np.int64)
        for side, row in zip(box, rows, strict=True):
            offset *= len(side)
            offset += row - side.start
        ready = {
            name: np.broadcast_to(value, case.shape)[alive] for name, value in counted.items() if name in self.columns
        }
        words = {name: case.given[name] for name in ("convention", "cell_type")}
        return self._columns_at(first_id + offset, rows, words, ready, account)

    def _columns_at(
        self, ids: IntArray, rows: Sides, words: Mapping[str, FieldValue], counted: Mapping[str, Any], account: Account
    ) -> Rows:
        """Return the columns of configurations that share their words, with the counted columns that are ready."""
        given: dict[str, Any] = dict(self.grid_columns.grid.fixed)
        given.update({field: self.grid_columns.along(field, rows) for field in self.grid_columns.places})
        given.update(words)
        resolved = resolve({name: _as_count(value) for name, value in given.items()})
        if account.repeated is not None:
            account.repeated += self.repeats.count(rows, resolved, len(ids))
        ready: dict[str, Any] = dict(counted)
        missing = [name for name in self.columns if name in COUNTED and name not in ready]
        ready.update(tally(wire(resolved), missing))
        columns: dict[str, Any] = {
            name: ready[name] if name in COUNTED else _as_column(name, resolved) for name in self.columns
        }
        return Rows(ids, columns)


def _joined(parts: list[Rows], columns: Sequence[str]) -> Rows:
    """Return rows of several cases as one, in id order."""
    if not parts:
        return Rows(np.empty(0, dtype=np.int64), {name: np.empty(0, dtype=np.int64) for name in columns})
    if len(parts) == 1:
        return parts[0]
    ids = np.concatenate([part.ids for part in parts])
    order = np.argsort(ids, kind="stable")
    return Rows(ids[order], {name: np.concatenate([part.column(name) for part in parts])[order] for name in columns})


def _single(kept: bool) -> tuple[IntArray, ...]:
    """Return the positions of a grid without axes: it has none, kept or not."""
    return ()


def _as_count(value: Any) -> Any:
    """Return a swept boolean as 0 and 1: sums of NumPy booleans are logical, not numbers."""
    return value.astype(np.int64) if isinstance(value, np.ndarray) and value.dtype == np.bool_ else value


def _as_column(name: str, resolved: Mapping[str, Any]) -> Any:
    """Return a field as it stands in rows: booleans as booleans, a word as its place among the words."""
    if name in CHOICES:
        return choices(name, resolved["cell_types"]).index(resolved[name])
    return _as_given(name, resolved[name])


def _as_given(name: str, value: Any) -> Any:
    """Return a column of a boolean field as booleans."""
    if FIELDS[name].kind != "boolean":
        return value
    return value != 0 if isinstance(value, np.ndarray) else bool(value)


def _seen_by_where(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as `where` sees them: what the convention decides is filled in, booleans are booleans."""
    resolved = resolve(given)
    return {name: _as_given(name, resolved[name]) for name in FIELDS}


def on_weights(bound: Bound) -> Bound:
    """Return the same bound on `weights` where it is on bytes, so that one column serves both."""
    size = BYTES.get(bound.column)
    if size is None:
        return bound
    minimum = None if bound.minimum is None else -(-bound.minimum // size)
    maximum = None if bound.maximum is None else bound.maximum // size
    return Bound("weights", minimum, maximum)


def _drop(alive: Mask | None, drops: Any, size: int, tallied: Any, reason: Any) -> Mask | None:
    """Return what is left of `alive` (None: everything), and count what was dropped under its reason.

    Masks keep the shape that they depend on; a position of a smaller mask stands for size / mask.size
    configurations.
    """
    if isinstance(drops, (bool, np.bool_)):
        if not drops:
            return alive
        drops = np.ones((), dtype=np.bool_)
    dropped = drops if alive is None else alive & drops
    number = int(np.count_nonzero(dropped)) * (size // dropped.size) if dropped.size else 0
    if number == 0:
        return alive
    tallied[reason] += number
    left: Mask = ~drops if alive is None else alive & ~drops
    return left

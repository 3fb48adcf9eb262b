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
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.grids.account import Account
from sizer.grids.columns import GridColumns, IntArray, Sides
from sizer.grids.ids import Box, blocks, lengths, strides
from sizer.grids.kernels import Kernel, Room
from sizer.grids.repeats import Repeats
from sizer.networks.columns import BYTES
from sizer.networks.fields import FieldValue
from sizer.sweepfile.sweep import Bound, Grid, Sweep, as_word

BLOCK = 1 << 18
"""Configurations decided at once: int64 temporaries of 2 MB stay in the processor's cache."""

SPARSE = 8
"""Where fewer than one in so many is kept, columns are computed row by row, else on the box."""

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
    """A part of a box in which convention and cell type are plain words."""

    kernel: Kernel
    sides: Sides
    given: dict[str, Any]
    """Fields as given; swept counts and booleans are int64 arrays that broadcast."""
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of configurations."""
        return math.prod(self.shape)


@dataclass
class Decided:
    """What became of a case."""

    case: Case
    kept: int
    alive: Mask | None
    """Which configurations are kept, on the dimensions that this depends on; None: all of them."""
    counted: dict[str, Any]
    """The counted columns that the budget asked for, on the dimensions that they depend on, perhaps in a `Room`."""


def enumerate_sweep(sweep: Sweep, columns: Sequence[str], *, block: int = BLOCK) -> Iterator[tuple[Account, Rows]]:
    """Yield, block by block in id order, what became of the configurations and the rows that are kept.

    Args:
        sweep: of at most 2**63 - 1 configurations.
        columns: names of fields and counted columns, for the rows; `id` is always there.
        block: the most configurations to decide at once; it never changes what is found.
    """
    first_id = 0
    for number, grid in enumerate(sweep.grids):
        decider = Decider(sweep, grid, columns, Repeats.of(sweep, number))
        for offset, box in blocks(lengths(grid), block):
            yield decider.decide(first_id + offset, box)
        first_id += grid.size


class Decider:
    """Decides boxes of one grid, in any number of threads."""

    def __init__(self, sweep: Sweep, grid: Grid, columns: Sequence[str], repeats: Repeats) -> None:
        """Settle every name once, for all boxes of the grid."""
        self.sweep = sweep
        self.columns = [name for name in columns if name != "id"]
        self.kinds = sweep.names.kinds
        self.counted = frozenset(sweep.names.counted)
        self.repeats = repeats
        self.grid_columns = GridColumns.of(grid)
        self.bounds = [on_weights(bound) for bound in sweep.budget]
        self.here = threading.local()
        self.kernels: dict[tuple[FieldValue, ...], Kernel] = {}
        self.word_axes = [
            (number, [column.field for column in axis.columns if column.structural])
            for number, axis in enumerate(grid.axes)
            if any(column.structural for column in axis.columns)
        ]

    def decide(self, first_id: int, box: Box) -> tuple[Account, Rows]:
        """Return what became of the configurations of a box of neighbouring ids, and its kept rows.

        Args:
            first_id: the id of the box's first configuration.
            box: as `blocks` yields it.
        """
        account = Account()
        parts = []
        for case in self._cases(box):
            room = self._room()
            decided = self._decide_case(case, account, room)
            if decided.kept:
                account.kept += decided.kept
                parts.append(self._rows(first_id, box, decided, account, room))
        return account, _joined(parts, self.columns)

    def count(self, box: Box) -> Account:
        """Return what became of the configurations of a box, without rows; what repeats is not looked at."""
        account = Account(repeated=None if self.repeats.possible else 0)
        account.kept = sum(self._decide_case(case, account, self._room()).kept for case in self._cases(box))
        return account

    def _room(self) -> Room:
        """Return this thread's room for the arrays of one box."""
        if not hasattr(self.here, "room"):
            self.here.room = Room()
        room: Room = self.here.room
        room.clear()
        return room

    def _kernel(self, words: Mapping[str, FieldValue]) -> Kernel:
        """Return the kernel of some words, made once; two threads may both make it, and either serves."""
        together = tuple(words.values())
        kernel = self.kernels.get(together)
        if kernel is None:
            kernel = self.kernels[together] = Kernel(self.grid_columns, words)
        return kernel

    def _cases(self, box: Box) -> Iterator[Case]:
        """Split a box by the words that its axes hold."""
        sides = tuple(np.arange(side.start, side.stop, dtype=np.int64) for side in box)
        groups = []
        for number, fields in self.word_axes:
            by_words: dict[tuple[FieldValue, ...], list[int]] = {}
            arrays = [self.grid_columns.array(field, sides).reshape(-1).tolist() for field in fields]
            for place, together in enumerate(zip(*arrays, strict=True)):
                by_words.setdefault(together, []).append(place)
            groups.append([(number, fields, together, sides[number][places]) for together, places in by_words.items()])
        for chosen in itertools.product(*groups):
            case_sides = list(sides)
            words: dict[str, FieldValue] = {}
            for number, fields, values, places in chosen:
                case_sides[number] = places
                words.update(zip(fields, values, strict=True))
            given = {name: _as_count(value) for name, value in self.grid_columns.on(tuple(case_sides)).items()}
            given.update(words)
            yield Case(self._kernel(words), tuple(case_sides), given, tuple(len(side) for side in case_sides))

    def _decide_case(self, case: Case, account: Account, room: Room) -> Decided:
        drops = _Drops(case.size)
        kernel = case.kernel
        if kernel.rules:
            seen = kernel.seen_by_rules(case.given, room)
            for rule in kernel.rules:
                drops.add(rule.refuses(seen), account.not_valid, rule.reason)
        counted: dict[str, Any] = {}
        if not drops.left:
            return Decided(case, 0, drops.alive, counted)
        for bound, original in zip(self.bounds, self.sweep.budget, strict=True):
            if bound.column not in counted:
                counted[bound.column] = kernel.count(bound.column, case.given, room)
            value = counted[bound.column]
            if bound.minimum is not None:
                drops.add(value < bound.minimum, account.outside, (original.column, "under"))
            if bound.maximum is not None:
                drops.add(value > bound.maximum, account.outside, (original.column, "over"))
        if self.sweep.where:
            fields = self._seen_by_where(case)
            for expression in self.sweep.where:
                drops.add(np.logical_not(expression.holds(fields)), account.excluded, expression.text)
        return Decided(case, drops.left, drops.alive, counted)

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
        return self.rows_on(first_id + offsets, rows, account)

    def rows_on(self, ids: IntArray, rows: Sides, account: Account) -> Rows:
        """Return the rows of single configurations, by the position of each on every axis.

        Args:
            ids: of the configurations, ascending.
            rows: positions on each axis, shape (rows,) each.
            account: takes how many of them repeat an earlier one.
        """
        parts = []
        for words, chosen in self._by_words(rows, len(ids)):
            places = tuple(row[chosen] for row in rows)
            parts.append(self._columns_at(ids[chosen], places, words, {}, account))
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
                field: self.grid_columns.along(field, tuple(row[chosen[:1]] for row in rows)).tolist()[0]
                for _, fields in self.word_axes
                for field in fields
            }
            yield words, chosen

    def _rows(self, first_id: int, box: Box, decided: Decided, account: Account, room: Room) -> Rows:
        """Return the kept rows of a case."""
        case, number = decided.case, decided.kept
        chosen = None if number == case.size else np.flatnonzero(np.broadcast_to(_mask(decided), case.shape))
        if chosen is not None and number * SPARSE < case.size:
            places = np.unravel_index(chosen, case.shape)
            sides = tuple(side[place] for side, place in zip(case.sides, places, strict=True))
            words = {name: case.given[name] for name in self.grid_columns.grid.words}
            ready = {
                name: _each(value, case.shape, chosen)
                for name, value in decided.counted.items()
                if name in self.columns
            }
            return self._columns_at(_ids(first_id, box, case, chosen), sides, words, ready, account)
        resolved = case.kernel.fields(case.given)
        if self.repeats.possible:
            self._count_repeats(case, {**resolved, **case.kernel.words}, chosen, account)
        columns: dict[str, Any] = {}
        for name in self.columns:
            if name not in self.counted:
                value = self._as_column(name, resolved)
            elif name in decided.counted:
                value = decided.counted[name]
            else:
                value = case.kernel.count(name, case.given, room)
            columns[name] = _each(value, case.shape, chosen)
        return Rows(_ids(first_id, box, case, chosen), columns)

    def _count_repeats(
        self, case: Case, resolved: Mapping[str, Any], chosen: IntArray | None, account: Account
    ) -> None:
        assert account.repeated is not None
        each = {
            name: _each(value, case.shape, chosen) if isinstance(value, np.ndarray) else value
            for name, value in resolved.items()
        }
        sides = tuple(
            _each(_along(side, axis, len(case.shape)), case.shape, chosen) for axis, side in enumerate(case.sides)
        )
        account.repeated += self.repeats.count(sides, each, case.size if chosen is None else len(chosen))

    def _columns_at(
        self, ids: IntArray, rows: Sides, words: Mapping[str, FieldValue], counted: Mapping[str, Any], account: Account
    ) -> Rows:
        """Return the columns of configurations that share their words, with the counted columns that are ready."""
        given: dict[str, Any] = dict(self.grid_columns.grid.fixed)
        swept = [field for field in self.grid_columns.places if field not in words]
        given.update({field: _as_count(self.grid_columns.along(field, rows)) for field in swept})
        given.update(words)
        kernel = self._kernel({field: given[field] for _, fields in self.word_axes for field in fields})
        resolved = kernel.fields(given)
        if account.repeated is not None:
            account.repeated += self.repeats.count(rows, {**resolved, **kernel.words}, len(ids))
        columns: dict[str, Any] = {}
        for name in self.columns:
            if name in counted:
                columns[name] = counted[name]
            else:
                columns[name] = (
                    kernel.count(name, given, Room()) if name in self.counted else self._as_column(name, resolved)
                )
        return Rows(ids, columns)

    def _as_column(self, name: str, resolved: Mapping[str, Any]) -> Any:
        """Return a field as it stands in rows: booleans as booleans, a word as its place among the words."""
        if self.kinds[name] == "choice":
            return self.sweep.words[name].index(as_word(resolved[name]))
        return self._as_given(name, resolved[name])

    def _as_given(self, name: str, value: Any) -> Any:
        """Return a column of a boolean field as booleans, and a list that is no row of columns as a word."""
        if self.kinds[name] != "boolean":
            return as_word(value) if value is None or isinstance(value, tuple) else value
        return value != 0 if isinstance(value, np.ndarray) else bool(value)

    def _seen_by_where(self, case: Case) -> dict[str, Any]:
        """Return the fields as `where` sees them: what the convention decides is filled in, booleans are booleans."""
        resolved = case.kernel.fields(case.given)
        names = {name for expression in self.sweep.where for name in expression.names}
        return {name: self._as_given(name, resolved[name]) for name in names}


class _Drops:
    """Which configurations of a case are left, and how many.

    Masks keep the shape that they depend on; a position of a smaller mask stands for size / mask.size configurations.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.left = size
        self.alive: Mask | None = None
        """None: all of them."""

    def add(self, drops: Any, tallied: Any, reason: Any) -> None:
        """Drop configurations (True: all of them), counting those that were left under a reason."""
        if isinstance(drops, (bool, np.bool_)):
            if not drops:
                return
            drops = np.ones((), dtype=np.bool_)
        dropped = drops if self.alive is None else self.alive & drops
        number = int(np.count_nonzero(dropped)) * (self.size // dropped.size) if dropped.size else 0
        if number == 0:
            return
        tallied[reason] += number
        self.left -= number
        # What is dropped was alive, so that exclusive or is alive and not dropped.
        self.alive = ~dropped if self.alive is None else self.alive ^ dropped


def _mask(decided: Decided) -> Mask:
    assert decided.alive is not None
    return decided.alive


def _along(side: IntArray, axis: int, dimensions: int) -> IntArray:
    """Return positions on one axis as an array that broadcasts over a box."""
    return side.reshape([-1 if number == axis else 1 for number in range(dimensions)])


def _each(value: Any, shape: tuple[int, ...], chosen: IntArray | None) -> Any:
    """Return a value for each chosen place of a box (None: for every one), plain where one value serves them all."""
    if not isinstance(value, np.ndarray):
        return value
    if value.size == 1:
        return value.reshape(())[()]
    if chosen is None:
        # Always a copy: the value may stand where the next box will be counted.
        return np.broadcast_to(value, shape).flatten()
    return np.broadcast_to(value, shape).reshape(-1)[chosen]


def _ids(first_id: int, box: Box, case: Case, chosen: IntArray | None) -> IntArray:
    """Return the ids of the chosen places of a case (None: of every one)."""
    if case.shape == tuple(map(len, box)):
        # The box is one stretch of ids, and so is the case.
        return first_id + (np.arange(case.size, dtype=np.int64) if chosen is None else chosen)
    ids: Any = first_id
    for axis, (side, all_of, stride) in enumerate(zip(case.sides, box, strides(list(map(len, box))), strict=True)):
        ids = ids + _along((side - all_of.start) * stride, axis, len(box))
    spread: IntArray = np.broadcast_to(ids, case.shape).reshape(-1)
    return spread if chosen is None else spread[chosen]


def _joined(parts: list[Rows], columns: Sequence[str]) -> Rows:
    """Return rows of several cases as one, in id order."""
    if not parts:
        return Rows(np.empty(0, dtype=np.int64), {name: np.empty(0, dtype=np.int64) for name in columns})
    if len(parts) == 1:
        return parts[0]
    ids = np.concatenate([part.ids for part in parts])
    order = np.argsort(ids, kind="stable")
    return Rows(ids[order], {name: np.concatenate([part.column(name) for part in parts])[order] for name in columns})


def _as_count(value: Any) -> Any:
    """Return a swept boolean as 0 and 1: sums of NumPy booleans are logical, not numbers."""
    return value.astype(np.int64) if isinstance(value, np.ndarray) and value.dtype == np.bool_ else value


def on_weights(bound: Bound) -> Bound:
    """Return the same bound on `weights` where it is on bytes, so that one column serves both."""
    size = BYTES.get(bound.column)
    if size is None:
        return bound
    minimum = None if bound.minimum is None else -(-bound.minimum // size)
    maximum = None if bound.maximum is None else bound.maximum // size
    return Bound("weights", minimum, maximum)

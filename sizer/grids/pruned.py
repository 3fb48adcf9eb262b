"""A sweep by pruning: its exact account, its best configurations and its kept rows, without walking the grid.

The account is a chain of counts: how many configurations pass the first condition, the first two, and so on; what each
condition drops is the difference. Each count looks only at the axes that its conditions depend on.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sizer.grids.account import Account
from sizer.grids.boxes import Box, blocks, lengths
from sizer.grids.cases import Case, cases
from sizer.grids.columns import IntArray
from sizer.grids.engine import Decider, Rows, on_weights
from sizer.grids.pruning import Chunk, Condition, Effort, Found, Search
from sizer.grids.repeats import Repeats
from sizer.networks.conventions import CONVENTIONS, Rule, own_cell, rules_for
from sizer.networks.fields import FIELDS
from sizer.sweepfile.expressions import Expression
from sizer.sweepfile.sweep import Bound, Ratio, Sweep

EFFORT = 40_000_000
"""Lines that a count may search before it gives up on being exact: some seconds of work."""

EFFORT_FOR_BOUNDS = 4_000_000
"""Lines to search for configurations that are surely kept, once an exact count was given up."""

OPENED = 100
"""The most best configurations that are found by opening boxes one by one."""

LONG_LINE = 16
"""The shortest line, in configurations, along which searching beats walking."""

BATCH = 1 << 18
"""Rows that are built at once."""


@dataclass
class Pruned:
    """What pruning tells of a sweep."""

    account: Account | None
    """Where every configuration went; None where that took too much effort."""
    at_least: int = 0
    """Configurations that are surely kept."""
    at_most: int = 0
    """Configurations that may be kept; equal to `at_least` where the account is exact."""
    best: list[int] = field(default_factory=list)
    """Ids of the best kept configurations, the best first; empty where more than `OPENED` were asked for."""
    limit: int | None = None
    """A value of the sorting column such that enough kept configurations are at least as good; None: all are needed."""


def prunable(sweep: Sweep) -> bool:
    """Return whether the sweep's counts grow with its fields, so that corners decide boxes."""
    return all(cases(grid) is not None for grid in sweep.grids)


def has_long_lines(sweep: Sweep) -> bool:
    """Return whether lines along the fastest axis are long enough that finding them beats walking the grid."""
    return all(
        not grid.axes or max(case.stop[-1] - case.start[-1] for case in cases(grid) or ()) >= LONG_LINE
        for grid in sweep.grids
    )


def count_kept(
    sweep: Sweep, *, best: int = 0, sort: str = "weights", descending: bool = True, effort: int | None = EFFORT
) -> Pruned:
    """Return the exact account of a sweep, or bounds on what is kept where that takes too much effort.

    Args:
        sweep: `prunable`, of any size.
        best: how many of the best configurations to find.
        sort: the counted column that decides which are best, ties in id order.
        descending: the largest are best; else the smallest.
        effort: lines to search at the most; None: as many as it takes.
    """
    spent = Effort(effort) if effort is not None else None
    for_bounds = Effort(EFFORT_FOR_BOUNDS)
    account = Account()
    total = Pruned(account)
    leaders = Leaders(best, sort, descending=descending)
    first_id = 0
    for grid in sweep.grids:
        for case in cases(grid) or ():
            exact, low, high = _count_case(case, sweep, account, leaders, first_id, spent, for_bounds)
            total.at_least += low
            total.at_most += high
            if not exact:
                total.account = None
        first_id += grid.size
    total.best = leaders.ids() if best <= OPENED else []
    total.limit = leaders.limit()
    # Whether configurations repeat is seen on rows, and there are none here.
    if len(sweep.grids) > 1 or any(isinstance(axis.columns[0], Ratio) for grid in sweep.grids for axis in grid.axes):
        account.repeated = None
    return total


def _count_case(
    case: Case,
    sweep: Sweep,
    account: Account,
    leaders: Leaders,
    first_id: int,
    spent: Effort | None,
    for_bounds: Effort,
) -> tuple[bool, int, int]:
    """Account for one case; return whether that was exact, and the bounds on what it keeps."""
    conditions: list[Condition] = []
    left = case.volume
    stages = list(_stages(case, sweep))
    for condition, tallied, reason in stages:
        alone = Search(case, [condition], ordered=True)
        possible, within, certain = alone.classify(*(_corner(side) for side in (case.start, case.stop)))
        if possible.all() and (within & certain).all():
            continue
        passing = 0
        if possible.all():
            conditions.append(condition)
            passing, undecided = _volume(case, conditions, spent)
            if undecided:
                surely, _ = _volume(case, [stage[0] for stage in stages], for_bounds)
                return False, surely, passing + undecided
        if left - passing:
            tallied(account)[reason] += left - passing
        left = passing
        if not left:
            return True, 0, 0
    account.kept += left
    if leaders.number:
        for found in Search(case, conditions, ordered=False).boxes():
            leaders.see(case, first_id, found)
    return True, left, left


def _corner(side: tuple[int, ...]) -> IntArray:
    return np.array(side, dtype=np.int64).reshape(len(side), 1)


def _stages(case: Case, sweep: Sweep) -> Iterator[tuple[Condition, Any, Any]]:
    """Yield each condition in the order of the account, with where what it drops is counted."""
    convention = CONVENTIONS[str(case.fixed["convention"])]
    for rule in rules_for(convention, case.fixed["cell_type"], own_cell(case.fixed)):  # type: ignore[arg-type]
        yield rule, lambda account: account.not_valid, rule.reason
    for bound in sweep.budget:
        counted = on_weights(bound)
        for side, part in (
            ("under", Bound(counted.column, counted.minimum, None)),
            ("over", Bound(counted.column, None, counted.maximum)),
        ):
            if part.minimum is not None or part.maximum is not None:
                yield part, lambda account: account.outside, (bound.column, side)
    for expression in sweep.where:
        yield expression, lambda account: account.excluded, expression.text


def _volume(case: Case, conditions: Sequence[Condition], effort: Effort | None) -> tuple[int, int]:
    """Return how many configurations of a case pass, and how many could not be decided."""
    axes = _relevant(case, conditions)
    others = [number for number in range(len(case.start)) if number not in axes]
    factor = math.prod(case.stop[number] - case.start[number] for number in others)
    narrow = replace(
        case,
        stop=tuple(case.start[number] + 1 if number in others else stop for number, stop in enumerate(case.stop)),
    )
    passing = undecided = 0
    for found in Search(narrow, conditions, ordered=False, effort=effort).boxes():
        if found.undecided:
            undecided += found.volume()
        else:
            passing += found.volume()
    return passing * factor, undecided * factor


def _relevant(case: Case, conditions: Sequence[Condition]) -> frozenset[int]:
    """Return the axes that the conditions depend on."""
    names: set[str] = set()
    for condition in conditions:
        if isinstance(condition, Bound):
            return frozenset(range(len(case.start)))
        names |= _reads(condition)
    if "fed" in names:
        return frozenset(range(len(case.start)))
    return case.axes_of(frozenset(names))


def _reads(condition: Rule | Expression) -> set[str]:
    """Return the fields that a condition looks at."""
    if isinstance(condition, Expression):
        return set(condition.names)
    reading = _Reading()
    condition.refuses(reading)
    return reading.names


class _Reading(Mapping[str, Any]):
    """Fields that remember which of them were looked at."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> int:
        self.names.add(name)
        return 1

    def __iter__(self) -> Iterator[str]:
        return iter(FIELDS)

    def __len__(self) -> int:
        return len(FIELDS)


_Promising = tuple[int, int, int, int, Case, tuple[int, ...], tuple[int, ...]]
"""A box: its best key, its lowest id, a number that makes it unlike any other, the grid's first id, case, corners."""


class Leaders:
    """The best configurations of boxes in which every one passes, found by opening the most promising boxes first."""

    def __init__(self, number: int, sort: str, *, descending: bool) -> None:
        """Start with nothing seen."""
        self.number = number
        self._sort = sort
        self._descending = descending
        self._boxes: list[_Promising] = []
        self._limit: int | None = None
        self._search: dict[int, Search] = {}
        self._made = 0

    def see(self, case: Case, first_id: int, found: Found) -> None:
        """Take boxes into account."""
        if found.low.shape[1] == 0:
            return
        keys = np.broadcast_to(self._keys(case, found.low, found.high), found.low.shape[1])
        promising = np.arange(len(keys)) if self._limit is None else np.flatnonzero(keys <= self._limit)
        if len(promising) > self.number:
            limit = np.partition(keys[promising], self.number - 1)[self.number - 1]
            promising = promising[keys[promising] <= limit]
        for box in promising:
            low, high = tuple(map(int, found.low[:, box])), tuple(map(int, found.high[:, box]))
            self._push(int(keys[box]), case, first_id, low, high)
        if len(self._boxes) >= self.number:
            self._limit = heapq.nsmallest(self.number, self._boxes)[-1][0]
            if len(self._boxes) > 4 * self.number + 1000:
                self._boxes = [box for box in self._boxes if box[0] <= self._limit]
                heapq.heapify(self._boxes)

    def limit(self) -> int | None:
        """Return a value that enough configurations reach, or None where there are not enough boxes to say."""
        if self._limit is None:
            return None
        return -self._limit if self._descending else self._limit

    def ids(self) -> list[int]:
        """Return the ids of the best configurations, the best first, ties in id order."""
        found: list[int] = []
        while self._boxes and len(found) < self.number:
            _, lowest, _, first_id, case, low, high = heapq.heappop(self._boxes)
            extents = [end - start for start, end in zip(low, high, strict=True)]
            if max(extents, default=1) == 1:
                found.append(lowest)
                continue
            axis = next(number for number, extent in enumerate(extents) if extent > 1)
            middle = (low[axis] + high[axis]) // 2
            for start, end in ((low[axis], middle), (middle, high[axis])):
                part_low = (*low[:axis], start, *low[axis + 1 :])
                part_high = (*high[:axis], end, *high[axis + 1 :])
                key = int(np.asarray(self._keys(case, _corner(part_low), _corner(part_high))).reshape(-1)[0])
                self._push(key, case, first_id, part_low, part_high)
        return found

    def _push(self, key: int, case: Case, first_id: int, low: tuple[int, ...], high: tuple[int, ...]) -> None:
        lowest = first_id + sum(place * stride for place, stride in zip(low, case.strides, strict=True))
        self._made += 1
        heapq.heappush(self._boxes, (key, lowest, self._made, first_id, case, low, high))

    def _keys(self, case: Case, low: IntArray, high: IntArray) -> Any:
        """Return the best value of the column in each box, negated where the largest is best."""
        search = self._search.get(id(case))
        if search is None:
            search = self._search[id(case)] = Search(case, [Bound(self._sort, None, None)], ordered=True)
        count = search.counts[self._sort]
        return -count(case.varying(high - 1)) if self._descending else count(case.varying(low))


# Rows


def pruned_rows(
    sweep: Sweep, columns: Sequence[str], account: Account, start: int = 0, stop: int | None = None
) -> Iterator[Rows]:
    """Yield the kept rows in id order, at a cost that follows the rows.

    Args:
        sweep: `prunable`, of at most 2**63 - 1 configurations.
        columns: names from `FIELDS` and `COUNTED`; `id` is always there.
        account: takes how many of the rows repeat an earlier one.
        start: the first id to look at.
        stop: the id after the last one to look at; None: to the end.
    """
    first_id = 0
    for number, grid in enumerate(sweep.grids):
        first = max(start - first_id, 0)
        end = grid.size if stop is None else min(stop - first_id, grid.size)
        if first < end:
            # Neighbouring ids make up few boxes: at most two for each axis.
            boxes = [box for _, box in blocks(lengths(grid), grid.size, first, end)]
            decider = Decider(sweep, grid, columns, Repeats.of(sweep, number))
            streams = [_offsets(case, sweep, boxes) for case in cases(grid) or ()]
            for offsets in _in_batches(_merged(streams)):
                yield decider.rows_at(first_id, offsets, account)
        first_id += grid.size


def _offsets(case: Case, sweep: Sweep, boxes: Iterable[Box]) -> Iterator[IntArray]:
    """Yield the offsets into the grid of the configurations of a case that pass and lie in some boxes, ascending."""
    chunk = Chunk.within(case, boxes)
    if len(chunk):
        strides = np.array(case.strides, dtype=np.int64)
        conditions = [condition for condition, _, _ in _stages(case, sweep)]
        for found in Search(case, conditions, ordered=True).boxes(chunk):
            yield from _expanded(found, strides)


def _expanded(found: Found, strides: IntArray) -> Iterator[IntArray]:
    """Yield the offsets of the configurations of boxes, in order, a bounded number at once."""
    extents = found.high - found.low
    volumes = extents.prod(axis=0)
    starts = (found.low * strides[:, None]).sum(axis=0)
    pieces = np.cumsum(volumes) // BATCH
    for piece in np.split(np.arange(len(volumes)), np.flatnonzero(np.diff(pieces)) + 1):
        if len(piece) == 1 and volumes[piece[0]] > BATCH:
            yield from _large(starts[piece[0]], extents[:, piece[0]], strides)
            continue
        rows = np.repeat(piece, volumes[piece])
        number = np.arange(len(rows)) - np.repeat(np.cumsum(volumes[piece]) - volumes[piece], volumes[piece])
        offsets = starts[rows]
        for axis in reversed(range(len(strides))):
            if (extents[axis, piece] > 1).any():
                extent = extents[axis, rows]
                offsets += number % extent * strides[axis]
                number //= extent
        yield offsets


def _large(start: int, extents: IntArray, strides: IntArray) -> Iterator[IntArray]:
    """Yield the offsets of one box of many configurations, in order."""
    volume = math.prod(map(int, extents))
    for first in range(0, volume, BATCH):
        number = np.arange(first, min(first + BATCH, volume), dtype=np.int64)
        offsets = np.full(len(number), start, dtype=np.int64)
        for axis in reversed(range(len(strides))):
            if extents[axis] > 1:
                offsets += number % extents[axis] * strides[axis]
                number //= extents[axis]
        yield offsets


def _merged(streams: list[Iterator[IntArray]]) -> Iterator[IntArray]:
    """Yield the numbers of several ascending streams as one ascending stream."""
    waiting = {number: chunk for number, stream in enumerate(streams) if (chunk := _next(stream)) is not None}
    while waiting:
        if len(waiting) == 1:
            ((number, chunk),) = waiting.items()
            yield chunk
            yield from (chunk for chunk in streams[number] if len(chunk))
            return
        # Whatever is at most every stream's last number is complete.
        mark = min(int(chunk[-1]) for chunk in waiting.values())
        ready = []
        for number, chunk in list(waiting.items()):
            cut = int(np.searchsorted(chunk, mark, side="right"))
            ready.append(chunk[:cut])
            rest = chunk[cut:] if cut < len(chunk) else _next(streams[number])
            if rest is None:
                del waiting[number]
            else:
                waiting[number] = rest
        yield np.sort(np.concatenate(ready))


def _next(stream: Iterator[IntArray]) -> IntArray | None:
    return next((chunk for chunk in stream if len(chunk)), None)


def _in_batches(chunks: Iterator[IntArray]) -> Iterator[IntArray]:
    """Yield the same numbers in arrays of a useful size."""
    waiting: list[IntArray] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= BATCH:
            yield np.concatenate(waiting)
            waiting, size = [], 0
    if waiting:
        yield np.concatenate(waiting)

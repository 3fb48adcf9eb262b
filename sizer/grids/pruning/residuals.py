"""What is left to count of slices, once everything else is settled, grouped where it is the same.

Many configurations leave the same sum open: of an LSTM the same sum of projections, whichever of the two is the longer.
What is left of a slice is a handful of numbers, and along one more axis these change by equal steps. So slices that
differ along that axis alone are one run, runs are laid over each other, and what is left is counted once, however many
slices leave it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sizer.grids.columns import IntArray
from sizer.grids.pruning.boxes import exact_sum
from sizer.grids.pruning.straight_cuts import reach
from sizer.grids.pruning.straight_slices import Left, Slices, straight_fields
from sizer.grids.pruning.verdicts import Judge
from sizer.numbers.polynomial import Polynomial

RUNS_AT_ONCE = 1 << 20
"""Runs of which equal ends are looked for at once."""

GROUPS_AT_ONCE = 1 << 16
"""Groups that are counted at once: their arrays stay in the processor's cache."""

MOST_RUNS = 1 << 23
"""The most runs that are kept in memory, some 40 bytes each."""

NEIGHBOURHOODS, NEIGHBOURS = 16, 6
"""Where it is looked how many slices leave the same, and along each axis at how many."""

MOST_PLACES = 2**37
"""The most places on which runs may lie, so that a place of any row is one 64-bit number."""


@dataclass(frozen=True)
class Grouping:
    """Slices of a piece along two axes, and a third axis along which what is left of them changes by equal steps."""

    slices: Slices
    column: str
    """The one bounded column."""
    axis: int
    """The third axis. No rule and no expression looks at it."""
    growth: Polynomial
    """What one place along it adds to the count, a sum of straight lines along the two axes."""
    steps: tuple[int, int]
    """What one place along it adds to how much the count grows along each of the two axes."""

    @property
    def axes(self) -> tuple[int, ...]:
        """All three axes."""
        return (*self.slices.axes, self.axis)


def groupings(judge: Judge, slices: Slices) -> Iterator[Grouping]:
    """Yield the ways to group slices along two axes."""
    if len(judge.bounds) != 1:
        return
    piece = judge.piece
    ((column, counted),) = judge.polynomials.items()
    fields = straight_fields(piece)
    plane = [fields[axis] for axis in slices.axes]
    steps_of = {axis: piece.grid.axes[axis].columns[0].step or 0 for axis in fields}
    largest = {
        name: int(value[0])
        for name, value in piece.varying(np.array(piece.stop, dtype=np.int64).reshape(-1, 1) - 1).items()
    }
    for axis in set(fields) - set(slices.axes) - judge.axes_read():
        if counted.degree(fields[axis]) != 1:
            continue
        growth = counted.split(fields[axis])[1] * steps_of[axis]
        if not growth.variables() <= set(plane) or min(growth.terms.values()) < 0:
            continue
        steps = [growth.terms.get((name,), 0) * steps_of[along] for name, along in zip(plane, slices.axes, strict=True)]
        # No slope times a place is more than the whole count where it is the largest.
        if reach(counted, largest) * max(1, max(steps)) < 2**61 and reach(counted, largest) < MOST_PLACES:
            yield Grouping(slices, column, axis, growth, (steps[0], steps[1]))


def overlap(grouping: Grouping, judge: Judge) -> float:
    """Return how many slices leave the same, from some neighbourhoods: the more, the larger these are."""
    piece = grouping.slices.piece
    chance = np.random.default_rng(0)
    residuals = Residuals(grouping, judge.limits(grouping.column))
    for _ in range(NEIGHBOURHOODS):
        sides = [
            np.arange(start, 1 + start) if axis in grouping.axes else _some(start, stop, chance)
            for axis, (start, stop) in enumerate(zip(piece.start, piece.stop, strict=True))
        ]
        low = np.stack([side.reshape(-1) for side in np.meshgrid(*sides, indexing="ij")])
        high = low + 1
        for axis in grouping.axes:
            high[axis] = piece.stop[axis]
        residuals.add(low, high)
    number, runs = residuals.groups(), residuals.length
    return runs / max(number.number, 1)


def _some(start: int, stop: int, chance: np.random.Generator) -> IntArray:
    """Return some neighbouring positions."""
    first = int(chance.integers(start, max(stop - NEIGHBOURS, start) + 1))
    return np.arange(first, min(first + NEIGHBOURS, stop))


class Residuals:
    """What is left of the slices of one search."""

    def __init__(self, grouping: Grouping, limits: tuple[int | None, int | None]) -> None:
        """Settle what is counted.

        Args:
            grouping: how.
            limits: the smallest and the largest count; None: without limit.
        """
        self.grouping = grouping
        self.minimum, self.maximum = limits
        self.length = 0
        """How long all runs are together."""
        self._growth = grouping.growth.compiled()
        self._waiting: list[IntArray] = []
        self._rows: list[IntArray] = []
        self._runs: list[IntArray] = []

    def add(self, low: IntArray, high: IntArray) -> None:
        """Take up slices, each with all of its stretch along the third axis.

        Args:
            low: first position on each axis, shape (axes, slices).
            high: the position after the last one.
        """
        grouping = self.grouping
        low, high, _ = grouping.slices.cut(low, high)
        left = grouping.slices.left(low, high, [grouping.column])
        ((count, steep, flat),), (wide, tall) = left.counts, left.extents
        rise = np.broadcast_to(
            np.asarray(self._growth(grouping.slices.piece.varying(low)), dtype=np.int64), count.shape
        )
        length = high[grouping.axis] - low[grouping.axis]
        if self.maximum is not None:
            # Where the first configuration is over, all of them are.
            fitting = (self.maximum - count) // np.maximum(rise, 1) + 1
            length = np.minimum(length, np.where(rise > 0, fitting, np.where(count <= self.maximum, length, 0)))
        first, second = grouping.steps
        # A place along the third axis is told from its neighbours by whichever number grows by the same everywhere.
        place = steep // first if first else flat // second if second else count // np.maximum(rise, 1)
        room = np.zeros_like(count) if left.slant is None else left.slant[0]
        lines = [count - place * rise, steep - place * first, flat - place * second, wide, tall, rise, room]
        self.length += int(np.maximum(length, 0)[(wide > 0) & (tall > 0)].sum())
        some = np.flatnonzero((length > 0) & (wide > 0) & (tall > 0))
        self._waiting.append(np.stack([*lines, place, length]).take(some, axis=1))
        if sum(runs.shape[1] for runs in self._waiting) >= RUNS_AT_ONCE:
            self._settle()

    def _settle(self) -> None:
        """Keep each line on which runs lie once."""
        if self._waiting:
            waiting = np.concatenate(self._waiting, axis=1)
            rows, which = _different(waiting[:-2])
            which += sum(rows.shape[1] for rows in self._rows)
            self._rows.append(rows)
            self._runs.append(np.stack([which, *waiting[-2:]]))
            self._waiting = []

    def groups(self) -> RunGroups:
        """Return what was taken up, where runs lie over each other."""
        self._settle()
        if not self._runs:
            return RunGroups(np.zeros((7, 0), dtype=np.int64), 0, 1, np.zeros(0, dtype=np.int64))
        rows, which = _different(np.concatenate(self._rows, axis=1))
        runs = np.concatenate(self._runs, axis=1)
        self._runs = []
        start, stop = runs[1], runs[1] + runs[2]
        least = int(start.min())
        width = int(stop.max()) - least + 1
        runs[0] = which[runs[0]]
        lines = runs[0] * width - least
        # The last bit says whether a run starts or ends there.
        ends = np.concatenate([(lines + start) << 1, (lines + stop) << 1 | 1])
        ends.sort()
        return RunGroups(rows, least, width, ends)

    def points(self, groups: RunGroups) -> Iterator[int]:
        """Yield how many configurations are within the limits, some groups at a time."""
        slant = self.grouping.slices.cuts.slant
        for rows, place, times in groups.each():
            count, steep, flat, wide, tall, rise, room = groups.rows.take(rows, axis=1)
            first, second = self.grouping.steps
            left = Left(
                (wide, tall),
                [np.stack([count + place * rise, steep + place * first, flat + place * second])],
                None if slant is None else (room, *slant.slopes),
            )
            found = left.points_within([(self.minimum, self.maximum)])
            if int(times.max()) * int(found.max()) >= 2**62:
                found = found.astype(object)
            yield exact_sum(found * times)


@dataclass(frozen=True)
class RunGroups:
    """Runs laid over each other."""

    rows: IntArray
    """The lines on which runs lie: of each what is left at place 0, and what more changes along it."""
    least: int
    """The first place of any run."""
    width: int
    """How many places there are on each line."""
    ends: IntArray
    """Twice the place of each start and each end on the lines joined, in order; ends are odd."""

    @property
    def number(self) -> int:
        """How many groups there are."""
        return sum(int(length.sum()) for _, length, _ in self._stretches())

    def _stretches(self) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
        """Yield stretches on which equally many runs lie: where they start, how long they are and how many runs."""
        times = 0
        for start in range(0, len(self.ends) - 1, RUNS_AT_ONCE):
            ends = self.ends[start : start + RUNS_AT_ONCE + 1]
            places = ends >> 1
            changes = times + np.cumsum(1 - 2 * (ends[: min(RUNS_AT_ONCE, len(ends) - 1)] & 1))
            times = int(changes[-1])
            length = np.diff(places)
            some = np.flatnonzero((changes > 0) & (length > 0))
            yield places[some], length[some], changes[some]

    def each(self) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
        """Yield the line of each group, its place there and how many slices are of it, some at a time."""
        for starts, lengths, times in self._stretches():
            done = np.cumsum(lengths)
            total = int(done[-1]) if len(done) else 0
            for first in range(0, total, GROUPS_AT_ONCE):
                number = np.arange(first, min(first + GROUPS_AT_ONCE, total))
                which = np.searchsorted(done, number, side="right")
                cells = starts[which] + number - (done[which] - lengths[which])
                yield cells // self.width, cells % self.width + self.least, times[which]


def _different(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the different columns of a table, and which of them each column is."""
    codes = np.zeros(rows.shape[1], dtype=np.int64)
    span = 1
    for row in rows:
        values, extent = row - row.min(), int(row.max()) - int(row.min()) + 1
        if span * extent >= 2**62:
            codes = np.unique(codes, return_inverse=True)[1]
            values = np.unique(values, return_inverse=True)[1]
            span, extent = int(codes.max()) + 1, int(values.max()) + 1
        codes = codes * extent + values
        span *= extent
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    return rows.take(first, axis=1), which

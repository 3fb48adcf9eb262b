"""Boxes along one or two axes on which counts grow by equal steps, and how many of their configurations are in bounds.

With every other field at one value, a count is `start + slope * place` along an axis of equal steps, and on two axes
that no term multiplies `start + slope * place + slope * place`. So what is within a limit is a division, or a sum of
divisions, however long the axes are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sizer.grids.columns import IntArray
from sizer.grids.pruning.lattice_points import Numbers, points_below_all
from sizer.grids.pruning.pieces import Piece
from sizer.grids.pruning.straight_cuts import Between, Cuts
from sizer.grids.pruning.verdicts import Judge
from sizer.numbers.polynomial import Polynomial

SAMPLE = 2048
"""Slices that are looked at to choose along which axes to count."""

COST = {1: 1, 2: 2}
"""What counting the points of one slice takes, by its number of axes, in lines."""

MOST = 2**63 - 1
"""No count is larger."""

Values = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Slices:
    """How counts grow along one or two axes of a piece."""

    piece: Piece
    axes: tuple[int, ...]
    counts: Mapping[str, Values]
    """Column -> its count, from the fields that vary."""
    slopes: Mapping[str, tuple[Values, ...]]
    """Column -> how much its count grows with one place on each axis, from the other fields."""
    cuts: Cuts
    """Where rules and expressions cut them."""

    def first_above(self, low: IntArray, high: IntArray, column: str, limit: int) -> IntArray:
        """Return the first place on the one axis at which a count is above a limit, or the slice's end."""
        (axis,) = self.axes
        start, stop = low[axis], high[axis]
        count, (slope,) = self._count(low, column)
        room = room_below(count, limit)
        # A count that does not grow is within the limit everywhere or nowhere.
        flat = np.where(room >= 0, stop, start)
        steps = np.minimum(room // np.maximum(slope, 1), stop - start) + 1
        first: IntArray = np.clip(np.where(slope > 0, start + steps, flat), start, stop)
        return first

    def points(
        self,
        low: IntArray,
        high: IntArray,
        limits: Mapping[str, tuple[int | None, int | None]],
        between: Between | None = None,
    ) -> Numbers:
        """Return how many configurations of each slice are within limits, and not cut off by rules and expressions.

        Args:
            low: first position on each axis, shape (axes, slices).
            high: the position after the last one; only along the axes of the slices is it looked at.
            limits: counted column -> its smallest and its largest value; None: without limit.
            between: as for what is cut off, the slices stand for others too; None: for themselves alone.
        """
        low, high, between = self.cut(low, high, between)
        if len(self.axes) == 2:
            return self.left(low, high, list(limits), between).points_within(list(limits.values()))
        since, until = low[self.axes[0]], high[self.axes[0]]
        for column, (minimum, maximum) in limits.items():
            if maximum is not None:
                until = np.minimum(until, self.first_above(low, high, column, maximum))
            if minimum is not None:
                since = np.maximum(since, self.first_above(low, high, column, minimum - 1))
        number: Numbers = np.maximum(until - since, 0)
        return number

    def cut(
        self, low: IntArray, high: IntArray, between: Between | None = None
    ) -> tuple[IntArray, IntArray, Between | None]:
        """Return slices without what is cut off at their sides; see `points`."""
        if not self.cuts.sides:
            return low, high, between
        ends = self.cuts.cut(low, {axis: (low[axis], high[axis]) for axis in self.axes}, between)
        low, high = low.copy(), high.copy()
        for axis, (start, stop) in ends.items():
            low[axis], high[axis] = start, np.maximum(start, stop)
        return low, high, between and between.starting_at(low, self.axes)

    def left(self, low: IntArray, high: IntArray, columns: Sequence[str], between: Between | None = None) -> Left:
        """Return what is left to count of slices along two axes, from which their sides are cut off."""
        first, second = self.axes
        return Left(
            (high[first] - low[first], high[second] - low[second]),
            [np.stack([count, *slopes]) for count, slopes in (self._count(low, column) for column in columns)],
            None if self.cuts.slant is None else (self.cuts.room(low, between), *self.cuts.slant.slopes),
        )

    def _count(self, low: IntArray, column: str) -> tuple[IntArray, list[IntArray]]:
        """Return the count of the first configuration of each slice, and how it grows along the axes."""
        varying = self.piece.varying(low)
        count, *slopes = (
            np.broadcast_to(np.asarray(value(varying), dtype=np.int64), low.shape[1])
            for value in (self.counts[column], *self.slopes[column])
        )
        return count, slopes


@dataclass(frozen=True)
class Left:
    """What is left to count of slices along two axes, once everything else is settled."""

    extents: tuple[IntArray, IntArray]
    """How long each slice is along either axis."""
    counts: Sequence[IntArray]
    """Of each counted column the first configuration's count in each slice, and how much it grows along each axis."""
    slant: tuple[IntArray, int, int] | None
    """How far below the slant the first configuration is, and the slant's slopes."""

    def points_within(self, limits: Sequence[tuple[int | None, int | None]]) -> Numbers:
        """Return how many configurations of each slice are within limits of every column; None: without limit."""
        if len(limits) == 1:
            return self._points(limits)
        # Most slices are cut by one column at the most, and it alone is counted there.
        wide, high = self.extents
        cut_by = np.zeros(len(wide), dtype=np.int64)
        for number, ((count, steep, flat), (minimum, maximum)) in enumerate(zip(self.counts, limits, strict=True)):
            largest = count + steep * np.maximum(wide - 1, 0) + flat * np.maximum(high - 1, 0)
            within = (minimum is None or count >= minimum) & (maximum is None or largest <= maximum)
            cut_by |= np.where(within, 0, 1 << number)
        found: Numbers = np.zeros(len(wide), dtype=np.int64)
        for code in np.unique(cut_by).tolist():
            some = np.flatnonzero(cut_by == code)
            columns = [number for number in range(len(limits)) if code >> number & 1]
            points = self._those(some, columns)._points([limits[number] for number in columns])
            if points.dtype == np.object_:
                found = found.astype(object)
            found[some] = points
        return found

    def _those(self, some: IntArray, columns: Sequence[int]) -> Left:
        wide, high = self.extents
        return Left(
            (wide[some], high[some]),
            [self.counts[number].take(some, axis=1) for number in columns],
            None if self.slant is None else (self.slant[0][some], *self.slant[1:]),
        )

    def _points(self, limits: Sequence[tuple[int | None, int | None]]) -> Numbers:
        """Return how many configurations of each slice are within limits, by what is up to each end of them."""
        slants = [] if self.slant is None else [self.slant]
        found: Numbers | None = None
        for ends in itertools.product(*map(_ends_of, limits)):
            lines = [
                (room_below(count, limit), steep, flat)
                for (count, steep, flat), (limit, _) in zip(self.counts, ends, strict=True)
                if limit is not None
            ]
            points = points_below_all([*lines, *slants], self.extents)
            sign = math.prod(sign for _, sign in ends)
            found = points if found is None else found + points if sign > 0 else found - points
        assert found is not None
        return found


def _ends_of(limits: tuple[int | None, int | None]) -> list[tuple[int | None, int]]:
    """Return the largest counts up to which configurations are counted, each with the sign it counts with."""
    minimum, maximum = limits
    return [(maximum, 1)] if minimum is None else [(maximum, 1), (minimum - 1, -1)]


def room_below(count: IntArray, limit: int) -> IntArray:
    """Return how far counts are below a limit."""
    # Counts are from 0 to 2**63 - 1, so a limit beyond them says as much as the end itself.
    return min(max(limit, -1), MOST) - count


def straight_fields(piece: Piece) -> dict[int, str]:
    """Return the axes of equal steps on which one field stands alone, with that field."""
    found = {}
    for number, axis in enumerate(piece.grid.axes):
        field = axis.columns[0].field
        if (
            piece.stop[number] - piece.start[number] > 1
            and len(axis.columns) == 1
            and axis.columns[0].step is not None
            and field in piece.swept
            and not any(number in piece.axes_of(frozenset({name})) for name in piece.swept if name != field)
        ):
            found[number] = field
    return found


def slices_along(judge: Judge, axes: tuple[int, ...]) -> Slices | None:
    """Return the slices along axes, or None where some count is not a sum of straight lines along them."""
    fields = straight_fields(judge.piece)
    if not set(axes) <= set(fields):
        return None
    slopes = {}
    for name, polynomial in judge.polynomials.items():
        if any(sum(monomial.count(fields[axis]) for axis in axes) > 1 for monomial in polynomial.terms):
            return None
        slopes[name] = tuple(_slope(judge.piece, polynomial, axis) for axis in axes)
    return Slices(judge.piece, axes, judge.counts, slopes, Cuts(judge.piece, axes, judge.inequalities))


def _slope(piece: Piece, polynomial: Polynomial, axis: int) -> Values:
    column = piece.grid.axes[axis].columns[0]
    assert column.step is not None
    _, slope, *_ = (*polynomial.split(column.field), Polynomial({}), Polynomial({}))
    return (slope * column.step).compiled()


def planes(judge: Judge) -> Iterator[Slices]:
    """Yield the slices along two axes that rules and expressions cut, if at all, as a limit does."""
    for axes in itertools.combinations(straight_fields(judge.piece), 2):
        slices = slices_along(judge, axes)
        if slices is not None and not judge.axes_read(slices.cuts.solved).intersection(axes):
            yield slices


def touched(judge: Judge, axes: tuple[int, ...], cuts: Cuts) -> float:
    """Return about how many slices along axes neither pass nor fail as a whole, from a sample.

    Args:
        judge: says what passes.
        axes: along which the slices run.
        cuts: what cuts them.
    """
    piece = judge.piece
    chance = np.random.default_rng(0)
    low = np.stack([chance.integers(start, stop, SAMPLE) for start, stop in zip(piece.start, piece.stop, strict=True)])
    high = low + 1
    for axis in axes:
        low[axis], high[axis] = piece.start[axis], piece.stop[axis]
    low, high, some = cuts.narrowed(low, high)
    verdict = judge.classify(low, high)
    extents = [stop - start for start, stop in zip(piece.start, piece.stop, strict=True)]
    slices = math.prod(extent for axis, extent in enumerate(extents) if axis not in axes)
    open_ones = some & verdict.possible & ~(verdict.within & verdict.certain())
    return min(slices, (int(np.count_nonzero(open_ones)) + 1) / SAMPLE * slices)

"""Counting and finding configurations at a cost that follows what is found, not the size of the grid.

A box of a piece is decided by its corners: whole boxes that are over a bound, not valid or excluded are dropped, whole
boxes that are inside are taken, and only those that straddle a limit are split. What is left in the end are lines
along one axis, and there the limit is found by search on a count that grows; or, where numbers are all that is asked
for, slices along one or two axes, whose configurations are counted at once. Thousands of boxes are decided together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sizer.grids.columns import IntArray
from sizer.grids.pruning.boxes import LINES, OPEN, SLICES, SPREAD, TAKEN, Boxes, Found
from sizer.grids.pruning.pieces import Piece
from sizer.grids.pruning.residuals import MOST_RUNS, Grouping, Residuals, groupings, overlap
from sizer.grids.pruning.straight_cuts import Cuts
from sizer.grids.pruning.straight_slices import COST, Slices, planes, slices_along, touched
from sizer.grids.pruning.verdicts import Condition, Judge, Mask

CHUNK = 1 << 15
"""Boxes decided at once."""

BOX_EFFORT = 8
"""How many lines are searched in the time that one box takes to be decided."""

RUN_EFFORT = 6
"""How many lines are searched in the time that one run of slices takes to be laid on others."""

GROUPED = 4
"""How much less there must be to search for slices to be grouped: how many groups there will be is not known before."""

OVERLAP = 2
"""How many slices that are neighbours must leave the same at the least."""

WORTH_GROUPING = 20_000_000
"""Lines below which it is not looked whether slices can be grouped."""

CROOKED = 5
"""How many straight lines are solved in the time that one other is searched."""

MOST_CROSSING = 3
"""The most bounded columns that are counted together where all of them cut through a slice."""

LINES_AT_ONCE = 1 << 14
"""Lines on which a limit is searched at once: their arrays stay in the processor's cache."""


@dataclass
class Effort:
    """How much work may still be done before a count gives up on being exact."""

    left: int
    """In lines that are searched; a box that is decided costs `BOX_EFFORT` of them."""

    def spend(self, lines: int) -> bool:
        """Return whether there was something left."""
        self.left -= lines
        return self.left >= 0


class BoxSearch:
    """Finds the boxes of a piece in which all conditions hold."""

    def __init__(
        self,
        piece: Piece,
        conditions: Sequence[Condition],
        *,
        ordered: bool = False,
        counting: bool = False,
        grouped: bool = False,
        along: Collection[int] | None = None,
        effort: Effort | None = None,
    ) -> None:
        """Settle which axes matter and along which of them lines or slices are left.

        Args:
            piece: where to search.
            conditions: that must all hold.
            ordered: find boxes in id order.
            counting: of some boxes say only how many of their configurations pass. Not with `ordered`.
            grouped: of slices only the sum is asked for, so that equal ones are counted once. With `counting`.
            along: the axes along which lines and slices may be left, where some of them is long; None: any.
            effort: gives up when it is spent; None never does.
        """
        self.piece = piece
        self._along = along
        self.judge = Judge(piece, conditions)
        self.ordered = ordered
        self.effort = effort
        self.worthwhile: Callable[[IntArray, IntArray], Mask] | None = None
        """Says, from the corners of boxes, which ones are worth a look; it may change its mind as boxes are found."""
        self.residuals: Residuals | None = None
        """What is left of the slices that are found, where these are grouped."""
        self.waiting: list[Boxes] = []
        """Chunks of boxes that are not looked at yet; they change as boxes are found."""
        self.expected = 1.0
        """About how many lines there are to search, slices counted as `COST` of them."""
        extents = [stop - start for start, stop in zip(piece.start, piece.stop, strict=True)]
        self.line_axis = self._line_axis(extents)
        self.slices = self._slices(extents) if counting else None
        self.grouping = self._grouping(extents) if grouped else None
        self.lines = None if self.line_axis is None else slices_along(self.judge, (self.line_axis,))
        self.cuts = Cuts(piece, () if self.line_axis is None else (self.line_axis,), self.judge.inequalities)
        self.held: tuple[int, ...] = () if self.line_axis is None else (self.line_axis,)
        self.kept_together: tuple[int, ...] = () if self.slices is None else self.slices.axes
        """The axes of the slices, and of the runs of slices where these are grouped."""
        if self.grouping is not None:
            self.kept_together = self.grouping.axes
        self.held = (*(axis for axis in self.kept_together if axis != self.line_axis), *self.held)
        others = [number for number in range(len(extents)) if number not in self.held]
        self.spread_axis = None if ordered else max(others, key=extents.__getitem__, default=None)

    def _line_axis(self, extents: list[int]) -> int | None:
        """Return the axis along which lines are left to the end."""
        long = [number for number, extent in enumerate(extents) if extent > 1]
        if not long:
            return None
        long = [number for number in long if self._along is None or number in self._along] or long
        if self.ordered:
            return long[-1]
        if len(long) == 1 or not self.judge.conditions:
            return max(long, key=lambda number: extents[number])
        lines = {axis: self._lines_along(axis, extents[axis]) for axis in long}
        chosen = min(long, key=lambda number: (lines[number], -extents[number]))
        self.expected = lines[chosen]
        return chosen

    def _lines_along(self, axis: int, extent: int) -> float:
        """Return about how much there is to search, in straight lines, where lines along an axis are left."""
        cuts = Cuts(self.piece, (axis,), self.judge.inequalities)
        lines = touched(self.judge, (axis,), cuts)
        if slices_along(self.judge, (axis,)) is None:
            lines *= CROOKED
        # What does not cut lines is settled point by point where it depends on their axis.
        return lines * extent if axis in self.judge.axes_read(cuts.solved) else lines

    def _slices(self, extents: list[int]) -> Slices | None:
        """Return slices along the axes that leave the least to do; it may change along which axis lines are left."""
        if not self.judge.bounds:
            return None
        chosen = None if self.line_axis is None else slices_along(self.judge, (self.line_axis,))
        for slices in planes(self.judge):
            if self._along is not None and not set(slices.axes) <= set(self._along):
                continue
            expected = touched(self.judge, slices.axes, slices.cuts) * self._cost(2)
            if expected < self.expected:
                self.expected, chosen = expected, slices
                self.line_axis = max(slices.axes, key=extents.__getitem__)
        return chosen

    def _cost(self, axes: int) -> int:
        """Return what a line, a slice along two axes or a run of slices takes, in lines."""
        if axes == 3:
            return RUN_EFFORT
        limits = [self.judge.limits(column) for column in self.judge.bounds]
        # Of a slice that several bounds cut, what is up to each combination of their ends is counted.
        ends = math.prod(2 if minimum is not None else 1 for minimum, _ in limits) if len(limits) > 1 else 1
        return COST[2] * ends if axes == 2 else COST[1]

    def _grouping(self, extents: list[int]) -> Grouping | None:
        """Return how slices are grouped, where that leaves far less to do; it may change the slices and the lines."""
        chosen = None
        if self.expected >= WORTH_GROUPING:
            for slices in planes(self.judge):
                for grouping in groupings(self.judge, slices):
                    runs = touched(self.judge, grouping.axes, slices.cuts)
                    less = runs * RUN_EFFORT * (1 if chosen else GROUPED) < self.expected
                    if less and runs <= MOST_RUNS and overlap(grouping, self.judge) >= OVERLAP:
                        self.expected, chosen = runs * RUN_EFFORT, grouping
        if chosen is not None:
            self.slices = chosen.slices
            self.line_axis = max(chosen.slices.axes, key=extents.__getitem__)
        return chosen

    # The search

    def boxes(self, chunk: Boxes | None = None) -> Iterator[Found]:
        """Yield the boxes in which configurations pass, in id order where the search is ordered.

        Args:
            chunk: where to search, open boxes in id order. None: in the whole piece.
        """
        if self.grouping is not None:
            self.residuals = Residuals(self.grouping, self.judge.limits(self.grouping.column))
        stack = self.waiting = [Boxes.whole(self.piece) if chunk is None else chunk]
        while stack:
            chunk = stack.pop()
            if self.worthwhile is not None and len(chunk):
                chunk = chunk.those(self.worthwhile(chunk.low, chunk.high))
            if len(chunk) > CHUNK:
                stack.extend(reversed(chunk.halves()))
                continue
            if not chunk.has(OPEN):
                yield from self._finished(chunk)
                continue
            if self.effort is not None and not self.effort.spend(BOX_EFFORT * len(chunk)):
                yield from self._given_up([chunk, *reversed(stack)])
                return
            chunk = self._step(chunk)
            if self.ordered:
                stack.append(chunk)
                continue
            stack.append(chunk.those(chunk.state == OPEN))
            yield from self._finished(chunk.those(chunk.state != OPEN))
        if self.residuals is not None:
            yield from self._grouped(self.residuals)

    def _given_up(self, chunks: list[Boxes]) -> Iterator[Found]:
        for chunk in chunks:
            taken = chunk.those(chunk.state == TAKEN)
            yield Found(taken.low, taken.high)
            left = chunk.those(chunk.state != TAKEN)
            yield Found(left.low, left.high, undecided=True)

    def _step(self, chunk: Boxes) -> Boxes:
        """Decide the open boxes of a chunk: drop, take, leave as lines or slices, or cut in two."""
        is_open = chunk.state == OPEN
        low, high = (chunk.low, chunk.high) if is_open.all() else (chunk.low[:, is_open], chunk.high[:, is_open])
        cuts = self.cuts if self.slices is None else self.slices.cuts
        low, high, possible = cuts.narrowed(low, high)
        if cuts.sides:
            chunk.low[:, is_open], chunk.high[:, is_open] = low, high
        verdict = self.judge.classify(low, high)
        possible &= verdict.possible
        within, certain = verdict.within, verdict.certain()
        lines = verdict.certain(self.cuts.solved)
        unsure = possible & ~lines
        if unsure.any():
            unsure &= (high - low).max(axis=0, initial=1) == 1
        if unsure.any():
            possible[unsure] = within[unsure] = certain[unsure] = lines[unsure] = self.judge.passes(low[:, unsure])
        state = np.where(lines & _few(low, high, self.held[-1:]), LINES, OPEN)
        if self.slices is not None:
            slices = verdict.certain(self.slices.cuts.solved) & (verdict.straddled <= MOST_CROSSING)
            state[slices & _few(low, high, self.kept_together)] = SLICES
        state[certain & within] = TAKEN
        chunk.state[is_open] = state
        if not possible.all():
            keep = np.ones(len(chunk), dtype=np.bool_)
            keep[is_open] = possible
            chunk = chunk.those(keep)
        return chunk.cut(self.held, self.spread_axis)

    def _finished(self, chunk: Boxes) -> Iterator[Found]:
        """Yield what is found in boxes that are not open, in order, a bounded number of lines or slices at once."""
        sliced = chunk.state == SLICES
        if self.slices is not None and sliced.any():
            yield from self._shares(chunk.those(sliced), self.kept_together)
            chunk = chunk.those(~sliced)
        if chunk.has(LINES):
            yield from self._shares(chunk, self.held[-1:])
        elif len(chunk):
            yield Found(chunk.low, chunk.high)

    def _shares(self, chunk: Boxes, axes: tuple[int, ...]) -> Iterator[Found]:
        extents = chunk.high - chunk.low
        extents[list(axes)] = 1
        times = np.where(chunk.state == TAKEN, 1, extents.max(axis=0, initial=1))
        if self.effort is not None:
            self.effort.spend(int(times.sum()) * self._cost(len(axes)))
        shares = np.cumsum(times) // LINES_AT_ONCE
        for share in np.split(np.arange(len(chunk)), np.flatnonzero(np.diff(shares)) + 1):
            spread = chunk.those(share).spread(times[share], axes)
            if not spread.has(SLICES):
                yield self._solved(spread)
            elif self.residuals is not None:
                self.residuals.add(spread.low, spread.high)
            else:
                yield self._counted(spread)

    def _grouped(self, residuals: Residuals) -> Iterator[Found]:
        """Yield how many configurations pass in all slices that were found."""
        groups = residuals.groups()
        nowhere = np.zeros((len(self.piece.start), 0), dtype=np.int64)
        if self.effort is not None and not self.effort.spend(self._cost(2) * groups.number):
            whole = Boxes.whole(self.piece)
            yield Found(whole.low, whole.high, undecided=True)
            return
        for number in residuals.points(groups):
            yield Found(nowhere, nowhere, points=np.array([number], dtype=object))

    def _counted(self, chunk: Boxes) -> Found:
        """Return slices with how many of their configurations pass."""
        assert self.slices is not None
        limits = {column: self.judge.limits(column) for column in self.judge.bounds}
        return Found(chunk.low, chunk.high, points=self.slices.points(chunk.low, chunk.high, limits))

    def _solved(self, chunk: Boxes) -> Found:
        """Return lines, cut down to what passes, and the boxes between them as they are."""
        low, high, lines = chunk.low, chunk.high, chunk.state == LINES
        if not lines.any():
            return Found(low, high)
        if self.line_axis is None:
            passing = self.judge.passes(low)
            return Found(low[:, passing], high[:, passing])
        solved_low, solved_high = (low, high) if lines.all() else (low[:, lines], high[:, lines])
        start, stop = self.solve(solved_low, solved_high)
        if solved_low is low:
            low[self.line_axis], high[self.line_axis] = start, stop
        else:
            low[self.line_axis, lines], high[self.line_axis, lines] = start, stop
        some = np.flatnonzero(high[self.line_axis] > low[self.line_axis])
        if len(some) == len(chunk):
            return Found(low, high)
        return Found(low.take(some, axis=1), high.take(some, axis=1))

    def solve(self, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
        """Return the first position and the one after the last of each line that is within all bounds."""
        assert self.line_axis is not None
        start, stop = low[self.line_axis], high[self.line_axis]
        find = self._first_above if self.lines is None else self.lines.first_above
        for column in self.judge.bounds:
            minimum, maximum = self.judge.limits(column)
            if minimum is not None:
                start = np.maximum(start, find(low, high, column, minimum - 1))
            if maximum is not None:
                stop = np.minimum(stop, find(low, high, column, maximum))
        return self.cuts.cut(low, {self.line_axis: (start, stop)})[self.line_axis]

    def _first_above(self, low: IntArray, high: IntArray, column: str, limit: int) -> IntArray:
        """Return the first position on each line whose count is above a limit, or the line's end."""
        assert self.line_axis is not None
        axis = self.line_axis
        # Invariant: everything before `left` is at most the limit, everything from `right` on is above it.
        left: IntArray = low[axis].copy()
        right: IntArray = high[axis].copy()
        below, above = self._count(low, left, column), self._count(low, right - 1, column)
        found_early = below > limit
        right[found_early] = left[found_early]
        found_late = ~found_early & (above <= limit)
        left[found_late] = right[found_late]
        guess = left + ((limit - below) * ((right - 1 - left) / np.maximum(above - below, 1))).astype(np.int64)
        middle = np.clip(guess, left, np.maximum(right - 1, left))
        for turn in range(200):
            busy = np.flatnonzero(left < right)
            if not len(busy):
                break
            here = middle[busy]
            over = self._count(low[:, busy], here, column) > limit
            right[busy[over]] = here[over]
            left[busy[~over]] = here[~over] + 1
            # The guess is right or nearly so where the count is a straight line: look next to it before halving.
            next_to = np.where(over, here - 1, here + 1)
            half = (left[busy] + right[busy]) // 2
            middle[busy] = np.clip(next_to if turn < 2 else half, left[busy], np.maximum(right[busy] - 1, left[busy]))
        return left

    def _count(self, positions: IntArray, along: IntArray, column: str) -> IntArray:
        assert self.line_axis is not None
        places = positions.copy()
        places[self.line_axis] = along
        counted = self.judge.counts[column](self.piece.varying(places))
        return np.broadcast_to(np.asarray(counted, dtype=np.int64), along.shape)


def _few(low: IntArray, high: IntArray, axes: tuple[int, ...]) -> IntArray:
    """Return which boxes are a few lines or slices along axes, next to each other along one other axis."""
    extents = high - low
    extents[list(axes)] = 1
    # With no more than one extent above 1, the product is at most the largest one.
    widest = extents.max(axis=0, initial=1)
    few: IntArray = (widest <= SPREAD) & (extents.prod(axis=0) == widest)
    return few

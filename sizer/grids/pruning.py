"""Counting and finding configurations at a cost that follows what is found, not the size of the grid.

A box of a case is decided by its corners: whole boxes that are over a bound, not valid or excluded are dropped, whole
boxes that are inside are taken, and only those that straddle a limit are split. What is left in the end are lines
along one axis, and there the limit is found by search on a count that grows. Thousands of boxes are decided at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.grids.boxes import Box
from sizer.grids.cases import Case
from sizer.grids.columns import IntArray
from sizer.grids.intervals import Interval, certainly, outcomes, possibly
from sizer.grids.polynomial import Polynomial, case_polynomials
from sizer.networks.conventions import Rule
from sizer.networks.fields import FIELDS
from sizer.networks.network import resolve, wire
from sizer.sweepfile.expressions import Expression
from sizer.sweepfile.sweep import Bound, Stepped

CHUNK = 1 << 15
"""Boxes decided at once."""

BOX_EFFORT = 8
"""How many lines are searched in the time that one box takes to be decided."""

SPREAD = 256
"""Lines into which a box is spread without cutting it further."""

LINES_AT_ONCE = 1 << 14
"""Lines on which a limit is searched at once: their arrays stay in the processor's cache."""

Mask = npt.NDArray[np.bool_]
Condition = Rule | Bound | Expression
"""What a configuration must pass: not be refused by a rule, be within a bound, or satisfy an expression."""


@dataclass
class Effort:
    """How much work may still be done before a count gives up on being exact."""

    left: int
    """In lines that are searched; a box that is decided costs `BOX_EFFORT` of them."""

    def spend(self, lines: int) -> bool:
        """Return whether there was something left."""
        self.left -= lines
        return self.left >= 0


@dataclass(frozen=True)
class Found:
    """Boxes of a case in which every configuration passes, with no configuration in two of them."""

    low: IntArray
    """First position on each axis, shape (axes, boxes)."""
    high: IntArray
    """The position after the last one on each axis."""
    undecided: bool = False
    """Whether these were not decided: some of their configurations may pass."""

    def volume(self) -> int:
        """Return the number of configurations, exact at any size."""
        extents = self.high - self.low
        boxes = extents.shape[1]
        if not boxes:
            return 0
        if math.prod(int(extent) for extent in extents.max(axis=1, initial=1)) * boxes < 2**62:
            return int(extents.prod(axis=0).sum())
        return sum(math.prod(map(int, extent)) for extent in extents.T)


OPEN, TAKEN, LINES = 0, 1, 2
"""States of a box: not decided, all of it passes, left as lines along which the limit is searched."""


@dataclass(frozen=True)
class Chunk:
    """Neighbouring boxes that are decided together."""

    low: IntArray
    high: IntArray
    state: npt.NDArray[np.int8]

    @classmethod
    def whole(cls, case: Case) -> Chunk:
        """Return a case as one open box."""
        return cls.within(case, [tuple(map(range, case.start, case.stop))])

    @classmethod
    def within(cls, case: Case, boxes: Iterable[Box]) -> Chunk:
        """Return what some boxes of the grid have in common with a case, as open boxes in the same order."""
        lows, highs = [], []
        for box in boxes:
            low = tuple(max(side.start, start) for side, start in zip(box, case.start, strict=True))
            high = tuple(min(side.stop, stop) for side, stop in zip(box, case.stop, strict=True))
            if all(start < stop for start, stop in zip(low, high, strict=True)):
                lows.append(low)
                highs.append(high)
        shape = len(lows), len(case.start)
        low_side, high_side = (np.array(corners, dtype=np.int64).reshape(shape).T for corners in (lows, highs))
        return cls(low_side, high_side, np.full(len(lows), OPEN, dtype=np.int8))

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.state)

    def has(self, state: int) -> bool:
        """Return whether some box is in a state."""
        return bool((self.state == state).any())

    def those(self, chosen: Any) -> Chunk:
        """Return some of the boxes, by mask, slice or index."""
        return Chunk(self.low[:, chosen], self.high[:, chosen], self.state[chosen])

    def halves(self) -> tuple[Chunk, Chunk]:
        """Return the first and the second half of the boxes."""
        half = len(self) // 2
        return self.those(slice(half)), self.those(slice(half, None))

    def cut(self, line_axis: int | None, spread_axis: int | None) -> Chunk:
        """Return the boxes with each open one cut in two, in order.

        Args:
            line_axis: is cut only where nothing else can be.
            spread_axis: is cut last but for that, into pieces of `SPREAD`. None: the search is ordered, and the
                slowest axis that can be is cut, so that the halves follow each other in id.
        """
        is_open = self.state == OPEN
        if not is_open.any():
            return self
        boxes = np.flatnonzero(is_open)
        low, high = self.low[:, boxes], self.high[:, boxes]
        extents = high - low
        if line_axis is not None:
            line = extents[line_axis].copy()
            extents[line_axis] = 1
            extents[line_axis] = np.where(extents.max(axis=0, initial=1) > 1, 1, line)
        if spread_axis is None:
            axis = (extents > 1).argmax(axis=0)
        else:
            extents[spread_axis] = np.where(extents[spread_axis] > 1, 1 + extents[spread_axis] // SPREAD, 1)
            axis = extents.argmax(axis=0)
            axis = np.where(extents.max(axis=0) > 1, axis, spread_axis)
        rows = np.repeat(np.arange(len(self)), 1 + is_open)
        ends = np.cumsum(1 + is_open)[is_open]
        cut = self.those(rows)
        here = np.arange(len(boxes))
        middle = (low[axis, here] + high[axis, here]) // 2
        cut.high[axis, ends - 2] = middle
        cut.low[axis, ends - 1] = middle
        return cut


class Search:
    """Finds the boxes of a case in which all conditions hold."""

    def __init__(
        self, case: Case, conditions: Sequence[Condition], *, ordered: bool, effort: Effort | None = None
    ) -> None:
        """Settle which axes matter and along which one lines are left.

        Args:
            case: where to search.
            conditions: that must all hold.
            ordered: find boxes in id order, each of at most `BLOCK` configurations along the axes.
            effort: gives up when it is spent; None never does.
        """
        self.case = case
        self.conditions = list(conditions)
        self.ordered = ordered
        self.effort = effort
        self.bounds = [condition for condition in self.conditions if isinstance(condition, Bound)]
        self.columns = list(dict.fromkeys(bound.column for bound in self.bounds))
        self.expressions = [condition for condition in self.conditions if isinstance(condition, Expression)]
        self.rules = [condition for condition in self.conditions if isinstance(condition, Rule)]
        polynomials = case_polynomials(case, self.columns)
        self.counts = {name: polynomial.compiled() for name, polynomial in polynomials.items()}
        self.line_axis = self._line_axis(polynomials)
        self.straight = self._straight(polynomials, self.line_axis)
        extents = [stop - start for start, stop in zip(case.start, case.stop, strict=True)]
        others = [number for number in range(len(extents)) if number != self.line_axis]
        self.spread_axis = None if ordered else max(others, key=extents.__getitem__, default=None)

    def _straight(self, polynomials: Mapping[str, Polynomial], axis: int | None) -> dict[str, Straight] | None:
        """Return each count along the line axis as `at 0 + slope * value`, or None where it is no straight line."""
        if axis is None:
            return None
        columns = self.case.grid.axes[axis].columns
        field = columns[0].field
        others = [name for name in self.case.swept if axis in self.case.axes_of(frozenset({name})) and name != field]
        if len(columns) > 1 or not isinstance(columns[0], Stepped) or others or field not in self.case.swept:
            return None
        if any(polynomial.degree(field) > 1 for polynomial in polynomials.values()):
            return None
        parts = {name: [*polynomial.split(field), Polynomial({})] for name, polynomial in polynomials.items()}
        return {
            name: Straight(columns[0], at_zero.compiled(), slope.compiled())
            for name, (at_zero, slope, *_) in parts.items()
        }

    def _line_axis(self, polynomials: Mapping[str, Polynomial]) -> int | None:
        """Return the axis along which lines are left to the end."""
        extents = [stop - start for start, stop in zip(self.case.start, self.case.stop, strict=True)]
        long = [number for number, extent in enumerate(extents) if extent > 1]
        if not long:
            return None
        if self.ordered:
            return long[-1]
        if not self.bounds or len(long) == 1:
            return max(long, key=lambda number: extents[number])
        crooked = {number: self._straight(polynomials, number) is None for number in long}
        return min(
            long, key=lambda number: (self._lines(number, extents) * (5 if crooked[number] else 1), -extents[number])
        )

    def _lines(self, axis: int, extents: list[int]) -> float:
        """Return about how many lines along an axis touch the bounds, from a sample of them."""
        chance = np.random.default_rng(0)
        low = np.stack(
            [chance.integers(start, stop, 4096) for start, stop in zip(self.case.start, self.case.stop, strict=True)]
        )
        high = low + 1
        low[axis], high[axis] = self.case.start[axis], self.case.stop[axis]
        possible, _, _ = self.classify(low, high)
        return (int(np.count_nonzero(possible)) + 1) * math.prod(
            extent for number, extent in enumerate(extents) if number != axis
        )

    # What a box says

    def classify(self, low: IntArray, high: IntArray) -> tuple[Mask, Mask, Mask]:
        """Return where a box may hold passing configurations, where the bounds surely hold, and where the rest does."""
        possible = np.ones(low.shape[1], dtype=np.bool_)
        within = np.ones(low.shape[1], dtype=np.bool_)
        certain = np.ones(low.shape[1], dtype=np.bool_)
        first, last = self.case.varying(low), self.case.varying(high - 1)
        for bound in self.bounds:
            count = self.counts[bound.column]
            if bound.maximum is not None:
                possible &= count(first) <= bound.maximum
                within &= count(last) <= bound.maximum
            if bound.minimum is not None:
                possible &= count(last) >= bound.minimum
                within &= count(first) >= bound.minimum
        if self.rules or self.expressions:
            first, last = resolve({**self.case.fixed, **first}), resolve({**self.case.fixed, **last})
            seen = {
                name: Interval(first[name], last[name]) if isinstance(first[name], np.ndarray) else first[name]
                for name in FIELDS
            }
            seen["fed"] = Interval(wire(first).fed, wire(last).fed)
            for rule in self.rules:
                refuses = rule.refuses({**seen, **self._asked(seen)})
                possible &= np.logical_not(certainly(refuses))
                certain &= np.logical_not(possibly(refuses))
            words = _as_words(seen)
            for expression in self.expressions:
                says = outcomes(expression.tree, words)
                possible &= possibly(says)
                certain &= certainly(says)
        return possible, within, certain

    def _asked(self, seen: Mapping[str, Any]) -> dict[str, Any]:
        """Return the overrides as they were asked for, None where the convention decides."""
        asked = ("peepholes", "bias_vectors", "projection_bias", "output_bias")
        return {name: seen[name] if name in self.case.fixed or name in self.case.swept else None for name in asked}

    def passes(self, positions: IntArray) -> Mask:
        """Return which single configurations pass every condition, exactly."""
        varying = self.case.varying(positions)
        passing = np.ones(positions.shape[1], dtype=np.bool_)
        for bound in self.bounds:
            counted = self.counts[bound.column](varying)
            if bound.maximum is not None:
                passing &= counted <= bound.maximum
            if bound.minimum is not None:
                passing &= counted >= bound.minimum
        if self.rules or self.expressions:
            resolved = resolve({**self.case.fixed, **varying})
            fed = wire(resolved).fed
            for rule in self.rules:
                passing &= np.logical_not(rule.refuses({**resolved, **self._asked(resolved), "fed": fed}))
            words = _as_words(resolved)
            for expression in self.expressions:
                passing &= expression.holds(words)
        return passing

    # The search

    def boxes(self, chunk: Chunk | None = None) -> Iterator[Found]:
        """Yield the boxes in which every configuration passes, in id order where the search is ordered.

        Args:
            chunk: where to search, open boxes in id order. None: in the whole case.
        """
        stack = [Chunk.whole(self.case) if chunk is None else chunk]
        while stack:
            chunk = stack.pop()
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
            if not self.ordered:
                yield from self._finished(chunk.those(chunk.state != OPEN))
                chunk = chunk.those(chunk.state == OPEN)
            if len(chunk):
                stack.append(chunk)

    def _given_up(self, chunks: list[Chunk]) -> Iterator[Found]:
        for chunk in chunks:
            taken = chunk.those(chunk.state == TAKEN)
            yield Found(taken.low, taken.high)
            left = chunk.those(chunk.state != TAKEN)
            yield Found(left.low, left.high, undecided=True)

    def _step(self, chunk: Chunk) -> Chunk:
        """Decide the open boxes of a chunk: drop, take, leave as lines, or cut in two."""
        is_open = chunk.state == OPEN
        low, high = (chunk.low, chunk.high) if is_open.all() else (chunk.low[:, is_open], chunk.high[:, is_open])
        possible, within, certain = self.classify(low, high)
        extents = high - low
        unsure = possible & ~certain
        if unsure.any():
            unsure &= extents.max(axis=0, initial=1) == 1
        if unsure.any():
            possible[unsure] = within[unsure] = certain[unsure] = self.passes(low[:, unsure])
        if self.line_axis is not None:
            extents[self.line_axis] = 1
        # With no more than one extent above 1, the product is at most the largest one.
        widest = extents.max(axis=0, initial=1)
        lines = certain & (widest <= SPREAD) & (extents.prod(axis=0) == widest)
        state = np.where(certain & within, TAKEN, np.where(lines, LINES, OPEN)).astype(np.int8)
        if possible.all():
            chunk.state[is_open] = state
        else:
            keep = np.ones(len(chunk), dtype=np.bool_)
            keep[is_open] = possible
            chunk.state[is_open] = state
            chunk = chunk.those(keep)
        return chunk.cut(self.line_axis, self.spread_axis)

    def _finished(self, chunk: Chunk) -> Iterator[Found]:
        """Yield what is found in boxes that are taken or left as lines, in order, a bounded number of lines at once."""
        if not chunk.has(LINES):
            if len(chunk):
                yield Found(chunk.low, chunk.high)
            return
        extents = chunk.high - chunk.low
        if self.line_axis is not None:
            extents[self.line_axis] = 1
        times = np.where(chunk.state == LINES, extents.max(axis=0, initial=1), 1)
        if self.effort is not None:
            self.effort.spend(int(times.sum()))
        pieces = np.cumsum(times) // LINES_AT_ONCE
        for piece in np.split(np.arange(len(chunk)), np.flatnonzero(np.diff(pieces)) + 1):
            yield self._solved(chunk.those(piece), times[piece])

    def _solved(self, chunk: Chunk, times: IntArray) -> Found:
        rows = np.repeat(np.arange(len(chunk)), times)
        number = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
        low, high, lines = chunk.low[:, rows], chunk.high[:, rows], (chunk.state == LINES)[rows]
        for axis in range(len(low)):
            wide = lines & (high[axis] - low[axis] > 1)
            if axis != self.line_axis and wide.any():
                low[axis] += np.where(wide, number, 0)
                high[axis] = np.where(wide, low[axis] + 1, high[axis])
        if self.line_axis is None:
            passing = self.passes(low)
            return Found(low[:, passing], high[:, passing])
        solved_low, solved_high = (low, high) if lines.all() else (low[:, lines], high[:, lines])
        start, stop = self._solve(solved_low, solved_high)
        low[self.line_axis, lines], high[self.line_axis, lines] = start, stop
        some = high[self.line_axis] > low[self.line_axis]
        return Found(low, high) if some.all() else Found(low[:, some], high[:, some])

    def _solve(self, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
        """Return the first position and the one after the last of each line that is within all bounds."""
        axis = self.line_axis
        assert axis is not None
        start, stop = low[axis], high[axis]
        varying = None if self.straight is None else self.case.varying(low)
        for bound in self.bounds:
            for limit, is_minimum in ((bound.minimum, True), (bound.maximum, False)):
                if limit is None:
                    continue
                above = limit - 1 if is_minimum else limit
                if self.straight is None or varying is None:
                    first = self._first_above(low, high, bound.column, above)
                else:
                    first = self.straight[bound.column].first_above(varying, above, low[axis], high[axis])
                if is_minimum:
                    start = np.maximum(start, first)
                else:
                    stop = np.minimum(stop, first)
        return start, stop

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
        counted = self.counts[column](self.case.varying(places))
        return np.broadcast_to(np.asarray(counted, dtype=np.int64), along.shape)


@dataclass(frozen=True)
class Straight:
    """A count along an axis of equal steps: `at_zero + slope * value`, both from the other fields."""

    column: Stepped
    at_zero: Callable[[Mapping[str, Any]], Any]
    slope: Callable[[Mapping[str, Any]], Any]

    def first_above(self, varying: Mapping[str, Any], limit: int, start: IntArray, stop: IntArray) -> IntArray:
        """Return the first position of each line whose count is above a limit, at least `start`, at most `stop`."""
        base, slope = self.at_zero(varying), np.asarray(self.slope(varying), dtype=np.int64)
        room = np.asarray(limit - base, dtype=np.int64)
        # The largest value within the limit, then the number of steps up to it; a count that does not grow is
        # within the limit everywhere or nowhere.
        value = room // np.maximum(slope, 1)
        place = (value - self.column.start) // self.column.step + 1
        flat = np.where(room >= 0, stop, start)
        first: IntArray = np.clip(np.where(slope > 0, place, flat), start, stop)
        return first


def _as_words(seen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as an expression sees them: booleans are booleans."""
    return {
        name: bool(value) if name in FIELDS and FIELDS[name].kind == "boolean" else value
        for name, value in seen.items()
    }

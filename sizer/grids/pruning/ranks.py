"""Ranks in a large grid: which configuration is the nth that is kept, and the how-manieth one is, without walking to it.

The ids of a grid are a tree: its top splits into stretches of ids along the slow axes, each of these into shorter
ones along the next, down to a few thousand neighbours. How many are kept in a stretch is counted as a box, many
boxes in one search, and only where a rank that is asked for falls. What was counted near the top is remembered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sizer.grids.columns import IntArray
from sizer.grids.ids import lengths, strides
from sizer.grids.pruning.boxes import Boxes, Found, volumes
from sizer.grids.pruning.counts import EFFORT, CountPlan
from sizer.grids.pruning.lattice_points import Numbers
from sizer.grids.pruning.pieces import pieces
from sizer.grids.pruning.rows import expanded
from sizer.grids.pruning.search import BoxSearch, Effort
from sizer.sweepfile.sweep import Grid, Sweep

TOP = 1 << 17
"""The most stretches into which a grid is split at once."""

PARTS = 32
"""Into how many shorter ones a stretch is split."""

LEAF = 1 << 12
"""Neighbours of which the kept ones are written out."""

REMEMBERED = 1 << 22
"""Counts that are remembered of each level."""

AT_ONCE = 1 << 12
"""Ranks that are looked for together, so that what is written out for them stays small."""


class UncountedError(Exception):
    """To count the stretches of a grid takes too much effort."""


@dataclass(frozen=True)
class _Level:
    """One split of stretches of equal length into shorter ones."""

    first: int
    """The slowest axis that is split; of those before the last one every position is a part of its own."""
    axis: int
    """The last axis that is split."""
    extent: int
    """How many positions along the last axis a stretch has before the split."""
    size: int
    """How many it has afterwards."""

    @property
    def along(self) -> int:
        """How many parts follow each other along the last axis."""
        return -(-self.extent // self.size)


class GridRanks:
    """The ranks of one grid."""

    def __init__(self, sweep: Sweep, grid: Grid, effort: int | None = EFFORT) -> None:
        """Settle how the grid is split; nothing is counted yet.

        Args:
            sweep: `prunable`, of any size.
            grid: of the sweep.
            effort: lines that may be searched in one count; None: as many as it takes.
        """
        self._lengths = lengths(grid)
        self.axes = len(self._lengths)
        self._effort = effort
        self._plans = [CountPlan.of(piece, sweep, 0) for piece in pieces(grid) or ()]
        self._searches: dict[tuple[int, int], BoxSearch] = {}
        self._kind: Any = np.int64 if grid.size < 2**62 else object
        self._strides = np.array(strides(self._lengths), dtype=self._kind)
        self._levels = self._split()
        self._known: list[tuple[Numbers, Numbers]] = []
        for level in self._levels:
            none = np.empty(0, dtype=self._kind)
            self._known.append((none, np.empty((0, self._parts_of(level) + 1), dtype=self._kind)))

    def _split(self) -> list[_Level]:
        """Return how stretches are split, from the whole grid down to at most `LEAF` neighbours."""
        if math.prod(self._lengths) <= LEAF:
            return []
        axis, number = 0, 1
        while self._below(axis) > LEAF and number * self._lengths[axis] <= TOP:
            number *= self._lengths[axis]
            axis += 1
        whole, size = self._lengths[axis], 1
        while -(-whole // size) * number > TOP or (size < whole and size * PARTS * self._below(axis) <= LEAF):
            size *= PARTS
        levels = [_Level(0, axis, whole, min(size, whole))]
        extent = levels[0].size
        while extent * self._below(axis) > LEAF:
            if extent == 1:
                axis += 1
                extent = self._lengths[axis]
                continue
            size = 1
            while size * PARTS < extent:
                size *= PARTS
            levels.append(_Level(axis, axis, extent, size))
            extent = size
        return levels

    def _below(self, axis: int) -> int:
        """Return how many configurations one position of an axis stands for."""
        return math.prod(self._lengths[axis + 1 :])

    def _parts_of(self, level: _Level) -> int:
        """Return the most parts into which a stretch is split."""
        return math.prod(self._lengths[level.first : level.axis]) * level.along

    @property
    def number(self) -> int:
        """How many configurations are kept.

        Raises:
            UncountedError: that takes too much effort.
        """
        if not self._levels:
            return len(self._written_out(self._root(1))[0])
        return int(self._counts(0, self._root(1))[0, -1])

    def _root(self, number: int) -> IntArray:
        return np.zeros((len(self._lengths), number), dtype=np.int64)

    # Down the tree

    def places(self, ranks: Sequence[int]) -> IntArray:
        """Return the positions of the configurations of some ranks, shape (axes, ranks).

        Args:
            ranks: each below `number`.
        """
        found = [self._places(ranks[start : start + AT_ONCE]) for start in range(0, len(ranks), AT_ONCE)]
        return np.concatenate(found, axis=1) if found else self._root(0)

    def _places(self, ranks: Sequence[int]) -> IntArray:
        low = self._root(len(ranks))
        left = np.array(ranks, dtype=self._kind)
        for place, level in enumerate(self._levels):
            nodes, inverse = self._nodes(low)
            sums = self._counts(place, nodes)
            if len(sums) == 1:
                part = np.searchsorted(sums[0, 1:], left, side="right").astype(np.int64)
                left = left - sums[0, part]
            else:
                part = (sums[inverse, 1:] <= left[:, None]).sum(axis=1)
                left = left - sums[inverse, part]
            self._step(low, level, part)
        nodes, inverse = self._nodes(low)
        kept, firsts = self._written_out(nodes)
        return self._moved(low, kept[firsts[inverse] + left.astype(np.int64)] % LEAF)

    def before(self, places: IntArray) -> tuple[Numbers, Any]:
        """Return how many of the kept configurations stand before some others, and whether these are kept.

        Args:
            places: positions, shape (axes, configurations).
        """
        found = [self._before(places[:, start : start + AT_ONCE]) for start in range(0, places.shape[1], AT_ONCE)]
        if not found:
            return np.empty(0, dtype=self._kind), np.empty(0, dtype=np.bool_)
        numbers, kept = zip(*found, strict=True)
        return np.concatenate(numbers), np.concatenate(kept)

    def _before(self, places: IntArray) -> tuple[Numbers, Any]:
        low = self._root(places.shape[1])
        number = np.zeros(places.shape[1], dtype=self._kind)
        for place, level in enumerate(self._levels):
            nodes, inverse = self._nodes(low)
            part = np.zeros(places.shape[1], dtype=np.int64)
            for axis in range(level.first, level.axis):
                part = part * self._lengths[axis] + places[axis]
            part = part * level.along + (places[level.axis] - low[level.axis]) // level.size
            number = number + self._counts(place, nodes)[inverse, part]
            self._step(low, level, part)
        nodes, inverse = self._nodes(low)
        every, firsts = self._written_out(nodes)
        own = inverse * LEAF + self._offset(places - low)
        at = np.searchsorted(every, own)
        kept = at < len(every)
        kept[kept] = every[at[kept]] == own[kept]
        return number + (at - firsts[inverse]), kept

    def _nodes(self, low: IntArray) -> tuple[IntArray, IntArray]:
        """Return different stretches, in the order of ids, and which of them each is."""
        if not len(low):
            return low[:, :1], np.zeros(low.shape[1], dtype=np.int64)
        _, first, inverse = np.unique(self._ids(low), return_index=True, return_inverse=True)
        return low[:, first], inverse.reshape(-1)

    def _ids(self, low: IntArray) -> Any:
        return (low.astype(self._kind) * self._strides[:, None]).sum(axis=0)

    def _step(self, low: IntArray, level: _Level, part: IntArray) -> None:
        """Go on to a part of each stretch."""
        low[level.axis] += part % level.along * level.size
        part = part // level.along
        for axis in reversed(range(level.first, level.axis)):
            low[axis] = part % self._lengths[axis]
            part = part // self._lengths[axis]

    # Counting

    def _counts(self, place: int, nodes: IntArray) -> Numbers:
        """Return how many are kept before each part of some stretches of a level, and in all, shape (stretches, parts + 1).

        Args:
            place: of the level.
            nodes: the first position of each stretch, different ones in the order of ids.
        """
        ids = self._ids(nodes) if len(nodes) else np.zeros(1, dtype=self._kind)
        known_ids, known = self._known[place]
        at = np.searchsorted(known_ids, ids)
        there = np.zeros(len(ids), dtype=np.bool_)
        inside = at < len(known_ids)
        there[inside] = known_ids[at[inside]] == ids[inside]
        sums = np.empty((len(ids), known.shape[1]), dtype=self._kind)
        sums[there] = known[at[there]]
        if not there.all():
            sums[~there] = self._counted(self._levels[place], nodes[:, ~there])
            if known.size + sums[~there].size <= REMEMBERED:
                every = np.concatenate([known_ids, ids[~there]])
                order = np.argsort(every, kind="stable")
                self._known[place] = every[order], np.concatenate([known, sums[~there]])[order]
        return sums

    def _counted(self, level: _Level, nodes: IntArray) -> Numbers:
        parts = self._parts_of(level)
        low = np.repeat(nodes, parts, axis=1)
        end = np.repeat(np.minimum(nodes[level.axis] + level.extent, self._lengths[level.axis]), parts)
        self._step(low, level, np.tile(np.arange(parts), nodes.shape[1]))
        high = low + 1
        high[level.axis] = np.minimum(low[level.axis] + level.size, end)
        for axis in range(level.axis + 1, len(low)):
            high[axis] = self._lengths[axis]
        some = high[level.axis] > low[level.axis]
        counts = np.zeros(len(some), dtype=self._kind)
        long = level.axis if level.size > 1 else level.axis + 1
        counts[some] = self._boxes(low[:, some], high[:, some], long)
        sums = np.zeros((nodes.shape[1], parts + 1), dtype=self._kind)
        np.cumsum(counts.reshape(nodes.shape[1], parts), axis=1, out=sums[:, 1:])
        return sums

    def _boxes(self, low: IntArray, high: IntArray, long: int) -> Numbers:
        """Return how many configurations are kept in each of some boxes.

        Args:
            low: the first position on each axis, shape (axes, boxes).
            high: the position after the last one.
            long: the axes from here on are those along which the boxes are longer than 1.

        Raises:
            UncountedError: that takes too much effort.
        """
        total = np.zeros(low.shape[1], dtype=self._kind)
        for number, plan in enumerate(self._plans):
            first, last = np.maximum(low, _side(plan.piece.start)), np.minimum(high, _side(plan.piece.stop))
            chosen = np.flatnonzero((first < last).all(axis=0))
            if not len(chosen):
                continue
            first, last = first[:, chosen], last[:, chosen]
            if not plan.conditions:
                total[chosen] += volumes(first, last)
                continue
            search = self._search(number, long)
            # Of an axis that no condition depends on one position stands for all.
            narrow = search.piece
            alike = [
                axis
                for axis, (stop, whole) in enumerate(zip(narrow.stop, plan.piece.stop, strict=True))
                if stop < whole
            ]
            times = volumes(first[alike], last[alike])
            for axis in alike:
                first[axis], last[axis] = narrow.start[axis], narrow.start[axis] + 1
            counted = np.zeros(len(chosen), dtype=self._kind)
            search.effort = None if self._effort is None else Effort(self._effort)
            # One row more says of which box a part is.
            for found in search.boxes(_tagged(first, last)):
                if found.undecided:
                    raise UncountedError
                points = volumes(found.low, found.high) if found.points is None else found.points
                np.add.at(counted, found.low[-1], points.astype(self._kind))
            total[chosen] += counted * times
        return total

    def _search(self, number: int, long: int) -> BoxSearch:
        """Return the search for what is kept of a piece, in boxes that are longer than 1 along the axes from one on.

        Raises:
            UncountedError: there is too much to search.
        """
        plan = self._plans[number]
        if (number, long) not in self._searches:
            along = range(long, len(self._lengths))
            self._searches[number, long] = BoxSearch(plan.way.search.piece, plan.conditions, counting=True, along=along)
        return self._searches[number, long]

    # What is written out

    def _written_out(self, nodes: IntArray) -> tuple[IntArray, IntArray]:
        """Return the kept configurations of stretches of at most `LEAF`, and where those of each begin.

        Args:
            nodes: the first position of each stretch, different ones in the order of ids.

        Returns:
            Each as the number of its stretch times `LEAF` and its place there, ascending; and where each stretch begins
            among them.
        """
        first_below = self._levels[-1].axis + 1 if self._levels else 0
        high = nodes + 1
        if self._levels:
            last = self._levels[-1]
            high[last.axis] = np.minimum(nodes[last.axis] + last.size, self._lengths[last.axis])
        for axis in range(first_below, len(nodes)):
            high[axis] = self._lengths[axis]
        every = [np.empty(0, dtype=np.int64)]
        near = np.array([min(int(stride), LEAF) for stride in self._strides], dtype=np.int64)
        for plan in self._plans:
            first, stop = np.maximum(nodes, _side(plan.piece.start)), np.minimum(high, _side(plan.piece.stop))
            chosen = np.flatnonzero((first < stop).all(axis=0))
            if len(chosen):
                boxes = _tagged(first[:, chosen], stop[:, chosen], chosen)
                for found in BoxSearch(plan.piece, plan.conditions, ordered=True).boxes(boxes):
                    which = found.low[-1]
                    inside = Found(found.low[:-1] - nodes[:, which], found.high[:-1] - nodes[:, which])
                    own = np.repeat(which * LEAF, (inside.high - inside.low).prod(axis=0))
                    every.append(own + np.concatenate([np.empty(0, dtype=np.int64), *expanded(inside, near)]))
        kept = np.sort(np.concatenate(every))
        return kept, np.searchsorted(kept, np.arange(nodes.shape[1]) * LEAF)

    def _moved(self, low: IntArray, offset: IntArray) -> IntArray:
        """Return positions that are so many ids further on, within a stretch."""
        found = low.copy()
        for axis in reversed(range(len(low))):
            if self._strides[axis] >= LEAF:
                break
            stride, length = int(self._strides[axis]), self._lengths[axis]
            # The first axis of a stretch may begin in its middle; those below it begin at 0.
            found[axis] += offset // stride % length
        return found

    def _offset(self, places: IntArray) -> IntArray:
        """Return how many ids some positions are further on than the first of their stretch."""
        offset = np.zeros(places.shape[1], dtype=np.int64)
        for axis, stride in enumerate(self._strides):
            if stride < LEAF:
                offset += places[axis] * int(stride)
        return offset


def _side(side: tuple[int, ...]) -> IntArray:
    return np.array(side, dtype=np.int64).reshape(len(side), 1)


def _tagged(low: IntArray, high: IntArray, tags: IntArray | None = None) -> Boxes:
    """Return open boxes with one row more, the number of each."""
    tags = np.arange(low.shape[1]) if tags is None else tags
    return Boxes.opened(np.vstack([low, tags]), np.vstack([high, tags + 1]))

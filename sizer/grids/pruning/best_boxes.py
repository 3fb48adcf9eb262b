"""The best configurations of a sweep by a counted column, without looking at most of the others.

Lines taken at random give a value that enough configurations reach. What reaches it is then counted by slices, and only
slices with something in them are opened, in the order of their ids, until nothing that is left can be among the best.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sizer.grids.columns import IntArray
from sizer.grids.pruning.boxes import Boxes, Found
from sizer.grids.pruning.pieces import Piece
from sizer.grids.pruning.search import BoxSearch
from sizer.grids.pruning.verdicts import Condition, Judge
from sizer.sweepfile.sweep import Bound

SAMPLE = 1 << 14
"""Lines taken at random of each piece."""

OPENED_AT_ONCE = 16
"""Slices with something in them that are opened first; then twice as many, and so on."""

MOST_WAITING = 1 << 16
"""Slices that wait to be opened."""


@dataclass(frozen=True)
class Kept:
    """A piece of which some configurations are kept."""

    piece: Piece
    first_id: int
    """The id of its grid's first configuration."""
    conditions: Sequence[Condition]
    """What keeps them, but for conditions that all of the piece passes."""


_Promising = tuple[int, int, int, int, int, Piece, tuple[int, ...], tuple[int, ...]]
"""A box: best key, lowest id, a number that makes it unlike any other, highest id, the grid's first id, piece, corners."""


class Leaders:
    """The best configurations of boxes in which every one passes, found by opening the most promising boxes first."""

    def __init__(self, number: int, sort: str, *, descending: bool) -> None:
        """Start with nothing seen.

        Args:
            number: how many are wanted, at least 1.
            sort: the counted column that decides, ties in id order.
            descending: the largest are best; else the smallest.
        """
        self.number = number
        self._sort = sort
        self._descending = descending
        self._boxes: list[_Promising] = []
        self._bar: tuple[int, int] | None = None
        """A key and an id: enough configurations have a smaller key, or the same one and no larger an id."""
        self._judges: dict[int, Judge] = {}
        self._made = 0

    def limit(self) -> int | None:
        """Return a value that enough configurations reach, or None where there are not enough boxes to say."""
        if self._bar is None:
            return None
        return -self._bar[0] if self._descending else self._bar[0]

    def ids(self) -> list[int]:
        """Return the ids of the best configurations, the best first, ties in id order."""
        found: list[int] = []
        while self._boxes and len(found) < self.number:
            _, lowest, _, _, first_id, piece, low, high = heapq.heappop(self._boxes)
            extents = [end - start for start, end in zip(low, high, strict=True)]
            if max(extents, default=1) == 1:
                found.append(lowest)
                continue
            axis = next(number for number, extent in enumerate(extents) if extent > 1)
            middle = (low[axis] + high[axis]) // 2
            for start, end in ((low[axis], middle), (middle, high[axis])):
                part_low = (*low[:axis], start, *low[axis + 1 :])
                part_high = (*high[:axis], end, *high[axis + 1 :])
                corners = (np.array(side, dtype=np.int64).reshape(-1, 1) for side in (part_low, part_high))
                key = int(np.asarray(self._keys(piece, *corners)).reshape(-1)[0])
                self._push(key, piece, first_id, part_low, part_high)
        return found

    # What is seen

    def look(self, pieces: Sequence[Kept]) -> None:
        """Take everything that is kept into account."""
        limit = self._sampled(pieces)
        for kept in pieces:
            self._look_at(kept, self._better_of(limit, self.limit()))

    def _better_of(self, *limits: int | None) -> int | None:
        known = [limit for limit in limits if limit is not None]
        return (max if self._descending else min)(known, default=None)

    def _sampled(self, pieces: Sequence[Kept]) -> int | None:
        """Return a value that enough configurations reach, from lines taken at random; None where they do not say."""
        chance = np.random.default_rng(0)
        keys = [np.empty(0, dtype=np.int64)]
        for kept in pieces:
            piece = kept.piece
            search = BoxSearch(piece, [*kept.conditions, Bound(self._sort, None, None)])
            axis = search.line_axis
            if axis is None:
                continue
            low = np.stack(
                [chance.integers(start, stop, SAMPLE) for start, stop in zip(piece.start, piece.stop, strict=True)]
            )
            low[axis] = piece.start[axis]
            low = np.unique(low, axis=1)
            high = low + 1
            high[axis] = piece.stop[axis]
            start, stop = search.solve(low, high)
            best, some = low.copy(), stop > start
            best[axis] = stop - 1 if self._descending else start
            best = best[:, some]
            best = best[:, search.judge.passes(best)]
            keys.append(np.broadcast_to(self._keys(piece, best, best + 1), best.shape[1]))
        together = np.concatenate(keys)
        if len(together) < self.number:
            return None
        key = int(np.partition(together, self.number - 1)[self.number - 1])
        return -key if self._descending else key

    def _look_at(self, kept: Kept, limit: int | None) -> None:
        conditions = list(kept.conditions)
        if limit is not None:
            conditions.append(Bound(self._sort, limit, None) if self._descending else Bound(self._sort, None, limit))
        search = BoxSearch(kept.piece, conditions, counting=limit is not None)
        search.worthwhile = lambda low, high: self._worthwhile(kept, search, low, high)
        waiting: list[Found] = []
        # The first ones are opened soon: once enough are as good as can be, most of the piece is not worth a look.
        most = OPENED_AT_ONCE
        for found in search.boxes():
            if found.points is None:
                self.see(kept.piece, kept.first_id, found)
                continue
            some = found.points > 0
            waiting.append(Found(found.low[:, some], found.high[:, some]))
            if sum(part.low.shape[1] for part in waiting) > most:
                self._open(kept, search, waiting)
                waiting = []
                most = min(2 * most, MOST_WAITING)
        if waiting:
            self._open(kept, search, waiting)

    def _open(self, kept: Kept, search: BoxSearch, waiting: Iterable[Found]) -> None:
        """See what slices hold, in the order of their lowest ids, as long as it can be among the best."""
        low, high = (
            np.concatenate(sides, axis=1) for sides in zip(*((one.low, one.high) for one in waiting), strict=True)
        )
        lowest = _ids(kept.piece, kept.first_id, low)
        order = np.argsort(lowest, kind="stable")
        low, high, lowest = low[:, order], high[:, order], lowest[order]
        along = None if search.slices is None else search.slices.axes
        lines = BoxSearch(kept.piece, search.judge.conditions, along=along)
        number = OPENED_AT_ONCE
        while low.shape[1]:
            for found in lines.boxes(Boxes.opened(low[:, :number], high[:, :number])):
                self.see(kept.piece, kept.first_id, found)
            low, high, lowest = low[:, number:], high[:, number:], lowest[number:]
            hopeful = self._hopeful(search, low, high, lowest)
            low, high, lowest = low[:, hopeful], high[:, hopeful], lowest[hopeful]
            number *= 2

    def _hopeful(self, search: BoxSearch, low: IntArray, high: IntArray, lowest: Any) -> Any:
        """Return which slices may hold configurations that are among the best."""
        limit = self.limit()
        if limit is None or search.slices is None or not low.shape[1]:
            return np.ones(low.shape[1], dtype=np.bool_)
        judge = search.judge
        minimum, maximum = judge.limits(self._sort)
        least, most = judge.undivided(self._sort, limit + 1, limit - 1)
        beyond = (least, maximum) if self._descending else (minimum, most)
        within = {column: judge.limits(column) for column in judge.bounds}
        better = search.slices.points(low, high, {**within, self._sort: beyond}) > 0
        reached = {**within, self._sort: judge.undivided(self._sort, limit, limit)}
        even = search.slices.points(low, high, reached) > 0
        assert self._bar is not None
        return better | (even & (lowest <= self._bar[1]))

    def _worthwhile(self, kept: Kept, search: BoxSearch, low: IntArray, high: IntArray) -> Any:
        """Return which boxes may hold configurations that are among the best."""
        if self._bar is None:
            return np.ones(low.shape[1], dtype=np.bool_)
        keys = np.broadcast_to(self._keys(kept.piece, low, high), low.shape[1])
        # Of what is divided by something, the limits are of what it was before.
        divisor = search.judge.divisor(self._sort)
        minimum, maximum = (None if end is None else -(-end // divisor) for end in search.judge.limits(self._sort))
        if self._descending and maximum is not None:
            keys = np.maximum(keys, -maximum)
        elif not self._descending and minimum is not None:
            keys = np.maximum(keys, minimum)
        return self._among(keys, _ids(kept.piece, kept.first_id, low))

    def see(self, piece: Piece, first_id: int, found: Found) -> None:
        """Take boxes into account, in which every configuration passes."""
        if found.low.shape[1] == 0:
            return
        low, high = found.low, found.high
        keys = np.broadcast_to(self._keys(piece, low, high), low.shape[1])
        lowest, highest = _ids(piece, first_id, low), _ids(piece, first_id, high - 1)
        for _ in range(2):
            # Boxes that some others surely beat are not worth the memory; these others may be among them.
            hopeful = self._among(keys, lowest)
            low, high, keys, lowest, highest = (
                low[:, hopeful],
                high[:, hopeful],
                keys[hopeful],
                lowest[hopeful],
                highest[hopeful],
            )
            if len(keys) <= self.number:
                break
            order = np.lexsort((highest, keys))
            self._lower((int(keys[order[self.number - 1]]), int(highest[order[self.number - 1]])))
        for box in range(len(keys)):
            corners = (tuple(map(int, side[:, box])) for side in (low, high))
            self._push(int(keys[box]), piece, first_id, *corners)
        if len(self._boxes) >= self.number:
            self._lower(heapq.nsmallest(self.number, ((box[0], box[3]) for box in self._boxes))[-1])
        if self._bar is not None and len(self._boxes) > 4 * self.number + 1000:
            key, last = self._bar
            self._boxes = [box for box in self._boxes if box[0] < key or (box[0] == key and box[1] <= last)]
            heapq.heapify(self._boxes)

    def _lower(self, bar: tuple[int, int]) -> None:
        self._bar = bar if self._bar is None else min(self._bar, bar)

    def _among(self, keys: Any, lowest: Any) -> Any:
        """Return which boxes may hold configurations that are among the best.

        Args:
            keys: the best key that each may hold.
            lowest: its lowest id.
        """
        if self._bar is None:
            return np.ones(len(keys), dtype=np.bool_)
        key, last = self._bar
        return (keys < key) | ((keys == key) & (lowest <= last))

    def _push(self, key: int, piece: Piece, first_id: int, low: tuple[int, ...], high: tuple[int, ...]) -> None:
        lowest, highest = (
            first_id + sum(place * stride for place, stride in zip(side, piece.strides, strict=True))
            for side in (low, tuple(end - 1 for end in high))
        )
        self._made += 1
        heapq.heappush(self._boxes, (key, lowest, self._made, highest, first_id, piece, low, high))

    def _keys(self, piece: Piece, low: IntArray, high: IntArray) -> Any:
        """Return the best value of the column in each box, negated where the largest is best."""
        judge = self._judges.get(id(piece))
        if judge is None:
            judge = self._judges[id(piece)] = Judge(piece, [Bound(self._sort, None, None)])
        count = judge.counts[self._sort]
        found = count(piece.varying(high - 1 if self._descending else low))
        divisor = judge.divisor(self._sort)
        keys = found if divisor == 1 else -(-found // divisor)
        return -keys if self._descending else keys


def _ids(piece: Piece, first_id: int, positions: IntArray) -> Any:
    """Return the ids of configurations, as Python ints where the grid has more than 64 bits count."""
    dtype: Any = np.int64 if first_id + piece.grid.size < 2**63 else object
    strides = np.array(piece.strides, dtype=dtype)
    return (positions.astype(dtype) * strides[:, None]).sum(axis=0) + first_id

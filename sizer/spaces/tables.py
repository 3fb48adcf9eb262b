"""Chains of decisions and a limit become tables: how many ways to go on there are, for each state and room.

A table is dense and cumulated over the room, one row per state behind the other, each as long as room can be left
there, and made from those of the next decision, moved by what each option costs. Rows hold the smallest kind of number
in which the largest of them fits, found before the row is made.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.spaces.decisions import NEVER, Decision, Ends, IntArray, Start, decisions_of
from sizer.spaces.digits import LIMB_BITS, carry_limbs, split_limbs, sum_along

_BLOCK = 8
"""Rows that are filled side by side, so that what they read stays in the processor's cache."""
_TILE = 1 << 17
"""Bytes of each row that are filled at once."""
_SERIES = 8
"""Options that lead to one state at costs of equal steps are added up at once from so many on."""
_CARRY = 1 << 14
"""Additions to a limb after which it is carried."""
_AT_ONCE = 1 << 22
"""Numbers that are looked up at once."""
_KEPT = 1 << 22
"""Options of all states of a decision up to which their places in a table are kept."""
_SMALL = 1 << 18
"""Additions below which threads are not worth their start."""


@dataclass(eq=False)
class RoomTable:
    """How many ways to go on there are."""

    flat: npt.NDArray[Any]
    """The rows one behind the other, shape (limbs, numbers)."""
    offsets: IntArray
    """Where each state's row begins."""
    sizes: IntArray
    """How long it is; 0 where nothing fits."""

    def at(self, states: IntArray, rooms: IntArray) -> IntArray:
        """Return the ways to go on, shape (limbs, ...); below room 0 there are none."""
        if not self.flat.shape[1]:
            return np.zeros((1, *np.broadcast_shapes(np.shape(states), np.shape(rooms))), dtype=np.int64)
        sizes = self.sizes[states]
        inside = (rooms >= 0) & (sizes > 0)
        places = np.where(inside, self.offsets[states] + np.minimum(rooms, sizes - 1), 0)
        return np.where(inside, self.flat[:, places], 0).astype(np.int64, copy=False)

    def row(self, state: int) -> npt.NDArray[Any]:
        """Return the row of a state, shape (limbs, rooms)."""
        start = int(self.offsets[state])
        return self.flat[:, start : start + int(self.sizes[state])]


class EndTable:
    """The ends as a table: one way, where what the end costs is left."""

    def __init__(self, costs: IntArray) -> None:
        self.costs = costs

    def at(self, states: IntArray, rooms: IntArray) -> IntArray:
        """Return 1 where the end can be paid, shape (1, ...)."""
        return (rooms >= self.costs[states]).astype(np.int64)[None]


@dataclass(frozen=True, eq=False)
class Continuations:
    """The options of some states of one decision, each with the row that it continues in.

    Options come first, so that neighbours in memory are rooms that are near each other in one row of a table.
    """

    needs: IntArray
    """What an option costs with the least that comes after it, shape (options, states)."""
    places: IntArray
    """Where the number for a room stands, less that room, shape (options, states)."""
    flat: npt.NDArray[Any] | None
    """Rows one behind the other, shape (limbs, numbers); None where an option is the last, and one way."""

    def at(self, states: IntArray, rooms: IntArray, options: slice) -> IntArray:
        """Return the ways on behind some options, shape (limbs, options, n).

        Args:
            states: shape (n,), or (1,) where all are in one.
            rooms: what is left in each, no more than can be left there, shape (n,).
            options: which.
        """
        inside = self.needs[options].take(states, axis=1) <= rooms
        if self.flat is None:
            return inside.astype(np.int64)[None]
        places = self.places[options].take(states, axis=1) + rooms
        places *= inside
        found = np.empty((len(self.flat), *inside.shape), dtype=np.int64)
        for limb, row in zip(found, self.flat, strict=True):
            np.multiply(row.take(places), inside, out=limb)
        return found


class Tables:
    """The tables of some chains up to a limit, made when they are needed."""

    def __init__(self, starts: Sequence[Start], ends: Mapping[int, IntArray], limit: int, threads: int = 0) -> None:
        """Find out what can be reached; no table is made yet.

        Args:
            starts: the chains, with costs in units.
            ends: what each state costs in the end, in units, by the `id` of the `Ends`.
            limit: the largest room that will be asked about.
            threads: how many rows are filled at once; 0: as many as there are cores.
        """
        self.starts = list(starts)
        self.limit = limit
        self.decisions = decisions_of(starts)
        self.threads = threads or os.cpu_count() or 1
        self._ends = ends
        self.least: dict[int, IntArray] = dict(ends)
        self.widest: dict[int, IntArray] = {}
        self._tables: dict[int, RoomTable | EndTable] = {number: EndTable(costs) for number, costs in ends.items()}
        self._continuations: dict[int, Continuations] = {}
        self._find_least()
        self._find_widest()

    def _find_least(self) -> None:
        """Find what each state costs at least from there on."""
        for decision in reversed(self.decisions):
            needs = decision.costs + self.least[id(decision.after)][decision.targets]
            self.least[id(decision)] = np.minimum(needs.min(axis=1, initial=NEVER), NEVER)

    def _find_widest(self) -> None:
        """Find the largest room that can be left in each state; -1 where nothing leads there or nothing fits."""
        for decision in self.decisions:
            self.widest[id(decision)] = np.full(decision.states, -1, dtype=np.int64)
        for start in self.starts:
            room = self.limit - start.cost
            if id(start.first) in self.widest and room >= self.least[id(start.first)][start.state]:
                widest = self.widest[id(start.first)]
                widest[start.state] = max(widest[start.state], room)
        for decision in self.decisions:
            if not isinstance(decision.after, Decision):
                continue
            own = self.widest[id(decision)]
            rooms = np.where(own[:, None] >= 0, own[:, None] - decision.costs, -1)
            rooms = np.where(rooms >= self.least[id(decision.after)][decision.targets], rooms, -1)
            np.maximum.at(self.widest[id(decision.after)], decision.targets, rooms)

    def additions(self, decision: Decision) -> int:
        """Return about how many additions the table of a decision takes."""
        rooms = self.widest[id(decision)][:, None] - decision.costs - self.least[id(decision.after)][decision.targets]
        alone = int(np.maximum(rooms, 0).sum())
        states = decision.after.states
        if decision.options < _SERIES * states or decision.options < _SERIES:
            return alone
        # Many options for each state that is next: if their costs are in equal steps they are added up at once.
        return min(alone, 4 * states * int(np.maximum(self.widest[id(decision)], 0).sum()))

    def numbers(self, decision: Decision) -> int:
        """Return how many numbers the table of a decision holds."""
        return int((self.widest[id(decision)] + 1).sum())

    def table(self, decision: Decision | Ends) -> RoomTable | EndTable:
        """Return the table of a decision, which is made now if it is not there."""
        if id(decision) not in self._tables:
            waiting = []
            below = decision
            while isinstance(below, Decision) and id(below) not in self._tables:
                waiting.append(below)
                below = below.after
            for one in reversed(waiting):
                self._tables[id(one)] = self._made(one)
        return self._tables[id(decision)]

    def at(self, decision: Decision | Ends, states: IntArray, rooms: IntArray) -> IntArray:
        """Return the ways to go on from a decision, shape (limbs, ...)."""
        return self.table(decision).at(states, rooms)

    def continuations(self, decision: Decision, states: IntArray) -> tuple[Continuations, IntArray]:
        """Return the options of a decision with the rows that they continue in, and where in them some states are."""
        known = self._continuations.get(id(decision))
        if known is not None:
            return known, states
        if decision.costs.size > _KEPT:
            some, places = np.unique(states, return_inverse=True)
            return self._continued(decision, some), places.reshape(-1)
        self._continuations[id(decision)] = made = self._continued(decision, np.arange(decision.states))
        return made, states

    def _continued(self, decision: Decision, states: IntArray) -> Continuations:
        costs, targets = decision.costs[states], decision.targets[states]
        needs = costs + self.least[id(decision.after)][targets]
        table = self.table(decision.after)
        if isinstance(table, EndTable) or not table.flat.shape[1]:
            # Nothing can be paid where no row is.
            return Continuations(needs.T.copy(), needs.T, None)
        return Continuations(needs.T.copy(), (table.offsets[targets] - costs).T.copy(), table.flat)

    @property
    def limbs(self) -> int:
        """How many limbs the largest numbers of the tables have."""
        return max((len(table.flat) for table in self._tables.values() if isinstance(table, RoomTable)), default=1)

    @property
    def bytes(self) -> int:
        """How much memory the tables take."""
        return sum(table.flat.nbytes for table in self._tables.values() if isinstance(table, RoomTable))

    # Making a table

    def _made(self, decision: Decision) -> RoomTable:
        sizes = np.maximum(self.widest[id(decision)] + 1, 0)
        offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        after = self._tables[id(decision.after)]
        limbs, kind = _kind(self._largest(decision, after))
        table = RoomTable(np.zeros((limbs, int(sizes.sum())), dtype=kind), offsets, sizes)
        if isinstance(after, EndTable):
            self._count_ends(decision, after, table)
            return table
        states = np.flatnonzero(sizes).tolist()
        blocks = [states[start : start + _BLOCK] for start in range(0, len(states), _BLOCK)]

        def fill(block: list[int]) -> None:
            self._fill(decision, after, table, block)

        if self.threads == 1 or len(blocks) == 1 or self.additions(decision) < _SMALL:
            for block in blocks:
                fill(block)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(fill, blocks))
        return table

    def _largest(self, decision: Decision, after: RoomTable | EndTable) -> int:
        """Return the largest number of a table: what its options add at the widest room of each state."""
        widest = self.widest[id(decision)]
        largest = 0
        step = max(1, _AT_ONCE // max(1, decision.options))
        for start in range(0, decision.states, step):
            some = slice(start, start + step)
            rooms = np.where(widest[some, None] >= 0, widest[some, None] - decision.costs[some], -1)
            largest = max(largest, *sum_along(after.at(decision.targets[some], rooms), 2), 0)
        return largest

    def _count_ends(self, decision: Decision, after: EndTable, table: RoomTable) -> None:
        """Fill the table of a last decision: each option counts from what it and its end cost on."""
        needs = decision.costs + after.costs[decision.targets]
        for state in np.flatnonzero(table.sizes).tolist():
            row = table.row(state)[0]
            own = needs[state]
            row[:] = np.cumsum(np.bincount(own[own < len(row)], minlength=len(row)))

    def _fill(self, decision: Decision, after: RoomTable, table: RoomTable, block: list[int]) -> None:
        least = self.least[id(decision.after)]
        moves: dict[int, list[tuple[npt.NDArray[Any], int]]] = {}
        for state in block:
            row = table.row(state)
            costs, targets = decision.costs[state], decision.targets[state]
            there = np.flatnonzero(costs + least[targets] < row.shape[1])
            for target, own in _by_target(targets[there], costs[there]):
                step = _equal_step(own)
                if step:
                    _add_series(row, after.row(target), own, step)
                else:
                    moves.setdefault(target, []).extend((row, cost) for cost in own)
        rooms = max(table.sizes[block].tolist())
        tile = _TILE // table.flat.itemsize
        # Sources by state: rows of a block have their costs in common order, so that a source is read once for all.
        sources = [(after.row(target), int(least[target]), moves[target]) for target in sorted(moves)]
        added = 0
        for low in range(0, rooms, tile):
            for source, need, rows in sources:
                for row, cost in rows:
                    first, last = max(low, cost + need), min(low + tile, row.shape[1])
                    if last > first:
                        _add(row[:, first:last], source[:, first - cost : last - cost])
                added += len(rows)
                if len(table.flat) > 1 and added > _CARRY:
                    for state in block:
                        carry_limbs(table.row(state))
                    added = 0
        if len(table.flat) > 1:
            for state in block:
                carry_limbs(table.row(state))


def _kind(largest: int) -> tuple[int, type[np.generic]]:
    """Return the limbs, and the kind of number, of a table."""
    bits = largest.bit_length()
    for most, kind in ((16, np.uint16), (32, np.uint32), (62, np.int64)):
        if bits <= most:
            return 1, kind
    return -(-bits // LIMB_BITS), np.int64


def _by_target(targets: IntArray, costs: IntArray) -> Iterator[tuple[int, list[int]]]:
    """Yield each state that options lead to, with their costs, the smallest first."""
    order = np.lexsort((costs, targets))
    targets, costs = targets[order], costs[order]
    breaks = np.flatnonzero(targets[1:] != targets[:-1]) + 1
    ends = [0, *breaks.tolist(), len(targets)]
    listed = costs.tolist()
    for start, stop in itertools.pairwise(ends):
        if stop > start:
            yield int(targets[start]), listed[start:stop]


def _equal_step(costs: list[int]) -> int:
    """Return the step of costs that are many and in equal steps, else 0."""
    if len(costs) < _SERIES:
        return 0
    step = costs[1] - costs[0]
    return step if step > 0 and all(b - a == step for a, b in itertools.pairwise(costs)) else 0


def _add(part: npt.NDArray[Any], source: npt.NDArray[Any]) -> None:
    """Add a part of a row to a part of another, limb by limb."""
    if len(part) == 1:
        np.add(part[0], source[0], out=part[0])
    elif len(source) == 1 and source.dtype == np.int64:
        for limb, own in zip(part, split_limbs(source[0]), strict=False):
            np.add(limb, own, out=limb)
    else:
        for limb, own in zip(part, source, strict=False):
            np.add(limb, own, out=limb)


def _add_series(row: npt.NDArray[Any], source: npt.NDArray[Any], costs: list[int], step: int) -> None:
    """Add a row to another, moved by each of many costs in equal steps: a difference of sums along the step.

    Sums may pass what the numbers hold: they wrap round, and so does the difference, to what is right.
    """
    first = costs[0]
    length = row.shape[1] - first
    padded = -(-length // step) * step
    back = len(costs) * step
    limbs: Sequence[npt.NDArray[Any]] = (
        split_limbs(source[0]) if len(row) > 1 and len(source) == 1 and source.dtype == np.int64 else list(source)
    )
    for limb, own in zip(row, limbs, strict=False):
        sums = np.zeros(padded, dtype=row.dtype)
        sums[:length] = own[:length]
        grid = sums.reshape(-1, step)
        np.add.accumulate(grid, axis=0, out=grid)
        part = limb[first:]
        part += sums[:length]
        if back < length:
            part[back:] -= sums[: length - back]
    if len(row) > 1:
        carry_limbs(row)

"""Ranks among the kept configurations of a sweep: which one is the nth, and the how-manieth one is.

Where a grid can be walked, one pass says how many are kept in each block of ids, and a block is decided anew when a
rank falls in it; the ids themselves are remembered while they are few. A larger grid is counted by boxes, see
`pruning.ranks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from sizer.grids.columns import IntArray
from sizer.grids.engine import BLOCK, Decider
from sizer.grids.ids import Box, blocks, lengths, strides
from sizer.grids.pruning.counts import prunable
from sizer.grids.pruning.lattice_points import Numbers
from sizer.grids.pruning.ranks import GridRanks, UncountedError
from sizer.grids.repeats import Repeats
from sizer.sweepfile.sweep import Grid, Sweep

WALKED = 1 << 24
"""The largest sweep that is walked where its boxes could be counted too."""

MOST_TO_WALK = 10**10
"""The largest one that is walked where they cannot."""

REMEMBERED = 1 << 24
"""Ids of kept configurations that are remembered from a pass."""


class _Ranked(Protocol):
    """The ranks of one grid."""

    axes: int
    """How many it has."""

    @property
    def number(self) -> int: ...

    def places(self, ranks: Sequence[int]) -> IntArray: ...

    def before(self, places: IntArray) -> tuple[Numbers, Any]: ...


class SweepRanks:
    """The ranks of a sweep: those of its grids, one after the other."""

    def __init__(self, sweep: Sweep, effort: int | None) -> None:
        """Settle how it is ranked; nothing is counted yet.

        Args:
            sweep: without fields of layers.
            effort: lines that may be searched in one count of boxes; None: as many as it takes.

        Raises:
            UncountedError: it can be neither walked nor counted by boxes.
        """
        walked = is_walked(sweep)
        if walked and sweep.size > MOST_TO_WALK:
            raise UncountedError
        self._axes = max((len(grid.axes) for grid in sweep.grids), default=0)
        self._grids: list[_Ranked] = [
            WalkedRanks(sweep, grid, number) if walked else GridRanks(sweep, grid, effort)
            for number, grid in enumerate(sweep.grids)
        ]
        self._numbers: list[int] | None = None

    @property
    def numbers(self) -> list[int]:
        """How many configurations are kept of each grid.

        Raises:
            UncountedError: counting them takes too much effort.
        """
        if self._numbers is None:
            self._numbers = [grid.number for grid in self._grids]
        return self._numbers

    def places(self, ranks: Sequence[int]) -> tuple[IntArray, IntArray]:
        """Return the grid of the configuration of each rank, and its positions, -1 beyond the axes of its grid.

        Args:
            ranks: each below the sum of `numbers`.

        Returns:
            Shapes (ranks,) and (ranks, axes of the grid that has most).
        """
        grids = np.zeros(len(ranks), dtype=np.int64)
        found = np.full((len(ranks), self._axes), -1, dtype=np.int64)
        first = 0
        for place, (grid, number) in enumerate(zip(self._grids, self.numbers, strict=True)):
            here = [query for query, rank in enumerate(ranks) if first <= rank < first + number]
            if here:
                places = grid.places([ranks[query] - first for query in here])
                grids[here] = place
                found[here, : len(places)] = places.T
            first += number
        return grids, found

    def ranks(self, grids: IntArray, positions: IntArray) -> list[int | None]:
        """Return the rank of each of some configurations; None where one is not kept.

        Args:
            grids, positions: as `places` returns them.
        """
        found: list[int | None] = [None] * len(grids)
        first = 0
        for place, (grid, number) in enumerate(zip(self._grids, self.numbers, strict=True)):
            here = np.flatnonzero(grids == place)
            if len(here):
                before, kept = grid.before(positions[here, : grid.axes].T)
                for query, rank, stands in zip(here.tolist(), before.tolist(), kept.tolist(), strict=True):
                    found[query] = first + rank if stands else None
            first += number
        return found


def is_walked(sweep: Sweep) -> bool:
    """Return whether a sweep is walked: it is small, or its boxes cannot be counted."""
    return sweep.size <= WALKED or not prunable(sweep)


class WalkedRanks:
    """The ranks of one grid, from the number of kept configurations in each block of ids."""

    def __init__(self, sweep: Sweep, grid: Grid, number: int) -> None:
        """Settle what is walked; the pass comes with the first question.

        Args:
            sweep: of at most 2**63 - 1 configurations.
            grid: of the sweep.
            number: of the grid in the sweep.
        """
        self._decider = Decider(sweep, grid, [], Repeats(grid, ()))
        self._lengths = lengths(grid)
        self.axes = len(self._lengths)
        self._blocks: list[tuple[int, Box]] = []
        self._sums: IntArray | None = None
        self._ids: IntArray | None = None
        """All that are kept, where these are few."""

    @property
    def number(self) -> int:
        """How many configurations are kept."""
        return int(self._walk()[-1])

    def _walk(self) -> IntArray:
        """Return how many are kept before each block, and in all."""
        if self._sums is None:
            sums = [0]
            ids: list[IntArray] | None = [np.empty(0, dtype=np.int64)]
            for offset, box in blocks(self._lengths, BLOCK):
                self._blocks.append((offset, box))
                if ids is None:
                    sums.append(sums[-1] + self._decider.count(box).kept)
                    continue
                ids.append(self._kept(offset, box))
                sums.append(sums[-1] + len(ids[-1]))
                if sums[-1] > REMEMBERED:
                    ids = None
            self._ids = None if ids is None else np.concatenate(ids)
            self._sums = np.array(sums, dtype=np.int64)
        return self._sums

    def _kept(self, offset: int, box: Box) -> IntArray:
        """Return the places in the grid of what is kept in a block."""
        return self._decider.decide(offset, box)[1].ids

    def places(self, ranks: Sequence[int]) -> IntArray:
        """Return the positions of the configurations of some ranks, shape (axes, ranks).

        Args:
            ranks: each below `number`.
        """
        sums, asked = self._walk(), np.array(ranks, dtype=np.int64)
        if self._ids is not None:
            return self._positions(self._ids[asked])
        found = np.empty(len(asked), dtype=np.int64)
        block = np.searchsorted(sums, asked, side="right") - 1
        for number in np.unique(block).tolist():
            here = block == number
            found[here] = self._kept(*self._blocks[number])[asked[here] - sums[number]]
        return self._positions(found)

    def _positions(self, offsets: IntArray) -> IntArray:
        sides = zip(strides(self._lengths), self._lengths, strict=True)
        return np.array([offsets // stride % length for stride, length in sides]).reshape(-1, len(offsets))

    def before(self, places: IntArray) -> tuple[IntArray, Any]:
        """Return how many of the kept configurations stand before some others, and whether these are kept.

        Args:
            places: positions, shape (axes, configurations).
        """
        sums = self._walk()
        asked = np.zeros(places.shape[1], dtype=np.int64)
        for stride, side in zip(strides(self._lengths), places, strict=True):
            asked += stride * side
        if self._ids is not None:
            return _before(self._ids, asked)
        before, kept = np.empty(len(asked), dtype=np.int64), np.empty(len(asked), dtype=np.bool_)
        starts = np.array([offset for offset, _ in self._blocks], dtype=np.int64)
        block = np.searchsorted(starts, asked, side="right") - 1
        for number in np.unique(block).tolist():
            here = block == number
            found, kept[here] = _before(self._kept(*self._blocks[number]), asked[here])
            before[here] = found + sums[number]
        return before, kept


def _before(ids: IntArray, asked: IntArray) -> tuple[IntArray, Any]:
    """Return how many of some ids, which ascend, are below others, and which of these are among them."""
    found = np.searchsorted(ids, asked)
    kept = found < len(ids)
    kept[kept] = ids[found[kept]] == asked[kept]
    return found.astype(np.int64), kept

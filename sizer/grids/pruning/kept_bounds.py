"""Bounds on how many configurations of a piece pass, where counting them exactly takes too much effort.

Slices along one or two axes are counted exactly at the two corners of a box of slices. Counts grow along every axis, so
no slice between them holds more than the first or less than the last, and the box that leaves most open is cut next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sizer.grids.columns import IntArray
from sizer.grids.pruning.boxes import Boxes, exact_sum, volumes
from sizer.grids.pruning.lattice_points import Numbers
from sizer.grids.pruning.search import CHUNK, BoxSearch
from sizer.grids.pruning.straight_cuts import Between
from sizer.grids.pruning.straight_slices import Slices
from sizer.grids.pruning.verdicts import Judge

SHARE = 0.7
"""The part of all that is open whose boxes are cut in the next round."""


@dataclass(frozen=True)
class Pool:
    """Boxes with the least and the most that may pass in each."""

    low: IntArray
    high: IntArray
    least: Numbers
    most: Numbers
    certain: Numbers
    """Where the rules and expressions hold in the whole box."""

    def those(self, chosen: Numbers) -> Pool:
        """Return some of the boxes, by index or mask."""
        return Pool(
            self.low[:, chosen], self.high[:, chosen], self.least[chosen], self.most[chosen], self.certain[chosen]
        )

    @classmethod
    def joined(cls, pools: Sequence[Pool]) -> Pool:
        """Return the boxes of several pools."""
        sides = zip(*((pool.low, pool.high) for pool in pools), strict=True)
        low, high = (np.concatenate(side, axis=1) for side in sides)
        rest = zip(*((pool.least, pool.most, pool.certain) for pool in pools), strict=True)
        return cls(low, high, *(np.concatenate(numbers) for numbers in rest))


def bound_kept(search: BoxSearch, effort: int) -> tuple[int, int]:
    """Return the least and the most number of configurations that may pass.

    Args:
        search: where and for what, counting.
        effort: boxes to look at.
    """
    whole = Boxes.whole(search.piece)
    pool = _looked_at(search, whole.low, whole.high)
    least = most = 0
    while len(pool.least):
        gaps = (pool.most - pool.least).astype(np.float64)
        settled = gaps == 0
        least += exact_sum(pool.least[settled])
        most += exact_sum(pool.most[settled])
        pool, gaps = pool.those(~settled), gaps[~settled]
        order = np.argsort(-gaps, kind="stable")
        open_part = np.cumsum(gaps[order])
        if not len(order):
            break
        number = int(np.searchsorted(open_part, SHARE * open_part[-1])) + 1
        effort -= 2 * number
        if effort < 0:
            break
        cut = pool.those(order[:number])
        halves = Boxes.opened(cut.low, cut.high).halved(np.arange(number), _widest(search, cut))
        pool = Pool.joined([pool.those(order[number:]), *_parts(search, halves)])
    return least + exact_sum(pool.least), most + exact_sum(pool.most)


def _parts(search: BoxSearch, chunk: Boxes) -> Iterator[Pool]:
    for start in range(0, len(chunk), CHUNK):
        part = slice(start, start + CHUNK)
        yield _looked_at(search, chunk.low[:, part], chunk.high[:, part])


def _widest(search: BoxSearch, pool: Pool) -> IntArray:
    """Return the axis along which each box is to be cut: where the count changes most while the slices are whole."""
    extents = pool.high - pool.low
    longest: IntArray = extents.argmax(axis=0)
    if search.slices is None:
        return longest
    outer = extents.copy()
    outer[list(search.slices.axes)] = 1
    column = next(iter(search.judge.bounds))
    # In the middle of the slices, where the limit may well lie.
    middle = pool.low.copy()
    for axis in search.slices.axes:
        middle[axis] += extents[axis] // 2
    change = np.zeros(extents.shape, dtype=np.float64)
    for other in np.flatnonzero(outer.max(axis=1) > 1):
        moved = middle.copy()
        moved[other] = pool.high[other] - 1
        change[other] = search.judge.counts[column](search.piece.varying(moved))
    change[outer == 1] = -1
    return np.where(pool.certain & (outer.max(axis=0) > 1), change.argmax(axis=0), longest)


def _looked_at(search: BoxSearch, low: IntArray, high: IntArray) -> Pool:
    """Return boxes with bounds on what passes in each; those in which nothing does are left out."""
    verdict = search.judge.classify(low, high)
    possible, certain = verdict.possible, verdict.certain()
    single = possible & ~certain & ((high - low).max(axis=0, initial=1) == 1)
    if single.any():
        possible[single] = verdict.within[single] = certain[single] = search.judge.passes(low[:, single])
    if search.slices is not None:
        # What cuts the slices need not hold in all of a box.
        certain |= verdict.certain(search.slices.cuts.solved)
    low, high, certain, within = low[:, possible], high[:, possible], certain[possible], verdict.within[possible]
    whole = volumes(low, high)
    least, most = np.where(within, whole, 0), whole
    if search.slices is not None:
        least, most = _between(search.judge, search.slices, low, high)
    return Pool(low, high, np.where(certain, least, 0), most, certain)


def _between(judge: Judge, slices: Slices, low: IntArray, high: IntArray) -> tuple[Numbers, Numbers]:
    """Return the least and the most that may pass, from the slices at the two corners of boxes."""
    axes = list(slices.axes)
    kind = volumes(low, high).dtype
    last = high - 1
    last[axes] = low[axes]
    outer = high - low
    outer[axes] = 1
    number = outer.astype(kind).prod(axis=0)
    surely, perhaps = Between(low, last, surely=True), Between(low, last, surely=False)
    tops = {column: (None, judge.limits(column)[1]) for column in judge.bounds}
    least, most = slices.points(last, high, tops, surely), slices.points(low, high, tops, perhaps)
    least, most = least.astype(kind), most.astype(kind)
    for column, top in tops.items():
        minimum, _ = judge.limits(column)
        if minimum is not None:
            under = {column: (None, minimum - 1)}
            least = least - slices.points(low, high, under, surely).astype(kind)
            # What one column drops and what another one drops may be the same configurations.
            alone = slices.points(low, high, {column: top}, perhaps).astype(kind)
            most = np.minimum(most, alone - slices.points(last, high, under, perhaps).astype(kind))
    return np.maximum(least, 0) * number, np.maximum(most, 0) * number

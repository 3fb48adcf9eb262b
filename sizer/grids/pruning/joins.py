"""Two groups of axes counted apart and joined: with some axes settled, each count is a sum of what either group adds.

Blocks of a model that only add up are such groups: of a transducer with the joint's width settled, the encoder's sizes
and those of the prediction network. What either adds is listed once, and the pairs whose sums are within the limits are
counted by sorting: for lists of a thousand that is two thousand sums in place of a million.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sizer.grids.columns import IntArray
from sizer.grids.pruning.pieces import Piece
from sizer.grids.pruning.verdicts import Condition, Judge

MOST_LISTED = 1 << 20
"""The most places of one group that are listed."""

MOST_AXES = 12
"""Of more long axes than this no groups are looked for."""

MOST_SUMS = 2
"""The most columns of which the sums of both groups are bounded."""

COST = (0.12, 0.24, 6.0)
"""How many lines are searched in the time that one place of a group takes, by how many sums are bounded."""

OVERHEAD = 2_000
"""The same of the time that each settled place takes, however short the lists."""


@dataclass(frozen=True)
class Join:
    """Groups of a piece's axes that only add up once the others are settled."""

    judge: Judge
    settled: tuple[int, ...]
    """The axes that are settled one place after the other."""
    groups: tuple[tuple[int, ...], tuple[int, ...]]
    """The axes of either group; nothing multiplies across, and no rule and no expression looks at both."""
    columns: tuple[str, ...]
    """The bounded columns to which both groups add."""

    @classmethod
    def of(cls, piece: Piece, conditions: Sequence[Condition]) -> Join | None:
        """Return the groups that leave the least to do, or None where there are none.

        Args:
            piece: where to count.
            conditions: that must all hold.
        """
        judge = Judge(piece, conditions)
        long = [axis for axis, extent in enumerate(_extents(piece)) if extent > 1]
        if len(long) > MOST_AXES:
            return None
        links = [frozenset(link) & set(long) for link in _links(judge)]
        read = {column: piece.axes_of(frozenset(counted.variables())) for column, counted in judge.polynomials.items()}
        found: list[Join] = []
        for number in range(len(long) - 1):
            for settled in itertools.combinations(long, number):
                groups = _groups(piece, _parts(set(long) - set(settled), links))
                if groups is None:
                    continue
                columns = tuple(column for column, axes in read.items() if all(axes & set(group) for group in groups))
                if len(columns) <= MOST_SUMS:
                    found.append(cls(judge, settled, groups, columns))
        return min(found, key=lambda join: join.expected, default=None)

    @property
    def expected(self) -> float:
        """About how much there is to do, in lines that are searched."""
        extents = _extents(self.judge.piece)
        listed = sum(math.prod(extents[axis] for axis in group) for group in self.groups)
        return float(self.rounds) * (OVERHEAD + COST[len(self.columns)] * listed)

    @property
    def rounds(self) -> int:
        """How many places the settled axes have."""
        extents = _extents(self.judge.piece)
        return math.prod(extents[axis] for axis in self.settled)

    def counts(self) -> Iterator[int]:
        """Yield how many configurations pass at each place of the settled axes, in id order."""
        piece, judge = self.judge.piece, self.judge
        low = np.array(piece.start, dtype=np.int64).reshape(-1, 1)
        high = np.array(piece.stop, dtype=np.int64).reshape(-1, 1)
        lists = [_listed(piece, group) for group in self.groups]
        judges = [Judge(piece, self._of_one(other)) for other in reversed(self.groups)]
        for places in itertools.product(*(range(piece.start[axis], piece.stop[axis]) for axis in self.settled)):
            for axis, place in zip(self.settled, places, strict=True):
                low[axis], high[axis] = place, place + 1
                for listed in lists:
                    listed[axis] = place
            verdict = judge.classify(low, high)
            if not verdict.possible.all():
                yield 0
            elif (verdict.within & verdict.certain()).all():
                yield math.prod(listed.shape[1] for listed in lists)
            else:
                passing = [
                    listed[:, own.passes(listed)] if own.conditions else listed
                    for own, listed in zip(judges, lists, strict=True)
                ]
                yield self._pairs(low, passing)

    def _of_one(self, other: Collection[int]) -> list[Condition]:
        """Return the conditions that do not look at a group."""
        piece = self.judge.piece
        return [one for one in self.judge.conditions if not Judge(piece, [one]).relevant_axes() & set(other)]

    def _pairs(self, low: IntArray, passing: Sequence[IntArray]) -> int:
        """Return how many pairs of places, one of either group, have sums within the limits."""
        first, second = passing
        sums, limits = [], []
        for column in self.columns:
            count = self.judge.counts[column]
            one, other, both = (
                np.broadcast_to(np.asarray(count(self.judge.piece.varying(places)), dtype=np.int64), (places.shape[1],))
                for places in (first, second, low)
            )
            # What is there when both are at their first place is counted once.
            sums.append((one, other - both))
            limits.append(self.judge.limits(column))
        if not sums or not first.shape[1] or not second.shape[1]:
            return int(first.shape[1] * second.shape[1])
        if any(least is not None and most is not None and least > most for least, most in limits):
            return 0
        if len(sums) == 1:
            return _pairs_within(*sums[0], *limits[0])
        return _pairs_within_both(sums, limits)


def _extents(piece: Piece) -> list[int]:
    return [stop - start for start, stop in zip(piece.start, piece.stop, strict=True)]


def _links(judge: Judge) -> Iterator[frozenset[int]]:
    """Yield axes that cannot be in different groups."""
    for counted in judge.polynomials.values():
        for monomial in counted.terms:
            yield judge.piece.axes_of(frozenset(monomial))
    for condition in judge.conditions:
        yield Judge(judge.piece, [condition]).axes_read()


def _parts(axes: set[int], links: Iterable[frozenset[int]]) -> list[set[int]]:
    """Return axes in parts that no link joins."""
    parts = [{axis} for axis in sorted(axes)]
    for link in links:
        joined = [part for part in parts if part & link]
        if len(joined) > 1:
            parts = [part for part in parts if not part & link]
            parts.append(set().union(*joined))
    return parts


def _groups(piece: Piece, parts: list[set[int]]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return parts as two groups about as long as each other, or None where there are not two or one is too long."""
    if len(parts) < 2:
        return None
    extents = _extents(piece)
    groups: tuple[list[int], list[int]] = ([], [])
    lengths = [1, 1]
    for part in sorted(parts, key=lambda part: -math.prod(extents[axis] for axis in part)):
        shorter = int(lengths[1] < lengths[0])
        groups[shorter].extend(part)
        lengths[shorter] *= math.prod(extents[axis] for axis in part)
    if max(lengths) > MOST_LISTED:
        return None
    return tuple(sorted(groups[0])), tuple(sorted(groups[1]))


def _listed(piece: Piece, group: Sequence[int]) -> IntArray:
    """Return all places of a group, every other axis at its first place; shape (axes, places)."""
    sides = [
        np.arange(start, stop) if axis in group else np.arange(start, start + 1)
        for axis, (start, stop) in enumerate(zip(piece.start, piece.stop, strict=True))
    ]
    return np.stack([side.reshape(-1) for side in np.meshgrid(*sides, indexing="ij")])


def _pairs_within(first: IntArray, second: IntArray, least: int | None, most: int | None) -> int:
    """Return how many pairs, one of either list, have a sum within the limits."""
    first, second = np.sort(first), np.sort(second)
    found = len(first) * len(second)
    if most is not None:
        found = int(np.searchsorted(first, most - second, side="right").sum())
    if least is not None:
        found -= int(np.searchsorted(first, least - 1 - second, side="right").sum())
    return found


def _pairs_within_both(
    sums: Sequence[tuple[IntArray, IntArray]], limits: Sequence[tuple[int | None, int | None]]
) -> int:
    """Return how many pairs, one of either list, have both sums within their limits."""
    (first, _), (second, _) = sums
    (_, first_asked), (_, second_asked) = sums
    ranks = OrderedRanks(first, second)
    found = 0
    for (one, sign), (other, by) in itertools.product(*map(_corners, limits)):
        largest = None if one is None else one - first_asked
        found += sign * by * ranks.pairs(largest, None if other is None else other - second_asked, len(first_asked))
    return found


def _corners(limits: tuple[int | None, int | None]) -> list[tuple[int | None, int]]:
    """Return the largest sums up to which pairs are counted, each with the sign it counts with."""
    least, most = limits
    return [(most, 1)] if least is None else [(most, 1), (least - 1, -1)]


class OrderedRanks:
    """Points of two coordinates, in which those with both at most some others are counted: a wavelet matrix.

    The ranks of the second coordinate stand in the order of the first, bit by bit from the highest, and for each bit it
    is known how many zeros come before each place.
    """

    def __init__(self, first: IntArray, second: IntArray) -> None:
        """Sort the points.

        Args:
            first: a coordinate of each point.
            second: the other one.
        """
        order = np.argsort(first, kind="stable")
        self._first = first[order]
        self._second, ranks = np.unique(second[order], return_inverse=True)
        self._bits = range(len(self._second).bit_length() - 1, -1, -1)
        self._zeros: list[npt.NDArray[np.int32]] = []
        ranks = ranks.astype(np.int32)
        for bit in self._bits:
            ones = (ranks >> bit) & 1
            zeros = np.zeros(len(ranks) + 1, dtype=np.int32)
            np.cumsum(1 - ones, out=zeros[1:])
            self._zeros.append(zeros)
            ranks = np.concatenate([ranks[ones == 0], ranks[ones == 1]])

    def pairs(self, first: IntArray | None, second: IntArray | None, number: int) -> int:
        """Return how many pairs of a point and a question there are in which the point is at most what is asked for.

        Args:
            first: the largest first coordinate of each question; None: any.
            second: the largest second one.
            number: of questions.
        """
        points = len(self._first)
        if second is None:
            return points * number if first is None else int(np.searchsorted(self._first, first, side="right").sum())
        stop = (
            np.full(number, points, dtype=np.int32)
            if first is None
            else np.searchsorted(self._first, first, side="right").astype(np.int32)
        )
        below = np.searchsorted(self._second, second, side="right").astype(np.int32)
        start = np.zeros(number, dtype=np.int32)
        found = np.zeros(number, dtype=np.int64)
        for bit, zeros in zip(self._bits, self._zeros, strict=True):
            start_zeros, stop_zeros = zeros[start], zeros[stop]
            ones = ((below >> bit) & 1).astype(np.bool_)
            found += np.where(ones, stop_zeros - start_zeros, 0)
            start = np.where(ones, zeros[-1] + start - start_zeros, start_zeros)
            stop = np.where(ones, zeros[-1] + stop - stop_zeros, stop_zeros)
        return int(found.sum())

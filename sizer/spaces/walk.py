"""Tables become answers: how many are within a window, which one has a rank, and which rank one has.

Near the start, decisions have no tables: they are written out as prefixes, in the order of ids, while these are few. So
the largest tables need not be made, and a rank is found by one search among the prefixes and a walk down the tables.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.spaces.decisions import NEVER, Decision, Ends, IntArray, Start
from sizer.spaces.digits import (
    BITS,
    LIMB_BITS,
    carry,
    carry_limbs,
    digits_for,
    digits_of,
    exact_sum,
    exceeds,
    limbs_of,
    read_ints,
    whole,
    whole_limbs,
)
from sizer.spaces.tables import RoomTable, Tables

MOST_LISTED = 1 << 24
"""The most networks that are listed one by one, where what few different values a network has decides."""
MOST_PREFIXES = 6_000_000
"""The most prefixes that stand for decisions without a table."""
_FREE = 300_000
"""Prefixes that are written out whatever a table would take."""
_WORTH = 100
"""Additions of a table that take as long as writing out one prefix."""
_AT_ONCE = 1 << 21
"""Numbers that are looked at side by side."""
_TOGETHER = 1 << 11
"""Ranks that are looked for side by side, so that their numbers stay in the processor's cache."""
_ALIKE = 1 << 9
"""Ranks in one state that are looked at by themselves."""
_FIRST_OPTIONS = 32
"""Options of each that are added up at first."""
_MOST_OPTIONS = 256
"""And at most."""
_CHUNK = 1 << 17
"""Configurations, or options of them, that are listed side by side."""
_SIMPLE = 1 << 62
"""Below it everything is done in single int64."""


class TooManyError(Exception):
    """There are too many to be listed one by one."""


class TooLongError(Exception):
    """A search looks at too much."""


@dataclass(eq=False)
class Prefixes:
    """The prefixes of one chain, in the order of ids."""

    start: int
    """Which chain it is."""
    decision: Decision | Ends
    """What is decided next."""
    states: IntArray
    spent: IntArray
    taken: list[tuple[Decision, IntArray, IntArray]] = field(default_factory=list)
    """For each decision before: the prefix that was continued, and the option; both for each prefix of that length."""
    seen: IntArray | None = None
    """The different values so far, shape (n, most different ones), -1 for none; None where any number is allowed."""

    def __len__(self) -> int:
        return len(self.states)

    def options(self, places: IntArray) -> list[IntArray]:
        """Return the options that lead to some prefixes, decision by decision."""
        found = []
        for _, parents, options in reversed(self.taken):
            found.append(options[places])
            places = parents[places]
        return found[::-1]


@dataclass(eq=False)
class _Branch:
    """Configurations that have been decided up to some decision, in the order of ids."""

    decision: Decision | Ends
    states: IntArray
    spent: IntArray
    options: IntArray
    depth: int


@dataclass(frozen=True)
class Window:
    """What a count is of: up to a room in the tables above, without what is up to a room in those below."""

    high: int
    low: int | None = None
    """None: nothing is left out."""


@dataclass(eq=False)
class Chosen:
    """Configurations by what was decided, in the order in which they were asked for."""

    starts: IntArray
    options: IntArray
    """Shape (n, decisions of the longest chain); -1 behind the end of a shorter one."""
    spent: IntArray
    """What the decisions cost in units, without the ends."""


class Descent:
    """Chains up to a limit, counted and numbered."""

    def __init__(
        self,
        starts: Sequence[Start],
        ends: Mapping[int, IntArray],
        limit: int,
        below: tuple[Mapping[int, IntArray], int] | None = None,
        threads: int = 0,
        few: Sequence[tuple[IntArray, int] | None] = (),
        share: int = 1,
    ) -> None:
        """Write out the prefixes.

        Args:
            starts: the chains in the order of ids, with costs in units.
            ends: what each end costs.
            limit: the largest room that will be asked about.
            below: other costs of the ends and their limit, for what a window leaves out; None: the same.
            threads: how many rows of a table are filled at once; 0: as many as there are cores.
            few: for each chain the value of each option, and how many different ones a configuration may have; None:
                any number. Such chains are listed one by one.
            share: of how many walks side by side this is one, so that all of their prefixes are no more than those of one.

        Raises:
            TooManyError: there are too many to be listed.
        """
        self.starts = list(starts)
        self._few = list(few) or [None] * len(self.starts)
        self._threads = threads or os.cpu_count() or 1
        self._most_prefixes = MOST_PREFIXES // share
        self.tables = Tables(starts, ends, limit, threads)
        self._below = self.tables if below is None else Tables(starts, below[0], below[1], threads)
        self.groups = self._written_out()
        self._remembered: tuple[Window, list[int], list[Any]] | None = None
        self._merged: list[tuple[Prefixes, IntArray, IntArray, IntArray]] | None = None

    @property
    def additions(self) -> int:
        """About how many additions the tables take that are needed below the prefixes."""
        return sum(tables.additions(one) for tables in self._needed() for one in self._tabled())

    @property
    def numbers(self) -> int:
        """How many numbers these tables hold."""
        return sum(tables.numbers(one) for tables in self._needed() for one in self._tabled())

    @property
    def serves_windows(self) -> bool:
        """Whether what a window leaves out is in the same tables."""
        return self._below is self.tables

    def reaches(self, window: Window) -> bool:
        """Return whether tables hold all rooms of a window."""
        return self.tables.limit >= window.high and (window.low is None or self._below.limit >= window.low)

    def _needed(self) -> list[Tables]:
        return [self.tables] if self._below is self.tables else [self.tables, self._below]

    def _tabled(self) -> list[Decision]:
        found: dict[int, Decision] = {}
        for group in self.groups:
            decision = group.decision if len(group) else None
            while isinstance(decision, Decision):
                found[id(decision)] = decision
                decision = decision.after
        return list(found.values())

    # Prefixes

    def _written_out(self) -> list[Prefixes]:
        one = np.zeros(1, dtype=np.int64)
        groups = [
            Prefixes(number, start.first, one + start.state, one + start.cost, seen=_none_seen(few))
            for number, (start, few) in enumerate(zip(self.starts, self._few, strict=True))
        ]
        if any(few is not None for few in self._few):
            return self._listed(groups)
        while True:
            height = max((group.decision.height for group in groups), default=0)
            tall = [group for group in groups if group.decision.height == height]
            if not height:
                return groups
            before = sum(map(len, groups))
            heads = {id(group.decision): group.decision for group in tall}
            worth = sum(self.tables.additions(one) for one in heads.values() if isinstance(one, Decision)) // _WORTH
            most = min(self._most_prefixes, max(_FREE, worth))
            if sum(len(group) * group.decision.options for group in tall if isinstance(group.decision, Decision)) > (
                64 * MOST_PREFIXES
            ):
                return groups
            number = before
            for group in tall:
                number += self._continued(group) - len(group)
                if number > most:
                    return groups
            groups = [self._extended(group) if group.decision.height == height else group for group in groups]

    def _listed(self, groups: list[Prefixes]) -> list[Prefixes]:
        """Return everything that fits, one by one."""
        for height in range(max((group.decision.height for group in groups), default=0), 0, -1):
            number = 0
            for group in groups:
                number += self._continued(group) if group.decision.height == height else len(group)
                if number > MOST_LISTED:
                    raise TooManyError
            groups = [self._extended(group) if group.decision.height == height else group for group in groups]
        return groups

    def _fitting(self, group: Prefixes, some: slice) -> tuple[Decision, npt.NDArray[np.bool_]]:
        decision = group.decision
        assert isinstance(decision, Decision)
        states = group.states[some]
        needs = decision.costs[states]
        needs += self.tables.least[id(decision.after)][decision.targets[states]]
        needs += group.spent[some, None]
        fits = needs <= self.tables.limit
        few = self._few[group.start]
        if few is not None and group.seen is not None:
            seen = group.seen[some]
            known = np.zeros_like(fits)
            for place in range(seen.shape[1]):
                known |= seen[:, place, None] == few[0][None, :]
            fits &= known | (seen[:, -1:] < 0)
        return decision, fits

    def _slices(self, group: Prefixes) -> list[slice]:
        decision = group.decision
        assert isinstance(decision, Decision)
        step = max(1, _AT_ONCE // max(1, decision.options))
        return [slice(start, start + step) for start in range(0, len(group), step)]

    def _continued(self, group: Prefixes) -> int:
        return sum(int(np.count_nonzero(self._fitting(group, some)[1])) for some in self._slices(group))

    def _extended(self, group: Prefixes) -> Prefixes:
        parents, options = [], []
        for some in self._slices(group):
            who, option = np.nonzero(self._fitting(group, some)[1])
            parents.append((who + some.start).astype(np.int32))
            options.append(option.astype(np.int32))
        decision = group.decision
        assert isinstance(decision, Decision)
        parent = np.concatenate(parents) if parents else np.empty(0, dtype=np.int32)
        option = np.concatenate(options) if options else np.empty(0, dtype=np.int32)
        states = group.states[parent]
        few = self._few[group.start]
        seen = None
        if few is not None and group.seen is not None:
            seen = group.seen[parent]
            values = few[0][option].astype(seen.dtype)
            new = np.flatnonzero((seen != values[:, None]).all(axis=1))
            seen[new, (seen[new] >= 0).sum(axis=1)] = values[new]
        return Prefixes(
            group.start,
            decision.after,
            decision.targets[states, option],
            group.spent[parent] + decision.costs[states, option],
            [*group.taken, (decision, parent, option)],  # type: ignore[list-item]
            seen,
        )

    # Counting

    def _ways(self, decision: Decision | Ends, states: IntArray, spent: IntArray, window: Window) -> IntArray:
        """Return in how many ways each goes on within the window, shape (limbs, ...); limbs may be negative."""
        found = self.tables.at(decision, states, window.high - spent)
        if window.low is None:
            return found
        without = self._below.at(decision, states, window.low - spent)
        if len(found) == len(without):
            return found - without
        # Tables that hold less may have fewer limbs.
        number = max(len(found), len(without))
        both = [_in_limbs(found, number), _in_limbs(without, number)]
        return both[0] - both[1]

    def count(self, window: Window) -> int:
        """Return how many there are within a window."""
        total = 0
        for group, states, spent, times in self._alike():
            for start in range(0, len(states), _AT_ONCE):
                some = slice(start, start + _AT_ONCE)
                total += exact_sum(self._ways(group.decision, states[some], spent[some], window), times[some])
        return total

    def _alike(self) -> list[tuple[Prefixes, IntArray, IntArray, IntArray]]:
        """Return the prefixes of each group, those that go on alike as one, with how many these are."""
        if self._merged is None:
            self._merged = []
            for group in self.groups:
                wide = self.tables.limit + 1
                alike, times = np.unique(group.states * wide + group.spent, return_counts=True)
                self._merged.append((group, alike // wide, alike % wide, times))
        return self._merged

    def _sums(self, window: Window) -> tuple[list[int], list[Any]]:
        """Return how many there are up to the end of each group, and of each group the running sums of its prefixes."""
        if self._remembered is None or self._remembered[0] != window:
            ends, running, total = [], [], 0
            for group in self.groups:
                ways = self._ways(group.decision, group.states, group.spent, window)
                number = exact_sum(ways)
                total += number
                ends.append(total)
                if len(ways) == 1 and number < _SIMPLE:
                    running.append(np.cumsum(ways[0]))
                else:
                    digits = np.cumsum(digits_of(ways, digits_for(number) + 1), axis=1)
                    carry(digits)
                    running.append(digits)
            self._remembered = (window, ends, running)
        return self._remembered[1], self._remembered[2]

    def _single(self, decision: Decision) -> bool:
        """Return whether no number of ways on from a decision, all options together, passes one int64."""
        tables = [one.table(decision) for one in self._needed()]
        return all(isinstance(table, RoomTable) and len(table.flat) == 1 for table in tables)

    def _simple(self, total: int) -> bool:
        return total < _SIMPLE and self.tables.limbs == 1 and self._below.limbs == 1

    # From ranks to configurations

    def unrank(self, ranks: Sequence[int] | IntArray, window: Window) -> Chosen:
        """Return the configurations of some ranks within a window.

        Raises:
            IndexError: a rank is not below the count.
        """
        ends, running = self._sums(window)
        total = ends[-1] if ends else 0
        number = len(ranks)
        if number and not (min(map(int, (np.min(ranks),))) >= 0 and int(np.max(ranks)) < total):
            raise IndexError(f"there are {total} configurations")
        simple = self._simple(total)
        listed: npt.NDArray[Any] = np.array(ranks, dtype=np.int64 if simple else object)
        order = np.argsort(listed, kind="stable")
        listed = listed[order]
        depth = max((start.first.height for start in self.starts), default=0)
        chosen = Chosen(
            np.zeros(number, dtype=np.int64),
            np.full((number, depth), -1, dtype=np.int32),
            np.zeros(number, dtype=np.int64),
        )
        at, before = 0, 0
        for group, end, sums in zip(self.groups, ends, running, strict=True):
            stop = int(np.searchsorted(listed, end, side="left")) if at < number else at
            for start in range(at, stop, _AT_ONCE):
                some = slice(start, min(stop, start + _AT_ONCE))
                self._unrank_group(group, sums, listed[some] - before, order[some], window, chosen)
            at, before = stop, end
        return chosen

    def _unrank_group(
        self,
        group: Prefixes,
        sums: Any,
        left: npt.NDArray[Any],
        rows: IntArray,
        window: Window,
        chosen: Chosen,
    ) -> None:
        if sums.ndim == 1:
            places = np.searchsorted(sums, left.astype(np.int64), side="right")
            left = left - np.where(places > 0, sums[np.maximum(places - 1, 0)], 0)
        else:
            places = _first_above(sums, read_ints(left.tolist(), len(sums)))
            left = left - np.where(places > 0, whole(sums[:, np.maximum(places - 1, 0)]), 0)
        depth = 0
        for options in group.options(places):
            chosen.options[rows, depth] = options
            depth += 1
        states, spent = group.states[places], group.spent[places]
        decision = group.decision
        while isinstance(decision, Decision):
            # What is left is below what the decision's own table holds.
            number = 1 if left.dtype != object or self._single(decision) else self._limbs_behind(decision)
            option, rest = self._choose(decision, states, spent, limbs_of(left, number), window)
            left = rest[0] if number == 1 else whole_limbs(rest)
            chosen.options[rows, depth] = option
            depth += 1
            spent = spent + decision.costs[states, option]
            states = decision.targets[states, option]
            decision = decision.after
        chosen.starts[rows] = group.start
        chosen.spent[rows] = spent

    def _limbs_behind(self, decision: Decision) -> int:
        """Return in how many limbs the ways on from a decision are added up."""
        tables = [one.table(place) for one in self._needed() for place in (decision, decision.after)]
        return max([2, *(len(table.flat) for table in tables if isinstance(table, RoomTable))])

    def _behind(
        self, decision: Decision, states: IntArray, spent: IntArray, options: slice, window: Window, number: int
    ) -> IntArray:
        """Return the ways on behind some options within a window, shape (number, options, n); limbs may be negative."""
        known, places = self.tables.continuations(decision, states)
        found = _in_limbs(known.at(places, window.high - spent, options), number)
        if window.low is not None:
            known, places = self._below.continuations(decision, states)
            found = found - _in_limbs(known.at(places, window.low - spent, options), number)
        return found

    def _choose(
        self, decision: Decision, states: IntArray, spent: IntArray, left: IntArray, window: Window
    ) -> tuple[IntArray, IntArray]:
        """Return the option that each rank falls into, and the limbs of the rank within it.

        Options are added up some at a time, and only for ranks that are not reached yet: in the order of ids the first
        ones are mostly the smallest, which the most networks have.
        """
        chosen = np.zeros(len(states), dtype=np.int64)
        rest = left.copy()
        several = decision.options > 2 * _FIRST_OPTIONS

        def choose(rows: IntArray, alike: bool) -> None:
            low, width = 0, _FIRST_OPTIONS if several else decision.options
            while len(rows):
                high = min(decision.options, low + width)
                here = rows[:1] if alike else rows
                ways = self._behind(decision, states[here], spent[rows], slice(low, high), window, len(left))
                # No sum of so many limbs passes an int64.
                sums = ways.sum(axis=1)
                carry_limbs(sums)
                last = exceeds(sums, rest[:, rows])
                if high == decision.options:
                    last[:] = True
                if last.any():
                    self._within(ways[:, :, last], rows[last], low, chosen, rest)
                beyond = ~last
                rows = rows[beyond]
                left_over = rest[:, rows] - sums[:, beyond]
                carry_limbs(left_over)
                rest[:, rows] = left_over
                low, width = high, min(2 * width, _MOST_OPTIONS)

        batches = list(_batches(states, spent))
        if self._threads == 1 or len(batches) < 2 * self._threads:
            for rows, alike in batches:
                choose(rows, alike)
        else:
            for tables in self._needed():  # before there are threads
                tables.continuations(decision, states[:1])
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(lambda batch: choose(*batch), batches))
        return chosen, rest

    def _within(self, ways: IntArray, rows: IntArray, low: int, chosen: IntArray, rest: IntArray) -> None:
        """Find the options that ranks fall into among some options.

        Args:
            ways: on behind these, shape (limbs, options, n).
            rows: which ranks they are.
            low: the first of the options.
            chosen: takes the option of each.
            rest: what is left of each rank; takes what is left within the option.
        """
        sums = np.cumsum(ways, axis=1)
        carry_limbs(sums)
        option = exceeds(sums, rest[:, None, rows]).argmax(axis=0)
        found = rest[:, rows] - np.where(option > 0, sums[:, np.maximum(option - 1, 0), np.arange(len(rows))], 0)
        carry_limbs(found)
        rest[:, rows] = found
        chosen[rows] = low + option

    def in_order(self, window: Window, first: int = 0) -> Iterator[Chosen]:
        """Yield all configurations within a window in the order of ids, some at a time.

        Args:
            window: which ones.
            first: the rank of the first; those before it are not looked at.
        """
        depth = max((start.first.height for start in self.starts), default=0)
        number, prefix, skip = self._entered(first, window) if first else (0, 0, 0)
        for group in self.groups[number:]:
            places = np.arange(len(group))
            begin, prefix = prefix, 0
            for start in range(begin, len(group), _CHUNK):
                some = places[start : start + _CHUNK]
                options = np.full((len(some), depth), -1, dtype=np.int64)
                for place, taken in enumerate(group.options(some)):
                    options[:, place] = taken
                if not isinstance(group.decision, Decision):
                    ends = self._ways(group.decision, group.states[some], group.spent[some], window)
                    there = np.flatnonzero(ends[0] > 0)
                    some, options = some[there], options[there]
                branch = _Branch(group.decision, group.states[some], group.spent[some], options, len(group.taken))
                for found in self._spread(branch, window, skip):
                    starts = np.full(len(found.options), group.start, dtype=np.int64)
                    yield Chosen(starts, found.options, found.spent)
                skip = 0

    def _entered(self, rank: int, window: Window) -> tuple[int, int, int]:
        """Return the group that a rank falls into, the prefix in it, and how many of that prefix come before."""
        ends, running = self._sums(window)
        number = bisect.bisect_right(ends, rank)
        if number == len(ends):
            return number, 0, 0
        left, sums = rank - (ends[number - 1] if number else 0), running[number]
        if sums.ndim == 1:
            prefix = int(np.searchsorted(sums, left, side="right"))
            before = sums[prefix - 1]
        else:
            prefix = int(_first_above(sums, read_ints([left], len(sums)))[0])
            before = whole(sums[:, prefix - 1])
        return number, prefix, left - int(before) if prefix else left

    def _spread(self, branch: _Branch, window: Window, skip: int = 0) -> Iterator[_Branch]:
        """Yield what some branches go on to, without the first few of the first one."""
        decision = branch.decision
        if not isinstance(decision, Decision):
            if len(branch.states):
                yield branch
            return
        step = max(1, _CHUNK // decision.options)
        for start in range(0, len(branch.states), step):
            some = slice(start, start + step)
            states = branch.states[some]
            total = branch.spent[some, None] + decision.costs[states]
            # Only what has an end within the window is gone into, so that nothing is looked at in vain.
            ways = self._ways(decision.after, decision.targets[states], total, window)
            there = (ways != 0).any(axis=0) & (total < NEVER)
            for place in np.flatnonzero(there[0]).tolist() if skip else ():
                passed = exact_sum(ways[:, 0, place : place + 1])
                if passed > skip:
                    break
                skip -= passed
                there[0, place] = False
            who, option = np.nonzero(there)
            options = branch.options[some][who]
            options[:, branch.depth] = option
            targets = decision.targets[states[who], option]
            after = _Branch(decision.after, targets, total[who, option], options, branch.depth + 1)
            yield from self._spread(after, window, skip)
            skip = 0

    # From configurations to ranks

    def rank(self, chosen: Chosen, window: Window) -> list[int | None]:
        """Return the rank of each configuration; None where it is not within the window."""
        ends, running = self._sums(window)
        found: list[int | None] = [None] * len(chosen.starts)
        for place, group in enumerate(self.groups):
            rows = np.flatnonzero(chosen.starts == group.start)
            if not len(rows):
                continue
            before = ends[place - 1] if place else 0
            for start in range(0, len(rows), _AT_ONCE):
                some = rows[start : start + _AT_ONCE]
                numbers = self._rank_group(group, running[place], chosen.options[some], window)
                for row, number in zip(some.tolist(), numbers, strict=True):
                    found[row] = None if number is None else before + number
        return found

    def _rank_group(self, group: Prefixes, sums: Any, options: IntArray, window: Window) -> list[int | None]:
        number = len(options)
        there = np.ones(number, dtype=np.bool_)
        places = np.zeros(number, dtype=np.int64)
        for depth, (before, parents, taken) in enumerate(group.taken):
            keys = parents.astype(np.int64) * before.options + taken
            wanted = places * before.options + options[:, depth]
            places = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
            there &= (keys[places] == wanted) if len(keys) else False
        earlier = np.maximum(places - 1, 0)
        if not len(group):
            return [None] * number
        running = (sums[earlier] if sums.ndim == 1 else whole(sums[:, earlier])).astype(object)
        total = np.where(places > 0, running, 0)
        states, spent = group.states[places], group.spent[places]
        decision: Decision | Ends = group.decision
        depth = len(group.taken)
        while isinstance(decision, Decision):
            option = np.maximum(options[:, depth], 0)
            total = total + self._before(decision, states, spent, option, window)
            costs = decision.costs[states, option]
            there &= costs < NEVER
            spent = np.minimum(spent + costs, NEVER)
            states = decision.targets[states, option]
            decision = decision.after
            depth += 1
        last = self._ways(decision, states, spent, window)
        there &= last[0] > 0
        return [int(one) if known else None for one, known in zip(total.tolist(), there.tolist(), strict=True)]

    def _before(
        self, decision: Decision, states: IntArray, spent: IntArray, options: IntArray, window: Window
    ) -> npt.NDArray[Any]:
        """Return how many there are with an earlier option at one decision, Python ints."""
        number = 1 if self._single(decision) else self._limbs_behind(decision)
        found = np.zeros((number, len(states)), dtype=np.int64)
        order = np.argsort(options, kind="stable")
        for start in range(0, len(order), _TOGETHER):
            rows = order[start : start + _TOGETHER]
            for low in range(0, decision.options, _MOST_OPTIONS):
                rows = rows[np.searchsorted(options[rows], low, side="right") :]
                if not len(rows):
                    break
                some = slice(low, min(decision.options, low + _MOST_OPTIONS))
                ways = self._behind(decision, states[rows], spent[rows], some, window, number)
                ways *= np.arange(some.start, some.stop)[:, None] < options[rows]
                # Each part is carried, so that no sum of so many limbs passes an int64.
                summed = found[:, rows] + ways.sum(axis=1)
                carry_limbs(summed)
                found[:, rows] = summed
        return found[0].astype(object) if number == 1 else whole_limbs(found)


def _batches(states: IntArray, spent: IntArray) -> Iterator[tuple[IntArray, bool]]:
    """Yield rows that are looked at side by side, near ones together, and whether all are in one state."""
    order = np.lexsort((spent, states))
    breaks = np.flatnonzero(np.diff(states[order])) + 1
    waiting: list[IntArray] = []
    for some in np.split(order, breaks):
        if len(some) < _ALIKE:
            waiting.append(some)
            continue
        for start in range(0, len(some), _TOGETHER):
            yield some[start : start + _TOGETHER], True
    rest = np.concatenate(waiting) if waiting else order[:0]
    for start in range(0, len(rest), _TOGETHER):
        yield rest[start : start + _TOGETHER], False


def _none_seen(few: tuple[IntArray, int] | None) -> IntArray | None:
    return None if few is None else np.full((1, few[1]), -1, dtype=np.int32)


def digits_of_signed(limbs: IntArray, number: int) -> IntArray:
    """Return the digits of numbers of which limbs may be negative, as differences are; the numbers themselves are not."""
    if len(limbs) == 1:
        return digits_of(limbs, number)
    found = np.zeros((number, *limbs.shape[1:]), dtype=np.int64)
    for place, limb in enumerate(limbs):
        found[2 * place] = limb & ((1 << BITS) - 1)
        found[2 * place + 1] = limb >> BITS  # keeps the sign, which a carry brings up
    return found


def _in_limbs(numbers: IntArray, limbs: int) -> IntArray:
    """Return numbers in so many limbs; in one limb only those that fit into it."""
    if len(numbers) == limbs:
        return numbers
    if limbs == 1:
        return numbers[:1] + (numbers[1:2] << LIMB_BITS)
    found = np.zeros((limbs, *numbers.shape[1:]), dtype=np.int64)
    if len(numbers) == 1:
        found[0], found[1] = numbers[0] & ((1 << 2 * BITS) - 1), numbers[0] >> 2 * BITS
    else:
        found[: len(numbers)] = numbers
    return found


def _first_above(sums: IntArray, wanted: IntArray) -> IntArray:
    """Return, for each number, the first place in growing ones that is above it.

    Args:
        sums: shape (digits, n), carried and growing.
        wanted: shape (digits, m).
    """
    low = np.zeros(wanted.shape[1], dtype=np.int64)
    high = np.full(wanted.shape[1], sums.shape[1], dtype=np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        above = exceeds(sums[:, np.minimum(middle, sums.shape[1] - 1)], wanted)
        open_ = low < high
        high = np.where(open_ & above, middle, high)
        low = np.where(open_ & ~above, middle + 1, low)
    return low

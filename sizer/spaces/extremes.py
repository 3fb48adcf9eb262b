"""The networks with the most, or the least, of one counted column where others are bounded: searched, not counted.

Layers are decided one by one, in the order of ids, and only what can still reach a value is gone into. What can be
reached at best is known from tables: for each layer, each state below it and each room of one bounded column, the best
of what is left. Another bounded column takes part with a price on what passes its bound, so that the best is seldom
promised where it is not kept. So a table never has two columns, and no size between is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sizer.spaces.chains import End, LayerChain, LayerStep
from sizer.spaces.decisions import IntArray, common_unit
from sizer.spaces.layers import Mask
from sizer.spaces.plan import largest_of, steps_of
from sizer.spaces.walk import Chosen, TooLongError

Bounds = Mapping[str, tuple[int | None, int | None]]

MOST_LOOKED_AT = 4 * 10**8
"""The most options that are looked at in one search."""
MOST_COMPARISONS = 10**10
"""The most comparisons that a table takes; rooms are as coarse as it needs."""
MOST_NUMBERS = 1 << 26
"""The most numbers of a table, likewise."""
_COARSE = 1 << 10
"""Rooms of the tables by which a price is found."""
_NONE = -(1 << 60)
"""What nothing can be reached with."""
_AT_ONCE = 1 << 16
"""Options that are looked at side by side."""


@dataclass(frozen=True)
class _Price:
    """A price on each part of a column that is past one end of its bound."""

    column: str
    end: int
    upper: bool
    each: int

    @property
    def slope(self) -> int:
        """What a part of the column adds to what is wanted."""
        return -self.each if self.upper else self.each


class _BestAhead:
    """What can be reached at best from each layer on."""

    def __init__(
        self,
        chains: Sequence[LayerChain],
        wanted: Callable[[LayerStep | End], IntArray],
        room: tuple[str, int, bool] | None,
        most_rooms: int,
        price: _Price | None = None,
    ) -> None:
        """Make the tables.

        Args:
            chains: those whose networks are looked for.
            wanted: of which more is better, for each option of a step.
            room: a column, the end of its bound, and whether it is the upper one; None: no column is held.
            most_rooms: the most rooms; they are as coarse as it needs.
            price: on another column.
        """
        self._wanted = wanted
        self._room = room
        self._price = price
        self.unit, self.last = 1, 0
        steps = [step for step in steps_of(chains) if not step.first]
        if room is not None:
            column, end, _ = room
            ends = {id(one): one for one in map(_end_of, chains)}
            own = [step.counts(column) for step in steps_of(chains)] + [one.counts(column) for one in ends.values()]
            self.unit = common_unit(own)
            self.unit *= max(1, -(-(end // self.unit + 1) // most_rooms))
            self.last = -(-end // self.unit)
        self._tables: dict[int, IntArray] = {}
        for chain in chains:
            place = _end_of(chain)
            if id(place) not in self._tables:
                self._tables[id(place)] = self._at_end(place)
        for step in steps:
            self._tables[id(step)] = self._of(step)

    def _gains(self, step: LayerStep | End) -> IntArray:
        gains = self._wanted(step)
        if self._price is not None:
            gains = gains + self._price.slope * step.counts(self._price.column)
        return gains

    def _costs(self, step: LayerStep | End) -> IntArray:
        if self._room is None:
            return np.zeros_like(self._gains(step))
        column, _, upper = self._room
        costs = step.counts(column)
        return costs // self.unit if upper else -(-costs // self.unit)

    def _at_end(self, end: End) -> IntArray:
        rooms, costs = np.arange(self.last + 1), self._costs(end)[:, None]
        held = rooms >= costs if self._room is None or self._room[2] else rooms <= costs
        return np.where(held & end.allowed[:, None], self._gains(end)[:, None], _NONE)

    def _of(self, step: LayerStep) -> IntArray:
        after, gains, costs = self._tables[id(step.after)], self._gains(step), self._costs(step)
        stands = step.exists & step.allowed
        upper = self._room is None or self._room[2]
        found = np.full((len(step.targets), self.last + 1), _NONE, dtype=np.int64)
        some = np.empty(self.last + 1, dtype=np.int64)
        for state, row in enumerate(found):
            for option in np.flatnonzero(stands[state]).tolist():
                cost, gain = min(int(costs[state, option]), self.last + 1), gains[state, option]
                source = after[step.targets[state, option]]
                part = some[: self.last + 1 - cost]
                np.add(source[: len(part)], gain, out=part)
                np.maximum(row[cost:], part, out=row[cost:])
                if not upper:
                    np.maximum(row[:cost], source[0] + gain, out=row[:cost])
            row[row < _NONE // 2] = _NONE
        return found

    def best(
        self, step: LayerStep | End, states: IntArray, spent: Mapping[str, IntArray], wanted: IntArray
    ) -> IntArray:
        """Return what can be reached at best.

        Args:
            step: what is decided next.
            states: there.
            spent: of each bounded column so far.
            wanted: what is reached so far.
        """
        table = self._tables[id(step)]
        if self._room is None:
            found = table[states, 0]
        else:
            column, end, upper = self._room
            left = end - spent[column]
            rooms = left // self.unit if upper else np.maximum(-(-left // self.unit), 0)
            found = np.where(rooms >= 0, table[states, np.clip(rooms, 0, self.last)], _NONE)
        if self._price is not None:
            found = found + self._price.slope * (spent[self._price.column] - self._price.end)
        return np.where(found > _NONE // 2, found + wanted, _NONE)


@dataclass(eq=False)
class _Begun:
    """Networks that have been decided up to some layer, in the order of ids."""

    states: IntArray
    spent: dict[str, IntArray]
    options: IntArray
    depth: int


class ExtremeSearch:
    """Networks with the most, or the least, of a column."""

    def __init__(self, chains: Sequence[LayerChain], column: str, bounds: Bounds, *, largest: bool) -> None:
        """Make the tables.

        Args:
            chains: those whose networks are looked for.
            column: its name.
            bounds: by column.
            largest: the most; else the least.
        """
        self._chains = list(chains)
        self._column = column
        self._sign = 1 if largest else -1
        self._bounds = bounds
        self._columns = tuple(dict.fromkeys((column, *bounds)))
        self._looked_at = 0
        self._depth = max(chain.depth for chain in chains)
        self._ranges: dict[tuple[int, str], tuple[IntArray, IntArray]] = {}
        for chain in chains:
            self._find_ranges(chain)
        # The end of a bound that the wanted column runs against.
        ends = [(name, bound[1] if largest else bound[0], largest) for name, bound in bounds.items()]
        rooms = [(name, end, upper) for name, end, upper in ends if end is not None and end >= 0 and name != column]
        pairs = sum(step.targets.size for step in steps_of(chains)) or 1
        states = sum(len(step.targets) for step in steps_of(chains)) or 1
        most_rooms = max(_COARSE, min(MOST_COMPARISONS // pairs, MOST_NUMBERS // states))
        room = max(rooms, key=lambda one: largest_of(chains, one[0]), default=None)
        self._reaches = [_BestAhead(chains, self._gain, room, most_rooms)]
        for name, (low, high) in bounds.items():
            if name in {column, None if room is None else room[0]}:
                continue
            for end, upper in ((low, False), (high, True)):
                if end is not None:
                    self._add_price(_Price(name, end, upper, 0), room, most_rooms)

    def _gain(self, step: LayerStep | End) -> IntArray:
        return self._sign * step.counts(self._column)

    def _find_ranges(self, chain: LayerChain) -> None:
        """Find the least and the most of each column from each layer on."""
        steps: list[LayerStep | End] = []
        step: LayerStep | End = chain.first
        while isinstance(step, LayerStep):
            steps.append(step)
            step = step.after
        for one in (step, *steps[::-1]):
            for column in self._columns:
                if (id(one), column) in self._ranges:
                    continue
                counts = one.counts(column)
                if isinstance(one, LayerStep):
                    least, most = self._ranges[id(one.after), column]
                    stands = one.exists & one.allowed
                    low = np.where(stands, counts + least[one.targets], -_NONE).min(axis=1, initial=-_NONE)
                    high = np.where(stands, counts + most[one.targets], _NONE).max(axis=1, initial=_NONE)
                else:
                    assert isinstance(one, End)
                    low, high = np.where(one.allowed, counts, -_NONE), np.where(one.allowed, counts, _NONE)
                self._ranges[id(one), column] = (np.minimum(low, -_NONE), np.maximum(high, _NONE))

    def _add_price(self, price: _Price, room: tuple[str, int, bool] | None, most_rooms: int) -> None:
        """Add tables with a price on one end of a bound, if one makes less seem in reach."""

        def promised(each: int, rooms: int = _COARSE) -> int:
            priced = _Price(price.column, price.end, price.upper, each)
            return self._promised([_BestAhead(self._chains, self._gain, room, min(rooms, most_rooms), priced)])

        best, each = promised(0), 0
        step = 1
        while step < 1 << 20:
            less = promised(step)
            if less > best or (less == best and each):
                break
            best, each = (less, step) if less < best else (best, each)
            step *= 2
        step = each // 2
        while step > max(1, each // 16):
            for other in (each - step // 2, each + step // 2):
                less = promised(other)
                if less < best:
                    best, each = less, other
            step //= 2
        if each:
            priced = _Price(price.column, price.end, price.upper, each)
            self._reaches.append(_BestAhead(self._chains, self._gain, room, most_rooms, priced))

    def _promised(self, reaches: Sequence[_BestAhead]) -> int:
        """Return what can be reached at best of all."""
        best = _NONE
        for chain in self._chains:
            states, spent, there = self._opened(chain.first, self._root())
            reach = self._reached(chain.first.after, states, spent, reaches)
            best = max(best, int(np.where(there, reach, _NONE).max(initial=_NONE)))
        return best

    def _root(self) -> _Begun:
        one = np.zeros(1, dtype=np.int64)
        return _Begun(one, dict.fromkeys(self._columns, one), np.full((1, self._depth), -1, dtype=np.int64), 0)

    def _opened(self, step: LayerStep, branch: _Begun) -> tuple[IntArray, dict[str, IntArray], Mask]:
        """Return where each option of some branches leads, what is spent there, and whether it is within all bounds yet."""
        states = branch.states
        allowed = step.allowed[states] if len(step.allowed) > 1 else step.allowed
        there = step.exists[states] & allowed
        targets = step.targets[states]
        spent: dict[str, IntArray] = {
            name: branch.spent[name][:, None] + step.counts(name)[states] for name in self._columns
        }
        for name, (low, high) in self._bounds.items():
            least, most = self._ranges[id(step.after), name]
            if high is not None:
                there &= spent[name] + least[targets] <= high
            if low is not None:
                there &= spent[name] + most[targets] >= low
        return targets, spent, there

    def _reached(
        self, step: LayerStep | End, states: IntArray, spent: Mapping[str, IntArray], reaches: Sequence[_BestAhead]
    ) -> IntArray:
        wanted = self._sign * spent[self._column]
        found = reaches[0].best(step, states, spent, wanted)
        for reach in reaches[1:]:
            found = np.minimum(found, reach.best(step, states, spent, wanted))
        return found

    def _spread(
        self, start: int, step: LayerStep | End, branch: _Begun, least: int
    ) -> Iterator[tuple[Chosen, IntArray]]:
        if isinstance(step, End):
            end = {name: branch.spent[name] + step.counts(name)[branch.states] for name in self._columns}
            fits = step.allowed[branch.states] & (self._sign * end[self._column] >= least)
            for name, (low, high) in self._bounds.items():
                fits &= (end[name] >= (_NONE if low is None else low)) & (
                    end[name] <= (-_NONE if high is None else high)
                )
            rows = np.flatnonzero(fits)
            if len(rows):
                starts = np.full(len(rows), start, dtype=np.int64)
                chosen = Chosen(starts, branch.options[rows], np.zeros(len(rows), dtype=np.int64))
                yield chosen, self._sign * end[self._column][rows]
            return
        options = step.targets.shape[1]
        together = max(1, _AT_ONCE // options)
        for place in range(0, len(branch.states), together):
            some = slice(place, place + together)
            part = _Begun(
                branch.states[some], {name: one[some] for name, one in branch.spent.items()}, branch.options, 0
            )
            self._looked_at += len(part.states) * options
            if self._looked_at > MOST_LOOKED_AT:
                raise TooLongError
            targets, spent, there = self._opened(step, part)
            there &= self._reached(step.after, targets, spent, self._reaches) >= least
            who, option = np.nonzero(there)
            if not len(who):
                continue
            taken = branch.options[some][who]
            taken[:, branch.depth] = option
            after = {name: one[who, option] for name, one in spent.items()}
            yield from self._spread(
                start, step.after, _Begun(targets[who, option], after, taken, branch.depth + 1), least
            )

    def at_least(self, least: int) -> Iterator[tuple[Chosen, IntArray]]:
        """Yield the networks that reach a value, in the order of ids, some at a time, with the values.

        What is least is wanted as its negative.

        Raises:
            TooLongError: it takes too long.
        """
        for number, chain in enumerate(self._chains):
            yield from self._spread(number, chain.first, self._root(), least)

    def first(self, n: int, parts: int) -> Iterator[Chosen]:
        """Yield the n best networks, those with more first, equal ones in the order of ids.

        Args:
            n: how many.
            parts: in how many parts of one the column is summed; networks are equal that are so rounded up.

        Raises:
            TooLongError: it takes too long.
        """

        def rounded(values: IntArray) -> IntArray:
            return self._sign * -(-(self._sign * values) // parts)

        def raised(value: int) -> int:
            """Return the least sum that is rounded to a value."""
            return parts * (value - 1) + 1 if self._sign > 0 else parts * value

        def reaching(value: int) -> IntArray:
            """Return values of networks from a value on, at least n of them if there are so many."""
            found: list[IntArray] = []
            for _, values in self.at_least(raised(value)):
                found.append(rounded(values))
                if sum(map(len, found)) >= n:
                    break
            return np.concatenate(found) if found else np.empty(0, dtype=np.int64)

        promised = min(self._promised(self._reaches), self._own_end())
        if promised <= _NONE:
            return
        top, bottom = (int(one) for one in rounded(np.array([promised, self._lowest()])))
        too_high, step = top + 1, 0
        while True:
            value = max(bottom, top - step)
            values = reaching(value)
            if len(values) >= n or value == bottom:
                break
            too_high, step = value, 2 * step + 1
        n = min(n, len(values))
        low = int(np.sort(values)[len(values) - n]) if n else value
        while n and too_high - low > 1:
            middle = (low + too_high) // 2
            values = reaching(middle)
            if len(values) >= n:
                low = int(np.sort(values)[len(values) - n])
            else:
                too_high = middle
        yield from self._from(low, n, rounded, raised)

    def _own_end(self) -> int:
        """Return what the bound on the wanted column itself lets be reached, a size that some network might have."""
        low, high = self._bounds.get(self._column, (None, None))
        own = high if self._sign > 0 else low
        if own is None:
            return -_NONE
        unit = common_unit([step.counts(self._column) for step in steps_of(self._chains)])
        ends = np.concatenate([_end_of(chain).counts(self._column) for chain in self._chains])
        return int((self._sign * own - (self._sign * (own - ends)) % unit).max())

    def _lowest(self) -> int:
        """Return the least that is reached where no bound is held."""
        values = [self._ranges[id(chain.first), self._column] for chain in self._chains]
        return min(
            min(self._sign * int(low[0]), self._sign * int(high[0])) for low, high in values if low[0] <= high[0]
        )

    def _from(
        self, low: int, n: int, rounded: Callable[[IntArray], IntArray], raised: Callable[[int], int]
    ) -> Iterator[Chosen]:
        """Yield the networks above a value, the best first, then the first ones with it, n together."""
        if not n:
            return
        above = [(chosen, rounded(values)) for chosen, values in self.at_least(raised(low + 1))]
        left = n - sum(len(values) for _, values in above)
        if above:
            values = np.concatenate([one for _, one in above])
            order = np.argsort(-values, kind="stable")
            starts = np.concatenate([chosen.starts for chosen, _ in above])[order]
            options = np.concatenate([chosen.options for chosen, _ in above])[order]
            yield Chosen(starts, options, np.zeros(len(order), dtype=np.int64))
        for chosen, some in self.at_least(raised(low)) if left else ():
            rows = np.flatnonzero(rounded(some) == low)[:left]
            yield Chosen(chosen.starts[rows], chosen.options[rows], chosen.spent[rows])
            left -= len(rows)
            if not left:
                return


def _end_of(chain: LayerChain) -> End:
    step: LayerStep | End = chain.first
    while isinstance(step, LayerStep):
        step = step.after
    return step

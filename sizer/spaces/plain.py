"""The space of a sweep without fields of layers: any grids, numbered and counted as a run does it.

Everything is asked of the engine, of a part of the sweep's axes where the space was restricted: a small sweep is walked
once, a larger one counted by boxes of ids.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from sizer.errors import Fault, InputError
from sizer.grids.account import Account
from sizer.grids.best_rows import best_ids
from sizer.grids.engine import BLOCK, Decider, Rows, enumerate_sweep
from sizer.grids.ids import Box, lengths, strides
from sizer.grids.pruning.counts import EFFORT, OPENED, count_kept, kept_number
from sizer.grids.pruning.ranks import UncountedError
from sizer.grids.pruning.rows import pruned_rows
from sizer.grids.ranks import MOST_TO_WALK, REMEMBERED, SweepRanks, is_walked
from sizer.grids.repeats import Repeats
from sizer.layout import DOT
from sizer.networks.blocks.outlines import given_of, settled_value
from sizer.networks.budgets import read_size
from sizer.networks.columns import BYTES
from sizer.networks.counting import Description, did_you_mean
from sizer.networks.fields import FIELDS
from sizer.spaces.configurations import Configurations
from sizer.spaces.decisions import IntArray
from sizer.spaces.plain_configurations import LARGEST_ID, Narrowed, PlainConfigurations, matched, own
from sizer.spaces.space import Bounds, Budget, CountBetween, Space, _drawn, _shown
from sizer.sweepfile.load import apply_options
from sizer.sweepfile.sweep import Bound, Grid, Sweep

_REMEMBERED = 4
"""What was counted for so many questions is kept."""
_SORTED = EFFORT // 16
"""Lines of one count, where some dozens of counts are made to find a place in the order of size."""


class PlainSpace(Space):
    """A space that a sweep describes in which nothing is swept for each layer by itself."""

    def __new__(cls, sweep: Sweep, *, threads: int = 0, narrowed: Narrowed | None = None) -> PlainSpace:
        """Return a space with nothing counted."""
        return object.__new__(cls)

    def __init__(self, sweep: Sweep, *, threads: int = 0, narrowed: Narrowed | None = None) -> None:
        self.sweep = sweep
        self._threads = threads
        self._chains = []
        self._others = {}
        self._narrowed = Narrowed.not_at_all(sweep) if narrowed is None else narrowed
        self._ranked: dict[Any, SweepRanks] = {}
        self._numbers: dict[Any, int] = {}
        self._by_size: dict[Any, _PlainSizes] = {}
        self.thrown_away = 0

    @cached_property
    def depth(self) -> int:
        most = [grid.most("layers") if "layers" in grid.columns else own(grid, "layers") for grid in self._plain_grids]
        return max((int(number) for number in most if isinstance(number, int)), default=0)

    @property
    def _plain_grids(self) -> list[Grid]:
        return [grid for grid in self.sweep.grids if grid.model is None]

    def _in_a_line(self) -> str:
        return f"{self.sweep.name}: {self.size:,} networks{DOT}{', '.join(self.once) or 'nothing is swept'}"

    # What is asked

    def _divisor(self, column: str) -> int:
        return 1

    def _where(self, where: str | Iterable[str] | None) -> Space:
        words = (where,) if isinstance(where, str) else tuple(where or ())
        if not words:
            return self
        if words not in self._others:
            whole, part = (apply_options(sweep, where=words) for sweep in (self.sweep, self._narrowed.part))
            narrowed = self._narrowed.within(whole, part)
            self._others[words] = PlainSpace(whole, threads=self._threads, narrowed=narrowed)
        return self._others[words]

    def _asked(self, bounds: Bounds) -> Sweep:
        """Return the part of the sweep that is left, with some bounds."""
        return replace(self._narrowed.part, budget=tuple(Bound(name, *ends) for name, ends in bounds.items()))

    def _further(self, bounds: Bounds, column: str, least: int | None, most: int | None) -> Sweep:
        """Return the same with one bound more."""
        asked = self._asked(bounds)
        return replace(asked, budget=(*asked.budget, Bound(column, least, most)))

    def _fault(self, message: str) -> InputError:
        return InputError([Fault(self.sweep.file, 0, 0, "grid", message)])

    # Counting

    def count_between(
        self, budget: Budget = None, where: str | Iterable[str] | None = None, *, exact: bool = False
    ) -> CountBetween:
        if where is not None:
            return self._where(where).count_between(budget, exact=exact)
        bounds = self.bounds(budget)
        key = _key(bounds)
        if key in self._numbers:
            return CountBetween(self._numbers[key], self._numbers[key], "")
        asked = self._asked(bounds)
        number: int | None
        if not is_walked(asked):
            number = kept_number(asked, None if exact else EFFORT)
            if number is None:
                counted = count_kept(asked, effort=EFFORT)
                if counted.at_least < counted.at_most:
                    return CountBetween(counted.at_least, counted.at_most, _too_much())
                number = counted.at_most
        elif asked.size > MOST_TO_WALK:
            return CountBetween(0, asked.size, _unordered())
        else:
            number = sum(self._ranks(bounds).numbers)
        self._numbers[key] = number
        return CountBetween(number, number, "")

    def count_valid(self) -> int:
        return PlainSpace(replace(self.sweep, budget=()), narrowed=self._narrowed).count()

    def _ranks(self, bounds: Bounds) -> SweepRanks:
        key = _key(bounds)
        if key not in self._ranked:
            asked = self._asked(bounds)
            if is_walked(asked) and asked.size > MOST_TO_WALK:
                raise self._fault(f"cannot be ranked: {_unordered()}")
            while len(self._ranked) >= _REMEMBERED:
                self._ranked.pop(next(iter(self._ranked)))
            self._ranked[key] = SweepRanks(asked, EFFORT)
        return self._ranked[key]

    # Drawing and ranks

    def sample(
        self, n: int, seed: int, budget: Budget = None, where: str | Iterable[str] | None = None
    ) -> Configurations:
        if where is not None:
            return self._where(where).sample(n, seed, budget)
        number = self._ranked_number(self.bounds(budget))
        if not number:
            raise self._nothing()
        return self.at(_drawn(random.Random(int(seed)), number, n), budget)

    def _ranked_number(self, bounds: Bounds) -> int:
        try:
            number = sum(self._ranks(bounds).numbers)
        except UncountedError:
            raise self._fault(f"cannot be ranked: {_too_much()}") from None
        self._numbers[_key(bounds)] = number
        return number

    def at(self, ranks: Sequence[int], budget: Budget = None) -> Configurations:
        bounds = self.bounds(budget)
        number = self._ranked_number(bounds)
        asked = [int(rank) for rank in ranks]
        if any(not 0 <= rank < number for rank in asked):
            raise IndexError(f"{number:,} networks fit")
        try:
            return self._narrowed.widened(*self._ranks(bounds).places(asked))
        except UncountedError:
            raise self._fault(f"cannot be ranked: {_too_much()}") from None

    def by_id(self, ids: Sequence[int]) -> Configurations:
        asked = [int(number) for number in ids]
        for number in asked:
            if not 0 <= number < self.size:
                raise IndexError(f"there is no configuration {number}; the ids go from 0 to {self.size - 1}")
        return _of_ids(self.sweep, asked)

    def rank(self, configuration: Mapping[str, Any] | Configurations, budget: Budget = None) -> Any:
        several = configuration if isinstance(configuration, Configurations) else self.find([configuration])
        assert isinstance(several, PlainConfigurations)
        bounds = self.bounds(budget)
        self._ranked_number(bounds)
        starts, options, inside = self._narrowed.narrowed(several)
        found: list[int | None] = [None] * len(several)
        here = np.flatnonzero(inside)
        try:
            for place, rank in zip(here.tolist(), self._ranks(bounds).ranks(starts[here], options[here]), strict=True):
                found[place] = rank
        except UncountedError:
            raise self._fault(f"cannot be ranked: {_too_much()}") from None
        return found if isinstance(configuration, Configurations) else found[0]

    def find(self, configurations: Iterable[Mapping[str, Any]]) -> Configurations:
        axes = max((len(grid.axes) for grid in self.sweep.grids), default=0)
        rows = [self._place_of(configuration) for configuration in configurations]
        options = np.full((len(rows), axes), -1, dtype=np.int64)
        for row, (_, places) in enumerate(rows):
            options[row, : len(places)] = places
        return PlainConfigurations(self.sweep, np.array([start for start, _ in rows], dtype=np.int64), options)

    def _place_of(self, configuration: Mapping[str, Any]) -> tuple[int, list[int]]:
        """Return the first grid that has a configuration, and its positions."""
        for number, grid in enumerate(self.sweep.grids):
            given = {name: given_of(configuration, name) for name in self.once}
            given = {name: value for name, value in given.items() if value is not None}
            places = matched(grid, given)
            if places is not None and self._has(grid, places, configuration, given):
                return number, places
        message = f"the space has no such configuration: {_shown(configuration)}"
        raise InputError([Fault(self.sweep.file, 0, 0, "", message)])

    def _has(
        self, grid: Grid, places: Sequence[int], configuration: Mapping[str, Any], given: Mapping[str, Any]
    ) -> bool:
        """Return whether what a grid does not sweep is as a configuration says."""
        if grid.model is not None:
            return all(own(grid, name) == value for name, value in given.items() if name not in grid.columns)
        resolved: Mapping[str, Any] | None = None
        for name in FIELDS:
            value = configuration.get(name)
            if value is None or name in grid.columns:
                continue
            expected = own(grid, name)
            if expected is None:
                # The convention decides.
                if resolved is None:
                    resolved = Description(grid.configuration(places), self.sweep.cell_types).resolved()
                expected = resolved.get(name)
            if settled_value(value) != expected:
                return False
        return True

    # Rows

    def rows(self, budget: Budget = None, start: int = 0, stop: int | None = None) -> Iterator[Configurations]:
        bounds = self.bounds(budget)
        asked = self._asked(bounds)
        first, rank = 0, 0
        if start and not is_walked(asked):
            if start >= self._ranked_number(bounds):
                return
            first, rank = PlainConfigurations(asked, *self._ranks(bounds).places([start])).ids[0], start
        for rows in self._engine_rows(asked, [], first):
            ids = rows.ids[max(start - rank, 0) : None if stop is None else max(stop - rank, 0)]
            rank += len(rows)
            if len(ids):
                yield self._of_rows(ids)
            if stop is not None and rank >= stop:
                return

    def _engine_rows(self, asked: Sweep, columns: Sequence[str], first: int = 0) -> Iterator[Rows]:
        """Yield kept rows in the order of ids, which are those of the part that is left.

        Args:
            asked: the part, with bounds.
            columns: of the rows.
            first: the first id to look at, where boxes are searched.
        """
        if asked.size > LARGEST_ID:
            raise self._fault(
                "cannot be written out: it has more than 2^63 - 1 configurations; sizer sample draws some"
            )
        if not is_walked(asked):
            yield from pruned_rows(asked, columns, Account(repeated=None), first)
        elif asked.size > MOST_TO_WALK:
            raise self._fault(f"cannot be written out: {_unordered()}")
        else:
            for _, rows in enumerate_sweep(asked, columns):
                yield rows

    def _of_rows(self, ids: IntArray) -> PlainConfigurations:
        """Return configurations by their ids in the part that is left."""
        found = _of_ids(self._narrowed.part, ids)
        return self._narrowed.widened(found.starts, found.options)

    # Order by size

    def extreme(self, column: str, n: int, budget: Budget = None, *, largest: bool = True) -> Configurations:
        known = self.sweep.names.counted
        if column not in known:
            raise InputError([Fault("", 0, 0, "sort", f"no column named {column!r}{did_you_mean(column, known)}")])
        return self._of_rows(self._first(self._asked(self.bounds(budget)), column, n, largest=largest))

    def _first(self, asked: Sweep, column: str, n: int, *, largest: bool) -> IntArray:
        """Return the ids, in the part that is left, of the first by a column."""
        if n <= 0 or not asked.grids:
            return np.empty(0, dtype=np.int64)
        walked = is_walked(asked)
        if walked and asked.size > MOST_TO_WALK:
            raise self._fault(f"cannot be sorted by size: {_unordered()}")
        if asked.size > LARGEST_ID and n > OPENED:
            raise self._fault(
                f"cannot be sorted by size: of more than 2^63 - 1 configurations at most {OPENED} are asked for at once"
            )
        if not walked and kept_number(asked, EFFORT) is None:
            raise self._fault(f"cannot be sorted by size: {_too_much()}")
        column = "weights" if column in BYTES else column
        return best_ids(asked, n, column, descending=largest, pruned=not walked)[0]

    def nearest(self, target: str | int, n: int = 1, budget: Budget = None) -> Configurations:
        aim = read_size(target, "weights")
        bounds = self.bounds(budget)
        below = self._first(self._further(bounds, "weights", None, aim), "weights", n, largest=True)
        above = self._first(self._further(bounds, "weights", aim + 1, None), "weights", n, largest=False)
        ids = np.concatenate([below, above])
        found = self._of_rows(ids)
        weights = found.weights
        return found.taken(np.lexsort((ids, weights, np.abs(weights - aim)))[: max(n, 0)])

    def _sizes(self, budget: Budget, column: str = "weights") -> Any:
        bounds = self.bounds(budget)
        key = (column, _key(bounds))
        if key not in self._by_size:
            while len(self._by_size) >= _REMEMBERED:
                self._by_size.pop(next(iter(self._by_size)))
            self._by_size[key] = _PlainSizes(self, bounds, column)
        return self._by_size[key]

    def _empty(self) -> Configurations:
        return self._of_rows(np.empty(0, dtype=np.int64))

    # Two counts against each other

    def pareto(self, wanted: str, spent: str, budget: Budget = None) -> list[tuple[int, int]]:
        known = self.sweep.names.counted
        for name in (wanted, spent):
            if name not in known:
                raise InputError([Fault("", 0, 0, "pareto", f"no column named {name!r}{did_you_mean(name, known)}")])
        bounds = self.bounds(budget)
        asked = self._asked(bounds)
        if not is_walked(asked):
            number = self.count_between(budget).most
            if number > REMEMBERED:
                message = (
                    f"a front is found among at most {REMEMBERED:,} networks of so large a grid, and {number:,} fit"
                )
                raise self._fault(f"{message}; a narrower budget leaves fewer")
        front = np.empty((0, 2), dtype=np.int64)
        for rows in self._engine_rows(asked, [wanted, spent]):
            pairs = np.stack([rows.column(wanted), rows.column(spent)], axis=1)
            front = _front(np.concatenate([front, pairs]))
        return [(int(first), int(second)) for first, second in front]

    # Search

    def neighbours(self, configuration: Mapping[str, Any], budget: Budget = None) -> Configurations:
        start, places, asked = self._moving(configuration, self.bounds(budget))
        if start < 0:
            return self._empty()
        grid = asked.grids[start]
        if sum(lengths(grid)) > REMEMBERED:
            raise self._fault(f"has axes of more than {REMEMBERED:,} values; they are too many neighbours to look at")
        decider = Decider(asked, grid, [], Repeats(grid, ()))
        rows = []
        for axis, length in enumerate(lengths(grid)):
            for first in range(0, length, BLOCK):
                side = range(first, min(first + BLOCK, length))
                box: Box = tuple(side if at == axis else range(place, place + 1) for at, place in enumerate(places))
                # In a box that is one line, ids are places along it.
                along = first + decider.decide(0, box)[1].ids
                moved = np.tile(np.array(places, dtype=np.int64), (len(along), 1))
                moved[:, axis] = along
                rows.append(moved[along != places[axis]])
        options = np.concatenate(rows) if rows else np.empty((0, 0), dtype=np.int64)
        options = options[np.lexsort(options.T[::-1])] if options.size else options
        return self._narrowed.widened(np.full(len(options), start, dtype=np.int64), options)

    def _moving(self, configuration: Mapping[str, Any], bounds: Bounds) -> tuple[int, list[int], Sweep]:
        """Return the grid and the positions of a configuration in the part that is left, -1 where it is not there."""
        one = self.find([configuration])
        assert isinstance(one, PlainConfigurations)
        asked = self._asked(bounds)
        starts, options, inside = self._narrowed.narrowed(one)
        if not inside[0]:
            return -1, [], asked
        start = int(starts[0])
        return start, options[0, : len(asked.grids[start].axes)].tolist(), asked

    def some_neighbour(
        self, configuration: Mapping[str, Any], chance: random.Random, tries: int
    ) -> dict[str, Any] | None:
        start, places, asked = self._moving(configuration, self.bounds())
        if start < 0:
            return None
        grid = asked.grids[start]
        others = [length - 1 for length in lengths(grid)]
        if not sum(others):
            return None
        decider = Decider(asked, grid, [], Repeats(grid, ()))
        for _ in range(tries):
            axis, move = 0, chance.randrange(sum(others))
            while move >= others[axis]:
                move -= others[axis]
                axis += 1
            moved = list(places)
            moved[axis] = move + (move >= places[axis])
            if decider.count(tuple(range(place, place + 1) for place in moved)).kept:
                return self._narrowed.widened(np.array([start]), np.array([moved]))[0]
        return None

    def values_of(self, field: str) -> list[Any]:
        found: dict[Any, None] = {}
        for grid in self._narrowed.part.grids:
            column = grid.columns.get(field)
            if column is None:
                found[own(grid, field)] = None
                continue
            bases: Sequence[Any] = (0,) if column.base is None else self._values_on(grid, column.base)
            found.update(dict.fromkeys(column.value(place, base) for base in bases for place in range(column.length)))
        return list(found)

    def _values_on(self, grid: Grid, name: str) -> list[Any]:
        column = grid.columns[name]
        bases: Sequence[Any] = (0,) if column.base is None else self._values_on(grid, column.base)
        return list(dict.fromkeys(column.value(place, base) for base in bases for place in range(column.length)))

    def restrict(self, fields: Mapping[str, Any]) -> Space:
        narrowed = self._narrowed
        for name, values in fields.items():
            several = values if isinstance(values, (list, tuple, set, frozenset, range)) else (values,)
            if name not in self.once:
                raise InputError([Fault("", 0, 0, "restrict", f"{name} is not swept{did_you_mean(name, self.once)}")])
            chosen = {settled_value(value) for value in several}
            if all(grid.columns[name].base is None for grid in narrowed.part.grids if name in grid.columns):
                narrowed = narrowed.held(name, chosen)
                continue
            # What is a fraction of another field has other values at each of its places.
            words = f"{name} in ({', '.join(map(str, sorted(chosen)))})" if chosen else f"{name} < 0"
            narrowed = narrowed.within(narrowed.whole, apply_options(narrowed.part, where=words))
        return PlainSpace(self.sweep, threads=self._threads, narrowed=narrowed)


class _PlainSizes:
    """How much of one counted column the configurations within a budget have."""

    def __init__(self, space: PlainSpace, bounds: Bounds, column: str) -> None:
        self._space = space
        self._bounds = bounds
        self._column = column
        self._asked = space._asked(bounds)
        self._up_to: dict[int, int] = {}
        self._sorted: IntArray | None = None
        if is_walked(self._asked):
            self._sorted = self._listed()

    def _listed(self) -> IntArray:
        found = [np.empty(0, dtype=np.int64)]
        number = 0
        for rows in self._space._engine_rows(self._asked, [self._column]):
            found.append(rows.column(self._column))
            number += len(rows)
            if number > 2 * REMEMBERED:
                raise self._space._fault(f"cannot be sorted by size: more than {2 * REMEMBERED:,} networks fit")
        return np.sort(np.concatenate(found))

    @cached_property
    def total(self) -> int:
        if self._sorted is not None:
            return len(self._sorted)
        return self._count(self._asked)

    def _count(self, asked: Sweep) -> int:
        number = kept_number(asked, _SORTED)
        if number is None:
            raise self._space._fault("sorting by size takes too long here; sizer sample draws some")
        return number

    def up_to(self, size: int) -> int:
        """Return how many there are up to a size."""
        if self._sorted is not None:
            return int(np.searchsorted(self._sorted, size, side="right"))
        if size not in self._up_to:
            asked = self._space._further(self._bounds, self._column, None, size)
            self._up_to[size] = self._count(asked) if size >= 0 else 0
        return self._up_to[size]

    @cached_property
    def _ends(self) -> tuple[int, int]:
        """The smallest and the largest size."""
        ends = [
            int(self._space._of_rows(ids).counts(self._column)[0])
            for ids in (
                self._space._first(self._asked, self._column, 1, largest=False),
                self._space._first(self._asked, self._column, 1, largest=True),
            )
        ]
        return ends[0], ends[1]

    def of_place(self, place: int) -> int:
        """Return the size at a place in order of size, from 0."""
        if self._sorted is not None:
            return int(self._sorted[place])
        least, most = self._ends
        # Up to `low` there are too few, up to `high` enough. What was counted before serves.
        low, few, high, many = least - 1, 0, most, self.total
        for size, number in self._up_to.items():
            if number <= place and size > low:
                low, few = size, number
            elif number > place and size < high:
                high, many = size, number
        turn = 0
        while high - low > 1:
            # In turns where the place would be if sizes were spread evenly, and in the middle.
            share = (place + 1 - few) * (high - low) // max(many - few, 1)
            middle = min(max(low + share, low + 1), high - 1) if turn % 3 < 2 else (low + high) // 2
            turn += 1
            number = self.up_to(middle)
            if number > place:
                high, many = middle, number
            else:
                low, few = middle, number
        return high


def _key(bounds: Bounds) -> tuple[Any, ...]:
    return tuple(bounds.items())


def _too_much() -> str:
    return f"an exact count searches more than {EFFORT:,} lines"


def _unordered() -> str:
    return f"its counts do not grow with its fields, and it has more than the {MOST_TO_WALK:,} configurations that are looked at one by one"


def _of_ids(sweep: Sweep, ids: Sequence[int] | IntArray) -> PlainConfigurations:
    """Return the configurations of some ids of a sweep."""
    offsets = np.array(ids, dtype=np.int64 if sweep.size - 1 <= LARGEST_ID else object)
    axes = max((len(grid.axes) for grid in sweep.grids), default=0)
    starts = np.zeros(len(offsets), dtype=np.int64)
    options = np.full((len(offsets), axes), -1, dtype=np.int64)
    first = 0
    for number, grid in enumerate(sweep.grids):
        here = np.flatnonzero((offsets >= first) & (offsets < first + grid.size))
        starts[here] = number
        for axis, (stride, length) in enumerate(zip(strides(lengths(grid)), lengths(grid), strict=True)):
            options[here, axis] = (offsets[here] - first) // stride % length
        first += grid.size
    return PlainConfigurations(sweep, starts, options)


def _front(pairs: IntArray) -> IntArray:
    """Return the pairs (wanted, spent) that none beats, in growing order."""
    pairs = pairs[np.lexsort((-pairs[:, 0], pairs[:, 1]))]
    best = np.maximum.accumulate(pairs[:, 0])
    unbeaten = np.ones(len(pairs), dtype=np.bool_)
    unbeaten[1:] = pairs[1:, 0] > best[:-1]
    return pairs[unbeaten]

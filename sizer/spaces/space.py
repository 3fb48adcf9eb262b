"""A space of networks and what is asked of it: how many fit, which ones, the largest, the median, the neighbours."""

from __future__ import annotations

import contextlib
import math
import os
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, overload

import numpy as np

from sizer.answer import Shown, Table
from sizer.errors import Fault, InputError
from sizer.layout import DOT, share_words
from sizer.networks.budgets import read_size
from sizer.networks.columns import BYTES
from sizer.networks.counting import did_you_mean
from sizer.spaces.chains import End, LayerChain, LayerStep, chains_of
from sizer.spaces.configurations import Configurations
from sizer.spaces.decisions import IntArray
from sizer.spaces.numbering import Numbering
from sizer.spaces.plan import (
    MOST_ADDITIONS,
    MOST_BYTES,
    Prepared,
    RoomDecisions,
    RoomPlan,
    divisor_of,
    normalised,
    prepare,
)
from sizer.spaces.walk import MOST_LISTED, Chosen, Descent, TooLongError, TooManyError, Window
from sizer.sweepfile.load import apply_options, sweep_of
from sizer.sweepfile.sweep import Sweep

Budget = str | int | tuple[Any, Any] | Mapping[str, Any] | Sequence[Any] | None
Bounds = Mapping[str, tuple[int | None, int | None]]
_REMEMBERED = 4
"""Tables of so many questions are kept."""
_REMEMBERED_BYTES = 1 << 30
"""They are kept up to so many bytes together."""
_FEW_EXTREMES = 20_000
"""Up to so many extreme networks are searched where other columns are bounded."""
_QUICK = 3 * 10**8
"""Additions of tables that may be made anew for every size that is tried."""


class CountBetween(NamedTuple):
    """A count that is known between two bounds."""

    least: int
    most: int
    reason: str
    """Why it is not known exactly; empty where it is."""


class Bin(NamedTuple):
    """How many networks have so many weights, both ends included."""

    least: int
    most: int
    networks: int


def space(source: str | os.PathLike[str] | Mapping[str, Any] | Sweep, *, threads: int = 0) -> Space:
    """Return the space of networks that a sweep describes, with `per_layer` axes or without.

    Args:
        source: a sweep file, a mapping with the contents of one, or a loaded sweep.
        threads: how many threads count; 0: one per core. Answers do not depend on it.

    Raises:
        InputError: the sweep has faults.

    Example:
        >>> grid = {"cells": {"per_layer": {"from": 256, "to": 2048, "step": 256}}}
        >>> model = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 4}
        >>> found = space({"sizer": 1, "name": "four", "model": model, "grid": grid, "budget": {"weights": {"max": "10M"}}})
        >>> found.size, found.count()
        (4096, 84)
    """
    return Space(sweep_of(source, "space"), threads=threads)


class Space(Shown):
    """A space of networks. Without an argument, questions are asked within the sweep's budget and conditions."""

    def __new__(cls, sweep: Sweep, *, threads: int = 0, chains: Sequence[LayerChain] | None = None) -> Space:
        """Return a space; of a sweep in which no layer has fields of its own one that is ranked by its grids."""
        if cls is Space and not sweep.is_space:
            from sizer.spaces.plain import PlainSpace

            return object.__new__(PlainSpace)
        return object.__new__(cls)

    def __getnewargs__(self) -> tuple[Sweep]:
        return (self.sweep,)

    def __init__(self, sweep: Sweep, *, threads: int = 0, chains: Sequence[LayerChain] | None = None) -> None:
        """Prepare a space; nothing is counted yet.

        Raises:
            InputError: only some grids have fields of layers, or a layer has too many forms.
        """
        if not all(grid.per_layer for grid in sweep.grids):
            message = "is not a space: some of its grids have per_layer axes, others have none"
            raise InputError([Fault(sweep.file, 0, 0, "grid", message)])
        self.sweep = sweep
        self._threads = threads
        self._chains = list(chains_of(sweep) if chains is None else chains)
        self._plans: dict[Any, RoomDecisions] = {}
        self._walks: dict[Any, Descent] = {}
        self._others: dict[tuple[str, ...], Space] = {}
        self._sorted: tuple[Any, _Sizes] | None = None
        self.thrown_away = 0
        """Draws that did not fit, of samples from tables that are no exact ones; else 0."""

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made of: what is remembered knows decisions by their identity, and is made anew there."""
        return {**self.__dict__, "_plans": {}, "_walks": {}, "_others": {}, "_sorted": None}

    @cached_property
    def _numbering(self) -> Numbering:
        return Numbering(self._chains)

    @property
    def size(self) -> int:
        """How many configurations there are, within the budget or not."""
        return self.sweep.size

    @cached_property
    def depth(self) -> int:
        """The layers of the largest stack."""
        return max(chain.depth for chain in self._chains)

    # How it is looked at

    def _in_a_line(self) -> str:
        fields = ", ".join(self.layered)
        layers = f"up to {self.depth} layers" if "layers" in self.once else f"each of {self.depth} layers"
        return f"{self.sweep.name}: {self.size:,} networks{DOT}{fields} of {layers}"

    def _as_table(self) -> Table:
        """Return how many networks that fit have how many weights."""
        found = self.histogram(10)
        number = sum(one.networks for one in found)
        header = ("weights from", "to", "networks", "share")
        return header, [(one.least, one.most, one.networks, one.networks / number) for one in found]

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        between = self.count_between()
        limits = [
            f"{least:,} <= {name}"
            if most is None
            else f"{name} <= {most:,}"
            if least is None
            else f"{least:,} <= {name} <= {most:,}"
            for name, (least, most) in self.bounds().items()
        ]
        fit = f"{between.most:,}" if not between.reason else f"between {between.least:,} and {between.most:,}"
        below = [f"{fit} of {self.size:,} fit{DOT}{', '.join(limits) or 'no budget'}", between.reason]
        try:
            header, rows = self._as_table() if between.most else (("weights from", "to", "networks", "share"), [])
        except InputError as problem:
            # By size it takes too long: what is counted is said all the same.
            header, rows = ("weights from", "to", "networks", "share"), []
            below.append(problem.faults[0].message)
        number = sum(row[2] for row in rows)
        shown = [(*row[:3], share_words(row[2], number)) for row in rows]
        return self._in_a_line(), (header, shown), [line for line in below if line]

    # What is asked

    def bounds(self, budget: Budget = None) -> Bounds:
        """Return the bounds by counted column: the sweep's, with those of a budget in their place.

        Args:
            budget: as in `count`.

        Raises:
            InputError: the budget has faults.
        """
        if (
            isinstance(budget, tuple)
            and len(budget) == 2
            and not any(isinstance(end, str) and "=" in end for end in budget)
        ):
            budget = {"weights": {"min": budget[0], "max": budget[1]}}
        sweep = self.sweep if budget is None else apply_options(self.sweep, budget=budget)
        return normalised(sweep.budget)

    def _bounds(self, budget: Budget = None) -> Bounds:
        """Return the bounds in the parts in which columns are summed; a count is a sum of them rounded up."""
        found: dict[str, tuple[int | None, int | None]] = {}
        for column, (least, most) in self.bounds(budget).items():
            parts = self._divisor(column)
            found[column] = (
                None if least is None else parts * (least - 1) + 1,
                None if most is None else parts * most,
            )
        return found

    def _divisor(self, column: str) -> int:
        return divisor_of(self._chains, column)

    def _where(self, where: str | Iterable[str] | None) -> Space:
        """Return the space with further conditions."""
        if where is None:
            return self
        words = (where,) if isinstance(where, str) else tuple(where)
        if not words:
            return self
        if words not in self._others:
            self._others[words] = Space(apply_options(self.sweep, where=words), threads=self._threads)
        return self._others[words]

    # Tables

    def _decided(self, bounds: Bounds, main: str | None = None) -> tuple[RoomDecisions, list[int]]:
        """Return the chains that stand as decisions, and which they are."""
        if main is None and len(bounds) == 1:
            main = next(iter(bounds))
        key = (tuple(sorted(bounds)), main, tuple(bounds[name][1] for name in sorted(bounds) if name != main))
        if key not in self._plans:
            chains = [chain for chain in self._chains if chain.allowed]
            asked = dict(bounds) or {main or "weights": (None, None)}
            if len(self._plans) >= _REMEMBERED:
                self._plans.pop(next(iter(self._plans)))
            self._plans[key] = RoomPlan(chains, asked, main).decided()
        return self._plans[key], [place for place, chain in enumerate(self._chains) if chain.allowed]

    def _walk(
        self,
        bounds: Bounds,
        main: str | None = None,
        *,
        whole: bool = False,
        unit: int | None = None,
        exact: bool = True,
        listed: bool = True,
    ) -> tuple[Descent, Window, RoomDecisions, int]:
        """Return what is walked over for some bounds.

        Args:
            bounds: by column.
            main: the column that is the room; None: the best one.
            whole: in a unit that serves every bound on the room.
            unit: of the room; None: the best one.
            exact: whatever it takes.
            listed: held to how many different values a network may have.
        """
        decided, _ = self._decided(bounds, main)
        finest = decided.whole_unit
        if unit is None:
            unit = finest if whole or finest == decided.unit else self._better_unit(decided, bounds)
        prepared = prepare(decided, bounds, unit, decided.scaled(unit))
        few = self._few() if listed else []
        walk = self._known(decided, prepared, few)
        if walk is None:
            walk = self._descent(prepared, few)
            if not exact:
                self._check_work([walk])
            self._remember(decided, prepared, walk, few=few)
        return walk, prepared.window, decided, unit

    def _known(self, decided: RoomDecisions, prepared: Prepared, few: Sequence[Any]) -> Descent | None:
        """Return what has been walked over for the same ends; None: nothing that reaches as far."""
        known = self._walks.get((id(decided), prepared.unit, bool(few), prepared.key))
        return known if known is not None and known.reaches(prepared.window) else None

    def _remember(self, decided: RoomDecisions, prepared: Prepared, walk: Descent, *, few: Sequence[Any]) -> None:
        self._leave_room(walk.numbers)
        self._walks[id(decided), prepared.unit, bool(few), prepared.key] = walk

    def _leave_room(self, numbers: int) -> None:
        """Forget tables where others, of so many numbers, are more than are kept beside them."""
        while self._walks and (
            len(self._walks) >= _REMEMBERED
            or 8 * (numbers + sum(one.numbers for one in self._walks.values())) > _REMEMBERED_BYTES
        ):
            self._walks.pop(next(iter(self._walks)))

    def _descent(
        self, prepared: Prepared, few: Sequence[tuple[IntArray, int] | None] = (), *, share: int = 1
    ) -> Descent:
        """Return what is walked over.

        Args:
            prepared: the decisions and their ends.
            few: as `Descent` takes it.
            share: of how many side by side it is one.

        Raises:
            InputError: networks have to be listed one by one, and are too many.
        """
        high = max(prepared.window.high, -1)
        try:
            return Descent(prepared.starts, prepared.ends, high, prepared.below, self._threads, few, share)
        except TooManyError:
            raise _TooMuchError(
                f"networks with few different values are listed one by one, but there are more than {MOST_LISTED:,}"
            ) from None

    def _few(self) -> list[tuple[IntArray, int] | None]:
        """Return for each chain that stands which value each layer has, and how many may be different."""
        found: list[tuple[IntArray, int] | None] = []
        for chain in self._chains:
            few = chain.first.layers.distinct if chain.allowed else None
            if chain.allowed:
                found.append(None if few is None or few.most >= chain.depth else (few.values, few.most))
        return found if any(few is not None for few in found) else []

    def _better_unit(self, decided: RoomDecisions, bounds: Bounds) -> int:
        """Return the unit of layers, with tables for each remainder, where the finer one of every size takes too long."""
        most = bounds.get(decided.plan.main, (None, None))[1]
        rooms = (decided.plan.reach if most is None else min(most, decided.plan.reach)) // decided.whole_unit
        return decided.whole_unit if rooms < 1 << 16 else decided.unit

    def _check_work(self, walks: Sequence[Descent]) -> None:
        """Check that the tables of some walks are made in good time.

        Raises:
            InputError: they are not.
        """
        additions, numbers = sum(one.additions for one in walks), sum(one.numbers for one in walks)
        if additions > MOST_ADDITIONS or 8 * numbers > MOST_BYTES:
            raise _TooMuchError(
                f"an exact count takes {additions:.1e} additions and {8 * numbers / 2**30:,.1f} GiB, "
                f"more than the {MOST_ADDITIONS:.0e} and {MOST_BYTES >> 30} GiB that Sizer uses unless asked"
            )

    # Counting

    def count(self, budget: Budget = None, where: str | Iterable[str] | None = None, *, exact: bool = False) -> int:
        """Return how many configurations are within a budget.

        Args:
            budget: `"10M"` or a number replaces the most weights, `("9M", "10M")` the least and the most,
                `"state_size=8000"` or a mapping other columns; None: the sweep's.
            where: further conditions.
            exact: go on for as long as it takes.

        Raises:
            InputError: the arguments have faults, or an exact count takes too long; the bounds are said.
        """
        found = self.count_between(budget, where, exact=exact)
        if found.reason:
            message = f"between {found.least:,} and {found.most:,} networks fit: {found.reason}; exact=True counts them exactly"
            raise InputError([Fault(self.sweep.file, 0, 0, "budget", message)])
        return found.most

    def count_between(
        self, budget: Budget = None, where: str | Iterable[str] | None = None, *, exact: bool = False
    ) -> CountBetween:
        """Return how many configurations are within a budget: exactly, or between which bounds and why.

        Args:
            budget: as in `count`.
            where: further conditions.
            exact: go on for as long as it takes.
        """
        if where is not None:
            return self._where(where).count_between(budget, exact=exact)
        bounds = self._bounds(budget)
        if not bounds and not self._few():
            number = self.count_valid()
            return CountBetween(number, number, "")
        if not any(chain.allowed for chain in self._chains):
            return CountBetween(0, 0, "")
        try:
            walk, window, _, _ = self._walk(bounds, exact=exact)
        except _TooMuchError as problem:
            return self._coarse_bounds(bounds, problem)
        number = walk.count(window)
        return CountBetween(number, number, "")

    def count_valid(self) -> int:
        """Return how many there are that conventions and conditions let stand, whatever their counts."""
        ways: dict[int, Any] = {}

        def of(step: LayerStep | End) -> Any:
            if id(step) not in ways:
                if isinstance(step, End):
                    ways[id(step)] = step.allowed.astype(object) * 1
                else:
                    stands = step.exists & step.allowed
                    ways[id(step)] = np.where(stands, of(step.after)[step.targets], 0).sum(axis=1)
            return ways[id(step)]

        return sum(int(of(chain.first)[0]) for chain in self._chains if chain.allowed)

    # Coarse tables, where exact ones take too long

    def _coarse_unit(self, bounds: Bounds) -> tuple[int, RoomDecisions]:
        decided, _ = self._decided(bounds)
        unit = decided.whole_unit
        while True:
            unit *= 2
            try:
                self._walk(bounds, unit=unit, exact=False, listed=False)
            except _TooMuchError:
                continue
            return unit, decided

    def _coarse_bounds(self, bounds: Bounds, problem: _TooMuchError) -> CountBetween:
        if self._few():
            try:
                walk, window, _, _ = self._walk(bounds, exact=False, listed=False)
            except _TooMuchError:
                return CountBetween(0, self._coarse_bounds_without(bounds, problem).most, str(problem))
            return CountBetween(0, walk.count(window), str(problem))
        return self._coarse_bounds_without(bounds, problem)

    def _coarse_bounds_without(self, bounds: Bounds, problem: _TooMuchError) -> CountBetween:
        """Return the bounds of how many there are, however many different values they have."""
        unit, decided = self._coarse_unit(bounds)
        found = []
        for up in (True, False):
            prepared = prepare(
                decided, {**bounds, **_without_least(bounds, decided)}, unit, decided.scaled(unit, up=up)
            )
            high = Descent(prepared.starts, prepared.ends, prepared.window.high, None, self._threads).count(
                prepared.window
            )
            found.append(high)
        least, most = found
        low = bounds.get(decided.plan.main, (None, None))[0]
        if low is not None:
            below = {**bounds, decided.plan.main: (None, low - 1)}
            for place, up in ((1, True), (0, False)):
                prepared = prepare(decided, below, unit, decided.scaled(unit, up=up))
                number = Descent(prepared.starts, prepared.ends, prepared.window.high, None, self._threads).count(
                    prepared.window
                )
                if place:
                    most -= number
                else:
                    least = max(0, least - number)
        return CountBetween(least, most, str(problem))

    # Drawing

    def sample(
        self, n: int, seed: int, budget: Budget = None, where: str | Iterable[str] | None = None
    ) -> Configurations:
        """Return configurations drawn uniformly among all that fit, each by itself, so that one may come twice.

        The same seed gives the same on every machine, whatever the number of threads. Where exact tables are made,
        no draw is thrown away.

        Args:
            n: how many.
            seed: any whole number.
            budget: as in `count`.
            where: further conditions.

        Raises:
            InputError: nothing fits, or the arguments have faults.
        """
        if where is not None:
            return self._where(where).sample(n, seed, budget)
        bounds = self._bounds(budget)
        chance = random.Random(int(seed))
        if not any(chain.allowed for chain in self._chains):
            raise self._nothing()
        try:
            walk, window, _, _ = self._walk(bounds, exact=False)
        except _TooMuchError:
            return self._coarse_sample(n, chance, bounds)
        number = walk.count(window)
        if not number:
            raise self._nothing()
        return self._configurations(walk.unrank(_drawn(chance, number, n), window))

    def _coarse_sample(self, n: int, chance: random.Random, bounds: Bounds) -> Configurations:
        """Draw from tables that hold a few networks too many, and throw these away."""
        walk, window = self._wider_walk(bounds)
        number = walk.count(window)
        kept: list[Configurations] = []
        left = n
        while left and self.thrown_away < 1000 * (n + 1000):
            drawn = self._configurations(walk.unrank(_drawn(chance, number, left + left // 50 + 16), window))
            fits = self._fits(drawn, bounds)
            self.thrown_away += int((~fits).sum())
            kept.append(drawn.taken(np.flatnonzero(fits)[:left]))
            left -= len(kept[-1])
        if left:
            message = f"fewer than 1 in 1,000 of {number:,} networks fit, too few to sample"
            raise InputError([Fault(self.sweep.file, 0, 0, "budget", message)])
        return _joined(kept) if kept else self._empty()

    def _wider_walk(self, bounds: Bounds) -> tuple[Descent, Window]:
        """Return a walk that holds all that fits, and some more: however many different values, or in coarser units."""
        if self._few():
            with contextlib.suppress(_TooMuchError):
                walk, window, _, _ = self._walk(bounds, exact=False, listed=False)
                return walk, window
        return self._coarse_walk(bounds)

    def _coarse_walk(self, bounds: Bounds) -> tuple[Descent, Window]:
        unit, decided = self._coarse_unit(bounds)
        main = decided.plan.main
        low = bounds.get(main, (None, None))[0]
        wider = {**bounds}
        if low is not None:
            wider[main] = (max(0, low - unit * (self.depth + 1)), bounds[main][1])
        walk, window, _, _ = self._walk(wider, unit=unit, listed=False)
        return walk, window

    def _fits(self, configurations: Configurations, bounds: Bounds) -> Any:
        fits = np.ones(len(configurations), dtype=np.bool_)
        for column, (least, most) in bounds.items():
            counts = configurations.counts(column) * self._divisor(column)
            if least is not None:
                fits &= counts >= least
            if most is not None:
                fits &= counts <= most
        for start in np.unique(configurations.starts).tolist():
            few = self._chains[start].first.layers.distinct
            if few is not None and few.most < self._chains[start].depth:
                rows = np.flatnonzero(configurations.starts == start)
                values = np.sort(few.values[configurations.options[rows, : self._chains[start].depth]], axis=1)
                fits[rows] &= (np.diff(values, axis=1) != 0).sum(axis=1) < few.most
        return fits

    def _nothing(self) -> InputError:
        return InputError([Fault(self.sweep.file, 0, 0, "budget", "no network of this space fits")])

    def _configurations(self, chosen: Chosen) -> Configurations:
        stands = np.array([place for place, chain in enumerate(self._chains) if chain.allowed], dtype=np.int64)
        return Configurations(self._chains, self._numbering, stands[chosen.starts], chosen.options.astype(np.int64))

    def rows(self, budget: Budget = None, start: int = 0, stop: int | None = None) -> Iterator[Configurations]:
        """Yield all configurations within a budget in the order of ids, some at a time.

        Args:
            budget: as in `count`.
            start: the rank of the first.
            stop: the rank behind the last; None: all that follow.
        """
        bounds = self._bounds(budget)
        if not any(chain.allowed for chain in self._chains) or (stop is not None and stop <= start):
            return
        walk, window, _, _ = self._walk(bounds)
        for chosen in walk.in_order(window, start):
            found = self._configurations(chosen)
            start += len(found)
            if stop is not None and start >= stop:
                yield found[: len(found) - (start - stop)]
                return
            yield found

    # Ranks

    @overload
    def __getitem__(self, rank: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, rank: slice) -> Configurations: ...
    def __getitem__(self, rank: int | slice) -> dict[str, Any] | Configurations:
        """Return the configuration of a rank among those that fit, in the order of ids; or of several.

        Raises:
            IndexError: there are not so many.
        """
        number = self.count()
        if isinstance(rank, slice):
            return self.at(range(*rank.indices(number)))
        if not -number <= rank < number:
            raise IndexError(f"{number:,} networks fit")
        return self.at([rank % number])[0]

    def at(self, ranks: Sequence[int], budget: Budget = None) -> Configurations:
        """Return the configurations of some ranks among those within a budget.

        Raises:
            IndexError: there are not so many.
        """
        walk, window, _, _ = self._walk(self._bounds(budget))
        return self._configurations(walk.unrank(list(ranks), window))

    def by_id(self, ids: Sequence[int]) -> Configurations:
        """Return the configurations of some ids, within the budget or not.

        Raises:
            IndexError: there is no such id.
        """
        starts, options = self._numbering.find(ids, self.depth)
        return Configurations(self._chains, self._numbering, starts, options)

    def rank(self, configuration: Mapping[str, Any] | Configurations, budget: Budget = None) -> Any:
        """Return the rank of a configuration among those within a budget; None where it is not among them.

        Args:
            configuration: fields, a list for what each layer has for itself; or several configurations of this
                space, of which a list is returned.
            budget: as in `count`.

        Raises:
            InputError: the space has no such configuration.
        """
        several = configuration if isinstance(configuration, Configurations) else self.find([configuration])
        walk, window, _, _ = self._walk(self._bounds(budget))
        stands = {place: number for number, place in enumerate(p for p, c in enumerate(self._chains) if c.allowed)}
        starts = np.array([stands.get(start, -1) for start in several.starts.tolist()], dtype=np.int64)
        chosen = Chosen(starts, several.options, np.zeros(len(starts), dtype=np.int64))
        found = walk.rank(chosen, window)
        return found if isinstance(configuration, Configurations) else found[0]

    def id(self, configuration: Mapping[str, Any]) -> int:
        """Return the id of a configuration.

        Raises:
            InputError: the space has no such configuration.
        """
        return self.find([configuration]).ids[0]

    def find(self, configurations: Iterable[Mapping[str, Any]]) -> Configurations:
        """Return configurations of this space by their fields.

        Args:
            configurations: at least the swept fields of each; a list for what each layer has for itself.

        Raises:
            InputError: the space has no such configuration.
        """
        rows = [self._found(configuration) for configuration in configurations]
        options = np.full((len(rows), self.depth), -1, dtype=np.int64)
        for row, (_, letters) in enumerate(rows):
            options[row, : len(letters)] = letters
        starts = np.array([start for start, _ in rows], dtype=np.int64)
        return Configurations(self._chains, self._numbering, starts, options)

    def _found(self, configuration: Mapping[str, Any]) -> tuple[int, list[int]]:
        for start, chain in enumerate(self._chains):
            letters = chain.letters_of(configuration, self.once)
            if letters is not None and chain.exists(letters):
                return start, letters
        raise InputError(
            [Fault(self.sweep.file, 0, 0, "", f"the space has no such configuration: {_shown(configuration)}")]
        )

    @cached_property
    def once(self) -> tuple[str, ...]:
        """The swept fields of whole networks."""
        return tuple(
            dict.fromkeys(column.field for grid in self.sweep.grids for axis in grid.axes for column in axis.columns)
        )

    # Order by size

    def _sizes(self, budget: Budget, column: str = "weights") -> _Sizes:
        bounds = dict(self._bounds(budget))
        bounds[column] = bounds.get(column, (None, None))
        if not any(chain.allowed for chain in self._chains):
            raise self._nothing()
        key = (column, tuple(sorted(bounds.items())))
        if self._sorted is None or self._sorted[0] != key:
            self._sorted = None  # so that its tables go before others are made
            try:
                self._sorted = (key, _Sizes(self, column, bounds))
            except _TooMuchError as problem:
                message = f"cannot be sorted by size: {problem}"
                raise InputError([Fault(self.sweep.file, 0, 0, "budget", message)]) from None
        return self._sorted[1]

    def largest(self, n: int = 10, budget: Budget = None) -> Configurations:
        """Return the largest configurations within a budget, the largest first, equal ones in the order of ids."""
        return self.extreme("weights", n, budget)

    def extreme(self, column: str, n: int, budget: Budget = None, *, largest: bool = True) -> Configurations:
        """Return the configurations with the most, or the least, of a counted column, equal ones in the order of ids.

        Args:
            column: its name.
            n: how many.
            budget: as in `count`.
            largest: the most; else the least.
        """
        main = "weights" if column in BYTES else column
        bounds = self._bounds(budget)
        if n > _FEW_EXTREMES or not set(bounds) - {main} or self._few():
            return self._sorted_out(column, n, budget, largest=largest)
        if bounds.get(main, (None, None))[1 if largest else 0] is None:
            with contextlib.suppress(TooLongError):
                return self._searched(main, n, bounds, largest=largest)
            return self._sorted_out(column, n, budget, largest=largest)
        # What ends at a bound of its own is counted sooner than found.
        try:
            return self._sorted_out(column, n, budget, largest=largest)
        except InputError as problem:
            try:
                return self._searched(main, n, bounds, largest=largest)
            except TooLongError:
                raise problem from None

    def _sorted_out(self, column: str, n: int, budget: Budget, *, largest: bool) -> Configurations:
        """Return the extreme configurations by how many there are up to each size."""
        sizes = self._sizes(budget, "weights" if column in BYTES else column)
        parts = self._divisor(sizes.column)
        number = sizes.total
        n = min(n, number)
        if not n:
            return self._empty()
        size = -(-sizes.of_place(number - n if largest else n - 1) // parts)
        beyond = sizes.ranked(size * parts + 1, None) if largest else sizes.ranked(None, (size - 1) * parts)
        counts = beyond.counts(column)
        order = np.argsort(-counts if largest else counts, kind="stable")
        equal = sizes.ranked((size - 1) * parts + 1, size * parts, n - len(beyond))
        return _joined([beyond.taken(order), equal])

    def _searched(self, column: str, n: int, bounds: Bounds, *, largest: bool) -> Configurations:
        """Return the extreme configurations where other columns are bounded, which is a search without tables of counts."""
        from sizer.spaces.extremes import ExtremeSearch

        chains = [chain for chain in self._chains if chain.allowed]
        if not chains or n < 1:
            return self._empty()
        extremes = ExtremeSearch(chains, column, bounds, largest=largest)
        return _joined([self._empty(), *map(self._configurations, extremes.first(n, self._divisor(column)))])

    def nearest(self, target: str | int, n: int = 1, budget: Budget = None) -> Configurations:
        """Return the configurations of which the weights are nearest to a target, the nearest first.

        Of two that are equally near the smaller comes first, then the order of ids.
        """
        aim = read_size(target, "weights")
        sizes = self._sizes(budget)
        n = min(n, sizes.total)
        if not n:
            return self._empty()
        low, high = -1, max(aim, sizes.decided.plan.reach)
        while high - low > 1:  # the least distance within which there are enough
            middle = (low + high) // 2
            if sizes.up_to(aim + middle) - sizes.up_to(aim - middle - 1) >= n:
                high = middle
            else:
                low = middle
        near = sizes.ranked(aim - high + 1, aim + high - 1) if high else self._empty()
        near = near.taken(np.lexsort((near.weights, np.abs(near.weights - aim)))) if len(near) else near
        left = n - len(near)
        below = sizes.ranked(aim - high, aim - high, left)
        above = sizes.ranked(aim + high, aim + high, left - len(below)) if high else self._empty()
        return _joined([near, below, above])

    def quantile(self, share: float, budget: Budget = None) -> int:
        """Return the least size in weights that a share of the configurations within a budget does not pass.

        Raises:
            InputError: nothing fits, or the share is not between 0 and 1.
        """
        if not 0 <= share <= 1:
            raise InputError([Fault("", 0, 0, "share", f"{share} is not between 0 and 1")])
        sizes = self._sizes(budget)
        if not sizes.total:
            raise self._nothing()
        from fractions import Fraction

        return sizes.of_place(max(0, math.ceil(Fraction(share) * sizes.total) - 1))

    def histogram(self, bins: int = 20, budget: Budget = None) -> list[Bin]:
        """Return how many configurations within a budget have how many weights, in bins of equal width.

        The bins reach from the smallest size that there is to the largest.
        """
        sizes = self._sizes(budget)
        if not sizes.total:
            return []
        least, most = sizes.of_place(0), sizes.of_place(sizes.total - 1)
        bins = max(1, min(bins, most - least + 1))
        edges = [least + (most - least + 1) * place // bins for place in range(bins + 1)]
        counts = [sizes.up_to(edge - 1) for edge in edges]
        return [
            Bin(low, high - 1, after - before)
            for low, high, before, after in zip(edges, edges[1:], counts, counts[1:], strict=False)
        ]

    def _empty(self) -> Configurations:
        return Configurations(
            self._chains, self._numbering, np.empty(0, dtype=np.int64), np.empty((0, self.depth), dtype=np.int64)
        )

    # Two counts against each other

    def pareto(self, wanted: str, spent: str, budget: Budget = None) -> list[tuple[int, int]]:
        """Return the pairs of two counted columns that no network beats: as much of the first for as little of the second.

        Args:
            wanted: the column of which more is better.
            spent: the one of which less is better.
            budget: as in `count`.

        Returns:
            (wanted, spent) of each unbeaten network, once, in growing order.

        Raises:
            InputError: no such column, or it takes too long; where few values may differ, networks are listed one by one.
        """
        from sizer.spaces.frontier import front

        for name in (wanted, spent):
            known = self.sweep.names.counted
            if name not in known:
                raise InputError([Fault("", 0, 0, "pareto", f"no column named {name!r}{did_you_mean(name, known)}")])
        if self._few():
            return self._listed_front(wanted, spent, budget)
        chains = [chain for chain in self._chains if chain.allowed]
        return front(chains, wanted, spent, self._bounds(budget))

    def _listed_front(self, wanted: str, spent: str, budget: Budget) -> list[tuple[int, int]]:
        """Return the unbeaten pairs of networks that are listed one by one, as few different values are."""
        from sizer.spaces.frontier import unbeaten

        found: list[tuple[int, int]] = []
        for some in self.rows(budget):
            pairs = np.stack([some.counts(wanted), some.counts(spent)], axis=1)
            found = unbeaten([*found, *map(tuple, np.unique(pairs, axis=0).tolist())])
        return found

    # Search

    def neighbours(self, configuration: Mapping[str, Any], budget: Budget = None) -> Configurations:
        """Return the configurations within a budget that differ in one field of one layer, in the order of ids.

        Raises:
            InputError: the space has no such configuration.
        """
        one = self.find([configuration])
        start, letters = int(one.starts[0]), one.options[0]
        chain = self._chains[start]
        rows = []
        for layer in range(chain.depth):
            for letter in chain.beside(layer, int(letters[layer])):
                moved = letters.copy()
                moved[layer] = letter
                if chain.allowed and chain.stands(moved[: chain.depth].tolist()):
                    rows.append(moved)
        if not rows:
            return self._empty()
        options = np.array(rows, dtype=np.int64)
        found = Configurations(self._chains, self._numbering, np.full(len(rows), start), options)
        found = found.taken(np.flatnonzero(self._fits(found, self._bounds(budget))))
        return found.taken(np.lexsort(found.options.T[::-1]))

    def some_neighbour(
        self, configuration: Mapping[str, Any], chance: random.Random, tries: int
    ) -> dict[str, Any] | None:
        """Return one configuration within the budget that differs in one field of one layer, each as likely.

        None where none of so many moves leads to one.
        """
        one = self.find([configuration])
        chain = self._chains[int(one.starts[0])]
        bounds = self._bounds()
        for _ in range(tries):
            moved = one.options[0].copy()
            layer = chance.randrange(chain.depth)
            beside = chain.beside(layer, int(moved[layer]))
            if not beside:
                continue
            moved[layer] = beside[chance.randrange(len(beside))]
            if chain.stands(moved[: chain.depth].tolist()):
                found = Configurations(self._chains, self._numbering, one.starts, moved[None, :])
                if self._fits(found, bounds)[0]:
                    return found[0]
        return None

    def layers_of(self, field: str) -> int:
        """Return the most layers that have a field of their own."""
        return max((own[1] for chain in self._chains if (own := chain.layered(field)) is not None), default=0)

    @property
    def layered(self) -> tuple[str, ...]:
        """The fields that each layer has for itself, in file order."""
        return tuple(dict.fromkeys(axis.field for grid in self.sweep.grids for axis in grid.per_layer))

    def values_of(self, field: str) -> list[Any]:
        """Return the values that a swept field has somewhere in the space, in the order of the file."""
        found: dict[Any, None] = {}
        for chain in self._chains:
            own = chain.layered(field)
            found.update(dict.fromkeys([chain.values.get(field)] if own is None else own[2].tolist()))
        return list(found)

    def restrict(self, fields: Mapping[str, Any]) -> Space:
        """Return the same space with fewer choices; ids stay as they are.

        Args:
            fields: `"cells.3"` (of the third layer) or `"cells"` (of every layer, or of the whole network) with the
                value, or the values, that it may still have.

        Raises:
            InputError: there is no such field.
        """
        chains = list(self._chains)
        for path, values in fields.items():
            name, _, layer = path.rpartition(".") if path.rpartition(".")[2].isdigit() else (path, "", "")
            several = set(values) if isinstance(values, (list, tuple, set, frozenset, range)) else {values}
            known = (*self.once, *self.layered)
            if name not in known:
                message = f"{path} is not swept{did_you_mean(name, known)}"
                raise InputError([Fault("", 0, 0, "restrict", message)])
            chains = [chain.restricted(name, int(layer) if layer else None, several) for chain in chains]
        found = Space(self.sweep, threads=self._threads, chains=chains)
        found.__dict__["_numbering"] = self._numbering
        return found


class _TooMuchError(InputError):
    """Exact tables take too long, or too much memory."""

    def __init__(self, reason: str) -> None:
        super().__init__([Fault("", 0, 0, "grid", reason)])
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class _Sizes:
    """How much of one counted column the configurations within a budget have.

    Where the ends of chains leave few remainders of the unit of layers, the networks of each remainder have tables of
    their own, in that unit. Else one table in a unit of all sizes holds every network.
    """

    def __init__(self, space: Space, column: str, bounds: dict[str, tuple[int | None, int | None]]) -> None:
        """Write out the prefixes; tables are made when they are asked.

        Raises:
            InputError: tables would take too long.
        """
        self.space = space
        self.column = column
        self.bounds = bounds
        self.decided, _ = space._decided(bounds, column)
        unit, finest, remainders = self.decided.unit, self.decided.whole_unit, self.decided.remainders
        apart = bool(remainders) and len(remainders) < unit // finest
        self.unit = unit if apart else finest
        self.remainders = remainders if apart else [one % finest for one in remainders[:1]] or [0]
        """What sizes leave over of the unit, in growing order."""
        self._apart: list[int | None] = [*remainders] if apart else [None]
        self._few = space._few()
        # Without a least size tables serve every window.
        widest = {**bounds, column: (None, bounds[column][1])}
        self._walks: list[tuple[Prepared, Descent]] = []
        self._others: list[list[tuple[Prepared, Descent]]] = [[] for _ in self._apart]
        for remainder in self._apart:
            asked = self._prepared(widest, remainder)
            known = space._known(self.decided, asked, self._few)
            made = known or space._descent(asked, self._few, share=len(self._apart))
            self._walks.append((asked, made))
            space._check_work([one for _, one in self._walks])
        if len(self._walks) == 1:
            space._remember(self.decided, *self._walks[0], few=self._few)
        else:
            space._leave_room(sum(walk.numbers for _, walk in self._walks))

    def _prepared(self, bounds: Bounds, remainder: int | None) -> Prepared:
        return prepare(self.decided, bounds, self.unit, self.decided.scaled(self.unit), remainder)

    @cached_property
    def total(self) -> int:
        """How many there are."""
        return self._number(self._between(None, None))

    def _between(self, least: int | None, most: int | None) -> list[tuple[Descent, Window]]:
        """Return what holds the networks of some sizes; None: no bound but that of the budget."""
        low, high = self.bounds[self.column]
        least = low if least is None else max(least, low or 0)
        most = high if most is None else min(most, self.decided.plan.reach if high is None else high)
        if most is not None and (most < 0 or (least is not None and least > most)):
            return []
        bounds = {**self.bounds, self.column: (least, most)}
        prepared = [self._prepared(bounds, remainder) for remainder in self._apart]
        return [self._held(number, one) for number, one in enumerate(prepared) if one.window.high >= 0]

    def _held(self, number: int, prepared: Prepared) -> tuple[Descent, Window]:
        """Return the walk, and the window of it, that holds the networks of one remainder within some bounds.

        Raises:
            InputError: bounds on other columns hold sizes at their ends, and tables for each of them take too long.
        """
        others = self._others[number]
        for known, walk in (self._walks[number], *others):
            window = prepared.within(known)
            if window is not None and (window.low is None or walk.serves_windows):
                return walk, window
            if known.key == prepared.key and walk.reaches(prepared.window):
                return walk, prepared.window
        walk = self.space._descent(prepared, self._few, share=len(self._apart))
        if walk.additions > _QUICK:
            names = ", ".join(name for name in self.bounds if name != self.column)
            message = f"sorting by {self.column} under bounds on {names} takes too long here; use sizer sample"
            raise InputError([Fault(self.space.sweep.file, 0, 0, "sort", message)])
        if len(others) >= _REMEMBERED:
            others.pop(0)
        others.append((prepared, walk))
        return walk, prepared.window

    def _number(self, walks: Sequence[tuple[Descent, Window]]) -> int:
        return sum(walk.count(window) for walk, window in walks)

    def up_to(self, size: int) -> int:
        """Return how many there are up to a size."""
        return self._number(self._between(None, size))

    def of_place(self, place: int) -> int:
        """Return the size at a place in order of size, from 0."""
        several = len(self.remainders)

        def size(number: int) -> int:
            return self.unit * (number // several) + self.remainders[number % several]

        low, high = -1, (self.decided.plan.reach // self.unit + 1) * several
        while high - low > 1:
            middle = (low + high) // 2
            if self.up_to(size(middle)) > place:
                high = middle
            else:
                low = middle
        return size(high)

    def ranked(self, least: int | None, most: int | None, n: int | None = None) -> Configurations:
        """Return the first configurations of some sizes, in the order of ids; None: all of them."""
        found = []
        for walk, window in self._between(least, most) if n != 0 else []:
            number = walk.count(window)
            chosen = walk.unrank(range(number if n is None else min(n, number)), window)
            found.append(self.space._configurations(chosen))
        if len(found) < 2:
            return found[0] if found else self.space._empty()
        # Each is in the order of ids; the first of all are among the first of each.
        joined = _joined(found)
        order = np.lexsort((*joined.options.T[::-1], joined.starts))
        return joined.taken(order[:n])


def _without_least(bounds: Bounds, decided: RoomDecisions) -> dict[str, tuple[int | None, int | None]]:
    main = decided.plan.main
    return {main: (None, bounds[main][1])} if main in bounds else {}


def _drawn(chance: random.Random, number: int, n: int) -> list[int]:
    """Return n whole numbers below one, drawn uniformly; the bits of Python's generator are the same everywhere."""
    bits = (number - 1).bit_length()
    found: list[int] = []
    while len(found) < n:
        rank = chance.getrandbits(bits) if bits else 0
        if rank < number:
            found.append(rank)
    return found


def _joined(several: Sequence[Configurations]) -> Configurations:
    first = several[0]
    return Configurations(
        first._chains,
        first._numbering,
        np.concatenate([one.starts for one in several]),
        np.concatenate([one.options for one in several]),
    )


def _shown(configuration: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name} {value}" for name, value in configuration.items())
    return text if len(text) <= 80 else text[:79] + "…"

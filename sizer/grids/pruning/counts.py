"""A sweep by pruning: its exact account and its best configurations, without walking the grid.

The account is a chain of counts: how many configurations pass the first condition, the first two, and so on; what each
condition drops is the difference. Each count looks only at the axes that its conditions depend on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import numpy as np

from sizer.grids.account import Account
from sizer.grids.columns import IntArray
from sizer.grids.engine import on_weights
from sizer.grids.pruning.best_boxes import Kept, Leaders
from sizer.grids.pruning.boxes import exact_sum, volumes
from sizer.grids.pruning.joins import Join
from sizer.grids.pruning.kept_bounds import bound_kept
from sizer.grids.pruning.pieces import Piece, pieces
from sizer.grids.pruning.search import BoxSearch, Effort
from sizer.grids.pruning.verdicts import Condition, Judge
from sizer.sweepfile.sweep import Bound, Sweep

EFFORT = 200_000_000
"""Lines that a count may be expected to search before it is given up at once: some ten seconds of work."""

EFFORT_IN_A_HURRY = EFFORT // 4
"""The same where a person or a program waits for a first answer: some two seconds of work."""

SLACK = 30_000_000
"""Lines that a count may search beyond twice what was expected."""

EFFORT_FOR_BOUNDS = 4_000_000
"""Boxes to look at for bounds, once an exact count was given up: some two seconds of work."""

SAID_EVERY = 0.5
"""Seconds between two looks at how far a count is."""

OPENED = 100
"""The most best configurations that are found by opening boxes one by one."""

WORTH_JOINING = 2_000_000
"""Lines below which it is not looked first whether groups of axes can be counted apart and joined."""

BOXED = 4
"""How much more than expected a search may take, since how many boxes there are is not known before."""

LONG_LINE = 16
"""The shortest line, in configurations, along which searching beats walking."""


@dataclass
class Pruned:
    """What pruning tells of a sweep."""

    account: Account | None
    """Where every configuration went; None where that took too much effort."""
    at_least: int = 0
    """Configurations that are surely kept."""
    at_most: int = 0
    """Configurations that may be kept; equal to `at_least` where the account is exact, and it may be where it is not."""
    best: list[int] = field(default_factory=list)
    """Ids of the best kept configurations, the best first; empty where more than `OPENED` were asked for."""
    limit: int | None = None
    """A value of the sorting column such that enough kept configurations are at least as good; None: all are needed."""


def prunable(sweep: Sweep) -> bool:
    """Return whether the sweep's counts grow with its fields, so that corners decide boxes."""
    return all(pieces(grid) is not None for grid in sweep.grids)


def has_long_lines(sweep: Sweep) -> bool:
    """Return whether lines along the fastest axis are long enough that finding them beats walking the grid."""
    return all(
        not grid.axes or max(piece.stop[-1] - piece.start[-1] for piece in pieces(grid) or ()) >= LONG_LINE
        for grid in sweep.grids
    )


OnCounted = Callable[[int, int], None]
"""Called now and then with how many configurations are decided, and how many of them are kept."""


def count_kept(
    sweep: Sweep,
    *,
    best: int = 0,
    sort: str = "weights",
    descending: bool = True,
    effort: int | None = EFFORT,
    on_counted: OnCounted | None = None,
) -> Pruned:
    """Return the exact account of a sweep, or bounds on what is kept where that takes too much effort.

    Args:
        sweep: `prunable`, of any size.
        best: how many of the best configurations to find.
        sort: the counted column that decides which are best, ties in id order.
        descending: the largest are best; else the smallest.
        effort: lines to search at the most; None: as many as it takes.
        on_counted: called now and then while the account is made.
    """
    account = Account()
    watch = Watch(on_counted)
    plans: list[CountPlan] = []
    first_id = 0
    for grid in sweep.grids:
        plans += [CountPlan.of(piece, sweep, first_id) for piece in pieces(grid) or ()]
        first_id += grid.size
    expected = sum(plan.way.expected for plan in plans)
    # Where all of it is too much, what is little is still counted, and the rest is left to the bounds.
    most = None if effort is None else effort if expected <= effort else effort // 64
    hard = [plan for plan in plans if not _count_piece(plan, account, most, watch)]
    total = Pruned(None if hard else account, account.kept, account.kept)
    for plan in hard:
        # Where it is one of the first conditions that is hard to count, all of them together may not be.
        kept = _volume(plan, len(plan.stages), most, watch) if len(plan.stages) > 1 else None
        if kept is None:
            least, greatest = bound_kept(plan.way.search, EFFORT_FOR_BOUNDS // len(hard))
            total.at_least += least * plan.way.times
            total.at_most += greatest * plan.way.times
        else:
            total.at_least += kept
            total.at_most += kept
    if best and not hard:
        leaders = Leaders(best, sort, descending=descending)
        leaders.look([Kept(plan.piece, plan.first_id, plan.conditions) for plan in plans if plan.kept])
        total.best = leaders.ids() if best <= OPENED else []
        total.limit = leaders.limit()
    # Whether configurations repeat is seen on rows, and there are none here.
    if len(sweep.grids) > 1 or any(axis.base for grid in sweep.grids for axis in grid.axes):
        account.repeated = None
    return total


def kept_number(sweep: Sweep, effort: int | None = EFFORT) -> int | None:
    """Return how many configurations are kept, or None where that takes too much effort.

    Args:
        sweep: `prunable`, of any size.
        effort: lines to search at the most, of each piece; None: as many as it takes.
    """
    kept = 0
    for grid in sweep.grids:
        for piece in pieces(grid) or ():
            plan = CountPlan.of(piece, sweep, 0)
            number = _volume(plan, len(plan.stages), effort, Watch(None)) if plan.stages else piece.volume
            if number is None:
                return None
            kept += number
    return kept


@dataclass
class Watch:
    """Says how far an account is, now and then."""

    on_counted: OnCounted | None
    decided: int = 0
    """Configurations of the pieces that are done."""
    kept: int = 0
    _said: float = field(default_factory=time.monotonic)

    def see(self, plan: CountPlan, number: int, decided: Callable[[], Fraction], passing: int) -> None:
        """Look at a count that is under way.

        Args:
            plan: of the piece.
            number: how many conditions are counted.
            decided: says of how much of the piece it is decided whether they pass.
            passing: how many configurations were found to pass.
        """
        if self.on_counted is None or time.monotonic() < self._said + SAID_EVERY:
            return
        # Each condition is a count of its own, and the last one says what is kept.
        share = int(plan.piece.volume * (number - 1 + decided()) / len(plan.stages))
        self.on_counted(self.decided + share, self.kept + (passing if number == len(plan.stages) else 0))
        self._said = time.monotonic()

    def done(self, plan: CountPlan) -> None:
        """Note that a piece is done."""
        self.decided += plan.piece.volume
        self.kept += plan.kept
        if self.on_counted is not None:
            self.on_counted(self.decided, self.kept)


@dataclass
class Way:
    """How it is counted what passes some conditions: searched, or joined where that leaves less to do."""

    search: BoxSearch
    """On the axes that matter."""
    times: int
    """How many configurations of the piece each one that is counted stands for."""

    @classmethod
    def of(cls, piece: Piece, conditions: Sequence[Condition]) -> Way:
        """Return the way for some conditions."""
        narrow, times = _narrowed(piece, conditions)
        return cls(BoxSearch(narrow, conditions, counting=True, grouped=True), times)

    @cached_property
    def join(self) -> Join | None:
        """The groups of axes that can be counted apart, if any."""
        return Join.of(self.search.piece, self.search.judge.conditions)

    @property
    def is_joined(self) -> bool:
        """Whether to join leaves less to do."""
        if self.search.expected <= WORTH_JOINING or self.join is None:
            return False
        return self.join.expected < BOXED * self.search.expected

    @property
    def expected(self) -> float:
        """About how much there is to do, in lines that are searched."""
        return self.join.expected if self.is_joined and self.join is not None else self.search.expected


@dataclass
class CountPlan:
    """A piece, and how what is kept of it is to be counted."""

    piece: Piece
    first_id: int
    """The id of its grid's first configuration."""
    stages: list[Stage]
    """The conditions that drop some of the piece, in the order of the account."""
    way: Way
    """How what passes all of them is counted."""
    kept: int = 0
    """How many were found to be kept."""

    @classmethod
    def of(cls, piece: Piece, sweep: Sweep, first_id: int) -> CountPlan:
        """Return the plan of a piece."""
        stages = []
        for stage in stages_of(piece, sweep):
            always, never = _whole(piece, stage.condition)
            if not always:
                stages.append(stage)
            if never:
                break
        return cls(piece, first_id, stages, Way.of(piece, [stage.condition for stage in stages]))

    @property
    def conditions(self) -> list[Condition]:
        """The conditions that drop some of the piece."""
        return [stage.condition for stage in self.stages]


def _count_piece(plan: CountPlan, account: Account, most: int | None, watch: Watch) -> bool:
    """Account for one piece; return whether that was done, or else took too much effort.

    Args:
        plan: of the piece.
        account: takes where its configurations went.
        most: lines to search at the most; None: as many as it takes.
        watch: is shown how far it is.
    """
    parts = []
    left = plan.piece.volume
    for number, stage in enumerate(plan.stages, start=1):
        passing = _volume(plan, number, most, watch)
        if passing is None:
            return False
        parts.append((stage, left - passing))
        left = passing
        if not left:
            break
    for stage, dropped in parts:
        if dropped:
            stage.tallied(account)[stage.reason] += dropped
    plan.kept = left
    account.kept += left
    watch.done(plan)
    return True


def _volume(plan: CountPlan, number: int, most: int | None, watch: Watch) -> int | None:
    """Return how many configurations of a piece pass its first conditions, or None where that took too much effort."""
    if _whole(plan.piece, plan.stages[number - 1].condition)[1]:
        return 0
    way = plan.way if number == len(plan.stages) else Way.of(plan.piece, plan.conditions[:number])
    passing = _joined(plan, number, way, most, watch) if way.is_joined else None
    if passing is None:
        passing = _searched(plan, number, way.search, most, watch)
    if passing is None and way.search.grouping is not None:
        # How many groups there are is not known before.
        search = BoxSearch(way.search.piece, plan.conditions[:number], counting=True)
        passing = _searched(plan, number, search, most, watch)
    if passing is None and not way.is_joined:
        # How many boxes there are is not known before either.
        passing = _joined(plan, number, way, most, watch)
    return None if passing is None else passing * way.times


def _searched(plan: CountPlan, number: int, search: BoxSearch, most: int | None, watch: Watch) -> int | None:
    """Return how many configurations a search finds, or None where that took too much effort; see `_volume`."""
    if most is not None:
        if search.expected > most:
            return None
        search.effort = Effort(min(most, SLACK + 2 * int(search.expected)))

    def decided() -> Fraction:
        left = sum(exact_sum(volumes(chunk.low, chunk.high)) for chunk in search.waiting)
        return 1 - Fraction(left, search.piece.volume)

    passing = 0
    for found in search.boxes():
        if found.undecided:
            return None
        passing += found.volume()
        watch.see(plan, number, decided, passing * plan.way.times)
    return passing


def _joined(plan: CountPlan, number: int, way: Way, most: int | None, watch: Watch) -> int | None:
    """Return how many configurations two groups of axes have together, or None where that is not done; see `_volume`."""
    join = way.join
    if join is None or (most is not None and join.expected > most):
        return None
    passing = 0
    for rounds, found in enumerate(join.counts(), start=1):
        passing += found
        watch.see(plan, number, partial(Fraction, rounds, join.rounds), passing * way.times)
    return passing


def _whole(piece: Piece, condition: Condition) -> tuple[bool, bool]:
    """Return whether all of a piece surely passes a condition, and whether none of it does."""
    verdict = Judge(piece, [condition]).classify(_corner(piece.start), _corner(piece.stop))
    return bool((verdict.within & verdict.certain()).all()), not verdict.possible.all()


def _corner(side: tuple[int, ...]) -> IntArray:
    return np.array(side, dtype=np.int64).reshape(len(side), 1)


@dataclass(frozen=True)
class Stage:
    """A condition, with where what it drops is counted."""

    condition: Condition
    tallied: Callable[[Account], Any]
    """The part of the account."""
    reason: Any
    """The key in that part."""


def stages_of(piece: Piece, sweep: Sweep) -> Iterator[Stage]:
    """Yield each condition in the order of the account."""
    for rule in piece.wiring.rules:
        yield Stage(rule, lambda account: account.not_valid, rule.reason)
    for bound in sweep.budget:
        counted = on_weights(bound)
        for side, part in (
            ("under", Bound(counted.column, counted.minimum, None)),
            ("over", Bound(counted.column, None, counted.maximum)),
        ):
            if part.minimum is not None or part.maximum is not None:
                yield Stage(part, lambda account: account.outside, (bound.column, side))
    for expression in sweep.where:
        yield Stage(expression, lambda account: account.excluded, expression.text)


def _narrowed(piece: Piece, conditions: Sequence[Condition]) -> tuple[Piece, int]:
    """Return a piece with one place on each axis that no condition depends on, and how many times it stands for."""
    axes = Judge(piece, conditions).relevant_axes()
    others = [number for number in range(len(piece.start)) if number not in axes]
    stop = tuple(piece.start[number] + 1 if number in others else stop for number, stop in enumerate(piece.stop))
    return replace(piece, stop=stop), math.prod(piece.stop[number] - piece.start[number] for number in others)

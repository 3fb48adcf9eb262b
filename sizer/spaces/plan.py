"""Chains and bounds become decisions in numbers: which count is the room, what is kept beside it, in which unit.

One bounded count is the room. Others that are bounded too are written as the room's and a small sum: weights are
multiply-accumulates and biases, the state is a sum of widths. The small sum stands in the state, and what it says of
the others is said at the end of a chain.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.errors import Fault, InputError
from sizer.networks.columns import BYTES
from sizer.spaces.chains import End, LayerChain, LayerStep
from sizer.spaces.decisions import NEVER, Decision, Ends, IntArray, Start, common_unit, decisions_of, in_units
from sizer.spaces.walk import Window
from sizer.sweepfile.sweep import Bound

MOST_ADDITIONS = 5 * 10**10
"""Additions that an exact count may take unless a person says to go on."""
MOST_BYTES = 4 << 30
"""Bytes that its tables may take."""
MOST_BYTES_OF_SUMS = 4 << 30
"""Bytes that decisions may take that hold sums beside the room."""
MOST_REACHED = 1 << 22
"""Pairs of states and options that are made where only sums that can be there are kept."""
_REACHED_LESS = 4
"""How many times less that must be than with every sum kept, where steps that are alike share what is made."""
_BYTES_OF_A_PAIR = 96
"""Of a decision, for each state and option, with what is made of it on the way to a table."""


def normalised(bounds: Sequence[Bound]) -> dict[str, tuple[int | None, int | None]]:
    """Return the bounds by counted column, each column once; bounds on bytes are bounds on weights."""
    found: dict[str, tuple[int | None, int | None]] = {}
    for bound in bounds:
        name, least, most = bound.column, bound.minimum, bound.maximum
        each = BYTES.get(name)
        if each:
            name = "weights"
            least = None if least is None else -(-least // each)
            most = None if most is None else most // each
        before = found.get(name, (None, None))
        found[name] = (_both(max, before[0], least), _both(min, before[1], most))
    return {name: ends for name, ends in found.items() if ends != (None, None)}


def _both(choose: Any, one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return choose(known) if known else None


@dataclass(frozen=True)
class _SmallSum:
    """A small sum beside the room: `sign * (column - times * main)`."""

    column: str
    times: int
    sign: int
    unit: int
    most: int
    """The largest sum that matters, in units."""


class RoomPlan:
    """Chains as decisions, for bounds on certain columns."""

    def __init__(
        self,
        chains: Sequence[LayerChain],
        bounds: Mapping[str, tuple[int | None, int | None]],
        main: str | None = None,
    ) -> None:
        """Choose the room and what is kept beside it.

        Args:
            chains: those whose configurations are looked for.
            bounds: by column; at least one.
            main: the column that is the room; None: the one with which there is least to do.
        """
        self.chains = chains
        self.bounds = bounds
        self.main, self.sums = self._chosen(self.bounds if main is None else (main,))
        self.reach = largest_of(chains, self.main)
        """The most that the room's count can be."""

    # Which sums

    def _steps(self) -> list[LayerStep]:
        return steps_of(self.chains)

    def _distinct_counts(self, column: str) -> list[IntArray]:
        found: dict[int, IntArray] = {}
        for step in self._steps():
            counts = step.counts(column)
            found[id(counts)] = counts
        return list(found.values())

    def _chosen(self, mains: Iterable[str]) -> tuple[str, list[_SmallSum]]:
        best: tuple[float, str, list[_SmallSum]] | None = None
        for main in mains:
            own = self._distinct_counts(main)
            unit = common_unit(own)
            most = self.bounds.get(main, (None, None))[1]
            largest = largest_of(self.chains, main)
            room = (largest if most is None else min(most, largest)) // unit + 1
            sums: list[_SmallSum] = []
            for column in self.bounds:
                if column != main:
                    self._add_sum(main, own, column, sums)
            work = float(room) * math.prod((float(one.most + 1) for one in sums), start=1.0)
            if best is None or work < best[0]:
                best = (work, main, sums)
        assert best is not None
        return best[1], best[2]

    def _add_sum(self, main: str, own: list[IntArray], column: str, sums: list[_SmallSum]) -> None:
        """Add the smallest sum from which a column follows, unless one that is there does."""
        counts = self._distinct_counts(column)
        found: list[_SmallSum] = []
        for times in (0, 1):
            parts = [one - times * base for one, base in zip(counts, own, strict=True)]
            for sign in (1, -1):
                if all((sign * part >= 0).all() for part in parts):
                    unit = common_unit([sign * part for part in parts])
                    most = self._largest_sum(column, main, times, sign) // unit
                    if times == 0 and self.bounds[column][1] is not None:
                        most = min(most, int(self.bounds[column][1] or 0) // unit)
                    found.append(_SmallSum(column, times, sign, unit, most))
                    break
        sums.append(min(found, key=lambda one: one.most))

    def _largest_sum(self, column: str, main: str, times: int, sign: int) -> int:
        best: dict[int, IntArray] = {}
        for step in self._steps():
            counts = sign * (step.counts(column) - times * step.counts(main))
            after = best[id(step.after)][step.targets] if isinstance(step.after, LayerStep) else 0
            best[id(step)] = np.where(step.exists, counts + after, 0).max(axis=1, initial=0)
        return max((int(best[id(chain.first)].max()) for chain in self.chains), default=0)

    # Sums that are the same but for a factor are kept once

    def _merged(self) -> tuple[list[_SmallSum], list[tuple[int, int]]]:
        """Return the sums that are kept, and for each bounded column which of them, and how often, it is."""
        kept: list[_SmallSum] = []
        parts: list[list[IntArray]] = []
        places: list[tuple[int, int]] = []
        for one in self.sums:
            own = [
                one.sign * (counts - one.times * base) // one.unit
                for counts, base in zip(
                    self._distinct_counts(one.column), self._distinct_counts(self.main), strict=True
                )
            ]
            for place, other in enumerate(parts):
                if all((a == b).all() for a, b in zip(own, other, strict=True)):
                    places.append((place, one.unit))
                    kept[place] = min(kept[place], one, key=lambda each: each.most)
                    break
            else:
                places.append((len(kept), one.unit))
                kept.append(one)
                parts.append(own)
        return kept, places

    # Decisions

    def decided(self) -> RoomDecisions:
        """Return the chains as decisions."""
        kept, places = self._merged()
        sizes = [one.most + 1 for one in kept]
        steps = self._steps()
        alike = {(id(one.shared), id(one.exists), id(one.allowed)): one.targets.size for one in steps}
        pairs = math.prod(sizes) * sum(alike.values())
        reached = self._reached(kept, sizes, pairs) if kept else None
        if reached is None:
            self._check_sums(pairs if kept else 0)
            every = np.arange(math.prod(sizes), dtype=np.int64)
        made: dict[int, Decision | Ends] = {}
        arrays: dict[tuple[int, ...], tuple[IntArray, IntArray]] = {}
        ends: dict[int, tuple[End, Ends]] = {}
        sums: dict[int, IntArray] = {}
        for step in steps:
            after = every if reached is None else reached[id(step.after)]
            if isinstance(step.after, End) and id(step.after) not in made:
                made[id(step.after)] = end = Ends(step.after.states * len(after))
                ends[id(end)] = (step.after, end)
                sums[id(step.after)] = _parts(after, sizes)
            # Steps that are alike have the same arrays where every sum is kept, so that they are made once.
            key = (id(step.shared), id(step.exists), id(step.allowed)) if reached is None else (id(step),)
            if key not in arrays:
                before = _NOTHING if step.first else every if reached is None else reached[id(step)]
                arrays[key] = self._arrays(step, kept, sizes, before, after)
            costs, targets = arrays[key]
            made[id(step)] = Decision(costs, targets, made[id(step.after)])
        starts = [Start(made[id(chain.first)], 0) for chain in self.chains]
        return RoomDecisions(self, starts, list(ends.values()), kept, sums, places)

    def _reached(self, kept: Sequence[_SmallSum], sizes: Sequence[int], pairs: int) -> dict[int, IntArray] | None:
        """Return the small sums that can be there before each step and at each end; None: it is less work to keep all.

        Args:
            kept: the small sums.
            sizes: one more than the largest of each; together they are one number, the last sum its fastest digit.
            pairs: of states and options, with every sum kept.
        """
        if math.prod(sizes) >= NEVER:
            return None
        found: dict[int, list[IntArray]] = {}
        reached: dict[int, IntArray] = {}
        needed = 0
        for step in reversed(self._steps()):
            before = _NOTHING if step.first else _different(found[id(step)])
            reached[id(step)] = before
            needed += len(before) * step.targets.size
            if needed * _REACHED_LESS >= pairs or needed > MOST_REACHED:
                return None
            stands = np.broadcast_to(step.exists & step.allowed, step.targets.shape)
            added = np.unique(np.stack([one[stands] for one in self._own(step, kept)]), axis=1)
            if len(before) * added.shape[1] > MOST_REACHED:
                return None
            code, fits = _added(_parts(before, sizes)[:, :, None], added[:, None, :], sizes)
            found.setdefault(id(step.after), []).append(np.unique(code[fits]))
        return reached | {place: _different(some) for place, some in found.items() if place not in reached}

    def _check_sums(self, pairs: int) -> None:
        """Check that small sums beside the room fit into memory.

        Raises:
            InputError: they do not.
        """
        needed = _BYTES_OF_A_PAIR * pairs
        if needed > MOST_BYTES_OF_SUMS and self.sums:
            names = " and ".join([self.main, *(one.column for one in self.sums)])
            message = f"bounds on {names} at once take {needed / 2**30:,.0f} GiB; coarser steps, or fewer of the bounds, take less"
            raise InputError([Fault("", 0, 0, "budget", message)])

    def _own(self, step: LayerStep, kept: Sequence[_SmallSum]) -> list[IntArray]:
        """Return what each option adds to each small sum."""
        return [one.sign * (step.counts(one.column) - one.times * step.counts(self.main)) // one.unit for one in kept]

    def _arrays(
        self, step: LayerStep, kept: Sequence[_SmallSum], sizes: Sequence[int], before: IntArray, after: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Return what each option of each state with its sums costs, and which one it leads to.

        Args:
            step: the layer.
            kept: the small sums.
            sizes: as in `_reached`.
            before: the sums that can be there, as numbers that grow.
            after: those that can be there behind it.
        """
        stands = step.exists & step.allowed
        costs = np.where(stands, step.counts(self.main), NEVER)
        if not kept:
            return costs, np.ascontiguousarray(step.targets)
        options = costs.shape[1]
        own = np.stack([one[:, None, :] for one in self._own(step, kept)])
        code, fits = _added(_parts(before, sizes)[:, None, :, None], own, sizes)
        if len(after) < math.prod(sizes):
            code = np.minimum(np.searchsorted(after, code), len(after) - 1)
        found = np.where(fits, costs[:, None, :], NEVER)
        targets = step.targets[:, None, :] * len(after) + code
        return found.reshape(-1, options), targets.reshape(-1, options)


_NOTHING = np.zeros(1, dtype=np.int64)
"""Before the first layer there are no sums yet."""


def _different(some: Sequence[IntArray]) -> IntArray:
    """Return what stands in any of some arrays, once and in order; nothing spent where no network comes that far."""
    found = np.unique(np.concatenate(some))
    return found if len(found) else _NOTHING


def _parts(codes: IntArray, sizes: Sequence[int]) -> IntArray:
    """Return sums that are one number as the small sums that they are; shape (sums, codes)."""
    if not sizes:
        return np.zeros((0, len(codes)), dtype=np.int64)
    return np.stack(np.unravel_index(codes, tuple(sizes))).astype(np.int64)


def _added(before: IntArray, added: IntArray, sizes: Sequence[int]) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Return small sums with more added, as one number, and whether none of them is too large."""
    code: Any = 0
    fits: Any = True
    for size, so_far, more in zip(sizes, before, added, strict=True):
        total = so_far + more
        fits = fits & (total < size)
        code = code * size + np.minimum(total, size - 1)
    return code, fits


def steps_of(chains: Sequence[LayerChain]) -> list[LayerStep]:
    """Return the steps of some chains, each after those that follow it."""
    found: dict[int, LayerStep] = {}
    for chain in chains:
        step: LayerStep | End = chain.first
        while isinstance(step, LayerStep) and id(step) not in found:
            found[id(step)] = step
            step = step.after
    return sorted(found.values(), key=_height)


def largest_of(chains: Sequence[LayerChain], column: str) -> int:
    """Return the largest that a counted column can be in any of the networks."""
    best: dict[int, IntArray] = {}
    for step in steps_of(chains):
        after = best[id(step.after)] if isinstance(step.after, LayerStep) else step.after.counts(column)
        reach = np.where(step.exists, step.counts(column) + after[step.targets], -1)
        best[id(step)] = reach.max(axis=1, initial=-1)
    return max((int(best[id(chain.first)].max()) for chain in chains), default=0)


def _height(step: LayerStep | End) -> int:
    height = 0
    while isinstance(step, LayerStep):
        height += 1
        step = step.after
    return height


@dataclass(eq=False)
class RoomDecisions:
    """Chains as decisions, with what is said at their ends."""

    plan: RoomPlan
    starts: list[Start]
    ends: list[tuple[End, Ends]]
    kept: list[_SmallSum]
    sums: dict[int, IntArray]
    """The small sums that can be there at each end, by its identity; shape (sums, how many can be)."""
    places: list[tuple[int, int]]
    _scaled: dict[tuple[int, bool], list[Start]] = field(default_factory=dict)

    def scaled(self, unit: int, *, up: bool = False) -> list[Start]:
        """Return the starts in units, what is no multiple rounded down, or up."""
        key = (unit, up)
        if key not in self._scaled:
            self._scaled[key] = in_units(self.starts, unit, up=up)
        return self._scaled[key]

    def end_counts(self, end: End) -> IntArray:
        """Return what an end adds to the room, shape (states with sums,)."""
        return np.repeat(end.counts(self.plan.main), self.sums[id(end)].shape[1])

    @property
    def unit(self) -> int:
        """The greatest common divisor of what layers cost."""
        return common_unit([decision.costs for decision in decisions_of(self.starts)])

    @property
    def whole_unit(self) -> int:
        """The same of every difference of two sizes, so that tables serve every bound."""
        counts = np.concatenate([end.counts(self.plan.main)[end.allowed] for end, _ in self.ends])
        if not len(counts):
            return self.unit
        return math.gcd(self.unit, int(np.gcd.reduce(counts - counts[0])))

    @property
    def remainders(self) -> list[int]:
        """What ends leave over of the unit of layers: every size is a multiple of that unit and one of these."""
        counts = [end.counts(self.plan.main)[end.allowed] % self.unit for end, _ in self.ends]
        return sorted({int(one) for some in counts for one in np.unique(some)})

    def windows(self, end: End, bounds: Mapping[str, tuple[int | None, int | None]]) -> tuple[IntArray, IntArray]:
        """Return the least and the most that the room may be at each end, its own count included.

        Shape (states with sums,); the most is below the least where nothing is allowed. -NEVER and NEVER stand for no end.
        """
        sums = self.sums[id(end)]
        total = sums.shape[1]
        states = end.states
        low, high = bounds.get(self.plan.main, (None, None))
        # Beyond the largest network there is nothing more.
        reach = self.plan.reach
        least = np.full((states, total), -NEVER if low is None else min(low, NEVER), dtype=np.int64)
        most = np.full((states, total), reach if high is None else min(high, reach), dtype=np.int64)
        main_end = end.counts(self.plan.main)[:, None]
        for one, (place, unit) in zip(self.plan.sums, self.places, strict=True):
            low, high = bounds.get(one.column, (None, None))
            # column = sign * sum + times * main, for the layers; the ends add their own.
            layers = one.sign * sums[place][None, :] * unit
            rest = layers + (end.counts(one.column)[:, None] - one.times * main_end)
            if one.times == 0:
                if low is not None:
                    most[rest < low] = -NEVER
                if high is not None:
                    most[rest > high] = -NEVER
            else:
                if low is not None:
                    np.maximum(least, low - rest, out=least)
                if high is not None:
                    np.minimum(most, high - rest, out=most)
        most[~end.allowed] = -NEVER
        return least.reshape(-1), most.reshape(-1)


@dataclass(eq=False)
class Prepared:
    """Decisions in units with what they cost at their ends: what a `Walk` is made of."""

    starts: list[Start]
    ends: dict[int, IntArray]
    window: Window
    below: tuple[dict[int, IntArray], int] | None
    unit: int

    highs: dict[int, IntArray]
    """What may be spent up to each end, in units; -1 where nothing may."""
    lows: dict[int, IntArray]
    """Up to where it would be too little."""

    @property
    def key(self) -> Any:
        """What tables depend on."""
        below = () if self.below is None else tuple(ends.tobytes() for ends in self.below[0].values())
        return tuple(sorted((place, ends.tobytes()) for place, ends in self.ends.items())), below

    def within(self, wider: Prepared) -> Window | None:
        """Return the window in the tables of other bounds, of which all ends are further by the same; None: there is none."""
        high = _moved(self.highs, wider.highs)
        low = _moved(self.lows, wider.highs)
        if high is None or low is None:
            return None
        top = wider.window.high
        return Window(top - high, None if low > top else top - low)


def _moved(caps: Mapping[int, IntArray], wider: Mapping[int, IntArray]) -> int | None:
    """Return by how much less may be spent up to every end than elsewhere; None: not by the same.

    Where nothing may be spent up to any end, it is more than there is.
    """
    own, other = (np.concatenate([ends[place] for place in caps]) for ends in (caps, wider))
    apart = np.unique((other - own)[own >= 0])
    move = int(apart[0]) if len(apart) else int(other.max(initial=-1)) + 1
    if len(apart) > 1 or move < 0 or (other[own < 0] >= move).any():
        return None
    return move


def prepare(
    decided: RoomDecisions,
    bounds: Mapping[str, tuple[int | None, int | None]],
    unit: int,
    scaled: Sequence[Start],
    remainder: int | None = None,
) -> Prepared:
    """Return decisions with ends for certain bounds.

    Args:
        decided: the chains.
        bounds: by column.
        unit: of the room.
        scaled: the starts in that unit.
        remainder: of ends that leave so much over of the unit alone; None: of every end.
    """
    highs: dict[int, IntArray] = {}
    lows: dict[int, IntArray] = {}
    for end, place in decided.ends:
        least, most = decided.windows(end, bounds)
        own = decided.end_counts(end)
        none = most < np.maximum(least, own)
        if remainder is not None:
            none |= own % unit != remainder
        highs[id(place)] = np.where(none, -1, (most - own) // unit)
        lows[id(place)] = np.where(none, -1, (np.maximum(least, own) - 1 - own) // unit)
    high = max((int(caps.max(initial=-1)) for caps in highs.values()), default=-1)
    ends = {place: _end_costs(caps, high) for place, caps in highs.items()}
    everything = [np.concatenate(list(caps.values())) for caps in (highs, lows)]
    open_ends = everything[0] >= 0
    if not (everything[1][open_ends] >= 0).any():
        return Prepared(list(scaled), ends, Window(high), None, unit, highs, lows)
    apart = np.unique((everything[0] - everything[1])[open_ends])
    if len(apart) == 1:
        return Prepared(list(scaled), ends, Window(high, high - int(apart[0])), None, unit, highs, lows)
    low = int(everything[1].max())
    below = {place: _end_costs(caps, low) for place, caps in lows.items()}
    return Prepared(list(scaled), ends, Window(high, low), (below, low), unit, highs, lows)


def _end_costs(caps: IntArray, limit: int) -> IntArray:
    """Return what ends cost so that a chain may spend up to a cap of its end where the room is the limit."""
    return np.where(caps < 0, NEVER, np.maximum(limit - caps, 0))


def counts_of(chains: Sequence[LayerChain], starts: IntArray, options: IntArray, column: str) -> IntArray:
    """Return a counted column of some configurations.

    Args:
        chains: of the space.
        starts: the chain of each, shape (n,).
        options: what each layer is, shape (n, layers of the longest).
        column: its name.
    """
    if column in BYTES:
        return BYTES[column] * counts_of(chains, starts, options, "weights")
    found = np.zeros(len(starts), dtype=np.int64)
    for number in np.unique(starts).tolist():
        rows = np.flatnonzero(starts == number)
        states = np.zeros(len(rows), dtype=np.int64)
        step: LayerStep | End = chains[number].first
        depth = 0
        while isinstance(step, LayerStep):
            option = options[rows, depth].astype(np.int64)
            found[rows] += step.counts(column)[states, option]
            states = step.targets[states, option]
            step = step.after
            depth += 1
        found[rows] += step.counts(column)[states]
    divisor = divisor_of(chains, column)
    return found if divisor == 1 else -(-found // divisor)


def divisor_of(chains: Sequence[LayerChain], column: str) -> int:
    """Return in which parts of one a column is summed: counts for each step of a clock may be fractions, rounded up."""
    return chains[0].divisors.get(column, 1) if chains else 1

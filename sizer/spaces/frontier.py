"""Two counts of the networks of some chains against each other: the pairs that no network beats.

The sum with fewer values is written out: for each value of it, state by state, the best of the other. So it is the same
walk from the ends as that of the tables, with the best in place of how many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sizer.errors import Fault, InputError
from sizer.spaces.chains import End, LayerChain, LayerStep
from sizer.spaces.decisions import IntArray, common_unit
from sizer.spaces.plan import divisor_of, largest_of, steps_of

MOST_NUMBERS = 1 << 28
"""The most numbers of one table."""
MOST_ADDITIONS = 2 * 10**10
"""The most comparisons."""
_NONE = 1 << 61


def front(
    chains: Sequence[LayerChain], wanted: str, spent: str, bounds: Mapping[str, tuple[int | None, int | None]]
) -> list[tuple[int, int]]:
    """Return the unbeaten pairs of two counted columns: as much of the first for as little of the second.

    Args:
        chains: those whose networks stand.
        wanted: the column of which more is better.
        spent: the column of which less is better.
        bounds: by column; on these two columns alone.

    Raises:
        InputError: another column is bounded, or there are too many values.
    """
    others = [name for name in bounds if name not in {wanted, spent}]
    if others:
        message = f"bounds on {', '.join(others)} cannot be combined with {wanted} and {spent}"
        raise InputError([Fault("", 0, 0, "pareto", message)])
    if not chains:
        return []
    steps = steps_of(chains)
    choices = []
    for rooms, best_of in ((spent, wanted), (wanted, spent)):
        # A bound at the end that the best reaches for would be held by the next best, of which nothing is known.
        if bounds.get(best_of, (None, None))[1 if best_of == wanted else 0] is None:
            ends = [_end(chain).counts(rooms) for chain in chains]
            unit = common_unit([*(step.counts(rooms) for step in steps), *ends])
            most, upper = largest_of(chains, rooms), bounds.get(rooms, (None, None))[1]
            limit = (most if upper is None else min(most, upper)) // unit
            work = sum(step.targets.size for step in steps) * (limit + 1)
            choices.append((work, rooms, best_of, unit, limit))
    if not choices:
        message = f"most {wanted} and least {spent} cannot both be bounded"
        raise InputError([Fault("", 0, 0, "pareto", message)])
    work, rooms, best_of, unit, limit = min(choices)
    if work > MOST_ADDITIONS or (limit + 1) * max(len(step.targets) for step in steps) > MOST_NUMBERS:
        message = f"holding {best_of} against each value of {rooms} takes {work:.1e} comparisons; use coarser steps"
        raise InputError([Fault("", 0, 0, "pareto", message)])
    tables: dict[int, IntArray] = {}
    sign = 1 if best_of == wanted else -1
    for step in steps:
        if isinstance(step.after, End) and id(step.after) not in tables:
            tables[id(step.after)] = _end_table(step.after, rooms, best_of, unit, limit, sign)
        tables[id(step)] = _best(step, tables[id(step.after)], rooms, best_of, unit, limit, sign)
    best = np.max([tables[id(chain.first)][0] for chain in chains], axis=0)
    found = _within(best, rooms, best_of, unit, sign, bounds)
    pairs = [pair if rooms == spent else pair[::-1] for pair in found]
    parts = divisor_of(chains, wanted), divisor_of(chains, spent)
    return unbeaten([(-(-pair[0] // parts[0]), -(-pair[1] // parts[1])) for pair in pairs])


def _end(chain: LayerChain) -> End:
    step: LayerStep | End = chain.first
    while isinstance(step, LayerStep):
        step = step.after
    return step


def _within(
    best: IntArray, rooms: str, best_of: str, unit: int, sign: int, bounds: Mapping[str, tuple[int | None, int | None]]
) -> list[tuple[int, int]]:
    found = []
    for room in np.flatnonzero(best > -_NONE).tolist():
        pair = {rooms: room * unit, best_of: sign * int(best[room])}
        if all(
            (least is None or pair[name] >= least) and (most is None or pair[name] <= most)
            for name, (least, most) in bounds.items()
        ):
            found.append((pair[best_of], pair[rooms]))
    return found


def _end_table(end: End, rooms: str, best_of: str, unit: int, limit: int, sign: int) -> IntArray:
    table = np.full((end.states, limit + 1), -_NONE, dtype=np.int64)
    costs = end.counts(rooms) // unit
    here = np.flatnonzero(end.allowed & (costs <= limit))
    table[here, costs[here]] = sign * end.counts(best_of)[here]
    return table


def _best(step: LayerStep, after: IntArray, rooms: str, best_of: str, unit: int, limit: int, sign: int) -> IntArray:
    costs, gains = step.counts(rooms) // unit, sign * step.counts(best_of)
    stands = step.exists & step.allowed & (costs <= limit)
    found = np.full((len(step.targets), limit + 1), -_NONE, dtype=np.int64)
    for state in range(len(found)):
        row = found[state]
        for option in np.flatnonzero(stands[state]).tolist():
            cost = int(costs[state, option])
            source = after[step.targets[state, option], : limit + 1 - cost]
            np.maximum(row[cost:], source + gains[state, option], out=row[cost:])
        row[row < -_NONE // 2] = -_NONE
    return found


def unbeaten(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the pairs (wanted, spent) that none beats, in growing order."""
    found: list[tuple[int, int]] = []
    best: int | None = None
    for wanted, spent in sorted(pairs, key=lambda pair: (pair[1], -pair[0])):
        if best is None or wanted > best:
            found.append((wanted, spent))
            best = wanted
    return found

"""A space as chains of decisions: at each a state is known, and every option costs something and leads to a state.

Nothing of the past counts but the state and the room that is left, so

    completions[decision][state](room) = sum over options of completions[next decision][next state](room - cost)

Chains of several lengths share their ends: a `Start` says with which decision, and in which state, each one begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

NEVER = 1 << 60
"""The cost of an option that is not there."""


@dataclass(eq=False)
class Ends:
    """Where chains end. What each state costs in the end depends on what is asked, so it does not stand here."""

    states: int
    height: int = 0


@dataclass(eq=False)
class Decision:
    """One decision: for each state its options, in the order of ids."""

    costs: IntArray
    """Shape (states, options); `NEVER` where an option is not there."""
    targets: IntArray
    """Shape (states, options): the state that each leads to."""
    after: Decision | Ends
    """What is decided next."""
    height: int = field(init=False)
    """How many decisions there are from here on, this one counted."""

    def __post_init__(self) -> None:
        self.height = self.after.height + 1

    @property
    def states(self) -> int:
        """How many states there are."""
        return len(self.costs)

    @property
    def options(self) -> int:
        """How many options each state has."""
        return int(self.costs.shape[1])


@dataclass(frozen=True)
class Start:
    """The beginning of a chain."""

    first: Decision | Ends
    cost: int
    """What is spent before anything is decided."""
    state: int = 0


def decisions_of(starts: Iterable[Start]) -> list[Decision]:
    """Return the decisions of some chains, each before those that follow it."""
    found: dict[int, Decision] = {}
    for start in starts:
        decision = start.first
        while isinstance(decision, Decision) and id(decision) not in found:
            found[id(decision)] = decision
            decision = decision.after
    return sorted(found.values(), key=lambda decision: -decision.height)


def ends_of(start: Start) -> Ends:
    """Return where a chain ends."""
    decision = start.first
    while isinstance(decision, Decision):
        decision = decision.after
    return decision


def common_unit(arrays: Sequence[IntArray]) -> int:
    """Return the greatest common divisor of all costs that are there; 1 where there are none above 0.

    Example:
        >>> common_unit([np.array([96, 64]), np.array([NEVER, 160])])
        32
    """
    return math.gcd(*(int(np.gcd.reduce(costs[costs < NEVER], initial=0)) for costs in arrays)) or 1


def in_units(starts: Sequence[Start], unit: int, *, up: bool = False) -> list[Start]:
    """Return chains of which the decisions cost whole units: what is no multiple is rounded down, or up.

    What a start costs stays as it is.
    """
    made: dict[int, Decision | Ends] = {}
    for decision in reversed(decisions_of(starts)):
        after = made.get(id(decision.after), decision.after)
        costs = -(-decision.costs // unit) if up else decision.costs // unit
        made[id(decision)] = Decision(np.where(decision.costs >= NEVER, NEVER, costs), decision.targets, after)
    return [Start(made.get(id(start.first), start.first), start.cost, start.state) for start in starts]

"""A course of values and one network become the values that a convention takes, and the last of them within a budget.

The count is followed along the course with `Growth` numbers, which say up to where nothing changes in kind: the same
tensors are there, the same rules hold. On each such leg the count never falls, so a binary search answers exactly, at
any size; values that are refused are left out. Where rounding decides how a network is wired, a leg is made of the
steps at which it decides alike.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

from sizer.errors import Fault, InputError
from sizer.networks.columns import tally
from sizer.networks.counting import Count, Description, count_network, refused
from sizer.networks.fields import FIELDS
from sizer.networks.tensors import Number
from sizer.numbers.growth import (
    Growth,
    RemainderError,
    Standpoint,
    Stretch,
    first_regular,
    last_step,
    nearest_multiple,
    nearest_multiples,
    straight,
)

LOOKED_AT = 50_000
"""How many values are tried one by one, where rounding makes a rule hold here and there, before giving up."""

MOST_LEGS = 2000
"""Into how many the course may be cut."""
PERIODS = 1000
"""How many steps rounding may take to repeat itself, where it decides how a network is wired."""


@dataclass(frozen=True)
class Course:
    """The values that are searched: fields that move together, step by step; step 0 is 0 and exists only by itself."""

    base: str
    """The field whose values are multiples of `stride`."""
    ratios: dict[str, Fraction]
    """The fields that move with it."""
    round_to: int | None
    """What those are multiples of; None: they come out whole."""
    stride: int
    every: int = 1
    """What its period is made a multiple of."""

    @property
    def names(self) -> tuple[str, ...]:
        """The base and those that move with it."""
        return (self.base, *self.ratios)

    @cached_property
    def period(self) -> int:
        """How many steps it takes until rounding, and what is left when a size is divided, repeat themselves."""
        round_to = self.round_to or 1
        return math.lcm(self.every, *((ratio * self.stride / round_to).denominator for ratio in self.ratios.values()))

    def values(self, step: int) -> dict[str, int]:
        """Return what varies at one step."""
        base = self.stride * step
        found = {self.base: base}
        for name, ratio in self.ratios.items():
            found[name] = int(base * ratio) if self.round_to is None else nearest_multiple(base * ratio, self.round_to)
        return found

    def growths(self, step: Standpoint) -> dict[str, Growth]:
        """Return what varies from step 1 on."""
        found = {self.base: straight(self.stride * step.at, self.stride, step)}
        for name, ratio in self.ratios.items():
            found[name] = nearest_multiples(ratio * self.stride, self.round_to or 1, step)
        return found

    def growths_in_class(self, first: int, place: Standpoint) -> dict[str, Growth]:
        """Return what varies over every period-th step, on which rounding is the same.

        Args:
            first: the step at place 1.
            place: the place that is looked at.
        """
        step = first + self.period * (place.at - 1)
        values = self.values(step)
        found = {self.base: straight(values[self.base], self.stride * self.period, place)}
        for name, ratio in self.ratios.items():
            slope = ratio * self.stride
            # The last place at which rounding would give 0.
            low = (first_regular(slope, self.round_to or 1) - 1 - first) // self.period + 1
            if place.at <= low:
                line, stretch = straight(values[name], 0, place), Stretch(1, low)
            else:
                line, stretch = straight(values[name], int(slope * self.period), place), Stretch(max(low + 1, 1), None)
            found[name] = dataclasses.replace(line, stretch=stretch)
        return found


class Varied(Protocol):
    """What is searched: one network, or a model of blocks, of which some sizes vary."""

    @property
    def column(self) -> str:
        """The counted column that a budget bounds."""
        ...

    def looked_at(self, values: Mapping[str, Growth]) -> tuple[Number, bool]:
        """Return the column where what varies is as it grows, and whether it is refused where one looks."""
        ...

    def refusals(self, values: Mapping[str, int]) -> list[tuple[str, str]]:
        """Return (field, reason) for whatever refuses some values."""
        ...

    def counted(self, values: Mapping[str, int]) -> int:
        """Return the column at some values, refused or not."""
        ...

    def count(self, values: Mapping[str, int]) -> Count:
        """Return the whole count at values that are not refused."""
        ...

    def least(self, name: str) -> int:
        """Return the minimum of what varies."""
        ...

    def most(self, name: str) -> int | None:
        """Return its maximum; None where there is none."""
        ...


@dataclass(frozen=True)
class VariedNetwork:
    """One network of which some fields vary."""

    described: Description
    """Without what varies."""
    column: str

    def looked_at(self, values: Mapping[str, Growth]) -> tuple[Number, bool]:
        """Return the column where what varies is as it grows, and whether it is refused where one looks."""
        described = self.network(values)
        network = described.wired()
        return tally(network, [self.column])[self.column], bool(refused(described, network.fed))

    def network(self, values: Mapping[str, Any]) -> Description:
        """Return the network with what varies put in, in every layer where another field has one value per layer."""
        normal = self.described.fields
        found = dict(values)
        length = next((len(value) for value in normal.values() if isinstance(value, tuple)), None)
        if length is not None:
            for name, field in FIELDS.items():
                if field.per_layer and name in values:
                    found[name] = (values[name],) * length
        return self.described.changed(found)

    def refusals(self, values: Mapping[str, int]) -> list[tuple[str, str]]:
        """Return (field, reason) for each rule that refuses some values."""
        return refused(self.network(values))

    def counted(self, values: Mapping[str, int]) -> int:
        """Return the column at some values, refused or not."""
        return int(tally(self.network(values).wired(), [self.column])[self.column])

    def count(self, values: Mapping[str, int]) -> Count:
        """Return the whole count at some values."""
        return count_network(self.network(values).wired())

    def least(self, name: str) -> int:
        """Return the minimum of a field."""
        return FIELDS[name].minimum

    def most(self, name: str) -> int | None:
        """Return the maximum of a field; None where there is none."""
        return FIELDS[name].maximum


@dataclass(frozen=True)
class Leg:
    """Steps over which the count never falls, and the rules hold alike."""

    first: int
    last: int | None
    """None: it never ends."""
    every: int
    """How far apart its steps are."""
    constant: bool
    """Whether the column is the same at every step."""
    refused: bool
    """At every step, unless `mixed`."""
    mixed: bool
    """Whether rounding decides at each step."""
    periodic: bool
    """Whether those decisions repeat themselves."""

    def at(self, place: int) -> int:
        """Return one of its steps, counted from 0."""
        return self.first + self.every * place

    @property
    def places(self) -> int | None:
        """How many steps it has; None where there is no end."""
        return None if self.last is None else (self.last - self.first) // self.every + 1


class CourseSearch:
    """One network along a course; one of its counted columns is what a budget bounds.

    Attributes:
        legs: the whole course, from its first step on.
        starts: each leg in which there is a valid step, with the first of them.
    """

    def __init__(self, varied: Varied, course: Course) -> None:
        """Follow the column along the course.

        Args:
            varied: what is searched.
            course: what varies.

        Raises:
            InputError: rounding is too irregular to be followed.
        """
        self.varied = varied
        self.course = course
        self.column = varied.column
        self.legs = self._legs()
        self.starts = {leg: start for leg in self.legs if (start := self._valid_from(0, leg)) is not None}

    @property
    def unchanged(self) -> bool:
        """Whether the column is the same at every valid step, of which there are several."""
        several = len(self.starts) > 1 or any(leg.places != 1 for leg in self.starts)
        same = len({self.counted(step) for step in self.starts.values()}) == 1
        return several and same and all(leg.constant for leg in self.starts)

    def last_within(self, budget: int) -> int | None:
        """Return the last valid step at which the column is within a budget; None where there is none."""
        found = [self._last_within(budget, leg) for leg in self.starts]
        return max((step for step in found if step is not None), default=None)

    def first_above(self, step: int) -> int | None:
        """Return the first valid step above another one; None where every one is refused."""
        found = [self._valid_from((step - leg.first) // leg.every + 1, leg) for leg in self.starts]
        return min((other for other in found if other is not None), default=None)

    def refusals(self, step: int) -> list[tuple[str, str]]:
        """Return (field, reason) for whatever refuses a step."""
        return self.varied.refusals(self.course.values(step))

    def counted(self, step: int) -> int:
        """Return the column at one step, valid or not."""
        return self.varied.counted(self.course.values(step))

    def count(self, step: int) -> Count:
        """Return the whole count at a valid step."""
        return self.varied.count(self.course.values(step))

    def above_maximum(self, step: int) -> list[str]:
        """Return the fields that are above their maximum at a step."""
        bounded = [(name, self.varied.most(name)) for name in self.course.names]
        values = self.course.values(step)
        return [name for name, maximum in bounded if maximum is not None and values[name] > maximum]

    def first_step(self) -> int:
        """Return the first step at which no field is below its minimum."""

        def below(step: int) -> bool:
            return any(value < self.varied.least(name) for name, value in self.course.values(step).items())

        return last_step(below, 0, None) + 1 if below(0) else 0

    def _last_step(self, first: int) -> int | None:
        """Return the last step at which no field is above its maximum; None where there is no such step."""
        if all(self.varied.most(name) is None for name in self.course.names):
            return None
        return last_step(lambda step: not self.above_maximum(step), first, None)

    def _legs(self) -> list[Leg]:
        """Return the course cut into legs; where something is to be divided, by the rest that is left."""
        while True:
            try:
                return self._cut()
            except RemainderError as problem:
                every = math.lcm(self.course.every, problem.by)
                # What was divided before and is divided again takes as many steps more.
                every = every if every > self.course.every else every * problem.by
                self.course = dataclasses.replace(self.course, every=every)

    def _cut(self) -> list[Leg]:
        """Return the course cut into legs."""
        first = self.first_step()
        if self.above_maximum(first):
            return []
        last = self._last_step(first)
        found: list[Leg] = []
        step: int | None = first
        while step is not None and (last is None or step <= last):
            if step == 0:
                # Nothing is apart from every width: no projection is not a narrow one.
                refuses = bool(self.refusals(0))
                found.append(Leg(0, 0, 1, constant=True, refused=refuses, mixed=False, periodic=True))
                step = 1
                continue
            if len(found) > MOST_LEGS:
                message = f"changes how it is wired from value to value, at more than {MOST_LEGS:,} of them; use a larger step"
                raise InputError([Fault("", 0, 0, "vary", message)])
            if self.course.every > 1:
                found.extend(self._classes(step, last))
                break
            here = Standpoint(step)
            leg, counted = self._leg(self.course.growths(here), here)
            if counted.mixed:
                end = _earlier(counted.last, last)
                found.extend(self._classes(step, end))
            else:
                end = _earlier(leg.last, last)
                found.append(dataclasses.replace(leg, last=end))
            step = None if end is None else end + 1
        return found

    def _leg(self, values: Mapping[str, Growth], here: Standpoint) -> tuple[Leg, Stretch]:
        """Return the leg that begins where one looks, and the stretch over which the column is wired alike."""
        counted, refuses = self.varied.looked_at(values)
        stretch = here.decided
        wired = Stretch()
        constant = True
        if isinstance(counted, Growth):
            wired, constant = counted.stretch, counted.constant
            stretch = stretch.meet(wired)
        return Leg(here.at, stretch.last, 1, constant, refuses, stretch.mixed, stretch.periodic), wired

    def _classes(self, first: int, last: int | None) -> list[Leg]:
        """Return legs with steps a period apart, where rounding decides how a network is wired."""
        period = self.course.period
        starts = range(first, (first + period if last is None else min(first + period, last + 1)))
        if len(starts) > PERIODS:
            raise self._too_fine()
        found = []
        for start in starts:
            places = None if last is None else (last - start) // period + 1
            place: int | None = 1
            while place is not None and (places is None or place <= places):
                here = Standpoint(place)
                leg, _ = self._leg(self.course.growths_in_class(start, here), here)
                end = _earlier(leg.last, places)
                step = start + period * (place - 1)
                found.append(
                    dataclasses.replace(
                        leg, first=step, last=None if end is None else start + period * (end - 1), every=period
                    )
                )
                place = None if end is None else end + 1
        return found

    # Where the rules hold

    def _valid_from(self, place: int, leg: Leg) -> int | None:
        """Return the first valid step of a leg from one of its places on."""
        place = max(place, 0)
        if leg.places is not None and place >= leg.places:
            return None
        if not leg.mixed:
            return None if leg.refused else leg.at(place)
        return self._look(itertools.count(place) if leg.places is None else range(place, leg.places), leg)

    def _last_within(self, budget: int, leg: Leg) -> int | None:
        """Return the last valid step of a leg at which the column is within the budget."""
        if self.counted(leg.first) > budget:
            return None
        end = None if leg.places is None else leg.places - 1
        last = last_step(lambda place: self.counted(leg.at(place)) <= budget, 0, end)
        return self._look(range(last, -1, -1), leg) if leg.mixed else leg.at(last)

    def _look(self, places: Iterable[int], leg: Leg) -> int | None:
        """Return the first valid step at some places of a leg; once rounding repeats itself there is none."""
        repeats = self.course.period if leg.last is None and leg.periodic else None
        for number, place in enumerate(places):
            if repeats is not None and number >= repeats:
                return None
            if number > LOOKED_AT:
                raise self._too_fine()
            if not self.refusals(leg.at(place)):
                return leg.at(place)
        return None

    def _too_fine(self) -> InputError:
        message = (
            f"moves in steps that repeat themselves only after {self.course.period:,}, too many to try them all;"
            " write fractions with fewer digits, or a larger step"
        )
        return InputError([Fault("", 0, 0, "vary", message)])


def _earlier(one: int | None, other: int | None) -> int | None:
    """Return the earlier of two ends, where None is no end."""
    return min((end for end in (one, other) if end is not None), default=None)

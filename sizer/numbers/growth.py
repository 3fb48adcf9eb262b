"""A number that grows step by step, and the stretch of steps over which it behaves alike.

Beside ints, arrays and symbols this is the fourth kind of number that networks are wired with. It stands for a
whole row of widths at once: its value at one step, and polynomials in the step that it stays between. Whatever is
wired with it is therefore known for a whole stretch of steps, up to the first one at which some comparison that it
depends on (is there a projection? is it below the cells?) comes out differently. A search on a count needs to look
at a few stretches instead of at every width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest

Polynomial = tuple[int | Fraction, ...]
"""Coefficients, the constant one first; no zeros at the end."""


class RemainderError(ArithmeticError):
    """Whether a number can be divided comes and goes with its steps.

    Attributes:
        by: what it is divided by; after so many steps the rests repeat themselves.
    """

    def __init__(self, by: int) -> None:
        self.by = by
        super().__init__(f"is divided by {by}")


@dataclass(frozen=True)
class Stretch:
    """Steps from 1 on over which something is alike."""

    first: int = 1
    last: int | None = None
    """None: it never ends."""
    mixed: bool = False
    """Whether a comparison was too close to call, so that its answer may change from step to step."""
    periodic: bool = True
    """Whether those that were too close to call repeat themselves with the rounding."""

    def meet(self, other: Stretch) -> Stretch:
        """Return what two stretches around the same step have in common."""
        ends = [end for end in (self.last, other.last) if end is not None]
        return Stretch(
            max(self.first, other.first),
            min(ends, default=None),
            self.mixed or other.mixed,
            self.periodic and other.periodic,
        )


@dataclass
class Standpoint:
    """The step that is looked at, and the stretch over which what was decided there is decided alike."""

    at: int
    """1 or more."""
    decided: Stretch = Stretch()


@dataclass(frozen=True, eq=False)
class Growth:
    """A whole number that never falls from one step to the next; the answer of a comparison is a 0 or 1 of this kind."""

    value: int
    """At the step that is looked at."""
    low: Polynomial
    """Never above the number; the same as `high` where nothing is rounded."""
    high: Polynomial
    step: Standpoint
    stretch: Stretch = Stretch()
    """Where the polynomials are right."""

    @property
    def constant(self) -> bool:
        """Whether it is the same number at every step of its stretch."""
        return self.low == self.high and len(self.low) < 2

    def __add__(self, other: Growth | int) -> Growth:
        """Return the sum, step by step."""
        other = self._number(other)
        return self._with(other, self.value + other.value, _sum(self.low, other.low), _sum(self.high, other.high))

    __radd__ = __add__

    def __sub__(self, other: int) -> Growth:
        """Return the number less a constant; anything else might fall."""
        return self + -other

    def __rsub__(self, other: int) -> Growth:
        """Return a constant less the number, which has to be constant too, or it would fall."""
        if not self.constant:
            raise TypeError("a number that grows cannot be subtracted")
        return self._with(self._number(other - self.value), other - self.value)

    def __mul__(self, other: Growth | int) -> Growth | int:
        """Return the product, step by step; nothing times anything is 0 at every step.

        No number here is negative, and a bound is only where one is taken from a rounded number, so that the
        product of the lower bounds is a lower bound.
        """
        if isinstance(other, int) and other == 0:
            return 0
        other = self._number(other)
        low, high = _product(self.low, other.low), _product(self.high, other.high)
        return self._with(other, self.value * other.value, low, high)

    __rmul__ = __mul__

    def __eq__(self, other: object) -> Growth:  # type: ignore[override]
        """Return whether the numbers are equal."""
        return self._compare(other, lambda sign: sign == 0)

    def __ne__(self, other: object) -> Growth:  # type: ignore[override]
        """Return whether the numbers differ."""
        return self._compare(other, lambda sign: sign != 0)

    def __gt__(self, other: Growth | int) -> Growth:
        """Return whether it is above another number."""
        return self._compare(other, lambda sign: sign > 0)

    def __ge__(self, other: Growth | int) -> Growth:
        """Return whether it is not below another number."""
        return self._compare(other, lambda sign: sign >= 0)

    def __lt__(self, other: Growth | int) -> Growth:
        """Return whether it is below another number."""
        return self._compare(other, lambda sign: sign < 0)

    def __le__(self, other: Growth | int) -> Growth:
        """Return whether it is not above another number."""
        return self._compare(other, lambda sign: sign <= 0)

    __hash__ = None  # type: ignore[assignment]

    def __and__(self, other: Growth | bool) -> Growth | bool:
        """Return whether both answers are yes."""
        if isinstance(other, bool):
            return self if other else False
        return self._with(other, self.value & other.value)

    __rand__ = __and__

    def __or__(self, other: Growth | bool) -> Growth | bool:
        """Return whether either answer is yes."""
        if isinstance(other, bool):
            return True if other else self
        return self._with(other, self.value | other.value)

    __ror__ = __or__

    def __bool__(self) -> bool:
        """Return the answer at this step, and note over which stretch it is the same."""
        answer = self if self.constant else self != 0
        self.step.decided = self.step.decided.meet(answer.stretch)
        return answer.value != 0

    def divided(self, by: Growth | int) -> Growth:
        """Return a quotient that is whole over the stretch.

        Raises:
            ValueError: it is whole at no step.
            RemainderError: it is whole at some steps, which come again after so many.
        """
        if isinstance(by, Growth):
            by = by.__index__()
        if self.low != self.high or any(coefficient % by for coefficient in self.low[1:]):
            raise RemainderError(by)
        if self.value % by:
            raise ValueError(f"{self.value} cannot be divided into {by} equal parts")
        parts = tuple(Fraction(coefficient, by) for coefficient in self.low)
        line = tuple(int(part) if part.denominator == 1 else part for part in parts)
        return Growth(self.value // by, line, line, self.step, self.stretch)

    def __rdivmod__(self, other: int) -> tuple[int, int]:
        """Return quotient and rest of a plain number."""
        if self > other:
            return 0, other
        return divmod(other, self.__index__())

    def __index__(self) -> int:
        """Return the number at this step; what is made of it holds there alone, unless it is constant."""
        if not self.constant:
            self.step.decided = self.step.decided.meet(Stretch(self.step.at, self.step.at))
        return self.value

    def _number(self, other: object) -> Growth:
        if isinstance(other, Growth):
            return other
        assert isinstance(other, int)
        return Growth(int(other), *2 * (_trimmed([int(other)]),), self.step)

    def _with(self, other: Growth, value: int, low: Polynomial | None = None, high: Polynomial | None = None) -> Growth:
        """Return a number that depends on both; without polynomials it is constant where both are known."""
        constant = _trimmed([value])
        return Growth(
            value,
            constant if low is None else low,
            constant if high is None else high,
            self.step,
            self.stretch.meet(other.stretch),
        )

    def _compare(self, other: object, holds: Callable[[int], bool]) -> Growth:
        """Return the answer at this step, known to stay so for as long as the difference keeps its sign."""
        other = self._number(other)
        at = self.step.at
        low, high = _sum(self.low, _minus(other.high)), _sum(self.high, _minus(other.low))
        sign = _sign(self.value - other.value)
        if low == high:
            stretch = _run(low, at, lambda found: found == sign)
        elif _evaluate(low, at) > 0:
            stretch = _run(low, at, lambda found: found > 0)
        elif _evaluate(high, at) < 0:
            stretch = _run(high, at, lambda found: found < 0)
        else:
            both = _run(low, at, lambda found: found <= 0).meet(_run(high, at, lambda found: found >= 0))
            stretch = Stretch(both.first, both.last, mixed=True, periodic=max(len(low), len(high)) < 2)
        answer = self._with(other, int(holds(sign)))
        return Growth(answer.value, answer.low, answer.high, self.step, answer.stretch.meet(stretch))


def straight(value: int, slope: int, step: Standpoint) -> Growth:
    """Return the number that has a value at the step that is looked at, and grows by as much with each step."""
    line = _trimmed([value - slope * step.at, slope])
    return Growth(value, line, line, step)


def nearest_multiples(slope: Fraction, round_to: int, step: Standpoint) -> Growth:
    """Return `slope` times the step, rounded to multiples of `round_to` as `nearest_multiple` does."""
    value = nearest_multiple(slope * step.at, round_to)
    if slope % round_to == 0:
        return straight(value, int(slope), step)
    half = Fraction(round_to, 2)
    regular = first_regular(slope, round_to)
    if step.at < regular:
        constant = straight(value, 0, step)
        return Growth(value, constant.low, constant.high, step, Stretch(1, regular - 1))
    # Halves are rounded up, so the number is more than half a multiple below; by how much, its denominator says.
    least = Fraction(1, math.lcm(2, slope.denominator)) - half
    return Growth(value, _trimmed([least, slope]), (half, slope), step, Stretch(regular, None))


def first_regular(slope: Fraction, round_to: int) -> int:
    """Return the first step at which `slope` times the step is not rounded up from 0."""
    return math.ceil(Fraction(round_to, 2) / slope)


def nearest_multiple(value: int | Fraction, round_to: int) -> int:
    """Return the multiple of `round_to` that is nearest, ties up, and at least `round_to`.

    Example:
        >>> nearest_multiple(25, 8), nearest_multiple(28, 8), nearest_multiple(1, 8)
        (24, 32, 8)
    """
    return max(round_to, math.floor(Fraction(value) / round_to + Fraction(1, 2)) * round_to)


def last_step(holds: Callable[[int], bool], first: int, last: int | None) -> int:
    """Return the last step at which something holds that holds at `first` and, once it does not, never again.

    Args:
        holds: asked at a number of steps that grows with the digits of the answer.
        first: where it holds.
        last: where to stop; None: it does not hold for ever.
    """
    reach = 1
    while last is None:
        if not holds(first + reach):
            last = first + reach - 1
        else:
            first, reach = first + reach, 2 * reach
    while first < last:
        middle = (first + last + 1) // 2
        if holds(middle):
            first = middle
        else:
            last = middle - 1
    return first


def _trimmed(coefficients: list[int | Fraction]) -> Polynomial:
    while coefficients and coefficients[-1] == 0:
        coefficients.pop()
    return tuple(coefficients)


def _sum(one: Polynomial, other: Polynomial) -> Polynomial:
    return _trimmed([a + b for a, b in zip_longest(one, other, fillvalue=0)])


def _minus(one: Polynomial) -> Polynomial:
    return tuple(-a for a in one)


def _product(one: Polynomial, other: Polynomial) -> Polynomial:
    found: list[int | Fraction] = [0] * (len(one) + len(other))
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            found[i + j] += a * b
    return _trimmed(found)


def _evaluate(polynomial: Polynomial, step: int) -> int | Fraction:
    result: int | Fraction = 0
    for coefficient in reversed(polynomial):
        result = result * step + coefficient
    return result


def _sign(number: int | Fraction) -> int:
    return (number > 0) - (number < 0)


def _run(polynomial: Polynomial, at: int, holds: Callable[[int], bool]) -> Stretch:
    """Return the steps around one in which the polynomial's sign is as asked."""
    starts = [1, *_turns(polynomial)]
    ends: list[int | None] = [start - 1 for start in starts[1:]]
    ends.append(None)
    here = max(number for number, start in enumerate(starts) if start <= at)
    good = [holds(_sign(_evaluate(polynomial, start))) for start in starts]
    first = last = here
    while first > 0 and good[first - 1]:
        first -= 1
    while last + 1 < len(starts) and good[last + 1]:
        last += 1
    return Stretch(starts[first], ends[last])


def _turns(polynomial: Polynomial) -> list[int]:
    """Return every step above 1 at which the polynomial's sign is another than at the step before."""
    if len(polynomial) < 2:
        return []
    if len(polynomial) == 2:
        root = -Fraction(polynomial[0]) / polynomial[1]
        around = (math.ceil(root), math.floor(root) + 1)
        return sorted({step for step in around if step > 1})
    # Between the turns of its differences a polynomial only rises or only falls.
    bends = _turns(_sum(_one_step_on(polynomial), _minus(polynomial)))
    found: list[int] = []
    starts = [1, *bends]
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else None
        step = start
        while True:
            sign = _sign(_evaluate(polynomial, step))
            if end is None and sign == _sign(polynomial[-1]):
                break
            step = last_step(lambda other, sign=sign: _sign(_evaluate(polynomial, other)) == sign, step, end) + 1  # type: ignore[misc]
            if end is not None and step > end:
                break
            found.append(step)
    return found


def _one_step_on(polynomial: Polynomial) -> Polynomial:
    found: Polynomial = ()
    for coefficient in reversed(polynomial):
        found = _sum(_product(found, (1, 1)), (coefficient,))
    return found

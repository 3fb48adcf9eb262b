"""Intervals: how small and how large a number may be within each of many boxes, and what a comparison may answer there.

An interval may be too wide (then a box is split once more), never too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

Mask = Any
"""A bool, or an array of bools with one entry per box."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Which answers a condition may have within each box."""

    true: Mask
    false: Mask
    undefined: Mask = False

    def __and__(self, other: Outcomes | bool) -> Outcomes:
        """Return what both together may answer."""
        if isinstance(other, (bool, np.bool_)):
            return self if other else Outcomes(False, True)
        return Outcomes(
            _and(self.true, other.true),
            _or(self.false, other.false),
            _or(_and(self.undefined, _or(other.undefined, other.true)), _and(self.true, other.undefined)),
        )

    __rand__ = __and__

    def __or__(self, other: Outcomes | bool) -> Outcomes:
        """Return what either may answer."""
        return ~(~self & ~outcomes_of(other))

    __ror__ = __or__

    def __invert__(self) -> Outcomes:
        """Return what the opposite may answer."""
        return Outcomes(self.false, self.true, self.undefined)

    def always(self) -> Mask:
        """Return where the answer is yes in the whole box."""
        return _not(_or(self.false, self.undefined))

    def never(self) -> Mask:
        """Return where the answer is yes nowhere in the box."""
        return _not(self.true)


def outcomes_of(value: Outcomes | bool) -> Outcomes:
    """Return a plain answer as the only one that is possible."""
    return value if isinstance(value, Outcomes) else Outcomes(bool(value), not value)


def _and(first: Mask, second: Mask) -> Mask:
    return np.logical_and(first, second)


def _or(first: Mask, second: Mask) -> Mask:
    return np.logical_or(first, second)


def _not(value: Mask) -> Mask:
    return np.logical_not(value)


@dataclass(frozen=True, eq=False)
class Interval:
    """The smallest and the largest value that a number may have within each box."""

    low: Any
    high: Any
    undefined: Mask = False
    """Where the number may be undefined: a division by zero is in it."""

    def __add__(self, other: Any) -> Interval:
        """Return the interval of the sum."""
        other = interval(other)
        return Interval(self.low + other.low, self.high + other.high, _or(self.undefined, other.undefined))

    __radd__ = __add__

    def __neg__(self) -> Interval:
        """Return the interval of the opposite."""
        return Interval(-self.high, -self.low, self.undefined)

    def __sub__(self, other: Any) -> Interval:
        """Return the interval of the difference."""
        return self + -interval(other)

    def __rsub__(self, other: Any) -> Interval:
        """Return the interval of the difference."""
        return interval(other) - self

    def __mul__(self, other: Any) -> Interval:
        """Return the interval of the product."""
        other = interval(other)
        corners = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(reduce(np.minimum, corners), reduce(np.maximum, corners), _or(self.undefined, other.undefined))

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Interval:
        """Return the interval of the quotient, rounded down; where the divisor may be 0, of any size."""
        other = interval(other)
        zero = _and(other.low <= 0, other.high >= 0)
        low, high = np.where(other.low == 0, 1, other.low), np.where(other.high == 0, 1, other.high)
        corners = [a // b for a in (self.low, self.high) for b in (low, high)]
        # With 0 inside, the divisor may be 1 or -1: the quotient is then at most as large as the dividend.
        widest = np.maximum(np.abs(self.low), np.abs(self.high))
        return Interval(
            np.where(zero, -widest, reduce(np.minimum, corners)),
            np.where(zero, widest, reduce(np.maximum, corners)),
            _or(_or(self.undefined, other.undefined), zero),
        )

    def __mod__(self, other: Any) -> Interval:
        """Return the interval of the remainder: exact where both are one number, else as wide as the divisor allows."""
        other = interval(other)
        zero = _and(other.low <= 0, other.high >= 0)
        known = _and(_and(self.low == self.high, other.low == other.high), _not(zero))
        exact = self.low % np.where(other.low == 0, 1, other.low)
        return Interval(
            np.where(known, exact, np.minimum(other.low + 1, 0)),
            np.where(known, exact, np.maximum(other.high - 1, 0)),
            _or(_or(self.undefined, other.undefined), zero),
        )

    def _compared(self, true: Mask, false: Mask, other: Interval) -> Outcomes:
        return Outcomes(true, false, _or(self.undefined, other.undefined))

    def __lt__(self, other: Any) -> Outcomes:
        """Return whether it may be smaller."""
        other = interval(other)
        return self._compared(self.low < other.high, self.high >= other.low, other)

    def __le__(self, other: Any) -> Outcomes:
        """Return whether it may be smaller or equal."""
        other = interval(other)
        return self._compared(self.low <= other.high, self.high > other.low, other)

    def __gt__(self, other: Any) -> Outcomes:
        """Return whether it may be larger."""
        return interval(other) < self

    def __ge__(self, other: Any) -> Outcomes:
        """Return whether it may be larger or equal."""
        return interval(other) <= self

    def __eq__(self, other: object) -> Outcomes:  # type: ignore[override]
        """Return whether it may be equal."""
        there = interval(other)
        meet = _and(self.low <= there.high, there.low <= self.high)
        one = _and(_and(self.low == self.high, there.low == there.high), self.low == there.low)
        return self._compared(meet, _not(one), there)

    def __ne__(self, other: object) -> Outcomes:  # type: ignore[override]
        """Return whether it may differ."""
        return ~(self == other)

    __hash__ = None  # type: ignore[assignment]


def interval(value: Any) -> Interval:
    """Return a number as the interval that holds just it."""
    return value if isinstance(value, Interval) else Interval(value, value)


def certainly(value: Outcomes | bool | npt.NDArray[np.bool_]) -> Mask:
    """Return where a condition is true in the whole box."""
    return value.always() if isinstance(value, Outcomes) else value


def possibly(value: Outcomes | bool | npt.NDArray[np.bool_]) -> Mask:
    """Return where a condition may be true somewhere in the box."""
    return value.true if isinstance(value, Outcomes) else value

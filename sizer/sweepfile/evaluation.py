"""A checked expression is held against columns, or against their bounds.

Operators alone do the work, so that Python values and NumPy arrays go through the same lines, and importing this
module does not import NumPy. Truth has three values: what divides by zero is undefined, `true or undefined` is true,
`false and undefined` is false, and everything else with it is undefined.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

from sizer.networks.fields import Kind
from sizer.sweepfile.walk import OPERATIONS, Algebra, walk

Value = Any
"""An int, bool or str, or an array of them."""
Judged = tuple[Value, Value]
"""A value, and where it is defined."""

_EXACT_IN_FLOATS = 2**53


def holds(tree: ast.expr, kinds: Mapping[str, Kind], columns: Mapping[str, Any]) -> Value:
    """Return where the expression is true; see `Expression.holds`."""
    value, defined = walk(tree, _Evaluation(kinds, columns))
    return _both(value, defined)


def _both(first: Value, second: Value) -> Value:
    """Return where both are true; a plain True costs no pass over an array."""
    if first is True:
        return second
    if second is True:
        return first
    return first & second


def _either(first: Value, second: Value) -> Value:
    if first is False:
        return second
    if second is False:
        return first
    return first | second


def _opposite(value: Value) -> Value:
    # `not` has no meaning for arrays, and `~True` is -2; exclusive or is right for both.
    return value ^ True


@dataclass
class _Evaluation(Algebra[Judged]):
    kinds: Mapping[str, Kind]
    columns: Mapping[str, Any]

    def constant(self, value: Value) -> Judged:
        return value, True

    def named(self, name: str) -> Judged:
        value = self.columns[name]
        return (value != 0 if self.kinds[name] == "boolean" else value), True

    def negative(self, value: Judged) -> Judged:
        return -value[0], value[1]

    def calculated(self, sign: str, left: Judged, right: Judged) -> Judged:
        (first, first_defined), (second, second_defined) = left, right
        defined = _both(first_defined, second_defined)
        if sign in {"//", "%"}:
            zero = second == 0
            if zero is True:
                return 0, False
            if zero is not False and zero.any():
                defined = _both(defined, _opposite(zero))
                second = second + zero
        return OPERATIONS[sign](first, second), defined

    def compared(self, sign: str, left: Judged, right: Judged) -> Judged:
        return OPERATIONS[sign](left[0], right[0]), _both(left[1], right[1])

    def opposite(self, value: Judged) -> Judged:
        return _opposite(value[0]), value[1]

    def all_of(self, values: Sequence[Judged]) -> Judged:
        return reduce(_and, values)

    def any_of(self, values: Sequence[Judged]) -> Judged:
        return reduce(_or, values)


def _and(left: Judged, right: Judged) -> Judged:
    (first, first_defined), (second, second_defined) = left, right
    value = _both(first, second)
    if first_defined is True and second_defined is True:
        return value, True
    false = _either(_both(_opposite(first), first_defined), _both(_opposite(second), second_defined))
    return value, _either(_both(first_defined, second_defined), false)


def _or(left: Judged, right: Judged) -> Judged:
    (first, first_defined), (second, second_defined) = left, right
    if first_defined is True and second_defined is True:
        return _either(first, second), True
    true = _either(_both(first, first_defined), _both(second, second_defined))
    # Where one side is undefined its value is noise; only what is known to be true counts.
    return true, _either(_both(first_defined, second_defined), true)


@dataclass(frozen=True)
class Reach:
    """How far the numbers in an expression can go."""

    largest: int
    """The largest magnitude of any number on the way."""
    rounded: bool
    """Whether a whole number over 2**53 meets a decimal, which floats cannot hold exactly."""


@dataclass(frozen=True)
class _Span:
    low: Fraction
    high: Fraction
    decimal: bool = False
    """Whether the value is a float when it is computed."""

    @property
    def magnitude(self) -> Fraction:
        return max(abs(self.low), abs(self.high))


def reach(tree: ast.expr, bounds: Mapping[str, tuple[int, int]]) -> Reach:
    """Return how far the numbers in a checked expression can go; see `Expression.reach`."""
    found = _Bounds(bounds)
    walk(tree, found)
    return Reach(math.ceil(found.largest), found.rounded)


class _Bounds(Algebra["_Span | None"]):
    """Interval arithmetic, noting the largest magnitude on the way; None is what is no number."""

    def __init__(self, bounds: Mapping[str, tuple[int, int]]) -> None:
        self.bounds = bounds
        self.largest = Fraction(0)
        self.rounded = False

    def _noted(self, interval: _Span) -> _Span:
        self.largest = max(self.largest, interval.magnitude)
        if interval.decimal and interval.magnitude > _EXACT_IN_FLOATS:
            self.rounded = True
        return interval

    def _meet(self, first: _Span, second: _Span) -> None:
        if first.decimal != second.decimal and max(first.magnitude, second.magnitude) > _EXACT_IN_FLOATS:
            self.rounded = True

    def constant(self, value: Value) -> _Span | None:
        if isinstance(value, (bool, str)):
            return None
        return self._noted(_Span(Fraction(value), Fraction(value), isinstance(value, float)))

    def named(self, name: str) -> _Span | None:
        if name not in self.bounds:
            return None
        low, high = self.bounds[name]
        return self._noted(_Span(Fraction(low), Fraction(high)))

    def negative(self, value: _Span | None) -> _Span | None:
        return None if value is None else _Span(-value.high, -value.low, value.decimal)

    def calculated(self, sign: str, left: _Span | None, right: _Span | None) -> _Span | None:
        if left is None or right is None:
            return None
        self._meet(left, right)
        if sign in {"//", "%"}:
            return self._noted(_divided(left, sign, right))
        corners = [OPERATIONS[sign](a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
        return self._noted(_Span(min(corners), max(corners), left.decimal or right.decimal))

    def compared(self, sign: str, left: _Span | None, right: _Span | None) -> None:
        if left is not None and right is not None:
            self._meet(left, right)

    def opposite(self, value: _Span | None) -> None:
        return None

    def all_of(self, values: Sequence[_Span | None]) -> None:
        return None

    any_of = all_of


def _divided(first: _Span, sign: str, second: _Span) -> _Span:
    if sign == "%":
        # The rest has the divisor's sign and is smaller than it.
        return _Span(min(second.low, Fraction(0)), max(second.high, Fraction(0)))
    # Zero itself is undefined; the whole numbers next to it give the largest quotients.
    near = (second.low, Fraction(-1), Fraction(1), second.high)
    divisors = [divisor for divisor in near if divisor and second.low <= divisor <= second.high]
    if not divisors:
        return _Span(Fraction(0), Fraction(0))
    quotients = [Fraction(math.floor(a / b)) for a in (first.low, first.high) for b in divisors]
    return _Span(min(quotients), max(quotients))

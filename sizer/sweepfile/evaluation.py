"""A checked expression is held against columns, or against their bounds. No other tree may come here.

Operators alone do the work, so that Python values and NumPy arrays go through the same lines, and importing this
module does not import NumPy. Truth has three values: what divides by zero is undefined, `true or undefined` is true,
`false and undefined` is false, and everything else with it is undefined.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

from sizer.networks.fields import Kind

Value = Any
"""An int, bool or str, or an array of them."""
Judged = tuple[Value, Value]
"""A value, and where it is defined."""

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CALCULATE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_EXACT_IN_FLOATS = 2**53


def holds(tree: ast.expr, kinds: Mapping[str, Kind], columns: Mapping[str, Any]) -> Value:
    """Return where the expression is true; see `Expression.holds`."""
    value, defined = _Evaluation(kinds, columns).judge(tree)
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
class _Evaluation:
    kinds: Mapping[str, Kind]
    columns: Mapping[str, Any]

    def judge(self, node: ast.expr) -> Judged:
        match node:
            case ast.Constant(value=value):
                return value, True
            case ast.Name(id=name):
                value = self.columns[name]
                return (value != 0 if self.kinds[name] == "boolean" else value), True
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                value, defined = self.judge(operand)
                return _opposite(value), defined
            case ast.UnaryOp(operand=operand):
                value, defined = self.judge(operand)
                return -value, defined
            case ast.BinOp(left=left, op=sign, right=right):
                return self._calculate(self.judge(left), sign, self.judge(right))
            case ast.BoolOp(op=ast.And(), values=values):
                return reduce(_and, map(self.judge, values))
            case ast.BoolOp(values=values):
                return reduce(_or, map(self.judge, values))
            case ast.Compare():
                return self._compare(node)
        raise TypeError(f"{type(node).__name__} is no part of an expression")

    def _calculate(self, left: Judged, sign: ast.operator, right: Judged) -> Judged:
        (first, first_defined), (second, second_defined) = left, right
        defined = _both(first_defined, second_defined)
        if isinstance(sign, (ast.FloorDiv, ast.Mod)):
            zero = second == 0
            if zero is True:
                return 0, False
            if zero is not False and zero.any():
                defined = _both(defined, _opposite(zero))
                second = second + zero
        return _CALCULATE[type(sign)](first, second), defined

    def _compare(self, node: ast.Compare) -> Judged:
        left = self.judge(node.left)
        found: list[Judged] = []
        for sign, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(sign, (ast.In, ast.NotIn)):
                members = right.elts if isinstance(right, ast.Tuple) else [right]
                value, defined = reduce(_or, [_compared(left, ast.Eq(), self.judge(member)) for member in members])
                found.append((_opposite(value) if isinstance(sign, ast.NotIn) else value, defined))
            else:
                judged = self.judge(right)
                found.append(_compared(left, sign, judged))
                left = judged
        return reduce(_and, found)


def _compared(left: Judged, sign: ast.cmpop, right: Judged) -> Judged:
    return _COMPARE[type(sign)](left[0], right[0]), _both(left[1], right[1])


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
class _Interval:
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
    found.walk(tree)
    return Reach(math.ceil(found.largest), found.rounded)


class _Bounds:
    """Interval arithmetic over a tree, noting the largest magnitude on the way."""

    def __init__(self, bounds: Mapping[str, tuple[int, int]]) -> None:
        self.bounds = bounds
        self.largest = Fraction(0)
        self.rounded = False

    def walk(self, node: ast.expr) -> _Interval | None:
        """Return the interval of a number, None for what is no number."""
        interval = self._interval(node)
        if interval is not None:
            self.largest = max(self.largest, interval.magnitude)
            if interval.decimal and interval.magnitude > _EXACT_IN_FLOATS:
                self.rounded = True
        return interval

    def _interval(self, node: ast.expr) -> _Interval | None:
        match node:
            case ast.Constant(value=bool() | str()):
                return None
            case ast.Constant(value=int() | float() as value):
                return _Interval(Fraction(value), Fraction(value), isinstance(value, float))
            case ast.Name(id=name):
                if name not in self.bounds:
                    return None
                low, high = self.bounds[name]
                return _Interval(Fraction(low), Fraction(high))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.walk(operand)
                return None if inner is None else _Interval(-inner.high, -inner.low, inner.decimal)
            case ast.BinOp(left=left, op=sign, right=right):
                first, second = self.walk(left), self.walk(right)
                if first is None or second is None:
                    return None
                self._meet(first, second)
                return _calculated(first, sign, second)
        inside = [self.walk(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        numbers = [interval for interval in inside if interval is not None]
        for first in numbers:
            for second in numbers:
                self._meet(first, second)
        if isinstance(node, ast.Tuple) and numbers:
            lowest, highest = min(number.low for number in numbers), max(number.high for number in numbers)
            return _Interval(lowest, highest, any(number.decimal for number in numbers))
        return None

    def _meet(self, first: _Interval, second: _Interval) -> None:
        if first.decimal != second.decimal and max(first.magnitude, second.magnitude) > _EXACT_IN_FLOATS:
            self.rounded = True


def _calculated(first: _Interval, sign: ast.operator, second: _Interval) -> _Interval:
    if isinstance(sign, (ast.FloorDiv, ast.Mod)):
        return _divided(first, sign, second)
    combine: Any = _CALCULATE[type(sign)]
    corners = [combine(a, b) for a in (first.low, first.high) for b in (second.low, second.high)]
    return _Interval(min(corners), max(corners), first.decimal or second.decimal)


def _divided(first: _Interval, sign: ast.operator, second: _Interval) -> _Interval:
    if isinstance(sign, ast.Mod):
        # The rest has the divisor's sign and is smaller than it.
        return _Interval(min(second.low, Fraction(0)), max(second.high, Fraction(0)))
    # Zero itself is undefined; the whole numbers next to it give the largest quotients.
    near = (second.low, Fraction(-1), Fraction(1), second.high)
    divisors = [divisor for divisor in near if divisor and second.low <= divisor <= second.high]
    if not divisors:
        return _Interval(Fraction(0), Fraction(0))
    quotients = [Fraction(math.floor(a / b)) for a in (first.low, first.high) for b in divisors]
    return _Interval(min(quotients), max(quotients))

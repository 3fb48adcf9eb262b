"""What a whole box of configurations says to a condition: always, never, or it depends."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from sizer.numbers.interval import Outcomes, interval, outcomes_of
from sizer.sweepfile.walk import OPERATIONS, Algebra, walk


def outcomes(node: ast.expr, columns: Mapping[str, Any]) -> Outcomes:
    """Return what a checked expression may answer within each box.

    Args:
        node: the tree of an `Expression`.
        columns: counts as intervals, booleans and words as plain values (a box holds one of them).
    """
    return outcomes_of(walk(node, _OutcomesAlgebra(columns)))


class _OutcomesAlgebra(Algebra[Any]):
    """A condition as `Outcomes`; the numbers in it are `Interval`s or plain."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self.columns = columns

    def constant(self, value: Any) -> Any:
        return value

    def named(self, name: str) -> Any:
        return self.columns[name]

    def negative(self, value: Any) -> Any:
        return -interval(value)

    def calculated(self, sign: str, left: Any, right: Any) -> Any:
        return OPERATIONS[sign](interval(left), right)

    def compared(self, sign: str, left: Any, right: Any) -> Any:
        if sign in {"==", "!="}:
            equal = _equal(left, right)
            return ~equal if sign == "!=" else equal
        return OPERATIONS[sign](interval(left), right)

    def opposite(self, value: Any) -> Any:
        return ~outcomes_of(value)

    def all_of(self, values: Sequence[Any]) -> Any:
        return reduce(Outcomes.__and__, map(outcomes_of, values))

    def any_of(self, values: Sequence[Any]) -> Any:
        return reduce(Outcomes.__or__, map(outcomes_of, values))


def _equal(left: Any, right: Any) -> Outcomes:
    if isinstance(left, str) or isinstance(right, str):
        return outcomes_of(left == right)
    if isinstance(left, Outcomes) or isinstance(right, Outcomes):
        first, second = outcomes_of(left), outcomes_of(right)
        return (first & second) | (~first & ~second)
    same: Outcomes = interval(left) == right
    return same

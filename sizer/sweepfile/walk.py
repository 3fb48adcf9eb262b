"""The one walk over a checked condition: what comes out is decided by an algebra, which says what each operation does.

Values, reach, intervals, inequalities and SQL are algebras over the same tree. No other tree may come here than one that
`sizer.sweepfile.expressions` has let through.
"""

from __future__ import annotations

import ast
import itertools
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

SIGNS: Mapping[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
"""How each operation on two sides is written."""
OPERATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""What Python itself does for a sign."""

V = TypeVar("V")


class Algebra(ABC, Generic[V]):
    """What each operation of a condition makes of what its sides have become."""

    @abstractmethod
    def constant(self, value: bool | int | float | str) -> V:
        """Return a constant."""

    @abstractmethod
    def named(self, name: str) -> V:
        """Return a column."""

    @abstractmethod
    def negative(self, value: V) -> V:
        """Return a number with the other sign."""

    @abstractmethod
    def calculated(self, sign: str, left: V, right: V) -> V:
        """Return a sum, difference, product, quotient rounded down, or rest: `+ - * // %`."""

    @abstractmethod
    def compared(self, sign: str, left: V, right: V) -> V:
        """Return a comparison: `== != < <= > >=`."""

    @abstractmethod
    def opposite(self, value: V) -> V:
        """Return what is true where a condition is false."""

    @abstractmethod
    def all_of(self, values: Sequence[V]) -> V:
        """Return what is true where all of one or more conditions are."""

    @abstractmethod
    def any_of(self, values: Sequence[V]) -> V:
        """Return what is true where any of one or more conditions is."""


def walk(node: ast.expr, algebra: Algebra[V]) -> V:
    """Return what an algebra makes of a checked tree."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return algebra.constant(value)
        case ast.Name(id=name):
            return algebra.named(name)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return algebra.opposite(walk(operand, algebra))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return algebra.negative(walk(operand, algebra))
        case ast.BinOp(left=left, op=sign, right=right):
            return algebra.calculated(SIGNS[type(sign)], walk(left, algebra), walk(right, algebra))
        case ast.BoolOp(op=sign, values=values):
            joined = algebra.all_of if isinstance(sign, ast.And) else algebra.any_of
            return joined([walk(value, algebra) for value in values])
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn() as sign], comparators=[right]):
            asked = walk(left, algebra)
            members = right.elts if isinstance(right, ast.Tuple) else [right]
            found = algebra.any_of([algebra.compared("==", asked, walk(member, algebra)) for member in members])
            return algebra.opposite(found) if isinstance(sign, ast.NotIn) else found
        case ast.Compare(left=left, ops=signs, comparators=others):
            sides = [walk(side, algebra) for side in (left, *others)]
            pairs = zip(signs, itertools.pairwise(sides), strict=True)
            return algebra.all_of([algebra.compared(SIGNS[type(sign)], *pair) for sign, pair in pairs])
    raise TypeError(f"{type(node).__name__} is not allowed in a condition")

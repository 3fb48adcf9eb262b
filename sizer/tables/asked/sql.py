"""A checked expression becomes SQL that holds for exactly the same rows; nothing a user wrote goes in unquoted.

The three values of truth of `sizer.sweepfile.evaluation` are SQL's own: what divides by zero is NULL, and NULL does not
hold.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sizer.errors import Fault, InputError
from sizer.sweepfile.expressions import Expression
from sizer.sweepfile.walk import Algebra, walk

_SIGNS = {"==": "=", "!=": "<>"}
"""What SQL writes differently."""
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_PAST_COUNTS = 2**100
"""What counts of 64 bits are compared with in place of anything as large or larger."""
_LONGEST = 100_000
"""Characters. Dividing what may be negative says its operands several times, so that a nest of these grows."""


def identifier(name: str) -> str:
    """Return a column's or table's name as SQL.

    Example:
        >>> print(identifier('the "b" column'))
        "the ""b"" column"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL.

    Example:
        >>> literal("it's")
        "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def condition(expression: Expression) -> str:
    """Return SQL that is true where the expression holds, and else false or NULL.

    Args:
        expression: whose `reach` is within 64 bits over the rows that it will see, all counts of which are 0 or more.

    Raises:
        InputError: it nests divisions of what may be negative too deeply.
    """
    text = walk(expression.tree, _Sql()).sql
    if len(text) > _LONGEST:
        message = "divides what may be negative within such divisions; write it with fewer of them"
        raise InputError([Fault("", 0, 0, "where", f"'{expression.text[:80]}': {message}")])
    return text


@dataclass(frozen=True)
class _Text:
    """A part of a condition as SQL."""

    sql: str
    never_negative: bool = False
    number: int | None = None
    """Of a whole number that stands there itself."""


class _Sql(Algebra[_Text]):
    def constant(self, value: bool | int | float | str) -> _Text:
        if isinstance(value, bool):
            return _Text("TRUE" if value else "FALSE")
        if isinstance(value, int):
            if abs(value) >= _PAST_COUNTS:
                # Every count is as far from it as from any other number past 64 bits, and no type holds them all.
                return _Text(f"CAST({_PAST_COUNTS} AS HUGEINT)", True, value)
            return _Text(f"CAST({value} AS {'BIGINT' if value < 2**63 else 'HUGEINT'})", value >= 0, value)
        if isinstance(value, float):
            return _Text(f"CAST('{value!r}' AS DOUBLE)", value >= 0)
        return _Text(literal(value))

    def named(self, name: str) -> _Text:
        return _Text(identifier(name), never_negative=True)

    def negative(self, value: _Text) -> _Text:
        return _Text(f"(-{value.sql})", number=None if value.number is None else -value.number)

    def calculated(self, sign: str, left: _Text, right: _Text) -> _Text:
        positive = left.never_negative and right.never_negative and sign != "-"
        text = f"({left.sql} {sign} {right.sql})" if sign in "+-*" else _divided(left.sql, sign, right.sql, positive)
        return _Text(text, positive)

    def compared(self, sign: str, left: _Text, right: _Text) -> _Text:
        if left.number is not None and right.number is not None:
            return _Text("TRUE" if _COMPARE[sign](left.number, right.number) else "FALSE")
        return _Text(f"({left.sql} {_SIGNS.get(sign, sign)} {right.sql})")

    def opposite(self, value: _Text) -> _Text:
        return _Text(f"(NOT {value.sql})")

    def all_of(self, values: Sequence[_Text]) -> _Text:
        return _Text("(" + " AND ".join(value.sql for value in values) + ")")

    def any_of(self, values: Sequence[_Text]) -> _Text:
        return _Text("(" + " OR ".join(value.sql for value in values) + ")")


def _divided(first: str, sign: str, divisor: str, positive: bool) -> str:
    """Return a quotient or rest. SQL rounds towards zero; expressions, as Python, downwards."""
    second = f"nullif({divisor}, 0)"
    if len(first) + len(second) > _LONGEST:
        return first + second  # too long already, which `condition` says
    if positive:
        return f"({first} {sign} {second})"
    differ = f"({first} % {second} <> 0 AND ({first} < 0) <> ({second} < 0))"
    if sign == "//":
        return f"({first} // {second} - CASE WHEN {differ} THEN 1 ELSE 0 END)"
    return f"({first} % {second} + CASE WHEN {differ} THEN {second} ELSE 0 END)"

"""A checked expression becomes SQL that holds for exactly the same rows; nothing a user wrote goes in unquoted.

The three values of truth of `sizer.sweepfile.evaluation` are SQL's own: what divides by zero is NULL, and NULL does not
hold.
"""

from __future__ import annotations

import ast

from sizer.errors import Fault, InputError
from sizer.sweepfile.expressions import Expression

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "=",
    ast.NotEq: "<>",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_CALCULATE: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
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
    text = _written(expression.tree)
    if len(text) > _LONGEST:
        message = "divides what may be negative within such divisions; write it with fewer of them"
        raise InputError([Fault("", 0, 0, "where", f"'{expression.text[:80]}': {message}")])
    return text


def _written(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=bool() as value):
            return "TRUE" if value else "FALSE"
        case ast.Constant(value=int() as value):
            return f"CAST({value} AS BIGINT)"
        case ast.Constant(value=float() as value):
            return f"CAST('{value!r}' AS DOUBLE)"
        case ast.Constant(value=str() as value):
            return literal(value)
        case ast.Name(id=name):
            return identifier(name)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"(NOT {_written(operand)})"
        case ast.UnaryOp(operand=operand):
            return f"(-{_written(operand)})"
        case ast.BinOp(left=left, op=ast.FloorDiv() | ast.Mod() as sign, right=right):
            return _divided(left, sign, right)
        case ast.BinOp(left=left, op=sign, right=right):
            return f"({_written(left)} {_CALCULATE[type(sign)]} {_written(right)})"
        case ast.BoolOp(op=sign, values=values):
            return "(" + (" AND " if isinstance(sign, ast.And) else " OR ").join(map(_written, values)) + ")"
        case ast.Compare():
            return _compared(node)
    raise TypeError(f"{type(node).__name__} is no part of an expression")


def _divided(left: ast.expr, sign: ast.operator, right: ast.expr) -> str:
    """Return a quotient or rest. SQL rounds towards zero; expressions, as Python, downwards."""
    first, second = _written(left), f"nullif({_written(right)}, 0)"
    if len(first) + len(second) > _LONGEST:
        return first + second  # too long already, which `condition` says
    whole = isinstance(sign, ast.FloorDiv)
    if _never_negative(left) and _never_negative(right):
        return f"({first} {'//' if whole else '%'} {second})"
    differ = f"({first} % {second} <> 0 AND ({first} < 0) <> ({second} < 0))"
    if whole:
        return f"({first} // {second} - CASE WHEN {differ} THEN 1 ELSE 0 END)"
    return f"({first} % {second} + CASE WHEN {differ} THEN {second} ELSE 0 END)"


def _never_negative(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value >= 0
        case ast.Name():
            return True
        case ast.BinOp(left=left, op=ast.Add() | ast.Mult() | ast.FloorDiv() | ast.Mod(), right=right):
            return _never_negative(left) and _never_negative(right)
    return False


def _compared(node: ast.Compare) -> str:
    left = node.left
    found = []
    for sign, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(sign, (ast.In, ast.NotIn)):
            members = right.elts if isinstance(right, ast.Tuple) else [right]
            any_of = " OR ".join(f"{_written(left)} = {_written(member)}" for member in members)
            found.append(f"(NOT ({any_of}))" if isinstance(sign, ast.NotIn) else f"({any_of})")
        else:
            found.append(f"({_written(left)} {_COMPARE[type(sign)]} {_written(right)})")
            left = right
    return "(" + " AND ".join(found) + ")"

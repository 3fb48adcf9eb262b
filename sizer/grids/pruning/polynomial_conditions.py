"""Rules and expressions as inequalities: polynomials in the fields that must be at most 0.

Where they are straight, what passes can be counted without looking at single configurations.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from sizer.networks.conventions import Rule
from sizer.numbers.inequality import AtMostZero, NotStraightError, Quantity, opposite
from sizer.numbers.polynomial import Polynomial
from sizer.sweepfile.expressions import Expression
from sizer.sweepfile.walk import OPERATIONS, Algebra, walk


class _PolynomialAlgebra(Algebra[Any]):
    """A condition as a `Truth`; the numbers in it are `Quantity`s or plain."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields

    def constant(self, value: Any) -> Any:
        return value

    def named(self, name: str) -> Any:
        return self.fields[name]

    def negative(self, value: Any) -> Any:
        return -value

    def calculated(self, sign: str, left: Any, right: Any) -> Any:
        if sign in {"//", "%"}:
            raise NotStraightError
        return OPERATIONS[sign](left, right)

    def compared(self, sign: str, left: Any, right: Any) -> Any:
        return OPERATIONS[sign](left, right)

    def opposite(self, value: Any) -> Any:
        return opposite(value)

    def all_of(self, values: Sequence[Any]) -> Any:
        return reduce(operator.and_, values)

    def any_of(self, values: Sequence[Any]) -> Any:
        return reduce(operator.or_, values)


def polynomials_at_most_zero(condition: Rule | Expression, fields: Mapping[str, Any]) -> tuple[Polynomial, ...] | None:
    """Return polynomials that are all at most 0 just where a condition holds, or None where it is no such thing.

    Args:
        condition: a rule holds where it refuses nothing.
        fields: every field that it may look at, polynomials in those that vary, all of which are above 0.
    """
    seen = {name: Quantity(value) if isinstance(value, Polynomial) else value for name, value in fields.items()}
    try:
        holds = (
            opposite(condition.refuses(seen))
            if isinstance(condition, Rule)
            else walk(condition.tree, _PolynomialAlgebra(seen))
        )
    except NotStraightError:
        return None
    if isinstance(holds, AtMostZero):
        return holds.polynomials
    return () if holds else (Polynomial({(): 1}),)

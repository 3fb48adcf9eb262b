"""A word that is left open, as sizes are: one of several, each with a number that is 1 where it is that one, else 0.

A count is the sum over the words of what each would add, times its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sizer.networks.tensors import Number, product, total
from sizer.numbers.polynomial import Polynomial, polynomial


@dataclass(frozen=True, eq=False)
class OpenWord:
    """One of several words."""

    which: Mapping[str, Number]
    """The words, each with what is 1 where it is that one, else 0."""


def chosen(which: Sequence[Number], values: Sequence[Number]) -> Number:
    """Return one of some numbers, each with what is 1 where it is that one; the number itself where all are the same."""
    first = values[0]
    if all(
        polynomial(first - other).terms == {} for other in values[1:] if isinstance(first - other, (int, Polynomial))
    ):
        return first
    return total([product([is_it, value]) for is_it, value in zip(which, values, strict=True)])

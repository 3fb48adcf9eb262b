"""Inequalities: what a comparison of polynomials says, as polynomials that must be at most 0.

`recurrent_projection + nonrecurrent_projection <= cells` is such a one. Every variable is above 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from sizer.numbers.polynomial import Polynomial


class NotStraightError(Exception):
    """A condition is not that one or several polynomials are at most 0."""


@dataclass(frozen=True, eq=False)
class AtMostZero:
    """What holds where every one of some polynomials is at most 0."""

    polynomials: tuple[Polynomial, ...]

    def __eq__(self, other: object) -> bool:
        """Whether two conditions agree is no inequality."""
        raise NotStraightError

    __hash__ = None  # type: ignore[assignment]

    def __and__(self, other: AtMostZero | bool) -> AtMostZero | bool:
        """Return the condition that both hold."""
        if isinstance(other, AtMostZero):
            return AtMostZero(self.polynomials + other.polynomials)
        return self if other else False

    __rand__ = __and__

    def __or__(self, other: AtMostZero | bool) -> AtMostZero | bool:
        """Return the condition that either holds."""
        if isinstance(other, AtMostZero):
            raise NotStraightError
        return True if other else self

    __ror__ = __or__

    def __invert__(self) -> AtMostZero:
        """Return the opposite; of several polynomials no one knows which is above 0."""
        if len(self.polynomials) > 1:
            raise NotStraightError
        return AtMostZero((1 - self.polynomials[0],))


Truth = AtMostZero | bool


@dataclass(frozen=True, eq=False)
class Quantity:
    """A whole number that depends on the fields that vary; they are all above 0."""

    polynomial: Polynomial

    def __add__(self, other: Quantity | int) -> Quantity:
        """Return the sum."""
        return Quantity(self.polynomial + _polynomial(other))

    __radd__ = __add__

    def __neg__(self) -> Quantity:
        """Return the opposite."""
        return Quantity(-1 * self.polynomial)

    def __sub__(self, other: Quantity | int) -> Quantity:
        """Return the difference."""
        return Quantity(self.polynomial - _polynomial(other))

    def __rsub__(self, other: int) -> Quantity:
        """Return the difference."""
        return Quantity(other - self.polynomial)

    def __mul__(self, other: Quantity | int) -> Quantity:
        """Return the product."""
        return Quantity(self.polynomial * _polynomial(other))

    __rmul__ = __mul__

    def __le__(self, other: Quantity | int) -> Truth:
        """Return whether it is smaller or equal."""
        return _at_most_zero(self.polynomial - _polynomial(other))

    def __lt__(self, other: Quantity | int) -> Truth:
        """Return whether it is smaller."""
        return self <= other - 1

    def __ge__(self, other: Quantity | int) -> Truth:
        """Return whether it is larger or equal."""
        return _at_most_zero(_polynomial(other) - self.polynomial)

    def __gt__(self, other: Quantity | int) -> Truth:
        """Return whether it is larger."""
        return self >= other + 1

    def __eq__(self, other: object) -> Truth:  # type: ignore[override]
        """Return whether it is equal."""
        difference = self.polynomial - _polynomial(other)
        return _at_most_zero(difference) & _at_most_zero(-1 * difference)

    def __ne__(self, other: object) -> Truth:  # type: ignore[override]
        """Return whether it differs."""
        return opposite(self == other)

    __hash__ = None  # type: ignore[assignment]


def _polynomial(value: object) -> Polynomial:
    if isinstance(value, Quantity):
        return value.polynomial
    if not isinstance(value, int):
        raise NotStraightError  # a decimal
    return Polynomial({(): int(value)})


def _at_most_zero(polynomial: Polynomial) -> Truth:
    """Return whether a polynomial is at most 0, plainly where that is so for all values above 0 or for none."""
    factors = [factor for monomial, factor in polynomial.terms.items() if monomial]
    at_ones = sum(polynomial.terms.values())
    if at_ones <= 0 and all(factor < 0 for factor in factors):
        return True
    if at_ones > 0 and all(factor > 0 for factor in factors):
        return False
    return AtMostZero((polynomial,))


def opposite(value: Truth) -> Truth:
    """Return what holds where a condition does not."""
    return ~value if isinstance(value, AtMostZero) else not value

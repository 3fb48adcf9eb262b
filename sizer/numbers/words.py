"""A whole number together with the words it came from, of which a formula is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Symbol:
    """A whole number together with the words it came from."""

    value: int
    words: str
    is_sum: bool = False

    def __add__(self, other: Symbol | int) -> Symbol:
        """Return the sum; adding nothing adds no words."""
        other = symbol(other)
        if other.value == 0:
            return self
        if self.value == 0:
            return other
        return Symbol(self.value + other.value, f"{self.words} + {other.words}", is_sum=True)

    __radd__ = __add__

    def __mul__(self, other: Symbol | int) -> Symbol:
        """Return the product; a factor of 1 adds no words."""
        other = symbol(other)
        if self.value == 0 or other.value == 0:
            return Symbol(0, "0")
        if other.words == "1":
            return self
        if self.words == "1":
            return other
        first, second = (other, self) if other.words.isdigit() else (self, other)
        return Symbol(self.value * other.value, f"{first.factor}*{second.factor}")

    __rmul__ = __mul__

    def divided(self, by: Symbol | int) -> Symbol:
        """Return a quotient.

        Raises:
            ValueError: it is not whole.
        """
        by = symbol(by)
        quotient, rest = divmod(self.value, by.value)
        if rest:
            raise ValueError(f"{self.value} cannot be divided into {by.value} equal parts")
        if by.words == "1":
            return self
        return Symbol(quotient, f"{self.factor}/{f'({by.words})' if by.is_compound else by.words}")

    def __rdivmod__(self, other: int) -> tuple[int, int]:
        """Return quotient and rest of a plain number, without words."""
        return divmod(other, self.value)

    @property
    def is_compound(self) -> bool:
        """Whether the words are more than a name or a number."""
        return any(sign in self.words for sign in "+*/ ")

    def __eq__(self, other: object) -> bool:
        """Return whether the numbers are equal, whatever the words."""
        return self.value == (other.value if isinstance(other, Symbol) else other)

    def __lt__(self, other: Symbol | int) -> bool:
        """Return whether it is the smaller number."""
        return self.value < int(other)

    def __le__(self, other: Symbol | int) -> bool:
        """Return whether it is no larger number."""
        return self.value <= int(other)

    def __gt__(self, other: Symbol | int) -> bool:
        """Return whether it is the larger number."""
        return self.value > int(other)

    def __ge__(self, other: Symbol | int) -> bool:
        """Return whether it is no smaller number."""
        return self.value >= int(other)

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        """Return whether the number is not 0."""
        return self.value != 0

    def __index__(self) -> int:
        """Return the number."""
        return self.value

    __int__ = __index__

    @property
    def factor(self) -> str:
        """The words as they stand inside a product."""
        return f"({self.words})" if self.is_sum else self.words


def symbol(value: Symbol | int) -> Symbol:
    """Return a plain number as a symbol whose words are its digits."""
    return value if isinstance(value, Symbol) else Symbol(int(value), str(int(value)))

"""A whole number together with the spreadsheet formula that gives it.

Wiring a network, summing its tensors and asking its rules are written for any kind of number, so the same code that
counts also writes the formulas of a sheet: it is run on these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["name", "product", "sum", "comparison"]


@dataclass(frozen=True, eq=False)
class Live:
    """A number with the formula that gives it; comparisons are 0 or 1, as a spreadsheet counts FALSE and TRUE."""

    value: int
    text: str
    """The formula without its equals sign."""
    form: Form = "name"
    """What the formula is at its outermost, which decides where it needs brackets."""
    holds_truth: bool = False
    """Whether it names a cell that holds TRUE or FALSE. Excel counts with these but says that FALSE is not 0."""

    def _with(self, value: int, text: str, form: Form = "name") -> Live:
        """Return a number of the same kind."""
        return Live(value, text, form)

    def _of_kind(self, other: Live) -> Live:
        """Return another number as one of the same kind."""
        return other

    def __add__(self, other: Live | int) -> Live:
        """Return the sum; adding nothing adds no words."""
        other = live(other)
        if other.text == "0":
            return self
        if self.text == "0":
            return self._of_kind(other)
        return self._with(self.value + other.value, f"{self._in_sum}+{other._in_sum}", "sum")

    def __radd__(self, other: int) -> Live:
        """Return the sum with a plain number."""
        return self._of_kind(live(other)) + self

    def __sub__(self, other: Live | int) -> Live:
        """Return the difference."""
        other = live(other)
        return self._with(self.value - other.value, f"{self._in_sum}-{other._in_product}", "sum")

    def __rsub__(self, other: int) -> Live:
        """Return the difference to a plain number."""
        return self._of_kind(live(other)) - self

    def __mul__(self, other: Live | int) -> Live:
        """Return the product; a factor of 1 adds no words."""
        other = live(other)
        if "0" in {self.text, other.text}:
            return self._with(0, "0")
        if other.text == "1":
            return self
        if self.text == "1":
            return self._of_kind(other)
        first, second = (other, self) if other.text.isdigit() and not self.text.isdigit() else (self, other)
        return self._with(self.value * other.value, f"{first._in_product}*{second._in_product}", "product")

    __rmul__ = __mul__

    def __eq__(self, other: Live | int) -> Live:  # type: ignore[override]
        """Return whether the two are equal, to be worked out in the sheet."""
        return self._compare("=", other, self.value == live(other).value)

    def __ne__(self, other: Live | int) -> Live:  # type: ignore[override]
        """Return whether the two differ, to be worked out in the sheet."""
        return self._compare("<>", other, self.value != live(other).value)

    def __gt__(self, other: Live | int) -> Live:
        """Return whether this is more, to be worked out in the sheet."""
        return self._compare(">", other, self.value > live(other).value)

    def __ge__(self, other: Live | int) -> Live:
        """Return whether this is at least as much, to be worked out in the sheet."""
        return self._compare(">=", other, self.value >= live(other).value)

    def __and__(self, other: Live | bool) -> Live | bool:
        """Return whether both hold; each is a comparison."""
        if isinstance(other, bool):
            return self if other else False
        return self._with(self.value & other.value, f"AND({self.text},{other.text})")

    __rand__ = __and__

    def __or__(self, other: Live | bool) -> Live | bool:
        """Return whether one holds; each is a comparison."""
        if isinstance(other, bool):
            return True if other else self
        return self._with(self.value | other.value, f"OR({self.text},{other.text})")

    __ror__ = __or__

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        """Refuse: what branches on a value would freeze into the sheet what must stay live."""
        raise TypeError(f"{self.text} is to be decided in the sheet")

    def _compare(self, sign: str, other: Live | int, truth: bool) -> Live:
        return self._with(int(truth), f"{self._compared}{sign}{live(other)._compared}", "comparison")

    @property
    def _in_sum(self) -> str:
        return f"({self.text})" if self.form == "comparison" else self.text

    @property
    def _in_product(self) -> str:
        return f"({self.text})" if self.form in {"sum", "comparison"} else self.text

    @property
    def _compared(self) -> str:
        return f"{self.text}*1" if self.holds_truth else self._in_sum


def live(number: Live | int) -> Live:
    """Return a number as one of these; a plain one is its digits."""
    return number if isinstance(number, Live) else Live(int(number), str(int(number)))

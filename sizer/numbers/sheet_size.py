"""A size of a model of blocks in a sheet: a number with its formula, and the conditions under which the model stays wired so.

A model is wired on these as on its own numbers. What is decided by one (whether a width divides, whether two widths are
the same) is noted as a formula that refuses whatever would decide it otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sizer.numbers.sheet_formula import Form, Live, live


class Decisions:
    """What was decided by sizes, each as a formula that is TRUE where it would be decided otherwise."""

    def __init__(self) -> None:
        """Begin with nothing decided."""
        self.otherwise: dict[str, str] = {}
        """Formula -> what is wrong where it holds."""

    def note(self, otherwise: str, reason: str) -> None:
        """Note a decision, once."""
        self.otherwise.setdefault(otherwise, reason)


@dataclass(frozen=True, eq=False)
class SheetSize(Live):
    """A number with its formula, of which decisions are noted."""

    decisions: Decisions = field(default_factory=Decisions)

    def _with(self, value: int, text: str, form: Form = "name") -> SheetSize:
        return SheetSize(value, text, form, decisions=self.decisions)

    def _of_kind(self, other: Live) -> SheetSize:
        return SheetSize(other.value, other.text, other.form, other.holds_truth, self.decisions)

    def divided(self, by: Live | int) -> SheetSize:
        """Return a quotient; that it is whole is noted.

        Raises:
            ValueError: it is not.
        """
        by = live(by)
        quotient, rest = divmod(self.value, by.value)
        if rest:
            raise ValueError(f"{self.value} is not {by.value} equal parts")
        if by.text == "1":
            return self
        if by.text == self.text:
            return self._with(1, "1")
        reason = f"{self.text} must be so many equal parts: {by.text}"
        self.decisions.note(f"MOD({self.text},{by.text})<>0", reason)
        bottom = by.text if by.form == "name" else f"({by.text})"
        return self._with(quotient, f"{self._in_product}/{bottom}", "product")

    def __rdivmod__(self, other: int) -> tuple[SheetSize, int]:
        """Return quotient and rest of a plain number; a rest is a decision."""
        quotient, rest = divmod(other, self.value)
        if rest:
            return self._with(quotient, str(quotient)), rest
        return self._of_kind(live(other)).divided(self), 0

    def __lt__(self, other: Live | int) -> Live:
        """Return whether this is less, to be worked out in the sheet."""
        return self._compare("<", other, self.value < live(other).value)

    def __le__(self, other: Live | int) -> Live:
        """Return whether this is at most as much, to be worked out in the sheet."""
        return self._compare("<=", other, self.value <= live(other).value)

    def __bool__(self) -> bool:
        """Return whether it is not 0, and note it."""
        if not self.text.isdigit():
            holds = self.text if self.form == "comparison" else f"({self.text})*1<>0"
            otherwise = f"NOT({holds})" if self.value else holds
            self.decisions.note(otherwise, f"the model is wired for {holds if self.value else f'NOT({holds})'}")
        return bool(self.value)

    def __index__(self) -> int:
        """Return the number, which is thereby decided."""
        if not self.text.isdigit():
            self.decisions.note(f"{self._in_sum}<>{self.value}", f"the model is wired for {self.text} = {self.value}")
        return self.value

    __int__ = __index__
    __hash__ = None

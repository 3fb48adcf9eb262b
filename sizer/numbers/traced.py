"""A whole number together with the polynomial that it came from, and a trace of everything that was decided by it.

What is wired with these is wired as one network is, on its own numbers, but every comparison that could have come out
differently is noted. Of another network for which all of them come out alike, the polynomials give the counts: nobody has
to wire it.
"""

from __future__ import annotations

from collections.abc import Callable

from sizer.numbers.polynomial import Polynomial, polynomial


class Trace:
    """What was decided, as Python text of whole numbers, `+ * // %`, comparisons and names."""

    def __init__(self) -> None:
        """Begin with nothing decided."""
        self.decided: dict[str, None] = {}

    def variable(self, name: str, value: int) -> Traced:
        """Return a number above 0 that varies.

        Args:
            name: of it; a name of Python's.
            value: where one looks.
        """
        return Traced(value, Polynomial({(name,): 1}), self)

    @property
    def text(self) -> str:
        """The condition that everything is decided alike."""
        return " and ".join(self.decided) or "True"


class Traced:
    """A whole number that depends on variables above 0."""

    __slots__ = ("polynomial", "trace", "value")

    def __init__(self, value: int, form: Polynomial, trace: Trace) -> None:
        """Hold the number where one looks, what it is of the variables, and who notes what is decided by it."""
        self.value = value
        self.polynomial = form
        self.trace = trace

    @property
    def text(self) -> str:
        """What it is of the variables, as Python text."""
        return self.polynomial.nested()

    def _with(self, value: int, form: Polynomial) -> Traced:
        return Traced(value, form, self.trace)

    def __add__(self, other: Traced | int) -> Traced:
        """Return the sum."""
        return self._with(self.value + _value(other), self.polynomial + _form(other))

    __radd__ = __add__

    def __sub__(self, other: Traced | int) -> Traced:
        """Return the difference."""
        return self._with(self.value - _value(other), self.polynomial - _form(other))

    def __rsub__(self, other: int) -> Traced:
        """Return the difference to a plain number."""
        return self._with(other - self.value, _form(other) - self.polynomial)

    def __mul__(self, other: Traced | int) -> Traced:
        """Return the product."""
        return self._with(self.value * _value(other), self.polynomial * _form(other))

    __rmul__ = __mul__

    def divided(self, by: Traced | int) -> Traced:
        """Return a quotient; that it is whole is noted.

        Raises:
            ValueError: it is not.
        """
        quotient, rest = divmod(self, by)
        if rest:
            raise ValueError(f"{self.value} cannot be divided into {_value(by)} equal parts")
        return quotient

    def __divmod__(self, other: Traced | int) -> tuple[Traced, int]:
        """Return quotient and rest; the rest is decided."""
        return _divided(self, other, self.trace)

    def __rdivmod__(self, other: int) -> tuple[Traced, int]:
        """Return quotient and rest of a plain number."""
        return _divided(other, self, self.trace)

    def _decided(self, other: object, sign: str) -> bool:
        """Return a comparison's answer, and note it where it could be another one."""
        if not isinstance(other, (int, Traced)):
            return sign == "!="
        difference = self.polynomial - _form(other)
        answer = _ANSWERS[sign](self.value - _value(other))
        if not _settled(difference):
            text = f"({difference.nested()} {sign} 0)"
            self.trace.decided[text if answer else f"(not {text})"] = None
        return answer

    def __eq__(self, other: object) -> bool:
        """Return whether the numbers are equal."""
        return self._decided(other, "==")

    def __ne__(self, other: object) -> bool:
        """Return whether the numbers differ."""
        return self._decided(other, "!=")

    def __lt__(self, other: Traced | int) -> bool:
        """Return whether it is below another number."""
        return self._decided(other, "<")

    def __le__(self, other: Traced | int) -> bool:
        """Return whether it is not above another number."""
        return self._decided(other, "<=")

    def __gt__(self, other: Traced | int) -> bool:
        """Return whether it is above another number."""
        return self._decided(other, ">")

    def __ge__(self, other: Traced | int) -> bool:
        """Return whether it is not below another number."""
        return self._decided(other, ">=")

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        """Return whether it is not 0."""
        return self != 0

    def __index__(self) -> int:
        """Return the number, which is thereby decided."""
        self._decided(self.value, "==")
        return self.value

    __int__ = __index__


def _divided(number: Traced | int, by: Traced | int, trace: Trace) -> tuple[Traced, int]:
    quotient, rest = divmod(_value(number), _value(by))
    top, bottom = _form(number), _form(by)
    if isinstance(by, int) and not any(factor % by for factor in top.terms.values()):
        whole = {monomial: factor // by for monomial, factor in top.terms.items()}
        return Traced(quotient, Polynomial(whole), trace), 0
    first, second = top.nested(), bottom.nested()
    trace.decided[f"(({first}) % ({second}) == {rest})"] = None
    # Of numbers above 0 that divide, so it is above 0 itself.
    return Traced(quotient, Polynomial({(f"(({first}) // ({second}))",): 1}), trace), rest


_ANSWERS: dict[str, Callable[[int], bool]] = {
    "==": lambda difference: difference == 0,
    "!=": lambda difference: difference != 0,
    "<": lambda difference: difference < 0,
    "<=": lambda difference: difference <= 0,
    ">": lambda difference: difference > 0,
    ">=": lambda difference: difference >= 0,
}


def _settled(difference: Polynomial) -> bool:
    """Return whether a comparison with 0 has one answer whatever the variables are."""
    terms = difference.terms
    if set(terms) <= {()}:
        return True
    constant = terms.get((), 0)
    others = [factor for monomial, factor in terms.items() if monomial]
    # Each other term is at least its factor, as variables are 1 or more.
    return (min(others) > 0 and constant + sum(others) > 0) or (max(others) < 0 and constant + sum(others) < 0)


def _value(number: Traced | int) -> int:
    return number.value if isinstance(number, Traced) else int(number)


def _form(number: Traced | int) -> Polynomial:
    return number.polynomial if isinstance(number, Traced) else polynomial(int(number))
